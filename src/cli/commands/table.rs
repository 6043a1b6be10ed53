//! The table of commands: parser, help and completion all read it.

use super::{Clear, Command, arp_insert, benchmark, clear, dump, ping, show, surplus};

/// One entry of the table.
pub(super) struct Entry {
    pub(super) keyword: &'static str,
    /// What follows the keyword.
    pub(super) usage: &'static str,
    /// One line for the operator.
    pub(super) help: &'static str,
    /// More about it in sentences, for `help` and the manual page.
    pub(super) doc: &'static str,
    /// Reads what follows the keyword.
    pub(super) parse: for<'a> fn(&[&'a str]) -> Result<Command<'a>, String>,
}

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        keyword: "arp-insert",
        usage: "<address> <mac>",
        help: "give a neighbour a station address, for tests",
        doc: "Take 'mac' for the station address of a registered target or of the gateway, as if it had \
              answered. A test aid: what the neighbour itself answers, or its silence, wins after some \
              seconds.",
        parse: arp_insert::parse,
    },
    Entry {
        keyword: "benchmark",
        usage: "<send> <receive>",
        help: "measure the way from one interface to another",
        doc: "Measure how many frames per second get from interface 'send' to interface 'receive', which a \
              cable or a switch connects. It runs in the background for the time, with the frame length and \
              with the number of frames under way that 'bmduration', 'bmpsize' and 'bmwsize' of 'set' say; \
              'show benchmark' tells the figures. It needs 'module benchmark' in the chain, and both \
              interfaces a network. The frames are UDP datagrams between the addresses 198.18.0.1 and \
              198.19.255.254, which are reserved for measuring, and are sent to the station address of the \
              receiving interface only. When nothing arrives for a second, the frames under way are given \
              up, and new ones are sent. 'show interfaces' does not count the frames that are sent. In place \
              of interfaces:",
        parse: |args| benchmark::parse(args).map(Command::Benchmark),
    },
    Entry {
        keyword: "check",
        usage: "[file]",
        help: "look for inconsistencies, also in a file",
        doc: "Look for what grammar does not say: in the running configuration, or in 'file', which must \
              be an absolute path. Each finding is an error, a warning or a note, with its place, why it \
              matters, and what to do.",
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
        doc: "Forget one of these. Counters are all that 'show' prints: those of servers, targets, \
              interfaces, threads, dropped frames and VRRP advertisements; sessions in the table now and \
              processor times stay.",
        parse: clear::parse,
    },
    Entry {
        keyword: "dump",
        usage: "<what> [file] [options]",
        help: "write frames to files: 'dump start /tmp/x'",
        doc: "Write all frames that interfaces receive and send to 'file', in the format pcapng, which \
              'tcpdump -r' reads, with times in nanoseconds and the interface and the direction of each. \
              'file' must be an absolute path and must not exist; only root or the user of the daemon can \
              read it. When it is full, '.1' is put behind its name, '.2' behind that of the one before, and \
              so on; beyond the number of files, the oldest is removed. Files that this dump has not made \
              are never replaced, and links are not followed. The 'options', in any order: 'interface' and \
              its number, for what this one receives and sends only; 'host' and an address, for IP and ARP \
              packets from or to it only, up to 16 times for any of several; 'files' and their number, \
              instead of 'set dumprotation'; 'size' and the megabytes of each, instead of 'set dumprotsiz'. \
              Received frames are those that the interface hands to bng, whether they are for it or not, \
              and are written as they came; sent ones as they left. Segments that hardware would cut and \
              checksums that it would complete are neither cut nor complete. The frames that 'benchmark' \
              sends are not written, only those it receives. Frames that come faster than they can be \
              written are left out and counted as lost by 'show dump'; traffic never waits for a dump. A \
              file that cannot be written, because the disk is full for instance, ends the dump, as the end \
              of the daemon does; the files then hold whole frames.",
        parse: |args| dump::parse(args).map(Command::Dump),
    },
    Entry {
        keyword: "exit",
        usage: "",
        help: "end this control session",
        doc: "End the session. The daemon goes on.",
        parse: |args| none(args, Command::Quit),
    },
    Entry {
        keyword: "help",
        usage: "[word [statement]]",
        help: "list the commands, or explain one: 'help set localdsr'",
        doc: "Without a word, list the commands and the words that begin a statement. With a command, a \
              kind of object or a statement outside of any object, explain it; with a kind and one of its \
              statements, tell what bng.conf(5) tells about that statement.",
        parse: |args| match args {
            [] => Ok(Command::Help(None, None)),
            [word] => Ok(Command::Help(Some(word), None)),
            [kind, statement] => Ok(Command::Help(Some(kind), Some(statement))),
            [_, _, more, ..] => Err(surplus(more)),
        },
    },
    Entry {
        keyword: "ipdb-reload",
        usage: "",
        help: "read the files of 'ipdb' and 'ipdb6' again",
        doc: "Read the files of 'ipdb' and 'ipdb6' again, whether they have changed or not. It happens in \
              the background; 'show ipdb' and the log tell how it ended. Until then, and for good when a \
              file cannot be read or has a line that is wrong, what was read before holds.",
        parse: |args| none(args, Command::IpdbReload),
    },
    Entry {
        keyword: "ping",
        usage: "<address> [count]",
        help: "send echo requests from this node's own address",
        doc: "Send 'count' echo requests, 1 to 20, usually 3, half a second apart, and print what was \
              answered. They leave from the 'real' address of the network that 'address' lies in, or, when \
              it lies in none, through the gateway. The reply comes at the end: 3 seconds after the \
              beginning when no station answers for the address, else 1 second after the last request at \
              the latest. Other sessions go on meanwhile. Without any answer the status is 1.",
        parse: ping::parse,
    },
    Entry {
        keyword: "quit",
        usage: "",
        help: "end this control session",
        doc: "Same as 'exit'.",
        parse: |args| none(args, Command::Quit),
    },
    Entry {
        keyword: "reload",
        usage: "[-n]",
        help: "read the file again ('-n': only say what would change)",
        doc: "Read the configuration file again, and print what has changed. Whatever did not change keeps \
              its state. A file with errors, or with errors that 'check' finds and that the running \
              configuration does not have, changes nothing. With '-n', nothing is changed in any case: \
              what would change is printed. What has to wait, such as 'maxsessions' for the next opening of \
              an interface, is said. Files of 'ipdb' and 'ipdb6' that have changed are read again, too, in the \
              background.",
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
        doc: "Write the running configuration to its file, or to 'file', which must be an absolute path. \
              The file before is kept with '.bak' behind its name. Comments written by hand would be lost: \
              a file that has some is only overwritten with 'force'. When it cannot be written, for \
              instance because the disk is full, the file stays as it was.",
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
        doc: "Print one of these, explained in 'TABLES'; with 'json' for programs. Of 'interfaces', \
              'networks', 'servers' and 'targets', 'n' picks the one with this number; of 'commandlog' and \
              'log', the last 'n' lines. 'show locations' and an address tells where that is.",
        parse: show::parse,
    },
    Entry {
        keyword: "snapshot",
        usage: "[file]",
        help: "write all that 'show' shows to one file, for support",
        doc: "Write everything that 'show' prints, at most 10000 sessions and as many translated connections, and the findings of 'check' to \
              a new file, and print its name: 'file', which must be an absolute path, or '/var/log/bng-N- \
              TIMEZ.txt' with the instance and the time in UTC. Its mode is 0640; a file or link of that \
              name is neither overwritten nor followed. It has addresses of clients and the configuration: \
              look through it before giving it away.",
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
        doc: "Apply the statements in 'file', which must be an absolute path, to the running \
              configuration: all of them, or, with an error, nothing. What has changed is printed; with \
              '-n', what would change. A line 'source file' in the file stands for the statements in that \
              file.",
        parse: source,
    },
    Entry {
        keyword: "stop",
        usage: "",
        help: "end the daemon",
        doc: "End the daemon. A master withdraws first, so that the other node takes over at once.",
        parse: |args| none(args, Command::Stop),
    },
    Entry {
        keyword: "version",
        usage: "",
        help: "print the program version",
        doc: "Print the version of the daemon, its platform and date.",
        parse: |args| none(args, Command::Version),
    },
];

/// Further names, for who knows them from the original. They never make an abbreviation of the others ambiguous.
pub(super) const ALIASES: &[Entry] = &[
    Entry {
        keyword: "load",
        usage: "[-n] <file>",
        help: "same as 'source'",
        doc: "Same as 'source'.",
        parse: source,
    },
    Entry {
        keyword: "reset",
        usage: "",
        help: "same as 'clear counters'",
        doc: "Same as 'clear counters'.",
        parse: |args| none(args, Command::Clear(Clear::Counters)),
    },
    Entry {
        keyword: "shutdown",
        usage: "",
        help: "same as 'stop'",
        doc: "Same as 'stop'.",
        parse: |args| none(args, Command::Stop),
    },
    Entry {
        keyword: "statreset",
        usage: "",
        help: "same as 'clear counters'",
        doc: "Same as 'clear counters'.",
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
