//! The table of commands: parser, help and completion all read it.

use super::{Clear, Command, arp_insert, clear, ping, show, surplus};

/// One entry of the table.
pub(super) struct Entry {
    pub(super) keyword: &'static str,
    /// What follows the keyword.
    pub(super) usage: &'static str,
    /// One line for the operator.
    pub(super) help: &'static str,
    /// Reads what follows the keyword.
    pub(super) parse: for<'a> fn(&[&'a str]) -> Result<Command<'a>, String>,
}

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        keyword: "arp-insert",
        usage: "<address> <mac>",
        help: "give a neighbour a station address, for tests",
        parse: arp_insert::parse,
    },
    Entry {
        keyword: "check",
        usage: "[file]",
        help: "look for inconsistencies, also in a file",
        parse: |args| match args {
            [] => Ok(Command::Check { file: None }),
            [file] => Ok(Command::Check { file: Some(file) }),
            [_, more, ..] => Err(surplus(more)),
        },
    },
    Entry {
        keyword: "clear",
        usage: "<what>",
        help: "forget something, see 'help clear'",
        parse: clear::parse,
    },
    Entry {
        keyword: "exit",
        usage: "",
        help: "end this control session",
        parse: |args| none(args, Command::Quit),
    },
    Entry {
        keyword: "help",
        usage: "[command]",
        help: "list the commands, or explain one",
        parse: |args| match args {
            [] => Ok(Command::Help(None)),
            [word] => Ok(Command::Help(Some(word))),
            [_, more, ..] => Err(surplus(more)),
        },
    },
    Entry {
        keyword: "ping",
        usage: "<address> [count]",
        help: "send echo requests from this node's own address",
        parse: ping::parse,
    },
    Entry {
        keyword: "quit",
        usage: "",
        help: "end this control session",
        parse: |args| none(args, Command::Quit),
    },
    Entry {
        keyword: "reload",
        usage: "[-n]",
        help: "read the file again ('-n': only say what would change)",
        parse: |args| match args {
            [] => Ok(Command::Reload { dry_run: false }),
            ["-n"] => Ok(Command::Reload { dry_run: true }),
            ["-n", more, ..] | [more, ..] => Err(surplus(more)),
        },
    },
    Entry {
        keyword: "save",
        usage: "[file] [force]",
        help: "write the running configuration ('force': lose comments)",
        parse: |args| match args {
            [] => Ok(Command::Save { file: None, force: false }),
            ["force"] => Ok(Command::Save { file: None, force: true }),
            [file] => Ok(Command::Save { file: Some(file), force: false }),
            [file, "force"] => Ok(Command::Save { file: Some(file), force: true }),
            [_, more, ..] => Err(surplus(more)),
        },
    },
    Entry {
        keyword: "show",
        usage: "<what> [n] [json]",
        help: "print a table, see 'help show'",
        parse: show::parse,
    },
    Entry {
        keyword: "snapshot",
        usage: "[file]",
        help: "write all that 'show' shows to one file, for support",
        parse: |args| match args {
            [] => Ok(Command::Snapshot { file: None }),
            [file] => Ok(Command::Snapshot { file: Some(file) }),
            [_, more, ..] => Err(surplus(more)),
        },
    },
    Entry {
        keyword: "source",
        usage: "[-n] <file>",
        help: "apply a file ('-n': only say what would change)",
        parse: source,
    },
    Entry { keyword: "stop", usage: "", help: "end the daemon", parse: |args| none(args, Command::Stop) },
    Entry {
        keyword: "version",
        usage: "",
        help: "print the program version",
        parse: |args| none(args, Command::Version),
    },
];

/// Further names, for who knows them from the original. They never make an abbreviation of the others ambiguous.
pub(super) const ALIASES: &[Entry] = &[
    Entry { keyword: "load", usage: "[-n] <file>", help: "same as 'source'", parse: source },
    Entry {
        keyword: "reset",
        usage: "",
        help: "same as 'clear counters'",
        parse: |args| none(args, Command::Clear(Clear::Counters)),
    },
    Entry { keyword: "shutdown", usage: "", help: "same as 'stop'", parse: |args| none(args, Command::Stop) },
    Entry {
        keyword: "statreset",
        usage: "",
        help: "same as 'clear counters'",
        parse: |args| none(args, Command::Clear(Clear::Counters)),
    },
];

/// All entries: commands first.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    COMMANDS.iter().chain(ALIASES)
}

fn source<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    match args {
        ["-n", file] => Ok(Command::Source { file, dry_run: true }),
        [] | ["-n"] => Err("which file?".to_owned()),
        [file] => Ok(Command::Source { file, dry_run: false }),
        ["-n", _, more, ..] | [_, more, ..] => Err(surplus(more)),
    }
}

fn none<'a>(args: &[&'a str], command: Command<'a>) -> Result<Command<'a>, String> {
    args.first().map_or(Ok(command), |more| Err(surplus(more)))
}
