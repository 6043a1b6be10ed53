//! Half a million ranges of locations: reading them, their memory, and finding addresses.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant as Clock;

use bng::location;
use bng::net::Addr;
use bng::seed::Seed;

const RANGES: usize = 500_000;
/// Addresses of a round. As many clients as a busy balancer sees; the address of a packet itself has just been read, so
/// they should not push the table out of the cache.
const ADDRESSES: usize = 100_000;
const ROUNDS: usize = 51;
/// As many as there are countries with addresses.
const CODES: u64 = 250;

pub(crate) struct Measured {
    /// Seconds for reading all of the file from memory.
    pub(crate) read: f64,
    /// Bytes of the table.
    pub(crate) bytes: usize,
    /// Nanoseconds for the location of one address, which is in any range as likely as in any other.
    pub(crate) find: f64,
}

/// The table of `RANGES` ranges of random size, of which every eighth has a hole behind it, and what it costs.
pub(crate) fn measure(v6: bool) -> Measured {
    let mut seed = Seed::new(1);
    let mut text = String::new();
    let mut starts = Vec::with_capacity(RANGES);
    // A whole IPv4 internet; of IPv6 as much as a few registries have given away.
    let (mut at, step) = if v6 { (0x2001_u128 << 112, 1_u64 << 33) } else { (1 << 24, 7400) };
    for n in 0..RANGES {
        let shift = if v6 { 64 } else { 0 };
        let size = u128::from(1 + seed.below(2 * step)) << shift;
        let (first, last) = (at, at + size - 1);
        let ip = |bits: u128| -> IpAddr {
            if v6 { Ipv6Addr::from_bits(bits).into() } else { Ipv4Addr::from_bits(bits as u32).into() }
        };
        let _ = writeln!(text, "{},{},c{}", ip(first), ip(last), seed.below(CODES));
        starts.push((first, size));
        at += size + if n % 8 == 0 { 256 << shift } else { 0 };
    }
    let clock = Clock::now();
    let table = location::parse(text.as_bytes(), v6).expect("ranges");
    let read = clock.elapsed().as_secs_f64();
    assert_eq!(table.ranges(), RANGES);
    let addresses: Vec<Addr> = (0..ADDRESSES)
        .map(|_| {
            let (first, size) = starts[seed.below(RANGES as u64) as usize];
            let wide = u128::from(seed.next_u64()) << 64 | u128::from(seed.next_u64());
            let bits = first + wide % size;
            if v6 {
                Addr::from(Ipv6Addr::from_bits(bits))
            } else {
                Addr::v4(Ipv4Addr::from_bits(bits as u32))
            }
        })
        .collect();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let clock = Clock::now();
            // Each search waits for the one before, as in a packet that is looked at alone.
            let mut found = 0_usize;
            for at in 0..ADDRESSES {
                let place = table.place(addresses[at ^ (found & 1)]);
                assert_ne!(place, 0);
                found = usize::from(place);
            }
            black_box(found);
            clock.elapsed().as_nanos() as f64 / ADDRESSES as f64
        })
        .collect();
    Measured { read, bytes: table.bytes(), find: super::median(&mut rounds) }
}
