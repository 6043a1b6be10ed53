//! The command line of `bng`: what was typed, without side effects.

use super::commands::is_first_word;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// Highest instance number.
pub const INSTANCE_MAX: u8 = 127;

/// What `bng` is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Print banner and usage.
    Usage,
    /// Print the banner.
    Version,
    /// Start the daemon.
    Start,
    /// Stop it.
    Stop,
    /// Stop it if it runs, then start it.
    Restart,
    /// Make it read its configuration again.
    Reload,
    /// Say whether it runs.
    Status,
    /// Look for inconsistencies in a file, without a daemon.
    Check,
    /// Talk to it interactively; one at a time.
    Control,
    /// Talk to it beside that.
    Auxctl,
    /// Give it the commands on standard input.
    Cmdctl,
    /// Give it this control command.
    Command(String),
}

/// The command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// What to do.
    pub action: Action,
    /// Instance, 0 to [`INSTANCE_MAX`].
    pub instance: u8,
    /// `-c`
    pub config: Option<PathBuf>,
    /// `-d`
    pub debug: bool,
    /// `-f`
    pub foreground: bool,
    /// `-e`
    pub stop_at_error: bool,
    /// `-n`
    pub dry_run: bool,
    /// `-W`
    pub warnings: bool,
    /// What `check` looks at instead of the configuration file of the instance.
    pub file: Option<PathBuf>,
    /// We are the daemon that a `start` in the parent is waiting for.
    pub detached: bool,
}

/// The actions that are called by a word, each with one line for the operator.
pub const ACTIONS: &[(&str, Action, &str)] = &[
    ("start", Action::Start, "start the daemon"),
    ("stop", Action::Stop, "stop the daemon"),
    ("restart", Action::Restart, "stop the daemon if it runs, then start it"),
    ("reload", Action::Reload, "make the daemon read its configuration file again"),
    ("status", Action::Status, "say whether the daemon runs"),
    ("check", Action::Check, "look for inconsistencies in a configuration file"),
    ("control", Action::Control, "talk to the daemon"),
    ("auxctl", Action::Auxctl, "talk to the daemon beside 'control'"),
    ("cmdctl", Action::Cmdctl, "give the daemon the commands on standard input"),
];

/// The options for operators: letter, name of the value, one line.
pub const OPTIONS: &[(char, Option<&str>, &str)] = &[
    ('c', Some("file"), "configuration file instead of /etc/bng.conf or /etc/bng.conf.N"),
    ('d', None, "log debug messages"),
    ('e', None, "stop at the first command that fails"),
    ('f', None, "stay in the foreground and log to standard error"),
    ('i', Some("instance"), "instance 0 to 127, the same as the trailing argument"),
    ('n', None, "only say what a reload would change"),
    ('V', None, "print the version"),
    ('W', None, "warnings of a check are a failure"),
];

/// The option by which `start` tells its child; not for operators.
pub const DETACHED: &str = "--detached";

/// Reads the arguments behind the program's name.
///
/// # Errors
/// One line that says what is wrong.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, String> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut parsed = Args {
        action: Action::Usage,
        instance: 0,
        config: None,
        debug: false,
        foreground: false,
        stop_at_error: false,
        dry_run: false,
        warnings: false,
        file: None,
        detached: false,
    };
    let mut action = None;
    let mut instance = None;
    while let Some(arg) = parser.next().map_err(plain)? {
        match arg {
            Short('c') => parsed.config = Some(parser.value().map_err(plain)?.into()),
            Short('i') => {
                let value = parser.value().map_err(plain)?;
                set_instance(&mut instance, &value.to_string_lossy())?;
            }
            Short('d') => parsed.debug = true,
            Short('f') => parsed.foreground = true,
            Short('e') => parsed.stop_at_error = true,
            Short('n') => parsed.dry_run = true,
            Short('W') => parsed.warnings = true,
            Short('V') | Long("version") => action = Some(Action::Version),
            Short('h') | Long("help") => action = Some(Action::Usage),
            Long("detached") => parsed.detached = true,
            Value(word) if action.is_none() => {
                let word = word.to_string_lossy();
                action = Some(match action_called(&word) {
                    Some(action) => action,
                    // Whatever follows belongs to the command, options and numbers too.
                    None if is_first_word(&word) => {
                        Action::Command(one_line(&word, parser.raw_args().map_err(plain)?)?)
                    }
                    None => return Err(format!("unknown command '{word}'")),
                });
            }
            Value(file) if action == Some(Action::Check) => {
                if let Some(before) = parsed.file.replace(file.into()) {
                    return Err(format!("one file at a time: {} was given already", before.display()));
                }
            }
            Value(number) => set_instance(&mut instance, &number.to_string_lossy())?,
            Short(_) | Long(_) => return Err(plain(arg.unexpected())),
        }
    }
    parsed.action = match action {
        Some(action) => action,
        None if parsed == (Args { action: Action::Usage, ..parsed.clone() }) && instance.is_none() => {
            Action::Usage
        }
        None => return Err("command missing".to_owned()),
    };
    parsed.instance = instance.unwrap_or(0);
    Ok(parsed)
}

/// The action with this exact name. Abbreviations are for people at a prompt; a script says what it means.
fn action_called(word: &str) -> Option<Action> {
    ACTIONS.iter().find(|(name, ..)| *name == word).map(|(_, action, _)| action.clone())
}

/// A control command from words of the shell, which has taken the quotes off.
fn one_line(first: &str, rest: impl Iterator<Item = OsString>) -> Result<String, String> {
    let mut line = first.to_owned();
    for word in rest {
        let word = word.into_string().map_err(|word| format!("{} is not UTF-8", word.display()))?;
        line.push(' ');
        // A block or a string that came in one piece is left as it is.
        let whole = word.contains(['"', '{', '}', '\n']);
        match word.is_empty() || word.contains(char::is_whitespace) || word.starts_with("//") {
            true if !whole => line.push_str(&format!("\"{word}\"")),
            _ => line.push_str(&word),
        }
    }
    Ok(line)
}

fn set_instance(instance: &mut Option<u8>, text: &str) -> Result<(), String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|n| digits && *n <= INSTANCE_MAX);
    let number = number.ok_or_else(|| format!("'{text}' is not an instance number (0 to {INSTANCE_MAX})"))?;
    match instance.replace(number) {
        Some(before) if before != number => Err(format!("two instances given: {before} and {number}")),
        _ => Ok(()),
    }
}

/// The parser's message in our style.
fn plain(error: lexopt::Error) -> String {
    let text = error.to_string();
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn nothing_asks_for_the_usage() {
        assert_eq!(parsed("").unwrap().action, Action::Usage);
        assert_eq!(parsed("-V").unwrap().action, Action::Version);
    }

    #[test]
    fn options_may_stand_before_and_behind_the_command() {
        let args = parsed("-df -c /tmp/x.conf start 41").unwrap();
        assert_eq!(
            args,
            Args {
                action: Action::Start,
                instance: 41,
                config: Some("/tmp/x.conf".into()),
                debug: true,
                foreground: true,
                stop_at_error: false,
                dry_run: false,
                warnings: false,
                file: None,
                detached: false,
            }
        );
        assert_eq!(parsed("start -i 41 -fd -c/tmp/x.conf").unwrap(), args);
    }

    #[test]
    fn instances_reach_from_0_to_127() {
        assert_eq!(parsed("status 127").unwrap().instance, 127);
        for bad in ["128", "-1", "x", "+1", "1.0", "99999999999999999999"] {
            assert!(parsed(&format!("status {bad}")).is_err(), "{bad}");
        }
        assert_eq!(parsed("-i 3 stop 3").unwrap().instance, 3);
        assert_eq!(parsed("-i 3 stop 4").unwrap_err(), "two instances given: 3 and 4");
    }

    #[test]
    fn any_other_word_of_the_control_language_is_a_command_for_the_daemon() {
        let args = parsed("-i 3 show sessions json").unwrap();
        assert_eq!((args.action, args.instance), (Action::Command("show sessions json".into()), 3));
        assert_eq!(parsed("source -n /x 4").unwrap().action, Action::Command("source -n /x 4".into()));
        let words = ["hostname", "a b"].map(OsString::from);
        assert_eq!(parse(words).unwrap().action, Action::Command("hostname \"a b\"".into()));
        assert_eq!(parsed("sho sessions").unwrap_err(), "unknown command 'sho'");
    }

    #[test]
    fn check_takes_a_file_and_reload_a_dry_run() {
        let args = parsed("check -W /tmp/x.conf").unwrap();
        assert_eq!(
            (args.action, args.warnings, args.file),
            (Action::Check, true, Some("/tmp/x.conf".into()))
        );
        assert!(parsed("check a b").unwrap_err().contains("one file"));
        let args = parsed("reload -n 7").unwrap();
        assert_eq!((args.action, args.dry_run, args.instance), (Action::Reload, true, 7));
    }

    #[test]
    fn the_options_of_the_table_and_no_others_are_taken() {
        let usage = super::super::version::usage();
        for letter in ('a'..='z').chain('A'..='Z').filter(|letter| *letter != 'h') {
            let option = OPTIONS.iter().find(|(known, ..)| *known == letter);
            let value = if option.is_some_and(|(_, value, _)| value.is_some()) { "7" } else { "" };
            let known =
                parsed(&format!("-{letter}{value}")).map_or_else(|why| why == "command missing", |_| true);
            assert_eq!(known, option.is_some(), "-{letter}");
            assert_eq!(usage.contains(&format!("\n  -{letter} ")), option.is_some(), "-{letter}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parsed("begin").unwrap_err(), "unknown command 'begin'");
        assert_eq!(parsed("stat").unwrap_err(), "unknown command 'stat'");
        assert_eq!(parsed("-i 3").unwrap_err(), "command missing");
        assert!(parsed("start -c").unwrap_err().contains("-c"));
        assert!(parsed("start -x").unwrap_err().contains("-x"));
        assert!(parsed("start 1 2").unwrap_err().contains("two instances"));
    }
}
