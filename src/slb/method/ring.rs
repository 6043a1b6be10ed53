//! `hash` and `maglev`, and the choice for what is not remembered: a table from the hash of a flow to a target. Everybody
//! who knows the same farm has the same table, whatever happened before.
//!
//! ```text
//!   frame: the farm as it is configured      ring: who of it takes traffic now
//!   row    first  second                     row
//!   0      A      C                          0     A
//!   1      B      A        without B         1     A     (its second)
//!   2      C      B        ---------->       2     C
//! ```
//!
//! The first choices of a frame are nearly those of Maglev, with weights (`fill.rs`). The second choices share the rows of
//! each target evenly among all others. Behind these, every row has an endless random order of targets. A ring takes for
//! each row the first choice that takes traffic: so when a target goes only its own rows change, and when it comes back
//! it gets just these again. Maglev alone changes rows of others, too.

use super::{Ask, Client, fill};
use crate::conf::model::Method;
use crate::hash::HashKey;
use crate::net::Addr;
use crate::seed::Seed;

/// Random targets that a row tries before it takes the next one by identity.
const TRIES: u64 = 16;

/// Somebody in a farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// What it is known by, see [`identity`].
    pub identity: u64,
    /// Its share of the rows among those of all.
    pub weight: u32,
}

/// What a target is known by: its address and port, IPv4 if it has both. So renumbering targets moves nothing.
pub fn identity(addr: Addr, port: u16) -> u64 {
    key().hash(addr.to_bits(), u64::from(port))
}

/// The key is no secret: both nodes of a pair, and one node before and after a restart, must agree.
fn key() -> HashKey {
    HashKey::new(&mut Seed::new(0x0062_676e))
}

/// The smallest prime that is not below `size`: with a prime number of rows every order visits all of them.
pub fn rows(size: u32) -> u32 {
    let is_prime = |n: u32| (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    (size.max(2)..).find(|n| is_prime(*n)).unwrap_or(size)
}

/// The choices of every row for one farm. They follow from the set of its members.
#[derive(Debug)]
pub struct Frame {
    members: Vec<Member>,
    /// Indices of members, one for each row.
    first: Vec<u16>,
    /// Members in proportion to their weights, see [`fill::lots`].
    lots: Vec<u16>,
}

impl Frame {
    /// The choices of `members`, at most 65,535 with weights above 0, in any order, for `rows` rows, a prime.
    pub fn new(rows: u32, members: &[Member]) -> Self {
        let mut members = members.to_vec();
        members.sort_unstable();
        let mut frame = Self { members, first: Vec::new(), lots: Vec::new() };
        if !frame.members.is_empty() {
            frame.lots = fill::lots(rows, &frame.members);
            frame.first = fill::first_choices(rows, &frame.members, &frame.lots);
        }
        frame
    }

    /// The rows of the members that are there. `numbers` tells the target number of each member, in the order of
    /// [`Frame::members`], `None` for those that take no traffic.
    pub fn ring(&self, numbers: &[Option<u16>]) -> Ring {
        let count = self.members.len();
        // The next member by identity that is there.
        let mut follower = vec![None; count];
        let mut next = None;
        for at in (0..count).chain(0..count).rev() {
            next = numbers.get(at).copied().flatten().or(next);
            follower[at] = next;
        }
        if next.is_none() {
            return Ring::default();
        }
        let there = |member: u16| numbers.get(usize::from(member)).copied().flatten();
        let mut seconds = Seconds::new(self);
        let further = |row: u32| {
            let mut seed = Seed::new(u64::from(row));
            let mut lots = (0..TRIES).map(|_| self.lots[seed.below(self.lots.len() as u64) as usize]);
            lots.find_map(there).or_else(|| follower[seed.below(count as u64) as usize])
        };
        let rows = (0..).zip(&self.first).map(|(row, first)| {
            there(*first).or_else(|| there(seconds.next(*first))).or_else(|| further(row)).unwrap_or_default()
        });
        Ring(rows.collect())
    }

    /// Its members, in the order of their identities.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

/// The second choices of rows, in the order of rows: those of each member go around among the others, beginning somewhere
/// else for each.
struct Seconds<'a> {
    lots: &'a [u16],
    next: Vec<usize>,
}

impl<'a> Seconds<'a> {
    fn new(frame: &'a Frame) -> Self {
        let count = frame.lots.len() as u64;
        let begin = |member: &Member| Seed::new(!member.identity).below(count) as usize;
        Self { lots: &frame.lots, next: frame.members.iter().map(begin).collect() }
    }

    /// The second choice of the next row whose first one is `first`; `first` again if there is no other member.
    fn next(&mut self, first: u16) -> u16 {
        let next = &mut self.next[usize::from(first)];
        for _ in 0..self.lots.len() {
            let lot = self.lots[*next];
            *next = if *next + 1 == self.lots.len() { 0 } else { *next + 1 };
            if lot != first {
                return lot;
            }
        }
        first
    }
}

/// A target for every row, of those that take traffic.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ring(Box<[u16]>);

impl Ring {
    /// The target of a flow; `None` when there is none.
    #[inline]
    pub fn choose(&self, hash: u64) -> Option<u16> {
        let row = (u64::from(hash as u32) * self.0.len() as u64) >> 32;
        self.0.get(row as usize).copied()
    }

    /// Targets by row.
    pub fn rows(&self) -> &[u16] {
        &self.0
    }
}

/// The hash of flows, and the same for everybody.
#[derive(Debug)]
pub struct Hash(HashKey);

impl Default for Hash {
    fn default() -> Self {
        Self(key())
    }
}

impl Hash {
    /// The hash of a flow of these ends.
    #[inline]
    pub fn flow(&self, (client, port): (Addr, u16), dst: Addr, dport: u16) -> u64 {
        let wide = client.to_bits() ^ dst.to_bits().rotate_left(61);
        self.0.hash(wide, u64::from(port) << 16 | u64::from(dport))
    }
}

/// Rows that a flow tries when targets have no room, or have come up just now and get less than their share.
const ROWS_TRIED: u64 = 16;

impl Hash {
    /// The hash that decides about a session of `client` by the tables of a server with `method`, also when the session is
    /// not remembered: by the leading `bits` of its address, or by all that tells sessions apart.
    pub fn session(&self, method: Method, client: &Client, bits: u8) -> u64 {
        match method {
            Method::Hash => self.flow((leading(client.addr, bits), 0), Addr::from_bits(0), 0),
            _ => self.flow(client.id, client.dst, 0),
        }
    }
}

/// The leading `bits` of an address; of IPv6 32 more, because 24 bits of IPv4 and 56 of IPv6 are networks of about the
/// same kind.
fn leading(addr: Addr, bits: u8) -> Addr {
    let kept = if addr.is_v4() { 96 + u32::from(bits).min(32) } else { (u32::from(bits) + 32).min(128) };
    Addr::from_bits(addr.to_bits() & !u128::MAX.checked_shr(kept).unwrap_or(0))
}

/// The target that the table has for a session by `method`.
pub(super) fn choose(ask: &Ask<'_>, method: Method) -> Option<u16> {
    let hash = ask.hash.session(method, &ask.client, ask.snapshot.hashbits);
    let mut seed = Seed::new(hash);
    let mut row = hash;
    for _ in 0..ROWS_TRIED {
        let target = ask.candidates.ring.choose(row)?;
        // Its own hash decides, so the same flows come first while the share grows.
        let held = ask.target(target).map_or(0, |target| target.held);
        if (row >> 48) as u16 >= held && !ask.full(target) {
            return Some(target);
        }
        row = seed.next_u64();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const ROWS: u32 = 65_537;

    /// `count` targets at neighbouring addresses, each with the weight that `weight` gives it.
    fn farm(count: u16, weight: impl Fn(u16) -> u32) -> Vec<Member> {
        let member = |n: u16| {
            let addr = Ipv4Addr::from_bits(0x0a00_0000 + u32::from(n));
            Member { identity: identity(Addr::v4(addr), 80), weight: weight(n) }
        };
        (0..count).map(member).collect()
    }

    /// Everybody is there, but those at `gone` in the order of identities.
    fn without(frame: &Frame, gone: &[usize]) -> Ring {
        let there = |at| (!gone.contains(&usize::from(at))).then_some(at + 1);
        frame.ring(&(0..frame.members().len() as u16).map(there).collect::<Vec<_>>())
    }

    /// Rows of each of `count` targets.
    fn loads(ring: &Ring, count: usize) -> Vec<u32> {
        let mut loads = vec![0; count];
        ring.rows().iter().for_each(|target| loads[usize::from(*target) - 1] += 1);
        loads
    }

    /// The rows that differ.
    fn changed(a: &Ring, b: &Ring) -> usize {
        a.rows().iter().zip(b.rows()).filter(|(a, b)| a != b).count()
    }

    /// The largest share above the mean share, among those that are there.
    fn imbalance(ring: &Ring, count: usize, there: usize) -> f64 {
        let most = loads(ring, count).into_iter().max().unwrap_or(0);
        f64::from(most) * there as f64 / ring.rows().len() as f64 - 1.0
    }

    fn pick(seed: &mut Seed, count: usize, k: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        (0..k).map(|_| all.swap_remove(seed.below(all.len() as u64) as usize)).collect()
    }

    #[test]
    fn the_experiment_of_the_maglev_paper_shows_no_disruption_beyond_the_minimum() {
        let mut seed = Seed::new(1);
        println!("targets  rows   gone  repeats  rows changed / least possible    imbalance, worst");
        for (count, rows, repeats) in [(100, ROWS, 100), (1_000, ROWS, 20), (1_000, 655_373, 2)] {
            let frame = Frame::new(rows, &farm(count, |_| 1));
            let (count, whole) = (usize::from(count), without(&frame, &[]));
            let evenly = imbalance(&whole, count, count);
            println!(
                "{count:>7} {rows:>6}      0        1                              {:>8.2} %",
                evenly * 100.0
            );
            assert!(evenly <= (1.0 / f64::from(rows / count as u32)).max(0.0), "{evenly}");
            for k in [1, 2, 5, 10, 20, 50].into_iter().filter(|k| k * 10 <= count) {
                let (mut worst, mut uneven) = (0.0_f64, 0.0_f64);
                for _ in 0..repeats {
                    let gone = pick(&mut seed, count, k);
                    let ring = without(&frame, &gone);
                    let least: u32 = gone.iter().map(|at| loads(&whole, count)[*at]).sum();
                    worst = worst.max(changed(&whole, &ring) as f64 / f64::from(least));
                    uneven = uneven.max(imbalance(&ring, count, count - k));
                }
                let uneven = uneven * 100.0;
                println!("{count:>7} {rows:>6} {k:>6} {repeats:>8} {worst:>20.4} {uneven:>28.2} %");
                assert!(worst <= 1.02, "{k} of {count} gone: {worst} times the least");
                // 655 rows each: the second choices are even to a row, chance is left to the third.
                assert!(rows / (count as u32) < 600 || k > 1 || uneven <= 1.0, "{k} of {count}: {uneven} %");
            }
        }
    }

    #[test]
    fn a_hundred_rows_each_are_even_to_one_part_in_a_hundred() {
        for count in [10, 100, 655] {
            let rows = rows(u32::from(count) * 100);
            let frame = Frame::new(rows, &farm(count, |_| 1));
            let uneven = imbalance(&without(&frame, &[]), count.into(), count.into());
            assert!(uneven <= 0.01, "{count} targets, {rows} rows: {uneven}");
        }
    }

    #[test]
    fn weights_are_met_to_a_row_and_so_are_those_of_who_is_left() {
        let weight = |n: u16| 1 + u32::from(n) % 7;
        let frame = Frame::new(ROWS, &farm(60, weight));
        let weights: Vec<f64> = frame.members().iter().map(|member| member.weight.into()).collect();
        let sum: f64 = weights.iter().sum();
        for (load, weight) in loads(&without(&frame, &[]), 60).iter().zip(&weights) {
            assert!((f64::from(*load) - f64::from(ROWS) * weight / sum).abs() < 1.0);
        }
        for gone in 0..60 {
            let left = sum - weights[gone];
            for (at, load) in loads(&without(&frame, &[gone]), 60).iter().enumerate() {
                let due = if at == gone { 0.0 } else { f64::from(ROWS) * weights[at] / left };
                assert!((f64::from(*load) - due).abs() <= 3.0, "{load} rows of {due}");
            }
        }
    }

    #[test]
    fn the_rows_follow_from_the_set_alone() {
        let mut members = farm(50, |n| 1 + u32::from(n) % 3);
        let before = without(&Frame::new(ROWS, &members), &[3, 7]);
        let mut seed = Seed::new(5);
        for _ in 0..20 {
            let (a, b) = (seed.below(50) as usize, seed.below(50) as usize);
            members.swap(a, b);
        }
        assert_eq!(before, without(&Frame::new(ROWS, &members), &[7, 3]));
    }

    #[test]
    fn who_comes_back_gets_its_own_rows_and_no_others() {
        let frame = Frame::new(ROWS, &farm(20, |_| 1));
        for (gone, back) in [(vec![1, 2, 3], vec![1, 3]), ((1..20).collect(), (2..20).collect())] {
            let (less, more) = (without(&frame, &gone), without(&frame, &back));
            let joined = gone.iter().find(|at| !back.contains(at)).unwrap() + 1;
            for (a, b) in less.rows().iter().zip(more.rows()) {
                assert!(a == b || usize::from(*b) == joined, "a row went from {a} to {b}");
            }
        }
    }

    #[test]
    fn a_target_that_is_written_into_the_farm_takes_about_its_share() {
        // Here the frame itself is another one: that is Maglev as it is in the paper.
        let (all, mut worst) = (farm(101, |_| 1), 0.0_f64);
        let whole = Frame::new(ROWS, &all);
        for skip in 0..20 {
            let less: Vec<Member> = whole
                .members()
                .iter()
                .copied()
                .enumerate()
                .filter(|(at, _)| *at != skip)
                .map(|(_, member)| member)
                .collect();
            let frame = Frame::new(ROWS, &less);
            let numbers: Vec<_> = (1..=101).filter(|n| usize::from(*n) != skip + 1).map(Some).collect();
            let (before, after) = (frame.ring(&numbers), without(&whole, &[]));
            worst = worst.max(changed(&before, &after) as f64 / f64::from(ROWS) * 101.0);
        }
        println!("one target written into a farm of 100 changes {worst:.2} times its share of the rows");
        assert!(worst < 3.0, "{worst} times its share");
    }

    #[test]
    fn nobody_and_one_alone_are_farms_too() {
        assert_eq!(Frame::new(ROWS, &[]).ring(&[]).choose(7), None);
        let frame = Frame::new(ROWS, &farm(1, |_| 9));
        assert!(without(&frame, &[]).rows().iter().all(|target| *target == 1));
        assert_eq!(without(&frame, &[0]).choose(7), None);
        let few = Frame::new(rows(1_009), &farm(1_024, |_| 1));
        assert!(without(&few, &[]).rows().iter().all(|target| (1..=1_024).contains(target)));
    }

    #[test]
    fn leading_bits_of_ipv6_are_32_more() {
        let v4 = |text: &str| Addr::v4(text.parse().unwrap());
        let v6 = |text: &str| Addr::v6(text.parse().unwrap());
        assert_eq!(leading(v4("192.0.2.77"), 24), leading(v4("192.0.2.1"), 24));
        assert_ne!(leading(v4("192.0.2.77"), 32), leading(v4("192.0.2.1"), 128));
        assert_eq!(leading(v6("2001:db8:1:2::3"), 24), leading(v6("2001:db8:1:ff::"), 24));
        assert_ne!(leading(v6("2001:db8:1:2::3"), 32), leading(v6("2001:db8:1:ff::"), 32));
        assert_eq!(leading(v4("192.0.2.77"), 0), leading(v4("10.9.8.7"), 0));
        assert_eq!(leading(v6("::1"), 128), v6("::1"));
    }

    #[test]
    fn sizes_become_primes() {
        assert_eq!(
            (rows(65_537), rows(65_536), rows(1_009), rows(655_373)),
            (65_537, 65_537, 1_009, 655_373)
        );
    }
}
