//! The operator's instruments: dumping frames to files, and measuring the way between two interfaces.
#![allow(clippy::disallowed_types, reason = "a client that sends, and a small disk")]

use std::net::UdpSocket;
use std::time::Duration;

use bng_world::{Bng, Host, World, wait};

use crate::suite::{BNG, Case, WIRE_DOORS};

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("a dump holds both directions, and ends with what tcpdump reads", &["tcpdump"], dumps),
        Case::new("a dump holds what is routed, also what waited for its way", &["tcpdump"], routed),
        Case::new("a dump rotates through a bounded number of bounded files", &["tcpdump"], rotates),
        Case::new("a dump that cannot go on ends with a reason, and nothing else does", &[], cannot_go_on),
        Case::new("a benchmark says why it does not run", &[], refuses),
    ];
    for door in WIRE_DOORS {
        let name = format!("a benchmark over a cable adds up [{door}]");
        cases.push(Case::new(name, &[], move || measures(door)));
    }
    cases
}

/// Two interfaces with a network each; the second one is called `far`.
fn two_interfaces(door: &str, far: &str, more: &str) -> String {
    let mut text = more.to_owned();
    for (n, name) in [(1, "eth0"), (2, far)] {
        text += &format!(
            "interface {n} {{\n name {name}\n access {door}\n}}\n\
             network {n} {{\n addr 10.{n}.0.0\n mask 255.255.0.0\n real 10.{n}.0.1\n interface {n}\n}}\n"
        );
    }
    text + "register interfaces 1,2\nenable interfaces 1,2\nregister networks 1,2\nenable networks 1,2\n"
}

/// A client at the switch, and a balancer with `eth0` there and `one` and `two`, the ends of one cable.
fn world() -> (World, Host, Host) {
    let mut world = World::new();
    let client = world.plugged("client", &["10.1.0.9/16"]);
    let balancer = world.plugged("balancer", &[]);
    world.cable((&balancer, "one"), (&balancer, "two"));
    (world, client, balancer)
}

/// What `show dump` or `show benchmark` says behind `name`.
fn figure(bng: &Bng, what: &str, name: &str) -> u64 {
    let text = bng.cmdctl(&format!("show {what}\n"));
    let line = text.lines().find(|line| line.trim_start().starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

/// The complaint about a control command that must fail.
fn complaint(bng: &Bng, command: &str) -> String {
    let out = bng.try_cmdctl(&format!("{command}\n"));
    assert!(!out.status.success(), "{command} was accepted");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn dumps() {
    let (world, client, balancer) = world();
    let mut bng = Bng::running(BNG, &world, &balancer, &two_interfaces("raw", "one", ""));
    let file = world.dir().join("dump").display().to_string();
    let filtered = world.dir().join("filtered").display().to_string();
    bng.cmdctl(&format!("dump start {file}\n"));
    assert!(complaint(&bng, "dump start /tmp/never").contains(&format!("one runs already, to {file}")));
    client.run("ping -c 3 -i 0.2 -W 2 10.1.0.1");
    bng.cmdctl("dump stop\n");
    assert!(complaint(&bng, "dump stop").contains("none is running"));

    let read = balancer.run(&format!("tcpdump -n -e -r {file} 2>/dev/null"));
    let count = |text: &str| read.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("10.1.0.9 > 10.1.0.1: ICMP echo request"), 3, "{read}");
    assert_eq!(count("10.1.0.1 > 10.1.0.9: ICMP echo reply"), 3, "{read}");
    assert!(count("who-has 10.1.0.1") > 0 && count("10.1.0.1 is-at 06:00:0a:01:00:01") > 0, "{read}");
    assert_eq!(figure(&bng, "dump", "packets written"), read.lines().count() as u64);
    assert_eq!(figure(&bng, "dump", "packets lost"), 0);
    assert!(bng.cmdctl("show dump\n").starts_with("  dump stopped:\n"));
    assert!(complaint(&bng, &format!("dump start {file}")).contains("exists and is none of this dump"));

    // Filters, and the end of the daemon as the end of a dump.
    bng.cmdctl(&format!("dump start {filtered} interface 1 host 10.1.0.9\n"));
    client.run("ping -c 2 -i 0.2 -W 2 10.1.0.1");
    bng.stop();
    let read = balancer.run(&format!("tcpdump -n -r {filtered} 2>/dev/null"));
    assert_eq!(read.lines().filter(|line| line.contains("ICMP echo")).count(), 4, "{read}");
    assert!(read.lines().all(|line| line.contains("10.1.0.9")), "{read}");
}

/// Every packet comes in at one interface and leaves by the other; the first one waits until its receiver is known.
fn routed() {
    let mut world = World::new();
    let balancer = world.host("balancer");
    let hosts = [(1, "client", "eth0"), (2, "server", "eth1")].map(|(n, name, device)| {
        let host = world.host(name);
        world.cable((&host, "eth0"), (&balancer, device));
        host.address("eth0", &format!("10.{n}.0.9/16"));
        host.run(&format!("ip route add default via 10.{n}.0.1"));
        host
    });
    let mut bng =
        Bng::running(BNG, &world, &balancer, &two_interfaces("raw", "eth1", "set ipforwarding 1\n"));
    wait::for_true("both networks", LIMIT, || {
        bng.cmdctl("show log\n").matches(": in use on interface").count() == 2
    });
    let file = world.dir().join("dump").display().to_string();
    bng.cmdctl(&format!("dump start {file}\n"));
    assert!(!bng.cmdctl("show arp\n").contains("10.2.0.9"), "the first packet would not wait");
    hosts[0].run("ping -c 3 -i 0.2 -W 2 10.2.0.9");
    bng.stop();
    let read = balancer.run(&format!("tcpdump -n -r {file} 2>/dev/null"));
    for way in ["10.1.0.9 > 10.2.0.9: ICMP echo request", "10.2.0.9 > 10.1.0.9: ICMP echo reply"] {
        assert_eq!(read.lines().filter(|line| line.contains(way)).count(), 6, "{way} in {read}");
    }
}

fn rotates() {
    let (world, client, balancer) = world();
    let more = "set {\n dumprotation 3\n dumprotsiz 1\n}\n";
    let mut bng = Bng::running(BNG, &world, &balancer, &two_interfaces("raw", "one", more));
    let file = world.dir().join("dump").display().to_string();
    bng.cmdctl(&format!("dump start {file} interface 1\n"));
    // About 5 MB that nobody wants.
    client.run("ping -c 1 -W 2 10.1.0.1");
    let socket = client.inside(|| UdpSocket::bind("10.1.0.9:0").expect("a socket"));
    for n in 0..3600 {
        socket.send_to(&[7; 1400], "10.1.0.1:9").expect("a datagram");
        if n % 50 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    wait::for_true("all frames", LIMIT, || {
        figure(&bng, "dump", "packets written") + figure(&bng, "dump", "packets lost") >= 3600
    });
    assert!(figure(&bng, "dump", "rotations") >= 3);
    bng.stop();
    let mut newest = 0;
    for name in [file.clone(), format!("{file}.1"), format!("{file}.2")] {
        let length = std::fs::metadata(&name).unwrap_or_else(|e| panic!("{name}: {e}")).len();
        assert!(length <= 1_000_000, "{name}: {length}");
        let read = balancer.run(&format!("tcpdump -n -r {name} 2>/dev/null"));
        newest += read.lines().filter(|line| line.contains("10.1.0.1.9: UDP, length 1400")).count();
    }
    assert!(newest > 1300, "{newest} frames in three files");
    assert!(!std::path::Path::new(&format!("{file}.3")).exists());
}

fn cannot_go_on() {
    let (world, client, balancer) = world();
    // A disk of 64 KB, there before bng is: it sees the mounts of its start.
    let disk = world.dir().join("disk").display().to_string();
    std::fs::create_dir(&disk).expect("a folder");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs", &disk])
        .status()
        .expect("mount");
    assert!(mounted.success());
    let mut bng = Bng::running(BNG, &world, &balancer, &two_interfaces("raw", "one", ""));
    for (file, why) in [
        ("relative".to_owned(), "no absolute path"),
        ("/nonexistent/x".to_owned(), "No such file or directory"),
        ("/proc/x".to_owned(), "cannot create /proc/x"),
        ("/dev/null".to_owned(), "/dev/null exists"),
        ("/x interface 9".to_owned(), "interface 9 is not open"),
    ] {
        let complaint = complaint(&bng, &format!("dump start {file}"));
        assert!(complaint.contains(why), "no `{why}` in: {complaint}");
    }
    assert_eq!(bng.cmdctl("show dump\n"), "  no dump was started\n");

    bng.cmdctl(&format!("dump start {disk}/x\n"));
    client.run("ping -q -c 100 -i 0.01 -s 1400 -W 2 10.1.0.1");
    wait::for_true("the end of the dump", LIMIT, || {
        let text = bng.cmdctl("show dump\n");
        text.contains("dump ended, cannot write") && text.contains("No space left on device")
    });
    client.run("ping -c 1 -W 2 10.1.0.1");
    let log = bng.cmdctl("show log\n");
    assert_eq!(log.matches(&format!("dump to {disk}/x ended: cannot write")).count(), 1, "{log}");
    assert!(figure(&bng, "dump", "packets written") > 0);
    bng.stop();
    let unmounted = std::process::Command::new("umount").arg(&disk).status().expect("umount");
    assert!(unmounted.success());
}

fn refuses() {
    let (world, _, balancer) = world();
    let mut bng = Bng::running(BNG, &world, &balancer, &two_interfaces("raw", "one", ""));
    assert_eq!(bng.cmdctl("show benchmark\n"), "  no benchmark was run\n");
    assert!(complaint(&bng, "benchmark 1 2").contains("'module benchmark' loads it"));
    bng.cmdctl("module benchmark\n");
    assert!(complaint(&bng, "benchmark 1 1").contains("cannot send to itself"));
    assert!(complaint(&bng, "benchmark 1 7").contains("interface 7 is not open"));
    assert!(complaint(&bng, "benchmark stop").contains("none is running"));
    bng.cmdctl("set bmpsize 9000\n");
    assert!(complaint(&bng, "benchmark 1 2").contains("use 'set bmpsize 1514'"));

    // No way from the one to the other: everything is lost, and that is said.
    bng.cmdctl("set bmpsize 60\nset bmduration 2\nbenchmark 2 1\n");
    assert!(complaint(&bng, "benchmark 2 1").contains("one runs already, from interface 2 to 1"));
    wait::for_true("the end", LIMIT, || bng.cmdctl("show benchmark\n").contains("finished"));
    assert_eq!(figure(&bng, "benchmark", "packets received"), 0);
    assert!(figure(&bng, "benchmark", "packets sent") >= 16);
    assert_eq!(figure(&bng, "benchmark", "lost packets"), figure(&bng, "benchmark", "packets sent"));
    bng.stop();
}

fn measures(door: &str) {
    let (world, _, balancer) = world();
    let config =
        two_interfaces(door, "one", "modules vrrp,arp,ping,hc,master,slb,benchmark\nset bmduration 2\n")
            .replace("name eth0", "name two");
    let mut bng = Bng::running(BNG, &world, &balancer, &config);
    bng.cmdctl("benchmark 1 2\n");
    let running = bng.cmdctl("show benchmark\n");
    assert!(
        running.starts_with("  benchmark active and running:\n    duration (seconds) : 2\n"),
        "{running}"
    );
    bng.cmdctl("clear counters\n");
    wait::for_true("the end", LIMIT, || bng.cmdctl("show benchmark\n").contains("finished"));
    let [sent, received, lost, pps, bps] =
        ["packets sent", "packets received", "lost packets", "packets per second", "bytes per second"]
            .map(|name| figure(&bng, "benchmark", name));
    assert!(received > 100 && lost == 0, "{received} received, {lost} lost");
    assert!(received <= sent && sent <= received + 16, "{sent} sent, {received} received");
    // The time is measured; two seconds and a little.
    assert!(pps <= received.div_ceil(2) && pps > received / 3, "{received} in two seconds, {pps} a second");
    assert!(bps.abs_diff(pps * 1514) <= 1514, "{pps} packets, {bps} bytes");

    // Ended early, by command and with its interface.
    bng.cmdctl("set bmduration 300\nbenchmark 2 1\n");
    bng.cmdctl("benchmark stop\n");
    wait::for_true("the end", LIMIT, || bng.cmdctl("show benchmark\n").contains("stopped early"));
    bng.cmdctl("benchmark 2 1\n");
    bng.cmdctl("disable interface 1\n");
    assert!(bng.cmdctl("show benchmark\n").contains("stopped early"));
    bng.stop();
}
