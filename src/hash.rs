//! Keyed hashing of addresses.

use crate::seed::Seed;

/// A secret key per worker and start. Who does not know it cannot choose addresses that meet in one bucket.
#[derive(Debug, Clone, Copy)]
pub struct HashKey([u64; 3]);

impl HashKey {
    /// A key drawn from `seed`.
    pub fn new(seed: &mut Seed) -> Self {
        Self(std::array::from_fn(|_| seed.next_u64() | 1))
    }

    /// Hash of a 128-bit value and 64 further bits: two folded 64x64 multiplications, about 2 ns.
    #[inline]
    pub fn hash(&self, wide: u128, extra: u64) -> u64 {
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
}
