//! A lock on a file that lives exactly as long as the process that holds it.
//!
//! POSIX record locks (fcntl(2)), because every system has them and because they answer *who* holds the lock. Their
//! known trap is that closing any descriptor of the file releases the lock: the holder opens it once.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::File;
use std::io;

/// Outcome of [`acquire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// The lock is ours until the file is closed or the process ends.
    Ours,
    /// Another process holds it.
    Taken,
}

/// Takes the lock on `file`, which must be open for writing, without waiting.
///
/// # Errors
/// When the file system does not support locks.
pub fn acquire(file: &File) -> io::Result<Acquired> {
    match fcntl(file, FcntlArg::F_SETLK(&whole_file())) {
        Ok(_) => Ok(Acquired::Ours),
        Err(Errno::EACCES | Errno::EAGAIN) => Ok(Acquired::Taken),
        Err(e) => Err(e.into()),
    }
}

/// The process that holds the lock on `file`: its PID, or 0 when it lives where we cannot see it. `None`: nobody,
/// or we ourselves.
///
/// # Errors
/// As [`acquire`].
pub fn holder(file: &File) -> io::Result<Option<u32>> {
    let mut lock = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut lock))?;
    if lock.l_type == libc::F_UNLCK as libc::c_short {
        return Ok(None);
    }
    Ok(Some(u32::try_from(lock.l_pid).unwrap_or(0)))
}

fn whole_file() -> libc::flock {
    // SAFETY: all-zero bytes are a valid `struct flock`; its fields differ between systems, so it is not written
    // out here. Start 0 and length 0 mean the whole file.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_our_own_is_no_obstacle() {
        let path = std::env::temp_dir().join(format!("bng-lock-{}", std::process::id()));
        let file = File::options().create(true).truncate(true).write(true).read(true).open(&path).unwrap();
        assert_eq!(holder(&file).unwrap(), None);
        assert_eq!(acquire(&file).unwrap(), Acquired::Ours);
        assert_eq!(holder(&file).unwrap(), None);
        std::fs::remove_file(path).unwrap();
    }
}
