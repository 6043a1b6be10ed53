//! Several receive queues over one: a thread reads, and hands every frame to the queue that it belongs to
//! ([`spread::queue`]).
//!
//! For doors whose system has one reader only. Every queue has a ring of parcels, whose memory goes round: the reader
//! takes an empty one, copies the frame and sends it on; the worker gives it back when the batch is over. A queue
//! whose worker is behind loses frames, which are counted, and stops nobody else.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::process::{Interest, PollSet, Waker};
use crate::{BATCH_MAX, Batch, DoorStats, Frame, Meta, RxQueue, spread};

/// Frames on their way to one worker.
const PARCELS: usize = 2048;
/// Bytes that a parcel has room for at first: a frame of the usual MTU. For longer ones it grows once.
const ROOM: usize = 1536;
/// Longest sleep of the reader, and time between two looks at the counters of the queue below.
const HOUSEKEEPING: Duration = Duration::from_millis(100);
/// Sleep of a reader whose queue has nothing to wait on.
const NAP: Duration = Duration::from_millis(1);

/// A frame at rest.
#[derive(Debug)]
struct Parcel {
    bytes: Vec<u8>,
    meta: Meta,
}

/// What reader and worker of one queue know of each other.
#[derive(Debug)]
struct Lane {
    /// Readable when frames wait for a worker that had found nothing.
    waker: Waker,
    /// The waker was used since the worker found nothing for the last time.
    woken: AtomicBool,
    /// Frames without an empty parcel.
    lost: AtomicU64,
}

/// What all of them know.
#[derive(Debug)]
struct Common {
    /// Wakes the reader.
    waker: Waker,
    /// The queues are gone: the reader ends.
    over: AtomicBool,
    /// The reader has ended with this.
    failure: Mutex<Option<(io::ErrorKind, String)>>,
    failed: AtomicBool,
    /// Destination addresses for the queue below, when they are news.
    wanted: Mutex<Option<Vec<[u8; 6]>>>,
    /// Losses inside the queue below.
    overrun: AtomicU64,
    truncated: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half done under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread; it ends with the last queue.
#[derive(Debug)]
struct Thread {
    common: Arc<Common>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.common.over.store(true, Ordering::Release);
        self.common.waker.wake();
        if let Some(handle) = self.handle.take() {
            // A reader that panicked has said so, and there are no queues left to fail.
            let _ = handle.join();
        }
    }
}

/// Spreads the frames of `below` over `queues` queues.
///
/// # Errors
/// When the system has no thread or descriptor left.
pub(crate) fn out(below: Box<dyn RxQueue>, queues: usize) -> io::Result<Vec<Box<dyn RxQueue>>> {
    let common = Arc::new(Common {
        waker: Waker::new()?,
        over: AtomicBool::new(false),
        failure: Mutex::new(None),
        failed: AtomicBool::new(false),
        wanted: Mutex::new(None),
        overrun: AtomicU64::new(0),
        truncated: AtomicU64::new(0),
    });
    let mut sides = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..queues {
        let (full, filled) = RingBuffer::new(PARCELS);
        let (mut empty, emptied) = RingBuffer::new(PARCELS);
        for _ in 0..PARCELS {
            // There is room for all of them.
            let _ = empty.push(Parcel { bytes: Vec::with_capacity(ROOM), meta: Meta::default() });
        }
        let lane =
            Arc::new(Lane { waker: Waker::new()?, woken: AtomicBool::new(false), lost: AtomicU64::new(0) });
        sides.push(Side { full, emptied, lane: lane.clone() });
        ends.push((filled, empty, lane));
    }
    let reader = Reader { below, sides, common: common.clone() };
    let handle = std::thread::Builder::new().name("bng-reader".into()).spawn(move || reader.run())?;
    let thread = Arc::new(Thread { common: common.clone(), handle: Some(handle) });
    let rx = ends.into_iter().enumerate().map(|(number, (filled, empty, lane))| {
        Box::new(FanRx {
            filled,
            empty,
            held: ArrayVec::new(),
            received: 0,
            first: number == 0,
            lane,
            common: common.clone(),
            _thread: thread.clone(),
        }) as Box<dyn RxQueue>
    });
    Ok(rx.collect())
}

/// The reader's side of a queue.
struct Side {
    full: Producer<Parcel>,
    emptied: Consumer<Parcel>,
    lane: Arc<Lane>,
}

impl Side {
    fn put(&mut self, frame: &Frame<'_>) {
        let Ok(mut parcel) = self.emptied.pop() else {
            self.lane.lost.fetch_add(1, Ordering::Relaxed);
            return;
        };
        parcel.bytes.clear();
        parcel.bytes.extend_from_slice(frame.bytes());
        parcel.meta = frame.meta;
        // There are no more parcels than places.
        let _ = self.full.push(parcel);
    }

    fn wake(&self) {
        if !self.lane.woken.swap(true, Ordering::AcqRel) {
            self.lane.waker.wake();
        }
    }
}

/// What the thread owns.
struct Reader {
    below: Box<dyn RxQueue>,
    sides: Vec<Side>,
    common: Arc<Common>,
}

impl Reader {
    fn run(mut self) {
        let mut counted = Instant::now();
        while !self.common.over.load(Ordering::Acquire) {
            if let Some(macs) = lock(&self.common.wanted).take() {
                // It is a hint; without it more frames come.
                let _ = self.below.accept(&macs);
            }
            let found = match self.round() {
                Ok(found) => found,
                Err(error) => {
                    *lock(&self.common.failure) = Some((error.kind(), error.to_string()));
                    self.common.failed.store(true, Ordering::Release);
                    self.sides.iter().for_each(Side::wake);
                    return;
                }
            };
            if counted.elapsed() >= HOUSEKEEPING {
                counted = Instant::now();
                let DoorStats { overrun, truncated, .. } = self.below.stats();
                self.common.overrun.store(overrun, Ordering::Relaxed);
                self.common.truncated.store(truncated, Ordering::Relaxed);
            }
            if !found {
                self.sleep();
            }
        }
    }

    /// Hands one batch out; `false`: there was none.
    fn round(&mut self) -> io::Result<bool> {
        let Self { below, sides, .. } = self;
        let batch = below.recv()?;
        let queues = sides.len();
        for frame in batch.frames() {
            sides[spread::queue(frame.bytes(), queues)].put(frame);
        }
        // Workers that are awake are not called: this costs a system call only where one may be asleep.
        if !batch.is_empty() {
            sides.iter().filter(|side| side.full.slots() < PARCELS).for_each(Side::wake);
        }
        Ok(!batch.is_empty())
    }

    fn sleep(&self) {
        let mut set = PollSet::new();
        set.add(self.common.waker.fd(), Interest::Read);
        let below = self.below.wait_fd();
        if let Some(fd) = below {
            set.add(fd, Interest::Read);
        }
        // A failing poll is no reason to end; the queue below reports what is wrong with it.
        let _ = set.wait(Some(if below.is_some() { HOUSEKEEPING } else { NAP }));
        self.common.waker.drain();
    }
}

/// One of the queues.
#[derive(Debug)]
struct FanRx {
    filled: Consumer<Parcel>,
    empty: Producer<Parcel>,
    /// The frames of the batch in the worker's hands.
    held: ArrayVec<Parcel, BATCH_MAX>,
    received: u64,
    /// Counts what is lost below all queues.
    first: bool,
    lane: Arc<Lane>,
    common: Arc<Common>,
    _thread: Arc<Thread>,
}

impl FanRx {
    fn take(&mut self) {
        while !self.held.is_full()
            && let Ok(parcel) = self.filled.pop()
        {
            self.held.push(parcel);
        }
    }
}

impl RxQueue for FanRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        for parcel in self.held.drain(..) {
            // There are no more parcels than places.
            let _ = self.empty.push(parcel);
        }
        self.take();
        if self.held.is_empty() && self.lane.woken.swap(false, Ordering::AcqRel) {
            self.lane.waker.drain();
            // What came before the reader was asked to call again.
            self.take();
        }
        if self.held.is_empty() && self.common.failed.load(Ordering::Acquire) {
            let failure = lock(&self.common.failure).clone();
            let (kind, text) = failure.unwrap_or((io::ErrorKind::Other, "the reader has ended".into()));
            return Err(io::Error::new(kind, text));
        }
        self.received += self.held.len() as u64;
        let mut batch = Batch::new();
        for Parcel { bytes, meta } in &mut self.held {
            batch.push(Frame::new(bytes, *meta));
        }
        Ok(batch)
    }

    fn wait_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        Some(self.lane.waker.fd())
    }

    fn stats(&mut self) -> DoorStats {
        let mut stats = DoorStats {
            received: self.received,
            overrun: self.lane.lost.load(Ordering::Relaxed),
            ..DoorStats::default()
        };
        if self.first {
            stats.overrun += self.common.overrun.load(Ordering::Relaxed);
            stats.truncated = self.common.truncated.load(Ordering::Relaxed);
        }
        stats
    }

    fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
        *lock(&self.common.wanted) = Some(macs.to_vec());
        self.common.waker.wake();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, MemoryWire};
    use crate::{Caps, Csum, Port};

    const CAPS: Caps = Caps { mtu: 1500, access: "memory", mac: [2, 0, 0, 0, 0, 1], queues: 1 };
    const PATIENCE: Duration = Duration::from_secs(10);

    fn fan(queues: usize) -> (Vec<Box<dyn RxQueue>>, MemoryWire) {
        let (mut port, wire) = memory::port(CAPS);
        (out(port.take_rx().remove(0), queues).unwrap(), wire)
    }

    /// A UDP packet of `client` with `number` in it.
    fn frame(client: u8, number: u32) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        frame[23] = 17;
        frame[26..30].copy_from_slice(&[10, 0, 0, client]);
        frame[50..54].copy_from_slice(&number.to_be_bytes());
        frame
    }

    fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !happened() {
            assert!(Instant::now() < end, "{what} did not happen");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn every_frame_arrives_once_in_the_order_of_its_client_at_one_queue() {
        let (mut queues, wire) = fan(3);
        const CLIENTS: u8 = 20;
        const EACH: u32 = 100;
        for number in 0..EACH {
            for client in 0..CLIENTS {
                wire.inject_with(
                    0,
                    &frame(client, number),
                    Meta { csum: Csum::Partial { start: 34, offset: 6 }, gso: None },
                );
            }
        }
        let mut next = [0; CLIENTS as usize];
        let mut met = [None; CLIENTS as usize];
        let mut total = 0;
        eventually("all frames", || {
            for (number, queue) in queues.iter_mut().enumerate() {
                for frame in queue.recv().unwrap().frames() {
                    let (client, bytes) = (usize::from(frame.bytes()[29]), frame.bytes());
                    assert_eq!(bytes[50..54], u32::to_be_bytes(next[client]));
                    assert_eq!(frame.meta.csum, Csum::Partial { start: 34, offset: 6 });
                    assert_eq!(*met[client].get_or_insert(number), number);
                    next[client] += 1;
                    total += 1;
                }
            }
            total == u32::from(CLIENTS) * EACH
        });
        let received: u64 = queues.iter_mut().map(|queue| queue.stats().received).sum();
        assert_eq!(received, u64::from(total));
        assert!(queues.iter_mut().all(|queue| queue.stats().received > 0));
    }

    #[test]
    fn a_worker_that_is_behind_loses_frames_alone_and_they_are_counted() {
        let (mut queues, wire) = fan(2);
        let at = |client| spread::queue(&frame(client, 0), 2);
        let busy = (0..).find(|client| at(*client) == 0).unwrap();
        let idle = (0..).find(|client| at(*client) == 1).unwrap();
        for number in 0..PARCELS as u32 + 100 {
            wire.inject(0, &frame(busy, number));
        }
        wire.inject(0, &frame(idle, 0));
        eventually("the frame behind the flood", || !queues[1].recv().unwrap().is_empty());
        assert_eq!(queues[0].stats(), DoorStats { overrun: 100, ..DoorStats::default() });
        let mut received = 0;
        loop {
            match queues[0].recv().unwrap().len() {
                0 => break,
                more => received += more,
            }
        }
        assert_eq!(received, PARCELS);
        // And on it goes, with the same parcels.
        wire.inject(0, &frame(busy, 7));
        eventually("the next frame", || !queues[0].recv().unwrap().is_empty());
    }

    #[test]
    fn a_sleeper_is_woken_and_an_idle_queue_is_not_readable() {
        let (mut queues, wire) = fan(1);
        let readable = |queue: &dyn RxQueue, wait| {
            let mut set = PollSet::new();
            set.add(queue.wait_fd().unwrap(), Interest::Read);
            set.wait(Some(wait)).unwrap() > 0
        };
        for number in 0..50 {
            while !queues[0].recv().unwrap().is_empty() {}
            assert!(!readable(&*queues[0], Duration::from_millis(2)));
            wire.inject(0, &frame(1, number));
            assert!(readable(&*queues[0], PATIENCE));
            assert_eq!(queues[0].recv().unwrap().len(), 1);
        }
    }

    #[test]
    fn what_is_longer_than_usual_arrives_whole() {
        let (mut queues, wire) = fan(2);
        let mut long = frame(1, 1);
        long.resize(65_000, 0xa5);
        wire.inject(0, &long);
        let queue = spread::queue(&long, 2);
        eventually("the long frame", || {
            queues[queue].recv().unwrap().frames().first().is_some_and(|frame| frame.bytes() == long)
        });
    }

    #[test]
    fn all_queues_learn_that_the_interface_is_gone_after_its_last_frames() {
        let (mut queues, wire) = fan(2);
        let client = (0..).find(|client| spread::queue(&frame(*client, 0), 2) == 0).unwrap();
        wire.inject(0, &frame(client, 0));
        eventually("reading", || wire.pending() == 0);
        wire.remove();
        eventually("the error", || queues[1].recv().is_err());
        assert_eq!(queues[0].recv().unwrap().len(), 1);
        assert_eq!(queues[0].recv().unwrap_err().to_string(), "the interface was removed");
    }

    /// A queue that says what it was told, and how it ended.
    struct Told(Arc<Mutex<Vec<[u8; 6]>>>, Arc<AtomicBool>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Relaxed);
        }
    }

    impl RxQueue for Told {
        fn recv(&mut self) -> io::Result<Batch<'_>> {
            Ok(Batch::new())
        }
        fn wait_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
            None
        }
        fn stats(&mut self) -> DoorStats {
            DoorStats { received: 1, overrun: 2, truncated: 3, ..DoorStats::default() }
        }
        fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
            *lock(&self.0) = macs.to_vec();
            Ok(())
        }
    }

    #[test]
    fn addresses_go_down_counters_come_up_and_the_thread_ends_with_the_last_queue() {
        let (told, gone) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let mut queues = out(Box::new(Told(Arc::clone(&told), gone.clone())), 2).unwrap();
        queues[1].accept(&[[2; 6]]).unwrap();
        eventually("the hint", || *lock(&told) == [[2; 6]]);
        let below = DoorStats { overrun: 2, truncated: 3, ..DoorStats::default() };
        eventually("the counters", || queues[0].stats() == below);
        assert_eq!(queues[1].stats(), DoorStats::default());
        drop(queues.pop());
        assert!(!gone.load(Ordering::Relaxed));
        drop(queues);
        assert!(gone.load(Ordering::Relaxed));
    }
}
