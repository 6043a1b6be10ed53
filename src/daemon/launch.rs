//! `start`, `stop`, `restart`, `reload` and `status`: one process talks about another.

use super::client::{Client, Session};
use super::configuration::{self, Loaded};
use super::exit::{Exit, Failure};
use super::instance::Instance;
use super::serve::{self, Start};
use super::{complain, log as journal, say};
use crate::cli::args::{Action, Args, DETACHED};
use crate::conf::check::{self, Level};
use bng_platform::process::detach::{self, Readiness, spawn_detached};
use bng_platform::process::pid::{self, Ask};
use bng_platform::process::privilege;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::time::Duration;

/// Longest time that `stop` waits for the daemon to end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

fn instance(args: &Args) -> Instance {
    // The daemon leaves our working directory.
    let config = args.config.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    Instance::new(args.instance, config)
}

/// PID of the running daemon.
fn running(instance: &Instance) -> Result<Option<u32>, Failure> {
    instance.running().map_err(|e| {
        let exit = if e.kind() == ErrorKind::PermissionDenied { Exit::Privilege } else { Exit::Failed };
        Failure::new(exit, format!("cannot read {}: {e}", instance.pid_file().display()))
    })
}

/// `bng start`
///
/// # Errors
/// Whatever keeps the daemon from running; nothing is left behind.
pub fn start(args: &Args) -> Result<Exit, Failure> {
    let instance = instance(args);
    if let Some(pid) = running(&instance)? {
        say(&format!("BalanceNG: {}already running with PID {pid}", instance.label()));
        return Ok(Exit::Success);
    }
    let Loaded { config, warnings, missing } = configuration::load(&instance.config, args.config.is_some())?;
    if missing {
        complain(&format!("no configuration file {}, starting without", instance.config.display()));
    }
    eprint_raw(&warnings);
    let model = config.model().map_err(|e| Failure::new(Exit::Configuration, e.to_string()))?;
    let lacking = privilege::missing();
    if !lacking.is_empty() && model.interfaces.values().any(|interface| interface.active) {
        let missing = lacking.join(", ");
        let text = if privilege::is_root() {
            let remedy = privilege::WITHHELD;
            format!("not enough privileges to open interfaces: {missing} missing, though root; {remedy}")
        } else {
            format!("not enough privileges to open interfaces: {missing} missing, start as root")
        };
        return Err(Failure::new(Exit::Privilege, text));
    }
    say(&match args.instance {
        0 => "BalanceNG: starting up ...".to_owned(),
        n => format!("BalanceNG: starting up instance {n} ..."),
    });
    if args.foreground {
        // What a service manager catches of standard error has neither severity nor facility.
        let managed = std::env::var_os("NOTIFY_SOCKET").is_some();
        journal::start(if managed { journal::Run::Managed } else { journal::Run::Foreground }, args.debug);
        return Ok(serve::run(Start { instance, config, readiness: None }));
    }
    let started = spawn_detached(&child_arguments(args, &instance))
        .map_err(|e| Failure::new(Exit::Failed, format!("cannot start the daemon: {e}")))?;
    match started {
        detach::Start::Ready(_) => Ok(Exit::Success),
        detach::Start::Failed { status, text } => {
            let text = if text.is_empty() {
                "the daemon ended without a word, see the system log".into()
            } else {
                text
            };
            Err(Failure::new(Exit::from_code(status.filter(|status| *status != 0)), text))
        }
    }
}

/// What the daemon is started with.
fn child_arguments(args: &Args, instance: &Instance) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![DETACHED.into(), "start".into(), "-i".into()];
    arguments.push(args.instance.to_string().into());
    if args.config.is_some() {
        arguments.push("-c".into());
        arguments.push(instance.config.clone().into());
    }
    if args.debug {
        arguments.push("-d".into());
    }
    arguments
}

/// The process that [`start`] has started.
pub fn detached(args: &Args) -> Exit {
    let Ok(readiness) = Readiness::begin() else { return Exit::Usage };
    journal::start(journal::Run::Detached, args.debug);
    let instance = instance(args);
    match configuration::load(&instance.config, args.config.is_some()) {
        Ok(Loaded { config, .. }) => serve::run(Start { instance, config, readiness: Some(readiness) }),
        Err(failure) => {
            let _ = readiness.failed(&failure.text);
            failure.exit
        }
    }
}

/// `bng stop`
///
/// # Errors
/// When it does not run, is not ours, or does not end.
pub fn stop(args: &Args) -> Result<Exit, Failure> {
    let instance = instance(args);
    let label = instance.label();
    let Some(pid) = running(&instance)? else {
        return Err(Failure::new(Exit::NotRunning, format!("{label}not running")));
    };
    match pid::signal(pid, Ask::Stop) {
        Ok(()) => {}
        // It ended by itself meanwhile; that is what was wanted.
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => {
            let exit = if e.kind() == ErrorKind::PermissionDenied { Exit::Privilege } else { Exit::Failed };
            return Err(Failure::new(exit, format!("cannot stop {label}PID {pid}: {e}")));
        }
    }
    let gone = instance.wait_until_gone(pid, STOP_LIMIT).map_err(|e| e.to_string())?;
    if !gone {
        let text = format!("{label}PID {pid} has not stopped within {} seconds", STOP_LIMIT.as_secs());
        return Err(Failure::new(Exit::Failed, text));
    }
    say(&format!("BalanceNG: shutdown of {label}PID {pid} complete"));
    Ok(Exit::Success)
}

/// `bng restart`
///
/// # Errors
/// As [`stop`] and [`start`]; an instance that does not run is just started. A configuration with errors is told
/// before anything is stopped.
pub fn restart(args: &Args) -> Result<Exit, Failure> {
    let instance = instance(args);
    configuration::load(&instance.config, args.config.is_some())?;
    if running(&instance)?.is_some() {
        stop(args)?;
    }
    start(args)
}

/// `bng reload`
///
/// # Errors
/// When it does not run, or the configuration file has errors; then nothing is changed.
pub fn reload(args: &Args) -> Result<Exit, Failure> {
    super::client::once(Client::connect(&instance(args))?, if args.dry_run { "reload -n" } else { "reload" })
}

/// `bng COMMAND ...`: one control command.
///
/// # Errors
/// When it does not run, or refuses the command; with the status of that.
pub fn command(args: &Args, line: &str) -> Result<Exit, Failure> {
    super::client::once(Client::connect(&instance(args))?, line)
}

/// `bng check`: needs no daemon and changes nothing.
///
/// # Errors
/// [`Exit::Usage`], which says "errors" here, when there is no file to check.
pub fn check(args: &Args) -> Result<Exit, Failure> {
    let path = args.file.clone().unwrap_or_else(|| instance(args).config);
    let text = configuration::read(&path).map_err(|e| Failure::new(Exit::Usage, e))?;
    let report = check::check_text(&path.display().to_string(), text);
    super::print(&report.to_string());
    say(&format!("{}: {}", path.display(), report.summary()));
    Ok(match (report.count(Level::Error), report.count(Level::Warning)) {
        (0, 0) => Exit::Success,
        (0, _) if args.warnings => Exit::Failed,
        (0, _) => Exit::Success,
        _ => Exit::Usage,
    })
}

/// `bng status`
///
/// # Errors
/// [`Exit::NotRunning`]
pub fn status(args: &Args) -> Result<Exit, Failure> {
    let instance = instance(args);
    let label = instance.label();
    match running(&instance)? {
        Some(pid) => {
            say(&format!("BalanceNG: {label}running with PID {pid}"));
            Ok(Exit::Success)
        }
        None => {
            say(&format!("BalanceNG: {label}not running"));
            Ok(Exit::NotRunning)
        }
    }
}

/// `bng control` and `bng auxctl`
///
/// # Errors
/// When it does not run, when somebody else has the session, or when the connection breaks.
pub fn control(args: &Args) -> Result<Exit, Failure> {
    let instance = instance(args);
    let session = if args.action == Action::Auxctl { Session::Auxiliary } else { Session::Only };
    super::client::control(Client::connect(&instance)?, &instance, session, args.stop_at_error)
}

/// `bng cmdctl`
///
/// # Errors
/// As [`control`].
pub fn cmdctl(args: &Args) -> Result<Exit, Failure> {
    super::client::cmdctl(Client::connect(&instance(args))?, args.stop_at_error)
}

/// Diagnostics, which have their own layout, to standard error.
fn eprint_raw(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}
