//! ICMP errors on their way: what they are about.

use super::Pass;
use crate::wire::dissect::{Quoted, quoted};
use crate::wire::{Fragment, icmpv4, icmpv6};

/// The smallest MTU of IPv4 (RFC 791) and of IPv6 (RFC 8200 section 5).
const MTU_MIN: [u32; 2] = [68, 1280];

impl Pass<'_, '_> {
    /// ICMP errors that are still pending.
    pub fn errors(&self) -> u64 {
        self.pending & self.error
    }

    /// The packet that ICMP error `i` is about; `None` when nobody can tell.
    pub fn quoted(&self, i: usize) -> Option<Quoted> {
        let (info, frame) = (self.info(i), self.frames[i].bytes());
        if info.fragment == Fragment::Later {
            return None;
        }
        let l4 = info.l4(frame);
        let found = if info.is_v6 {
            quoted(icmpv6::Packet::new(l4).ok()?.quoted()?)
        } else {
            quoted(icmpv4::Packet::new(l4).ok()?.quoted()?)
        };
        found.ok().filter(|quoted| quoted.src.is_v4() != info.is_v6)
    }

    /// Whether error `i` of IPv4 tells a host of a shorter way. That of IPv6 counts as no error (RFC 4443 section 2.1).
    pub fn redirects(&self, i: usize) -> bool {
        let (info, frame) = (self.info(i), self.frames[i].bytes());
        !info.is_v6
            && icmpv4::Packet::new(info.l4(frame)).is_ok_and(|m| m.message() == icmpv4::message::REDIRECT)
    }

    /// Whether error `i` says that packets are too big for an MTU that no link has: forged, to make a sender's packets
    /// as small as can be (RFC 5927 section 7, RFC 8201 section 4).
    pub fn claims_impossible_mtu(&self, i: usize) -> bool {
        let info = self.info(i);
        let l4 = info.l4(self.frames[i].bytes());
        let Some(header) = l4.first_chunk::<8>() else { return false };
        let word = |at: usize| u32::from(u16::from_be_bytes([header[at], header[at + 1]]));
        if info.is_v6 {
            header[0] == icmpv6::message::PACKET_TOO_BIG && (word(4) << 16 | word(6)) < MTU_MIN[1]
        } else {
            header[..2] == [icmpv4::message::UNREACHABLE, 4] && word(6) < MTU_MIN[0]
        }
    }
}
