//! The command line of `bngagent`: what was typed, without side effects.

use bng::cli::version::{DATE, VERSION, platform};
use lexopt::prelude::*;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks the process that serves in the background; for ourselves only.
pub(crate) const DETACHED: &str = "--detached";
/// The directory that names of files are relative to; for ourselves only.
pub(crate) const FOLDER: &str = "--folder";

/// Longest interval and timeout of a script, in seconds.
const SECONDS_MAX: u64 = 3600;
/// Seconds between two runs of the script without `-i`.
const INTERVAL: u64 = 10;
/// Seconds that the script may take without `-t`.
const TIMEOUT: u64 = 10;

/// The options: letter, name of the argument or nothing, what it is for.
pub(crate) const OPTIONS: [(char, &str, &str); 11] = [
    ('6', "", "serve IPv6 instead of IPv4"),
    ('a', "address", "serve this address of the machine only"),
    ('f', "", "stay in the foreground and log to standard error"),
    ('h', "", "print this"),
    ('i', "seconds", "time between two runs of the script, 10 by default"),
    ('k', "file", "answer only who knows the key in this file"),
    ('p', "file", "write the PID into this file"),
    ('s', "command", "the load is what this command prints"),
    ('t', "seconds", "time that the command may take, 10 by default"),
    ('u', "user", "become this user once the port is open"),
    ('V', "", "print the version"),
];

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
    /// Serve.
    Serve(Args),
}

/// How to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Args {
    pub address: SocketAddr,
    pub foreground: bool,
    pub key: Option<PathBuf>,
    pub pid_file: Option<PathBuf>,
    pub script: Option<String>,
    pub interval: Duration,
    pub timeout: Duration,
    pub user: Option<String>,
    pub detached: bool,
}

/// Reads the command line.
pub(crate) fn parse(typed: impl IntoIterator<Item = OsString>) -> Result<Action, String> {
    read(lexopt::Parser::from_args(typed)).map_err(|e| e.to_string())
}

fn read(mut parser: lexopt::Parser) -> Result<Action, lexopt::Error> {
    let (mut six, mut foreground, mut detached) = (false, false, false);
    let (mut address, mut port): (Option<IpAddr>, Option<u16>) = (None, None);
    let (mut key, mut pid_file, mut folder): (Option<PathBuf>, Option<PathBuf>, Option<PathBuf>) =
        (None, None, None);
    let (mut script, mut user): (Option<String>, Option<String>) = (None, None);
    let (mut interval, mut timeout) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('6') => six = true,
            Short('a') => address = Some(parser.value()?.parse()?),
            Short('f') => foreground = true,
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('i') => interval = Some(seconds(&parser.value()?)?),
            Short('k') => key = Some(parser.value()?.into()),
            Short('p') => pid_file = Some(parser.value()?.into()),
            Short('s') => script = Some(parser.value()?.string()?),
            Short('t') => timeout = Some(seconds(&parser.value()?)?),
            Short('u') => user = Some(parser.value()?.string()?),
            Short('V') | Long("version") => return Ok(Action::Version),
            Long("detached") => detached = true,
            Long("folder") => folder = Some(parser.value()?.into()),
            Value(value) if port.is_none() => port = Some(parsed_port(&value)?),
            _ => return Err(arg.unexpected()),
        }
    }
    let Some(port) = port else { return Err("there is no port: bngagent [options] port".into()) };
    if script.is_none() && (interval.is_some() || timeout.is_some()) {
        return Err("'-i' and '-t' are about the script of '-s', and there is none".into());
    }
    if script.as_deref().is_some_and(|command| command.trim().is_empty()) {
        return Err("the command of '-s' is empty".into());
    }
    let any = if six { Ipv6Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv4Addr::UNSPECIFIED) };
    let address = address.unwrap_or(any);
    if six && address.is_ipv4() {
        return Err(format!("'-6' and the IPv4 address {address} do not go together").into());
    }
    let absolute = |path: PathBuf| match &folder {
        Some(folder) => folder.join(path),
        None => std::path::absolute(Path::new(&path)).unwrap_or(path),
    };
    Ok(Action::Serve(Args {
        address: SocketAddr::new(address, port),
        foreground,
        key: key.map(absolute),
        pid_file: pid_file.map(absolute),
        script,
        interval: interval.unwrap_or(Duration::from_secs(INTERVAL)),
        timeout: timeout.unwrap_or(Duration::from_secs(TIMEOUT)),
        user,
        detached,
    }))
}

fn parsed_port(value: &OsString) -> Result<u16, lexopt::Error> {
    let text = value.to_string_lossy();
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("'{text}' is no port, 1 to 65535 are").into())
}

fn seconds(value: &OsString) -> Result<Duration, lexopt::Error> {
    let text = value.to_string_lossy();
    let seconds = text.parse().ok().filter(|seconds| (1..=SECONDS_MAX).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("'{text}' is no number of seconds, 1 to {SECONDS_MAX} are"));
    Ok(Duration::from_secs(seconds?))
}

/// `This is bngagent 0.100 Linux-x86_64 (2026/11/23)`
pub(crate) fn banner() -> String {
    format!("This is bngagent {VERSION} {} ({DATE})", platform())
}

/// What `-h` prints.
pub(crate) fn usage() -> String {
    let mut text = format!(
        "{}\nTells a balancer how loaded this machine is.\n\nusage: bngagent [options] port\n\n",
        banner()
    );
    for (letter, argument, help) in OPTIONS {
        text.push_str(&format!("  {:<12} {help}\n", format!("-{letter} {argument}").trim_end()));
    }
    text + "\nSee bngagent(8).\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Action, String> {
        parse(line.split(' ').map(Into::into))
    }

    fn served(line: &str) -> Args {
        match parsed(line) {
            Ok(Action::Serve(args)) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_two_known_command_lines_are_understood() {
        let args = served("439");
        assert_eq!(args.address, "0.0.0.0:439".parse().unwrap());
        assert!(!args.foreground && args.key.is_none() && args.script.is_none());
        assert_eq!(served("-6 10000").address, "[::]:10000".parse().unwrap());
    }

    #[test]
    fn options_stand_in_any_order() {
        let args = served("439 -f -i 5 -s /bin/load -t 2 -u nobody -k /etc/key -p /run/pid -a 10.0.0.1");
        assert_eq!(args.address, "10.0.0.1:439".parse().unwrap());
        assert_eq!((args.interval, args.timeout), (Duration::from_secs(5), Duration::from_secs(2)));
        assert_eq!((args.script.as_deref(), args.user.as_deref()), (Some("/bin/load"), Some("nobody")));
        assert_eq!((args.key, args.pid_file), (Some("/etc/key".into()), Some("/run/pid".into())));
        assert_eq!(served("-a ::1 9").address, "[::1]:9".parse().unwrap());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, said) in [
            ("-6", "there is no port: bngagent [options] port"),
            ("0", "'0' is no port, 1 to 65535 are"),
            ("65536", "'65536' is no port, 1 to 65535 are"),
            ("x", "'x' is no port, 1 to 65535 are"),
            ("1 2", "unexpected argument \"2\""),
            ("-6 -a 10.0.0.1 1", "'-6' and the IPv4 address 10.0.0.1 do not go together"),
            ("-i 5 1", "'-i' and '-t' are about the script of '-s', and there is none"),
            ("-s x -i 0 1", "'0' is no number of seconds, 1 to 3600 are"),
            ("-x 1", "invalid option '-x'"),
        ] {
            assert_eq!(parsed(line), Err(said.to_owned()), "{line}");
        }
    }

    #[test]
    fn files_are_where_the_process_was_started() {
        let args = served("--detached --folder /home/ann -k key -p /run/pid 439");
        assert_eq!((args.key, args.pid_file), (Some("/home/ann/key".into()), Some("/run/pid".into())));
        assert!(args.detached);
    }

    #[test]
    fn every_option_is_in_the_usage_once() {
        for (letter, ..) in OPTIONS {
            assert_eq!(usage().matches(&format!("\n  -{letter} ")).count(), 1, "{letter}");
        }
    }
}
