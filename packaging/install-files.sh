#!/bin/sh
# Installs the files of packaging/files.txt below a folder.
#
#     packaging/install-files.sh [FOLDER]
#
# Without a folder, into the running system. Every pattern must match something: a file that went missing is an
# error, not a smaller installation.
set -eu

root=${1-}
cd "$(dirname "$0")/.."

fail() {
    echo "$*" >&2
    exit 1
}

grep -v '^#' packaging/files.txt | while read -r mode pattern place; do
    for file in $pattern; do
        [ -f "$file" ] || fail "nothing to install: $pattern (build first: make build)"
        case $place in
            */) target=$root$place$(basename "$file") ;;
            *) target=$root$place ;;
        esac
        case $place in
            /etc/*) [ ! -e "$target" ] || { echo "kept      $target"; continue; } ;;
        esac
        install -D -m "$mode" "$file" "$target" || fail "cannot write $target"
        echo "installed $target"
    done
done

# Scripts written for the original look for /sbin/bng; where /sbin is /usr/sbin they find it.
if [ ! -L /sbin ]; then
    mkdir -p "$root/sbin"
    ln -sf ../usr/sbin/bng "$root/sbin/bng"
    echo "linked    $root/sbin/bng"
fi
