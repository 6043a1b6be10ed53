//! `show`: its words.

use super::{Command, choose, listed, printable, surplus};
use crate::conf::{Match, unique_prefix};

/// What `show` can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Neighbours of both families.
    Arp,
    /// The running configuration.
    Configuration,
    /// Reasons for dropped frames.
    Drops,
    /// Doors, links, counters.
    Interfaces,
    /// The last log lines.
    Log,
    /// The packet chain.
    Modules,
    /// Networks and addresses.
    Networks,
    /// Virtual servers.
    Servers,
    /// The session table.
    Sessions,
    /// Targets, their checks and states.
    Targets,
    /// Time since the start.
    Uptime,
    /// Program version.
    Version,
    /// Mastership.
    Vrrp,
}

/// `show` and what it shows.
pub(super) const SHOWS: &[(&str, Show, &str)] = &[
    ("arp", Show::Arp, "neighbours (ARP and IPv6) and their station addresses"),
    ("configuration", Show::Configuration, "the running configuration, as 'save' writes it"),
    ("drops", Show::Drops, "why frames were dropped, and how many"),
    ("interfaces", Show::Interfaces, "doors, links and frame counters"),
    ("log", Show::Log, "the last log lines"),
    ("modules", Show::Modules, "the packet chain"),
    ("networks", Show::Networks, "networks with their addresses"),
    ("servers", Show::Servers, "virtual servers, their sessions and traffic"),
    ("sessions", Show::Sessions, "the session table"),
    ("targets", Show::Targets, "targets, their checks, states and traffic"),
    ("uptime", Show::Uptime, "time since the start"),
    ("version", Show::Version, "program version"),
    ("vrrp", Show::Vrrp, "master or backup, and why"),
];

pub(super) fn parse<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    let (what, json) = match args {
        [] => return Err(format!("show what? One of: {}", listed(SHOWS.iter().map(|(word, ..)| *word)))),
        [word] => (word, false),
        [word, form] if is_json(form) => (word, true),
        [_, more] => return Err(format!("'{}' is no form of output, 'json' is", printable(more))),
        [_, _, more, ..] => return Err(surplus(more)),
    };
    Ok(Command::Show { what: choose("show", what, SHOWS)?, json })
}

fn is_json(word: &str) -> bool {
    unique_prefix(word, [("json", ())]) == Match::One(())
}
