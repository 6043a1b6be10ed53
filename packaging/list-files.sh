#!/bin/sh
# Prints the files of packaging/files.txt for one system, a line each: mode, file in the source tree, place.
#
#     packaging/list-files.sh linux|solaris [bng|bngagent]
#
# With a package, only the files of that. Patterns are expanded, and every pattern must match something: a file that
# went missing is an error, not a smaller package. That the programs are built is the business of whoever copies them.
set -eu

system=$1
package=${2-}
case $system in
    linux | solaris) ;;
    *) echo "no such system: $system" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."

while read -r mode pattern place only; do
    case $mode in '#'* | '') continue ;; esac
    case $only in '' | "$system") ;; *) continue ;; esac
    for file in $pattern; do
        case $file in
            target/*) ;;
            *) [ -f "$file" ] || { echo "nothing matches $pattern" >&2; exit 1; } ;;
        esac
        case $place in
            */) target=$place$(basename "$file") ;;
            *) target=$place ;;
        esac
        case $target in
            *bngagent*) of=bngagent ;;
            *) of=bng ;;
        esac
        case $package in '' | "$of") echo "$mode $file $target" ;; esac
    done
done < packaging/files.txt
