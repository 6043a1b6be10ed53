//! More clients than there is room for: who is served already stays served, and the books balance.

use std::collections::BTreeMap;
use std::sync::Arc;

use bng::conf::model::Model;
use bng::director::{Director, Output, PortInfo};
use bng::engine::{Engine, Place};
use bng::outbox::Outbox;
use bng::pass::bits;
use bng::seed::Seed;
use bng::snapshot::Snapshot;
use bng::stat::{Drop, WorkerStats};
use bng::time::{Duration, Instant};
use bng::wire::{IpInfo, L3, MacAddr, dissect};
use bng_platform::{BATCH_MAX, Batch, Frame, Meta};

use crate::config;
use crate::traffic::frame;

const TARGETS: u16 = 3;
/// Sessions and connections of each family that there is room for.
const ROOM: usize = 4096;
/// Clients that are there before the crowd comes.
const REGULARS: u32 = 1000;
const OUR_MAC: &str = "06:00:ac:11:02:65";
const CLIENT_MAC: &str = "02:00:00:00:00:c1";

/// One worker of a node whose targets are up.
struct Worker {
    now: Instant,
    engine: Engine,
    stats: Arc<WorkerStats>,
    snapshot: Arc<Snapshot>,
    outbox: Outbox,
}

/// Station of target `n`.
fn station(n: u16) -> MacAddr {
    format!("02:00:00:00:10:{n:02x}").parse().expect("a station")
}

impl Worker {
    fn new(model: Model) -> Self {
        let now = Instant::ZERO;
        let addresses: Vec<_> =
            model.targets.iter().map(|(n, target)| (*n, target.ipaddr.expect("IPv4"))).collect();
        let router = model.gateway.as_ref().and_then(|gateway| gateway.ipaddr);
        let mut director = Director::new(now, model, Seed::new(1));
        director.port_opened(now, 1, PortInfo { tap: false, link: true, mtu: 1500 });
        for (n, addr) in addresses {
            let mac = station(n);
            director.handle_frame(
                now,
                1,
                &frame(&format!("eth {mac} {OUR_MAC} arp {addr} is-at {mac} to 172.17.2.101")),
            );
        }
        if let Some(addr) = router {
            let mac = CLIENT_MAC;
            director.handle_frame(
                now,
                1,
                &frame(&format!("eth {mac} {OUR_MAC} arp {addr} is-at {mac} to 172.17.2.101")),
            );
        }
        let mut snapshot = None;
        while let Some(output) = director.poll(now) {
            if let Output::Publish(published) = output {
                snapshot = Some(published);
            }
        }
        let stats = Arc::new(WorkerStats::default());
        let place = Place { port: 1, alone: true, maxsessions: ROOM };
        let engine = Engine::new(place, stats.clone(), Seed::new(2));
        Self { now, engine, stats, snapshot: snapshot.expect("a snapshot"), outbox: Outbox::default() }
    }

    /// Puts frames through the engine, a batch every 100 microseconds. Returns what leaves.
    fn serve(&mut self, mut frames: Vec<Vec<u8>>) -> Vec<(MacAddr, IpInfo)> {
        let mut sent = Vec::new();
        for frames in frames.chunks_mut(BATCH_MAX) {
            self.now += Duration::from_micros(100);
            let mut batch = Batch::new();
            for frame in frames {
                batch.push(Frame::new(frame, Meta::default()));
            }
            self.engine.process(self.now, &self.snapshot, &mut batch, &mut self.outbox);
            assert!(self.outbox.replies.is_empty() && self.outbox.punts.is_empty());
            for (_, mask) in self.outbox.forwards() {
                for i in bits(mask) {
                    let found = dissect(batch.frames()[i].bytes()).expect("well-formed");
                    if let L3::Ip(info) = found.l3 {
                        sent.push((found.dst, info));
                    }
                }
            }
            self.engine.tick(self.now, &self.snapshot);
            assert_eq!(self.engine.letters().count(), 0, "nobody else is to be told");
        }
        self.check_books();
        sent
    }

    /// Segments of the clients with these numbers.
    fn clients(&mut self, numbers: impl Iterator<Item = u32>, flags: &str) -> Vec<(MacAddr, IpInfo)> {
        let template = format!("eth {CLIENT_MAC} {OUR_MAC} ipv4 10.");
        let frames = numbers.map(|n| {
            let [_, a, b, c] = (n + (1 << 20)).to_be_bytes();
            frame(&format!("{template}{a}.{b}.{c} 172.17.2.90 tcp 40000 80 {flags} pad"))
        });
        self.serve(frames.collect())
    }

    /// Every frame is accounted for, and so is every session and every connection.
    fn check_books(&self) {
        let WorkerStats { work, .. } = &*self.stats;
        let dropped: u64 = Drop::ALL.into_iter().map(|reason| self.stats.drops(reason)).sum();
        assert_eq!(work.received.get(), work.forwarded.get() + work.routed.get() + dropped);
        assert_eq!(work.opened.get() - work.closed.get(), work.flows.get());
        let server = self.stats.server(1);
        let live = self.engine.session_count() as u64;
        assert_eq!(server.created.get() - work.expired.get() - work.evicted.get(), live);
        assert_eq!(server.sessions.get(), live);
        let targets = (1..=TARGETS).map(|n| self.stats.target(n));
        assert_eq!(targets.clone().map(|t| t.sessions.get()).sum::<u64>(), live);
        assert_eq!(targets.map(|t| t.frames.get()).sum::<u64>(), server.frames.get());
    }
}

/// Which station each client's packets went to; a client has one only.
fn homes(sent: &[(MacAddr, IpInfo)]) -> BTreeMap<u128, MacAddr> {
    let mut homes = BTreeMap::new();
    for (to, info) in sent {
        let home = homes.entry(info.src.to_bits()).or_insert(*to);
        assert_eq!(home, to, "{} is sent to two targets", info.src.to_ip());
    }
    homes
}

/// The regular clients connect: SYN, answer, ACK. Returns where they are.
fn connect(worker: &mut Worker, translated: bool) -> BTreeMap<u128, MacAddr> {
    let sent = worker.clients(0..REGULARS, "S");
    assert_eq!(sent.len(), REGULARS as usize);
    if translated {
        let answers: Vec<_> = sent
            .iter()
            .map(|(mac, info)| {
                let (src, dst) = (info.dst.to_ip(), info.src.to_ip());
                frame(&format!(
                    "eth {mac} {OUR_MAC} ipv4 {src} {dst} tcp {} {} S. pad",
                    info.dport, info.sport
                ))
            })
            .collect();
        let replies = worker.serve(answers);
        assert_eq!(replies.len(), REGULARS as usize);
        assert!(replies.iter().all(|(_, info)| info.src.to_ip().to_string() == "172.17.2.90"));
    }
    let again = worker.clients(0..REGULARS, ".");
    assert_eq!(again.len(), REGULARS as usize);
    homes(&sent)
}

#[test]
fn half_open_connections_make_room_and_established_ones_stay() {
    let mut worker = Worker::new(config::routed(0, 0, TARGETS, (0, 0)));
    let before = connect(&mut worker, true);
    let opened = worker.stats.work.opened.get();
    // Ten times as many connections as there is room for, none of which is ever answered.
    for wave in 0..10 {
        let from = 10_000 + wave * ROOM as u32;
        worker.clients(from..from + ROOM as u32, "S");
        assert!(worker.stats.work.flows.get() <= ROOM as u64);
    }
    let flood = worker.stats.work.opened.get() - opened;
    assert_eq!(flood, 10 * ROOM as u64, "everybody got a try");
    assert!(worker.stats.work.closed.get() >= flood + u64::from(REGULARS) - ROOM as u64);

    let opened = worker.stats.work.opened.get();
    let after = worker.clients(0..REGULARS, ".");
    assert_eq!(homes(&after), before);
    assert_eq!(worker.stats.work.opened.get(), opened, "no established connection had to be opened anew");
}

#[test]
fn sessions_of_direct_server_return_survive_as_well() {
    let mut worker = Worker::new(config::farm(0, 0, TARGETS, (0, 0)));
    let before = connect(&mut worker, false);
    for wave in 0..10 {
        let from = 10_000 + wave * ROOM as u32;
        assert_eq!(worker.clients(from..from + ROOM as u32, "S").len(), ROOM);
    }
    assert!(worker.stats.work.evicted.get() >= 9 * ROOM as u64);
    let created = worker.stats.server(1).created.get();
    assert_eq!(homes(&worker.clients(0..REGULARS, ".")), before);
    assert_eq!(worker.stats.server(1).created.get(), created, "no established session had to be made anew");
}

#[test]
fn above_the_rate_new_clients_are_served_without_being_remembered() {
    let mut model = config::farm(0, 0, TARGETS, (0, 0));
    model.tuning.synrate = 2_000;
    let mut worker = Worker::new(model);
    let before = connect(&mut worker, false);
    let created = worker.stats.server(1).created.get();
    // 64 in 100 microseconds: three hundred times the rate.
    let flood = || 10_000..60_000;
    let first = worker.clients(flood(), "S");
    assert_eq!(first.len(), flood().len(), "nobody is turned away");
    let stored = worker.stats.server(1).created.get() - created;
    assert!((1_000..=1_000 + 2_000).contains(&stored), "{stored} stored");
    assert_eq!(worker.stats.work.unstored.get(), flood().len() as u64 - stored);
    assert_eq!(worker.stats.work.evicted.get(), 0);

    // What is not remembered goes the same way again, and nobody who is remembered has moved.
    let second = worker.clients(flood(), ".");
    assert_eq!(homes(&first), homes(&second));
    assert_eq!(homes(&worker.clients(0..REGULARS, ".")), before);
}

#[test]
fn above_the_rate_connections_that_need_memory_are_refused() {
    let mut model = config::routed(0, 0, TARGETS, (0, 0));
    model.tuning.synrate = 2_000;
    let mut worker = Worker::new(model);
    let before = connect(&mut worker, true);
    let opened = worker.stats.work.opened.get();
    worker.clients(10_000..60_000, "S");
    let more = worker.stats.work.opened.get() - opened;
    assert_eq!(more + worker.stats.drops(Drop::SynRate), 50_000);
    assert!(more <= 3_000, "{more} opened");
    assert_eq!(homes(&worker.clients(0..REGULARS, ".")), before);
}
