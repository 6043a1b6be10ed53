//! Waking a thread that sleeps in poll(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that any thread can make readable: an eventfd on Linux, a pipe elsewhere.
#[derive(Debug)]
pub struct Waker {
    read: OwnedFd,
    /// The other end of the pipe; an eventfd is its own other end.
    write: Option<OwnedFd>,
}

impl Waker {
    /// A waker that nobody has woken.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    #[cfg(target_os = "linux")]
    pub fn new() -> io::Result<Self> {
        use std::os::fd::FromRawFd;
        // SAFETY: no pointers; the result is checked before it is used.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` is a new descriptor that nobody else owns.
        Ok(Self { read: unsafe { OwnedFd::from_raw_fd(fd) }, write: None })
    }

    /// A waker that nobody has woken.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    #[cfg(not(target_os = "linux"))]
    pub fn new() -> io::Result<Self> {
        use nix::fcntl::OFlag;
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok(Self { read, write: Some(write) })
    }

    /// Makes the descriptor readable. Cheap, never blocks, may be called from any thread any number of times; a pipe
    /// that is full or a counter at its top is awake already, so errors mean nothing here.
    pub fn wake(&self) {
        let fd = self.write.as_ref().unwrap_or(&self.read);
        let _ = nix::unistd::write(fd, &1u64.to_ne_bytes());
    }

    /// Takes all wake-ups back. Look for work *after* this call, not before: work announced in between is then seen.
    pub fn drain(&self) {
        let mut bytes = [0; 512];
        while nix::unistd::read(&self.read, &mut bytes).is_ok_and(|n| n == bytes.len()) {}
    }

    /// The descriptor to poll for reading.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Interest, PollSet};
    use std::time::Duration;

    fn awake(waker: &Waker) -> bool {
        let mut set = PollSet::new();
        set.add(waker.fd(), Interest::Read);
        set.wait(Some(Duration::ZERO)).unwrap() == 1
    }

    #[test]
    fn many_wakes_are_one_and_drain_ends_them() {
        let waker = Waker::new().unwrap();
        assert!(!awake(&waker));
        for _ in 0..1000 {
            waker.wake();
        }
        assert!(awake(&waker));
        waker.drain();
        assert!(!awake(&waker));
    }

    #[test]
    fn another_thread_ends_the_wait() {
        let waker = std::sync::Arc::new(Waker::new().unwrap());
        let other = waker.clone();
        let thread = std::thread::spawn(move || other.wake());
        let mut set = PollSet::new();
        set.add(waker.fd(), Interest::Read);
        assert_eq!(set.wait(Some(Duration::from_secs(10))).unwrap(), 1);
        thread.join().unwrap();
    }
}
