//! IPv6 and its extension headers (RFC 8200).
//!
//! ```text
//!  0       4               12              16              24              32
//! +-------+---------------+---------------------------------------+---------+
//! |   6   | traffic class |              flow label               |
//! +-------+-------+-------+-------+---------------+---------------+
//! |        payload length         |  next header  |   hop limit   |
//! +-------------------------------+---------------+---------------+
//! |                       source, 16 bytes                        |
//! +---------------------------------------------------------------+
//! |                     destination, 16 bytes                     |
//! +---------------------------------------------------------------+
//! ```
//!
//! Between this header and the upper layer may stand extension headers: next header, length in units of 8 bytes
//! without the first 8, content. [`Packet::upper_layer`] walks over them.

use std::fmt;
use std::net::Ipv6Addr;

use super::bytes::{array, get_u16, get_u32, put, put_u16, put_u32};
use super::{Malformed, checksum, ip, protocol};

mod field {
    use std::ops::Range;
    pub(super) const VERSION_CLASS_LABEL: Range<usize> = 0..4;
    pub(super) const PAYLOAD_LEN: Range<usize> = 4..6;
    pub(super) const NEXT_HEADER: usize = 6;
    pub(super) const HOP_LIMIT: usize = 7;
    pub(super) const SRC: Range<usize> = 8..24;
    pub(super) const DST: Range<usize> = 24..40;
}

/// Bytes of the header without extension headers.
pub const HEADER_LEN: usize = field::DST.end;

/// Most extension headers that [`Packet::upper_layer`] walks over. Honest packets have three at most; the bound keeps
/// the cost of a hostile one small.
pub const MAX_EXTENSION_HEADERS: usize = 8;

/// The content of a fragment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentHeader {
    /// Place of this fragment's payload in the whole, in bytes.
    pub offset: u16,
    /// Further fragments follow this one.
    pub more: bool,
    /// Number that the fragments of one packet share.
    pub ident: u32,
}

/// Where the extension headers end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpperLayer {
    /// Protocol of the upper layer; [`protocol::NO_NEXT_HEADER`] when there is none.
    pub protocol: u8,
    /// Its first byte, counted from the IPv6 header.
    pub offset: usize,
    /// The fragment header on the way, if there was one. With a nonzero offset the upper layer's bytes are not its header.
    pub fragment: Option<FragmentHeader>,
    /// A routing header has segments left: the destination is not the last one, and checksums of the upper layer
    /// cover the last one instead (RFC 8200 section 8.1).
    pub routed: bool,
}

/// View of an IPv6 packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`; Ethernet padding may follow and is not part of the payload.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below [`HEADER_LEN`] bytes, [`Malformed::BadVersion`], [`Malformed::BadTotalLength`]
    /// when the payload length is larger than `bytes` allows. Jumbograms (RFC 2675) have a payload length of 0; their
    /// upper layer counts as missing.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        let packet = Self::quoted(bytes)?;
        if HEADER_LEN + packet.payload_len() > packet.bytes.as_ref().len() {
            return Err(Malformed::BadTotalLength);
        }
        Ok(packet)
    }

    /// A view over the beginning of a packet, as ICMP errors quote it: the payload may be cut short.
    ///
    /// # Errors
    /// As [`Packet::new`], but a payload length larger than `bytes` allows is none.
    #[inline]
    pub fn quoted(bytes: T) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        if b[0] >> 4 != 6 {
            return Err(Malformed::BadVersion);
        }
        Ok(Self { bytes })
    }

    /// Traffic class: DSCP and ECN.
    #[inline]
    pub fn traffic_class(&self) -> u8 {
        (get_u32(self.bytes.as_ref(), field::VERSION_CLASS_LABEL) >> 20) as u8
    }

    /// Flow label, 20 bits.
    #[inline]
    pub fn flow_label(&self) -> u32 {
        get_u32(self.bytes.as_ref(), field::VERSION_CLASS_LABEL) & 0xf_ffff
    }

    /// Bytes after this header, extension headers included.
    #[inline]
    pub fn payload_len(&self) -> usize {
        usize::from(get_u16(self.bytes.as_ref(), field::PAYLOAD_LEN))
    }

    /// Protocol of the payload or kind of the first extension header.
    #[inline]
    pub fn next_header(&self) -> u8 {
        self.bytes.as_ref()[field::NEXT_HEADER]
    }

    /// Routers that may still forward it.
    #[inline]
    pub fn hop_limit(&self) -> u8 {
        self.bytes.as_ref()[field::HOP_LIMIT]
    }

    /// Source address.
    #[inline]
    pub fn src(&self) -> Ipv6Addr {
        array(self.bytes.as_ref(), field::SRC).into()
    }

    /// Destination address.
    #[inline]
    pub fn dst(&self) -> Ipv6Addr {
        array(self.bytes.as_ref(), field::DST).into()
    }

    /// All after this header, without padding; extension headers included.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        let bytes = self.bytes.as_ref();
        &bytes[HEADER_LEN..(HEADER_LEN + self.payload_len()).min(bytes.len())]
    }

    /// Walks over the extension headers to the upper layer.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when a header is not whole, [`Malformed::TooManyHeaders`] beyond
    /// [`MAX_EXTENSION_HEADERS`].
    #[inline]
    pub fn upper_layer(&self) -> Result<UpperLayer, Malformed> {
        let next = self.next_header();
        if matches!(next, protocol::TCP | protocol::UDP | protocol::ICMPV6) {
            return Ok(UpperLayer { protocol: next, offset: HEADER_LEN, fragment: None, routed: false });
        }
        walk(next, self.payload())
    }
}

/// The slow part of [`Packet::upper_layer`], apart so that the usual packet pays nothing for it.
fn walk(mut next: u8, payload: &[u8]) -> Result<UpperLayer, Malformed> {
    let mut at = 0;
    let mut fragment = None;
    let mut routed = false;
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let units = match next {
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::AH => payload.get(at + 1).copied().map(usize::from).ok_or(Malformed::Truncated)?,
            _ => return Ok(UpperLayer { protocol: next, offset: HEADER_LEN + at, fragment, routed }),
        };
        let len = match next {
            protocol::FRAGMENT => 8,
            // The authentication header counts in units of 4 bytes, without the first 8 (RFC 4302 section 2.2).
            protocol::AH => (units + 2) * 4,
            _ => (units + 1) * 8,
        };
        let header = payload.get(at..at + len).ok_or(Malformed::Truncated)?;
        let following = header[0];
        at += len;
        routed |= next == protocol::ROUTING && header[3] != 0;
        if next == protocol::FRAGMENT {
            let offset_more = get_u16(header, 2..4);
            let offset = offset_more & !7;
            fragment =
                Some(FragmentHeader { offset, more: offset_more & 1 != 0, ident: get_u32(header, 4..8) });
            if offset != 0 {
                // What follows is a slice of the middle, not a header.
                return Ok(UpperLayer { protocol: following, offset: HEADER_LEN + at, fragment, routed });
            }
        }
        next = following;
    }
    Err(Malformed::TooManyHeaders)
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the hop limit.
    #[inline]
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.bytes.as_mut()[field::HOP_LIMIT] = hop_limit;
    }

    /// Sets the source address. The change is what the checksum of the upper layer needs; correcting that is
    /// the caller's.
    #[inline]
    pub fn set_src(&mut self, addr: Ipv6Addr) -> checksum::Change {
        let change = checksum::Change::u128(self.src().to_bits(), addr.to_bits());
        put(self.bytes.as_mut(), field::SRC, &addr.octets());
        change
    }

    /// Sets the destination address. The change is what the checksum of the upper layer needs, unless the packet is
    /// still to take other turns ([`UpperLayer::routed`]); correcting that is the caller's.
    #[inline]
    pub fn set_dst(&mut self, addr: Ipv6Addr) -> checksum::Change {
        let change = checksum::Change::u128(self.dst().to_bits(), addr.to_bits());
        put(self.bytes.as_mut(), field::DST, &addr.octets());
        change
    }

    /// All after this header, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let end = (HEADER_LEN + self.payload_len()).min(self.bytes.as_ref().len());
        &mut self.bytes.as_mut()[HEADER_LEN..end]
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IP6 {} > {}: ", self.src(), self.dst())?;
        match self.upper_layer() {
            Err(why) => write!(f, "[{why}]"),
            Ok(UpperLayer { protocol, fragment: Some(fragment), .. }) if fragment.offset != 0 => {
                write!(f, "proto {protocol}, frag {}:{}", fragment.ident, fragment.offset)
            }
            Ok(upper) => ip::fmt_payload(f, upper.protocol, &self.payload()[upper.offset - HEADER_LEN..]),
        }
    }
}

/// An IPv6 header without extension headers to be written. Traffic class and flow label are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr {
    /// Source address.
    pub src: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
    /// Protocol of the payload, see [`ip::protocol`].
    pub next_header: u8,
    /// Routers that may forward it; 255 for neighbour discovery.
    pub hop_limit: u8,
    /// Bytes after the header.
    pub payload_len: u16,
}

impl Repr {
    /// Bytes that [`Repr::emit`] writes: the header only.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        put_u32(buf, field::VERSION_CLASS_LABEL, 6 << 28);
        put_u16(buf, field::PAYLOAD_LEN, self.payload_len);
        buf[field::NEXT_HEADER] = self.next_header;
        buf[field::HOP_LIMIT] = self.hop_limit;
        put(buf, field::SRC, &self.src.octets());
        put(buf, field::DST, &self.dst.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};

    fn captured(frame: &str) -> Vec<u8> {
        hex(frame)[14..].to_vec()
    }

    /// A packet from ::1 to ::2 with this next header and payload.
    fn packet(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let repr = Repr {
            src: Ipv6Addr::LOCALHOST,
            dst: Ipv6Addr::from_bits(2),
            next_header,
            hop_limit: 64,
            payload_len: payload.len() as u16,
        };
        let mut bytes = vec![0; HEADER_LEN];
        repr.emit(&mut bytes);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn a_captured_header_is_read() {
        let bytes = captured(golden::PING6_REQUEST);
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!((packet.traffic_class(), packet.flow_label()), (0, 0x13c32));
        assert_eq!(
            (packet.payload_len(), packet.next_header(), packet.hop_limit()),
            (24, protocol::ICMPV6, 64)
        );
        assert_eq!(packet.src().to_string(), "2001:db8::1");
        assert_eq!(packet.dst().to_string(), "2001:db8::2");
        assert_eq!(packet.payload(), &bytes[40..]);
        let upper = UpperLayer { protocol: protocol::ICMPV6, offset: 40, fragment: None, routed: false };
        assert_eq!(packet.upper_layer(), Ok(upper));
    }

    #[test]
    fn a_header_is_written_byte_for_byte() {
        let bytes = captured(golden::NEIGHBOR_SOLICITATION);
        let packet = Packet::new(&bytes).expect("valid");
        let repr = Repr {
            src: packet.src(),
            dst: packet.dst(),
            next_header: protocol::ICMPV6,
            hop_limit: 255,
            payload_len: 32,
        };
        let mut written = [0xee; HEADER_LEN];
        assert_eq!(repr.wire_len(), written.len());
        repr.emit(&mut written);
        assert_eq!(written, bytes[..40]);
    }

    #[test]
    fn a_header_is_rewritten_in_place_and_padding_is_no_payload() {
        let mut bytes = packet(protocol::NO_NEXT_HEADER, &[1, 2, 3]);
        bytes.extend([0xff; 10]);
        let mut packet = Packet::new(&mut bytes).expect("valid");
        packet.set_src(Ipv6Addr::from_bits(3));
        packet.set_dst(Ipv6Addr::from_bits(4));
        packet.set_hop_limit(9);
        packet.payload_mut().fill(7);
        assert_eq!((packet.src(), packet.dst()), (Ipv6Addr::from_bits(3), Ipv6Addr::from_bits(4)));
        assert_eq!((packet.hop_limit(), packet.payload()), (9, &[7, 7, 7][..]));
        assert_eq!(bytes[43..], [0xff; 10]);
    }

    #[test]
    fn a_truncated_packet_is_refused() {
        for frame in [golden::PING6_REQUEST, golden::MULTICAST_LISTENER_REPORT, golden::FRAGMENT6_LAST] {
            golden::refuses_every_truncation(&captured(frame), |bytes| Packet::new(bytes).map(|_| ()));
        }
        let mut bytes = captured(golden::PING6_REQUEST);
        bytes[0] = 0x40;
        assert_eq!(Packet::new(&bytes).err(), Some(Malformed::BadVersion));
    }

    #[test]
    fn the_walk_goes_over_all_extension_headers() {
        let bytes = captured(golden::MULTICAST_LISTENER_REPORT);
        let upper = Packet::new(&bytes).expect("valid").upper_layer();
        assert_eq!(
            upper,
            Ok(UpperLayer { protocol: protocol::ICMPV6, offset: 48, fragment: None, routed: false })
        );
        // Hop-by-hop of 8 bytes, routing of 16, authentication of 24 (4 units of 4 and 8), destination options of 8.
        let chain = hex("2b00000000000000 \
             33010000000000000000000000000000 \
             3c0400000000000000000000000000000000000000000000 \
             0600000000000000 aaaa");
        let bytes = packet(protocol::HOP_BY_HOP, &chain);
        let upper = Packet::new(&bytes).expect("valid").upper_layer();
        assert_eq!(
            upper,
            Ok(UpperLayer {
                protocol: protocol::TCP,
                offset: 40 + 8 + 16 + 24 + 8,
                fragment: None,
                routed: false
            })
        );
    }

    #[test]
    fn a_fragment_ends_the_walk_unless_it_is_the_first() {
        let bytes = captured(golden::FRAGMENT6_LAST);
        let upper = Packet::new(&bytes).expect("valid").upper_layer().expect("whole");
        let fragment = upper.fragment.expect("fragment");
        assert_eq!((upper.protocol, upper.offset), (protocol::ICMPV6, 48));
        assert_eq!((fragment.offset, fragment.more), (2_896, false));
        let first = packet(protocol::FRAGMENT, &hex("3c00 0001 12345678 1100 000000000000 0035003500080000"));
        let upper = Packet::new(&first).expect("valid").upper_layer().expect("whole");
        assert_eq!((upper.protocol, upper.offset), (protocol::UDP, 56));
        let fragment = FragmentHeader { offset: 0, more: true, ident: 0x1234_5678 };
        assert_eq!(upper.fragment, Some(fragment));
    }

    #[test]
    fn a_chain_is_bounded_one_header_apart() {
        let chain = |headers: usize| {
            let mut payload = Vec::new();
            for n in 1..=headers {
                let next =
                    if n == headers { protocol::NO_NEXT_HEADER } else { protocol::DESTINATION_OPTIONS };
                payload.extend([next, 0, 1, 4, 0, 0, 0, 0]);
            }
            let bytes = packet(protocol::DESTINATION_OPTIONS, &payload);
            Packet::new(&bytes).expect("valid").upper_layer().map(|upper| upper.offset)
        };
        assert_eq!(chain(MAX_EXTENSION_HEADERS), Ok(HEADER_LEN + 8 * MAX_EXTENSION_HEADERS));
        assert_eq!(chain(MAX_EXTENSION_HEADERS + 1), Err(Malformed::TooManyHeaders));
    }

    #[test]
    fn an_extension_header_beyond_the_payload_is_refused() {
        for header in [
            protocol::HOP_BY_HOP,
            protocol::ROUTING,
            protocol::FRAGMENT,
            protocol::DESTINATION_OPTIONS,
            protocol::MOBILITY,
            protocol::AH,
        ] {
            // A length of 1 means 16 bytes, for the authentication header 12, for a fragment always 8.
            let (whole, chain) = match header {
                protocol::FRAGMENT => (8, hex("3b00 0000 00000000")),
                protocol::AH => (12, hex("3b01 0000 00000000 00000000")),
                _ => (16, hex("3b01 0000 00000000 0000000000000000")),
            };
            for len in 0..whole {
                let bytes = packet(header, &chain[..len]);
                let upper = Packet::new(&bytes).expect("valid").upper_layer();
                assert_eq!(upper, Err(Malformed::Truncated), "header {header}, {len} bytes");
            }
            let bytes = packet(header, &chain);
            let upper = Packet::new(&bytes).expect("valid").upper_layer().expect("whole");
            assert_eq!((upper.protocol, upper.offset), (protocol::NO_NEXT_HEADER, HEADER_LEN + whole));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut seed = Seed::new(1);
        for _ in 0..1_000 {
            let addr = |seed: &mut Seed| {
                Ipv6Addr::from_bits(u128::from(seed.next_u64()) << 64 | u128::from(seed.next_u64()))
            };
            let repr = Repr {
                src: addr(&mut seed),
                dst: addr(&mut seed),
                next_header: seed.next_u64() as u8,
                hop_limit: seed.next_u64() as u8,
                payload_len: seed.below(9) as u16,
            };
            let mut bytes = [0xee; HEADER_LEN + 8];
            repr.emit(&mut bytes);
            let packet = Packet::new(&bytes).expect("valid");
            let read = Repr {
                src: packet.src(),
                dst: packet.dst(),
                next_header: packet.next_header(),
                hop_limit: packet.hop_limit(),
                payload_len: packet.payload().len() as u16,
            };
            assert_eq!(read, repr);
        }
    }
}
