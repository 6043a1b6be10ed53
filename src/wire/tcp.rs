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
