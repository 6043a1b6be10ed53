//! The commands of the control language, in one table: parser, help and completion all read it.
//!
//! Configuration statements are commands too. Abbreviations are looked up among both, so that an abbreviation never
//! means one thing today and another with the next statement without being reported as ambiguous.

use super::input::words;
use super::tools::{self, Benchmark, Dump};
use crate::conf::{
    Candidate, Config, Kind, Match, Verb, complete as complete_statement, describe, nearest, unique_prefix,
};
use crate::net::Addr;
use crate::wire::MacAddr;
use std::net::IpAddr;

/// What `show` can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Neighbours of both families.
    Arp,
    /// The last benchmark.
    Benchmark,
    /// The running configuration.
    Configuration,
    /// Reasons for dropped frames.
    Drops,
    /// The last dump.
    Dump,
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

/// What `clear` can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// What is known of neighbours.
    Arp,
    /// Counters of traffic and of dropped frames.
    Counters,
    /// The lines of `show log`.
    Log,
    /// All sessions.
    Sessions,
}

/// `clear` and what it forgets.
const CLEARS: &[(&str, Clear, &str)] = &[
    ("arp", Clear::Arp, "forget all station addresses and ask again"),
    ("counters", Clear::Counters, "set the counters of traffic and of dropped frames to zero"),
    ("log", Clear::Log, "forget the lines of 'show log'"),
    ("sessions", Clear::Sessions, "forget all sessions: clients get a target anew"),
];

/// A request in the control language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// Nothing but blanks or a comment.
    Nothing,
    /// List the commands, or explain one.
    Help(Option<&'a str>),
    /// End the control session.
    Quit,
    /// Print something.
    Show {
        /// What.
        what: Show,
        /// For programs.
        json: bool,
    },
    /// Write the running configuration.
    Save {
        /// File, the instance's own when `None`.
        file: Option<&'a str>,
        /// Overwrite comments.
        force: bool,
    },
    /// Look for inconsistencies.
    Check {
        /// In this file; in the running configuration when `None`.
        file: Option<&'a str>,
    },
    /// Read the configuration file again.
    Reload {
        /// Only say what would change.
        dry_run: bool,
    },
    /// Apply the statements in a file.
    Source {
        /// The file.
        file: &'a str,
        /// Only say what would change.
        dry_run: bool,
    },
    /// Forget something.
    Clear(Clear),
    /// Take a station address for that of a neighbour.
    ArpInsert(Addr, MacAddr),
    /// Send frames from one interface to another and count them.
    Benchmark(Benchmark),
    /// Write frames to files.
    Dump(Dump<'a>),
    /// End the daemon.
    Stop,
    /// Print the version.
    Version,
    /// What a client wants to know first: PID and node name.
    Hello,
    /// The same for an interactive session, of which there is one; with who asks.
    Attach(&'a str),
    /// What the last word of the line may become.
    Complete(&'a str),
    /// A configuration statement.
    Configure(&'a str),
}

/// One entry of the table.
struct Entry {
    keyword: &'static str,
    /// What follows the keyword.
    usage: &'static str,
    /// One line for the operator.
    help: &'static str,
    parse: for<'a> fn(&[&'a str]) -> Result<Command<'a>, String>,
}

/// `show` and what it shows.
const SHOWS: &[(&str, Show, &str)] = &[
    ("arp", Show::Arp, "neighbours (ARP and IPv6) and their station addresses"),
    ("benchmark", Show::Benchmark, "the benchmark that runs, or the last one"),
    ("configuration", Show::Configuration, "the running configuration, as 'save' writes it"),
    ("drops", Show::Drops, "why frames were dropped, and how many"),
    ("dump", Show::Dump, "the dump that runs, or the last one"),
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

const COMMANDS: &[Entry] = &[
    Entry {
        keyword: "arp-insert",
        usage: "<address> <mac>",
        help: "give a neighbour a station address, for tests",
        parse: arp_insert,
    },
    Entry {
        keyword: "benchmark",
        usage: "<from-if> <to-if>",
        help: "measure the way, see 'show benchmark'; or 'stop'",
        parse: |args| tools::benchmark(args).map(Command::Benchmark),
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
    Entry { keyword: "clear", usage: "<what>", help: "forget something, see 'help clear'", parse: clear },
    Entry {
        keyword: "dump",
        usage: "start <file> ...",
        help: "write frames to files, see 'help dump'",
        parse: |args| tools::dump(args).map(Command::Dump),
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
    Entry { keyword: "show", usage: "<what> [json]", help: "print a table, see 'help show'", parse: show },
    Entry {
        keyword: "source",
        usage: "[-n] <file>",
        help: "apply a file ('-n': only say what would change)",
        parse: |args| match args {
            ["-n", file] => Ok(Command::Source { file, dry_run: true }),
            [] | ["-n"] => Err("which file?".to_owned()),
            [file] => Ok(Command::Source { file, dry_run: false }),
            ["-n", _, more, ..] | [_, more, ..] => Err(surplus(more)),
        },
    },
    Entry { keyword: "stop", usage: "", help: "end the daemon", parse: |args| none(args, Command::Stop) },
    Entry {
        keyword: "version",
        usage: "",
        help: "print the program version",
        parse: |args| none(args, Command::Version),
    },
];

fn none<'a>(args: &[&'a str], command: Command<'a>) -> Result<Command<'a>, String> {
    args.first().map_or(Ok(command), |more| Err(surplus(more)))
}

pub(super) fn surplus(word: &str) -> String {
    format!("'{}' is one word too many", printable(word))
}

fn show<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
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

fn clear<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    match args {
        [] => Err(format!("clear what? One of: {}", listed(CLEARS.iter().map(|(word, ..)| *word)))),
        [word] => choose("clear", word, CLEARS).map(Command::Clear),
        [_, more, ..] => Err(surplus(more)),
    }
}

/// The thing among `table` that `word` means.
fn choose<T: Copy + PartialEq>(
    command: &str,
    word: &str,
    table: &[(&'static str, T, &'static str)],
) -> Result<T, String> {
    let names = || table.iter().map(|(word, what, _)| (*word, *what));
    match unique_prefix(word, names()) {
        Match::One(what) => Ok(what),
        Match::Many(names) => Err(ambiguous(word, &names)),
        Match::None => {
            Err(unknown(&format!("{command} {word}"), nearest(word, names().map(|(word, _)| word))))
        }
    }
}

fn arp_insert<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    match args {
        [address, station] => {
            let no_address = || format!("'{}' is no IPv4 or IPv6 address", printable(address));
            let address: IpAddr = address.parse().map_err(|_| no_address())?;
            // The original takes IPv4 addresses in this form only: ::ffff:192.0.2.1
            let mac = mac_address(station).filter(|mac| !mac.is_multicast() && *mac != MacAddr::ZERO);
            let no_mac =
                || format!("'{}' is no station address such as 00:50:56:ab:6e:97", printable(station));
            Ok(Command::ArpInsert(address.to_canonical().into(), mac.ok_or_else(no_mac)?))
        }
        [] | [_] => Err("an address and a station address are needed".to_owned()),
        [_, _, more, ..] => Err(surplus(more)),
    }
}

fn mac_address(text: &str) -> Option<MacAddr> {
    let mut octets = [0; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        *octet = u8::from_str_radix(part, 16).ok().filter(|_| !part.starts_with('+'))?;
    }
    parts.next().is_none().then_some(MacAddr(octets))
}

/// Whether `word` begins a control command or a statement, in full. For a command line of the shell, where
/// abbreviations would change their meaning with the next version.
pub fn is_first_word(word: &str) -> bool {
    first_words().any(|(name, _)| name == word)
}

/// What the first word of a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// Position in [`COMMANDS`].
    Command(usize),
    /// A statement; which one is the affair of [`crate::conf`].
    Statement(&'static str),
}

fn first_words() -> impl Iterator<Item = (&'static str, First)> {
    let commands = COMMANDS.iter().enumerate().map(|(at, entry)| (entry.keyword, First::Command(at)));
    commands.chain(statement_words().map(|word| (word, First::Statement(word))))
}

/// Every word that begins a configuration statement.
fn statement_words() -> impl Iterator<Item = &'static str> {
    let kinds = Kind::ALL.into_iter().map(Kind::keyword).filter(|word| !word.is_empty());
    let top = describe(Kind::Top).flat_map(|statement| statement.names());
    top.chain(kinds).chain(Verb::ALL.into_iter().map(Verb::keyword))
}

/// Reads one command. Never fails for a configuration statement: what is wrong with one is found where it is applied.
///
/// # Errors
/// One line that says what is wrong.
pub fn parse(line: &str) -> Result<Command<'_>, String> {
    // What clients ask on their own behalf is no abbreviation of anything and keeps its blanks.
    if line == "hello" {
        return Ok(Command::Hello);
    }
    if let Some(who) = line.strip_prefix("hello ") {
        return Ok(Command::Attach(who));
    }
    if let Some(partial) = line.strip_prefix("complete ") {
        return Ok(Command::Complete(partial));
    }
    let words = words(line);
    let Some((first, args)) = words.split_first() else { return Ok(Command::Nothing) };
    if *first == "?" {
        return Ok(Command::Help(args.first().copied()));
    }
    match unique_prefix(first, first_words()) {
        Match::One(First::Command(at)) => {
            (COMMANDS[at].parse)(args).map_err(|e| format!("{}: {e}", COMMANDS[at].keyword))
        }
        Match::One(First::Statement(_)) => Ok(Command::Configure(line)),
        Match::Many(names) => {
            let control = |name: &&str| COMMANDS.iter().any(|entry| entry.keyword == *name);
            // Among statements alone (`target`, `targets`) the language itself knows best.
            if names.iter().any(control) {
                Err(ambiguous(first, &names))
            } else {
                Ok(Command::Configure(line))
            }
        }
        Match::None if first.starts_with(['{', '}']) => Ok(Command::Configure(line)),
        Match::None => Err(unknown(first, nearest(first, first_words().map(|(word, _)| word)))),
    }
}

fn ambiguous(word: &str, names: &[&str]) -> String {
    format!("'{}' is ambiguous: {}", printable(word), names.join(", "))
}

fn unknown(word: &str, nearest: Option<&str>) -> String {
    let hint = nearest.map_or_else(|| "try 'help'".to_owned(), |word| format!("did you mean '{word}'?"));
    format!("unknown command '{}', {hint}", printable(word))
}

/// A word as it may be shown on a terminal: no control characters, not endless.
pub(super) fn printable(word: &str) -> String {
    word.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// The text of `help`, or of `help WORD`.
///
/// # Errors
/// When `word` is no command.
pub fn help(word: Option<&str>) -> Result<String, String> {
    let Some(word) = word else {
        let mut text: String = COMMANDS.iter().map(|entry| row(&with_usage(entry), entry.help)).collect();
        text.push_str("\n  Configuration statements change the running configuration at once:\n");
        for line in wrapped(statement_words()) {
            text.push_str(&format!("    {line}\n"));
        }
        text.push_str("\n  Keywords may be abbreviated. Tab completes; '?' at the end of a line lists.\n");
        return Ok(text);
    };
    match unique_prefix(word, first_words()) {
        Match::One(First::Command(at)) => {
            let entry = &COMMANDS[at];
            let mut text = row(&with_usage(entry), entry.help);
            if entry.keyword == "show" {
                text.extend(SHOWS.iter().map(|(word, _, help)| row(&format!("show {word}"), help)));
                text.push_str(&row("show ... json", "the same for programs"));
            }
            if entry.keyword == "clear" {
                text.extend(CLEARS.iter().map(|(word, _, help)| row(&format!("clear {word}"), help)));
            }
            if entry.keyword == "dump" {
                text.extend(tools::DUMP_HELP.iter().map(|(left, help)| row(left, help)));
            }
            Ok(text)
        }
        Match::One(First::Statement(word)) => {
            let candidates = complete_statement(&format!("{word} "), &Config::default());
            let about = complete_statement(word, &Config::default());
            let about = about.iter().find(|candidate| candidate.word == word);
            let mut text = row(word, about.map_or("", |candidate| &candidate.help));
            text.extend(
                candidates.iter().map(|candidate| row(&format!("  {}", candidate.word), &candidate.help)),
            );
            Ok(text)
        }
        Match::Many(names) => Err(ambiguous(word, &names)),
        Match::None => Err(unknown(word, nearest(word, first_words().map(|(word, _)| word)))),
    }
}

fn with_usage(entry: &Entry) -> String {
    format!("{} {}", entry.keyword, entry.usage).trim_end().to_owned()
}

fn row(left: &str, right: &str) -> String {
    format!("{}\n", format!("  {left:<20} {right}").trim_end())
}

/// Words in lines of at most 72 characters.
fn wrapped(words: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= 72 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What the last word of `line` may become; an empty word when the line ends with a blank.
pub fn complete(line: &str, config: &Config) -> Vec<Candidate> {
    let line = line.trim_start();
    let Some((first, rest)) = line.split_once(char::is_whitespace) else {
        let mut candidates: Vec<Candidate> = COMMANDS
            .iter()
            .filter(|entry| entry.keyword.starts_with(line))
            .map(|entry| candidate(entry.keyword, entry.help))
            .collect();
        candidates.extend(complete_statement(line, config));
        return candidates;
    };
    let rest = rest.trim_start();
    match unique_prefix(first, first_words()) {
        Match::One(First::Command(at)) if !rest.contains(char::is_whitespace) => {
            let offered: Vec<Candidate> = match COMMANDS[at].keyword {
                "show" => SHOWS.iter().map(|(word, _, help)| candidate(word, help)).collect(),
                "clear" => CLEARS.iter().map(|(word, _, help)| candidate(word, help)).collect(),
                "benchmark" => vec![candidate("stop", "end the benchmark that runs")],
                "dump" => {
                    vec![candidate("start", "write frames to files"), candidate("stop", "write no more")]
                }
                "reload" | "source" => vec![candidate("-n", "only say what would change")],
                "save" => vec![candidate("force", "overwrite a file with comments")],
                "help" => first_words().map(|(word, _)| candidate(word, "")).collect(),
                _ => Vec::new(),
            };
            offered.into_iter().filter(|candidate| candidate.word.starts_with(rest)).collect()
        }
        Match::One(First::Command(at)) => {
            match (COMMANDS[at].keyword, rest.split_once(char::is_whitespace)) {
                ("show", Some((_, form))) if "json".starts_with(form.trim_start()) => {
                    vec![candidate("json", "for programs")]
                }
                _ => Vec::new(),
            }
        }
        _ => complete_statement(line, config),
    }
}

fn candidate(word: &str, help: &str) -> Candidate {
    Candidate { word: word.to_owned(), help: help.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn commands_may_be_abbreviated() {
        let show = |what| Ok(Command::Show { what, json: false });
        assert_eq!(parse("sh sess"), show(Show::Sessions));
        assert_eq!(parse("  show   vrrp // now"), show(Show::Vrrp));
        assert_eq!(parse("sh arp js"), Ok(Command::Show { what: Show::Arp, json: true }));
        assert_eq!(parse("clear sess"), Ok(Command::Clear(Clear::Sessions)));
        assert_eq!(parse("reload -n"), Ok(Command::Reload { dry_run: true }));
        assert_eq!(parse("source -n /x"), Ok(Command::Source { file: "/x", dry_run: true }));
        assert_eq!(parse("q"), Ok(Command::Quit));
        assert_eq!(parse("?"), Ok(Command::Help(None)));
        assert_eq!(
            parse("save \"/tmp/a b\" force"),
            Ok(Command::Save { file: Some("/tmp/a b"), force: true })
        );
    }

    #[test]
    fn an_ambiguous_abbreviation_lists_what_it_may_mean() {
        assert_eq!(parse("show ser"), Ok(Command::Show { what: Show::Servers, json: false }));
        assert_eq!(parse("show se").unwrap_err(), "show: 'se' is ambiguous: servers, sessions");
        let error = parse("s").unwrap_err();
        assert!(error.starts_with("'s' is ambiguous: save, show, source, stop"), "{error}");
        assert!(error.contains("server"), "{error}");
    }

    #[test]
    fn statements_are_passed_on_as_typed() {
        for line in ["server 1 port 22", "no server 1", "ser 1 { port 22 }", "hostname nodea"] {
            assert_eq!(parse(line), Ok(Command::Configure(line)), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named_with_a_hint() {
        assert_eq!(parse("shwo sessions").unwrap_err(), "unknown command 'shwo', did you mean 'show'?");
        assert_eq!(parse("stop it").unwrap_err(), "stop: 'it' is one word too many");
        assert!(parse("show").unwrap_err().contains("sessions"));
        assert!(parse("\u{1b}[31m").unwrap_err().contains("'?[31m'"));
    }

    #[test]
    fn a_neighbour_is_given_in_either_notation() {
        let insert = |addr: &str| {
            let addr: IpAddr = addr.parse().unwrap();
            Ok(Command::ArpInsert(addr.into(), MacAddr([0, 0x50, 0x56, 0xab, 0x6e, 0x97])))
        };
        assert_eq!(parse("arp-insert ::ffff:172.16.30.26 00:50:56:ab:6e:97"), insert("172.16.30.26"));
        assert_eq!(parse("arp-insert 172.16.30.26 0:50:56:AB:6E:97"), insert("172.16.30.26"));
        assert_eq!(parse("arp-insert 2001:db8::1 00:50:56:ab:6e:97"), insert("2001:db8::1"));
        for wrong in ["", "1.2.3.4", "1.2.3 0:1:2:3:4:5", "1.2.3.4 0:1:2:3:4", "1.2.3.4 +1:1:2:3:4:5"] {
            assert!(parse(&format!("arp-insert {wrong}")).is_err(), "{wrong}");
        }
        assert!(parse("arp-insert 1.2.3.4 ff:ff:ff:ff:ff:ff").unwrap_err().contains("no station address"));
    }

    #[test]
    fn a_command_of_the_shell_is_not_abbreviated() {
        assert!(is_first_word("show") && is_first_word("server") && is_first_word("no"));
        assert!(!is_first_word("sho") && !is_first_word("begin"));
    }

    #[test]
    fn comments_and_blank_lines_do_nothing() {
        assert_eq!(parse(""), Ok(Command::Nothing));
        assert_eq!(parse("  // stop"), Ok(Command::Nothing));
    }

    #[test]
    fn no_keyword_is_there_twice_and_each_is_reachable() {
        let mut names: Vec<&str> = first_words().map(|(word, _)| word).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for entry in COMMANDS {
            assert!(help(Some(entry.keyword)).unwrap().contains(entry.help));
        }
        for (word, what, _) in SHOWS {
            assert_eq!(parse(&format!("show {word}")), Ok(Command::Show { what: *what, json: false }));
        }
        for (word, what, _) in CLEARS {
            assert_eq!(parse(&format!("clear {word}")), Ok(Command::Clear(*what)));
        }
    }

    #[test]
    fn help_fits_the_screen() {
        for text in [None, Some("show"), Some("clear"), Some("dump")].map(|word| help(word).unwrap()) {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn completion_offers_commands_and_statements() {
        let words = |line| {
            let found = complete(line, &Config::default());
            found.into_iter().map(|candidate| candidate.word).collect::<Vec<_>>()
        };
        assert_eq!(words("sho"), ["show"]);
        assert!(words("s").contains(&"save".to_owned()) && words("s").contains(&"server".to_owned()));
        assert_eq!(words("show v"), ["version", "vrrp"]);
        assert_eq!(words("sh sess"), ["sessions"]);
        assert_eq!(words("show vrrp "), ["json"]);
        assert_eq!(words("clear "), ["arp", "counters", "log", "sessions"]);
        assert_eq!(words("reload "), ["-n"]);
        assert!(words("show x").is_empty());
        assert!(words("stop ").is_empty());
        assert!(words("server 1 po").contains(&"port".to_owned()));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = Seed::new(7);
        let pieces = [
            "show",
            "se",
            "save",
            "\"",
            "//",
            " ",
            "{",
            "}",
            "\u{fc}",
            "complete ",
            "help",
            "\n",
            "\0",
            "no",
        ];
        for _ in 0..20_000 {
            let line: String =
                (0..seed.below(8)).map(|_| pieces[seed.below(pieces.len() as u64) as usize]).collect();
            if let Ok(Command::Complete(partial)) = parse(&line) {
                complete(partial, &Config::default());
            }
            complete(&line, &Config::default());
            let _ = help(Some(&line));
        }
    }
}
