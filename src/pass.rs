//! One batch on its way through the module chain: what every module works on.
//!
//! Masks with one bit per frame say what a frame carries and whether somebody has taken it. A module asks for the
//! frames of its protocol that are still pending, and says of each what becomes of it.

pub(crate) mod forward;
mod icmp;
pub(crate) mod refuse;

pub(crate) use forward::Egress;

use bng_platform::Frame;

use crate::net::PortId;
use crate::outbox::Outbox;
use crate::snapshot::Snapshot;
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::icmpv4::Echo;
use crate::wire::{Dissected, IpInfo, L3, icmpv4, icmpv6};

/// One batch on its way through the chain.
#[derive(Debug)]
pub struct Pass<'a, 'q> {
    /// Time of the batch.
    pub now: Instant,
    /// What the worker knows.
    pub snapshot: &'a Snapshot,
    /// Interface that received the batch.
    pub port: PortId,
    /// The frames.
    pub frames: &'a mut [Frame<'q>],
    /// Counters of this worker.
    pub stats: &'a WorkerStats,
    pub(crate) dissected: &'a [Dissected],
    pub(crate) out: &'a mut Outbox,
    pub(crate) egress: &'a mut Egress,
    /// Frames that no module has taken yet, one bit each.
    pub(crate) pending: u64,
    pub(crate) arp: u64,
    pub(crate) ipv4: u64,
    pub(crate) ipv6: u64,
    /// IP packets whose protocol is ICMP or ICMPv6, whole or first fragments.
    pub(crate) icmp: u64,
    pub(crate) vrrp: u64,
    /// ICMP errors.
    pub(crate) error: u64,
}

/// Positions of the bits set in `mask`, lowest first.
pub fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let i = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            i
        })
    })
}

impl<'a> Pass<'a, '_> {
    /// Frames that no module has taken yet, one bit each.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// ARP frames that are still pending.
    pub fn arp(&self) -> u64 {
        self.pending & self.arp
    }

    /// IPv4 packets that are still pending.
    pub fn ipv4(&self) -> u64 {
        self.pending & self.ipv4
    }

    /// IPv6 packets that are still pending.
    pub fn ipv6(&self) -> u64 {
        self.pending & self.ipv6
    }

    /// ICMP and ICMPv6 messages that are still pending.
    pub fn icmp(&self) -> u64 {
        self.pending & self.icmp
    }

    /// VRRP advertisements that are still pending.
    pub fn vrrp(&self) -> u64 {
        self.pending & self.vrrp
    }

    /// What ingress found out about IP packet `i`.
    ///
    /// # Panics
    /// When `i` is not one of [`Pass::ipv4`] or [`Pass::ipv6`].
    #[inline]
    pub fn info(&self, i: usize) -> &'a IpInfo {
        match &self.dissected[i].l3 {
            L3::Ip(info) => info,
            _ => unreachable!("masks name IP packets only"),
        }
    }

    /// Whether ICMP message `i` is an echo request or reply.
    pub fn echo(&self, i: usize) -> Option<Echo> {
        let (info, frame) = (self.info(i), self.frames[i].bytes());
        if info.is_v6 {
            icmpv6::Packet::new(info.l4(frame)).ok()?.echo()
        } else {
            icmpv4::Packet::new(info.l4(frame)).ok()?.echo()
        }
    }

    /// Whether the checksum of ICMP message `i` is right.
    pub fn icmp_checksum_holds(&self, i: usize) -> bool {
        let (info, frame) = (self.info(i), self.frames[i].bytes());
        match (info.src.as_v6(), info.dst.as_v6()) {
            (Some(src), Some(dst)) => {
                icmpv6::Packet::new(info.l4(frame)).is_ok_and(|message| message.verify_checksum(src, dst))
            }
            _ => icmpv4::Packet::new(info.l4(frame)).is_ok_and(|message| message.verify_checksum()),
        }
    }

    /// Ethernet addresses of frame `i`.
    #[inline]
    pub fn ethernet(&self, i: usize) -> &Dissected {
        &self.dissected[i]
    }

    /// Frame `i` goes no further.
    #[inline]
    pub fn drop(&mut self, i: usize, reason: Drop) {
        self.pending &= !(1 << i);
        self.stats.dropped(reason);
    }

    /// Somebody has taken frame `i`, and makes of it what leaves or comes back later.
    pub fn hold(&mut self, i: usize) {
        self.pending &= !(1 << i);
    }

    /// Frame `i` leaves by `port`.
    #[inline]
    pub fn forward(&mut self, i: usize, port: PortId) {
        self.pending &= !(1 << i);
        self.out.forward(i, port);
    }

    /// Frame `i` is answered by `reply`, which leaves where the frame came in.
    pub fn answer(&mut self, i: usize, reply: &[u8]) -> bool {
        self.pending &= !(1 << i);
        let sent = self.out.reply(self.port, reply);
        if !sent {
            self.stats.dropped(Drop::ReplyFull);
        }
        sent
    }

    /// Frame `i` is for the director.
    pub fn punt(&mut self, i: usize) {
        self.pending &= !(1 << i);
        self.copy_to_director(i);
    }

    /// Frame `i`, an answer to a health check, is for the director.
    pub fn punt_answer(&mut self, i: usize) {
        self.pending &= !(1 << i);
        let taken = self.out.punt_answer(self.port, self.frames[i].bytes());
        self.count_punt(taken);
    }

    /// The director sees frame `i` too.
    pub fn copy_to_director(&mut self, i: usize) {
        let taken = self.out.punt(self.port, self.frames[i].bytes());
        self.count_punt(taken);
    }

    fn count_punt(&self, taken: bool) {
        if taken {
            self.stats.work.punted.add(1);
        } else {
            self.stats.dropped(Drop::PuntFull);
        }
    }
}

/// Why nobody has taken frame `i`: the reason that tells the operator most.
pub fn left_over(pass: &Pass<'_, '_>, i: usize) -> Drop {
    match pass.ethernet(i).l3 {
        L3::Ip(info) if pass.snapshot.own.get(info.dst).is_some() => Drop::NotServed,
        _ if pass.ethernet(i).dst.is_multicast() => Drop::Multicast,
        L3::Arp => Drop::NeighborOther,
        _ => Drop::NotRouted,
    }
}
