//! The slow path of one process: everything that is not per frame.
//!
//! ```text
//!   frames punted by workers --+                      +--> frames to send
//!   link changes --------------+--> [ the director ] -+--> snapshots to publish
//!   configuration -------------+     time             +--> log lines
//! ```
//!
//! The director is a function of time and input, like the engine: it holds elections, asks for neighbours, checks
//! targets, and compiles what it knows into a [`Snapshot`] whenever that changes.

pub mod checks;
mod election;
pub mod ping;
mod send;
mod status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use log::Level;

use crate::conf::model::{Model, Network};
use crate::module::vrrp::machine::{Machine, Reason};
use crate::net::neighbor::{Learned, Neighbors};
use crate::net::{Addr, PortId};
use crate::seed::Seed;
use crate::snapshot::{self, Hop, Knowledge, Snapshot, Target};
use crate::time::{Duration, Instant};
use crate::wire::icmpv4::Echo;
use crate::wire::{
    self, ETHERNET_HEADER_LEN, IpInfo, L3, MacAddr, arp, icmpv4, icmpv6, ndisc, protocol, vrrp,
};
use checks::Checks;
pub use election::Adverts;
pub use status::{Status, TargetView};

/// An open interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortInfo {
    /// It is a TAP device: the local host is behind it.
    pub tap: bool,
    /// Its link is up.
    pub link: bool,
}

/// What the director wants done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Send `frame` on interface `port`.
    Send {
        /// Interface.
        port: PortId,
        /// Whole frame.
        frame: Vec<u8>,
    },
    /// From now on workers read this snapshot.
    Publish(Arc<Snapshot>),
    /// Tell the operator.
    Log(Level, String),
    /// A [`Director::ping`] is over.
    Pinged(ping::Report),
}

/// The slow path of one process.
#[derive(Debug)]
pub struct Director {
    model: Model,
    ports: BTreeMap<PortId, PortInfo>,
    neighbors: Neighbors,
    checks: Checks,
    election: Option<Machine>,
    adverts: Adverts,
    /// Status of every registered target, and since when.
    status: BTreeMap<u16, (Status, Instant)>,
    /// Addresses that the network has been told of.
    announced: BTreeSet<(Addr, PortId, MacAddr)>,
    /// When the announcements of a take-over are repeated, because the first may be lost.
    announce_again: Option<Instant>,
    /// Last complaint about a foreign owner of one of our addresses.
    conflict_told: BTreeMap<Addr, Instant>,
    /// What operators are waiting for.
    pings: Vec<ping::Run>,
    ping_number: u64,
    seed: Seed,
    generation: u64,
    changed: bool,
    outputs: VecDeque<Output>,
}

/// Time between two complaints about one address.
const CONFLICT_INTERVAL: Duration = Duration::from_secs(60);

impl Director {
    /// A director of `model` with no interface open yet.
    pub fn new(now: Instant, model: Model, mut seed: Seed) -> Self {
        let mut director = Self {
            model: Model::default(),
            ports: BTreeMap::new(),
            neighbors: Neighbors::default(),
            checks: Checks::new(seed.fork()),
            election: None,
            adverts: Adverts::default(),
            status: BTreeMap::new(),
            announced: BTreeSet::new(),
            announce_again: None,
            conflict_told: BTreeMap::new(),
            pings: Vec::new(),
            ping_number: 0,
            seed,
            generation: 0,
            changed: true,
            outputs: VecDeque::new(),
        };
        director.reload(now, model);
        director
    }

    /// The configuration in force.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// A new configuration. What did not change keeps its state.
    pub fn reload(&mut self, now: Instant, model: Model) {
        if election::virtual_router(&self.model) != election::virtual_router(&model) {
            self.leave_virtual_router(now);
        }
        self.model = model;
        self.checks.set(now, &self.model);
        self.rewire(now);
    }

    /// Interface `port` has been opened.
    pub fn port_opened(&mut self, now: Instant, port: PortId, info: PortInfo) {
        self.ports.insert(port, info);
        self.rewire(now);
    }

    /// Interface `port` has been closed.
    pub fn port_closed(&mut self, now: Instant, port: PortId) {
        self.ports.remove(&port);
        self.rewire(now);
    }

    /// The link of interface `port` went up or down.
    pub fn link(&mut self, now: Instant, port: PortId, up: bool) {
        let Some(info) = self.ports.get_mut(&port).filter(|info| info.link != up) else { return };
        info.link = up;
        let name = self.model.interfaces.get(&u16::from(port)).map_or("", |i| &i.name);
        let level = if up { Level::Info } else { Level::Warn };
        self.log(level, format!("interface {port} ({name}): link {}", if up { "up" } else { "down" }));
        if !up {
            self.neighbors.forget(now, port);
        }
        self.rewire(now);
    }

    /// Sets the counters of advertisements to zero.
    pub fn clear_counters(&mut self) {
        self.adverts = Adverts::default();
    }

    /// Forgets the stations of all neighbours and asks for them anew. Targets are down until theirs answers.
    pub fn forget_neighbors(&mut self, now: Instant) {
        self.neighbors.forget_all(now);
        self.changed = true;
    }

    /// Takes `station` for that of `addr` until somebody else answers for it, as if it had answered.
    ///
    /// # Errors
    /// When `addr` is no neighbour that this node asks for.
    pub fn insert_neighbor(&mut self, now: Instant, addr: Addr, station: MacAddr) -> Result<(), String> {
        let known = self.neighbors.get(addr).map(|entry| entry.port);
        let port = known.ok_or_else(|| {
            format!("{addr} is neither a registered target nor the gateway in a network that is in use")
        })?;
        self.learn(now, port, addr, station);
        Ok(())
    }

    /// The program ends: withdraws mastership. Outputs are still to be polled.
    pub fn shutdown(&mut self, now: Instant) {
        if let Some(machine) = &mut self.election {
            let action = machine.stop(now, Reason::Leaving);
            self.act(now, action);
        }
    }

    /// A frame that a worker punted from interface `port`.
    pub fn handle_frame(&mut self, now: Instant, port: PortId, frame: &[u8]) {
        // Workers have dissected it before; a frame that was cut on the way is no longer whole.
        let Ok(found) = wire::dissect(frame) else { return };
        match found.l3 {
            L3::Arp => {
                if let Ok(arp) = arp::Packet::new(&frame[ETHERNET_HEADER_LEN..]) {
                    self.learn(now, port, Addr::v4(arp.sender()), arp.sender_mac());
                }
            }
            L3::Ip(info) => match info.proto {
                protocol::ICMP if !info.is_v6 => self.icmp(now, &info, info.l4(frame)),
                protocol::ICMPV6 if info.is_v6 => self.icmpv6(now, port, found.src, &info, info.l4(frame)),
                protocol::VRRP => {
                    if let (Ok(advert), Some(from)) = (vrrp::Packet::new(info.l4(frame)), info.src.as_v4()) {
                        self.heard_advert(now, from, advert.priority());
                    }
                }
                _ => {}
            },
            L3::Other => {}
        }
    }

    fn icmp(&mut self, now: Instant, info: &IpInfo, message: &[u8]) {
        if let Ok(message) = icmpv4::Packet::new(message)
            && message.echo() == Some(Echo::Reply)
        {
            self.echo_reply(now, info.src, message.ident(), message.sequence());
        }
    }

    fn icmpv6(&mut self, now: Instant, port: PortId, station: MacAddr, info: &IpInfo, message: &[u8]) {
        if let Ok(nd) = ndisc::Packet::new(message) {
            match (nd.kind(), nd.target()) {
                (ndisc::Kind::NeighborSolicitation, _) => {
                    self.learn(now, port, info.src, nd.source_mac().unwrap_or(station));
                }
                (ndisc::Kind::NeighborAdvertisement, Some(target)) => {
                    self.learn(now, port, Addr::v6(target), nd.target_mac().unwrap_or(station));
                }
                _ => {}
            }
        } else if let Ok(message) = icmpv6::Packet::new(message)
            && message.echo() == Some(Echo::Reply)
        {
            self.echo_reply(now, info.src, message.ident(), message.sequence());
        }
    }

    fn echo_reply(&mut self, now: Instant, from: Addr, ident: u16, sequence: u16) {
        self.ping_answered(now, from, ident, sequence);
        if !self.checks.answered(now, from, ident, sequence).is_empty() {
            self.changed = true;
        }
    }

    fn learn(&mut self, now: Instant, port: PortId, addr: Addr, station: MacAddr) {
        match self.neighbors.learn(now, port, addr, station) {
            Learned::Confirmed => {}
            Learned::Changed(old) => {
                if let Some(old) = old {
                    self.log(Level::Warn, format!("{addr} moved from station {old} to {station}"));
                }
                self.checks.hurry(now, addr);
                self.changed = true;
            }
            Learned::Unknown => self.conflict(now, addr, station),
        }
    }

    /// Somebody else claims one of our addresses, or is it only news about nobody we know?
    fn conflict(&mut self, now: Instant, addr: Addr, station: MacAddr) {
        let ours = self.own_addresses().any(|(own, ..)| own == addr);
        let told = self.conflict_told.get(&addr).is_some_and(|at| now.since(*at) < CONFLICT_INTERVAL);
        if ours && !told {
            self.conflict_told.insert(addr, now);
            self.log(
                Level::Warn,
                format!("address conflict: station {station} claims {addr}, which is ours"),
            );
        }
    }

    /// The next thing to do at `now`; `None` when everything is done until [`Director::deadline`].
    pub fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            self.run_timers(now);
            if std::mem::take(&mut self.changed) {
                self.publish(now);
            }
        }
        self.outputs.pop_front()
    }

    /// When [`Director::poll`] wants to be called again, whatever else happens.
    pub fn deadline(&self) -> Option<Instant> {
        let timers = [
            self.neighbors.deadline(),
            self.checks.deadline(),
            self.election.as_ref().and_then(Machine::deadline),
            self.announce_again,
            self.pings_deadline(),
        ];
        timers.into_iter().flatten().min()
    }

    fn run_timers(&mut self, now: Instant) {
        if let Some(machine) = &mut self.election {
            let action = machine.expire(now);
            self.act(now, action);
        }
        let (questions, silent) = self.neighbors.due(now);
        for (addr, station) in silent {
            if let Some(station) = station {
                let protocol = if addr.is_v4() { "ARP" } else { "neighbour discovery" };
                self.log(Level::Warn, format!("{addr} at station {station} no longer answers {protocol}"));
            }
            self.changed = true;
        }
        for question in questions {
            self.ask(question);
        }
        let (pings, failed) = self.checks.due(now);
        self.changed |= !failed.is_empty();
        for ping in pings {
            self.probe(ping);
        }
        self.run_pings(now);
        if self.announce_again.is_some_and(|at| at <= now) {
            self.announce_again = None;
            self.announced.clear();
            self.changed = true;
        }
    }

    /// Something that decides about reachability has changed: interfaces, networks, targets.
    fn rewire(&mut self, now: Instant) {
        let mut wanted = BTreeMap::new();
        let targets = self.model.targets.values().filter(|t| t.registered);
        let gateway = self.model.gateway.as_ref().and_then(|g| g.ipaddr).map(IpAddr::from);
        for addr in targets.flat_map(|t| t.addresses()).chain(gateway) {
            if let Some((_, port)) = self.home(addr) {
                wanted.insert(Addr::from(addr), port);
            }
        }
        wanted.extend(self.pings.iter().map(ping::Run::hop));
        self.neighbors.watch(now, &wanted);
        self.arrange_election(now);
        self.changed = true;
    }

    /// The active network that `addr` lies in, the one with the longest prefix, and its open interface.
    fn home(&self, addr: IpAddr) -> Option<(&Network, PortId)> {
        self.model
            .networks
            .values()
            .filter(|n| n.active && n.contains(addr))
            .filter_map(|n| Some((n, self.open_port(n.interface)?)))
            .max_by_key(|(n, _)| match addr {
                IpAddr::V4(_) => n.subnet4.map(|s| s.prefix),
                IpAddr::V6(_) => n.mask6,
            })
    }

    /// Interface `number` as a port, when it is open and its link is up.
    fn open_port(&self, number: u16) -> Option<PortId> {
        let port = PortId::try_from(number).ok()?;
        self.ports.get(&port).filter(|info| info.link).map(|_| port)
    }

    /// Addresses that this node answers for now, with interface and station. An interface without link has none: its
    /// addresses are announced anew when the link comes back, perhaps to another switch.
    fn own_addresses(&self) -> impl Iterator<Item = (Addr, PortId, MacAddr)> {
        let master = self.master();
        let own = snapshot::own_addresses(&self.model, self);
        own.into_iter()
            .filter(move |(_, own)| master || own.role == snapshot::Role::Real)
            .filter_map(|(addr, own)| Some((addr, self.open_port(u16::from(own.port?))?, own.mac)))
    }

    /// The addresses of the master, each once: whose they are, and whether this node answers for them now.
    pub fn virtual_addresses(&self) -> BTreeMap<Addr, (snapshot::Own, bool)> {
        let mut found = BTreeMap::new();
        let own = snapshot::own_addresses(&self.model, self).into_iter();
        for (addr, own) in own.filter(|(_, own)| own.role != snapshot::Role::Real) {
            let reached = own.port.is_none_or(|port| self.open_port(u16::from(port)).is_some());
            found.entry(addr).or_insert((own, self.master() && reached));
        }
        found
    }

    fn publish(&mut self, now: Instant) {
        self.assess(now);
        self.generation += 1;
        let snapshot = snapshot::compile(self.generation, &self.model, self);
        self.outputs.push_back(Output::Publish(Arc::new(snapshot)));
        self.announce();
    }

    fn log(&mut self, level: Level, text: String) {
        self.outputs.push_back(Output::Log(level, text));
    }

    /// Neighbours for `show arp`.
    pub fn neighbors(&self) -> &Neighbors {
        &self.neighbors
    }

    /// Checks of target `number`.
    pub fn checks(&self, number: u16) -> impl Iterator<Item = (&Addr, &checks::Check)> {
        self.checks.of(number)
    }

    /// The election for `show vrrp`; `None` without a `vrrp` block.
    pub fn election(&self) -> Option<(&Machine, &Adverts)> {
        self.election.as_ref().map(|machine| (machine, &self.adverts))
    }
}

impl Knowledge for Director {
    fn master(&self) -> bool {
        Director::master(self)
    }

    fn open(&self, number: u16) -> bool {
        PortId::try_from(number).is_ok_and(|port| self.ports.contains_key(&port))
    }

    fn watched(&self) -> Vec<(Addr, Option<MacAddr>)> {
        self.neighbors.iter().map(|(addr, entry)| (*addr, entry.mac)).collect()
    }

    fn target(&self, number: u16) -> Target {
        let Some(target) = self.model.targets.get(&number).filter(|_| self.usable(number)) else {
            return Target::default();
        };
        let hop = |addr: Option<IpAddr>| -> Option<Hop> {
            let addr = addr?;
            let (network, port) = self.home(addr)?;
            Some(Hop { port, to: self.neighbors.mac(addr.into())?, from: snapshot::station(network)? })
        };
        Target { hop4: hop(target.ipaddr.map(Into::into)), hop6: hop(target.ipaddr6.map(Into::into)) }
    }
}
