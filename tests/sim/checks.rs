//! The life of a target: up at its first answer, down at its timeout, back at its next answer.

use bng::director::Status;
use bng::time::{Duration, Instant};
use bng::wire::MacAddr;

use crate::config;
use crate::traffic::{assert_moved, clients, segment, target};
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
