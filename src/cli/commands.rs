//! The commands of the control language, in one table: parser, help and completion all read it.
//!
//! Configuration statements are commands too. Abbreviations are looked up among both, so that an abbreviation never
//! means one thing today and another with the next statement without being reported as ambiguous.

mod arp_insert;
mod benchmark;
mod clear;
mod complete;
mod dump;
mod help;
mod manual;
mod ping;
mod show;
mod table;

use super::input::words;
use crate::conf::{Kind, Match, Verb, describe, nearest, unique_prefix};
use crate::net::{Addr, PortId};
use crate::wire::MacAddr;
pub use benchmark::Benchmark;
pub use clear::Clear;
pub use complete::complete;
pub use dump::{Dump, DumpStart};
pub use help::help;
pub use manual::{Article, articles};
pub use show::{Show, show_words};
use std::net::IpAddr;
use table::{ALIASES, COMMANDS, Entry};

/// A request in the control language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// Nothing but blanks or a comment.
    Nothing,
    /// List the commands, or explain one of these words; the second is a statement of the kind that the first one is.
    Help(Option<&'a str>, Option<&'a str>),
    /// End the control session.
    Quit,
    /// Print something.
    Show {
        /// What.
        what: Show,
        /// Only this object, or only so many lines.
        number: Option<u16>,
        /// For programs.
        json: bool,
    },
    /// Tell where an address is.
    Locate {
        /// The address, no IPv4 address in disguise.
        address: IpAddr,
        /// For programs.
        json: bool,
    },
    /// Read the files of locations again.
    IpdbReload,
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
    /// Send echo requests.
    Ping {
        /// To whom.
        to: IpAddr,
        /// How many.
        count: u16,
    },
    /// Write everything that may help to find a fault.
    Snapshot {
        /// File, one of its own when `None`.
        file: Option<&'a str>,
    },
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

fn surplus(word: &str) -> String {
    format!("'{}' is one word too many", printable(word))
}

/// The number of an interface.
fn interface(word: &str) -> Result<PortId, String> {
    let number = word.parse().ok().filter(|n| *n > 0);
    number.ok_or_else(|| format!("'{}' is no number of an interface", printable(word)))
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
            let near = nearest(word, names().map(|(word, _)| word));
            Err(unknown(&format!("{command} {word}"), near, &format!("help {command}")))
        }
    }
}

/// Whether `word` begins a control command or a statement, in full. For a command line of the shell, where
/// abbreviations would change their meaning with the next version.
pub fn is_first_word(word: &str) -> bool {
    first_words().any(|(name, _)| name == word) || ALIASES.iter().any(|alias| alias.keyword == word)
}

/// What the first word of a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// Position among [`entries`].
    Command(usize),
    /// A statement; which one is the affair of [`crate::conf`].
    Statement(&'static str),
}

fn first_words() -> impl Iterator<Item = (&'static str, First)> {
    let commands = COMMANDS.iter().enumerate().map(|(at, entry)| (entry.keyword, First::Command(at)));
    commands.chain(statement_words().map(|word| (word, First::Statement(word))))
}

/// What `word` stands for among the commands and statements; further names of commands come last.
fn find(word: &str) -> Match<First> {
    match unique_prefix(word, first_words()) {
        Match::None => {
            let aliases = (COMMANDS.len()..).zip(ALIASES);
            unique_prefix(word, aliases.map(|(at, alias)| (alias.keyword, First::Command(at))))
        }
        found => found,
    }
}

/// The entry of the table at `at`, which [`First::Command`] names.
fn entry(at: usize) -> &'static Entry {
    COMMANDS.get(at).unwrap_or_else(|| &ALIASES[at - COMMANDS.len()])
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
        return Ok(Command::Help(args.first().copied(), args.get(1).copied()));
    }
    match find(first) {
        Match::One(First::Command(at)) => {
            (entry(at).parse)(args).map_err(|e| format!("{}: {e}", entry(at).keyword))
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
        Match::None => Err(unknown(first, nearest(first, first_words().map(|(word, _)| word)), "help")),
    }
}

fn ambiguous(word: &str, names: &[&str]) -> String {
    format!("'{}' is ambiguous: {}", printable(word), names.join(", "))
}

/// `help` is the command that lists what there is.
fn unknown(word: &str, nearest: Option<&str>, help: &str) -> String {
    let hint = nearest.map_or_else(|| format!("try '{help}'"), |word| format!("did you mean '{word}'?"));
    format!("unknown command '{}', {hint}", printable(word))
}

/// A word as it may be shown on a terminal: no control characters, not endless.
fn printable(word: &str) -> String {
    word.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::clear::CLEARS;
    use super::show::SHOWS;
    use super::table::entries;
    use super::*;
    use crate::conf::Config;
    use crate::seed::Seed;
    use std::net::IpAddr;

    #[test]
    fn commands_may_be_abbreviated() {
        let show = |what| Ok(Command::Show { what, number: None, json: false });
        assert_eq!(parse("sh sess"), show(Show::Sessions));
        assert_eq!(parse("  show   vrrp // now"), show(Show::Vrrp));
        assert_eq!(parse("sh arp js"), Ok(Command::Show { what: Show::Arp, number: None, json: true }));
        assert_eq!(parse("clear sess"), Ok(Command::Clear(Clear::Sessions)));
        assert_eq!(parse("reload -n"), Ok(Command::Reload { dry_run: true }));
        assert_eq!(parse("source -n /x"), Ok(Command::Source { file: "/x", dry_run: true }));
        assert_eq!(parse("q"), Ok(Command::Quit));
        assert_eq!(parse("?"), Ok(Command::Help(None, None)));
        assert_eq!(
            parse("save \"/tmp/a b\" force"),
            Ok(Command::Save { file: Some("/tmp/a b"), force: true })
        );
    }

    #[test]
    fn an_ambiguous_abbreviation_lists_what_it_may_mean() {
        assert_eq!(parse("show ser"), Ok(Command::Show { what: Show::Servers, number: None, json: false }));
        assert_eq!(parse("show se").unwrap_err(), "show: 'se' is ambiguous: servers, sessions");
        let error = parse("s").unwrap_err();
        assert!(error.starts_with("'s' is ambiguous: save, show, snapshot, source, stop"), "{error}");
        assert!(error.contains("server"), "{error}");
    }

    #[test]
    fn further_names_leave_abbreviations_alone() {
        let show = Ok(Command::Show { what: Show::Sessions, number: None, json: false });
        assert_eq!(parse("sh sess"), show);
        assert_eq!(parse("shutdown"), Ok(Command::Stop));
        assert_eq!(parse("load -n /x"), Ok(Command::Source { file: "/x", dry_run: true }));
        for name in ["reset", "statreset", "stat"] {
            assert_eq!(parse(name), Ok(Command::Clear(Clear::Counters)), "{name}");
        }
        assert_eq!(parse("reset all").unwrap_err(), "reset: 'all' is one word too many");
        assert!(is_first_word("load") && !is_first_word("loa"));
    }

    #[test]
    fn one_object_or_so_many_lines_are_shown_by_number() {
        let show = |what, number, json| Ok(Command::Show { what, number: Some(number), json });
        assert_eq!(parse("show targets 7"), show(Show::Targets, 7, false));
        assert_eq!(parse("show interfaces 1 json"), show(Show::Interfaces, 1, true));
        assert_eq!(parse("show log 20"), show(Show::Log, 20, false));
        assert_eq!(parse("show vrrp 1").unwrap_err(), "show: '1' is no form of output, 'json' is");
        assert!(parse("show targets x").unwrap_err().contains("neither a number"));
        assert!(parse("show targets 7 x").unwrap_err().contains("no form of output"));
        assert_eq!(parse("show targets 7 json x").unwrap_err(), "show: 'x' is one word too many");
    }

    #[test]
    fn an_address_is_located() {
        let locate = |address: &str, json| Ok(Command::Locate { address: address.parse().unwrap(), json });
        assert_eq!(parse("show locations 10.0.0.1"), locate("10.0.0.1", false));
        assert_eq!(parse("sh loc ::ffff:10.0.0.1 json"), locate("10.0.0.1", true));
        let all = |json| Ok(Command::Show { what: Show::Locations, number: None, json });
        assert_eq!((parse("show locations"), parse("show locations json")), (all(false), all(true)));
        assert!(parse("show locations www").unwrap_err().contains("neither an address nor"));
        assert!(parse("show locations ::1 json x").is_err());
        assert_eq!(parse("ipdb-reload"), Ok(Command::IpdbReload));
    }

    #[test]
    fn a_ping_has_an_address_and_a_bounded_count() {
        let ping = |to: &str, count| Ok(Command::Ping { to: to.parse().unwrap(), count });
        assert_eq!(parse("ping 10.0.0.1"), ping("10.0.0.1", 3));
        assert_eq!(parse("ping ::ffff:10.0.0.1 20"), ping("10.0.0.1", 20));
        assert_eq!(parse("pi 2001:db8::1 1"), ping("2001:db8::1", 1));
        for wrong in ["", "www", "10.0.0.1 0", "10.0.0.1 21", "10.0.0.1 x", "10.0.0.1 1 2"] {
            assert!(parse(&format!("ping {wrong}")).is_err(), "{wrong}");
        }
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
        assert_eq!(parse("show x").unwrap_err(), "show: unknown command 'show x', try 'help show'");
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
        names.extend(ALIASES.iter().map(|alias| alias.keyword));
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for entry in entries() {
            assert!(help(Some(entry.keyword), None).unwrap().contains(entry.help));
        }
        for (word, what, _) in SHOWS {
            let expected = Command::Show { what: *what, number: None, json: false };
            assert_eq!(parse(&format!("show {word}")), Ok(expected));
        }
        for (word, what, _) in CLEARS {
            assert_eq!(parse(&format!("clear {word}")), Ok(Command::Clear(*what)));
        }
    }

    #[test]
    fn help_fits_the_screen_and_explains_every_word() {
        let words = first_words().map(|(word, _)| Some(word));
        for word in words.chain([None]) {
            let text = help(word, None).unwrap_or_else(|why| panic!("{word:?}: {why}"));
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn a_statement_is_explained_under_its_kind() {
        let text = help(Some("server"), Some("stime")).unwrap();
        assert!(text.starts_with("  server: stimeout <1-2592000>\n    Idle seconds"), "{text}");
        assert!(help(Some("server"), None).unwrap().contains("\n    stimeout           idle seconds"));
        assert_eq!(parse("help server method"), Ok(Command::Help(Some("server"), Some("method"))));
        let wrong = |word, statement| help(Some(word), Some(statement)).unwrap_err();
        assert_eq!(wrong("set", "stimeout"), "'set' has no statement 'stimeout', it is one of 'server'");
        assert_eq!(wrong("target", "pong"), "'target' has no statement 'pong', did you mean 'ping'?");
        assert!(wrong("show", "x").contains("'help show'"));
        assert!(wrong("hostname", "x").contains("no statements of its own"));
    }

    #[test]
    fn completion_offers_commands_and_statements() {
        let words = |line| {
            let found = complete(line, &Config::default());
            found.into_iter().map(|candidate| candidate.word).collect::<Vec<_>>()
        };
        assert_eq!(words("sho"), ["show"]);
        assert!(words("s").contains(&"save".to_owned()) && words("s").contains(&"server".to_owned()));
        assert_eq!(words("show v"), ["version", "vips", "vrrp"]);
        assert_eq!(words("pi"), ["ping"]);
        assert!(words("ping ").is_empty());
        assert_eq!(words("sn"), ["snapshot"]);
        assert_eq!(words("shu"), ["shutdown"]);
        assert_eq!(words("load "), ["-n", "<file>"]);
        let (config, _) = Config::parse("f", "target 7 name web\ntarget 19 name db\n");
        let found = complete("show targets ", &config);
        let found: Vec<_> = found.iter().map(|c| (c.word.as_str(), c.help.as_str())).collect();
        assert_eq!(found, [("7", "web"), ("19", "db"), ("json", "for programs")]);
        assert_eq!(words("show targets 7 "), ["json"]);
        assert_eq!(words("show log "), ["json"]);
        assert_eq!(words("sh sess"), ["sessions"]);
        assert_eq!(words("show vrrp "), ["json"]);
        assert_eq!(words("dump "), ["start", "stop"]);
        assert_eq!(words("benchmark "), ["stop"]);
        assert_eq!(words("clear "), ["arp", "counters", "log", "nat", "sessions"]);
        assert_eq!(words("reload "), ["-n"]);
        assert_eq!(words("help set local"), ["localdsr", "localvirt"]);
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
            let (word, statement) = line.split_once(' ').unwrap_or((&line, ""));
            let _ = help(Some(word), Some(statement));
        }
    }
}
