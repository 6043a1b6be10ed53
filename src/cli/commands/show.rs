//! `show`: its words.

use super::{Command, choose, listed, printable, surplus};
use crate::conf::{Kind, Match, unique_prefix};
use std::net::IpAddr;

/// What `show` can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Neighbours of both families.
    Arp,
    /// The last benchmark.
    Benchmark,
    /// The last commands that changed the configuration.
    Commandlog,
    /// The configuration file.
    Conffile,
    /// The running configuration.
    Configuration,
    /// What workers do with frames.
    Counters,
    /// Reasons for dropped frames.
    Drops,
    /// The last dump.
    Dump,
    /// The default next hop.
    Gateway,
    /// This process and its files.
    Instance,
    /// Doors, links, counters.
    Interfaces,
    /// Files of locations.
    Ipdb,
    /// Groups of locations.
    Lgrp,
    /// That there is none.
    License,
    /// Locations that are known.
    Locations,
    /// The last log lines.
    Log,
    /// The packet chain.
    Modules,
    /// Translated connections.
    Nat,
    /// Networks and addresses.
    Networks,
    /// What tells this node from others.
    Nodeid,
    /// The parameters of `set`.
    Parameters,
    /// Ports that translated connections come from.
    Pools,
    /// Virtual servers.
    Servers,
    /// The session table.
    Sessions,
    /// Files written by `snapshot`.
    Snapshots,
    /// The first log lines.
    Startuplog,
    /// Targets, their checks and states.
    Targets,
    /// The threads of the process.
    Threads,
    /// Time since the start.
    Uptime,
    /// Program version.
    Version,
    /// Addresses that the master owns.
    Vips,
    /// Mastership.
    Vrrp,
}

impl Show {
    /// The kind of the objects that it shows one by one.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Interfaces => Some(Kind::Interface),
            Self::Networks => Some(Kind::Network),
            Self::Servers => Some(Kind::Server),
            Self::Targets => Some(Kind::Target),
            _ => None,
        }
    }

    /// Whether it shows lines, of which the last may be enough.
    const fn is_lines(self) -> bool {
        matches!(self, Self::Commandlog | Self::Log)
    }
}

/// `show` and what it shows.
pub(super) const SHOWS: &[(&str, Show, &str)] = &[
    ("arp", Show::Arp, "neighbours (ARP and IPv6) and their station addresses"),
    ("benchmark", Show::Benchmark, "the benchmark that runs, or the last one"),
    ("commandlog", Show::Commandlog, "the last changes of the configuration, and by whom"),
    ("conffile", Show::Conffile, "the configuration file, and whether it is what runs"),
    ("configuration", Show::Configuration, "the running configuration, as 'save' writes it"),
    ("counters", Show::Counters, "what was done with frames and connections, besides dropping"),
    ("drops", Show::Drops, "why frames were dropped, and how many"),
    ("dump", Show::Dump, "the dump that runs, or the last one"),
    ("gateway", Show::Gateway, "the default next hop"),
    ("instance", Show::Instance, "this process and its files"),
    ("interfaces", Show::Interfaces, "doors, links and frame counters"),
    ("ipdb", Show::Ipdb, "files of locations, and what was read from them"),
    ("lgrp", Show::Lgrp, "groups of locations"),
    ("license", Show::License, "that none is needed, and the limits"),
    ("locations", Show::Locations, "locations that are known; with an address: where it is"),
    ("log", Show::Log, "the last log lines"),
    ("modules", Show::Modules, "the packet chain"),
    ("nat", Show::Nat, "translated connections"),
    ("networks", Show::Networks, "networks with their addresses"),
    ("nodeid", Show::Nodeid, "what tells this node from its peer"),
    ("parameters", Show::Parameters, "all that 'set' can set, with values and defaults"),
    ("pools", Show::Pools, "ports in use by translated connections"),
    ("servers", Show::Servers, "virtual servers, their sessions and traffic"),
    ("sessions", Show::Sessions, "the session table"),
    ("snapshots", Show::Snapshots, "files that 'snapshot' has written"),
    ("startuplog", Show::Startuplog, "the first log lines"),
    ("targets", Show::Targets, "targets, their checks, states and traffic"),
    ("threads", Show::Threads, "threads, their processor time and work"),
    ("uptime", Show::Uptime, "time since the start"),
    ("version", Show::Version, "program version"),
    ("vips", Show::Vips, "virtual addresses, and whether this node answers for them"),
    ("vrrp", Show::Vrrp, "master or backup, and why"),
];

/// Every word of `show` in alphabetical order, and what it shows.
pub fn show_words() -> impl Iterator<Item = (&'static str, Show)> {
    SHOWS.iter().map(|(word, what, _)| (*word, *what))
}

pub(super) fn parse<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    let Some((what, rest)) = args.split_first() else {
        return Err(format!("show what? One of: {}", listed(SHOWS.iter().map(|(word, ..)| *word))));
    };
    let what = choose("show", what, SHOWS)?;
    let takes_number = what.kind().is_some() || what.is_lines();
    let (number, rest) = match rest {
        [word, rest @ ..] if takes_number && !is_json(word) => {
            let wrong = || format!("'{}' is neither a number nor the form 'json'", printable(word));
            (Some(word.parse().map_err(|_| wrong())?), rest)
        }
        rest => (None, rest),
    };
    if let (Show::Locations, [address, rest @ ..]) = (what, rest)
        && !is_json(address)
    {
        let wrong = || format!("'{}' is neither an address nor the form 'json'", printable(address));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        return match rest {
            [] => Ok(Command::Locate { address: address.to_canonical(), json: false }),
            [form] if is_json(form) => Ok(Command::Locate { address: address.to_canonical(), json: true }),
            [more, ..] => Err(surplus(more)),
        };
    }
    match rest {
        [] => Ok(Command::Show { what, number, json: false }),
        [form] if is_json(form) => Ok(Command::Show { what, number, json: true }),
        [more] => Err(format!("'{}' is no form of output, 'json' is", printable(more))),
        [_, more, ..] => Err(surplus(more)),
    }
}

fn is_json(word: &str) -> bool {
    unique_prefix(word, [("json", ())]) == Match::One(())
}
