//! One bng process without doors, threads and clock: a director, and a worker for every interface.

use std::collections::BTreeMap;
use std::sync::Arc;

use bng::conf::model::Model;
use bng::director::ping::Report;
use bng::director::{Director, Output, PortInfo};
use bng::engine::Engine;
use bng::net::PortId;
use bng::outbox::Outbox;
use bng::pass::bits;
use bng::seed::Seed;
use bng::slb::loads::Meter;
use bng::slb::session;
use bng::snapshot::Snapshot;
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng_platform::{BATCH_MAX, Batch, Frame, Meta};

use crate::counters::{self, Counters};

/// Time between two ticks of an idle worker that has sessions.
const TICK: Duration = Duration::from_millis(100);

struct Worker {
    engine: Engine,
    stats: Arc<WorkerStats>,
    arrived: Vec<Vec<u8>>,
}

pub(crate) struct Node {
    pub(crate) director: Director,
    pub(crate) log: Vec<(Instant, String)>,
    pub(crate) pinged: Vec<Report>,
    snapshot: Arc<Snapshot>,
    workers: BTreeMap<PortId, Worker>,
    outbox: Outbox,
    sent: Vec<(PortId, Vec<u8>)>,
    tick_at: Instant,
    meter: Meter,
}

impl Node {
    /// A node that has just started, with every interface of `model` open and its link up.
    pub(crate) fn boot(now: Instant, model: Model, mut seed: Seed) -> Self {
        let ports: Vec<PortId> = model.interfaces.keys().map(|n| *n as PortId).collect();
        let mut director = Director::new(now, model, seed.fork());
        let mut workers = BTreeMap::new();
        for port in ports {
            let stats = Arc::new(WorkerStats::default());
            let engine = Engine::new(port, stats.clone(), seed.fork());
            workers.insert(port, Worker { engine, stats, arrived: Vec::new() });
            director.port_opened(now, port, PortInfo { tap: false, link: true, mtu: 1500 });
        }
        let mut node = Self {
            director,
            log: Vec::new(),
            pinged: Vec::new(),
            snapshot: Arc::new(Snapshot::empty()),
            workers,
            outbox: Outbox::default(),
            sent: Vec::new(),
            tick_at: now,
            meter: Meter::default(),
        };
        node.run(now);
        node
    }

    /// A frame waits at interface `port` for the next [`Node::run`].
    pub(crate) fn arrive(&mut self, port: PortId, frame: Vec<u8>) {
        if let Some(worker) = self.workers.get_mut(&port) {
            worker.arrived.push(frame);
        }
    }

    /// Every worker forgets its sessions.
    pub(crate) fn clear_sessions(&mut self) {
        self.workers.values_mut().for_each(|worker| worker.engine.clear_sessions());
    }

    /// Every worker sets its counters to zero.
    pub(crate) fn clear_counters(&mut self) {
        self.workers.values_mut().for_each(|worker| worker.engine.clear_counters());
    }

    /// Does everything that is to be done at `now`.
    pub(crate) fn run(&mut self, now: Instant) {
        self.settle(now);
        self.measure(now);
        let (mut punted, mut asked) = (Vec::new(), Vec::new());
        for worker in self.workers.values_mut() {
            if worker.engine.is_waiting() {
                worker.engine.release(now, &self.snapshot, &mut self.outbox);
                self.sent.extend(self.outbox.released.drain(..).map(|held| (held.way.port, held.bytes)));
                self.sent.extend(self.outbox.replies.iter().map(|(port, frame)| (port, frame.to_vec())));
                asked.append(&mut self.outbox.asks);
            }
            let mut arrived = std::mem::take(&mut worker.arrived);
            for frames in arrived.chunks_mut(BATCH_MAX) {
                let mut batch = Batch::new();
                for frame in frames {
                    batch.push(Frame::new(frame, Meta::default()));
                }
                worker.engine.process(now, &self.snapshot, &mut batch, &mut self.outbox);
                for (port, mask) in self.outbox.forwards() {
                    self.sent.extend(bits(mask).map(|i| (port, batch.frames()[i].bytes().to_vec())));
                }
                self.sent.extend(self.outbox.replies.iter().map(|(port, frame)| (port, frame.to_vec())));
                punted.extend(self.outbox.punts.iter().map(|(port, frame)| (port, frame.to_vec())));
                asked.append(&mut self.outbox.asks);
            }
            if worker.engine.is_busy() {
                worker.engine.tick(now, &self.snapshot);
            }
        }
        let letters: Vec<_> = self
            .workers
            .values_mut()
            .flat_map(|worker| worker.engine.letters().collect::<Vec<_>>())
            .collect();
        for letter in letters {
            if let Some(worker) = self.workers.get_mut(&letter.to) {
                worker.engine.receive(now, &letter.share);
            }
        }
        self.tick_at = now + TICK;
        for (port, addr) in asked {
            self.director.resolve(now, port, addr);
        }
        self.settle(now);
        for (port, frame) in punted {
            self.director.handle_frame(now, port, &frame);
            self.settle(now);
        }
        self.release(now);
    }

    /// Packets that have waited for a neighbour go their way: a new snapshot wakes the workers.
    fn release(&mut self, now: Instant) {
        let mut asked = Vec::new();
        for worker in self.workers.values_mut().filter(|worker| worker.engine.is_waiting()) {
            worker.engine.release(now, &self.snapshot, &mut self.outbox);
            self.sent.extend(self.outbox.released.drain(..).map(|held| (held.way.port, held.bytes)));
            self.sent.extend(self.outbox.replies.iter().map(|(port, frame)| (port, frame.to_vec())));
            asked.append(&mut self.outbox.asks);
        }
        for (port, addr) in asked {
            self.director.resolve(now, port, addr);
        }
        self.settle(now);
    }

    /// Sums up what targets have to do, when somebody looks at it and it is time.
    fn measure(&mut self, now: Instant) {
        if self.snapshot.measured && self.meter.deadline(true) <= now {
            let workers: Vec<&WorkerStats> = self.workers.values().map(|worker| &*worker.stats).collect();
            self.meter.sum(now, &self.director.loads(), &workers);
        }
    }

    /// Polls the director until it has nothing more to do.
    fn settle(&mut self, now: Instant) {
        while let Some(output) = self.director.poll(now) {
            match output {
                Output::Send { port, frame } => self.sent.push((port, frame)),
                Output::Publish(snapshot) => {
                    assert!(snapshot.generation > self.snapshot.generation, "generations count up");
                    self.snapshot = snapshot;
                }
                Output::Tell(note) => self.log.push((now, note.to_string())),
                Output::Pinged(report) => self.pinged.push(report),
            }
        }
    }

    /// When [`Node::run`] is to be called next, if nothing arrives.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let busy = self.workers.values().any(|worker| worker.engine.is_busy());
        let tick = busy.then_some(self.tick_at);
        let sum = self.snapshot.measured.then(|| self.meter.deadline(true));
        [self.director.deadline(), tick, sum].into_iter().flatten().min()
    }

    /// Frames sent since the last call, in order.
    pub(crate) fn take_sent(&mut self) -> Vec<(PortId, Vec<u8>)> {
        std::mem::take(&mut self.sent)
    }

    /// The link of `port` goes up or down.
    pub(crate) fn link(&mut self, now: Instant, port: PortId, up: bool) {
        self.director.link(now, port, up);
        self.settle(now);
    }

    /// The operator pings.
    pub(crate) fn ping(&mut self, now: Instant, to: &str, count: u16) -> Result<u64, String> {
        let asked = self.director.ping(now, to.parse().expect("an address"), count);
        self.settle(now);
        asked
    }

    /// The operator loads another configuration.
    pub(crate) fn reload(&mut self, now: Instant, model: Model) {
        self.director.reload(now, model);
        self.settle(now);
    }

    /// The operator stops the program, which says goodbye.
    pub(crate) fn shut_down(&mut self, now: Instant) {
        self.director.shutdown(now);
        self.settle(now);
    }

    /// What the workers believe, not what the director knows: frames meet this.
    pub(crate) fn is_master(&self) -> bool {
        self.snapshot.master
    }

    /// Times this node has become master.
    pub(crate) fn taken_over(&self) -> u64 {
        self.director.election().map_or(0, |(_, adverts)| adverts.taken_over)
    }

    /// Counters of the worker at interface 1.
    pub(crate) fn counters(&self) -> Counters {
        counters::read(&self.workers[&1].stats)
    }

    /// All sessions of all workers.
    pub(crate) fn sessions(&self, now: Instant) -> Vec<session::View> {
        let mut found = Vec::new();
        for worker in self.workers.values() {
            let mut cursor = session::Cursor::default();
            while let Some(views) = worker.engine.sessions(now, &mut cursor, 256) {
                found.extend(views);
            }
        }
        found
    }

    pub(crate) fn session_count(&self) -> usize {
        self.workers.values().map(|w| w.engine.session_count()).sum()
    }
}
