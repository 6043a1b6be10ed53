//! A sorted row of addresses with a value from each on, found by an index of their leading bits.
//!
//! The index tells where in the row the addresses with the same leading bits are; the rest is a search by halves among
//! these. Of IPv4 that is one look at the index and a few at neighbouring cache lines. Addresses of IPv6 in use have many
//! leading bits in common, so more of them are looked at.

use super::Place;

/// An address as the search compares it.
pub(super) trait Key: Copy + Ord {
    /// The last address there is.
    const LAST: u128;
    /// Its length in bits.
    const BITS: u32;
    /// Leading bits that the index knows: 256 KiB for IPv4, 4 MiB for IPv6.
    const INDEXED: u32;
    fn from_bits(bits: u128) -> Self;
    fn to_bits(self) -> u128;
}

impl Key for u32 {
    const LAST: u128 = u32::MAX as u128;
    const BITS: u32 = 32;
    const INDEXED: u32 = 16;
    fn from_bits(bits: u128) -> Self {
        bits as Self
    }
    fn to_bits(self) -> u128 {
        self.into()
    }
}

impl Key for u128 {
    const LAST: u128 = Self::MAX;
    const BITS: u32 = 128;
    const INDEXED: u32 = 20;
    fn from_bits(bits: u128) -> Self {
        bits
    }
    fn to_bits(self) -> u128 {
        self
    }
}

/// The addresses and what holds from each on.
#[derive(Debug)]
pub(super) struct Row<K> {
    keys: Box<[K]>,
    /// What holds from each key on.
    values: Box<[Place]>,
    /// How many keys have smaller leading bits, for all that these can be, and how many keys there are.
    index: Box<[u32]>,
}

impl<K: Key> Row<K> {
    /// The row of `changes`, ascending addresses with what holds from there on.
    pub(super) fn build(changes: impl Iterator<Item = (K, Place)>) -> Self {
        let (keys, values): (Vec<K>, Vec<Place>) = changes.unzip();
        let mut index = vec![0; (1 << K::INDEXED) + 1];
        for key in &keys {
            index[Self::leading(*key) + 1] += 1;
        }
        for at in 1..index.len() {
            index[at] += index[at - 1];
        }
        Self { keys: keys.into(), values: values.into(), index: index.into() }
    }

    fn leading(key: K) -> usize {
        (key.to_bits() >> (K::BITS - K::INDEXED)) as usize
    }

    /// How many keys are not above `key`.
    #[inline]
    fn rank(&self, key: K) -> usize {
        let leading = Self::leading(key);
        let (first, end) = (self.index[leading] as usize, self.index[leading + 1] as usize);
        first + self.keys[first..end].partition_point(|k| *k <= key)
    }

    /// What holds at `key`.
    #[inline]
    pub(super) fn value(&self, key: K) -> Place {
        match self.rank(key) {
            0 => 0,
            rank => self.values[rank - 1],
        }
    }

    /// What holds at `key`, and the length of the shortest prefix around it in which nothing else does.
    pub(super) fn find(&self, key: K) -> (Place, u8) {
        let rank = self.rank(key);
        let keys = &self.keys;
        let start = rank.checked_sub(1).map_or(0, |at| keys[at].to_bits());
        let end = keys.get(rank).map_or(K::LAST, |next| next.to_bits() - 1);
        let bits = key.to_bits();
        // The more bits are left to the hosts, the wider the block; it must stay within `start` and `end`.
        let hosts = |host: u32| 1_u128.checked_shl(host).map_or(K::LAST, |size| size - 1);
        let within = |host: &u32| bits & !hosts(*host) >= start && bits | hosts(*host) <= end;
        let host = (0..=K::BITS).rev().find(within).unwrap_or(0);
        (rank.checked_sub(1).map_or(0, |at| self.values[at]), (K::BITS - host) as u8)
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.keys[..]) + size_of_val(&self.values[..]) + size_of_val(&self.index[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_row_of_any_size_finds_what_a_search_through_all_finds() {
        let mut seed = Seed::new(2);
        for count in [0, 1, 15, 16, 17, 18, 255, 256, 257, 272, 273, 4095, 4096, 4097, 70_000] {
            let mut keys: Vec<u32> = (0..count).map(|_| seed.next_u64() as u32).collect();
            keys.sort_unstable();
            keys.dedup();
            let value = |at: usize| (at % 60_000 + 1) as Place;
            let row = Row::build(keys.iter().enumerate().map(|(at, key)| (*key, value(at))));
            let near: Vec<u32> =
                keys.iter().flat_map(|k| [k.wrapping_sub(1), *k, k.wrapping_add(1)]).collect();
            for key in near.into_iter().chain([0, u32::MAX]) {
                let rank = keys.partition_point(|k| *k <= key);
                assert_eq!(row.value(key), if rank == 0 { 0 } else { value(rank - 1) }, "{key} of {count}");
            }
        }
    }
}
