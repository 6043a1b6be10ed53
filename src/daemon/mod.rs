//! The process around the balancer: command line, instances, signals, control socket, threads.
//!
//! ```text
//!   bng start|stop|...   launch.rs ----- starts ----> serve.rs   control thread: signals, control socket, director
//!   bng control|cmdctl   client.rs ---- socket ---->  control.rs
//!                                                     doors.rs   open interfaces
//!                                                     scripts.rs commands of checks and alerts
//!                                                     worker.rs  one thread per receive queue: receive, engine, send
//!
//!   between the threads: snapshot (ArcSwap), frames for the director (punt.rs), mail and reports (worker.rs)
//! ```
// The one place where time, threads, files and sockets are allowed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod benchmark;
pub mod client;
pub mod clock;
pub mod configuration;
pub mod control;
pub mod doors;
pub mod dump;
pub mod exit;
pub mod history;
mod inbox;
pub mod instance;
pub mod ipdb;
pub mod launch;
pub mod log;
pub mod manager;
pub mod patience;
pub mod punt;
pub mod scripts;
pub mod serve;
pub mod signals;
pub mod support;
pub mod tables;
pub mod worker;

use crate::cli::args::{self, Action};
use crate::cli::version;
use exit::{Exit, Failure};
use std::ffi::OsString;
use std::io::Write;

/// The program: does what `args` (without the program's name) ask for.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match args::parse(args) {
        Ok(args) => args,
        Err(error) => {
            complain(&format!("{error}\ntry 'bng' for the usage"));
            return Exit::Usage;
        }
    };
    let done = match &args.action {
        Action::Start if args.detached => Ok(launch::detached(&args)),
        Action::Usage => {
            print(&version::usage());
            Ok(Exit::Success)
        }
        Action::Version => {
            say(&version::banner());
            Ok(Exit::Success)
        }
        Action::Start => launch::start(&args),
        Action::Stop => launch::stop(&args),
        Action::Restart => launch::restart(&args),
        Action::Reload => launch::reload(&args),
        Action::Status => launch::status(&args),
        Action::Check => launch::check(&args),
        Action::Control | Action::Auxctl => launch::control(&args),
        Action::Command(line) => launch::command(&args, line),
        Action::Cmdctl => launch::cmdctl(&args),
    };
    done.unwrap_or_else(|Failure { exit, text }| {
        complain(&text);
        exit
    })
}

/// Prints text. A reader that has gone away (`bng ... | head`) is no reason to panic, as `println!` would.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Prints a line.
pub(crate) fn say(line: &str) {
    print(&format!("{}\n", line.trim_end_matches('\n')));
}

/// Prints a complaint to standard error. Diagnostics, which are several lines with their own layout, stay as they are.
pub(crate) fn complain(text: &str) {
    let text = text.trim_end_matches('\n');
    let prefix = if text.contains("error: ") && text.contains('\n') { "" } else { "BalanceNG: " };
    let _ = writeln!(std::io::stderr(), "{prefix}{text}");
}
