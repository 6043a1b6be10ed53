//! `slb`: server load balancing. Finds the server, then the session, else a target, and forwards.

mod dsr;
mod rr;
pub mod session;

use arrayvec::ArrayVec;
use bng_platform::BATCH_MAX;

use crate::conf::model::{Protocol, SessionId};
use crate::flow::{Direction, State, state};
use crate::net::Addr;
use crate::pass::{Pass, bits};
use crate::seed::Seed;
use crate::snapshot::{Hop, Server, Services, Snapshot};
use crate::stat::{Drop, WorkerStats};
use crate::time::{Duration, Instant};
use crate::wire::{IpInfo, protocol};
use session::{Key, Key4, Key6, Room, Session, Spot, Table, Timeouts, Why};

/// Most IPv4 sessions of one worker. The table takes memory page by page as sessions come, 35 bytes for each.
pub const SESSIONS_V4: usize = 1 << 20;
/// Most IPv6 sessions of one worker, 69 bytes each.
pub const SESSIONS_V6: usize = 1 << 18;

/// Sessions and turn-taking of one worker.
#[derive(Debug)]
pub struct Slb {
    v4: Table<Key4>,
    v6: Table<Key6>,
    turns: rr::Turns,
}

impl Slb {
    /// No sessions yet.
    pub fn new(seed: &mut Seed) -> Self {
        Self {
            v4: Table::new(SESSIONS_V4, seed),
            v6: Table::new(SESSIONS_V6, seed),
            turns: rr::Turns::default(),
        }
    }

    /// Takes every packet for a virtual address.
    pub fn run(&mut self, pass: &mut Pass<'_, '_>) {
        let (v4, v6) = (pass.ipv4(), pass.ipv6());
        if v4 != 0 {
            balance(&mut self.v4, &mut self.turns, pass, v4);
        }
        if v6 != 0 {
            balance(&mut self.v6, &mut self.turns, pass, v6);
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

/// A packet that wants a target.
struct Request<'s, K> {
    /// Which frame of the batch.
    frame: usize,
    server: &'s Server,
    /// Names the server, too.
    key: K,
    spot: Spot,
    /// It is a TCP segment.
    tcp: bool,
    /// Its control bits, 0 for what is not TCP.
    flags: u8,
}

/// Takes the packets of one family named by `mask`. First all that each of them asks for, then the memory where
/// their sessions lie, then the decisions: so the misses of a batch overlap.
fn balance<K: Key>(table: &mut Table<K>, turns: &mut rr::Turns, pass: &mut Pass<'_, '_>, mask: u64) {
    let mut requests = ArrayVec::<Request<'_, K>, BATCH_MAX>::new();
    for i in bits(mask) {
        let info = pass.info(i);
        match request(table, pass.snapshot, i, &info) {
            None => {}
            Some(Ok(request)) => requests.push(request),
            Some(Err(reason)) => pass.drop(i, reason),
        }
    }
    table.warm(requests.iter().map(|r| &r.spot));
    for request in requests {
        let i = request.frame;
        let v6 = pass.info(i).is_v6;
        let Some((target, hop)) = assign(table, turns, pass, &request, v6) else {
            pass.drop(i, Drop::NoTarget);
            continue;
        };
        let bytes = pass.frames[i].len() as u64;
        for traffic in [pass.stats.server(request.key.server()), pass.stats.target(target)] {
            traffic.frames.add(1);
            traffic.bytes.add(bytes);
        }
        pass.stats.work.forwarded.add(1);
        dsr::redirect(&mut pass.frames[i], hop);
        pass.forward(i, hop.port);
    }
}

/// What packet `i` asks for; `None` when it is not for a virtual address.
#[inline]
fn request<'s, K: Key>(
    table: &Table<K>,
    snapshot: &'s Snapshot,
    i: usize,
    info: &IpInfo,
) -> Option<Result<Request<'s, K>, Drop>> {
    let services = snapshot.services.get(info.dst)?;
    // The local host and other balancers may own a virtual address too; what they send is no request.
    if snapshot.own.get(info.src).is_some() {
        return Some(Err(Drop::OwnSource));
    }
    let number = match service(services, info) {
        Ok(number) => number,
        Err(reason) => return Some(Err(reason)),
    };
    let Some(server) = snapshot.server(number).filter(|s| s.active) else {
        return Some(Err(Drop::ServerDisabled));
    };
    let key = key::<K>(server.sessionid, number, info);
    let (tcp, flags) = (info.proto == protocol::TCP, info.tcp_flags);
    Some(Ok(Request { frame: i, server, spot: table.locate(&key), key, tcp, flags }))
}

/// The most specific service of a virtual address for this packet.
fn service(services: &Services, info: &IpInfo) -> Result<u16, Drop> {
    let proto = match info.proto {
        protocol::TCP => Some(Protocol::Tcp),
        protocol::UDP => Some(Protocol::Udp),
        _ => None,
    };
    services.find(proto, info.dport).ok_or(Drop::NoServer)
}

/// The target of this packet's session, which is created or moved when need be, and the way there. `None`: nobody can
/// take it.
#[inline]
fn assign<K: Key>(
    table: &mut Table<K>,
    turns: &mut rr::Turns,
    pass: &Pass<'_, '_>,
    request: &Request<'_, K>,
    v6: bool,
) -> Option<(u16, Hop)> {
    let (now, snapshot, stats) = (pass.now, pass.snapshot, pass.stats);
    let (server, number) = (request.server, request.key.server());
    let choose = |turns: &mut rr::Turns| {
        let target = turns.next(number, usable(server, v6))?;
        Some((target, snapshot.hop(target, v6)?))
    };
    // The port of a client comes back with a new connection: that one is given to a target anew.
    let asks = state::asks(request.flags);
    if let Some(place) = table.find(now, request.spot, &request.key)
        && !(asks && table.get_mut(place).finished())
    {
        let session = table.get_mut(place);
        session.touch(now, request.flags, Direction::Original);
        if let Some(hop) = snapshot.hop(session.target, v6)
            && server.targets.contains(&session.target)
        {
            // Enabled or not: disabling a target takes new sessions away, not old ones.
            return Some((session.target, hop));
        }
        let (target, hop) = choose(turns)?;
        stats.target(session.target).sessions.sub(1);
        session.move_to(target);
        stats.target(target).sessions.add(1);
        stats.work.moved.add(1);
        return Some((target, hop));
    }
    let (target, hop) = choose(turns)?;
    let timeouts = Timeouts { idle: server.stimeout, ended: Duration::ZERO };
    let state = State::first(request.tcp, request.flags);
    match table.insert(now, request.key, target, timeouts, Why::Rr, state) {
        Room::Free => {}
        Room::Expired(old) => forget(stats, &old, &stats.work.expired),
        Room::Evicted(old) => forget(stats, &old, &stats.work.evicted),
    }
    for traffic in [stats.server(number), stats.target(target)] {
        traffic.sessions.add(1);
        traffic.created.add(1);
    }
    Some((target, hop))
}

fn usable(server: &Server, v6: bool) -> &[u16] {
    if v6 { &server.usable6 } else { &server.usable4 }
}

fn key<K: Key>(sessionid: SessionId, server: u16, info: &IpInfo) -> K {
    let none = Addr::from_bits(0);
    match sessionid {
        SessionId::Src => K::new(server, info.src, 0, none),
        SessionId::SrcPort => K::new(server, info.src, info.sport, none),
        SessionId::Dst => K::new(server, none, 0, info.dst),
        SessionId::Both => K::new(server, info.src, 0, info.dst),
        SessionId::BothPort => K::new(server, info.src, info.sport, info.dst),
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
