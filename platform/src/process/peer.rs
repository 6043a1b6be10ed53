//! Who is at the other end of a Unix stream socket.

use std::io;
use std::os::unix::net::UnixStream;

/// The process at the other end, as it was when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Effective user id.
    pub uid: u32,
    /// Process id; `None` where the system does not tell it.
    pub pid: Option<u32>,
}

/// Who has connected.
///
/// # Errors
/// When the system does not know, for instance because the peer is gone.
#[cfg(target_os = "linux")]
pub fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let peer = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials)?;
    // Zero: a process of another PID namespace.
    Ok(Peer { uid: peer.uid(), pid: u32::try_from(peer.pid()).ok().filter(|pid| *pid > 0) })
}

/// Who has connected.
///
/// # Errors
/// When the system does not know, for instance because the peer is gone.
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub fn peer(stream: &UnixStream) -> io::Result<Peer> {
    use std::os::fd::AsRawFd;
    let mut credentials = std::ptr::null_mut();
    // SAFETY: the descriptor is open, and a null pointer asks the system to allocate the answer.
    if unsafe { libc::getpeerucred(stream.as_raw_fd(), &mut credentials) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: getpeerucred succeeded, so `credentials` is valid until it is freed below.
    let uid = unsafe { libc::ucred_geteuid(credentials) };
    // SAFETY: as above.
    let pid = unsafe { libc::ucred_getpid(credentials) };
    // SAFETY: as above; the pointer is not used afterwards.
    unsafe { libc::ucred_free(credentials) };
    if uid == libc::uid_t::MAX {
        return Err(io::Error::last_os_error());
    }
    Ok(Peer { uid, pid: u32::try_from(pid).ok() })
}

/// Who has connected.
///
/// # Errors
/// When the system does not know, for instance because the peer is gone.
#[cfg(not(any(target_os = "linux", target_os = "solaris", target_os = "illumos")))]
pub fn peer(stream: &UnixStream) -> io::Result<Peer> {
    Ok(Peer { uid: nix::unistd::getpeereid(stream)?.0.as_raw(), pid: None })
}

/// Our own effective user id.
pub fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_our_own_is_ours() {
        let (a, _b) = UnixStream::pair().unwrap();
        let peer = peer(&a).unwrap();
        assert_eq!(peer.uid, own_uid());
        assert!(peer.pid.is_none_or(|pid| pid == std::process::id()));
    }
}
