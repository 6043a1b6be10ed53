//! A new configuration in the middle of traffic: what did not change keeps its state.

use bng::director::Status;
use bng::time::Duration;
use bng::wire::MacAddr;

use crate::config::{self, VIRTUAL_MAC};
use crate::traffic::{assert_moved, clients, segment, target};
use crate::world::World;

const STATION: MacAddr = MacAddr::real(config::real(0));

fn farm() -> World {
    let hosts = vec![clients(), target(1), target(2), target(3)];
    let mut world = World::new(31, vec![config::farm(0, 0, 2, (2, 10))], hosts);
    world.boot(0);
    world.run_for(Duration::from_millis(500));
    for client in 0..20 {
        world.send(0, segment(client, STATION, "S"));
    }
    world.run_for(Duration::from_millis(50));
    assert_eq!(world.node(0).session_count(), 20);
    world
}

fn traffic_of_all_clients(world: &mut World) {
    for client in 0..20 {
        world.send(0, segment(client, STATION, "."));
    }
    world.run_for(Duration::from_millis(50));
}

#[test]
fn the_same_configuration_again_changes_nothing() {
    let mut world = farm();
    let same = world.slots[0].model.clone();
    let told = world.node(0).log.len();
    world.with(0, |node, now| node.reload(now, same));
    let before = world.node(0).counters();
    traffic_of_all_clients(&mut world);
    assert_moved(
        world.node(0),
        &before,
        "forwarded 20, received 20, server1.bytes 1200, server1.frames 20, \
         target1.bytes 600, target1.frames 10, target2.bytes 600, target2.frames 10",
    );
    assert_eq!(world.node(0).log[told..], [], "nothing to tell");
}

#[test]
fn sessions_stay_when_a_target_is_added() {
    let mut world = farm();
    world.with(0, |node, now| node.reload(now, config::farm(0, 0, 3, (2, 10))));
    world.run_for(Duration::from_millis(50));
    let statuses: Vec<Status> = world.node(0).director.targets().map(|t| t.status).collect();
    assert_eq!(statuses, [Status::Active; 3]);
    let before = world.node(0).counters();
    traffic_of_all_clients(&mut world);
    for client in 100..103 {
        world.send(0, segment(client, STATION, "S"));
    }
    world.run_for(Duration::from_millis(50));
    assert_moved(
        world.node(0),
        &before,
        "forwarded 23, received 23, server1.bytes 1380, server1.created 3, server1.frames 23, server1.sessions 3, \
         target1.bytes 660, target1.created 1, target1.frames 11, target1.sessions 1, \
         target2.bytes 660, target2.created 1, target2.frames 11, target2.sessions 1, \
         target3.bytes 60, target3.created 1, target3.frames 1, target3.sessions 1",
    );
}

#[test]
fn sessions_of_a_removed_target_move_and_the_others_stay() {
    let mut world = farm();
    let mut model = world.slots[0].model.clone();
    model.targets.remove(&2);
    model.servers.get_mut(&1).expect("server 1").targets = vec![1];
    world.with(0, |node, now| node.reload(now, model));
    let before = world.node(0).counters();
    traffic_of_all_clients(&mut world);
    assert_moved(
        world.node(0),
        &before,
        "forwarded 20, moved 10, received 20, server1.bytes 1200, server1.frames 20, \
         target1.bytes 1200, target1.frames 20, target1.sessions 10, target2.sessions -10",
    );
}

#[test]
fn a_disabled_server_drops_and_finds_its_sessions_again() {
    let mut world = farm();
    let model = world.slots[0].model.clone();
    let mut off = model.clone();
    off.servers.get_mut(&1).expect("server 1").active = false;
    world.with(0, |node, now| node.reload(now, off));
    let before = world.node(0).counters();
    traffic_of_all_clients(&mut world);
    assert_moved(world.node(0), &before, "drop.server-disabled 20, received 20");
    world.with(0, |node, now| node.reload(now, model));
    let before = world.node(0).counters();
    traffic_of_all_clients(&mut world);
    assert_moved(
        world.node(0),
        &before,
        "forwarded 20, received 20, server1.bytes 1200, server1.frames 20, \
         target1.bytes 600, target1.frames 10, target2.bytes 600, target2.frames 10",
    );
}

#[test]
fn a_vrrp_block_that_is_removed_or_added_changes_mastership_only_where_it_must() {
    let models = vec![config::farm(0, 200, 1, (0, 0)), config::farm(1, 100, 1, (0, 0))];
    let mut world = World::new(33, models, vec![clients(), target(1)]);
    world.boot(0);
    world.boot(1);
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.masters(), [0]);
    // A lower priority than the backup's: the backup preempts.
    world.with(0, |node, now| node.reload(now, config::farm(0, 50, 1, (0, 0))));
    assert_eq!(world.masters(), [0], "still, until the backup has waited");
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.masters(), [1]);
    assert_eq!(world.switch.whereabouts(VIRTUAL_MAC), Some(1));
    // Priority 255 takes over at once.
    world.with(0, |node, now| node.reload(now, config::farm(0, 255, 1, (0, 0))));
    assert!(world.node(0).is_master());
    world.run_for(Duration::from_millis(10));
    assert_eq!(world.masters(), [0]);
}

#[test]
fn cleared_counters_begin_again_and_sessions_are_still_counted() {
    let mut world = farm();
    world.with(0, |node, _| node.clear_counters());
    let left: Vec<_> = world.node(0).counters().into_iter().collect();
    let named = |name: &str, n| (name.to_owned(), n);
    assert_eq!(
        left,
        [named("server1.sessions", 20), named("target1.sessions", 10), named("target2.sessions", 10)]
    );
    traffic_of_all_clients(&mut world);
    assert_eq!(world.node(0).counters()["server1.frames"], 20);
}

#[test]
fn cleared_sessions_are_created_again_by_the_next_frames() {
    let mut world = farm();
    world.with(0, |node, _| node.clear_sessions());
    assert_eq!(world.node(0).session_count(), 0);
    let counters = world.node(0).counters();
    assert!(!counters.keys().any(|name| name.ends_with(".sessions")), "{counters:?}");
    traffic_of_all_clients(&mut world);
    assert_eq!(world.node(0).session_count(), 20);
    assert_eq!(world.node(0).counters()["server1.created"], 40);
}

#[test]
fn forgotten_neighbours_are_asked_for_and_their_targets_come_back() {
    let mut world = farm();
    let statuses =
        |world: &World| -> Vec<Status> { world.node(0).director.targets().map(|t| t.status).collect() };
    world.with(0, |node, now| node.director.forget_neighbors(now));
    assert_eq!(world.node(0).director.neighbors().iter().filter(|(_, n)| n.mac.is_some()).count(), 0);
    world.run_for(Duration::from_millis(500));
    assert_eq!(statuses(&world), [Status::Active; 2]);
}

#[test]
fn an_inserted_station_holds_until_the_neighbour_itself_answers() {
    let mut world = farm();
    let target = world.slots[0].model.targets[&1].ipaddr.expect("an IPv4 target");
    let fake = MacAddr([0, 0x50, 0x56, 0xab, 0x6e, 0x97]);
    let addr = bng::net::Addr::v4(target);
    let own = world.node(0).director.neighbors().mac(addr);
    world.with(0, |node, now| node.director.insert_neighbor(now, addr, fake).expect("a target"));
    assert_eq!(world.node(0).director.neighbors().mac(addr), Some(fake));
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.node(0).director.neighbors().mac(addr), own);
    let stranger = bng::net::Addr::v4([192, 0, 2, 1].into());
    world.with(0, |node, now| {
        assert!(node.director.insert_neighbor(now, stranger, fake).unwrap_err().contains("neither"));
    });
}
