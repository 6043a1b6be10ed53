//! ICMP for IPv6 (RFC 4443). Neighbour discovery, which travels in it, is [`ndisc`].
//!
//! ```text
//!  0               8               16                              32
//! +---------------+---------------+-------------------------------+
//! |     type      |     code      |           checksum            |
//! +---------------+---------------+-------------------------------+
//! |   echo: identifier            |   echo: sequence number       |
//! +-------------------------------+-------------------------------+
//! |   echo: data; errors: the packet that caused it, cut short    |
//! ```
//!
//! Unlike in IPv4 the checksum covers a pseudo header, so every operation on it asks for the addresses.

use std::fmt;
use std::net::Ipv6Addr;

use super::bytes::{get_u16, put, put_u16, put_u32};
use super::{Malformed, checksum, ndisc, protocol};

pub use super::icmpv4::Echo;

mod field {
    use std::ops::{Range, RangeFrom};
    pub(super) const TYPE: usize = 0;
    pub(super) const CODE: usize = 1;
    pub(super) const TYPE_CODE: Range<usize> = 0..2;
    pub(super) const CHECKSUM: Range<usize> = 2..4;
    pub(super) const IDENT: Range<usize> = 4..6;
    pub(super) const SEQUENCE: Range<usize> = 6..8;
    pub(super) const PARAMETER: Range<usize> = 4..8;
    pub(super) const PAYLOAD: RangeFrom<usize> = 8..;
}

/// Bytes before the data or the quoted packet.
pub const HEADER_LEN: usize = field::PAYLOAD.start;

/// Message types (IANA "ICMPv6 type Numbers"); all below 128 are errors.
pub mod message {
    /// The quoted packet could not be delivered; the code says why.
    pub const UNREACHABLE: u8 = 1;
    /// The quoted packet was larger than the next link's MTU.
    pub const PACKET_TOO_BIG: u8 = 2;
    /// The quoted packet ran out of hops, or of time in reassembly.
    pub const TIME_EXCEEDED: u8 = 3;
    /// The quoted packet's header is wrong.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Asks for its data to be sent back.
    pub const ECHO_REQUEST: u8 = 128;
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 129;
    /// Asks for routers.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// A router announces itself.
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Asks for the hardware address of a neighbour.
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    /// Tells the hardware address of a neighbour.
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    /// There is a better next hop (RFC 4861 section 4.5).
    pub const REDIRECT: u8 = 137;
}

/// What an error of this type and code says, for the operator.
pub const fn meaning(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (message::UNREACHABLE, 0) => "ICMPv6 no route",
        (message::UNREACHABLE, 1 | 5 | 6) => "ICMPv6 administratively prohibited",
        (message::UNREACHABLE, 3) => "ICMPv6 address unreachable",
        (message::UNREACHABLE, 4) => "ICMPv6 port unreachable",
        (message::UNREACHABLE, _) => "ICMPv6 unreachable",
        (message::PACKET_TOO_BIG, _) => "ICMPv6 packet too big",
        (message::TIME_EXCEEDED, _) => "ICMPv6 time exceeded",
        _ => "ICMPv6 error",
    }
}

/// View of an ICMPv6 message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the whole upper layer of an IPv6 packet.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below [`HEADER_LEN`] bytes.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        if bytes.as_ref().len() < HEADER_LEN { Err(Malformed::Truncated) } else { Ok(Self { bytes }) }
    }

    /// Message type, see [`message`].
    #[inline]
    pub fn message(&self) -> u8 {
        self.bytes.as_ref()[field::TYPE]
    }

    /// Code, whose meaning depends on the type.
    #[inline]
    pub fn code(&self) -> u8 {
        self.bytes.as_ref()[field::CODE]
    }

    /// Checksum of pseudo header and message.
    #[inline]
    pub fn checksum(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::CHECKSUM)
    }

    /// True when the checksum is right between these addresses.
    #[inline]
    pub fn verify_checksum(&self, src: Ipv6Addr, dst: Ipv6Addr) -> bool {
        checksum::verify(self.bytes.as_ref(), self.pseudo(src, dst))
    }

    /// Which echo message this is, `None` for all others.
    #[inline]
    pub fn echo(&self) -> Option<Echo> {
        match (self.message(), self.code()) {
            (message::ECHO_REQUEST, 0) => Some(Echo::Request),
            (message::ECHO_REPLY, 0) => Some(Echo::Reply),
            _ => None,
        }
    }

    /// Identifier of an echo message.
    #[inline]
    pub fn ident(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::IDENT)
    }

    /// Sequence number of an echo message.
    #[inline]
    pub fn sequence(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::SEQUENCE)
    }

    /// True for the errors, which quote the packet that caused them.
    #[inline]
    pub fn is_error(&self) -> bool {
        self.message() < 128
    }

    /// The beginning of the packet that caused an error, from its IPv6 header on; `None` for other messages.
    #[inline]
    pub fn quoted(&self) -> Option<&[u8]> {
        self.is_error().then(|| self.payload())
    }

    /// True for the messages that [`ndisc::Packet`] reads.
    #[inline]
    pub fn is_ndisc(&self) -> bool {
        matches!(self.message(), message::ROUTER_SOLICITATION..=message::NEIGHBOR_ADVERTISEMENT)
    }

    /// The data of an echo message, the quoted packet of an error.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.bytes.as_ref()[field::PAYLOAD]
    }

    #[inline]
    fn pseudo(&self, src: Ipv6Addr, dst: Ipv6Addr) -> checksum::Sum {
        checksum::pseudo_v6(src, dst, protocol::ICMPV6, self.bytes.as_ref().len() as u32)
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Turns an echo request into its reply. The checksum is corrected, not computed: damage stays visible to the
    /// receiver. Exchanging source and destination does not change it.
    #[inline]
    pub fn turn_into_reply(&mut self) {
        let old = get_u16(self.bytes.as_ref(), field::TYPE_CODE);
        let new = u16::from_be_bytes([message::ECHO_REPLY, 0]);
        let check = checksum::update_u16(self.checksum(), old, new);
        put_u16(self.bytes.as_mut(), field::TYPE_CODE, new);
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// Computes the checksum anew.
    #[inline]
    pub fn fill_checksum(&mut self, src: Ipv6Addr, dst: Ipv6Addr) {
        put_u16(self.bytes.as_mut(), field::CHECKSUM, 0);
        let check = (self.pseudo(src, dst) + checksum::Sum::of(self.bytes.as_ref())).finish();
        put_u16(self.bytes.as_mut(), field::CHECKSUM, check);
    }

    /// The data of an echo message or the quoted packet, to be rewritten.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.bytes.as_mut()[field::PAYLOAD]
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes.as_ref();
        let len = bytes.len();
        if let Some(echo) = self.echo() {
            let kind = if echo == Echo::Request { "request" } else { "reply" };
            return write!(
                f,
                "ICMP6, echo {kind}, id {}, seq {}, length {len}",
                self.ident(),
                self.sequence()
            );
        }
        if self.is_ndisc() {
            return match ndisc::Packet::new(bytes) {
                Ok(packet) => packet.fmt(f),
                Err(why) => write!(f, "ICMP6, type {} [{why}]", self.message()),
            };
        }
        match self.message() {
            message::UNREACHABLE => write!(f, "ICMP6, unreachable, code {}, length {len}", self.code()),
            message::PACKET_TOO_BIG => write!(f, "ICMP6, packet too big, length {len}"),
            message::TIME_EXCEEDED => write!(f, "ICMP6, time exceeded, code {}, length {len}", self.code()),
            other => write!(f, "ICMP6, type {other}, code {}, length {len}", self.code()),
        }
    }
}

/// An echo message to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Request or reply.
    pub echo: Echo,
    /// Identifier; a reply carries the one of its request.
    pub ident: u16,
    /// Sequence number; a reply carries the one of its request.
    pub sequence: u16,
    /// What the reply brings back.
    pub data: &'a [u8],
}

impl Repr<'_> {
    /// Bytes that [`Repr::emit`] writes: header and data.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN + self.data.len()
    }

    /// Writes the message with its checksum between these addresses at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        buf[field::TYPE] = match self.echo {
            Echo::Request => message::ECHO_REQUEST,
            Echo::Reply => message::ECHO_REPLY,
        };
        buf[field::CODE] = 0;
        put_u16(buf, field::IDENT, self.ident);
        put_u16(buf, field::SEQUENCE, self.sequence);
        put(buf, HEADER_LEN..self.wire_len(), self.data);
        Packet { bytes: buf }.fill_checksum(src, dst);
    }
}

/// An error to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRepr<'a> {
    /// Type of the error, see [`message`].
    pub message: u8,
    /// Code, whose meaning depends on the type.
    pub code: u8,
    /// The four bytes between checksum and quoted packet: an MTU, or 0.
    pub parameter: u32,
    /// The beginning of the packet that caused the error, from its IP header on.
    pub quote: &'a [u8],
}

impl ErrorRepr<'_> {
    /// Bytes that [`ErrorRepr::emit`] writes: header and quoted packet.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN + self.quote.len()
    }

    /// Writes the message with its checksum between these addresses at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`ErrorRepr::wire_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        buf[field::TYPE] = self.message;
        buf[field::CODE] = self.code;
        put_u32(buf, field::PARAMETER, self.parameter);
        put(buf, HEADER_LEN..self.wire_len(), self.quote);
        Packet { bytes: buf }.fill_checksum(src, dst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};

    const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

    fn captured(frame: &str) -> Vec<u8> {
        hex(frame)[54..].to_vec()
    }

    #[test]
    fn a_captured_error_is_written_byte_for_byte() {
        let bytes = captured(golden::UNREACHABLE6);
        let repr = ErrorRepr { message: 1, code: 4, parameter: 0, quote: &bytes[8..] };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(SERVER, CLIENT, &mut written);
        assert_eq!(written, bytes);
        ErrorRepr { parameter: 1400, ..repr }.emit(SERVER, CLIENT, &mut written);
        assert_eq!(written[4..8], 1400u32.to_be_bytes());
    }

    #[test]
    fn a_captured_request_is_read_and_written_back() {
        let bytes = captured(golden::PING6_REQUEST);
        let request = Packet::new(&bytes).expect("whole");
        assert_eq!(request.echo(), Some(Echo::Request));
        assert_eq!((request.message(), request.code(), request.checksum()), (128, 0, 0x1295));
        assert_eq!((request.ident(), request.sequence()), (24, 1));
        assert!(request.verify_checksum(CLIENT, SERVER));
        assert!(!request.verify_checksum(CLIENT, CLIENT));
        assert!(!request.is_error() && !request.is_ndisc());
        assert_eq!(request.quoted(), None);
        let repr = Repr { echo: Echo::Request, ident: 24, sequence: 1, data: request.payload() };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(CLIENT, SERVER, &mut written);
        assert_eq!(written, bytes);
    }

    #[test]
    fn the_reply_is_the_one_that_linux_gave() {
        let reply = captured(golden::PING6_REPLY);
        let mut bytes = captured(golden::PING6_REQUEST);
        Packet::new(&mut bytes).expect("whole").turn_into_reply();
        assert_eq!(bytes, reply);
        let repr = Repr { echo: Echo::Reply, ident: 24, sequence: 1, data: &reply[8..] };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(SERVER, CLIENT, &mut written);
        assert_eq!(written, reply);
    }

    #[test]
    fn an_error_quotes_the_packet_that_caused_it() {
        let bytes = captured(golden::UNREACHABLE6);
        let error = Packet::new(&bytes).expect("whole");
        assert!(error.is_error() && error.verify_checksum(SERVER, CLIENT));
        assert_eq!((error.message(), error.code(), error.echo()), (message::UNREACHABLE, 4, None));
        assert_eq!(error.quoted(), Some(&hex(golden::UDP6)[14..]));
    }

    #[test]
    fn neighbour_discovery_is_recognised() {
        for frame in
            [golden::ROUTER_SOLICITATION, golden::NEIGHBOR_SOLICITATION, golden::NEIGHBOR_ADVERTISEMENT]
        {
            assert!(Packet::new(captured(frame)).expect("whole").is_ndisc());
        }
        let report = hex(golden::MULTICAST_LISTENER_REPORT)[62..].to_vec();
        assert!(!Packet::new(report).expect("whole").is_ndisc());
    }

    #[test]
    fn a_truncated_header_is_refused() {
        golden::refuses_every_truncation(&captured(golden::PING6_REQUEST)[..8], |bytes| {
            Packet::new(bytes).map(|_| ())
        });
    }

    #[test]
    fn what_is_written_is_read() {
        let mut seed = Seed::new(1);
        for len in 0..200 {
            let data: Vec<u8> = (0..len).map(|_| seed.next_u64() as u8).collect();
            let echo = if len % 2 == 0 { Echo::Request } else { Echo::Reply };
            let (ident, sequence) = (seed.next_u64() as u16, seed.next_u64() as u16);
            let repr = Repr { echo, ident, sequence, data: &data };
            let mut bytes = vec![0xee; repr.wire_len()];
            repr.emit(CLIENT, SERVER, &mut bytes);
            let mut packet = Packet::new(&mut bytes).expect("whole");
            assert!(packet.verify_checksum(CLIENT, SERVER));
            assert_eq!((packet.echo(), packet.ident(), packet.sequence()), (Some(echo), ident, sequence));
            assert_eq!(packet.payload(), data);
            packet.payload_mut().fill(0x55);
            packet.fill_checksum(SERVER, CLIENT);
            assert!(packet.verify_checksum(SERVER, CLIENT));
        }
    }
}
