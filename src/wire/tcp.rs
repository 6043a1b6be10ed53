//! TCP headers (RFC 9293).
//!
//! ```text
//!  0       4       8               16                              32
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |                        sequence number                        |
//! +---------------------------------------------------------------+
//! |                     acknowledgment number                     |
//! +-------+-------+---------------+-------------------------------+
//! | offset|   0   |CEUAPRSF flags |            window             |
//! +-------+-------+---------------+-------------------------------+
//! |           checksum            |        urgent pointer         |
//! +-------------------------------+-------------------------------+
//! |                     options, 0 to 40 bytes                    |
//! ```

use std::fmt;
use std::net::IpAddr;

use super::bytes::{get_u16, get_u32, put_u16, put_u32};
use super::{Malformed, checksum, protocol};

mod field {
    use std::ops::Range;
    pub(super) const SRC_PORT: Range<usize> = 0..2;
    pub(super) const DST_PORT: Range<usize> = 2..4;
    pub(super) const SEQ: Range<usize> = 4..8;
    pub(super) const ACK: Range<usize> = 8..12;
    pub(super) const OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const WINDOW: Range<usize> = 14..16;
    pub(super) const CHECKSUM: Range<usize> = 16..18;
    pub(super) const URGENT: Range<usize> = 18..20;
}

/// Bytes of a header without options.
pub const HEADER_LEN: usize = field::URGENT.end;
/// Kind of the option with the largest segment, and its length.
const MSS: u8 = 2;
const MSS_LEN: usize = 4;

/// Control bits.
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Opens a connection.
    pub const SYN: u8 = 0x02;
    /// Aborts a connection.
    pub const RST: u8 = 0x04;
    /// Deliver at once.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// Echo of congestion experienced.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

/// View of a TCP segment.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the whole payload of an IP packet.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 20 bytes, [`Malformed::BadHeaderLength`] when the data offset is below 20 bytes or
    /// beyond `bytes`.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        if bytes.as_ref().len() < HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        let packet = Self { bytes };
        if !(HEADER_LEN..=packet.bytes.as_ref().len()).contains(&packet.header_len()) {
            return Err(Malformed::BadHeaderLength);
        }
        Ok(packet)
    }

    /// Source port.
    #[inline]
    pub fn src_port(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::SRC_PORT)
    }

    /// Destination port.
    #[inline]
    pub fn dst_port(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::DST_PORT)
    }

    /// Number of the first payload byte, or of the SYN.
    #[inline]
    pub fn seq(&self) -> u32 {
        get_u32(self.bytes.as_ref(), field::SEQ)
    }

    /// Next number that the sender expects.
    #[inline]
    pub fn ack(&self) -> u32 {
        get_u32(self.bytes.as_ref(), field::ACK)
    }

    /// Bytes of the header, options included: 20 to 60.
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.bytes.as_ref()[field::OFFSET] >> 4) * 4
    }

    /// Control bits, see [`flags`].
    #[inline]
    pub fn flags(&self) -> u8 {
        self.bytes.as_ref()[field::FLAGS]
    }

    /// Receive window, unscaled.
    #[inline]
    pub fn window(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::WINDOW)
    }

    /// Checksum of pseudo header and segment.
    #[inline]
    pub fn checksum(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::CHECKSUM)
    }

    /// True when the checksum is right between these addresses. Wrong for a frame whose sender left it to hardware.
    #[inline]
    pub fn verify_checksum(&self, src: IpAddr, dst: IpAddr) -> bool {
        checksum::verify(self.bytes.as_ref(), self.pseudo(src, dst))
    }

    /// The options, 0 to 40 bytes.
    #[inline]
    pub fn options(&self) -> &[u8] {
        &self.bytes.as_ref()[HEADER_LEN..self.header_len()]
    }

    /// The data.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.bytes.as_ref()[self.header_len()..]
    }

    #[inline]
    fn pseudo(&self, src: IpAddr, dst: IpAddr) -> checksum::Sum {
        checksum::pseudo(src, dst, protocol::TCP, self.bytes.as_ref().len())
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the source port and corrects the checksum.
    #[inline]
    pub fn set_src_port(&mut self, port: u16) {
        let check = checksum::update_u16(self.checksum(), self.src_port(), port);
        put_u16(self.bytes.as_mut(), field::SRC_PORT, port);
        self.set_checksum(check);
    }

    /// Sets the destination port and corrects the checksum.
    #[inline]
    pub fn set_dst_port(&mut self, port: u16) {
        let check = checksum::update_u16(self.checksum(), self.dst_port(), port);
        put_u16(self.bytes.as_mut(), field::DST_PORT, port);
        self.set_checksum(check);
    }

    /// Sets the checksum, as [`checksum::update_u32`] and [`checksum::update_u128`] give it after a change of address.
    #[inline]
    pub fn set_checksum(&mut self, check: u16) {
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// Computes the checksum anew.
    #[inline]
    pub fn fill_checksum(&mut self, src: IpAddr, dst: IpAddr) {
        self.set_checksum(0);
        let check = (self.pseudo(src, dst) + checksum::Sum::of(self.bytes.as_ref())).finish();
        self.set_checksum(check);
    }

    /// The data, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let start = self.header_len();
        &mut self.bytes.as_mut()[start..]
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TCP {} > {}: Flags [", self.src_port(), self.dst_port())?;
        let names = [
            (flags::FIN, 'F'),
            (flags::SYN, 'S'),
            (flags::RST, 'R'),
            (flags::PSH, 'P'),
            (flags::ACK, '.'),
            (flags::URG, 'U'),
            (flags::ECE, 'E'),
            (flags::CWR, 'W'),
        ];
        if self.flags() == 0 {
            f.write_str("none")?;
        }
        for (_, letter) in names.into_iter().filter(|(bit, _)| self.flags() & bit != 0) {
            write!(f, "{letter}")?;
        }
        write!(f, "], seq {}", self.seq())?;
        if self.flags() & flags::ACK != 0 {
            write!(f, ", ack {}", self.ack())?;
        }
        write!(f, ", win {}, length {}", self.window(), self.payload().len())
    }
}

/// A segment without options and data to be written: SYN, RST or ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number, 0 without [`flags::ACK`].
    pub ack: u32,
    /// Control bits, see [`flags`].
    pub flags: u8,
    /// Receive window, unscaled.
    pub window: u16,
}

impl Repr {
    /// Bytes that [`Repr::emit`] writes.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the segment with its checksum between these addresses at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, src: IpAddr, dst: IpAddr, buf: &mut [u8]) {
        let buf = &mut buf[..HEADER_LEN];
        put_u16(buf, field::SRC_PORT, self.src_port);
        put_u16(buf, field::DST_PORT, self.dst_port);
        put_u32(buf, field::SEQ, self.seq);
        put_u32(buf, field::ACK, self.ack);
        buf[field::OFFSET] = ((HEADER_LEN / 4) << 4) as u8;
        buf[field::FLAGS] = self.flags;
        put_u16(buf, field::WINDOW, self.window);
        put_u16(buf, field::URGENT, 0);
        Packet { bytes: buf }.fill_checksum(src, dst);
    }
}

/// A segment to be written, with data and the one option that opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Its header.
    pub header: Repr,
    /// Largest segment that the sender takes (RFC 9293 section 3.7.1), in a SYN.
    pub mss: Option<u16>,
    /// Data, at most 65,495 bytes.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// Bytes that [`Segment::emit`] writes.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN + self.options_len() + self.payload.len()
    }

    const fn options_len(&self) -> usize {
        if self.mss.is_some() { MSS_LEN } else { 0 }
    }

    /// Writes the segment with its checksum between these addresses at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Segment::wire_len`].
    pub fn emit(&self, src: IpAddr, dst: IpAddr, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        self.header.emit(src, dst, buf);
        let header_len = HEADER_LEN + self.options_len();
        buf[field::OFFSET] = ((header_len / 4) << 4) as u8;
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            buf[HEADER_LEN..header_len].copy_from_slice(&[MSS, MSS_LEN as u8, high, low]);
        }
        buf[header_len..].copy_from_slice(self.payload);
        Packet { bytes: buf }.fill_checksum(src, dst);
    }
}

/// The largest segment that the sender of `options` takes, if it says so.
pub fn mss(mut options: &[u8]) -> Option<u16> {
    loop {
        match *options {
            [1, ref rest @ ..] => options = rest,
            [MSS, 4, high, low, ..] => return Some(u16::from_be_bytes([high, low])),
            [0, ..] | [] => return None,
            [_, len, ..] if len >= 2 => options = options.get(usize::from(len)..)?,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};
    use std::net::Ipv4Addr;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 17, 2, 92));
    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 17, 2, 90));

    fn captured(frame: &str) -> Vec<u8> {
        hex(frame)[34..].to_vec()
    }

    #[test]
    fn a_captured_segment_is_read() {
        let bytes = captured(golden::TCP_DATA);
        let segment = Packet::new(&bytes).expect("valid");
        assert_eq!((segment.src_port(), segment.dst_port()), (60_254, 22));
        assert_eq!((segment.seq(), segment.ack()), (1_140_314_571, 1_383_438_239));
        assert_eq!((segment.flags(), segment.window()), (flags::PSH | flags::ACK, 63));
        assert_eq!((segment.header_len(), segment.options().len()), (32, 12));
        assert_eq!(segment.payload(), b"x\n");
        assert!(segment.verify_checksum(CLIENT, SERVER));
        assert!(!segment.verify_checksum(CLIENT, CLIENT));
        let bytes = hex(golden::TCP6_SYN);
        let segment = Packet::new(&bytes[54..]).expect("valid");
        assert_eq!((segment.flags(), segment.payload().len()), (flags::SYN, 0));
        let v6 = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        assert!(segment.verify_checksum(v6(1), v6(2)));
    }

    #[test]
    fn a_bare_reset_is_written_as_linux_wrote_it() {
        let bytes = captured(golden::TCP_RST);
        let repr = Repr {
            src_port: 81,
            dst_port: 55_268,
            seq: 0,
            ack: 1_278_319_312,
            flags: flags::RST | flags::ACK,
            window: 0,
        };
        let mut written = [0xee; HEADER_LEN];
        assert_eq!(repr.wire_len(), written.len());
        repr.emit(SERVER, CLIENT, &mut written);
        assert_eq!(written, *bytes);
    }

    #[test]
    fn a_segment_with_data_and_its_largest_size_is_read_as_it_was_written() {
        for (mss_told, payload) in [(Some(536), &b""[..]), (None, b"GET /"), (Some(1), b"odd")] {
            let header = Repr { src_port: 1, dst_port: 2, seq: 3, ack: 4, flags: flags::ACK, window: 5 };
            let segment = Segment { header, mss: mss_told, payload };
            let mut buf = [0xee; 64];
            segment.emit(CLIENT, SERVER, &mut buf);
            let read = Packet::new(&buf[..segment.wire_len()]).expect("valid");
            assert_eq!((read.seq(), read.ack(), read.window(), read.payload()), (3, 4, 5, payload));
            assert_eq!(mss(read.options()), mss_told);
            assert!(read.verify_checksum(CLIENT, SERVER));
        }
    }

    #[test]
    fn the_largest_segment_is_found_among_options_and_nonsense_ends_the_search() {
        assert_eq!(mss(&[1, 1, 3, 3, 7, 2, 4, 5, 0xb4]), Some(1460));
        for options in [&[][..], &[0, 2, 4, 5, 0xb4], &[8, 0, 2, 4, 5, 0xb4], &[2, 4, 5], &[8, 200, 1], &[8]]
        {
            assert_eq!(mss(options), None, "{options:?}");
        }
    }

    #[test]
    fn a_truncated_header_is_refused() {
        golden::refuses_every_truncation(&captured(golden::TCP_SYN), |bytes| Packet::new(bytes).map(|_| ()));
    }

    #[test]
    fn a_data_offset_is_bounded_on_both_sides() {
        let mut bytes = captured(golden::TCP_RST);
        for words in 0..16 {
            bytes[12] = words << 4;
            let expected = if words == 5 { None } else { Some(Malformed::BadHeaderLength) };
            assert_eq!(Packet::new(&bytes).err(), expected, "{words} words");
        }
    }

    #[test]
    fn changed_ports_keep_a_right_checksum() {
        let mut seed = Seed::new(1);
        for _ in 0..2_000 {
            let mut bytes = captured(golden::TCP_DATA);
            let mut segment = Packet::new(&mut bytes).expect("valid");
            let (src, dst) = (seed.next_u64() as u16, seed.next_u64() as u16);
            segment.set_src_port(src);
            segment.set_dst_port(dst);
            assert_eq!((segment.src_port(), segment.dst_port()), (src, dst));
            assert!(segment.verify_checksum(CLIENT, SERVER));
            segment.payload_mut()[0] = seed.next_u64() as u8;
            segment.fill_checksum(SERVER, CLIENT);
            assert!(segment.verify_checksum(SERVER, CLIENT));
        }
    }

    #[test]
    fn a_changed_address_is_corrected_for() {
        let mut bytes = captured(golden::TCP_DATA);
        let mut segment = Packet::new(&mut bytes).expect("valid");
        let other = Ipv4Addr::new(10, 0, 0, 1);
        let old = Ipv4Addr::new(172, 17, 2, 90);
        segment.set_checksum(checksum::update_u32(segment.checksum(), old.to_bits(), other.to_bits()));
        assert!(segment.verify_checksum(CLIENT, other.into()));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut seed = Seed::new(2);
        for _ in 0..1_000 {
            let repr = Repr {
                src_port: seed.next_u64() as u16,
                dst_port: seed.next_u64() as u16,
                seq: seed.next_u64() as u32,
                ack: seed.next_u64() as u32,
                flags: seed.next_u64() as u8,
                window: seed.next_u64() as u16,
            };
            let mut bytes = [0xee; HEADER_LEN];
            repr.emit(CLIENT, SERVER, &mut bytes);
            let segment = Packet::new(&bytes).expect("valid");
            let read = Repr {
                src_port: segment.src_port(),
                dst_port: segment.dst_port(),
                seq: segment.seq(),
                ack: segment.ack(),
                flags: segment.flags(),
                window: segment.window(),
            };
            assert_eq!((read, segment.verify_checksum(CLIENT, SERVER)), (repr, true));
        }
    }
}
