//! Nanoseconds per frame by number of sessions, by size of batches, and by way.

use std::time::Instant as Clock;

use crate::median;
use crate::rig::Rig;
use crate::scene::{Family, Way};

const ROUNDS: usize = 21;
const FRAMES_PER_ROUND: usize = 400_000;

/// Prints nanoseconds per frame by number of sessions, by size of batches, and by way.
pub(crate) fn print() {
    println!(
        "engine, 64-byte UDP, DSR, memory door, {ROUNDS} rounds of {FRAMES_PER_ROUND} frames, median ns/frame"
    );
    println!("{:>9} {:>6} {:>8} {:>8} {:>10}", "sessions", "batch", "engine", "door", "engine+door");
    for clients in [1, 1_000, 100_000] {
        for batch in [64, 8, 1] {
            let (engine, door) = measure(Way::Dsr, Family::V4, clients, batch);
            println!("{clients:>9} {batch:>6} {engine:>8.1} {door:>8.1} {:>10.1}", engine + door);
        }
    }
    println!(
        "the same by every way, 1,000 and 50,000 clients of IPv4, then of IPv6, batches of 64, ns/frame"
    );
    for (name, way) in Way::ALL {
        print!("{name:>16}");
        for (_, family) in Family::ALL {
            for clients in [1_000, 50_000] {
                print!(" {:>8.1}", measure(way, family, clients, 64).0);
            }
        }
        println!();
    }
}

/// Median nanoseconds per frame of the engine and of the door alone.
fn measure(way: Way, family: Family, clients: u32, batch: usize) -> (f64, f64) {
    let mut rig = Rig::new(way, family, clients, batch);
    let mut round = |with_engine: bool| {
        let start = Clock::now();
        let seen = rig.run(FRAMES_PER_ROUND, with_engine);
        start.elapsed().as_nanos() as f64 / seen as f64
    };
    round(true);
    let (mut engines, mut doors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (alone, both) = (round(false), round(true));
        doors.push(alone);
        engines.push(both - alone);
    }
    rig.check();
    (median(&mut engines), median(&mut doors))
}
