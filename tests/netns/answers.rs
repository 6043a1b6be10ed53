//! What bng answers, and what it must not.

use std::time::Duration;

use bng_world::{Bng, Capture, Host, wait};

use crate::farm::{FIRST, Farm, MASTER_MAC, MASTER_MAC6, VIP, VIP6, VIRT, VIRT6};
use crate::suite::Case;

/// An address of the network that nobody has.
const NOBODY: &str = "10.1.0.200";

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "ping", "arping", "socat", "tcpdump"];
    let mut cases = Case::per_door("own addresses answer ping, ARP and ND, others do not", tools, answers);
    cases.extend(Case::per_door("a frame with a VLAN tag is not ours, and counted", tools, ignores_vlan));
    cases
}

fn answers(door: &str) {
    let farm = Farm::new();
    let _bng = farm.bng(door);
    let client = &farm.client;
    let real_mac = "06:00:0a:01:00:01";
    for (address, mac) in [(VIP, MASTER_MAC), (VIRT, MASTER_MAC), (FIRST.real, real_mac)] {
        client.run(&format!("ping -n -c 3 -i 0.1 -W 1 {address}"));
        assert_eq!(client.neighbour(address).as_deref(), Some(mac), "{address}");
        let out = client.run(&format!("arping -c 1 -i eth0 {address}"));
        assert!(out.contains(mac), "{out}");
        // Sizes around the MTU: fragments are another capability.
        client.run(&format!("ping -n -c 1 -W 1 -s 1472 {address}"));
        client.run(&format!("ping -n -c 1 -W 1 -s 0 {address}"));
    }
    for (address, mac) in [(VIP6, MASTER_MAC6), (VIRT6, MASTER_MAC6)] {
        client.run(&format!("ping -6 -n -c 3 -i 0.1 -W 1 {address}"));
        assert_eq!(client.neighbour(address).as_deref(), Some(mac), "{address}");
    }
    client.run(&format!("ping -6 -n -c 1 -W 1 {}", FIRST.real6));
    assert!(!client.succeeds(&format!("ping -n -c 2 -i 0.2 -W 1 {NOBODY}")), "{NOBODY} answers ping");
    assert!(!client.succeeds(&format!("arping -c 2 -w 1 -i eth0 {NOBODY}")), "{NOBODY} answers ARP");
    // The host's own address stays the host's.
    client.run("ping -n -c 1 -W 1 10.1.0.3");
    assert_eq!(client.neighbour("10.1.0.3"), Some(farm.balancer.mac("eth0")));
}

fn ignores_vlan(door: &str) {
    let farm = Farm::new();
    let bng = farm.bng(door);
    let wire = Capture::start(&farm.world, &farm.client, "eth0", "arp or (vlan and arp)");
    let before = drops(&bng, "vlan");
    for _ in 0..5 {
        send(&farm.client, &arp_request(Some(5)));
    }
    wait::for_true("five frames counted as tagged", Duration::from_secs(5), || {
        drops(&bng, "vlan") == before + 5
    });
    // The same request without a tag is answered, so the tagged ones were well formed.
    send(&farm.client, &arp_request(None));
    wire.until(&[&format!("Reply {VIP} is-at {MASTER_MAC}")], Duration::from_secs(2));
    assert_eq!(wire.with(&[&format!("Reply {VIP} is-at")]).len(), 1, "{:#?}", wire.frames());
}

/// The frames that `show drops` counts under `reason`.
fn drops(bng: &Bng, reason: &str) -> u64 {
    let text = bng.cmdctl("show drops\n");
    let row =
        text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).find(|r| r.get(1) == Some(&reason));
    row.map_or(0, |r| r[0].parse().unwrap_or_else(|e| panic!("{e} in:\n{text}")))
}

/// A broadcast request for the virtual server's address, as 10.1.1.1 would send it.
fn arp_request(vlan: Option<u16>) -> Vec<u8> {
    let sender = [0x02, 0, 0, 0, 0, 0x77];
    let mut frame = vec![0xff; 6];
    frame.extend(sender);
    if let Some(vid) = vlan {
        frame.extend([0x81, 0x00]);
        frame.extend(vid.to_be_bytes());
    }
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame.extend(sender);
    frame.extend([10, 1, 1, 1, 0, 0, 0, 0, 0, 0, 10, 1, 0, 100]);
    frame
}

/// Sends one frame as it stands out of the host's `eth0`.
fn send(host: &Host, frame: &[u8]) {
    let octal: String = frame.iter().map(|b| format!("\\{b:03o}")).collect();
    host.run(&format!("printf '{octal}' | socat -u - INTERFACE:eth0"));
}
