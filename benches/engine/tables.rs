//! The tables alone: sessions and flows.

use std::net::Ipv4Addr;
use std::time::Instant as Clock;

use bng::flow::{self, Direction, Flow, Flows, Kind, State, Tuple, Via};
use bng::net::Addr;
use bng::seed::Seed;
use bng::slb::session::{Key, Key4, Table, Timeouts, Why};
use bng::time::{Duration, Instant};
use bng::wire::{MacAddr, protocol};

use crate::scene::VIP;

/// Nanoseconds each, and memory.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) insert: f64,
    pub(crate) hit: f64,
    pub(crate) expiry: f64,
    /// Bytes of memory that the process took for each.
    pub(crate) resident: f64,
}

/// Bytes of memory that the process has, as the system counts them (proc(5), `VmRSS`).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Nanoseconds for each of `count` things that `work` does.
fn each(count: u32, work: impl FnOnce()) -> f64 {
    let start = Clock::now();
    work();
    start.elapsed().as_nanos() as f64 / f64::from(count)
}

/// Inserting, hitting and expiring `count` sessions.
pub(crate) fn sessions(count: u32) -> Measured {
    let before = resident();
    let engine_key = |n: u32| Key4::new(1, Ipv4Addr::from_bits(n).into(), 0, Addr::from_bits(0));
    let mut seed = Seed::new(1);
    let mut table = Table::<Key4>::new(count as usize, &mut seed);
    let timeouts = Timeouts { idle: Duration::from_secs(60), ended: Duration::ZERO };
    let now = Instant::from_secs(1);
    let insert = each(count, || {
        for n in 0..count {
            table.insert(now, engine_key(n), 1, timeouts, Why::Rr, State::Opening);
        }
    });
    assert_eq!(table.len(), count as usize, "they all fit");
    let resident = (resident() - before) as f64 / f64::from(count);
    let hits = count / 64 * 64;
    let hit = each(hits, || {
        for _ in 0..hits / 64 {
            let keys: [Key4; 64] = std::array::from_fn(|_| engine_key(seed.below(count.into()) as u32));
            let spots = keys.map(|key| table.locate(&key));
            table.warm(spots.iter());
            for (key, spot) in keys.iter().zip(spots) {
                let place = table.find(now, spot, key).expect("it was inserted");
                table.get_mut(place).touch(now, 0, Direction::Original);
            }
        }
    });
    let (mut later, mut gone) = (Instant::from_secs(100), 0);
    let expiry = each(count, || {
        while !table.is_empty() {
            later += Duration::from_millis(10);
            table.sweep(later, |_| gone += 1);
        }
    });
    assert_eq!(gone, count);
    Measured { insert, hit, expiry, resident }
}

/// The same for flows.
pub(crate) fn flows(count: u32) -> Measured {
    let before = resident();
    let mut seed = Seed::new(1);
    let mut table = Flows::new(1, count as usize, 1, &mut seed);
    let via = Via { port: 1, mac: MacAddr([2; 6]) };
    let flow = |n: u32| {
        let (client, target) = (Ipv4Addr::from_bits(n), Ipv4Addr::new(10, 0, 0, 11));
        let original =
            Tuple { src: client.into(), dst: VIP.into(), sport: 4000, dport: 53, proto: protocol::UDP };
        let translated = Tuple { dst: target.into(), dport: 5353, ..original };
        Flow { kind: Kind::Dnat, original, translated, server: 1, target: 1, via, peer: 0 }
    };
    let timeouts = flow::Timeouts {
        opening: 600,
        established: 600,
        closing: 600,
        closed: 600,
        single: 600,
        datagram: 600,
    };
    let now = Instant::from_secs(1);
    let insert = each(count, || {
        for n in 0..count {
            table.insert(now, &flow(n), 0, &timeouts).expect("all are different");
        }
    });
    assert_eq!(table.len(), count as usize, "they all fit");
    let resident = (resident() - before) as f64 / f64::from(count);
    let hits = count / 64 * 64;
    let hit = each(hits, || {
        for _ in 0..hits / 64 {
            let tuples: [Tuple; 64] = std::array::from_fn(|i| {
                let flow = flow(seed.below(count.into()) as u32);
                if i % 2 == 0 { flow.original } else { flow.reply() }
            });
            let spots = tuples.map(|tuple| table.locate(&tuple));
            table.warm(spots.iter());
            for (tuple, spot) in tuples.iter().zip(spots) {
                let (handle, direction) = table.find(now, spot, tuple).expect("it was inserted");
                std::hint::black_box(table.get(handle));
                table.touch(handle, now, direction, 0, via, &timeouts);
            }
        }
    });
    let (mut later, mut gone) = (Instant::from_secs(100), 0);
    let expiry = each(count, || {
        while !table.is_empty() {
            later += Duration::from_millis(10);
            table.sweep(later, 16_384, |_| gone += 1);
        }
    });
    assert_eq!(gone, count);
    Measured { insert, hit, expiry, resident }
}
