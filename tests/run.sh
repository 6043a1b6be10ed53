#!/bin/sh
# Runs every test of the workspace, and ends with a counted list of what could not be proved on this machine.
#
# A test that cannot run here (no root, a program missing) says so to its harness, which shows it as ignored, and
# appends one line `name: reason` to the file named by BNG_NOT_PROVED.
set -eu
cd "$(dirname "$0")/.."

BNG_NOT_PROVED=$(mktemp)
export BNG_NOT_PROVED
trap 'rm -f "$BNG_NOT_PROVED"' EXIT
trap 'exit 130' INT TERM

status=0
cargo test --workspace --no-fail-fast || status=$?

if [ -s "$BNG_NOT_PROVED" ]; then
    echo
    echo "not proved on this machine: $(wc -l < "$BNG_NOT_PROVED")"
    sed 's/^/  - /' "$BNG_NOT_PROVED"
    [ "$(id -u)" -eq 0 ] || echo "run \`make test\` as root to prove them too"
else
    echo
    echo "nothing was left out on this machine"
fi
exit "$status"
