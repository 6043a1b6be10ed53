//! DNS messages (RFC 1035), the extension mechanism EDNS (RFC 6891) and the client subnet in it (RFC 7871).
//!
//! ```text
//!  0                               16                              32
//! +-------------------------------+--+-----+--+--+--+--+---+-------+
//! |              id               |QR| op  |AA|TC|RD|RA| Z | rcode |
//! +-------------------------------+--+-----+--+--+--+--+---+-------+
//! |      number of questions      |      number of answers          |
//! +-------------------------------+---------------------------------+
//! |    authorities, a number      |  additional records, a number   |
//! +-------------------------------+---------------------------------+
//! |   question: name, type, class; then records: name, type, class, |
//! |   ttl (4 bytes), length of the data (2 bytes), data             |
//! +-----------------------------------------------------------------+
//! ```
//!
//! A name is a row of labels, each behind its length, and ends with an empty one. No pointer is ever followed: the name
//! of a question is written out, and of other names only the end is looked for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Malformed;
use super::bytes::{get_u16, put_u16};

mod field {
    use std::ops::Range;
    pub(super) const ID: Range<usize> = 0..2;
    pub(super) const FLAGS: Range<usize> = 2..4;
    pub(super) const QUESTIONS: Range<usize> = 4..6;
    pub(super) const ANSWERS: Range<usize> = 6..8;
    pub(super) const AUTHORITIES: Range<usize> = 8..10;
    pub(super) const ADDITIONALS: Range<usize> = 10..12;
}

/// Bytes before the question.
pub const HEADER_LEN: usize = field::ADDITIONALS.end;
/// Longest name in bytes, with the lengths of its labels and the empty label at its end.
pub const NAME_MAX: usize = 255;
/// Size of a response that everybody can take (RFC 1035 section 4.2.1).
pub const PLAIN_MAX: usize = 512;

/// Most additional records that are looked at for the one of EDNS. A signature may stand beside it; more is no query.
const ADDITIONALS_MAX: u16 = 4;

/// Bits of the second word of the header.
pub mod flag {
    /// The message is a response.
    pub const RESPONSE: u16 = 0x8000;
    /// What is asked for, of which there are sixteen kinds.
    pub const OPCODE: u16 = 0x7800;
    /// The responder is in charge of the name.
    pub const AUTHORITATIVE: u16 = 0x0400;
    /// The response did not fit.
    pub const TRUNCATED: u16 = 0x0200;
    /// The client wants the server to ask others.
    pub const RECURSION_DESIRED: u16 = 0x0100;
}

/// Types of records (IANA "Domain Name System Parameters").
pub mod rtype {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Name server of a zone.
    pub const NS: u16 = 2;
    /// Start of a zone.
    pub const SOA: u16 = 6;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// EDNS, no record of any zone.
    pub const OPT: u16 = 41;
    /// Changes of a zone.
    pub const IXFR: u16 = 251;
    /// A whole zone.
    pub const AXFR: u16 = 252;
    /// Everything there is.
    pub const ANY: u16 = 255;
}

/// Class of the Internet.
pub const CLASS_IN: u16 = 1;
/// Any class, in questions.
pub const CLASS_ANY: u16 = 255;

/// The outcome, as the response tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Rcode {
    /// Fine.
    NoError = 0,
    /// The query cannot be understood.
    FormErr = 1,
    /// It is understood, but there is no answer now.
    ServFail = 2,
    /// There is no such name.
    NxDomain = 3,
    /// No query, or of a kind that is not answered.
    NotImp = 4,
    /// Not for this server.
    Refused = 5,
    /// A version of EDNS that is not known.
    BadVers = 16,
}

/// View of a message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the payload of a datagram.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 12 bytes.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        if bytes.as_ref().len() < HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        Ok(Self { bytes })
    }

    /// Number that the response bears too.
    #[inline]
    pub fn id(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::ID)
    }

    /// The word of [`flag`]s.
    #[inline]
    pub fn flags(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::FLAGS)
    }

    /// True for a response.
    #[inline]
    pub fn is_response(&self) -> bool {
        self.flags() & flag::RESPONSE != 0
    }

    /// What is asked for: 0 is a query.
    #[inline]
    pub fn opcode(&self) -> u8 {
        ((self.flags() & flag::OPCODE) >> 11) as u8
    }

    /// Numbers of questions, answers, authorities and additional records.
    #[inline]
    pub fn counts(&self) -> [u16; 4] {
        [field::QUESTIONS, field::ANSWERS, field::AUTHORITIES, field::ADDITIONALS]
            .map(|at| get_u16(self.bytes.as_ref(), at))
    }

    /// The one question of a query.
    ///
    /// # Errors
    /// [`Malformed::BadType`] for another number of questions than one or when there are answers (RFC 9619), otherwise
    /// as [`Name::read`]; [`Malformed::Truncated`] when type and class are not there.
    pub fn question(&self) -> Result<Question<'_>, Malformed> {
        let [questions, answers, authorities, _] = self.counts();
        if (questions, answers, authorities) != (1, 0, 0) {
            return Err(Malformed::BadType);
        }
        let bytes = self.bytes.as_ref();
        let (name, at) = Name::read(bytes, HEADER_LEN)?;
        if bytes.len() < at + 4 {
            return Err(Malformed::Truncated);
        }
        Ok(Question {
            name,
            rtype: get_u16(bytes, at..at + 2),
            class: get_u16(bytes, at + 2..at + 4),
            bytes: &bytes[HEADER_LEN..at + 4],
        })
    }

    /// What stands behind the question of a query: EDNS, if the client knows it.
    ///
    /// # Errors
    /// [`Malformed::BadOption`] for two of it, one that is not at the root, or a client subnet that cannot be;
    /// [`Malformed::BadTotalLength`] for bytes behind the end; [`Malformed::TooManyHeaders`] for more records than a
    /// query has; otherwise [`Malformed::Truncated`].
    pub fn edns(&self, question: &Question<'_>) -> Result<Option<Edns>, Malformed> {
        let bytes = self.bytes.as_ref();
        let mut at = HEADER_LEN + question.bytes.len();
        let mut found = None;
        let [.., additionals] = self.counts();
        if additionals > ADDITIONALS_MAX {
            return Err(Malformed::TooManyHeaders);
        }
        for _ in 0..additionals {
            let owner = at;
            at = skip_name(bytes, at)?;
            let header = bytes.get(at..at + 10).ok_or(Malformed::Truncated)?;
            let (kind, class) = (get_u16(header, 0..2), get_u16(header, 2..4));
            let data = at + 10..at + 10 + usize::from(get_u16(header, 8..10));
            at = data.end;
            let data = bytes.get(data).ok_or(Malformed::Truncated)?;
            if kind == rtype::OPT {
                if found.is_some() || bytes[owner] != 0 {
                    return Err(Malformed::BadOption);
                }
                found = Some(Edns {
                    size: class,
                    version: header[5],
                    dnssec: header[6] & 0x80 != 0,
                    subnet: subnet(data)?,
                });
            }
        }
        if at != bytes.len() {
            return Err(Malformed::BadTotalLength);
        }
        Ok(found)
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_response() { "response" } else { "query" };
        write!(f, "DNS {kind} {}", self.id())?;
        match self.question() {
            Ok(question) => write!(f, ": {} type {}", Dotted(question.name.0), question.rtype),
            Err(_) => Ok(()),
        }
    }
}

/// The question of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name, as the client has written it.
    pub name: Name<'a>,
    /// Type of the records.
    pub rtype: u16,
    /// Their class.
    pub class: u16,
    /// All of it.
    bytes: &'a [u8],
}

/// What a client says of itself by EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns {
    /// Largest response that it takes, in bytes. Below 512 it means 512.
    pub size: u16,
    /// Version, of which 0 is the only one.
    pub version: u8,
    /// It wants signatures.
    pub dnssec: bool,
    /// Where the one who asked the client is.
    pub subnet: Option<Subnet>,
}

/// Client subnet (RFC 7871).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    /// 1 for IPv4, 2 for IPv6, 0 for nothing at all.
    pub family: u16,
    /// First address of the subnet.
    pub addr: IpAddr,
    /// Length of its prefix in bits, up to 32 or 128. 0 says nothing about the client.
    pub source: u8,
}

/// Code of the option that carries the client subnet.
const OPTION_SUBNET: u16 = 8;

/// The client subnet among the options of EDNS.
fn subnet(mut options: &[u8]) -> Result<Option<Subnet>, Malformed> {
    let mut found = None;
    while !options.is_empty() {
        let (header, rest) = options.split_at_checked(4).ok_or(Malformed::BadOption)?;
        let len = usize::from(get_u16(header, 2..4));
        let (data, rest) = rest.split_at_checked(len).ok_or(Malformed::BadOption)?;
        options = rest;
        if get_u16(header, 0..2) != OPTION_SUBNET {
            continue;
        }
        let (head, addr) = data.split_at_checked(4).ok_or(Malformed::BadOption)?;
        let (family, source, scope) = (get_u16(head, 0..2), head[2], head[3]);
        // Of two of them nobody says which one counts.
        if found.is_some() || scope != 0 || addr.len() != usize::from(source.div_ceil(8)) {
            return Err(Malformed::BadOption);
        }
        // Bits behind the prefix must be zero.
        if source % 8 != 0 && addr.last().is_some_and(|last| last << (source % 8) != 0) {
            return Err(Malformed::BadOption);
        }
        let mut whole = [0; 16];
        let addr = match (family, source) {
            (1 | 0, 0) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            (1, 1..=32) => {
                whole[..addr.len()].copy_from_slice(addr);
                IpAddr::V4(Ipv4Addr::new(whole[0], whole[1], whole[2], whole[3]))
            }
            (2, 0..=128) => {
                whole[..addr.len()].copy_from_slice(addr);
                IpAddr::V6(Ipv6Addr::from(whole))
            }
            _ => return Err(Malformed::BadOption),
        };
        found = Some(Subnet { family, addr, source });
    }
    Ok(found)
}

/// The place behind the name at `at`, which may end with a pointer.
fn skip_name(bytes: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let start = at;
    loop {
        match *bytes.get(at).ok_or(Malformed::Truncated)? {
            0 => return Ok(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            0xc0.. => return if at + 2 <= bytes.len() { Ok(at + 2) } else { Err(Malformed::Truncated) },
            _ => return Err(Malformed::BadOption),
        }
        if at - start >= NAME_MAX {
            return Err(Malformed::BadOption);
        }
    }
}

/// A name, written out: its labels with their lengths, the empty one at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The name that stands in `bytes` at `at`, and the place behind it.
    ///
    /// # Errors
    /// [`Malformed::BadOption`] for a pointer, a label of a kind that nobody uses, or a name that is too long,
    /// [`Malformed::Truncated`] when `bytes` end before it does.
    pub fn read(bytes: &'a [u8], at: usize) -> Result<(Self, usize), Malformed> {
        let mut end = at;
        loop {
            let len = *bytes.get(end).ok_or(Malformed::Truncated)?;
            if len > 63 {
                return Err(Malformed::BadOption);
            }
            end += 1 + usize::from(len);
            if end - at > NAME_MAX {
                return Err(Malformed::BadOption);
            }
            if len == 0 {
                return Ok((Self(&bytes[at..end]), end));
            }
        }
    }

    /// Its bytes.
    #[inline]
    pub const fn wire(self) -> &'a [u8] {
        self.0
    }

    /// Whether the two are one name; letters may be small or capital.
    #[inline]
    pub fn is(self, other: Name<'_>) -> bool {
        // A length is at most 63 and no letter.
        self.0.eq_ignore_ascii_case(other.0)
    }

    /// Where `zone` begins in it, if it is the name of the zone or lies below.
    pub fn below(self, zone: Name<'_>) -> Option<usize> {
        let mut at = 0;
        while self.0.len() - at > zone.0.len() {
            at += 1 + usize::from(self.0[at]);
        }
        (self.0.len() - at == zone.0.len() && Name(&self.0[at..]).is(zone)).then_some(at)
    }
}

/// A name of the configuration, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedName(Box<[u8]>);

impl OwnedName {
    /// The name that is written `text`, with or without a dot at its end. `None` when it is no name of a host: labels of
    /// letters, digits, `-` and `_`, up to 63 characters each and 253 together.
    pub fn parse(text: &str) -> Option<Self> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            if label.is_empty() || label.len() > 63 || !label.bytes().all(fine) {
                return None;
            }
            wire.push(label.len() as u8);
            wire.extend(label.bytes().map(|b| b.to_ascii_lowercase()));
        }
        wire.push(0);
        (wire.len() <= NAME_MAX).then(|| Self(wire.into()))
    }

    /// The name with `label` before it; `None` when that is too long.
    pub fn child(&self, label: &str) -> Option<Self> {
        Self::parse(&format!("{label}.{self}"))
    }

    /// The name above it; `None` for a name of one label.
    pub fn parent(&self) -> Option<Self> {
        let rest = &self.0[1 + usize::from(self.0[0])..];
        (rest.len() > 1).then(|| Self(rest.into()))
    }

    /// The same as a view.
    #[inline]
    pub const fn as_name(&self) -> Name<'_> {
        Name(&self.0)
    }
}

/// Without a dot at its end.
impl fmt::Display for OwnedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Dotted(&self.0).fmt(f)
    }
}

/// A name for people; what is not printable is a question mark.
struct Dotted<'a>(&'a [u8]);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        while at + 1 < self.0.len() {
            let end = at + 1 + usize::from(self.0[at]);
            if at > 0 {
                f.write_str(".")?;
            }
            for byte in &self.0[at + 1..end] {
                let printable = byte.is_ascii_graphic() && *byte != b'.';
                write!(f, "{}", if printable { char::from(*byte) } else { '?' })?;
            }
            at = end;
        }
        if self.0.len() <= 1 { f.write_str(".") } else { Ok(()) }
    }
}

/// Part of a response in which a record stands, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who is in charge.
    Authority,
    /// What may be of use.
    Additional,
}

/// Data of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data<'a> {
    /// IPv4 address.
    A(Ipv4Addr),
    /// IPv6 address.
    Aaaa(Ipv6Addr),
    /// Name of a name server.
    Ns(Name<'a>),
    /// Start of a zone.
    Soa {
        /// First name server.
        primary: Name<'a>,
        /// Mail address of who is responsible, as a name: this label in the zone.
        mailbox: &'static str,
        /// Seconds for which a negative answer holds.
        negative: u32,
    },
}

/// Serial number, refresh, retry and expiry of a zone. Nobody copies the zone, so they are constant.
const SOA_TIMES: [u32; 4] = [1, 3600, 600, 86_400];

/// What a response says of EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdnsReply {
    /// What the client said.
    pub heard: Edns,
    /// Length of the prefix for which the answer holds, where a client subnet was given.
    pub scope: u8,
}

impl EdnsReply {
    /// Size of datagrams that we take, which says little: queries are short.
    const SIZE: u16 = 1232;

    fn wire_len(&self) -> usize {
        11 + self.heard.subnet.map_or(0, |subnet| 8 + usize::from(subnet.source.div_ceil(8)))
    }
}

/// A response under construction. What does not fit its limit is left out, and the response says that it is truncated.
#[derive(Debug)]
pub struct Response<'b> {
    buf: &'b mut [u8],
    len: usize,
    /// Bytes of header and question.
    head: usize,
    limit: usize,
    counts: [u16; 3],
    flags: u16,
    edns: Option<EdnsReply>,
    truncated: bool,
    /// The zone, and where its name stands in the question.
    zone: Option<(Name<'b>, usize)>,
}

impl<'b> Response<'b> {
    /// A response to `query` in `buf`, of at most `limit` bytes. It repeats the question, if there is one.
    pub fn new<T: AsRef<[u8]>>(
        buf: &'b mut [u8],
        limit: usize,
        query: &Packet<T>,
        question: Option<&Question<'_>>,
        edns: Option<EdnsReply>,
    ) -> Self {
        let head = HEADER_LEN + question.map_or(0, |question| question.bytes.len());
        buf[field::ID].copy_from_slice(&query.id().to_be_bytes());
        if let Some(question) = question {
            buf[HEADER_LEN..head].copy_from_slice(question.bytes);
        }
        put_u16(buf, field::QUESTIONS, u16::from(question.is_some()));
        let flags = query.flags() & (flag::OPCODE | flag::RECURSION_DESIRED) | flag::RESPONSE;
        let limit = limit.min(buf.len());
        Self { buf, len: head, head, limit, counts: [0; 3], flags, edns, truncated: false, zone: None }
    }

    /// The responder is in charge: the question is about `zone`, whose name begins at `at` of the question's.
    pub fn in_zone(&mut self, zone: Name<'b>, at: usize) {
        self.flags |= flag::AUTHORITATIVE;
        self.zone = Some((zone, HEADER_LEN + at));
    }

    /// Adds a record about the name of the question.
    pub fn about_question(&mut self, section: Section, ttl: u32, data: Data<'_>) {
        self.record(section, Owner::At(HEADER_LEN), ttl, data);
    }

    /// Adds a record about the zone.
    pub fn about_zone(&mut self, section: Section, ttl: u32, data: Data<'_>) {
        let at = self.zone.map_or(HEADER_LEN, |(_, at)| at);
        self.record(section, Owner::At(at), ttl, data);
    }

    /// Adds a record about `name`.
    pub fn about(&mut self, section: Section, name: Name<'_>, ttl: u32, data: Data<'_>) {
        self.record(section, Owner::Name(name), ttl, data);
    }

    fn record(&mut self, section: Section, owner: Owner<'_>, ttl: u32, data: Data<'_>) {
        let room = self.limit.saturating_sub(self.edns.map_or(0, |edns| edns.wire_len()));
        let before = self.len;
        let mut out = Writer { buf: &mut self.buf[..room], at: before, zone: self.zone };
        match out.record(owner, ttl, data) {
            Some(()) => {
                self.len = out.at;
                self.counts[section as usize] += 1;
            }
            None => self.truncated = true,
        }
    }

    /// Finishes the response with `rcode`. Returns its length.
    pub fn finish(mut self, rcode: Rcode) -> usize {
        if self.truncated {
            // Half an answer is none (RFC 2181 section 9).
            (self.len, self.counts) = (self.head, [0; 3]);
            self.flags |= flag::TRUNCATED;
        }
        let code = rcode as u16;
        if let Some(edns) = self.edns {
            let at = self.len;
            let mut out = Writer { buf: self.buf, at, zone: None };
            if out.edns(&edns, code).is_some() {
                self.len = out.at;
                self.counts[2] += 1;
            }
        }
        put_u16(self.buf, field::FLAGS, self.flags | (code & 0xf));
        for (field, count) in
            [field::ANSWERS, field::AUTHORITIES, field::ADDITIONALS].into_iter().zip(self.counts)
        {
            put_u16(self.buf, field, count);
        }
        self.len
    }
}

/// Whose record it is.
#[derive(Clone, Copy)]
enum Owner<'a> {
    /// The name that stands there in the message.
    At(usize),
    Name(Name<'a>),
}

/// Writes into what room there is. `None`: there was too little.
struct Writer<'w, 'z> {
    buf: &'w mut [u8],
    at: usize,
    zone: Option<(Name<'z>, usize)>,
}

impl Writer<'_, '_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.buf.get_mut(self.at..self.at + bytes.len())?.copy_from_slice(bytes);
        self.at += bytes.len();
        Some(())
    }

    fn u16(&mut self, value: u16) -> Option<()> {
        self.bytes(&value.to_be_bytes())
    }

    fn pointer(&mut self, to: usize) -> Option<()> {
        self.u16(0xc000 | to as u16)
    }

    /// A name, with a pointer in place of the zone's.
    fn name(&mut self, name: Name<'_>) -> Option<()> {
        if let Some((zone, place)) = self.zone
            && let Some(cut) = name.below(zone)
        {
            self.bytes(&name.wire()[..cut])?;
            return self.pointer(place);
        }
        self.bytes(name.wire())
    }

    fn record(&mut self, owner: Owner<'_>, ttl: u32, data: Data<'_>) -> Option<()> {
        match owner {
            Owner::At(at) => self.pointer(at)?,
            Owner::Name(name) => self.name(name)?,
        }
        self.u16(match data {
            Data::A(_) => rtype::A,
            Data::Aaaa(_) => rtype::AAAA,
            Data::Ns(_) => rtype::NS,
            Data::Soa { .. } => rtype::SOA,
        })?;
        self.u16(CLASS_IN)?;
        self.bytes(&ttl.to_be_bytes())?;
        let length = self.at;
        self.u16(0)?;
        match data {
            Data::A(addr) => self.bytes(&addr.octets())?,
            Data::Aaaa(addr) => self.bytes(&addr.octets())?,
            Data::Ns(name) => self.name(name)?,
            Data::Soa { primary, mailbox, negative } => {
                self.name(primary)?;
                self.bytes(&[mailbox.len() as u8])?;
                self.bytes(mailbox.as_bytes())?;
                match self.zone {
                    Some((_, place)) => self.pointer(place)?,
                    None => self.bytes(&[0])?,
                }
                for time in SOA_TIMES.into_iter().chain([negative]) {
                    self.bytes(&time.to_be_bytes())?;
                }
            }
        }
        let written = (self.at - length - 2) as u16;
        put_u16(self.buf, length..length + 2, written);
        Some(())
    }

    fn edns(&mut self, reply: &EdnsReply, rcode: u16) -> Option<()> {
        // The bit for signatures is given back as it came (RFC 3225 section 3).
        let dnssec = if reply.heard.dnssec { 0x80 } else { 0 };
        self.bytes(&[0])?;
        self.u16(rtype::OPT)?;
        self.u16(EdnsReply::SIZE)?;
        self.bytes(&[(rcode >> 4) as u8, 0, dnssec, 0])?;
        self.u16((reply.wire_len() - 11) as u16)?;
        let Some(subnet) = reply.heard.subnet else { return Some(()) };
        let len = usize::from(subnet.source.div_ceil(8));
        self.u16(OPTION_SUBNET)?;
        self.u16((4 + len) as u16)?;
        self.u16(subnet.family)?;
        self.bytes(&[subnet.source, reply.scope])?;
        match subnet.addr {
            IpAddr::V4(addr) => self.bytes(&addr.octets()[..len]),
            IpAddr::V6(addr) => self.bytes(&addr.octets()[..len]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::{self, hex};

    fn name(text: &str) -> OwnedName {
        OwnedName::parse(text).expect(text)
    }

    #[test]
    fn a_captured_query_is_read() {
        let bytes = hex(golden::DNS_QUERY);
        let query = Packet::new(&bytes).expect("valid");
        assert_eq!((query.id(), query.is_response(), query.opcode()), (0x4fae, false, 0));
        let question = query.question().expect("a question");
        assert!(question.name.is(name("www.example.org").as_name()));
        assert_eq!((question.rtype, question.class), (rtype::A, CLASS_IN));
        let edns = query.edns(&question).expect("valid").expect("there");
        assert_eq!((edns.size, edns.version, edns.dnssec), (1232, 0, false));
        let subnet = edns.subnet.expect("there");
        assert_eq!((subnet.family, subnet.addr, subnet.source), (1, "192.0.2.0".parse().unwrap(), 24));
        assert_eq!(query.to_string(), "DNS query 20398: www.example.org type 1");
    }

    #[test]
    fn a_truncated_query_is_refused_at_every_length() {
        let bytes = hex(golden::DNS_QUERY);
        golden::refuses_every_truncation(&bytes, |bytes| {
            let query = Packet::new(bytes)?;
            let question = query.question()?;
            query.edns(&question).map(|_| ())
        });
    }

    #[test]
    fn no_pointer_is_followed_in_a_question_and_no_name_is_endless() {
        let question = |name: &[u8]| {
            let mut bytes = hex("0001 0000 0001 0000 0000 0000").to_vec();
            bytes.extend(name);
            bytes.extend([0, 1, 0, 1]);
            Packet::new(&bytes).expect("a header").question().map(|_| ())
        };
        assert_eq!(question(&[0]), Ok(()));
        assert_eq!(question(&[1, b'a', 0]), Ok(()));
        for wrong in [&[0xc0, 12][..], &[1, b'a', 0xc0, 12], &[0x40, 0], &[0x80, 0], &[64, 0]] {
            assert_eq!(question(wrong), Err(Malformed::BadOption), "{wrong:?}");
        }
        let label = [&[63][..], &[b'a'; 63]].concat();
        let long = [&label.repeat(3)[..], &[61], &[b'a'; 61], &[0]].concat();
        assert_eq!((long.len(), question(&long)), (NAME_MAX, Ok(())));
        let longer = [&label.repeat(3)[..], &[62], &[b'a'; 62], &[0]].concat();
        assert_eq!(question(&longer), Err(Malformed::BadOption));
        assert_eq!(question(&[1, b'a'].repeat(400)), Err(Malformed::BadOption));
    }

    #[test]
    fn what_stands_behind_a_question_is_bounded_and_checked() {
        let edns = |additionals: u16, rest: &str| {
            let mut bytes = hex("0001 0000 0001 0000 0000").to_vec();
            bytes.extend(additionals.to_be_bytes());
            bytes.extend(hex("00 0001 0001").iter());
            bytes.extend(hex(rest).iter());
            let query = Packet::new(&bytes).expect("a header");
            let question = query.question().expect("a question");
            query.edns(&question).map(|edns| edns.map(|edns| edns.subnet))
        };
        let opt = |options: &str| {
            format!("00 0029 04d0 00000000 {:04x} {options}", options.replace(' ', "").len() / 2)
        };
        assert_eq!(edns(0, ""), Ok(None));
        assert_eq!(edns(1, &opt("")), Ok(Some(None)));
        // A cookie is of no interest; a record of another type may stand before.
        assert_eq!(edns(1, &opt("000a 0008 0102030405060708")), Ok(Some(None)));
        assert_eq!(edns(2, &format!("c00c 0001 0001 00000000 0004 01020304 {}", opt(""))), Ok(Some(None)));
        for (wrong, count, rest) in [
            (Malformed::BadTotalLength, 0, "00".to_owned()),
            (Malformed::BadOption, 2, opt("") + &opt("")),
            (Malformed::BadOption, 1, opt("").replacen("00 ", "01 61 00 ", 1)),
            (Malformed::TooManyHeaders, 5, String::new()),
            (Malformed::TooManyHeaders, 1000, String::new()),
            (Malformed::Truncated, 1, "c0".to_owned()),
            (Malformed::BadOption, 1, opt("000a 0009 00")),
            // Client subnets: too short, scope in a query, more or fewer bytes than the prefix needs, bits behind it,
            // too long a prefix, an unknown family, two of them.
            (Malformed::BadOption, 1, opt("0008 0003 000118")),
            (Malformed::BadOption, 1, opt("0008 0007 0001 18 18 c00002")),
            (Malformed::BadOption, 1, opt("0008 0008 0001 18 00 c0000200")),
            (Malformed::BadOption, 1, opt("0008 0006 0001 18 00 c000")),
            (Malformed::BadOption, 1, opt("0008 0007 0001 17 00 c00003")),
            (Malformed::BadOption, 1, opt("0008 0009 0001 21 00 c000020100")),
            (Malformed::BadOption, 1, opt("0008 0005 0003 08 00 c0")),
            (Malformed::BadOption, 1, opt("0008 0004 0001 00 00 0008 0004 0001 00 00")),
        ] {
            assert_eq!(edns(count, &rest), Err(wrong), "{rest}");
        }
        let subnet = |options| edns(1, &opt(options)).unwrap().unwrap().unwrap();
        let v6 = subnet("0008 000b 0002 38 00 20010db8000001");
        assert_eq!((v6.addr, v6.source), ("2001:db8:0:100::".parse().unwrap(), 56));
        assert_eq!(subnet("0008 0004 0001 00 00").source, 0);
    }

    #[test]
    fn a_name_lies_in_a_zone_or_beside_it() {
        let below = |n: &str, zone: &str| name(n).as_name().below(name(zone).as_name());
        assert_eq!(below("www.example.org", "Example.ORG."), Some(4));
        assert_eq!(below("example.org", "example.org"), Some(0));
        assert_eq!(below("wwwexample.org", "example.org"), None);
        assert_eq!(below("org", "example.org"), None);
        assert_eq!(name("a.b.c").parent(), Some(name("b.c")));
        assert_eq!((name("c").parent(), name("b").child("a")), (None, Some(name("a.b"))));
        assert_eq!(OwnedName::parse(&["a".repeat(63).as_str(); 4].join(".")), None);
    }

    #[test]
    fn what_does_not_fit_is_truncated_to_the_question_at_every_limit() {
        let bytes = hex(golden::DNS_QUERY);
        let query = Packet::new(&bytes).expect("valid");
        let question = query.question().expect("a question");
        let heard = query.edns(&question).expect("valid");
        let zone = name("example.org");
        let servers = [name("ns1.example.net"), name("ns2.example.net"), name("ns3.example.org")];
        let response = |limit: usize, edns: Option<Edns>| {
            let mut buf = [0xee; PLAIN_MAX];
            let edns = edns.map(|heard| EdnsReply { heard, scope: 20 });
            let mut response = Response::new(&mut buf, limit, &query, Some(&question), edns);
            response.in_zone(zone.as_name(), 4);
            for ns in &servers {
                response.about_zone(Section::Answer, 10, Data::Ns(ns.as_name()));
            }
            response.about(Section::Additional, servers[2].as_name(), 10, Data::A(Ipv4Addr::LOCALHOST));
            let len = response.finish(Rcode::NoError);
            buf[..len].to_vec()
        };
        for edns in [None, heard] {
            let whole = response(PLAIN_MAX, edns);
            let smallest = response(0, edns);
            for limit in 0..=PLAIN_MAX {
                let got = response(limit, edns);
                let view = Packet::new(&got).expect("a header");
                let cut = view.flags() & flag::TRUNCATED != 0;
                assert_eq!(cut, limit < whole.len(), "limit {limit}");
                assert_eq!(&got, if cut { &smallest } else { &whole }, "limit {limit}");
                assert_eq!(view.counts()[0], 1);
            }
            assert_eq!(whole.len() - smallest.len(), 2 * (12 + 17) + 12 + 6 + 16 + 4);
        }
    }
}
