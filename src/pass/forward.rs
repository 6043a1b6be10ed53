//! Forwarding as a router does it (RFC 1812 section 5, RFC 8200): the way, the size, one hop less, the next station.
//!
//! ```text
//!   way():   route? --> hops left? --> fits the MTU, or may be fragmented?      no: refused with an ICMP error
//!   send():  one hop less --> station known? --> as it is, or in fragments --> out
//!                                  no: waits (net/waiting.rs), and the director is told to ask
//! ```
//! A module that rewrites packets does so between the two calls, so that an error quotes what the sender has sent.

use bng_platform::offload::{self, Cut};
use bng_platform::{Frame, GsoKind, Meta};

use super::Pass;
use super::refuse::Refused;
use crate::net::bucket::Bucket;
use crate::net::fragment::fragment;
use crate::net::icmp_error::Cause;
use crate::net::route::{Way, is_martian};
use crate::net::translate::Rewrite;
use crate::net::waiting::{Fate, Told, Waiting};
use crate::net::{Addr, PortId, translate};
use crate::outbox::{FrameList, Outbox};
use crate::seed::Seed;
use crate::snapshot::Snapshot;
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::{self, Dissected, ETHERNET_HEADER_LEN, IpInfo, L3, MacAddr, ethernet, ipv4};

/// ICMP errors and resets of one worker: a second, and at once.
const ERRORS: (u32, u32) = (1_000, 64);

/// What a worker remembers about packets on their way out.
#[derive(Debug)]
pub(crate) struct Egress {
    waiting: Waiting,
    told: Told,
    pub(super) errors: Bucket,
    /// Where segments and fragments are built.
    buffers: [Vec<u8>; 2],
}

impl Egress {
    pub(crate) fn new(seed: &mut Seed) -> Self {
        Self {
            waiting: Waiting::default(),
            told: Told::new(seed),
            errors: Bucket::new(ERRORS.0, ERRORS.1),
            buffers: [Vec::new(), Vec::new()],
        }
    }

    /// Packets wait for the station of a neighbour.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends the packets whose next station is known by now, and gives up those that have waited too long.
    pub(crate) fn release(
        &mut self,
        now: Instant,
        snapshot: &Snapshot,
        stats: &WorkerStats,
        out: &mut Outbox,
    ) {
        let Self { waiting, told, errors, buffers } = self;
        waiting.settle(
            now,
            |addr| snapshot.neighbor(addr),
            |mut held, fate| {
                stats.work.waiting.sub(1);
                let Ok(Dissected { l3: L3::Ip(info), .. }) = wire::dissect(&held.bytes) else {
                    return stats.dropped(Drop::Malformed);
                };
                let Fate::Leaves(station) = fate else {
                    stats.dropped(Drop::NeighborWait);
                    // The sender knows the packet by the addresses and ports that it had.
                    let mut frame = Frame::new(&mut held.bytes, held.meta);
                    if translate::apply(&mut frame, &info, &held.undo).is_ok()
                        && let Ok(dissected) = wire::dissect(frame.bytes())
                    {
                        let refused =
                            Refused { port: held.came, frame: frame.bytes(), dissected: &dissected };
                        refused.tell(Cause::HostUnreachable, now, snapshot, errors, stats, out);
                    }
                    return;
                };
                held.address(station);
                if exceeds(&held.meta, &info, held.way.mtu) {
                    let mut frame = Frame::new(&mut held.bytes, held.meta);
                    match cut(&mut frame, &info, &held.way, buffers, &mut out.replies) {
                        Ok(()) => stats.work.routed.add(1),
                        Err(reason) => stats.dropped(reason),
                    }
                } else {
                    stats.work.routed.add(1);
                    out.released.push(held);
                }
            },
        );
        for (port, addr) in waiting.neighbors() {
            tell(told, now, Told::NEED, port, addr, out);
        }
    }
}

impl Pass<'_, '_> {
    /// The way of packet `i` to `dst`, for [`Pass::send`]. `None`: it cannot go there, was dropped, and its sender was
    /// told so.
    pub fn way(&mut self, i: usize, dst: Addr) -> Option<Way> {
        let Some(way) = self.snapshot.routes.way(dst) else {
            self.refuse(i, Cause::NoRoute);
            return None;
        };
        self.may_go(i, &way).then_some(way)
    }

    /// Why no router sends packet `i` on, whoever it is to look like: its source is one of our addresses, or it is from or
    /// to an address that belongs to no single host beyond a link.
    pub fn unroutable(&self, i: usize) -> Option<Drop> {
        let (info, snapshot) = (self.info(i), self.snapshot);
        let unroutable = |addr| is_martian(addr) || snapshot.routes.is_broadcast(addr);
        if snapshot.own.get(info.src).is_some() {
            Some(Drop::OwnSource)
        } else {
            (unroutable(info.src) || unroutable(info.dst)).then_some(Drop::Martian)
        }
    }

    /// Whether packet `i` may go by `way`. If not, it was dropped, and its sender was told so.
    pub fn may_go(&mut self, i: usize, way: &Way) -> bool {
        if self.info(i).ttl <= 1 {
            self.refuse(i, Cause::TimeExceeded);
            return false;
        }
        self.fits(i, way.mtu)
    }

    /// Whether packet `i` could leave by interface `port`, as [`Pass::may_go`] would find; nothing becomes of it here.
    pub fn could_go(&self, i: usize, port: PortId) -> bool {
        let info = self.info(i);
        let mtu = self.snapshot.port(port).map_or(u16::MAX, |port| port.mtu);
        let fits = || !exceeds(&fitted(self.frames[i].meta, info, mtu), info, mtu);
        info.ttl > 1 && (fits() || self.may_be_cut(i, info))
    }

    /// Whether packet `i` is at most `mtu` bytes, or may be made so; its notes say so from now on. If not, it was
    /// dropped, and its sender was told so.
    pub fn fits(&mut self, i: usize, mtu: u16) -> bool {
        let info = self.info(i);
        let meta = fitted(self.frames[i].meta, info, mtu);
        let fits = !exceeds(&meta, info, mtu) || self.may_be_cut(i, info);
        if fits {
            self.frames[i].meta = meta;
        } else {
            self.refuse(i, Cause::TooBig { mtu });
        }
        fits
    }

    /// Sends packet `i` on by `way`, with one hop less to go. It may have been rewritten since [`Pass::way`], but not
    /// have become longer or moved in its frame.
    pub fn send(&mut self, i: usize, way: &Way) {
        self.leave(i, way, None, &Rewrite::default());
    }

    /// As [`Pass::send`], to `station` if it is known without asking for it. `undo` makes the packet look again as its
    /// sender sent it, for an error that tells it what became of the packet.
    pub fn leave(&mut self, i: usize, way: &Way, station: Option<MacAddr>, undo: &Rewrite) {
        let info = self.info(i);
        let frame = &mut self.frames[i];
        let hops_left = translate::decrement_ttl(frame, info);
        debug_assert!(hops_left, "Pass::may_go has looked");
        let Some(station) = station.or_else(|| {
            let station = self.snapshot.neighbor(way.next)?;
            tell(&mut self.egress.told, self.now, Told::USE, way.port, way.next, self.out);
            Some(station)
        }) else {
            self.wait(i, *way, undo);
            return;
        };
        let frame = &mut self.frames[i];
        ethernet::set_stations(frame.bytes_mut(), station, way.from);
        if exceeds(&frame.meta, info, way.mtu) {
            match cut(frame, info, way, &mut self.egress.buffers, &mut self.out.replies) {
                Ok(()) => {
                    self.pending &= !(1 << i);
                    self.stats.work.routed.add(1);
                }
                Err(reason) => self.drop(i, reason),
            }
        } else {
            self.stats.work.routed.add(1);
            self.forward(i, way.port);
        }
    }

    /// Drops packet `i` and tells its sender why, unless nobody is to be told (RFC 1812 section 4.3.2.7).
    pub fn refuse(&mut self, i: usize, cause: Cause) {
        self.drop(i, cause.reason());
        let (frame, dissected) = (self.frames[i].bytes(), &self.dissected[i]);
        let refused = Refused { port: self.port, frame, dissected };
        refused.tell(cause, self.now, self.snapshot, &mut self.egress.errors, self.stats, self.out);
    }

    /// Drops segment `i` for `reason`, and resets its connection.
    pub fn reset(&mut self, i: usize, reason: Drop) {
        self.drop(i, reason);
        let (frame, dissected) = (self.frames[i].bytes(), &self.dissected[i]);
        let refused = Refused { port: self.port, frame, dissected };
        refused.reset(self.now, self.snapshot, &mut self.egress.errors, self.stats, self.out);
    }

    /// Tells the sender of a packet that is none of the batch why it was lost.
    pub(crate) fn tell(&mut self, refused: &Refused<'_>, cause: Cause) {
        refused.tell(cause, self.now, self.snapshot, &mut self.egress.errors, self.stats, self.out);
    }

    /// Routers fragment packets of IPv4 that do not forbid it.
    fn may_be_cut(&self, i: usize, info: &IpInfo) -> bool {
        let packet = &self.frames[i].bytes()[usize::from(info.l3_offset)..];
        !info.is_v6 && ipv4::Packet::new(packet).is_ok_and(|packet| !packet.dont_fragment())
    }

    /// Packet `i` waits for the station of its next hop.
    fn wait(&mut self, i: usize, way: Way, undo: &Rewrite) {
        self.pending &= !(1 << i);
        tell(&mut self.egress.told, self.now, Told::NEED, way.port, way.next, self.out);
        let gone = self.egress.waiting.keep(self.now, &self.frames[i], self.port, way, *undo);
        self.stats.work.waiting.add(1);
        for _ in 0..gone {
            self.stats.work.waiting.sub(1);
            self.stats.dropped(Drop::NeighborWait);
        }
    }
}

/// Tells the director of `addr`, if it was not told in the last `pause`.
fn tell(
    told: &mut Told,
    now: Instant,
    pause: crate::time::Duration,
    port: PortId,
    addr: Addr,
    out: &mut Outbox,
) {
    if told.is_time(now, addr, pause) {
        out.ask(port, addr);
    }
}

/// Whether a packet, or the largest piece into which it is going to be cut anyway, is larger than `mtu`.
fn exceeds(meta: &Meta, info: &IpInfo, mtu: u16) -> bool {
    let l3 = usize::from(info.l3_offset);
    let whole = usize::from(info.l4_offset) + usize::from(info.l4_len) - l3;
    let piece = meta.gso.map(|gso| (usize::from(gso.header_len) + usize::from(gso.size)).saturating_sub(l3));
    piece.map_or(whole, |piece| piece.min(whole)) > usize::from(mtu)
}

/// The notes of a packet with its TCP segments made so small that they fit `mtu`. Where a segment ends means nothing to
/// the ends of a connection, and a door that is told nothing only guesses the size that the sender had in mind: refusing
/// the packet for that would stall a sender who knows better. The ends of UDP datagrams mean something.
pub(crate) fn fitted(mut meta: Meta, info: &IpInfo, mtu: u16) -> Meta {
    if let Some(gso) = meta.gso.as_mut().filter(|gso| gso.kind != GsoKind::Udp) {
        let room = mtu.saturating_sub(gso.header_len.saturating_sub(info.l3_offset));
        if room > 0 {
            gso.size = gso.size.min(room);
        }
    }
    meta
}

/// Puts the fragments of `frame` on `list`: all of them, or none and the reason.
fn cut(
    frame: &mut Frame<'_>,
    info: &IpInfo,
    way: &Way,
    [segments, fragments]: &mut [Vec<u8>; 2],
    list: &mut FrameList,
) -> Result<(), Drop> {
    let (l3, mtu) = (usize::from(info.l3_offset), usize::from(way.mtu));
    debug_assert_eq!(l3, ETHERNET_HEADER_LEN, "tags are gone");
    let mark = list.mark();
    let mut nonsense = false;
    let mut put = |whole: &[u8]| match fragment(whole, l3, mtu, fragments, |piece| list.push(way.port, piece))
    {
        Ok(all) => all,
        Err(_) => {
            nonsense = true;
            false
        }
    };
    let meta = frame.meta;
    let done = match meta.gso {
        None => offload::complete(frame.bytes_mut(), &meta) && put(frame.bytes()),
        Some(gso) => {
            let cut = offload::segment(frame.bytes(), &gso, meta.csum, segments, &mut put);
            nonsense |= cut == Cut::Malformed;
            matches!(cut, Cut::All(_))
        }
    };
    if done {
        return Ok(());
    }
    list.rewind(mark);
    Err(if nonsense { Drop::Malformed } else { Drop::ReplyFull })
}
