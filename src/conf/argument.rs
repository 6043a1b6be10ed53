//! Types of arguments: how a word is read into a value, and how the value is written.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Range, RangeInclusive};

use super::diagnostic::shown;
use super::keyword::{Match, alternatives, nearest, unique_prefix};
use super::kind::Kind;
use super::lexer::quote_if_needed;
use super::ports;
use crate::wire::dns::OwnedName;

/// One word of a fixed set that an argument may be.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// One line for the operator.
    pub help: &'static str,
    /// What this version makes of it.
    pub standing: Standing,
}

/// What this version makes of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does what the word says.
    Works,
    /// The word is read, kept and saved, but this happens instead; a warning says so.
    Kept(&'static str),
    /// The word is only known: it is skipped in a file, with a warning, and refused on a typed line.
    Known,
}

impl Choice {
    /// A word that works.
    pub const fn new(word: &'static str, help: &'static str) -> Self {
        Self { word, help, standing: Standing::Works }
    }

    /// A word that is kept and saved, while something else happens.
    pub const fn kept(word: &'static str, help: &'static str, instead: &'static str) -> Self {
        Self { word, help, standing: Standing::Kept(instead) }
    }

    /// A word of which no more than its existence is known.
    pub const fn known(word: &'static str, help: &'static str) -> Self {
        Self { word, help, standing: Standing::Known }
    }

    /// Whether the word may be said.
    pub fn is_accepted(&self) -> bool {
        self.standing != Standing::Known
    }
}

/// Type of the one argument of a statement. An argument is one word (or one string): lists carry commas and no blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg {
    /// A word without blanks and slashes of at most this many characters: names that the system or a prompt must bear.
    Word(usize),
    /// Free text of at most this many characters.
    Text(usize),
    /// The base address of an IPv4 network.
    Ipv4Network,
    /// The IPv4 address of one host.
    Ipv4,
    /// The IPv6 address of one host.
    Ipv6,
    /// The IPv4 or IPv6 address of one host.
    Host,
    /// A network mask as a dotted quad.
    Mask,
    /// A number within these limits, both included.
    Number(u32, u32),
    /// A number with up to three decimals, from -1000000 to 1000000.
    Decimal,
    /// A list of ports, ranges allowed; or 0 for any port.
    Ports,
    /// A list of HTTP status codes, ranges allowed.
    Codes,
    /// A list of IPv4 addresses of hosts, each once, of which there are at most this many.
    Ipv4s(usize),
    /// A list of IPv6 addresses of hosts, each once, of which there are at most this many.
    Ipv6s(usize),
    /// A list of words of letters, digits, `-` and `_`, each of at most this many characters and each at most once.
    Names(usize),
    /// A list of domain names, each once, of which there are at most this many.
    Domains(usize),
    /// `0` or `1`.
    Flag,
    /// `enable` or `disable`.
    Switch,
    /// One word of several.
    Choice(&'static [Choice]),
    /// A list of such words, each at most once.
    Choices(&'static [Choice]),
    /// The number of an object of this kind.
    Index(Kind),
    /// A list of numbers of objects of this kind, ranges allowed: `1,2` or `1-4`.
    Indices(Kind),
    /// `interval,timeout` in seconds.
    Probe,
    /// `port,interval,timeout`, times in seconds.
    PortProbe,
    /// `command,interval,timeout`, times in seconds. The command alone may stand in quotes, and may have commas.
    Script,
}

/// Longest command or path of a script, in characters.
pub(super) const COMMAND_MAX: usize = 4095;

/// A value that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, quotes removed.
    Text(String),
    /// The texts of a statement that may be repeated, in order.
    Texts(Vec<String>),
    /// IPv4 address.
    Ipv4(Ipv4Addr),
    /// IPv6 address.
    Ipv6(Ipv6Addr),
    /// IPv4 or IPv6 address.
    Host(IpAddr),
    /// Prefix length of a dotted mask, 0 to 32.
    Mask(u8),
    /// Number.
    Number(u32),
    /// Number in thousandths.
    Decimal(i64),
    /// Ports, in the order given, where 0 stands alone; or status codes.
    Ports(Vec<u16>),
    /// IPv4 or IPv6 addresses, in the order given.
    Hosts(Vec<IpAddr>),
    /// Words, in the order given.
    Names(Vec<String>),
    /// `0` or `1`.
    Flag(bool),
    /// `enable` or `disable`.
    Switch(bool),
    /// Word of a fixed set.
    Choice(&'static str),
    /// Words of a fixed set, in the order given.
    Choices(Vec<&'static str>),
    /// Number of an object.
    Index(u16),
    /// Numbers of objects, in the order given.
    Indices(Vec<u16>),
    /// Interval and timeout in seconds.
    Probe(u32, u32),
    /// Port, interval and timeout in seconds.
    PortProbe(u16, u32, u32),
    /// Command, interval and timeout in seconds.
    Script(String, u32, u32),
}

impl Value {
    /// Whether the value is a list of other than one element, which asks for the plural of its keyword.
    pub fn is_plural(&self) -> bool {
        match self {
            Self::Indices(list) => list.len() != 1,
            Self::Choices(list) => list.len() != 1,
            Self::Ports(list) => list.len() != 1,
            _ => false,
        }
    }
}

/// Writes the value as the language has it; several texts are joined by blanks.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quote_if_needed(text)),
            Self::Texts(texts) => {
                f.write_str(&texts.iter().map(|t| quote_if_needed(t)).collect::<Vec<_>>().join(" "))
            }
            Self::Ipv4(addr) => write!(f, "{addr}"),
            Self::Ipv6(addr) => write!(f, "{addr}"),
            Self::Host(addr) => write!(f, "{addr}"),
            Self::Mask(prefix) => write!(f, "{}", dotted(*prefix)),
            Self::Number(n) => write!(f, "{n}"),
            Self::Decimal(thousandths) => {
                let sign = if *thousandths < 0 { "-" } else { "" };
                let (whole, rest) = (thousandths.unsigned_abs() / 1000, thousandths.unsigned_abs() % 1000);
                let fraction = format!(".{rest:03}");
                write!(f, "{sign}{whole}{}", fraction.trim_end_matches('0').trim_end_matches('.'))
            }
            Self::Ports(list) => ports::write(f, list),
            Self::Hosts(list) => {
                f.write_str(&list.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(","))
            }
            Self::Names(names) => f.write_str(&names.join(",")),
            Self::Flag(on) => f.write_str(if *on { "1" } else { "0" }),
            Self::Switch(on) => f.write_str(if *on { "enable" } else { "disable" }),
            Self::Choice(word) => f.write_str(word),
            Self::Choices(words) => f.write_str(&words.join(",")),
            Self::Index(n) => write!(f, "{n}"),
            Self::Indices(list) => write_list(f, list),
            Self::Probe(interval, timeout) => write!(f, "{interval},{timeout}"),
            Self::PortProbe(port, interval, timeout) => write!(f, "{port},{interval},{timeout}"),
            Self::Script(command, interval, timeout) => {
                write!(f, "{},{interval},{timeout}", quote_if_needed(command))
            }
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, list: &[u16]) -> fmt::Result {
    for (i, n) in list.iter().enumerate() {
        write!(f, "{}{n}", if i == 0 { "" } else { "," })?;
    }
    Ok(())
}

/// The mask of `prefix` bits as an address.
fn dotted(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

/// Why a word is not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The part of the word that is to blame, in bytes; `None` for all of it.
    pub(super) part: Option<Range<usize>>,
    /// The word means something that this version does not do: no reason to refuse a whole file.
    pub(super) known: Option<Known>,
}

/// A word that is known but not implemented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) word: &'static str,
    /// The value without this word, where it was one of a list.
    pub(super) rest: Option<Value>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, part: None, known: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn part(mut self, part: Range<usize>) -> Self {
        self.part = Some(part);
        self
    }
}

/// Longest interval or timeout: a day in seconds.
pub(super) const SECONDS_MAX: u32 = 86_400;
const FLAGS: [&str; 2] = ["0", "1"];

impl Arg {
    /// The argument in the notation of the help: `<0-65535>`, `enable|disable`.
    pub fn usage(&self) -> String {
        match self {
            Self::Word(_) => "<word>".to_owned(),
            Self::Text(_) => "<text>".to_owned(),
            Self::Ipv4Network | Self::Ipv4 => "<ipv4>".to_owned(),
            Self::Ipv6 => "<ipv6>".to_owned(),
            Self::Host => "<address>".to_owned(),
            Self::Mask => "<mask>".to_owned(),
            Self::Number(min, max) => format!("<{min}-{max}>"),
            Self::Decimal => "<decimal>".to_owned(),
            Self::Ports => "<port>[,<port>...]".to_owned(),
            Self::Codes => "<code>[,<code>...]".to_owned(),
            Self::Ipv4s(_) => "<ipv4>[,<ipv4>...]".to_owned(),
            Self::Ipv6s(_) => "<ipv6>[,<ipv6>...]".to_owned(),
            Self::Names(_) => "<name>[,<name>...]".to_owned(),
            Self::Domains(1) => "<domain>".to_owned(),
            Self::Domains(_) => "<domain>[,<domain>...]".to_owned(),
            Self::Flag => FLAGS.join("|"),
            Self::Switch => "enable|disable".to_owned(),
            Self::Choice(choices) => accepted(choices).collect::<Vec<_>>().join("|"),
            Self::Choices(_) => "<word>[,<word>...]".to_owned(),
            Self::Index(kind) => format!("<{}>", kind.keyword()),
            Self::Indices(kind) => format!("<{0}>[,<{0}>...]", kind.keyword()),
            Self::Probe => "<interval>,<timeout>".to_owned(),
            Self::PortProbe => "<port>,<interval>,<timeout>".to_owned(),
            Self::Script => "<command>,<interval>,<timeout>".to_owned(),
        }
    }

    /// What an argument of this type looks like, where the notation of the help does not tell.
    pub(super) fn example(&self) -> Option<&'static str> {
        match self {
            Self::Word(_) => Some("eth0 or node-1"),
            Self::Text(_) => Some("web or \"my web server\""),
            Self::Ipv4Network => Some("192.0.2.0"),
            Self::Ipv4 => Some("192.0.2.1"),
            Self::Ipv6 => Some("2001:db8::1"),
            Self::Host => Some("192.0.2.1 or 2001:db8::1"),
            Self::Mask => Some("255.255.255.0"),
            Self::Decimal => Some("0.5"),
            Self::Ports => Some("80 or 80,443"),
            Self::Codes => Some("200 or 200-299,301"),
            Self::Ipv4s(_) => Some("192.0.2.1 or 192.0.2.1,192.0.2.2"),
            Self::Ipv6s(_) => Some("2001:db8::1 or 2001:db8::1,2001:db8::2"),
            Self::Names(_) => Some("de or de,at"),
            Self::Domains(_) => Some("www.example.org"),
            Self::Indices(_) => Some("1 or 1,2 or 1-4"),
            Self::Probe => Some("3,10"),
            Self::PortProbe => Some("80,3,10"),
            Self::Script => Some("/usr/local/bin/check,10,30"),
            Self::Number(..)
            | Self::Flag
            | Self::Switch
            | Self::Choice(_)
            | Self::Choices(_)
            | Self::Index(_) => None,
        }
    }

    /// Reads `word` as a value of this type.
    pub(super) fn parse(&self, word: &str) -> Result<Value, Refusal> {
        match *self {
            Self::Word(max) => {
                if let Some(c) = word.chars().find(|c| c.is_whitespace() || *c == '/') {
                    return Err(Refusal::new(format!("a name cannot contain '{c}'")));
                }
                text(word, max)
            }
            Self::Text(max) => text(word, max),
            Self::Ipv4Network => ipv4(word).map(Value::Ipv4),
            Self::Ipv4 => host4(word).map(Value::Ipv4),
            Self::Ipv6 => host6(word).map(Value::Ipv6),
            Self::Host if word.contains(':') => host6(word).map(|addr| Value::Host(addr.into())),
            Self::Host => host4(word).map(|addr| Value::Host(addr.into())),
            Self::Mask => mask(word).map(Value::Mask),
            Self::Number(min, max) => number(word, min, max).map(Value::Number),
            Self::Decimal => decimal(word).map(Value::Decimal),
            Self::Ports => ports(word).map(Value::Ports),
            Self::Codes => codes(word).map(Value::Ports),
            Self::Ipv4s(max) => hosts(word, max, |word| host4(word).map(IpAddr::from)).map(Value::Hosts),
            Self::Ipv6s(max) => hosts(word, max, |word| host6(word).map(IpAddr::from)).map(Value::Hosts),
            Self::Names(max) => names(word, max).map(Value::Names),
            Self::Domains(max) => domains(word, max).map(Value::Names),
            Self::Flag => match word {
                "0" => Ok(Value::Flag(false)),
                "1" => Ok(Value::Flag(true)),
                _ => Err(Refusal::new(format!("{} is neither 0 nor 1", shown(word)))),
            },
            Self::Switch => match unique_prefix(word, [("enable", true), ("disable", false)]) {
                Match::One(on) => Ok(Value::Switch(on)),
                Match::None | Match::Many(_) => {
                    Err(Refusal::new(format!("{} is neither 'enable' nor 'disable'", shown(word))))
                }
            },
            Self::Choice(choices) => choice(word, choices).map(Value::Choice),
            Self::Choices(choices) => self.parse_choices(word, choices),
            Self::Index(kind) => index(word, kind).map(Value::Index),
            Self::Indices(kind) => indices(word, kind).map(Value::Indices),
            Self::Probe => {
                let [interval, timeout] = fields(word, "interval,timeout")?;
                probe(word, &interval, &timeout).map(|(i, t)| Value::Probe(i, t))
            }
            Self::PortProbe => {
                let [port, interval, timeout] = fields(word, "port,interval,timeout")?;
                let number = number(&word[port.clone()], 1, 65535).map_err(|r| r.part(port))?;
                let (interval, timeout) = probe(word, &interval, &timeout)?;
                Ok(Value::PortProbe(u16::try_from(number).unwrap_or(u16::MAX), interval, timeout))
            }
            Self::Script => script(word),
        }
    }

    fn parse_choices(&self, word: &str, choices: &'static [Choice]) -> Result<Value, Refusal> {
        let mut list = Vec::new();
        let mut not_yet: Option<Refusal> = None;
        for part in elements(word)? {
            match choice(&word[part.clone()], choices) {
                Ok(found) if list.contains(&found) => {
                    return Err(Refusal::new(format!("'{found}' appears twice")).part(part));
                }
                Ok(found) => list.push(found),
                Err(refusal) if refusal.known.is_some() => not_yet = Some(refusal.part(part)),
                Err(refusal) => return Err(refusal.part(part)),
            }
        }
        let Some(mut refusal) = not_yet else { return Ok(Value::Choices(list)) };
        if let Some(known) = refusal.known.as_mut().filter(|_| !list.is_empty()) {
            known.rest = Some(Value::Choices(list));
        }
        Err(refusal)
    }
}

fn accepted(choices: &[Choice]) -> impl Iterator<Item = &'static str> {
    choices.iter().filter(|c| c.is_accepted()).map(|c| c.word)
}

fn text(word: &str, max: usize) -> Result<Value, Refusal> {
    match word.chars().count() {
        0 => Err(Refusal::new("the text is empty")),
        n if n > max => Err(Refusal::new(format!("the text has {n} characters, at most {max} are allowed"))),
        _ => Ok(Value::Text(word.to_owned())),
    }
}

fn ipv4(word: &str) -> Result<Ipv4Addr, Refusal> {
    word.parse().map_err(|_| {
        let refusal = Refusal::new(format!("{} is not an IPv4 address", shown(word)));
        if word.parse::<Ipv6Addr>().is_ok() {
            refusal.hint("the statement for an IPv6 address has a 6 at its end")
        } else if word.contains('/') {
            refusal.hint("write the address here and the prefix as a 'mask'")
        } else {
            refusal
        }
    })
}

fn host4(word: &str) -> Result<Ipv4Addr, Refusal> {
    let addr = ipv4(word)?;
    if addr.is_unspecified() || addr.is_multicast() || addr.is_broadcast() || addr.is_loopback() {
        return Err(Refusal::new(format!("{addr} cannot be the address of one host on a network")));
    }
    Ok(addr)
}

fn host6(word: &str) -> Result<Ipv6Addr, Refusal> {
    let addr: Ipv6Addr = word.parse().map_err(|_| {
        let refusal = Refusal::new(format!("{} is not an IPv6 address", shown(word)));
        if word.parse::<Ipv4Addr>().is_ok() {
            refusal.hint("the statement for an IPv4 address has no 6 at its end")
        } else if word.contains('/') {
            refusal.hint("write the address here and the prefix length as 'mask6'")
        } else {
            refusal
        }
    })?;
    if addr.is_unspecified() || addr.is_multicast() || addr.is_loopback() {
        return Err(Refusal::new(format!("{addr} cannot be the address of one host on a network")));
    }
    if let Some(v4) = addr.to_ipv4_mapped() {
        return Err(Refusal::new(format!("{addr} is the IPv4 address {v4} in disguise"))
            .hint("use the statement for an IPv4 address"));
    }
    Ok(addr)
}

fn mask(word: &str) -> Result<u8, Refusal> {
    if let Ok(prefix) = word.trim_start_matches('/').parse::<u8>()
        && prefix <= 32
    {
        return Err(Refusal::new(format!("{} is not a dotted mask", shown(word)))
            .hint(format!("a prefix of {prefix} bits is written {}", dotted(prefix))));
    }
    let bits = u32::from(
        word.parse::<Ipv4Addr>()
            .map_err(|_| Refusal::new(format!("{} is not a dotted mask", shown(word))))?,
    );
    if bits.leading_ones() + bits.trailing_zeros().min(32) < 32 {
        let refusal = Refusal::new(format!("{word} is not a mask: its one bits are not contiguous"));
        return Err(if bits.leading_zeros() > 0 && (!bits).leading_ones() + (!bits).trailing_zeros() >= 32 {
            refusal.hint(format!("the mask with these bits reversed is {}", Ipv4Addr::from(!bits)))
        } else {
            refusal
        });
    }
    // At most 32, so it fits.
    Ok(bits.leading_ones() as u8)
}

fn number(word: &str, min: u32, max: u32) -> Result<u32, Refusal> {
    // The standard parser would also take a sign.
    if word.is_empty() || !word.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::new(format!("{} is not a number", shown(word))));
    }
    match word.parse() {
        Ok(n) if (min..=max).contains(&n) => Ok(n),
        _ => Err(Refusal::new(format!("{} is out of range, {min} to {max} are allowed", shown(word)))),
    }
}

/// Largest decimal number.
const DECIMAL_MAX: i64 = 1_000_000;

/// Reads a decimal number as thousandths.
fn decimal(word: &str) -> Result<i64, Refusal> {
    let refusal = || Refusal::new(format!("{} is not a decimal number", shown(word)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (negative, size) = word.strip_prefix('-').map_or((false, word), |size| (true, size));
    let (whole, fraction) = size.split_once('.').unwrap_or((size, "0"));
    if !digits(whole) || !digits(fraction) {
        return Err(refusal());
    }
    if fraction.len() > 3 {
        return Err(refusal().hint("up to three decimals are allowed"));
    }
    let thousandths: i64 = format!("{fraction:0<3}").parse().map_err(|_| refusal())?;
    match whole.parse::<i64>() {
        Ok(whole) if whole * 1000 + thousandths <= DECIMAL_MAX * 1000 => {
            let size = whole * 1000 + thousandths;
            Ok(if negative { -size } else { size })
        }
        _ => Err(Refusal::new(format!(
            "{} is out of range, -{DECIMAL_MAX} to {DECIMAL_MAX} are allowed",
            shown(word)
        ))),
    }
}

/// Reads a list of ports; `20-21` stands for `20,21`.
fn codes(word: &str) -> Result<Vec<u16>, Refusal> {
    ranges(word, "status code", 100..=599)
}

fn ports(word: &str) -> Result<Vec<u16>, Refusal> {
    let list = ranges(word, "port", 0..=65_535)?;
    if list.len() > 1 && list.contains(&0) {
        return Err(Refusal::new("0 stands for any port and cannot be one of several"));
    }
    Ok(list)
}

/// Reads a list of numbers and ranges, each number once.
fn ranges(word: &str, what: &str, limits: RangeInclusive<u16>) -> Result<Vec<u16>, Refusal> {
    let port = |text: &str| {
        number(text, (*limits.start()).into(), (*limits.end()).into())
            .map(|n| u16::try_from(n).unwrap_or(u16::MAX))
    };
    let mut list = Vec::new();
    let mut seen = vec![false; usize::from(u16::MAX) + 1];
    for part in elements(word)? {
        let element = &word[part.clone()];
        let (first, last) = element.split_once('-').unwrap_or((element, element));
        let (first, last) =
            port(first).and_then(|first| Ok((first, port(last)?))).map_err(|r| r.part(part.clone()))?;
        if first > last {
            return Err(Refusal::new(format!("the range {first}-{last} runs backwards")).part(part));
        }
        for n in first..=last {
            if std::mem::replace(&mut seen[usize::from(n)], true) {
                return Err(Refusal::new(format!("{what} {n} appears twice")).part(part));
            }
            list.push(n);
        }
    }
    Ok(list)
}

/// Reads a list of at most `max` addresses, each of which `host` reads.
fn hosts(
    word: &str,
    max: usize,
    host: impl Fn(&str) -> Result<IpAddr, Refusal>,
) -> Result<Vec<IpAddr>, Refusal> {
    let mut list = Vec::new();
    for part in elements(word)? {
        let addr = host(&word[part.clone()]).map_err(|r| r.part(part.clone()))?;
        if list.contains(&addr) {
            return Err(Refusal::new(format!("{addr} appears twice")).part(part));
        }
        if list.len() == max {
            return Err(Refusal::new(format!("these are more than {max} addresses")).part(part));
        }
        list.push(addr);
    }
    Ok(list)
}

/// Reads a list of words of at most `max` characters.
fn names(word: &str, max: usize) -> Result<Vec<String>, Refusal> {
    let mut list: Vec<String> = Vec::new();
    // Looking for one that appears twice costs the square of their number.
    let mut seen = BTreeSet::new();
    for part in elements(word)? {
        let name = &word[part.clone()];
        if name.len() > max || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(Refusal::new(format!("{} is not a name", shown(name)))
                .hint(format!("a name has up to {max} letters, digits, '-' and '_'"))
                .part(part));
        }
        if !seen.insert(name) {
            return Err(Refusal::new(format!("'{name}' appears twice")).part(part));
        }
        list.push(name.to_owned());
    }
    Ok(list)
}

/// Reads a list of at most `max` names of hosts, which are written in small letters and without a dot at their end.
fn domains(word: &str, max: usize) -> Result<Vec<String>, Refusal> {
    let mut list: Vec<String> = Vec::new();
    for part in elements(word)? {
        let name = OwnedName::parse(&word[part.clone()]).ok_or_else(|| {
            Refusal::new(format!("{} is not a domain name", shown(&word[part.clone()])))
                .hint("its labels have up to 63 letters, digits, '-' and '_'; all of it up to 253")
                .part(part.clone())
        })?;
        let name = name.to_string();
        if list.contains(&name) {
            return Err(Refusal::new(format!("'{name}' appears twice")).part(part));
        }
        if list.len() == max {
            let most = if max == 1 { "one name is".to_owned() } else { format!("{max} names are") };
            return Err(Refusal::new(format!("only {most} allowed")).part(part));
        }
        list.push(name);
    }
    Ok(list)
}

/// Reads a command with its times: they are the last two numbers, whatever the command contains.
fn script(word: &str) -> Result<Value, Refusal> {
    let mut parts = word.rsplitn(3, ',');
    let (Some(timeout), Some(interval), Some(command)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Refusal::new(format!("{} is not a command and two numbers", shown(word)))
            .hint("write command,interval,timeout"));
    };
    if let Err(refusal) = text(command, COMMAND_MAX) {
        return Err(refusal.part(0..command.len()));
    }
    let start = command.len() + 1;
    let (interval, timeout) = (start..start + interval.len(), word.len() - timeout.len()..word.len());
    let (interval, timeout) = probe(word, &interval, &timeout)?;
    Ok(Value::Script(command.to_owned(), interval, timeout))
}

fn choice(word: &str, choices: &'static [Choice]) -> Result<&'static str, Refusal> {
    match unique_prefix(word, accepted(choices).map(|name| (name, name))) {
        Match::One(found) => return Ok(found),
        Match::Many(names) => {
            return Err(Refusal::new(format!("{} is ambiguous", shown(word)))
                .hint(format!("it could be {}", alternatives(&names))));
        }
        Match::None => {}
    }
    if let Some(known) = choices.iter().find(|c| c.word == word) {
        return Err(Refusal {
            known: Some(Known { word: known.word, rest: None }),
            ..Refusal::new(format!("'{}' ({}) is not implemented in this version", known.word, known.help))
        });
    }
    let names: Vec<_> = accepted(choices).collect();
    let refusal = Refusal::new(format!("{} is not known here", shown(word)));
    Err(match nearest(word, names.iter().copied()) {
        Some(name) => refusal.hint(format!("did you mean '{name}'?")),
        None => refusal.hint(match names.as_slice() {
            [only] => format!("only '{only}' is allowed"),
            several => format!("allowed are {}", alternatives(several).replace(" or ", " and ")),
        }),
    })
}

/// Reads the number of an object.
pub(super) fn index(word: &str, kind: Kind) -> Result<u16, Refusal> {
    let limit = kind.limit().unwrap_or(1);
    number(word, 1, u32::from(limit)).map(|n| u16::try_from(n).unwrap_or(limit)).map_err(|refusal| Refusal {
        message: format!("{} number {}", kind.keyword(), refusal.message),
        ..refusal
    })
}

/// Reads a list of numbers of objects, each at most once; `3-5` stands for `3,4,5`.
pub(super) fn indices(word: &str, kind: Kind) -> Result<Vec<u16>, Refusal> {
    let mut list = Vec::new();
    let mut seen = vec![false; usize::from(kind.limit().unwrap_or(1)) + 1];
    for part in elements(word)? {
        let element = &word[part.clone()];
        let (first, last) = match element.split_once('-') {
            None => {
                let only = index(element, kind).map_err(|r| r.part(part.clone()))?;
                (only, only)
            }
            Some((first, last)) => {
                let first = index(first, kind).map_err(|r| r.part(part.clone()))?;
                let last = index(last, kind).map_err(|r| r.part(part.clone()))?;
                if first > last {
                    return Err(Refusal::new(format!("the range {first}-{last} runs backwards")).part(part));
                }
                (first, last)
            }
        };
        for n in first..=last {
            if std::mem::replace(&mut seen[usize::from(n)], true) {
                return Err(Refusal::new(format!("{} appears twice", kind.object_name(n))).part(part));
            }
            list.push(n);
        }
    }
    Ok(list)
}

/// Where `number` stands in a list of numbers, perhaps as part of a range.
pub(super) fn place_of_number(word: &str, number: u16) -> Option<Range<usize>> {
    elements(word).ok()?.into_iter().find(|part| {
        let (first, last) = word[part.clone()].split_once('-').unwrap_or((&word[part.clone()], ""));
        let first: Option<u16> = first.parse().ok();
        let last = if last.is_empty() { first } else { last.parse().ok() };
        first.zip(last).is_some_and(|(first, last)| (first..=last).contains(&number))
    })
}

/// Where `part` of a list stands in it, written in full or abbreviated.
pub(super) fn place_of_part(word: &str, part: &str) -> Option<Range<usize>> {
    let elements = elements(word).ok()?;
    let whole = elements.iter().find(|at| {
        let rest = word[at.start..].strip_prefix(part);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
    });
    let whole = whole.map(|at| at.start..at.start + part.len());
    whole.or_else(|| elements.into_iter().find(|at| part.starts_with(&word[at.clone()])))
}

/// The places of the elements of a comma separated list, none of them empty.
fn elements(word: &str) -> Result<Vec<Range<usize>>, Refusal> {
    let mut start = 0;
    let mut list = Vec::new();
    for element in word.split(',') {
        let part = start..start + element.len();
        start = part.end + 1;
        if element.is_empty() {
            return Err(Refusal::new("an element of the list is empty")
                .hint("elements are separated by one comma, without blanks"));
        }
        list.push(part);
    }
    Ok(list)
}

fn fields<const N: usize>(word: &str, shape: &str) -> Result<[Range<usize>; N], Refusal> {
    let list = elements(word)?;
    let count = list.len();
    list.try_into().map_err(|_| {
        Refusal::new(format!("{} has {count} numbers instead of {N}", shown(word)))
            .hint(format!("write {shape}"))
    })
}

fn probe(word: &str, interval: &Range<usize>, timeout: &Range<usize>) -> Result<(u32, u32), Refusal> {
    let read =
        |part: &Range<usize>| number(&word[part.clone()], 1, SECONDS_MAX).map_err(|r| r.part(part.clone()));
    let (every, after) = (read(interval)?, read(timeout)?);
    if after < every {
        // Between two probes there is no answer to wait for: the object would go down again and again.
        return Err(Refusal::new(format!(
            "the timeout of {after} s is shorter than the interval of {every} s"
        ))
        .hint("the interval comes first, then the timeout")
        .part(timeout.clone()));
    }
    Ok((every, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arg: Arg, word: &str) -> String {
        let refusal = arg.parse(word).expect_err(word);
        refusal.message + &refusal.hint.map_or(String::new(), |h| format!(" ({h})"))
    }

    #[test]
    fn masks() {
        assert_eq!(Arg::Mask.parse("255.255.255.0"), Ok(Value::Mask(24)));
        assert_eq!(Arg::Mask.parse("0.0.0.0"), Ok(Value::Mask(0)));
        assert_eq!(Arg::Mask.parse("255.255.255.255"), Ok(Value::Mask(32)));
        assert_eq!(
            refused(Arg::Mask, "255.0.255.0"),
            "255.0.255.0 is not a mask: its one bits are not contiguous"
        );
        assert_eq!(
            refused(Arg::Mask, "0.0.0.255"),
            "0.0.0.255 is not a mask: its one bits are not contiguous (the mask with these bits reversed is 255.255.255.0)"
        );
        assert_eq!(
            refused(Arg::Mask, "/24"),
            "'/24' is not a dotted mask (a prefix of 24 bits is written 255.255.255.0)"
        );
        for prefix in 0..=32 {
            assert_eq!(Arg::Mask.parse(&Value::Mask(prefix).to_string()), Ok(Value::Mask(prefix)));
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(refused(Arg::Ipv4, "172.17.2"), "'172.17.2' is not an IPv4 address");
        assert_eq!(
            refused(Arg::Ipv4, "2001:db8::1"),
            "'2001:db8::1' is not an IPv4 address (the statement for an IPv6 address has a 6 at its end)"
        );
        assert_eq!(
            refused(Arg::Ipv4, "224.0.0.18"),
            "224.0.0.18 cannot be the address of one host on a network"
        );
        assert_eq!(
            refused(Arg::Ipv6, "::ffff:10.0.0.1"),
            "::ffff:10.0.0.1 is the IPv4 address 10.0.0.1 in disguise (use the statement for an IPv4 address)"
        );
    }

    #[test]
    fn numbers_and_their_limits() {
        let port = Arg::Number(0, 65535);
        assert_eq!(port.parse("65535"), Ok(Value::Number(65535)));
        assert_eq!(refused(port, "65536"), "'65536' is out of range, 0 to 65535 are allowed");
        assert_eq!(
            refused(port, "99999999999999999999"),
            "'99999999999999999999' is out of range, 0 to 65535 are allowed"
        );
        assert_eq!(refused(port, "+5"), "'+5' is not a number");
        assert_eq!(refused(port, "-5"), "'-5' is not a number");
    }

    #[test]
    fn lists_of_objects() {
        let targets = Arg::Indices(Kind::Target);
        assert_eq!(targets.parse("4,1-3,9"), Ok(Value::Indices(vec![4, 1, 2, 3, 9])));
        assert_eq!(refused(targets, "1,1"), "target 1 appears twice");
        assert_eq!(refused(targets, "3-1"), "the range 3-1 runs backwards");
        assert_eq!(
            refused(targets, "1-4294967295").split(',').next(),
            Some("target number '4294967295' is out of range")
        );
        assert_eq!(
            refused(targets, "1,"),
            "an element of the list is empty (elements are separated by one comma, without blanks)"
        );
        assert_eq!(targets.parse("1,0,2").expect_err("0").part, Some(2..3));
    }

    #[test]
    fn probes() {
        assert_eq!(Arg::Probe.parse("2,10"), Ok(Value::Probe(2, 10)));
        assert_eq!(Arg::PortProbe.parse("80,3,10"), Ok(Value::PortProbe(80, 3, 10)));
        assert_eq!(refused(Arg::Probe, "2"), "'2' has 1 numbers instead of 2 (write interval,timeout)");
        assert_eq!(
            refused(Arg::Probe, "10,2"),
            "the timeout of 2 s is shorter than the interval of 10 s (the interval comes first, then the timeout)"
        );
        assert_eq!(refused(Arg::PortProbe, "0,3,10"), "'0' is out of range, 1 to 65535 are allowed");
    }

    #[test]
    fn scripts() {
        let script = |command: &str, i, t| Ok(Value::Script(command.to_owned(), i, t));
        assert_eq!(Arg::Script.parse("/bin/x,3,10"), script("/bin/x", 3, 10));
        assert_eq!(Arg::Script.parse("x -a 1,2,3,10"), script("x -a 1,2", 3, 10));
        assert_eq!(Value::Script("x -a".into(), 3, 10).to_string(), "\"x -a\",3,10");
        assert_eq!(
            refused(Arg::Script, "/bin/x,3"),
            "'/bin/x,3' is not a command and two numbers (write command,interval,timeout)"
        );
        assert_eq!(refused(Arg::Script, ",3,10"), "the text is empty");
        assert_eq!(refused(Arg::Script, "x,3,y"), "'y' is not a number");
        assert_eq!(Arg::Script.parse("x,0,10").expect_err("0").part, Some(2..3));
    }

    #[test]
    fn lists_of_ports() {
        assert_eq!(Arg::Ports.parse("0"), Ok(Value::Ports(vec![0])));
        assert_eq!(Arg::Ports.parse("443,80-82"), Ok(Value::Ports(vec![443, 80, 81, 82])));
        assert_eq!(refused(Arg::Ports, "80,0"), "0 stands for any port and cannot be one of several");
        assert_eq!(refused(Arg::Ports, "80,80"), "port 80 appears twice");
        assert_eq!(Arg::Codes.parse("200-202,301"), Ok(Value::Ports(vec![200, 201, 202, 301])));
        assert_eq!(refused(Arg::Codes, "200,200"), "status code 200 appears twice");
        assert_eq!(refused(Arg::Codes, "600"), "'600' is out of range, 100 to 599 are allowed");
        assert_eq!(refused(Arg::Ports, "81-80"), "the range 81-80 runs backwards");
        assert_eq!(refused(Arg::Ports, "65536"), "'65536' is out of range, 0 to 65535 are allowed");
        assert_eq!(Arg::Ports.parse("443,8000-9999,80,81").unwrap().to_string(), "443,8000-9999,80,81");
        assert_eq!(Arg::Ports.parse("65535,1-65534").unwrap().to_string(), "65535,1-65534");
    }

    #[test]
    fn decimals() {
        for (word, thousandths, written) in [
            ("1", 1000, "1"),
            ("-0.50", -500, "-0.5"),
            ("0.001", 1, "0.001"),
            ("-1000000", -1_000_000_000, "-1000000"),
        ] {
            assert_eq!(Arg::Decimal.parse(word), Ok(Value::Decimal(thousandths)));
            assert_eq!(Value::Decimal(thousandths).to_string(), written);
        }
        for word in ["", "-", ".5", "1.", "1.0001", "1e3", "+1", "--1", "1000000.001", "99999999999999999999"]
        {
            assert!(Arg::Decimal.parse(word).is_err(), "{word}");
        }
    }

    #[test]
    fn names_and_hosts() {
        assert_eq!(Arg::Names(4).parse("de,at"), Ok(Value::Names(vec!["de".into(), "at".into()])));
        assert_eq!(refused(Arg::Names(4), "de,de"), "'de' appears twice");
        assert_eq!(
            refused(Arg::Names(4), "de,a b"),
            "'a b' is not a name (a name has up to 4 letters, digits, '-' and '_')"
        );
        let domains = Arg::Domains(2);
        assert_eq!(domains.parse("WWW.Example.org.,x").unwrap().to_string(), "www.example.org,x");
        assert_eq!(refused(domains, "a.b,A.b."), "'a.b' appears twice");
        assert_eq!(refused(domains, "a,b,c"), "only 2 names are allowed");
        for wrong in [".", "a..b", "a b", "*.b", &"a".repeat(64), &"a.".repeat(128)] {
            assert!(refused(domains, wrong).contains("is not a domain name"), "{wrong}");
        }
        assert_eq!(Arg::Host.parse("10.0.0.1").map(|v| v.to_string()), Ok("10.0.0.1".to_owned()));
        assert_eq!(Arg::Host.parse("2001:DB8::1").map(|v| v.to_string()), Ok("2001:db8::1".to_owned()));
        assert!(Arg::Host.parse("224.0.0.1").is_err());
    }
}
