//! What the system withholds from bng: one sentence that names it and says what to do, and the right exit status.
//!
//! Kernels, containers and services take away the same things that mounts, capabilities and user namespaces take away
//! here. Every mount is one of a mount namespace of its own, so that no other case sees it.

use bng_world::{Bng, Host, World};

use crate::farm::{FIRST, config};
use crate::suite::{BNG, Case};

// The exit statuses of bng(8).
const FAILED: i32 = 1;
const PRIVILEGE: i32 = 4;
const INTERFACE: i32 = 7;
/// That of a program whose libraries are not found: of ld.so, not of bng.
const NO_LIBRARY: i32 = 127;

const TAP: &str =
    "interface 1 {\n name bng0\n access tap\n init \"true\"\n}\nregister interface 1\nenable interface 1\n";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("root without capabilities is told who has to allow them", &["setpriv"], capabilities),
        Case::new(
            "a network of somebody else refuses its packet sockets plainly",
            &["unshare"],
            foreign_network,
        ),
        Case::new("a kernel without tap devices is said with the remedy", &["unshare", "mount"], no_tun),
        Case::new("a tap device that must not be touched is named", &["unshare", "mount"], forbidden_tun),
        Case::new("a read-only run directory is said with the remedy", &["unshare", "mount"], read_only_run),
        Case::new("a door that this version lacks is said, and another one serves", &[], xdp),
        Case::new("a missing libpcap is named by the dynamic linker", &["chroot", "ldd"], no_libpcap),
    ]
}

/// A host with an `eth0`, and the configuration `text` for it.
struct Bench {
    host: Host,
    start: String,
    world: World,
}

impl Bench {
    fn new(text: &str) -> Self {
        let mut world = World::new();
        let host = world.plugged("balancer", &[]);
        let config = world.write("bng.conf", text);
        let run = world.dir().join("bng-run");
        let start = format!("BNG_RUNDIR={} {BNG} -c {}", run.display(), config.display());
        Self { host, start: start + " start", world }
    }

    /// What `line`, where `@START` is the start of bng, prints when it ends with `status`.
    fn said(&self, line: &str, status: i32) -> String {
        let out = self.host.try_run(&line.replace("@START", &format!("env {}", self.start)));
        let text = String::from_utf8_lossy(&[&out.stdout[..], &out.stderr[..]].concat()).into_owned();
        assert_eq!(out.status.code(), Some(status), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        text
    }
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

/// Runs `@START` where `prepare` has been done to the mounts.
fn behind(prepare: &str) -> String {
    format!("unshare --mount sh -euc '{prepare}; exec @START'")
}

fn capabilities() {
    let bench = Bench::new(&config("raw", FIRST));
    for (lacks, name) in [("net_raw", "CAP_NET_RAW"), ("net_admin", "CAP_NET_ADMIN")] {
        let text = bench.said(&format!("setpriv --bounding-set=-{lacks} @START"), PRIVILEGE);
        contains(&text, &[name, "though root", "--cap-add", "CapabilityBoundingSet"]);
        assert!(!text.contains("start as root"), "advice that does not help root: {text}");
    }
}

fn foreign_network() {
    // Root of a user namespace has all capabilities, but not here.
    for door in ["raw", "pcap"] {
        let bench = Bench::new(&config(door, FIRST));
        let text = bench.said("unshare --user --map-root-user @START", PRIVILEGE);
        contains(&text, &["not permitted to open interface eth0", "CAP_NET_RAW in this network namespace"]);
    }
    let bench = Bench::new(TAP);
    let text = bench.said("unshare --user --map-root-user @START", PRIVILEGE);
    contains(&text, &["not permitted to open interface bng0", "CAP_NET_ADMIN in this network namespace"]);
}

fn no_tun() {
    let bench = Bench::new(TAP);
    let remedy = ["cannot open interface bng0", "/dev/net/tun", "modprobe tun", "--device /dev/net/tun"];
    let absent = "mount -t tmpfs tmpfs /dev/net";
    contains(&bench.said(&behind(absent), INTERFACE), &remedy);
    // The file is there and nobody answers: no driver has this number.
    let unanswered = format!("{absent}; mknod /dev/net/tun c 511 4000");
    contains(&bench.said(&behind(&unanswered), INTERFACE), &remedy);
}

fn forbidden_tun() {
    let bench = Bench::new(TAP);
    // Devices have no meaning on such a file system, which is how they are taken from containers.
    let nodev = "mount -t tmpfs -o nodev tmpfs /dev/net; mknod /dev/net/tun c 10 200";
    let text = bench.said(&behind(nodev), PRIVILEGE);
    contains(&text, &["/dev/net/tun may not be opened", "--device /dev/net/tun", "DeviceAllow"]);
    assert!(!text.contains("CAP_NET_ADMIN"), "a capability that is not missing: {text}");
}

fn read_only_run() {
    let bench = Bench::new("hostname node\n");
    let run = bench.world.dir().join("bng-run").display().to_string();
    let remedy = ["cannot write", "Read-only file system", "--tmpfs /run"];
    // The directory cannot be made.
    let world = bench.world.dir().display().to_string();
    let sealed = format!("mount --bind {world} {world}; mount -o remount,bind,ro {world}");
    contains(&bench.said(&behind(&sealed), FAILED), &remedy);
    assert!(!std::path::Path::new(&run).exists());
    // It is there, and its files cannot be made.
    let made = format!("mkdir -p {run}; mount -t tmpfs -o ro tmpfs {run}");
    contains(&bench.said(&behind(&made), FAILED), &remedy);
}

/// No version needs AF_XDP: what is asked for it gets the packet rings that every kernel has.
fn xdp() {
    let mut world = World::new();
    let host = world.plugged("balancer", &[]);
    let mut bng = Bng::running(BNG, &world, &host, &config("xdp", FIRST));
    let check = bng.run(&["-c", &bng.config().display().to_string(), "check"]);
    let text = String::from_utf8_lossy(&[&check.stdout[..], &check.stderr[..]].concat()).into_owned();
    contains(&text, &["warning: 'xdp' (AF_XDP sockets) has no effect in this version", "auto is used"]);
    let row = bng.row("interfaces", 1).expect("interface 1");
    assert_eq!(row[1], "raw*", "chosen by bng: {row:?}");
    bng.stop();
}

fn no_libpcap() {
    let bench = Bench::new("");
    let root = bench.world.dir().join("root").display().to_string();
    let libraries = bench.host.run(&format!("ldd {BNG}"));
    let paths: Vec<_> = libraries.split_whitespace().filter(|word| word.starts_with('/')).collect();
    let (pcap, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.contains("libpcap"));
    assert_eq!(pcap.len(), 1, "{libraries}");
    bench
        .host
        .run(&format!("mkdir -p {root}; cp {BNG} {root}/bng; cp --parents -L {} {root}", others.join(" ")));
    let text = bench.said(&format!("chroot {root} /bng -V"), NO_LIBRARY);
    let library = pcap[0].rsplit('/').next().expect("a file name");
    contains(
        &text,
        &[&format!("error while loading shared libraries: {library}: cannot open shared object file")],
    );
    // Nothing but libpcap was missing.
    bench.host.run(&format!("cp --parents -L {} {root}; chroot {root} /bng -V", pcap[0]));
}
