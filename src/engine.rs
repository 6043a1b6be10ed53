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

use bng_platform::{Batch, Frame};

use crate::conf::model::Module;
use crate::module;
use crate::net::PortId;
use crate::outbox::Outbox;
use crate::pass::{Pass, bits, left_over};
use crate::seed::Seed;
use crate::slb::{Slb, session};
use crate::snapshot::{Port, Snapshot};
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::{self, Dissected, L3, MacAddr, Malformed, ethernet, protocol, vlan};

/// The fast path of one worker.
#[derive(Debug)]
pub struct Engine {
    port: PortId,
    slb: Slb,
    stats: Arc<WorkerStats>,
    /// What ingress found out about each frame of the batch; only entries of frames in the batch are meaningful.
    dissected: [Dissected; bng_platform::BATCH_MAX],
}

impl Engine {
    /// The engine of a worker that reads interface `port`.
    pub fn new(port: PortId, stats: Arc<WorkerStats>, mut seed: Seed) -> Self {
        let nothing =
            Dissected { dst: MacAddr::ZERO, src: MacAddr::ZERO, ethertype: 0, vlan: None, l3: L3::Other };
        Self { port, slb: Slb::new(&mut seed), stats, dissected: [nothing; bng_platform::BATCH_MAX] }
    }

    /// Takes `batch` through the module chain of `snapshot`. Forwarded frames are rewritten in place.
    pub fn process(&mut self, now: Instant, snapshot: &Snapshot, batch: &mut Batch<'_>, out: &mut Outbox) {
        out.clear();
        self.stats.work.received.add(batch.len() as u64);
        let mut pass = Pass {
            now,
            snapshot,
            port: self.port,
            pending: batch.all(),
            frames: batch.frames_mut(),
            stats: &self.stats,
            dissected: &[],
            out,
            arp: 0,
            ipv4: 0,
            ipv6: 0,
            icmp: 0,
            vrrp: 0,
        };
        ingress(&mut pass, &mut self.dissected);
        pass.dissected = &self.dissected;
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
                Module::Slb => self.slb.run(&mut pass),
                // Nothing to translate or to route yet: these modules pass every frame on.
                Module::Tnat | Module::Nat | Module::Rt => {}
                Module::Benchmark => module::benchmark::run(&mut pass),
            }
        }
        end_of_chain(&mut pass);
    }

    /// Housekeeping in bounded slices; to be called about every batch, or every 100 ms when there is none.
    pub fn tick(&mut self, now: Instant) {
        self.slb.sweep(now, &self.stats);
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

    /// Forgets all sessions.
    pub fn clear_sessions(&mut self) {
        self.slb.clear(&self.stats);
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
fn ingress(pass: &mut Pass<'_, '_>, dissected: &mut [Dissected]) {
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
        match wire::dissect(bytes) {
            Ok(found) => match sort(pass, port, i, &found) {
                Ok(()) => dissected[i] = found,
                Err(reason) => pass.drop(i, reason),
            },
            Err(Malformed::Truncated) => pass.drop(i, Drop::Truncated),
            Err(Malformed::BadChecksum) => pass.drop(i, Drop::Checksum),
            Err(_) => pass.drop(i, Drop::Malformed),
        }
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
                protocol::ICMP if !info.is_v6 => pass.icmp |= bit,
                protocol::ICMPV6 if info.is_v6 => pass.icmp |= bit,
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
