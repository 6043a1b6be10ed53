//! Questions about an interface that only an `ioctl` answers (netdevice(7)).

use std::io;
use std::mem;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

nix::ioctl_read_bad!(get_mtu, nix::libc::SIOCGIFMTU, nix::libc::ifreq);

/// Largest layer-3 packet of an interface in bytes.
///
/// # Errors
/// When there is no such interface.
pub(crate) fn mtu(name: &str) -> io::Result<usize> {
    // Any socket does; this kind needs no privilege.
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: `ifreq` is plain old data, for which all zeros is a value.
    let mut request: nix::libc::ifreq = unsafe { mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::NotFound.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as nix::libc::c_char;
    }
    // SAFETY: the descriptor is open and `request` is what SIOCGIFMTU reads (a zero-terminated name) and writes.
    unsafe { get_mtu(socket.as_raw_fd(), &mut request) }?;
    // SAFETY: SIOCGIFMTU succeeded, so `ifru_mtu` is the member of the union that is set.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    usize::try_from(mtu).map_err(|_| io::ErrorKind::InvalidData.into())
}
