//! `access tap`: a new virtual interface whose other end is the host's network stack.
//!
//! The device is asked for no offloads, so the kernel completes and cuts whatever the host sends; what bng sends to
//! the host is completed and cut here. It exists until the port and all its queues are dropped.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::unistd::{read, write};

use super::request;
use crate::finish::{Finisher, Verdict};
use crate::offload::FRAME_MAX;
use crate::{BATCH_MAX, Batch, Caps, DoorStats, Frame, Meta, OpenError, Port, RxQueue, TxQueue, interface};

/// Longest name of an interface (`IFNAMSIZ` less the zero behind it).
const NAME_MAX: usize = nix::libc::IFNAMSIZ - 1;

/// What a TAP device needs, for the operator.
const PRIVILEGE: &str = "making a tap device needs CAP_NET_ADMIN; run bng as root or give it that capability";
/// What its control device needs, for the operator.
const DEVICE: &str = "/dev/net/tun may not be opened; give it mode 666, as udev does, or run bng as root";

/// A TAP device made by this process.
#[derive(Debug)]
pub(crate) struct TapPort {
    name: String,
    device: Arc<OwnedFd>,
    caps: Caps,
    rx_taken: bool,
}

/// Makes the device `name`. It is not up yet.
///
/// # Errors
/// See [`OpenError`]; [`OpenError::NameInUse`] when an interface has the name.
pub(crate) fn open(name: &str, queues: usize) -> Result<TapPort, OpenError> {
    if queues != 1 {
        return Err(OpenError::unsupported(name, "a tap device has one receive queue; set threads to 1 for it"));
    }
    // The kernel takes "%d" for a place to put a number, and a slash breaks its control files.
    if name.is_empty() || name.len() > NAME_MAX || name.contains(['/', '%', ' ', ':']) {
        let why = format!("the name of a tap device has 1 to {NAME_MAX} characters and none of / % : or space");
        return Err(OpenError::unsupported(name, why));
    }
    // The kernel would attach to a device that exists already and belongs to nobody.
    if if_nametoindex(name).is_ok() {
        return Err(OpenError::NameInUse { name: name.to_owned() });
    }
    let mut configuration = tun::Configuration::default();
    configuration.tun_name(name).layer(tun::Layer::L2);
    // Addresses and state are the business of the operator's `init` commands.
    configuration.platform_config(|platform| {
        platform.ensure_root_privileges(false);
    });
    let device = tun::create(&configuration).map_err(|error| refusal(name, error.into()))?;
    device.set_nonblock().map_err(|error| OpenError::system(name, "non-blocking mode", error))?;
    // SAFETY: the device gives its only descriptor away, open and owned by nobody else.
    let device = unsafe { OwnedFd::from_raw_fd(device.into_raw_fd()) };
    let interface = interface::find(name)?;
    let caps = Caps { mtu: interface.mtu, access: "tap", mac: interface.mac, queues: 1 };
    Ok(TapPort { name: name.to_owned(), device: Arc::new(device), caps, rx_taken: false })
}

fn refusal(name: &str, error: io::Error) -> OpenError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM) => OpenError::NotPermitted { name: name.to_owned(), need: PRIVILEGE },
        // The kernel says so of the file, and never of the device.
        Some(Errno::EACCES) => OpenError::NotPermitted { name: name.to_owned(), need: DEVICE },
        Some(Errno::EBUSY | Errno::EEXIST) => OpenError::NameInUse { name: name.to_owned() },
        Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => {
            OpenError::unsupported(name, "there is no /dev/net/tun; load the kernel module tun (modprobe tun)")
        }
        _ => OpenError::system(name, "making the tap device", error),
    }
}

impl Port for TapPort {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>> {
        if std::mem::replace(&mut self.rx_taken, true) {
            return Vec::new();
        }
        vec![Box::new(TapRx {
            name: self.name.clone(),
            device: self.device.clone(),
            slab: vec![0; BATCH_MAX * FRAME_MAX],
            stats: DoorStats::default(),
        })]
    }

    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>> {
        // Perhaps `init` changed it since the device was made.
        let finisher = Finisher::new(request::mtu(&self.name)?);
        Ok(Box::new(TapTx { name: self.name.clone(), device: self.device.clone(), finisher }))
    }

    fn link_up(&self) -> bool {
        interface::link_up(&self.name)
    }
}

fn removed(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("tap device {name} was removed"))
}

#[derive(Debug)]
struct TapRx {
    name: String,
    device: Arc<OwnedFd>,
    /// Room for a batch of the largest frames; the system provides the pages that are touched.
    slab: Vec<u8>,
    stats: DoorStats,
}

impl RxQueue for TapRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        let mut batch = Batch::new();
        for slot in self.slab.chunks_exact_mut(FRAME_MAX) {
            match read(&self.device, slot) {
                Ok(length) => batch.push(Frame::new(&mut slot[..length], Meta::default())),
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                // The device is gone, in two stages of its end.
                Err(Errno::EBADFD | Errno::EFAULT) => return Err(removed(&self.name)),
                Err(errno) => return Err(errno.into()),
            }
        }
        self.stats.received += batch.len() as u64;
        Ok(batch)
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.device.as_fd())
    }

    fn stats(&mut self) -> DoorStats {
        // What the host sent and nobody read in time is a drop on transmission from the host's point of view. The
        // device is as old as the port, so the counter is too.
        let table = std::fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
        self.stats.overrun = sending_drops(&table, &self.name).unwrap_or(self.stats.overrun);
        self.stats
    }
}

/// Frames that interface `name` dropped on transmission, from the table in proc_net(5): eight columns of reception,
/// then bytes, packets, errors, drops and four more of transmission.
fn sending_drops(table: &str, name: &str) -> Option<u64> {
    let of = |line: &str| line.trim_start().strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
    table.lines().find_map(of)?.split_whitespace().nth(8 + 3)?.parse().ok()
}

#[derive(Debug)]
struct TapTx {
    name: String,
    device: Arc<OwnedFd>,
    finisher: Finisher,
}

fn put(name: &str, device: &OwnedFd, frame: &[u8]) -> io::Result<Verdict> {
    match write(device, frame) {
        Ok(_) => Ok(Verdict::Sent),
        Err(Errno::EBADFD) => Err(removed(name)),
        // EIO: the interface is down. EINVAL: shorter than an Ethernet header. EAGAIN, ENOBUFS, ENOMEM: no room.
        Err(_) => Ok(Verdict::Refused),
    }
}

impl TxQueue for TapTx {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        let Self { name, device, finisher } = self;
        finisher.send(batch, mask, |frame| put(name, device, frame))
    }

    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool> {
        let Self { name, device, finisher } = self;
        finisher.send_bytes(frame, |frame| put(name, device, frame))
    }

    fn stats(&self) -> DoorStats {
        self.finisher.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_read_from_the_right_line_and_column() {
        let table = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  tap1:     900     15    0    1    0     0          0         0      480       8    0    6    0     0       0          0
  tap0:     900     15    0    1    0     0          0         0      480       8    0    7    0     0       0          0
    lo:       0      0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
";
        assert_eq!(sending_drops(table, "tap0"), Some(7));
        assert_eq!(sending_drops(table, "tap"), None);
        assert_eq!(sending_drops("", "tap0"), None);
    }
}
