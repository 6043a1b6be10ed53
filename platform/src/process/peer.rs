//! Who is at the other end of a Unix stream socket.

use std::io;
use std::os::unix::net::UnixStream;

/// Effective user id that the peer had when it connected.
///
/// # Errors
/// When the system does not know, for instance because the peer is gone.
#[cfg(target_os = "linux")]
pub fn uid(stream: &UnixStream) -> io::Result<u32> {
    let peer = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials)?;
    Ok(peer.uid())
}

/// Effective user id that the peer had when it connected.
///
/// # Errors
/// When the system does not know, for instance because the peer is gone.
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub fn uid(stream: &UnixStream) -> io::Result<u32> {
    use std::os::fd::AsRawFd;
    let mut credentials = std::ptr::null_mut();
    // SAFETY: the descriptor is open, and a null pointer asks the system to allocate the answer.
    if unsafe { libc::getpeerucred(stream.as_raw_fd(), &mut credentials) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: getpeerucred succeeded, so `credentials` is valid until it is freed on the next line.
    let uid = unsafe { libc::ucred_geteuid(credentials) };
    // SAFETY: as above; the pointer is not used afterwards.
    unsafe { libc::ucred_free(credentials) };
    if uid == libc::uid_t::MAX { Err(io::Error::last_os_error()) } else { Ok(uid) }
}

/// Effective user id that the peer had when it connected.
///
/// # Errors
/// When the system does not know, for instance because the peer is gone.
#[cfg(not(any(target_os = "linux", target_os = "solaris", target_os = "illumos")))]
pub fn uid(stream: &UnixStream) -> io::Result<u32> {
    Ok(nix::unistd::getpeereid(stream)?.0.as_raw())
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
        assert_eq!(uid(&a).unwrap(), own_uid());
    }
}
