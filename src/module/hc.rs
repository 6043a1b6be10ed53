//! `hc`: hands the answers to our health checks to the director, which sent them.

use crate::pass::{Pass, bits};
use crate::snapshot::Role;
use crate::stat::Drop;
use crate::wire::Fragment;
use crate::wire::icmpv4::Echo;

/// Takes echo replies addressed to this node itself.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.icmp()) {
        let info = pass.info(i);
        let ours = pass.snapshot.own.get(info.dst).is_some_and(|own| own.role == Role::Real);
        if !ours || info.fragment != Fragment::None || pass.echo(i) != Some(Echo::Reply) {
            continue;
        }
        if pass.icmp_checksum_holds(i) {
            pass.punt(i);
        } else {
            pass.drop(i, Drop::IcmpChecksum);
        }
    }
}
