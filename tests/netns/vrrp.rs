//! Two nodes: keepalived and bng, bng and bng.

use std::time::Duration;

use bng_world::{Bng, Capture, keepalived, wait, web};

use crate::farm::{
    FIRST, Farm, MASTER_MAC, Place, VIP, VIP_ANY, VIRT, clients, config, is_master, until_serving,
};
use crate::suite::{BNG, Case};

/// The node that takes over.
const SECOND: Place = Place { real: "10.1.0.4", real6: "2001:db8::2:2", priority: 100 };
/// Three advertisement intervals and the longest skew (RFC 3768, 6.1).
const MASTER_DOWN: Duration = Duration::from_secs(4);
/// The longest skew, and some slack for a busy machine.
const SKEW: Duration = Duration::from_millis(1500);

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "tcpdump", "keepalived"];
    let mut cases = Case::per_door(
        "keepalived accepts bng as master and takes over when it stops",
        tools,
        with_keepalived,
    );
    cases.extend(Case::per_door("a second node takes over and hands back", tools, fails_over));
    cases
}

fn with_keepalived(door: &str) {
    let mut farm = Farm::new();
    let peer = farm.world.plugged("peer", &["10.1.0.4/16"]);
    let mut bng = farm.bng(door);

    let mut keepalived = keepalived::start(&farm.world, &peer, 79, 100, VIRT, &[VIP, VIP_ANY]);
    let quiet = keepalived.log();
    wait::while_true("keepalived stays backup without a word", MASTER_DOWN + SKEW, || {
        let log = keepalived.log();
        let mut news = log.strip_prefix(&quiet).expect("a log only grows").lines();
        // That it has started it may say late.
        assert_eq!(news.find(|line| !line.ends_with("Startup complete")), None);
        keepalived.ended().is_none()
    });

    bng.stop();
    keepalived.until_logged("Entering MASTER STATE", SKEW);
    bng.start();
    wait::for_true("bng to be master again", MASTER_DOWN + SKEW, || is_master(&bng));
    wait::for_true("keepalived to yield", SKEW, || {
        keepalived.log().matches("Entering BACKUP STATE").count() == 2
    });
    assert_eq!(keepalived.log().matches("Entering MASTER STATE").count(), 1, "{}", keepalived.log());
}

fn fails_over(door: &str) {
    let mut farm = Farm::new();
    let other = farm.world.plugged("other", &[]);
    let mut first = farm.bng(door);
    let mut second = Bng::running(BNG, &farm.world, &other, &config(door, SECOND));
    let url = format!("http://{VIP}/");
    let wire = Capture::start(&farm.world, &farm.client, "eth0", "arp or proto 112");
    let serves = || !web::ask(&farm.client, &url, &clients(1, 2), 1).contains_key("nobody");
    assert!(serves(), "no answer from the farm");

    // It has seen a master for longer than it would wait for one.
    wait::while_true("the second node stays backup", MASTER_DOWN, || !is_master(&second));
    assert!(wire.with(&[&format!("{} > 224.0.0.18", SECOND.real)]).is_empty(), "{:#?}", wire.frames());

    // Death without a word: the second node waits for the master-down interval.
    first.kill();
    let took = wait::for_true("the second node to be master", MASTER_DOWN + SKEW, || is_master(&second));
    assert!(took > Duration::from_secs(2), "took over after only {took:?}");
    wire.until(&[MASTER_MAC, "ARP", &format!("who-has {VIP} tell {VIP}")], SKEW);
    until_serving(&second, &[1, 2]);
    assert!(serves(), "no answer after the failover");

    // The first node has the higher priority and returns.
    first.start();
    wait::for_true("the first node to be master again", MASTER_DOWN + SKEW, || is_master(&first));
    wait::for_true("the second node to yield", SKEW, || !is_master(&second));
    until_serving(&first, &[1, 2]);
    assert!(serves(), "no answer after the return");

    // A clean stop says goodbye: no more than the skew time passes.
    first.stop();
    wait::for_true("the second node to take over at once", SKEW, || is_master(&second));
    wire.until(&[&format!("{} > 224.0.0.18", FIRST.real), "prio 0"], SKEW);
    assert!(serves(), "no answer after the clean stop");
    second.stop();
}
