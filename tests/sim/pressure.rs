//! A session table that is too small, and one that nobody uses any more: the books must balance at any time.

use std::sync::Arc;

use bng::director::{Director, Output, PortInfo};
use bng::engine::Engine;
use bng::engine::Place;
use bng::outbox::Outbox;
use bng::seed::Seed;
use bng::snapshot::Snapshot;
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng_platform::{BATCH_MAX, Batch, Frame, Meta};

use crate::config;
use crate::traffic::frame;

const TARGETS: u16 = 3;

/// A worker whose targets are up, without anything around it.
/// Sessions of each family that the engine has room for.
const ROOM: usize = 1 << 18;

struct Worker {
    engine: Engine,
    stats: Arc<WorkerStats>,
    snapshot: Arc<Snapshot>,
    outbox: Outbox,
}

impl Worker {
    fn new() -> Self {
        let mut director = Director::new(Instant::ZERO, config::farm(0, 0, TARGETS, (0, 0)), Seed::new(1));
        director.port_opened(Instant::ZERO, 1, PortInfo { tap: false, link: true, mtu: 1500 });
        for n in 1..=TARGETS {
            let us = "eth 02:00:00:00:02:00 06:00:ac:11:02:65";
            for told in [
                format!("{us} arp 172.17.2.{} is-at 02:00:00:00:02:{n:02x} to 172.17.2.101", 200 + n),
                format!(
                    "{us} ipv6 2001:db8:2::{t:x} 2001:db8:2::101 ttl 255 na 2001:db8:2::{t:x} at 02:00:00:00:02:{n:02x} so",
                    t = 0x200 + n
                ),
            ] {
                director.handle_frame(Instant::ZERO, 1, &frame(&told));
            }
        }
        let mut snapshot = None;
        while let Some(output) = director.poll(Instant::ZERO) {
            if let Output::Publish(published) = output {
                snapshot = Some(published);
            }
        }
        let stats = Arc::new(WorkerStats::default());
        let engine =
            Engine::new(Place { port: 1, alone: true, maxsessions: ROOM }, stats.clone(), Seed::new(2));
        Self { engine, stats, snapshot: snapshot.expect("a snapshot"), outbox: Outbox::default() }
    }

    /// One batch of segments of the clients with these numbers.
    fn serve(&mut self, now: Instant, template: &[u8], clients: &[u32]) {
        let mut frames: Vec<Vec<u8>> = clients
            .iter()
            .map(|client| {
                let mut frame = template.to_vec();
                // The last four bytes of the source address, which no checksum that is looked at covers.
                frame[34..38].copy_from_slice(&client.to_be_bytes());
                frame
            })
            .collect();
        let mut batch = Batch::new();
        for frame in &mut frames {
            batch.push(Frame::new(frame, Meta::default()));
        }
        self.engine.process(now, &self.snapshot, &mut batch, &mut self.outbox);
        self.engine.tick(now, &self.snapshot);
    }

    /// What was created and not removed is what is there, and belongs to some server and some target.
    fn check_books(&self) {
        let live = self.engine.session_count() as u64;
        let (server, work) = (self.stats.server(1), &self.stats.work);
        assert_eq!(server.created.get() - work.expired.get() - work.evicted.get(), live);
        assert_eq!(server.sessions.get(), live);
        let targets = (1..=TARGETS).map(|n| self.stats.target(n));
        assert_eq!(targets.clone().map(|t| t.sessions.get()).sum::<u64>(), live);
        assert_eq!(targets.clone().map(|t| t.created.get()).sum::<u64>(), server.created.get());
        assert_eq!(targets.clone().map(|t| t.frames.get()).sum::<u64>(), work.forwarded.get());
        assert_eq!(targets.map(|t| t.bytes.get()).sum::<u64>(), server.bytes.get());
        assert_eq!(work.received.get(), work.forwarded.get(), "every frame finds a target");
    }
}

fn template() -> Vec<u8> {
    frame("eth 02:00:00:00:00:c1 06:00:ac:11:02:65 ipv6 2001:db8:9::1 2001:db8:2::90 tcp 40000 80 S")
}

#[test]
fn a_flood_of_clients_evicts_and_the_books_balance() {
    let (mut worker, template) = (Worker::new(), template());
    let clients: Vec<u32> = (0..(ROOM as u32) * 5 / 4).collect();
    let mut now = Instant::ZERO;
    for (n, batch) in clients.chunks(BATCH_MAX).enumerate() {
        now += Duration::from_micros(10);
        worker.serve(now, &template, batch);
        if n % 512 == 0 {
            worker.check_books();
        }
    }
    worker.check_books();
    let evicted = worker.stats.work.evicted.get();
    assert!(evicted >= ROOM as u64 / 4, "more clients than places, but only {evicted} evicted");
    assert_eq!(worker.stats.work.expired.get(), 0);

    // Nobody comes any more: everything expires, and only by its timeout.
    let end = now + Duration::from_secs(599);
    while now < end {
        now += Duration::from_millis(100);
        worker.engine.tick(now, &worker.snapshot);
    }
    assert_eq!(worker.stats.work.expired.get(), 0, "a second before the timeout");
    let mut ticks = 0;
    while worker.engine.session_count() > 0 {
        now += Duration::from_millis(1);
        worker.engine.tick(now, &worker.snapshot);
        ticks += 1;
        assert!(ticks < 60_000, "{} sessions are left after a minute", worker.engine.session_count());
    }
    worker.check_books();
    assert_eq!(worker.stats.work.evicted.get(), evicted);
}

#[test]
fn clients_that_come_and_go_at_random_leave_balanced_books() {
    let (mut worker, template, mut dice) = (Worker::new(), template(), Seed::new(7));
    let mut now = Instant::ZERO;
    for round in 0..4_000 {
        // Now and then everybody is away for longer than the timeout.
        let pause = if dice.below(500) == 0 { 700_000_000 } else { dice.below(2_000_000) };
        now += Duration::from_micros(pause);
        let count = 1 + dice.below(BATCH_MAX as u64);
        let clients: Vec<u32> = (0..count).map(|_| dice.below(20_000) as u32).collect();
        worker.serve(now, &template, &clients);
        if round % 16 == 0 {
            worker.check_books();
        }
    }
    worker.check_books();
    let work = &worker.stats.work;
    assert!(work.expired.get() > 10_000 && work.evicted.get() == 0);
}
