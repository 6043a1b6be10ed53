//! `dump`: frames into files, without making a worker wait.
//!
//! ```text
//!   worker  --- ring of bytes (Tap) ---+
//!   worker  --- ring of bytes ---------+--> thread "bng-dump" --> files.rs (rotation) --> pcapng.rs
//!   control --- ring of bytes ---------+
//! ```
//!
//! Whoever has no tap pays one look at an `Option` per batch. Whoever has one copies its frames into a ring of its own;
//! what does not fit is counted as lost.
//!
//! ```text
//! record = interface (1 byte) direction (1) length (4) nanoseconds since 1970 (8) frame      native byte order
//! ```

mod files;
mod pcapng;

use super::doors::Doors;
use super::log as journal;
use crate::cli::commands::{Dump, DumpStart};
use crate::cli::show::dump::DumpView;
use crate::conf::model::DumpLimits;
use crate::net::{Addr, PortId};
use crate::note::{Note, Object};
use crate::pass::bits;
use crate::time::Duration;
use crate::wire::{L3, arp, dissect};
use bng_platform::Batch;
use files::Files;
use pcapng::Direction;
use rtrb::{Consumer, Producer, RingBuffer};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Bytes of one ring.
const RING: usize = 4 << 20;
/// Bytes in front of a frame.
const HEADER: usize = 14;
/// Bytes of one megabyte, as for tcpdump.
const MEGABYTE: u64 = 1_000_000;
/// Time between two looks at empty rings.
const IDLE: Duration = Duration::from_millis(5);
/// Frames written before another look at the mail.
const ROUND: usize = 4096;
/// Longest time until a stopped dump has written what is still in the rings.
const FAREWELL: Duration = Duration::from_secs(1);
/// Longest time that whoever stops a dump waits for its files.
const PATIENCE: Duration = Duration::from_secs(2);

/// What all sides of one dump share.
#[derive(Debug, Default)]
struct Shared {
    written: AtomicU64,
    lost: AtomicU64,
    rotations: AtomicU64,
    /// Why it ended.
    ended: Mutex<Option<String>>,
}

impl Shared {
    fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Which frames are wanted.
#[derive(Debug)]
struct Filter {
    interface: Option<PortId>,
    hosts: Vec<Addr>,
}

impl Filter {
    fn wants(&self, port: PortId) -> bool {
        self.interface.is_none_or(|only| only == port)
    }

    fn matches(&self, frame: &[u8]) -> bool {
        if self.hosts.is_empty() {
            return true;
        }
        let Ok(found) = dissect(frame) else { return false };
        let ends: [Addr; 2] = match &found.l3 {
            L3::Ip(info) => [info.src, info.dst],
            L3::Arp => match arp::Packet::new(&frame[found.l3_offset()..]) {
                Ok(packet) => [packet.sender().into(), packet.target().into()],
                Err(_) => return false,
            },
            L3::Other => return false,
        };
        self.hosts.iter().any(|host| ends.contains(host))
    }
}

/// Makes taps for one dump.
#[derive(Debug, Clone)]
pub struct Taps {
    rings: Sender<Mail>,
    filter: Arc<Filter>,
    shared: Arc<Shared>,
}

/// What the writing thread gets.
#[derive(Debug)]
enum Mail {
    Ring(Consumer<u8>),
    Stop,
}

/// Where one thread leaves copies of its frames.
#[derive(Debug)]
pub struct Tap {
    ring: Producer<u8>,
    filter: Arc<Filter>,
    shared: Arc<Shared>,
}

impl Taps {
    /// A tap for one more thread.
    pub fn tap(&self) -> Tap {
        let (ring, consumer) = RingBuffer::new(RING);
        // A writer that has ended takes no ring: the tap then finds its ring abandoned.
        let _ = self.rings.send(Mail::Ring(consumer));
        Tap { ring, filter: self.filter.clone(), shared: self.shared.clone() }
    }
}

/// Nanoseconds since 1970.
fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Tap {
    /// All frames of `batch` were received on `port`; to be called before anybody changes them.
    pub fn received(&mut self, port: PortId, batch: &Batch<'_>) {
        self.frames(port, Direction::In, batch, batch.all());
    }

    /// The frames of `mask` were sent by `port`.
    pub fn sent(&mut self, port: PortId, batch: &Batch<'_>, mask: u64) {
        self.frames(port, Direction::Out, batch, mask);
    }

    /// `frame` was sent by `port`.
    pub fn sent_frame(&mut self, port: PortId, frame: &[u8]) {
        if self.filter.wants(port) {
            self.copy(port, Direction::Out, nanos(), frame);
        }
    }

    fn frames(&mut self, port: PortId, direction: Direction, batch: &Batch<'_>, mask: u64) {
        if mask != 0 && self.filter.wants(port) {
            let nanos = nanos();
            for i in bits(mask) {
                self.copy(port, direction, nanos, batch.frames()[i].bytes());
            }
        }
    }

    fn copy(&mut self, port: PortId, direction: Direction, nanos: u64, frame: &[u8]) {
        if self.ring.is_abandoned() || !self.filter.matches(frame) {
            return;
        }
        let mut header = [0; HEADER];
        header[0] = port;
        header[1] = direction as u8;
        header[2..6].copy_from_slice(&(frame.len() as u32).to_ne_bytes());
        header[6..].copy_from_slice(&nanos.to_ne_bytes());
        let fits = self.ring.slots() >= HEADER + frame.len();
        if !fits
            || self.ring.push_entire_slice(&header).is_err()
            || self.ring.push_entire_slice(frame).is_err()
        {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What stands in front of a frame in a ring.
#[derive(Debug, Clone, Copy)]
struct Header {
    port: PortId,
    direction: Direction,
    length: usize,
    nanos: u64,
}

/// The header of the oldest frame in `ring`, when both are there.
fn peek(ring: &mut Consumer<u8>) -> Option<Header> {
    let mut bytes = [0; HEADER];
    {
        // Dropping the chunk without a commit leaves it in the ring.
        let chunk = ring.read_chunk(HEADER).ok()?;
        let (first, second) = chunk.as_slices();
        bytes[..first.len()].copy_from_slice(first);
        bytes[first.len()..].copy_from_slice(second);
    }
    let [port, direction, a, b, c, d, nanos @ ..] = bytes;
    let length = u32::from_ne_bytes([a, b, c, d]) as usize;
    let direction = if direction == Direction::In as u8 { Direction::In } else { Direction::Out };
    let header = Header { port, direction, length, nanos: u64::from_ne_bytes(nanos) };
    (ring.slots() >= HEADER + length).then_some(header)
}

/// The thread that writes.
struct Writer {
    files: Files,
    rings: Vec<Consumer<u8>>,
    frame: Vec<u8>,
    /// Frames not flushed yet.
    unflushed: u64,
    shared: Arc<Shared>,
}

impl Writer {
    /// Writes until it is told to stop, or a file fails.
    fn run(mut self, mail: &Receiver<Mail>, name: &str) {
        let done = self.serve(mail);
        let ended = match done {
            Ok(()) => {
                journal::say(Note::info(Object::Program, format!("dump to {name} stopped")));
                "stopped".to_owned()
            }
            Err(why) => {
                journal::say(Note::error(Object::Program, format!("dump to {name} ended: {why}")));
                format!("ended, {why}")
            }
        };
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }

    fn serve(&mut self, mail: &Receiver<Mail>) -> Result<(), String> {
        let mut wait = IDLE;
        loop {
            let mut next = mail.recv_timeout(wait);
            // All rings first: frames are taken in the order of their times.
            while let Ok(Mail::Ring(ring)) = next {
                self.rings.push(ring);
                next = mail.recv_timeout(Duration::ZERO);
            }
            if !matches!(next, Err(RecvTimeoutError::Timeout)) {
                return self.finish();
            }
            wait = if self.write()? == ROUND { Duration::ZERO } else { IDLE };
        }
    }

    /// Writes what is in the rings until nobody can add to them.
    fn finish(&mut self) -> Result<(), String> {
        let until = std::time::Instant::now() + FAREWELL;
        while self.write()? > 0 || !self.rings.is_empty() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Writes at most a round of frames, oldest first, and returns their number.
    fn write(&mut self) -> Result<usize, String> {
        self.rings.retain(|ring| !ring.is_abandoned() || !ring.is_empty());
        let mut count = 0;
        while count < ROUND {
            let heads = self.rings.iter_mut().enumerate().filter_map(|(n, ring)| Some((n, peek(ring)?)));
            let Some((n, head)) = heads.min_by_key(|(_, head)| head.nanos) else { break };
            self.frame.resize(HEADER + head.length, 0);
            if self.rings[n].pop_entire_slice(&mut self.frame).is_err() {
                break;
            }
            count += 1;
            if self.files.write(head.port, head.nanos, head.direction, &self.frame[HEADER..])? {
                self.shared.rotations.fetch_add(1, Ordering::Relaxed);
            }
            self.unflushed += 1;
        }
        // Readers of a dump that goes on see everything but the last milliseconds.
        self.files.flush()?;
        self.shared.written.fetch_add(std::mem::take(&mut self.unflushed), Ordering::Relaxed);
        Ok(count)
    }
}

/// One dump, running or ended.
#[derive(Debug)]
struct Running {
    name: String,
    files: u32,
    bytes: u64,
    shared: Arc<Shared>,
    mail: Sender<Mail>,
    /// Disconnected when the thread has ended.
    done: Receiver<()>,
}

/// The control thread's side: at most one dump at a time.
#[derive(Debug, Default)]
pub struct Dumper {
    last: Option<Running>,
}

impl Dumper {
    /// Does what the command `dump` asks for.
    ///
    /// # Errors
    /// One sentence.
    pub fn execute(
        &mut self,
        command: &Dump<'_>,
        limits: DumpLimits,
        doors: &mut Doors,
    ) -> Result<String, String> {
        match command {
            Dump::Start(start) => self.start(start, limits, doors)?,
            Dump::Stop => self.stop(doors)?,
        }
        Ok(String::new())
    }

    fn running(&self) -> Option<&Running> {
        self.last.as_ref().filter(|running| running.shared.ended().is_none())
    }

    fn start(&mut self, start: &DumpStart<'_>, limits: DumpLimits, doors: &mut Doors) -> Result<(), String> {
        if let Some(running) = self.running() {
            return Err(format!("dump: one runs already, to {}; 'dump stop' ends it", running.name));
        }
        let path = Path::new(start.file);
        if !path.is_absolute() {
            return Err(format!("dump: '{}' is no absolute path", start.file));
        }
        if let Some(number) = start.interface.filter(|number| doors.get(*number).is_none()) {
            return Err(format!("dump: interface {number} is not open, see 'show interfaces'"));
        }
        let count = start.files.unwrap_or(limits.files);
        let bytes = u64::from(start.megabytes.unwrap_or(limits.megabytes)) * MEGABYTE;
        let files = Files::create(path, count, bytes).map_err(|e| format!("dump: {e}"))?;
        let shared = Arc::new(Shared::default());
        let (mail, mailbox) = mpsc::channel();
        let (alive, done) = mpsc::channel();
        let writer =
            Writer { files, rings: Vec::new(), frame: Vec::new(), unflushed: 0, shared: shared.clone() };
        let name = start.file.to_owned();
        let thread = std::thread::Builder::new().name("bng-dump".to_owned()).spawn(move || {
            let _alive: Sender<()> = alive;
            writer.run(&mailbox, &name);
        });
        thread.map_err(|e| format!("dump: no thread: {e}"))?;
        journal::say(Note::info(Object::Program, format!("dump to {} started", start.file)));
        let filter = Filter { interface: start.interface, hosts: start.hosts.clone() };
        doors.dump(Some(Taps { rings: mail.clone(), filter: Arc::new(filter), shared: shared.clone() }));
        self.last = Some(Running { name: start.file.to_owned(), files: count, bytes, shared, mail, done });
        Ok(())
    }

    fn stop(&mut self, doors: &mut Doors) -> Result<(), String> {
        let Some(running) = self.running() else { return Err("dump: none is running".to_owned()) };
        doors.dump(None);
        running.stop()
    }

    /// Takes the taps back from a dump that has ended by itself.
    pub fn housekeep(&self, doors: &mut Doors) {
        if self.running().is_none() {
            doors.dump(None);
        }
    }

    /// What `show dump` says.
    pub fn view(&self) -> Option<DumpView> {
        self.last.as_ref().map(|running| DumpView {
            file: running.name.clone(),
            ended: running.shared.ended(),
            written: running.shared.written.load(Ordering::Relaxed),
            lost: running.shared.lost.load(Ordering::Relaxed),
            files: running.files,
            bytes: running.bytes,
            rotations: running.shared.rotations.load(Ordering::Relaxed),
        })
    }
}

impl Running {
    /// Waits until the files are complete, but not for a file system that hangs.
    fn stop(&self) -> Result<(), String> {
        let _ = self.mail.send(Mail::Stop);
        match self.done.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("dump: {} is still being written; 'show dump' tells when it is done", self.name))
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

impl Drop for Dumper {
    fn drop(&mut self) {
        if let Some(running) = self.running()
            && let Err(e) = running.stop()
        {
            journal::say(Note::error(Object::Program, e));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taps(filter: Filter) -> (Taps, Receiver<Mail>) {
        let (rings, mail) = mpsc::channel();
        (Taps { rings, filter: Arc::new(filter), shared: Arc::default() }, mail)
    }

    fn everything() -> Filter {
        Filter { interface: None, hosts: Vec::new() }
    }

    #[test]
    fn a_full_ring_loses_whole_frames_and_counts_them() {
        let (taps, mail) = taps(everything());
        let mut tap = taps.tap();
        let Ok(Mail::Ring(mut ring)) = mail.try_recv() else { panic!("no ring") };
        let fit = RING / (HEADER + 1000);
        for _ in 0..fit + 5 {
            tap.sent_frame(3, &[7; 1000]);
        }
        assert_eq!(taps.shared.lost.load(Ordering::Relaxed), 5);
        let head = peek(&mut ring).expect("a frame");
        assert_eq!((head.port, head.direction, head.length), (3, Direction::Out, 1000));
        drop(ring);
        tap.sent_frame(3, &[7; 1000]);
        assert_eq!(taps.shared.lost.load(Ordering::Relaxed), 5, "nobody wants frames any more");
    }

    #[test]
    fn frames_of_other_interfaces_and_hosts_are_left_out() {
        use crate::wire::MacAddr;
        let ours: Addr = std::net::Ipv4Addr::new(10, 0, 0, 1).into();
        let (taps, mail) = taps(Filter { interface: Some(2), hosts: vec![ours] });
        let mut tap = taps.tap();
        let Ok(Mail::Ring(mut ring)) = mail.try_recv() else { panic!("no ring") };
        let asks = |octet: u8| {
            let target = std::net::Ipv4Addr::new(10, 0, 0, octet);
            let sender = std::net::Ipv4Addr::new(10, 0, 0, 9);
            arp::Repr::request(MacAddr([2; 6]), sender, target).emit_frame(MacAddr::BROADCAST)
        };
        tap.sent_frame(1, &asks(1));
        tap.sent_frame(2, &asks(2));
        tap.sent_frame(2, &[0; 5]);
        assert!(peek(&mut ring).is_none());
        tap.sent_frame(2, &asks(1));
        assert!(peek(&mut ring).is_some());
    }

    #[test]
    fn the_oldest_frame_of_all_rings_is_written_first_and_the_end_loses_none() {
        let folder = std::env::temp_dir().join(format!("bng-dump-merge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x");
        let (taps, mail) = taps(everything());
        let files = Files::create(&path, 1, MEGABYTE).unwrap();
        let writer =
            Writer { files, rings: Vec::new(), frame: Vec::new(), unflushed: 0, shared: taps.shared.clone() };
        let (mut one, mut two) = (taps.tap(), taps.tap());
        two.copy(2, Direction::In, 20, b"bbbb");
        one.copy(1, Direction::In, 10, b"aaaa");
        one.copy(1, Direction::Out, 30, b"cccc");
        drop((one, two));
        taps.rings.send(Mail::Stop).unwrap();
        writer.run(&mail, "x");
        let bytes = std::fs::read(&path).unwrap();
        let at = |text: &[u8]| bytes.windows(4).position(|w| w == text).expect("frame");
        assert!(at(b"aaaa") < at(b"bbbb") && at(b"bbbb") < at(b"cccc"));
        assert_eq!(taps.shared.written.load(Ordering::Relaxed), 3);
        assert_eq!(taps.shared.ended().as_deref(), Some("stopped"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
