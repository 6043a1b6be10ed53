//! Becoming a daemon: our own executable is started again in a new session, and says when it is ready.
//!
//! There is no fork(2) without exec: a process with threads must not do that. The readiness channel is a pipe on the
//! child's standard output. The parent reads it to the end: the word `READY` means "running", anything else is the
//! text of an error and the child's exit status tells which.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

/// What a child writes when it is up.
const READY: &str = "ready\n";

/// Longest error text that is taken from a child, in bytes.
const TEXT_MAX: u64 = 64 * 1024;

/// What became of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It runs under this PID.
    Ready(u32),
    /// It gave up.
    Failed {
        /// Exit status; `None` when a signal ended it.
        status: Option<i32>,
        /// What it wrote, trimmed; may be empty.
        text: String,
    },
}

/// Starts our own executable with `args` and waits until it is ready or has failed. The child keeps standard error
/// until then, so nothing that goes wrong early is lost, and must call [`Readiness::begin`] first.
///
/// # Errors
/// When the executable cannot be found or started.
pub fn spawn_detached(args: &[OsString]) -> io::Result<Start> {
    spawn(Command::new(own_executable()?).args(args))
}

fn spawn(command: &mut Command) -> io::Result<Start> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut text = String::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(TEXT_MAX).read_to_string(&mut text)?;
    }
    if text == READY {
        return Ok(Start::Ready(child.id()));
    }
    let status = child.wait()?.code();
    Ok(Start::Failed { status, text: text.trim().to_owned() })
}

/// The running executable, even when its file was replaced by an upgrade meanwhile.
fn own_executable() -> io::Result<std::path::PathBuf> {
    let path = std::env::current_exe()?;
    // Its own name is what `ps` shows; the kernel's link is for when that name is gone.
    if cfg!(target_os = "linux") && !path.exists() {
        return Ok("/proc/self/exe".into());
    }
    Ok(path)
}

/// The child's end of the channel.
#[derive(Debug)]
pub struct Readiness {
    done: bool,
}

impl Readiness {
    /// Leaves the session and the working directory of the parent.
    ///
    /// # Errors
    /// When the process leads a process group already, that is, was not started by [`spawn_detached`].
    pub fn begin() -> io::Result<Self> {
        nix::unistd::setsid()?;
        std::env::set_current_dir("/")?;
        Ok(Self { done: false })
    }

    /// Tells the parent that all is well and lets go of its terminal. A parent that is gone is no error.
    ///
    /// # Errors
    /// When `/dev/null` cannot be opened.
    pub fn ready(mut self) -> io::Result<()> {
        self.say(READY)
    }

    /// Tells the parent what went wrong; the caller exits with a status after this.
    ///
    /// # Errors
    /// As [`Readiness::ready`].
    pub fn failed(mut self, text: &str) -> io::Result<()> {
        self.say(text)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.done = true;
        let _ = io::stdout().write_all(text.as_bytes());
        let _ = io::stdout().flush();
        let null = File::options().read(true).write(true).open("/dev/null")?;
        nix::unistd::dup2_stdout(&null)?;
        nix::unistd::dup2_stderr(&null)?;
        Ok(())
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        debug_assert!(self.done || std::thread::panicking(), "the parent waits for a word");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Start {
        spawn(Command::new("/bin/sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_child_that_says_ready_is_running() {
        assert!(matches!(shell("echo ready"), Start::Ready(pid) if pid > 1));
    }

    #[test]
    fn the_parent_does_not_wait_for_a_running_child_to_end() {
        let before = std::time::Instant::now();
        assert!(matches!(shell("echo ready; exec sleep 3 >/dev/null"), Start::Ready(_)));
        assert!(before.elapsed().as_secs() < 2);
    }

    #[test]
    fn text_and_status_of_a_failure_arrive() {
        assert_eq!(
            shell("echo no such interface; exit 7"),
            Start::Failed { status: Some(7), text: "no such interface".into() }
        );
    }

    #[test]
    fn silence_and_a_signal_are_failures() {
        assert_eq!(shell("kill -9 $$"), Start::Failed { status: None, text: String::new() });
        assert_eq!(shell("exit 0"), Start::Failed { status: Some(0), text: String::new() });
    }
}
