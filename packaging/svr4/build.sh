#!/bin/sh
# Builds the SVR4 package on Solaris or illumos: target/svr4/bng.pkg, a stream for `pkgadd -d`.
#
# Needs the built program (make build), pkgmk and pkgtrans. Nothing outside target/svr4 is written. On another system it
# goes as far as it can be gone there, the staged tree with its prototype, and says so.
set -eu

cd "$(dirname "$0")/../.."
work=target/svr4
rm -rf "$work"
mkdir -p "$work/spool"

version=$(awk -F '"' '/^version = / { print $2; exit }' Cargo.toml)
packaging/install-files.sh "$work/proto" solaris > "$work/installed"
packaging/svr4/prototype.sh > "$work/prototype"
for script in preinstall postinstall preremove i.preserve r.preserve; do
    cp "packaging/svr4/$script" "$work/$script"
done
{ cat packaging/svr4/pkginfo; echo "VERSION=$version"; echo "ARCH=$(uname -p)"; } > "$work/pkginfo"
echo "made      $work/prototype"

if ! command -v pkgmk > /dev/null 2>&1; then
    echo "no pkgmk here: the package itself can be built on Solaris and illumos only" >&2
    exit 0
fi
# The programs are a sixth of their size without what only a debugger reads.
strip "$work/proto/usr/sbin/bng" "$work/proto/usr/sbin/bngagent"
pkgmk -o -r "$work/proto" -d "$work/spool" -f "$work/prototype"
pkgtrans -s "$work/spool" "$PWD/$work/bng.pkg" BNGlb
echo "built     $work/bng.pkg; install it with: pkgadd -d $work/bng.pkg BNGlb"
