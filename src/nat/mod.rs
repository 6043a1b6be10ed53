//! Translated connections on their way: packets of known flows, new flows, ICMP errors about either.
//!
//! ```text
//!   packet --> known flow? --yes--> rewrite --> next station of that direction
//!                  |  no
//!                  v
//!   modules slb, tnat and nat, in the order of the chain: who wants it opens a flow, which then carries it
//! ```
//! Known flows come before the module chain: a live flow has the exact addresses and ports of its packets, so no other
//! module could want them.

mod error;
pub mod inside;
mod pools;
pub mod target;

use arrayvec::ArrayVec;
use bng_platform::BATCH_MAX;

use crate::conf::model::Protocol;
use crate::engine::Place;
use crate::flow::{
    Cursor, Direction, Flow, Flows, Gone, Handle, Kind, Letter, Refused, Share, Spot, State, Timeouts, Tuple,
    Via, View, ports, state,
};
use crate::net::route::Way;
use crate::net::translate::{self, Endpoint, Rewrite};
use crate::net::{Addr, PortId};
use crate::pass::{Pass, bits};
use crate::seed::Seed;
use crate::snapshot::Snapshot;
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::icmpv4::Echo;
use crate::wire::tcp::flags::FIN;
use crate::wire::{Fragment, IpInfo, MacAddr, protocol};
pub use pools::{Claims, NatPorts, Pools, Taken};

/// Other ports of a client that are tried when its own would make two connections look alike.
const OTHER_PORTS: usize = 8;
/// Flows that one call of the housekeeping looks at.
const SLICE: usize = 256;

/// What a packet is to a connection that is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It may begin one.
    Beginning,
    /// It goes on with one of TCP that both its ends may well have: with the very port that it had, or not at all.
    Middle,
    /// It begins none and goes on with none.
    Stray,
}

/// A flow to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'s> {
    /// Kind of translation.
    pub kind: Kind,
    /// The initiator's packets as they are to go on. With `claim` its source is the address, and the port one that is
    /// preferred.
    pub translated: Tuple,
    /// The source needs a port of its own, from the pools of the address.
    pub claim: bool,
    /// Further addresses of ours to take when all ports of the first are in use.
    pub more: &'s [Addr],
    /// Server number, 0 for none.
    pub server: u16,
    /// Target number, 0 for none.
    pub target: u16,
    /// Idle times.
    pub timeouts: Timeouts,
    /// Interface on which replies come.
    pub replies: PortId,
    /// What the packet is to its connection. A stray one is carried only if the flow is there.
    pub part: Part,
}

/// Translated connections of one worker.
#[derive(Debug)]
pub struct Nat {
    place: Place,
    flows: Flows,
    claims: Claims,
    seed: Seed,
    /// Time of the last call.
    now: Instant,
    letters: Vec<Letter>,
    /// What the session table must hear of connections whose packets do not come past it.
    news: Vec<(u16, Tuple, State)>,
}

/// How a packet leaves.
struct Exit {
    way: Way,
    /// The next station, where it is known without asking.
    station: Option<MacAddr>,
}

impl Nat {
    /// None yet.
    pub fn new(place: Place, seed: &mut Seed) -> Self {
        Self {
            place,
            flows: Flows::new(place.port, place.maxsessions, place.maxsessions, seed),
            claims: Claims::default(),
            seed: seed.fork(),
            now: Instant::ZERO,
            letters: Vec::with_capacity(4 * BATCH_MAX),
            news: Vec::with_capacity(BATCH_MAX),
        }
    }

    /// What other workers must be told, since the last call. To be delivered before the frames of the batch leave, so
    /// that no reply comes before the news of its flow.
    pub fn letters(&mut self) -> impl Iterator<Item = Letter> {
        self.letters.drain(..)
    }

    /// Connections to servers that are alive, and how far they have come: what is new since the last call.
    pub fn news(&mut self) -> impl Iterator<Item = (u16, Tuple, State)> {
        self.news.drain(..)
    }

    fn report(&mut self, handle: Handle) {
        let flow = self.flows.get(handle);
        if flow.server != 0 {
            self.news.push((flow.server, flow.original, self.flows.state(handle)));
        }
    }

    /// Takes what another worker tells.
    pub fn receive(&mut self, now: Instant, share: &Share, stats: &WorkerStats) {
        self.now = now;
        let told = |flows: &Flows| match share {
            Share::Touch { original, .. } => flows.find(now, flows.locate(original), original),
            _ => None,
        };
        let resumed = told(&self.flows).is_some_and(|(handle, _)| self.is_resumed(handle));
        match self.flows.receive(now, share) {
            Ok(gone) => gone.iter().for_each(|gone| self.forget(gone, stats)),
            Err(_) => stats.work.clashed.add(1),
        }
        if let Some((handle, _)) = told(&self.flows) {
            self.report(handle);
            if resumed {
                self.settle(handle, stats);
            }
        }
        self.count(stats);
    }

    /// The flow at `handle` was taken up in the middle, and its peer has not been heard.
    fn is_resumed(&self, handle: Handle) -> bool {
        self.flows.state(handle) == State::Resumed
    }

    /// Ends the flow at `handle` that was a resumed one until now, if one of its ends has denied it: it has had the port
    /// of another one, which is to get it soon.
    fn settle(&mut self, handle: Handle, stats: &WorkerStats) {
        let flow = self.flows.get(handle);
        let denied =
            matches!(flow.kind, Kind::Snat | Kind::Tnat) && self.flows.state(handle) == State::Closed;
        if denied && self.flows.owned(handle) {
            self.end(handle, stats);
        }
    }

    /// Removes idle flows, a slice at a time.
    pub fn sweep(&mut self, now: Instant, stats: &WorkerStats) {
        self.now = now;
        self.claims.settle(now);
        if self.flows.is_empty() {
            return;
        }
        let Self { flows, claims, letters, .. } = self;
        flows.sweep(now, SLICE, |gone| forget(now, claims, letters, &gone, stats));
        self.count(stats);
    }

    /// Removes all flows.
    pub fn clear(&mut self, stats: &WorkerStats) {
        let Self { flows, claims, letters, now, .. } = self;
        flows.clear(|gone| forget(*now, claims, letters, &gone, stats));
        self.count(stats);
    }

    /// Flows of both families, copies and expired ones that were not swept yet included.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// True when there are none, and no port rests.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty() && !self.claims.is_resting()
    }

    /// About `max` flows behind `cursor`; `None` at the end.
    pub fn list(&self, now: Instant, cursor: &mut Cursor, max: usize) -> Option<Vec<View>> {
        self.flows.list(now, cursor, max)
    }

    /// Carries the packets of known flows, and the ICMP errors about them.
    pub fn run(&mut self, pass: &mut Pass<'_, '_>) {
        self.now = pass.now;
        if self.flows.is_empty() {
            return;
        }
        let mut found = ArrayVec::<(usize, Tuple, Spot), BATCH_MAX>::new();
        let errors = pass.errors();
        for i in bits((pass.ipv4() | pass.ipv6()) & !errors) {
            let tuple = tuple(pass.info(i));
            found.push((i, tuple, self.flows.locate(&tuple)));
        }
        self.flows.warm(found.iter().map(|(.., spot)| spot));
        for (i, tuple, spot) in found {
            let Some((handle, direction)) = self.flows.find(pass.now, spot, &tuple) else { continue };
            if pass.icmp() & 1 << i != 0 && !goes(pass, i, direction) {
                continue;
            }
            if direction == Direction::Original && self.is_over(pass, i, handle) {
                self.report(handle);
                self.end(handle, pass.stats);
            } else {
                self.carry(pass, i, handle, direction);
            }
        }
        for i in bits(errors) {
            error::carry(&self.flows, pass, i);
        }
    }

    /// Carries packet `i` of the flow at `handle`.
    fn carry(&mut self, pass: &mut Pass<'_, '_>, i: usize, handle: Handle, direction: Direction) {
        let (info, flow) = (pass.info(i), self.flows.get(handle));
        let Some(exit) = exit(pass, i, &flow, direction) else { return };
        let via = Via { port: pass.port, mac: pass.ethernet(i).src };
        let timeouts = timeouts(pass.snapshot, &flow);
        let resumed = self.is_resumed(handle);
        let touched = self.flows.touch(handle, pass.now, direction, info.tcp_flags, via, &timeouts);
        self.letters.extend(touched.letter);
        if touched.news {
            self.report(handle);
            let state = self.flows.state(handle);
            if flow.kind != Kind::Dnat && !state.half_open() && state != State::Closed {
                pools::believe(pass.snapshot, &flow.translated);
            }
        }
        translate(pass, i, &flow, direction, &exit);
        if resumed {
            self.settle(handle, pass.stats);
        }
    }

    /// Whether the flow at `handle` is none any more for packet `i` of its initiator: the packet asks for a new
    /// connection where the old one has ended, the target has gone or moved, or the address that it is seen from is ours no
    /// more.
    fn is_over(&self, pass: &Pass<'_, '_>, i: usize, handle: Handle) -> bool {
        let (snapshot, info, flow) = (pass.snapshot, pass.info(i), self.flows.get(handle));
        let anew =
            info.proto == protocol::TCP && state::asks(info.tcp_flags) && self.flows.state(handle).ending();
        let served = || {
            let (server, reach) = (snapshot.server(flow.server), snapshot.reach(flow.target, info.is_v6));
            server.zip(reach).is_some_and(|(server, reach)| {
                server.members.contains(flow.target) && reach.addr == flow.translated.dst
            })
        };
        let src = flow.translated.src;
        let ours = || snapshot.own.get(src).is_some() || snapshot.pools.get(src).is_some();
        anew || matches!(flow.kind, Kind::Dnat | Kind::Proxy) && !served()
            || flow.kind != Kind::Dnat && !ours()
    }

    /// Removes the flow at `handle`.
    fn end(&mut self, handle: Handle, stats: &WorkerStats) {
        let gone = self.flows.remove(handle);
        self.forget(&gone, stats);
        self.count(stats);
    }

    /// Opens the flow that packet `i` begins or goes on with, and carries the packet.
    pub fn open(&mut self, pass: &mut Pass<'_, '_>, i: usize, wish: &Wish<'_>) {
        let info = pass.info(i);
        let original = tuple(info);
        // A packet before it in the same batch may have opened it.
        if let Some((handle, Direction::Original)) =
            self.flows.find(pass.now, self.flows.locate(&original), &original)
        {
            if !self.is_over(pass, i, handle) {
                self.carry(pass, i, handle, Direction::Original);
                return;
            }
            self.end(handle, pass.stats);
        }
        if matches!(wish.kind, Kind::Snat | Kind::Tnat)
            && let Some(reason) = pass.unroutable(i)
        {
            pass.drop(i, reason);
            return;
        }
        if wish.part == Part::Stray {
            pass.drop(i, Drop::NoFlow);
            return;
        }
        let resumes = wish.part == Part::Middle;
        let mut flow = Flow {
            kind: wish.kind,
            original,
            translated: wish.translated,
            server: wish.server,
            target: wish.target,
            via: Via { port: pass.port, mac: pass.ethernet(i).src },
            peer: if wish.replies == self.place.port && self.place.alone { 0 } else { wish.replies },
        };
        // Before anything is remembered: a packet that cannot leave opens nothing.
        let Some(exit) = exit(pass, i, &flow, Direction::Original) else { return };
        let translated = &mut flow.translated;
        if wish.claim && resumes {
            // It may have been silent for too long just now: then its port is known.
            if let Some(gone) = self.flows.bury(pass.now, &original) {
                forget(pass.now, &mut self.claims, &mut self.letters, &gone, pass.stats);
            }
            match self.claims.take_up(pass.now, pass.snapshot, translated, &original) {
                Ok(()) => {}
                Err(Taken::Perhaps) => {
                    pass.drop(i, Drop::PortTaken);
                    return;
                }
                Err(Taken::Surely) => {
                    pass.reset(i, Drop::PortTaken);
                    return;
                }
            }
        } else if wish.claim {
            let from = std::iter::once(translated.src).chain(wish.more.iter().copied());
            let preferred = translated.sport;
            let seed = self.seed.next_u64();
            match self.claims.claim(pass.now, pass.snapshot, from, preferred, &original, seed) {
                Some((addr, port)) => {
                    translated.src = addr;
                    translated.sport = port;
                    if is_echo(info.proto) {
                        translated.dport = port;
                    }
                }
                None => {
                    pass.drop(i, Drop::PortsExhausted);
                    return;
                }
            }
        }
        // The end of what was never heard of proves as little as the middle.
        let flags = if resumes { info.tcp_flags & !FIN } else { info.tcp_flags };
        let mut inserted = self.flows.insert(pass.now, &flow, flags, &wish.timeouts);
        // Two connections of a client from one port, to two services that a target serves at one port: it would take them
        // for one, so the second comes to it from another port.
        if wish.kind == Kind::Dnat && matches!(info.proto, protocol::TCP | protocol::UDP) {
            for _ in 0..OTHER_PORTS {
                if !matches!(inserted, Err(Refused::Taken)) {
                    break;
                }
                flow.translated.sport = ports::FIRST + self.seed.below(u64::from(ports::PORTS)) as u16;
                inserted = self.flows.insert(pass.now, &flow, flags, &wish.timeouts);
            }
        }
        match inserted {
            Ok(inserted) => {
                inserted.gone.iter().for_each(|gone| self.forget(gone, pass.stats));
                self.letters.extend(inserted.letter);
            }
            Err(refused) => {
                if wish.claim {
                    let Tuple { src, sport, .. } = flow.translated;
                    self.claims.release(src, sport, info.proto);
                }
                pass.drop(i, if refused == Refused::Mirrored { Drop::OwnSource } else { Drop::FlowClash });
                return;
            }
        }
        self.count(pass.stats);
        pass.stats.work.opened.add(1);
        if resumes {
            pass.stats.work.resumed.add(1);
        }
        translate(pass, i, &flow, Direction::Original, &exit);
    }

    fn forget(&mut self, gone: &Gone, stats: &WorkerStats) {
        forget(self.now, &mut self.claims, &mut self.letters, gone, stats);
    }

    fn count(&self, stats: &WorkerStats) {
        stats.work.flows.set(self.flows.len() as u64);
    }
}

/// Gives back what a flow had, and tells those who knew it.
fn forget(now: Instant, claims: &mut Claims, letters: &mut Vec<Letter>, gone: &Gone, stats: &WorkerStats) {
    letters.extend(gone.letter());
    if gone.owned {
        let Tuple { src, sport, .. } = gone.flow.translated;
        if gone.flow.kind != Kind::Dnat {
            claims.rest(now, src, sport, &gone.flow.original);
        }
        stats.work.closed.add(1);
    }
}

/// The ends of a packet. An echo message has its identifier for both ports.
pub(crate) fn tuple(info: &IpInfo) -> Tuple {
    Tuple { src: info.src, dst: info.dst, sport: info.sport, dport: info.dport, proto: info.proto }
}

/// Whether the identifier of echo messages stands for the ports of this protocol.
pub(crate) const fn is_echo(proto: u8) -> bool {
    matches!(proto, protocol::ICMP | protocol::ICMPV6)
}

/// Whether message `i` of ICMP is what goes in `direction`: echo requests go from the initiator, replies to it. The other
/// way they are of another conversation that happens to have the same number.
fn goes(pass: &Pass<'_, '_>, i: usize, direction: Direction) -> bool {
    let echo = if pass.info(i).fragment != Fragment::Later { pass.echo(i) } else { None };
    echo.is_none_or(|echo| (echo == Echo::Request) == (direction == Direction::Original))
}

/// A packet of `flow` as it comes and as it goes on.
fn shown(flow: &Flow, direction: Direction) -> (Tuple, Tuple) {
    match direction {
        Direction::Original => (flow.original, flow.translated),
        Direction::Reply => (flow.reply(), flow.original.reversed()),
    }
}

/// What makes a packet that shows `before` show `after`.
fn change(before: &Tuple, after: &Tuple) -> Rewrite {
    let end = |old: (Addr, u16), new: (Addr, u16)| {
        (old != new).then_some(Endpoint { addr: new.0, port: (old.1 != new.1).then_some(new.1) })
    };
    Rewrite {
        src: end((before.src, before.sport), (after.src, after.sport)),
        dst: end((before.dst, before.dport), (after.dst, after.dport)),
    }
}

/// How packet `i` of `flow` leaves. `None`: it cannot, and has been dropped.
fn exit(pass: &mut Pass<'_, '_>, i: usize, flow: &Flow, direction: Direction) -> Option<Exit> {
    let snapshot = pass.snapshot;
    if direction == Direction::Original && matches!(flow.kind, Kind::Snat | Kind::Tnat) {
        return pass.way(i, flow.translated.dst).map(|way| Exit { way, station: None });
    }
    if matches!(flow.kind, Kind::Dnat | Kind::Proxy)
        && direction == Direction::Original
        && !snapshot.server(flow.server).is_some_and(|server| server.active)
    {
        pass.drop(i, Drop::ServerDisabled);
        return None;
    }
    let (port, from, station, next) = match direction {
        Direction::Original => {
            let hop = snapshot.reach(flow.target, pass.info(i).is_v6)?.hop;
            (hop.port, hop.from, hop.to, flow.translated.dst)
        }
        // Answers leave by the way the requests came.
        Direction::Reply => {
            let Via { port, mac } = flow.via;
            (port, snapshot.station_towards(port, flow.original.src), mac, flow.original.src)
        }
    };
    let mtu = snapshot.port(port).map_or(u16::MAX, |port| port.mtu);
    let way = Way { port, from, next, mtu, network: 0 };
    pass.may_go(i, &way).then_some(Exit { way, station: Some(station) })
}

/// Rewrites packet `i` of `flow` and sends it.
fn translate(pass: &mut Pass<'_, '_>, i: usize, flow: &Flow, direction: Direction, exit: &Exit) {
    let info = pass.info(i);
    let (before, after) = shown(flow, direction);
    if translate::apply(&mut pass.frames[i], info, &change(&before, &after)).is_err() {
        pass.drop(i, Drop::Malformed);
        return;
    }
    count(pass, i, flow, direction);
    pass.leave(i, &exit.way, exit.station, &change(&after, &before));
}

/// Idle times of a flow that exists.
fn timeouts(snapshot: &Snapshot, flow: &Flow) -> Timeouts {
    match snapshot.server(flow.server) {
        Some(server) => server.timeouts(flow.original.proto),
        None => snapshot.translation.timeouts(flow.original.proto, flow.original.dport),
    }
}

fn count(pass: &Pass<'_, '_>, i: usize, flow: &Flow, direction: Direction) {
    if flow.server == 0 {
        return;
    }
    let bytes = pass.frames[i].len() as u64;
    for traffic in [pass.stats.server(flow.server), pass.stats.target(flow.target)] {
        let (frames, sum) = match direction {
            Direction::Original => (&traffic.frames, &traffic.bytes),
            Direction::Reply => (&traffic.replies, &traffic.reply_bytes),
        };
        frames.add(1);
        sum.add(bytes);
    }
}

/// What packet `i` of a host inside or a target is to a connection to the outside. Sent on without a flow, it would show
/// an address that nobody outside knows. Nothing but SYN opens a connection of TCP, and of ICMP only echo requests are
/// asked.
fn part(pass: &Pass<'_, '_>, i: usize, info: &IpInfo) -> Part {
    let begins = match info.proto {
        _ if pass.errors() & 1 << i != 0 => false,
        protocol::TCP => state::asks(info.tcp_flags),
        protocol::ICMP | protocol::ICMPV6 => {
            // A later fragment finds what the first one has opened.
            info.fragment != Fragment::Later && pass.echo(i) == Some(Echo::Request)
        }
        _ => true,
    };
    match info.proto {
        _ if begins => Part::Beginning,
        // A later fragment has no flags of its own.
        protocol::TCP if state::goes_on(info.tcp_flags) && !answers(pass.snapshot, info) => Part::Middle,
        _ => Part::Stray,
    }
}

/// Whether a segment looks like the answer to a client of a server: such a connection was opened from outside, and goes
/// on with the client's next segment.
fn answers(snapshot: &Snapshot, info: &IpInfo) -> bool {
    let serves =
        snapshot.served.get(info.src).is_some_and(|at| at.find(Some(Protocol::Tcp), info.sport).is_some());
    serves || snapshot.own.get(info.src).is_some()
}
