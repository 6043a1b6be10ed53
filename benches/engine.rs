//! Nanoseconds per frame of the engine on the memory door: `cargo bench --bench engine`.
//!
//! 64-byte UDP frames for one DSR server with two targets, from 1, 1,000 and 100,000 clients in turn, in batches of
//! 64, 8 and 1. Every round measures the door alone (a copy per batch) and the door with the engine, one after the
//! other, so that a noisy machine disturbs both; the figure is the median of the differences.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant as Clock;

use bng::conf::model::{Interface, Model, Module, Network, Protocol, Server, SessionId, Subnet4, Target};
use bng::engine::Engine;
use bng::net::Addr;
use bng::net::route::Routes;
use bng::outbox::Outbox;
use bng::seed::Seed;
use bng::slb::session::{Key4, Key6, Table};
use bng::snapshot::{self, Hop, Knowledge};
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng::wire::{MacAddr, ethernet, ethertype, ipv4, protocol, udp};
use bng_platform::memory::{MemoryFrame, Replay, Sink};
use bng_platform::{Meta, RxQueue, TxQueue};

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
const ROUNDS: usize = 21;
const FRAMES_PER_ROUND: usize = 400_000;

fn main() {
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
        "bytes per session, index included: IPv4 {}, IPv6 {}",
        Table::<Key4>::bytes_per_session(),
        Table::<Key6>::bytes_per_session()
    );
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
                engine.tick(now);
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
        name: None,
        subnet4: Some(Subnet4 { addr: Ipv4Addr::new(10, 0, 0, 0), prefix: 8 }),
        real: Some(Ipv4Addr::new(10, 0, 0, 1)),
        virt: None,
        mask6: None,
        real6: None,
        virt6: None,
        interface: 1,
        active: true,
    };
    let server = Server {
        name: None,
        ipaddr: Some(VIP),
        ipaddr6: None,
        port: 53,
        protocol: Some(Protocol::Udp),
        targets: vec![1, 2],
        method: Default::default(),
        sessionid: SessionId::Src,
        stimeout: Duration::from_secs(600),
        registered: true,
        active: true,
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
        snapshot::Target { hop4: Some(hop), hop6: None }
    }
}
