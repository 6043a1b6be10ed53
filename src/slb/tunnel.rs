//! Direct server return beyond the own network: the packet travels to its target inside another one.
//!
//! The packet itself stays as the client sent it. What is around it says who it is for, and enough about its flow that
//! the receiver's network card can spread flows over its queues: the source port of UDP, the flow label of IPv6, and one
//! of several source addresses where these are configured.

use bng_platform::offload::{self, Cut};

use super::choose::Chooser;
use crate::conf::model::Tunnel;
use crate::net::Addr;
use crate::net::fragment::fragment;
use crate::net::translate;
use crate::pass::Pass;
use crate::pass::forward::fitted;
use crate::snapshot::Hop;
use crate::stat::Drop;
use crate::wire::{ETHERNET_HEADER_LEN, checksum, ethernet, ethertype, ipv4, ipv6, protocol, tcp, udp};

/// Time to live of the outer packet.
const TTL: u8 = 64;
/// UDP port of generic UDP encapsulation (IANA).
const GUE_PORT: u16 = 6080;
/// The lowest source port of tunnels: the dynamic range (RFC 6335 section 6).
const PORTS: u16 = 0xc000;
/// Bytes of the header of GUE without options, and of GRE.
const SHIM_LEN: usize = 4;
/// Most bytes in front of the inner packet: Ethernet, IPv6, UDP and GUE.
const HEADERS_MAX: usize = ETHERNET_HEADER_LEN + ipv6::HEADER_LEN + udp::HEADER_LEN + SHIM_LEN;

/// One end to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outer {
    /// Kind of tunnel.
    pub(super) kind: Tunnel,
    /// Our address.
    pub(super) src: Addr,
    /// The target.
    pub(super) dst: Addr,
}

impl Outer {
    /// Bytes that the tunnel adds to a packet.
    pub(super) const fn overhead(&self) -> u16 {
        let ip = if self.dst.is_v4() { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN };
        (ip + match self.kind {
            Tunnel::Ipip => 0,
            Tunnel::Gue => udp::HEADER_LEN + SHIM_LEN,
            Tunnel::Gre => SHIM_LEN,
        }) as u16
    }

    /// Writes all that stands in front of an inner packet into the end of `buf` and returns where it begins. `flow` is
    /// a hash of the flow; equal flows look equal.
    fn headers(&self, buf: &mut [u8; HEADERS_MAX], hop: &Hop, inner: &[u8], v6: bool, flow: u32) -> usize {
        let (inner_proto, inner_type) =
            if v6 { (protocol::IPV6, ethertype::IPV6) } else { (protocol::IPV4, ethertype::IPV4) };
        let mut at = HEADERS_MAX;
        let proto = match self.kind {
            Tunnel::Ipip => inner_proto,
            Tunnel::Gre => {
                at -= SHIM_LEN;
                buf[at..][..SHIM_LEN].copy_from_slice(&[0, 0, (inner_type >> 8) as u8, inner_type as u8]);
                protocol::GRE
            }
            Tunnel::Gue => {
                at -= SHIM_LEN;
                buf[at..][..SHIM_LEN].copy_from_slice(&[0, inner_proto, 0, 0]);
                at -= udp::HEADER_LEN;
                let len = (HEADERS_MAX - at + inner.len()) as u16;
                let sport = PORTS | (flow as u16 & !PORTS);
                let header = &mut buf[at..][..udp::HEADER_LEN];
                header[0..2].copy_from_slice(&sport.to_be_bytes());
                header[2..4].copy_from_slice(&GUE_PORT.to_be_bytes());
                header[4..6].copy_from_slice(&len.to_be_bytes());
                header[6..8].fill(0);
                // IPv4 needs none (RFC 768). In IPv6 receivers insist on one unless they are told not to (RFC 6936).
                if !self.dst.is_v4() {
                    let sum =
                        checksum::pseudo(self.src.to_ip(), self.dst.to_ip(), protocol::UDP, usize::from(len))
                            + checksum::Sum::of(&buf[at..])
                            + checksum::Sum::of(inner);
                    let check = match sum.finish() {
                        0 => 0xffff,
                        sum => sum,
                    };
                    buf[at + 6..at + 8].copy_from_slice(&check.to_be_bytes());
                }
                protocol::UDP
            }
        };
        let payload = HEADERS_MAX - at + inner.len();
        let class = if v6 { inner[0] << 4 | inner[1] >> 4 } else { inner[1] };
        let outer_type = match (self.src.as_v4(), self.dst.as_v4(), self.src.as_v6(), self.dst.as_v6()) {
            (Some(src), Some(dst), ..) => {
                at -= ipv4::HEADER_LEN;
                let header = ipv4::Repr {
                    src,
                    dst,
                    protocol: proto,
                    ttl: TTL,
                    tos: class,
                    // An atomic packet needs no number of its own (RFC 6864).
                    ident: 0,
                    dont_fragment: true,
                    payload_len: payload as u16,
                };
                header.emit(&mut buf[at..]);
                ethertype::IPV4
            }
            (_, _, src, dst) => {
                at -= ipv6::HEADER_LEN;
                let header = ipv6::Repr {
                    src: src.unwrap_or(std::net::Ipv6Addr::UNSPECIFIED),
                    dst: dst.unwrap_or(std::net::Ipv6Addr::UNSPECIFIED),
                    next_header: proto,
                    hop_limit: TTL,
                    payload_len: payload as u16,
                };
                header.emit(&mut buf[at..]);
                let label = 6 << 28 | u32::from(class) << 20 | flow & 0xf_ffff;
                buf[at..at + 4].copy_from_slice(&label.to_be_bytes());
                ethertype::IPV6
            }
        };
        at -= ETHERNET_HEADER_LEN;
        ethernet::Repr { dst: hop.to, src: hop.from, ethertype: outer_type }.emit(&mut buf[at..]);
        at
    }
}

/// The whole frame that carries IP packet `inner` of our own through a tunnel of `kind` from `src` to `dst`.
pub(crate) fn wrap(
    kind: Tunnel,
    (src, dst): (Addr, Addr),
    hop: &Hop,
    inner: &[u8],
    v6: bool,
    flow: u32,
) -> Vec<u8> {
    let mut headers = [0; HEADERS_MAX];
    let at = Outer { kind, src, dst }.headers(&mut headers, hop, inner, v6, flow);
    [&headers[at..], inner].concat()
}

/// Sends packet `i` through a tunnel: all of it, cut into segments first if hardware was to do so. `false`: it has been
/// dropped, and its sender was told if it is too big.
pub(super) fn send(
    pass: &mut Pass<'_, '_>,
    i: usize,
    mut outer: Outer,
    hop: &Hop,
    chooser: &Chooser,
    buffers: &mut [Vec<u8>; 2],
) -> bool {
    let (info, snapshot) = (pass.info(i), pass.snapshot);
    let flow = chooser.flow((info.src, info.sport), (info.dst, info.dport));
    let sources = if outer.dst.is_v4() { &snapshot.tunnelsrc4 } else { &snapshot.tunnelsrc6 };
    if !sources.is_empty() {
        outer.src = sources[flow as usize % sources.len()];
    }
    let mtu = snapshot.port(hop.port).map_or(u16::MAX, |port| port.mtu).saturating_sub(outer.overhead());
    if snapshot.mssclamp && info.tcp_flags & tcp::flags::SYN != 0 {
        let headers = if info.is_v6 { ipv6::HEADER_LEN } else { ipv4::HEADER_LEN } + tcp::HEADER_LEN;
        translate::clamp_mss(&mut pass.frames[i], info, mtu.saturating_sub(headers as u16));
    }
    if !pass.fits(i, mtu) {
        return false;
    }
    pass.hold(i);
    let l3 = usize::from(info.l3_offset);
    let end = usize::from(info.l4_offset) + usize::from(info.l4_len);
    let mark = pass.out.replies.mark();
    let out = &mut *pass.out;
    let mut put = |inner: &[u8]| {
        let mut headers = [0; HEADERS_MAX];
        let at = outer.headers(&mut headers, hop, inner, info.is_v6, flow);
        out.replies.push_parts(hop.port, &headers[at..], inner)
    };
    let frame = &mut pass.frames[i];
    let meta = fitted(frame.meta, info, mtu);
    let [segments, fragments] = buffers;
    // What is too large may be cut, or it would not have come here; the tunnel's own packets are never cut.
    let mut pack = |whole: &[u8]| {
        if whole.len() - l3 <= usize::from(mtu) {
            return Ok(put(&whole[l3..]));
        }
        fragment(whole, l3, usize::from(mtu), fragments, |piece| put(&piece[l3..]))
    };
    let sent = match meta.gso {
        None if offload::complete(frame.bytes_mut(), &meta) => match pack(&frame.bytes()[..end]) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Drop::ReplyFull),
            Err(_) => Err(Drop::Malformed),
        },
        None => Err(Drop::Malformed),
        Some(gso) => {
            let mut nonsense = false;
            let cut = offload::segment(frame.bytes(), &gso, meta.csum, segments, |piece| {
                pack(piece).unwrap_or_else(|_| {
                    nonsense = true;
                    false
                })
            });
            match cut {
                Cut::All(_) => Ok(()),
                Cut::Stopped if !nonsense => Err(Drop::ReplyFull),
                Cut::Stopped | Cut::Malformed => Err(Drop::Malformed),
            }
        }
    };
    if let Err(reason) = sent {
        pass.out.replies.rewind(mark);
        pass.drop(i, reason);
    }
    sent.is_ok()
}
