//! A worker: one thread that reads one receive queue and takes every batch through its engine.
//!
//! ```text
//!   loop:  mail from the control thread
//!          receive a batch ---- nothing? look on (patience.rs), then sleep until frames or mail come
//!          engine: batch -> outbox
//!          send forwards and replies; hand punted frames to the director
//! ```
//!
//! A worker shares nothing that is written on the fast path: its engine, sessions, transmit queues and counters are its
//! own. It learns of news by one snapshot and one mailbox.

use super::clock::Clock;
use super::dump::Tap;
use super::inbox::{Inbox, Peers};
use super::log as journal;
use super::patience::Patience;
use super::punt;
use crate::engine::Engine;
use crate::flow;
use crate::net::PortId;
use crate::note::{Note, Object};
use crate::outbox::Outbox;
use crate::slb::session;
use crate::snapshot::Snapshot;
use crate::stat::{Counter, Drop as DropReason, WorkerStats};
use crate::time::{Duration, Instant};
use arc_swap::{ArcSwap, Cache};
use bng_platform::process::{Interest, PollSet, Waker, cpu};
use bng_platform::{Batch, DoorStats, Frame, RxQueue, TxQueue};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::thread::JoinHandle;

/// Longest sleep, and the time between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_millis(100);
/// Sessions, and translated connections, listed between two batches.
const LISTING_SLICE: usize = 256;

/// How many workers this process has had.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// What the control thread tells a worker.
pub enum Mail {
    /// From now on frames for this interface leave by this queue.
    OpenTx(PortId, Box<dyn TxQueue>),
    /// The interface is being closed.
    CloseTx(PortId),
    /// From now on letters for this interface go to this inbox, too.
    AddPeer(PortId, Inbox),
    /// List what is asked for, under this number.
    List(u64, Tables),
    /// Forget all sessions and translated connections.
    ClearSessions,
    /// Forget all translated connections.
    ClearFlows,
    /// Set all counters to zero.
    ClearCounters,
    /// From now on, copies of all frames go here.
    Dump(Option<Box<Tap>>),
    /// End.
    Stop,
}

/// Which tables of a worker are to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables {
    /// Sessions.
    pub sessions: bool,
    /// Translated connections.
    pub flows: bool,
}

/// Rows of both tables.
#[derive(Debug, Default)]
pub struct Rows {
    /// Sessions.
    pub sessions: Vec<session::View>,
    /// Translated connections.
    pub flows: Vec<flow::View>,
}

/// A listing under way.
struct Listing {
    number: u64,
    /// What is not listed to the end yet.
    left: Tables,
    sessions: session::Cursor,
    flows: flow::Cursor,
}

impl Listing {
    fn new(number: u64, left: Tables) -> Self {
        Self { number, left, sessions: session::Cursor::default(), flows: flow::Cursor::default() }
    }

    /// The next rows of what is left; `None` at the end.
    fn next(&mut self, now: Instant, engine: &Engine) -> Option<Rows> {
        if self.left.sessions {
            let sessions = engine.sessions(now, &mut self.sessions, LISTING_SLICE);
            self.left.sessions = sessions.is_some();
            return Some(Rows { sessions: sessions.unwrap_or_default(), ..Rows::default() });
        }
        if self.left.flows {
            let flows = engine.flows(now, &mut self.flows, LISTING_SLICE);
            self.left.flows = flows.is_some();
            return Some(Rows { flows: flows.unwrap_or_default(), ..Rows::default() });
        }
        None
    }
}

/// What a worker tells the control thread.
#[derive(Debug)]
pub enum Report {
    /// Some of what was asked for.
    Listed {
        /// Number of the question.
        listing: u64,
        /// Interface of the worker.
        port: PortId,
        /// What was found.
        rows: Rows,
        /// These were the last.
        done: bool,
    },
    /// The receive queue cannot be used any more: the thread ends.
    Failed {
        /// Interface.
        port: PortId,
        /// Why.
        error: io::Error,
    },
    /// The thread ended without being told to: a defect.
    Died(PortId),
}

/// Counters of one worker and of the doors as it sees them, published about every 100 ms.
#[derive(Debug)]
pub struct DoorCounters {
    /// Frames received.
    pub received: Counter,
    /// Frames lost on the way in.
    pub lost: Counter,
    /// Batches received.
    pub batches: Counter,
    /// Processor time of the thread in milliseconds.
    pub cpu_ms: Counter,
    /// Rounds of the thread; counted at once, and never set to zero.
    pub rounds: Counter,
    /// Number of the snapshot that the last round went by; 0 before the director's first one.
    pub generation: Counter,
    /// Frames sent and refused, by interface.
    pub egress: Box<[(Counter, Counter)]>,
}

impl Default for DoorCounters {
    fn default() -> Self {
        let egress = (0..=PortId::MAX).map(|_| (Counter::default(), Counter::default())).collect();
        Self {
            received: Counter::default(),
            lost: Counter::default(),
            batches: Counter::default(),
            cpu_ms: Counter::default(),
            rounds: Counter::default(),
            generation: Counter::default(),
            egress,
        }
    }
}

/// Raises `counter` to `value`.
fn publish(counter: &Counter, value: u64) {
    counter.add(value.saturating_sub(counter.get()));
}

fn zero(counter: &Counter) {
    counter.sub(counter.get());
}

/// What a worker needs.
pub struct Setup {
    /// Interface that it reads.
    pub port: PortId,
    /// The same, for the log.
    pub object: Object,
    /// Its receive queue.
    pub rx: Box<dyn RxQueue>,
    /// The engine.
    pub engine: Engine,
    /// Counters of the engine.
    pub stats: Arc<WorkerStats>,
    /// Where news are published.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The common clock.
    pub clock: Clock,
    /// Processor to stay on.
    pub cpu: Option<usize>,
    /// Where reports go.
    pub reports: Sender<Report>,
    /// Wakes the control thread.
    pub control: Arc<Waker>,
}

/// A running worker, seen from the control thread. Dropping it ends the thread and waits for that.
#[derive(Debug)]
pub struct Worker {
    /// Interface that it reads.
    pub port: PortId,
    /// No other worker of this process has or had it.
    pub number: u64,
    /// Counters of its engine.
    pub stats: Arc<WorkerStats>,
    /// Processor that it stays on.
    pub cpu: Option<usize>,
    /// Counters of its queues.
    pub doors: Arc<DoorCounters>,
    /// Frames for the director.
    pub punts: punt::Receiver,
    /// Letters of other workers.
    pub inbox: Inbox,
    mail: Sender<Mail>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let (mail, mailbox) = std::sync::mpsc::channel();
        let (punt_sender, punts) = punt::ring();
        let waker = Arc::new(Waker::new()?);
        let doors = Arc::new(DoorCounters::default());
        let (port, stats) = (setup.port, setup.stats.clone());
        let inbox = Inbox::default();
        let mut body = Body {
            port,
            rx: setup.rx,
            tx: (0..=PortId::MAX).map(|_| None).collect(),
            engine: setup.engine,
            stats: setup.stats,
            doors: doors.clone(),
            before: Before::default(),
            snapshot: Cache::new(setup.snapshot),
            out: Outbox::default(),
            punts: punt_sender,
            inbox: inbox.clone(),
            peers: Peers::default(),
            mailbox,
            waker: waker.clone(),
            listing: None,
            dump: None,
            clock: setup.clock,
            reports: setup.reports,
            control: setup.control,
            finished: false,
        };
        let (cpu, object) = (setup.cpu, setup.object);
        let thread = std::thread::Builder::new().name(format!("bng-if{port}")).spawn(move || {
            if let Some(cpu) = cpu
                && let Err(e) = cpu::pin(cpu)
            {
                let text = format!("a worker cannot stay on processor {cpu}: {e}");
                journal::say(Note::warning(object, text));
            }
            body.run();
        })?;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        Ok(Self { port, number, stats, cpu, doors, punts, inbox, mail, waker, thread: Some(thread) })
    }

    /// Wakes the thread: there is a new snapshot, perhaps with the neighbour that packets wait for.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Sends mail and wakes the thread for it. A worker that has ended gets no mail.
    pub fn tell(&self, mail: Mail) {
        if self.mail.send(mail).is_ok() {
            self.waker.wake();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.tell(Mail::Stop);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has reported that itself.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Body {
    port: PortId,
    rx: Box<dyn RxQueue>,
    tx: Vec<Option<Box<dyn TxQueue>>>,
    engine: Engine,
    stats: Arc<WorkerStats>,
    doors: Arc<DoorCounters>,
    before: Before,
    snapshot: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    out: Outbox,
    punts: punt::Sender,
    inbox: Inbox,
    peers: Peers,
    mailbox: Receiver<Mail>,
    waker: Arc<Waker>,
    listing: Option<Listing>,
    dump: Option<Box<Tap>>,
    clock: Clock,
    reports: Sender<Report>,
    control: Arc<Waker>,
    /// The thread ends because it should.
    finished: bool,
}

/// What the queues had counted when the counters were set to zero.
#[derive(Default)]
struct Before {
    rx: DoorStats,
    tx: BTreeMap<PortId, DoorStats>,
}

/// What a round found.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    Frames,
    Nothing,
}

impl Body {
    fn run(&mut self) {
        let mut patience = Patience::default();
        let mut housekept = Instant::ZERO;
        while self.read_mail() {
            let now = self.clock.now();
            let found = match self.round(now) {
                Ok(found) => found,
                Err(error) => {
                    self.finished = true;
                    self.report(Report::Failed { port: self.port, error });
                    return;
                }
            };
            let snapshot = self.snapshot.load();
            self.engine.tick(now, snapshot);
            self.doors.rounds.add(1);
            self.doors.generation.set(snapshot.generation);
            tell_peers(&mut self.engine, &self.peers, &self.stats);
            self.list(now);
            if now.since(housekept) >= HOUSEKEEPING {
                housekept = now;
                self.publish_counters();
            }
            match found {
                Round::Frames => patience.frames(now),
                Round::Nothing if self.listing.is_some() => {}
                Round::Nothing if patience.is_over(now) => self.sleep(),
                Round::Nothing => std::thread::yield_now(),
            }
        }
        self.finished = true;
    }

    /// Takes one batch from the receive queue to wherever it goes. Packets that have waited go first.
    fn round(&mut self, now: Instant) -> io::Result<Round> {
        let Self { rx, tx, engine, stats, snapshot, out, punts, dump, control, inbox, peers, .. } = self;
        if engine.is_waiting() {
            engine.release(now, snapshot.load(), out);
            deliver(out, tx, punts, dump, control, stats);
        }
        let mut batch = rx.recv()?;
        while let Some(share) = inbox.take() {
            engine.receive(now, &share);
        }
        if batch.is_empty() {
            return Ok(Round::Nothing);
        }
        self.doors.batches.add(1);
        if let Some(tap) = dump {
            tap.received(self.port, &batch);
        }
        engine.process(now, snapshot.load(), &mut batch, out);
        tell_peers(engine, peers, stats);
        for (port, mask) in out.forwards() {
            // A queue that fails is noticed and closed where its interface is read; here its frames are refused.
            let accepted = match &mut tx[usize::from(port)] {
                Some(queue) => queue.send(&mut batch, mask).unwrap_or(0),
                None => 0,
            };
            if let Some(tap) = dump {
                tap.sent(port, &batch, accepted);
            }
            for _ in 0..(mask & !accepted).count_ones() {
                stats.dropped(DropReason::TxRefused);
            }
        }
        deliver(out, tx, punts, dump, control, stats);
        Ok(Round::Frames)
    }

    /// `false`: the thread is to end.
    fn read_mail(&mut self) -> bool {
        loop {
            match self.mailbox.try_recv() {
                Ok(Mail::AddPeer(port, inbox)) => self.peers.add(port, inbox),
                Ok(Mail::OpenTx(port, queue)) => self.tx[usize::from(port)] = Some(queue),
                Ok(Mail::CloseTx(port)) => self.close_tx(port),
                Ok(Mail::List(number, tables)) => self.listing = Some(Listing::new(number, tables)),
                Ok(Mail::ClearSessions) => self.engine.clear_sessions(),
                Ok(Mail::ClearFlows) => self.engine.clear_flows(),
                Ok(Mail::ClearCounters) => self.clear_counters(),
                Ok(Mail::Dump(tap)) => self.dump = tap,
                Ok(Mail::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    /// Forgets a queue with all that it counted: the next one for this interface starts at zero.
    fn close_tx(&mut self, port: PortId) {
        self.peers.remove(port, &self.inbox);
        self.tx[usize::from(port)] = None;
        self.before.tx.remove(&port);
        let (sent, refused) = &self.doors.egress[usize::from(port)];
        zero(sent);
        zero(refused);
    }

    fn clear_counters(&mut self) {
        self.engine.clear_counters();
        self.before.rx = self.rx.stats();
        let open =
            (0..=PortId::MAX).zip(&self.tx).filter_map(|(port, queue)| Some((port, queue.as_ref()?.stats())));
        self.before.tx = open.collect();
        let DoorCounters { received, lost, batches, cpu_ms: _, rounds: _, generation: _, egress } =
            &*self.doors;
        for counter in [received, lost, batches].into_iter().chain(egress.iter().flat_map(|(s, r)| [s, r])) {
            zero(counter);
        }
    }

    /// The next slice of the listing under way.
    fn list(&mut self, now: Instant) {
        let Some(mut under_way) = self.listing.take() else { return };
        let listing = under_way.number;
        let rows = under_way.next(now, &self.engine);
        let done = rows.is_none();
        if !done {
            self.listing = Some(under_way);
        }
        let (port, rows) = (self.port, rows.unwrap_or_default());
        let _ = self.reports.send(Report::Listed { listing, port, rows, done });
        if done {
            self.control.wake();
        }
    }

    fn report(&self, report: Report) {
        let _ = self.reports.send(report);
        self.control.wake();
    }

    fn publish_counters(&mut self) {
        let (now, before) = (self.rx.stats(), self.before.rx);
        publish(&self.doors.received, now.received - before.received);
        publish(&self.doors.lost, now.overrun + now.truncated - before.overrun - before.truncated);
        for (port, (queue, (sent, refused))) in (0..=PortId::MAX).zip(self.tx.iter().zip(&self.doors.egress))
        {
            if let Some(queue) = queue {
                let before = self.before.tx.get(&port).copied().unwrap_or_default();
                let now = queue.stats();
                publish(sent, now.sent - before.sent);
                publish(refused, now.refused - before.refused);
            }
        }
        if let Some(spent) = cpu::thread_time() {
            publish(&self.doors.cpu_ms, spent.as_millis() as u64);
        }
    }

    /// Sleeps until frames or mail come, or housekeeping is due.
    fn sleep(&mut self) {
        {
            let mut set = PollSet::new();
            set.add(self.waker.fd(), Interest::Read);
            if let Some(fd) = self.rx.wait_fd() {
                set.add(fd, Interest::Read);
            }
            // A failing poll is no reason to end; the receive queue reports what is wrong with it.
            let _ = set.wait(Some(HOUSEKEEPING));
        }
        self.waker.drain();
    }
}

/// Delivers the letters of `engine`.
fn tell_peers(engine: &mut Engine, peers: &Peers, stats: &WorkerStats) {
    for letter in engine.letters() {
        stats.work.untold.add(peers.deliver(&letter));
    }
}

/// Everything in the outbox but the frames of the batch.
fn deliver(
    out: &mut Outbox,
    tx: &mut [Option<Box<dyn TxQueue>>],
    punts: &mut punt::Sender,
    dump: &mut Option<Box<Tap>>,
    control: &Waker,
    stats: &WorkerStats,
) {
    for held in &mut out.released {
        let sent = match &mut tx[usize::from(held.way.port)] {
            Some(queue) => {
                let mut batch = Batch::new();
                batch.push(Frame::new(&mut held.bytes, held.meta));
                queue.send(&mut batch, 1).unwrap_or(0) == 1
            }
            None => false,
        };
        if !sent {
            stats.dropped(DropReason::TxRefused);
        } else if let Some(tap) = dump {
            tap.sent_frame(held.way.port, &held.bytes);
        }
    }
    for (port, frame) in out.replies.iter() {
        let sent = match &mut tx[usize::from(port)] {
            Some(queue) => queue.send_bytes(frame).unwrap_or(false),
            None => false,
        };
        if !sent {
            stats.dropped(DropReason::TxRefused);
        } else if let Some(tap) = dump {
            tap.sent_frame(port, frame);
        }
    }
    for (port, frame) in out.punts.iter() {
        if !punts.push(port, frame) {
            stats.dropped(DropReason::PuntFull);
        }
    }
    for (port, addr) in &out.asks {
        punts.ask(*port, *addr);
    }
    if !out.punts.is_empty() || !out.asks.is_empty() {
        control.wake();
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Ports of its connections are claimed for all workers, and some of these have copies.
        self.engine.clear_sessions();
        tell_peers(&mut self.engine, &self.peers, &self.stats);
        if !self.finished {
            self.report(Report::Died(self.port));
        }
    }
}
