//! One line of a file of ranges.
//!
//! | notation | where it comes from |
//! | --- | --- |
//! | `first,last,code` | DB-IP "IP to Country Lite", old IPinfo; addresses as text |
//! | `"first","last","code","name"` | IP2Location LITE DB1; addresses as numbers |
//! | `"first","last","registry","date","code",...` | Webnet77 IpToCountry; numbers |
//! | `prefix,code` | lists of prefixes |
//! | any of these under a head that names its columns | IPinfo Lite (`country_code`), GeoLite2 Country (`geoname_id`) |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::CODE_MAX;

/// Longest line in bytes.
pub const LINE_MAX: usize = 4096;
/// Fields of a line that are looked at.
const FIELDS: usize = 16;

/// Columns that a head may call the location, the best first.
const COLUMNS: [&str; 6] =
    ["country_code", "country_iso_code", "country_code2", "country", "code", "geoname_id"];

/// The registries that stand before the code in one of the notations.
const REGISTRIES: [&str; 7] = ["apnic", "arin", "ripencc", "ripe", "lacnic", "afrinic", "iana"];

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// It is empty, a comment or a head.
    Nothing,
    /// A range, both ends included; no code for a range that is nowhere.
    Range { first: IpAddr, last: IpAddr, code: &'a str },
}

/// Reads lines, and remembers what the head has said.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The first line with something on it has been seen.
    begun: bool,
    /// Column of the code.
    column: Option<usize>,
}

impl Reader {
    /// What `line` says; numbers are addresses of the family that `v6` names.
    pub(super) fn read<'a>(&mut self, line: &'a [u8], v6: bool) -> Result<Line<'a>, String> {
        if line.len() > LINE_MAX {
            return Err(format!("the line is longer than {LINE_MAX} bytes"));
        }
        let line = if self.begun { line } else { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line) };
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            return Ok(Line::Nothing);
        }
        let mut fields: [&[u8]; FIELDS] = [&[]; FIELDS];
        let count = split(line, &mut fields)?;
        let is_first = !std::mem::replace(&mut self.begun, true);
        if is_first && is_head(fields[0]) {
            let named = |name: &&str| {
                fields[..count].iter().position(|field| field.eq_ignore_ascii_case(name.as_bytes()))
            };
            self.column = COLUMNS.iter().find_map(named);
            return Ok(Line::Nothing);
        }
        let (first, last, behind) = if fields[0].contains(&b'/') {
            let (first, last) = prefix(fields[0])?;
            (first, last, 1)
        } else if count >= 3 {
            (address(fields[0], v6)?, address(fields[1], v6)?, 2)
        } else {
            return Err(format!("expected first,last,code or prefix,code, found {count} fields"));
        };
        if first.is_ipv4() != last.is_ipv4() {
            return Err("a range from IPv4 to IPv6 or back".to_owned());
        }
        if first > last {
            return Err(format!("the range runs backwards: {first} to {last}"));
        }
        let registry = |field: &[u8]| REGISTRIES.iter().any(|r| field.eq_ignore_ascii_case(r.as_bytes()));
        let column = match self.column {
            Some(column) => column,
            None if behind == 2 && count >= 5 && registry(fields[2]) => 4,
            None => behind,
        };
        if column >= count {
            return Err(format!("expected a code in field {}, found {count} fields", column + 1));
        }
        Ok(Line::Range { first, last, code: code(fields[column])? })
    }
}

/// Whether this is the first field of a head: a word, and no address.
fn is_head(field: &[u8]) -> bool {
    field.first().is_some_and(u8::is_ascii_alphabetic) && !field.contains(&b':')
}

/// The fields of `line`, without blanks and quotes around them. What comes behind the last one that fits is let go.
fn split<'a>(line: &'a [u8], fields: &mut [&'a [u8]; FIELDS]) -> Result<usize, String> {
    let mut rest = line;
    for (at, field) in fields.iter_mut().enumerate() {
        rest = rest.trim_ascii_start();
        let end = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let close = quoted.iter().position(|b| *b == b'"').ok_or("a quote has no end")?;
            *field = quoted[..close].trim_ascii();
            let behind = &quoted[close + 1..];
            let next = behind.iter().position(|b| is_separator(*b));
            next.map(|next| &behind[next + 1..])
        } else {
            let next = rest.iter().position(|b| is_separator(*b));
            *field = rest[..next.unwrap_or(rest.len())].trim_ascii();
            next.map(|next| &rest[next + 1..])
        };
        match end {
            Some(more) => rest = more,
            None => return Ok(at + 1),
        }
    }
    Ok(FIELDS)
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b';' | b'\t')
}

/// Bytes of a file in a message.
fn shown(field: &[u8]) -> String {
    let mut text: String = field
        .iter()
        .take(40)
        .map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '?' })
        .collect();
    if field.len() > 40 {
        text.push_str("...");
    }
    text
}

/// An address, as text or as a number.
fn address(field: &[u8], v6: bool) -> Result<IpAddr, String> {
    let text = std::str::from_utf8(field).unwrap_or("");
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("'{}' is neither an address nor a number", shown(field)));
    }
    let number = text.parse::<u128>().ok();
    let addr = if v6 {
        number.map(|n| IpAddr::V6(Ipv6Addr::from_bits(n)))
    } else {
        number.and_then(|n| u32::try_from(n).ok()).map(|n| IpAddr::V4(Ipv4Addr::from_bits(n)))
    };
    let family = if v6 { "IPv6" } else { "IPv4" };
    addr.ok_or_else(|| format!("'{}' is more than an {family} address can be", shown(field)))
}

/// First and last address of a prefix.
fn prefix(field: &[u8]) -> Result<(IpAddr, IpAddr), String> {
    let wrong = |why: &str| format!("'{}' is no prefix: {why}", shown(field));
    let text = std::str::from_utf8(field).unwrap_or("");
    let (addr, length) = text.split_once('/').unwrap_or((text, ""));
    let addr: IpAddr = addr.parse().map_err(|_| wrong("expected address/length"))?;
    let bits = if addr.is_ipv4() { 32 } else { 128 };
    let length = Some(length).filter(|l| !l.is_empty() && l.bytes().all(|b| b.is_ascii_digit()));
    let length: u32 = length.and_then(|l| l.parse().ok()).ok_or_else(|| wrong("expected address/length"))?;
    if length > bits {
        return Err(wrong(&format!("at most {bits} bits")));
    }
    let hosts = 1_u128.checked_shl(bits - length).map_or(u128::MAX, |size| size - 1);
    let (first, last) = match addr {
        IpAddr::V4(v4) => {
            (u128::from(v4.to_bits()), IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | hosts as u32)))
        }
        IpAddr::V6(v6) => (v6.to_bits(), IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | hosts))),
    };
    if first & hosts != 0 {
        return Err(wrong("bits are set behind it"));
    }
    Ok((addr, last))
}

/// A code; nothing for a range that is nowhere.
fn code(field: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(field).unwrap_or("\u{fffd}");
    if matches!(text, "" | "-") {
        return Ok("");
    }
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.len() > CODE_MAX || !text.bytes().all(fine) {
        return Err(format!("'{}' is no code: up to {CODE_MAX} letters, digits, '-' and '_'", shown(field)));
    }
    Ok(text)
}
