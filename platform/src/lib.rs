//! The doors of bng.
//!
//! # The port contract
//!
//! An operating system supplies *ports* (open network interfaces). A port has one or more *receive queues*, each
//! read by one worker thread, and hands out any number of *transmit queues*. The balancer above sees nothing else.
//! What every door promises:
//!
//! 1. A frame is what was on the wire, without the FCS: a VLAN tag that the system stripped is put back.
//! 2. What is *not* yet on the wire is said in [`Meta`]: a checksum that the sender left to hardware
//!    ([`Csum::Partial`]) and a segment larger than the MTU that hardware would cut ([`Gso`]). A transmit queue
//!    carries both on, or completes and cuts; it never emits a broken checksum or an oversized frame.
//! 3. Frames that this port sent are not received again, as far as the system lets us say so; the engine filters
//!    the rest by source address.
//! 4. The interface is promiscuous: bng's addresses are synthetic.
//! 5. Nothing blocks. An empty batch means "nothing there"; a worker then sleeps on [`RxQueue::wait_fd`].
//! 6. Every frame lost inside the door is counted in [`DoorStats`].
//!
//! Without the features `os` and `process` this crate is the contract and the [`memory`] door, and builds for targets
//! that have no operating system at all. With `process` alone it has the services for a daemon, but opens no interface.

mod batch;
pub mod memory;
pub mod offload;
#[cfg(all(unix, feature = "process"))]
pub mod process;
mod zeroed;

cfg_if::cfg_if! {
    if #[cfg(all(feature = "os", unix))] {
        mod fan;
        mod finish;
        mod interface;
        mod open;
        mod pcap;
        pub mod solaris;
        mod spread;
        cfg_if::cfg_if! {
            if #[cfg(target_os = "linux")] {
                mod linux;
            }
        }
        pub use interface::interface_names;
        pub use open::{Access, OpenError, PortSpec, open};
    }
}

pub use batch::{BATCH_MAX, Batch, Csum, Frame, Gso, GsoKind, Meta};
pub use zeroed::Zeroed;

use std::io;

/// Counters of one queue since it was opened. All count frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DoorStats {
    /// Frames handed to the engine.
    pub received: u64,
    /// Frames that the system dropped because nobody fetched them in time.
    pub overrun: u64,
    /// Frames longer than the door can hold; dropped by the door.
    pub truncated: u64,
    /// Frames given to the system for sending.
    pub sent: u64,
    /// Frames that the system refused to send (queue full, link down, too long).
    pub refused: u64,
}

/// What a port can do; fixed when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Largest layer-3 packet in bytes.
    pub mtu: usize,
    /// The door's name as the operator writes it after `access`.
    pub access: &'static str,
    /// The interface's own hardware address.
    pub mac: [u8; 6],
    /// Number of receive queues.
    pub queues: usize,
}

/// Receives frames; owned by one worker.
pub trait RxQueue: Send {
    /// The frames that have arrived, at most [`BATCH_MAX`]; empty when there are none. Never blocks.
    /// Their memory goes back to the system with the next call.
    ///
    /// # Errors
    /// Only when the queue is unusable (interface gone): the caller reports it and closes the port.
    fn recv(&mut self) -> io::Result<Batch<'_>>;

    /// Descriptor that becomes readable when frames arrive; `None` for doors without an operating system.
    #[cfg(unix)]
    fn wait_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>>;

    /// Counters so far.
    fn stats(&mut self) -> DoorStats;

    /// Says which unicast destination addresses the engine wants; broadcast and multicast always arrive. A door
    /// that can do so early drops everything else, so that traffic of a host on the same interface is not copied
    /// here. It is a hint: frames to other addresses may still arrive, those already on their way in any case.
    ///
    /// # Errors
    /// When the system refuses; then everything arrives, as before.
    fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
        let _ = macs;
        Ok(())
    }
}

/// Sends frames; any number per port, each owned by one thread.
pub trait TxQueue: Send {
    /// Sends the frames of `batch` whose bit is set in `mask` (bit 0 = first frame) and returns the bits accepted.
    /// Frames may be changed on the way (checksums completed).
    ///
    /// # Errors
    /// Only when the port is unusable; a full queue is a cleared bit.
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64>;

    /// Sends one frame that bng made itself (complete checksums, at most the MTU). `false`: refused.
    ///
    /// # Errors
    /// As [`TxQueue::send`].
    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool>;

    /// Counters so far.
    fn stats(&self) -> DoorStats;
}

/// An open interface. Dropping it and all its queues closes it (a TAP device made by bng disappears).
pub trait Port: Send {
    /// What the port can do.
    fn caps(&self) -> Caps;

    /// The receive queues, once; a second call returns an empty vector.
    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>>;

    /// A further transmit queue.
    ///
    /// # Errors
    /// When the system refuses another handle.
    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>>;

    /// Whether the link is up now.
    fn link_up(&self) -> bool;
}
