//! End-to-end tests: the real program between real clients, servers and routers, in network namespaces.
//!
//! The test program moves itself into a sandbox (`tests/world/sandbox.sh`), so that nothing it makes can survive
//! it. What cannot be proved on this machine is reported as ignored, and listed with the reason at the end.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the world around the balancer is made of files and processes"
)]

#[cfg(target_os = "linux")]
mod agents;
#[cfg(target_os = "linux")]
mod answers;
#[cfg(target_os = "linux")]
mod bulk;
#[cfg(target_os = "linux")]
mod console;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod dsr;
#[cfg(target_os = "linux")]
mod failures;
#[cfg(target_os = "linux")]
mod farm;
#[cfg(target_os = "linux")]
mod gslb;
#[cfg(target_os = "linux")]
mod health;
#[cfg(target_os = "linux")]
mod methods;
#[cfg(target_os = "linux")]
mod modes;
#[cfg(target_os = "linux")]
mod modes_big;
#[cfg(target_os = "linux")]
mod modes_failure;
#[cfg(target_os = "linux")]
mod modes_kernel;
#[cfg(target_os = "linux")]
mod modes_ports;
#[cfg(target_os = "linux")]
mod modes_threads;
#[cfg(target_os = "linux")]
mod modes_tunnel;
#[cfg(target_os = "linux")]
mod newcomer;
#[cfg(target_os = "linux")]
mod operator;
#[cfg(target_os = "linux")]
mod ping;
#[cfg(target_os = "linux")]
mod poc;
#[cfg(target_os = "linux")]
mod protocols;
#[cfg(target_os = "linux")]
mod reloads;
#[cfg(target_os = "linux")]
mod route;
#[cfg(target_os = "linux")]
mod scripts;
#[cfg(target_os = "linux")]
mod site;
#[cfg(target_os = "linux")]
mod suite;
#[cfg(target_os = "linux")]
mod syslog;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod vanishing;
#[cfg(target_os = "linux")]
mod vrrp;
#[cfg(target_os = "linux")]
mod withheld;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let cases = [
        poc::cases(),
        dsr::cases(),
        protocols::cases(),
        bulk::cases(),
        answers::cases(),
        vrrp::cases(),
        operator::cases(),
        console::cases(),
        newcomer::cases(),
        reloads::cases(),
        ping::cases(),
        route::cases(),
        syslog::cases(),
        disk::cases(),
        methods::cases(),
        modes::cases(),
        modes_failure::cases(),
        modes_kernel::cases(),
        modes_tunnel::cases(),
        modes_threads::cases(),
        modes_ports::cases(),
        tools::cases(),
        vanishing::cases(),
        withheld::cases(),
        scripts::cases(),
        agents::cases(),
        health::cases(),
        failures::cases(),
        gslb::cases(),
        // Last, for they leave others no processor.
        modes_big::cases(),
    ];
    suite::run(cases.into_iter().flatten().collect())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("not proved: everything end to end, network namespaces exist on Linux only");
}
