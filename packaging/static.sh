#!/bin/sh
# Builds bng without shared libraries: target/static/bng.
#
#     LIBPCAP_LIBDIR=FOLDER packaging/static.sh
#
# FOLDER has a libpcap.a that needs nothing beyond the C library, which that of Debian does; packaging/README.md, Size,
# has the commands that make one, and why bngagent is not built so.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "$*" >&2
    exit 1
}
folder=${LIBPCAP_LIBDIR-}
[ -n "$folder" ] || fail "LIBPCAP_LIBDIR must name the folder of a static libpcap (packaging/README.md, Size)"
LIBPCAP_LIBDIR=$(cd "$folder" && pwd) || fail "no folder: $folder"
export LIBPCAP_LIBDIR
[ -f "$LIBPCAP_LIBDIR/libpcap.a" ] || fail "no libpcap.a in $LIBPCAP_LIBDIR"
# The linker would prefer it, and then not know what to do with it.
[ ! -e "$LIBPCAP_LIBDIR/libpcap.so" ] || fail "copy libpcap.a to a folder of its own: there is a libpcap.so, too"

# With a target, only the program is static: macros of the compiler cannot be.
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=target/static/build
export RUSTFLAGS="-Ctarget-feature=+crt-static ${RUSTFLAGS-}"
"${CARGO:-cargo}" build --release --target "$host" --bin bng

file=target/static/bng
strip -o "$file" "$CARGO_TARGET_DIR/$host/release/bng"
if readelf -d "$file" | grep NEEDED; then
    fail "$file needs shared libraries after all"
fi
"$file" -V
echo "$file: $(stat -c %s "$file") bytes"
