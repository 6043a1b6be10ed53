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
use super::{Malformed, ip, protocol};

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
            return Ok(UpperLayer { protocol: next, offset: HEADER_LEN, fragment: None });
        }
        walk(next, self.payload())
    }
}

/// The slow part of [`Packet::upper_layer`], apart so that the usual packet pays nothing for it.
fn walk(mut next: u8, payload: &[u8]) -> Result<UpperLayer, Malformed> {
    let mut at = 0;
    let mut fragment = None;
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let units = match next {
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::AH => payload.get(at + 1).copied().map(usize::from).ok_or(Malformed::Truncated)?,
            _ => return Ok(UpperLayer { protocol: next, offset: HEADER_LEN + at, fragment }),
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
        if next == protocol::FRAGMENT {
            let offset_more = get_u16(header, 2..4);
            let offset = offset_more & !7;
            fragment =
                Some(FragmentHeader { offset, more: offset_more & 1 != 0, ident: get_u32(header, 4..8) });
            if offset != 0 {
                // What follows is a slice of the middle, not a header.
                return Ok(UpperLayer { protocol: following, offset: HEADER_LEN + at, fragment });
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

    /// Sets the source address; the checksum of the upper layer is the caller's.
    #[inline]
    pub fn set_src(&mut self, addr: Ipv6Addr) {
        put(self.bytes.as_mut(), field::SRC, &addr.octets());
    }

    /// Sets the destination address; the checksum of the upper layer is the caller's.
    #[inline]
    pub fn set_dst(&mut self, addr: Ipv6Addr) {
        put(self.bytes.as_mut(), field::DST, &addr.octets());
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
