//! The reset that bng sends to whoever goes on with a TCP connection that is lost (RFC 9293 section 3.10.7.1).

use std::net::IpAddr;

use super::icmp_error::may_be_told;
use crate::wire::{Dissected, L3, ethernet, ipv4, ipv6, protocol, tcp};

/// Time to live and hop limit.
const TTL: u8 = 64;

/// Bytes of the largest reset behind a link header without a tag.
pub const MAX: usize = ethernet::ETHERNET_HEADER_LEN + ipv6::HEADER_LEN + tcp::HEADER_LEN;

/// Writes the reset of the connection of the segment in `frame` into `buf`: from whom the segment is for, back to the
/// station that sent the frame. It has the number that the segment acknowledges, so that its sender believes it
/// (RFC 5961 section 3.2). Returns its length. The link header has no tag: ingress has taken it off.
///
/// `None` when nobody may be told, see [`super::icmp_error::build`], or the segment acknowledges nothing.
pub fn build(buf: &mut [u8; MAX], frame: &[u8], dissected: &Dissected) -> Option<usize> {
    let L3::Ip(info) = dissected.l3 else { return None };
    let segment = tcp::Packet::new(info.l4(frame)).ok().filter(|_| info.proto == protocol::TCP)?;
    let acknowledges = segment.flags() & (tcp::flags::ACK | tcp::flags::RST) == tcp::flags::ACK;
    if !acknowledges || !may_be_told(dissected, &info, info.l4(frame)) {
        return None;
    }
    let reset = tcp::Repr {
        src_port: info.dport,
        dst_port: info.sport,
        seq: segment.ack(),
        ack: 0,
        flags: tcp::flags::RST,
        window: 0,
    };
    ethernet::Repr { dst: dissected.src, src: dissected.dst, ethertype: dissected.ethertype }.emit(buf);
    let packet = &mut buf[ethernet::ETHERNET_HEADER_LEN..];
    let (src, dst) = (info.dst.to_ip(), info.src.to_ip());
    let header_len = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let ip = ipv4::Repr {
                src,
                dst,
                protocol: protocol::TCP,
                ttl: TTL,
                tos: 0,
                ident: 0,
                dont_fragment: true,
                payload_len: reset.wire_len() as u16,
            };
            ip.emit(packet);
            ip.wire_len()
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let ip = ipv6::Repr {
                src,
                dst,
                next_header: protocol::TCP,
                hop_limit: TTL,
                payload_len: reset.wire_len() as u16,
            };
            ip.emit(packet);
            ip.wire_len()
        }
        _ => return None,
    };
    reset.emit(src, dst, &mut packet[header_len..]);
    Some(ethernet::ETHERNET_HEADER_LEN + header_len + reset.wire_len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Addr;
    use crate::net::translate::sample::Sample;
    use crate::seed::Seed;
    use crate::wire::tcp::flags::{ACK, FIN, PSH, RST, SYN};
    use crate::wire::{IpInfo, MacAddr, dissect};

    /// A segment of `src` with `flags`.
    fn segment(seed: &mut Seed, is_v6: bool, proto: u8, flags: u8) -> Vec<u8> {
        let mut sample = Sample::of(seed, is_v6, proto, 40);
        if !is_v6 {
            (sample.src, sample.dst) = (Addr::v4([10, 1, 1, 1].into()), Addr::v4([8, 8, 8, 8].into()));
        }
        sample.vlan = false;
        if proto == protocol::TCP {
            sample.l4[13] = flags;
        }
        sample.frame().0
    }

    fn reset_of(frame: &[u8], change: impl Fn(&mut Dissected)) -> Option<Vec<u8>> {
        let mut dissected = dissect(frame).expect("valid");
        change(&mut dissected);
        let mut buf = [0xee; MAX];
        build(&mut buf, frame, &dissected).map(|len| buf[..len].to_vec())
    }

    fn ip(frame: &[u8]) -> (Dissected, IpInfo) {
        let dissected = dissect(frame).expect("valid");
        let L3::Ip(info) = dissected.l3 else { panic!("an IP packet") };
        (dissected, info)
    }

    #[test]
    fn it_comes_from_the_other_end_with_the_number_that_was_acknowledged() {
        let mut seed = Seed::new(5);
        for n in 0..200 {
            let frame = segment(&mut seed, n % 2 == 0, protocol::TCP, [ACK, ACK | PSH, ACK | FIN][n % 3]);
            let reset = reset_of(&frame, |_| {}).expect("an ordinary segment");
            let ((before, asked), (after, got)) = (ip(&frame), ip(&reset));
            assert_eq!((after.src, after.dst, after.ethertype), (before.dst, before.src, before.ethertype));
            assert_eq!(
                (got.src, got.dst, got.sport, got.dport),
                (asked.dst, asked.src, asked.dport, asked.sport)
            );
            let segment = tcp::Packet::new(got.l4(&reset)).expect("a segment");
            assert_eq!(segment.flags(), RST);
            assert_eq!(segment.seq(), tcp::Packet::new(asked.l4(&frame)).expect("a segment").ack());
            assert!(segment.verify_checksum(got.src.to_ip(), got.dst.to_ip()));
            assert_eq!(reset_of(&reset, |_| {}), None, "a reset is never answered");
        }
    }

    #[test]
    fn nobody_is_told_who_acknowledges_nothing_or_is_not_one_host() {
        let mut seed = Seed::new(6);
        for is_v6 in [false, true] {
            for flags in [SYN, RST | ACK, 0, FIN] {
                let frame = segment(&mut seed, is_v6, protocol::TCP, flags);
                assert_eq!(reset_of(&frame, |_| {}), None, "{flags:#x}");
            }
            assert_eq!(reset_of(&segment(&mut seed, is_v6, protocol::UDP, 0), |_| {}), None);
            let frame = segment(&mut seed, is_v6, protocol::TCP, ACK);
            assert!(reset_of(&frame, |_| {}).is_some());
            assert_eq!(reset_of(&frame, |dissected| dissected.dst = MacAddr::BROADCAST), None);
        }
    }
}
