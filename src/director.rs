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

pub mod alert;
pub mod checks;
pub mod command;
mod election;
mod gateway;
pub mod past;
pub mod ping;
mod send;
mod status;
mod tell;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use crate::conf::model::{self, Model, Network};
use crate::location::Locations;
use crate::module::vrrp::machine::{Machine, Reason, State};
use crate::nat::Pools;
use crate::net::neighbor::{Due, Learned, Neighbors};
use crate::net::route::{Attached, Routes, Way};
use crate::net::{Addr, PortId};
use crate::note::{Note, Object};
use crate::seed::Seed;
use crate::slb::loads::Loads;
use crate::snapshot::{self, Hop, Knowledge, Mode, Reach, Snapshot, Target};
use crate::time::{Duration, Instant};
use crate::wire::icmpv4::Echo;
use crate::wire::{
    self, ETHERNET_HEADER_LEN, IpInfo, L3, MacAddr, arp, icmpv4, icmpv6, ndisc, protocol, tcp, udp, vrrp,
};
use alert::Subject;
use checks::{Checks, Flow, Input};
pub use election::Adverts;
pub use gateway::{GatewayStatus, GatewayView};
pub use status::{Status, TargetView};
use tell::{Service, Use};

/// An open interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortInfo {
    /// It is a TAP device: the local host is behind it.
    pub tap: bool,
    /// Its link is up.
    pub link: bool,
    /// Largest packet in bytes.
    pub mtu: u16,
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
    Tell(Note),
    /// A [`Director::ping`] is over.
    Pinged(ping::Report),
    /// Run the script of a check, and tell its end to [`Director::ran`].
    Run(command::Run),
    /// Run the command of an alert.
    Alert(alert::Alert),
}

/// The slow path of one process.
#[derive(Debug)]
pub struct Director {
    model: Model,
    ports: BTreeMap<PortId, PortInfo>,
    neighbors: Neighbors,
    /// The ways out, with the gateways that are usable.
    routes: Routes,
    checks: Checks,
    election: Option<Machine>,
    adverts: Adverts,
    /// State of the election as it was last told.
    election_told: State,
    /// Networks as they were last told.
    uses: BTreeMap<u16, Use>,
    /// Servers that take traffic: who takes their sessions, as it was last told.
    serving: BTreeMap<u16, Service>,
    /// Status of every registered target, and since when.
    status: BTreeMap<u16, (Status, Instant)>,
    /// What targets have been through.
    pasts: BTreeMap<u16, past::Past>,
    /// When this director began.
    started: Instant,
    /// Status of every gateway, and since when.
    gateways: BTreeMap<Addr, (GatewayStatus, Instant)>,
    /// What was up or down when that was last told to alerts.
    alerted: BTreeMap<alert::Subject, bool>,
    /// Addresses that the network has been told of.
    announced: BTreeSet<(Addr, PortId, MacAddr)>,
    /// Ports of our addresses that translated connections come from. They stay when an address is configured no more:
    /// connections may still use them, and it may come back.
    pools: BTreeMap<Addr, Arc<Pools>>,
    loads: Arc<Loads>,
    /// What the last snapshot was made of.
    shelves: snapshot::Shelves,
    /// Where clients are.
    locations: Locations,
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
            routes: Routes::default(),
            checks: Checks::new(seed.fork()),
            election: None,
            adverts: Adverts::default(),
            election_told: State::Initialize,
            uses: BTreeMap::new(),
            serving: BTreeMap::new(),
            status: BTreeMap::new(),
            pasts: BTreeMap::new(),
            started: now,
            gateways: BTreeMap::new(),
            alerted: BTreeMap::new(),
            announced: BTreeSet::new(),
            pools: BTreeMap::new(),
            loads: Arc::default(),
            shelves: snapshot::Shelves::default(),
            locations: Locations::default(),
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

    /// What every target has to do, for the one who measures it.
    pub fn loads(&self) -> Arc<Loads> {
        self.loads.clone()
    }

    /// A new configuration. What did not change keeps its state.
    pub fn reload(&mut self, now: Instant, model: Model) {
        if election::virtual_router(&self.model) != election::virtual_router(&model) {
            self.leave_virtual_router(now);
        }
        self.model = model;
        self.checks.set(now, &self.model);
        for (number, target) in &self.model.targets {
            if target.agent.is_none() && target.agent6.is_none() {
                self.loads.set_agent(*number, None);
            }
        }
        self.rewire(now);
    }

    /// New knowledge of where clients are.
    pub fn locate(&mut self, locations: Locations) {
        self.locations = locations;
        self.changed = true;
    }

    /// What is known of where clients are.
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// Interface `port` has been opened.
    pub fn port_opened(&mut self, now: Instant, port: PortId, info: PortInfo) {
        self.ports.insert(port, info);
        let subject = Subject::Interface(u16::from(port));
        match self.alerted.get(&subject) {
            // It went away while it was open, and is back.
            Some(false) if info.link => self.alert(subject, Some(true), "it is open again"),
            _ => self.know(subject, Some(info.link)),
        }
        self.rewire(now);
    }

    /// Interface `port` has been closed.
    pub fn port_closed(&mut self, now: Instant, port: PortId) {
        self.ports.remove(&port);
        self.rewire(now);
    }

    /// Interface `port` is going away while it is open: [`Director::port_closed`] follows.
    pub fn port_lost(&mut self, port: PortId, why: &str) {
        self.alert(Subject::Interface(u16::from(port)), Some(false), why);
    }

    /// Run `number` of the script of check `id` has ended; see [`Output::Run`].
    pub fn ran(&mut self, now: Instant, id: checks::CheckId, number: u32, ran: command::Ran) {
        let news = self.checks.ran(now, id, number, ran);
        self.carry_out(news);
    }

    /// The link of interface `port` went up or down.
    pub fn link(&mut self, now: Instant, port: PortId, up: bool) {
        let Some(info) = self.ports.get_mut(&port).filter(|info| info.link != up) else { return };
        info.link = up;
        let object = Object::interface(&self.model, u16::from(port));
        let text = if up { "link up" } else { "link down" };
        self.tell(if up { Note::notice(object, text) } else { Note::warning(object, text) });
        self.alert(Subject::Interface(u16::from(port)), Some(up), text);
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

    /// A worker has packets for `addr` on interface `port`, which is to be a neighbour: it is asked for, and known as
    /// long as workers say this.
    pub fn resolve(&mut self, now: Instant, port: PortId, addr: Addr) {
        if self.routes.on_link(addr).is_some_and(|way| way.port == port) {
            // Workers must know that an answer is waited for before the question leaves.
            self.changed |= self.neighbors.want(now, addr, port);
        }
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
                protocol::TCP | protocol::UDP => self.answered(now, &info, info.l4(frame)),
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
        let Ok(message) = icmpv4::Packet::new(message) else { return };
        if message.echo() == Some(Echo::Reply) {
            self.echo_reply(now, info.src, message.ident(), message.sequence());
        } else if let Some(quoted) = message.quoted() {
            self.unreachable(info.src, icmpv4::meaning(message.message(), message.code()), quoted);
        }
    }

    /// A segment or datagram to a port that a check may ask from.
    fn answered(&mut self, now: Instant, info: &IpInfo, l4: &[u8]) {
        let flow = Flow { proto: info.proto, local: info.dport, remote: info.sport };
        let (from, to) = (info.sport, info.dport);
        let input = if info.proto == protocol::TCP {
            let Ok(segment) = tcp::Packet::new(l4) else { return };
            Input::Segment(checks::Segment {
                from,
                to,
                seq: segment.seq(),
                ack: segment.ack(),
                flags: segment.flags(),
                window: segment.window(),
                mss: tcp::mss(segment.options()),
                data: segment.payload().to_vec(),
            })
        } else {
            let Ok(datagram) = udp::Packet::new(l4) else { return };
            Input::Datagram { from, to, data: datagram.payload().to_vec() }
        };
        let news = self.checks.received(now, info.src, flow, &input);
        self.carry_out(news);
    }

    /// `from` says that the packet that begins with `quoted` was not delivered.
    fn unreachable(&mut self, from: Addr, what: &'static str, quoted: &[u8]) {
        if let Ok(quoted) = wire::dissect::quoted(quoted) {
            let proto = if quoted.proto == protocol::ICMPV6 { protocol::ICMP } else { quoted.proto };
            let flow = Flow { proto, local: quoted.sport, remote: quoted.dport };
            self.checks.refused(quoted.dst, flow, from, what);
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
        } else if let Ok(message) = icmpv6::Packet::new(message) {
            if message.echo() == Some(Echo::Reply) {
                self.echo_reply(now, info.src, message.ident(), message.sequence());
            } else if let Some(quoted) = message.quoted() {
                self.unreachable(info.src, icmpv6::meaning(message.message(), message.code()), quoted);
            }
        }
    }

    fn echo_reply(&mut self, now: Instant, from: Addr, ident: u16, sequence: u16) {
        self.ping_answered(now, from, ident, sequence);
        let news = self.checks.answered(now, from, ident, sequence);
        self.carry_out(news);
    }

    fn learn(&mut self, now: Instant, port: PortId, addr: Addr, station: MacAddr) {
        let learned = self.neighbors.learn(now, port, addr, station);
        if learned != Learned::Unknown {
            let news = self.checks.heard(now, addr);
            self.carry_out(news);
        }
        match learned {
            Learned::Confirmed => {}
            Learned::Changed(old) => {
                let object = Object::Address(addr);
                match old {
                    Some(old) => self.tell(Note::warning(
                        object,
                        format!("{}moved from station {old} to {station}", self.role(addr)),
                    )),
                    None if !self.role(addr).is_empty() => {
                        self.tell(Note::notice(
                            object,
                            format!("{}found at station {station}", self.role(addr)),
                        ));
                    }
                    // Its target tells.
                    None => {}
                }
                let Self { checks, routes, model, .. } = self;
                let targets = &model.targets;
                checks.hurry(now, |checked| {
                    let via = match checked.whose {
                        checks::Whose::Target(number) => targets.get(&number).and_then(|target| target.via),
                        checks::Whose::Gateway => None,
                    };
                    via.map(Addr::from) == Some(addr)
                        || routes.way(checked.addr).is_some_and(|way| way.next == addr)
                });
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
            self.tell(Note::error(
                Object::Address(addr),
                format!("conflict: station {station} claims it, but it is ours"),
            ));
        }
    }

    /// The next thing to do at `now`; `None` when everything is done until [`Director::deadline`].
    pub fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            self.publish_changes(now);
            self.run_timers(now);
            self.publish_changes(now);
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
            self.past_deadline(),
        ];
        timers.into_iter().flatten().min()
    }

    fn run_timers(&mut self, now: Instant) {
        if let Some(machine) = &mut self.election {
            let action = machine.expire(now);
            self.act(now, action);
        }
        let Due { questions, silent, forgotten } = self.neighbors.due(now);
        self.changed |= forgotten;
        for (addr, station) in silent {
            if let Some(station) = station {
                let protocol = if addr.is_v4() { "ARP" } else { "neighbour discovery" };
                let text = format!("{}station {station} no longer answers {protocol}", self.role(addr));
                self.tell(Note::warning(Object::Address(addr), text));
            }
            self.changed = true;
        }
        for question in questions {
            self.ask(question);
        }
        let news = self.checks.due(now);
        self.carry_out(news);
        self.run_pings(now);
        self.changed |= self.past_deadline().is_some_and(|at| at <= now);
        if self.announce_again.is_some_and(|at| at <= now) {
            self.announce_again = None;
            self.announced.clear();
            self.changed = true;
        }
    }

    /// Something that decides about reachability has changed: interfaces, networks, targets.
    fn rewire(&mut self, now: Instant) {
        self.route();
        let mut watched = BTreeMap::new();
        let targets = self.model.targets.values().filter(|t| t.registered);
        let to_targets = targets.flat_map(|t| t.addresses().filter_map(|addr| self.way_to(t, addr.into())));
        let gateways = self.model.gateway.iter().flat_map(|g| g.addresses());
        let to_gateways = gateways.filter_map(|addr| self.routes.way(addr.into()));
        watched.extend(to_targets.chain(to_gateways).map(|way| (way.next, way.port)));
        for addr in snapshot::sources(&self.model) {
            let pools = || Arc::new(Pools::new(self.seed.next_u64()));
            self.pools.entry(addr).or_insert_with(pools);
        }
        let reals = self
            .model
            .networks
            .values()
            .flat_map(|n| [n.real.map(Addr::v4), n.real6.map(Addr::v6)].into_iter().flatten());
        self.checks.share(reals.filter_map(|real| self.pools.get(&real).cloned()).collect());
        watched.extend(self.pings.iter().map(ping::Run::hop));
        let routes = &self.routes;
        let reachable = |addr, port| routes.on_link(addr).is_some_and(|way| way.port == port);
        self.neighbors.watch(now, &watched, reachable);
        self.tell_networks();
        self.arrange_election(now);
        self.changed = true;
    }

    /// Works out the ways through networks whose interface is open and has a link, and through usable gateways.
    fn route(&mut self) {
        let mut attached = Vec::new();
        for (number, network) in self.model.networks.iter().filter(|(_, n)| n.active) {
            let Some(port) = self.open_port(network.interface) else { continue };
            let (Some(from), Some(info)) = (snapshot::station(network), self.ports.get(&port)) else {
                continue;
            };
            let mut add = |addr: Option<IpAddr>, prefix, source: Option<IpAddr>| {
                let (Some(addr), Some(prefix)) = (addr, prefix) else { return };
                let source = source.map(Addr::from);
                let (network, mtu) = (*number, info.mtu);
                attached.push(Attached { addr: addr.into(), prefix, network, port, from, source, mtu });
            };
            let v4 = network.real.or(network.virt).map(IpAddr::from);
            let v6 = network.real6.or(network.virt6).map(IpAddr::from);
            add(network.subnet4.map(|s| s.addr.into()), network.subnet4.map(|s| s.prefix), v4);
            add(v6, network.mask6, v6);
        }
        let gateways = self.model.gateway.iter().flat_map(|g| g.addresses()).map(Addr::from);
        self.routes = Routes::new(attached, gateways.filter(|addr| self.gateway_usable(*addr)));
    }

    /// The way to a neighbour, with its network.
    fn home(&self, addr: Addr) -> Option<(&Network, Way)> {
        let way = self.routes.on_link(addr)?;
        Some((self.model.networks.get(&way.network)?, way))
    }

    /// The way to `addr` of `target`: through its next hop if it has one. Direct server return changes nothing but
    /// stations, so it reaches neighbours only.
    fn way_to(&self, target: &model::Target, addr: Addr) -> Option<Way> {
        match target.via {
            Some(via) if via.is_ipv4() == addr.is_v4() => self.routes.on_link(via.into()),
            _ if target.dsr => self.routes.on_link(addr),
            _ => self.routes.way(addr),
        }
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

    fn publish_changes(&mut self, now: Instant) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        if self.assess_gateways(now) {
            self.rewire(now);
            self.changed = false;
        }
        self.assess(now);
        self.generation += 1;
        let mut shelves = std::mem::take(&mut self.shelves);
        let snapshot = snapshot::compile(self.generation, &self.model, self, &mut shelves);
        self.shelves = shelves;
        self.tell_servers(&snapshot);
        self.outputs.push_back(Output::Publish(Arc::new(snapshot)));
        self.announce();
    }

    fn tell(&mut self, note: Note) {
        self.outputs.push_back(Output::Tell(note));
    }

    /// `gateway: ` for the address of the gateway.
    fn role(&self, addr: Addr) -> &'static str {
        let gateway = self.model.gateway.as_ref().and_then(|g| g.ipaddr).map(Addr::v4);
        if gateway == Some(addr) { "gateway: " } else { "" }
    }

    /// The addresses that translated connections come from, and how many ports of TCP and UDP and identifiers of echo
    /// requests are in use of each; those that are configured no more while connections remain included.
    pub fn ports_in_use(&self) -> impl Iterator<Item = (Addr, [u32; 3])> {
        let configured = snapshot::sources(&self.model);
        let used = self.pools.iter().map(|(addr, pools)| (*addr, pools.used()));
        used.filter(move |(addr, used)| configured.contains(addr) || used.iter().any(|n| *n > 0))
    }

    /// Neighbours for `show arp`.
    pub fn neighbors(&self) -> &Neighbors {
        &self.neighbors
    }

    /// Checks of target `number`, with what they look at.
    pub fn checks(&self, number: u16) -> impl Iterator<Item = (&checks::Checked, &checks::Check)> {
        self.checks.of(checks::Whose::Target(number))
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

    fn mtu(&self, number: u16) -> Option<u16> {
        self.ports.get(&PortId::try_from(number).ok()?).map(|info| info.mtu)
    }

    fn routes(&self) -> Routes {
        self.routes.clone()
    }

    fn watched(&self) -> Vec<(Addr, Option<MacAddr>)> {
        self.neighbors.iter().map(|(addr, entry)| (*addr, entry.mac)).collect()
    }

    fn target(&self, number: u16) -> Target {
        let Some(target) = self.model.targets.get(&number).filter(|_| self.usable(number)) else {
            return Target::default();
        };
        let reach = |addr: Option<IpAddr>| -> Option<Reach> {
            let addr = Addr::from(addr?);
            let way = self.way_to(target, addr)?;
            let hop = Hop { port: way.port, to: self.neighbors.mac(way.next)?, from: way.from };
            let mode = match target.tunnel {
                Some(kind) => Mode::Tunnel(kind, self.routes.source(way.port, addr)?, addr),
                None if target.dsr => Mode::Dsr,
                None => Mode::Nat,
            };
            Some(Reach { hop, mode, addr })
        };
        let (v4, v6) = (reach(target.ipaddr.map(Into::into)), reach(target.ipaddr6.map(Into::into)));
        // A tunnel carries packets of either family to an address of either family.
        let either =
            |own: Option<Reach>, other: Option<Reach>| own.or(other.filter(|_| target.tunnel.is_some()));
        let (open, past) = (self.takes_new(number), self.pasts.get(&number));
        Target {
            v4: either(v4, v6),
            v6: either(v6, v4),
            port: target.port,
            open,
            lingers: past.is_some_and(|past| past.lingers),
            held: past.map_or(0, |past| past.held),
            maxsessions: target.maxsessions,
        }
    }

    fn asking(&self) -> Arc<Pools> {
        self.checks.asking()
    }

    fn locations(&self) -> Locations {
        self.locations.clone()
    }

    fn pools(&self, addr: Addr) -> Option<Arc<Pools>> {
        self.pools.get(&addr).cloned()
    }

    fn loads(&self) -> Arc<Loads> {
        Director::loads(self)
    }
}
