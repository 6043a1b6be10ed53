//! A host on the wire: answers ARP, neighbour solicitations and echo requests, and keeps what it gets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bng::net::{Addr, packet};
use bng::time::Instant;
use bng::wire::icmpv4::Echo;
use bng::wire::{ETHERNET_HEADER_LEN, IpInfo, L3, MacAddr, arp, dissect, icmpv4, icmpv6, ndisc, protocol};

pub(crate) struct Host {
    pub(crate) mac: MacAddr,
    pub(crate) addresses: Vec<IpAddr>,
    /// Hears everything and says nothing.
    pub(crate) silent: bool,
    /// TCP and UDP packets, with their time of arrival.
    pub(crate) received: Vec<(Instant, Vec<u8>)>,
    /// Who has which address, as far as this host was told.
    pub(crate) neighbors: BTreeMap<Addr, MacAddr>,
}

impl Host {
    pub(crate) fn new(mac: &str, addresses: &[&str]) -> Self {
        Self {
            mac: mac.parse().expect("a station"),
            addresses: addresses.iter().map(|text| text.parse().expect("an address")).collect(),
            silent: false,
            received: Vec::new(),
            neighbors: BTreeMap::new(),
        }
    }

    /// Takes a frame in, returns the answer.
    pub(crate) fn hear(&mut self, now: Instant, frame: &[u8]) -> Option<Vec<u8>> {
        let found = dissect(frame).expect("only well-formed frames are sent in a simulation");
        if found.dst != self.mac && !found.dst.is_multicast() {
            return None;
        }
        let answer = match found.l3 {
            L3::Arp => self.hear_arp(&frame[ETHERNET_HEADER_LEN..]),
            L3::Ip(info) => match info.proto {
                protocol::TCP | protocol::UDP => {
                    self.received.push((now, frame.to_vec()));
                    None
                }
                protocol::ICMP => self.hear_echo(found.src, &info, frame),
                protocol::ICMPV6 => {
                    self.hear_nd(&info, frame).or_else(|| self.hear_echo(found.src, &info, frame))
                }
                _ => None,
            },
            L3::Other => None,
        };
        answer.filter(|_| !self.silent)
    }

    fn hear_arp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let arp = arp::Packet::new(packet).expect("well-formed ARP");
        if arp.sender() != Ipv4Addr::UNSPECIFIED {
            self.neighbors.insert(arp.sender().into(), arp.sender_mac());
        }
        let asked =
            arp.operation() == arp::Operation::Request && self.addresses.contains(&arp.target().into());
        asked.then(|| arp::Repr::reply_to(&arp, self.mac).emit_frame(arp.sender_mac()).to_vec())
    }

    fn hear_nd(&mut self, info: &IpInfo, frame: &[u8]) -> Option<Vec<u8>> {
        let nd = ndisc::Packet::new(info.l4(frame)).ok()?;
        let (src, dst) = (info.src.as_v6()?, info.dst.as_v6()?);
        nd.check(src, dst, info.ttl).expect("valid neighbour discovery");
        let target = nd.target()?;
        match nd.kind() {
            ndisc::Kind::NeighborAdvertisement => {
                self.neighbors.insert(target.into(), nd.target_mac()?);
                None
            }
            ndisc::Kind::NeighborSolicitation if self.addresses.contains(&target.into()) => {
                let to = nd.source_mac()?;
                self.neighbors.insert(src.into(), to);
                let told = ndisc::Repr::NeighborAdvertisement {
                    target,
                    target_mac: self.mac,
                    router: false,
                    solicited: true,
                    replaces: true,
                };
                let mut buf = [0; packet::MAX];
                let len = packet::nd(&mut buf, to, self.mac, target, src, &told);
                Some(buf[..len].to_vec())
            }
            _ => None,
        }
    }

    /// The answer is written anew, not turned around as bng does it: two ways to one result.
    fn hear_echo(&mut self, from: MacAddr, info: &IpInfo, frame: &[u8]) -> Option<Vec<u8>> {
        if !self.addresses.contains(&info.dst.to_ip()) {
            return None;
        }
        let message = info.l4(frame);
        let (echo, ident, sequence, data) = match info.is_v6 {
            true => {
                let m = icmpv6::Packet::new(message).expect("well-formed ICMPv6");
                (m.echo(), m.ident(), m.sequence(), &message[icmpv6::HEADER_LEN..])
            }
            false => {
                let m = icmpv4::Packet::new(message).expect("well-formed ICMP");
                (m.echo(), m.ident(), m.sequence(), &message[icmpv4::HEADER_LEN..])
            }
        };
        if echo != Some(Echo::Request) {
            return None;
        }
        let mut buf = [0; packet::MAX];
        let ends = (info.dst.to_ip(), info.src.to_ip());
        let len = packet::echo(&mut buf, (from, self.mac), ends, (ident, sequence), data);
        // bng's own writer makes requests: the type is turned and the sum is made anew.
        let packet_at = usize::from(info.l4_offset);
        let reply = &mut buf[packet_at..len];
        match (info.dst.as_v6(), info.src.as_v6()) {
            (Some(src), Some(dst)) => {
                reply[0] = icmpv6::message::ECHO_REPLY;
                fill_v6(reply, src, dst);
            }
            _ => {
                reply[0] = icmpv4::message::ECHO_REPLY;
                icmpv4::Packet::new(reply).expect("an echo").fill_checksum();
            }
        }
        Some(buf[..len].to_vec())
    }
}

fn fill_v6(message: &mut [u8], src: Ipv6Addr, dst: Ipv6Addr) {
    icmpv6::Packet::new(message).expect("an echo").fill_checksum(src, dst);
}
