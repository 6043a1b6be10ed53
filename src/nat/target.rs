//! `tnat`: connections that targets open leave with the address of their server.

use super::{Nat, Wish, part, tuple};
use crate::flow::{Kind, Tuple};
use crate::net::Addr;
use crate::pass::{Pass, bits};

/// Opens a flow for every packet of a target that a `tnat` names, if it begins a connection or goes on with one of TCP.
pub fn run(pass: &mut Pass<'_, '_>, nat: &mut Nat) {
    for i in bits(pass.ipv4() | pass.ipv6()) {
        let (info, snapshot) = (pass.info(i), pass.snapshot);
        let Some(rules) = snapshot.tnats.get(info.src) else { continue };
        if snapshot.own.get(info.dst).is_some() || pass.ethernet(i).dst.is_multicast() {
            continue;
        }
        let Some(rule) = rules.iter().find(|rule| rule.fits(info.proto, info.sport)) else { continue };
        let Some(way) = snapshot.routes.way(info.dst) else { continue };
        let original = tuple(info);
        let address: Addr = rule.address;
        let wish = Wish {
            kind: Kind::Tnat,
            translated: Tuple { src: address, ..original },
            // Well-known ports are those of services and belong to no pool: the identity of a server is its port, too.
            claim: original.sport >= crate::flow::ports::FIRST,
            more: &[],
            server: 0,
            target: rule.target,
            timeouts: snapshot.translation.timeouts(info.proto, info.dport),
            replies: way.port,
            part: part(pass, i, info),
        };
        nat.open(pass, i, &wish);
    }
}
