//! Other processes, by their PID.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;

/// The signals that `bng` sends to its daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// SIGTERM: stop in an orderly way.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// Whether a process with this PID exists, ours or not.
pub fn alive(pid: u32) -> bool {
    target(pid).is_some_and(|pid| !matches!(kill(pid, None), Err(Errno::ESRCH)))
}

/// Sends a signal.
///
/// # Errors
/// `NotFound` when there is no such process, `PermissionDenied` when it is not ours.
pub fn signal(pid: u32, ask: Ask) -> io::Result<()> {
    let signal = match ask {
        Ask::Stop => Signal::SIGTERM,
        Ask::Reload => Signal::SIGHUP,
    };
    match target(pid).map(|pid| kill(pid, signal)) {
        Some(Ok(())) => Ok(()),
        Some(Err(Errno::ESRCH)) | None => Err(io::ErrorKind::NotFound.into()),
        Some(Err(e)) => Err(e.into()),
    }
}

/// `pid` as one process; 0 and negative numbers would mean groups of processes.
fn target(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().filter(|pid| *pid > 0).map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_alive_and_an_ended_child_is_not() {
        assert!(alive(std::process::id()));
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(!alive(pid));
        assert_eq!(signal(pid, Ask::Stop).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn numbers_that_mean_groups_reach_nobody() {
        for pid in [0, u32::MAX, 1 << 31] {
            assert!(!alive(pid));
            assert!(signal(pid, Ask::Stop).is_err());
        }
    }
}
