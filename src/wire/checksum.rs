//! The Internet checksum (RFC 1071), its pseudo headers (RFC 9293 section 3.1, RFC 8200 section 8.1) and its
//! incremental update (RFC 1624).
//!
//! A [`Sum`] is the one's complement sum before it is complemented. Sums of parts add up to the sum of the whole as
//! long as every part but the last has an even number of bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Add, AddAssign};

/// A one's complement sum of 16-bit words, not yet complemented.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// The sum of `bytes`; an odd last byte is padded with zero.
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        // Words are added in the byte order of the machine and turned once at the end: the sum does not care
        // (RFC 1071 section 2 B). 32-bit words in a 64-bit sum cannot overflow below 16 GiB.
        let mut sum = 0u64;
        let mut words = bytes.chunks_exact(4);
        for word in &mut words {
            sum += u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut last = [0; 4];
            last[..rest.len()].copy_from_slice(rest);
            sum += u64::from(u32::from_ne_bytes(last));
        }
        Self(u64::from(u16::from_be(fold(sum))))
    }

    /// This sum and one more word.
    #[inline]
    #[must_use]
    pub const fn with_u16(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// The checksum: the complement of the sum folded to 16 bits.
    #[inline]
    pub const fn finish(self) -> u16 {
        !fold(self.0)
    }
}

impl Add for Sum {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Sum {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Folds the carries of `sum` back into 16 bits.
#[inline]
pub const fn fold(sum: u64) -> u16 {
    // 64 -> 33 -> 18 -> 17 -> 16 bits.
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + (sum & 0xffff)) as u16
}

/// The checksum of `bytes` whose own checksum field is zero.
#[inline]
pub fn checksum(bytes: &[u8]) -> u16 {
    Sum::of(bytes).finish()
}

/// True when the checksum inside `bytes` is right; `pseudo` is [`Sum::ZERO`] where there is no pseudo header.
#[inline]
pub fn verify(bytes: &[u8], pseudo: Sum) -> bool {
    (pseudo + Sum::of(bytes)).finish() == 0
}

/// The pseudo header of IPv4; `len` is the length of the layer-4 header and payload in bytes.
#[inline]
pub fn pseudo_v4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: u16) -> Sum {
    (Sum::of(&src.octets()) + Sum::of(&dst.octets())).with_u16(u16::from(protocol)).with_u16(len)
}

/// The pseudo header of IPv6; `len` is the length of the upper-layer header and payload in bytes.
#[inline]
pub fn pseudo_v6(src: Ipv6Addr, dst: Ipv6Addr, next_header: u8, len: u32) -> Sum {
    let sum = Sum::of(&src.octets()) + Sum::of(&dst.octets()) + Sum::of(&len.to_be_bytes());
    sum.with_u16(u16::from(next_header))
}

/// The pseudo header of whichever family the addresses have.
///
/// `len` is the length of the layer-4 header and payload in bytes, at most 65,535 in IPv4. Addresses of different
/// families never meet in one packet; the pair is then summed as IPv4-mapped IPv6, which no receiver accepts.
#[inline]
pub fn pseudo(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> Sum {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => pseudo_v4(src, dst, protocol, len as u16),
        (src, dst) => {
            debug_assert_eq!(src.is_ipv4(), dst.is_ipv4(), "addresses of one packet have one family");
            let mapped = |addr| match addr {
                IpAddr::V4(v4) => Ipv4Addr::to_ipv6_mapped(&v4),
                IpAddr::V6(v6) => v6,
            };
            pseudo_v6(mapped(src), mapped(dst), protocol, len as u32)
        }
    }
}

/// What changed fields do to the sums that cover them (RFC 1624): found once, applied to every checksum concerned.
///
/// Fields stand at even offsets of the covered bytes; for a 16-bit field at an odd one swap the bytes of both values.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change(u64);

impl Change {
    /// Nothing changed.
    pub const NONE: Self = Self(0);

    /// A 16-bit field changed.
    #[inline]
    pub const fn u16(old: u16, new: u16) -> Self {
        Self(!old as u64 + new as u64)
    }

    /// A 32-bit field (an IPv4 address, a sequence number) changed.
    #[inline]
    pub const fn u32(old: u32, new: u32) -> Self {
        Self(!old as u64 + new as u64)
    }

    /// A 128-bit field (an IPv6 address) changed.
    #[inline]
    pub const fn u128(old: u128, new: u128) -> Self {
        let old = !old;
        let mut sum = 0;
        let mut shift = 0;
        while shift < 128 {
            sum += ((old >> shift) as u32 as u64) + ((new >> shift) as u32 as u64);
            shift += 32;
        }
        Self(sum)
    }

    /// The checksum after the change (RFC 1624 equation 3).
    #[inline]
    #[must_use]
    pub const fn apply(self, check: u16) -> u16 {
        !fold(!check as u64 + self.0)
    }

    /// The folded sum after the change, not complemented: what stands in the field of a checksum left to hardware.
    #[inline]
    #[must_use]
    pub const fn apply_to_sum(self, sum: u16) -> u16 {
        fold(sum as u64 + self.0)
    }
}

impl Add for Change {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Change {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The checksum after one 16-bit word of the covered bytes changed (RFC 1624 equation 3).
///
/// A UDP checksum of zero means "none" and must not be updated; [`crate::wire::udp::Packet::update_checksum`] knows.
#[inline]
pub const fn update_u16(check: u16, old: u16, new: u16) -> u16 {
    Change::u16(old, new).apply(check)
}

/// The checksum after a 32-bit field (an IPv4 address, a sequence number) at an even offset changed.
#[inline]
pub const fn update_u32(check: u16, old: u32, new: u32) -> u16 {
    Change::u32(old, new).apply(check)
}

/// The checksum after a 128-bit field (an IPv6 address) at an even offset changed.
#[inline]
pub const fn update_u128(check: u16, old: u128, new: u128) -> u16 {
    Change::u128(old, new).apply(check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// RFC 1071 section 4.1, word by word.
    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn random_bytes(seed: &mut Seed, len: usize) -> Vec<u8> {
        (0..len).map(|_| seed.next_u64() as u8).collect()
    }

    #[test]
    fn the_example_of_rfc_1071_adds_up() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
    }

    #[test]
    fn the_fast_sum_equals_the_slow_one_at_every_length() {
        let mut seed = Seed::new(1);
        for len in 0..300 {
            let bytes = random_bytes(&mut seed, len);
            assert_eq!(checksum(&bytes), slow(&bytes), "length {len}");
        }
        for len in [1_500, 65_535, 65_549] {
            let bytes = random_bytes(&mut seed, len);
            assert_eq!(checksum(&bytes), slow(&bytes), "length {len}");
            assert_eq!(checksum(&vec![0xff; len]), slow(&vec![0xff; len]), "length {len}");
        }
    }

    #[test]
    fn sums_of_parts_add_up_behind_an_even_number_of_bytes() {
        let mut seed = Seed::new(2);
        let bytes = random_bytes(&mut seed, 301);
        for cut in (0..=300).step_by(2) {
            let mut sum = Sum::of(&bytes[..cut]);
            sum += Sum::of(&bytes[cut..]);
            assert_eq!(sum.finish(), checksum(&bytes));
        }
    }

    #[test]
    fn folding_loses_no_carry() {
        assert_eq!(fold(0), 0);
        assert_eq!(fold(0xffff), 0xffff);
        assert_eq!(fold(0x1_0000), 1);
        assert_eq!(fold(0x1_ffff), 1);
        assert_eq!(fold(0xffff_ffff), 0xffff);
        assert_eq!(fold(u64::MAX), 0xffff);
        let mut seed = Seed::new(3);
        for _ in 0..10_000 {
            let sum = seed.next_u64();
            // 2^16 is 1 modulo 65,535, which is what one's complement counts in.
            assert_eq!(u64::from(fold(sum)) % 65_535, sum % 65_535);
        }
    }

    #[test]
    fn the_example_of_rfc_1624_is_updated_right() {
        // Section 4: where RFC 1141 gave 0xffff, which is wrong.
        assert_eq!(update_u16(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn an_update_equals_the_computation_anew() {
        let mut seed = Seed::new(4);
        for round in 0..20_000 {
            let len = 18 + seed.below(60) as usize;
            let mut bytes = random_bytes(&mut seed, len);
            if round % 4 == 0 {
                // Sparse data: sums near zero and 0xffff are where the two zeros of one's complement hide.
                bytes.iter_mut().for_each(|byte| *byte = if *byte & 1 == 0 { 0 } else { 0xff });
                bytes[17] = 1;
            }
            let before = checksum(&bytes);
            let fresh = random_bytes(&mut seed, 16);
            let word = |b: &[u8]| u16::from_be_bytes([b[0], b[1]]);
            let double = |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
            let (width, updated) = match round % 3 {
                0 => (2, update_u16(before, word(&bytes), word(&fresh))),
                1 => (4, update_u32(before, double(&bytes), double(&fresh))),
                _ => {
                    let wide = |b: &[u8]| u128::from_be_bytes(b[..16].try_into().expect("16 bytes"));
                    (16, update_u128(before, wide(&bytes), wide(&fresh)))
                }
            };
            bytes[..width].copy_from_slice(&fresh[..width]);
            assert_eq!(updated, checksum(&bytes), "round {round}");
        }
    }

    #[test]
    fn the_pseudo_header_of_the_addresses_is_the_one_of_their_family() {
        let (a, b) = (Ipv4Addr::new(172, 17, 2, 92), Ipv4Addr::new(172, 17, 2, 90));
        let bytes = [172, 17, 2, 92, 172, 17, 2, 90, 0, 6, 0x12, 0x34];
        assert_eq!(pseudo_v4(a, b, 6, 0x1234).finish(), checksum(&bytes));
        assert_eq!(pseudo(a.into(), b.into(), 6, 0x1234).finish(), checksum(&bytes));
        let (a, b) = (Ipv6Addr::LOCALHOST, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xffff));
        let mut bytes = [a.octets(), b.octets()].concat();
        bytes.extend([0, 1, 0x23, 0x45, 0, 0, 0, 17]);
        assert_eq!(pseudo_v6(a, b, 17, 0x12345).finish(), checksum(&bytes));
        assert_eq!(pseudo(a.into(), b.into(), 17, 0x12345).finish(), checksum(&bytes));
    }

    #[test]
    fn one_changed_byte_fails_the_verification() {
        let mut seed = Seed::new(5);
        let mut bytes = random_bytes(&mut seed, 64);
        bytes[10..12].fill(0);
        let check = checksum(&bytes);
        bytes[10..12].copy_from_slice(&check.to_be_bytes());
        assert!(verify(&bytes, Sum::ZERO));
        for at in 0..64 {
            bytes[at] ^= 0x10;
            assert!(!verify(&bytes, Sum::ZERO), "byte {at}");
            bytes[at] ^= 0x10;
        }
    }
}
