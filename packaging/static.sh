#!/bin/sh
# Links the program with everything that it needs of the system: target/static/bng.
#
# Debian's libpcap.a refers to D-Bus, whose libdbus-1.a refers to two functions of libsystemd, of which Debian has no
# static library. Only a D-Bus server would call them; bng never does, and a call would end it.
set -eu
cd "$(dirname "$0")/.."

target=$(rustc -vV | sed -n 's/^host: //p')
dbus=$(pkg-config --libs-only-L --static dbus-1 2> /dev/null || true)
export RUSTFLAGS="-Ctarget-feature=+crt-static $dbus \
    -Clink-arg=-Wl,--start-group -Clink-arg=-lpcap -Clink-arg=-ldbus-1 -Clink-arg=-Wl,--end-group \
    -Clink-arg=-Wl,--defsym=sd_listen_fds=abort -Clink-arg=-Wl,--defsym=sd_is_socket=abort"
cargo build --release --locked --target "$target" --target-dir target/static --bin bng
strip -o target/static/bng "target/static/$target/release/bng"
if ldd target/static/bng > /dev/null 2>&1; then
    echo "target/static/bng needs shared libraries:" >&2
    ldd target/static/bng >&2
    exit 1
fi
ls -l target/static/bng
target/static/bng -V
