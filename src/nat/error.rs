//! ICMP errors about translated packets: they go to whom the packet is from, and speak of it as it was sent.

use super::{Exit, exit, rewrite};
use crate::flow::{Flows, Tuple};
use crate::net::translate::{self, Rewrite};
use crate::pass::Pass;
use crate::stat::Drop;

/// Carries ICMP error `i` if it is about a packet of a known flow.
///
/// The quoted packet went the other way: an error about what we sent to a target comes as the target's answers do, and
/// the packet in it must look like what the client sent. The sender of the error is renamed as the sender of an answer
/// is, so that routers behind a virtual server stay unknown; routers in the world, for a host inside, keep their names.
pub(super) fn carry(flows: &Flows, pass: &mut Pass<'_, '_>, i: usize) {
    let Some(quoted) = pass.quoted(i) else { return };
    let answer = Tuple {
        src: quoted.dst,
        dst: quoted.src,
        sport: quoted.dport,
        dport: quoted.sport,
        proto: quoted.proto,
    };
    let Some((handle, direction)) = flows.find(pass.now, flows.locate(&answer), &answer) else { return };
    let (info, flow) = (pass.info(i), flows.get(handle));
    // Sent to somebody else than the packet was from: no router does that.
    if info.dst != answer.dst || !pass.icmp_checksum_holds(i) || pass.claims_impossible_mtu(i) {
        pass.drop(i, Drop::IcmpError);
        return;
    }
    let Some(Exit { way, station }) = exit(pass, i, &flow, direction) else { return };
    let outer = rewrite(&flow, direction);
    let inner = Rewrite { src: outer.dst, dst: outer.src };
    if translate::apply_error(&mut pass.frames[i], info, &outer, &inner).is_err() {
        pass.drop(i, Drop::IcmpError);
        return;
    }
    // Nobody is told what becomes of an error.
    pass.leave(i, &way, station, &Rewrite::default());
}
