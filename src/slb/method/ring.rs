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
//! The first choices of a frame are those of Maglev (Eisenbud and others 2016, section 3.4), with weights: everybody in
//! turn takes the next free row of an order of its own, until it has the rows that are due to it. The second choices
//! share the rows of each target evenly among all others. Behind these, every row has an endless random order of
//! targets. A ring takes for each row the first choice that takes traffic: so when a target goes only its own rows
//! change, and when it comes back it gets just these again. Maglev alone changes rows of others, too.

use super::{Ask, rr};
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
    let is_prime = |n: u32| (2..).take_while(|d| d * d <= n).all(|d| n % d != 0);
    (size.max(2)..).find(|n| is_prime(*n)).unwrap_or(size)
}

/// The choices of every row for one farm. They follow from the set of its members.
#[derive(Debug)]
pub struct Frame {
    members: Vec<Member>,
    /// Indices of members, one for each row.
    first: Vec<u16>,
    second: Vec<u16>,
    /// Members in proportion to their weights, as many as rows.
    lots: Vec<u16>,
}

impl Frame {
    /// The choices of `members`, at most 65,535 with weights above 0, in any order, for `rows` rows, a prime.
    pub fn new(rows: u32, members: &[Member]) -> Self {
        let mut members = members.to_vec();
        members.sort_unstable();
        let mut frame = Self { members, first: Vec::new(), second: Vec::new(), lots: Vec::new() };
        if !frame.members.is_empty() {
            frame.lots = rr::spread(&dues(rows, &frame.members));
            frame.take_turns(rows);
            frame.share_out();
        }
        frame
    }

    /// The first choice of every row.
    fn take_turns(&mut self, rows: u32) {
        let mut orders: Vec<(u32, u32)> = self
            .members
            .iter()
            .map(|member| {
                let mut seed = Seed::new(member.identity);
                (seed.below(rows.into()) as u32, 1 + seed.below(u64::from(rows) - 1) as u32)
            })
            .collect();
        let mut taken = vec![0u64; rows as usize / 64 + 1];
        self.first = vec![0; rows as usize];
        for member in &self.lots {
            let (next, skip) = &mut orders[usize::from(*member)];
            let row = loop {
                let row = *next;
                let on = row + *skip;
                *next = if on >= rows { on - rows } else { on };
                let (word, bit) = (&mut taken[row as usize / 64], 1 << (row % 64));
                if *word & bit == 0 {
                    *word |= bit;
                    break row;
                }
            };
            self.first[row as usize] = *member;
        }
    }

    /// The second choice of every row: the others in proportion, each member beginning somewhere else.
    fn share_out(&mut self) {
        let count = self.lots.len();
        let mut next: Vec<usize> = self
            .members
            .iter()
            .map(|member| Seed::new(!member.identity).below(count as u64) as usize)
            .collect();
        self.second = self.first.clone();
        if self.members.len() < 2 {
            return;
        }
        for (first, second) in self.first.iter().zip(&mut self.second) {
            let next = &mut next[usize::from(*first)];
            while *second == *first {
                *second = self.lots[*next];
                *next = if *next + 1 == count { 0 } else { *next + 1 };
            }
        }
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
        let further = |row: u32| {
            let mut seed = Seed::new(u64::from(row));
            let mut lots = (0..TRIES).map(|_| self.lots[seed.below(self.lots.len() as u64) as usize]);
            lots.find_map(there).or_else(|| follower[seed.below(count as u64) as usize])
        };
        let both = self.first.iter().zip(&self.second);
        let rows = (0..).zip(both).map(|(row, (first, second))| {
            there(*first).or_else(|| there(*second)).or_else(|| further(row)).unwrap_or_default()
        });
        Ring(rows.collect())
    }

    /// Its members, in the order of their identities.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

/// How many of `rows` rows are due to each of `members`: their share, rounded so that it adds up.
fn dues(rows: u32, members: &[Member]) -> Vec<u32> {
    let sum: u64 = members.iter().map(|member| u64::from(member.weight)).sum::<u64>().max(1);
    let share = |member: &Member| (u64::from(rows) * u64::from(member.weight) / sum) as u32;
    let rest = |member: &Member| u64::from(rows) * u64::from(member.weight) % sum;
    let mut dues: Vec<u32> = members.iter().map(share).collect();
    let missing = rows - dues.iter().sum::<u32>();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(rest(&members[*at])), *at));
    order.iter().take(missing as usize).for_each(|at| dues[*at] += 1);
    dues
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

/// The target of the session, by all that tells sessions apart.
pub(super) fn by_flow(ask: &Ask<'_>) -> Option<u16> {
    choose(ask, Hash::default().flow(ask.client.id, ask.client.dst, 0))
}

/// The target of the client, by the leading bits of its address.
pub(super) fn by_address(ask: &Ask<'_>) -> Option<u16> {
    let network = leading(ask.client.addr, ask.snapshot.hashbits);
    choose(ask, Hash::default().flow((network, 0), Addr::from_bits(0), 0))
}

/// The leading `bits` of an address; of IPv6 32 more, because 24 bits of IPv4 and 56 of IPv6 are networks of about the
/// same kind.
fn leading(addr: Addr, bits: u8) -> Addr {
    let kept = if addr.is_v4() { 96 + u32::from(bits).min(32) } else { (u32::from(bits) + 32).min(128) };
    Addr::from_bits(addr.to_bits() & !u128::MAX.checked_shr(kept).unwrap_or(0))
}

fn choose(ask: &Ask<'_>, hash: u64) -> Option<u16> {
    let mut seed = Seed::new(hash);
    let mut row = hash;
    for _ in 0..ROWS_TRIED {
        let target = ask.candidates.ring.choose(row)?;
        // Its own hash decides, so the same flows come first while the share grows.
        if (row >> 48) as u16 >= ask.target(target).held && !ask.full(target) {
            return Some(target);
        }
        row = seed.next_u64();
    }
    None
}
