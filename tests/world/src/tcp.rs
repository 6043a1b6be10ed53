//! TCP connections from one of many addresses of a host.

use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

/// Connects from an address of the host that the thread is on (port 0 for any) within `limit`, which then also holds
/// for every read and write.
///
/// # Errors
/// When the system refuses, or nobody answers in time.
pub fn connect_from(from: SocketAddrV4, to: SocketAddrV4, limit: Duration) -> io::Result<TcpStream> {
    let descriptor = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // On Linux this one also limits the time that a connection may take.
    let micros = i64::from(limit.subsec_micros());
    let time = TimeVal::new(i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), micros);
    setsockopt(&descriptor, sockopt::SendTimeout, &time)?;
    bind(descriptor.as_raw_fd(), &SockaddrIn::from(from))?;
    connect(descriptor.as_raw_fd(), &SockaddrIn::from(to))?;
    let stream = TcpStream::from(descriptor);
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}
