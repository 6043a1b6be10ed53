//! `ping` of an operator: answers, silence, addresses that nothing is sent to, and an end in any case.

use bng::conf::model::{Gateway, Model};
use bng::director::ping::Report;
use bng::time::Duration;

use crate::config;
use crate::traffic::{clients, target};
use crate::world::{Weather, World};

/// A host that the configuration knows nothing of.
const HOST: &str = "172.17.2.92";

fn world(change: impl FnOnce(&mut Model)) -> World {
    let mut model = config::farm(0, 0, 1, (2, 10));
    change(&mut model);
    let mut world = World::new(5, vec![model], vec![clients(), target(1)]);
    world.weather = Weather { latency: (100, 100), ..Weather::FINE };
    world.boot(0);
    world.run_for(Duration::from_secs(1));
    world
}

fn ping(world: &mut World, to: &str, count: u16) -> Result<u64, String> {
    let mut asked = Ok(0);
    world.with(0, |node, now| asked = node.ping(now, to, count));
    asked
}

/// What comes of a ping within `limit`.
fn report(world: &mut World, to: &str, count: u16, limit: Duration) -> Report {
    ping(world, to, count).expect("a ping that leaves");
    world.run_for(limit);
    let pinged = &world.node(0).pinged;
    assert_eq!(pinged.len(), 1, "{to} within {limit:?}");
    pinged[0].clone()
}

#[test]
fn a_host_that_the_configuration_does_not_know_answers_in_both_families() {
    let answer = Some(Duration::from_micros(400));
    let mut one = world(|_| {});
    let found = report(&mut one, HOST, 3, Duration::from_millis(1_001));
    assert_eq!((found.answers, found.ended), (vec![answer; 3], None));
    assert_eq!(found.from, config::real(0));
    assert_eq!((found.interface, found.device.as_str(), found.through), (1, "eth0", None));
    assert!(one.node(0).director.neighbors().get(found.to.into()).is_none(), "a neighbour for no longer");

    let mut six = world(|_| {});
    let found = report(&mut six, "2001:db8:2::201", 1, Duration::from_millis(1));
    assert_eq!(found.answers, [answer]);
}

#[test]
fn silence_is_told_request_by_request_after_a_bounded_time() {
    let mut world = world(|_| {});
    world.hosts[1].silent = true;
    // The station is known: requests leave half a second apart, and the last one is waited for.
    let found = report(&mut world, "172.17.2.201", 2, Duration::from_millis(1_500));
    assert_eq!((found.answers, found.ended), (vec![None; 2], None));
}

#[test]
fn a_neighbour_that_nobody_is_ends_it_after_three_questions() {
    let mut four = world(|_| {});
    let found = report(&mut four, "172.17.2.250", 20, Duration::from_secs(3));
    assert_eq!(found.ended.as_deref(), Some("172.17.2.250 does not answer ARP"));
    assert!(found.answers.is_empty());
    let mut six = world(|_| {});
    let found = report(&mut six, "2001:db8:2::fefe", 1, Duration::from_secs(3));
    assert_eq!(found.ended.as_deref(), Some("2001:db8:2::fefe does not answer neighbour discovery"));
}

#[test]
fn an_address_that_nothing_can_be_sent_to_is_refused_with_the_reason() {
    let mut world = world(|_| {});
    let mut refused = |to: &str| ping(&mut world, to, 3).expect_err(to);
    assert_eq!(refused("192.0.2.1"), "192.0.2.1 lies in no network");
    assert_eq!(refused("2001:db8:9::1"), "2001:db8:9::1 lies in no network");
    for own in [config::real(0).to_string().as_str(), "172.17.2.90", "172.17.2.100", "2001:db8:2::101"] {
        assert_eq!(refused(own), format!("{own} is an address of this node itself"));
    }
    assert_eq!(refused("224.0.0.1"), "224.0.0.1 is not the address of one host");
}

#[test]
fn a_link_that_is_down_is_named_before_and_meanwhile() {
    let expected = format!("{HOST} lies in network 1, and the link of its interface 1 (eth0) is down");
    let mut world = world(|_| {});
    ping(&mut world, HOST, 3).unwrap();
    world.run_for(Duration::from_millis(100));
    world.plug(0, false);
    world.run_for(Duration::from_millis(1));
    let found = &world.node(0).pinged[0];
    assert_eq!((found.answers.len(), found.ended.as_deref()), (1, Some(expected.as_str())));
    assert_eq!(ping(&mut world, HOST, 3), Err(expected));
}

#[test]
fn networks_out_of_work_and_modules_that_are_missing_are_named() {
    let mut disabled = world(|model| model.networks.get_mut(&1).unwrap().active = false);
    let expected = format!("{HOST} lies in network 1, and that or its interface 1 (eth0) is not enabled");
    assert_eq!(ping(&mut disabled, HOST, 1), Err(expected));
    let mut nameless = world(|model| model.networks.get_mut(&1).unwrap().real = None);
    assert!(ping(&mut nameless, HOST, 1).unwrap_err().contains("has no 'real'"));
    let mut deaf = world(|model| model.modules.retain(|m| *m != bng::conf::model::Module::Hc));
    assert!(ping(&mut deaf, HOST, 1).unwrap_err().contains("does not name 'hc'"));
}

#[test]
fn an_address_elsewhere_is_sent_to_the_gateway() {
    let gateway = Some(Gateway { ipaddr: Some([172, 17, 2, 201].into()), ping: None });
    let mut world = world(|model| model.gateway = gateway);
    // The gateway of this world does not route: the request reaches it, and nobody answers.
    let found = report(&mut world, "192.0.2.1", 1, Duration::from_secs(1));
    assert_eq!(found.through, Some("172.17.2.201".parse().unwrap()));
    assert_eq!((found.answers, found.ended), (vec![None], None));
}

#[test]
fn only_so_many_are_under_way_at_a_time() {
    let mut world = world(|_| {});
    let refused = (0..20).find_map(|_| ping(&mut world, HOST, 3).err()).expect("a limit");
    assert_eq!(refused, "8 pings are under way already, try again when they are done");
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.node(0).pinged.len(), 8);
    assert!(ping(&mut world, HOST, 3).is_ok());
}
