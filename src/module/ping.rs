//! `ping`: answers ICMP and ICMPv6 echo requests to our addresses, in place.

use crate::pass::{Pass, bits};
use crate::stat::Drop;
use crate::wire::icmpv4::Echo;
use crate::wire::{Fragment, IpInfo, MacAddr, Malformed, ethernet, icmpv4, icmpv6, ipv4, ipv6};

/// TTL or hop limit of an answer.
const TTL: u8 = 64;

/// Turns every echo request that this node may answer into its reply.
pub fn run(pass: &mut Pass<'_, '_>) {
    for i in bits(pass.icmp()) {
        let info = pass.info(i);
        let Some(own) = pass.snapshot.answerable(info.dst).copied() else { continue };
        // Nobody puts fragments together here, and of a later one nobody knows what it belongs to.
        let later = info.fragment == Fragment::Later;
        if !later && pass.echo(i) != Some(Echo::Request) {
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
        let station = pass.ethernet(i).src;
        match turn_around(pass.frames[i].bytes_mut(), info, station, own.mac) {
            Ok(()) => {
                pass.stats.work.echoed.add(1);
                pass.forward(i, pass.port);
            }
            Err(_) => pass.drop(i, Drop::Malformed),
        }
    }
}

/// Makes a request its own reply. Swapped addresses leave the sum of the pseudo header as it was.
fn turn_around(bytes: &mut [u8], info: &IpInfo, to: MacAddr, from: MacAddr) -> Result<(), Malformed> {
    let mut frame = ethernet::Frame::new(&mut *bytes)?;
    frame.set_dst(to);
    frame.set_src(from);
    let packet = &mut bytes[usize::from(info.l3_offset)..];
    if info.is_v6 {
        let mut ip = ipv6::Packet::new(packet)?;
        let (src, dst) = (ip.src(), ip.dst());
        ip.set_src(dst);
        ip.set_dst(src);
        ip.set_hop_limit(TTL);
        icmpv6::Packet::new(info.l4_mut(bytes))?.turn_into_reply();
    } else {
        let mut ip = ipv4::Packet::new(packet)?;
        let (src, dst) = (ip.src(), ip.dst());
        ip.set_src(dst);
        ip.set_dst(src);
        ip.set_ttl(TTL);
        icmpv4::Packet::new(info.l4_mut(bytes))?.turn_into_reply();
    }
    Ok(())
}
