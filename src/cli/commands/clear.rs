//! `clear`: its words.

use super::{Command, choose, listed, surplus};

/// What `clear` can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// What is known of neighbours.
    Arp,
    /// Counters of traffic and of dropped frames.
    Counters,
    /// The lines of `show log`.
    Log,
    /// All translated connections.
    Nat,
    /// All sessions.
    Sessions,
}

/// `clear` and what it forgets.
pub(super) const CLEARS: &[(&str, Clear, &str)] = &[
    ("arp", Clear::Arp, "forget all station addresses and ask again"),
    ("counters", Clear::Counters, "set the counters of traffic and of dropped frames to zero"),
    ("log", Clear::Log, "forget the lines of 'show log'"),
    ("nat", Clear::Nat, "forget all translated connections: most of them break"),
    ("sessions", Clear::Sessions, "forget all sessions and translated connections"),
];

pub(super) fn parse<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    match args {
        [] => Err(format!("clear what? One of: {}", listed(CLEARS.iter().map(|(word, ..)| *word)))),
        [word] => choose("clear", word, CLEARS).map(Command::Clear),
        [_, more, ..] => Err(surplus(more)),
    }
}
