//! Nanoseconds per frame of the engine on the memory door: `cargo bench --bench engine`.
//!
//! 64-byte UDP frames, first for one DSR server with two targets, from 1, 1,000 and 100,000 clients in turn, in batches
//! of 64, 8 and 1; then the same by every way of forwarding, from 1,000 clients in batches of 64. Every round measures
//! the door alone (a copy per batch) and the door with the engine, one after the other, so that a noisy machine
//! disturbs both; the figure is the median of the differences.
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

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock, and what the system knows of the process"
)]

mod choice;
mod location;
mod scene;
mod tables;

use std::sync::Arc;
use std::time::Instant as Clock;

use bng::engine::Engine;
use bng::flow;
use bng::outbox::Outbox;
use bng::seed::Seed;
use bng::slb::session::{Key4, Key6, Table};
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng_platform::memory::{Replay, Sink};
use bng_platform::{RxQueue, TxQueue};
use scene::Way;

const ROUNDS: usize = 21;
const FRAMES_PER_ROUND: usize = 400_000;

/// Room of a table by default.
const SESSIONS: usize = 1 << 20;

/// Locations alone.
fn locations() {
    println!("{:>24} {:>10} {:>12} {:>8}", "500,000 ranges", "read in s", "bytes", "find ns");
    for (name, v6) in [("IPv4", false), ("IPv6", true)] {
        let location::Measured { read, bytes, find } = location::measure(v6);
        println!("{name:>24} {read:>10.2} {bytes:>12} {find:>8.1}");
    }
}

fn main() {
    if std::env::args().any(|arg| arg == "location") {
        return locations();
    }
    let tables_only = std::env::args().any(|arg| arg == "tables");
    if std::env::args().any(|arg| arg == "maglev") {
        choice::print();
        return;
    }
    if !tables_only {
        println!(
            "engine, 64-byte UDP, DSR, memory door, {ROUNDS} rounds of {FRAMES_PER_ROUND} frames, median ns/frame"
        );
        println!("{:>9} {:>6} {:>8} {:>8} {:>10}", "sessions", "batch", "engine", "door", "engine+door");
        for clients in [1, 1_000, 100_000] {
            for batch in [64, 8, 1] {
                let (engine, door) = measure(Way::Dsr, clients, batch);
                println!("{clients:>9} {batch:>6} {engine:>8.1} {door:>8.1} {:>10.1}", engine + door);
            }
        }
        println!("the same by every way, 1,000 and 50,000 clients, batches of 64, ns/frame");
        for (name, way) in Way::ALL {
            let [few, many] = [1_000, 50_000].map(|clients| measure(way, clients, 64).0);
            println!("{name:>16} {few:>8.1} {many:>8.1}");
        }
        choice::print();
        println!(
            "bytes per session, index included: IPv4 {:.1}, IPv6 {:.1}",
            Table::<Key4>::bytes(SESSIONS) as f64 / SESSIONS as f64,
            Table::<Key6>::bytes(SESSIONS) as f64 / SESSIONS as f64
        );
    }
    if !tables_only {
        locations();
    }
    let count = if tables_only { 10_000_000 } else { 1_000_000 };
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

/// Median nanoseconds per frame of the engine and of the door alone.
fn measure(way: Way, clients: u32, batch: usize) -> (f64, f64) {
    let snapshot = way.snapshot();
    let stats = Arc::new(WorkerStats::default());
    let mut engine = Engine::new(1, Arc::clone(&stats), Seed::new(1));
    // At least a full batch, or the door could not hand one out.
    let frames: Vec<_> = (0..clients.max(64)).map(|n| way.frame(n % clients)).collect();
    let mut door = Replay::new(&frames, batch);
    let (mut sink, mut out) = (Sink::default(), Outbox::default());
    let mut now = Instant::from_secs(1);
    let mut run = |with_engine: bool| {
        let (mut seen, start) = (0, Clock::now());
        while seen < FRAMES_PER_ROUND {
            let mut frames = door.recv().expect("the memory door does not fail");
            seen += frames.len();
            let mask = frames.all();
            if with_engine {
                now += Duration::from_micros(1);
                engine.process(now, &snapshot, &mut frames, &mut out);
                for (_, mask) in out.forwards() {
                    sink.send(&mut frames, mask).expect("the sink does not fail");
                }
                for (_, frame) in out.replies.iter() {
                    sink.send_bytes(frame).expect("the sink does not fail");
                }
                engine.letters().for_each(drop);
                engine.tick(now, &snapshot);
            } else {
                sink.send(&mut frames, mask).expect("the sink does not fail");
            }
        }
        start.elapsed().as_nanos() as f64 / seen as f64
    };
    run(true);
    let (mut engines, mut doors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (alone, both) = (run(false), run(true));
        doors.push(alone);
        engines.push(both - alone);
    }
    let received = stats.work.received.get();
    let forwarded = stats.work.forwarded.get() + stats.work.routed.get() + stats.work.answered.get();
    assert_eq!(forwarded, received, "every frame must have been forwarded or answered");
    assert!(matches!(way, Way::Nat | Way::Rt | Way::Dns) || engine.session_count() == clients as usize);
    (median(&mut engines), median(&mut doors))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
