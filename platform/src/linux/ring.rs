//! The mapped receive ring of a packet socket, TPACKET_V2 (Documentation/networking/packet_mmap.rst).
//!
//! ```text
//! slot     | header | sender's address | pad | virtio header | frame ...                    |
//!          0        32                        tp_mac - 10     tp_mac                   slot size
//! ```
//!
//! The status word of a slot says whose it is: the kernel fills a slot that is its own and makes it ours, we read it
//! and give it back. Version 3 packs frames of any size into blocks, but hands a block over only when it is full or a
//! timer of at least a millisecond expires; `benches/ring.rs` measures what that costs.

use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc::{
    PACKET_RX_RING, PACKET_VERSION, TP_STATUS_KERNEL, TP_STATUS_USER, TPACKET2_HDRLEN, c_int, c_uint, c_void,
    tpacket_req, tpacket_versions, tpacket2_hdr,
};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::socket::PacketSocket;

/// Bytes of a block, the unit in which the kernel allocates: a power of two, and a multiple of page and slot.
const BLOCK: usize = 1 << 18;

/// A receive ring. Slots are given out in order and come back in order.
#[derive(Debug)]
pub(super) struct Ring {
    map: NonNull<u8>,
    slot_size: usize,
    slots: usize,
    /// The slot that the kernel fills next, as far as we know.
    next: usize,
    /// Slots before `next` that we still hold.
    held: usize,
}

// SAFETY: the mapping belongs to this value alone; nothing in it is bound to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps a ring of about `bytes` bytes with slots of `slot_size` (a power of two of at least 256, at most 256 KiB).
    /// The socket must not be bound yet, and options that change the layout of a slot must be set.
    pub(super) fn map(socket: &PacketSocket, slot_size: usize, bytes: usize) -> io::Result<Self> {
        debug_assert!(slot_size.is_power_of_two() && (256..=BLOCK).contains(&slot_size));
        let blocks = (bytes / BLOCK).max(1);
        let slots = blocks * (BLOCK / slot_size);
        socket.set(PACKET_VERSION, &(tpacket_versions::TPACKET_V2 as c_int))?;
        let request = tpacket_req {
            tp_block_size: BLOCK as c_uint,
            tp_block_nr: blocks as c_uint,
            tp_frame_size: slot_size as c_uint,
            tp_frame_nr: slots as c_uint,
        };
        socket.set(PACKET_RX_RING, &request)?;
        let length = NonZeroUsize::new(blocks * BLOCK).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address of the kernel's choice; `length` is what the ring was made with.
        let map = unsafe {
            mmap(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED, socket.as_fd(), 0)
        }?;
        Ok(Self { map: map.cast(), slot_size, slots, next: 0, held: 0 })
    }

    fn slot(&self, index: usize) -> *mut u8 {
        debug_assert!(index < self.slots);
        // SAFETY: the mapping has `slots` slots of `slot_size` bytes.
        unsafe { self.map.as_ptr().add(index * self.slot_size) }
    }

    fn status(&self, index: usize) -> &AtomicU32 {
        // SAFETY: a slot starts with its 32-bit status at an address that is a multiple of its size; kernel and we
        // change it only as a whole word.
        unsafe { AtomicU32::from_ptr(self.slot(index).cast()) }
    }

    /// Gives the slots of the last call back to the kernel, then hands every filled slot to `each` in order: its
    /// header and the bytes behind it (offsets in the header count from [`TPACKET2_HDRLEN`] bytes before them).
    /// Stops after the slot for which `each` breaks. An empty ring costs one read.
    pub(super) fn drain<'r>(
        &'r mut self,
        mut each: impl FnMut(&tpacket2_hdr, &'r mut [u8]) -> ControlFlow<()>,
    ) {
        while self.held > 0 {
            let index = (self.next + self.slots - self.held) % self.slots;
            // Release: our last writes to the frame happen before the kernel writes the next one.
            self.status(index).store(TP_STATUS_KERNEL, Ordering::Release);
            self.held -= 1;
        }
        // All slots in our hands at once would be one round: the status of the first says "ours" again.
        while self.held < self.slots {
            let index = self.next;
            // Acquire: what the kernel wrote before it set the status is visible behind this read.
            if self.status(index).load(Ordering::Acquire) & TP_STATUS_USER == 0 {
                return;
            }
            let slot = self.slot(index);
            // SAFETY: the slot is ours, so nobody writes to it; it is aligned to its size and starts with the header.
            let header = unsafe { slot.cast::<tpacket2_hdr>().read() };
            // SAFETY: the slot is ours until the next call, which needs `self` and so the end of `'r`; slots do not
            // overlap, each is handed out once, and the header in front is not part of the slice.
            let bytes = unsafe {
                std::slice::from_raw_parts_mut(slot.add(TPACKET2_HDRLEN), self.slot_size - TPACKET2_HDRLEN)
            };
            self.next = if index + 1 == self.slots { 0 } else { index + 1 };
            self.held += 1;
            if each(&header, bytes).is_break() {
                return;
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` mapped; no slice of it outlives `self`.
        let result = unsafe { munmap(self.map.cast::<c_void>(), self.slots * self.slot_size) };
        debug_assert_eq!(result, Ok(()));
    }
}
