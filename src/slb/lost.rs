//! ICMP errors about our tunnels: a packet in one was too large for a link on the way, and its sender must hear of it.
//!
//! The router on the way speaks to us, because the outer packet is ours. What it quotes of that holds the beginning of the
//! client's packet, so the client can be told without remembering anything (RFC 2003 section 5.1, RFC 2473 section 8).

use super::tunnel::Outer;
use crate::net::Addr;
use crate::net::icmp_error::Cause;
use crate::pass::Pass;
use crate::pass::refuse::Refused;
use crate::snapshot::{Mode, Snapshot};
use crate::stat::Drop;
use crate::wire::dissect::quoted;
use crate::wire::{
    Dissected, ETHERNET_HEADER_LEN, Fragment, IpInfo, L3, ethernet, ethertype, icmpv4, icmpv6, ipv6,
};

/// Most bytes of the client's packet that are handed on.
const QUOTE_MAX: usize = 1232;
/// The smallest MTU of IPv6 (RFC 8200 section 5): senders ignore what is less.
const MTU_MIN6: u16 = 1280;

/// Takes ICMP error `i` if it is about a tunnel of ours, and tells the client whose packet was in it when that was too
/// large. Other errors end here: whether the target can be reached is up to its checks.
pub(super) fn relay(pass: &mut Pass<'_, '_>, i: usize) {
    let (info, snapshot) = (pass.info(i), pass.snapshot);
    let Some(lost) = pass.quoted(i).filter(|lost| lost.src == info.dst) else { return };
    let Some(outer) = tunnel(snapshot, lost.src, lost.dst) else { return };
    let message = info.l4(pass.frames[i].bytes());
    let mut frame = [0; ETHERNET_HEADER_LEN + QUOTE_MAX];
    let told = told(message, info.is_v6).and_then(|(mtu, quote)| {
        let inner = quote.get(usize::from(outer.overhead())..)?;
        let inner = &inner[..inner.len().min(QUOTE_MAX)];
        let client = begin(inner)?;
        // It was for a server of ours, or we have not put it into the tunnel.
        snapshot.services.get(client.dst)?;
        let way = snapshot.routes.way(client.src)?;
        let station = snapshot.neighbor(way.next)?;
        // The stations that the client's packet came with.
        let ethertype = if client.is_v6 { ethertype::IPV6 } else { ethertype::IPV4 };
        ethernet::Repr { dst: way.from, src: station, ethertype }.emit(&mut frame);
        frame[ETHERNET_HEADER_LEN..][..inner.len()].copy_from_slice(inner);
        let mtu = mtu.checked_sub(outer.overhead())?;
        let mtu = if client.is_v6 { mtu.max(MTU_MIN6) } else { mtu };
        let client = Dissected { dst: way.from, src: station, ethertype, vlan: None, l3: L3::Ip(client) };
        Some((way.port, ETHERNET_HEADER_LEN + inner.len(), client, mtu))
    });
    match told {
        Some((port, len, client, mtu)) if pass.icmp_checksum_holds(i) && !pass.claims_impossible_mtu(i) => {
            pass.hold(i);
            pass.stats.work.forwarded.add(1);
            pass.tell(&Refused { port, frame: &frame[..len], dissected: &client }, Cause::TooBig { mtu });
        }
        _ => pass.drop(i, Drop::IcmpError),
    }
}

/// The tunnel from an address of ours to a target.
fn tunnel(snapshot: &Snapshot, src: Addr, dst: Addr) -> Option<Outer> {
    snapshot.targets.iter().flat_map(|target| [target.v4, target.v6]).flatten().find_map(|reach| {
        let Mode::Tunnel(kind, own, to) = reach.mode else { return None };
        let sources = if dst.is_v4() { &snapshot.tunnelsrc4 } else { &snapshot.tunnelsrc6 };
        (to == dst && (own == src || sources.contains(&src))).then_some(Outer { kind, src, dst })
    })
}

/// The MTU that the message tells, and the packet that it quotes.
fn told(message: &[u8], v6: bool) -> Option<(u16, &[u8])> {
    if v6 {
        let packet = icmpv6::Packet::new(message).ok()?;
        let mtu = u32::from_be_bytes(*message.get(4..)?.first_chunk()?);
        (packet.message() == icmpv6::message::PACKET_TOO_BIG)
            .then_some((mtu.try_into().ok()?, message.get(8..)?))
    } else {
        let packet = icmpv4::Packet::new(message).ok()?;
        let is_too_big = packet.message() == icmpv4::message::UNREACHABLE && packet.code() == 4;
        is_too_big.then_some((packet.sequence(), message.get(8..)?))
    }
}

/// What the beginning of a packet says, for an error about it.
fn begin(packet: &[u8]) -> Option<IpInfo> {
    let ends = quoted(packet).ok()?;
    let is_v6 = !ends.src.is_v4();
    let header = if is_v6 { ipv6::HEADER_LEN } else { usize::from(packet[0] & 15) * 4 };
    Some(IpInfo {
        src: ends.src,
        dst: ends.dst,
        sport: ends.sport,
        dport: ends.dport,
        l3_offset: ETHERNET_HEADER_LEN as u16,
        l4_offset: (ETHERNET_HEADER_LEN + header) as u16,
        l4_len: packet.len().checked_sub(header)? as u16,
        proto: ends.proto,
        ttl: 1,
        tcp_flags: 0,
        fragment: Fragment::None,
        fragment_id: 0,
        is_v6,
    })
}
