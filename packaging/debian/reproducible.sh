#!/bin/sh
# Builds the packages as `make deb` does, and once more in another folder and from nothing, and compares them byte by
# byte. The second time is about as long as `make deb` on a fresh machine.
set -eu
cd "$(dirname "$0")/../.."

# What is in target/deb/ may be of another commit.
packaging/debian/build.sh
other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT
trap 'exit 130' INT TERM
# Another depth and another name, in case that either gets into the result.
packaging/debian/build.sh "$other/quite/another-place/tree"

status=0
for deb in target/deb/*.deb; do
    if cmp "$deb" "$other/quite/another-place/$(basename "$deb")"; then
        echo "the same twice: $(sha256sum "$deb" | cut -c -64) $(basename "$deb")"
    else
        echo "NOT the same: $deb" >&2
        status=1
    fi
done
exit "$status"
