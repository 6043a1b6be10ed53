//! Compiling: from the configuration and what the director knows to what the fast path reads.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::farm::{Farms, Shelves};
use super::gslb::Gslb;
use super::places::classes;
use super::services::Claim;
use super::translation::{Border, Rule, Translation, idle_times};
use super::{Knowledge, Mode, Own, Port, Role, Server, Services, Snapshot, Target, station};
use crate::conf::model::{Method, Model, Network, Side, State};
use crate::location::Locations;
use crate::nat::{NatPorts, Pools};
use crate::net::{Addr, AddrMap, PortId};
use crate::wire::MacAddr;

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
        let servers = || self.model.servers.values().filter(|s| s.registered);
        let of_servers = servers().flat_map(|s| s.addresses()).map(|ip| (ip, Role::Server));
        let vips = self.model.vips.values().filter(|vip| vip.active).flat_map(|vip| vip.addresses());
        let proxies = servers().filter_map(|s| s.proxy.as_ref()).flat_map(|proxy| proxy.addresses());
        for (ip, role) in of_servers.chain(vips.chain(proxies).map(|ip| (ip, Role::Vip))) {
            let home = self.networks().find(|(n, ..)| n.contains(ip)).or_else(|| self.networks().next());
            let Some((network, port, mac)) = home else { continue };
            add(Some(ip), role, network.contains(ip).then_some(port), self.shared(ip.is_ipv6(), mac));
        }
        own
    }
}

/// Every address of this node and its peers in `model`, whoever is master.
pub fn own_addresses(model: &Model, known: &impl Knowledge) -> Vec<(Addr, Own)> {
    Stations { model, known }.own()
}

/// Compiles `model` and what is known into a snapshot. What was made for the one before and is still right is taken from
/// the `shelves`.
pub fn compile(generation: u64, model: &Model, known: &impl Knowledge, shelves: &mut Shelves) -> Snapshot {
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
    let locations = known.locations();
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
        servers: servers(Farms { model, targets: &targets, shelves }, &locations),
        answerers: AddrMap::build(&answerers(model, &targets)),
        targets,
        translation: translation(model),
        tnats: AddrMap::build(&tnats(model)),
        served: AddrMap::build(&served(model)),
        pools: AddrMap::build(&pools(model, known)),
        asking: known.asking(),
        natports: NatPorts::new(&model.tuning.natports.runs()),
        synrate: model.tuning.synrate,
        mssclamp: model.tuning.mssclamp,
        tunnelsrc4: model.tuning.tunnelsrc.iter().map(|addr| Addr::v4(*addr)).collect(),
        tunnelsrc6: model.tuning.tunnelsrc6.iter().map(|addr| Addr::v6(*addr)).collect(),
        hashbits: model.tuning.hashbits,
        measured: measured(model),
        loads: known.loads(),
        locations,
    }
}

/// What each virtual address serves.
fn services(model: &Model) -> Vec<(Addr, Services)> {
    let mut claims: BTreeMap<Addr, Vec<Claim>> = BTreeMap::new();
    for (number, server) in model.servers.iter().filter(|(_, s)| s.registered) {
        for ip in server.addresses() {
            let ports = (!server.ports.is_any()).then(|| server.ports.runs());
            let claim = Claim { protocol: server.protocol, ports, server: *number };
            claims.entry(ip.into()).or_default().push(claim);
        }
    }
    build(claims)
}

fn build(claims: BTreeMap<Addr, Vec<Claim>>) -> Vec<(Addr, Services)> {
    claims.into_iter().map(|(addr, claims)| (addr, Services::build(&claims))).collect()
}

/// What targets serve at their own addresses in routing mode. It does not matter who is up: answers come before the
/// first check is answered.
fn served(model: &Model) -> Vec<(Addr, Services)> {
    let mut claims: BTreeMap<Addr, Vec<Claim>> = BTreeMap::new();
    if !translation(model).is_wanted() && model.tnats.is_empty() {
        return Vec::new();
    }
    for (number, server) in model.servers.iter().filter(|(_, s)| s.registered && s.gslb.is_none()) {
        // Answers to a proxy are for an address of ours.
        let proxied = |v4| server.proxy.as_ref().is_some_and(|p| p.addresses().any(|a| a.is_ipv4() == v4));
        let routed = |v4| server.addresses().any(|a| a.is_ipv4() == v4) && !proxied(v4);
        let members = server.members().filter_map(|number| model.targets.get(&number));
        for target in members.filter(|target| !target.answers_by_itself()) {
            let ports = match target.port {
                0 => (!server.ports.is_any()).then(|| server.ports.runs()),
                port => Some(vec![(port, port)]),
            };
            let claim = Claim { protocol: server.protocol, ports, server: *number };
            for addr in target.addresses().filter(|addr| routed(addr.is_ipv4())) {
                claims.entry(addr.into()).or_default().push(claim.clone());
            }
        }
    }
    build(claims)
}

/// Whether a method, a limit or somebody who waits for sessions to end needs to know what targets have to do.
fn measured(model: &Model) -> bool {
    let methods = model.servers.values().filter(|server| server.active).map(|server| server.method);
    let mut targets = model.targets.values().filter(|target| target.registered);
    methods.into_iter().any(Method::compares_loads)
        || targets.any(|target| target.maxsessions != 0 || target.state != State::Active)
}

/// Registered servers by number, with whom their clients can get.
fn servers(mut farms: Farms<'_>, locations: &Locations) -> Vec<Option<Server>> {
    let mut servers: Vec<Option<Server>> = Vec::new();
    farms.shelves.turn();
    let model = farms.model;
    for (number, server) in model.servers.iter().filter(|(_, s)| s.registered) {
        let (classes, places) = classes(&mut farms, server, model, locations);
        let proxy = server.proxy.as_ref();
        servers.resize(usize::from(*number) + 1, None);
        servers[usize::from(*number)] = Some(Server {
            active: server.active,
            sessionid: server.sessionid,
            stimeout: server.stimeout,
            ftimeout: server.ftimeout.unwrap_or_default(),
            idle_times: idle_times(server.stimeout, server.ftimeout),
            onepacket: server.onepacket,
            proxy4: proxy.iter().flat_map(|proxy| &proxy.v4).map(|addr| Addr::v4(*addr)).collect(),
            proxy6: proxy.iter().flat_map(|proxy| &proxy.v6).map(|addr| Addr::v6(*addr)).collect(),
            gslb: server.gslb.as_ref().map(|gslb| Arc::new(Gslb::new(server, gslb, model))),
            method: server.method,
            members: server.members().collect(),
            classes,
            places,
        });
    }
    servers
}

/// Addresses of targets of servers whose answers come back through us.
fn answerers(model: &Model, targets: &[Target]) -> Vec<(Addr, u16)> {
    let serving = model.servers.values().filter(|s| s.registered).flat_map(|s| s.members());
    let known = serving.filter_map(|number| Some((number, targets.get(usize::from(number))?)));
    let reaches = known.flat_map(|(number, t)| [t.v4, t.v6].into_iter().flatten().map(move |r| (r, number)));
    reaches.filter(|(reach, _)| reach.mode == Mode::Nat).map(|(reach, number)| (reach.addr, number)).collect()
}

/// Who is translated to what by `nat`.
fn translation(model: &Model) -> Translation {
    let border = |(number, network): (&u16, &Network)| {
        let side = network.nat.filter(|_| network.active)?;
        let v4 = network.virt.or(network.real).map(Addr::v4);
        let v6 = network.virt6.or(network.real6).map(Addr::v6);
        Some(Border { network: *number, side, v4, v6 })
    };
    let borders = model.networks.iter().filter_map(border).collect();
    Translation::new(borders, model.tuning.gnatdefaultto, model.tuning.gnatdnsto)
}

/// What each target's own connections are translated to.
fn tnats(model: &Model) -> Vec<(Addr, Vec<Rule>)> {
    let mut rules: BTreeMap<Addr, Vec<Rule>> = BTreeMap::new();
    for tnat in model.tnats.values().filter(|tnat| tnat.active) {
        let Some(server) = model.servers.get(&tnat.server).filter(|server| server.active) else { continue };
        for number in &tnat.targets {
            let Some(target) = model.targets.get(number) else { continue };
            for addr in target.addresses() {
                let Some(address) = server.addresses().find(|a| a.is_ipv4() == addr.is_ipv4()) else {
                    continue;
                };
                let rule = Rule {
                    target: *number,
                    protocol: tnat.protocol,
                    port: tnat.port,
                    address: address.into(),
                };
                rules.entry(addr.into()).or_default().push(rule);
            }
        }
    }
    rules.into_iter().collect()
}

/// Our addresses that translated connections come from.
pub fn sources(model: &Model) -> Vec<Addr> {
    let outside = translation(model).borders.into_iter().filter(|border| border.side == Side::Outside);
    let outside = outside.flat_map(|border| [border.v4, border.v6]).flatten();
    let proxies = model.servers.values().filter_map(|server| server.proxy.as_ref());
    let proxies = proxies.flat_map(|proxy| proxy.addresses()).map(Addr::from);
    let targets = tnats(model).into_iter().flat_map(|(_, rules)| rules).map(|rule| rule.address);
    let mut all: Vec<Addr> = outside.chain(proxies).chain(targets).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn pools(model: &Model, known: &impl Knowledge) -> Vec<(Addr, Arc<Pools>)> {
    sources(model).into_iter().filter_map(|addr| Some((addr, known.pools(addr)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Config;
    use crate::conf::model::Protocol;

    const FARM: &str = "
        interface 1 { name eth0 }
        register interface 1
        enable interface 1
        network 1 { addr 172.17.2.0 mask 255.255.255.0 real 172.17.2.1 mask6 64 real6 2001:db8:2::1 nat outside interface 1 }
        network 2 { addr 10.1.1.0 mask 255.255.255.0 real 10.1.1.254 nat inside interface 1 }
        register networks 1,2
        enable networks 1,2
        server 1 { ipaddr 172.17.2.90 ipaddr6 2001:db8:2::90 port 80,8000-8010 protocol tcp targets 1,2 }
        server 2 { ipaddr 172.17.2.91 port 25 targets 1 backups 4 }
        server 3 { ipaddr 172.17.2.92 port 99 proxy enable targets 3 }
        server 4 { ipaddr 172.17.2.93 targets 5 }
        server 5 { ipaddr 172.17.2.94 port 7 targets 6 }
        target 1 { ipaddr 10.1.1.1 ipaddr6 2001:db8:1::1 }
        target 2 { ipaddr 10.1.1.1 ipaddr6 2001:db8:1::1 port 8081 }
        target 3 { ipaddr 10.1.1.3 }
        target 4 { ipaddr 10.1.1.4 port 2525 }
        target 5 { ipaddr 10.1.1.5 dsr enable }
        target 6 { ipaddr 10.1.1.6 }
        register servers 1,2,3,4";

    fn map(text: &str) -> AddrMap<Services> {
        let (config, diagnostics) = Config::parse("f", text);
        assert_eq!(diagnostics.to_string(), "");
        AddrMap::build(&served(&config.model().expect("a model")))
    }

    fn serves(map: &AddrMap<Services>, addr: &str, port: u16) -> bool {
        let addr: IpAddr = addr.parse().expect("an address");
        map.get(addr.into()).is_some_and(|at| at.find(Some(Protocol::Tcp), port).is_some())
    }

    #[test]
    fn targets_answer_from_the_ports_of_their_servers_or_from_their_own() {
        let map = map(FARM);
        for (addr, ports) in [
            ("10.1.1.1", &[80, 8000, 8010, 8081, 25][..]),
            ("2001:db8:1::1", &[80, 8000, 8010, 8081]),
            ("10.1.1.4", &[2525]),
        ] {
            let all: Vec<u16> = (0..=u16::MAX).filter(|port| serves(&map, addr, *port)).collect();
            assert!(ports.iter().all(|port| all.contains(port)), "{addr}: {all:?}");
            assert_eq!(
                all.len(),
                if ports.contains(&8010) { ports.len() + 9 } else { ports.len() },
                "{addr}"
            );
        }
    }

    #[test]
    fn answers_that_do_not_come_through_as_they_are_do_not_count() {
        let map = map(FARM);
        // To our own address; from the server's; of a server that is not registered.
        for addr in ["10.1.1.3", "10.1.1.5", "10.1.1.6"] {
            assert!(map.get(addr.parse::<IpAddr>().expect("an address").into()).is_none(), "{addr}");
        }
    }

    #[test]
    fn a_server_for_all_ports_leaves_its_targets_none_and_nobody_asks_without_translation() {
        let all = FARM.replace("port 25 ", "");
        assert!(serves(&map(&all), "10.1.1.1", 40_000));
        assert!(!serves(&map(&all.replace("nat inside", "")), "10.1.1.1", 80));
    }
}
