//! The fast path of one worker: a batch of frames walks the module chain.
//!
//! ```text
//!  batch --> ingress ------> module --> module --> ... --> end of chain
//!            dissect once,   each walks the frames that       what is left
//!            filter by MAC   nobody has taken yet             is dropped
//! ```
//!
//! The engine is a function of (snapshot, time, frames): it owns its sessions and its counters, reads one snapshot
//! per batch, and writes what is to happen into an [`Outbox`]. Whoever drives it owns the doors and the clock.

use std::sync::Arc;

use bng_platform::{Batch, Frame, Meta};

use crate::conf::model::Module;
use crate::flow::{self, Letter, Share};
use crate::module;
use crate::nat::{self, Nat};
use crate::net::PortId;
use crate::net::fragment_ports::{Fragments, HELD_LEN};
use crate::outbox::Outbox;
use crate::pass::{Egress, Pass, bits, left_over};
use crate::seed::Seed;
use crate::slb::{Slb, session};
use crate::snapshot::{Port, Snapshot};
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::{self, Dissected, Fragment, IpInfo, L3, MacAddr, Malformed, ethernet, protocol, vlan};

/// Where a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Interface that it reads.
    pub port: PortId,
    /// No other worker reads it.
    pub alone: bool,
    /// Room for so many sessions, and as many translated connections, of each family. Memory is taken as they come.
    pub maxsessions: usize,
}

/// The only worker of an interface, with the usual room.
impl From<PortId> for Place {
    fn from(port: PortId) -> Self {
        Self { port, alone: true, maxsessions: 1 << 20 }
    }
}

/// The fast path of one worker.
#[derive(Debug)]
pub struct Engine {
    port: PortId,
    slb: Slb,
    nat: Nat,
    fragments: Fragments,
    egress: Egress,
    stats: Arc<WorkerStats>,
    /// For frames that are not of the batch under way.
    spare: Option<Box<Outbox>>,
    /// What ingress found out about each frame of the batch; only entries of frames in the batch are meaningful.
    dissected: [Dissected; bng_platform::BATCH_MAX],
}

impl Engine {
    /// The engine of the worker at `place`.
    pub fn new(place: impl Into<Place>, stats: Arc<WorkerStats>, mut seed: Seed) -> Self {
        let place = place.into();
        let Place { port, maxsessions, .. } = place;
        let nothing =
            Dissected { dst: MacAddr::ZERO, src: MacAddr::ZERO, ethertype: 0, vlan: None, l3: L3::Other };
        Self {
            port,
            slb: Slb::new(maxsessions, &mut seed),
            nat: Nat::new(place, &mut seed),
            fragments: Fragments::new(&mut seed),
            egress: Egress::new(&mut seed),
            stats,
            spare: Some(Box::default()),
            dissected: [nothing; bng_platform::BATCH_MAX],
        }
    }

    /// Takes `batch` through the module chain of `snapshot`. Forwarded frames are rewritten in place.
    pub fn process(&mut self, now: Instant, snapshot: &Snapshot, batch: &mut Batch<'_>, out: &mut Outbox) {
        out.clear();
        self.stats.work.received.add(batch.len() as u64);
        let all = batch.all();
        self.walk(now, snapshot, batch.frames_mut(), all, out);
        if self.fragments.waiting() > 0 {
            self.take_up(now, snapshot, out);
        }
    }

    /// Takes fragments that have waited for the first of their packet through the chain, now that it is there.
    fn take_up(&mut self, now: Instant, snapshot: &Snapshot, out: &mut Outbox) {
        let mut bytes = [0; HELD_LEN];
        let mut len = 0;
        let Some(mut spare) = self.spare.take() else { return };
        while self.fragments.release(now, |held| {
            len = held.len();
            bytes[..len].copy_from_slice(held);
        }) {
            spare.clear();
            let mut frames = [Frame::new(&mut bytes[..len], Meta::default())];
            self.walk(now, snapshot, &mut frames, 1, &mut spare);
            let forwarded = spare.forwards().map(|(port, _)| (port, frames[0].bytes()));
            for (port, frame) in forwarded.chain(spare.replies.iter()) {
                if !out.reply(port, frame) {
                    self.stats.dropped(Drop::ReplyFull);
                }
            }
        }
        self.spare = Some(spare);
    }

    /// Takes the frames that `all` names through the module chain.
    fn walk(
        &mut self,
        now: Instant,
        snapshot: &Snapshot,
        frames: &mut [Frame<'_>],
        all: u64,
        out: &mut Outbox,
    ) {
        let mut pass = Pass {
            now,
            snapshot,
            port: self.port,
            pending: all,
            frames,
            stats: &self.stats,
            dissected: &[],
            out,
            egress: &mut self.egress,
            arp: 0,
            ipv4: 0,
            ipv6: 0,
            icmp: 0,
            vrrp: 0,
            error: 0,
        };
        ingress(&mut pass, &mut self.dissected, &mut self.fragments);
        pass.dissected = &self.dissected;
        if snapshot.master {
            self.nat.run(&mut pass);
            for (server, tuple, state) in self.nat.news() {
                self.slb.hear(now, snapshot, server, &tuple, state);
            }
        }
        for module in &snapshot.modules {
            if pass.pending == 0 {
                return;
            }
            match module {
                Module::Vrrp => module::vrrp::run(&mut pass),
                Module::Arp => {
                    module::arp::run(&mut pass);
                    module::nd::run(&mut pass);
                }
                Module::Ping => module::ping::run(&mut pass),
                Module::Hc => module::hc::run(&mut pass),
                Module::Master => module::master::run(&mut pass),
                Module::Slb => self.slb.run(&mut pass, &mut self.nat),
                Module::Tnat => nat::target::run(&mut pass, &mut self.nat),
                Module::Nat => nat::inside::run(&mut pass, &mut self.nat),
                Module::Rt => module::rt::run(&mut pass),
                Module::Benchmark => module::benchmark::run(&mut pass),
            }
        }
        end_of_chain(&mut pass);
    }

    /// Something is remembered that will end by itself: [`Engine::tick`] is needed.
    pub fn is_busy(&self) -> bool {
        self.session_count() > 0 || !self.nat.is_empty() || self.fragments.waiting() > 0 || self.is_waiting()
    }

    /// Packets wait for a neighbour: [`Engine::release`] is to be called with every batch, every new snapshot, and every
    /// 100 ms.
    pub fn is_waiting(&self) -> bool {
        self.egress.is_waiting()
    }

    /// Sends the packets that waited for a neighbour which `snapshot` knows by now, and gives up those that have waited
    /// too long.
    pub fn release(&mut self, now: Instant, snapshot: &Snapshot, out: &mut Outbox) {
        out.clear();
        self.egress.release(now, snapshot, &self.stats, out);
    }

    /// Housekeeping in bounded slices; to be called about every batch, or every 100 ms when there is none.
    pub fn tick(&mut self, now: Instant, snapshot: &Snapshot) {
        // First, so that no session is swept whose connection was heard of by another worker alone.
        self.hear(now, snapshot);
        self.slb.sweep(now, &self.stats);
        self.nat.sweep(now, &self.stats);
        for _ in 0..self.fragments.expire(now) {
            self.stats.dropped(Drop::Fragment);
        }
    }

    /// Sessions hear of the translated connections that belong to them.
    fn hear(&mut self, now: Instant, snapshot: &Snapshot) {
        for (server, tuple, state) in self.nat.news() {
            self.slb.hear(now, snapshot, server, &tuple, state);
        }
    }

    /// About `max` sessions from `cursor` on, which is moved behind them; `None` at the end.
    pub fn sessions(
        &self,
        now: Instant,
        cursor: &mut session::Cursor,
        max: usize,
    ) -> Option<Vec<session::View>> {
        self.slb.sessions(now, cursor, max)
    }

    /// About `max` translated connections from `cursor` on, which is moved behind them; `None` at the end.
    pub fn flows(&self, now: Instant, cursor: &mut flow::Cursor, max: usize) -> Option<Vec<flow::View>> {
        self.nat.list(now, cursor, max)
    }

    /// What the workers of other interfaces are to be told, since the last call: to be delivered before the frames of
    /// the batch leave, so that no answer overtakes it.
    pub fn letters(&mut self) -> impl Iterator<Item = Letter> {
        self.nat.letters()
    }

    /// Takes what another worker tells: everything that has come, before the batch that was received after it.
    pub fn receive(&mut self, now: Instant, share: &Share) {
        self.nat.receive(now, share, &self.stats);
    }

    /// Forgets all sessions and translated connections.
    pub fn clear_sessions(&mut self) {
        self.slb.clear(&self.stats);
        self.nat.clear(&self.stats);
    }

    /// Forgets all translated connections, and leaves sessions.
    pub fn clear_flows(&mut self) {
        self.nat.clear(&self.stats);
    }

    /// Sets all counters to zero but those of sessions that are there.
    pub fn clear_counters(&mut self) {
        self.stats.clear();
    }

    /// Sessions of both families, expired ones that were not swept yet included.
    pub fn session_count(&self) -> usize {
        self.slb.session_count()
    }
}

/// Looks at every frame once, drops nonsense and what is not for us, and sorts the rest by protocol.
fn ingress(pass: &mut Pass<'_, '_>, dissected: &mut [Dissected], fragments: &mut Fragments) {
    let Some(port) = pass.snapshot.port(pass.port) else {
        for i in bits(pass.pending) {
            pass.drop(i, Drop::OtherStation);
        }
        return;
    };
    for i in bits(pass.pending) {
        let frame = &mut pass.frames[i];
        if let Err(reason) = untag(frame) {
            pass.drop(i, reason);
            continue;
        }
        // The filter by station comes first: on a shared interface most frames are the host's.
        let bytes = frame.bytes();
        let Ok(header) = ethernet::Frame::new(bytes) else {
            pass.drop(i, Drop::Truncated);
            continue;
        };
        let dst = header.dst();
        if !dst.is_multicast() && !port.macs.contains(&dst) {
            pass.drop(i, Drop::OtherStation);
            continue;
        }
        if port.real_macs.contains(&header.src()) {
            pass.drop(i, Drop::OwnFrame);
            continue;
        }
        // Sent on as it is, it would arrive as one datagram that nobody has sent.
        if pass.frames[i].meta.gso.is_some_and(|gso| gso.size == 0) {
            pass.drop(i, Drop::Merged);
            continue;
        }
        let bytes = pass.frames[i].bytes();
        // In its place at once: it is large, and moving it costs as much as finding it out.
        let found = &mut dissected[i];
        *found = match wire::dissect(bytes) {
            Ok(found) => found,
            Err(why) => {
                pass.drop(i, nonsense(why));
                continue;
            }
        };
        if let L3::Ip(info) = &mut found.l3
            && let Some(ident) = info.echo_ident(bytes)
        {
            // An echo has no ports, but one number that tells it from others.
            (info.sport, info.dport) = (ident, ident);
        }
        let sorted = sort(pass, port, i, found).and_then(|()| match &mut found.l3 {
            L3::Ip(info) if info.fragment != Fragment::None => join(pass, fragments, i, info),
            _ => Ok(()),
        });
        if let Err(reason) = sorted {
            pass.drop(i, reason);
        }
    }
}

/// The reason for dropping what cannot be read.
fn nonsense(why: Malformed) -> Drop {
    match why {
        Malformed::Truncated => Drop::Truncated,
        Malformed::BadChecksum => Drop::Checksum,
        _ => Drop::Malformed,
    }
}

/// Notes what frame `i` carries, for the modules that ask for it.
#[inline]
fn sort(pass: &mut Pass<'_, '_>, port: &Port, i: usize, found: &Dissected) -> Result<(), Drop> {
    let bit = 1 << i;
    let mut advertisement = false;
    match &found.l3 {
        L3::Arp => pass.arp |= bit,
        L3::Ip(info) => {
            // Sent to everybody, but meant for one: taking it would serve one packet several times (RFC 1122 3.3.6).
            if found.dst.is_multicast() && !info.dst.to_ip().is_multicast() {
                return Err(Drop::Multicast);
            }
            if info.is_v6 {
                pass.ipv6 |= bit;
            } else {
                pass.ipv4 |= bit;
            }
            match info.proto {
                protocol::ICMP | protocol::ICMPV6 if info.is_icmp() => {
                    pass.icmp |= bit;
                    if info.is_icmp_error(pass.frames[i].bytes()) {
                        pass.error |= bit;
                    }
                }
                protocol::VRRP => {
                    pass.vrrp |= bit;
                    advertisement = true;
                }
                _ => {}
            }
        }
        L3::Other => return Err(Drop::EtherType),
    }
    // A frame from the shared station is the master's: our own while we are master. An advertisement must pass all
    // the same, because it may be that of a second master.
    if pass.snapshot.master && !advertisement && port.macs.contains(&found.src) {
        return Err(Drop::OwnFrame);
    }
    Ok(())
}

/// Gives a later fragment the ports of its packet, or lets it wait for them.
#[cold]
fn join(pass: &mut Pass<'_, '_>, fragments: &mut Fragments, i: usize, info: &mut IpInfo) -> Result<(), Drop> {
    if info.fragment == Fragment::First {
        return if fragments.first(pass.now, info) { Ok(()) } else { Err(Drop::FragmentForged) };
    }
    if let Some((sport, dport)) = fragments.later(pass.now, info) {
        (info.sport, info.dport) = (sport, dport);
        return Ok(());
    }
    if !pass.snapshot.concerns(info.src, info.dst) {
        return Ok(());
    }
    if fragments.hold(pass.now, info, pass.frames[i].bytes()) {
        pass.hold(i);
        return Ok(());
    }
    Err(Drop::Fragment)
}

/// Networks are untagged. A tag with VLAN 0 carries a priority only (IEEE 802.1Q 9.6) and is taken off; any other
/// tag, also one behind that, belongs to somebody else's VLAN.
fn untag(frame: &mut Frame<'_>) -> Result<(), Drop> {
    let Ok(header) = ethernet::Frame::new(frame.bytes()) else { return Err(Drop::Truncated) };
    if header.ethertype() != wire::ethertype::VLAN {
        return Ok(());
    }
    match vlan::Packet::new(header.payload()) {
        Ok(tag) if tag.vid() == 0 && tag.ethertype() != wire::ethertype::VLAN => {
            frame.bytes_mut().copy_within(0..12, vlan::TAG_LEN);
            frame.strip_front(vlan::TAG_LEN as u16);
            Ok(())
        }
        Ok(_) => Err(Drop::Vlan),
        Err(_) => Err(Drop::Truncated),
    }
}

/// Drops what no module has taken.
fn end_of_chain(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.pending) {
        pass.drop(i, left_over(pass, i));
    }
}
