//! The snapshot: everything the fast path reads, compiled once and never changed.
//!
//! The director builds a new snapshot when the configuration, a neighbour, a check or mastership changes, and
//! publishes it as a whole. A worker reads one snapshot per batch, so it never sees half a change.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::conf::model::{Model, Module, Network, Protocol, SessionId};
use crate::net::route::Routes;
use crate::net::{Addr, AddrMap, PortId};
use crate::time::Duration;
use crate::wire::MacAddr;

/// Who owns one of our addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `real` or `real6`: this node, master or not.
    Real,
    /// `virt` or `virt6`: the master.
    Virt,
    /// Address of a server: the master.
    Server,
}

/// One of our addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Whose it is.
    pub role: Role,
    /// Interface of its network; `None` for an address in no network, which is then never resolved.
    pub port: Option<PortId>,
    /// Station address that goes with it.
    pub mac: MacAddr,
}

/// One interface as the fast path sees it.
#[derive(Debug, Clone, Default)]
pub struct Port {
    /// Station addresses of this node alone: a frame *from* one of them is our own.
    pub real_macs: Vec<MacAddr>,
    /// Every station address we receive for, the shared ones included.
    pub macs: Vec<MacAddr>,
    /// Largest packet in bytes.
    pub mtu: u16,
}

/// Service of one virtual address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Protocol, `None` for any.
    pub protocol: Option<Protocol>,
    /// Port, 0 for any.
    pub port: u16,
    /// Server number.
    pub server: u16,
}

/// A server as the fast path sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Enabled.
    pub active: bool,
    /// Session identity.
    pub sessionid: SessionId,
    /// Idle time of a session.
    pub stimeout: Duration,
    /// All its targets, in the order of the statement.
    pub targets: Vec<u16>,
    /// Those that can take new IPv4 sessions.
    pub usable4: Vec<u16>,
    /// Those that can take new IPv6 sessions.
    pub usable6: Vec<u16>,
}

/// Where frames for a target go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// Interface.
    pub port: PortId,
    /// Station of the target.
    pub to: MacAddr,
    /// Our station on that network.
    pub from: MacAddr,
}

/// A target as the fast path sees it: a hop for each family in which it can be reached and is up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Target {
    /// IPv4.
    pub hop4: Option<Hop>,
    /// IPv6.
    pub hop6: Option<Hop>,
}

/// What a worker knows.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Counts snapshots of this process.
    pub generation: u64,
    /// Module chain.
    pub modules: Vec<Module>,
    /// This node owns the virtual addresses.
    pub master: bool,
    /// Virtual router id whose advertisements the director wants, and the interface they come from.
    pub vrrp: Option<(u8, PortId)>,
    /// Interfaces by number.
    pub ports: Vec<Option<Port>>,
    /// Our addresses.
    pub own: AddrMap<Own>,
    /// Addresses that the director resolves, with what it believes.
    pub watched: AddrMap<Option<MacAddr>>,
    /// Packets for others are routed.
    pub forwarding: bool,
    /// The ways out.
    pub routes: Routes,
    /// Services per virtual address, most specific first.
    pub services: AddrMap<Vec<Service>>,
    /// Servers by number.
    pub servers: Vec<Option<Server>>,
    /// Targets by number.
    pub targets: Vec<Target>,
}

impl Snapshot {
    /// A snapshot in which nothing is known and every frame is dropped.
    pub fn empty() -> Self {
        Self {
            generation: 0,
            modules: Vec::new(),
            master: false,
            vrrp: None,
            ports: Vec::new(),
            own: AddrMap::build(&[]),
            watched: AddrMap::build(&[]),
            forwarding: false,
            routes: Routes::default(),
            services: AddrMap::build(&[]),
            servers: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Interface `id`, if it is open.
    #[inline]
    pub fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(usize::from(id))?.as_ref()
    }

    /// Server `number`, if it is registered.
    #[inline]
    pub fn server(&self, number: u16) -> Option<&Server> {
        self.servers.get(usize::from(number))?.as_ref()
    }

    /// Where frames of this family go for target `number`, if it is up.
    #[inline]
    pub fn hop(&self, number: u16, v6: bool) -> Option<Hop> {
        let target = self.targets.get(usize::from(number))?;
        if v6 { target.hop6 } else { target.hop4 }
    }

    /// Station of neighbour `addr`, when it is known.
    #[inline]
    pub fn neighbor(&self, addr: Addr) -> Option<MacAddr> {
        self.watched.get(addr).copied().flatten()
    }

    /// Whether `station` claims an address that this node owns now.
    pub fn conflicts(&self, addr: Addr, station: MacAddr) -> bool {
        self.answerable(addr).is_some_and(|own| own.mac != station)
    }

    /// One of our addresses, if this node may answer for it now.
    #[inline]
    pub fn answerable(&self, addr: Addr) -> Option<&Own> {
        self.own.get(addr).filter(|own| self.master || own.role == Role::Real)
    }
}

/// What the director knows beyond the configuration when it compiles a snapshot.
pub trait Knowledge {
    /// This node is master.
    fn master(&self) -> bool;
    /// Largest packet in bytes on interface `number`; `None` when it is not open.
    fn mtu(&self, number: u16) -> Option<u16>;
    /// The ways out.
    fn routes(&self) -> Routes;
    /// What is believed of every address that is resolved.
    fn watched(&self) -> Vec<(Addr, Option<MacAddr>)>;
    /// Where frames for target `number` go, when it is up in that family.
    fn target(&self, number: u16) -> Target;
}

/// Station address of network `number` of `model` for the node itself: `06:00:` and the IPv4 `real` address, else
/// the last four bytes of `real6`, else of whatever address the network has.
pub fn station(network: &Network) -> Option<MacAddr> {
    let v4 = |addr: Option<Ipv4Addr>| addr.map(MacAddr::real);
    let v6 = |addr: Option<Ipv6Addr>| addr.map(MacAddr::real_v6);
    v4(network.real).or(v6(network.real6)).or(v4(network.virt)).or(v6(network.virt6))
}

/// The stations of `model`: which networks are in use and who we are there.
struct Stations<'a, K> {
    model: &'a Model,
    known: &'a K,
}

impl<'a, K: Knowledge> Stations<'a, K> {
    /// Networks in use with interface and own station.
    fn networks(&self) -> impl Iterator<Item = (&'a Network, PortId, MacAddr)> {
        let known = self.known;
        self.model
            .networks
            .values()
            .filter(move |n| n.active && known.mtu(n.interface).is_some())
            .filter_map(|n| Some((n, PortId::try_from(n.interface).ok()?, station(n)?)))
    }

    /// Station of shared addresses on a network whose own station is `own`.
    fn shared(&self, v6: bool, own: MacAddr) -> MacAddr {
        match self.model.vrrp {
            Some(vrrp) if v6 => MacAddr::vrrp_v6(vrrp.vrid),
            Some(vrrp) => MacAddr::vrrp_v4(vrrp.vrid),
            None => own,
        }
    }

    fn ports(&self) -> Vec<Option<Port>> {
        let mut ports: Vec<Option<Port>> = Vec::new();
        for (network, id, mac) in self.networks() {
            if ports.len() <= usize::from(id) {
                ports.resize_with(usize::from(id) + 1, || None);
            }
            let port = ports[usize::from(id)].get_or_insert_default();
            port.mtu = self.known.mtu(network.interface).unwrap_or_default();
            let insert = |list: &mut Vec<MacAddr>, mac| {
                if !list.contains(&mac) {
                    list.push(mac);
                }
            };
            insert(&mut port.real_macs, mac);
            for mac in [mac, self.shared(false, mac), self.shared(true, mac)] {
                insert(&mut port.macs, mac);
            }
        }
        ports
    }

    /// Addresses of networks and registered servers. Of two owners of one address the first stays.
    fn own(&self) -> Vec<(Addr, Own)> {
        let mut own = Vec::new();
        let mut add = |ip: Option<IpAddr>, role, port, mac| {
            own.extend(ip.map(|ip| (Addr::from(ip), Own { role, port, mac })));
        };
        for (network, id, mac) in self.networks() {
            add(network.real.map(Into::into), Role::Real, Some(id), mac);
            add(network.real6.map(Into::into), Role::Real, Some(id), mac);
            add(network.virt.map(Into::into), Role::Virt, Some(id), self.shared(false, mac));
            add(network.virt6.map(Into::into), Role::Virt, Some(id), self.shared(true, mac));
        }
        for server in self.model.servers.values().filter(|s| s.registered) {
            for ip in server.addresses() {
                let home = self.networks().find(|(n, ..)| n.contains(ip)).or_else(|| self.networks().next());
                let Some((network, port, mac)) = home else { continue };
                add(
                    Some(ip),
                    Role::Server,
                    network.contains(ip).then_some(port),
                    self.shared(ip.is_ipv6(), mac),
                );
            }
        }
        own
    }
}

/// Every address of this node and its peers in `model`, whoever is master.
pub fn own_addresses(model: &Model, known: &impl Knowledge) -> Vec<(Addr, Own)> {
    Stations { model, known }.own()
}

/// Compiles `model` and what is known into a snapshot.
pub fn compile(generation: u64, model: &Model, known: &impl Knowledge) -> Snapshot {
    let stations = Stations { model, known };
    let last = model.targets.keys().next_back().map_or(0, |n| usize::from(*n) + 1);
    let mut targets = vec![Target::default(); last];
    for number in model.targets.keys() {
        targets[usize::from(*number)] = known.target(*number);
    }
    let vrrp = model.vrrp.and_then(|v| {
        let network = model.networks.get(&v.network)?;
        Some((v.vrid, PortId::try_from(network.interface).ok()?))
    });
    Snapshot {
        generation,
        modules: model.modules.clone(),
        master: known.master(),
        vrrp,
        ports: stations.ports(),
        own: AddrMap::build(&stations.own()),
        watched: AddrMap::build(&known.watched()),
        forwarding: model.ipforwarding,
        routes: known.routes(),
        services: AddrMap::build(&services(model)),
        servers: servers(model, &targets),
        targets,
    }
}

/// What each virtual address serves.
fn services(model: &Model) -> Vec<(Addr, Vec<Service>)> {
    let mut services: BTreeMap<Addr, Vec<Service>> = BTreeMap::new();
    for (number, server) in model.servers.iter().filter(|(_, s)| s.registered) {
        for ip in server.addresses() {
            let service = Service { protocol: server.protocol, port: server.port, server: *number };
            services.entry(ip.into()).or_default().push(service);
        }
    }
    for list in services.values_mut() {
        // Exact protocol and port first, then any port, then any protocol; stable, so the lower number wins.
        list.sort_by_key(|s| (s.protocol.is_none(), s.port == 0));
    }
    services.into_iter().collect()
}

/// Registered servers by number, with the targets that can take new sessions.
fn servers(model: &Model, targets: &[Target]) -> Vec<Option<Server>> {
    let mut servers: Vec<Option<Server>> = Vec::new();
    for (number, server) in model.servers.iter().filter(|(_, s)| s.registered) {
        let usable = |reachable: fn(&Target) -> bool| {
            let takes = |n: &&u16| {
                model.targets.get(n).is_some_and(|t| t.active)
                    && targets.get(usize::from(**n)).is_some_and(reachable)
            };
            server.targets.iter().filter(takes).copied().collect()
        };
        servers.resize(usize::from(*number) + 1, None);
        servers[usize::from(*number)] = Some(Server {
            active: server.active,
            sessionid: server.sessionid,
            stimeout: server.stimeout,
            targets: server.targets.clone(),
            usable4: usable(|t| t.hop4.is_some()),
            usable6: usable(|t| t.hop6.is_some()),
        });
    }
    servers
}
