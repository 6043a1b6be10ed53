//! `bngagent`: tells a balancer how loaded this machine is.
//!
//! ```text
//!   args.rs      what was typed
//!   main.rs      start: key, socket, PID file, other user, away from the terminal
//!   serve.rs     the one loop: socket, signals, script
//!   load.rs      where the load comes from: the system, or a script in the background
//!   answer.rs    which requests are answered, and with what
//!   say.rs       system log or standard error
//! ```
//!
//! The datagrams are described in `src/wire/agent.rs` of bng, and nowhere else.
#![forbid(unsafe_code)]

mod answer;
mod args;
mod load;
mod say;
mod serve;

use answer::Answers;
use args::{Action, Args};
use bng::wire::agent::{Key, SECRET_MIN};
use bng_platform::process::detach::{Readiness, Start, spawn_detached};
use bng_platform::process::lock::{self, Acquired};
use bng_platform::process::{identity, udp};
use load::Source;
use say::Say;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;

/// Longest file of a key, in bytes.
const KEY_MAX: u64 = 4096;

/// The exit statuses, which scripts may rely on. They are those of `bng` where both have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Exit {
    /// It was told to stop, or runs in the background now.
    Success = 0,
    /// Something else failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A privilege is missing.
    Privilege = 4,
    /// The key cannot be used, or there is no such user.
    Configuration = 6,
    /// The address and port cannot be had.
    Socket = 7,
}

impl Exit {
    fn from_code(code: Option<i32>) -> Self {
        let all = [Self::Usage, Self::Privilege, Self::Configuration, Self::Socket];
        all.into_iter().find(|exit| Some(*exit as i32) == code).unwrap_or(Self::Failed)
    }
}

/// Why it did not start: a status for scripts and a line for people.
struct Failure(Exit, String);

/// What has to be there before it serves.
struct Ready {
    socket: UdpSocket,
    answers: Answers,
    /// Locked as long as we live.
    _pid_file: Option<File>,
}

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().skip(1).collect();
    let exit = match args::parse(typed.iter().cloned()) {
        Err(error) => {
            complain(&format!("{error}\ntry 'bngagent -h' for the usage"));
            Exit::Usage
        }
        Ok(Action::Help) => print(&args::usage()),
        Ok(Action::Version) => print(&format!("{}\n", args::banner())),
        Ok(Action::Serve(args)) if args.detached => detached(&args),
        Ok(Action::Serve(args)) if args.foreground => foreground(&args),
        Ok(Action::Serve(_)) => background(typed),
    };
    ExitCode::from(exit as u8)
}

/// Serves at the terminal.
fn foreground(args: &Args) -> Exit {
    match get_ready(args) {
        Ok(ready) => serve(args, ready, Say::stderr()),
        Err(Failure(exit, text)) => {
            complain(&text);
            exit
        }
    }
}

/// Starts the process that serves, and waits until it does.
fn background(mut typed: Vec<OsString>) -> Exit {
    typed.insert(0, args::DETACHED.into());
    // It leaves our directory, so names of files are made absolute by an option of ours.
    if let Ok(folder) = std::env::current_dir() {
        typed.insert(1, args::FOLDER.into());
        typed.insert(2, folder.into());
    }
    match spawn_detached(&typed) {
        Ok(Start::Ready(_)) => Exit::Success,
        Ok(Start::Failed { status, text }) => {
            complain(if text.is_empty() { "ended without a word, see the system log" } else { &text });
            Exit::from_code(status)
        }
        Err(e) => {
            complain(&format!("cannot start in the background: {e}"));
            Exit::Failed
        }
    }
}

/// The process that [`background`] has started.
fn detached(args: &Args) -> Exit {
    let Ok(readiness) = Readiness::begin() else { return Exit::Usage };
    let ready = get_ready(args).and_then(|ready| {
        Ok((ready, Say::syslog().map_err(|e| Failure(Exit::Failed, format!("system log: {e}")))?))
    });
    match ready {
        Ok((ready, say)) => {
            if readiness.ready().is_err() {
                return Exit::Failed;
            }
            serve(args, ready, say)
        }
        Err(Failure(exit, text)) => {
            let _ = readiness.failed(&text);
            exit
        }
    }
}

fn serve(args: &Args, ready: Ready, say: Say) -> Exit {
    let Ready { socket, answers, _pid_file } = ready;
    let source = match &args.script {
        Some(command) => Source::script(command.clone(), args.interval, args.timeout),
        None => Source::system(),
    };
    match serve::run(&socket, answers, source, &say) {
        Ok(()) => Exit::Success,
        Err(e) => {
            say.error(&format!("stopped: {e}"));
            Exit::Failed
        }
    }
}

/// Does all that needs privileges, then gives them away.
fn get_ready(args: &Args) -> Result<Ready, Failure> {
    let user = match &args.user {
        Some(name) => Some(identity::find(name).map_err(|e| Failure(Exit::Configuration, e.to_string()))?),
        None => None,
    };
    let key = args.key.as_deref().map(read_key).transpose()?;
    let socket = udp::bind(args.address).map_err(|e| {
        let exit = if e.kind() == ErrorKind::PermissionDenied { Exit::Privilege } else { Exit::Socket };
        Failure(exit, format!("cannot listen at {}: {e}", args.address))
    })?;
    let pid_file = args.pid_file.as_deref().map(write_pid_file).transpose()?;
    if let Some(user) = &user {
        identity::become_user(user).map_err(|e| {
            let name = args.user.as_deref().unwrap_or_default();
            Failure(Exit::Privilege, format!("cannot become user {name}: {e}; start as root"))
        })?;
    }
    Ok(Ready { socket, answers: Answers::new(key), _pid_file: pid_file })
}

/// The key in the first line of a file that nobody else may read.
fn read_key(path: &Path) -> Result<Key, Failure> {
    let told = |what: &str| Failure(Exit::Configuration, format!("key file {}: {what}", path.display()));
    let file = File::open(path).map_err(|e| told(&e.to_string()))?;
    let metadata = file.metadata().map_err(|e| told(&e.to_string()))?;
    if !metadata.is_file() {
        return Err(told("it is no file"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(told(&format!(
            "others may read or write it, mode {:03o}; 'chmod 600' helps",
            metadata.mode() & 0o777
        )));
    }
    if ![0, identity::own()].contains(&metadata.uid()) {
        return Err(told("it belongs to somebody else; it must be root's or that of who starts the agent"));
    }
    let mut text = Vec::new();
    file.take(KEY_MAX).read_to_end(&mut text).map_err(|e| told(&e.to_string()))?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let secret = line.strip_suffix(b"\r").unwrap_or(line);
    if secret.len() < SECRET_MIN {
        let text =
            format!("the key in its first line has {} bytes, at least {SECRET_MIN} are needed", secret.len());
        return Err(told(&text));
    }
    Ok(Key::new(secret))
}

/// Writes our number into a file that is locked as long as we live.
fn write_pid_file(path: &Path) -> Result<File, Failure> {
    let told = |e: std::io::Error| Failure(Exit::Failed, format!("PID file {}: {e}", path.display()));
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o644);
    let mut file = options.open(path).map_err(told)?;
    if lock::acquire(&file).map_err(told)? == Acquired::Taken {
        let holder = lock::holder(&file).ok().flatten().unwrap_or(0);
        return Err(Failure(
            Exit::Failed,
            format!("PID file {}: already running with PID {holder}", path.display()),
        ));
    }
    file.set_len(0).map_err(told)?;
    writeln!(file, "{}", std::process::id()).map_err(told)?;
    Ok(file)
}

fn print(text: &str) -> Exit {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Success
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "bngagent: {text}");
}
