//! A process that serves until it is dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// A running process, with everything it prints in a log file; killed when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `command` with both outputs in `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        let other = file.try_clone().unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        let child = command.stdin(Stdio::null()).stdout(file).stderr(other).spawn();
        let child = child.unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        Self { child, log: log.to_owned() }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until the log contains `text`.
    ///
    /// # Panics
    /// When the process ends before, or after `limit`.
    pub fn until_logged(&mut self, text: &str, limit: Duration) {
        wait::for_true(&format!("`{text}` in {}", self.log.display()), limit, || {
            let ended = self.ended();
            let log = self.log();
            let found = log.contains(text);
            assert!(found || ended.is_none(), "ended with {ended:?} before printing `{text}`:\n{log}");
            found
        });
    }

    /// Exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|e| panic!("{}: {e}", self.log.display()))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // Only a process that has ended by itself cannot be reached.
        // Only a process that has ended by itself cannot be reached.
        let pid = i32::try_from(self.child.id()).expect("process ids fit pid_t");
        let _ = kill(Pid::from_raw(pid), signal);
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it is still running after `limit`.
    pub fn until_ended(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of the process that logs to {}", self.log.display());
        wait::until(&what, limit, || self.ended()).0
    }

    /// Ends it with SIGTERM and returns its status.
    ///
    /// # Panics
    /// When it does not end in ten seconds.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.until_ended(GRACE)
    }

    /// Ends it without a chance to clean up.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}
