//! The proof of concept: a virtual server answered by the host's own sshd through a tap interface.

use std::time::Duration;

use bng_world::{Bng, Capture, Host, World, sshd, wait};

use crate::suite::{BNG, Case};

const CONFIG: &str = include_str!("../../conf/examples/poc-tap-dsr.conf");
/// The virtual server, on the loopback of the balancer.
pub(crate) const VIP: &str = "172.17.2.90";
const CLIENT: &str = "172.17.2.92";

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["sshd", "ssh-keygen", "tcpdump"];
    Case::per_door("the proof of concept reaches the host's own sshd through a tap", tools, reaches_sshd)
}

/// The two hosts of the proof of concept, with bng not running yet.
pub(crate) struct Poc {
    pub(crate) client: Host,
    pub(crate) balancer: Host,
    pub(crate) world: World,
}

impl Poc {
    /// Client and balancer, and the virtual server's address where it belongs.
    pub(crate) fn new() -> Self {
        let mut world = World::new();
        let client = world.plugged("client", &[&format!("{CLIENT}/24")]);
        let balancer = world.plugged("balancer", &["172.17.2.50/24"]);
        balancer.hide(VIP);
        Self { client, balancer, world }
    }
}

/// The original configuration, with the wire reached through `door`.
pub(crate) fn config(door: &str) -> String {
    assert!(CONFIG.contains("access raw"), "the example no longer says `access raw`");
    CONFIG.replace("access raw", &format!("access {door}"))
}

fn reaches_sshd(door: &str) {
    let Poc { client, balancer, world } = Poc::new();
    let _sshd = sshd::start(&world, &balancer);
    let wire = Capture::start(&world, &client, "eth0", "arp or proto 112");
    let mut bng = Bng::running(BNG, &world, &balancer, &config(door));
    assert_eq!(bng.cmdctl("show sessions\n"), "0 sessions\n");

    let vip = format!("{VIP}:22").parse().expect("an address");
    let (banner, _) = wait::until("an SSH banner", Duration::from_secs(15), || sshd::banner(&client, vip));
    assert!(banner.starts_with("SSH-2.0-OpenSSH"), "{banner}");

    let sessions = bng.cmdctl("show sessions\n");
    let lines: Vec<_> = sessions.lines().collect();
    assert_eq!(lines[0], "1 session", "{sessions}");
    assert_eq!(
        lines[1].split_whitespace().collect::<Vec<_>>(),
        ["srv", "tgt", "age", "timeout", "ftimeout", "SYNC", "session-id"]
    );
    let row: Vec<_> = lines.last().expect("a row").split_whitespace().collect();
    let age: u64 = row[2].parse().unwrap_or_else(|e| panic!("age in `{sessions}`: {e}"));
    assert!(age < 60, "{sessions}");
    assert_eq!((row[0], row[1], row[3], row[4]), ("1", "1", "600", "0"), "{sessions}");
    assert_eq!(*row.last().expect("a session id"), format!("{CLIENT}:0"), "{sessions}");

    // Asked again and again, nobody but the virtual router answers for the virtual server.
    for _ in 0..3 {
        client.run("ip neigh flush dev eth0");
        assert!(sshd::banner(&client, vip).is_some(), "no banner after the neighbour table was emptied");
    }
    wire.until(&["172.17.2.55 > 224.0.0.18", "vrid 79", "prio 200"], Duration::from_secs(5));
    let (answers, _) = wait::until("an answer each time", Duration::from_secs(2), || {
        Some(wire.with(&[&format!("Reply {VIP} is-at")])).filter(|answers| answers.len() >= 3)
    });
    for answer in answers {
        assert!(answer.contains(&format!("Reply {VIP} is-at 00:00:5e:00:01:4f")), "{answer}");
    }

    assert!(balancer.succeeds("ip link show bng0"), "the tap device is gone while bng runs");
    bng.stop();
    assert!(!balancer.succeeds("ip link show bng0"), "the tap device outlived bng");
    wire.until(&["172.17.2.55 > 224.0.0.18", "prio 0"], Duration::from_secs(2));
}
