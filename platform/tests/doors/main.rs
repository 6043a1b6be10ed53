//! What the port contract promises, tried on every door of Linux with real interfaces, and on that of Solaris and
//! illumos over a libdlpi of our own (`fakedlpi.rs`).
//!
//! As root, the program moves itself into a sandbox, so that whatever happens the kernel removes everything it made.
//! Without root it lists its tests as ignored.

mod conform;
mod fakedlpi;
mod forward;
mod world;

use std::process::ExitCode;

use bng_platform::Access;
use bng_world::sandbox;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The worlds share two processors and one kernel; timing is part of the contract.
    arguments.test_threads = Some(1);
    let obstacle = match sandbox::settle(arguments.list) {
        Ok(obstacle) => obstacle,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
    if sandbox::is_inside() {
        world::without_ipv6();
    }
    let mut tests = tests();
    if let Some(reason) = obstacle {
        tests = tests.into_iter().map(|test| test.with_ignored_flag(true)).collect();
        let lines: Vec<_> = tests.iter().map(|test| format!("{}: {reason}", test.name())).collect();
        sandbox::report_not_proved(&lines);
    }
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    let mut add = |name: String, test: fn(Access), access| {
        tests.push(Trial::test(name, move || {
            test(access);
            Ok(())
        }));
    };
    let doors = [("raw", Access::Raw), ("tap", Access::Tap), ("pcap", Access::Pcap), ("dlpi", Access::Dlpi)];
    for (door, access) in doors {
        for (name, test) in conform::EVERY_DOOR {
            add(format!("{door}::{name}"), *test, access);
        }
        // What a driver of Solaris drops it tells nobody.
        for (name, test) in conform::COUNTING.iter().filter(|_| access != Access::Dlpi) {
            add(format!("{door}::{name}"), *test, access);
        }
    }
    for (door, access) in [("raw", Access::Raw), ("pcap", Access::Pcap), ("dlpi", Access::Dlpi)] {
        for (name, test) in conform::SHARED_INTERFACE {
            add(format!("{door}::{name}"), *test, access);
        }
    }
    for (name, test) in conform::RAW {
        add(format!("raw::{name}"), *test, Access::Raw);
    }
    for (name, test) in conform::TAP {
        add(format!("tap::{name}"), *test, Access::Tap);
    }
    for (name, test) in forward::STREAMS {
        let test = *test;
        tests.push(Trial::test(format!("stream::{name}"), move || {
            test();
            Ok(())
        }));
    }
    tests
}
