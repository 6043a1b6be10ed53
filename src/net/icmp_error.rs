//! ICMP errors that bng sends as a router about packets that it cannot forward (RFC 1812 section 4.3, RFC 4443).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::Addr;
use crate::wire::{
    Dissected, Fragment, IpInfo, L3, MacAddr, ethernet, icmpv4, icmpv6, ipv4, ipv6, protocol, vlan,
};

/// Largest IPv4 packet with an error in it (RFC 1812 section 4.3.2.3).
const MAX_V4: usize = 576;
/// Largest IPv6 packet with an error in it: what every link carries (RFC 4443 section 2.4 c).
const MAX_V6: usize = 1_280;
/// TTL and hop limit of errors.
const TTL: u8 = 64;
/// Type of service of errors: precedence "internetwork control" (RFC 1812 section 4.3.2.5).
const TOS: u8 = 0xc0;

/// Bytes enough for every error: the largest packet behind a tagged Ethernet header.
pub const MAX: usize = ethernet::ETHERNET_HEADER_LEN + vlan::TAG_LEN + MAX_V6;

/// Why a packet is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its time to live or hop limit ran out.
    TimeExceeded,
    /// No network and no gateway that is up leads there.
    NoRoute,
    /// Nobody answers for the address of the next hop.
    HostUnreachable,
    /// It is larger than the next link, and must not be fragmented (in IPv6 none may).
    TooBig {
        /// Largest packet that the next link carries, in bytes.
        mtu: u16,
    },
}

impl Cause {
    /// Type, code and parameter in IPv4. The MTU stands in the lower half of the parameter (RFC 1191 section 4).
    fn v4(self) -> (u8, u8, u32) {
        use icmpv4::message::{TIME_EXCEEDED, UNREACHABLE};
        match self {
            Self::TimeExceeded => (TIME_EXCEEDED, 0, 0),
            Self::NoRoute => (UNREACHABLE, 0, 0),
            Self::HostUnreachable => (UNREACHABLE, 1, 0),
            Self::TooBig { mtu } => (UNREACHABLE, 4, u32::from(mtu)),
        }
    }

    /// Type, code and parameter in IPv6.
    fn v6(self) -> (u8, u8, u32) {
        use icmpv6::message::{PACKET_TOO_BIG, TIME_EXCEEDED, UNREACHABLE};
        match self {
            Self::TimeExceeded => (TIME_EXCEEDED, 0, 0),
            Self::NoRoute => (UNREACHABLE, 0, 0),
            Self::HostUnreachable => (UNREACHABLE, 3, 0),
            Self::TooBig { mtu } => (PACKET_TOO_BIG, 0, u32::from(mtu)),
        }
    }
}

/// Writes the error about the packet in `frame` into `buf`: from our address `source`, back to the station that sent the
/// frame, behind the same VLAN tag. The packet is quoted as it stands in `frame`, so call this before rewriting it.
/// Returns the length of the error.
///
/// `None` when nobody may be told (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e): about an ICMP error, a later fragment,
/// a packet or frame to many, or a sender that is no single host; or when `source` is of the other family. Directed
/// broadcasts of attached networks are the caller's to know.
pub fn build(
    buf: &mut [u8; MAX],
    cause: Cause,
    source: Addr,
    frame: &[u8],
    dissected: &Dissected,
) -> Option<usize> {
    let L3::Ip(info) = dissected.l3 else { return None };
    let (start, end) = (usize::from(info.l3_offset), usize::from(info.l4_offset) + usize::from(info.l4_len));
    let (link, packet) = (frame.get(..start)?, frame.get(start..end)?);
    if !may_be_told(dissected, &info, info.l4(frame)) {
        return None;
    }
    // The same link header, the other way round.
    buf[..start].copy_from_slice(link);
    let mut ethernet = ethernet::Frame::new(&mut buf[..]).ok()?;
    ethernet.set_dst(dissected.src);
    ethernet.set_src(dissected.dst);
    let buf = &mut buf[start..];
    match (source.to_ip(), info.src.to_ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => Some(start + emit_v4(buf, cause, src, dst, packet)),
        (IpAddr::V6(src), IpAddr::V6(dst)) => Some(start + emit_v6(buf, cause, src, dst, packet)),
        _ => None,
    }
}

fn emit_v4(buf: &mut [u8], cause: Cause, src: Ipv4Addr, dst: Ipv4Addr, packet: &[u8]) -> usize {
    let quote = &packet[..packet.len().min(MAX_V4 - ipv4::HEADER_LEN - icmpv4::HEADER_LEN)];
    let (message, code, parameter) = cause.v4();
    let error = icmpv4::ErrorRepr { message, code, parameter, quote };
    let ip = ipv4::Repr {
        src,
        dst,
        protocol: protocol::ICMP,
        ttl: TTL,
        tos: TOS,
        ident: 0,
        dont_fragment: true,
        payload_len: error.wire_len() as u16,
    };
    ip.emit(buf);
    error.emit(&mut buf[ip.wire_len()..]);
    ip.wire_len() + error.wire_len()
}

fn emit_v6(buf: &mut [u8], cause: Cause, src: Ipv6Addr, dst: Ipv6Addr, packet: &[u8]) -> usize {
    let quote = &packet[..packet.len().min(MAX_V6 - ipv6::HEADER_LEN - icmpv6::HEADER_LEN)];
    let (message, code, parameter) = cause.v6();
    let error = icmpv6::ErrorRepr { message, code, parameter, quote };
    let ip = ipv6::Repr {
        src,
        dst,
        next_header: protocol::ICMPV6,
        hop_limit: TTL,
        payload_len: error.wire_len() as u16,
    };
    ip.emit(buf);
    error.emit(src, dst, &mut buf[ip.wire_len()..]);
    ip.wire_len() + error.wire_len()
}

/// Whether an answer to this packet can reach exactly one host that did not send an error itself.
pub(super) fn may_be_told(dissected: &Dissected, info: &IpInfo, l4: &[u8]) -> bool {
    let is_error = match info.proto {
        protocol::ICMP if !info.is_v6 => icmpv4::Packet::new(l4).is_ok_and(|message| message.is_error()),
        protocol::ICMPV6 if info.is_v6 => icmpv6::Packet::new(l4).is_ok_and(|message| {
            // Redirects count as errors here, though their number does not (RFC 4443 section 2.4 e.2).
            message.is_error() || message.message() == icmpv6::message::REDIRECT
        }),
        _ => false,
    };
    let stations = [dissected.dst, dissected.src].into_iter().all(MacAddr::is_unicast);
    info.fragment != Fragment::Later && !is_error && stations && is_host(info.src) && !is_group(info.dst)
}

fn is_group(addr: Addr) -> bool {
    match addr.to_ip() {
        IpAddr::V4(addr) => addr.is_multicast() || addr.is_broadcast(),
        IpAddr::V6(addr) => addr.is_multicast(),
    }
}

/// True for an address that one host can have: neither zero, loopback, group, broadcast nor reserved.
pub(crate) fn is_host(addr: Addr) -> bool {
    match addr.to_ip() {
        IpAddr::V4(addr) => !matches!(addr.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(addr) => !addr.is_unspecified() && !addr.is_loopback() && !addr.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::translate::sample::{self, Sample};
    use crate::seed::Seed;
    use crate::wire::dissect;
    use crate::wire::dissect::quoted;
    use crate::wire::golden::{self, hex};

    const SOURCE4: Addr = Addr::v4(Ipv4Addr::new(172, 17, 2, 1));
    const SOURCE6: Addr = Addr::v6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xff));

    fn source(is_v6: bool) -> Addr {
        if is_v6 { SOURCE6 } else { SOURCE4 }
    }

    fn about(cause: Cause, frame: &[u8]) -> Option<Vec<u8>> {
        let dissected = dissect(frame).expect("valid");
        let is_v6 = matches!(dissected.l3, L3::Ip(info) if info.is_v6);
        let mut buf = [0xee; MAX];
        build(&mut buf, cause, source(is_v6), frame, &dissected).map(|len| buf[..len].to_vec())
    }

    const CAUSES: [Cause; 4] =
        [Cause::TimeExceeded, Cause::NoRoute, Cause::HostUnreachable, Cause::TooBig { mtu: 1_400 }];

    #[test]
    fn every_cause_has_the_numbers_of_its_family() {
        let v4 = ["0b00 00000000", "0300 00000000", "0301 00000000", "0304 00000578"];
        let v6 = ["0300 00000000", "0100 00000000", "0103 00000000", "0200 00000578"];
        for (frame, l4, numbers) in [(golden::TCP_DATA, 34, v4), (golden::UDP6, 54, v6)] {
            for (cause, numbers) in CAUSES.into_iter().zip(numbers) {
                let error = about(cause, &hex(frame)).expect("an ordinary packet");
                let (seen, numbers) = (&error[l4..], hex(numbers));
                assert_eq!((&seen[..2], &seen[4..8]), (&numbers[..2], &numbers[2..]), "{cause:?}");
            }
        }
    }

    #[test]
    fn an_error_that_linux_sent_is_built_byte_for_byte() {
        for (packet, error, source) in [
            (golden::UDP, golden::UNREACHABLE, "172.17.2.90"),
            (golden::UDP6, golden::UNREACHABLE6, "2001:db8::2"),
        ] {
            let (packet, mut expected) = (hex(packet), hex(error));
            let mut buf = [0xee; MAX];
            let source = Addr::from(source.parse::<IpAddr>().expect("address"));
            let dissected = dissect(&packet).expect("valid");
            let len = build(&mut buf, Cause::HostUnreachable, source, &packet, &dissected).expect("built");
            // It was about a port that nobody listens on, which no router tells.
            if let (IpAddr::V6(src), L3::Ip(info)) = (source.to_ip(), dissected.l3) {
                buf[55] = 4;
                let mut message = icmpv6::Packet::new(&mut buf[54..len]).expect("whole");
                message.fill_checksum(src, info.src.as_v6().expect("IPv6"));
            } else {
                buf[35] = 3;
                let mut message = icmpv4::Packet::new(&mut buf[34..len]).expect("whole");
                message.fill_checksum();
            }
            // Linux numbers its errors and lets routers fragment them; it gives IPv6 errors a flow label.
            if source.is_v4() {
                expected[18..22].copy_from_slice(&[0, 0, 0x40, 0]);
                ipv4::Packet::quoted(&mut expected[14..]).expect("valid").fill_checksum();
            } else {
                expected[15..18].fill(0);
            }
            assert_eq!(buf[..len], expected);
        }
    }

    #[test]
    fn an_error_is_whole_right_and_no_longer_than_allowed() {
        let mut seed = Seed::new(1);
        let mut built = 0;
        for round in 0..4_000 {
            let mut sample = Sample::any(&mut seed);
            if round % 4 == 0 {
                let proto = if sample.is_v6() { protocol::UDP } else { protocol::TCP };
                sample = Sample::of(&mut seed, sample.is_v6(), proto, round);
            }
            let (frame, _) = sample.frame();
            let (dissected, info) = (dissect(&frame).expect("valid"), sample::info(&frame));
            let cause = CAUSES[round % CAUSES.len()];
            let Some(error) = about(cause, &frame) else { continue };
            built += 1;
            let link = dissect(&error).expect("a valid frame");
            assert_eq!((link.dst, link.src, link.vlan), (dissected.src, dissected.dst, dissected.vlan));
            let seen = sample::info(&error);
            assert_eq!((seen.src, seen.dst, seen.ttl), (source(info.is_v6), info.src, 64));
            let l4 = seen.l4(&error);
            let (quote, most) = if info.is_v6 {
                let message = icmpv6::Packet::new(l4).expect("whole");
                let address = |addr: Addr| addr.as_v6().expect("IPv6");
                assert!(message.verify_checksum(address(seen.src), address(seen.dst)));
                (&l4[8..], 1_280)
            } else {
                assert!(icmpv4::Packet::new(l4).expect("whole").verify_checksum());
                (&l4[8..], 576)
            };
            let packet = sample.packet();
            assert!(packet.starts_with(quote));
            let len = error.len() - usize::from(info.l3_offset);
            let header = if info.is_v6 { 48 } else { 28 };
            assert_eq!(len, most.min(packet.len() + header));
            let flow = quoted(quote).expect("the quote tells the flow");
            assert_eq!((flow.src, flow.dst, flow.proto), (info.src, info.dst, info.proto));
        }
        assert!(built > 2_000, "only {built}");
    }

    #[test]
    fn padding_is_not_quoted() {
        let mut frame = hex(golden::UDP);
        let len = about(Cause::TimeExceeded, &frame).map(|error| error.len());
        frame.resize(60, 0xee);
        assert_eq!(about(Cause::TimeExceeded, &frame).map(|error| error.len()), len);
        assert_eq!(len, Some(14 + 28 + 34));
    }

    #[test]
    fn nobody_is_told_who_must_not_be() {
        // Errors, later fragments, neighbour discovery to a group or without sender, advertisements, no IP at all.
        for text in [
            golden::UNREACHABLE,
            golden::UNREACHABLE6,
            golden::FRAGMENT_LAST,
            golden::FRAGMENT6_LAST,
            golden::NEIGHBOR_SOLICITATION,
            golden::DUPLICATE_ADDRESS_DETECTION,
            golden::VRRP,
            golden::ARP_REQUEST,
        ] {
            assert_eq!(about(Cause::TimeExceeded, &hex(text)), None, "{text}");
        }
        let told = |text: &str, place: usize, field: &str| {
            let (mut frame, field) = (hex(text), hex(field));
            frame[place..place + field.len()].copy_from_slice(&field);
            if let Ok(mut packet) = ipv4::Packet::quoted(&mut frame[14..]) {
                packet.fill_checksum();
            }
            about(Cause::TimeExceeded, &frame).is_some()
        };
        for (src, answer) in [
            ("0a000001", true),
            ("00000000", false),
            ("00000001", false),
            ("7f000001", false),
            ("dfffffff", true),
            ("e0000001", false),
            ("f0000001", false),
            ("ffffffff", false),
        ] {
            assert_eq!(told(golden::TCP_DATA, 26, src), answer, "from {src}");
        }
        for (dst, answer) in
            [("0a000001", true), ("e0000001", false), ("efffffff", false), ("ffffffff", false)]
        {
            assert_eq!(told(golden::TCP_DATA, 30, dst), answer, "to {dst}");
        }
        for (place, addr, answer) in [
            (22, "20010db8000000000000000000000009", true),
            (22, "fe800000000000000000000000000009", true),
            (22, "00000000000000000000000000000000", false),
            (22, "00000000000000000000000000000001", false),
            (22, "ff020000000000000000000000000001", false),
            (38, "ff020000000000000000000000000001", false),
        ] {
            assert_eq!(told(golden::UDP6, place, addr), answer, "{addr} at {place}");
        }
        // Frames to many, or from a group.
        assert!(!told(golden::TCP_DATA, 0, "ffffffffffff"));
        assert!(!told(golden::TCP_DATA, 0, "01005e000001"));
        assert!(!told(golden::TCP_DATA, 6, "01005e000001"));
        // An echo request is no error, a redirect is one.
        assert!(told(golden::PING_REQUEST, 34, "08") && !told(golden::PING_REQUEST, 34, "05"));
        assert!(told(golden::PING6_REQUEST, 54, "80") && !told(golden::PING6_REQUEST, 54, "89"));
    }

    #[test]
    fn an_address_of_the_other_family_or_a_cut_frame_gives_nothing() {
        let frame = hex(golden::TCP_DATA);
        let dissected = dissect(&frame).expect("valid");
        let mut buf = [0; MAX];
        assert_eq!(build(&mut buf, Cause::NoRoute, SOURCE6, &frame, &dissected), None);
        for len in 0..frame.len() {
            assert_eq!(build(&mut buf, Cause::NoRoute, SOURCE4, &frame[..len], &dissected), None);
        }
    }
}
