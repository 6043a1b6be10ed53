//! Frames of the director: questions for neighbours, probes, announcements.

use std::net::IpAddr;

use super::checks::{CheckId, Checked, Effect, How, News, Request, Segment, Verdict, Whose};
use super::command::{About, Command, Run};
use super::{Director, Output};
use crate::net::neighbor::Question;
use crate::net::route::Way;
use crate::net::{Addr, PortId, packet};
use crate::slb::tunnel;
use crate::snapshot::{self, Hop};
use crate::wire::{ETHERNET_HEADER_LEN, MacAddr, arp, ndisc, protocol, tcp, udp};

impl Director {
    fn send(&mut self, port: PortId, frame: &[u8]) {
        self.outputs.push_back(Output::Send { port, frame: frame.to_vec() });
    }

    /// Asks for the station of a neighbour: everyone, or the one believed to have the address.
    pub(super) fn ask(&mut self, question: Question) {
        let Some((network, _)) = self.home(question.addr) else { return };
        let Some(station) = snapshot::station(network) else { return };
        match question.addr.to_ip() {
            IpAddr::V4(target) => {
                let sender = network.real.or(network.virt).unwrap_or(std::net::Ipv4Addr::UNSPECIFIED);
                let to = question.to.unwrap_or(MacAddr::BROADCAST);
                let frame = arp::Repr::request(station, sender, target).emit_frame(to);
                self.send(question.port, &frame);
            }
            IpAddr::V6(target) => {
                let Some(src) = network.real6.or(network.virt6) else { return };
                let group = ndisc::solicited_node(target);
                let (to, dst) = match question.to {
                    Some(mac) => (mac, target),
                    None => (MacAddr::multicast_v6(group), group),
                };
                let message = ndisc::Repr::NeighborSolicitation { target, source_mac: Some(station) };
                let mut buf = [0; packet::MAX];
                let len = packet::nd(&mut buf, to, station, src, dst, &message);
                self.send(question.port, &buf[..len]);
            }
        }
    }

    /// Does what the checks want, and takes note of what they have found.
    pub(super) fn carry_out(&mut self, news: News) {
        self.changed |= !news.changed.is_empty();
        for checked in news.changed {
            self.forget_load(&checked);
        }
        for request in news.requests {
            self.probe(request);
        }
    }

    fn probe(&mut self, Request { checked, id, effect }: Request) {
        match effect {
            Effect::Run { number } => self.run_script(&checked, id, number),
            Effect::Station => {
                if let Some(way) = self.way_of(&checked) {
                    let to = self.neighbors.mac(way.next);
                    self.ask(Question { addr: checked.addr, port: way.port, to });
                }
            }
            Effect::Echo { ident, sequence } => {
                if let Some((way, to, src)) = self.stations(&checked) {
                    let addresses = (src, checked.addr.to_ip());
                    self.echo(way.port, (to, way.from), addresses, (ident, sequence), b"bng check");
                }
            }
            Effect::Segment(Segment { from, to, seq, ack, flags, window, mss, data }) => {
                let header = tcp::Repr { src_port: from, dst_port: to, seq, ack, flags, window };
                let segment = tcp::Segment { header, mss, payload: &data };
                let mut l4 = vec![0; segment.wire_len()];
                self.transport(&checked, protocol::TCP, from, |src, dst| {
                    segment.emit(src, dst, &mut l4);
                    l4
                });
            }
            Effect::Datagram { from, to, data } => {
                let datagram = udp::Repr { src_port: from, dst_port: to, payload: &data };
                let mut l4 = vec![0; datagram.wire_len()];
                self.transport(&checked, protocol::UDP, from, |src, dst| {
                    datagram.emit(src, dst, &mut l4);
                    l4
                });
            }
            Effect::Load(load) => self.set_load(&checked, load),
        }
    }

    /// Has the command of a check run, with the address of its target as the last word.
    fn run_script(&mut self, checked: &Checked, id: CheckId, number: u32) {
        let Whose::Target(index) = checked.whose else { return };
        let Some(target) = self.model.targets.get(&index) else { return };
        let Some((command, probe)) = &target.script else { return };
        let about = About {
            kind: "target",
            number: index,
            name: target.name.as_deref().unwrap_or_default(),
            addresses: [target.ipaddr.map(IpAddr::from), target.ipaddr6.map(IpAddr::from)],
            port: target.port,
        };
        let command = Command {
            command: command.clone(),
            arguments: vec![about.address()],
            environment: about.environment(),
            limit: probe.timeout,
        };
        self.outputs.push_back(Output::Run(Run { id, number, command }));
    }

    /// The way of probes.
    fn way_of(&self, checked: &Checked) -> Option<Way> {
        match checked.whose {
            Whose::Target(number) => self.way_to(self.model.targets.get(&number)?, checked.addr),
            Whose::Gateway => self.routes.way(checked.addr),
        }
    }

    /// The way of probes with the station there and our address. While that station is unknown, the question for it is
    /// on its way, and the check is hurried when the answer comes.
    fn stations(&self, checked: &Checked) -> Option<(Way, MacAddr, IpAddr)> {
        let way = self.way_of(checked)?;
        let network = self.model.networks.get(&way.network)?;
        let src = match checked.destination().to_ip() {
            IpAddr::V4(_) => network.real.map(IpAddr::from),
            IpAddr::V6(_) => network.real6.map(IpAddr::from),
        };
        let to = self.neighbors.mac(way.next)?;
        Some((way, to, src?))
    }

    /// Sends a packet of a check, as packets of clients come to the target: a virtual address stays in it, and a tunnel
    /// is around it. `write` writes layer 4 between two addresses.
    fn transport(
        &mut self,
        checked: &Checked,
        proto: u8,
        flow: u16,
        write: impl FnOnce(IpAddr, IpAddr) -> Vec<u8>,
    ) {
        let Some((way, to, src)) = self.stations(checked) else { return };
        let dst = checked.destination().to_ip();
        let l4 = write(src, dst);
        let Some(mut frame) = packet::ip((to, way.from), (src, dst), proto, &l4) else { return };
        let tunnel = match (checked.whose, checked.through) {
            (Whose::Target(number), Some(_)) => self.model.targets.get(&number).and_then(|t| t.tunnel),
            _ => None,
        };
        if let Some(kind) = tunnel {
            let Some(source) = self.routes.source(way.port, checked.addr) else { return };
            let hop = Hop { port: way.port, to, from: way.from };
            let inner = &frame[ETHERNET_HEADER_LEN..];
            frame = tunnel::wrap(kind, (source, checked.addr), &hop, inner, dst.is_ipv6(), flow.into());
        }
        self.send(way.port, &frame);
    }

    /// The agent of a target says what it has to do, in hundredths.
    fn set_load(&self, checked: &Checked, load: u32) {
        let Whose::Target(number) = checked.whose else { return };
        let Some(target) = self.model.targets.get(&number) else { return };
        self.loads.set_agent(number, Some(scaled(load, target.ascale, target.aoffset)));
    }

    /// An agent that does not answer any more tells no load.
    fn forget_load(&self, checked: &Checked) {
        let failed = self.checks.of(checked.whose).any(|(other, check)| {
            other == checked && check.verdict() == Verdict::Failed && checked.how == How::Agent
        });
        if let (Whose::Target(number), true) = (checked.whose, failed) {
            self.loads.set_agent(number, None);
        }
    }

    /// Sends an echo request: to whom from whom, stations and addresses, identifier and sequence number.
    pub(super) fn echo(
        &mut self,
        port: PortId,
        stations: (MacAddr, MacAddr),
        addresses: (IpAddr, IpAddr),
        numbers: (u16, u16),
        data: &[u8],
    ) {
        let mut buf = [0; packet::MAX];
        let len = packet::echo(&mut buf, stations, addresses, numbers, data);
        self.send(port, &buf[..len]);
    }

    /// Tells the network of every address that this node has come to own, so that switches and neighbours send to
    /// the right place (RFC 3768 section 6.4.1, RFC 4861 section 7.2.6).
    pub(super) fn announce(&mut self) {
        let own = self.own_addresses().collect();
        let old = std::mem::replace(&mut self.announced, own);
        let new: Vec<_> = self.announced.difference(&old).copied().collect();
        for (addr, port, mac) in new {
            self.announce_one(addr, port, mac);
        }
    }

    fn announce_one(&mut self, addr: Addr, port: PortId, mac: MacAddr) {
        match addr.to_ip() {
            IpAddr::V4(v4) => {
                let frame = arp::Repr::gratuitous(mac, v4).emit_frame(MacAddr::BROADCAST);
                self.send(port, &frame);
            }
            IpAddr::V6(v6) => {
                let message = ndisc::Repr::NeighborAdvertisement {
                    target: v6,
                    target_mac: mac,
                    router: false,
                    solicited: false,
                    replaces: true,
                };
                let to = MacAddr::multicast_v6(ndisc::ALL_NODES);
                let mut buf = [0; packet::MAX];
                let len = packet::nd(&mut buf, to, mac, v6, ndisc::ALL_NODES, &message);
                self.send(port, &buf[..len]);
            }
        }
    }
}

/// A load in hundredths times `scale` and plus `offset`, which are in thousandths; at least 0.
fn scaled(load: u32, scale: i64, offset: i64) -> u32 {
    let scaled = i128::from(load) * i128::from(scale) / 1_000 + i128::from(offset) / 10;
    u32::try_from(scaled.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_scaled_and_shifted_and_never_below_nothing() {
        assert_eq!(scaled(150, 1_000, 0), 150);
        assert_eq!(scaled(150, 2_500, 1_000), 475);
        assert_eq!(scaled(150, 1_000, -2_000), 0);
        assert_eq!(scaled(150, -1_000, 0), 0);
        assert_eq!(scaled(u32::MAX, 1_000_000_000, 1_000_000_000), u32::MAX);
    }
}
