//! One look at a received frame: everything that the fast path asks about it, or why it is nonsense.
//!
//! The answer is `Copy` and borrows nothing, so a module may rewrite the frame while it holds it. Addresses come as
//! [`Addr`], 128 bits for both families: a session key or a server lookup compares them without a branch on the family.
//!
//! Only what the fast path relies on is checked: all lengths down to the layer-4 header and the IPv4 header checksum.
//! Layer-4 checksums are the receiver's business, and those that hardware was to complete are wrong at this point.

use super::bytes::{array, get_u16};
use super::ethernet::{ETHERNET_HEADER_LEN, ethertype};
use super::{Addr, MacAddr, Malformed, icmpv4, ipv4, ipv6, protocol, tcp, udp, vlan};

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
    check_fragment(offset, payload)?;
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
    check_fragment(upper.fragment.map_or(0, |fragment| usize::from(fragment.offset)), payload)?;
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
        is_v6: true,
    })
}

/// Refuses a later fragment that is empty, or that would make the packet longer than an IP packet can be.
#[inline]
fn check_fragment(offset: usize, payload: &[u8]) -> Result<(), Malformed> {
    if offset != 0 && (payload.is_empty() || offset + payload.len() > usize::from(u16::MAX)) {
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
    /// Source port; 0 when the protocol has none.
    pub sport: u16,
    /// Destination port; 0 when the protocol has none.
    pub dport: u16,
}

/// Reads the beginning of a packet as [`icmpv4::Packet::quoted`] and [`super::icmpv6::Packet::quoted`] return it.
///
/// # Errors
/// When the quoted headers are nonsense, or too short for the ports of TCP and UDP, or the quoted packet is a later
/// fragment (whose flow nobody can tell).
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
        _ => (0, 0),
    };
    Ok(Quoted { src, dst, proto, sport, dport })
}

/// The ports with which TCP and UDP headers begin.
#[inline]
fn ports(payload: &[u8]) -> Result<(u16, u16), Malformed> {
    if payload.len() < 4 {
        return Err(Malformed::Truncated);
    }
    Ok((get_u16(payload, 0..2), get_u16(payload, 2..4)))
}
