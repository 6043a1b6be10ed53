//! `slb`: server load balancing. Finds the server, then the session, else a target, and forwards.
//!
//! ```text
//!   packet for a virtual address --> server --> session --> target --> dsr.rs      as it is, to the target's station
//!                                                 |   none: choose.rs  tunnel.rs   as it is, inside another packet
//!                                                 v                    connect.rs  translated, as a flow (nat/)
//!                                              session.rs
//! ```

pub mod choose;
mod connect;
mod dsr;
mod error;
mod gslb;
pub mod loads;
mod lost;
pub mod method;
pub mod session;
pub(crate) mod tunnel;

use arrayvec::ArrayVec;
use bng_platform::BATCH_MAX;

use crate::conf::model::{Protocol, SessionId};
use crate::flow::{State, Tuple};
use crate::nat::{self, Nat};
use crate::net::Addr;
use crate::pass::{Pass, bits};
use crate::seed::Seed;
use crate::snapshot::{Mode, Reach, Server, Services, Snapshot};
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::icmpv4::Echo;
use crate::wire::{Fragment, IpInfo, protocol};
use choose::Chooser;
use method::Client;
use session::{Key, Key4, Key6, Session, Spot, Table};

/// Sessions and turn-taking of one worker.
#[derive(Debug)]
pub struct Slb {
    v4: Table<Key4>,
    v6: Table<Key6>,
    chooser: Chooser,
    /// Where segments and fragments for tunnels are built.
    buffers: [Vec<u8>; 2],
}

impl Slb {
    /// No sessions yet, with room for `capacity` of each family.
    pub fn new(capacity: usize, seed: &mut Seed) -> Self {
        Self {
            v4: Table::new(capacity, seed),
            v6: Table::new(capacity, seed),
            chooser: Chooser::new(seed.fork()),
            buffers: [Vec::new(), Vec::new()],
        }
    }

    /// Takes every packet for a virtual address.
    pub fn run(&mut self, pass: &mut Pass<'_, '_>, nat: &mut Nat) {
        let Self { v4, v6, chooser, buffers } = self;
        let errors = pass.errors();
        for i in bits(errors) {
            lost::relay(pass, i);
        }
        for i in bits(pass.errors()) {
            error::carry(v4, v6, chooser, pass, i, buffers);
        }
        let (mask4, mask6) = (pass.ipv4() & !errors, pass.ipv6() & !errors);
        if mask4 != 0 {
            balance(v4, chooser, pass, mask4, nat, buffers);
        }
        if mask6 != 0 {
            balance(v6, chooser, pass, mask6, nat, buffers);
        }
    }

    /// Notes that the connection that began with `tuple` lives and is in `state`; its packets do not come here.
    pub fn hear(&mut self, now: Instant, snapshot: &Snapshot, server: u16, tuple: &Tuple, state: State) {
        if tuple.src.is_v4() {
            hear(&mut self.v4, now, snapshot, server, tuple, state);
        } else {
            hear(&mut self.v6, now, snapshot, server, tuple, state);
        }
    }

    /// Removes idle sessions, a slice at a time.
    pub fn sweep(&mut self, now: Instant, stats: &WorkerStats) {
        self.v4.sweep(now, |s| forget(stats, s, &stats.work.expired));
        self.v6.sweep(now, |s| forget(stats, s, &stats.work.expired));
    }

    /// Removes all sessions.
    pub fn clear(&mut self, stats: &WorkerStats) {
        self.v4.clear(|s| leave(stats, s));
        self.v6.clear(|s| leave(stats, s));
    }

    /// Sessions of both families, expired ones that were not swept yet included.
    pub fn session_count(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// About `max` sessions behind `cursor`, IPv4 first; `None` at the end.
    pub fn sessions(
        &self,
        now: Instant,
        cursor: &mut session::Cursor,
        max: usize,
    ) -> Option<Vec<session::View>> {
        cursor.list(now, &self.v4, &self.v6, max)
    }
}

/// Notes in the table of its family that the connection that began with `tuple` lives and is in `state`.
fn hear<K: Key>(
    table: &mut Table<K>,
    now: Instant,
    snapshot: &Snapshot,
    server: u16,
    tuple: &Tuple,
    state: State,
) {
    let Some(sessionid) = snapshot.server(server).map(|server| server.sessionid) else { return };
    let key = key(sessionid, server, tuple);
    if let Some(place) = table.find(now, table.locate(&key), &key) {
        table.get_mut(place).mirror(now, state);
    }
}

/// A packet that wants a target.
struct Request<'s, K> {
    /// Which frame of the batch.
    frame: usize,
    info: &'s IpInfo,
    server: &'s Server,
    /// Names the server, too.
    key: K,
    spot: Spot,
}

impl<K: Key> Request<'_, K> {
    /// It is a TCP segment.
    fn is_tcp(&self) -> bool {
        self.info.proto == protocol::TCP
    }

    /// Who asks.
    fn client(&self) -> Client {
        Client { id: self.key.client(), dst: self.key.dst(), addr: self.info.src }
    }

    /// It has no session: one question, one answer.
    fn is_alone(&self) -> bool {
        self.server.onepacket && self.info.proto == protocol::UDP
    }
}

/// Takes the packets of one family named by `mask`. First all that each of them asks for, then the memory where
/// their sessions lie, then the decisions: so the misses of a batch overlap.
fn balance<K: Key>(
    table: &mut Table<K>,
    chooser: &mut Chooser,
    pass: &mut Pass<'_, '_>,
    mask: u64,
    nat: &mut Nat,
    buffers: &mut [Vec<u8>; 2],
) {
    let mut requests = ArrayVec::<Request<'_, K>, BATCH_MAX>::new();
    for i in bits(mask & !no_requests(pass)) {
        let info = pass.info(i);
        match request(table, pass.snapshot, i, info) {
            None => {}
            Some(Ok(Request { server: Server { gslb: Some(gslb), .. }, key, .. })) => {
                let number = key.server();
                match info.proto {
                    _ if choose::is_nobody(pass.snapshot, info.src) => pass.drop(i, Drop::Martian),
                    protocol::UDP => gslb::serve(pass, i, number, gslb, chooser),
                    _ => pass.drop(i, Drop::NoServer),
                }
            }
            Some(Ok(request)) => requests.push(request),
            Some(Err(reason)) => pass.drop(i, reason),
        }
    }
    table.warm(requests.iter().map(|r| &r.spot));
    for request in requests {
        match choose::assign(table, chooser, pass, &request) {
            Ok((target, reach)) => match reach.mode {
                Mode::Nat => {
                    connect::open(nat, pass, &request, target, reach);
                    // At once: the next packet may be of the same session.
                    for (server, tuple, state) in nat.news() {
                        hear(table, pass.now, pass.snapshot, server, &tuple, state);
                    }
                }
                _ => {
                    let (number, i) = (request.key.server(), request.frame);
                    send_unchanged(pass, i, (number, target), reach, chooser, buffers);
                }
            },
            Err(reason) => pass.drop(request.frame, reason),
        }
    }
}

/// Forwards packet `i` of `server` to `target` without changing it: by its stations alone, or through a tunnel.
fn send_unchanged(
    pass: &mut Pass<'_, '_>,
    i: usize,
    (server, target): (u16, u16),
    reach: &Reach,
    chooser: &Chooser,
    buffers: &mut [Vec<u8>; 2],
) {
    let bytes = pass.frames[i].len() as u64;
    let sent = match reach.mode {
        Mode::Tunnel(kind, src, dst) => {
            let outer = tunnel::Outer { kind, src, dst };
            tunnel::send(pass, i, outer, &reach.hop, chooser, buffers)
        }
        Mode::Dsr | Mode::Nat => {
            dsr::redirect(&mut pass.frames[i], reach.hop);
            pass.forward(i, reach.hop.port);
            true
        }
    };
    if sent {
        for traffic in [pass.stats.server(server), pass.stats.target(target)] {
            traffic.frames.add(1);
            traffic.bytes.add(bytes);
        }
        pass.stats.work.forwarded.add(1);
    }
}

/// The messages of ICMP that ask a server for nothing: all but echo requests. Those of routers, neighbours and listeners
/// are for one link, and their hop limit proves that no router has passed them on (RFC 4861 section 3.1); we are none to
/// a target, which would believe what somebody on another link says.
fn no_requests(pass: &Pass<'_, '_>) -> u64 {
    let asks = |i: &usize| pass.info(*i).fragment == Fragment::Later || pass.echo(*i) == Some(Echo::Request);
    bits(pass.icmp()).filter(|i| !asks(i)).fold(0, |mask, i| mask | 1 << i)
}

/// What packet `i` asks for; `None` when it is not for a virtual address.
#[inline]
fn request<'s, K: Key>(
    table: &Table<K>,
    snapshot: &'s Snapshot,
    i: usize,
    info: &'s IpInfo,
) -> Option<Result<Request<'s, K>, Drop>> {
    let services = snapshot.services.get(info.dst)?;
    // The local host and other balancers may own a virtual address too; what they send is no request.
    if snapshot.own.get(info.src).is_some() {
        return Some(Err(Drop::OwnSource));
    }
    let Some(number) = service(services, info.proto, info.dport) else { return Some(Err(Drop::NoServer)) };
    let Some(server) = snapshot.server(number).filter(|s| s.active) else {
        return Some(Err(Drop::ServerDisabled));
    };
    let key = key::<K>(server.sessionid, number, &nat::tuple(info));
    Some(Ok(Request { frame: i, info, server, spot: table.locate(&key), key }))
}

/// The server that serves this protocol and port.
fn service(services: &Services, proto: u8, port: u16) -> Option<u16> {
    let protocol = match proto {
        protocol::TCP => Some(Protocol::Tcp),
        protocol::UDP => Some(Protocol::Udp),
        _ => None,
    };
    services.find(protocol, port)
}

/// The key of the session that a client's packet belongs to.
fn key<K: Key>(sessionid: SessionId, server: u16, tuple: &Tuple) -> K {
    let none = Addr::from_bits(0);
    let Tuple { src, dst, sport, .. } = *tuple;
    match sessionid {
        SessionId::Src => K::new(server, src, 0, none),
        SessionId::SrcPort => K::new(server, src, sport, none),
        SessionId::Dst => K::new(server, none, 0, dst),
        SessionId::Both => K::new(server, src, 0, dst),
        SessionId::BothPort => K::new(server, src, sport, dst),
    }
}

/// Takes a removed session out of the counts and says why it went.
fn forget<K: Key>(stats: &WorkerStats, session: &Session<K>, counter: &crate::stat::Counter) {
    leave(stats, session);
    counter.add(1);
}

/// Takes a removed session out of the counts.
fn leave<K: Key>(stats: &WorkerStats, session: &Session<K>) {
    stats.server(session.key.server()).sessions.sub(1);
    stats.target(session.target).sessions.sub(1);
}
