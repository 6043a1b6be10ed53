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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};

    const CLIENT: Ipv4Addr = Ipv4Addr::new(172, 17, 2, 92);
    const SERVER: Ipv4Addr = Ipv4Addr::new(172, 17, 2, 90);
    const CLIENT_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const SERVER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    #[test]
    fn a_captured_request_is_read_and_written_back() {
        let bytes = hex(golden::ARP_REQUEST);
        let request = Packet::new(&bytes[14..]).expect("valid");
        assert_eq!(request.operation(), Operation::Request);
        assert_eq!((request.sender_mac(), request.sender()), (CLIENT_MAC, CLIENT));
        assert_eq!((request.target_mac(), request.target()), (MacAddr::ZERO, SERVER));
        assert!(!request.is_gratuitous() && !request.is_probe());
        let frame = Repr::request(CLIENT_MAC, CLIENT, SERVER).emit_frame(MacAddr::BROADCAST);
        assert_eq!(frame[..42], bytes);
        assert_eq!(frame[42..], [0; 18]);
    }

    #[test]
    fn the_reply_is_the_one_that_linux_gave() {
        let bytes = hex(golden::ARP_REQUEST);
        let request = Packet::new(&bytes[14..]).expect("valid");
        let reply = Repr::reply_to(&request, SERVER_MAC);
        assert_eq!(reply.wire_len(), 28);
        assert_eq!(reply.emit_frame(request.sender_mac())[..42], hex(golden::ARP_REPLY));
        let bytes = hex(golden::ARP_REPLY);
        assert_eq!(Packet::new(&bytes[14..]).expect("valid").operation(), Operation::Reply);
    }

    #[test]
    fn gratuitous_and_probing_requests_are_recognised() {
        let bytes = hex(golden::ARP_GRATUITOUS);
        assert!(Packet::new(&bytes[14..]).expect("valid").is_gratuitous());
        let ours = Repr::gratuitous(SERVER_MAC, SERVER).emit_frame(MacAddr::BROADCAST);
        let ours = Packet::new(&ours[14..]).expect("valid");
        assert!(ours.is_gratuitous() && !ours.is_probe());
        assert_eq!(ours.sender_mac(), SERVER_MAC);
        let probe = Repr::request(CLIENT_MAC, Ipv4Addr::UNSPECIFIED, SERVER).emit_frame(MacAddr::BROADCAST);
        let probe = Packet::new(&probe[14..]).expect("valid");
        assert!(probe.is_probe() && !probe.is_gratuitous());
    }

    #[test]
    fn a_truncated_packet_is_refused() {
        let bytes = hex(golden::ARP_REQUEST);
        golden::refuses_every_truncation(&bytes[14..], |bytes| Packet::new(bytes).map(|_| ()));
    }

    #[test]
    fn other_hardware_protocols_and_operations_are_refused() {
        let good = hex(golden::ARP_REQUEST)[14..].to_vec();
        for (at, value, why) in [
            (1, 6, Malformed::BadHardware),
            (2, 9, Malformed::BadHardware),
            (4, 8, Malformed::BadHardware),
            (5, 16, Malformed::BadHardware),
            (7, 0, Malformed::BadType),
            (7, 3, Malformed::BadType),
            (6, 1, Malformed::BadType),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(Packet::new(&bytes).err(), Some(why), "byte {at} = {value}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut seed = Seed::new(1);
        for _ in 0..1_000 {
            let mac = |seed: &mut Seed| MacAddr(array(&seed.next_u64().to_be_bytes(), 0..6));
            let addr = |seed: &mut Seed| Ipv4Addr::from_bits(seed.next_u64() as u32);
            let repr = Repr {
                operation: if seed.below(2) == 0 { Operation::Request } else { Operation::Reply },
                sender_mac: mac(&mut seed),
                sender: addr(&mut seed),
                target_mac: mac(&mut seed),
                target: addr(&mut seed),
            };
            let mut bytes = [0xee; PACKET_LEN];
            repr.emit(&mut bytes);
            let packet = Packet::new(&bytes).expect("valid");
            let read = Repr {
                operation: packet.operation(),
                sender_mac: packet.sender_mac(),
                sender: packet.sender(),
                target_mac: packet.target_mac(),
                target: packet.target(),
            };
            assert_eq!(read, repr);
        }
    }
}
