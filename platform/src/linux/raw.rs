//! `access raw`: packet sockets with a mapped receive ring and batched transmission.
//!
//! Receive: frames are rewritten in the slots of a TPACKET_V2 ring. Slots are small, because nearly all frames are;
//! an oversized segment (GRO, GSO) does not fit. For those the kernel was asked for `PACKET_COPY_THRESH`: it puts the
//! whole segment into the socket's ordinary queue, a cut copy into the ring, and marks the slot `TP_STATUS_COPY`.
//! Order is kept, so for every marked slot one `recv` fetches its segment into memory of our own.
//!
//! Transmit: one `sendmmsg` for all frames of a mask, from the memory they were received in.
//!
//! In both directions a virtio header in front of each frame carries what is not done yet (`vnet.rs`), so that a
//! segment of 64 KiB crosses bng without being touched.

use std::io::{self, IoSlice};
use std::mem;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use arrayvec::ArrayVec;
use nix::errno::Errno;
use nix::libc::{
    self, ETH_P_8021Q, ETH_P_ALL, PACKET_ADD_MEMBERSHIP, PACKET_COPY_THRESH, PACKET_FANOUT, PACKET_FANOUT_CBPF,
    PACKET_FANOUT_DATA, PACKET_FANOUT_FLAG_UNIQUEID, PACKET_IGNORE_OUTGOING, PACKET_MR_PROMISC, PACKET_RESERVE,
    PACKET_VNET_HDR, SO_ATTACH_FILTER, SOL_PACKET, SOL_SOCKET, TP_STATUS_COPY, TP_STATUS_VLAN_TPID_VALID,
    TP_STATUS_VLAN_VALID, TPACKET2_HDRLEN, c_int, packet_mreq, tpacket2_hdr,
};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::uio::writev;

use super::ring::Ring;
use super::socket::PacketSocket;
use super::{filter, vnet};
use crate::offload::{FRAME_MAX, VLAN_TAG};
use crate::{BATCH_MAX, Batch, Caps, DoorStats, Frame, Meta, OpenError, Port, RxQueue, TxQueue, interface};

/// Bytes of a ring per queue: 8,192 frames of usual size, 20 ms at 400,000 frames a second, for a worker that was off
/// its processor. A longer ring adds latency under overload, not throughput.
const RING_BYTES: usize = 16 << 20;
/// Bytes of a slot for the usual MTU of 1500.
const SLOT: usize = 2048;
/// Largest slot for jumbo frames; what is longer takes the way of oversized segments.
const SLOT_MAX: usize = 16_384;
/// Bytes in a slot that are not frame: header, virtio header, padding.
const SLOT_OVERHEAD: usize = 128;
/// Free bytes in front of a frame, so that the IP header behind the Ethernet header is aligned to 16 bytes.
const RESERVE: c_int = 6;

/// Most oversized segments in one batch. A megabyte stays in the second-level cache; 64 segments would not.
const OVERSIZED_BATCH: usize = 16;
/// Bytes for one oversized segment with its virtio header.
const OVERSIZED: usize = FRAME_MAX + vnet::LEN;

/// Calls of `recv` without a frame after which the socket is asked for errors. The system wakes a sleeping worker
/// for an error as it does for a frame, and goes on until somebody fetches it.
const QUIET_CALLS: u32 = 64;

/// An interface opened with packet sockets.
#[derive(Debug)]
pub(crate) struct RawPort {
    name: String,
    index: c_int,
    caps: Caps,
    rx: Vec<RawRx>,
}

/// Opens `name` with `queues` receive queues.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn open(name: &str, queues: usize) -> Result<RawPort, OpenError> {
    let interface = interface::find(name)?;
    if !interface.ethernet {
        return Err(OpenError::unsupported(name, "it is not an Ethernet interface; bng balances Ethernet frames"));
    }
    let index = nix::net::if_::if_nametoindex(name)
        .map_err(|errno| OpenError::system(name, "looking it up", errno))? as c_int;
    let caps = Caps { mtu: interface.mtu, access: "raw", mac: interface.mac, queues };
    let mut rx = Vec::with_capacity(queues);
    for _ in 0..queues {
        rx.push(RawRx::open(name, index, interface.mtu)?);
    }
    if queues > 1 {
        fan_out(&rx).map_err(|error| OpenError::system(name, "sharing frames between threads", error))?;
    }
    Ok(RawPort { name: name.to_owned(), index, caps, rx })
}

/// Makes the kernel deal the interface's frames out to the queues by client.
fn fan_out(rx: &[RawRx]) -> io::Result<()> {
    let Some((first, others)) = rx.split_first() else { return Ok(()) };
    let join = |queue: &RawRx, flags: u32, group: u16| {
        queue.socket.set(PACKET_FANOUT, &(u32::from(group) | (PACKET_FANOUT_CBPF | flags) << 16))
    };
    join(first, PACKET_FANOUT_FLAG_UNIQUEID, 0)?;
    first.socket.attach(SOL_PACKET, PACKET_FANOUT_DATA, &mut filter::clients())?;
    let group = first.socket.fanout_group()?;
    for other in others {
        join(other, 0, group)?;
    }
    Ok(())
}

impl Port for RawPort {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>> {
        self.rx.drain(..).map(|rx| Box::new(rx) as Box<dyn RxQueue>).collect()
    }

    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>> {
        Ok(Box::new(RawTx::open(&self.name, self.index)?))
    }

    fn link_up(&self) -> bool {
        interface::link_up(&self.name)
    }
}

/// A receive queue.
#[derive(Debug)]
struct RawRx {
    ring: Ring,
    socket: PacketSocket,
    /// Memory for [`OVERSIZED_BATCH`] segments; the system provides it when it is first touched.
    oversized: Vec<u8>,
    link: Link,
    stats: DoorStats,
}

/// What a receive queue knows of its interface.
#[derive(Debug)]
struct Link {
    name: String,
    index: c_int,
    /// Calls without a frame in a row.
    quiet: u32,
    /// The interface went down, and perhaps away, and no frame has arrived since.
    went_down: bool,
}

impl Link {
    /// After a call without a frame: an interface that is down is silent, one that is gone is an error.
    fn check(&mut self, socket: &PacketSocket) -> io::Result<()> {
        self.quiet += 1;
        if self.quiet >= QUIET_CALLS {
            self.quiet = 0;
            self.went_down |= socket.take_error().is_some();
        }
        // The kernel speaks up when the interface goes down, but not again when it is removed afterwards.
        if self.went_down && !socket.bound_to(self.index) {
            return Err(removed(&self.name));
        }
        Ok(())
    }
}

fn removed(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("interface {name} was removed"))
}

impl RawRx {
    fn open(name: &str, index: c_int, mtu: usize) -> Result<Self, OpenError> {
        let system = |step| move |error: io::Error| OpenError::system(name, step, error);
        let socket = PacketSocket::open(name)?;
        // The virtio header and the reserve change the layout of a slot, so they come before the ring.
        socket.set(PACKET_VNET_HDR, &(1 as c_int)).map_err(system("virtio headers"))?;
        socket.set(PACKET_RESERVE, &RESERVE).map_err(system("receive ring"))?;
        // A kernel before 4.20 does not know this option; the engine drops frames from its own addresses anyway.
        let _ = socket.set(PACKET_IGNORE_OUTGOING, &(1 as c_int));
        // Any value but 0 asks for whole copies of what does not fit a slot.
        socket.set(PACKET_COPY_THRESH, &(1 as c_int)).map_err(system("oversized segments"))?;
        socket.enlarge_buffers().map_err(system("socket buffers"))?;
        let slot = match (mtu + SLOT_OVERHEAD).next_power_of_two() {
            size if size <= SLOT_MAX => size.max(SLOT),
            _ => SLOT,
        };
        let ring = Ring::map(&socket, slot, RING_BYTES).map_err(system("receive ring"))?;
        let promiscuous = packet_mreq {
            mr_ifindex: index,
            mr_type: PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        socket.set(PACKET_ADD_MEMBERSHIP, &promiscuous).map_err(system("promiscuous mode"))?;
        // From here on frames arrive. An interface that is down leaves an error behind, fetched later by `Link`.
        socket.bind(index, ETH_P_ALL).map_err(system("binding the packet socket"))?;
        Ok(Self {
            ring,
            socket,
            oversized: vec![0; OVERSIZED_BATCH * OVERSIZED],
            link: Link { name: name.to_owned(), index, quiet: 0, went_down: false },
            stats: DoorStats::default(),
        })
    }
}

impl RxQueue for RawRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        let Self { ring, socket, oversized, link, stats } = self;
        let mut batch = Batch::new();
        let mut memory = oversized.chunks_exact_mut(OVERSIZED);
        let mut slots = 0;
        ring.drain(|header, slot| {
            slots += 1;
            let length = header.tp_len as usize;
            // `area` is the virtio header with the frame behind it.
            let area = if header.tp_status & TP_STATUS_COPY != 0 {
                memory.next().and_then(|area| fetch_oversized(socket, area))
            } else if header.tp_len == header.tp_snaplen {
                let start = usize::from(header.tp_mac) - vnet::LEN - TPACKET2_HDRLEN;
                slot.get_mut(start..start + vnet::LEN + length)
            } else {
                None
            };
            match area {
                Some(area) => batch.push(frame(header, area)),
                // The kernel had no room for a whole copy, or even the copy was longer than we hold.
                None if length <= FRAME_MAX => stats.overrun += 1,
                None => stats.truncated += 1,
            }
            if slots == BATCH_MAX || memory.len() == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if slots == 0 {
            link.check(socket)?;
        } else {
            link.quiet = 0;
            link.went_down = false;
        }
        stats.received += batch.len() as u64;
        Ok(batch)
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn stats(&mut self) -> DoorStats {
        // The option cannot fail on a packet socket; if it did, nothing would be known to be lost.
        self.stats.overrun += u64::from(self.socket.take_drops().unwrap_or(0));
        self.stats
    }

    fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
        match filter::destinations(macs) {
            Some(mut program) => self.socket.attach(SOL_SOCKET, SO_ATTACH_FILTER, &mut program),
            None => self.socket.detach(),
        }
    }
}

/// Fetches the segment that belongs to the slot marked `TP_STATUS_COPY` which was just read.
fn fetch_oversized<'m>(socket: &PacketSocket, area: &'m mut [u8]) -> Option<&'m mut [u8]> {
    loop {
        // With MSG_TRUNC the kernel returns the length of the segment even when it cut it.
        match recv(socket.as_fd().as_raw_fd(), area, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC) {
            Ok(length) => return area.get_mut(..length),
            // The error of a link that went down, which is told before what arrived earlier.
            Err(Errno::ENETDOWN | Errno::EINTR) => {}
            // A kind of segment that the virtio header cannot describe; the kernel dropped it.
            Err(_) => return None,
        }
    }
}

/// The frame in `area` behind its virtio header, its VLAN tag put back.
fn frame<'r>(header: &tpacket2_hdr, area: &'r mut [u8]) -> Frame<'r> {
    const ADDRESSES: usize = 12;
    let mut notes = [0; vnet::LEN];
    notes.copy_from_slice(&area[..vnet::LEN]);
    let tagged = header.tp_status & TP_STATUS_VLAN_VALID != 0 && area.len() >= vnet::LEN + ADDRESSES;
    if !tagged {
        let bytes = &mut area[vnet::LEN..];
        let meta = vnet::read(notes, bytes, 0);
        return Frame::new(bytes, meta);
    }
    // The addresses move forward over the header that was just read, and the tag fills the gap.
    let tpid = match header.tp_status & TP_STATUS_VLAN_TPID_VALID {
        0 => ETH_P_8021Q as u16,
        _ => header.tp_vlan_tpid,
    };
    let start = vnet::LEN - VLAN_TAG;
    area.copy_within(vnet::LEN..vnet::LEN + ADDRESSES, start);
    let bytes = &mut area[start..];
    bytes[ADDRESSES..ADDRESSES + 2].copy_from_slice(&tpid.to_be_bytes());
    bytes[ADDRESSES + 2..ADDRESSES + 4].copy_from_slice(&header.tp_vlan_tci.to_be_bytes());
    let meta = vnet::read(notes, bytes, VLAN_TAG as u16);
    Frame::new(bytes, meta)
}

/// A transmit queue: a packet socket of its own that receives nothing.
#[derive(Debug)]
struct RawTx {
    socket: PacketSocket,
    name: String,
    stats: DoorStats,
}

/// What a refused frame means for the others.
enum Refusal {
    /// This frame cannot be sent (too long, too short, notes that do not fit); the next may.
    Frame,
    /// The system takes no frame now.
    Full,
    /// The interface was removed.
    Gone,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENXIO | Errno::ENODEV => Self::Gone,
            // After a full queue every further frame would cost a call to be refused as well.
            Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::ENETDOWN | Errno::EINTR => Self::Full,
            _ => Self::Frame,
        }
    }
}

impl RawTx {
    fn open(name: &str, index: c_int) -> io::Result<Self> {
        let socket = PacketSocket::open(name).map_err(io::Error::other)?;
        socket.set(PACKET_VNET_HDR, &(1 as c_int))?;
        socket.enlarge_buffers()?;
        // PACKET_QDISC_BYPASS is left alone: on veth it changed nothing (1.19 microseconds a frame either way), and on
        // a network card it would trade the queue that absorbs bursts for drops.
        socket.bind(index, 0)?;
        Ok(Self { socket, name: name.to_owned(), stats: DoorStats::default() })
    }
}

impl TxQueue for RawTx {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        let mask = mask & batch.all();
        // Nothing here is initialised for frames that are not sent.
        let mut bits = ArrayVec::<u64, BATCH_MAX>::new();
        let mut headers = ArrayVec::<[u8; vnet::LEN], BATCH_MAX>::new();
        let mut parts = ArrayVec::<[libc::iovec; 2], BATCH_MAX>::new();
        let mut messages = ArrayVec::<libc::mmsghdr, BATCH_MAX>::new();
        for (index, frame) in batch.frames().iter().enumerate() {
            let bit = 1 << index;
            if mask & bit != 0 {
                bits.push(bit);
                headers.push(if frame.meta == Meta::default() { vnet::NOTHING } else { vnet::write(&frame.meta) });
            }
        }
        let chosen = batch.frames().iter().enumerate().filter(|(index, _)| mask >> index & 1 != 0);
        for ((_, frame), header) in chosen.zip(&headers) {
            let part = |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr() as *mut _, iov_len: bytes.len() };
            parts.push([part(header), part(frame.bytes())]);
        }
        for part in &mut parts {
            // SAFETY: `mmsghdr` is plain old data, for which all zeros is a value: no address, no control data.
            let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
            message.msg_hdr.msg_iov = part.as_mut_ptr();
            message.msg_hdr.msg_iovlen = 2;
            messages.push(message);
        }

        let mut accepted = 0;
        let mut at = 0;
        while at < messages.len() {
            let rest = &mut messages[at..];
            // SAFETY: every message points to two parts, those to a header and a frame, and all of them live, in
            // vectors that no longer grow, until the call returns; the kernel only reads what the parts point to.
            let result = unsafe {
                libc::sendmmsg(
                    self.socket.as_fd().as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            // The call stops before the first frame that is refused, and returns the error when that is the first.
            match Errno::result(result).map_err(Refusal::from) {
                Ok(count) => {
                    let end = at + count as usize;
                    accepted |= bits[at..end].iter().sum::<u64>();
                    at = end;
                }
                Err(Refusal::Frame) => at += 1,
                Err(Refusal::Full) => break,
                Err(Refusal::Gone) => return Err(removed(&self.name)),
            }
        }
        self.stats.sent += u64::from(accepted.count_ones());
        self.stats.refused += u64::from((mask & !accepted).count_ones());
        Ok(accepted)
    }

    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool> {
        match writev(&self.socket, &[IoSlice::new(&vnet::NOTHING), IoSlice::new(frame)]).map_err(Refusal::from) {
            Ok(_) => {
                self.stats.sent += 1;
                Ok(true)
            }
            Err(Refusal::Gone) => Err(removed(&self.name)),
            Err(Refusal::Frame | Refusal::Full) => {
                self.stats.refused += 1;
                Ok(false)
            }
        }
    }

    fn stats(&self) -> DoorStats {
        self.stats
    }
}
