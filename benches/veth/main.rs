//! bng between real clients and servers on veth pairs, beside what the kernel can do: `cargo bench --bench veth`.
//!
//! Four questions, each asked of every subject in turn, round after round, so that a noisy machine disturbs all of
//! them; figures are medians over the rounds:
//!
//! - how many 64-byte UDP frames a second pass without loss, and how many under twice that load (`forwarding`);
//! - how long a round trip takes on an idle link (`roundtrip`);
//! - how much of one TCP stream's speed is left (`stream`);
//! - how many connections, and how many requests, pass in a second (`connections`).
//!
//! `cargo bench --bench veth -- roundtrip` asks one of them only.
//!
//! Needs root and moves itself into a sandbox, as the end-to-end tests do.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark lives on clocks and files"
)]

#[cfg(target_os = "linux")]
mod connections;
#[cfg(target_os = "linux")]
mod forwarding;
#[cfg(target_os = "linux")]
mod generator;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod roundtrip;
#[cfg(target_os = "linux")]
mod search;
#[cfg(target_os = "linux")]
mod star;
#[cfg(target_os = "linux")]
mod stream;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use bng_world::sandbox;

    if !sandbox::is_inside() {
        if let Some(reason) = sandbox::obstacle() {
            eprintln!("not measured: {reason}");
            return std::process::ExitCode::FAILURE;
        }
        let Err(e) = sandbox::enter();
        eprintln!("no sandbox: {e}");
        return std::process::ExitCode::FAILURE;
    }
    // Cargo adds options of its own, such as `--bench`.
    let questions: Vec<_> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let asked = |question: &str| questions.is_empty() || questions.iter().any(|q| q == question);
    report::heading();
    if asked("forwarding") {
        forwarding::measure();
    }
    if asked("connections") {
        connections::measure();
    }
    let star = star::Star::new();
    if asked("roundtrip") {
        roundtrip::measure(&star);
    }
    if asked("stream") {
        stream::measure(&star);
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("not measured: network namespaces exist on Linux only");
}
