//! Commands: checks by script, and alerts. The director asks for runs and hears of their end; no process is started.

use bng::conf::model::{Alerts, Gateway, Model, Probe};
use bng::director::Status;
use bng::director::checks::Whose;
use bng::director::command::{End, Run};
use bng::time::Duration;

use crate::config;
use crate::traffic::{clients, target};
use crate::world::{Weather, World};

const SECOND: Duration = Duration::from_secs(1);

fn alerts() -> Alerts {
    Alerts { down: Some("/bin/down -v".into()), up: Some("/bin/up".into()) }
}

/// A node that is always master, with two targets: the first is checked by a script every 2 seconds for 5, the second
/// is pinged. `others` stand beside it, all booted.
fn world(change: impl Fn(&mut Model), nodes: &[u8]) -> World {
    let models = nodes.iter().enumerate().map(|(index, priority)| {
        let mut model = config::farm(index, *priority, 2, (2, 10));
        for target in model.targets.values_mut() {
            target.alerts = alerts();
        }
        let probe = Probe { interval: 2 * SECOND, timeout: 5 * SECOND };
        let first = model.targets.get_mut(&1).expect("a target");
        (first.ping, first.ping6) = (None, None);
        (first.name, first.port) = (Some("web".into()), 8080);
        first.script = Some(("/bin/check -q".into(), probe));
        change(&mut model);
        model
    });
    let mut world = World::new(3, models.collect(), vec![clients(), target(1), target(2)]);
    world.weather = Weather { latency: (100, 100), ..Weather::FINE };
    for index in 0..nodes.len() {
        world.boot(index);
    }
    world
}

fn status(world: &World) -> Status {
    world.node(0).director.targets().find(|t| t.number == 1).expect("the target").status
}

/// The one run that was asked for since the last call.
fn run(world: &mut World) -> Run {
    let mut runs = Vec::new();
    world.with(0, |node, _| runs.append(&mut node.runs));
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

fn end(world: &mut World, run: &Run, end: End, line: &str) {
    world.with(0, |node, now| node.ran(now, run, end, line));
}

fn last_words(world: &World) -> &str {
    world.node(0).log.last().map_or("", |(_, text)| text)
}

/// The alerts since the last call: command, words, cause.
fn alerted(world: &mut World, node: usize) -> Vec<(String, String, String)> {
    let mut alerts = Vec::new();
    world.with(node, |node, _| alerts.append(&mut node.alerts));
    let cause = |environment: &[(&str, String)]| {
        environment.iter().find(|(name, _)| *name == "BNG_CAUSE").expect("a cause").1.clone()
    };
    let told = alerts.into_iter().map(|(_, alert)| alert.command);
    told.map(|c| (c.command, c.arguments.join(" "), cause(&c.environment))).collect()
}

#[test]
fn a_script_gets_the_address_as_its_last_word_and_decides_by_its_status() {
    let mut world = world(|_| {}, &[0]);
    world.run_for(Duration::from_millis(10));
    let first = run(&mut world);
    assert_eq!(first.command.command, "/bin/check -q");
    assert_eq!(first.command.arguments, ["172.17.2.201"]);
    assert_eq!(first.command.limit, 5 * SECOND);
    let environment: Vec<String> =
        first.command.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        environment.join(" "),
        "BNG_KIND=target BNG_INDEX=1 BNG_NAME=web BNG_IPADDR=172.17.2.201 BNG_IPADDR6=2001:db8:2::201 BNG_PORT=8080"
    );
    assert_eq!(status(&world), Status::Waiting);
    world.run_for(Duration::from_millis(40));
    end(&mut world, &first, End::Status(0), "200 OK");
    assert_eq!(status(&world), Status::Active);
    let director = &world.node(0).director;
    let (_, check) = director.checks(1).next().expect("the check");
    assert_eq!(check.result(), "ok in 50.0 ms: 200 OK");
    assert_eq!(check.round_trip(), Some(Duration::from_millis(50)));

    // Every other status is a failure, but the last good one counts for the timeout.
    let good = 50;
    world.run_for(2 * SECOND);
    let second = run(&mut world);
    end(&mut world, &second, End::Status(2), "no such host");
    assert_eq!(status(&world), Status::Active);
    world.run_until(bng::time::Instant::from_millis(good + 4_999));
    assert_eq!(status(&world), Status::Active);
    world.run_until(bng::time::Instant::from_millis(good + 5_000));
    assert_eq!(status(&world), Status::CheckFailed);
    assert!(
        last_words(&world).contains("down: script of 172.17.2.201 ended with status 2: no such host")
            || last_words(&world).contains("down: script of 172.17.2.201 did not end within 5 s"),
        "{}",
        last_words(&world)
    );
}

#[test]
fn a_script_that_hangs_is_not_started_a_second_time_and_fails_at_the_timeout() {
    let mut world = world(|_| {}, &[0]);
    world.run_for(Duration::from_millis(10));
    let first = run(&mut world);
    end(&mut world, &first, End::Status(0), "");
    world.run_for(2 * SECOND);
    let hanging = run(&mut world);
    world.run_for(Duration::from_millis(2_980));
    assert!(world.node(0).runs.is_empty(), "one at a time");
    assert_eq!(status(&world), Status::Active);
    world.run_for(Duration::from_millis(20));
    assert_eq!(status(&world), Status::CheckFailed);
    assert!(
        last_words(&world).ends_with("down: script of 172.17.2.201 did not end within 5 s"),
        "{}",
        last_words(&world)
    );
    // Killed: the next one has its turn, and brings the target back.
    end(&mut world, &hanging, End::TimedOut, "trying");
    world.run_for(3 * SECOND);
    let next = run(&mut world);
    // What comes late of the one before counts for nothing.
    end(&mut world, &hanging, End::Status(0), "");
    assert_eq!(status(&world), Status::CheckFailed);
    end(&mut world, &next, End::Status(0), "");
    assert_eq!(status(&world), Status::Active);
}

#[test]
fn a_run_that_nobody_reports_the_end_of_is_given_up() {
    let mut world = world(|_| {}, &[0]);
    world.run_for(Duration::from_millis(10));
    run(&mut world);
    world.run_for(13 * SECOND);
    assert_eq!(status(&world), Status::CheckFailed);
    run(&mut world);
}

#[test]
fn every_way_to_fail_is_a_verdict_of_its_own() {
    for (how, line, verdict) in [
        (
            End::Status(127),
            "sh: 1: /bin/check: not found",
            "cannot be run, status 127: sh: 1: /bin/check: not found",
        ),
        (End::Signal(11), "", "was ended by signal 11"),
        (End::Flooded, "y", "was killed, it wrote without end: y"),
        (End::NotStarted, "no memory", "was not started: no memory"),
    ] {
        let mut world = world(|_| {}, &[0]);
        for _ in 0..60 {
            world.run_for(Duration::from_millis(100));
            let mut runs = Vec::new();
            world.with(0, |node, _| runs.append(&mut node.runs));
            for run in runs {
                end(&mut world, &run, how, line);
            }
        }
        assert_eq!(status(&world), Status::CheckFailed);
        let told = format!("down: script of 172.17.2.201 {verdict}");
        assert!(
            world.node(0).log.iter().any(|(_, text)| text.ends_with(&told)),
            "{told}: {:?}",
            world.node(0).log
        );
        let (_, check) = world.node(0).director.checks(1).next().expect("the check");
        assert_eq!(world.node(0).director.checks(1).next().map(|(c, _)| c.whose), Some(Whose::Target(1)));
        assert!(check.failure().is_some());
    }
}

#[test]
fn every_change_of_a_target_is_alerted_once_and_the_first_time_up_is_none() {
    let mut world = world(|_| {}, &[0]);
    world.run_for(SECOND);
    assert_eq!(alerted(&mut world, 0), []);
    world.hosts[2].silent = true;
    world.run_for(60 * SECOND);
    let down = alerted(&mut world, 0);
    let words = |state: &str| format!("target 2 172.17.2.202 0 {state}");
    let of_second = |alert: &&(String, String, String)| alert.1.starts_with("target 2 ");
    let second: Vec<_> = down.iter().filter(of_second).collect();
    assert_eq!(second.len(), 1, "{down:?}");
    assert_eq!((second[0].0.as_str(), &second[0].1), ("/bin/down -v", &words("down")));
    assert_eq!(second[0].2, "down: no answer to ping of 172.17.2.202 for 10 s");
    world.hosts[2].silent = false;
    world.run_for(10 * SECOND);
    let up = alerted(&mut world, 0);
    assert_eq!(up.len(), 1, "{up:?}");
    assert_eq!((up[0].0.as_str(), &up[0].1), ("/bin/up", &words("up")));
}

#[test]
fn a_target_that_never_came_up_is_alerted_as_down() {
    let mut world = world(|_| {}, &[0]);
    world.run_for(60 * SECOND);
    let told: Vec<_> = alerted(&mut world, 0).into_iter().map(|(_, words, _)| words).collect();
    assert_eq!(told, ["target 1 172.17.2.201 8080 down"]);
}

#[test]
fn links_and_gateways_are_alerted_too() {
    let gateway = |model: &mut Model| {
        let ipaddr = Some([172, 17, 2, 202].into());
        let ping = Some(Probe { interval: SECOND, timeout: 3 * SECOND });
        model.gateway = Some(Gateway { ipaddr, ping, alerts: alerts(), ..Gateway::default() });
        model.interfaces.get_mut(&1).expect("an interface").alerts = alerts();
        model.targets.retain(|number, _| *number == 1);
        model.targets.get_mut(&1).expect("a target").alerts = Alerts::default();
        model.servers.values_mut().for_each(|server| server.targets = vec![1]);
    };
    let mut world = world(gateway, &[0]);
    world.run_for(SECOND);
    assert_eq!(alerted(&mut world, 0), []);
    world.hosts[2].silent = true;
    world.run_for(10 * SECOND);
    world.hosts[2].silent = false;
    world.run_for(2 * SECOND);
    world.plug(0, false);
    world.run_for(SECOND);
    world.plug(0, true);
    world.run_for(5 * SECOND);
    let told: Vec<_> = alerted(&mut world, 0).into_iter().map(|(_, words, cause)| (words, cause)).collect();
    let of = |kind: &str| -> Vec<&str> {
        told.iter().map(|(words, _)| words.as_str()).filter(|words| words.starts_with(kind)).collect()
    };
    assert_eq!(of("interface"), ["interface 1 - 0 down", "interface 1 - 0 up"], "{told:?}");
    let gateway = of("gateway");
    assert_eq!(gateway[..2], ["gateway 1 172.17.2.202 0 down", "gateway 1 172.17.2.202 0 up"], "{told:?}");
    // Without a link there is no way to it either.
    assert_eq!(gateway.len() % 2, 0, "{told:?}");
    assert_eq!(gateway.last(), Some(&"gateway 1 172.17.2.202 0 up"));
}

#[test]
fn the_backup_is_silent_unless_it_is_told_to_speak() {
    for speaks in [false, true] {
        let mut world = world(|model| model.backupalerts = speaks, &[200, 100]);
        world.run_for(10 * SECOND);
        assert_eq!(world.masters(), [0]);
        alerted(&mut world, 0);
        alerted(&mut world, 1);
        world.hosts[2].silent = true;
        world.run_for(60 * SECOND);
        let second = |(_, words, _): &(String, String, String)| words == "target 2 172.17.2.202 0 down";
        assert_eq!(alerted(&mut world, 0).into_iter().filter(second).count(), 1);
        assert_eq!(alerted(&mut world, 1).into_iter().filter(second).count(), usize::from(speaks));
    }
}
