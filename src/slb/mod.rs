//! `slb`: server load balancing. Finds the server, then the session, else a target, and forwards.

mod dsr;
mod rr;
pub mod session;

use crate::conf::model::{Protocol, SessionId};
use crate::engine::{Pass, bits};
use crate::hash::HashKey;
use crate::net::Addr;
use crate::seed::Seed;
use crate::snapshot::{Server, Service, Snapshot};
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::{Fragment, IpInfo, protocol, tcp};
use session::{Key, Key4, Key6, Room, Session, Table, Why};

/// Most IPv4 sessions of one worker. The table takes memory page by page as sessions come, 33 bytes for each.
pub const SESSIONS_V4: usize = 1 << 20;
/// Most IPv6 sessions of one worker, 65 bytes each.
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
        let key = HashKey::new(seed);
        Self {
            v4: Table::new(SESSIONS_V4, key),
            v6: Table::new(SESSIONS_V6, key),
            turns: rr::Turns::default(),
        }
    }

    /// Takes every packet for a virtual address.
    pub fn run(&mut self, pass: &mut Pass<'_, '_>) {
        for i in bits(pass.ip()) {
            let info = pass.info(i);
            let snapshot = pass.snapshot;
            let Some(services) = snapshot.services.get(info.dst) else { continue };
            // The local host and other balancers may own a virtual address too; what they send is no request.
            if snapshot.own.get(info.src).is_some() {
                pass.drop(i, Drop::OwnSource);
                continue;
            }
            let service = match service(services, &info) {
                Ok(service) => service,
                Err(reason) => {
                    pass.drop(i, reason);
                    continue;
                }
            };
            let Some(server) = snapshot.server(service.server).filter(|s| s.active) else {
                pass.drop(i, Drop::ServerDisabled);
                continue;
            };
            let target = if info.is_v6 {
                assign(&mut self.v6, &mut self.turns, pass, service.server, server, &info)
            } else {
                assign(&mut self.v4, &mut self.turns, pass, service.server, server, &info)
            };
            match target.and_then(|target| Some((target, snapshot.hop(target, info.is_v6)?))) {
                Some((target, hop)) => {
                    let bytes = pass.frames[i].len() as u64;
                    for traffic in [pass.stats.server(service.server), pass.stats.target(target)] {
                        traffic.frames.add(1);
                        traffic.bytes.add(bytes);
                    }
                    pass.stats.work.forwarded.add(1);
                    dsr::redirect(&mut pass.frames[i], hop);
                    pass.forward(i, hop.port);
                }
                None => pass.drop(i, Drop::NoTarget),
            }
        }
    }

    /// Removes idle sessions, a slice at a time.
    pub fn sweep(&mut self, now: Instant, stats: &WorkerStats) {
        self.v4.sweep(now, |s| forget(stats, s, &stats.work.expired));
        self.v6.sweep(now, |s| forget(stats, s, &stats.work.expired));
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

/// The most specific service of a virtual address for this packet.
fn service(services: &[Service], info: &IpInfo) -> Result<Service, Drop> {
    let proto = match info.proto {
        protocol::TCP => Some(Protocol::Tcp),
        protocol::UDP => Some(Protocol::Udp),
        _ => None,
    };
    let fits =
        |s: &&Service| (s.protocol.is_none() || s.protocol == proto) && (s.port == 0 || s.port == info.dport);
    if let Some(found) = services.iter().find(fits) {
        return Ok(*found);
    }
    // A later fragment has no ports; a server on a port cannot be told from another.
    let later = info.fragment == Fragment::Later;
    Err(if later { Drop::Fragment } else { Drop::NoServer })
}

/// The target of this packet's session, which is created or moved when need be. `None`: nobody can take it.
fn assign<K: Key>(
    table: &mut Table<K>,
    turns: &mut rr::Turns,
    pass: &Pass<'_, '_>,
    number: u16,
    server: &Server,
    info: &IpInfo,
) -> Option<u16> {
    let key = key::<K>(server.sessionid, number, info);
    let (now, snapshot, stats) = (pass.now, pass.snapshot, pass.stats);
    let opening = info.proto == protocol::TCP
        && info.tcp_flags & (tcp::flags::SYN | tcp::flags::ACK) == tcp::flags::SYN;
    let choose = |turns: &mut rr::Turns| turns.next(number, usable(server, info.is_v6));
    if let Some(place) = table.find(now, &key) {
        let session = table.get_mut(place);
        session.touch(now, opening);
        if still_serves(snapshot, number, session.target, info.is_v6) {
            return Some(session.target);
        }
        let target = choose(turns)?;
        stats.target(session.target).sessions.sub(1);
        session.move_to(target);
        stats.target(target).sessions.add(1);
        stats.work.moved.add(1);
        return Some(target);
    }
    let target = choose(turns)?;
    match table.insert(now, key, target, server.stimeout, Why::Rr) {
        Room::Free => {}
        Room::Expired(old) => forget(stats, &old, &stats.work.expired),
        Room::Evicted(old) => forget(stats, &old, &stats.work.evicted),
    }
    for traffic in [stats.server(number), stats.target(target)] {
        traffic.sessions.add(1);
        traffic.created.add(1);
    }
    Some(target)
}

fn usable(server: &Server, v6: bool) -> &[u16] {
    if v6 { &server.usable6 } else { &server.usable4 }
}

/// A session stays with its target while that is up and still belongs to the server, enabled or not: disabling
/// takes new sessions away, not old ones.
fn still_serves(snapshot: &Snapshot, server: u16, target: u16, v6: bool) -> bool {
    snapshot.hop(target, v6).is_some() && snapshot.server(server).is_some_and(|s| s.targets.contains(&target))
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

/// Takes a removed session out of the counts.
fn forget<K: Key>(stats: &WorkerStats, session: &Session<K>, counter: &crate::stat::Counter) {
    stats.server(session.key.server()).sessions.sub(1);
    stats.target(session.target).sessions.sub(1);
    counter.add(1);
}
