#!/usr/bin/env bash
# Installs, runs, upgrades and purges the packages in target/deb/ on a minimal Debian where systemd is the first
# process, with traffic between network namespaces. As root, a few minutes, most of them for making that Debian.
#
#     packaging/debian/test.sh
#
# The minimal Debian has nothing but what the package depends on and recommends. Its files are kept for a day in
# target/deb/root.tar. Everything else belongs to a sandbox (tests/world/sandbox.sh) that the kernel removes.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."

if [[ ${1-} != inside ]]; then
    shopt -s nullglob
    debs=(target/deb/bng_*.deb target/deb/bngagent_*.deb)
    ((${#debs[@]} == 2)) || { echo "packages bng and bngagent are needed in target/deb, one of each: make deb" >&2; exit 1; }
    root=target/deb/root.tar
    if [[ ! -e $root || -n $(find "$root" -mmin +1440) ]]; then
        echo "--- a minimal Debian with what the package needs"
        needs=$(for deb in "${debs[@]}"; do dpkg-deb -f "$deb" Depends Recommends; done |
            sed 's/^[A-Za-z]*: //; s/([^)]*)//g; s/|[^,]*//g; s/ //g' | paste -sd ,)
        . /etc/os-release
        mmdebstrap --quiet --format=tar --mode=root --variant=minbase --dpkgopt=force-unsafe-io \
            --dpkgopt='path-exclude=/usr/share/locale/*' --include="systemd-sysv,$needs" \
            "$VERSION_CODENAME" "$root.new"
        mv "$root.new" "$root"
    fi
    # systemd needs a version 2 control group of its own.
    groups=$(findmnt -n -t cgroup2 -o TARGET | head -1) || true
    mounted=
    if [[ -z $groups ]]; then
        mounted=$(mktemp -d)
        groups=$mounted
        mount -t cgroup2 cgroup2 "$groups"
    fi
    group=$groups/bng-test-$$
    mkdir "$group"
    clean() {
        sleep 0.2
        find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
        [[ -z $mounted ]] || { umount "$mounted" && rmdir "$mounted"; }
    }
    trap clean EXIT
    status=0
    tests/world/sandbox.sh "$0" inside "${debs[@]}" "$group" || status=$?
    exit "$status"
fi

bng=$2 bngagent=$3 group=$4
root=/run/root
flows=$PWD/packaging/debian/flows.py

say() { echo "--- $*"; }
fail() {
    echo "FAILED: $*" >&2
    inside journalctl --no-pager -o short-precise -u bng -u bngagent -n 40 >&2 || true
    exit 1
}
# A command in the minimal Debian.
inside() { nsenter -t "$init" -m -u -i -n -p -C env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
# Waits until a command succeeds, at most so many seconds.
wait_for() {
    local limit=$1 what=$2
    shift 2
    for ((n = 0; n < limit * 10; n++)); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.1
    done
    fail "not within $limit s: $what"
}
property() { inside systemctl show -p "$2" --value "$1"; }
main_pid() { property "${1-bng}" MainPID; }
# Not in a pipe: grep would end before journalctl has.
logged() { grep -q "$1" <<< "$(inside journalctl --no-pager -o cat -u bng)"; }
# The same process, as seen from here.
outer_pid() { awk -v inner="$(main_pid "${1-bng}")" '/^NSpid:/ { if (NF == 3 && $3 == inner) { split(FILENAME, part, "/"); print part[3] } }' /proc/[0-9]*/status 2> /dev/null; }

trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
say "boot"
mkdir $root
mount -t tmpfs -o mode=755 tmpfs $root
tar -xf target/deb/root.tar -C $root --exclude='./dev/*'
mkdir $root/deb
cp "$bng" $root/deb/bng.deb
cp "$bngagent" $root/deb/bngagent.deb

# The packages of yesterday: an older version, whose shipped configuration is another one.
yesterday() {
    local package=$1 deb=$2 conffile=$3 comment=$4
    dpkg-deb -R "$deb" "/run/old-$package"
    sed -i 's/^Version: .*/Version: 0.1-1/' "/run/old-$package/DEBIAN/control"
    echo "$comment of yesterday" >> "/run/old-$package$conffile"
    dpkg-deb --root-owner-group -b "/run/old-$package" "$root/deb/old-$package.deb" > /dev/null
}
yesterday bng "$bng" /etc/bng.conf //
yesterday bngagent "$bngagent" /etc/default/bngagent "#"

# What would reach beyond the sandbox, or waits for what a sandbox does not have.
for unit in systemd-sysctl systemd-modules-load systemd-remount-fs systemd-udevd systemd-udev-trigger systemd-timesyncd \
    apt-daily.timer apt-daily-upgrade.timer console-getty getty@tty1 e2scrub_reap; do
    case $unit in *.*) ;; *) unit=$unit.service ;; esac
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

cat > /run/init.sh << 'INIT'
set -eu
root=$1 group=$2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do cp -a "/dev/$device" "$root/dev/"; done
# A device that nobody may have but root, to see that the filter of devices holds.
mknod -m 666 "$root/dev/kmsg2" c 1 11
mkdir -p "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
cp -a /dev/net/tun "$root/dev/net/"
# As in a container. PrivateDevices= makes another one of it.
ln -s pts/ptmx "$root/dev/ptmx"
# As the rules of udev make it.
chmod 666 "$root/dev/net/tun"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mkdir "$root/old"
cd "$root"
pivot_root . old
umount -l /old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=sandbox /lib/systemd/systemd --unit=multi-user.target
INIT
# The group is entered first, so that it is the root of the new namespace of groups.
sh -c 'echo $$ > "$1/cgroup.procs"; exec unshare --cgroup --net --mount --ipc --uts --pid --fork --kill-child \
    sh /run/init.sh "$2" "$1"' boot "$group" $root < /dev/null > /run/boot.log 2>&1 &
boot=$!
for ((n = 0; n < 100; n++)); do
    init=$(cat "/proc/$boot/task/$boot/children" 2> /dev/null | tr -d ' ')
    [[ -n $init && $(cat "/proc/$init/comm") == systemd ]] && break
    sleep 0.1
done
[[ -n $init ]] || { cat /run/boot.log; exit 1; }
for ((n = 0; n < 300; n++)); do
    [[ $(inside systemctl is-system-running 2> /dev/null) == running ]] && break
    sleep 0.1
done
[[ $(inside systemctl is-system-running) == running ]] || { inside systemctl --failed --no-pager; cat /run/boot.log; exit 1; }
inside systemctl --version | head -1

say "a client and two targets on a switch, and two more behind the balancer"
net() { nsenter -t "$init" -n "$@"; }
net ip link set lo up
declare -A host
for bridge in br0 br1; do
    net ip link add $bridge type bridge
    net ip link set $bridge up
done
for pair in client:br0 t1:br0 t2:br0 t3:br1 t4:br1; do
    name=${pair%:*}
    unshare --net sleep infinity &
    host[$name]=$!
    sleep 0.1
    net ip link add "$name" type veth peer name eth0 netns "${host[$name]}"
    net ip link set "$name" master "${pair#*:}" up
done
on() { nsenter -t "${host[$1]}" -n "${@:2}"; }
cable() {
    net ip link add "$1" type veth peer name "plug$1"
    net ip link set "plug$1" master "$2" up
    net ip link set "$1" up
}
cable lb0 br0
cable lb1 br1
for pair in client:10.9.0.9 t1:10.9.0.11 t2:10.9.0.12 t3:10.7.0.11 t4:10.7.0.12; do
    name=${pair%:*}
    on "$name" ip link set lo up
    on "$name" ip addr add "${pair#*:}/24" dev eth0
    on "$name" ip link set eth0 up
done
for name in t3 t4; do on "$name" ip route add default via 10.7.0.3; done
# Twenty clients: what they are to the balancer are their addresses. As many hosts that go out.
clients=(10.9.0.{200..219})
insiders=(10.7.0.{200..219})
for address in "${clients[@]}"; do on client ip addr add "$address/24" dev eth0; done
for address in "${insiders[@]}"; do on t3 ip addr add "$address/24" dev eth0; done
for name in t1 t2; do
    # In a shell with a /proc/sys of its network namespace.
    on "$name" unshare --mount sh -c 'mount -t proc proc /proc; echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
        echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce'
    on "$name" ip addr add 10.9.0.100/32 dev lo
done
for name in client t1 t2 t3 t4; do on "$name" "$flows" serve "$name" & done
all="3 of 3 interfaces open, 3 of 3 servers serving"
# Connections of so many seconds, by so many clients, to an address.
measure() { on client "$flows" measure "$@" "${clients[@]}" 2> /dev/null; }

# --------------------------------------------------------------------------------------------------------------------
say "what is there before"
files() { inside find / -xdev \( -path /proc -o -path /sys -o -path /deb -o -path /var/log/journal -o -path /tmp \) -prune -o -print | sort; }
files > /run/before

say "install the packages of yesterday"
inside dpkg -i /deb/old-bng.deb /deb/old-bngagent.deb
[[ $(property bng ActiveState) == active ]] || fail "installing starts the service"
[[ $(inside systemctl is-enabled bng) == enabled ]] || fail "it is started at boot"
[[ $(inside stat -c '%U:%G %a' /etc/bng.conf) == "root:bng 640" ]] || fail "the owner of the configuration"
[[ $(inside stat -c '%U:%G %a' /run/bng) == "bng:bng 755" ]] || fail "the owner of /run/bng"
serves() { [[ $(property bng StatusText) == "$1" ]]; }
wait_for 5 "the text of its status" serves "0 of 0 interfaces open, 0 of 0 servers serving"
inside bng status
[[ $(property bngagent ActiveState) == inactive && $(inside systemctl is-enabled bngagent) == disabled ]] ||
    fail "the agent must wait for the administrator"

say "who it is"
status=/proc/$(outer_pid)/status
for line in 'CapPrm:.*3000$' 'CapEff:.*3000$' 'CapBnd:.*0000003000$' 'CapAmb:.*3000$' 'NoNewPrivs:.*1$' 'Seccomp:.*2$'; do
    grep -q "^$line" "$status" || { cat "$status"; fail "no $line"; }
done
uid=$(inside id -u bng)
((uid > 0)) && grep -q "^Uid:.$uid.$uid.$uid.$uid$" "$status" || fail "not the user bng"

say "an edited configuration is taken up by a reload"
cat > $root/deb/farm.conf << 'CONF'
hostname lb
interface 1 {
    name lb0
}
interface 2 {
    name bng0
    access tap
    init "ip addr add 10.8.0.1/24 dev bng0 && ip link set bng0 up"
}
interface 3 {
    name lb1
}
register interfaces 1,2,3
enable interfaces 1,2,3
network 1 {
    addr 10.9.0.0
    mask 255.255.255.0
    real 10.9.0.2
    virt 10.9.0.3
    nat outside
    interface 1
}
network 2 {
    addr 10.8.0.0
    mask 255.255.255.0
    real 10.8.0.2
    interface 2
}
network 3 {
    addr 10.7.0.0
    mask 255.255.255.0
    real 10.7.0.2
    virt 10.7.0.3
    nat inside
    interface 3
}
register networks 1,2,3
enable networks 1,2,3
server 1 {
    ipaddr 10.9.0.100
    port 80
    protocol tcp
    targets 1,2
}
server 2 {
    ipaddr 10.9.0.101
    port 80
    protocol tcp
    proxy enable
    targets 3,4
}
server 3 {
    ipaddr 10.9.0.102
    port 80
    protocol tcp
    targets 5,6
}
register servers 1,2,3
enable servers 1,2,3
target 1 {
    ipaddr 10.9.0.11
    ping 1,3
    dsr enable
}
target 2 {
    ipaddr 10.9.0.12
    ping 1,3
    dsr enable
}
target 3 {
    ipaddr 10.9.0.11
    port 80
    ping 1,3
}
target 4 {
    ipaddr 10.9.0.12
    port 80
    ping 1,3
}
target 5 {
    ipaddr 10.7.0.11
    port 80
    ping 1,3
}
target 6 {
    ipaddr 10.7.0.12
    port 80
    ping 1,3
}
register targets 1,2,3,4,5,6
enable targets 1,2,3,4,5,6
tnat 1 {
    server 3
    protocol tcp
    targets 6
}
register tnat 1
enable tnat 1
CONF
cp $root/deb/farm.conf /run/farm.conf
inside sh -c 'cat /deb/farm.conf > /etc/bng.conf'
inside bng check
before=$(main_pid)
inside systemctl reload bng
[[ $(main_pid) == "$before" ]] || fail "a reload keeps the process"
wait_for 15 "all servers serve" serves "$all"
net ip -4 addr show dev bng0 | grep -q 10.8.0.1/24 || fail "init has no privilege to set an address"

say "traffic"
whole=", 0 reset, 0 silent; "
spread=$(measure 1 20 10.9.0.100)
echo "direct server return: $spread"
[[ $spread == "10 to t1, 10 to t2; 20 alive$whole"* ]] || fail "direct server return"
spread=$(measure 1 20 10.9.0.101)
echo "proxy: $spread"
[[ $spread == "10 to t1, 10 to t2; 20 alive$whole"* ]] || fail "proxy"
spread=$(measure 1 20 10.9.0.102)
echo "routing mode: $spread"
[[ $spread == "10 to t3, 10 to t4; 20 alive$whole"* ]] || fail "routing mode"
for how in measure datagrams; do
    spread=$(on t3 "$flows" $how 1 20 10.9.0.9 "${insiders[@]}" 2> /dev/null)
    echo "nat, $how: $spread"
    [[ $spread == "20 to client; 20 alive$whole"* ]] || fail "nat"
done
spread=$(on t4 "$flows" measure 1 20 10.9.0.9 10.7.0.12 2> /dev/null)
echo "tnat: $spread"
[[ $spread == "20 to client; 20 alive$whole"* ]] || fail "tnat"

say "the agent: started by the administrator, asked by the balancer"
key="a secret of twenty-two"
cat > $root/etc/default/bngagent << CONF
PORT=4390
OPTIONS="-k /etc/bngagent.key -a 10.8.0.1"
CONF
cp $root/etc/default/bngagent /run/agent.default
(umask 077 && echo "$key" > $root/etc/bngagent.key)
inside systemctl enable --quiet --now bngagent
[[ $(property bngagent ActiveState) == active ]] || fail "the agent does not run"
# Nothing is left of root but the open port: all it may have are the bounds, which only root could use.
agent_is_its_own_user() {
    local status uid line
    status=/proc/$(outer_pid bngagent)/status
    uid=$(inside id -u bngagent)
    ((uid > 0)) && grep -q "^Uid:.$uid.$uid.$uid.$uid$" "$status" || fail "the agent is not the user bngagent"
    for line in 'CapInh:.*0$' 'CapPrm:.*0$' 'CapEff:.*0$' 'CapAmb:.*0$' 'NoNewPrivs:.*1$' 'Seccomp:.*2$'; do
        grep -q "^$line" "$status" || { cat "$status"; fail "no $line of the agent"; }
    done
}
agent_is_its_own_user
cat > $root/deb/agent.conf << CONF
target 7 {
    ipaddr 10.8.0.1
    agent 4390,1,3
    agentkey "$key"
}
register target 7
enable target 7
CONF
inside bng source /deb/agent.conf
agent_says() { inside bng show target 7 | grep -qE "^ *7 $1 "; }
wait_for 10 "an answer of the agent" agent_says active
inside bng show target 7
inside systemctl stop bngagent
wait_for 10 "silence of the agent is a failure" agent_says down
inside systemctl start bngagent
wait_for 10 "an answer of the agent again" agent_says active
inside systemctl reload bng

say "what init must not do"
n=4
refused() {
    cat > $root/deb/try.conf << CONF
interface $n {
    name try$n
    access tap
    init "$1"
}
register interface $n
enable interface $n
CONF
    local out
    out=$(inside bng source /deb/try.conf 2>&1) && fail "not refused: $1"
    grep -qi "$2" <<< "$out" || { echo "$out"; fail "refused, but not for '$2': $1"; }
    n=$((n + 1))
}
refused 'touch /usr/sbin/evil' 'read-only file system'
refused 'touch /etc/evil' 'read-only file system'
refused 'cat /etc/shadow' 'permission denied'
refused 'ls /root' 'permission denied'
refused 'mount -t tmpfs none /tmp' 'permitted\|denied\|superuser'
refused 'unshare -n true' 'operation not permitted'
refused 'chown root /tmp' 'operation not permitted'
refused 'head -c 1 /dev/kmsg2' 'operation not permitted'
refused 'echo 1 > /proc/sys/net/ipv4/ip_forward' 'read-only file system\|permission denied'

say "a configuration with errors: a reload is refused, traffic goes on"
inside sh -c 'echo "server x" >> /etc/bng.conf'
before=$(main_pid)
inside systemctl reload bng 2> /dev/null && fail "the reload succeeded"
[[ $(property bng ActiveState) == active && $(main_pid) == "$before" ]] || fail "it does not run as before"
[[ $(measure 1 4 10.9.0.100) == *"4 alive"* ]] || fail "traffic"

say "a configuration with errors: a restart fails before anything is opened, and goes on when it is mended"
inside systemctl restart bng 2> /dev/null && fail "the restart succeeded"
logged "server x" || fail "the journal does not say what is wrong"
inside sh -c 'cat /deb/farm.conf > /etc/bng.conf'
wait_for 10 "the service comes back" inside systemctl is-active bng
wait_for 15 "traffic" serves "$all"

say "a kernel without packet sockets: the message names the remedy, and it goes on when that is done"
# What such a kernel answers, a filter of systemd answers as well.
inside sh -c 'mkdir -p /run/systemd/system/bng.service.d
    printf "[Service]\nRestrictAddressFamilies=~AF_PACKET\n" > /run/systemd/system/bng.service.d/try.conf'
inside systemctl daemon-reload
inside systemctl restart bng 2> /dev/null && fail "the restart succeeded"
logged "interface lb0.*the kernel has no packet sockets.*modprobe af_packet.*RestrictAddressFamilies" ||
    fail "the journal does not say what is wrong"
inside rm -r /run/systemd/system/bng.service.d
inside systemctl daemon-reload
wait_for 10 "the service comes back" inside systemctl is-active bng
wait_for 15 "traffic" serves "$all"

say "a crash"
before=$(main_pid)
kill -KILL "$(outer_pid)"
crashed() { local now; now=$(main_pid); [[ $now != 0 && $now != "$before" && $(property bng ActiveState) == active ]]; }
wait_for 10 "a new process after a crash" crashed

say "a process that stands still"
before=$(main_pid)
kill -STOP "$(outer_pid)"
wait_for 25 "a new process after the watchdog fired" crashed
logged "Watchdog timeout (limit 10s)" || fail "it was not the watchdog"

say "a device that disappears and comes back"
before=$(main_pid)
net ip link del lb0
wait_for 5 "the loss is logged" logged "interface 1 (lb0): lost"
sleep 1
cable lb0 br0
wait_for 15 "all interfaces" serves "$all"
[[ $(main_pid) == "$before" ]] || fail "the process is another one"
[[ $(measure 1 4 10.9.0.100) == *"4 alive"* ]] || fail "traffic"

say "another instance beside it"
inside sh -c 'echo "hostname other" > /etc/bng.conf.1; chgrp bng /etc/bng.conf.1; chmod 640 /etc/bng.conf.1'
inside systemctl start bng@1
inside bng -i 1 show parameters > /dev/null
inside systemctl stop bng@1
inside bng show parameters > /dev/null || fail "the end of one instance has taken the socket of another one"

say "snapshots and dumps have a place"
inside bng snapshot
inside sh -c 'ls /var/log/bng/bng-0-*.txt'

say "save writes what the daemon itself must not, and keeps the owner"
inside bng hostname saved
inside bng save
inside grep -q "hostname  *saved" /etc/bng.conf || fail "it was not saved"
[[ $(inside stat -c '%U:%G %a' /etc/bng.conf) == "root:bng 640" ]] || fail "the owner of the saved configuration"
inside sh -c 'cat /deb/farm.conf > /etc/bng.conf'
inside systemctl reload bng

say "upgrade, with connections that talk all the time"
before=$(main_pid) agent_before=$(main_pid bngagent)
# Name, host, and what flows.py gets.
talk() {
    local name=$1 from=$2
    shift 2
    on "$from" "$flows" "$@" > "/run/$name.flows" 2> "/run/$name.up" &
    talks+=("$!:$name")
}
talks=()
talk dsr client measure 8 20 10.9.0.100 "${clients[@]}"
talk proxy client measure 8 20 10.9.0.101 "${clients[@]}"
talk routing client measure 8 20 10.9.0.102 "${clients[@]}"
talk nat t3 measure 8 20 10.9.0.9 "${insiders[@]}"
talk nat-udp t3 datagrams 8 20 10.9.0.9 "${insiders[@]}"
talk tnat t4 measure 8 20 10.9.0.9 10.7.0.12
for one in "${talks[@]}"; do wait_for 5 "connections: ${one#*:}" grep -q connected "/run/${one#*:}.up"; done
inside dpkg --force-confdef --force-confold -i /deb/bng.deb /deb/bngagent.deb
crashed || fail "the upgrade has restarted nothing"
for one in "${talks[@]}"; do
    wait "${one%%:*}"
    echo "established, ${one#*:}, upgrade: $(cat "/run/${one#*:}.flows")"
done
# What bng(8), SYSTEMD, says: targets that know a connection keep it, others reset it; what goes out goes on.
for name in dsr proxy routing; do
    grep -qE '; [1-9][0-9]* alive, [0-9]+ reset, 0 silent;' /run/$name.flows || fail "$name: none lives, or some are silent"
done
for name in nat-udp tnat; do
    grep -q '; 20 alive,' /run/$name.flows || fail "$name: all must go on"
done
# Once in a hundred runs two of the addresses inside have used the same port, so one of them had another one outside.
grep -qE '; (20|19) alive,' /run/nat.flows || fail "nat: what has the port that it had must go on"
for package in bng bngagent; do
    [[ $(inside dpkg-query -W -f '${Version}' $package) != 0.1-1 ]] || fail "the version of $package is the old one"
done
inside cmp /etc/bng.conf /deb/farm.conf || fail "the edited configuration did not survive"
[[ $(inside stat -c '%U:%G %a' /etc/bng.conf) == "root:bng 640" ]] || fail "the owner of the configuration after an upgrade"
wait_for 15 "all servers serve" serves "$all"
[[ $(measure 1 4 10.9.0.101) == *"4 alive"* ]] || fail "new connections after an upgrade"
spread=$(on t3 "$flows" measure 1 4 10.9.0.9 "${insiders[@]}" 2> /dev/null)
[[ $spread == *"4 alive"* ]] || fail "new connections by nat after an upgrade: $spread"

say "the agent after the upgrade"
cmp $root/etc/default/bngagent /run/agent.default || fail "the edited options of the agent did not survive"
[[ $(main_pid bngagent) != "$agent_before" ]] || fail "the agent is the old one"
agent_is_its_own_user
inside bng source /deb/agent.conf
wait_for 10 "an answer of the agent of the new package" agent_says active
inside systemctl reload bng

say "logcheck has nothing to report about normal days"
inside systemctl restart bng
wait_for 15 "all servers serve" serves "$all"
inside systemctl reload bng
inside systemctl stop bng
since=$(inside journalctl --no-pager -o cat -u bng | grep -n 'Starting bng' | tail -1 | cut -d: -f1)
inside journalctl --no-pager -o short -u bng | tail -n "+$since" | grep -E '\bbng\[' > /run/lines
(($(wc -l < /run/lines) > 5)) || fail "nothing was logged"
if grep -vE -f <(sed '/^#/d' $root/etc/logcheck/ignore.d.server/bng) /run/lines; then
    fail "logcheck would report these lines"
fi
inside systemctl start bng

say "remove, then purge"
for package in bng bngagent; do
    inside dpkg -r $package > /dev/null
    [[ $(property $package ActiveState) == inactive ]] || fail "$package still runs"
done
inside test -e /etc/bng.conf || fail "removing has taken the configuration"
inside test -e /etc/default/bngagent || fail "removing has taken the options of the agent"
rm $root/etc/bngagent.key
inside dpkg -P bng bngagent > /dev/null
files > /run/after
# The users stay; the journal, the logs and lists of dpkg and systemd's own notes are not ours.
if diff /run/before /run/after | grep '^[<>]' | grep -vE ' /(var/lib/dpkg|var/log/(dpkg|alternatives)|var/lib/systemd|etc/\.pwd\.lock|etc/(passwd|group|shadow|gshadow)-|var/cache)'; then
    fail "purging has left something"
fi
say "all of it works"
