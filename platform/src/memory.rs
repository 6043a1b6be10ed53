//! The door without an operating system: for tests, simulations and benchmarks.
//!
//! [`port`] gives a port and the [`MemoryWire`] it is plugged into. The test feeds frames into the wire and fetches
//! what the port sent, notes ([`Meta`]) included. [`Replay`] and [`Sink`] are the two halves for benchmarks: frames
//! without end from one slab, and a place where they vanish, both without an allocation per frame.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{BATCH_MAX, Batch, Caps, DoorStats, Frame, Meta, Port, RxQueue, TxQueue, offload};

/// A frame at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryFrame {
    /// The frame, from the destination address on.
    pub bytes: Vec<u8>,
    /// What the bytes do not say.
    pub meta: Meta,
}

#[derive(Debug)]
struct Shared {
    /// Frames on their way to the port, per receive queue.
    arriving: Vec<VecDeque<MemoryFrame>>,
    /// Frames that the port sent, in order.
    sent: Vec<MemoryFrame>,
    /// Most frames in `sent`; the port's transmit queue is full beyond.
    room: usize,
    link_up: bool,
    removed: bool,
}

/// The far end of a memory port, in the hands of the test. Clones are the same wire.
#[derive(Debug, Clone)]
pub struct MemoryWire(Arc<Mutex<Shared>>);

impl MemoryWire {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A poisoned lock means that another thread of the same test failed: its panic is the message that counts.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Lets a frame as on the wire arrive at receive queue `queue`.
    ///
    /// # Panics
    /// When the port has no such queue.
    pub fn inject(&self, queue: usize, bytes: &[u8]) {
        self.inject_with(queue, bytes, Meta::default());
    }

    /// Lets a frame arrive at receive queue `queue` whose sender left work to hardware. Lost when the link is down.
    ///
    /// # Panics
    /// When the port has no such queue.
    pub fn inject_with(&self, queue: usize, bytes: &[u8], meta: Meta) {
        let mut shared = self.lock();
        let up = shared.link_up;
        let arriving = &mut shared.arriving[queue];
        if up {
            arriving.push_back(MemoryFrame { bytes: bytes.to_vec(), meta });
        }
    }

    /// Everything that the port sent since the last call, in order.
    pub fn take_sent(&self) -> Vec<MemoryFrame> {
        std::mem::take(&mut self.lock().sent)
    }

    /// Frames that are still to be received.
    pub fn pending(&self) -> usize {
        self.lock().arriving.iter().map(VecDeque::len).sum()
    }

    /// Limits the transmit queue to `frames` that nobody fetched yet; the port refuses more.
    pub fn set_room(&self, frames: usize) {
        self.lock().room = frames;
    }

    /// Plugs the cable in or pulls it out. Without it nothing arrives and every frame is refused.
    pub fn set_link(&self, up: bool) {
        self.lock().link_up = up;
    }

    /// Removes the interface: every call on a queue fails from now on.
    pub fn remove(&self) {
        self.lock().removed = true;
    }
}

fn removed() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the interface was removed")
}

/// A port of the memory door.
#[derive(Debug)]
pub struct MemoryPort {
    caps: Caps,
    wire: MemoryWire,
    rx_taken: bool,
}

/// A port with `caps`, and the wire it is plugged into. The link is up, the transmit queue endless.
pub fn port(caps: Caps) -> (MemoryPort, MemoryWire) {
    let wire = MemoryWire(Arc::new(Mutex::new(Shared {
        arriving: vec![VecDeque::new(); caps.queues],
        sent: Vec::new(),
        room: usize::MAX,
        link_up: true,
        removed: false,
    })));
    (MemoryPort { caps, wire: wire.clone(), rx_taken: false }, wire)
}

impl Port for MemoryPort {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>> {
        if std::mem::replace(&mut self.rx_taken, true) {
            return Vec::new();
        }
        (0..self.caps.queues)
            .map(|queue| {
                let wire = self.wire.clone();
                Box::new(MemoryRx { wire, queue, frames: Vec::new(), stats: DoorStats::default() })
                    as Box<dyn RxQueue>
            })
            .collect()
    }

    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>> {
        Ok(Box::new(MemoryTx { wire: self.wire.clone(), mtu: self.caps.mtu, stats: DoorStats::default() }))
    }

    fn link_up(&self) -> bool {
        let shared = self.wire.lock();
        shared.link_up && !shared.removed
    }
}

#[derive(Debug)]
struct MemoryRx {
    wire: MemoryWire,
    queue: usize,
    /// The frames of the batch in the engine's hands.
    frames: Vec<MemoryFrame>,
    stats: DoorStats,
}

impl RxQueue for MemoryRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        self.frames.clear();
        {
            let mut shared = self.wire.lock();
            if shared.removed {
                return Err(removed());
            }
            let arriving = &mut shared.arriving[self.queue];
            let count = arriving.len().min(BATCH_MAX);
            self.frames.extend(arriving.drain(..count));
        }
        self.stats.received += self.frames.len() as u64;
        let mut batch = Batch::new();
        for frame in &mut self.frames {
            batch.push(Frame::new(&mut frame.bytes, frame.meta));
        }
        Ok(batch)
    }

    #[cfg(unix)]
    fn wait_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    fn stats(&mut self) -> DoorStats {
        self.stats
    }
}

#[derive(Debug)]
struct MemoryTx {
    wire: MemoryWire,
    mtu: usize,
    stats: DoorStats,
}

impl MemoryTx {
    /// True when the wire took the frame.
    fn put(&mut self, shared: &mut Shared, bytes: &[u8], meta: Meta) -> bool {
        let whole = meta.gso.is_some() || offload::fits(bytes, self.mtu);
        let accepted = whole && shared.link_up && shared.sent.len() < shared.room;
        if accepted {
            shared.sent.push(MemoryFrame { bytes: bytes.to_vec(), meta });
            self.stats.sent += 1;
        } else {
            self.stats.refused += 1;
        }
        accepted
    }
}

impl TxQueue for MemoryTx {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        let wire = self.wire.clone();
        let mut shared = wire.lock();
        if shared.removed {
            return Err(removed());
        }
        let mut accepted = 0;
        for (index, frame) in batch.frames().iter().enumerate() {
            let bit = 1 << index;
            if mask & bit != 0 && self.put(&mut shared, frame.bytes(), frame.meta) {
                accepted |= bit;
            }
        }
        Ok(accepted)
    }

    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool> {
        let wire = self.wire.clone();
        let mut shared = wire.lock();
        if shared.removed {
            return Err(removed());
        }
        Ok(self.put(&mut shared, frame, Meta::default()))
    }

    fn stats(&self) -> DoorStats {
        self.stats
    }
}

/// A receive queue without end: the same frames again and again, as they were, whatever became of them last time.
/// One copy per batch, no allocation.
#[derive(Debug)]
pub struct Replay {
    /// The frames as they are received, one after the other, and where each begins and ends.
    template: Vec<u8>,
    ends: Vec<(usize, Meta)>,
    /// The batch in the engine's hands.
    slab: Vec<u8>,
    batch: usize,
    next: usize,
    stats: DoorStats,
}

impl Replay {
    /// Receives `frames` in a circle, `batch` at a time.
    ///
    /// # Panics
    /// When there is no frame, or `batch` is not 1 to [`BATCH_MAX`].
    pub fn new(frames: &[MemoryFrame], batch: usize) -> Self {
        assert!(!frames.is_empty(), "nothing to replay");
        assert!((1..=BATCH_MAX).contains(&batch), "a batch has 1 to {BATCH_MAX} frames");
        let mut template = Vec::new();
        let mut ends = Vec::with_capacity(frames.len());
        for frame in frames {
            template.extend_from_slice(&frame.bytes);
            ends.push((template.len(), frame.meta));
        }
        let longest = frames.iter().map(|frame| frame.bytes.len()).max().unwrap_or(0);
        Self { template, ends, slab: vec![0; longest * batch], batch, next: 0, stats: DoorStats::default() }
    }
}

impl RxQueue for Replay {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        let first = self.next;
        let last = (first + self.batch).min(self.ends.len());
        self.next = if last == self.ends.len() { 0 } else { last };
        let begin = if first == 0 { 0 } else { self.ends[first - 1].0 };
        let end = self.ends[last - 1].0;
        let mut rest = &mut self.slab[..end - begin];
        rest.copy_from_slice(&self.template[begin..end]);
        let mut batch = Batch::new();
        let mut at = begin;
        for &(end, meta) in &self.ends[first..last] {
            let (bytes, behind) = std::mem::take(&mut rest).split_at_mut(end - at);
            batch.push(Frame::new(bytes, meta));
            rest = behind;
            at = end;
        }
        self.stats.received += batch.len() as u64;
        Ok(batch)
    }

    #[cfg(unix)]
    fn wait_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    fn stats(&mut self) -> DoorStats {
        self.stats
    }
}

/// A transmit queue that takes everything and keeps nothing but the count.
#[derive(Debug, Default)]
pub struct Sink {
    stats: DoorStats,
}

impl TxQueue for Sink {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        let accepted = mask & batch.all();
        self.stats.sent += u64::from(accepted.count_ones());
        Ok(accepted)
    }

    fn send_bytes(&mut self, _frame: &[u8]) -> io::Result<bool> {
        self.stats.sent += 1;
        Ok(true)
    }

    fn stats(&self) -> DoorStats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps() -> Caps {
        Caps { mtu: 1500, access: "memory", mac: [2, 0, 0, 0, 0, 1], queues: 1 }
    }

    #[test]
    fn frames_are_received_in_batches_and_in_order() {
        let (mut port, wire) = port(caps());
        let mut rx = port.take_rx().remove(0);
        assert!(port.take_rx().is_empty());
        for number in 0..100u8 {
            wire.inject(0, &[number; 60]);
        }
        let mut numbers = Vec::new();
        for expected in [64, 36, 0] {
            let batch = rx.recv().unwrap();
            assert_eq!(batch.len(), expected);
            numbers.extend(batch.frames().iter().map(|frame| frame.bytes()[0]));
        }
        assert_eq!(numbers, (0..100).collect::<Vec<u8>>());
        assert_eq!(rx.stats(), DoorStats { received: 100, ..DoorStats::default() });
    }

    #[test]
    fn a_port_sends_what_the_mask_says_and_refuses_what_does_not_fit() {
        let (mut port, wire) = port(caps());
        let mut rx = port.take_rx().remove(0);
        let mut tx = port.open_tx().unwrap();
        for length in [60, 61, 1514, 1515] {
            wire.inject(0, &vec![0; length]);
        }
        let mut batch = rx.recv().unwrap();
        assert_eq!(tx.send(&mut batch, 0b1101).unwrap(), 0b0101);
        assert_eq!(wire.take_sent().iter().map(|frame| frame.bytes.len()).collect::<Vec<_>>(), [60, 1514]);
        wire.set_room(1);
        assert_eq!(tx.send(&mut batch, 0b0011).unwrap(), 0b0001);
        wire.set_room(usize::MAX);
        wire.set_link(false);
        assert!(!port.link_up());
        assert!(!tx.send_bytes(&[0; 60]).unwrap());
        assert_eq!(tx.stats(), DoorStats { sent: 3, refused: 3, ..DoorStats::default() });
    }

    #[test]
    fn a_removed_interface_is_an_error() {
        let (mut port, wire) = port(caps());
        let mut rx = port.take_rx().remove(0);
        let mut tx = port.open_tx().unwrap();
        wire.remove();
        assert!(rx.recv().is_err());
        assert!(tx.send_bytes(&[0; 60]).is_err());
        assert!(!port.link_up());
    }

    #[test]
    fn a_replay_restores_what_was_rewritten_and_goes_round() {
        let frames: Vec<_> = (1..=5u8)
            .map(|n| MemoryFrame { bytes: vec![n; 60 + usize::from(n)], meta: Meta::default() })
            .collect();
        let mut replay = Replay::new(&frames, 2);
        for _ in 0..3 {
            let mut seen = Vec::new();
            for expected in [2, 2, 1] {
                let mut batch = replay.recv().unwrap();
                assert_eq!(batch.len(), expected);
                for frame in batch.frames_mut() {
                    seen.push(frame.bytes().to_vec());
                    frame.bytes_mut().fill(0xff);
                }
            }
            assert!(seen.iter().eq(frames.iter().map(|frame| &frame.bytes)));
        }
        let mut sink = Sink::default();
        let mut batch = replay.recv().unwrap();
        assert_eq!(sink.send(&mut batch, u64::MAX).unwrap(), 0b11);
        assert_eq!(sink.stats().sent, 2);
    }
}
