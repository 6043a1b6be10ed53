//! Frames that bng makes itself, written whole into a buffer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::icmpv4::Echo;
use crate::wire::{
    ETHERNET_HEADER_LEN, MacAddr, ethernet, ethertype, icmpv4, icmpv6, ipv4, ipv6, ndisc, protocol, udp, vrrp,
};

/// TTL and hop limit of packets that may pass routers.
const TTL: u8 = 64;

/// Bytes enough for every frame of this file but datagrams.
pub const MAX: usize = ETHERNET_HEADER_LEN + ipv4::HEADER_LEN + 16 + 4 * vrrp::MAX_ADDRESSES;

fn ethernet_header(buf: &mut [u8], dst: MacAddr, src: MacAddr, ethertype: u16) {
    ethernet::Repr { dst, src, ethertype }.emit(buf);
}

fn v4_header(buf: &mut [u8], src: Ipv4Addr, dst: Ipv4Addr, proto: u8, ttl: u8, payload: usize) -> usize {
    let ip = ipv4::Repr {
        src,
        dst,
        protocol: proto,
        ttl,
        tos: 0,
        ident: 0,
        dont_fragment: true,
        payload_len: payload as u16,
    };
    ip.emit(&mut buf[ETHERNET_HEADER_LEN..]);
    ETHERNET_HEADER_LEN + ip.wire_len()
}

fn v6_header(
    buf: &mut [u8],
    src: Ipv6Addr,
    dst: Ipv6Addr,
    next_header: u8,
    hop_limit: u8,
    payload: usize,
) -> usize {
    let ip = ipv6::Repr { src, dst, next_header, hop_limit, payload_len: payload as u16 };
    ip.emit(&mut buf[ETHERNET_HEADER_LEN..]);
    ETHERNET_HEADER_LEN + ip.wire_len()
}

/// A neighbour discovery message from `src` at `from` to `dst` at `to`. Returns its length.
pub fn nd(
    buf: &mut [u8],
    to: MacAddr,
    from: MacAddr,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    message: &ndisc::Repr,
) -> usize {
    let len = message.wire_len();
    ethernet_header(buf, to, from, ethertype::IPV6);
    let at = v6_header(buf, src, dst, protocol::ICMPV6, ndisc::HOP_LIMIT, len);
    message.emit(src, dst, &mut buf[at..at + len]);
    at + len
}

/// An echo request of either family. Returns its length, 0 when the families differ.
pub fn echo(
    buf: &mut [u8],
    (to, from): (MacAddr, MacAddr),
    (src, dst): (IpAddr, IpAddr),
    (ident, sequence): (u16, u16),
    data: &[u8],
) -> usize {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let message = icmpv4::Repr { echo: Echo::Request, ident, sequence, data };
            ethernet_header(buf, to, from, ethertype::IPV4);
            let at = v4_header(buf, src, dst, protocol::ICMP, TTL, message.wire_len());
            message.emit(&mut buf[at..at + message.wire_len()]);
            at + message.wire_len()
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let message = icmpv6::Repr { echo: Echo::Request, ident, sequence, data };
            ethernet_header(buf, to, from, ethertype::IPV6);
            let at = v6_header(buf, src, dst, protocol::ICMPV6, TTL, message.wire_len());
            message.emit(src, dst, &mut buf[at..at + message.wire_len()]);
            at + message.wire_len()
        }
        _ => 0,
    }
}

/// The headers before a layer 4 of `len` bytes; returns their length, `None` when the families differ.
fn headers(
    buf: &mut [u8],
    (to, from): (MacAddr, MacAddr),
    addresses: (IpAddr, IpAddr),
    proto: u8,
    len: usize,
) -> Option<usize> {
    match addresses {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            ethernet_header(buf, to, from, ethertype::IPV4);
            Some(v4_header(buf, src, dst, proto, TTL, len))
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ethernet_header(buf, to, from, ethertype::IPV6);
            Some(v6_header(buf, src, dst, proto, TTL, len))
        }
        _ => None,
    }
}

/// A frame with the packet of protocol `proto` from `src` to `dst`, of one family, whose layer 4 is `l4`.
pub fn ip(
    (to, from): (MacAddr, MacAddr),
    (src, dst): (IpAddr, IpAddr),
    proto: u8,
    l4: &[u8],
) -> Option<Vec<u8>> {
    let mut buf = vec![0; ETHERNET_HEADER_LEN + ipv6::HEADER_LEN + l4.len()];
    let at = headers(&mut buf, (to, from), (src, dst), proto, l4.len())?;
    buf.truncate(at + l4.len());
    buf[at..].copy_from_slice(l4);
    Some(buf)
}

/// Bytes before the payload of a datagram, of the family that takes more.
pub const UDP_HEADERS: usize = ETHERNET_HEADER_LEN + ipv6::HEADER_LEN + udp::HEADER_LEN;

/// A datagram of either family. Returns its length, 0 when the families differ.
///
/// # Panics
/// When `buf` is shorter than [`UDP_HEADERS`] and `payload`.
pub fn datagram(
    buf: &mut [u8],
    (to, from): (MacAddr, MacAddr),
    (src, dst): (IpAddr, IpAddr),
    (src_port, dst_port): (u16, u16),
    payload: &[u8],
) -> usize {
    let datagram = udp::Repr { src_port, dst_port, payload };
    let len = datagram.wire_len();
    let Some(at) = headers(buf, (to, from), (src, dst), protocol::UDP, len) else { return 0 };
    datagram.emit(src, dst, &mut buf[at..at + len]);
    at + len
}

/// A VRRP advertisement from `src`. Returns its length.
pub fn advertisement(buf: &mut [u8], from: MacAddr, src: Ipv4Addr, advert: &vrrp::Repr<'_>) -> usize {
    let len = advert.wire_len();
    ethernet_header(buf, vrrp::GROUP_MAC, from, ethertype::IPV4);
    let at = v4_header(buf, src, vrrp::GROUP, protocol::VRRP, vrrp::TTL, len);
    advert.emit(&mut buf[at..at + len]);
    at + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{L3, dissect};

    #[test]
    fn every_frame_fits_and_dissects() {
        let mut buf = [0; MAX];
        let (a, b) = (MacAddr([2; 6]), MacAddr([4; 6]));
        let addresses = vec![Ipv4Addr::LOCALHOST; vrrp::MAX_ADDRESSES];
        let advert = vrrp::Repr { vrid: 9, priority: 200, interval: 1, addresses: &addresses };
        let (v4, v6) = (Ipv4Addr::new(10, 0, 0, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        let solicitation = ndisc::Repr::NeighborSolicitation { target: v6, source_mac: Some(a) };
        for len in [
            advertisement(&mut buf, a, v4, &advert),
            echo(&mut buf, (a, b), (v4.into(), v4.into()), (1, 2), &[7; 56]),
            echo(&mut buf, (a, b), (v6.into(), v6.into()), (1, 2), &[7; 56]),
            nd(&mut buf, a, b, v6, v6, &solicitation),
        ] {
            assert!(len > 0 && len <= MAX);
        }
        assert!(matches!(dissect(&buf[..86]).unwrap().l3, L3::Ip(ip) if ip.is_v6 && ip.ttl == 255));
        assert_eq!(echo(&mut buf, (a, b), (v4.into(), v6.into()), (1, 2), &[]), 0);
    }
}
