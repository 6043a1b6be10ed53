//! Packets for the proofs: random ones of every kind, written with checksums that are computed from scratch. The bytes
//! that a translation must produce are those of the sample whose fields were changed before it was written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bng_platform::{Csum, Meta};

use super::{Endpoint, Rewrite};
use crate::net::Addr;
use crate::seed::Seed;
use crate::wire::{Fragment, IpInfo, L3, checksum, dissect, protocol};

pub(crate) const SCTP: u8 = 132;
/// What a translation may meet, both families: with ports, with identifiers, with neither.
pub(crate) const PROTOCOLS: [u8; 9] = [
    protocol::TCP,
    protocol::UDP,
    protocol::UDP_LITE,
    protocol::DCCP,
    protocol::ICMP,
    protocol::ICMPV6,
    SCTP,
    47,
    50,
];

/// State of the layer-4 checksum of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Right.
    Full,
    /// Left to hardware.
    Left,
    /// Missing (UDP).
    Missing,
}

/// A packet to be written.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) vlan: bool,
    pub(crate) src: Addr,
    pub(crate) dst: Addr,
    pub(crate) proto: u8,
    /// IPv4: options. IPv6: nothing.
    pub(crate) options: Vec<u8>,
    /// IPv6: extension headers, each with its number and with its length right.
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
    /// The last destination, where it is not `dst`.
    pub(crate) last: Option<Addr>,
    /// Layer 4 of the whole packet.
    pub(crate) l4: Vec<u8>,
    /// Which bytes of layer 4 this fragment carries.
    pub(crate) part: Option<(usize, usize)>,
    pub(crate) check: Check,
}

pub(crate) fn bytes(seed: &mut Seed, len: usize) -> Vec<u8> {
    // Every fourth is sparse: the two zeros of one's complement hide near sums of 0 and 0xffff.
    let sparse = seed.below(4) == 0;
    (0..len)
        .map(|_| match seed.next_u64() as u8 {
            byte if sparse => [0, 0xff][usize::from(byte & 1)],
            byte => byte,
        })
        .collect()
}

pub(crate) fn address(seed: &mut Seed, is_v6: bool) -> Addr {
    if is_v6 {
        let tail: [u8; 14] = bytes(seed, 14).try_into().expect("14 bytes");
        let mut octets = [0x20; 16];
        octets[2..].copy_from_slice(&tail);
        Addr::v6(Ipv6Addr::from(octets))
    } else {
        let octets: [u8; 4] = bytes(seed, 4).try_into().expect("4 bytes");
        Addr::v4(Ipv4Addr::from(octets))
    }
}

pub(crate) fn rewrite(seed: &mut Seed, is_v6: bool) -> Rewrite {
    let mut end = || {
        let port = (seed.below(3) > 0).then(|| seed.next_u64() as u16);
        (seed.below(4) > 0).then(|| Endpoint { addr: address(seed, is_v6), port })
    };
    Rewrite { src: end(), dst: end() }
}

impl Sample {
    pub(crate) fn is_v6(&self) -> bool {
        !self.src.is_v4()
    }

    /// A packet of `proto` with a right layer-4 header of random content.
    pub(crate) fn of(seed: &mut Seed, is_v6: bool, proto: u8, payload: usize) -> Self {
        let mut l4 = bytes(seed, 20 + payload);
        let len = l4.len() as u16;
        match proto {
            protocol::TCP => l4[12] = 0x50,
            protocol::UDP => l4[4..6].copy_from_slice(&len.to_be_bytes()),
            protocol::UDP_LITE => l4[4..6].fill(0),
            protocol::DCCP => l4[5] = 0,
            protocol::ICMP => l4[..2].copy_from_slice(&[[8, 0, 13][seed.below(3) as usize], 0]),
            protocol::ICMPV6 => l4[..2].copy_from_slice(&[[128, 129, 130][seed.below(3) as usize], 0]),
            _ => {}
        }
        Self {
            vlan: seed.below(4) == 0,
            src: address(seed, is_v6),
            dst: address(seed, is_v6),
            proto,
            options: Vec::new(),
            extensions: Vec::new(),
            last: None,
            l4,
            part: None,
            check: Check::Full,
        }
    }

    /// A packet of any kind.
    pub(crate) fn any(seed: &mut Seed) -> Self {
        let is_v6 = seed.below(2) == 0;
        let proto = PROTOCOLS[seed.below(PROTOCOLS.len() as u64) as usize];
        let payload = seed.below(60) as usize;
        let mut sample = Self::of(seed, is_v6, proto, payload);
        if is_v6 {
            for _ in 0..seed.below(3) {
                let units = seed.below(3) as usize;
                let mut header = bytes(seed, 8 + units * 8);
                header[1] = units as u8;
                let kind = [0, 60, 43][seed.below(3) as usize];
                if kind == protocol::ROUTING {
                    header[3] = seed.below(2) as u8;
                    if header[3] != 0 {
                        sample.last = Some(address(seed, true));
                    }
                }
                sample.extensions.push((kind, header));
            }
        } else {
            let words = seed.below(11) as usize;
            sample.options = if seed.below(2) == 0 { bytes(seed, words * 4) } else { Vec::new() };
        }
        match seed.below(5) {
            0 => {
                let whole = sample.l4.len();
                sample.l4.resize(whole + 64, 0xa5);
                if proto == protocol::UDP {
                    let len = sample.l4.len() as u16;
                    sample.l4[4..6].copy_from_slice(&len.to_be_bytes());
                }
                sample.part = Some((0, 24 + 8 * seed.below(5) as usize));
            }
            1 if sample.l4.len() > 24 => sample.part = Some((24, sample.l4.len())),
            2 if sample.has_checksum() && sample.last.is_none() => sample.check = Check::Left,
            3 if proto == protocol::UDP => sample.check = Check::Missing,
            _ => {}
        }
        sample
    }

    fn checksum_place(&self) -> Option<usize> {
        match (self.proto, self.is_v6()) {
            (protocol::TCP, _) => Some(16),
            (protocol::UDP | protocol::UDP_LITE | protocol::DCCP, _) => Some(6),
            (protocol::ICMP, false) | (protocol::ICMPV6, true) => Some(2),
            _ => None,
        }
    }

    fn has_checksum(&self) -> bool {
        self.checksum_place().is_some()
    }

    /// Writes the fields of `rewrite` into the packet that is to be written.
    pub(crate) fn rewrite(&mut self, rewrite: &Rewrite) {
        let (ident_of_src, ident_of_dst) = match (self.proto, self.is_v6()) {
            (protocol::ICMP, false) => (self.l4[..2] == [8, 0], self.l4[..2] == [0, 0]),
            (protocol::ICMPV6, true) => (self.l4[..2] == [128, 0], self.l4[..2] == [129, 0]),
            _ => (false, false),
        };
        let has_ports =
            matches!(self.proto, protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::DCCP);
        for (end, addr, ident, port) in
            [(rewrite.src, &mut self.src, ident_of_src, 0), (rewrite.dst, &mut self.dst, ident_of_dst, 2)]
        {
            let Some(end) = end else { continue };
            *addr = end.addr;
            let place = if has_ports {
                port
            } else if ident {
                4
            } else {
                continue;
            };
            if let Some(port) = end.port {
                self.l4[place..place + 2].copy_from_slice(&port.to_be_bytes());
            }
        }
    }

    /// Layer 4 of the whole packet with its checksum.
    fn checked_l4(&self) -> Vec<u8> {
        let mut l4 = self.l4.clone();
        let Some(place) = self.checksum_place() else { return l4 };
        l4[place..place + 2].fill(0);
        let mut pseudo = match (self.src.to_ip(), self.last.unwrap_or(self.dst).to_ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => [src.octets(), dst.octets()].concat(),
            (IpAddr::V6(src), IpAddr::V6(dst)) => [src.octets(), dst.octets()].concat(),
            _ => panic!("addresses of one family"),
        };
        pseudo.extend((l4.len() as u32).to_be_bytes());
        pseudo.extend([0, 0, 0, self.proto]);
        if self.proto == protocol::ICMP {
            pseudo.clear();
        }
        let check = match self.check {
            Check::Missing => 0,
            Check::Left => !checksum::checksum(&pseudo),
            Check::Full => match checksum::checksum(&[&pseudo, &l4[..]].concat()) {
                0 if matches!(self.proto, protocol::UDP | protocol::UDP_LITE) => 0xffff,
                check => check,
            },
        };
        l4[place..place + 2].copy_from_slice(&check.to_be_bytes());
        l4
    }

    /// The packet from its IP header on.
    pub(crate) fn packet(&self) -> Vec<u8> {
        let l4 = self.checked_l4();
        let (from, to) = self.part.unwrap_or((0, l4.len()));
        let more = to < l4.len();
        let carried = &l4[from..to];
        let mut packet = Vec::new();
        match (self.src.to_ip(), self.dst.to_ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let header_len = 20 + self.options.len();
                let offset = (from / 8) as u16 | if more { 0x2000 } else { 0 };
                packet.extend([0x40 | (header_len / 4) as u8, 0]);
                packet.extend(((header_len + carried.len()) as u16).to_be_bytes());
                packet.extend([0x12, 0x34]);
                packet.extend(offset.to_be_bytes());
                packet.extend([64, self.proto, 0, 0]);
                packet.extend(src.octets());
                packet.extend(dst.octets());
                packet.extend(&self.options);
                let check = checksum::checksum(&packet);
                packet[10..12].copy_from_slice(&check.to_be_bytes());
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let mut chain = self.extensions.clone();
                if self.part.is_some() {
                    let offset = from as u16 | u16::from(more);
                    let mut header = vec![0, 0, 0, 0, 1, 2, 3, 4];
                    header[2..4].copy_from_slice(&offset.to_be_bytes());
                    chain.push((protocol::FRAGMENT, header));
                }
                let kinds: Vec<u8> =
                    chain.iter().map(|(kind, _)| *kind).chain(std::iter::once(self.proto)).collect();
                let len: usize = chain.iter().map(|(_, header)| header.len()).sum::<usize>() + carried.len();
                packet.extend([0x60, 0, 0, 0]);
                packet.extend((len as u16).to_be_bytes());
                packet.extend([kinds[0], 64]);
                packet.extend(src.octets());
                packet.extend(dst.octets());
                for ((_, header), next) in chain.iter().zip(&kinds[1..]) {
                    packet.push(*next);
                    packet.extend(&header[1..]);
                }
            }
            _ => panic!("addresses of one family"),
        }
        packet.extend(carried);
        packet
    }

    /// The frame, and what its bytes do not say.
    pub(crate) fn frame(&self) -> (Vec<u8>, Meta) {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        if self.vlan {
            frame.extend([0x81, 0, 0, 5]);
        }
        frame.extend(if self.is_v6() { [0x86, 0xdd] } else { [8, 0] });
        frame.extend(self.packet());
        let mut meta = Meta::default();
        if let (Check::Left, Some(offset)) = (self.check, self.checksum_place()) {
            meta.csum = Csum::Partial { start: info(&frame).l4_offset, offset: offset as u16 };
        }
        (frame, meta)
    }
}

/// What the dissector says about an IP frame.
pub(crate) fn info(frame: &[u8]) -> IpInfo {
    match dissect(frame).map(|dissected| dissected.l3) {
        Ok(L3::Ip(info)) => info,
        other => panic!("expected IP, got {other:?}: {frame:02x?}"),
    }
}

/// Counts what a random proof has seen, so that it cannot pass without having looked at everything.
#[derive(Debug, Default)]
pub(crate) struct Seen(std::collections::BTreeSet<(u8, bool, u8, u8)>);

impl Seen {
    pub(crate) fn add(&mut self, sample: &Sample, info: &IpInfo) {
        let fragment = match info.fragment {
            Fragment::None => 0,
            Fragment::First => 1,
            Fragment::Later => 2,
        };
        self.0.insert((sample.proto, info.is_v6, fragment, sample.check as u8));
    }

    /// Every protocol in both families as a whole, a first and a later fragment; checksums left to hardware for the
    /// ten pairs of protocol and family that have some, and the missing one of UDP.
    pub(crate) fn is_complete(&self) -> bool {
        let count = |check: u8| self.0.iter().filter(|seen| seen.3 == check).count();
        (count(0), count(1), count(2)) == (PROTOCOLS.len() * 2 * 3, 10, 2)
    }
}
