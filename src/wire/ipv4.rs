//! IPv4 (RFC 791).
//!
//! ```text
//!  0       4       8               16    19                      32
//! +-------+-------+---------------+-------------------------------+
//! |   4   |  ihl  |      tos      |         total length          |
//! +-------+-------+---------------+-----+-------------------------+
//! |             ident             |flags|     fragment offset     |
//! +---------------+---------------+-----+-------------------------+
//! |      ttl      |   protocol    |        header checksum        |
//! +---------------+---------------+-------------------------------+
//! |                            source                             |
//! +---------------------------------------------------------------+
//! |                          destination                          |
//! +---------------------------------------------------------------+
//! |                     options, 0 to 40 bytes                    |
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use super::bytes::{array, get_u16, put, put_u16};
use super::{Malformed, checksum, ip};

mod field {
    use std::ops::Range;
    pub(super) const VERSION_IHL: usize = 0;
    pub(super) const TOS: usize = 1;
    pub(super) const TOTAL_LEN: Range<usize> = 2..4;
    pub(super) const IDENT: Range<usize> = 4..6;
    pub(super) const FLAGS_OFFSET: Range<usize> = 6..8;
    pub(super) const TTL: usize = 8;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const CHECKSUM: Range<usize> = 10..12;
    pub(super) const SRC: Range<usize> = 12..16;
    pub(super) const DST: Range<usize> = 16..20;
}

/// Bytes of a header without options.
pub const HEADER_LEN: usize = field::DST.end;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// View of an IPv4 packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`; Ethernet padding may follow and is not part of the payload.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when the header is not whole, [`Malformed::BadVersion`],
    /// [`Malformed::BadHeaderLength`] below 20 bytes, [`Malformed::BadTotalLength`] when the total length is smaller
    /// than the header or larger than `bytes`. A total length of 0 (segments above 65,535 bytes that the sender left to
    /// hardware) is such an error.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        let packet = Self::quoted(bytes)?;
        if packet.total_len() > packet.bytes.as_ref().len() {
            return Err(Malformed::BadTotalLength);
        }
        Ok(packet)
    }

    /// A view over the beginning of a packet, as ICMP errors quote it: the payload may be cut short.
    ///
    /// # Errors
    /// As [`Packet::new`], but a total length larger than `bytes` is none.
    #[inline]
    pub fn quoted(bytes: T) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        if b[field::VERSION_IHL] >> 4 != 4 {
            return Err(Malformed::BadVersion);
        }
        let packet = Self { bytes };
        let header_len = packet.header_len();
        if header_len < HEADER_LEN {
            return Err(Malformed::BadHeaderLength);
        }
        if packet.total_len() < header_len {
            return Err(Malformed::BadTotalLength);
        }
        if packet.bytes.as_ref().len() < header_len {
            return Err(Malformed::Truncated);
        }
        Ok(packet)
    }

    /// Bytes of the header, options included: 20 to 60.
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.bytes.as_ref()[field::VERSION_IHL] & 0x0f) * 4
    }

    /// Type of service: DSCP and ECN.
    #[inline]
    pub fn tos(&self) -> u8 {
        self.bytes.as_ref()[field::TOS]
    }

    /// Bytes of header and payload.
    #[inline]
    pub fn total_len(&self) -> usize {
        usize::from(get_u16(self.bytes.as_ref(), field::TOTAL_LEN))
    }

    /// Number that the fragments of one packet share.
    #[inline]
    pub fn ident(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::IDENT)
    }

    /// Routers must not fragment it.
    #[inline]
    pub fn dont_fragment(&self) -> bool {
        self.flags_offset() & DONT_FRAGMENT != 0
    }

    /// Further fragments follow this one.
    #[inline]
    pub fn more_fragments(&self) -> bool {
        self.flags_offset() & MORE_FRAGMENTS != 0
    }

    /// Place of this fragment's payload in the whole, in bytes.
    #[inline]
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.flags_offset() & OFFSET_MASK) * 8
    }

    /// True when the packet is only a part of one.
    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.flags_offset() & (MORE_FRAGMENTS | OFFSET_MASK) != 0
    }

    /// Routers that may still forward it.
    #[inline]
    pub fn ttl(&self) -> u8 {
        self.bytes.as_ref()[field::TTL]
    }

    /// Protocol of the payload, see [`ip::protocol`].
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.bytes.as_ref()[field::PROTOCOL]
    }

    /// Header checksum.
    #[inline]
    pub fn checksum(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::CHECKSUM)
    }

    /// True when the header checksum is right.
    #[inline]
    pub fn verify_checksum(&self) -> bool {
        // Nearly every header has no options, and a sum of known length needs no loop.
        match <&[u8; HEADER_LEN]>::try_from(self.header()) {
            Ok(header) => checksum::verify(header, checksum::Sum::ZERO),
            Err(_) => checksum::verify(self.header(), checksum::Sum::ZERO),
        }
    }

    /// Source address.
    #[inline]
    pub fn src(&self) -> Ipv4Addr {
        array(self.bytes.as_ref(), field::SRC).into()
    }

    /// Destination address.
    #[inline]
    pub fn dst(&self) -> Ipv4Addr {
        array(self.bytes.as_ref(), field::DST).into()
    }

    /// The options, 0 to 40 bytes.
    #[inline]
    pub fn options(&self) -> &[u8] {
        &self.header()[HEADER_LEN..]
    }

    /// The payload, without padding.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        let bytes = self.bytes.as_ref();
        &bytes[self.header_len()..self.total_len().min(bytes.len())]
    }

    #[inline]
    fn header(&self) -> &[u8] {
        &self.bytes.as_ref()[..self.header_len()]
    }

    #[inline]
    fn flags_offset(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::FLAGS_OFFSET)
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the time to live and corrects the header checksum.
    #[inline]
    pub fn set_ttl(&mut self, ttl: u8) {
        let protocol = self.protocol();
        let old = u16::from_be_bytes([self.ttl(), protocol]);
        let check = checksum::update_u16(self.checksum(), old, u16::from_be_bytes([ttl, protocol]));
        self.bytes.as_mut()[field::TTL] = ttl;
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// Sets the source address and corrects the header checksum; the one of layer 4 is the caller's.
    #[inline]
    pub fn set_src(&mut self, addr: Ipv4Addr) {
        let check = checksum::update_u32(self.checksum(), self.src().to_bits(), addr.to_bits());
        put(self.bytes.as_mut(), field::SRC, &addr.octets());
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// Sets the destination address and corrects the header checksum; the one of layer 4 is the caller's.
    #[inline]
    pub fn set_dst(&mut self, addr: Ipv4Addr) {
        let check = checksum::update_u32(self.checksum(), self.dst().to_bits(), addr.to_bits());
        put(self.bytes.as_mut(), field::DST, &addr.octets());
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// Computes the header checksum anew.
    #[inline]
    pub fn fill_checksum(&mut self) {
        put_u16(self.bytes.as_mut(), field::CHECKSUM, 0);
        let check = checksum::checksum(self.header());
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// The payload, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let start = self.header_len();
        let end = self.total_len().min(self.bytes.as_ref().len());
        &mut self.bytes.as_mut()[start..end]
    }
}

/// Makes `packet`, whose header takes `header_len` bytes, a fragment: its total length becomes that of the bytes, its place
/// `offset` (a multiple of eight bytes), and the checksum follows.
///
/// # Panics
/// When `header_len` is below [`HEADER_LEN`] or beyond `packet`, or `packet` longer than an IPv4 packet can be.
pub fn write_fragment(packet: &mut [u8], header_len: usize, offset: usize, more: bool) {
    assert!(packet.len() <= usize::from(u16::MAX), "an IPv4 packet");
    let total = packet.len() as u16;
    put_u16(packet, field::TOTAL_LEN, total);
    packet[field::VERSION_IHL] = 0x40 | (header_len / 4) as u8;
    let more = if more { MORE_FRAGMENTS } else { 0 };
    put_u16(packet, field::FLAGS_OFFSET, (offset / 8) as u16 & OFFSET_MASK | more);
    put_u16(packet, field::CHECKSUM, 0);
    let check = checksum::checksum(&packet[..header_len]);
    put_u16(packet, field::CHECKSUM, check);
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IP {} > {}: ", self.src(), self.dst())?;
        if self.fragment_offset() != 0 {
            // The bytes of a later fragment are no header.
            return write!(f, "proto {}, frag {}:{}", self.protocol(), self.ident(), self.fragment_offset());
        }
        ip::fmt_payload(f, self.protocol(), self.payload())
    }
}

/// An IPv4 header without options to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Protocol of the payload, see [`ip::protocol`].
    pub protocol: u8,
    /// Routers that may forward it.
    pub ttl: u8,
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Number of the packet; may be 0 with `dont_fragment` (RFC 6864).
    pub ident: u16,
    /// Routers must not fragment it.
    pub dont_fragment: bool,
    /// Bytes after the header, at most 65,515.
    pub payload_len: u16,
}

impl Repr {
    /// Bytes that [`Repr::emit`] writes: the header only.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header with its checksum at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        debug_assert!(usize::from(self.payload_len) <= 65_535 - HEADER_LEN, "payload fits an IPv4 packet");
        buf[field::VERSION_IHL] = 0x45;
        buf[field::TOS] = self.tos;
        put_u16(buf, field::TOTAL_LEN, self.payload_len.saturating_add(HEADER_LEN as u16));
        put_u16(buf, field::IDENT, self.ident);
        put_u16(buf, field::FLAGS_OFFSET, if self.dont_fragment { DONT_FRAGMENT } else { 0 });
        buf[field::TTL] = self.ttl;
        buf[field::PROTOCOL] = self.protocol;
        put_u16(buf, field::CHECKSUM, 0);
        put(buf, field::SRC, &self.src.octets());
        put(buf, field::DST, &self.dst.octets());
        let check = checksum::checksum(&buf[..HEADER_LEN]);
        put_u16(buf, field::CHECKSUM, check);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};
    use crate::wire::protocol;

    fn captured(frame: &str) -> Vec<u8> {
        hex(frame)[14..].to_vec()
    }

    #[test]
    fn a_captured_header_is_read_and_written_back() {
        let bytes = captured(golden::PING_REQUEST);
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!((packet.header_len(), packet.total_len()), (20, 44));
        assert_eq!((packet.tos(), packet.ident(), packet.ttl()), (0, 0x48a9, 64));
        assert!(packet.dont_fragment() && !packet.more_fragments() && !packet.is_fragment());
        assert_eq!(packet.fragment_offset(), 0);
        assert_eq!(packet.protocol(), protocol::ICMP);
        assert_eq!(packet.checksum(), 0x954f);
        assert!(packet.verify_checksum());
        assert_eq!(packet.src(), Ipv4Addr::new(172, 17, 2, 92));
        assert_eq!(packet.dst(), Ipv4Addr::new(172, 17, 2, 90));
        assert!(packet.options().is_empty());
        assert_eq!(packet.payload(), &bytes[20..]);
        let repr = Repr {
            src: packet.src(),
            dst: packet.dst(),
            protocol: protocol::ICMP,
            ttl: 64,
            tos: 0,
            ident: 0x48a9,
            dont_fragment: true,
            payload_len: 24,
        };
        let mut written = [0xee; HEADER_LEN];
        assert_eq!(repr.wire_len(), written.len());
        repr.emit(&mut written);
        assert_eq!(written, bytes[..20]);
    }

    #[test]
    fn the_last_fragment_knows_its_place() {
        let bytes = captured(golden::FRAGMENT_LAST);
        let packet = Packet::new(&bytes).expect("valid");
        assert!(packet.is_fragment() && !packet.more_fragments() && !packet.dont_fragment());
        assert_eq!(packet.fragment_offset(), 2_960);
        let mut bytes = bytes.clone();
        bytes[6..8].copy_from_slice(&[0x20, 0]);
        let packet = Packet::new(&bytes).expect("valid");
        assert!(packet.is_fragment() && packet.more_fragments());
        assert_eq!(packet.fragment_offset(), 0);
    }

    #[test]
    fn padding_is_no_payload_and_options_are_header() {
        let mut bytes = hex("46000020 00004000 40060000 0a000001 0a000002 94040000 0102030405060708");
        bytes.extend([0xff; 14]);
        let mut packet = Packet::new(&mut bytes).expect("valid");
        packet.fill_checksum();
        assert!(packet.verify_checksum());
        assert_eq!(packet.options(), [0x94, 4, 0, 0]);
        assert_eq!(packet.payload(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(packet.payload_mut().len(), 8);
    }

    #[test]
    fn a_truncated_packet_is_refused() {
        golden::refuses_every_truncation(&captured(golden::PING_REQUEST), |bytes| {
            Packet::new(bytes).map(|_| ())
        });
        let with_options = hex("46000018 00004000 40060000 0a000001 0a000002 94040000");
        golden::refuses_every_truncation(&with_options, |bytes| Packet::new(bytes).map(|_| ()));
        golden::refuses_every_truncation(&with_options, |bytes| Packet::quoted(bytes).map(|_| ()));
    }

    #[test]
    fn a_quotation_may_be_cut_behind_the_header() {
        let bytes = captured(golden::TCP_SYN);
        let quotation = Packet::quoted(&bytes[..28]).expect("valid");
        assert_eq!((quotation.total_len(), quotation.payload()), (60, &bytes[20..28]));
        assert_eq!(Packet::new(&bytes[..28]).err(), Some(Malformed::BadTotalLength));
    }

    #[test]
    fn contradicting_lengths_are_refused() {
        let good = captured(golden::PING_REQUEST);
        for (at, value, why) in [
            (0, 0x55, Malformed::BadVersion),
            (0, 0x44, Malformed::BadHeaderLength),
            (0, 0x40, Malformed::BadHeaderLength),
            (0, 0x4f, Malformed::BadTotalLength),
            (3, 0, Malformed::BadTotalLength),
            (3, 19, Malformed::BadTotalLength),
            (3, 45, Malformed::BadTotalLength),
            (2, 0xff, Malformed::BadTotalLength),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(Packet::new(&bytes).err(), Some(why), "byte {at} = {value}");
        }
    }

    #[test]
    fn a_rewritten_header_keeps_a_right_checksum() {
        let mut seed = Seed::new(1);
        for round in 0..5_000 {
            let random = seed.next_u64();
            let repr = Repr {
                src: Ipv4Addr::from_bits(random as u32),
                dst: Ipv4Addr::from_bits((random >> 32) as u32),
                protocol: seed.next_u64() as u8,
                ttl: seed.next_u64() as u8,
                tos: seed.next_u64() as u8,
                ident: seed.next_u64() as u16,
                dont_fragment: seed.below(2) == 1,
                payload_len: seed.below(9) as u16,
            };
            let mut bytes = [0xee; 28];
            repr.emit(&mut bytes);
            let mut packet = Packet::new(&mut bytes[..]).expect("valid");
            assert!(packet.verify_checksum());
            let (addr, ttl) = (Ipv4Addr::from_bits(seed.next_u64() as u32), seed.next_u64() as u8);
            match round % 3 {
                0 => packet.set_src(addr),
                1 => packet.set_dst(addr),
                _ => packet.set_ttl(ttl),
            }
            let expected = match round % 3 {
                0 => Repr { src: addr, ..repr },
                1 => Repr { dst: addr, ..repr },
                _ => Repr { ttl, ..repr },
            };
            let read = Repr {
                src: packet.src(),
                dst: packet.dst(),
                protocol: packet.protocol(),
                ttl: packet.ttl(),
                tos: packet.tos(),
                ident: packet.ident(),
                dont_fragment: packet.dont_fragment(),
                payload_len: packet.payload().len() as u16,
            };
            assert_eq!(read, expected);
            let updated = packet.checksum();
            packet.fill_checksum();
            assert_eq!(packet.checksum(), updated);
        }
    }
}
