//! `hc`: hands the answers to our health checks to the director, which sent them.

use crate::engine::{Pass, bits};
use crate::snapshot::Role;
use crate::stat::Drop;
use crate::wire::{Fragment, icmpv4, icmpv6};

/// Takes echo replies addressed to this node itself.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.icmp()) {
        let info = pass.info(i);
        if pass.snapshot.own.get(info.dst).is_none_or(|own| own.role != Role::Real) {
            continue;
        }
        let message = &pass.frames[i].bytes()[pass.l4(i)];
        let reply = if info.is_v6() { icmpv6::kind::ECHO_REPLY } else { icmpv4::kind::ECHO_REPLY };
        if message.first() != Some(&reply) || info.fragment != Fragment::None {
            continue;
        }
        if pass.icmp_checksum_holds(i) {
            pass.punt(i);
        } else {
            pass.drop(i, Drop::IcmpChecksum);
        }
    }
}
