//! Choosing a target for a new session, and making what is chosen from.

use std::net::Ipv4Addr;
use std::time::Instant as Clock;

use bng::conf::model::Method;
use bng::net::Addr;
use bng::seed::Seed;
use bng::slb::choose::Chooser;
use bng::slb::method::Client;
use bng::slb::method::ring::{Frame, Member, identity};
use bng::stat::WorkerStats;

use crate::median;
use crate::scene;

const REPEATS: usize = 51;
const CHOICES: u32 = 200_000;

/// Prints how long tables take, and what a choice costs by every method.
pub(crate) fn print() {
    println!("tables of consistent choices, median of {REPEATS}, milliseconds");
    println!("{:>7} {:>7} {:>18} {:>18}", "rows", "targets", "of another farm", "one goes or comes");
    for (rows, targets) in [(65_537, 2), (65_537, 100), (65_537, 1_000), (655_373, 1_000)] {
        let (frame, ring) = tables(rows, targets);
        println!("{rows:>7} {targets:>7} {frame:>18.3} {ring:>18.3}");
    }
    println!("a target for a new session, by number of targets, ns each");
    println!("{:>12} {:>8} {:>8} {:>8}", "method", 2, 100, 1_024);
    for (word, method) in Method::ALL {
        let [few, many, all] = [2, 100, 1_024].map(|targets| choices(method, targets));
        println!("{word:>12} {few:>8.1} {many:>8.1} {all:>8.1}");
    }
}

/// Milliseconds for a frame and its ring, and for the ring alone.
fn tables(rows: u32, targets: u16) -> (f64, f64) {
    let member = |n: u16| {
        let addr = Ipv4Addr::from_bits(0x0a00_0000 + u32::from(n));
        Member { identity: identity(addr.into(), 80), weight: 1 + u32::from(n) % 4 }
    };
    let members: Vec<Member> = (0..targets).map(member).collect();
    let all: Vec<Option<u16>> = (1..=targets).map(Some).collect();
    let mut less = all.clone();
    less[0] = None;
    let (mut frames, mut rings) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let start = Clock::now();
        let frame = Frame::new(rows, &members);
        std::hint::black_box(frame.ring(&all));
        frames.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Clock::now();
        std::hint::black_box(frame.ring(&less));
        rings.push(start.elapsed().as_secs_f64() * 1e3);
    }
    (median(&mut frames), median(&mut rings))
}

/// Nanoseconds for one choice among `targets`.
fn choices(method: Method, targets: u16) -> f64 {
    let snapshot = scene::farm(method, targets);
    let (stats, mut chooser) = (WorkerStats::default(), Chooser::new(Seed::new(1)));
    let mut runs = Vec::new();
    for _ in 0..5 {
        let start = Clock::now();
        for n in 0..CHOICES {
            let addr = Addr::v4(Ipv4Addr::from_bits(0x0b00_0000 + n));
            let client = Client { id: (addr, 0), dst: Addr::from_bits(0), addr };
            let (target, _) = chooser.pick(&snapshot, &stats, 1, client, false).expect("all targets are up");
            // What the session that is made then counts.
            stats.target(target).sessions.add(1);
        }
        runs.push(start.elapsed().as_nanos() as f64 / f64::from(CHOICES));
    }
    median(&mut runs)
}
