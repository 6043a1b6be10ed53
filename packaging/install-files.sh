#!/bin/sh
# Installs the files of packaging/files.txt below a folder.
#
#     packaging/install-files.sh [FOLDER [linux|solaris]]
#
# Without a folder, into the running system; without a system, the files for the running one. Modes are set, owners are
# whoever runs it: packages have their own way to say whom a file belongs to.
set -eu

root=${1-}
case ${2-$(uname)} in
    SunOS | solaris) system=solaris ;;
    *) system=linux ;;
esac
cd "$(dirname "$0")/.."

fail() {
    echo "$*" >&2
    exit 1
}

list=$(packaging/list-files.sh "$system")
echo "$list" | while read -r mode file place; do
    [ -f "$file" ] || fail "nothing to install: $file (build first: make build)"
    target=$root$place
    case $place in
        /etc/*) [ ! -e "$target" ] || { echo "kept      $target"; continue; } ;;
    esac
    # Not install(1): that of Solaris is another program.
    { mkdir -p "$(dirname "$target")" && rm -f "$target" && cp "$file" "$target" && chmod "$mode" "$target"; } ||
        fail "cannot write $target"
    echo "installed $target"
done

# Scripts written for the original look for /sbin/bng; where /sbin is /usr/sbin they find it.
if [ "$system" = linux ] && [ ! -L /sbin ]; then
    mkdir -p "$root/sbin"
    ln -sf ../usr/sbin/bng "$root/sbin/bng"
    echo "linked    $root/sbin/bng"
fi
