//! Signals as descriptors that can be polled.

use bng_platform::process::{Interest, PollSet};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// The signals that the daemon knows.
#[derive(Debug)]
pub struct Signals {
    terminate: UnixStream,
    reload: UnixStream,
    child: UnixStream,
}

/// What the signals ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// SIGTERM or SIGINT.
    pub terminate: bool,
    /// SIGHUP.
    pub reload: bool,
}

impl Signals {
    /// Catches the signals from now on.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn catch() -> io::Result<Self> {
        let (terminate, write) = UnixStream::pair()?;
        pipe::register(SIGTERM, write.try_clone()?)?;
        pipe::register(SIGINT, write)?;
        let (reload, write) = UnixStream::pair()?;
        pipe::register(SIGHUP, write)?;
        let (child, write) = UnixStream::pair()?;
        pipe::register(SIGCHLD, write)?;
        terminate.set_nonblocking(true)?;
        reload.set_nonblocking(true)?;
        child.set_nonblocking(true)?;
        Ok(Self { terminate, reload, child })
    }

    /// Adds the descriptors to `set`. Which one is ready need not be asked: [`Signals::take`] knows.
    pub fn register<'a>(&'a self, set: &mut PollSet<'a>) {
        set.add(self.terminate.as_fd(), Interest::Read);
        set.add(self.reload.as_fd(), Interest::Read);
        set.add(self.child.as_fd(), Interest::Read);
    }

    /// What was asked for since the last time. That a child has ended asks for nothing: it only ends the wait.
    pub fn take(&mut self) -> Asked {
        came(&mut self.child);
        Asked { terminate: came(&mut self.terminate), reload: came(&mut self.reload) }
    }
}

/// Whether the signal came, once or several times.
fn came(stream: &mut UnixStream) -> bool {
    stream.read(&mut [0; 64]).is_ok_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bng_platform::process::pid::{self, Ask};

    #[test]
    fn a_signal_makes_the_set_ready_once() {
        let mut signals = Signals::catch().unwrap();
        assert_eq!(signals.take(), Asked::default());
        pid::signal(std::process::id(), Ask::Reload).unwrap();
        let mut set = PollSet::new();
        signals.register(&mut set);
        assert_eq!(set.wait(Some(std::time::Duration::from_secs(5))).unwrap(), 1);
        drop(set);
        assert_eq!(signals.take(), Asked { terminate: false, reload: true });
        assert_eq!(signals.take(), Asked::default());
    }
}
