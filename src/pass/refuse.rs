//! Telling a sender that its packet cannot be forwarded, or its connection cannot go on: whether, and in whose name.

use crate::net::bucket::Bucket;
use crate::net::icmp_error::{self, Cause};
use crate::net::{Addr, PortId, reset};
use crate::outbox::Outbox;
use crate::snapshot::Snapshot;
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::{Dissected, L3};

impl Cause {
    /// The reason under which it is counted.
    pub const fn reason(self) -> Drop {
        match self {
            Self::NoRoute => Drop::NoRoute,
            Self::TimeExceeded => Drop::TtlExpired,
            Self::TooBig { .. } => Drop::TooBig,
            Self::HostUnreachable => Drop::NeighborWait,
        }
    }
}

/// A packet that is refused.
pub(crate) struct Refused<'a> {
    /// Interface that received it.
    pub(crate) port: PortId,
    /// The frame, with the stations it came with.
    pub(crate) frame: &'a [u8],
    pub(crate) dissected: &'a Dissected,
}

impl Refused<'_> {
    /// Sends the error back where the packet came from, unless it must not be answered or errors are sent too often.
    pub(crate) fn tell(
        &self,
        cause: Cause,
        now: Instant,
        snapshot: &Snapshot,
        limit: &mut Bucket,
        stats: &WorkerStats,
        out: &mut Outbox,
    ) {
        let Some(sender) = self.sender(snapshot) else { return };
        let Some(source) = snapshot.routes.source(self.port, sender) else { return };
        let mut buf = [0; icmp_error::MAX];
        let Some(len) = icmp_error::build(&mut buf, cause, source, self.frame, self.dissected) else {
            return;
        };
        if self.answer(&buf[..len], now, limit, out) {
            stats.work.errors.add(1);
        }
    }

    /// Resets the connection that the packet is of, in the name of whom it is for. The same limit holds: who is not told
    /// now tries again and is told then.
    pub(crate) fn reset(
        &self,
        now: Instant,
        snapshot: &Snapshot,
        limit: &mut Bucket,
        stats: &WorkerStats,
        out: &mut Outbox,
    ) {
        if self.sender(snapshot).is_none() {
            return;
        }
        let mut buf = [0; reset::MAX];
        let Some(len) = reset::build(&mut buf, self.frame, self.dissected) else { return };
        if self.answer(&buf[..len], now, limit, out) {
            stats.work.resets.add(1);
        }
    }

    /// Whom the packet is from; `None` for the broadcast address of a network, and for an address of ours.
    fn sender(&self, snapshot: &Snapshot) -> Option<Addr> {
        let L3::Ip(info) = self.dissected.l3 else { return None };
        let is_host = !snapshot.routes.is_broadcast(info.src) && snapshot.own.get(info.src).is_none();
        is_host.then_some(info.src)
    }

    /// Sends `frame` where the packet came from, unless too many were sent. Returns whether it was.
    fn answer(&self, frame: &[u8], now: Instant, limit: &mut Bucket, out: &mut Outbox) -> bool {
        limit.take(now) && out.reply(self.port, frame)
    }
}
