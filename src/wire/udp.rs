//! UDP (RFC 768).
//!
//! ```text
//!  0                               16                              32
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |            length             |     checksum, 0 for none      |
//! +-------------------------------+-------------------------------+
//! ```

use std::fmt;
use std::net::IpAddr;

use super::bytes::{get_u16, put, put_u16};
use super::{Malformed, checksum, protocol};

mod field {
    use std::ops::Range;
    pub(super) const SRC_PORT: Range<usize> = 0..2;
    pub(super) const DST_PORT: Range<usize> = 2..4;
    pub(super) const LEN: Range<usize> = 4..6;
    pub(super) const CHECKSUM: Range<usize> = 6..8;
}

/// Bytes before the payload.
pub const HEADER_LEN: usize = field::CHECKSUM.end;

/// View of a UDP datagram.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the payload of an IP packet.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 8 bytes, [`Malformed::BadTotalLength`] when the length is below 8 or beyond
    /// `bytes`.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        if bytes.as_ref().len() < HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        let packet = Self { bytes };
        if !(HEADER_LEN..=packet.bytes.as_ref().len()).contains(&packet.datagram_len()) {
            return Err(Malformed::BadTotalLength);
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

    /// Bytes of header and payload.
    #[inline]
    pub fn datagram_len(&self) -> usize {
        usize::from(get_u16(self.bytes.as_ref(), field::LEN))
    }

    /// Checksum of pseudo header and datagram; 0 when the sender computed none.
    #[inline]
    pub fn checksum(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::CHECKSUM)
    }

    /// True when the checksum is right between these addresses, or missing in IPv4. IPv6 demands one (RFC 8200 section
    /// 8.1). Wrong for a frame whose sender left it to hardware.
    #[inline]
    pub fn verify_checksum(&self, src: IpAddr, dst: IpAddr) -> bool {
        if self.checksum() == 0 {
            return src.is_ipv4();
        }
        checksum::verify(self.datagram(), self.pseudo(src, dst))
    }

    /// The payload, without what may follow the datagram.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.datagram()[HEADER_LEN..]
    }

    #[inline]
    fn datagram(&self) -> &[u8] {
        &self.bytes.as_ref()[..self.datagram_len()]
    }

    #[inline]
    fn pseudo(&self, src: IpAddr, dst: IpAddr) -> checksum::Sum {
        checksum::pseudo(src, dst, protocol::UDP, self.datagram_len())
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the source port and corrects the checksum.
    #[inline]
    pub fn set_src_port(&mut self, port: u16) {
        let old = self.src_port();
        put_u16(self.bytes.as_mut(), field::SRC_PORT, port);
        self.update_checksum(|check| checksum::update_u16(check, old, port));
    }

    /// Sets the destination port and corrects the checksum.
    #[inline]
    pub fn set_dst_port(&mut self, port: u16) {
        let old = self.dst_port();
        put_u16(self.bytes.as_mut(), field::DST_PORT, port);
        self.update_checksum(|check| checksum::update_u16(check, old, port));
    }

    /// Corrects the checksum by `update`, one of [`checksum::update_u16`] and its siblings, after a covered field
    /// changed. A missing checksum stays missing, and a computed one never becomes 0, which would mean "missing".
    #[inline]
    pub fn update_checksum(&mut self, update: impl FnOnce(u16) -> u16) {
        let check = self.checksum();
        if check != 0 {
            self.set_checksum(update(check));
        }
    }

    /// Computes the checksum anew.
    #[inline]
    pub fn fill_checksum(&mut self, src: IpAddr, dst: IpAddr) {
        put_u16(self.bytes.as_mut(), field::CHECKSUM, 0);
        let check = (self.pseudo(src, dst) + checksum::Sum::of(self.datagram())).finish();
        self.set_checksum(check);
    }

    /// The payload, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let end = self.datagram_len();
        &mut self.bytes.as_mut()[HEADER_LEN..end]
    }

    /// Stores a computed checksum: 0 is sent as its other form (RFC 768).
    #[inline]
    fn set_checksum(&mut self, check: u16) {
        put_u16(self.bytes.as_mut(), field::CHECKSUM, if check == 0 { 0xffff } else { check });
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UDP {} > {}: length {}", self.src_port(), self.dst_port(), self.payload().len())
    }
}

/// A datagram to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Payload, at most 65,527 bytes.
    pub payload: &'a [u8],
}

impl Repr<'_> {
    /// Bytes that [`Repr::emit`] writes: header and payload.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN + self.payload.len()
    }

    /// Writes the datagram with its checksum between these addresses at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, src: IpAddr, dst: IpAddr, buf: &mut [u8]) {
        let len = self.wire_len();
        debug_assert!(len <= 65_535, "payload fits a datagram");
        let buf = &mut buf[..len];
        put_u16(buf, field::SRC_PORT, self.src_port);
        put_u16(buf, field::DST_PORT, self.dst_port);
        put_u16(buf, field::LEN, len as u16);
        put(buf, HEADER_LEN..len, self.payload);
        Packet { bytes: buf }.fill_checksum(src, dst);
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

    fn v6(last: u16) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])
    }

    #[test]
    fn a_captured_datagram_is_read_and_written_back() {
        for (bytes, src_port, src, dst) in [
            (hex(golden::UDP)[34..].to_vec(), 52_233, CLIENT, SERVER),
            (hex(golden::UDP6)[54..].to_vec(), 53_155, v6(1), v6(2)),
        ] {
            let datagram = Packet::new(&bytes).expect("valid");
            assert_eq!((datagram.src_port(), datagram.dst_port()), (src_port, 53));
            assert_eq!((datagram.datagram_len(), datagram.payload()), (14, &b"hello\n"[..]));
            assert!(datagram.verify_checksum(src, dst));
            assert!(!datagram.verify_checksum(src, src));
            let repr = Repr { src_port, dst_port: 53, payload: b"hello\n" };
            let mut written = vec![0xee; repr.wire_len()];
            repr.emit(src, dst, &mut written);
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn a_missing_checksum_is_right_in_ipv4_only_and_stays_missing() {
        let mut bytes = hex("0001 0002 0008 0000");
        let mut datagram = Packet::new(&mut bytes).expect("valid");
        assert!(datagram.verify_checksum(CLIENT, SERVER));
        assert!(!datagram.verify_checksum(v6(1), v6(2)));
        datagram.set_src_port(9);
        datagram.set_dst_port(10);
        assert_eq!((datagram.src_port(), datagram.dst_port(), datagram.checksum()), (9, 10, 0));
    }

    #[test]
    fn a_checksum_of_zero_is_sent_in_its_other_form() {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        // Protocol 17, length 8 twice and a port that fills the sum up to 0xffff.
        let repr = Repr { src_port: 0xffff - 17 - 8 - 8, dst_port: 0, payload: &[] };
        let mut bytes = [0; HEADER_LEN];
        repr.emit(none, none, &mut bytes);
        let mut datagram = Packet::new(&mut bytes).expect("valid");
        assert_eq!(datagram.checksum(), 0xffff);
        assert!(datagram.verify_checksum(none, none));
        // The same by update: away from it and back.
        datagram.set_dst_port(1);
        assert_eq!(datagram.checksum(), 0xfffe);
        datagram.set_dst_port(0);
        assert_eq!(datagram.checksum(), 0xffff);
    }

    #[test]
    fn a_truncated_datagram_is_refused() {
        golden::refuses_every_truncation(&hex(golden::UDP)[34..], |bytes| Packet::new(bytes).map(|_| ()));
    }

    #[test]
    fn a_length_is_bounded_on_both_sides_and_a_rest_is_no_payload() {
        let mut bytes = hex("0001 0002 0008 0000 aabb");
        for len in 0..20 {
            bytes[5] = len;
            let expected = if (8..=10).contains(&len) { None } else { Some(Malformed::BadTotalLength) };
            assert_eq!(Packet::new(&bytes).err(), expected, "length {len}");
        }
        bytes[5] = 9;
        let mut datagram = Packet::new(&mut bytes).expect("valid");
        assert_eq!(datagram.payload(), [0xaa]);
        assert_eq!(datagram.payload_mut().len(), 1);
    }

    #[test]
    fn changed_ports_keep_a_right_checksum() {
        let mut seed = Seed::new(1);
        for len in 0..500 {
            let payload: Vec<u8> = (0..len).map(|_| seed.next_u64() as u8).collect();
            let (src_port, dst_port) = (seed.next_u64() as u16, seed.next_u64() as u16);
            let repr = Repr { src_port, dst_port, payload: &payload };
            let mut bytes = vec![0xee; repr.wire_len()];
            repr.emit(CLIENT, SERVER, &mut bytes);
            let mut datagram = Packet::new(&mut bytes).expect("valid");
            assert_eq!((datagram.src_port(), datagram.dst_port()), (src_port, dst_port));
            assert_eq!(datagram.payload(), payload);
            datagram.set_src_port(seed.next_u64() as u16);
            datagram.set_dst_port(seed.next_u64() as u16);
            assert!(datagram.verify_checksum(CLIENT, SERVER));
            let updated = datagram.checksum();
            datagram.fill_checksum(CLIENT, SERVER);
            assert_eq!(datagram.checksum(), updated);
        }
    }
}
