//! Farms of all kinds under all methods: who gets new sessions, who keeps them, and how many.

use std::collections::{BTreeMap, BTreeSet};

use bng::conf::model::{Method, Model, State};
use bng::director::Status;
use bng::seed::Seed;
use bng::slb::session::Why;
use bng::time::Duration;
use bng::wire::{L3, MacAddr, dissect};

use crate::config::{self, VIRTUAL_MAC};
use crate::traffic::{clients, segment, target};
use crate::world::World;

const STATION: MacAddr = MacAddr::real(config::real(0));
/// Longest time that a frame is under way.
const ARRIVAL: Duration = Duration::from_millis(20);

/// A node with `model`, its targets and a router, ten seconds old.
fn world(seed: u64, model: Model) -> World {
    let hosts = std::iter::once(clients()).chain(model.targets.keys().map(|n| target(*n))).collect();
    let mut world = World::new(seed, vec![model], hosts);
    world.boot(0);
    world.run_for(Duration::from_secs(10));
    world
}

/// Segments of clients with these numbers, and where they went.
fn ask(
    world: &mut World,
    station: MacAddr,
    numbers: impl Iterator<Item = u32>,
    flags: &str,
) -> BTreeMap<u32, u16> {
    world.hosts.iter_mut().for_each(|host| host.received.clear());
    for n in numbers {
        world.send(0, segment(n, station, flags));
    }
    world.run_for(ARRIVAL);
    let mut went = BTreeMap::new();
    for (n, host) in (0..).zip(&world.hosts) {
        for (_, frame) in &host.received {
            let Ok(L3::Ip(info)) = dissect(frame).map(|found| found.l3) else { panic!("not IP") };
            let client = u32::from(info.src.as_v4().expect("IPv4")) & 0x00ff_ffff;
            assert_eq!(went.insert(client, n), None, "client {client} is sent to two targets");
        }
    }
    went
}

/// New sessions of these clients, by target.
fn shares(world: &mut World, numbers: impl Iterator<Item = u32>) -> BTreeMap<u16, u32> {
    let mut shares = BTreeMap::new();
    for target in ask(world, STATION, numbers, "S").into_values() {
        *shares.entry(target).or_default() += 1;
    }
    shares
}

fn statuses(world: &World) -> BTreeMap<u16, Status> {
    world.node(0).director.targets().map(|view| (view.number, view.status)).collect()
}

/// What the operator changes: another state, and the node is told.
fn reload(world: &mut World, change: impl FnOnce(&mut Model)) {
    let mut model = world.node(0).director.model().clone();
    change(&mut model);
    world.with(0, |node, now| node.reload(now, model));
    world.run_for(ARRIVAL);
}

/// Every session is in the books of its server and of one target.
fn check_books(world: &World) {
    let counters = world.node(0).counters();
    let value = |name: &str| counters.get(name).copied().unwrap_or(0);
    let of_targets = |what: &str| -> u64 { (1..=16).map(|n| value(&format!("target{n}.{what}"))).sum() };
    let live = world.node(0).session_count() as u64;
    assert_eq!(value("server1.sessions"), live);
    assert_eq!(of_targets("sessions"), live);
    assert_eq!(value("server1.created") - value("expired") - value("evicted"), live);
    assert_eq!(of_targets("created"), value("server1.created"));
    assert_eq!(of_targets("frames"), value("server1.frames"));
    let dropped: u64 = counters.iter().filter(|(name, _)| name.starts_with("drop.")).map(|(_, n)| n).sum();
    let taken = value("forwarded") + value("punted") + value("resolved") + value("echoed");
    assert!(value("received") <= taken + dropped, "a frame is not accounted for");
}

/// One life of a random farm.
fn live(number: u64) {
    let mut seed = Seed::new(number);
    let count = 2 + seed.below(6) as u16;
    let backups = seed.below(3).min(u64::from(count) - 1) as u16;
    // Every method has its lives.
    let method = Method::ALL[number as usize % Method::ALL.len()].1;
    let mut model = config::farm(0, 0, count, (1, 3));
    let server = model.servers.get_mut(&1).expect("server 1");
    server.method = method;
    server.backups = server.targets.split_off(usize::from(count - backups));
    for target in model.targets.values_mut() {
        target.weight = 1 + seed.below(5) as u32;
        target.slowstart = Duration::from_secs(seed.below(3) * 7);
    }
    let (primaries, backups) = (server.targets.clone(), server.backups.clone());
    let mut world = world(number, model);
    let mut homes: BTreeMap<u32, u16> = BTreeMap::new();
    let mut fresh = 0;
    for step in 0..50 {
        let about = format!("seed {number}, step {step}, {method:?}");
        let chosen = 1 + seed.below(count.into()) as u16;
        match seed.below(6) {
            0 => world.hosts[usize::from(chosen)].silent ^= true,
            1 => {
                let state = [State::Active, State::Drain, State::Maintenance][seed.below(3) as usize];
                reload(&mut world, |model| {
                    model.targets.get_mut(&chosen).expect("it is there").state = state
                });
            }
            2 => reload(&mut world, |model| {
                let target = model.targets.get_mut(&chosen).expect("it is there");
                target.active = !target.active;
            }),
            3 => reload(&mut world, |model| {
                model.targets.get_mut(&chosen).expect("it is there").weight = 1 + step % 9;
            }),
            4 => {
                let load = (seed.below(3) > 0).then(|| seed.below(400) as u32);
                world.node(0).director.loads().set_agent(chosen, load);
            }
            _ => {}
        }
        world.run_for(Duration::from_millis(seed.below(2_000)));
        let before = statuses(&world);
        let old: Vec<u32> = homes.keys().copied().filter(|_| seed.below(3) == 0).collect();
        let stayed = ask(&mut world, STATION, old.iter().copied(), ".");
        let new = fresh..fresh + 1 + seed.below(12) as u32;
        fresh = new.end;
        let came = ask(&mut world, STATION, new.clone(), "S");
        let after = statuses(&world);
        let either = |n: &u16, test: fn(&Status) -> bool| [&before, &after].iter().any(|s| test(&s[n]));
        let both = |n: &u16, test: fn(&Status) -> bool| [&before, &after].iter().all(|s| test(&s[n]));
        let active: fn(&Status) -> bool = |status| *status == Status::Active;

        for (client, target) in came.iter().chain(&stayed) {
            let home = homes.get(client);
            match home {
                Some(home) if both(home, |status| status.served()) => {
                    assert_eq!(home, target, "{about}: client {client} was moved from a target that is up");
                }
                // It is new, or its target is down: whoever takes new sessions may have it.
                _ if home != Some(target) => {
                    assert!(either(target, active), "{about}: target {target} got a new session");
                    let spare = backups.contains(target) && primaries.iter().any(|n| both(n, active));
                    assert!(!spare, "{about}: backup {target} got a session beside primaries");
                }
                _ => {}
            }
            homes.insert(*client, *target);
        }
        let anybody = primaries.iter().chain(&backups).any(|n| both(n, active));
        assert!(!anybody || came.len() == new.len(), "{about}: a client was turned away");
        check_books(&world);
    }
    world.check_conservation();
}

#[test]
fn random_farms_give_no_session_to_who_may_have_none_and_move_none_that_is_served() {
    (0..11 * Method::ALL.len() as u64).for_each(live);
}

fn weighted(method: Method) -> Model {
    let mut model = config::farm(0, 0, 4, (0, 0));
    model.servers.get_mut(&1).expect("server 1").method = method;
    for (n, target) in &mut model.targets {
        target.weight = u32::from(*n);
    }
    model
}

#[test]
fn weights_are_met_within_the_bound_of_each_method() {
    const CLIENTS: u32 = 2_000;
    for (word, method) in Method::ALL {
        let mut world = world(3, weighted(method));
        // Clients of different networks.
        let shares = shares(&mut world, (1..=CLIENTS).map(|n| n << 9 | n & 0xff));
        let count = |n: u16| shares.get(&n).copied().unwrap_or(0);
        for n in 1..=4 {
            let due = f64::from(CLIENTS) * f64::from(n) / 10.0;
            // Chance: five standard deviations.
            let chance = 5.0 * (due * (1.0 - f64::from(n) / 10.0)).sqrt();
            let (due, bound) = match method {
                Method::First => (if n == 1 { f64::from(CLIENTS) } else { 0.0 }, 0.0),
                // Nothing is known of any agent, so sessions decide.
                Method::Rr | Method::Session | Method::Agent => (due, 2.0),
                // Without traffic new sessions alone are load: those of one sum are unseen after it.
                Method::Bw => (due, 40.0),
                Method::Random | Method::Hash | Method::Maglev => (due, chance),
                // Shares fall as sessions grow: where they come to rest, they are as the roots of the weights.
                Method::RndAgent | Method::RndSession | Method::RndBw => {
                    let roots: f64 = (1..=4).map(|n| f64::from(n).sqrt()).sum();
                    (f64::from(CLIENTS) * f64::from(n).sqrt() / roots, chance)
                }
            };
            let off = (f64::from(count(n)) - due).abs();
            assert!(off <= bound, "{word}: target {n} has {} of {due}: {shares:?}", count(n));
        }
        assert_eq!(shares.values().sum::<u32>(), CLIENTS, "{word}");
        let reached = if method == Method::First { 1 } else { 4 };
        assert_eq!(shares.len(), reached, "{word}: {shares:?}");
    }
}

#[test]
fn sessions_at_random_are_fewer_where_there_are_more() {
    let mut model = config::farm(0, 0, 2, (0, 0));
    model.servers.get_mut(&1).expect("server 1").method = Method::RndAgent;
    let mut world = world(4, model);
    let loads = world.node(0).director.loads();
    loads.set_agent(1, Some(900));
    loads.set_agent(2, Some(100));
    // A tenth; new sessions are load too, so it becomes more.
    let got = shares(&mut world, 0..100);
    assert!((2..30).contains(&got[&1]), "{got:?}");
}

#[test]
fn the_least_loaded_gets_the_next_session_and_a_burst_does_not_all_go_to_it() {
    let mut model = config::farm(0, 0, 3, (0, 0));
    model.servers.get_mut(&1).expect("server 1").method = Method::Agent;
    let mut world = world(5, model);
    let loads = world.node(0).director.loads();
    for (target, load) in [(1, 300), (2, 50), (3, 310)] {
        loads.set_agent(target, Some(load));
    }
    assert_eq!(shares(&mut world, 0..1), [(2, 1)].into());
    let burst = shares(&mut world, 100..200);
    assert_eq!(burst.len(), 3, "{burst:?}");
    assert!(burst[&2] > burst[&1].max(burst[&3]), "{burst:?}");
}

#[test]
fn traffic_decides_for_bw() {
    let mut model = config::farm(0, 0, 2, (0, 0));
    model.servers.get_mut(&1).expect("server 1").method = Method::Bw;
    let mut world = world(6, model);
    assert_eq!(shares(&mut world, 0..2), [(1, 1), (2, 1)].into());
    let busy = ask(&mut world, STATION, 0..1, ".")[&0];
    for _ in 0..30 {
        for _ in 0..20 {
            world.send(0, segment(0, STATION, "."));
        }
        world.run_for(Duration::from_millis(50));
    }
    let rate = world.node(0).director.loads().rate(busy);
    // 20 frames of 60 bytes every 50 ms.
    assert!((12_000..=26_000).contains(&rate), "{rate}");
    let next = shares(&mut world, 10..11);
    assert_eq!(next, [(3 - busy, 1)].into());
    world.run_for(Duration::from_secs(4));
    assert_eq!(world.node(0).director.loads().rate(busy), 0, "three seconds later it is forgotten");
}

#[test]
fn a_target_has_no_more_sessions_than_it_may_have() {
    for (word, method) in Method::ALL {
        let mut model = weighted(method);
        for n in 1..=3 {
            model.targets.get_mut(&n).expect("it is there").maxsessions = 5;
        }
        let mut world = world(7, model);
        let got = shares(&mut world, (0..100).map(|n| n << 8));
        assert!((1..=3).all(|n| got.get(&n).is_none_or(|got| *got <= 5)), "{word}: {got:?}");
        assert_eq!(got.values().sum::<u32>(), 100, "{word}");
        reload(&mut world, |model| model.targets.get_mut(&4).expect("it is there").maxsessions = 1);
        let before = world.node(0).counters();
        let got = shares(&mut world, (200..300).map(|n| n << 8));
        let room: u32 = got.values().sum();
        assert!(room <= 15, "{word}: {got:?}");
        let moved = crate::counters::moved(&before, &world.node(0).counters());
        assert_eq!(moved.get("drop.full"), Some(&i64::from(100 - room)), "{word}");
        check_books(&world);
    }
}

#[test]
fn backups_serve_while_no_other_can_and_keep_what_they_have() {
    let mut model = config::farm(0, 0, 3, (1, 3));
    let server = model.servers.get_mut(&1).expect("server 1");
    server.backups = server.targets.split_off(2);
    let mut world = world(8, model);
    assert_eq!(shares(&mut world, 0..10), [(1, 5), (2, 5)].into());
    reload(&mut world, |model| model.targets.get_mut(&1).expect("it is there").state = State::Drain);
    world.hosts[2].silent = true;
    world.run_for(Duration::from_secs(5));
    assert_eq!(statuses(&world)[&2], Status::CheckFailed);
    // Only target 2 has lost its sessions; target 1 leaves, and serves those that it has.
    let went = ask(&mut world, STATION, 0..10, ".");
    assert_eq!(went.values().filter(|target| **target == 1).count(), 5);
    assert_eq!(went.values().filter(|target| **target == 3).count(), 5);
    assert_eq!(shares(&mut world, 100..110), [(3, 10)].into());
    world.hosts[2].silent = false;
    world.run_for(Duration::from_secs(3));
    assert_eq!(shares(&mut world, 200..210), [(2, 10)].into());
    let stayed = ask(&mut world, STATION, 100..110, ".");
    assert!(stayed.values().all(|target| *target == 3), "sessions of backups stay until they end");
    let told: Vec<&str> = world.node(0).log.iter().map(|(_, line)| line.as_str()).collect();
    assert!(told.iter().any(|line| line.contains("serving by its backups: target 3")), "{told:?}");
}

#[test]
fn the_share_of_a_target_that_comes_back_grows_until_it_is_whole() {
    for method in [Method::Rr, Method::Random, Method::Maglev, Method::Session] {
        let mut model = config::farm(0, 0, 2, (1, 3));
        model.servers.get_mut(&1).expect("server 1").method = method;
        // So that sessions that are there do not count.
        model.servers.get_mut(&1).expect("server 1").stimeout = Duration::from_secs(1);
        model.targets.values_mut().for_each(|target| target.slowstart = Duration::from_secs(40));
        let mut world = world(9, model);
        let part = |world: &mut World, from: u32| {
            let got = shares(world, from..from + 400);
            f64::from(got.get(&2).copied().unwrap_or(0)) / 400.0
        };
        let at_first = part(&mut world, 0);
        assert!(
            (0.4..0.6).contains(&at_first),
            "{method:?}: those that come up together begin together: {at_first}"
        );
        world.run_for(Duration::from_secs(60));
        world.hosts[2].silent = true;
        world.run_for(Duration::from_secs(6));
        assert_eq!(statuses(&world)[&2], Status::CheckFailed);
        world.hosts[2].silent = false;
        while statuses(&world)[&2] != Status::Active {
            world.run_for(Duration::from_millis(100));
        }
        let mut parts = Vec::new();
        for n in 1..=9 {
            parts.push(part(&mut world, n * 1_000));
            world.run_for(Duration::from_secs(5));
        }
        // Of 1 + s sessions it gets s: 0 at the beginning, a third in the middle, a half at the end.
        assert!(parts[0] < 0.10, "{method:?}: {parts:?}");
        assert!((0.23..0.43).contains(&parts[4]), "{method:?}: {parts:?}");
        assert!((0.4..0.6).contains(&parts[8]), "{method:?}: {parts:?}");
    }
}

#[test]
fn who_fails_too_often_stays_out_until_the_operator_says_so() {
    let mut model = config::farm(0, 0, 2, (1, 3));
    model.targets.values_mut().for_each(|target| target.autodisable = 2);
    let mut world = world(10, model);
    for expected in [Status::Active, Status::GivenUp] {
        world.hosts[1].silent = true;
        world.run_for(Duration::from_secs(6));
        assert_eq!(statuses(&world)[&1], Status::CheckFailed);
        world.hosts[1].silent = false;
        world.run_for(Duration::from_secs(3));
        assert_eq!(statuses(&world)[&1], expected);
    }
    assert_eq!(shares(&mut world, 0..10), [(2, 10)].into());
    reload(&mut world, |model| model.targets.get_mut(&1).expect("it is there").active = false);
    reload(&mut world, |model| model.targets.get_mut(&1).expect("it is there").active = true);
    assert_eq!(statuses(&world)[&1], Status::Active);
}

#[test]
fn the_end_of_a_drain_is_estimated_from_how_sessions_have_ended() {
    let mut model = config::farm(0, 0, 2, (0, 0));
    let server = model.servers.get_mut(&1).expect("server 1");
    (server.method, server.stimeout) = (Method::Session, Duration::from_secs(75));
    let mut world = world(14, model);
    let ends = |world: &World| {
        let sessions = world.node(0).director.loads().sessions(1);
        let told = world.node(0).director.drained_in(world.now, 1, sessions);
        (sessions, told.map(|ends| ends.as_secs_f64()))
    };
    assert_eq!(ends(&world).1, None, "it does not leave");
    // So that half of those that are left will end every ten seconds: 64, 32, 16, 8, 4, 2, 1.
    for (half, count) in (0..).zip([64, 32, 16, 8, 4, 2, 2]) {
        assert_eq!(shares(&mut world, (0..count).map(|n| half << 8 | n))[&1], count / 2);
        world.run_for(Duration::from_secs(10) - ARRIVAL);
    }
    reload(&mut world, |model| model.targets.get_mut(&1).expect("it is there").state = State::Drain);
    let begun = world.now;
    assert_eq!(ends(&world), (64, None), "nothing to go by yet");
    let mut estimates = Vec::new();
    while ends(&world).0 > 0 {
        world.run_for(Duration::from_secs(1));
        estimates.push((world.now.since(begun).as_secs_f64(), ends(&world)));
    }
    let over = world.now.since(begun).as_secs_f64();
    for (at, (sessions, ends)) in &estimates {
        if (1..=16).contains(sessions) {
            let (is, told) = (over - at, ends.expect("some have ended"));
            assert!((told - is).abs() <= 25.0, "{at} s, {sessions} sessions: {told} s, and it is {is} s");
        }
    }
    assert_eq!(estimates.last().map(|(_, last)| *last), Some((0, Some(0.0))));
}

#[test]
fn connections_that_nobody_remembers_go_to_who_had_them_while_it_drains() {
    for method in [Method::Maglev, Method::Hash] {
        let mut model = config::farm(0, 0, 5, (0, 0));
        model.servers.get_mut(&1).expect("server 1").method = method;
        model.servers.get_mut(&1).expect("server 1").stimeout = Duration::from_secs(100);
        let mut world = world(11, model);
        let all = || (0..200).map(|n| n << 8 | 7);
        let homes = ask(&mut world, STATION, all(), "S");
        assert_eq!(homes.values().collect::<BTreeSet<_>>().len(), 5);
        reload(&mut world, |model| model.targets.get_mut(&2).expect("it is there").state = State::Drain);
        world.with(0, |node, _| node.clear_sessions());
        assert_eq!(
            ask(&mut world, STATION, all(), "."),
            homes,
            "all of them, those of the target that leaves too"
        );
        assert!(
            ask(&mut world, STATION, (1_000..1_200).map(|n| n << 8), "S").values().all(|target| *target != 2)
        );
        world.run_for(Duration::from_secs(101));
        world.with(0, |node, _| node.clear_sessions());
        let later = ask(&mut world, STATION, all(), ".");
        for (client, home) in &homes {
            assert!(later[client] != 2 && (later[client] == *home || *home == 2), "client {client}");
        }
    }
}

#[test]
fn the_other_node_sends_connections_that_it_never_saw_to_the_same_targets() {
    let maglev = |mut model: Model| {
        model.servers.get_mut(&1).expect("server 1").method = Method::Maglev;
        model.targets.values_mut().zip([3, 1, 4]).for_each(|(target, weight)| target.weight = weight);
        model
    };
    let models = vec![maglev(config::farm(0, 200, 3, (2, 10))), maglev(config::farm(1, 100, 3, (2, 10)))];
    let mut world = World::new(12, models, vec![clients(), target(1), target(2), target(3)]);
    world.boot(0);
    world.boot(1);
    world.run_for(Duration::from_secs(20));
    let homes = ask(&mut world, VIRTUAL_MAC, 0..300, "S");
    assert_eq!(homes.values().collect::<BTreeSet<_>>().len(), 3);
    world.kill(0);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.masters(), [1]);
    assert_eq!(ask(&mut world, VIRTUAL_MAC, 0..300, "."), homes);
}

#[test]
fn a_session_tells_why_it_is_where_it_is() {
    for (word, method) in Method::ALL {
        let mut world = world(13, weighted(method));
        ask(&mut world, STATION, 0..5, "S");
        ask(&mut world, STATION, 100..103, ".");
        let now = world.now;
        let mut reasons: Vec<&str> = world.node(0).sessions(now).iter().map(|view| view.why.word()).collect();
        reasons.sort_unstable();
        let mut expected = vec![word; 5];
        expected.extend([Why::Consistent.word(); 3]);
        expected.sort_unstable();
        assert_eq!(reasons, expected);
    }
}
