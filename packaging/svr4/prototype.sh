#!/bin/sh
# Prints the prototype of the SVR4 package, see prototype(5): its scripts, and the files of packaging/files.txt.
set -eu

cd "$(dirname "$0")/../.."
list=$(packaging/list-files.sh solaris)

for script in pkginfo preinstall postinstall preremove i.preserve r.preserve; do
    echo "i $script"
done
# Folders of the system are given with question marks: whoever has them keeps their owner and mode.
echo "$list" | while read -r _ _ place; do
    folder=$(dirname "${place#/}")
    while [ "$folder" != . ]; do
        echo "$folder"
        folder=$(dirname "$folder")
    done
done | sort -u | while read -r folder; do
    case $folder in
        usr/share/doc/bng*) echo "d none $folder 0755 root other" ;;
        *) echo "d none $folder ? ? ?" ;;
    esac
done
echo "$list" | while read -r mode _ place; do
    path=${place#/} class=none group=bin
    case $path in
        etc/*) class=preserve group=sys ;;
        lib/svc/manifest/*) group=sys ;;
        usr/share/doc/*) group=other ;;
    esac
    echo "f $class $path 0$mode root $group"
done
