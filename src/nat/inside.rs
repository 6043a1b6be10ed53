//! `nat`: hosts of inside networks talk to the outside with the address of the outside network.

use super::{Nat, Wish, is_echo, part, tuple};
use crate::conf::model::Side;
use crate::flow::{Kind, Tuple};
use crate::pass::{Pass, bits};

/// Opens a flow for every packet from inside to outside that begins a connection, or goes on with one of TCP.
pub fn run(pass: &mut Pass<'_, '_>, nat: &mut Nat) {
    if !pass.snapshot.translation.is_wanted() {
        return;
    }
    for i in bits(pass.ipv4() | pass.ipv6()) {
        let (info, snapshot) = (pass.info(i), pass.snapshot);
        let side = |network| snapshot.translation.side(network);
        let inside =
            snapshot.routes.on_link(info.src).is_some_and(|way| side(way.network) == Some(Side::Inside));
        if !inside || snapshot.own.get(info.dst).is_some() || pass.ethernet(i).dst.is_multicast() {
            continue;
        }
        let Some(way) = snapshot.routes.way(info.dst).filter(|way| side(way.network) == Some(Side::Outside))
        else {
            continue;
        };
        let Some(address) = snapshot.translation.address(way.network, info.is_v6) else { continue };
        let original = tuple(info);
        let wish = Wish {
            kind: Kind::Snat,
            translated: Tuple { src: address, ..original },
            claim: true,
            more: &[],
            server: 0,
            target: 0,
            timeouts: snapshot
                .translation
                .timeouts(info.proto, if is_echo(info.proto) { 0 } else { info.dport }),
            replies: way.port,
            part: part(pass, i, info),
        };
        nat.open(pass, i, &wish);
    }
}
