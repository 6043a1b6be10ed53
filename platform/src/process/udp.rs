//! A socket that answers datagrams.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind as bind_socket, setsockopt, socket, sockopt,
};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// A socket at `address` that does not block and is not inherited. One of IPv6 serves IPv6 only, whatever the system's
/// default, so that another one can serve IPv4 at the same port.
///
/// # Errors
/// When the address is not one of this machine, or the port is in use or needs a privilege.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    // Not every system takes the flags here.
    let fd = socket(family, SockType::Datagram, SockFlag::empty(), None)?;
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    if address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    bind_socket(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    let socket = UdpSocket::from(fd);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_have_a_port_of_the_same_number() {
        let six = match bind("[::]:0".parse().unwrap()) {
            // A machine without IPv6 has nothing to prove here.
            Err(e) if e.raw_os_error() == Some(libc::EAFNOSUPPORT) => return,
            other => other.unwrap(),
        };
        let port = six.local_addr().unwrap().port();
        let four = bind(SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
        assert!(bind(SocketAddr::from(([0, 0, 0, 0], port))).is_err(), "the port is taken");
        assert_eq!(four.recv_from(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
