//! A packet socket (packet(7)): opening, options, binding.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket, sockopt};

use crate::OpenError;

/// Memory for frames that wait in the kernel beside the ring, in bytes: 64 oversized segments in each direction.
const SOCKET_BUFFER: usize = 8 << 20;

/// What a packet socket needs, for the operator.
const PRIVILEGE: &str = "packet sockets need CAP_NET_RAW in this network namespace; run bng as root or give it \
                         that capability (a container: --cap-add NET_RAW)";
/// What a kernel needs that has none, for the operator.
const FAMILY: &str = "the kernel has no packet sockets, or a filter keeps them from bng; load its module (modprobe \
                      af_packet), or allow AF_PACKET to the service (RestrictAddressFamilies=)";

/// A packet socket that delivers and takes whole Ethernet frames.
#[derive(Debug)]
pub(super) struct PacketSocket {
    fd: OwnedFd,
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn refusal(name: &str, errno: Errno) -> OpenError {
    match errno {
        Errno::EPERM | Errno::EACCES => OpenError::NotPermitted { name: name.to_owned(), need: PRIVILEGE },
        Errno::EAFNOSUPPORT => OpenError::unsupported(name, FAMILY),
        errno => OpenError::system(name, "packet socket", errno),
    }
}

impl PacketSocket {
    /// A socket that is not bound, and so receives nothing yet.
    pub(super) fn open(name: &str) -> Result<Self, OpenError> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Packet, SockType::Raw, flags, None);
        Ok(Self { fd: fd.map_err(|errno| refusal(name, errno))? })
    }

    /// Sets an option of level `SOL_PACKET`.
    pub(super) fn set<T: Copy>(&self, option: libc::c_int, value: &T) -> io::Result<()> {
        self.set_at(libc::SOL_PACKET, option, value)
    }

    fn set_at<T: Copy>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        // SAFETY: `value` is valid for reads of its own size, which is what the kernel is told.
        let result = unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                option,
                std::ptr::from_ref(value).cast(),
                mem::size_of::<T>() as libc::socklen_t,
            )
        };
        Errno::result(result)?;
        Ok(())
    }

    /// Gives the socket room for oversized segments; without the privilege to exceed the system's limit it gets
    /// what that limit allows.
    pub(super) fn enlarge_buffers(&self) -> io::Result<()> {
        let enlarge = |forced: nix::Result<()>, allowed: &dyn Fn() -> nix::Result<()>| forced.or_else(|_| allowed());
        let (receive, send) = (sockopt::RcvBufForce, sockopt::SndBufForce);
        enlarge(nix::sys::socket::setsockopt(self, receive, &SOCKET_BUFFER), &|| {
            nix::sys::socket::setsockopt(self, sockopt::RcvBuf, &SOCKET_BUFFER)
        })?;
        enlarge(nix::sys::socket::setsockopt(self, send, &SOCKET_BUFFER), &|| {
            nix::sys::socket::setsockopt(self, sockopt::SndBuf, &SOCKET_BUFFER)
        })?;
        Ok(())
    }

    /// Binds the socket to interface `index`. With `protocol` (such as `ETH_P_ALL`) it receives, with 0 it only sends.
    pub(super) fn bind(&self, index: libc::c_int, protocol: libc::c_int) -> io::Result<()> {
        // SAFETY: `sockaddr_ll` is plain old data, for which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (protocol as u16).to_be();
        address.sll_ifindex = index;
        let length = mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: `address` is valid for reads of `length` bytes.
        let result =
            unsafe { libc::bind(self.fd.as_raw_fd(), std::ptr::from_ref(&address).cast(), length) };
        Errno::result(result)?;
        Ok(())
    }

    /// Attaches a classic BPF program with the option `option` of `level`.
    pub(super) fn attach(
        &self,
        level: libc::c_int,
        option: libc::c_int,
        program: &mut [libc::sock_filter],
    ) -> io::Result<()> {
        let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // The kernel copies the program while it runs the call.
        self.set_at(level, option, &libc::sock_fprog { len: length, filter: program.as_mut_ptr() })
    }

    /// Removes the socket filter; fine when there is none.
    pub(super) fn detach(&self) -> io::Result<()> {
        match self.set_at(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            result => result,
        }
    }

    /// Frames that the kernel dropped since the last call because the ring was full.
    pub(super) fn take_drops(&self) -> io::Result<u32> {
        let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
        let mut length = mem::size_of_val(&stats) as libc::socklen_t;
        // SAFETY: `stats` and `length` are valid for writes, and `length` is the size of `stats`.
        let result = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                std::ptr::from_mut(&mut stats).cast(),
                &mut length,
            )
        };
        Errno::result(result)?;
        Ok(stats.tp_drops)
    }

    /// The identifier that the kernel chose for the socket's fanout group (lower half of the option).
    pub(super) fn fanout_group(&self) -> io::Result<u16> {
        let mut value: libc::c_int = 0;
        let mut length = mem::size_of_val(&value) as libc::socklen_t;
        // SAFETY: `value` and `length` are valid for writes, and `length` is the size of `value`.
        let result = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_FANOUT,
                std::ptr::from_mut(&mut value).cast(),
                &mut length,
            )
        };
        Errno::result(result)?;
        Ok((value & 0xffff) as u16)
    }

    /// The error that waits on the socket and made it readable, if any; fetching it clears it.
    pub(super) fn take_error(&self) -> Option<Errno> {
        match getsockopt(self, sockopt::SocketError) {
            Ok(0) => None,
            Ok(code) => Some(Errno::from_raw(code)),
            Err(errno) => Some(errno),
        }
    }

    /// True while the interface that the socket was bound to exists. The kernel forgets its index when it goes.
    pub(super) fn bound_to(&self, index: libc::c_int) -> bool {
        // SAFETY: `sockaddr_ll` is plain old data, for which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut length = mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: `address` and `length` are valid for writes, and `length` is the size of `address`.
        let result = unsafe {
            libc::getsockname(self.fd.as_raw_fd(), std::ptr::from_mut(&mut address).cast(), &mut length)
        };
        result == 0 && address.sll_ifindex == index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_packet_sockets_is_said_with_the_remedy() {
        let text = refusal("eth0", Errno::EAFNOSUPPORT).to_string();
        assert!(text.starts_with("cannot open interface eth0: the kernel has no packet sockets"), "{text}");
        assert!(text.contains("modprobe af_packet") && text.contains("RestrictAddressFamilies"), "{text}");
    }

    #[test]
    fn only_a_missing_privilege_is_called_one() {
        assert!(matches!(refusal("eth0", Errno::EPERM), OpenError::NotPermitted { .. }));
        assert!(matches!(refusal("eth0", Errno::EMFILE), OpenError::System { .. }));
    }
}
