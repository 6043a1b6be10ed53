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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Zeroable)]
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

/// Gives the frame `bytes` its stations, in one look at its length; a frame too short for them stays as it is.
#[inline]
pub fn set_stations(bytes: &mut [u8], dst: MacAddr, src: MacAddr) {
    if let Some(stations) = bytes.first_chunk_mut::<12>() {
        stations[..6].copy_from_slice(&dst.0);
        stations[6..].copy_from_slice(&src.0);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::{self, hex};

    #[test]
    fn the_header_of_a_captured_frame_is_read_and_written_back() {
        let bytes = hex(golden::PING_REQUEST);
        let frame = Frame::new(&bytes).expect("whole");
        assert_eq!(frame.dst().to_string(), "02:00:00:00:00:02");
        assert_eq!(frame.src().to_string(), "02:00:00:00:00:01");
        assert_eq!(frame.ethertype(), ethertype::IPV4);
        assert_eq!(frame.payload(), &bytes[14..]);
        let mut written = [0; ETHERNET_HEADER_LEN];
        let repr = Repr { dst: frame.dst(), src: frame.src(), ethertype: frame.ethertype() };
        assert_eq!(repr.wire_len(), written.len());
        repr.emit(&mut written);
        assert_eq!(written, bytes[..14]);
    }

    #[test]
    fn the_header_is_rewritten_in_place() {
        let mut bytes = hex(golden::PING_REQUEST);
        let mut frame = Frame::new(&mut bytes).expect("whole");
        frame.set_dst(MacAddr::BROADCAST);
        frame.set_src(MacAddr::vrrp_v4(79));
        frame.set_ethertype(ethertype::IPV6);
        frame.payload_mut()[0] = 0x60;
        assert_eq!(bytes[..15], hex("ffffffffffff 00005e00014f 86dd 60"));
    }

    #[test]
    fn a_truncated_header_is_refused() {
        let bytes = hex(golden::PING_REQUEST);
        golden::refuses_every_truncation(&bytes[..14], |bytes| Frame::new(bytes).map(|_| ()));
    }

    #[test]
    fn every_captured_frame_prints_as_tcpdump_would() {
        let lines: Vec<String> = golden::ALL
            .iter()
            .map(|text| Frame::new(hex(text)).expect("whole").to_string())
            .map(|line| line[line.find(", ").expect("addresses") + 2..].to_owned())
            .collect();
        let expected = [
            "ARP, Request who-has 172.17.2.90 tell 172.17.2.92",
            "ARP, Reply 172.17.2.90 is-at 02:00:00:00:00:02",
            "ARP, Request who-has 172.17.2.92 tell 172.17.2.92",
            "IP 172.17.2.92 > 172.17.2.90: ICMP echo request, id 23, seq 1, length 24",
            "IP 172.17.2.90 > 172.17.2.92: ICMP echo reply, id 23, seq 1, length 24",
            "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id 24, seq 1, length 24",
            "IP6 2001:db8::2 > 2001:db8::1: ICMP6, echo reply, id 24, seq 1, length 24",
            "IP6 2001:db8::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has 2001:db8::2, \
             source link-address 02:00:00:00:00:01, length 32",
            "IP6 2001:db8::2 > 2001:db8::1: ICMP6, neighbor advertisement, tgt is 2001:db8::2, solicited, override, \
             destination link-address 02:00:00:00:00:02, length 32",
            "IP6 :: > ff02::1:ff00:1: ICMP6, neighbor solicitation, who has 2001:db8::1, length 32",
            "IP6 fe80::ff:fe00:1 > ff02::2: ICMP6, router solicitation, source link-address 02:00:00:00:00:01, length 16",
            "IP6 :: > ff02::16: ICMP6, type 143, code 0, length 28",
            "IP 172.17.2.92 > 172.17.2.90: TCP 60254 > 22: Flags [S], seq 1140314570, win 64240, length 0",
            "IP 172.17.2.90 > 172.17.2.92: TCP 22 > 60254: Flags [S.], seq 1383438238, ack 1140314571, win 65160, length 0",
            "IP 172.17.2.92 > 172.17.2.90: TCP 60254 > 22: Flags [P.], seq 1140314571, ack 1383438239, win 63, length 2",
            "IP 172.17.2.90 > 172.17.2.92: TCP 81 > 55268: Flags [R.], seq 0, ack 1278319312, win 0, length 0",
            "IP6 2001:db8::1 > 2001:db8::2: TCP 59728 > 80: Flags [S], seq 2092818445, win 64800, length 0",
            "IP 172.17.2.92 > 172.17.2.90: UDP 52233 > 53: length 6",
            "IP6 2001:db8::1 > 2001:db8::2: UDP 53155 > 53: length 6",
            "IP 172.17.2.90 > 172.17.2.92: ICMP unreachable, code 3, length 42",
            "IP6 2001:db8::2 > 2001:db8::1: ICMP6, unreachable, code 4, length 62",
            "IP 172.17.2.92 > 172.17.2.90: proto 1, frag 18714:2960",
            "IP6 2001:db8::1 > 2001:db8::2: proto 58, frag 27818047:2896",
            "IP 172.17.2.1 > 224.0.0.18: VRRPv2, Advertisement, vrid 79, prio 200, intvl 1s, length 20, addrs: 172.17.2.90",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_payload_that_is_none_says_why() {
        let frame = Frame::new(hex("020000000002 020000000001 0800 45")).expect("whole");
        assert_eq!(frame.to_string(), "02:00:00:00:00:01 > 02:00:00:00:00:02, IP [truncated]");
        let frame = Frame::new(hex("020000000002 020000000001 88cc 0102")).expect("whole");
        assert_eq!(frame.to_string(), "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88cc, length 2");
    }

    #[test]
    fn synthetic_and_group_addresses_are_built_from_their_numbers() {
        let named = |mac: MacAddr| mac.to_string();
        assert_eq!(named(MacAddr::real(Ipv4Addr::new(172, 17, 2, 102))), "06:00:ac:11:02:66");
        assert_eq!(named(MacAddr::vrrp_v4(79)), "00:00:5e:00:01:4f");
        assert_eq!(named(MacAddr::vrrp_v6(79)), "00:00:5e:00:02:4f");
        // The highest bit of 239.129.2.3 is one of the five that get lost.
        assert_eq!(named(MacAddr::multicast_v4(Ipv4Addr::new(239, 129, 2, 3))), "01:00:5e:01:02:03");
        let v6: Ipv6Addr = "2001:db8::1:2345:6789".parse().expect("address");
        assert_eq!(named(MacAddr::real_v6(v6)), "06:00:23:45:67:89");
        assert_eq!(named(MacAddr::multicast_v6(v6)), "33:33:23:45:67:89");
        assert_eq!(named(MacAddr::solicited_node(v6)), "33:33:ff:45:67:89");
        assert_eq!(
            MacAddr::solicited_node(v6),
            MacAddr::multicast_v6(crate::wire::ndisc::solicited_node(v6))
        );
    }

    #[test]
    fn groups_broadcast_and_stations_are_told_apart() {
        let station = MacAddr::real(Ipv4Addr::LOCALHOST);
        assert!(station.is_unicast() && !station.is_multicast() && !station.is_broadcast());
        let group = MacAddr::multicast_v4(Ipv4Addr::new(224, 0, 0, 18));
        assert!(group.is_multicast() && !group.is_unicast() && !group.is_broadcast());
        assert!(MacAddr::BROADCAST.is_broadcast() && MacAddr::BROADCAST.is_multicast());
        assert!(!MacAddr::ZERO.is_unicast());
    }

    #[test]
    fn text_is_parsed_into_the_address_that_prints_it() {
        for text in ["06:00:ac:11:02:5a", "ff:ff:ff:ff:ff:ff"] {
            assert_eq!(text.parse::<MacAddr>().expect("address").to_string(), text);
        }
        assert_eq!("6:0:AC:11:2:5a".parse(), Ok(MacAddr([6, 0, 0xac, 0x11, 2, 0x5a])));
        for text in [
            "",
            "06:00:ac:11:02",
            "06:00:ac:11:02:5a:00",
            "06:00:ac:11:02:+5",
            "06:00:ac:11:02:",
            "060:0:0:0:0:0",
            "06-00-ac-11-02-5a",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(BadMacAddr), "{text}");
        }
        assert_eq!(format!("[{:<20}]", MacAddr::ZERO), "[00:00:00:00:00:00   ]");
    }
}
