//! Nanoseconds per frame of the engine on the memory door: `cargo bench --bench engine`.
//!
//! 64-byte UDP frames for one DSR server with two targets, from 1, 1,000 and 100,000 clients in turn, in batches of
//! 64, 8 and 1. Every round measures the door alone (a copy per batch) and the door with the engine, one after the
//! other, so that a noisy machine disturbs both; the figure is the median of the differences.
//!
//! Then the tables alone, nanoseconds per session or flow: filling an empty one to its capacity, finding and touching
//! what is there in random order and in batches of 64, and sweeping all of it out. `-- tables` measures these only, with
//! ten million of each instead of one.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant as Clock;

use bng::conf::model::{
    Interface, Model, Module, Network, Ports, Protocol, Server, SessionId, Subnet4, Target,
};
use bng::engine::Engine;
use bng::flow::{self, Direction, Flow, Flows, Kind, State, Tuple, Via};
use bng::nat::Pools;
use bng::net::Addr;
use bng::net::route::Routes;
use bng::outbox::Outbox;
use bng::seed::Seed;
use bng::slb::session::{Key, Key4, Key6, Table, Timeouts, Why};
use bng::snapshot::{self, Hop, Knowledge, Mode, Reach};
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng::wire::{MacAddr, ethernet, ethertype, ipv4, protocol, udp};
use bng_platform::memory::{MemoryFrame, Replay, Sink};
use bng_platform::{Meta, RxQueue, TxQueue};

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
const ROUNDS: usize = 21;
const FRAMES_PER_ROUND: usize = 400_000;

/// Room of a table by default.
const SESSIONS: usize = 1 << 20;

fn main() {
    let tables_only = std::env::args().any(|arg| arg == "tables");
    if !tables_only {
        println!(
            "engine, 64-byte UDP, DSR, memory door, {ROUNDS} rounds of {FRAMES_PER_ROUND} frames, median ns/frame"
        );
        println!("{:>9} {:>6} {:>8} {:>8} {:>10}", "sessions", "batch", "engine", "door", "engine+door");
        for clients in [1, 1_000, 100_000] {
            for batch in [64, 8, 1] {
                let (engine, door) = measure(clients, batch);
                println!("{clients:>9} {batch:>6} {engine:>8.1} {door:>8.1} {:>10.1}", engine + door);
            }
        }
        println!(
            "bytes per session, index included: IPv4 {:.1}, IPv6 {:.1}",
            Table::<Key4>::bytes(SESSIONS) as f64 / SESSIONS as f64,
            Table::<Key6>::bytes(SESSIONS) as f64 / SESSIONS as f64
        );
    }
    let count = if tables_only { 10_000_000 } else { 1_000_000 };
    println!(
        "bytes per flow, index included: IPv4 {:.1}, IPv6 {:.1}",
        flow::bytes(count, false) as f64 / count as f64,
        flow::bytes(count, true) as f64 / count as f64
    );
    println!("{:>24} {:>8} {:>8} {:>8}", "ns each", "insert", "hit", "expiry");
    for (name, [insert, hit, expiry]) in
        [("IPv4 sessions", sessions(count as u32)), ("IPv4 flows", flows(count as u32))]
    {
        println!("{count:>10} {name:>13} {insert:>8.1} {hit:>8.1} {expiry:>8.1}");
    }
}

/// Nanoseconds for each of `count` things that `work` does.
fn each(count: u32, work: impl FnOnce()) -> f64 {
    let start = Clock::now();
    work();
    start.elapsed().as_nanos() as f64 / f64::from(count)
}

/// Inserting, hitting and expiring `count` sessions.
fn sessions(count: u32) -> [f64; 3] {
    let engine_key = |n: u32| Key4::new(1, Ipv4Addr::from_bits(n).into(), 0, Addr::from_bits(0));
    let mut seed = Seed::new(1);
    let mut table = Table::<Key4>::new(count as usize, &mut seed);
    let timeouts = Timeouts { idle: Duration::from_secs(60), ended: Duration::ZERO };
    let now = Instant::from_secs(1);
    let insert = each(count, || {
        for n in 0..count {
            table.insert(now, engine_key(n), 1, timeouts, Why::Rr, State::Opening);
        }
    });
    assert_eq!(table.len(), count as usize, "they all fit");
    let hits = count / 64 * 64;
    let hit = each(hits, || {
        for _ in 0..hits / 64 {
            let keys: [Key4; 64] = std::array::from_fn(|_| engine_key(seed.below(count.into()) as u32));
            let spots = keys.map(|key| table.locate(&key));
            table.warm(spots.iter());
            for (key, spot) in keys.iter().zip(spots) {
                let place = table.find(now, spot, key).expect("it was inserted");
                table.get_mut(place).touch(now, 0, Direction::Original);
            }
        }
    });
    let (mut later, mut gone) = (Instant::from_secs(100), 0);
    let expiry = each(count, || {
        while !table.is_empty() {
            later += Duration::from_millis(10);
            table.sweep(later, |_| gone += 1);
        }
    });
    assert_eq!(gone, count);
    [insert, hit, expiry]
}

/// The same for flows.
fn flows(count: u32) -> [f64; 3] {
    let mut seed = Seed::new(1);
    let mut table = Flows::new(1, count as usize, 1, &mut seed);
    let via = Via { port: 1, mac: MacAddr([2; 6]) };
    let flow = |n: u32| {
        let (client, target) = (Ipv4Addr::from_bits(n), Ipv4Addr::new(10, 0, 0, 11));
        let original =
            Tuple { src: client.into(), dst: VIP.into(), sport: 4000, dport: 53, proto: protocol::UDP };
        let translated = Tuple { dst: target.into(), dport: 5353, ..original };
        Flow { kind: Kind::Dnat, original, translated, server: 1, target: 1, via, peer: 0 }
    };
    let timeouts = flow::Timeouts {
        opening: 600,
        established: 600,
        closing: 600,
        closed: 600,
        single: 600,
        datagram: 600,
    };
    let now = Instant::from_secs(1);
    let insert = each(count, || {
        for n in 0..count {
            table.insert(now, &flow(n), 0, &timeouts).expect("all are different");
        }
    });
    assert_eq!(table.len(), count as usize, "they all fit");
    let hits = count / 64 * 64;
    let hit = each(hits, || {
        for _ in 0..hits / 64 {
            let tuples: [Tuple; 64] = std::array::from_fn(|i| {
                let flow = flow(seed.below(count.into()) as u32);
                if i % 2 == 0 { flow.original } else { flow.reply() }
            });
            let spots = tuples.map(|tuple| table.locate(&tuple));
            table.warm(spots.iter());
            for (tuple, spot) in tuples.iter().zip(spots) {
                let (handle, direction) = table.find(now, spot, tuple).expect("it was inserted");
                std::hint::black_box(table.get(handle));
                table.touch(handle, now, direction, 0, via, &timeouts);
            }
        }
    });
    let (mut later, mut gone) = (Instant::from_secs(100), 0);
    let expiry = each(count, || {
        while !table.is_empty() {
            later += Duration::from_millis(10);
            table.sweep(later, 16_384, |_| gone += 1);
        }
    });
    assert_eq!(gone, count);
    [insert, hit, expiry]
}

/// Median nanoseconds per frame of the engine and of the door alone.
fn measure(clients: u32, batch: usize) -> (f64, f64) {
    let snapshot = snapshot::compile(1, &model(), &Known);
    let stats = Arc::new(WorkerStats::default());
    let mut engine = Engine::new(1, Arc::clone(&stats), Seed::new(1));
    // At least a full batch, or the door could not hand one out.
    let frames: Vec<_> = (0..clients.max(64)).map(|n| frame(n % clients)).collect();
    let mut door = Replay::new(&frames, batch);
    let (mut sink, mut out) = (Sink::default(), Outbox::default());
    let mut now = Instant::from_secs(1);
    let mut run = |with_engine: bool| {
        let (mut seen, start) = (0, Clock::now());
        while seen < FRAMES_PER_ROUND {
            let mut frames = door.recv().expect("the memory door does not fail");
            seen += frames.len();
            let mask = frames.all();
            if with_engine {
                now += Duration::from_micros(1);
                engine.process(now, &snapshot, &mut frames, &mut out);
                for (_, mask) in out.forwards() {
                    sink.send(&mut frames, mask).expect("the sink does not fail");
                }
                engine.tick(now, &snapshot);
            } else {
                sink.send(&mut frames, mask).expect("the sink does not fail");
            }
        }
        start.elapsed().as_nanos() as f64 / seen as f64
    };
    run(true);
    let (mut engines, mut doors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (alone, both) = (run(false), run(true));
        doors.push(alone);
        engines.push(both - alone);
    }
    let received = stats.work.received.get();
    assert_eq!(stats.work.forwarded.get(), received, "every frame must have been forwarded");
    assert_eq!(engine.session_count(), clients as usize);
    (median(&mut engines), median(&mut doors))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A 60-byte frame (64 with FCS) from client number `n` to the virtual server.
fn frame(n: u32) -> MemoryFrame {
    let mut bytes = vec![0; 60];
    let src = Ipv4Addr::from_bits(0x0a00_0000 + 0x1_0000 + n);
    let frame = ethernet::Repr {
        dst: MacAddr::real(Ipv4Addr::new(10, 0, 0, 1)),
        src: MacAddr([2; 6]),
        ethertype: ethertype::IPV4,
    };
    frame.emit(&mut bytes);
    let datagram = udp::Repr { src_port: 4000, dst_port: 53, payload: &[7; 18] };
    let ip = ipv4::Repr {
        src,
        dst: VIP,
        protocol: protocol::UDP,
        ttl: 64,
        tos: 0,
        ident: 0,
        dont_fragment: true,
        payload_len: datagram.wire_len() as u16,
    };
    ip.emit(&mut bytes[14..]);
    datagram.emit(src.into(), VIP.into(), &mut bytes[34..]);
    MemoryFrame { bytes, meta: Meta::default() }
}

fn model() -> Model {
    let interface =
        Interface { name: "mem0".into(), access: Default::default(), init: None, threads: 1, active: true };
    let network = Network {
        subnet4: Some(Subnet4 { addr: Ipv4Addr::new(10, 0, 0, 0), prefix: 8 }),
        real: Some(Ipv4Addr::new(10, 0, 0, 1)),
        interface: 1,
        active: true,
        ..Network::default()
    };
    let server = Server {
        ipaddr: Some(VIP),
        ports: Ports::new(&[53]),
        protocol: Some(Protocol::Udp),
        targets: vec![1, 2],
        sessionid: SessionId::Src,
        stimeout: Duration::from_secs(600),
        registered: true,
        active: true,
        ..Server::default()
    };
    let target = |last| Target {
        ipaddr: Some(Ipv4Addr::new(10, 0, 0, last)),
        dsr: true,
        registered: true,
        active: true,
        ..Target::default()
    };
    use Module::{Arp, Hc, Master, Nat, Ping, Rt, Slb, Tnat, Vrrp};
    Model {
        modules: vec![Vrrp, Arp, Ping, Hc, Master, Slb, Tnat, Nat, Rt],
        interfaces: BTreeMap::from([(1, interface)]),
        networks: BTreeMap::from([(1, network)]),
        servers: BTreeMap::from([(1, server)]),
        targets: BTreeMap::from([(1, target(11)), (2, target(12))]),
        ..Model::default()
    }
}

/// Everything is open, up and resolved.
struct Known;

impl Knowledge for Known {
    fn master(&self) -> bool {
        true
    }
    fn mtu(&self, _: u16) -> Option<u16> {
        Some(1500)
    }
    fn routes(&self) -> Routes {
        Routes::default()
    }
    fn watched(&self) -> Vec<(Addr, Option<MacAddr>)> {
        Vec::new()
    }
    fn target(&self, number: u16) -> snapshot::Target {
        let hop = Hop { port: 1, to: MacAddr([4, 0, 0, 0, 0, number as u8]), from: MacAddr([6; 6]) };
        let addr = Addr::v4(Ipv4Addr::new(10, 0, 0, 10 + number as u8));
        let reach = Reach { hop, mode: Mode::Dsr, addr };
        snapshot::Target { v4: Some(reach), ..snapshot::Target::default() }
    }
    fn pools(&self, _: Addr) -> Option<Arc<Pools>> {
        None
    }
}
