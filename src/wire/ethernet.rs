//! Ethernet II frames (RFC 894 for IPv4, RFC 2464 for IPv6) and hardware addresses.
//!
//! ```text
//!  0                   6                   12      14
//! +-------------------+-------------------+-------+---------------
//! |    destination    |      source       | type  | payload ...
//! +-------------------+-------------------+-------+---------------
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::bytes::{array, get_u16, put, put_u16};
use super::{Malformed, arp, ipv4, ipv6, vlan};

mod field {
    use std::ops::{Range, RangeFrom};
    pub(super) const DST: Range<usize> = 0..6;
    pub(super) const SRC: Range<usize> = 6..12;
    pub(super) const ETHERTYPE: Range<usize> = 12..14;
    pub(super) const PAYLOAD: RangeFrom<usize> = 14..;
}

/// Bytes before the payload, without a VLAN tag.
pub const ETHERNET_HEADER_LEN: usize = field::PAYLOAD.start;

/// Shortest frame on the wire without FCS; shorter ones are padded by the sender.
pub const MIN_FRAME_LEN: usize = 60;

/// Numbers of the protocols above Ethernet (IEEE 802 numbers, kept by IANA).
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// Address resolution.
    pub const ARP: u16 = 0x0806;
    /// 802.1Q tag.
    pub const VLAN: u16 = 0x8100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
}

/// A hardware address of six bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// All stations.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No station; stands for the unknown address in an ARP request.
    pub const ZERO: Self = Self([0; 6]);

    /// The synthetic address of a `real` address: `06:00:` and the four octets.
    pub const fn real(addr: Ipv4Addr) -> Self {
        let o = addr.octets();
        Self([0x06, 0x00, o[0], o[1], o[2], o[3]])
    }

    /// The synthetic address of a network that has only a `real6`: `06:00:` and its last four bytes.
    pub const fn real_v6(addr: Ipv6Addr) -> Self {
        let o = addr.octets();
        Self([0x06, 0x00, o[12], o[13], o[14], o[15]])
    }

    /// The virtual router's address for IPv4 (RFC 3768 section 7.3).
    pub const fn vrrp_v4(vrid: u8) -> Self {
        Self([0x00, 0x00, 0x5e, 0x00, 0x01, vrid])
    }

    /// The virtual router's address for IPv6 (RFC 5798 section 7.3).
    pub const fn vrrp_v6(vrid: u8) -> Self {
        Self([0x00, 0x00, 0x5e, 0x00, 0x02, vrid])
    }

    /// The group address that carries an IPv4 multicast group: its low 23 bits (RFC 1112 section 6.4).
    pub const fn multicast_v4(group: Ipv4Addr) -> Self {
        let o = group.octets();
        Self([0x01, 0x00, 0x5e, o[1] & 0x7f, o[2], o[3]])
    }

    /// The group address that carries an IPv6 multicast group: its low 32 bits (RFC 2464 section 7).
    pub const fn multicast_v6(group: Ipv6Addr) -> Self {
        let o = group.octets();
        Self([0x33, 0x33, o[12], o[13], o[14], o[15]])
    }

    /// The group address on which the owner of `addr` hears neighbour solicitations.
    pub const fn solicited_node(addr: Ipv6Addr) -> Self {
        let o = addr.octets();
        Self([0x33, 0x33, 0xff, o[13], o[14], o[15]])
    }

    /// True for a group of stations, broadcast included.
    #[inline]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// True for the address of all stations.
    #[inline]
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// True for an address that one station can have: neither a group nor zero.
    #[inline]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        // Columns of tables pad it, so it must be one string to the formatter.
        f.pad(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

/// The text is not a hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadMacAddr;

impl fmt::Display for BadMacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a hardware address: expected six hexadecimal bytes with colons, like 06:00:ac:11:02:5a",
        )
    }
}

impl std::error::Error for BadMacAddr {}

impl FromStr for MacAddr {
    type Err = BadMacAddr;

    /// Six bytes of one or two hexadecimal digits, separated by colons.
    fn from_str(text: &str) -> Result<Self, BadMacAddr> {
        let mut mac = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut mac {
            let part = parts.next().ok_or(BadMacAddr)?;
            // `from_str_radix` alone would take a sign.
            if part.is_empty() || part.len() > 2 || !part.bytes().all(|c| c.is_ascii_hexdigit()) {
                return Err(BadMacAddr);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| BadMacAddr)?;
        }
        if parts.next().is_some() { Err(BadMacAddr) } else { Ok(Self(mac)) }
    }
}

/// View of an Ethernet frame without FCS.
#[derive(Debug, Clone, Copy)]
pub struct Frame<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Frame<T> {
    /// A view over `bytes`, from the destination address on.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below [`ETHERNET_HEADER_LEN`] bytes.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        if bytes.as_ref().len() < ETHERNET_HEADER_LEN {
            Err(Malformed::Truncated)
        } else {
            Ok(Self { bytes })
        }
    }

    /// Destination address.
    #[inline]
    pub fn dst(&self) -> MacAddr {
        MacAddr(array(self.bytes.as_ref(), field::DST))
    }

    /// Source address.
    #[inline]
    pub fn src(&self) -> MacAddr {
        MacAddr(array(self.bytes.as_ref(), field::SRC))
    }

    /// Protocol of the payload, see [`ethertype`]; below 0x600 it is the length of an 802.3 frame.
    #[inline]
    pub fn ethertype(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::ETHERTYPE)
    }

    /// All after the header, a VLAN tag and padding included.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.bytes.as_ref()[field::PAYLOAD]
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Frame<T> {
    /// Sets the destination address.
    #[inline]
    pub fn set_dst(&mut self, mac: MacAddr) {
        put(self.bytes.as_mut(), field::DST, &mac.0);
    }

    /// Sets the source address.
    #[inline]
    pub fn set_src(&mut self, mac: MacAddr) {
        put(self.bytes.as_mut(), field::SRC, &mac.0);
    }

    /// Sets the protocol of the payload.
    #[inline]
    pub fn set_ethertype(&mut self, ethertype: u16) {
        put_u16(self.bytes.as_mut(), field::ETHERTYPE, ethertype);
    }

    /// All after the header, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.bytes.as_mut()[field::PAYLOAD]
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Frame<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}, ", self.src(), self.dst())?;
        fmt_payload(f, self.ethertype(), self.payload())
    }
}

/// Prints what an Ethernet header or a VLAN tag announces.
pub(super) fn fmt_payload(f: &mut fmt::Formatter<'_>, ethertype: u16, bytes: &[u8]) -> fmt::Result {
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
    match ethertype {
        ethertype::ARP => show(f, "ARP", arp::Packet::new(bytes)),
        ethertype::IPV4 => show(f, "IP", ipv4::Packet::new(bytes)),
        ethertype::IPV6 => show(f, "IP6", ipv6::Packet::new(bytes)),
        ethertype::VLAN => show(f, "vlan", vlan::Packet::new(bytes)),
        other => write!(f, "ethertype 0x{other:04x}, length {}", bytes.len()),
    }
}

/// An Ethernet header to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr {
    /// Destination address.
    pub dst: MacAddr,
    /// Source address.
    pub src: MacAddr,
    /// Protocol of the payload, see [`ethertype`].
    pub ethertype: u16,
}

impl Repr {
    /// Bytes that [`Repr::emit`] writes.
    pub const fn wire_len(&self) -> usize {
        ETHERNET_HEADER_LEN
    }

    /// Writes the header at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        put(buf, field::DST, &self.dst.0);
        put(buf, field::SRC, &self.src.0);
        put_u16(buf, field::ETHERTYPE, self.ethertype);
    }
}
