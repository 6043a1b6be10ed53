//! ICMP for IPv4 (RFC 792).
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

use std::fmt;

use super::bytes::{get_u16, put, put_u16, put_u32};
use super::{Malformed, checksum};

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

/// Message types (IANA "ICMP Type Numbers").
pub mod message {
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 0;
    /// The quoted packet could not be delivered; the code says why.
    pub const UNREACHABLE: u8 = 3;
    /// Deprecated by RFC 6633, still an error with a quoted packet.
    pub const SOURCE_QUENCH: u8 = 4;
    /// There is a better next hop.
    pub const REDIRECT: u8 = 5;
    /// Asks for its data to be sent back.
    pub const ECHO_REQUEST: u8 = 8;
    /// The quoted packet ran out of TTL, or of time in reassembly.
    pub const TIME_EXCEEDED: u8 = 11;
    /// The quoted packet's header is wrong.
    pub const PARAMETER_PROBLEM: u8 = 12;
}

/// The two echo messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// Asks for its data to be sent back.
    Request,
    /// Sends them back.
    Reply,
}

/// What an error of this type and code says, for the operator.
pub const fn meaning(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (message::UNREACHABLE, 0 | 6) => "ICMP network unreachable",
        (message::UNREACHABLE, 1 | 7) => "ICMP host unreachable",
        (message::UNREACHABLE, 2) => "ICMP protocol unreachable",
        (message::UNREACHABLE, 3) => "ICMP port unreachable",
        (message::UNREACHABLE, 4) => "ICMP fragmentation needed",
        (message::UNREACHABLE, 9 | 10 | 13) => "ICMP administratively prohibited",
        (message::UNREACHABLE, _) => "ICMP unreachable",
        (message::TIME_EXCEEDED, _) => "ICMP time exceeded",
        (message::REDIRECT, _) => "ICMP redirect",
        _ => "ICMP error",
    }
}

/// View of an ICMP message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the whole payload of an IPv4 packet.
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

    /// Checksum of the message.
    #[inline]
    pub fn checksum(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::CHECKSUM)
    }

    /// True when the checksum is right.
    #[inline]
    pub fn verify_checksum(&self) -> bool {
        checksum::verify(self.bytes.as_ref(), checksum::Sum::ZERO)
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
        matches!(
            self.message(),
            message::UNREACHABLE
                | message::SOURCE_QUENCH
                | message::REDIRECT
                | message::TIME_EXCEEDED
                | message::PARAMETER_PROBLEM
        )
    }

    /// The beginning of the packet that caused an error, from its IPv4 header on; `None` for other messages.
    #[inline]
    pub fn quoted(&self) -> Option<&[u8]> {
        self.is_error().then(|| self.payload())
    }

    /// The data of an echo message, the quoted packet of an error.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.bytes.as_ref()[field::PAYLOAD]
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Turns an echo request into its reply. The checksum is corrected, not computed: damage stays visible to the
    /// receiver.
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
    pub fn fill_checksum(&mut self) {
        put_u16(self.bytes.as_mut(), field::CHECKSUM, 0);
        let check = checksum::checksum(self.bytes.as_ref());
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
        let len = self.bytes.as_ref().len();
        if let Some(echo) = self.echo() {
            let kind = if echo == Echo::Request { "request" } else { "reply" };
            return write!(f, "ICMP echo {kind}, id {}, seq {}, length {len}", self.ident(), self.sequence());
        }
        match self.message() {
            message::UNREACHABLE => write!(f, "ICMP unreachable, code {}, length {len}", self.code()),
            message::REDIRECT => write!(f, "ICMP redirect, code {}, length {len}", self.code()),
            message::TIME_EXCEEDED => write!(f, "ICMP time exceeded, code {}, length {len}", self.code()),
            message::PARAMETER_PROBLEM => {
                write!(f, "ICMP parameter problem, code {}, length {len}", self.code())
            }
            other => write!(f, "ICMP type {other}, code {}, length {len}", self.code()),
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

    /// Writes the message with its checksum at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        buf[field::TYPE] = match self.echo {
            Echo::Request => message::ECHO_REQUEST,
            Echo::Reply => message::ECHO_REPLY,
        };
        buf[field::CODE] = 0;
        put_u16(buf, field::CHECKSUM, 0);
        put_u16(buf, field::IDENT, self.ident);
        put_u16(buf, field::SEQUENCE, self.sequence);
        put(buf, HEADER_LEN..self.wire_len(), self.data);
        let check = checksum::checksum(buf);
        put_u16(buf, field::CHECKSUM, check);
    }
}

/// An error to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRepr<'a> {
    /// Type of the error, see [`message`].
    pub message: u8,
    /// Code, whose meaning depends on the type.
    pub code: u8,
    /// The four bytes between checksum and quoted packet: an MTU in the lower half, or 0.
    pub parameter: u32,
    /// The beginning of the packet that caused the error, from its IP header on.
    pub quote: &'a [u8],
}

impl ErrorRepr<'_> {
    /// Bytes that [`ErrorRepr::emit`] writes: header and quoted packet.
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN + self.quote.len()
    }

    /// Writes the message with its checksum at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`ErrorRepr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        buf[field::TYPE] = self.message;
        buf[field::CODE] = self.code;
        put_u32(buf, field::PARAMETER, self.parameter);
        put(buf, HEADER_LEN..self.wire_len(), self.quote);
        Packet { bytes: buf }.fill_checksum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};

    fn captured(frame: &str) -> Vec<u8> {
        hex(frame)[34..].to_vec()
    }

    #[test]
    fn a_captured_error_is_written_byte_for_byte() {
        let bytes = captured(golden::UNREACHABLE);
        let repr = ErrorRepr { message: 3, code: 3, parameter: 0, quote: &bytes[8..] };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(&mut written);
        assert_eq!(written, bytes);
        ErrorRepr { parameter: 1400, ..repr }.emit(&mut written);
        assert_eq!(written[4..8], 1400u32.to_be_bytes());
    }

    #[test]
    fn a_captured_request_is_read_and_written_back() {
        let bytes = captured(golden::PING_REQUEST);
        let request = Packet::new(&bytes).expect("whole");
        assert_eq!(request.echo(), Some(Echo::Request));
        assert_eq!((request.message(), request.code(), request.checksum()), (8, 0, 0xc06a));
        assert_eq!((request.ident(), request.sequence()), (23, 1));
        assert!(request.verify_checksum() && !request.is_error());
        assert_eq!(request.quoted(), None);
        let repr = Repr { echo: Echo::Request, ident: 23, sequence: 1, data: request.payload() };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(&mut written);
        assert_eq!(written, bytes);
    }

    #[test]
    fn the_reply_is_the_one_that_linux_gave() {
        let reply = captured(golden::PING_REPLY);
        let mut bytes = captured(golden::PING_REQUEST);
        Packet::new(&mut bytes).expect("whole").turn_into_reply();
        assert_eq!(bytes, reply);
        let repr = Repr { echo: Echo::Reply, ident: 23, sequence: 1, data: &reply[8..] };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(&mut written);
        assert_eq!(written, reply);
        assert_eq!(Packet::new(&written).expect("whole").echo(), Some(Echo::Reply));
    }

    #[test]
    fn a_damaged_request_gives_a_damaged_reply() {
        let mut bytes = captured(golden::PING_REQUEST);
        bytes[12] ^= 1;
        let mut packet = Packet::new(&mut bytes).expect("whole");
        assert!(!packet.verify_checksum());
        packet.turn_into_reply();
        assert!(!packet.verify_checksum());
    }

    #[test]
    fn an_error_quotes_the_packet_that_caused_it() {
        let bytes = captured(golden::UNREACHABLE);
        let error = Packet::new(&bytes).expect("whole");
        assert!(error.is_error() && error.verify_checksum());
        assert_eq!((error.message(), error.code(), error.echo()), (message::UNREACHABLE, 3, None));
        assert_eq!(error.quoted(), Some(&hex(golden::UDP)[14..]));
    }

    #[test]
    fn a_truncated_header_is_refused() {
        golden::refuses_every_truncation(&captured(golden::PING_REQUEST)[..8], |bytes| {
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
            repr.emit(&mut bytes);
            let mut packet = Packet::new(&mut bytes).expect("whole");
            assert!(packet.verify_checksum());
            assert_eq!((packet.echo(), packet.ident(), packet.sequence()), (Some(echo), ident, sequence));
            assert_eq!(packet.payload(), data);
            packet.payload_mut().fill(0x55);
            packet.fill_checksum();
            assert!(packet.verify_checksum());
        }
    }
}
