//! The datagrams between a balancer and `bngagent`: how loaded is this target?
//!
//! This file is the whole protocol. It is ours: the datagrams of the original are not known. Whoever learns them puts
//! them here; nothing else in the program knows what the bytes look like.
//!
//! ```text
//!  0               4       5       6       7       8
//! +---------------+-------+-------+-------+-------+
//! |    "BNGa"     |   1   | type  | flags | state |   version 1
//! +---------------+-------+-------+-------+-------+
//! |                     nonce                     |   8 bytes
//! +---------------+---------------+---------------+
//! | load in 1/100 |     zero      |                   4 bytes each, to byte 24
//! +---------------+---------------+---------------+
//! |      HMAC-SHA-256 of the bytes above          |   32 bytes, only with the flag
//! +-----------------------------------------------+
//! ```
//!
//! - All numbers are in network order. A message is 24 bytes long, an authenticated one 56; never anything else.
//! - `type` is 1 in a request and 2 in a reply. `flags` is 1 (authenticated) or 0.
//! - `state` is 0 in a request. In a reply 1 says that `load` counts, 0 that the agent lives but knows no load; then
//!   `load` is 0. A balancer takes the latter for a failed check: there is nothing to balance by.
//! - `nonce` is the choice of the balancer, new for every request and not to be guessed. The reply repeats it. A
//!   reply that repeats no nonce of an open request is forged, doubled or late, and counts for nothing.
//! - A reply is exactly as long as its request, so that an agent amplifies nothing, and everything but a well-formed
//!   request gets silence.
//!
//! With a shared key both messages are authenticated. The agent answers a request only when its authentication is
//! right, so it tells its load to nobody else and signs nothing that others make up; the type lies under the
//! authentication, so no request serves as a reply. An agent without a key ignores authenticated requests, one with a
//! key ignores all others: a key that only one side has shows as no answer. A request that somebody repeats gets a
//! reply that the balancer does not wait for any more.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Malformed;
use super::bytes::{array, get_u32, put, put_u32};

mod field {
    use std::ops::Range;
    pub(super) const MAGIC: Range<usize> = 0..4;
    pub(super) const VERSION: usize = 4;
    pub(super) const TYPE: usize = 5;
    pub(super) const FLAGS: usize = 6;
    pub(super) const STATE: usize = 7;
    pub(super) const NONCE: Range<usize> = 8..16;
    pub(super) const LOAD: Range<usize> = 16..20;
    pub(super) const ZERO: Range<usize> = 20..24;
    pub(super) const TAG: Range<usize> = 24..56;
}

/// Bytes of a message without authentication.
pub const MESSAGE_LEN: usize = field::ZERO.end;

/// Bytes of a message with authentication, the longest there is.
pub const AUTHENTICATED_LEN: usize = field::TAG.end;

/// Fewest bytes of a secret: what is shorter can be tried out against one recorded message.
pub const SECRET_MIN: usize = 16;

const MAGIC: [u8; 4] = *b"BNGa";
const VERSION: u8 = 1;
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const AUTHENTICATED: u8 = 1;
const KNOWN: u8 = 1;

/// A shared key, ready for use. Prints nothing of itself.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The key of a `secret`, which should have at least [`SECRET_MIN`] bytes; any length works.
    pub fn new(secret: &[u8]) -> Self {
        // HMAC hashes a long key and pads a short one (RFC 2104 section 2).
        Self(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"))
    }

    fn tag(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Compares in a time that does not tell how many bytes are right.
    fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.0.clone().chain_update(message).verify_slice(tag).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What an agent says of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Nothing: the agent lives, but its source of loads does not tell.
    Unknown,
    /// A load in hundredths: 150 is a load of 1.5.
    Hundredths(u32),
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The balancer asks.
    Request,
    /// The agent answers.
    Reply(Load),
}

/// View of a message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the whole payload of a datagram. Whether to trust it is [`Packet::trusted`]'s to say.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below [`MESSAGE_LEN`], [`Malformed::BadType`] for what is not of this protocol,
    /// [`Malformed::BadVersion`] for another version than 1, [`Malformed::BadTotalLength`] when the length is not the
    /// one that the flags ask for, [`Malformed::BadOption`] for flags, states and padding that version 1 does not have.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < MESSAGE_LEN {
            return Err(Malformed::Truncated);
        }
        if b[field::MAGIC] != MAGIC {
            return Err(Malformed::BadType);
        }
        if b[field::VERSION] != VERSION {
            return Err(Malformed::BadVersion);
        }
        let state = match b[field::TYPE] {
            REQUEST => 0,
            REPLY => KNOWN,
            _ => return Err(Malformed::BadType),
        };
        let len = match b[field::FLAGS] {
            0 => MESSAGE_LEN,
            AUTHENTICATED => AUTHENTICATED_LEN,
            _ => return Err(Malformed::BadOption),
        };
        if b.len() != len {
            return Err(Malformed::BadTotalLength);
        }
        let load = get_u32(b, field::LOAD);
        if b[field::STATE] > state || (b[field::STATE] == 0 && load != 0) || get_u32(b, field::ZERO) != 0 {
            return Err(Malformed::BadOption);
        }
        Ok(Self { bytes })
    }

    /// A request, or a reply with what it says.
    #[inline]
    pub fn message(&self) -> Message {
        let b = self.bytes.as_ref();
        match (b[field::TYPE], b[field::STATE]) {
            (REQUEST, _) => Message::Request,
            (_, KNOWN) => Message::Reply(Load::Hundredths(get_u32(b, field::LOAD))),
            _ => Message::Reply(Load::Unknown),
        }
    }

    /// What ties a reply to its request.
    #[inline]
    pub fn nonce(&self) -> u64 {
        u64::from_be_bytes(array(self.bytes.as_ref(), field::NONCE))
    }

    /// True when the sender has authenticated the message, rightly or not.
    #[inline]
    pub fn authenticated(&self) -> bool {
        self.bytes.as_ref()[field::FLAGS] == AUTHENTICATED
    }

    /// True when the message comes from somebody with this `key`; without one, when it is not authenticated.
    pub fn trusted(&self, key: Option<&Key>) -> bool {
        let b = self.bytes.as_ref();
        match key {
            Some(key) => self.authenticated() && key.verify(&b[..MESSAGE_LEN], &b[field::TAG]),
            None => !self.authenticated(),
        }
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Message::Request => f.write_str("bngagent, Request")?,
            Message::Reply(Load::Unknown) => f.write_str("bngagent, Reply, load unknown")?,
            Message::Reply(Load::Hundredths(load)) => {
                write!(f, "bngagent, Reply, load {}.{:02}", load / 100, load % 100)?;
            }
        }
        write!(f, ", nonce {:016x}, length {}", self.nonce(), self.bytes.as_ref().len())
    }
}

/// A message to be written.
#[derive(Debug, Clone, Copy)]
pub struct Repr<'a> {
    /// Request or reply.
    pub message: Message,
    /// The nonce: a new one in a request, that of the request in a reply.
    pub nonce: u64,
    /// The shared key, if there is one.
    pub key: Option<&'a Key>,
}

impl Repr<'_> {
    /// Bytes that [`Repr::emit`] writes.
    pub fn wire_len(&self) -> usize {
        if self.key.is_some() { AUTHENTICATED_LEN } else { MESSAGE_LEN }
    }

    /// Writes the message at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        buf.fill(0);
        put(buf, field::MAGIC, &MAGIC);
        buf[field::VERSION] = VERSION;
        buf[field::TYPE] = match self.message {
            Message::Request => REQUEST,
            Message::Reply(_) => REPLY,
        };
        put(buf, field::NONCE, &self.nonce.to_be_bytes());
        if let Message::Reply(Load::Hundredths(load)) = self.message {
            buf[field::STATE] = KNOWN;
            put_u32(buf, field::LOAD, load);
        }
        if let Some(key) = self.key {
            buf[field::FLAGS] = AUTHENTICATED;
            let tag = key.tag(&buf[..MESSAGE_LEN]);
            put(buf, field::TAG, &tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;

    const NONCE: u64 = 0x0102_0304_0506_0708;

    const MESSAGES: [Message; 5] = [
        Message::Request,
        Message::Reply(Load::Unknown),
        Message::Reply(Load::Hundredths(0)),
        Message::Reply(Load::Hundredths(150)),
        Message::Reply(Load::Hundredths(u32::MAX)),
    ];

    fn key() -> Key {
        Key::new(b"sixteen bytes or more")
    }

    fn bytes(message: Message, key: Option<&Key>) -> Vec<u8> {
        let repr = Repr { message, nonce: NONCE, key };
        let mut bytes = vec![0xee; repr.wire_len()];
        repr.emit(&mut bytes);
        bytes
    }

    #[test]
    fn the_bytes_are_those_of_the_picture() {
        assert_eq!(
            bytes(Message::Reply(Load::Hundredths(150)), None),
            b"BNGa\x01\x02\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x96\x00\x00\x00\x00"
        );
        assert_eq!(
            bytes(Message::Request, None),
            b"BNGa\x01\x01\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00\x00\x00\x00\x00"
        );
    }

    #[test]
    fn the_authentication_is_hmac_sha_256() {
        // RFC 4231 section 4.3.
        let tag = Key::new(b"Jefe").tag(b"what do ya want for nothing?");
        assert_eq!(
            tag[..],
            golden::hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")[..]
        );
    }

    #[test]
    fn what_is_written_is_read() {
        for message in MESSAGES {
            for key in [None, Some(&key())] {
                let bytes = bytes(message, key);
                let packet = Packet::new(&bytes).expect("valid");
                assert_eq!((packet.message(), packet.nonce()), (message, NONCE));
                assert_eq!(packet.authenticated(), key.is_some());
                assert!(packet.trusted(key));
            }
        }
    }

    #[test]
    fn a_reply_is_as_long_as_its_request() {
        for key in [None, Some(&key())] {
            let request = bytes(Message::Request, key);
            assert!(MESSAGES.iter().all(|message| bytes(*message, key).len() == request.len()));
        }
    }

    #[test]
    fn a_length_is_exact() {
        for message in MESSAGES {
            for key in [None, Some(&key())] {
                let mut bytes = bytes(message, key);
                golden::refuses_every_truncation(&bytes, |bytes| Packet::new(bytes).map(|_| ()));
                bytes.push(0);
                assert_eq!(Packet::new(&bytes).err(), Some(Malformed::BadTotalLength));
            }
        }
    }

    #[test]
    fn what_the_version_does_not_have_is_refused() {
        for (message, at, value, why) in [
            (Message::Request, 0, b'b', Malformed::BadType),
            (Message::Request, 4, 0, Malformed::BadVersion),
            (Message::Request, 4, 2, Malformed::BadVersion),
            (Message::Request, 5, 0, Malformed::BadType),
            (Message::Request, 5, 3, Malformed::BadType),
            (Message::Request, 6, 1, Malformed::BadTotalLength),
            (Message::Request, 6, 2, Malformed::BadOption),
            (Message::Request, 7, 1, Malformed::BadOption),
            (Message::Request, 19, 1, Malformed::BadOption),
            (Message::Request, 23, 1, Malformed::BadOption),
            (Message::Reply(Load::Unknown), 7, 2, Malformed::BadOption),
            (Message::Reply(Load::Unknown), 16, 1, Malformed::BadOption),
            (Message::Reply(Load::Hundredths(1)), 7, 0, Malformed::BadOption),
        ] {
            let mut bytes = bytes(message, None);
            bytes[at] = value;
            assert_eq!(Packet::new(&bytes).err(), Some(why), "{message:?}, byte {at} = {value}");
        }
    }

    #[test]
    fn every_changed_bit_spoils_the_authentication() {
        for message in MESSAGES {
            let right = bytes(message, Some(&key()));
            for bit in 0..right.len() * 8 {
                let mut bytes = right.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let trusted = Packet::new(&bytes).is_ok_and(|packet| packet.trusted(Some(&key())));
                assert!(!trusted, "{message:?}, bit {bit}");
            }
        }
    }

    #[test]
    fn nobody_trusts_what_only_one_side_authenticates() {
        let other = Key::new(b"quite another secret");
        let signed = bytes(Message::Request, Some(&key()));
        let plain = bytes(Message::Request, None);
        assert!(!Packet::new(&signed).expect("valid").trusted(None));
        assert!(!Packet::new(&signed).expect("valid").trusted(Some(&other)));
        assert!(!Packet::new(&plain).expect("valid").trusted(Some(&key())));
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", key()), "Key(..)");
    }

    #[test]
    fn a_message_prints_as_one_line() {
        for (message, expected) in [
            (Message::Request, "bngagent, Request, nonce 0102030405060708, length 24"),
            (
                Message::Reply(Load::Unknown),
                "bngagent, Reply, load unknown, nonce 0102030405060708, length 24",
            ),
            (
                Message::Reply(Load::Hundredths(1205)),
                "bngagent, Reply, load 12.05, nonce 0102030405060708, length 24",
            ),
        ] {
            assert_eq!(Packet::new(bytes(message, None)).expect("valid").to_string(), expected);
        }
    }
}
