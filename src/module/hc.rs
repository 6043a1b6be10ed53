//! `hc`: hands the answers to our health checks to the director, which sent them.
//!
//! Answers go to our own addresses, whether this node is master or not, and from whatever address: that of the target, or
//! the virtual address that a check went through. What tells them is the port that a check asks from now.

use bng_platform::Csum;

use crate::pass::{Pass, bits};
use crate::snapshot::Role;
use crate::stat::Drop;
use crate::wire::icmpv4::Echo;
use crate::wire::{Fragment, IpInfo, protocol, tcp, udp};

/// Takes what answers health checks, and echo replies addressed to this node itself.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.icmp() & !pass.errors()) {
        let info = pass.info(i);
        if !is_real(pass, info) || info.fragment != Fragment::None || pass.echo(i) != Some(Echo::Reply) {
            continue;
        }
        if pass.icmp_checksum_holds(i) {
            pass.punt(i);
        } else {
            pass.drop(i, Drop::IcmpChecksum);
        }
    }
    for i in bits(pass.errors()) {
        report(pass, i);
    }
    for i in bits((pass.ipv4() | pass.ipv6()) & !pass.icmp()) {
        answer(pass, i);
    }
}

fn is_real(pass: &Pass<'_, '_>, info: &IpInfo) -> bool {
    pass.snapshot.own.get(info.dst).is_some_and(|own| own.role == Role::Real)
}

/// Segments and datagrams to a port that a check asks from. The port is looked at first: that costs least, and most
/// packets fail there.
#[inline]
fn answer(pass: &mut Pass<'_, '_>, i: usize) {
    let info = pass.info(i);
    let asking = &pass.snapshot.asking;
    if !matches!(info.proto, protocol::TCP | protocol::UDP)
        || !asking.of(info.proto).is_some_and(|pool| pool.is_claimed(info.dport))
        || !is_real(pass, info)
    {
        return;
    }
    if info.fragment == Fragment::None && is_whole(pass, i, info) {
        pass.punt_answer(i);
    } else {
        pass.drop(i, Drop::CheckAnswer);
    }
}

/// Whether the checksum holds, unless the host has left it to hardware that there was none.
fn is_whole(pass: &Pass<'_, '_>, i: usize, info: &IpInfo) -> bool {
    let frame = &pass.frames[i];
    let (src, dst, l4) = (info.src.to_ip(), info.dst.to_ip(), info.l4(frame.bytes()));
    matches!(frame.meta.csum, Csum::Partial { .. })
        || if info.proto == protocol::TCP {
            tcp::Packet::new(l4).is_ok_and(|segment| segment.verify_checksum(src, dst))
        } else {
            udp::Packet::new(l4).is_ok_and(|datagram| datagram.verify_checksum(src, dst))
        }
}

/// An ICMP error about a packet that this node itself has sent.
fn report(pass: &mut Pass<'_, '_>, i: usize) {
    let info = pass.info(i);
    if !is_real(pass, info) || info.fragment != Fragment::None {
        return;
    }
    let Some(quoted) = pass.quoted(i).filter(|quoted| quoted.src == info.dst) else { return };
    let ours = match quoted.proto {
        protocol::TCP | protocol::UDP => {
            pass.snapshot.asking.of(quoted.proto).is_some_and(|pool| pool.is_claimed(quoted.sport))
        }
        protocol::ICMP | protocol::ICMPV6 => true,
        _ => false,
    };
    if ours && pass.icmp_checksum_holds(i) {
        pass.punt_answer(i);
    }
}
