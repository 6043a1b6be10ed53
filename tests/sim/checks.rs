//! The life of a target: up at its first answer, down at its timeout, back at its next answer.

use std::collections::BTreeMap;

use bng::conf::model::{Dns, Probe};
use bng::director::Status;
use bng::director::checks::{Check, Verdict};
use bng::time::{Duration, Instant};
use bng::wire::{L3, MacAddr, dissect, protocol, tcp};

use crate::config;
use crate::traffic::{CLIENT_MAC, assert_moved, clients, frame, segment, target};
use crate::world::{Weather, World};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(1);
/// Station of the addresses of a node without `vrrp` block.
const STATION: MacAddr = MacAddr::real(config::real(0));

/// One node that is always master; hosts: the clients' router and two targets. Every frame takes 100 microseconds
/// on each cable, so that answers come at times that can be told.
fn farm(ping: (u64, u64)) -> World {
    let mut world = World::new(21, vec![config::farm(0, 0, 2, ping)], vec![clients(), target(1), target(2)]);
    world.weather = Weather { latency: (100, 100), ..Weather::FINE };
    world.boot(0);
    world
}

fn status(world: &World, number: u16) -> Status {
    world.node(0).director.targets().find(|t| t.number == number).expect("the target").status
}

/// When the next echo request to target `number` leaves.
fn next_probe(world: &World, number: u16) -> Instant {
    world.node(0).director.checks(number).next().expect("a check").1.next()
}

/// A client asks for a connection: those that are not remembered take turns.
fn send(world: &mut World, client: u32) {
    world.send(0, segment(client, STATION, "S"));
    world.run_for(Duration::from_millis(1));
}

#[test]
fn a_target_is_up_with_its_first_answer() {
    let mut world = farm((2, 10));
    // 0.4 ms: question and answer of ARP over two cables each, then as much for the echo.
    world.run_until(Instant::from_micros(799));
    assert_eq!(status(&world, 1), Status::Waiting);
    world.run_until(Instant::from_micros(800));
    assert_eq!(status(&world, 1), Status::Active);
}

#[test]
fn a_silent_target_is_down_at_its_timeout_and_its_sessions_move() {
    let mut world = farm((2, 10));
    world.run_for(SECOND);
    for client in 0..10 {
        send(&mut world, client);
    }
    assert_eq!(world.hosts[1].received.len(), 5);
    // Somewhere between two probes.
    world.run_until(next_probe(&world, 1) + Duration::from_millis(500));
    world.hosts[1].silent = true;
    let last_answer = Instant::from_micros(next_probe(&world, 1).micros() - 2_000_000 + 400);
    let down = last_answer + 10 * SECOND;
    world.run_until(Instant::from_micros(down.micros() - 1));
    assert_eq!(status(&world, 1), Status::Active, "a microsecond early");
    world.run_until(down);
    assert_eq!(status(&world, 1), Status::CheckFailed);

    let before = world.node(0).counters();
    for client in 0..10 {
        send(&mut world, client);
    }
    assert_moved(
        world.node(0),
        &before,
        "forwarded 10, moved 5, received 10, server1.bytes 600, server1.frames 10, target1.sessions -5, \
         target2.bytes 600, target2.frames 10, target2.sessions 5",
    );
    assert_eq!((world.hosts[1].received.len(), world.hosts[2].received.len()), (5, 15));

    // Back with the next answer; moved sessions stay where they are, new ones take turns.
    world.hosts[1].silent = false;
    let up = next_probe(&world, 1) + Duration::from_micros(400);
    world.run_until(Instant::from_micros(up.micros() - 1));
    assert_eq!(status(&world, 1), Status::CheckFailed);
    world.run_until(up);
    assert_eq!(status(&world, 1), Status::Active);
    let before = world.node(0).counters();
    for client in 0..20 {
        send(&mut world, client);
    }
    assert_moved(
        world.node(0),
        &before,
        "forwarded 20, received 20, server1.bytes 1200, server1.created 10, server1.frames 20, server1.sessions 10, \
         target1.bytes 300, target1.created 5, target1.frames 5, target1.sessions 5, \
         target2.bytes 900, target2.created 5, target2.frames 15, target2.sessions 5",
    );
    let told: Vec<&str> = world.node(0).log.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        told[told.len() - 2..],
        [
            "target 1 (172.17.2.201, 2001:db8:2::201): down: no answer to ping of 172.17.2.201 for 10 s",
            "target 1 (172.17.2.201, 2001:db8:2::201): up: answers ping of 172.17.2.201"
        ],
        "{told:?}"
    );
}

#[test]
fn with_every_target_down_frames_are_dropped_and_sessions_wait() {
    let mut world = farm((2, 10));
    world.run_for(SECOND);
    send(&mut world, 1);
    world.hosts[1].silent = true;
    world.hosts[2].silent = true;
    world.run_until(Instant::from_millis(12_500));
    assert_eq!((status(&world, 1), status(&world, 2)), (Status::CheckFailed, Status::CheckFailed));
    let before = world.node(0).counters();
    send(&mut world, 1);
    send(&mut world, 2);
    assert_moved(world.node(0), &before, "drop.no-target 2, received 2");
    assert_eq!(world.node(0).session_count(), 1);
}

#[test]
fn a_disabled_target_keeps_its_sessions_and_gets_no_new_ones() {
    let mut world = farm((2, 10));
    world.run_for(SECOND);
    for client in 0..4 {
        send(&mut world, client);
    }
    let mut model = config::farm(0, 0, 2, (2, 10));
    model.targets.get_mut(&1).expect("target 1").active = false;
    world.with(0, |node, now| node.reload(now, model));
    assert_eq!(status(&world, 1), Status::Disabled);
    let before = world.node(0).counters();
    for client in 0..8 {
        send(&mut world, client);
    }
    assert_moved(
        world.node(0),
        &before,
        "forwarded 8, received 8, server1.bytes 480, server1.created 4, server1.frames 8, server1.sessions 4, \
         target1.bytes 120, target1.frames 2, target2.bytes 360, target2.created 4, target2.frames 6, \
         target2.sessions 4",
    );
}

#[test]
fn a_target_without_check_is_down_when_its_station_answers_no_more() {
    let mut world = farm((0, 0));
    world.run_for(SECOND);
    assert_eq!(status(&world, 1), Status::Active);
    world.hosts[1].silent = true;
    // Learnt at 0.4 ms; asked again after 30 s, given up with the sixth question five seconds later.
    let given_up = Instant::from_micros(35_000_400);
    world.run_until(Instant::from_micros(given_up.micros() - 1));
    assert_eq!(status(&world, 1), Status::Active, "a microsecond early");
    world.run_until(given_up);
    // IPv6 was learnt at the same time and is given up at the same time.
    assert_eq!(status(&world, 1), Status::Unresolved);
    assert_eq!(status(&world, 2), Status::Active);
    send(&mut world, 1);
    send(&mut world, 2);
    assert_eq!(world.hosts[2].received.len(), 2);

    world.hosts[1].silent = false;
    world.run_for(2 * SECOND);
    assert_eq!(status(&world, 1), Status::Active, "asked for every second at first");
}

#[test]
fn an_answer_that_is_late_counts_within_the_timeout_and_not_after_it() {
    let mut model = config::farm(0, 0, 2, (1, 3));
    for target in model.targets.values_mut() {
        target.ping6 = target.ping;
    }
    let mut world = World::new(22, vec![model], vec![clients(), target(1), target(2)]);
    world.boot(0);
    world.run_for(SECOND);
    assert_eq!(status(&world, 1), Status::Active);
    // A question and its answer cross four cables.
    let each = |millis: u64| Weather { latency: (millis * 250, millis * 250), ..Weather::FINE };
    let stay = |world: &mut World, expected: Status| {
        for _ in 0..150 {
            world.run_for(Duration::from_millis(100));
            assert_eq!((status(world, 1), status(world, 2)), (expected, expected));
        }
    };
    // From the last answer that was not late to the first one that is, less than the timeout.
    world.weather = each(1_900);
    stay(&mut world, Status::Active);
    // Silent for longer than the timeout while answers become so late, and up with the first of them.
    world.weather = each(2_900);
    world.run_for(5 * SECOND);
    stay(&mut world, Status::Active);
    let latest = world.node(0).director.checks(1).filter_map(|(_, check)| check.round_trip());
    assert!(latest.min() >= Some(Duration::from_millis(2_900)), "the answers were late");
    // The answers under way are the last ones in time.
    world.weather = each(3_100);
    world.run_for(7 * SECOND);
    for n in [1, 2] {
        assert_eq!(status(&world, n), Status::CheckFailed);
        let checks: Vec<_> = world.node(0).director.checks(n).map(|(_, check)| check.result()).collect();
        assert_eq!(checks, ["failed (no answer)"; 2]);
    }
    // They go on to come, and never count.
    stay(&mut world, Status::CheckFailed);
    world.weather = Weather::FINE;
    world.run_for(5 * SECOND);
    assert_eq!((status(&world, 1), status(&world, 2)), (Status::Active, Status::Active));
}

#[test]
fn a_flood_at_the_ports_of_checks_is_counted_and_decides_nothing() {
    const FLOOD: u64 = 10_000;
    let probe = Probe { interval: SECOND, timeout: 3 * SECOND };
    for (ip, kind, us, peer, stranger) in [
        ("ipv4", 1, "172.17.2.101", "172.17.2.201", "172.17.2.92"),
        ("ipv6", 28, "2001:db8:2::101", "2001:db8:2::201", "2001:db8:2::92"),
    ] {
        let mut model = config::farm(0, 0, 1, (0, 0));
        let checked = model.targets.get_mut(&1).expect("target 1");
        checked.dsr = false;
        checked.dns = Some(Dns { port: 53, probe, name: "example.org".into(), kind, rcode: Some(0) });
        if ip == "ipv4" {
            (checked.ipaddr6, checked.tcpopen) = (None, Some((80, probe)));
        } else {
            (checked.ipaddr, checked.tcpopen6) = (None, Some((80, probe)));
        }
        let mut world = World::new(23, vec![model], vec![clients(), target(1)]);
        world.boot(0);
        world.run_for(SECOND / 50);
        let mut ports = BTreeMap::new();
        let (mut id, mut number) = (0, 0);
        for (_, asked) in &world.hosts[1].received {
            let L3::Ip(info) = dissect(asked).expect("a frame").l3 else { panic!("no packet") };
            assert_eq!((info.src.to_string().as_str(), info.dst.to_string().as_str()), (us, peer));
            ports.insert(info.dport, info.sport);
            let l4 = info.l4(asked);
            match info.proto {
                protocol::TCP => number = tcp::Packet::new(l4).expect("a segment").seq().wrapping_add(1),
                _ => id = u16::from_be_bytes([l4[8], l4[9]]),
            }
        }
        let (syn, query) = (ports[&80], ports[&53]);
        let datagram = |from: &str, rest: &str| {
            frame(&format!("eth {CLIENT_MAC} {STATION} {ip} {from} {us} udp 53 {query} {rest}"))
        };
        let segment = |from: &str, flags: &str, ack: u32| {
            frame(&format!(
                "eth {CLIENT_MAC} {STATION} {ip} {from} {us} tcp 80 {syn} {flags} seq 9 ack {ack}"
            ))
        };
        let flood = |world: &mut World| {
            let before = world.node(0).counters();
            for n in 0..FLOOD {
                let from = if n % 2 == 0 { peer } else { stranger };
                let other = format!("dns example.org {kind} id {} response", id ^ 1);
                world.send(0, datagram(from, if n % 3 == 0 { "payload 1400" } else { &other }));
                let ack = number.wrapping_add(1 + n as u32);
                world.send(0, segment(from, ["S.", ".", "R.", "F."][(n / 2 % 4) as usize], ack));
            }
            world.run_for(SECOND / 50);
            crate::counters::moved(&before, &world.node(0).counters())
        };
        let state = |world: &World| {
            let told = |check: &Check| (check.verdict(), check.counts().strays);
            world.node(0).director.checks(1).map(|(_, check)| told(check)).collect::<Vec<_>>()
        };
        // Everybody is heard, and nobody believed: of segments from the address itself it is the number that is wrong.
        let moved = flood(&mut world);
        let all = 2 * FLOOD as i64;
        assert_eq!(moved, [("punted".to_owned(), all), ("received".to_owned(), all)].into(), "{ip}");
        assert_eq!(state(&world), [(Verdict::Waiting, FLOOD / 2), (Verdict::Waiting, FLOOD)], "{ip}");
        assert_eq!(status(&world, 1), Status::Waiting);
        // The right answers count all the same.
        world.send(0, segment(peer, "S.", number));
        world.send(0, datagram(peer, &format!("dns example.org {kind} id {id} response")));
        world.run_for(SECOND / 50);
        assert_eq!(status(&world, 1), Status::Active, "{ip}");
        // Then nobody asks from these ports any more, and what comes there goes no further than the worker.
        let moved = flood(&mut world);
        assert_eq!(moved, [("drop.not-served".to_owned(), all), ("received".to_owned(), all)].into(), "{ip}");
        assert_eq!(status(&world, 1), Status::Active, "{ip}");
        world.check_conservation();
    }
}

#[test]
fn a_link_that_goes_down_takes_its_targets_with_it() {
    let mut world = farm((2, 10));
    world.run_for(SECOND);
    world.plug(0, false);
    assert_eq!(status(&world, 1), Status::NoNetwork);
    world.run_for(60 * SECOND);
    world.plug(0, true);
    world.run_for(Duration::from_micros(800) + TICK);
    assert_eq!((status(&world, 1), status(&world, 2)), (Status::Active, Status::Active));
}
