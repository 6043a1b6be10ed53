#!/bin/sh
# Builds the IPS package on Solaris 11.4 or illumos: target/ips/bng.p5p, an archive for `pkg install -g`.
#
#     packaging/ips/build.sh [PUBLISHER]
#
# Needs the built program (make build) and the commands of package/pkg. Nothing outside target/ips is written. On another
# system it goes as far as it can be gone there, the complete manifest without dependencies, and says so.
set -eu

publisher=${1:-bng}
cd "$(dirname "$0")/../.."
work=target/ips
rm -rf "$work"
mkdir -p "$work"

VERSION=$(awk -F '"' '/^version = / { print $2; exit }' Cargo.toml)
BUILD=${BUILD:-1}
case $(uname -p) in
    sparc*) ARCH=sparc ;;
    *) ARCH=i386 ;;
esac

packaging/install-files.sh "$work/proto" solaris > "$work/installed"
{ cat packaging/ips/bng.p5m; packaging/ips/actions.sh; } |
    sed -e "s/\$(VERSION)/$VERSION/g" -e "s/\$(BUILD)/$BUILD/g" -e "s/\$(ARCH)/$ARCH/g" > "$work/bng.p5m.1"
echo "made      $work/bng.p5m.1"

if ! command -v pkgsend > /dev/null 2>&1; then
    echo "no pkgsend here: the package itself can be built on Solaris and illumos only" >&2
    exit 0
fi
# The program is a sixth of its size without what only a debugger reads.
strip "$work/proto/usr/sbin/bng"
pkgmogrify -O "$work/bng.p5m.2" "$work/bng.p5m.1"
pkgdepend generate -md "$work/proto" "$work/bng.p5m.2" > "$work/bng.p5m.3"
pkgdepend resolve -m "$work/bng.p5m.3"
pkglint "$work/bng.p5m.3.res"
pkgrepo create "$work/repo"
pkgrepo set -s "$work/repo" "publisher/prefix=$publisher"
pkgsend publish -s "$work/repo" -d "$work/proto" "$work/bng.p5m.3.res"
pkgrecv -s "$work/repo" -a -d "$work/bng.p5p" bng
echo "built     $work/bng.p5p; install it with: pkg install -g $work/bng.p5p bng"
