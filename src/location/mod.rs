//! Where clients are: tables of address ranges with a code each, such as a country.
//!
//! ```text
//!   lines of a file --> csv.rs   one range per line, in one of several notations
//!                         |
//!                         v
//!                  build.rs      overlaps resolved: which code holds from which address on
//!                         |
//!                         v
//!                   row.rs       found by an index that fits itself to where addresses are crowded
//! ```
//!
//! Of ranges that overlap the most specific one holds, which is the one of fewest addresses; of two equal ones that of
//! the later line. An address in no range has no location.

mod build;
mod csv;
mod row;

use std::net::IpAddr;
use std::sync::Arc;

use crate::wire::Addr;
use build::{Range, resolve};
pub use csv::LINE_MAX;
use csv::Line;
use row::{Key, Row};

/// Most ranges of one file.
pub const RANGES_MAX: usize = 2_000_000;
/// Longest code, in characters.
pub const CODE_MAX: usize = 16;

/// Number of a location within its [`Table`]; 0 for none.
pub type Place = u16;

/// The locations of one family.
#[derive(Debug)]
pub struct Table {
    rows: Family,
    /// Codes in small letters, by place less one.
    codes: Vec<Box<str>>,
    ranges: usize,
    others: usize,
}

#[derive(Debug)]
enum Family {
    V4(Row<u32>),
    V6(Row<u128>),
}

/// What is found for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The location.
    pub place: Place,
    /// Length of the shortest prefix around the address whose addresses are all there.
    pub prefix: u8,
}

impl Table {
    /// The location of `addr`, which is of the family of the table.
    #[inline]
    pub fn place(&self, addr: Addr) -> Place {
        match &self.rows {
            Family::V4(row) => row.value(addr.to_bits() as u32),
            Family::V6(row) => row.value(addr.to_bits()),
        }
    }

    /// The same, and how far around it that holds.
    pub fn find(&self, addr: Addr) -> Found {
        let (place, prefix) = match &self.rows {
            Family::V4(row) => row.find(addr.to_bits() as u32),
            Family::V6(row) => row.find(addr.to_bits()),
        };
        Found { place, prefix }
    }

    /// The code of `place`; `None` for 0.
    pub fn code(&self, place: Place) -> Option<&str> {
        Some(self.codes.get(usize::from(place).checked_sub(1)?)?)
    }

    /// The code of every place from 1 on.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(AsRef::as_ref)
    }

    /// Ranges that were read.
    pub const fn ranges(&self) -> usize {
        self.ranges
    }

    /// Ranges of the other family that were passed over.
    pub const fn others(&self) -> usize {
        self.others
    }

    /// Bytes that the table takes.
    pub fn bytes(&self) -> usize {
        let codes: usize = self.codes.iter().map(|code| code.len() + size_of::<Box<str>>()).sum();
        codes
            + match &self.rows {
                Family::V4(row) => row.bytes(),
                Family::V6(row) => row.bytes(),
            }
    }
}

/// What is known of the locations of both families.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    /// Of IPv4 addresses.
    pub v4: Option<Arc<Table>>,
    /// Of IPv6 addresses.
    pub v6: Option<Arc<Table>>,
}

impl Locations {
    /// The table for `addr`.
    #[inline]
    pub fn table(&self, addr: Addr) -> Option<&Table> {
        if addr.is_v4() { self.v4.as_deref() } else { self.v6.as_deref() }
    }

    /// The code of the location of `addr`.
    pub fn code(&self, addr: Addr) -> Option<&str> {
        let table = self.table(addr)?;
        table.code(table.place(addr))
    }
}

/// A table in the making: takes the lines of a file, one by one.
#[derive(Debug)]
pub struct Builder {
    v6: bool,
    reader: csv::Reader,
    ranges: Vec<Range>,
    codes: Codes,
    others: usize,
}

impl Builder {
    /// A table of IPv6 addresses, or of IPv4.
    pub fn new(v6: bool) -> Self {
        Self { v6, reader: csv::Reader::default(), ranges: Vec::new(), codes: Codes::default(), others: 0 }
    }

    /// Takes one line, without its end.
    ///
    /// # Errors
    /// What is wrong with it; the table is of no use then.
    pub fn line(&mut self, line: &[u8]) -> Result<(), String> {
        match self.reader.read(line, self.v6)? {
            Line::Nothing => {}
            Line::Range { first, last, .. } if first.is_ipv6() != self.v6 || last.is_ipv6() != self.v6 => {
                self.others += 1;
            }
            Line::Range { first, last, code } => {
                if self.ranges.len() == RANGES_MAX {
                    return Err(format!("these are more than {RANGES_MAX} ranges"));
                }
                let place = self.codes.place(code)?;
                self.ranges.push(Range { first: bits(first), last: bits(last), place });
            }
        }
        Ok(())
    }

    /// The table of all lines.
    ///
    /// # Errors
    /// When there was no range of its family.
    pub fn finish(self) -> Result<Table, String> {
        let Self { v6, ranges, codes, others, .. } = self;
        if ranges.is_empty() {
            let (family, other) = if v6 { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
            return Err(match others {
                0 => format!("there is no {family} range in it"),
                _ => format!("there is no {family} range in it, but {others} {other} ranges"),
            });
        }
        let count = ranges.len();
        let rows = if v6 { Family::V6(row(ranges)) } else { Family::V4(row(ranges)) };
        Ok(Table { rows, codes: codes.list, ranges: count, others })
    }
}

fn row<K: Key>(ranges: Vec<Range>) -> Row<K> {
    Row::build(resolve(ranges, K::LAST).map(|(start, place)| (K::from_bits(start), place)))
}

fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u128::from(u32::from(addr)),
        IpAddr::V6(addr) => u128::from(addr),
    }
}

/// The codes that occur, each with its number.
#[derive(Debug, Default)]
struct Codes {
    list: Vec<Box<str>>,
    numbers: std::collections::BTreeMap<Box<str>, Place>,
    /// The one before, which is often the same.
    last: Option<(Box<str>, Place)>,
}

impl Codes {
    fn place(&mut self, code: &str) -> Result<Place, String> {
        if code.is_empty() {
            return Ok(0);
        }
        if let Some((last, place)) = &self.last
            && last.eq_ignore_ascii_case(code)
        {
            return Ok(*place);
        }
        let code: Box<str> = code.to_ascii_lowercase().into();
        let place = match self.numbers.get(&code) {
            Some(place) => *place,
            None => {
                let place = Place::try_from(self.list.len() + 1)
                    .map_err(|_| format!("these are more than {} different codes", Place::MAX))?;
                self.list.push(code.clone());
                self.numbers.insert(code.clone(), place);
                place
            }
        };
        self.last = Some((code, place));
        Ok(place)
    }
}

/// The table of `text`, a whole file. For those who have it at hand.
///
/// # Errors
/// With the number of the line, from 1 on, that cannot be read; 0 where it is the whole.
pub fn parse(text: &[u8], v6: bool) -> Result<Table, (usize, String)> {
    let mut builder = Builder::new(v6);
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        builder.line(line).map_err(|why| (at + 1, why))?;
    }
    builder.finish().map_err(|why| (0, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, v6: bool) -> Table {
        parse(text.as_bytes(), v6).unwrap_or_else(|(line, why)| panic!("line {line}: {why}"))
    }

    fn code<'t>(table: &'t Table, addr: &str) -> &'t str {
        let addr: IpAddr = addr.parse().expect("an address");
        table.code(table.place(addr.into())).unwrap_or("-")
    }

    #[test]
    fn every_public_notation_is_read() {
        for (notation, text) in [
            ("quads", "10.0.0.0,10.0.0.255,DE\n10.0.1.0,10.0.1.127,AT\n"),
            ("quoted quads", "\"10.0.0.0\",\"10.0.0.255\",\"DE\"\r\n\"10.0.1.0\",\"10.0.1.127\",\"AT\"\r\n"),
            ("integers", "167772160,167772415,DE\n167772416,167772543,AT\n"),
            (
                "IP2Location",
                "\"167772160\",\"167772415\",\"DE\",\"Germany\"\n\"167772416\",\"167772543\",\"AT\",\"Austria\"\n\"167772544\",\"167772799\",\"-\",\"-\"\n",
            ),
            (
                "Webnet77",
                "# comment\n\"167772160\",\"167772415\",\"ripencc\",\"1313020800\",\"DE\",\"DEU\",\"Germany\"\n\"167772416\",\"167772543\",\"iana\",\"410227200\",\"AT\",\"AUT\",\"Austria\"\n",
            ),
            ("prefixes", "10.0.0.0/24,DE\n10.0.1.0/25,AT"),
            (
                "prefixes under a head",
                "network,country,country_code,as_name\n10.0.0.0/24,Germany,DE,\"A, B and C\"\n10.0.1.0/25,Austria,AT,x\n",
            ),
            (
                "ranges under a head",
                "\u{feff}start_ip,end_ip,country\n10.0.0.0,10.0.0.255,DE\n10.0.1.0,10.0.1.127,AT\n",
            ),
            ("semicolons and blanks", "10.0.0.0 ; 10.0.0.255 ; de\n\n  # more\n10.0.1.0;10.0.1.127;at\n"),
        ] {
            let table = table(text, false);
            let codes = ["9.255.255.255", "10.0.0.0", "10.0.0.255", "10.0.1.127", "10.0.1.128"]
                .map(|addr| code(&table, addr));
            assert_eq!(codes, ["-", "de", "de", "at", "-"], "{notation}");
        }
    }

    #[test]
    fn ipv6_has_the_same_notations_and_one_file_may_hold_both() {
        let both =
            "1.0.0.0,1.0.0.255,AU\n2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,DE\n2001:dba::/32,AT\n";
        let (v4, v6) = (table(both, false), table(both, true));
        assert_eq!((v4.ranges(), v4.others(), code(&v4, "1.0.0.9")), (1, 2, "au"));
        assert_eq!((v6.ranges(), v6.others(), code(&v6, "2001:db8:5::9")), (2, 1, "de"));
        assert_eq!(["2001:db9::", "2001:dba::1"].map(|a| code(&v6, a)), ["-", "at"]);
        let integers =
            "\"42540766411282592856903984951653826560\",\"42540766411282592875350729025363378175\",\"de\"";
        assert_eq!(code(&table(integers, true), "2001:db8::1"), "de");
    }

    #[test]
    fn of_overlapping_ranges_the_most_specific_one_holds_and_then_the_later_line() {
        let table = table(
            "10.0.0.0/8,de\n10.1.0.0/16,at\n10.1.2.0/24,ch\n10.1.2.0/24,li\n10.1.2.128-,x\n"
                .replace("10.1.2.128-,x\n", "10.0.255.0,10.1.0.255,fr\n10.1.2.9,10.1.2.9,-\n")
                .as_str(),
            false,
        );
        for (addr, expected) in [
            ("10.0.0.1", "de"),
            ("10.0.255.1", "fr"),
            ("10.1.0.255", "fr"),
            ("10.1.1.0", "at"),
            ("10.1.2.1", "li"),
            ("10.1.2.9", "-"),
            ("10.1.3.0", "at"),
            ("10.2.0.0", "de"),
            ("11.0.0.0", "-"),
        ] {
            assert_eq!(code(&table, addr), expected, "{addr}");
        }
    }

    #[test]
    fn the_first_and_the_last_address_have_locations_too() {
        let v4 = table("0.0.0.0/0,all\n255.255.255.255,255.255.255.255,end\n", false);
        assert_eq!(
            ["0.0.0.0", "255.255.255.254", "255.255.255.255"].map(|a| code(&v4, a)),
            ["all", "all", "end"]
        );
        let v6 = table("::/0,all\n", true);
        assert_eq!(["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"].map(|a| code(&v6, a)), ["all", "all"]);
    }

    #[test]
    fn how_far_a_location_reaches_is_told_as_a_prefix() {
        let table = table("10.0.0.0/8,de\n10.1.0.0/16,at\n10.1.128.0,10.1.129.5,ch\n", false);
        for (addr, code, prefix) in [
            ("10.1.0.1", Some("at"), 17),
            ("10.1.128.0", Some("ch"), 24),
            ("10.1.129.5", Some("ch"), 31),
            ("10.1.129.6", Some("at"), 31),
            ("10.128.0.0", Some("de"), 9),
            ("192.0.2.1", None, 1),
        ] {
            let addr: IpAddr = addr.parse().unwrap();
            let found = table.find(addr.into());
            assert_eq!((table.code(found.place), found.prefix), (code, prefix), "{addr}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, expected) in [
            ("10.0.0.0/8,de\n10.0.0.0,10.0.0.x,de\n", (2, "'10.0.0.x' is neither an address nor a number")),
            ("10.0.0.9,10.0.0.1,de\n", (1, "the range runs backwards: 10.0.0.9 to 10.0.0.1")),
            ("10.0.0.0/33,de\n", (1, "'10.0.0.0/33' is no prefix: at most 32 bits")),
            ("10.0.0.1/8,de\n", (1, "'10.0.0.1/8' is no prefix: bits are set behind it")),
            ("10.0.0.0,::1,de\n", (1, "a range from IPv4 to IPv6")),
            ("10.0.0.0,10.0.0.1\n", (1, "expected first,last,code or prefix,code, found 2 fields")),
            ("10.0.0.0/8,<b>\n", (1, "'<b>' is no code: up to 16 letters, digits, '-' and '_'")),
            ("10.0.0.0/8,\"de\n", (1, "a quote has no end")),
            ("4294967296,4294967297,de\n", (1, "'4294967296' is more than an IPv4 address can be")),
            ("::/0,de\n", (0, "there is no IPv4 range in it, but 1 IPv6 ranges")),
            ("", (0, "there is no IPv4 range in it")),
        ] {
            let (line, why) = parse(text.as_bytes(), false).expect_err(text);
            assert!(line == expected.0 && why.contains(expected.1), "{text}: line {line}: {why}");
        }
        let long = [b"10.0.0.0/8,de,".as_slice(), &[b'x'; 5000]].concat();
        assert!(parse(&long, false).unwrap_err().1.contains("longer than"));
    }
}
