//! Routed mode on a pair of nodes: connections are translated both ways, and go on by way of the other node.

use bng::time::Duration;
use bng::wire::{IpInfo, L3, dissect};

use crate::config::{self, VIRTUAL_MAC};
use crate::host::Host;
use crate::traffic::{assert_moved, clients, frame, segment};
use crate::world::{Weather, World};

/// Host `n` of the second network.
fn web(n: u16) -> Host {
    let addresses = [format!("10.1.1.{n}"), format!("2001:db8:11::{n:x}")];
    Host::new(&format!("02:00:00:00:10:{n:02x}"), &[&addresses[0], &addresses[1]])
}

/// Hosts: the clients' router, then `targets` targets. Node 0 is the master.
fn farm(seed: u64, targets: u16) -> World {
    let models = vec![config::routed(0, 200, targets, (2, 10)), config::routed(1, 100, targets, (2, 10))];
    let hosts = std::iter::once(clients()).chain((1..=targets).map(web)).collect();
    let mut world = World::new(seed, models, hosts);
    world.boot(0);
    world.boot(1);
    world.run_for(Duration::from_millis(20_400));
    assert_eq!(world.masters(), [0]);
    world
}

/// Everything that host `index` has got since the last call, taken apart.
fn heard(world: &mut World, index: usize) -> Vec<IpInfo> {
    let frames = std::mem::take(&mut world.hosts[index].received);
    let found = frames.iter().map(|(_, frame)| dissect(frame).expect("well-formed").l3);
    found.filter_map(|l3| if let L3::Ip(info) = l3 { Some(info) } else { None }).collect()
}

/// Target `n` answers a packet that it got.
fn answer(world: &mut World, n: usize, to: &IpInfo, flags: &str) {
    let mac = world.hosts[n].mac;
    let (src, dst) = (to.dst.to_ip(), to.src.to_ip());
    let text = format!("eth {mac} {VIRTUAL_MAC} ipv4 {src} {dst} tcp {} {} {flags} pad", to.dport, to.sport);
    world.send(n, frame(&text));
}

/// The client's packet goes to a target, whose answer comes back. Returns the target.
fn exchange(world: &mut World, client: u32, flags: (&str, &str)) -> usize {
    world.send(0, segment(client, VIRTUAL_MAC, flags.0));
    world.run_for(Duration::from_millis(30));
    let targets = world.hosts.len() - 1;
    let arrived: Vec<_> =
        (1..=targets).flat_map(|n| heard(world, n).into_iter().map(move |i| (n, i))).collect();
    let [(n, request)] = arrived[..] else {
        panic!("client {client}: one packet at one target: {arrived:?}")
    };
    assert_eq!(request.dst.to_ip().to_string(), format!("10.1.1.{n}"));
    assert_eq!((request.sport, request.dport), (40_000, 8_080));
    answer(world, n, &request, flags.1);
    world.run_for(Duration::from_millis(30));
    let [reply] = heard(world, 0)[..] else { panic!("client {client}: one answer") };
    assert_eq!(reply.src.to_ip().to_string(), "172.17.2.90");
    assert_eq!(reply.dst, request.src);
    assert_eq!((reply.sport, reply.dport), (80, 40_000));
    n
}

#[test]
fn both_directions_are_translated_and_counted() {
    let mut world = farm(41, 2);
    let (before, backup) = (world.node(0).counters(), world.node(1).counters());
    let targets: Vec<_> = (0..4).map(|client| exchange(&mut world, client, ("S", "S."))).collect();
    assert_eq!(targets, [1, 2, 1, 2]);
    for (client, target) in targets.into_iter().enumerate() {
        assert_eq!(exchange(&mut world, client as u32, (".", ".")), target);
    }
    assert_moved(
        world.node(0),
        &before,
        "flows 4, opened 4, received 16, routed 16, server1.bytes 480, server1.created 4, server1.frames 8, \
         server1.replies 8, server1.reply_bytes 480, server1.sessions 4, \
         target1.bytes 240, target1.created 2, target1.frames 4, target1.replies 4, target1.reply_bytes 240, target1.sessions 2, \
         target2.bytes 240, target2.created 2, target2.frames 4, target2.replies 4, target2.reply_bytes 240, target2.sessions 2",
    );
    assert_moved(world.node(1), &backup, "");
    world.check_conservation();
}

#[test]
fn the_new_master_carries_on_with_the_connections_of_the_old_one() {
    let mut world = farm(42, 1);
    for client in 0..20 {
        assert_eq!(exchange(&mut world, client, ("S", "S.")), 1);
        assert_eq!(exchange(&mut world, client, (".", ".")), 1);
    }
    world.kill(0);
    world.run_for(Duration::from_secs(4));
    assert_eq!(world.masters(), [1]);
    world.run_for(Duration::from_millis(400));
    let before = world.node(1).counters();
    // Nobody opens anything anew: data in the middle of a connection is enough.
    for client in 0..20 {
        assert_eq!(exchange(&mut world, client, (".", ".")), 1);
    }
    let moved = crate::counters::moved(&before, &world.node(1).counters());
    assert_eq!((moved["opened"], moved["flows"], moved["server1.replies"]), (20, 20, 20));
    assert!(moved.keys().all(|name| !name.starts_with("drop.")), "{moved:?}");

    // The better master comes back and knows nothing either.
    world.boot(0);
    world.run_for(Duration::from_millis(12_400));
    assert_eq!(world.masters(), [0]);
    for client in 0..20 {
        assert_eq!(exchange(&mut world, client, (".", ".")), 1);
    }
    world.check_conservation();
}

#[test]
fn without_memory_both_nodes_choose_the_same_target() {
    let mut world = farm(43, 3);
    // Connections that neither node has seen the beginning of, as after two failovers in a row.
    let first: Vec<_> = (0..30).map(|client| exchange(&mut world, client, (".", "."))).collect();
    world.kill(0);
    world.run_for(Duration::from_millis(4_400));
    assert_eq!(world.masters(), [1]);
    let second: Vec<_> = (0..30).map(|client| exchange(&mut world, client, (".", "."))).collect();
    assert_eq!(first, second);
    assert!((1..=3).all(|n| first.contains(&n)), "{first:?}");
}

#[test]
fn closed_connections_leave_nothing_behind() {
    let mut world = farm(44, 1);
    for client in 0..10 {
        exchange(&mut world, client, ("S", "S."));
        exchange(&mut world, client, (".", "."));
        exchange(&mut world, client, ("F.", "F."));
        exchange(&mut world, client, (".", "."));
    }
    let counters = world.node(0).counters();
    assert_eq!((counters["flows"], counters["opened"]), (10, 10));
    world.run_for(Duration::from_secs(60));
    let counters = world.node(0).counters();
    assert_eq!((counters.get("flows"), counters["closed"]), (None, 10));
}

#[test]
fn lost_and_doubled_frames_break_no_translation() {
    for seed in 0..10 {
        let mut world = farm(200 + seed, 2);
        world.weather = Weather { loss: 100, duplicates: 100, ..Weather::FINE };
        let mut answers = 0;
        for round in 0..200u32 {
            let client = round % 10;
            world.send(0, segment(client, VIRTUAL_MAC, if round < 10 { "S" } else { "." }));
            world.run_for(Duration::from_millis(20));
            for n in 1..=2 {
                for request in heard(&mut world, n) {
                    assert_eq!(request.dport, 8_080, "seed {seed}");
                    answer(&mut world, n, &request, ".");
                }
            }
            world.run_for(Duration::from_millis(20));
            for reply in heard(&mut world, 0) {
                assert_eq!(
                    (reply.src.to_ip().to_string().as_str(), reply.sport),
                    ("172.17.2.90", 80),
                    "seed {seed}: what is not translated must not leave"
                );
                answers += 1;
            }
        }
        assert!(answers > 100, "seed {seed}: {answers} answers");
        let counters = world.node(0).counters();
        assert!(counters["opened"] <= 20, "seed {seed}: {counters:?}");
        world.check_conservation();
    }
}
