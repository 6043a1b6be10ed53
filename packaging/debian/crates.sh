#!/bin/sh
# Prints which crates of the registry the programs contain, with versions and licences, and then their copyright notices and
# licence texts as published, each text once.
set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C

src=$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/)
# Only what stands in the program: neither build scripts nor macros, whose code runs while building.
agent=
[ ! -e agent/Cargo.toml ] || agent='-p bngagent'
# shellcheck disable=SC2086 # a list of words
crates=$("${CARGO:-cargo}" tree --frozen -p bng $agent -e normal,no-proc-macro --prefix none --no-dedupe -f '{p} # {l}' |
    sed -n 's/^\([^ ]*\) v\([^ ]*\) # \(.*\)$/\1 \2 \3/p' | sort -u)

texts=$(mktemp -d)
trap 'rm -rf "$texts"' EXIT

echo "Crates that bng and bngagent contain, with their licences:"
echo
echo "$crates" | while read -r name version licence; do
    printf '  %-32s %s\n' "$name $version" "$licence"
    for folder in $src; do
        for file in "$folder$name-$version"/LICEN[CS]E* "$folder$name-$version"/COPYING* "$folder$name-$version"/COPYRIGHT* \
            "$folder$name-$version"/UNLICENSE; do
            [ -f "$file" ] || continue
            # Debian has it, and whoever reads this does.
            ! grep -q 'Apache License' "$file" || grep -qi 'permission is hereby' "$file" || continue
            sum=$(sha256sum < "$file" | cut -c -16)
            [ -e "$texts/$sum" ] || cp "$file" "$texts/$sum"
            echo "$name $version" >> "$texts/$sum.of"
        done
    done
done
echo
echo "The text of the Apache License is in /usr/share/common-licenses/Apache-2.0."
for text in "$texts"/*.of; do
    printf '\n======== %s\n\n' "$(paste -sd , "$text" | sed 's/,/, /g')"
    cat "${text%.of}"
done
