#!/bin/sh
# Installs the Debian packages of packaging/dependencies.txt that the given purposes need and that are missing.
#
#     packaging/install-dependencies.sh PURPOSE...
#
# Without root it installs nothing and says what is missing, and succeeds: what needs a missing package says so
# again when its turn comes.
set -eu

list=$(dirname "$0")/dependencies.txt
missing=
for purpose in "$@"; do
    for package in $(awk -v purpose="$purpose" '!/^#/ { for (i = 2; i <= NF; i++) if ($i == purpose) print $1 }' "$list"); do
        case " $missing " in *" $package "*) continue ;; esac
        status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
        case $status in ii*) ;; *) missing="$missing $package" ;; esac
    done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "not root, so these Debian packages stay missing:$missing" >&2
    exit 0
fi
echo "installing Debian packages:$missing"

# Installing a server must not start it: the tests start their own, in namespaces of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
apt_get() {
    if ! apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" > "$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        echo "apt-get $1 failed, its output stands above" >&2
        exit 1
    fi
}
apt_get update
# shellcheck disable=SC2086 # a list of words
apt_get install --no-install-recommends $missing
rm -f "$log"
