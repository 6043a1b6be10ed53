//! What the engine is measured with: one server, one host to route to, and who is where.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bng::conf::model::{
    Gslb, Interface, Method, Model, Module, Network, Ports, Protocol, Proxy, Server, Side, Subnet4, Target,
    Tunnel,
};
use bng::location::Locations;
use bng::nat::Pools;
use bng::net::Addr;
use bng::net::route::{Attached, Routes};
use bng::snapshot::{self, Hop, Knowledge, Mode, Reach, Snapshot};
use bng::time::Duration;
use bng::wire::dns::OwnedName;
use bng::wire::{MacAddr, ethernet, ethertype, ipv4, protocol, udp};
use bng_platform::Meta;
use bng_platform::memory::MemoryFrame;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
/// A host outside, behind the gateway.
const WORLD: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);
/// What queries ask for.
const NAME: &str = "www.example.org";
const STATION: MacAddr = MacAddr([4, 0, 0, 0, 0, 0]);

/// How packets are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Dsr,
    Routed,
    Proxy,
    Tunnel(Tunnel),
    /// Source translation from inside to outside.
    Nat,
    /// Routing without translation.
    Rt,
    /// Queries are answered with the address of a target.
    Dns,
}

/// The snapshot of a node whose server has so many targets.
pub(crate) fn farm(method: Method, targets: u16) -> Snapshot {
    let mut model = Way::Dsr.model();
    let one = model.targets[&1].clone();
    let target =
        |n: u16| Target { ipaddr: Some(Ipv4Addr::from_bits(0x0a01_0000 + u32::from(n))), ..one.clone() };
    model.targets = (1..=targets).map(|n| (n, target(n))).collect();
    if let Some(server) = model.servers.get_mut(&1) {
        server.targets = (1..=targets).collect();
        server.method = method;
    }
    let known = Known { way: Way::Dsr, pools: Arc::new(Pools::new(1)), others: Arc::new(Pools::new(2)) };
    snapshot::compile(1, &model, &known, &mut snapshot::Shelves::default())
}

impl Way {
    /// Every way with the name that the table gives it.
    pub(crate) const ALL: [(&str, Self); 9] = [
        ("dsr", Self::Dsr),
        ("routed", Self::Routed),
        ("proxy", Self::Proxy),
        ("tunnel ipip", Self::Tunnel(Tunnel::Ipip)),
        ("tunnel gue", Self::Tunnel(Tunnel::Gue)),
        ("tunnel gre", Self::Tunnel(Tunnel::Gre)),
        ("nat", Self::Nat),
        ("rt", Self::Rt),
        ("dns", Self::Dns),
    ];

    /// The snapshot of a node that forwards this way.
    pub(crate) fn snapshot(self) -> Snapshot {
        let known = Known { way: self, pools: Arc::new(Pools::new(1)), others: Arc::new(Pools::new(2)) };
        snapshot::compile(1, &self.model(), &known, &mut snapshot::Shelves::default())
    }

    fn model(self) -> Model {
        let interface = |name: &str| Interface {
            name: name.into(),
            access: Default::default(),
            init: None,
            threads: 1,
            alerts: Default::default(),
            active: true,
        };
        let network = |addr, prefix, real, side: Side, interface| Network {
            subnet4: Some(Subnet4 { addr, prefix }),
            real: Some(real),
            nat: (self == Self::Nat).then_some(side),
            interface,
            active: true,
            ..Network::default()
        };
        let inside = network(Ipv4Addr::new(10, 0, 0, 0), 8, Ipv4Addr::new(10, 0, 0, 1), Side::Inside, 1);
        let outside = network(Ipv4Addr::new(192, 0, 2, 0), 24, Ipv4Addr::new(192, 0, 2, 1), Side::Outside, 2);
        let server = Server {
            ipaddr: Some(VIP),
            ports: Ports::new(&[53]),
            protocol: Some(Protocol::Udp),
            targets: vec![1, 2],
            stimeout: Duration::from_secs(600),
            proxy: (self == Self::Proxy).then(|| Proxy {
                v4: vec![Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)],
                v6: Vec::new(),
            }),
            gslb: (self == Self::Dns).then(|| Gslb {
                ttl: 10,
                names: OwnedName::parse(NAME).into_iter().collect(),
                ..Gslb::default()
            }),
            registered: true,
            active: true,
            ..Server::default()
        };
        let target = |last| Target {
            ipaddr: Some(Ipv4Addr::new(10, 0, 0, last)),
            registered: true,
            active: true,
            ..Target::default()
        };
        use Module::{Arp, Hc, Master, Nat, Ping, Rt, Slb, Tnat, Vrrp};
        Model {
            modules: vec![Vrrp, Arp, Ping, Hc, Master, Slb, Tnat, Nat, Rt],
            ipforwarding: self == Self::Rt,
            interfaces: BTreeMap::from([(1, interface("mem0")), (2, interface("mem1"))]),
            networks: BTreeMap::from([(1, inside), (2, outside)]),
            servers: BTreeMap::from([(1, server)]),
            targets: BTreeMap::from([(1, target(11)), (2, target(12))]),
            ..Model::default()
        }
    }

    /// A 60-byte frame (64 with FCS), or a query of 75, from client number `n`.
    pub(crate) fn frame(self, n: u32) -> MemoryFrame {
        let dst = if matches!(self, Self::Nat | Self::Rt) { WORLD } else { VIP };
        let query: Vec<u8> = if self == Self::Dns {
            let name = OwnedName::parse(NAME).expect("a name");
            [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name.as_name().wire(), &[0, 1, 0, 1]].concat()
        } else {
            vec![7; 18]
        };
        let mut bytes = vec![0; 42 + query.len()];
        let src = Ipv4Addr::from_bits(0x0a00_0000 + 0x1_0000 + n);
        let frame = ethernet::Repr {
            dst: MacAddr::real(Ipv4Addr::new(10, 0, 0, 1)),
            src: MacAddr([2; 6]),
            ethertype: ethertype::IPV4,
        };
        frame.emit(&mut bytes);
        let datagram = udp::Repr { src_port: 4000, dst_port: 53, payload: &query };
        let ip = ipv4::Repr {
            src,
            dst,
            protocol: protocol::UDP,
            ttl: 64,
            tos: 0,
            ident: 0,
            dont_fragment: true,
            payload_len: datagram.wire_len() as u16,
        };
        ip.emit(&mut bytes[14..]);
        datagram.emit(src.into(), dst.into(), &mut bytes[34..]);
        MemoryFrame { bytes, meta: Meta::default() }
    }
}

/// Everything is open, up and resolved.
struct Known {
    way: Way,
    pools: Arc<Pools>,
    others: Arc<Pools>,
}

impl Knowledge for Known {
    fn master(&self) -> bool {
        true
    }
    fn mtu(&self, _: u16) -> Option<u16> {
        Some(1500)
    }
    fn routes(&self) -> Routes {
        let attached = |network, addr: Ipv4Addr, prefix| Attached {
            addr: addr.into(),
            prefix,
            network,
            port: network as u8,
            from: MacAddr::real(addr),
            source: Some(addr.into()),
            mtu: 1500,
        };
        let networks =
            [attached(1, Ipv4Addr::new(10, 0, 0, 1), 8), attached(2, Ipv4Addr::new(192, 0, 2, 1), 24)];
        Routes::new(networks, [GATEWAY.into()])
    }
    fn watched(&self) -> Vec<(Addr, Option<MacAddr>)> {
        vec![(GATEWAY.into(), Some(STATION))]
    }
    fn target(&self, number: u16) -> snapshot::Target {
        let hop = Hop { port: 1, to: STATION, from: MacAddr([6; 6]) };
        let addr = Addr::v4(Ipv4Addr::new(10, 0, 0, 10 + number as u8));
        let mode = match self.way {
            Way::Dsr => Mode::Dsr,
            Way::Tunnel(kind) => Mode::Tunnel(kind, Ipv4Addr::new(10, 0, 0, 1).into(), addr),
            Way::Routed | Way::Proxy | Way::Nat | Way::Rt | Way::Dns => Mode::Nat,
        };
        snapshot::Target {
            v4: Some(Reach { hop, mode, addr }),
            v6: None,
            port: 5353,
            open: true,
            ..snapshot::Target::default()
        }
    }
    fn locations(&self) -> Locations {
        Locations::default()
    }
    fn pools(&self, addr: Addr) -> Option<Arc<Pools>> {
        let first = [Addr::v4(Ipv4Addr::new(10, 0, 0, 1)), Addr::v4(Ipv4Addr::new(192, 0, 2, 1))];
        Some(if first.contains(&addr) { self.pools.clone() } else { self.others.clone() })
    }

    fn asking(&self) -> Arc<bng::nat::Pools> {
        Arc::new(bng::nat::Pools::new(0))
    }

    fn loads(&self) -> Arc<bng::slb::loads::Loads> {
        Arc::default()
    }
}
