//! The only source of randomness in the pure half: a seed that comes from outside.

/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough for choosing targets and keying hashes.
/// Not for secrets that an attacker could learn from its output.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// A generator whose whole future follows from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a 128-bit product: no division, and a bias below 2^-32 for the bounds used here.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// An independent generator.
    pub fn fork(&mut self) -> Self {
        Self(self.next_u64())
    }
}
