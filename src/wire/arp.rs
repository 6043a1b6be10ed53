//! Address resolution of IPv4 over Ethernet (RFC 826, probes and announcements RFC 5227).
//!
//! ```text
//!  0       2       4   5   6       8            14        18           24        28
//! +-------+-------+---+---+-------+------------+---------+------------+---------+
//! | hw=1  |pro=800| 6 | 4 | oper  | sender mac | sender  | target mac | target  |
//! +-------+-------+---+---+-------+------------+---------+------------+---------+
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use super::bytes::{array, get_u16, put, put_u16};
use super::ethernet::{self, ETHERNET_HEADER_LEN, MIN_FRAME_LEN, ethertype};
use super::{MacAddr, Malformed};

mod field {
    use std::ops::Range;
    pub(super) const HARDWARE: Range<usize> = 0..2;
    pub(super) const PROTOCOL: Range<usize> = 2..4;
    pub(super) const HARDWARE_LEN: usize = 4;
    pub(super) const PROTOCOL_LEN: usize = 5;
    pub(super) const OPERATION: Range<usize> = 6..8;
    pub(super) const SENDER_MAC: Range<usize> = 8..14;
    pub(super) const SENDER: Range<usize> = 14..18;
    pub(super) const TARGET_MAC: Range<usize> = 18..24;
    pub(super) const TARGET: Range<usize> = 24..28;
}

/// Bytes of an ARP packet, without Ethernet header and padding.
pub const PACKET_LEN: usize = field::TARGET.end;

/// Bytes of the frame that [`Repr::emit_frame`] writes: 42, padded to the shortest frame.
pub const FRAME_LEN: usize = MIN_FRAME_LEN;

/// Hardware type of Ethernet.
const HARDWARE_ETHERNET: u16 = 1;

/// What the packet wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender address is at the sender MAC.
    Reply,
}

/// View of an ARP packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`; padding may follow.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below [`PACKET_LEN`] bytes, [`Malformed::BadHardware`] when it does not resolve IPv4
    /// over Ethernet, [`Malformed::BadType`] for another operation than request and reply.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < PACKET_LEN {
            return Err(Malformed::Truncated);
        }
        if get_u16(b, field::HARDWARE) != HARDWARE_ETHERNET
            || get_u16(b, field::PROTOCOL) != ethertype::IPV4
            || b[field::HARDWARE_LEN] != 6
            || b[field::PROTOCOL_LEN] != 4
        {
            return Err(Malformed::BadHardware);
        }
        if !matches!(get_u16(b, field::OPERATION), 1 | 2) {
            return Err(Malformed::BadType);
        }
        Ok(Self { bytes })
    }

    /// What the packet wants.
    #[inline]
    pub fn operation(&self) -> Operation {
        if get_u16(self.bytes.as_ref(), field::OPERATION) == 1 {
            Operation::Request
        } else {
            Operation::Reply
        }
    }

    /// Hardware address of the sender.
    #[inline]
    pub fn sender_mac(&self) -> MacAddr {
        MacAddr(array(self.bytes.as_ref(), field::SENDER_MAC))
    }

    /// IPv4 address of the sender; unspecified in a probe.
    #[inline]
    pub fn sender(&self) -> Ipv4Addr {
        array(self.bytes.as_ref(), field::SENDER).into()
    }

    /// Hardware address of the target; anything in a request.
    #[inline]
    pub fn target_mac(&self) -> MacAddr {
        MacAddr(array(self.bytes.as_ref(), field::TARGET_MAC))
    }

    /// IPv4 address that the packet is about.
    #[inline]
    pub fn target(&self) -> Ipv4Addr {
        array(self.bytes.as_ref(), field::TARGET).into()
    }

    /// True when the sender announces its own address (gratuitous ARP), as request or as reply.
    #[inline]
    pub fn is_gratuitous(&self) -> bool {
        self.sender() == self.target() && !self.sender().is_unspecified()
    }

    /// True when the sender asks whether anybody uses the target address, before it uses it itself (RFC 5227
    /// section 2.1.1). It has no address of its own to learn, but deserves an answer.
    #[inline]
    pub fn is_probe(&self) -> bool {
        self.operation() == Operation::Request && self.sender().is_unspecified()
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation() {
            Operation::Request => write!(f, "ARP, Request who-has {} tell {}", self.target(), self.sender()),
            Operation::Reply => write!(f, "ARP, Reply {} is-at {}", self.sender(), self.sender_mac()),
        }
    }
}

/// An ARP packet to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr {
    /// What the packet wants.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: MacAddr,
    /// IPv4 address of the sender.
    pub sender: Ipv4Addr,
    /// Hardware address of the target, [`MacAddr::ZERO`] when unknown.
    pub target_mac: MacAddr,
    /// IPv4 address that the packet is about.
    pub target: Ipv4Addr,
}

impl Repr {
    /// A question for the owner of `target`.
    pub const fn request(sender_mac: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self { operation: Operation::Request, sender_mac, sender, target_mac: MacAddr::ZERO, target }
    }

    /// An unasked announcement that `addr` is at `mac`: a request, because every stack learns from one
    /// (RFC 5227 section 3).
    pub const fn gratuitous(mac: MacAddr, addr: Ipv4Addr) -> Self {
        Self::request(mac, addr, addr)
    }

    /// The answer to `request`: its target is at `mac`.
    pub fn reply_to<T: AsRef<[u8]>>(request: &Packet<T>, mac: MacAddr) -> Self {
        Self {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: request.target(),
            target_mac: request.sender_mac(),
            target: request.sender(),
        }
    }

    /// Bytes that [`Repr::emit`] writes.
    pub const fn wire_len(&self) -> usize {
        PACKET_LEN
    }

    /// Writes the packet, without Ethernet header, at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        put_u16(buf, field::HARDWARE, HARDWARE_ETHERNET);
        put_u16(buf, field::PROTOCOL, ethertype::IPV4);
        buf[field::HARDWARE_LEN] = 6;
        buf[field::PROTOCOL_LEN] = 4;
        put_u16(buf, field::OPERATION, if self.operation == Operation::Request { 1 } else { 2 });
        put(buf, field::SENDER_MAC, &self.sender_mac.0);
        put(buf, field::SENDER, &self.sender.octets());
        put(buf, field::TARGET_MAC, &self.target_mac.0);
        put(buf, field::TARGET, &self.target.octets());
    }

    /// The whole Ethernet frame, padded with zeros, from [`Repr::sender_mac`] to `dst`.
    pub fn emit_frame(&self, dst: MacAddr) -> [u8; FRAME_LEN] {
        let mut frame = [0; FRAME_LEN];
        ethernet::Repr { dst, src: self.sender_mac, ethertype: ethertype::ARP }.emit(&mut frame);
        self.emit(&mut frame[ETHERNET_HEADER_LEN..]);
        frame
    }
}
