//! Keyed hashing of addresses, and the two buckets that a key may live in.

use crate::seed::Seed;

/// A secret key per worker and start. Who does not know it cannot choose addresses that meet in one bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HashKey([u64; 3]);

impl HashKey {
    /// A key drawn from `seed`.
    pub(crate) fn new(seed: &mut Seed) -> Self {
        Self(std::array::from_fn(|_| seed.next_u64() | 1))
    }

    /// Hash of a 128-bit value and 64 further bits: two folded 64x64 multiplications, about 2 ns.
    #[inline]
    pub(crate) fn hash(&self, wide: u128, extra: u64) -> u64 {
        let [k0, k1, k2] = self.0;
        let inner = fold((wide as u64) ^ k0, ((wide >> 64) as u64) ^ k1);
        fold(inner ^ extra ^ k2, k0.rotate_left(32) ^ extra.rotate_left(17) ^ k1)
    }
}

/// Both halves of the 128-bit product, folded by XOR.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Where a key may live: its two buckets, and its tag, one byte of its hash that is never 0.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    pub(crate) first: u32,
    pub(crate) second: u32,
    pub(crate) tag: u8,
}

/// How keys spread over a number of buckets that need not be a power of two.
///
/// Which bucket is the second one follows from the first and the tag, and the other way round. So an entry can be moved
/// to its other bucket without reading, or hashing again, what it stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buckets {
    /// Even.
    count: u32,
    spread: u64,
}

impl Buckets {
    /// At least `count` buckets.
    ///
    /// # Panics
    /// When there would be more than 2^31.
    pub(crate) fn new(count: usize, key: &HashKey) -> Self {
        assert!(count <= 1 << 31, "{count} buckets are too many");
        Self { count: (count as u32).next_multiple_of(2).max(2), spread: key.0[0] }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// Where a key of this hash may live.
    #[inline]
    pub(crate) fn spot(&self, hash: u64) -> Spot {
        let first = scale(hash as u32, self.count);
        let tag = ((hash >> 40) as u8).max(1);
        Spot { first, second: self.other(first, tag), tag }
    }

    /// The other bucket of an entry with `tag` in `bucket`; never the same one. The numbers of both add up to the same
    /// for all entries of a tag; that sum is odd and the number of buckets even, so they always differ.
    #[inline]
    pub(crate) fn other(&self, bucket: u32, tag: u8) -> u32 {
        let sum = scale((u64::from(tag).wrapping_mul(self.spread) >> 32) as u32, self.count) | 1;
        if bucket <= sum { sum - bucket } else { sum + (self.count - bucket) }
    }
}

/// `x` as a fraction of 2^32, of `n`: a number below `n`, by one multiplication.
#[inline]
const fn scale(x: u32, n: u32) -> u32 {
    ((x as u64 * n as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_addresses_spread_over_buckets() {
        let key = HashKey::new(&mut Seed::new(7));
        let mut load = [0u32; 256];
        for i in 0..65_536u128 {
            load[(key.hash(0xffff_0a00_0000 + i, 0) & 255) as usize] += 1;
        }
        let (min, max) = (load.iter().min().unwrap(), load.iter().max().unwrap());
        assert!(*min > 180 && *max < 340, "expected about 256 each, got {min} to {max}");
    }

    #[test]
    fn the_key_decides() {
        let (a, b) = (HashKey::new(&mut Seed::new(1)), HashKey::new(&mut Seed::new(2)));
        assert_ne!(a.hash(5, 6), b.hash(5, 6));
        assert_eq!(a.hash(5, 6), a.hash(5, 6));
    }

    #[test]
    fn the_two_buckets_differ_and_lead_to_each_other() {
        let mut seed = Seed::new(5);
        for count in [1, 2, 3, 7, 1_000, 1_365_334] {
            let buckets = Buckets::new(count, &HashKey::new(&mut seed));
            for _ in 0..2_000 {
                let spot = buckets.spot(seed.next_u64());
                assert!(spot.first != spot.second && spot.tag != 0);
                assert!((spot.first.max(spot.second) as usize) < buckets.count());
                assert_eq!(buckets.other(spot.second, spot.tag), spot.first);
            }
        }
    }
}
