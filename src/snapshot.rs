//! The snapshot: everything the fast path reads, compiled once and never changed.
//!
//! The director builds a new snapshot when the configuration, a neighbour, a check or mastership changes, and
//! publishes it as a whole. A worker reads one snapshot per batch, so it never sees half a change.

mod compile;
pub mod farm;
pub mod gslb;
mod places;
mod services;
pub mod translation;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::conf::model::{Method, Module, Network, SessionId, Side, Tunnel};
use crate::flow::Timeouts;
use crate::location::Locations;
use crate::nat::{NatPorts, Pools};
use crate::net::route::Routes;
use crate::net::{Addr, AddrMap, PortId};
use crate::slb::loads::Loads;
use crate::time::Duration;
use crate::wire::{MacAddr, protocol};
pub use compile::{compile, own_addresses, sources};
pub use farm::{Candidate, Candidates, Class, Shelves, TargetSet};
pub use places::Places;
pub use services::Services;
use translation::{Rule, Translation};

/// Who owns one of our addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `real` or `real6`: this node, master or not.
    Real,
    /// `virt` or `virt6`: the master.
    Virt,
    /// Address of a server: the master.
    Server,
    /// `vip`, or an address that a server sends from: the master.
    Vip,
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

/// A server as the fast path sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Enabled.
    pub active: bool,
    /// Session identity.
    pub sessionid: SessionId,
    /// Idle time of a session.
    pub stimeout: Duration,
    /// The same once its connection has begun to end; zero for no difference.
    pub ftimeout: Duration,
    /// Idle times of translated connections, but see [`Server::timeouts`].
    pub idle_times: Timeouts,
    /// Datagrams of UDP have no session.
    pub onepacket: bool,
    /// Our addresses that its targets see, by family; none where they see the client's.
    pub proxy4: Vec<Addr>,
    /// The same for IPv6.
    pub proxy6: Vec<Addr>,
    /// It answers DNS queries, and forwards nothing.
    pub gslb: Option<Arc<gslb::Gslb>>,
    /// How a new session is given to a target.
    pub method: Method,
    /// All its targets, backups included: those that a session of it may have.
    pub members: TargetSet,
    /// Whom its clients can get, at least one class. The first is for everybody who is in no other, see
    /// [`Snapshot::class`].
    pub classes: Vec<Class>,
    /// Which of them the clients of a location are in.
    pub places: Places,
}

impl Server {
    /// A target that can take new sessions.
    pub fn usable(&self) -> Option<u16> {
        let both = self.classes.iter().flat_map(|class| [&class.v4, &class.v6]);
        both.flat_map(|candidates| &candidates.list).map(|candidate| candidate.target).min()
    }

    /// Only its backups can take new sessions.
    pub fn on_backups(&self) -> bool {
        self.classes.iter().any(|class| class.v4.backup || class.v6.backup)
    }

    /// Idle times of translated connections of protocol `proto`. What is one question and one answer ends early.
    pub fn timeouts(&self, proto: u8) -> Timeouts {
        let mut times = self.idle_times;
        if self.onepacket && proto == protocol::UDP {
            times.datagram = times.single;
        }
        times
    }
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

/// How packets are forwarded to a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Its address stands in them, and its answers come back.
    #[default]
    Nat,
    /// Direct server return: they stay as they are.
    Dsr,
    /// The same, inside a packet from this address of ours to the target.
    Tunnel(Tunnel, Addr, Addr),
}

/// What a target is for packets of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The next station.
    pub hop: Hop,
    /// What happens with packets.
    pub mode: Mode,
    /// Its address; for a tunnel, the inner packet keeps its own.
    pub addr: Addr,
}

/// A target as the fast path sees it: how to get there for each family in which it can be reached and is up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Target {
    /// IPv4 packets.
    pub v4: Option<Reach>,
    /// IPv6 packets.
    pub v6: Option<Reach>,
    /// Port, 0 for that of the packet.
    pub port: u16,
    /// It takes new sessions.
    pub open: bool,
    /// It takes none any more, but connections that nobody remembers may well be its own.
    pub lingers: bool,
    /// The part of its share that it does not get yet because it has come up just now, of 65,536.
    pub held: u16,
    /// Most sessions, 0 for no limit.
    pub maxsessions: u32,
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
    /// What each virtual address serves.
    pub services: AddrMap<Services>,
    /// Where clients are.
    pub locations: Locations,
    /// Servers by number.
    pub servers: Vec<Option<Server>>,
    /// Targets by number.
    pub targets: Vec<Target>,
    /// Addresses of targets whose answers are translated back, with their numbers.
    pub answerers: AddrMap<u16>,
    /// Source translation.
    pub translation: Translation,
    /// Translation of what targets open, by address of the target.
    pub tnats: AddrMap<Vec<Rule>>,
    /// What targets serve at their own addresses, and so answer from; empty where nobody's connections are translated.
    pub served: AddrMap<Services>,
    /// Ports of our addresses that translated connections come from.
    pub pools: AddrMap<Arc<Pools>>,
    /// Ports of our own addresses that health checks ask from now; changes while the snapshot stays.
    pub asking: Arc<Pools>,
    /// Which of these ports may be taken.
    pub natports: NatPorts,
    /// New sessions per second of one worker that are stored, 0 for no limit.
    pub synrate: u32,
    /// Segments of connections through tunnels are kept small enough.
    pub mssclamp: bool,
    /// Source addresses of tunnels of IPv4, one per flow.
    pub tunnelsrc4: Vec<Addr>,
    /// The same of IPv6.
    pub tunnelsrc6: Vec<Addr>,
    /// Leading bits of the client address that `method hash` looks at; of IPv6 32 more.
    pub hashbits: u8,
    /// Somebody looks at [`Snapshot::loads`].
    pub measured: bool,
    /// What every target has to do; changes while the snapshot stays.
    pub loads: Arc<Loads>,
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
            locations: Locations::default(),
            servers: Vec::new(),
            targets: Vec::new(),
            answerers: AddrMap::build(&[]),
            translation: Translation::new(Vec::new(), Duration::ZERO, Duration::ZERO),
            tnats: AddrMap::build(&[]),
            served: AddrMap::build(&[]),
            pools: AddrMap::build(&[]),
            asking: Arc::new(Pools::new(0)),
            natports: NatPorts::new(&[(0, u16::MAX)]),
            synrate: 0,
            mssclamp: false,
            tunnelsrc4: Vec::new(),
            tunnelsrc6: Vec::new(),
            hashbits: 0,
            measured: false,
            loads: Arc::default(),
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

    /// Whom a client of `server` with this address can get.
    #[inline]
    pub fn class<'s>(&self, server: &'s Server, client: Addr) -> &'s Class {
        &server.classes[server.places.class(&self.locations, client)]
    }

    /// Where frames of this family go for target `number`, if it is up.
    #[inline]
    pub fn reach(&self, number: u16, v6: bool) -> Option<&Reach> {
        let target = self.targets.get(usize::from(number))?;
        if v6 { target.v6.as_ref() } else { target.v4.as_ref() }
    }

    /// Our station on interface `port` that speaks to `addr`: that of its network, or of the gateway's.
    pub fn station_towards(&self, port: PortId, addr: Addr) -> MacAddr {
        let way = self.routes.way(addr).filter(|way| way.port == port).map(|way| way.from);
        let any = || self.port(port).and_then(|port| port.real_macs.first().copied());
        way.or_else(any).unwrap_or(MacAddr::ZERO)
    }

    /// Whether packets from `src` to `dst` may be translated or balanced, so that their ports matter.
    pub fn concerns(&self, src: Addr, dst: Addr) -> bool {
        let from_inside = || {
            let network = self.routes.on_link(src).map(|way| way.network);
            network.and_then(|number| self.translation.side(number)) == Some(Side::Inside)
        };
        self.own.get(dst).is_some()
            || self.answerers.get(src).is_some()
            || self.tnats.get(src).is_some()
            || from_inside()
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
    /// How to get to target `number`, when it is up.
    fn target(&self, number: u16) -> Target;
    /// Ports that health checks ask from.
    fn asking(&self) -> Arc<Pools>;
    /// What is known of where clients are.
    fn locations(&self) -> Locations;
    /// The ports of `addr`, one of [`sources`].
    fn pools(&self, addr: Addr) -> Option<Arc<Pools>>;
    /// What every target has to do.
    fn loads(&self) -> Arc<Loads>;
}

/// Station address of network `number` of `model` for the node itself: `06:00:` and the IPv4 `real` address, else
/// the last four bytes of `real6`, else of whatever address the network has.
pub fn station(network: &Network) -> Option<MacAddr> {
    let v4 = |addr: Option<Ipv4Addr>| addr.map(MacAddr::real);
    let v6 = |addr: Option<Ipv6Addr>| addr.map(MacAddr::real_v6);
    v4(network.real).or(v6(network.real6)).or(v4(network.virt)).or(v6(network.virt6))
}
