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
    debs=(target/deb/bng_*.deb)
    ((${#debs[@]} == 1)) || { echo "one package bng is needed in target/deb: make deb" >&2; exit 1; }
    root=target/deb/root.tar
    if [[ ! -e $root || -n $(find "$root" -mmin +1440) ]]; then
        echo "--- a minimal Debian with what the package needs"
        needs=$(dpkg-deb -f "${debs[0]}" Depends Recommends | sed 's/^[A-Za-z]*: //; s/([^)]*)//g; s/|[^,]*//g; s/ //g' |
            paste -sd ,)
        . /etc/os-release
        mmdebstrap --quiet --mode=root --variant=minbase --dpkgopt=force-unsafe-io \
            --dpkgopt='path-exclude=/usr/share/locale/*' --include="systemd-sysv,$needs" \
            "$VERSION_CODENAME" "$root.new"
        mv "$root.new" "$root"
    fi
    # systemd needs a version 2 control group of its own.
    groups=$(findmnt -n -t cgroup2 -o TARGET | head -1)
    [[ -n $groups ]] || { echo "no file system of version 2 control groups is mounted here" >&2; exit 1; }
    group=$groups/bng-test-$$
    mkdir "$group"
    trap 'sleep 0.2; find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || true' EXIT
    status=0
    tests/world/sandbox.sh "$0" inside "${debs[0]}" "$group" || status=$?
    exit "$status"
fi

deb=$2 group=$3
root=/run/root
flows=$PWD/packaging/debian/flows.py

say() { echo "--- $*"; }
fail() {
    echo "FAILED: $*" >&2
    inside journalctl --no-pager -o short-precise -u bng -n 40 >&2 || true
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
main_pid() { property bng MainPID; }
# Not in a pipe: grep would end before journalctl has.
logged() { grep -q "$1" <<< "$(inside journalctl --no-pager -o cat -u bng)"; }
# The same process, as seen from here.
outer_pid() { awk -v inner="$(main_pid)" '/^NSpid:/ { if (NF == 3 && $3 == inner) { split(FILENAME, part, "/"); print part[3] } }' /proc/[0-9]*/status 2> /dev/null; }

trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
say "boot"
mkdir $root
mount -t tmpfs -o mode=755 tmpfs $root
tar -xf target/deb/root.tar -C $root --exclude='./dev/*'
mkdir $root/deb
cp "$deb" $root/deb/new.deb

# The package of yesterday: an older version, whose shipped configuration is another one.
dpkg-deb -R "$deb" /run/old
sed -i 's/^Version: .*/Version: 0.1-1/' /run/old/DEBIAN/control
echo "// of yesterday" >> /run/old/etc/bng.conf
dpkg-deb --root-owner-group -b /run/old $root/deb/old.deb > /dev/null

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

say "a client and two targets on a switch"
net() { nsenter -t "$init" -n "$@"; }
net ip link set lo up
net ip link add br0 type bridge
net ip link set br0 up
declare -A host
for name in client t1 t2; do
    unshare --net sleep infinity &
    host[$name]=$!
    sleep 0.1
    net ip link add "$name" type veth peer name eth0 netns "${host[$name]}"
    net ip link set "$name" master br0 up
done
on() { nsenter -t "${host[$1]}" -n "${@:2}"; }
cable() {
    net ip link add lb0 type veth peer name lb1
    net ip link set lb1 master br0 up
    net ip link set lb0 up
}
cable
for pair in client:9 t1:11 t2:12; do
    name=${pair%:*}
    on "$name" ip link set lo up
    on "$name" ip addr add "10.9.0.${pair#*:}/24" dev eth0
    on "$name" ip link set eth0 up
done
# Twenty clients: what they are to the balancer are their addresses.
for n in {200..219}; do on client ip addr add "10.9.0.$n/24" dev eth0; done
for name in t1 t2; do
    # In a shell with a /proc/sys of its network namespace.
    on "$name" unshare --mount sh -c 'mount -t proc proc /proc; echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
        echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce'
    on "$name" ip addr add 10.9.0.100/32 dev lo
    on "$name" "$flows" serve "$name" 0.0.0.0 &
done
all="2 of 2 interfaces open, 2 of 2 servers serving"
measure() { on client "$flows" measure "$@" 2> /dev/null; }

# --------------------------------------------------------------------------------------------------------------------
say "what is there before"
files() { inside find / -xdev \( -path /proc -o -path /sys -o -path /deb -o -path /var/log/journal -o -path /tmp \) -prune -o -print | sort; }
files > /run/before

say "install the package of yesterday"
inside dpkg -i /deb/old.deb
[[ $(property bng ActiveState) == active ]] || fail "installing starts the service"
[[ $(inside systemctl is-enabled bng) == enabled ]] || fail "it is started at boot"
[[ $(inside stat -c '%U:%G %a' /etc/bng.conf) == "root:bng 640" ]] || fail "the owner of the configuration"
[[ $(inside stat -c '%U:%G %a' /run/bng) == "bng:bng 755" ]] || fail "the owner of /run/bng"
serves() { [[ $(property bng StatusText) == "$1" ]]; }
wait_for 5 "the text of its status" serves "0 of 0 interfaces open, 0 of 0 servers serving"
inside bng status

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
register interfaces 1,2
enable interfaces 1,2
network 1 {
    addr 10.9.0.0
    mask 255.255.255.0
    real 10.9.0.2
    virt 10.9.0.3
    interface 1
}
network 2 {
    addr 10.8.0.0
    mask 255.255.255.0
    real 10.8.0.2
    interface 2
}
register networks 1,2
enable networks 1,2
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
register servers 1,2
enable servers 1,2
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
register targets 1,2,3,4
enable targets 1,2,3,4
CONF
cp $root/deb/farm.conf /run/farm.conf
inside sh -c 'cat /deb/farm.conf > /etc/bng.conf'
inside bng check
before=$(main_pid)
inside systemctl reload bng
[[ $(main_pid) == "$before" ]] || fail "a reload keeps the process"
wait_for 15 "both servers serve" serves "$all"
net ip -4 addr show dev bng0 | grep -q 10.8.0.1/24 || fail "init has no privilege to set an address"

say "traffic"
spread=$(measure 1 20 10.9.0.100)
echo "direct server return: $spread"
[[ $spread == "10 to t1, 10 to t2; 20 alive, 0 reset, 0 silent;"* ]] || fail "direct server return"
spread=$(measure 1 20 10.9.0.101)
echo "proxy: $spread"
[[ $spread == "10 to t1, 10 to t2; 20 alive, 0 reset, 0 silent;"* ]] || fail "proxy"

say "what init must not do"
n=3
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
cable
wait_for 15 "both interfaces" serves "$all"
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
before=$(main_pid)
on client "$flows" measure 8 20 10.9.0.100 > /run/dsr 2> /run/dsr.up & dsr=$!
on client "$flows" measure 8 20 10.9.0.101 > /run/nat 2> /run/nat.up & nat=$!
wait_for 5 "connections" grep -q connected /run/dsr.up
wait_for 5 "connections" grep -q connected /run/nat.up
inside dpkg --force-confdef --force-confold -i /deb/new.deb
crashed || fail "the upgrade has restarted nothing"
wait $dsr $nat
echo "established, direct server return, upgrade: $(cat /run/dsr)"
echo "established, proxy, upgrade: $(cat /run/nat)"
[[ $(inside dpkg-query -W -f '${Version}' bng) != 0.1-1 ]] || fail "the version is the old one"
inside cmp /etc/bng.conf /deb/farm.conf || fail "the edited configuration did not survive"
[[ $(inside stat -c '%U:%G %a' /etc/bng.conf) == "root:bng 640" ]] || fail "the owner of the configuration after an upgrade"
[[ $(measure 1 4 10.9.0.101) == *"4 alive"* ]] || fail "new connections after an upgrade"

say "logcheck has nothing to report about normal days"
inside systemctl restart bng
wait_for 15 "both servers serve" serves "$all"
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
inside dpkg -r bng > /dev/null
[[ $(property bng ActiveState) == inactive ]] || fail "it still runs"
inside test -e /etc/bng.conf || fail "removing has taken the configuration"
inside dpkg -P bng > /dev/null
files > /run/after
# The user stays; the journal, the logs and lists of dpkg and systemd's own notes are not ours.
if diff /run/before /run/after | grep '^[<>]' | grep -vE ' /(var/lib/dpkg|var/log/(dpkg|alternatives)|var/lib/systemd|etc/\.pwd\.lock|etc/(passwd|group|shadow|gshadow)-|var/cache)'; then
    fail "purging has left something"
fi
say "all of it works"
