//! Mistakes of the operator: one clear sentence and the right exit status each.

use std::process::Output;
use std::time::Duration;

use bng_world::{Bng, World, wait};
use nix::sys::signal::Signal;

use crate::farm::{FIRST, config};
use crate::suite::{BNG, Case};

// The exit statuses of bng(8).
const SUCCESS: i32 = 0;
const NOT_RUNNING: i32 = 3;
const PRIVILEGE: i32 = 4;
const CONFIGURATION: i32 = 6;
const INTERFACE: i32 = 7;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("a missing interface is named", &[], missing_interface),
        Case::new("a tap name that is in use is named", &[], tap_name_in_use),
        Case::new("a failing init is reported with what it printed", &[], failing_init),
        Case::new("no privilege is said plainly", &["setpriv"], no_privilege),
        Case::new("what a killed process left behind does not stop the next start", &[], stale_files),
        Case::new("a second start says so and changes nothing", &[], second_start),
        Case::new("every error of a configuration is shown at once with a caret", &[], wrong_config),
        Case::new("start, status, restart and stop report and return the right status", &[], life_cycle),
        Case::new("SIGHUP reloads, and keeps the old configuration when the new one is wrong", &[], reload),
    ]
}

/// A host with an `eth0`, and an instance of bng that does not run.
fn node(world: &mut World, text: &str) -> Bng {
    let host = world.plugged("balancer", &[]);
    Bng::new(BNG, world, &host, text)
}

fn sound() -> String {
    config("raw", FIRST)
}

/// Configuration with one tap interface.
fn tap(name: &str, init: &str) -> String {
    format!(
        "interface 1 {{\n name {name}\n access tap\n init \"{init}\"\n}}\nregister interface 1\nenable interface 1\n"
    )
}

/// The running configuration without its comments, which tell the time.
fn configuration(bng: &Bng) -> String {
    let text = bng.cmdctl("show configuration\n");
    text.lines().filter(|l| !l.starts_with("//")).map(|l| format!("{l}\n")).collect()
}

/// Both outputs of a run that must have the given exit status.
fn said(out: &Output, status: i32) -> String {
    let text = [&out.stdout[..], &out.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(out.status.code(), Some(status), "{text}");
    assert!(!text.trim().is_empty(), "not a word");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn missing_interface() {
    let mut world = World::new();
    let bng = node(&mut world, &sound().replace("name eth0", "name eth7"));
    let text = said(&bng.start_in_background(), INTERFACE);
    assert!(text.contains("eth7"), "{text}");
    said(&bng.run(&["status"]), NOT_RUNNING);
}

fn tap_name_in_use() {
    let mut world = World::new();
    let bng = node(&mut world, &tap("eth0", "true"));
    let text = said(&bng.start_in_background(), INTERFACE);
    assert!(text.contains("eth0 already exists; choose another name"), "{text}");
    assert!(bng.host().succeeds("ip link show eth0"), "the interface of that name is gone");
}

fn failing_init() {
    let mut world = World::new();
    let bng = node(&mut world, &tap("bng0", "echo one two; echo three four >&2; exit 3"));
    let text = said(&bng.start_in_background(), INTERFACE);
    for part in ["interface 1", "one two", "three four", "status 3"] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert!(!bng.host().succeeds("ip link show bng0"), "the tap device outlived the refusal");
}

fn no_privilege() {
    let mut world = World::new();
    let bng = node(&mut world, &sound());
    // Where nobody can reach it, so that only the privilege for raw frames is missing.
    let folder = world.dir().display().to_string();
    bng.host().run(&format!(
        "cp {BNG} {folder}/bng-copy; chmod 755 {folder} {folder}/bng-copy; mkdir -m 777 {folder}/nobody"
    ));
    let config = bng.config().display().to_string();
    let out = bng.host().try_run(&format!(
        "chmod 644 {config}; BNG_RUNDIR={folder}/nobody setpriv --reuid 65534 --regid 65534 --clear-groups \
         --bounding-set=-all {folder}/bng-copy -c {config} -f start"
    ));
    let text = said(&out, PRIVILEGE);
    for part in ["privilege", "CAP_NET_RAW", "root"] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

fn stale_files() {
    let mut world = World::new();
    let mut bng = node(&mut world, &sound());
    bng.start();
    bng.kill();
    let left: Vec<_> = std::fs::read_dir(bng.rundir()).expect("a runtime folder").collect();
    assert!(!left.is_empty(), "a killed process left nothing to trip over");
    said(&bng.run(&["status"]), NOT_RUNNING);
    bng.start();
    bng.stop();
    said(&bng.run(&["status"]), NOT_RUNNING);
}

fn second_start() {
    let mut world = World::new();
    let mut bng = node(&mut world, &sound());
    bng.start();
    let pid = bng.service().pid();
    let before = configuration(&bng);
    bng.write_config("hostname other\n");
    let text = said(&bng.start_in_background(), SUCCESS);
    assert!(text.contains(&format!("BalanceNG: already running with PID {pid}")), "{text}");
    assert_eq!(configuration(&bng), before);
    assert!(bng.service().ended().is_none());
    bng.stop();
}

fn wrong_config() {
    let mut world = World::new();
    let wrong = sound().replace("protocol udp", "protocol upd").replace("interface 1\n}", "interfase 1\n}");
    let bng = node(&mut world, &wrong);
    let text = said(&bng.start_in_background(), CONFIGURATION);
    for (word, column) in [("upd", 14), ("interfase", 5)] {
        let number = wrong.lines().position(|l| l.contains(word)).expect("the wrong line") + 1;
        let place = format!("{}:{number}:{column}", bng.config().display());
        assert!(text.contains(&place), "no `{place}` in: {text}");
    }
    assert!(text.matches('^').count() >= 2, "{text}");
    assert!(text.contains("udp") && text.contains("interface"), "no suggestion in: {text}");
    said(&bng.run(&["status"]), NOT_RUNNING);
}

fn life_cycle() {
    let mut world = World::new();
    let bng = node(&mut world, &sound());
    said(&bng.run(&["status"]), NOT_RUNNING);
    let text = said(&bng.run(&["stop"]), NOT_RUNNING);
    assert!(text.contains("BalanceNG: not running"), "{text}");
    let text = said(&bng.run(&["cmdctl"]), NOT_RUNNING);
    assert!(text.contains("not running"), "{text}");

    let text = said(&bng.start_in_background(), SUCCESS);
    assert!(text.contains("BalanceNG: starting up ..."), "{text}");
    let text = said(&bng.run(&["status"]), SUCCESS);
    let pid = text.trim().strip_prefix("BalanceNG: running with PID ").unwrap_or_else(|| panic!("{text}"));

    let config = bng.config().display().to_string();
    let text = said(&bng.run(&["-c", &config, "restart"]), SUCCESS);
    let place =
        text.find(&format!("BalanceNG: shutdown of PID {pid} complete")).unwrap_or_else(|| panic!("{text}"));
    assert!(text[place..].contains("BalanceNG: starting up ..."), "{text}");
    let text = said(&bng.run(&["status"]), SUCCESS);
    let new = text.trim().strip_prefix("BalanceNG: running with PID ").unwrap_or_else(|| panic!("{text}"));
    assert_ne!(new, pid);

    let text = said(&bng.run(&["stop"]), SUCCESS);
    assert_eq!(text, format!("BalanceNG: shutdown of PID {new} complete\n"));
    said(&bng.run(&["status"]), NOT_RUNNING);
}

fn reload() {
    let mut world = World::new();
    let mut bng = node(&mut world, &sound());
    bng.start();
    let limit = Duration::from_secs(5);

    bng.write_config(&format!("hostname renamed\n{}", sound()));
    bng.signal(Signal::SIGHUP);
    wait::for_true("the new host name", limit, || configuration(&bng).contains("hostname  renamed"));

    bng.write_config(&format!("hostnam?? wrong\n{}", sound()));
    bng.signal(Signal::SIGHUP);
    wait::for_true("the refusal in the log", limit, || bng.cmdctl("show log\n").contains("hostnam??"));
    assert!(configuration(&bng).contains("hostname  renamed"));
    bng.stop();
}
