//! The packet corpus over the doors that lead to a wire: the cases of `tests/corpus` with real interfaces.
//!
//! Engine, director and clock are those of the corpus; only the frames go through kernel devices, both ways. What the
//! operator is told, the counters and the drops have to be what the case says. The frames that leave have to be those
//! that leave the memory door, byte for byte, once checksums are completed and segments are cut. What cannot
//! exist on such a wire is left out, counted by reason and printed.
//!
//! As root, the program moves itself into a sandbox; without root its tests are listed as ignored.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the wires around the balancer are made of devices and processes"
)]

#[cfg(target_os = "linux")]
#[path = "../corpus/case.rs"]
#[allow(dead_code, reason = "the corpus also writes its files")]
mod case;
#[cfg(target_os = "linux")]
#[path = "../sim/counters.rs"]
mod counters;
#[cfg(target_os = "linux")]
#[path = "../corpus/frame.rs"]
mod frame;
#[cfg(target_os = "linux")]
#[path = "../sim/host.rs"]
#[allow(dead_code, reason = "the simulation asks its hosts more")]
mod host;
#[cfg(target_os = "linux")]
#[path = "../corpus/rig.rs"]
#[allow(dead_code, reason = "the corpus also pokes it with nonsense")]
mod rig;
#[cfg(target_os = "linux")]
mod suite;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    suite::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("not proved: the corpus over real doors, virtual cables exist on Linux only");
}
