//! Which record shows a tuple: two entries for each flow, in buckets of one cache line.

use bng_platform::Zeroed;
use bytemuck::Zeroable;

use super::Direction;
use crate::hash::{Buckets, HashKey, Spot};

/// Entries of a bucket.
pub(super) const WAYS: usize = 12;

/// One cache line. A tag of 0 is a free way; the last four bytes of the tags are padding.
#[derive(Debug, Clone, Copy, Zeroable)]
#[repr(C)]
struct Bucket {
    tags: [u8; 16],
    entries: [u32; WAYS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

const LOW: u128 = u128::from_ne_bytes([0x01; 16]);
const SEVEN: u128 = u128::from_ne_bytes([0x7f; 16]);
/// The ways of a bucket, in the form of [`Bucket::equal`].
const ALL: u128 =
    u128::from_le_bytes([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0]);

impl Bucket {
    /// The high bit of every byte whose tag is `tag`.
    #[inline]
    fn equal(&self, tag: u8) -> u128 {
        let x = u128::from_le_bytes(self.tags) ^ (LOW * u128::from(tag));
        !(((x & SEVEN) + SEVEN) | x | SEVEN) & ALL
    }

    fn free(&self) -> Option<usize> {
        ways(self.equal(0)).next()
    }
}

/// The ways in a mask of [`Bucket::equal`].
#[inline]
fn ways(mut mask: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let way = mask.trailing_zeros() as usize / 8;
        mask &= mask.wrapping_sub(1);
        (way < WAYS).then_some(way)
    })
}

/// A record, and which of its tuples is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    /// Most records that entries can tell apart.
    pub(super) const RECORDS: usize = 1 << 31;

    pub(super) const fn new(record: u32, direction: Direction) -> Self {
        Self(record << 1 | matches!(direction, Direction::Reply) as u32)
    }

    pub(super) const fn record(self) -> u32 {
        self.0 >> 1
    }

    pub(super) const fn direction(self) -> Direction {
        if self.0 & 1 == 0 { Direction::Original } else { Direction::Reply }
    }
}

/// The index of a table.
#[derive(Debug)]
pub(super) struct Index {
    buckets: Zeroed<Bucket>,
    spread: Buckets,
}

impl Index {
    /// An index for `entries` entries that fill nine tenths of it.
    pub(super) fn new(entries: usize, key: &HashKey) -> Self {
        let spread = Buckets::new((entries * 10).div_ceil(9 * WAYS), key);
        Self { buckets: Zeroed::new(spread.count()), spread }
    }

    /// Bytes of it.
    pub(super) fn bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    #[inline]
    pub(super) fn spot(&self, hash: u64) -> Spot {
        self.spread.spot(hash)
    }

    /// A number that depends on both buckets: asking for it brings them into the cache.
    #[inline]
    pub(super) fn peek(&self, spot: Spot) -> u32 {
        self.buckets[spot.first as usize].entries[0] ^ self.buckets[spot.second as usize].entries[0]
    }

    /// Entries that may be what is looked for at `spot`: all with its tag.
    #[inline]
    pub(super) fn candidates(&self, spot: Spot) -> impl Iterator<Item = Entry> {
        [spot.first, spot.second].into_iter().flat_map(move |at| {
            let bucket = &self.buckets[at as usize];
            ways(bucket.equal(spot.tag)).map(|way| Entry(bucket.entries[way]))
        })
    }

    /// All entries of the two buckets of `spot`.
    pub(super) fn neighbours(&self, spot: Spot) -> impl Iterator<Item = Entry> {
        [spot.first, spot.second].into_iter().flat_map(move |at| {
            let bucket = &self.buckets[at as usize];
            ways(!bucket.equal(0) & ALL).map(|way| Entry(bucket.entries[way]))
        })
    }

    /// Puts `entry` into the emptier bucket of `spot`. When both are full, an entry that has room in its other bucket
    /// moves there; false when there is none.
    pub(super) fn insert(&mut self, spot: Spot, entry: Entry) -> bool {
        let free = |at: u32| self.buckets[at as usize].equal(0).count_ones();
        let at = if free(spot.second) > free(spot.first) { spot.second } else { spot.first };
        if let Some(way) = self.buckets[at as usize].free() {
            self.set(at, way, spot.tag, entry);
            return true;
        }
        for at in [spot.first, spot.second] {
            for way in 0..WAYS {
                let Bucket { tags, entries } = self.buckets[at as usize];
                let other = self.spread.other(at, tags[way]);
                if let Some(room) = self.buckets[other as usize].free() {
                    self.set(other, room, tags[way], Entry(entries[way]));
                    self.set(at, way, spot.tag, entry);
                    return true;
                }
            }
        }
        false
    }

    /// Takes `entry` out; false when it is not at `spot`.
    pub(super) fn remove(&mut self, spot: Spot, entry: Entry) -> bool {
        for at in [spot.first, spot.second] {
            let bucket = &mut self.buckets[at as usize];
            if let Some(way) = ways(bucket.equal(spot.tag)).find(|way| bucket.entries[*way] == entry.0) {
                bucket.tags[way] = 0;
                return true;
            }
        }
        false
    }

    fn set(&mut self, at: u32, way: usize, tag: u8, entry: Entry) {
        let bucket = &mut self.buckets[at as usize];
        bucket.tags[way] = tag;
        bucket.entries[way] = entry.0;
    }

    /// Every entry there is.
    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<Entry> {
        let used =
            |bucket: &Bucket| ways(!bucket.equal(0) & ALL).map(|way| bucket.entries[way]).collect::<Vec<_>>();
        self.buckets.iter().flat_map(used).map(Entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn tags_are_compared_exactly_and_padding_is_no_way() {
        let tags = [5, 4, 5, 0, 0x85, 5, 6, 1, 0, 255, 5, 0, 5, 5, 0, 0];
        let bucket = Bucket { tags, entries: [0; WAYS] };
        for tag in 0..=255u8 {
            let expected: Vec<usize> = (0..WAYS).filter(|way| tags[*way] == tag).collect();
            assert_eq!(ways(bucket.equal(tag)).collect::<Vec<_>>(), expected, "tag {tag}");
        }
    }

    #[test]
    fn as_many_entries_as_it_is_made_for_nearly_always_fit() {
        let (mut seed, entries) = (Seed::new(4), 100_000);
        let mut index = Index::new(entries, &HashKey::new(&mut seed));
        let refused =
            (0..entries as u32).filter(|i| !index.insert(index.spot(seed.next_u64()), Entry(*i))).count();
        assert_eq!((refused, index.all().len()), (0, entries));
    }
}
