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

/// The checksum after one 16-bit word of the covered bytes changed (RFC 1624 equation 3).
///
/// A UDP checksum of zero means "none" and must not be updated; [`crate::wire::udp::Packet::update_checksum`] knows.
#[inline]
pub const fn update_u16(check: u16, old: u16, new: u16) -> u16 {
    !fold(!check as u64 + !old as u64 + new as u64)
}

/// The checksum after a 32-bit field (an IPv4 address, a sequence number) at an even offset changed.
#[inline]
pub const fn update_u32(check: u16, old: u32, new: u32) -> u16 {
    !fold(!check as u64 + !old as u64 + new as u64)
}

/// The checksum after a 128-bit field (an IPv6 address) at an even offset changed.
#[inline]
pub const fn update_u128(check: u16, old: u128, new: u128) -> u16 {
    let old = !old;
    let mut sum = !check as u64;
    let mut shift = 0;
    while shift < 128 {
        sum += ((old >> shift) as u32 as u64) + ((new >> shift) as u32 as u64);
        shift += 32;
    }
    !fold(sum)
}
