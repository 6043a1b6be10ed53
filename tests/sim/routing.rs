//! Two networks on one wire: hosts reach each other through a pair of nodes, whoever is master, whatever gets lost.

use std::net::Ipv4Addr;

use bng::conf::model::{Model, Module, Network, Subnet4};
use bng::net::neighbor::UNUSED;
use bng::time::Duration;

use crate::config::{self, VIRTUAL_MAC};
use crate::host::Host;
use crate::traffic::{CLIENT_MAC, assert_moved, clients, frame, stations};
use crate::world::{Weather, World};

const SERVER_MAC: &str = "02:00:00:00:10:05";

/// Node `index` that routes between the network of all simulations and 10.1.1.0/24.
fn router(index: usize, priority: u8) -> Model {
    let mut model = config::node(index, priority);
    let second = Network {
        subnet4: Some(Subnet4 { addr: Ipv4Addr::new(10, 1, 1, 0), prefix: 24 }),
        real: Some(Ipv4Addr::new(10, 1, 1, 101 + index as u8)),
        virt: Some(Ipv4Addr::new(10, 1, 1, 100)),
        interface: 1,
        active: true,
        ..Network::default()
    };
    model.networks.insert(2, second);
    model.modules.push(Module::Rt);
    model.ipforwarding = true;
    model
}

/// Hosts: the client, the server in the second network, which no configuration names.
fn world(seed: u64) -> World {
    let hosts = vec![clients(), Host::new(SERVER_MAC, &["10.1.1.5"])];
    let mut world = World::new(seed, vec![router(0, 200), router(1, 100)], hosts);
    world.boot(0);
    world.boot(1);
    world.run_for(Duration::from_millis(20_500));
    assert_eq!(world.masters(), [0]);
    world
}

/// The client sends number `n` to `to` by way of the virtual router.
fn send(world: &mut World, n: u32, to: &str) {
    let port = 1024 + n;
    let text = format!("eth {CLIENT_MAC} {VIRTUAL_MAC} ipv4 172.17.2.92 {to} udp {port} 53 pad");
    world.send(0, frame(&text));
}

#[test]
fn the_first_packet_finds_the_server_and_so_does_the_first_one_after_a_failover() {
    let mut world = world(31);
    let before = world.node(0).counters();
    send(&mut world, 1, "10.1.1.5");
    world.run_for(Duration::from_millis(50));
    let [(_, arrived)] = &world.hosts[1].received[..] else { panic!("one packet") };
    let from = "06:00:0a:01:01:65".parse().expect("a station");
    assert_eq!(stations(arrived), (from, SERVER_MAC.parse().expect("a station")));
    assert_eq!(arrived[22], 63, "one hop less");
    assert_moved(world.node(0), &before, "punted 1, received 2, routed 1");

    world.kill(0);
    world.run_for(Duration::from_secs(4));
    assert_eq!(world.masters(), [1]);
    send(&mut world, 2, "10.1.1.5");
    world.run_for(Duration::from_millis(50));
    assert_eq!(world.hosts[1].received.len(), 2);
}

#[test]
fn a_server_that_nobody_talks_to_is_forgotten_and_one_that_is_used_is_kept() {
    let server = Ipv4Addr::new(10, 1, 1, 5).into();
    let mut world = world(32);
    for n in 0..200 {
        send(&mut world, n, "10.1.1.5");
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(world.hosts[1].received.len(), 200);
    assert!(world.node(0).director.neighbors().mac(server).is_some());
    world.run_for(2 * UNUSED);
    assert!(world.node(0).director.neighbors().get(server).is_none());
    send(&mut world, 1, "10.1.1.5");
    world.run_for(Duration::from_millis(50));
    assert_eq!(world.hosts[1].received.len(), 201);
}

#[test]
fn lost_questions_delay_packets_but_lose_none_that_may_wait() {
    for seed in 0..20 {
        let mut world = world(100 + seed);
        // Nobody can be asked for the first two questions; the third one comes in time.
        world.cut(3, true, true);
        send(&mut world, 1, "10.1.1.5");
        world.run_for(Duration::from_millis(1_500));
        world.cut(3, false, false);
        world.weather = Weather::FINE;
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.hosts[1].received.len(), 1, "seed {seed}");
        world.check_conservation();
    }
}

#[test]
fn a_host_that_is_not_there_is_given_up_with_a_word_to_the_sender() {
    let mut world = world(33);
    let before = world.node(0).counters();
    for n in 0..20 {
        send(&mut world, n, "10.1.1.6");
    }
    world.run_for(Duration::from_millis(200));
    assert_moved(world.node(0), &before, "drop.neighbor-wait 4, received 20, waiting 16");
    world.run_for(Duration::from_secs(8));
    let moved = crate::counters::moved(&before, &world.node(0).counters());
    assert_eq!((moved.get("waiting"), moved["drop.neighbor-wait"], moved["errors"]), (None, 20, 16));
    let absent = Ipv4Addr::new(10, 1, 1, 6).into();
    assert!(world.node(0).director.neighbors().get(absent).is_none(), "nothing is asked for for ever");
}
