//! What the port contract promises, tried on every door of Linux with real interfaces.
//!
//! As root, the program runs itself again in network, mount and process namespaces of its own, so that whatever
//! happens the kernel removes everything it made. Without root it lists its tests as ignored.

mod conform;
mod forward;
mod world;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use bng_platform::Access;
use libtest_mimic::{Arguments, Trial};

/// Set in the environment of the program when it runs in its own namespaces.
const INSIDE: &str = "BNG_DOORS_INSIDE";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The worlds share two processors and one kernel; timing is part of the contract.
    arguments.test_threads = Some(1);
    let root = nix::unistd::geteuid().is_root();
    if root && !arguments.list && std::env::var_os(INSIDE).is_none() {
        let own = std::env::current_exe().expect("own path");
        let error = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(own)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .exec();
        eprintln!("unshare: {error}; it is in the package util-linux");
        return ExitCode::FAILURE;
    }
    if root && !arguments.list {
        world::run("mount -t tmpfs tmpfs /run");
        world::without_ipv6();
        world::run("ip link set lo up");
    }
    let tests: Vec<_> = tests().into_iter().map(|test| test.with_ignored_flag(!root)).collect();
    if !root {
        eprintln!(
            "not root: {} tests of the doors are ignored, nothing is proved about real interfaces",
            tests.len()
        );
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
    for (door, access) in [("raw", Access::Raw), ("tap", Access::Tap), ("pcap", Access::Pcap)] {
        for (name, test) in conform::EVERY_DOOR {
            add(format!("{door}::{name}"), *test, access);
        }
    }
    for (door, access) in [("raw", Access::Raw), ("pcap", Access::Pcap)] {
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
