#!/bin/sh
# Builds the IPS packages bng and bngagent on Solaris 11.4 or illumos: target/ips/bng.p5p, an archive with both for
# `pkg install -g`.
#
#     packaging/ips/build.sh [PUBLISHER]
#
# Needs the built programs (make build) and the commands of package/pkg. Nothing outside target/ips is written. On another
# system it goes as far as it can be gone there, the complete manifests without dependencies, and says so.
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
for package in bng bngagent; do
    { cat "packaging/ips/$package.p5m"; packaging/ips/actions.sh "$package"; } |
        sed -e "s/\$(VERSION)/$VERSION/g" -e "s/\$(BUILD)/$BUILD/g" -e "s/\$(ARCH)/$ARCH/g" > "$work/$package.p5m.1"
    echo "made      $work/$package.p5m.1"
done

if ! command -v pkgsend > /dev/null 2>&1; then
    echo "no pkgsend here: the packages themselves can be built on Solaris and illumos only" >&2
    exit 0
fi
# The programs are a sixth of their size without what only a debugger reads.
strip "$work/proto/usr/sbin/bng" "$work/proto/usr/sbin/bngagent"
pkgrepo create "$work/repo"
pkgrepo set -s "$work/repo" "publisher/prefix=$publisher"
for package in bng bngagent; do
    manifest=$work/$package.p5m
    pkgmogrify -O "$manifest.2" "$manifest.1"
    pkgdepend generate -md "$work/proto" "$manifest.2" > "$manifest.3"
    pkgdepend resolve -m "$manifest.3"
    pkglint "$manifest.3.res"
    pkgsend publish -s "$work/repo" -d "$work/proto" "$manifest.3.res"
done
pkgrecv -s "$work/repo" -a -d "$work/bng.p5p" bng bngagent
echo "built     $work/bng.p5p; install from it with: pkg install -g $work/bng.p5p bng"
