//! Routing mode and proxy: the connection of a client is translated, and its answers come back through us.

use super::Request;
use super::session::Key;
use crate::flow::{Kind, Tuple, state};
use crate::nat::{Nat, Part, Wish, is_echo, tuple};
use crate::pass::Pass;
use crate::snapshot::Reach;
use crate::wire::protocol;

/// Opens the flow of a client's packet to `target` and forwards the packet.
pub(super) fn open<K: Key>(
    nat: &mut Nat,
    pass: &mut Pass<'_, '_>,
    request: &Request<'_, K>,
    target: u16,
    reach: &Reach,
) {
    let (i, info, server) = (request.frame, &request.info, request.server);
    let original = tuple(info);
    let port = pass.snapshot.targets.get(usize::from(target)).map_or(0, |target| target.port);
    let has_ports = matches!(info.proto, protocol::TCP | protocol::UDP);
    let dport = if port != 0 && has_ports { port } else { original.dport };
    let mut translated = Tuple { dst: reach.addr, dport, ..original };
    let proxies = if info.is_v6 { &server.proxy6 } else { &server.proxy4 };
    let (kind, more) = match proxies.split_first() {
        None => (Kind::Dnat, &[][..]),
        Some((first, more)) => {
            translated.src = *first;
            (Kind::Proxy, more)
        }
    };
    let wish = Wish {
        kind,
        translated,
        claim: kind == Kind::Proxy && (has_ports || is_echo(info.proto)),
        more,
        server: request.key.server(),
        target,
        timeouts: server.timeouts(info.proto),
        replies: reach.hop.port,
        // The end of a connection begins no new one; the middle does, because another node may have begun it.
        part: if state::ends(info.tcp_flags) { Part::Stray } else { Part::Beginning },
    };
    nat.open(pass, i, &wish);
}
