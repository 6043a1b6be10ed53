//! What both versions of IP share: protocol numbers, one form of address, the printing of payloads.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Malformed, icmpv4, icmpv6, tcp, udp, vrrp};

/// Numbers of the protocols above IP (IANA "Assigned Internet Protocol Numbers").
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// IPv6 in IP (RFC 4213).
    pub const IPV6: u8 = 41;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Generic routing encapsulation (RFC 2784).
    pub const GRE: u8 = 47;
    /// IPsec authentication header.
    pub const AH: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6: nothing follows.
    pub const NO_NEXT_HEADER: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
    /// VRRP.
    pub const VRRP: u8 = 112;
    /// IPv6 mobility header.
    pub const MOBILITY: u8 = 135;
    /// UDP-Lite.
    pub const UDP_LITE: u8 = 136;
}

/// An address of either family in 128 bits; IPv4 is mapped into IPv6 (RFC 4291 section 2.5.5.2).
///
/// Comparing, ordering and hashing need no look at the family. The two families cannot meet, because mapped addresses
/// do not occur on the wire: [`dissect`](crate::wire::dissect()) refuses them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr(u128);

impl Addr {
    /// The prefix `::ffff:0:0/96`.
    const MAPPED: u128 = 0xffff_0000_0000;

    /// An IPv4 address.
    #[inline]
    pub const fn v4(addr: Ipv4Addr) -> Self {
        Self(Self::MAPPED | addr.to_bits() as u128)
    }

    /// An IPv6 address; a mapped one is the IPv4 address that it stands for.
    #[inline]
    pub const fn v6(addr: Ipv6Addr) -> Self {
        Self(addr.to_bits())
    }

    /// The 128 bits, most significant first on the wire.
    #[inline]
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// The address of these 128 bits.
    #[inline]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// True for IPv4.
    #[inline]
    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }

    /// The IPv4 address, if it is one.
    #[inline]
    pub const fn as_v4(self) -> Option<Ipv4Addr> {
        if self.is_v4() { Some(Ipv4Addr::from_bits(self.0 as u32)) } else { None }
    }

    /// The IPv6 address, if it is one.
    #[inline]
    pub const fn as_v6(self) -> Option<Ipv6Addr> {
        if self.is_v4() { None } else { Some(Ipv6Addr::from_bits(self.0)) }
    }

    /// The address as the standard library knows it.
    #[inline]
    pub const fn to_ip(self) -> IpAddr {
        match self.as_v4() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(self.0)),
        }
    }
}

impl From<Ipv4Addr> for Addr {
    #[inline]
    fn from(addr: Ipv4Addr) -> Self {
        Self::v4(addr)
    }
}

impl From<Ipv6Addr> for Addr {
    #[inline]
    fn from(addr: Ipv6Addr) -> Self {
        Self::v6(addr)
    }
}

impl From<IpAddr> for Addr {
    #[inline]
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(v4) => Self::v4(v4),
            IpAddr::V6(v6) => Self::v6(v6),
        }
    }
}

impl From<Addr> for IpAddr {
    #[inline]
    fn from(addr: Addr) -> Self {
        addr.to_ip()
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Prints the packet that an IP header announces.
pub(super) fn fmt_payload(f: &mut fmt::Formatter<'_>, proto: u8, bytes: &[u8]) -> fmt::Result {
    fn show<P: fmt::Display>(
        f: &mut fmt::Formatter<'_>,
        name: &str,
        packet: Result<P, Malformed>,
    ) -> fmt::Result {
        match packet {
            Ok(packet) => packet.fmt(f),
            Err(why) => write!(f, "{name} [{why}]"),
        }
    }
    match proto {
        protocol::ICMP => show(f, "ICMP", icmpv4::Packet::new(bytes)),
        protocol::ICMPV6 => show(f, "ICMP6", icmpv6::Packet::new(bytes)),
        protocol::TCP => show(f, "TCP", tcp::Packet::new(bytes)),
        protocol::UDP => show(f, "UDP", udp::Packet::new(bytes)),
        protocol::VRRP => show(f, "VRRP", vrrp::Packet::new(bytes)),
        other => write!(f, "proto {other}, length {}", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_family_and_value() {
        for text in
            ["0.0.0.0", "172.17.2.90", "255.255.255.255", "::", "::1", "2001:db8::1", "::1:0", "ff02::1"]
        {
            let ip: IpAddr = text.parse().expect("address");
            let addr = Addr::from(ip);
            assert_eq!(IpAddr::from(addr), ip);
            assert_eq!(addr.is_v4(), ip.is_ipv4());
            assert_eq!(addr.as_v4().map(IpAddr::V4).or(addr.as_v6().map(IpAddr::V6)), Some(ip));
            assert_eq!(addr.to_string(), text);
            assert_eq!(format!("{addr:?}"), text);
            assert_eq!(Addr::from_bits(addr.to_bits()), addr);
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        let mapped: Ipv6Addr = "::ffff:172.17.2.90".parse().expect("address");
        assert_eq!(Addr::from(mapped), Addr::from(Ipv4Addr::new(172, 17, 2, 90)));
    }
}
