#!/usr/bin/env bash
# The demonstration behind `make demo`: every step says what happens, shows the command and its real output, and is
# checked. Ends with status 0 only when all of it came true.
#
# Everything happens in a sandbox of namespaces (tests/world/sandbox.sh) that the kernel removes when this script
# ends in any way, so it can be interrupted at any point and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${1-} != --inside ]]; then
    if ((EUID != 0)); then
        echo "the demonstration makes network namespaces: run it as root (sudo make demo)" >&2
        exit 1
    fi
    packaging/install-dependencies.sh build demo
    cargo build --release
    exec tests/world/sandbox.sh "$PWD/demo/poc.sh" --inside
fi

BNG=$PWD/target/release/bng
WORK=/run/demo # of the sandbox, in memory
VIP=172.17.2.90
MASTER_MAC=00:00:5e:00:01:4f # of VRRP group 79
CLIENTS=40
REQUESTS=50 # of each client

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

part() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }
say() { printf '\n   %s\n' "$*"; }

mkdir -p "$WORK"

die() {
    printf '\nthe demonstration FAILED: %s\n' "$*" >&2
    exit 1
}

# Shows a command line of a host, runs it there and shows its output, which stays in $output.
run() {
    local host=$1 line=$2 status=0
    printf '%s%s#%s %s\n' "$bold" "$host" "$plain" "$line"
    output=$(quietly "$host" "$line" 2>&1) || status=$?
    [[ -z $output ]] || sed 's/^/   /' <<< "$output"
    ((status == 0)) || die "status $status from: $line"
}

# Runs a command line of a host without a word.
quietly() { ip netns exec "$1" bash -c "$2"; }

# Waits until a command line of a host succeeds: what, seconds, host, command line.
await() {
    local deadline=$((SECONDS + $2))
    until quietly "$3" "$4" > /dev/null 2>&1; do
        ((SECONDS < deadline)) || die "waited $2 s in vain for $1"
        sleep 0.1
    done
}

expect() { # what the output must be, as an extended regular expression
    [[ $output =~ $1 ]] || die "expected to read: $1"
}

# A host with one cable to the switch: its name, then its addresses.
host() {
    local name=$1 address
    shift
    ip netns add "$name"
    ip -n "$name" link set dev lo up
    ip -n "$name" link add eth0 type veth peer name "$name" netns switch
    ip -n switch link set dev "$name" master br0 up
    ip -n "$name" link set dev eth0 up
    for address; do ip -n "$name" addr add "$address" dev eth0; done
}

# The switch that all hosts are plugged into.
switch() {
    ip netns add switch
    ip -n switch link add br0 type bridge stp_state 0 forward_delay 0
    ip -n switch link set dev br0 up
}

# bng's own command line, as an administrator types it; its files are /run/bng/0.*, and /run is the sandbox's own.
bng() { "$BNG" "$@"; }
export BNG
export -f bng

target_is() { echo "echo show targets | bng cmdctl | awk '\$1 == $1 { print \$2 }' | grep -qx $2"; }

part "1. The proof of concept: a virtual server answered by the balancer's own sshd"

say "A client and the balancer on one switch, each a network namespace with one cable:"
switch
host client 172.17.2.92/24
host balancer 172.17.2.50/24
run client "ip -br addr show eth0"
run balancer "ip -br addr show eth0"

say "The balancer has the virtual address on its loopback, and keeps quiet about it:"
run balancer "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > \$f; done"
run balancer "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce"
run balancer "ip addr add $VIP/32 dev lo"

say "A real OpenSSH server on the balancer:"
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$WORK/host_key"
printf '%s\n' "Port 22" "HostKey $WORK/host_key" "PidFile none" "UsePAM no" "UseDNS no" > "$WORK/sshd_config"
run balancer "/usr/sbin/sshd -f $WORK/sshd_config -E $WORK/sshd.log"

say "The original configuration, as it was saved:"
run balancer "cat conf/examples/poc-tap-dsr.conf"

ip netns exec client tcpdump -l -e -n -i eth0 --immediate-mode -Z root "arp or proto 112" \
    > "$WORK/wire" 2> "$WORK/tcpdump" &
await "tcpdump" 5 client "grep -q listening $WORK/tcpdump"

say "bng starts, becomes master of VRRP group 79, and finds its target:"
run balancer "bng -c conf/examples/poc-tap-dsr.conf start"
await "mastership" 10 balancer "echo show vrrp | bng cmdctl | grep -q ': master '"
await "target 1" 15 balancer "$(target_is 1 active)"
run balancer "bng status"
run balancer "ip -br addr show bng0"
run balancer "printf 'show vrrp\nshow targets\n' | bng cmdctl"

say "No session yet. The client connects to the virtual server, and the SSH banner appears:"
run balancer "printf 'show sessions\nquit\n' | bng control"
expect '(^|[[:space:]])0 sessions'
run client "nc -w 1 $VIP 22 < /dev/null | head -n 1"
expect '^SSH-2.0-OpenSSH'
run balancer "printf 'show sessions\nquit\n' | bng control"
expect $'1 session\n.*srv +tgt +age +timeout +ftimeout +SYNC +session-id'
expect $'\n +1 +1 +[0-9]+ +600 +0 .*172\\.17\\.2\\.92:0'

say "On the client's wire, the virtual router and nobody else answered for $VIP:"
run client "grep 'Reply $VIP is-at' $WORK/wire | grep -o 'Reply.*' | sort | uniq -c"
[[ $(grep "Reply $VIP is-at" "$WORK/wire") == *"is-at $MASTER_MAC"* ]] || die "$MASTER_MAC did not answer"
! grep "Reply $VIP is-at" "$WORK/wire" | grep -qv "is-at $MASTER_MAC" || die "somebody else answered"
run client "grep -o '172.17.2.55 > 224.0.0.18.*' $WORK/wire | head -n 2"
expect 'VRRPv2, Advertisement, vrid 79, prio 200'

say "bng stops: it withdraws its mastership (priority 0) and removes its tap device:"
run balancer "bng stop"
await "the farewell" 2 client "grep -q '172.17.2.55 > 224.0.0.18.*prio 0' $WORK/wire"
run client "grep -o '172.17.2.55 > 224.0.0.18.*' $WORK/wire | tail -n 1"
expect 'prio 0'
run balancer "ls /sys/class/net"
[[ $output != *bng0* ]] || die "bng0 outlived bng"

for name in client balancer switch; do ip netns del "$name"; done

part "2. A farm of two web servers behind direct server return"

say "A client with $CLIENTS addresses, the balancer, and two nginx servers that hide the virtual address 10.1.0.100:"
switch
mapfile -t addresses < <(for ((n = 1; n <= CLIENTS; n++)); do echo "10.1.1.$n/16"; done)
host client "${addresses[@]}"
host balancer 10.1.0.3/16
for n in 1 2; do
    host "web$n" "10.1.0.1$n/16"
    quietly "web$n" "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
                     echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
                     ip addr add 10.1.0.100/32 dev lo"
    paths=$(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $WORK/web$n-$kind;"; done)
    cat > "$WORK/web$n.conf" << NGINX
pid $WORK/web$n.pid; error_log $WORK/web$n.log; user root; worker_processes 1;
events { worker_connections 1024; }
http { access_log off; keepalive_timeout 0; $paths
       server { listen 80; location / { return 200 "web$n\n"; } } }
NGINX
    quietly "web$n" "nginx -c $WORK/web$n.conf -e $WORK/web$n.log"
    run "web$n" "ip -br addr show eth0; curl -s http://10.1.0.100/"
    expect "web$n\$"
done
run balancer "cat demo/farm.conf"
run balancer "bng -c demo/farm.conf start"
await "mastership" 10 balancer "echo show vrrp | bng cmdctl | grep -q ': master '"
for n in 1 2; do await "target $n" 10 balancer "$(target_is $n active)"; done
run balancer "echo show targets | bng cmdctl"

# All requests of all clients; each on a connection of its own, since nginx closes every one after its answer.
requests="for n in \$(seq $CLIENTS); do
    curl -s --max-time 5 --interface 10.1.1.\$n 'http://10.1.0.100/?[1-$REQUESTS]' || true
done | sort | uniq -c"
total=$((CLIENTS * REQUESTS))

say "$total requests from $CLIENTS addresses. Who served how many?"
run client "$requests"
expect "^ *$((total / 2)) web1"$'\n'" *$((total / 2)) web2\$"
run balancer "echo show sessions | bng cmdctl | head -n 8"
expect "^$CLIENTS sessions"

say "The cable of web1 is pulled. Its check (ping every second, down 3 s after the last answer) takes it out:"
run switch "ip link set dev web1 down"
pulled=${EPOCHREALTIME/./}
await "target 1 to be down" 10 balancer "$(target_is 1 down)"
took=$(((${EPOCHREALTIME/./} - pulled) / 1000))
run balancer "echo show targets | bng cmdctl"
say "Out $((took / 1000)).$(printf %03d $((took % 1000))) s after the cable was pulled."
((took <= 3500)) || die "the check needed more than its timeout"

say "The requests go on, all $total of them:"
run client "$requests"
expect "^ *$total web2\$"

say "The cable is back, and so is web1:"
run switch "ip link set dev web1 up"
await "target 1" 10 balancer "$(target_is 1 active)"
run balancer "echo show targets | bng cmdctl"
run balancer "bng stop"

part "Everything shown came true, in $SECONDS s. The namespaces go with this script."
