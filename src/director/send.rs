//! Frames of the director: questions for neighbours, probes, announcements.

use std::net::IpAddr;

use super::checks::{CheckId, Checked, Effect, News, Request, Whose};
use super::command::{About, Command, Run};
use super::{Director, Output};
use crate::net::neighbor::Question;
use crate::net::route::Way;
use crate::net::{Addr, PortId, packet};
use crate::snapshot;
use crate::wire::{MacAddr, arp, ndisc};

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
            Effect::Echo { ident, sequence } => self.echo_check(&checked, (ident, sequence)),
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

    /// Sends an echo request. It needs the station on the way: while that is unknown, the question for it is on its way
    /// and the check is hurried when the answer comes.
    fn echo_check(&mut self, checked: &Checked, numbers: (u16, u16)) {
        let Some(way) = self.way_of(checked) else { return };
        let Some(network) = self.model.networks.get(&way.network) else { return };
        let to = self.neighbors.mac(way.next);
        let src = match checked.addr.to_ip() {
            IpAddr::V4(_) => network.real.map(IpAddr::from),
            IpAddr::V6(_) => network.real6.map(IpAddr::from),
        };
        let (Some(src), Some(to)) = (src, to) else { return };
        self.echo(way.port, (to, way.from), (src, checked.addr.to_ip()), numbers, b"bng check");
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
