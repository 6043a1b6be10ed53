//! A sorted row of addresses with a value from each on, found by an index of their bits.
//!
//! ```text
//!   address  2a02:26f0:88:...     roots   by the leading bits: where their slots begin, and how many bits these divide
//!            |--||-||-----|       slots   by the bits after them: which part of the row is meant
//!         root slot  head         changes the bits behind these, with what holds from there on
//! ```
//!
//! What a search costs is how far its memory is away, so it looks at little of it. The addresses in use are crowded in some
//! places, those of IPv6 above all, so every root has slots of its own, one for each [`CROWD`] addresses that are known
//! there, however many bits that takes. Roots in use and slots stay in a processor's second cache; the changes of a slot
//! are one or two cache lines, because they have only 15 bits of an address each. The whole addresses are looked at where
//! these are equal and something is set behind them.

use super::Place;

/// Addresses of the row that share a slot, on the average.
const CROWD: usize = 8;

/// An address.
pub(super) trait Key: Copy + Ord {
    /// Its length in bits.
    const BITS: u32;
    /// The bits of the last address there is.
    const LAST: u128;
    /// The address of these `bits`.
    fn from_bits(bits: u128) -> Self;
    /// The bits of the address.
    fn to_bits(self) -> u128;
    /// Its leading bits, as many as roots know.
    fn root(self) -> usize;
    /// The bits after them, without the last `rest` ones.
    fn slot(self, rest: u32) -> usize;
    /// The first 15 of the last `rest` bits, at least 1, twice, and 1 more if one of those behind them is set.
    fn head(self, rest: u32) -> u16;
}

macro_rules! key {
    ($key:ty, $root:literal) => {
        impl Key for $key {
            const BITS: u32 = Self::BITS;
            const LAST: u128 = Self::MAX as u128;
            #[inline]
            fn from_bits(bits: u128) -> Self {
                bits as Self
            }
            fn to_bits(self) -> u128 {
                self.into()
            }
            #[inline]
            fn root(self) -> usize {
                (self >> (Self::BITS - $root)) as usize
            }
            #[inline]
            fn slot(self, rest: u32) -> usize {
                ((self & (Self::MAX >> $root)) >> rest) as usize
            }
            #[inline]
            fn head(self, rest: u32) -> u16 {
                let bits = self << (Self::BITS - rest);
                (bits >> (Self::BITS - 15)) as u16 * 2 + u16::from(bits << 15 != 0)
            }
        }
    };
}

// IPv4.
key!(u32, 8);
// IPv6.
key!(u128, 16);

/// The slots of addresses with the same leading bits.
#[derive(Debug, Clone, Copy)]
struct Root {
    /// Their first one.
    first: u32,
    /// How many of the last bits they do not look at.
    rest: u32,
}

/// The addresses and what holds from each on.
#[derive(Debug)]
pub(super) struct Row<K> {
    roots: Box<[Root]>,
    /// How many changes are before each slot; behind the last one, how many there are.
    slots: Box<[u32]>,
    changes: Box<[(u16, Place)]>,
    /// The addresses of the changes.
    keys: Box<[K]>,
}

impl<K: Key> Row<K> {
    /// The row of `changes`, ascending addresses with what holds from there on.
    pub(super) fn build(changes: impl Iterator<Item = (K, Place)>) -> Self {
        let (keys, places): (Vec<K>, Vec<Place>) = changes.unzip();
        let last = K::from_bits(K::LAST).root();
        let unknown = K::BITS - last.count_ones();
        let (mut roots, mut slots, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        for leading in 0..=last {
            let crowd = &keys[heads.len()..];
            let crowd = &crowd[..crowd.partition_point(|key| key.root() == leading)];
            let bits = crowd.len().div_ceil(CROWD).next_power_of_two().ilog2().min(unknown - 1);
            let root = Root { first: slots.len() as u32, rest: unknown - bits };
            let mut crowd = crowd.iter().peekable();
            for slot in 0..1 << bits {
                slots.push(heads.len() as u32);
                while let Some(key) = crowd.next_if(|key| key.slot(root.rest) == slot) {
                    heads.push((key.head(root.rest), places[heads.len()]));
                }
            }
            roots.push(root);
        }
        slots.push(heads.len() as u32);
        Self { roots: roots.into(), slots: slots.into(), changes: heads.into(), keys: keys.into() }
    }

    /// How many addresses of the row are not above `key`.
    #[inline]
    fn rank(&self, key: K) -> usize {
        let root = self.roots[key.root()];
        let slot = root.first as usize + key.slot(root.rest);
        let (first, end) = (self.slots[slot] as usize, self.slots[slot + 1] as usize);
        // One with the same bits and nothing set behind them is not above the key, whatever that has there.
        let most = key.head(root.rest) & !1;
        let rank = first + self.changes[first..end].partition_point(|(head, _)| *head <= most);
        if rank == end || self.changes[rank].0 > most + 1 {
            return rank;
        }
        let alike = self.changes[rank..end].partition_point(|(head, _)| *head == most + 1);
        rank + self.keys[rank..rank + alike].partition_point(|whole| *whole <= key)
    }

    /// What holds at `key`.
    #[inline]
    pub(super) fn value(&self, key: K) -> Place {
        match self.rank(key) {
            0 => 0,
            rank => self.changes[rank - 1].1,
        }
    }

    /// What holds at `key`, and the length of the shortest prefix around it in which nothing else does.
    pub(super) fn find(&self, key: K) -> (Place, u8) {
        let rank = self.rank(key);
        let (start, place) = match rank {
            0 => (0, 0),
            _ => (self.keys[rank - 1].to_bits(), self.changes[rank - 1].1),
        };
        let end = self.keys.get(rank).map_or(K::LAST, |next| next.to_bits() - 1);
        let bits = key.to_bits();
        // The more bits are left to the hosts, the wider the block; it must stay within `start` and `end`.
        let hosts = |host: u32| 1_u128.checked_shl(host).map_or(K::LAST, |size| size - 1);
        let within = |host: &u32| bits & !hosts(*host) >= start && bits | hosts(*host) <= end;
        let host = (0..=K::BITS).rev().find(within).unwrap_or(0);
        (place, (K::BITS - host) as u8)
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.roots[..])
            + size_of_val(&self.slots[..])
            + size_of_val(&self.changes[..])
            + size_of_val(&self.keys[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// What a row finds at and around the addresses of `keys`, against a search through all of them.
    fn agrees<K: Key + std::fmt::Debug>(mut keys: Vec<K>) {
        keys.sort_unstable();
        keys.dedup();
        let value = |at: usize| (at % 60_000 + 1) as Place;
        let row = Row::build(keys.iter().enumerate().map(|(at, key)| (*key, value(at))));
        let near = |k: &K| [k.to_bits().wrapping_sub(1), k.to_bits(), k.to_bits().wrapping_add(1)];
        for bits in keys.iter().flat_map(near).chain([0, u128::MAX]) {
            let key = K::from_bits(bits);
            let rank = keys.partition_point(|k| *k <= key);
            let expected = if rank == 0 { 0 } else { value(rank - 1) };
            assert_eq!(row.value(key), expected, "{key:?} of {}", keys.len());
        }
    }

    #[test]
    fn a_row_of_any_size_finds_what_a_search_through_all_finds() {
        let mut seed = Seed::new(2);
        for count in [0, 1, 15, 16, 17, 18, 255, 256, 257, 4097, 70_000] {
            agrees((0..count).map(|_| seed.next_u64() as u32).collect());
            let wide = |_| u128::from(seed.next_u64()) << 64 | u128::from(seed.next_u64());
            agrees((0..count).map(wide).collect::<Vec<u128>>());
        }
    }

    #[test]
    fn crowds_are_searched_as_well() {
        let mut seed = Seed::new(3);
        let mut offsets = |bits: u32| (0..2000).map(|_| seed.next_u64() >> (64 - bits)).collect::<Vec<u64>>();
        for bits in [4, 9, 17, 23] {
            agrees(offsets(bits).into_iter().map(|at| 0xc000_0200 + at as u32).collect());
        }
        for (bits, shift) in [(4, 0), (9, 0), (33, 0), (64, 0), (12, 60), (33, 64)] {
            let from = 0x2a02_26f0_u128 << 96;
            agrees(offsets(bits).into_iter().map(|at| from + (u128::from(at) << shift)).collect());
        }
    }
}
