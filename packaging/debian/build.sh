#!/bin/sh
# Builds the Debian packages of the sources as they are, into target/deb/, and lets lintian look at them.
#
#     packaging/debian/build.sh [FOLDER]
#
# The build runs in a copy of the files that git knows, target/deb/build/ or FOLDER, so nothing of the source tree is
# changed and nothing else gets into the packages. All times in them are that of the last commit, and no path of this
# machine is, so that the same commit, built with the same compiler, gives the same bytes; packaging/debian/reproducible.sh
# compares them.
set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C

tree=${1:-$PWD/target/deb/build/bng}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# Debian's compiler if it is there, because then the packages say by which one they were made; else the one in the path.
profiles=
if dpkg-query -W -f '${db:Status-Abbrev}' cargo-web 2> /dev/null | grep -q '^ii' &&
    dpkg --compare-versions "$(dpkg-query -W -f '${Version}' cargo-web)" ge 1.88; then
    CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc
    export RUSTC
else
    CARGO=$(command -v cargo)
    profiles=pkg.bng.rustup
fi
CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}
export CARGO CARGO_HOME
"$CARGO" fetch --locked --quiet

# The copy; what was compiled in it the last time stays.
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
git ls-files -z | tar --null -T - -c | tar -x -C "$tree"
cp -r packaging/debian "$tree/debian"
packaging/systemd/units.sh "$tree/debian"
cp packaging/systemd/*.sysusers packaging/systemd/*.tmpfiles "$tree/debian/"
if [ -e agent/Cargo.toml ]; then
    cp packaging/systemd/bngagent.service packaging/systemd/bngagent.default "$tree/debian/"
else
    profiles=${profiles:+$profiles,}pkg.bng.noagent
    rm "$tree/debian/bngagent.sysusers"
fi

(cd "$tree" && dpkg-buildpackage --build=binary --no-sign --build-profiles="$profiles")

# Beside the copy is where dpkg-buildpackage puts them.
lintian --fail-on error,warning --display-info --tag-display-limit 0 "$tree"/../bng_*.changes
if [ $# -eq 0 ]; then
    rm -f target/deb/*.deb
    mv "$tree"/../bng*.deb target/deb/
    ls -l target/deb/*.deb
fi
