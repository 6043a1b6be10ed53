//! `dump`: `start` with a file and what to write, or `stop`.

use super::{ambiguous, interface, printable, surplus};
use crate::conf::{Match, unique_prefix};
use crate::net::{Addr, PortId};
use std::net::IpAddr;

/// What `dump` is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dump<'a> {
    /// Write frames to files.
    Start(DumpStart<'a>),
    /// Write no more.
    Stop,
}

/// What `dump start` is to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DumpStart<'a> {
    /// The file that is written; the ones before it bear the same name with `.1`, `.2` ...
    pub file: &'a str,
    /// Frames of this interface only.
    pub interface: Option<PortId>,
    /// Number of files, at least 1; `None` for that of `set dumprotation`.
    pub files: Option<u32>,
    /// Size of each file in megabytes of 1,000,000 bytes, at least 1; `None` for that of `set dumprotsiz`.
    pub megabytes: Option<u32>,
    /// Frames from or to one of these addresses only; all when there is none.
    pub hosts: Vec<Addr>,
}

/// `dump` and what it does.
pub(super) const DUMPS: &[(&str, &str)] = &[("start", "write frames to files"), ("stop", "write no more")];

/// Words of `dump start` behind the file.
const OPTIONS: [(&str, Word); 4] =
    [("interface", Word::Interface), ("files", Word::Files), ("size", Word::Size), ("host", Word::Host)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Interface,
    Files,
    Size,
    Host,
}

/// Most addresses behind `host`: each is compared with every frame.
const HOSTS_MAX: usize = 16;

pub(super) fn parse<'a>(args: &[&'a str]) -> Result<Dump<'a>, String> {
    match args {
        ["stop"] => Ok(Dump::Stop),
        ["stop", more, ..] => Err(surplus(more)),
        ["start"] => Err("start: into which file?".to_owned()),
        ["start", file, options @ ..] => {
            start(file, options).map(Dump::Start).map_err(|e| format!("start: {e}"))
        }
        [] => Err("'start' or 'stop'?".to_owned()),
        [word, ..] => Err(format!("'{}' is neither 'start' nor 'stop'", printable(word))),
    }
}

fn start<'a>(file: &'a str, mut options: &[&'a str]) -> Result<DumpStart<'a>, String> {
    let mut start = DumpStart { file, ..DumpStart::default() };
    while let [word, rest @ ..] = options {
        let option = match unique_prefix(word, OPTIONS) {
            Match::One(option) => option,
            Match::Many(names) => return Err(ambiguous(word, &names)),
            Match::None => {
                return Err(format!("'{}' is none of interface, files, size, host", printable(word)));
            }
        };
        let [value, rest @ ..] = rest else { return Err(format!("{word}: what?")) };
        let twice = || format!("{word} is there twice");
        match option {
            Word::Interface => once(&mut start.interface, interface(value)?).ok_or_else(twice)?,
            Word::Files => once(&mut start.files, number(word, value, 1000)?).ok_or_else(twice)?,
            Word::Size => once(&mut start.megabytes, number(word, value, 1_000_000)?).ok_or_else(twice)?,
            Word::Host => {
                let addr: IpAddr = value
                    .parse()
                    .map_err(|_| format!("'{}' is no IPv4 or IPv6 address", printable(value)))?;
                if start.hosts.len() == HOSTS_MAX {
                    return Err(format!("at most {HOSTS_MAX} hosts"));
                }
                start.hosts.push(addr.into());
            }
        }
        options = rest;
    }
    Ok(start)
}

/// Sets `slot`; `None` when that was done before.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn number(word: &str, value: &str, max: u32) -> Result<u32, String> {
    let number = value.parse().ok().filter(|n| (1..=max).contains(n));
    number.ok_or_else(|| format!("{word} '{}' is no number from 1 to {max}", printable(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_described_by_words_in_any_order() {
        let host = |addr: &str| Addr::from(addr.parse::<IpAddr>().unwrap());
        assert_eq!(
            parse(&[
                "start",
                "/x",
                "host",
                "10.0.0.1",
                "si",
                "5",
                "interface",
                "2",
                "files",
                "3",
                "h",
                "::1"
            ]),
            Ok(Dump::Start(DumpStart {
                file: "/x",
                interface: Some(2),
                files: Some(3),
                megabytes: Some(5),
                hosts: vec![host("10.0.0.1"), host("::1")],
            }))
        );
        assert_eq!(
            parse(&["start", "/x"]),
            Ok(Dump::Start(DumpStart { file: "/x", ..DumpStart::default() }))
        );
        assert_eq!(parse(&["stop"]), Ok(Dump::Stop));
        for (args, error) in [
            (&[][..], "'start' or 'stop'?"),
            (&["begin"], "'begin' is neither 'start' nor 'stop'"),
            (&["stop", "now"], "'now' is one word too many"),
            (&["start"], "start: into which file?"),
            (&["start", "/x", "port", "80"], "start: 'port' is none of interface, files, size, host"),
            (&["start", "/x", "size"], "start: size: what?"),
            (&["start", "/x", "size", "0"], "start: size '0' is no number from 1 to 1000000"),
            (&["start", "/x", "size", "1", "size", "2"], "start: size is there twice"),
            (&["start", "/x", "host", "web"], "start: 'web' is no IPv4 or IPv6 address"),
            (&["start", "/x", "interface", "256"], "start: '256' is no number of an interface"),
        ] {
            assert_eq!(parse(args), Err(error.to_owned()), "{args:?}");
        }
    }
}
