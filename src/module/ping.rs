//! `ping`: answers ICMP and ICMPv6 echo requests to our addresses, in place.

use crate::engine::{Pass, bits};
use crate::stat::Drop;
use crate::wire::{Addr, Fragment, checksum, ethernet, icmpv4, icmpv6, ipv4, ipv6};

/// TTL or hop limit of an answer.
const TTL: u8 = 64;

/// Turns every echo request that this node may answer into its reply.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.icmp()) {
        let info = pass.info(i);
        let Some(own) = pass.snapshot.answerable(info.dst).copied() else { continue };
        let station = pass.ethernet(i).src;
        let l3 = usize::from(info.l3_offset);
        let l4 = pass.l4(i);
        let request = if info.is_v6() { icmpv6::kind::ECHO_REQUEST } else { icmpv4::kind::ECHO_REQUEST };
        if pass.frames[i].bytes().get(l4.start) != Some(&request) || l4.len() < icmpv4::HEADER_LEN {
            continue;
        }
        if info.fragment != Fragment::None {
            pass.drop(i, Drop::Fragment);
            continue;
        }
        if !pass.icmp_checksum_holds(i) {
            pass.drop(i, Drop::IcmpChecksum);
            continue;
        }
        let bytes = pass.frames[i].bytes_mut();
        if let Ok(mut frame) = ethernet::Frame::new(&mut *bytes) {
            frame.set_dst(station);
            frame.set_src(own.mac);
        }
        turn_around(&mut bytes[l3..], info.src, info.dst);
        // Swapped addresses leave the pseudo header's sum as it was; only type and code change.
        let reply = if info.is_v6() { icmpv6::kind::ECHO_REPLY } else { icmpv4::kind::ECHO_REPLY };
        let message = &mut bytes[l4];
        let old = u16::from_be_bytes([message[0], message[1]]);
        let sum = u16::from_be_bytes([message[2], message[3]]);
        message[0] = reply;
        message[1] = 0;
        let sum = checksum::update_u16(sum, old, u16::from_be_bytes([reply, 0]));
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        pass.stats.work.echoed.add(1);
        pass.forward(i, pass.port);
    }
}

/// Sends an IP packet back where it came from.
fn turn_around(packet: &mut [u8], src: Addr, dst: Addr) {
    if let (Some(src), Some(dst)) = (src.as_v4(), dst.as_v4()) {
        if let Ok(mut ip) = ipv4::Packet::new(packet) {
            ip.set_src(dst);
            ip.set_dst(src);
            ip.set_ttl(TTL);
            ip.fill_checksum();
        }
    } else if let (Some(src), Some(dst)) = (src.as_v6(), dst.as_v6())
        && let Ok(mut ip) = ipv6::Packet::new(packet)
    {
        ip.set_src(dst);
        ip.set_dst(src);
        ip.set_hop_limit(TTL);
    }
}
