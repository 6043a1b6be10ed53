//! What child processes inherit: no descriptors but the three standard ones.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::os::fd::{BorrowedFd, RawFd};

/// Marks every open descriptor but the standard ones as not to be inherited. Our own are made like that; this is for
/// those that libraries open (libpcap does not mark its sockets). Call it in front of starting a process, on the
/// thread that has libraries open things.
pub(super) fn nothing() {
    // Every system that we care for lists the descriptors of a process here.
    let Ok(entries) = std::fs::read_dir("/dev/fd") else { return };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok());
    for number in numbers.filter(|number| *number > 2) {
        // SAFETY: the descriptor is only asked for and given a flag, by its number; if it was closed meanwhile, by
        // this listing or another thread, the calls fail and nothing happens.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        let flags = fcntl(fd, FcntlArg::F_GETFD).map(FdFlag::from_bits_retain);
        if let Ok(flags) = flags.map(|flags| flags | FdFlag::FD_CLOEXEC) {
            let _ = fcntl(fd, FcntlArg::F_SETFD(flags));
        }
    }
}
