//! Commands that the director wants run: what they are called with, and how they ended.
//!
//! The director only says what is to be run. Whoever has processes runs it, and tells the end of a check to
//! [`Director::ran`](super::Director::ran).

use std::fmt;
use std::net::IpAddr;

use super::checks::CheckId;
use crate::time::Duration;

/// A command with all that it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// For `/bin/sh -c`.
    pub command: String,
    /// Words behind the command.
    pub arguments: Vec<String>,
    /// Variables of its environment beside those that every command gets.
    pub environment: Vec<(&'static str, String)>,
    /// Time that it may take.
    pub limit: Duration,
}

/// A run of a check that is a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which check.
    pub id: CheckId,
    /// Which of its runs.
    pub number: u32,
    /// What is run.
    pub command: Command,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It was killed because the time was over.
    TimedOut,
    /// It was killed because it wrote without end.
    Flooded,
    /// It could not be started.
    NotStarted,
}

/// What came of a command. `Display` reads on after the name of a script: `ended with status 2: no such host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// The last line that it wrote, or why it was not started; without control characters, may be empty.
    pub line: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            // What the shell says of commands that it does not find or may not execute (POSIX, section 2.8.2).
            End::Status(status @ (126 | 127)) => write!(f, "cannot be run, status {status}")?,
            End::Status(status) => write!(f, "ended with status {status}")?,
            End::Signal(signal) => write!(f, "was ended by signal {signal}")?,
            End::TimedOut => f.write_str("was killed, its time was over")?,
            End::Flooded => f.write_str("was killed, it wrote without end")?,
            End::NotStarted => f.write_str("was not started")?,
        }
        if self.line.is_empty() { Ok(()) } else { write!(f, ": {}", self.line) }
    }
}

/// What a command is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// `target`, `gateway`, `interface`
    pub kind: &'static str,
    pub number: u16,
    /// Its name; may be empty.
    pub name: &'a str,
    /// Its address of each family, if it has one.
    pub addresses: [Option<IpAddr>; 2],
    /// Its port, 0 for none.
    pub port: u16,
}

impl About<'_> {
    /// IPv4 before IPv6; `-` for none: an empty word is easily lost in a script.
    pub(super) fn address(&self) -> String {
        self.addresses.iter().flatten().next().map_or_else(|| "-".to_owned(), IpAddr::to_string)
    }

    /// The variables that say what a command is about.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let [v4, v6] = self.addresses.map(|addr| addr.map(|addr| addr.to_string()).unwrap_or_default());
        vec![
            ("BNG_KIND", self.kind.to_owned()),
            ("BNG_INDEX", self.number.to_string()),
            ("BNG_NAME", self.name.to_owned()),
            ("BNG_IPADDR", v4),
            ("BNG_IPADDR6", v6),
            ("BNG_PORT", self.port.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_command_is_a_sentence_of_its_own() {
        let said = |end, line: &str| Ran { end, line: line.to_owned() }.to_string();
        assert_eq!(said(End::Status(2), "no such host"), "ended with status 2: no such host");
        assert_eq!(said(End::Status(127), "sh: x: not found"), "cannot be run, status 127: sh: x: not found");
        assert_eq!(said(End::Signal(11), ""), "was ended by signal 11");
        assert_eq!(said(End::TimedOut, "trying"), "was killed, its time was over: trying");
        assert_eq!(said(End::Flooded, "y"), "was killed, it wrote without end: y");
        assert_eq!(said(End::NotStarted, "no memory"), "was not started: no memory");
    }

    #[test]
    fn what_has_no_address_is_given_a_word_all_the_same() {
        let about = About { kind: "interface", number: 2, name: "eth1", addresses: [None, None], port: 0 };
        assert_eq!(about.address(), "-");
        let v6 = Some("2001:db8::1".parse().unwrap());
        assert_eq!(About { addresses: [None, v6], ..about }.address(), "2001:db8::1");
    }
}
