//! One look at a received frame: everything that the fast path asks about it, or why it is nonsense.
//!
//! The answer is `Copy` and borrows nothing, so a module may rewrite the frame while it holds it. Addresses come as
//! [`Addr`], 128 bits for both families: a session key or a server lookup compares them without a branch on the family.
//!
//! Only what the fast path relies on is checked: all lengths down to the layer-4 header and the IPv4 header checksum.
//! Layer-4 checksums are the receiver's business, and those that hardware was to complete are wrong at this point.

use super::bytes::{array, get_u16};
use super::ethernet::{ETHERNET_HEADER_LEN, ethertype};
use super::{Addr, MacAddr, Malformed, icmpv4, icmpv6, ipv4, ipv6, protocol, tcp, udp, vlan};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dissected {
    /// Destination hardware address.
    pub dst: MacAddr,
    /// Source hardware address.
    pub src: MacAddr,
    /// Protocol of the payload, behind the VLAN tag if there is one; see [`ethertype`].
    pub ethertype: u16,
    /// VLAN number of the tag, 0 to 4095; `None` without a tag.
    pub vlan: Option<u16>,
    /// The network layer.
    pub l3: L3,
}

impl Dissected {
    /// First byte of the network layer, counted from the start of the frame.
    #[inline]
    pub const fn l3_offset(&self) -> usize {
        if self.vlan.is_some() { ETHERNET_HEADER_LEN + vlan::TAG_LEN } else { ETHERNET_HEADER_LEN }
    }
}

/// The network layer of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum L3 {
    /// Address resolution; its content is unchecked, see [`super::arp::Packet`].
    Arp,
    /// IPv4 or IPv6.
    Ip(IpInfo),
    /// Anything else.
    Other,
}

/// Part of a packet that a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragment {
    /// The whole packet.
    None,
    /// The first part, with the layer-4 header.
    First,
    /// A later part, without ports.
    Later,
}

/// The IP packet in a frame. Offsets count from the start of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpInfo {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Source port; 0 when the protocol has none, or in a later fragment.
    pub sport: u16,
    /// Destination port; 0 when the protocol has none, or in a later fragment.
    pub dport: u16,
    /// First byte of the IP header.
    pub l3_offset: u16,
    /// First byte of the layer-4 header, behind options and extension headers.
    pub l4_offset: u16,
    /// Bytes of layer-4 header and payload in this packet, Ethernet padding excluded.
    pub l4_len: u16,
    /// Layer-4 protocol, see [`protocol`].
    pub proto: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Control bits of TCP, see [`tcp::flags`]; 0 otherwise.
    pub tcp_flags: u8,
    /// Part of the packet.
    pub fragment: Fragment,
    /// What the parts of one packet have in common; 0 for a whole packet.
    pub fragment_id: u32,
    /// IPv6, not IPv4.
    pub is_v6: bool,
}

impl IpInfo {
    /// The bytes of layer 4 in `frame`, the frame that was dissected.
    ///
    /// # Panics
    /// When `frame` is shorter than the dissected one.
    #[inline]
    pub fn l4<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[usize::from(self.l4_offset)..][..usize::from(self.l4_len)]
    }

    /// As [`IpInfo::l4`], to be rewritten.
    ///
    /// # Panics
    /// When `frame` is shorter than the dissected one.
    #[inline]
    pub fn l4_mut<'a>(&self, frame: &'a mut [u8]) -> &'a mut [u8] {
        &mut frame[usize::from(self.l4_offset)..][..usize::from(self.l4_len)]
    }

    /// Identifier of the ICMP echo message in `frame`, the frame that was dissected: what distinguishes conversations as
    /// ports do elsewhere. `None` for all else, later fragments included.
    ///
    /// # Panics
    /// When `frame` is shorter than the dissected one.
    #[inline]
    pub fn echo_ident(&self, frame: &[u8]) -> Option<u16> {
        if self.fragment == Fragment::Later || !is_icmp(self.proto, self.is_v6) {
            return None;
        }
        echo_ident(self.proto, self.l4(frame)).ok().flatten()
    }

    /// It belongs to an ICMP or ICMPv6 message.
    #[inline]
    pub fn is_icmp(&self) -> bool {
        is_icmp(self.proto, self.is_v6)
    }

    /// It is an ICMP error, or the first fragment of one, in `frame`, the frame that was dissected.
    ///
    /// # Panics
    /// When `frame` is shorter than the dissected one.
    pub fn is_icmp_error(&self, frame: &[u8]) -> bool {
        let message = || self.l4(frame);
        self.fragment != Fragment::Later
            && self.is_icmp()
            && if self.is_v6 {
                icmpv6::Packet::new(message()).is_ok_and(|message| message.is_error())
            } else {
                icmpv4::Packet::new(message()).is_ok_and(|message| message.is_error())
            }
    }
}

/// Looks at `frame`, from the destination address to the last byte, without FCS.
///
/// Frames larger than any MTU are fine as long as the IP header can express their length. A second VLAN tag and 802.3
/// frames are [`L3::Other`].
///
/// # Errors
/// Why the frame is nonsense; the caller drops and counts it.
#[inline]
pub fn dissect(frame: &[u8]) -> Result<Dissected, Malformed> {
    if frame.len() < ETHERNET_HEADER_LEN {
        return Err(Malformed::Truncated);
    }
    let mut ethertype = get_u16(frame, 12..14);
    let mut l3_offset = ETHERNET_HEADER_LEN;
    let mut vlan = None;
    if ethertype == ethertype::VLAN {
        let tag = vlan::Packet::new(&frame[ETHERNET_HEADER_LEN..])?;
        ethertype = tag.ethertype();
        vlan = Some(tag.vid());
        l3_offset += vlan::TAG_LEN;
    }
    let l3 = match ethertype {
        ethertype::IPV4 => L3::Ip(dissect_v4(frame, l3_offset)?),
        ethertype::IPV6 => L3::Ip(dissect_v6(frame, l3_offset)?),
        ethertype::ARP => L3::Arp,
        _ => L3::Other,
    };
    Ok(Dissected { dst: MacAddr(array(frame, 0..6)), src: MacAddr(array(frame, 6..12)), ethertype, vlan, l3 })
}

#[inline]
fn dissect_v4(frame: &[u8], l3_offset: usize) -> Result<IpInfo, Malformed> {
    let packet = ipv4::Packet::new(&frame[l3_offset..])?;
    if !packet.verify_checksum() {
        return Err(Malformed::BadChecksum);
    }
    let payload = packet.payload();
    let offset = packet.fragment_offset();
    let fragment = match (offset, packet.more_fragments()) {
        (0, false) => Fragment::None,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    };
    check_fragment(offset, packet.protocol(), payload)?;
    let layer4 = Layer4::read(packet.protocol(), fragment, payload)?;
    Ok(IpInfo {
        src: packet.src().into(),
        dst: packet.dst().into(),
        sport: layer4.sport,
        dport: layer4.dport,
        l3_offset: l3_offset as u16,
        l4_offset: (l3_offset + packet.header_len()) as u16,
        l4_len: payload.len() as u16,
        proto: packet.protocol(),
        ttl: packet.ttl(),
        tcp_flags: layer4.tcp_flags,
        fragment,
        fragment_id: if fragment == Fragment::None { 0 } else { u32::from(packet.ident()) },
        is_v6: false,
    })
}

#[inline]
fn dissect_v6(frame: &[u8], l3_offset: usize) -> Result<IpInfo, Malformed> {
    let packet = ipv6::Packet::new(&frame[l3_offset..])?;
    let (src, dst) = (Addr::v6(packet.src()), Addr::v6(packet.dst()));
    // RFC 4038 section 4.2: mapped addresses on the wire are spoofing, and here they would pass for IPv4.
    if src.is_v4() || dst.is_v4() {
        return Err(Malformed::BadAddress);
    }
    let upper = packet.upper_layer()?;
    let payload = &packet.payload()[upper.offset - ipv6::HEADER_LEN..];
    let fragment = match upper.fragment {
        // A fragment that is the whole packet counts as the packet (RFC 6946).
        None | Some(ipv6::FragmentHeader { offset: 0, more: false, .. }) => Fragment::None,
        Some(ipv6::FragmentHeader { offset: 0, .. }) => Fragment::First,
        Some(_) => Fragment::Later,
    };
    let offset = upper.fragment.map_or(0, |fragment| usize::from(fragment.offset));
    // A later fragment may name any protocol (RFC 8200 section 4.5), so the longest header is what it must leave alone.
    let proto = if fragment == Fragment::Later { protocol::TCP } else { upper.protocol };
    check_fragment(offset, proto, payload)?;
    let layer4 = Layer4::read(upper.protocol, fragment, payload)?;
    Ok(IpInfo {
        src,
        dst,
        sport: layer4.sport,
        dport: layer4.dport,
        l3_offset: l3_offset as u16,
        // 18 + 40 + 8 headers of at most 2,048 bytes.
        l4_offset: (l3_offset + upper.offset) as u16,
        l4_len: payload.len() as u16,
        proto: upper.protocol,
        ttl: packet.hop_limit(),
        tcp_flags: layer4.tcp_flags,
        fragment,
        fragment_id: upper.fragment.filter(|_| fragment != Fragment::None).map_or(0, |f| f.ident),
        is_v6: true,
    })
}

/// Refuses a later fragment that is empty, that would make the packet longer than an IP packet can be, or that would
/// write over the ports and flags of the first one when the packet is put together (RFC 1858 section 4, RFC 5722).
#[inline]
fn check_fragment(offset: usize, proto: u8, payload: &[u8]) -> Result<(), Malformed> {
    let header = if proto == protocol::TCP { tcp::HEADER_LEN } else { udp::HEADER_LEN };
    let end = offset + payload.len();
    if offset != 0 && (payload.is_empty() || end > usize::from(u16::MAX) || offset < header) {
        return Err(Malformed::BadFragment);
    }
    Ok(())
}

/// What the fast path asks about the layer-4 header.
#[derive(Default)]
struct Layer4 {
    sport: u16,
    dport: u16,
    tcp_flags: u8,
}

impl Layer4 {
    #[inline]
    fn read(proto: u8, fragment: Fragment, payload: &[u8]) -> Result<Self, Malformed> {
        match (fragment, proto) {
            (Fragment::Later, _) => Ok(Self::default()),
            (_, protocol::TCP) => {
                let segment = tcp::Packet::new(payload).map_err(|why| match (why, fragment) {
                    // A first fragment without the whole header hides it from filters (RFC 1858 section 3).
                    (Malformed::Truncated, Fragment::First) => Malformed::BadFragment,
                    _ => why,
                })?;
                Ok(Self { sport: segment.src_port(), dport: segment.dst_port(), tcp_flags: segment.flags() })
            }
            (Fragment::None, protocol::UDP) => {
                let datagram = udp::Packet::new(payload)?;
                Ok(Self { sport: datagram.src_port(), dport: datagram.dst_port(), tcp_flags: 0 })
            }
            (Fragment::First, protocol::UDP) => {
                // The datagram is longer than its first part.
                if payload.len() < udp::HEADER_LEN {
                    return Err(Malformed::BadFragment);
                }
                let (sport, dport) = ports(payload)?;
                Ok(Self { sport, dport, tcp_flags: 0 })
            }
            (_, protocol::ICMP | protocol::ICMPV6) if payload.len() < icmpv4::HEADER_LEN => {
                Err(Malformed::Truncated)
            }
            _ => Ok(Self::default()),
        }
    }
}

/// The flow that an ICMP error is about, seen from the sender of the quoted packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Source address of the quoted packet.
    pub src: Addr,
    /// Destination address of the quoted packet.
    pub dst: Addr,
    /// Layer-4 protocol of the quoted packet.
    pub proto: u8,
    /// Source port, or the identifier of an ICMP echo message; 0 when the protocol has neither.
    pub sport: u16,
    /// Destination port, or the identifier of an ICMP echo message; 0 when the protocol has neither.
    pub dport: u16,
}

/// Reads the beginning of a packet as [`icmpv4::Packet::quoted`] and [`super::icmpv6::Packet::quoted`] return it.
///
/// # Errors
/// When the quoted headers are nonsense, or too short for the ports of TCP and UDP or the identifier of an ICMP echo
/// message, or the quoted packet is a later fragment (whose flow nobody can tell).
pub fn quoted(bytes: &[u8]) -> Result<Quoted, Malformed> {
    let (src, dst, proto, payload) = match bytes.first().map(|byte| byte >> 4) {
        None => return Err(Malformed::Truncated),
        Some(4) => {
            let packet = ipv4::Packet::quoted(bytes)?;
            if packet.fragment_offset() != 0 {
                return Err(Malformed::BadFragment);
            }
            let payload = packet.header_len()..packet.total_len().min(bytes.len());
            (packet.src().into(), packet.dst().into(), packet.protocol(), &bytes[payload])
        }
        Some(6) => {
            let packet = ipv6::Packet::quoted(bytes)?;
            let upper = packet.upper_layer()?;
            if upper.fragment.is_some_and(|fragment| fragment.offset != 0) {
                return Err(Malformed::BadFragment);
            }
            let (src, dst) = (Addr::v6(packet.src()), Addr::v6(packet.dst()));
            if src.is_v4() || dst.is_v4() {
                return Err(Malformed::BadAddress);
            }
            let end = (ipv6::HEADER_LEN + packet.payload_len()).min(bytes.len());
            (src, dst, upper.protocol, &bytes[upper.offset..end])
        }
        Some(_) => return Err(Malformed::BadVersion),
    };
    let (sport, dport) = match proto {
        protocol::TCP | protocol::UDP => ports(payload)?,
        _ if is_icmp(proto, !src.is_v4()) => {
            let ident = echo_ident(proto, payload)?.unwrap_or(0);
            (ident, ident)
        }
        _ => (0, 0),
    };
    Ok(Quoted { src, dst, proto, sport, dport })
}

/// True for the ICMP that belongs to the version of IP.
#[inline]
fn is_icmp(proto: u8, is_v6: bool) -> bool {
    proto == if is_v6 { protocol::ICMPV6 } else { protocol::ICMP }
}

/// The identifier in the ICMP or ICMPv6 message that begins with `payload`, if it is an echo message.
#[inline]
fn echo_ident(proto: u8, payload: &[u8]) -> Result<Option<u16>, Malformed> {
    if proto == protocol::ICMP {
        let message = icmpv4::Packet::new(payload)?;
        Ok(message.echo().map(|_| message.ident()))
    } else {
        let message = icmpv6::Packet::new(payload)?;
        Ok(message.echo().map(|_| message.ident()))
    }
}

/// The ports with which TCP and UDP headers begin.
#[inline]
fn ports(payload: &[u8]) -> Result<(u16, u16), Malformed> {
    if payload.len() < 4 {
        return Err(Malformed::Truncated);
    }
    Ok((get_u16(payload, 0..2), get_u16(payload, 2..4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};
    use crate::wire::{ethernet, ipv6};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn addr(text: &str) -> Addr {
        text.parse::<IpAddr>().expect("address").into()
    }

    fn ip(frame: &[u8]) -> IpInfo {
        match dissect(frame).expect("valid").l3 {
            L3::Ip(info) => info,
            other => panic!("expected IP, got {other:?}"),
        }
    }

    /// A frame with this VLAN tag put in.
    fn tagged(frame: &[u8], vid: u8) -> Vec<u8> {
        [&frame[..12], &[0x81, 0, 0, vid], &frame[12..]].concat()
    }

    /// A frame with this IPv4 payload, padded like a short one.
    fn frame_v4(proto: u8, flags_offset: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 34];
        ethernet::Repr { dst: MacAddr::ZERO, src: MacAddr::ZERO, ethertype: ethertype::IPV4 }
            .emit(&mut frame);
        let header = ipv4::Repr {
            src: Ipv4Addr::new(10, 0, 0, 1),
            dst: Ipv4Addr::new(10, 0, 0, 2),
            protocol: proto,
            ttl: 9,
            tos: 0,
            ident: 1,
            dont_fragment: false,
            payload_len: payload.len() as u16,
        };
        header.emit(&mut frame[14..]);
        frame[20..22].copy_from_slice(&flags_offset.to_be_bytes());
        ipv4::Packet::quoted(&mut frame[14..]).expect("header").fill_checksum();
        frame.extend(payload);
        frame.resize(frame.len().max(ethernet::MIN_FRAME_LEN), 0xee);
        frame
    }

    /// A frame with this IPv6 payload.
    fn frame_v6(src: Addr, next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 54];
        ethernet::Repr { dst: MacAddr::ZERO, src: MacAddr::ZERO, ethertype: ethertype::IPV6 }
            .emit(&mut frame);
        let header = ipv6::Repr {
            src: Ipv6Addr::from_bits(src.to_bits()),
            dst: Ipv6Addr::LOCALHOST,
            next_header,
            hop_limit: 9,
            payload_len: payload.len() as u16,
        };
        header.emit(&mut frame[14..]);
        frame.extend(payload);
        frame
    }

    #[test]
    fn a_captured_syn_is_dissected() {
        let frame = hex(golden::TCP_SYN);
        let expected = IpInfo {
            src: addr("172.17.2.92"),
            dst: addr("172.17.2.90"),
            sport: 60_254,
            dport: 22,
            l3_offset: 14,
            l4_offset: 34,
            l4_len: 40,
            proto: protocol::TCP,
            ttl: 64,
            tcp_flags: tcp::flags::SYN,
            fragment: Fragment::None,
            fragment_id: 0,
            is_v6: false,
        };
        let dissected = Dissected {
            dst: MacAddr([2, 0, 0, 0, 0, 2]),
            src: MacAddr([2, 0, 0, 0, 0, 1]),
            ethertype: ethertype::IPV4,
            vlan: None,
            l3: L3::Ip(expected),
        };
        assert_eq!(dissect(&frame), Ok(dissected));
        assert_eq!(expected.l4(&frame), &frame[34..]);
        let tagged = tagged(&frame, 5);
        let info = IpInfo { l3_offset: 18, l4_offset: 38, ..expected };
        let dissected = Dissected { vlan: Some(5), l3: L3::Ip(info), ..dissected };
        assert_eq!(dissect(&tagged), Ok(dissected));
        assert_eq!(dissected.l3_offset(), 18);
    }

    #[test]
    fn captured_ipv6_is_dissected() {
        let info = ip(&hex(golden::UDP6));
        assert_eq!((info.src, info.dst), (addr("2001:db8::1"), addr("2001:db8::2")));
        assert_eq!((info.sport, info.dport, info.proto), (53_155, 53, protocol::UDP));
        assert_eq!((info.l3_offset, info.l4_offset, info.l4_len), (14, 54, 14));
        assert!(info.is_v6);
        let info = ip(&hex(golden::MULTICAST_LISTENER_REPORT));
        assert_eq!((info.proto, info.ttl, info.l4_offset, info.l4_len), (protocol::ICMPV6, 1, 62, 28));
        let mut frame = hex(golden::TCP6_SYN);
        let info = ip(&frame);
        assert_eq!((info.tcp_flags, info.l4_len), (tcp::flags::SYN, 40));
        assert_eq!(info.l4_mut(&mut frame).len(), 40);
    }

    #[test]
    fn arp_and_the_unknown_are_told_apart() {
        assert_eq!(dissect(&hex(golden::ARP_REQUEST)).expect("valid").l3, L3::Arp);
        assert_eq!(dissect(&tagged(&hex(golden::ARP_REPLY), 7)).expect("valid").l3, L3::Arp);
        let twice = dissect(&tagged(&tagged(&hex(golden::UDP), 7), 8)).expect("valid");
        assert_eq!((twice.l3, twice.vlan, twice.ethertype), (L3::Other, Some(8), ethertype::VLAN));
        // A spanning tree frame: 802.3 with its length in place of the type.
        let bridge = hex("0180c2000000 020000000001 0026 424203");
        assert_eq!(dissect(&bridge).expect("valid").l3, L3::Other);
    }

    #[test]
    fn fragments_are_told_apart() {
        let later = ip(&hex(golden::FRAGMENT_LAST));
        assert_eq!((later.fragment, later.l4_len), (Fragment::Later, 48));
        let later = ip(&hex(golden::FRAGMENT6_LAST));
        assert_eq!((later.fragment, later.proto, later.l4_offset), (Fragment::Later, protocol::ICMPV6, 62));
        // The datagram says 100 bytes, its first fragment holds 16.
        let datagram = hex("0035 1234 0064 0000 0000000000000000");
        let first = ip(&frame_v4(protocol::UDP, 0x2000, &datagram));
        assert_eq!((first.fragment, first.sport, first.dport), (Fragment::First, 0x35, 0x1234));
        let later = ip(&frame_v4(protocol::UDP, 0x2001, &datagram));
        assert_eq!((later.fragment, later.sport, later.dport), (Fragment::Later, 0, 0));
        assert_eq!(dissect(&frame_v4(protocol::UDP, 0, &datagram)), Err(Malformed::BadTotalLength));
        // An atomic fragment is the whole packet, so its lengths must be right again.
        let whole = hex("11000000 00000001 0035 1234 0008 0000");
        let info = ip(&frame_v6(addr("::2"), protocol::FRAGMENT, &whole));
        assert_eq!((info.fragment, info.sport, info.l4_offset), (Fragment::None, 0x35, 62));
        let short = hex("11000000 00000001 0035 1234 0064 0000");
        let frame = frame_v6(addr("::2"), protocol::FRAGMENT, &short);
        assert_eq!(dissect(&frame), Err(Malformed::BadTotalLength));
    }

    #[test]
    fn fragments_made_to_deceive_are_refused() {
        let bytes = [0x50; 40];
        // The first fragment of TCP must hold the header: 19 bytes, 20 bytes.
        assert_eq!(dissect(&frame_v4(protocol::TCP, 0x2000, &bytes[..19])), Err(Malformed::BadFragment));
        assert!(dissect(&frame_v4(protocol::TCP, 0x2000, &bytes[..20])).is_ok());
        assert_eq!(dissect(&frame_v4(protocol::UDP, 0x2000, &bytes[..7])), Err(Malformed::BadFragment));
        assert!(dissect(&frame_v4(protocol::UDP, 0x2000, &bytes[..8])).is_ok());
        // The end of the packet: byte 65,535 is the last there can be.
        assert!(dissect(&frame_v4(protocol::UDP, 0x1fff, &bytes[..7])).is_ok());
        assert_eq!(dissect(&frame_v4(protocol::UDP, 0x1fff, &bytes[..8])), Err(Malformed::BadFragment));
        assert_eq!(dissect(&frame_v4(protocol::UDP, 0x0001, &[])), Err(Malformed::BadFragment));
    }

    #[test]
    fn padding_is_not_counted() {
        let frame = frame_v4(protocol::UDP, 0, &hex("0001 0002 0008 0000"));
        assert_eq!((frame.len(), ip(&frame).l4_len), (60, 8));
    }

    #[test]
    fn a_truncated_frame_is_refused() {
        for text in golden::ALL {
            let frame = hex(text);
            let info = dissect(&frame).expect("valid");
            // A frame that is not IP needs the Ethernet header only; nothing else may be cut but padding.
            let needed = if matches!(info.l3, L3::Ip(_)) { frame.len() } else { ETHERNET_HEADER_LEN };
            golden::refuses_every_truncation(&frame[..needed], |bytes| dissect(bytes).map(|_| ()));
            let frame = tagged(&frame, 1);
            golden::refuses_every_truncation(&frame[..needed + 4], |bytes| dissect(bytes).map(|_| ()));
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let tcp = hex(golden::TCP_SYN);
        let tcp6 = hex(golden::TCP6_SYN);
        let udp6 = hex(golden::UDP6);
        for (good, at, value, why) in [
            (&tcp, 14, 0x65, Malformed::BadVersion),
            (&tcp, 14, 0x44, Malformed::BadHeaderLength),
            (&tcp, 17, 0xff, Malformed::BadTotalLength),
            (&tcp, 22, 63, Malformed::BadChecksum),
            (&tcp, 46, 0x40, Malformed::BadHeaderLength),
            (&tcp, 46, 0xb0, Malformed::BadHeaderLength),
            (&tcp6, 14, 0x40, Malformed::BadVersion),
            (&tcp6, 19, 41, Malformed::BadTotalLength),
            (&tcp6, 66, 0x40, Malformed::BadHeaderLength),
            (&udp6, 59, 7, Malformed::BadTotalLength),
            (&udp6, 59, 15, Malformed::BadTotalLength),
        ] {
            let mut frame = good.clone();
            frame[at] = value;
            assert_eq!(dissect(&frame), Err(why), "byte {at} = {value:#x}");
        }
        let mapped = frame_v6(addr("10.0.0.1"), protocol::NO_NEXT_HEADER, &[]);
        assert_eq!(dissect(&mapped), Err(Malformed::BadAddress));
        assert_eq!(dissect(&frame_v4(protocol::ICMP, 0, &[8; 7])), Err(Malformed::Truncated));
    }

    #[test]
    fn a_segment_as_large_as_the_header_can_say_is_fine_and_a_larger_one_is_not() {
        let mut segment = vec![0; 65_535 - 20];
        segment[12] = 0x50;
        let frame = frame_v4(protocol::TCP, 0, &segment);
        assert_eq!((frame.len(), ip(&frame).l4_len), (65_549, 65_515));
        segment.resize(65_535, 0);
        let mut frame = frame_v6(addr("::2"), protocol::TCP, &segment);
        assert_eq!((frame.len(), ip(&frame).l4_len), (65_589, 65_535));
        // Above that Linux leaves the length at zero.
        frame[18..20].fill(0);
        assert_eq!(dissect(&frame), Err(Malformed::Truncated));
        let mut frame = frame_v4(protocol::TCP, 0, &segment[..60]);
        frame[16..18].fill(0);
        assert_eq!(dissect(&frame), Err(Malformed::BadTotalLength));
    }

    #[test]
    fn a_quoted_packet_tells_its_flow() {
        let frame = hex(golden::UNREACHABLE);
        let flow = Quoted {
            src: addr("172.17.2.92"),
            dst: addr("172.17.2.90"),
            proto: protocol::UDP,
            sport: 52_233,
            dport: 53,
        };
        assert_eq!(quoted(&frame[42..]), Ok(flow));
        // Eight bytes of the payload is all that RFC 792 promises.
        assert_eq!(quoted(&frame[42..70]), Ok(flow));
        let frame = hex(golden::UNREACHABLE6);
        let flow = Quoted { src: addr("2001:db8::1"), dst: addr("2001:db8::2"), sport: 53_155, ..flow };
        assert_eq!(quoted(&frame[62..]), Ok(flow));
    }

    #[test]
    fn a_quoted_packet_that_tells_no_flow_is_refused() {
        for (frame, at) in [(golden::UNREACHABLE, 42), (golden::UNREACHABLE6, 62)] {
            let bytes = &hex(frame)[at..];
            let ports = if at == 42 { 24 } else { 44 };
            golden::refuses_every_truncation(&bytes[..ports], |bytes| quoted(bytes).map(|_| ()));
        }
        assert_eq!(quoted(&hex(golden::FRAGMENT_LAST)[14..]), Err(Malformed::BadFragment));
        assert_eq!(quoted(&hex(golden::FRAGMENT6_LAST)[14..]), Err(Malformed::BadFragment));
        assert_eq!(quoted(&[0; 40]), Err(Malformed::BadVersion));
        let mapped = frame_v6(addr("10.0.0.1"), protocol::UDP, &[0; 8]);
        assert_eq!(quoted(&mapped[14..]), Err(Malformed::BadAddress));
    }

    #[test]
    fn an_echo_message_tells_its_identifier_directly_and_quoted() {
        for (text, ident) in [
            (golden::PING_REQUEST, 23),
            (golden::PING_REPLY, 23),
            (golden::PING6_REQUEST, 24),
            (golden::PING6_REPLY, 24),
        ] {
            let frame = hex(text);
            assert_eq!(ip(&frame).echo_ident(&frame), Some(ident));
            let flow = quoted(&frame[14..]).expect("whole");
            assert_eq!((flow.sport, flow.dport), (ident, ident));
            // Eight bytes of the message are what is promised, fewer tell nothing.
            let l4 = usize::from(ip(&frame).l4_offset);
            assert_eq!(quoted(&frame[14..l4 + 8]), Ok(flow));
            assert_eq!(quoted(&frame[14..l4 + 7]), Err(Malformed::Truncated));
        }
        for text in [golden::UDP, golden::UNREACHABLE, golden::NEIGHBOR_SOLICITATION, golden::FRAGMENT6_LAST]
        {
            let frame = hex(text);
            assert_eq!(ip(&frame).echo_ident(&frame), None);
        }
        // An error about an error, or ICMP of the wrong family, has no identifier.
        let flow = quoted(&hex(golden::UNREACHABLE)[14..]).expect("whole");
        assert_eq!((flow.sport, flow.dport), (0, 0));
        let foreign = frame_v6(addr("::2"), protocol::ICMP, &[8, 0, 0, 0, 0, 7, 0, 1]);
        assert_eq!(ip(&foreign).echo_ident(&foreign), None);
        assert_eq!(quoted(&foreign[14..]).map(|flow| flow.sport), Ok(0));
    }

    /// What an independent parser says about addresses, layer 4 and ports; `None` when it refuses the frame.
    fn second_opinion(frame: &[u8]) -> Option<(IpAddr, IpAddr, u8, u16, u16)> {
        use etherparse::{NetSlice, SlicedPacket, TransportSlice};
        let sliced = SlicedPacket::from_ethernet(frame).ok()?;
        let (src, dst) = match sliced.net.as_ref()? {
            NetSlice::Ipv4(v4) => {
                (IpAddr::V4(v4.header().source_addr()), IpAddr::V4(v4.header().destination_addr()))
            }
            NetSlice::Ipv6(v6) => {
                (IpAddr::V6(v6.header().source_addr()), IpAddr::V6(v6.header().destination_addr()))
            }
            NetSlice::Arp(_) => return None,
        };
        let (proto, sport, dport) = match sliced.transport? {
            TransportSlice::Tcp(tcp) => (protocol::TCP, tcp.source_port(), tcp.destination_port()),
            TransportSlice::Udp(udp) => (protocol::UDP, udp.source_port(), udp.destination_port()),
            TransportSlice::Icmpv4(_) => (protocol::ICMP, 0, 0),
            TransportSlice::Icmpv6(_) => (protocol::ICMPV6, 0, 0),
            TransportSlice::Igmp(_) => return None,
        };
        Some((src, dst, proto, sport, dport))
    }

    #[test]
    fn an_independent_parser_agrees_on_damaged_frames() {
        let mut seed = Seed::new(1);
        let mut agreed = 0;
        for round in 0..100_000 {
            let mut frame = hex(golden::ALL[seed.below(golden::ALL.len() as u64) as usize]);
            for _ in 0..seed.below(4) {
                // The headers are where the decisions are.
                let at = 12 + seed.below(frame.len().min(80) as u64 - 12) as usize;
                frame[at] =
                    if seed.below(2) == 0 { seed.next_u64() as u8 } else { frame[at] ^ 1 << seed.below(8) };
            }
            if seed.below(3) == 0 {
                frame.truncate(14 + seed.below(frame.len() as u64 - 13) as usize);
            }
            if let Ok(mut packet) = ipv4::Packet::quoted(&mut frame[14..]) {
                packet.fill_checksum();
            }
            let Ok(Dissected { l3: L3::Ip(info), .. }) = dissect(&frame) else { continue };
            // The other parser reads no header in a first fragment.
            if info.fragment != Fragment::None {
                continue;
            }
            let Some((src, dst, proto, sport, dport)) = second_opinion(&frame) else { continue };
            let ours = (info.src.to_ip(), info.dst.to_ip(), info.proto, info.sport, info.dport);
            assert_eq!(ours, (src, dst, proto, sport, dport), "round {round}: {frame:02x?}");
            agreed += 1;
        }
        assert!(agreed > 20_000, "only {agreed} frames were compared");
    }

    #[test]
    fn what_an_independent_parser_accepts_is_refused_for_a_known_reason_only() {
        let mut seed = Seed::new(2);
        for round in 0..100_000 {
            let mut frame = hex(golden::ALL[seed.below(golden::ALL.len() as u64) as usize]);
            let at = 12 + seed.below(frame.len().min(80) as u64 - 12) as usize;
            frame[at] = seed.next_u64() as u8;
            if let (Some(_), Err(why)) = (second_opinion(&frame), dissect(&frame)) {
                // The other parser checks neither the header checksum nor mapped addresses, and it takes a UDP
                // length of zero for a jumbogram (RFC 2675).
                let jumbogram =
                    why == Malformed::BadTotalLength && frame[20] == protocol::UDP && frame[58..60] == [0, 0];
                let known = matches!(why, Malformed::BadChecksum | Malformed::BadAddress) || jumbogram;
                assert!(known, "round {round}: {why}: {frame:02x?}");
            }
        }
    }
}
