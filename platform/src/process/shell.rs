//! Running one shell command to its end, or to a time limit.

use super::{Interest, PollSet};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Most output that is kept, in bytes; the rest is read and dropped.
const OUTPUT_MAX: usize = 16 * 1024;

/// How often an exited shell is looked for while its output is still open.
const SLICE: Duration = Duration::from_millis(20);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It was killed because the time was over.
    TimedOut,
    /// It was killed because it wrote without end.
    Flooded,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// Standard output and standard error as they came, at most 16 KiB, trimmed.
    pub output: String,
}

impl Ran {
    /// Whether the command ended with status 0.
    pub fn success(&self) -> bool {
        self.ended == Ended::Status(0)
    }
}

/// Runs `command` with `/bin/sh -c` in a process group of its own and waits for it. When `timeout` is over, the
/// whole group is killed. Processes that the command leaves in the background are not waited for.
///
/// # Errors
/// When the shell cannot be started.
pub fn run_shell(command: &str, timeout: Duration) -> io::Result<Ran> {
    let deadline = Instant::now() + timeout;
    super::inherit::nothing();
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(write.try_clone()?)
        .stderr(write)
        .process_group(0)
        .spawn()?;
    let mut output = Vec::new();
    let mut open = true;
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            break status.code().map_or_else(|| Ended::Signal(status.signal().unwrap_or(0)), Ended::Status);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            kill_group(&mut child);
            break Ended::TimedOut;
        }
        if open {
            open = collect(&read, &mut output, left.min(SLICE))?;
        } else {
            std::thread::sleep(left.min(SLICE));
        }
    };
    // What was written before the end is in the pipe by now; a background process may still hold it open.
    while open && readable(&read, Duration::ZERO)? {
        open = collect(&read, &mut output, Duration::ZERO)?;
        if output.len() >= OUTPUT_MAX {
            break;
        }
    }
    Ok(Ran { ended, output: String::from_utf8_lossy(&output).trim().to_owned() })
}

fn readable(fd: &OwnedFd, wait: Duration) -> io::Result<bool> {
    let mut set = PollSet::new();
    let place = set.add(fd.as_fd(), Interest::Read);
    set.wait(Some(wait))?;
    Ok(set.readable(place))
}

/// Adds what can be read within `wait`; `false` at the end of the stream.
fn collect(fd: &OwnedFd, output: &mut Vec<u8>, wait: Duration) -> io::Result<bool> {
    if !readable(fd, wait)? {
        return Ok(true);
    }
    let mut bytes = [0; 4096];
    let n = nix::unistd::read(fd, &mut bytes)?;
    let room = OUTPUT_MAX.saturating_sub(output.len());
    output.extend_from_slice(&bytes[..n.min(room)]);
    Ok(n > 0)
}

fn kill_group(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // The group exists as long as its leader is not waited for, so this reaches nobody else.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str) -> Ran {
        run_shell(command, Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn both_outputs_arrive_in_order_with_the_status() {
        let ran = run("echo one; echo two >&2; exit 3");
        assert_eq!(ran, Ran { ended: Ended::Status(3), output: "one\ntwo".into() });
        assert!(!ran.success());
        assert!(run("true").success());
    }

    #[test]
    fn a_command_over_time_is_killed_with_its_children() {
        let before = Instant::now();
        let ran = run_shell("echo start; sleep 30 & sleep 30", Duration::from_millis(200)).unwrap();
        assert_eq!(ran, Ran { ended: Ended::TimedOut, output: "start".into() });
        assert!(before.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_background_process_is_not_waited_for() {
        let before = Instant::now();
        assert_eq!(run("sleep 5 & echo done").output, "done");
        assert!(before.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn endless_output_is_cut() {
        let ran = run("head -c 1000000 /dev/zero | tr '\\0' x");
        assert!(ran.success());
        assert_eq!(ran.output.len(), OUTPUT_MAX);
    }

    #[test]
    fn a_signal_is_told_apart_from_a_status() {
        assert_eq!(run("kill -9 $$").ended, Ended::Signal(9));
    }
}
