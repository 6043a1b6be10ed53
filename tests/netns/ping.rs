//! `ping` of an operator among real peers, and counters that start again.

use std::process::Stdio;
use std::time::Duration;

use bng_world::{Bng, wait};

use crate::farm::{FIRST, Farm, VIP};
use crate::suite::Case;

/// The client's first address, which the configuration does not know.
const CLIENT: &str = "10.1.1.1";
/// An address of the network that nobody has.
const NOBODY: &str = "10.1.0.200";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Case::per_door("ping tells answers, silence and why nothing leaves", &["nginx"], pings);
    cases.push(Case::new("cleared counters of interfaces start again", &["nginx"], clears));
    cases
}

/// Standard output and error of one command, and whether it succeeded.
fn said(bng: &Bng, arguments: &[&str]) -> (bool, String) {
    let out = bng.run(arguments);
    let text = [&out.stdout[..], &out.stderr[..]].concat();
    (out.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn pings(door: &str) {
    let farm = Farm::new();
    let bng = farm.bng(door);
    for address in ["10.1.0.11", CLIENT, "2001:db8::1:2", "2001:db8::3:1"] {
        let (done, text) = said(&bng, &["ping", address, "2"]);
        assert!(done && text.contains("2 sent, 2 answered, 0 lost; min "), "{text}");
        let from = if address.contains(':') { FIRST.real6 } else { FIRST.real };
        assert!(text.contains(&format!("ping {address} from {from}, interface 1 (eth0)")), "{text}");
    }
    let (done, text) = said(&bng, &["ping", VIP]);
    assert!(!done && text.contains(&format!("{VIP} is an address of this node itself")), "{text}");
    let (done, text) = said(&bng, &["ping", "192.0.2.1"]);
    assert!(!done && text.contains("192.0.2.1 lies in no network"), "{text}");

    // Nobody waits for somebody else's ping.
    let mut silent = bng.command();
    let mut silent =
        silent.args(["ping", NOBODY]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait::for_true("the question", Duration::from_secs(2), || bng.cmdctl("show arp\n").contains(NOBODY));
    assert!(silent.try_wait().unwrap().is_none(), "the ping is over, so nothing is proved");
    let out = silent.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[&out.stdout[..], &out.stderr[..]].concat()).into_owned();
    assert!(!out.status.success() && text.contains(&format!("{NOBODY} does not answer ARP")), "{text}");

    farm.client.run("sysctl -qw net.ipv4.icmp_echo_ignore_all=1");
    let (done, text) = said(&bng, &["ping", CLIENT, "2"]);
    assert!(!done && text.contains("2 sent, 0 answered, 2 lost"), "{text}");
}

/// Frames received and sent on interface 1.
fn moved(bng: &Bng) -> (u64, u64) {
    let row = bng.row("interfaces", 1).expect("interface 1");
    let number = |at: usize| row[at].parse().unwrap_or_else(|e| panic!("{e}: {row:?}"));
    (number(5), number(6))
}

fn clears() {
    let farm = Farm::new();
    let bng = farm.bng("raw");
    bng.cmdctl("ping 10.1.0.11 10\n");
    wait::for_true("counters that have moved", Duration::from_secs(5), || {
        moved(&bng).0 > 15 && moved(&bng).1 > 15
    });
    bng.cmdctl("clear counters\n");
    // Published every 100 ms; the checks of four addresses go on meanwhile.
    std::thread::sleep(Duration::from_millis(300));
    let (received, sent) = moved(&bng);
    assert!(received < 10 && sent < 10, "{received} received, {sent} sent");
    let vrrp = bng.cmdctl("show vrrp json\n");
    let adverts = vrrp.split("\"adverts_sent\":").nth(1).and_then(|rest| rest.split(',').next());
    assert!(adverts.is_some_and(|n| n == "0" || n == "1"), "{vrrp}");
    wait::for_true("counters that move again", Duration::from_secs(5), || moved(&bng).0 > received);
}
