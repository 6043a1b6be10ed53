//! The master down interval to the microsecond (RFC 3768 section 6.1), at one node with a peer written by hand.

use bng::seed::Seed;
use bng::time::{Duration, Instant};
use bng::wire::{L3, dissect, ethernet, protocol};

use crate::config;
use crate::node::Node;
use crate::traffic::advert;

const TICK: Duration = Duration::from_micros(1);

/// (256 - priority) / 256 seconds, rounded down to the microsecond.
fn skew(priority: u8) -> Duration {
    Duration::from_micros((256 - u64::from(priority)) * 1_000_000 / 256)
}

fn boot(priority: u8) -> Node {
    let mut node = Node::boot(Instant::ZERO, config::node(0, priority), Seed::new(1));
    node.take_sent();
    node
}

fn hear(node: &mut Node, now: Instant, priority: u8) {
    node.arrive(1, advert(1, priority));
    node.run(now);
}

/// Runs the node one microsecond before `at` and at it; it must become master in between.
fn assert_takes_over_at(node: &mut Node, at: Instant) {
    node.run(Instant::from_micros(at.micros() - 1));
    assert!(!node.is_master(), "master a microsecond early");
    assert_eq!(node.take_sent().len(), 0, "a backup sends nothing");
    assert_eq!(node.deadline(), Some(at));
    node.run(at);
    assert!(node.is_master(), "not master in time");
}

fn lines(node: &mut Node) -> Vec<String> {
    let sent = node.take_sent();
    sent.iter().map(|(_, frame)| ethernet::Frame::new(&frame[..]).expect("a frame").to_string()).collect()
}

#[test]
fn a_backup_takes_over_three_intervals_and_its_skew_after_the_last_advertisement() {
    for priority in [1, 100, 200, 254] {
        let mut node = boot(priority);
        // The start counts as the first advertisement.
        let heard =
            [Instant::from_millis(1_700), Instant::from_micros(2_900_001), Instant::from_micros(5_123_457)];
        for at in heard {
            hear(&mut node, at, 255);
            assert!(!node.is_master());
        }
        assert_takes_over_at(&mut node, heard[2] + Duration::from_secs(3) + skew(priority));
        let told = lines(&mut node);
        let first = format!("> 224.0.0.18: VRRPv2, Advertisement, vrid 79, prio {priority}, intvl 1s");
        assert!(told[0].contains(&first), "{told:?}");
        let announced = told[1..].join("\n");
        assert!(
            announced
                .contains("00:00:5e:00:01:4f > ff:ff:ff:ff:ff:ff, ARP, Request who-has 172.17.2.100 tell")
        );
        assert!(announced.contains("neighbor advertisement, tgt is 2001:db8:2::100"));
        // The node's own addresses are told too: whoever has been elsewhere with them learns it now.
        assert_eq!(told.len(), 5, "{told:?}");
    }
}

#[test]
fn a_backup_that_hears_nobody_takes_over_after_its_start() {
    for priority in [1, 100, 200, 254] {
        assert_takes_over_at(&mut boot(priority), Instant::from_secs(3) + skew(priority));
    }
}

#[test]
fn an_owner_is_master_at_once() {
    let node = boot(255);
    assert!(node.is_master());
}

#[test]
fn an_advertisement_in_the_last_microsecond_keeps_a_backup() {
    for priority in [1, 100, 200, 254] {
        let mut node = boot(priority);
        let end = Instant::from_secs(3) + skew(priority);
        let last = Instant::from_micros(end.micros() - 1);
        hear(&mut node, last, priority);
        node.run(end);
        assert!(!node.is_master());
        assert_takes_over_at(&mut node, last + Duration::from_secs(3) + skew(priority));
    }
}

#[test]
fn a_lesser_master_does_not_keep_a_backup() {
    let mut node = boot(200);
    for second in 1..=3 {
        hear(&mut node, Instant::from_secs(second), 199);
    }
    assert_takes_over_at(&mut node, Instant::from_secs(3) + skew(200));
}

#[test]
fn a_master_that_withdraws_is_followed_after_the_skew() {
    for priority in [1, 100, 200, 254] {
        let mut node = boot(priority);
        hear(&mut node, Instant::from_secs(1), 255);
        hear(&mut node, Instant::from_millis(1_500), 0);
        assert_takes_over_at(&mut node, Instant::from_millis(1_500) + skew(priority));
    }
}

#[test]
fn of_two_masters_of_equal_priority_the_higher_address_stays() {
    // Node 0 has the lower address, so it gives way; seen from node 1 the same advertisement changes nothing.
    let mut low = boot(100);
    low.run(Instant::from_secs(5));
    assert!(low.is_master());
    hear(&mut low, Instant::from_secs(5) + TICK, 100);
    assert!(!low.is_master());

    let mut high = Node::boot(Instant::ZERO, config::node(1, 100), Seed::new(1));
    high.run(Instant::from_secs(5));
    high.arrive(1, advert(0, 100));
    high.run(Instant::from_secs(5) + TICK);
    assert!(high.is_master());
}

#[test]
fn a_node_without_link_takes_no_part_and_starts_afresh_with_it() {
    let mut node = boot(100);
    node.run(Instant::from_secs(4));
    assert!(node.is_master());
    node.take_sent();

    let down = Instant::from_millis(4_500);
    node.link(down, 1, false);
    assert!(!node.is_master());
    // The withdrawal cannot arrive, but a link that only flaps at this end may still carry it.
    assert!(lines(&mut node)[0].contains("prio 0"));
    node.run(Instant::from_secs(60));
    assert!(!node.is_master());
    assert_eq!(node.take_sent().len(), 0, "nothing leaves an interface without link");

    let up = Instant::from_secs(61);
    node.link(up, 1, true);
    node.take_sent();
    assert_takes_over_at(&mut node, up + Duration::from_secs(3) + skew(100));
}

#[test]
fn a_link_that_comes_back_is_told_again_who_has_the_addresses() {
    // No election here: mastership does not change, but the cable may have come back to another socket.
    let mut node = Node::boot(Instant::ZERO, config::farm(0, 0, 1, (0, 0)), Seed::new(1));
    let first = announced(&mut node);
    assert_eq!(first.len(), 6, "real, virt and server, twice: {first:?}");
    node.link(Instant::from_secs(1), 1, false);
    node.take_sent();
    node.link(Instant::from_secs(9), 1, true);
    assert_eq!(announced(&mut node), first);
}

/// Announcements that were sent, in order.
fn announced(node: &mut Node) -> Vec<String> {
    let sent = node.take_sent();
    let announcements = sent.iter().filter(|(_, frame)| match dissect(frame).expect("a frame").l3 {
        L3::Arp => frame[28..32] == frame[38..42],
        L3::Ip(info) => info.proto == protocol::ICMPV6 && info.l4(frame)[0] == 136,
        L3::Other => false,
    });
    announcements.map(|(_, frame)| ethernet::Frame::new(&frame[..]).expect("a frame").to_string()).collect()
}
