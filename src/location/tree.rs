//! A sorted row of addresses with a value from each on, found by a tree of wide nodes.
//!
//! The row is cut into nodes of sixteen. The first address of every node but the first makes the row above it, and so
//! on, until one node is left. A search looks at one node of each row: a cache line for IPv4, four that are fetched
//! together for IPv6. Five rows hold a million addresses.

use super::Place;

/// Addresses in a node.
const NODE: usize = 16;

/// An address as the tree compares it.
pub(super) trait Key: Copy + Ord {
    /// The last address there is.
    const LAST: u128;
    /// Its length in bits.
    const BITS: u32;
    fn from_bits(bits: u128) -> Self;
    fn to_bits(self) -> u128;
}

impl Key for u32 {
    const LAST: u128 = u32::MAX as u128;
    const BITS: u32 = 32;
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
    fn from_bits(bits: u128) -> Self {
        bits
    }
    fn to_bits(self) -> u128 {
        self
    }
}

/// The tree.
#[derive(Debug)]
pub(super) struct Tree<K> {
    /// Rows of nodes, the widest last; no node but the last of a row is smaller than the others.
    rows: Vec<Box<[K]>>,
    /// What holds from each address of the last row on.
    values: Box<[Place]>,
}

impl<K: Key> Tree<K> {
    /// The tree of `changes`, ascending addresses with what holds from there on.
    pub(super) fn build(changes: impl Iterator<Item = (K, Place)>) -> Self {
        let (keys, values): (Vec<K>, Vec<Place>) = changes.unzip();
        let mut rows = vec![keys.into_boxed_slice()];
        while rows[rows.len() - 1].len() > NODE {
            let below = &rows[rows.len() - 1];
            let above = below.chunks(NODE).skip(1).map(|node| node[0]).collect();
            rows.push(above);
        }
        rows.reverse();
        Self { rows, values: values.into() }
    }

    /// How many addresses of the last row are not above `key`.
    #[inline]
    fn rank(&self, key: K) -> usize {
        let mut node = 0;
        let mut rank = 0;
        for row in &self.rows {
            let start = node * NODE;
            let keys = &row[start.min(row.len())..(start + NODE).min(row.len())];
            // All of them, without a branch that could be guessed wrong.
            let passed: usize = match keys.first_chunk::<NODE>() {
                Some(whole) => whole.iter().map(|k| usize::from(*k <= key)).sum(),
                None => keys.iter().map(|k| usize::from(*k <= key)).sum(),
            };
            rank = start + passed;
            node = rank;
        }
        rank
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
        let keys = &self.rows[self.rows.len() - 1];
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
        let rows: usize = self.rows.iter().map(|row| size_of_val(&row[..])).sum();
        rows + size_of_val(&self.values[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_tree_of_any_size_finds_what_a_search_through_all_finds() {
        let mut seed = Seed::new(2);
        for count in [0, 1, 15, 16, 17, 18, 255, 256, 257, 272, 273, 4095, 4096, 4097, 70_000] {
            let mut keys: Vec<u32> = (0..count).map(|_| seed.next_u64() as u32).collect();
            keys.sort_unstable();
            keys.dedup();
            let value = |at: usize| (at % 60_000 + 1) as Place;
            let tree = Tree::build(keys.iter().enumerate().map(|(at, key)| (*key, value(at))));
            let near: Vec<u32> =
                keys.iter().flat_map(|k| [k.wrapping_sub(1), *k, k.wrapping_add(1)]).collect();
            for key in near.into_iter().chain([0, u32::MAX]) {
                let rank = keys.partition_point(|k| *k <= key);
                assert_eq!(tree.value(key), if rank == 0 { 0 } else { value(rank - 1) }, "{key} of {count}");
            }
        }
    }
}
