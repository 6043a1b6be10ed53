#!/usr/bin/env bash
# Stands in for the linker of Solaris and illumos: nothing is linked, but what the linker would look for in the
# system's libraries has to be in symbols.txt, in a library that is linked.
#
# `make check-solaris` gives it to rustc, which calls it with the objects of the program, those of its libraries (of
# which, as ever, only those count that something needs) and `-l` for libraries of the system.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

objects=() libraries=() output=
while (($#)); do
    case $1 in
        -o) output=$2 && shift ;;
        -l?*) libraries+=("lib${1#-l}") ;;
        *.o | *.rlib | *.a) objects+=("$1") ;;
    esac
    shift
done
# .../target/solaris/x86_64-pc-solaris/debug/deps/bng-0123456789abcdef
case $output in
    */x86_64-pc-solaris/* | */sparcv9-sun-solaris/*) system=solaris ;;
    */x86_64-unknown-illumos/*) system=illumos ;;
    *) echo "$0: $output is for neither Solaris nor illumos" >&2 && exit 2 ;;
esac

# Members of a Rust library that are not objects make nm complain.
trap 'rm -f "$output".{symbols,nm,missing}' EXIT
nm -A -P "${objects[@]}" > "$output.symbols" 2> "$output.nm" || true
if grep -v -e 'file format not recognized' -e 'no symbols' "$output.nm" >&2; then
    exit 2
fi

# libc is linked by the compiler that would be the linker.
if ! awk -v os="$system" -v linked="libc ld ${libraries[*]}" '
    FILENAME == ARGV[1] {
        sub(/#.*/, "")
        if (NF == 3) library[$1] = $2
        if (NF == 3 && ($3 == "both" || $3 == os)) known[$1] = 1
        next
    }
    # lib.rlib[member.o]: name type value size
    {
        unit = $1
        sub(/:$/, "", unit)
        if (!(unit in seen)) {
            seen[unit] = 1
            if (unit !~ /\]$/) queue[++last] = unit
        }
        if ($3 == "U") needs[unit] = needs[unit] " " $2
        else if ($3 ~ /^[A-Z]$/ && !($2 in home)) home[$2] = unit
    }
    END {
        for (first = 1; first <= last; first++) {
            taken[queue[first]] = 1
            count = split(needs[queue[first]], names, " ")
            for (n = 1; n <= count; n++) {
                name = names[n]
                if (!(name in home)) wanted[name] = queue[first]
                else if (!(home[name] in taken)) { taken[home[name]] = 1; queue[++last] = home[name] }
            }
        }
        count = split(linked, names, " ")
        for (n = 1; n <= count; n++) is_linked[names[n]] = 1
        for (name in wanted) {
            total++
            if (!(name in known)) { print "not in symbols.txt for " os ": " name " (" wanted[name] ")"; bad++ }
            else if (!(library[name] in is_linked)) { print name " is in " library[name] ", which is not linked"; bad++ }
        }
        if (total < 100) { print "only " total + 0 " symbols: the objects were not read"; bad++ }
        exit bad > 0
    }' "$here/symbols.txt" "$output.symbols" > "$output.missing"; then
    sort "$output.missing" >&2
    exit 1
fi
: > "$output"
