#!/bin/sh
# Tries bng on Solaris or illumos, and writes bng-solaris-report.txt; see README beside this file. Run it as root.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/bin:/usr/sbin:/sbin:$HOME/.cargo/bin:/opt/ooce/bin
export PATH

report=$PWD/bng-solaris-report.txt
work=/tmp/bng-solaris.$$
bng=$PWD/target/release/bng
stub=bngtest_s0 near=bngtest0 far=bngtest1
BNG_RUNDIR=$work/run
export BNG_RUNDIR
passed=0 failed=0

case $(uname -s) in
    SunOS) ;;
    *) echo "this is for Solaris and illumos; elsewhere there is 'make test'" >&2 && exit 2 ;;
esac
case $(id) in
    'uid=0('*) ;;
    *) echo "run it as root: it makes virtual network cards" >&2 && exit 2 ;;
esac
mkdir -p "$work/run" || exit 1
: > "$report"

note() { echo "$@" | tee -a "$report"; }
# show TITLE COMMAND...: what it prints goes to the report.
show() {
    { echo "--- $1"; shift; "$@" 2>&1; } >> "$report"
}
# check TITLE COMMAND...: status 0 is ok.
check() {
    title=$1
    shift
    if "$@" > "$work/out" 2>&1; then
        passed=$((passed + 1))
        note "ok      $title"
    else
        failed=$((failed + 1))
        note "FAILED  $title"
        sed 's/^/        /' "$work/out" | tail -40 | tee -a "$report"
    fi
}

remove() {
    for number in 0 1 2; do
        "$bng" -i $number stop > /dev/null 2>&1
    done
    ipadm delete-if $far > /dev/null 2>&1
    ipadm delete-if bngtap0 > /dev/null 2>&1
    for link in $near $far bngtap0 bngtap_b0; do dladm delete-vnic -t "$link" > /dev/null 2>&1; done
    for link in $stub bngtap_s0; do dladm delete-etherstub -t "$link" > /dev/null 2>&1; done
}
finish() {
    remove
    rm -rf "$work"
    note
    note "$passed checks passed, $failed failed"
    echo "please send $report"
    [ $failed -eq 0 ]
}
trap 'finish; exit' INT TERM

# start ACCESS THREADS: bng on $near answers for 198.18.0.2
start() {
    cat > "$work/bng.conf" <<CONF
interface 1 {
    name $near
    access $1
    threads $2
}
register interface 1
enable interface 1
network 1 {
    addr 198.18.0.0
    mask 255.255.255.0
    real 198.18.0.2
    interface 1
}
register network 1
enable network 1
CONF
    "$bng" -i 1 -c "$work/bng.conf" start
}
stop() { "$bng" -i 1 stop; }
# answers ADDRESS BYTES: three echoes with that much payload come back
answers() {
    ping -s "$1" "$2" 3 > "$work/ping" 2>&1
    cat "$work/ping"
    grep '3 packets received' "$work/ping" > /dev/null
}
# eventually SECONDS COMMAND...
eventually() {
    left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        sleep 1
    done
}
says() {
    text=$1
    shift
    "$@" 2>&1 | tee "$work/said"
    grep -- "$text" "$work/said"
}
gone() { ! dladm show-link "$1" > /dev/null 2>&1; }
links() { dladm create-vnic -t -l $stub $near; }
# The daemon of instance 1 has net_rawaccess in its permitted set, and not in effect.
lowered() {
    pid=$(cat "$BNG_RUNDIR/1.pid") || return 1
    ppriv "$pid"
    ppriv "$pid" | grep 'P:.*net_rawaccess' > /dev/null && ! ppriv "$pid" | grep 'E:.*net_rawaccess' > /dev/null
}

note "bng on $(uname -srvmp), $(date)"
show "release" cat /etc/release
show "processors" psrinfo
show "zone" zonename
show "links" dladm show-link
show "toolchain" sh -c 'rustc -vV; cargo -V; gcc --version'
show "packages" sh -c 'pkg list 2>/dev/null | egrep -i "pcap|bpf|rust|gcc"'
show "devices" sh -c 'ls -l /dev/bpf* /dev/net 2>&1'

check "the program is built" cargo build --release
[ -x "$bng" ] || { finish; exit; }
show "libraries" ldd "$bng"
check "it says its version" "$bng" -V
check "unit tests of the doors" cargo test -p bng-platform --lib
check "unit tests of the balancer" cargo test -p bng --lib
check "packet corpus" cargo test -p bng --test corpus

remove
check "etherstub" dladm create-etherstub -t $stub
check "card for bng" links
check "card for this host" dladm create-vnic -t -l $stub $far
check "interface" ipadm create-ip -t $far
check "address" ipadm create-addr -t -T static -a 198.18.0.1/24 $far/v4
show "cards" dladm show-vnic

for access in raw pcap dlpi; do
    for threads in 1 4; do
        check "access $access, $threads thread(s): start" start $access $threads
        check "access $access, $threads thread(s): short packets" eventually 5 answers 198.18.0.2 56
        check "access $access, $threads thread(s): full-sized packets" answers 198.18.0.2 1472
        show "access $access: tables" sh -c "'$bng' -i 1 show interfaces; '$bng' -i 1 show drops; '$bng' -i 1 show log"
        check "access $access, $threads thread(s): stop" stop
        arp -d 198.18.0.2 > /dev/null 2>&1
    done
done

check "an interface that disappears: start" start raw 1
dladm delete-vnic -t $near >> "$report" 2>&1
if gone $near; then
    check "an interface that disappears is told" eventually 10 says 'lost:' "$bng" -i 1 show log
    links
    check "an interface that comes back is opened again" eventually 15 answers 198.18.0.2 56
else
    note "        a card that is open cannot be removed here: nothing to check"
fi
stop > /dev/null 2>&1

cat > "$work/missing.conf" <<CONF
interface 1 {
    name bngnone0
}
register interface 1
enable interface 1
CONF
check "a missing interface is told" says 'does not exist; there are:' "$bng" -i 2 -c "$work/missing.conf" start

cat > "$work/tap.conf" <<CONF
interface 1 {
    name bngtap0
    access tap
    init "ipadm create-ip -t bngtap0 && ipadm create-addr -t -T static -a 198.19.0.1/24 bngtap0/v4"
}
register interface 1
enable interface 1
network 1 {
    addr 198.19.0.0
    mask 255.255.255.0
    real 198.19.0.2
    interface 1
}
register network 1
enable network 1
CONF
check "access tap: start" "$bng" -i 0 -c "$work/tap.conf" start
show "cards of access tap" dladm show-vnic
check "access tap: short packets" eventually 5 answers 198.19.0.2 56
check "access tap: full-sized packets" answers 198.19.0.2 1472
kill -9 "$(cat "$BNG_RUNDIR/0.pid")"
sleep 1
check "access tap: what a killed bng has left is made anew" "$bng" -i 0 -c "$work/tap.conf" start
check "access tap: and answers" eventually 5 answers 198.19.0.2 56
check "access tap: stop" "$bng" -i 0 stop
check "access tap: the cards are removed" eventually 5 gone bngtap0
sed "s/bngtap0/$far/g" "$work/tap.conf" > "$work/used.conf"
check "access tap: a name in use is told" says 'already exists' "$bng" -i 0 -c "$work/used.conf" start

# as_nobody PRIVILEGES COMMAND...: as another user, who has these privileges. After setuid(2) and exec(2) a process has
# the inheritable ones.
as_nobody() {
    privileges=$1
    shift
    ppriv -e -s "I=$privileges" perl -e '($(, $)) = (60001, "60001 60001"); ($<, $>) = (60001, 60001); exec @ARGV' "$@"
}
chmod 755 "$work" && chmod 777 "$BNG_RUNDIR"
cp "$bng" "$work/bng" && chmod 755 "$work/bng" && chmod 644 "$work/bng.conf"
rm -f "$BNG_RUNDIR"/*
check "without net_rawaccess that is told" \
    says net_rawaccess as_nobody basic "$work/bng" -i 1 -c "$work/bng.conf" start
for access in raw dlpi; do
    sed "s/access .*/access $access/" "$work/bng.conf" > "$work/user.conf"
    check "access $access: net_rawaccess is enough" \
        as_nobody basic,net_rawaccess "$work/bng" -i 1 -c "$work/user.conf" start
    check "access $access: and answers" eventually 5 answers 198.18.0.2 56
    check "access $access: which is in effect only while something is opened" lowered
    check "access $access: stop" stop
done

finish
