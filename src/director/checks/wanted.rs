//! Which checks a configuration asks for.

use std::collections::BTreeMap;

use super::check::Plan;
use super::kind::{Ask, How};
use crate::conf::model::{Gateway, Model, Probe, Protocol, Target};
use crate::net::Addr;

/// Whose check it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Of the gateways.
    Gateway,
    /// Of the target with this number.
    Target(u16),
}

/// The way in which clients come: the address and port of a server instead of those of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Virtual {
    /// Virtual address.
    pub addr: Addr,
    /// Port.
    pub port: u16,
}

/// What is checked. There is one check of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checked {
    /// Whose check it is.
    pub whose: Whose,
    /// Its address.
    pub addr: Addr,
    /// How.
    pub how: How,
    /// The port; 0 for none.
    pub port: u16,
    /// The virtual address that the probe is addressed to, while it is sent to the station of the target; `None` for
    /// the target's own address.
    pub through: Option<Virtual>,
}

impl Checked {
    /// The address that a probe is addressed to, and its answer comes from.
    pub fn destination(&self) -> Addr {
        self.through.map_or(self.addr, |through| through.addr)
    }
}

/// Virtual addresses and ports that one check of a target is done through, at most.
const THROUGH_MAX: usize = 16;

/// The checks of `model` and how they are done.
pub(super) fn wanted(model: &Model) -> BTreeMap<Checked, Plan> {
    let mut wanted = Wanted(BTreeMap::new());
    for (number, target) in model.targets.iter().filter(|(_, t)| t.registered) {
        wanted.target(model, *number, target);
    }
    if let Some(gateway) = &model.gateway {
        wanted.gateway(gateway);
    }
    wanted.0
}

struct Wanted(BTreeMap<Checked, Plan>);

impl Wanted {
    fn target(&mut self, model: &Model, number: u16, target: &Target) {
        for (is_v4, probe, ask) in asked(target) {
            let addr = if is_v4 { target.ipaddr.map(Addr::from) } else { target.ipaddr6.map(Addr::from) };
            let Some(addr) = addr else { continue };
            let plan = Plan { ask, probe, rise: target.rise, fall: target.fall };
            if target.checks_virtual() {
                for through in ways(model, number, target, is_v4, &plan.ask).into_iter().take(THROUGH_MAX) {
                    let plan = Plan { ask: plan.ask.at(through.port), ..plan.clone() };
                    self.add(Whose::Target(number), addr, Some(through), plan);
                }
            }
            self.add(Whose::Target(number), addr, None, plan);
        }
    }

    fn gateway(&mut self, gateway: &Gateway) {
        let mut want = |addr: Option<Addr>, probe: Option<Probe>, ask| {
            if let (Some(addr), Some(probe)) = (addr, probe) {
                self.add(Whose::Gateway, addr, None, Plan { ask, probe, rise: 1, fall: 1 });
            }
        };
        let (v4, v6) = (gateway.ipaddr.map(Addr::from), gateway.ipaddr6.map(Addr::from));
        want(v4, gateway.ping, Ask::Echo);
        want(v6, gateway.ping6, Ask::Echo);
        want(v4, gateway.arp, Ask::Arp);
    }

    fn add(&mut self, whose: Whose, addr: Addr, through: Option<Virtual>, plan: Plan) {
        let checked = Checked { whose, addr, how: plan.ask.how(), port: plan.ask.port(), through };
        self.0.insert(checked, plan);
    }
}

/// What `target` is asked for: of its IPv4 address or not, how often, and what.
fn asked(target: &Target) -> Vec<(bool, Probe, Ask)> {
    let mut asked = Vec::new();
    asked.extend(target.ping.map(|probe| (true, probe, Ask::Echo)));
    asked.extend(target.ping6.map(|probe| (false, probe, Ask::Echo)));
    asked.extend(target.tcpopen.map(|(port, probe)| (true, probe, Ask::TcpOpen(port))));
    asked.extend(target.tcpopen6.map(|(port, probe)| (false, probe, Ask::TcpOpen(port))));
    let agent = |port| Ask::Agent(port, target.agentkey.clone());
    asked.extend(target.agent.map(|(port, probe)| (true, probe, agent(port))));
    asked.extend(target.agent6.map(|(port, probe)| (false, probe, agent(port))));
    for is_v4 in [true, false] {
        asked.extend(target.http.iter().map(|http| (is_v4, http.probe, Ask::Http(http.clone()))));
        asked.extend(target.udp.iter().map(|udp| (is_v4, udp.probe, Ask::Udp(udp.clone()))));
        asked.extend(target.dns.iter().map(|dns| (is_v4, dns.probe, Ask::Dns(dns.clone()))));
    }
    // Once, whatever addresses there are: the command is given the first one and can look at both.
    let script =
        |(command, probe): &(String, Probe)| (target.ipaddr.is_some(), *probe, Ask::Script(command.clone()));
    asked.extend(target.script.iter().map(script));
    asked
}

/// The virtual addresses and ports at which clients would be served by what `ask` asks for.
fn ways(model: &Model, number: u16, target: &Target, is_v4: bool, ask: &Ask) -> Vec<Virtual> {
    let protocol = match ask {
        Ask::TcpOpen(_) | Ask::Http(_) => Protocol::Tcp,
        Ask::Udp(_) | Ask::Dns(_) => Protocol::Udp,
        Ask::Echo | Ask::Arp | Ask::Agent(..) | Ask::Script(_) => return Vec::new(),
    };
    // A tunnel carries packets of either family to an address of either.
    let other =
        target.tunnel.is_some() && if is_v4 { target.ipaddr6.is_none() } else { target.ipaddr.is_none() };
    let mut ways = Vec::new();
    for server in model.servers.values() {
        if !server.registered
            || !server.targets.contains(&number)
            || server.protocol.is_some_and(|served| served != protocol)
        {
            continue;
        }
        let ports: Vec<u16> = match ask {
            // Whether a connection opens can be asked of every port.
            Ask::TcpOpen(_) if !server.ports.is_any() => server.ports.iter().collect(),
            _ if server.ports.contains(ask.port()) => vec![ask.port()],
            _ => continue,
        };
        for addr in server.addresses().filter(|addr| addr.is_ipv4() == is_v4 || other) {
            ways.extend(ports.iter().map(|port| Virtual { addr: addr.into(), port: *port }));
        }
    }
    ways.sort_unstable();
    ways.dedup();
    ways
}
