//! Telling a sender that its packet cannot be forwarded (RFC 792, RFC 1191, RFC 4443).

use crate::net::bucket::Bucket;
use crate::net::{PortId, packet};
use crate::outbox::Outbox;
use crate::snapshot::Snapshot;
use crate::stat::{Drop, WorkerStats};
use crate::time::Instant;
use crate::wire::{Fragment, IpInfo, MacAddr, icmpv4, icmpv6, protocol};

/// Why a packet is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No network and no gateway that is up leads there.
    NoRoute,
    /// It has been forwarded too often.
    TimeExceeded,
    /// It is larger than this many bytes, and must not be fragmented.
    TooBig(u16),
    /// Nobody answers for the address of the next hop.
    Unreachable,
}

impl Refusal {
    /// The reason under which it is counted.
    pub const fn reason(self) -> Drop {
        match self {
            Self::NoRoute => Drop::NoRoute,
            Self::TimeExceeded => Drop::TtlExpired,
            Self::TooBig(_) => Drop::TooBig,
            Self::Unreachable => Drop::NeighborWait,
        }
    }

    /// ICMP type and code, and what stands in the second four bytes.
    const fn v4(self) -> (u8, u8, u32) {
        match self {
            Self::NoRoute => (icmpv4::message::UNREACHABLE, 0, 0),
            Self::Unreachable => (icmpv4::message::UNREACHABLE, 1, 0),
            Self::TooBig(mtu) => (icmpv4::message::UNREACHABLE, 4, mtu as u32),
            Self::TimeExceeded => (icmpv4::message::TIME_EXCEEDED, 0, 0),
        }
    }

    /// The same for ICMPv6.
    const fn v6(self) -> (u8, u8, u32) {
        match self {
            Self::NoRoute => (icmpv6::message::UNREACHABLE, 0, 0),
            Self::Unreachable => (icmpv6::message::UNREACHABLE, 3, 0),
            Self::TooBig(mtu) => (icmpv6::message::PACKET_TOO_BIG, 0, mtu as u32),
            Self::TimeExceeded => (icmpv6::message::TIME_EXCEEDED, 0, 0),
        }
    }
}

/// A packet that is refused.
pub(crate) struct Error<'a> {
    /// Interface that received it.
    pub(crate) port: PortId,
    /// The frame, with the stations it came with.
    pub(crate) frame: &'a [u8],
    pub(crate) info: &'a IpInfo,
}

impl Error<'_> {
    /// Sends the error back where the packet came from, unless it must not be answered or errors are sent too often.
    pub(super) fn send(
        &self,
        refusal: Refusal,
        now: Instant,
        snapshot: &Snapshot,
        limit: &mut Bucket,
        stats: &WorkerStats,
        out: &mut Outbox,
    ) {
        let Some(stations) = self.frame.first_chunk::<12>() else { return };
        let [to, from] = [6, 0].map(|at| MacAddr(std::array::from_fn(|n| stations[at + n])));
        let src = self.info.src;
        let one_sender = !src.to_ip().is_multicast()
            && !src.to_ip().is_unspecified()
            && !src.to_ip().is_loopback()
            && src.as_v4().is_none_or(|v4| v4.octets()[0] < 240)
            && !snapshot.routes.is_broadcast(src)
            && snapshot.own.get(src).is_none();
        let one_receiver = !from.is_multicast() && !self.info.dst.to_ip().is_multicast();
        let quotable = self.info.fragment != Fragment::Later && !self.is_error();
        if !one_sender || !one_receiver || !quotable {
            return;
        }
        let Some(source) = snapshot.routes.source(self.port, src) else { return };
        if !limit.take(now) {
            return;
        }
        let end = usize::from(self.info.l4_offset) + usize::from(self.info.l4_len);
        let quote = &self.frame[usize::from(self.info.l3_offset)..end];
        let mut buf = [0; packet::ERROR_MAX];
        let len = match (source.as_v4(), src.as_v4(), source.as_v6(), src.as_v6()) {
            (Some(source), Some(src), ..) => {
                packet::error_v4(&mut buf, (to, from), (source, src), refusal.v4(), quote)
            }
            (.., Some(source), Some(src)) => {
                packet::error_v6(&mut buf, (to, from), (source, src), refusal.v6(), quote)
            }
            _ => return,
        };
        if out.reply(self.port, &buf[..len]) {
            stats.work.errors.add(1);
        }
    }

    /// Errors about errors would never end.
    fn is_error(&self) -> bool {
        let message = self.info.l4(self.frame);
        match self.info.proto {
            protocol::ICMP => icmpv4::Packet::new(message).is_ok_and(|message| message.is_error()),
            protocol::ICMPV6 => icmpv6::Packet::new(message).is_ok_and(|message| message.is_error()),
            _ => false,
        }
    }
}
