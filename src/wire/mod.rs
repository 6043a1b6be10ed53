//! Packets: one protocol per file, each a view over bytes that stay where they are.
//!
//! # Tour
//!
//! - [`dissect`](dissect()) looks once at a received frame and says all that the fast path asks: addresses, protocol,
//!   ports, offsets. It refuses nonsense with a [`Malformed`], which the caller counts.
//! - A *view* (`Packet<T>`, for Ethernet [`ethernet::Frame`]) reads, and over mutable bytes rewrites, one header.
//!   `new` checks every length that the getters rely on, so that no getter panics afterwards. It does not look at
//!   checksums; `verify_checksum` does, where the protocol has one.
//! - A *repr* (`Repr`) is the origin of a packet that bng makes itself: `wire_len` says how much room it takes,
//!   `emit` writes it, checksum included.
//! - `Display` of a view is one line in the manner of tcpdump, upper layers included.
//!
//! Layers below: [`ethernet`], [`vlan`]. Address resolution: [`arp`], [`ndisc`]. Network: [`ip`] (what both versions
//! share), [`ipv4`], [`ipv6`]. Above: [`icmpv4`], [`icmpv6`], [`tcp`], [`udp`], [`vrrp`], and on UDP [`dns`] and
//! [`agent`]. Arithmetic: [`checksum`].

pub mod agent;
pub mod arp;
mod bytes;
pub mod checksum;
pub mod dissect;
pub mod dns;
pub mod ethernet;
#[cfg(test)]
pub(crate) mod golden;
pub mod icmpv4;
pub mod icmpv6;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod ndisc;
pub mod tcp;
pub mod udp;
pub mod vlan;
pub mod vrrp;

pub use dissect::{Dissected, Fragment, IpInfo, L3, dissect};
pub use ethernet::{ETHERNET_HEADER_LEN, MacAddr, ethertype};
pub use ip::{Addr, protocol};

use std::fmt;

/// Why bytes are not the packet that they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Malformed {
    /// The bytes end before the header does.
    Truncated,
    /// A version number that is not the one of the protocol.
    BadVersion,
    /// A header length below the minimum or beyond the packet.
    BadHeaderLength,
    /// A length field that contradicts the bytes there are.
    BadTotalLength,
    /// The checksum is wrong.
    BadChecksum,
    /// A type, code or operation that this protocol does not have.
    BadType,
    /// ARP for something else than IPv4 over Ethernet.
    BadHardware,
    /// An option of length zero or one that reaches beyond the packet.
    BadOption,
    /// An address that must not stand there (multicast target, IPv4-mapped address on the wire).
    BadAddress,
    /// A fragment too small for its layer-4 header (RFC 1858), or one that reaches beyond 65,535 bytes.
    BadFragment,
    /// A hop limit other than 255 where the protocol demands that no router forwarded the packet.
    BadHopLimit,
    /// A chain of IPv6 extension headers longer than any honest sender makes.
    TooManyHeaders,
}

impl Malformed {
    /// Every reason, in the order of the discriminants: `ALL[m as usize] == m`.
    pub const ALL: [Self; 12] = [
        Self::Truncated,
        Self::BadVersion,
        Self::BadHeaderLength,
        Self::BadTotalLength,
        Self::BadChecksum,
        Self::BadType,
        Self::BadHardware,
        Self::BadOption,
        Self::BadAddress,
        Self::BadFragment,
        Self::BadHopLimit,
        Self::TooManyHeaders,
    ];

    /// The reason in words, as counters and traces print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadVersion => "bad version",
            Self::BadHeaderLength => "bad header length",
            Self::BadTotalLength => "bad total length",
            Self::BadChecksum => "bad checksum",
            Self::BadType => "bad type",
            Self::BadHardware => "bad hardware or protocol type",
            Self::BadOption => "bad option",
            Self::BadAddress => "bad address",
            Self::BadFragment => "bad fragment",
            Self::BadHopLimit => "bad hop limit",
            Self::TooManyHeaders => "too many extension headers",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_at_its_own_discriminant() {
        for (place, reason) in Malformed::ALL.into_iter().enumerate() {
            assert_eq!(place, reason as usize);
            assert!(!reason.to_string().is_empty());
        }
    }
}
