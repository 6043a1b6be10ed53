//! Nanoseconds per frame of the engine on the memory door: `cargo bench --bench engine`.
//!
//! 64-byte UDP frames, first for one DSR server with two targets, from 1, 1,000 and 100,000 clients in turn, in batches
//! of 64, 8 and 1; then the same by every way of forwarding and for both families, from 1,000 and 50,000 clients in
//! batches of 64. Every round measures the door alone (a copy per batch) and the door with the engine, one after the
//! other, so that a noisy machine disturbs both; the figure is the median of the differences.
//!
//! Then the choice of a target for a new session, by every method; `-- maglev` measures this only: how long the tables of
//! consistent choices take to be made, and what one choice costs.
//!
//! Then the tables alone, nanoseconds per session or flow: filling an empty one to its capacity, finding and touching
//! what is there in random order and in batches of 64, and sweeping all of it out, with the memory that the process has
//! taken for them. `-- tables` measures these only, with ten million of each instead of one.
//!
//! And finding the location of an address among 500,000 ranges; `-- location` measures this only. The way `dns` is a
//! server that answers queries by itself.
//!
//! `-- instructions` counts the instructions of each way instead, by valgrind's callgrind: the same number on a busy
//! machine as on an idle one, so that two revisions can be compared where time cannot.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock, and what the system knows of the process"
)]

mod choice;
mod instructions;
mod location;
mod rig;
mod scene;
mod tables;
mod ways;

use bng::flow;
use bng::slb::session::{Key4, Key6, Table};

/// Room of a table by default.
const SESSIONS: usize = 1 << 20;

fn main() {
    // Cargo adds an argument of its own.
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            ways::print();
            choice::print();
            println!(
                "bytes per session, index included: IPv4 {:.1}, IPv6 {:.1}",
                Table::<Key4>::bytes(SESSIONS) as f64 / SESSIONS as f64,
                Table::<Key6>::bytes(SESSIONS) as f64 / SESSIONS as f64
            );
            locations();
            in_tables(1_000_000);
        }
        ["instructions"] => instructions::print(),
        [instructions::COUNTED, way, family, with_engine, frames] => {
            instructions::counted(way, family, with_engine, frames);
        }
        ["location"] => locations(),
        ["maglev"] => choice::print(),
        ["tables"] => in_tables(10_000_000),
        _ => {
            eprintln!("what is measured: nothing given for all, instructions, location, maglev or tables");
            std::process::exit(2);
        }
    }
}

/// Locations alone.
fn locations() {
    println!("{:>24} {:>10} {:>12} {:>8}", "500,000 ranges", "read in s", "bytes", "find ns");
    for (name, v6) in [("IPv4", false), ("IPv6", true)] {
        let location::Measured { read, bytes, find } = location::measure(v6);
        println!("{name:>24} {read:>10.2} {bytes:>12} {find:>8.1}");
    }
}

/// The tables alone, with so many sessions or flows.
fn in_tables(count: usize) {
    println!(
        "bytes per flow, index included: IPv4 {:.1}, IPv6 {:.1}",
        flow::bytes(count, false) as f64 / count as f64,
        flow::bytes(count, true) as f64 / count as f64
    );
    println!("{:>24} {:>8} {:>8} {:>8} {:>14}", "ns each", "insert", "hit", "expiry", "resident bytes");
    for (name, measured) in
        [("IPv4 sessions", tables::sessions(count as u32)), ("IPv4 flows", tables::flows(count as u32))]
    {
        let tables::Measured { insert, hit, expiry, resident } = measured;
        println!("{count:>10} {name:>13} {insert:>8.1} {hit:>8.1} {expiry:>8.1} {resident:>14.1}");
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
