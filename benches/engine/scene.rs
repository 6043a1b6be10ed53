//! What the engine is measured with: one server, one host to route to, and who is where.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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
use bng::wire::{MacAddr, ethernet, ethertype, ipv4, ipv6, protocol, udp};
use bng_platform::Meta;
use bng_platform::memory::MemoryFrame;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
const VIP6: Ipv6Addr = inside6(0x100);
/// Our addresses inside, and outside.
const INSIDE: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
const INSIDE6: [Ipv6Addr; 2] = [inside6(1), inside6(2)];
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OUTSIDE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
/// A host outside, behind the gateway.
const WORLD: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
const WORLD6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 8, 0, 0, 0, 0, 8);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);
const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x254);
/// What queries ask for.
const NAME: &str = "www.example.org";
const STATION: MacAddr = MacAddr([4, 0, 0, 0, 0, 0]);

/// Host `n` inside.
const fn inside6(n: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | n as u128)
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// Both with their names.
    pub(crate) const ALL: [(&str, Self); 2] = [("IPv4", Self::V4), ("IPv6", Self::V6)];

    fn pick(self, v4: Ipv4Addr, v6: Ipv6Addr) -> IpAddr {
        match self {
            Self::V4 => v4.into(),
            Self::V6 => v6.into(),
        }
    }
}

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
        let network = |addr, prefix, real, real6, side: Side, interface| Network {
            subnet4: Some(Subnet4 { addr, prefix }),
            real: Some(real),
            mask6: Some(64),
            real6: Some(real6),
            nat: (self == Self::Nat).then_some(side),
            interface,
            active: true,
            ..Network::default()
        };
        let inside = network(Ipv4Addr::new(10, 0, 0, 0), 8, INSIDE[0], INSIDE6[0], Side::Inside, 1);
        let outside = network(Ipv4Addr::new(192, 0, 2, 0), 24, OUTSIDE, OUTSIDE6, Side::Outside, 2);
        let server = Server {
            ipaddr: Some(VIP),
            ipaddr6: Some(VIP6),
            ports: Ports::new(&[53]),
            protocol: Some(Protocol::Udp),
            targets: vec![1, 2],
            stimeout: Duration::from_secs(600),
            proxy: (self == Self::Proxy).then(|| Proxy { v4: INSIDE.into(), v6: INSIDE6.into() }),
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
            ipaddr6: Some(inside6(last.into())),
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

    /// A frame of 60 bytes (64 with FCS) for IPv4 and 80 for IPv6, or a query, from client number `n`.
    pub(crate) fn frame(self, family: Family, n: u32) -> MemoryFrame {
        let to_the_world = matches!(self, Self::Nat | Self::Rt);
        let dst = if to_the_world { family.pick(WORLD, WORLD6) } else { family.pick(VIP, VIP6) };
        let src = family.pick(Ipv4Addr::from_bits(0x0a01_0000 + n), inside6(0x1_0000 + n));
        let query: Vec<u8> = if self == Self::Dns {
            let name = OwnedName::parse(NAME).expect("a name");
            let kind = if family == Family::V4 { 1 } else { 28 };
            [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name.as_name().wire(), &[0, kind, 0, 1]].concat()
        } else {
            vec![7; 18]
        };
        let datagram = udp::Repr { src_port: 4000, dst_port: 53, payload: &query };
        let payload_len = datagram.wire_len() as u16;
        let mut bytes = vec![0; 14];
        let frame = ethernet::Repr {
            dst: MacAddr::real(INSIDE[0]),
            src: MacAddr([2; 6]),
            ethertype: if family == Family::V4 { ethertype::IPV4 } else { ethertype::IPV6 },
        };
        frame.emit(&mut bytes);
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let packet = ipv4::Repr {
                    src,
                    dst,
                    protocol: protocol::UDP,
                    ttl: 64,
                    tos: 0,
                    ident: 0,
                    dont_fragment: true,
                    payload_len,
                };
                bytes.resize(14 + packet.wire_len(), 0);
                packet.emit(&mut bytes[14..]);
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let packet = ipv6::Repr { src, dst, next_header: protocol::UDP, hop_limit: 64, payload_len };
                bytes.resize(14 + packet.wire_len(), 0);
                packet.emit(&mut bytes[14..]);
            }
            _ => unreachable!("both addresses are of one family"),
        }
        let l4 = bytes.len();
        bytes.resize(l4 + datagram.wire_len(), 0);
        datagram.emit(src, dst, &mut bytes[l4..]);
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
        let attached = |network, addr: IpAddr, from, prefix| Attached {
            addr: addr.into(),
            prefix,
            network,
            port: network as u8,
            from: MacAddr::real(from),
            source: Some(addr.into()),
            mtu: 1500,
        };
        let networks = [
            attached(1, INSIDE[0].into(), INSIDE[0], 8),
            attached(1, INSIDE6[0].into(), INSIDE[0], 64),
            attached(2, OUTSIDE.into(), OUTSIDE, 24),
            attached(2, OUTSIDE6.into(), OUTSIDE, 64),
        ];
        Routes::new(networks, [GATEWAY.into(), GATEWAY6.into()])
    }
    fn watched(&self) -> Vec<(Addr, Option<MacAddr>)> {
        vec![(GATEWAY.into(), Some(STATION)), (GATEWAY6.into(), Some(STATION))]
    }
    fn target(&self, number: u16) -> snapshot::Target {
        let hop = Hop { port: 1, to: STATION, from: MacAddr([6; 6]) };
        let reach = |own: IpAddr, addr: IpAddr| {
            let mode = match self.way {
                Way::Dsr => Mode::Dsr,
                Way::Tunnel(kind) => Mode::Tunnel(kind, own.into(), addr.into()),
                Way::Routed | Way::Proxy | Way::Nat | Way::Rt | Way::Dns => Mode::Nat,
            };
            Some(Reach { hop, mode, addr: addr.into() })
        };
        snapshot::Target {
            v4: reach(INSIDE[0].into(), Ipv4Addr::new(10, 0, 0, 10 + number as u8).into()),
            v6: reach(INSIDE6[0].into(), inside6(0x10 + u32::from(number)).into()),
            port: 5353,
            open: true,
            ..snapshot::Target::default()
        }
    }
    fn locations(&self) -> Locations {
        Locations::default()
    }
    fn pools(&self, addr: Addr) -> Option<Arc<Pools>> {
        let first: [Addr; 4] = [INSIDE[0].into(), INSIDE6[0].into(), OUTSIDE.into(), OUTSIDE6.into()];
        Some(if first.contains(&addr) { self.pools.clone() } else { self.others.clone() })
    }

    fn asking(&self) -> Arc<bng::nat::Pools> {
        Arc::new(bng::nat::Pools::new(0))
    }

    fn loads(&self) -> Arc<bng::slb::loads::Loads> {
        Arc::default()
    }
}
