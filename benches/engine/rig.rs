//! One engine on the memory door, fed by so many clients whose packets it forwards one way.

use std::sync::Arc;

use bng::engine::Engine;
use bng::outbox::Outbox;
use bng::seed::Seed;
use bng::snapshot::Snapshot;
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng_platform::memory::{Replay, Sink};
use bng_platform::{RxQueue, TxQueue};

use crate::scene::{Family, Way};

/// An engine with its door and its clients.
pub(crate) struct Rig {
    way: Way,
    clients: u32,
    snapshot: Snapshot,
    stats: Arc<WorkerStats>,
    engine: Engine,
    door: Replay,
    sink: Sink,
    out: Outbox,
    now: Instant,
}

impl Rig {
    /// An engine that forwards one way, in batches of so many frames, and has seen nothing yet.
    pub(crate) fn new(way: Way, family: Family, clients: u32, batch: usize) -> Self {
        let stats = Arc::new(WorkerStats::default());
        // At least a full batch, or the door could not hand one out.
        let frames: Vec<_> = (0..clients.max(64)).map(|n| way.frame(family, n % clients)).collect();
        Self {
            way,
            clients,
            snapshot: way.snapshot(),
            engine: Engine::new(1, Arc::clone(&stats), Seed::new(1)),
            stats,
            door: Replay::new(&frames, batch),
            sink: Sink::default(),
            out: Outbox::default(),
            now: Instant::from_secs(1),
        }
    }

    /// Takes at least `count` frames from the door, and returns how many; without the engine they go straight to where
    /// they leave.
    pub(crate) fn run(&mut self, count: usize, with_engine: bool) -> usize {
        let mut seen = 0;
        while seen < count {
            let mut frames = self.door.recv().expect("the memory door does not fail");
            seen += frames.len();
            if with_engine {
                self.now += Duration::from_micros(1);
                self.engine.process(self.now, &self.snapshot, &mut frames, &mut self.out);
                for (_, mask) in self.out.forwards() {
                    self.sink.send(&mut frames, mask).expect("the sink does not fail");
                }
                for (_, frame) in self.out.replies.iter() {
                    self.sink.send_bytes(frame).expect("the sink does not fail");
                }
                self.engine.letters().for_each(drop);
                self.engine.tick(self.now, &self.snapshot);
            } else {
                let mask = frames.all();
                self.sink.send(&mut frames, mask).expect("the sink does not fail");
            }
        }
        seen
    }

    /// A figure is worth nothing unless every frame went the way that it is about.
    pub(crate) fn check(&self) {
        let received = self.stats.work.received.get();
        let forwarded =
            self.stats.work.forwarded.get() + self.stats.work.routed.get() + self.stats.work.answered.get();
        assert_eq!(forwarded, received, "every frame must have been forwarded or answered");
        let without_sessions = matches!(self.way, Way::Nat | Way::Rt | Way::Dns);
        assert!(without_sessions || self.engine.session_count() == self.clients as usize);
    }
}
