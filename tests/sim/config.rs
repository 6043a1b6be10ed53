//! The configurations that simulations run.
//!
//! One network 172.17.2.0/24 and 2001:db8:2::/64 on one interface, the proof of concept's addresses: virtual router
//! 79, server 1 at 172.17.2.90 and 2001:db8:2::90, targets at .201, .202, ...

use std::net::{Ipv4Addr, Ipv6Addr};

use bng::conf::model::{
    Access, Alerts, Gateway, Interface, Method, Model, Module, Network, Ports, Probe, Protocol, Server,
    SessionId, Subnet4, Target, Vrrp,
};
use bng::time::Duration;
use bng::wire::MacAddr;

pub(crate) const VRID: u8 = 79;
pub(crate) const VIRTUAL_MAC: MacAddr = MacAddr::vrrp_v4(VRID);

/// The `real` address of node `index`.
pub(crate) const fn real(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(172, 17, 2, 101 + index as u8)
}

/// Node `index` of a group, without servers. Priority 0: no `vrrp` block.
pub(crate) fn node(index: usize, priority: u8) -> Model {
    let interface = Interface {
        name: "eth0".into(),
        access: Access::Raw,
        init: None,
        threads: 1,
        alerts: Alerts::default(),
        active: true,
    };
    let network = Network {
        subnet4: Some(Subnet4 { addr: Ipv4Addr::new(172, 17, 2, 0), prefix: 24 }),
        real: Some(real(index)),
        virt: Some(Ipv4Addr::new(172, 17, 2, 100)),
        mask6: Some(64),
        real6: Some(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x101 + index as u16)),
        virt6: Some(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x100)),
        interface: 1,
        active: true,
        ..Network::default()
    };
    Model {
        modules: vec![Module::Vrrp, Module::Arp, Module::Ping, Module::Hc, Module::Master, Module::Slb],
        interfaces: [(1, interface)].into(),
        networks: [(1, network)].into(),
        vrrp: (priority > 0).then_some(Vrrp { vrid: VRID, priority, network: 1 }),
        ..Model::default()
    }
}

/// Node `index` with server 1 (TCP port 80) and `targets` DSR targets that are pinged every `interval` seconds and
/// down after `timeout`; not pinged with an interval of 0.
pub(crate) fn farm(index: usize, priority: u8, targets: u16, (interval, timeout): (u64, u64)) -> Model {
    let probe = (interval > 0)
        .then_some(Probe { interval: Duration::from_secs(interval), timeout: Duration::from_secs(timeout) });
    let server = Server {
        ipaddr: Some(Ipv4Addr::new(172, 17, 2, 90)),
        ipaddr6: Some(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x90)),
        ports: Ports::new(&[80]),
        protocol: Some(Protocol::Tcp),
        targets: (1..=targets).collect(),
        method: Method::Rr,
        sessionid: SessionId::Src,
        stimeout: Duration::from_secs(600),
        registered: true,
        active: true,
        ..Server::default()
    };
    let target = |n: u16| Target {
        ipaddr: Some(Ipv4Addr::new(172, 17, 2, 200 + n as u8)),
        ipaddr6: Some(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x200 + n)),
        ping: probe,
        dsr: true,
        registered: true,
        active: true,
        ..Target::default()
    };
    Model {
        servers: [(1, server)].into(),
        targets: (1..=targets).map(|n| (n, target(n))).collect(),
        ..node(index, priority)
    }
}

/// Node `index` with server 1 of the farm in routed mode: `targets` targets at 10.1.1.1, 10.1.1.2, ... and
/// 2001:db8:11::1, ... in a second network on the same wire, where 10.1.1.100 is their gateway. The modules that
/// translate and route are in the chain.
pub(crate) fn routed(index: usize, priority: u8, targets: u16, probe: (u64, u64)) -> Model {
    let mut model = farm(index, priority, targets, probe);
    let second = Network {
        subnet4: Some(Subnet4 { addr: Ipv4Addr::new(10, 1, 1, 0), prefix: 24 }),
        real: Some(Ipv4Addr::new(10, 1, 1, 101 + index as u8)),
        virt: Some(Ipv4Addr::new(10, 1, 1, 100)),
        mask6: Some(64),
        real6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0x11, 0, 0, 0, 0, 0x101 + index as u16)),
        virt6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0x11, 0, 0, 0, 0, 0x100)),
        interface: 1,
        active: true,
        ..Network::default()
    };
    model.networks.insert(2, second);
    model.gateway = Some(Gateway { ipaddr: Some(Ipv4Addr::new(172, 17, 2, 92)), ..Gateway::default() });
    for (n, target) in &mut model.targets {
        target.dsr = false;
        target.ipaddr = Some(Ipv4Addr::new(10, 1, 1, *n as u8));
        target.ipaddr6 = Some(Ipv6Addr::new(0x2001, 0xdb8, 0x11, 0, 0, 0, 0, *n));
        target.port = 8080;
    }
    model.modules.extend([Module::Tnat, Module::Nat, Module::Rt]);
    model.ipforwarding = true;
    model
}
