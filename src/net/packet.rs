//! Frames that bng makes itself, written whole into a buffer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::icmpv4::Echo;
use crate::wire::{
    ETHERNET_HEADER_LEN, MacAddr, ethernet, ethertype, icmpv4, icmpv6, ipv4, ipv6, ndisc, protocol, vrrp,
};

/// TTL and hop limit of packets that may pass routers.
const TTL: u8 = 64;

/// Bytes enough for every frame of this file.
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

/// Most bytes of an ICMP error packet: what every host takes (RFC 1812 section 4.3.2.3).
const ERROR_V4: usize = 576;
/// The same for ICMPv6 (RFC 4443 section 2.4).
const ERROR_V6: usize = 1280;
/// Bytes enough for every error.
pub const ERROR_MAX: usize = ETHERNET_HEADER_LEN + ERROR_V6;

/// Header of an ICMP error, and as much of `quote` as there is room for in `message`; checksum zero. Returns its length.
fn error(message: &mut [u8], (kind, code, rest): (u8, u8, u32), quote: &[u8]) -> usize {
    let len = (icmpv4::HEADER_LEN + quote.len()).min(message.len());
    message[..4].copy_from_slice(&[kind, code, 0, 0]);
    message[4..8].copy_from_slice(&rest.to_be_bytes());
    message[8..len].copy_from_slice(&quote[..len - 8]);
    len
}

/// An ICMP error of type and code about the packet that begins with `quote`. Returns its length.
pub fn error_v4(
    buf: &mut [u8; ERROR_MAX],
    (to, from): (MacAddr, MacAddr),
    (src, dst): (Ipv4Addr, Ipv4Addr),
    what: (u8, u8, u32),
    quote: &[u8],
) -> usize {
    let at = ETHERNET_HEADER_LEN + ipv4::HEADER_LEN;
    let len = error(&mut buf[at..ETHERNET_HEADER_LEN + ERROR_V4], what, quote);
    if let Ok(mut message) = icmpv4::Packet::new(&mut buf[at..at + len]) {
        message.fill_checksum();
    }
    ethernet_header(buf, to, from, ethertype::IPV4);
    v4_header(buf, src, dst, protocol::ICMP, TTL, len) + len
}

/// An ICMPv6 error of type and code about the packet that begins with `quote`. Returns its length.
pub fn error_v6(
    buf: &mut [u8; ERROR_MAX],
    (to, from): (MacAddr, MacAddr),
    (src, dst): (Ipv6Addr, Ipv6Addr),
    what: (u8, u8, u32),
    quote: &[u8],
) -> usize {
    let at = ETHERNET_HEADER_LEN + ipv6::HEADER_LEN;
    let len = error(&mut buf[at..], what, quote);
    if let Ok(mut message) = icmpv6::Packet::new(&mut buf[at..at + len]) {
        message.fill_checksum(src, dst);
    }
    ethernet_header(buf, to, from, ethertype::IPV6);
    v6_header(buf, src, dst, protocol::ICMPV6, TTL, len) + len
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
    fn an_error_quotes_what_there_is_room_for_and_is_right_in_its_sums() {
        let (a, b) = (MacAddr([2; 6]), MacAddr([4; 6]));
        let (v4, v6) = (Ipv4Addr::new(10, 0, 0, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        let quote: Vec<u8> = (0..3000).map(|n| n as u8).collect();
        let mut buf = [0; ERROR_MAX];
        for (len, room) in [(28, 28), (548, 548), (549, 548), (3000, 548)] {
            let len = error_v4(&mut buf, (a, b), (v4, v4), (3, 4, 1280), &quote[..len]);
            assert_eq!(len, 14 + 28 + room);
            let L3::Ip(info) = dissect(&buf[..len]).expect("a packet").l3 else { panic!("no IP") };
            let message = icmpv4::Packet::new(info.l4(&buf)).expect("whole");
            assert!(message.verify_checksum() && message.is_error());
            assert_eq!((message.message(), message.code(), message.sequence()), (3, 4, 1280));
            assert_eq!(message.quoted(), Some(&quote[..room]));
        }
        for (len, room) in [(48, 48), (1232, 1232), (3000, 1232)] {
            let len = error_v6(&mut buf, (a, b), (v6, v6), (2, 0, 1400), &quote[..len]);
            assert_eq!(len, 14 + 48 + room);
            let L3::Ip(info) = dissect(&buf[..len]).expect("a packet").l3 else { panic!("no IP") };
            let message = icmpv6::Packet::new(info.l4(&buf)).expect("whole");
            assert!(message.verify_checksum(v6, v6) && message.is_error());
            assert_eq!((message.message(), message.code(), message.sequence()), (2, 0, 1400));
            assert_eq!(message.quoted(), Some(&quote[..room]));
        }
    }

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
