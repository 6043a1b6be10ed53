//! Failover as a client sees it: the frames go on to the targets, by way of the other node.

use bng::time::Duration;
use bng::wire::MacAddr;

use crate::config::{self, VIRTUAL_MAC};
use crate::traffic::{assert_moved, clients, frame, segment, stations, target};
use crate::world::World;

/// Hosts: the clients' router, two targets.
fn farm() -> World {
    let models = vec![config::farm(0, 200, 2, (2, 10)), config::farm(1, 100, 2, (2, 10))];
    let mut world = World::new(11, models, vec![clients(), target(1), target(2)]);
    world.boot(0);
    world.boot(1);
    world.run_for(Duration::from_secs(20));
    assert_eq!(world.masters(), [0]);
    world
}

fn received(world: &World) -> [usize; 2] {
    [world.hosts[1].received.len(), world.hosts[2].received.len()]
}

#[test]
fn traffic_moves_to_the_new_master_and_on_to_the_targets() {
    let mut world = farm();
    // The client learns the station of the virtual address, which is the virtual router's.
    world.send(0, frame("eth 02:00:00:00:00:c1 ff:ff:ff:ff:ff:ff arp who-has 172.17.2.90 tell 172.17.2.92"));
    world.run_for(Duration::from_millis(50));
    let vip = "172.17.2.90".parse::<std::net::Ipv4Addr>().expect("an address").into();
    assert_eq!(world.hosts[0].neighbors.get(&vip), Some(&VIRTUAL_MAC));
    assert_eq!(world.switch.whereabouts(VIRTUAL_MAC), Some(0));

    // Between two seconds nothing but this traffic moves a counter: checks and advertisements are on full seconds.
    let before = world.node(0).counters();
    let backup = world.node(1).counters();
    for client in 0..40 {
        world.send(0, segment(client, VIRTUAL_MAC, "S"));
        world.send(0, segment(client, VIRTUAL_MAC, "."));
    }
    world.run_for(Duration::from_millis(50));
    assert_eq!(received(&world), [40, 40]);
    assert_moved(
        world.node(0),
        &before,
        "forwarded 80, received 80, server1.bytes 4800, server1.created 40, server1.frames 80, server1.sessions 40, \
         target1.bytes 2400, target1.created 20, target1.frames 40, target1.sessions 20, \
         target2.bytes 2400, target2.created 20, target2.frames 40, target2.sessions 20",
    );
    assert_moved(world.node(1), &backup, "");
    let real = MacAddr::real(config::real(0));
    for host in [1, 2] {
        let target = world.hosts[host].mac;
        assert!(world.hosts[host].received.iter().all(|(_, frame)| stations(frame) == (real, target)));
    }

    world.kill(0);
    world.run_for(Duration::from_secs(4));
    assert_eq!(world.masters(), [1]);
    assert_eq!(
        world.switch.whereabouts(VIRTUAL_MAC),
        Some(1),
        "the switch has learnt where the master is now"
    );

    // Get away from the full seconds of checks and advertisements before counting.
    world.run_for(Duration::from_millis(400));
    let before = world.node(1).counters();
    for client in 0..40 {
        world.send(0, segment(client, VIRTUAL_MAC, "S"));
    }
    world.run_for(Duration::from_millis(50));
    assert_eq!(received(&world), [60, 60]);
    assert_moved(
        world.node(1),
        &before,
        "forwarded 40, received 40, server1.bytes 2400, server1.created 40, server1.frames 40, server1.sessions 40, \
         target1.bytes 1200, target1.created 20, target1.frames 20, target1.sessions 20, \
         target2.bytes 1200, target2.created 20, target2.frames 20, target2.sessions 20",
    );
    world.check_conservation();
}

#[test]
fn frames_are_lost_only_between_the_death_of_the_master_and_the_takeover() {
    let mut world = farm();
    let (mut sent, step) = (0, Duration::from_millis(10));
    let one_more = |world: &mut World, sent: &mut u32| {
        world.send(0, segment(*sent % 100, VIRTUAL_MAC, "."));
        *sent += 1;
        world.run_for(step);
    };
    while sent < 200 {
        one_more(&mut world, &mut sent);
    }
    world.kill(0);
    let death = world.now;
    while world.masters().is_empty() {
        one_more(&mut world, &mut sent);
    }
    let outage = world.now - death;
    // At most the master down interval of a backup with priority 100, seen in steps of 10 ms.
    assert!(outage <= Duration::from_micros(3_000_000 + 609_375) + step * 2, "{outage:?}");
    let lost_by_then = sent as usize - received(&world).iter().sum::<usize>();
    for _ in 0..200 {
        one_more(&mut world, &mut sent);
    }
    let lost = sent as usize - received(&world).iter().sum::<usize>();
    assert!(lost <= lost_by_then, "{lost} lost, {lost_by_then} of them during the outage");
    assert!((lost as u128) <= outage.as_millis() / 10 + 1, "{lost} frames lost in {outage:?}");
}

#[test]
fn a_returning_better_master_takes_the_traffic_back() {
    let mut world = farm();
    world.kill(0);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.masters(), [1]);
    world.boot(0);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.masters(), [0]);
    assert_eq!(world.switch.whereabouts(VIRTUAL_MAC), Some(0));
    world.send(0, segment(1, VIRTUAL_MAC, "S"));
    world.run_for(Duration::from_millis(50));
    assert_eq!(received(&world).iter().sum::<usize>(), 1);
    assert_eq!(world.node(0).session_count(), 1);
}

#[test]
fn a_backup_forwards_nothing_that_is_sent_to_it_by_mistake() {
    let mut world = farm();
    world.run_for(Duration::from_millis(400));
    let before = world.node(1).counters();
    world.send(0, segment(1, MacAddr::real(config::real(1)), "S"));
    world.run_for(Duration::from_millis(50));
    assert_eq!(received(&world), [0, 0]);
    assert_moved(world.node(1), &before, "drop.not-master 1, received 1");
}
