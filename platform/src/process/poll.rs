//! Waiting for several descriptors at once, with poll(2).

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// What to wait for on one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Only for the other end to go away.
    Closed,
    /// For bytes to read.
    Read,
    /// For room to write.
    Write,
    /// For either.
    Both,
}

/// The descriptors of one wait, in the order they were added.
#[derive(Debug, Default)]
pub struct PollSet<'fd> {
    fds: Vec<PollFd<'fd>>,
}

impl<'fd> PollSet<'fd> {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a descriptor and returns its place, to be asked for after [`PollSet::wait`].
    pub fn add(&mut self, fd: BorrowedFd<'fd>, interest: Interest) -> usize {
        let events = match interest {
            Interest::Closed => PollFlags::empty(),
            Interest::Read => PollFlags::POLLIN,
            Interest::Write => PollFlags::POLLOUT,
            Interest::Both => PollFlags::POLLIN | PollFlags::POLLOUT,
        };
        self.fds.push(PollFd::new(fd, events));
        self.fds.len() - 1
    }

    /// Waits until a descriptor is ready or `timeout` has passed (`None`: for ever), and returns how many are ready.
    /// The timeout is rounded up to milliseconds so that a deadline has really passed afterwards. A signal ends the
    /// wait early with 0.
    ///
    /// # Errors
    /// What poll(2) reports other than EINTR.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = match timeout {
            None => PollTimeout::NONE,
            Some(t) => {
                let millis = t.as_nanos().div_ceil(1_000_000);
                PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
            }
        };
        match nix::poll::poll(&mut self.fds, timeout) {
            Ok(ready) => Ok(ready.max(0) as usize),
            Err(Errno::EINTR) => {
                // The kernel left the answers undefined.
                self.fds.iter_mut().for_each(|fd| *fd = PollFd::new(borrow(fd), fd.events()));
                Ok(0)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Whether a read would not block: bytes, end of stream, or an error to be fetched.
    pub fn readable(&self, place: usize) -> bool {
        self.has(place, PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR)
    }

    /// Whether a write would not block.
    pub fn writable(&self, place: usize) -> bool {
        self.has(place, PollFlags::POLLOUT | PollFlags::POLLHUP | PollFlags::POLLERR)
    }

    /// Whether the other end is gone or the descriptor is broken.
    pub fn closed(&self, place: usize) -> bool {
        self.has(place, PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL)
    }

    fn has(&self, place: usize, flags: PollFlags) -> bool {
        self.fds.get(place).and_then(PollFd::revents).is_some_and(|got| got.intersects(flags))
    }
}

/// The descriptor inside `fd` with the lifetime of the set.
fn borrow<'fd>(fd: &PollFd<'fd>) -> BorrowedFd<'fd> {
    use std::os::fd::{AsFd, AsRawFd};
    // SAFETY: `PollFd<'fd>` was made from a `BorrowedFd<'fd>`, so the descriptor stays open for `'fd`.
    unsafe { BorrowedFd::borrow_raw(fd.as_fd().as_raw_fd()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn only_the_descriptor_with_bytes_is_readable() {
        let (a, mut a2) = UnixStream::pair().unwrap();
        let (b, _b2) = UnixStream::pair().unwrap();
        a2.write_all(b"x").unwrap();
        let mut set = PollSet::new();
        let first = set.add(a.as_fd(), Interest::Read);
        let second = set.add(b.as_fd(), Interest::Read);
        assert_eq!(set.wait(None).unwrap(), 1);
        assert!(set.readable(first) && !set.readable(second));
        assert!(!set.closed(first));
    }

    #[test]
    fn a_timeout_is_kept_and_reports_nothing() {
        let (a, _a2) = UnixStream::pair().unwrap();
        let mut set = PollSet::new();
        let place = set.add(a.as_fd(), Interest::Read);
        let before = std::time::Instant::now();
        assert_eq!(set.wait(Some(Duration::from_micros(1500))).unwrap(), 0);
        assert!(before.elapsed() >= Duration::from_micros(1500));
        assert!(!set.readable(place));
    }

    #[test]
    fn a_closed_peer_is_readable_and_closed() {
        let (a, a2) = UnixStream::pair().unwrap();
        drop(a2);
        let mut set = PollSet::new();
        let place = set.add(a.as_fd(), Interest::Closed);
        assert_eq!(set.wait(None).unwrap(), 1);
        assert!(set.closed(place) && set.readable(place));
    }
}
