//! The 802.1Q tag (IEEE 802.1Q clause 9), which stands between the Ethernet addresses and the payload's type.
//!
//! The view starts behind the Ethernet header whose type is [`ethertype::VLAN`](super::ethertype::VLAN).
//!
//! ```text
//!  0   3 4           16              32
//! +---+-+-----------+---------------+---------------
//! |pcp|d|    vid    |     type      | payload ...
//! +---+-+-----------+---------------+---------------
//! ```

use std::fmt;

use super::bytes::{get_u16, put_u16};
use super::{Malformed, ethernet};

mod field {
    use std::ops::{Range, RangeFrom};
    pub(super) const TCI: Range<usize> = 0..2;
    pub(super) const ETHERTYPE: Range<usize> = 2..4;
    pub(super) const PAYLOAD: RangeFrom<usize> = 4..;
}

/// Bytes that a tag adds to a frame.
pub const TAG_LEN: usize = field::PAYLOAD.start;

/// Bits of the tag control information that hold the VLAN.
const VID_MASK: u16 = 0x0fff;

/// View of a tag and what follows it.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the payload of an Ethernet frame of type [`ethertype::VLAN`](super::ethertype::VLAN).
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below [`TAG_LEN`] bytes.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        if bytes.as_ref().len() < TAG_LEN { Err(Malformed::Truncated) } else { Ok(Self { bytes }) }
    }

    /// VLAN number, 0 to 4095; 0 means that only the priority counts.
    #[inline]
    pub fn vid(&self) -> u16 {
        self.tci() & VID_MASK
    }

    /// Priority, 0 to 7.
    #[inline]
    pub fn pcp(&self) -> u8 {
        (self.tci() >> 13) as u8
    }

    /// May be dropped first under congestion.
    #[inline]
    pub fn drop_eligible(&self) -> bool {
        self.tci() & 0x1000 != 0
    }

    /// Protocol of the payload.
    #[inline]
    pub fn ethertype(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::ETHERTYPE)
    }

    /// All after the tag, padding included.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.bytes.as_ref()[field::PAYLOAD]
    }

    #[inline]
    fn tci(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::TCI)
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the VLAN number, of which the low 12 bits count; the priority stays.
    #[inline]
    pub fn set_vid(&mut self, vid: u16) {
        let tci = (self.tci() & !VID_MASK) | (vid & VID_MASK);
        put_u16(self.bytes.as_mut(), field::TCI, tci);
    }

    /// All after the tag, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.bytes.as_mut()[field::PAYLOAD]
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vlan {}, p {}, ", self.vid(), self.pcp())?;
        match self.ethertype() {
            // A second tag is not followed: tags without end would recurse without end.
            super::ethertype::VLAN => write!(f, "vlan, length {}", self.payload().len()),
            other => ethernet::fmt_payload(f, other, self.payload()),
        }
    }
}

/// A tag to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr {
    /// VLAN number, 0 to 4095.
    pub vid: u16,
    /// Priority, 0 to 7.
    pub pcp: u8,
    /// Protocol of the payload.
    pub ethertype: u16,
}

impl Repr {
    /// Bytes that [`Repr::emit`] writes.
    pub const fn wire_len(&self) -> usize {
        TAG_LEN
    }

    /// Writes the tag at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        put_u16(buf, field::TCI, u16::from(self.pcp) << 13 | (self.vid & VID_MASK));
        put_u16(buf, field::ETHERTYPE, self.ethertype);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethertype;
    use crate::wire::golden::{self, hex};

    #[test]
    fn a_tag_is_read_and_written_back() {
        let bytes = hex("b005 0806 0001");
        let tag = Packet::new(&bytes).expect("whole");
        assert_eq!(tag.vid(), 5);
        assert_eq!(tag.pcp(), 5);
        assert!(tag.drop_eligible());
        assert_eq!(tag.ethertype(), ethertype::ARP);
        assert_eq!(tag.payload(), [0, 1]);
        let repr = Repr { vid: 5, pcp: 5, ethertype: ethertype::ARP };
        let mut written = [0; TAG_LEN];
        assert_eq!(repr.wire_len(), written.len());
        repr.emit(&mut written);
        assert_eq!(written, *hex("a005 0806"));
    }

    #[test]
    fn a_new_vlan_keeps_the_priority() {
        let mut bytes = hex("b005 0806 0001");
        let mut tag = Packet::new(&mut bytes).expect("whole");
        tag.set_vid(0x1fff);
        tag.payload_mut()[1] = 7;
        assert_eq!(bytes, hex("bfff 0806 0007"));
    }

    #[test]
    fn a_truncated_tag_is_refused() {
        golden::refuses_every_truncation(&hex("0005 0800"), |bytes| Packet::new(bytes).map(|_| ()));
    }

    #[test]
    fn a_tag_prints_its_payload_but_no_second_tag() {
        let mut bytes = hex("6005 0806");
        bytes.extend(&hex(golden::ARP_REQUEST)[14..]);
        assert_eq!(
            Packet::new(&bytes).expect("whole").to_string(),
            "vlan 5, p 3, ARP, Request who-has 172.17.2.90 tell 172.17.2.92"
        );
        assert_eq!(
            Packet::new(hex("0005 8100 0006 8100")).expect("whole").to_string(),
            "vlan 5, p 0, vlan, length 4"
        );
    }
}
