//! Rules about the ways of packets: how they reach a target, and how its answers find back to the client.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Level, Rules, list};
use crate::conf::kind::Kind;
use crate::conf::model::{Access, Network, Server, Target};

/// Memory above which its size is mentioned.
const MUCH: u64 = 4 << 30;
/// Most bytes that one more of `maxsessions` costs a worker: a session and a translated connection of each family.
const SESSION_BYTES: u64 = 2 * (64 + 96);

/// Its answers go to clients by another way than through us.
const fn answers_by_itself(target: &Target) -> bool {
    target.dsr || target.tunnel.is_some()
}

/// Our address in `network` that other machines may have as their router: the one that moves with mastership, else
/// the node's own.
fn router(network: &Network, v6: bool) -> Option<IpAddr> {
    if v6 {
        network.virt6.or(network.real6).map(IpAddr::V6)
    } else {
        network.virt.or(network.real).map(IpAddr::V4)
    }
}

impl Rules<'_> {
    pub(super) fn forwarding(&mut self) {
        self.ways();
        self.answers();
        self.taps();
        self.proxies();
        self.tunnels();
        self.sessions();
    }

    /// How packets reach targets.
    fn ways(&mut self) {
        for (number, target) in &self.model.targets {
            let key = (Kind::Target, *number);
            if target.tunnel.is_some() && target.dsr {
                self.say(
                    Level::Warning,
                    key,
                    "dsr",
                    format!("target {number} has both 'tunnel' and 'dsr'"),
                    "a target behind a tunnel answers clients by itself as it is; 'dsr' keeps it from being behind a router",
                    &format!("target {number} dsr disable"),
                );
            }
            if let Some(via) = target.via {
                self.via(*number, target, via);
            }
            for addr in target.addresses() {
                let has_hop = target.via.is_some_and(|via| via.is_ipv4() == addr.is_ipv4());
                if self.home(addr).is_some() || has_hop || target.dsr {
                    continue;
                }
                let keyword = if addr.is_ipv4() { "ipaddr" } else { "ipaddr6" };
                let gateway = self.model.gateway.iter().flat_map(|gateway| gateway.addresses());
                let proxied = || {
                    let mut of =
                        self.model.servers.values().filter(|s| s.members().any(|member| member == *number));
                    of.all(|server| server.proxy.is_some())
                };
                if !gateway.into_iter().any(|gateway| gateway.is_ipv4() == addr.is_ipv4()) {
                    self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!(
                            "target {number} has the address {addr}, which lies in no network, and there is no gateway"
                        ),
                        "nothing leads to it: it will stay down",
                        &format!("add its network or a gateway, or name a router: target {number} via <address>"),
                    );
                } else if target.tunnel.is_none() && !proxied() {
                    self.say(
                        Level::Note,
                        key,
                        keyword,
                        format!("target {number} has the address {addr} and is reached through the gateway"),
                        "clients understand its answers only if they come back through this node",
                        "a tunnel or a proxy works whatever routes its answers take",
                    );
                }
            }
        }
    }

    /// The next hop on the way to a target.
    fn via(&mut self, number: u16, target: &Target, via: IpAddr) {
        let key = (Kind::Target, number);
        if let Some((network, word)) = self.own(via) {
            self.say(
                Level::Error,
                key,
                "via",
                format!("'via' of target {number} is our own {word} in network {network}"),
                "a node cannot be its own way out",
                "give the address of the router in front of the target",
            );
        } else if self.home(via).is_none() {
            self.say(
                Level::Error,
                key,
                "via",
                format!("'via' of target {number} is {via}, which lies in no network"),
                "the next hop must be a neighbour; the target will stay down",
                "give the address that the router has in one of our networks",
            );
        } else if target.dsr {
            self.say(
                Level::Warning,
                key,
                "via",
                format!("target {number} is for direct server return, but has a router in front of it"),
                "the router gets packets with the server's address and sends them back to this node",
                &format!("target {number} tunnel ipip, and no 'dsr'"),
            );
        } else if target.addresses().all(|addr| addr.is_ipv4() != via.is_ipv4()) {
            self.say(
                Level::Warning,
                key,
                "via",
                format!("target {number} has no address of the family of its 'via' {via}"),
                "the statement has no effect",
                "give a next hop of the target's family",
            );
        }
    }

    /// How answers of translated connections find back.
    fn answers(&mut self) {
        let mut routed: BTreeMap<(u16, bool), BTreeSet<u16>> = BTreeMap::new();
        for (number, server) in self.model.servers.iter().filter(|(_, server)| server.proxy.is_none()) {
            let mut beside: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
            for (n, target) in self.targets_of(server).filter(|(_, target)| !answers_by_itself(target)) {
                for addr in target.addresses() {
                    let Some((network, _)) = self.home(addr) else { continue };
                    let same_family = |vip: &IpAddr| vip.is_ipv4() == addr.is_ipv4();
                    let Some(vip) = server.addresses().find(same_family) else { continue };
                    if self.home(vip).is_some_and(|(home, _)| home == network) {
                        beside.entry(network).or_default().insert(n);
                    } else {
                        routed.entry((network, addr.is_ipv6())).or_default().insert(n);
                    }
                }
            }
            for (network, targets) in beside {
                let targets: Vec<u16> = targets.into_iter().collect();
                self.say(
                    Level::Warning,
                    (Kind::Server, *number),
                    "target",
                    format!("server {number} and its {} are both in network {network}", named(&targets)),
                    "clients in that network get answers straight from the target, and refuse them",
                    &format!(
                        "'server {number} proxy enable' or 'target {} dsr enable', or keep clients out of the network",
                        list(&targets)
                    ),
                );
            }
        }
        for ((network, v6), targets) in routed {
            let targets: Vec<u16> = targets.into_iter().collect();
            let Some(home) = self.model.networks.get(&network) else { continue };
            let moves = if v6 { home.virt6.is_some() } else { home.virt.is_some() };
            let virt = if v6 { "virt6" } else { "virt" };
            if self.model.vrrp.is_some() && !moves {
                self.say(
                    Level::Warning,
                    (Kind::Network, network),
                    if v6 { "real6" } else { "real" },
                    format!(
                        "network {network} has no {virt}, but the answers of {} go through it",
                        named(&targets)
                    ),
                    "they would go to a node that is not the master any more",
                    &format!("network {network} {virt} <address>, as the default gateway of the targets"),
                );
            } else if let Some(router) = router(home, v6) {
                let their = if targets.len() == 1 { "its" } else { "their" };
                self.say(
                    Level::Note,
                    (Kind::Target, targets[0]),
                    if v6 { "ipaddr6" } else { "ipaddr" },
                    format!(
                        "answers of {} come back only if {their} default gateway is {router}",
                        named(&targets)
                    ),
                    "clients refuse answers that were not translated back here",
                    "",
                );
            }
        }
    }

    /// Translated targets on this host.
    fn taps(&mut self) {
        for (number, target) in &self.model.targets {
            let tap = target.addresses().find_map(|addr| {
                let (_, home) = self.home(addr)?;
                let interface = self.model.interfaces.get(&home.interface)?;
                (interface.access == Access::Tap).then_some((home, addr))
            });
            let Some((home, addr)) = tap.filter(|_| target.registered && !answers_by_itself(target)) else {
                continue;
            };
            let hint = router(home, addr.is_ipv6()).map_or_else(String::new, |router| {
                format!("on the host: ip rule add from {addr} lookup 100; ip route add default via {router} table 100")
            });
            self.say(
                Level::Note,
                (Kind::Target, *number),
                "",
                format!("target {number} is this host itself, behind tap interface {}", home.interface),
                "its answers must come back by that interface, but the host knows shorter ways",
                &hint,
            );
        }
    }

    /// Addresses that proxies send from.
    fn proxies(&mut self) {
        for (number, server) in &self.model.servers {
            let key = (Kind::Server, *number);
            for (keyword, address, serves) in
                [("prx", "ipaddr", server.ipaddr.is_some()), ("prx6", "ipaddr6", server.ipaddr6.is_some())]
            {
                if !self.is_said(key, keyword) {
                    continue;
                }
                if server.proxy.is_none() {
                    self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!("server {number} has '{keyword}', but is no proxy"),
                        "the address is not used",
                        &format!("server {number} proxy enable"),
                    );
                } else if !serves {
                    self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!("server {number} has '{keyword}', but no '{address}'"),
                        "it gets no packets of that family to send on",
                        "",
                    );
                }
            }
            let Some(proxy) = &server.proxy else { continue };
            let foreign: Vec<IpAddr> =
                proxy.addresses().filter(|addr| server.addresses().all(|own| own != *addr)).collect();
            for addr in foreign {
                self.prx(*number, addr);
            }
            let mut away = BTreeSet::new();
            for (n, target) in self.targets_of(server).filter(|(_, target)| !answers_by_itself(target)) {
                for addr in target.addresses() {
                    let Some((_, home)) = self.home(addr) else { continue };
                    let mut from = proxy.addresses().filter(|from| from.is_ipv4() == addr.is_ipv4());
                    if from.any(|from| !home.contains(from)) {
                        away.insert(n);
                    }
                }
            }
            if !away.is_empty() {
                let targets: Vec<u16> = away.into_iter().collect();
                self.say(
                    Level::Note,
                    key,
                    "proxy",
                    format!(
                        "server {number} sends to {} from an address of another network",
                        named(&targets)
                    ),
                    "they answer through their router, which must lead back to this node",
                    "'prx' with our virt in the network of the targets needs no route",
                );
            }
        }
    }

    /// An address that server `number` sends from and that is not its own.
    fn prx(&mut self, number: u16, addr: IpAddr) {
        let key = (Kind::Server, number);
        let keyword = if addr.is_ipv4() { "prx" } else { "prx6" };
        if let Some(owner) = self.owner(addr) {
            self.say(
                Level::Error,
                key,
                keyword,
                format!("{keyword} {addr} of server {number} is the address of {owner}"),
                "answers to it would not come here, or would be taken for those of somebody else",
                "give an address that nobody else has; our virt in the network of the targets is one",
            );
            return;
        }
        let other = |(n, server): &(&u16, &Server)| **n != number && server.addresses().any(|a| a == addr);
        if let Some((other, _)) = self.model.servers.iter().find(other) {
            self.say(
                Level::Warning,
                key,
                keyword,
                format!("{keyword} {addr} of server {number} is the address of server {other}"),
                "if that one serves ports from 1024 on, its clients and these connections may meet on one port",
                "our virt in the network of the targets is the usual choice",
            );
        } else if let Some((network, word @ ("real" | "real6"))) = self.own(addr) {
            // Without a second node there is nowhere else for the address to be.
            if self.model.vrrp.is_some() {
                self.say(
                    Level::Warning,
                    key,
                    keyword,
                    format!("{keyword} {addr} of server {number} is {word} of network {network}"),
                    "that address stays on this node when the other one becomes master, and answers with it",
                    &format!("use {} of the network", if addr.is_ipv4() { "virt" } else { "virt6" }),
                );
            }
        } else if self.home(addr).is_none() {
            self.say(
                Level::Warning,
                key,
                keyword,
                format!("{keyword} {addr} of server {number} lies in no network"),
                "nobody asks for it on a wire of ours: routers need a route to it through this node",
                "our virt in the network of the targets needs no route",
            );
        }
    }

    /// Who else has `addr`: a machine that is not this node.
    fn owner(&self, addr: IpAddr) -> Option<String> {
        let target = self.model.targets.iter().find(|(_, target)| target.addresses().any(|a| a == addr));
        let gateway = self.model.gateway.iter().flat_map(|gateway| gateway.addresses());
        let is_gateway = gateway.into_iter().any(|a| a == addr);
        target.map(|(n, _)| format!("target {n}")).or(is_gateway.then(|| "the gateway".to_owned()))
    }

    /// Sources and size of packets in tunnels.
    fn tunnels(&mut self) {
        let set = (Kind::Set, 0);
        let tunnelled: Vec<u16> =
            self.model.targets.iter().filter(|(_, t)| t.tunnel.is_some()).map(|(n, _)| *n).collect();
        let tuning = &self.model.tuning;
        let v4 = tuning.tunnelsrc.iter().copied().map(IpAddr::V4).collect();
        let v6 = tuning.tunnelsrc6.iter().copied().map(IpAddr::V6).collect();
        for (keyword, sources) in [("tunnelsrc", v4), ("tunnelsrc6", v6)] {
            let sources: Vec<IpAddr> = sources;
            let used = tunnelled.iter().filter_map(|n| self.model.targets.get(n)).any(|target| {
                target.addresses().any(|addr| sources.iter().any(|src| src.is_ipv4() == addr.is_ipv4()))
            });
            if !sources.is_empty() && !used {
                self.say(
                    Level::Note,
                    set,
                    keyword,
                    format!("no target is reached through a tunnel that '{keyword}' could be used for"),
                    "it has no effect",
                    "",
                );
                continue;
            }
            for addr in sources {
                if let Some(owner) = self.owner(addr) {
                    self.say(
                        Level::Error,
                        set,
                        keyword,
                        format!("{keyword} {addr} is the address of {owner}"),
                        "errors about packets in the tunnel would go there, and it may refuse them as forged",
                        "give addresses that nobody has",
                    );
                } else if self.home(addr).is_none() {
                    self.say(
                        Level::Note,
                        set,
                        keyword,
                        format!("{keyword} {addr} lies in no network"),
                        "routers that check where packets come from drop what has such a source",
                        "",
                    );
                }
            }
        }
        if !tunnelled.is_empty() && !self.model.tuning.mssclamp {
            self.say(
                Level::Note,
                (Kind::Target, tunnelled[0]),
                "tunnel",
                format!("{} behind tunnels get segments as long as clients make them", named(&tunnelled)),
                "those that do not fit into the MTU with the tunnel's header are cut, or clients are told to send \
                 shorter ones, if that word reaches them",
                "'set mssclamp 1', or a larger MTU all the way to the target",
            );
        }
        if tunnelled.is_empty() && self.model.tuning.mssclamp {
            self.say(
                Level::Note,
                set,
                "mssclamp",
                "'set mssclamp 1', but no target is reached through a tunnel".to_owned(),
                "it has no effect",
                "",
            );
        }
    }

    /// Times and numbers of sessions.
    fn sessions(&mut self) {
        for (number, server) in &self.model.servers {
            let key = (Kind::Server, *number);
            if let Some(closed) = server.ftimeout.filter(|closed| *closed > server.stimeout) {
                self.say(
                    Level::Warning,
                    key,
                    "ftimeout",
                    format!(
                        "server {number} keeps sessions that were closed for {} s, others for {} s",
                        closed.as_secs(),
                        server.stimeout.as_secs()
                    ),
                    "a session never outlives 'stimeout'",
                    "'ftimeout' is to be the shorter of the two",
                );
            }
            if server.onepacket && server.protocol == Some(crate::conf::model::Protocol::Tcp) {
                self.say(
                    Level::Warning,
                    key,
                    "onepacket",
                    format!("server {number} has 'onepacket', but serves TCP only"),
                    "the statement is for UDP and has no effect",
                    &format!("server {number} protocol udp, or leave it out"),
                );
            }
        }
        let workers: u64 =
            self.model.interfaces.values().filter(|i| i.active).map(|i| u64::from(i.threads)).sum();
        let most = workers * u64::from(self.model.tuning.maxsessions) * SESSION_BYTES;
        if most > MUCH && self.is_said((Kind::Set, 0), "maxsessions") {
            self.say(
                Level::Note,
                (Kind::Set, 0),
                "maxsessions",
                format!(
                    "with maxsessions {} the tables of {workers} workers grow to {} GB",
                    self.model.tuning.maxsessions,
                    most.div_ceil(1_000_000_000)
                ),
                "so much is taken only if all of them fill, with IPv4 and IPv6, sessions and translations",
                "see that the host has it, or choose a smaller number",
            );
        }
    }

    fn targets_of<'s>(&'s self, server: &'s Server) -> impl Iterator<Item = (u16, &'s Target)> {
        server.members().filter_map(|n| Some((n, self.model.targets.get(&n)?)))
    }
}

/// `target 1`, `targets 1,2`.
fn named(targets: &[u16]) -> String {
    let word = if targets.len() == 1 { "target" } else { "targets" };
    format!("{word} {}", list(targets))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_said, lines};
    use crate::conf::Config;

    /// Two networks, a server in the first, two translated targets in the second.
    const ROUTED: &str = "interface 1 { name eth0 }
network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.2 virt 10.0.0.1 interface 1 }
network 2 { addr 10.1.0.0 mask 255.255.255.0 real 10.1.0.2 virt 10.1.0.1 interface 1 }
server 1 { ipaddr 10.0.0.100 port 80 protocol tcp targets 1,2 }
target 1 { ipaddr 10.1.0.11 ping 3,10 }
target 2 { ipaddr 10.1.0.12 ping 3,10 }
register interface 1
enable interface 1
register networks 1,2
enable networks 1,2
register server 1
enable server 1
register targets 1,2
enable targets 1,2
";

    const ROUTER: &str = "note: answers of targets 1,2 come back only if their default gateway is 10.1.0.1";

    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(ROUTED.contains(from), "{from}");
        lines(&ROUTED.replace(from, to))
    }

    fn added(more: &str) -> Vec<String> {
        lines(&format!("{ROUTED}{more}\n"))
    }

    #[test]
    fn translated_targets_need_us_as_their_router() {
        assert_eq!(lines(ROUTED), [ROUTER]);
        assert_eq!(
            changed("virt 10.1.0.1 ", ""),
            ["note: answers of targets 1,2 come back only if their default gateway is 10.1.0.2"]
        );
        let pair = ROUTED.replace("virt 10.1.0.1 ", "") + "vrrp { vrid 1 network 1 }\n";
        assert_said(
            &lines(&pair),
            "warning: network 2 has no virt, but the answers of targets 1,2 go through it",
        );
        assert_said(
            &changed("ipaddr 10.0.0.100", "ipaddr 10.1.0.100"),
            "warning: server 1 and its targets 1,2 are both in network 2",
        );
        assert_said(
            &changed("10.1.0.12", "10.0.0.12"),
            "warning: server 1 and its target 2 are both in network 1",
        );
        let direct = ROUTED.replace("ping 3,10 }", "ping 3,10 dsr enable }");
        assert_eq!(lines(&direct.replace("10.0.0.100", "10.1.0.100")), [""; 0]);
    }

    #[test]
    fn a_target_beyond_all_networks_needs_a_way() {
        assert_said(
            &changed("10.1.0.12", "192.0.2.1"),
            "warning: target 2 has the address 192.0.2.1, which lies in no network, and there is no gateway",
        );
        let far = ROUTED.replace("10.1.0.12", "192.0.2.1");
        let gateway = "gateway { ipaddr 10.0.0.254 }\n";
        assert_said(
            &lines(&format!("{far}{gateway}")),
            "note: target 2 has the address 192.0.2.1 and is reached through the gateway",
        );
        let tunnelled = far.replace("192.0.2.1", "192.0.2.1 tunnel ipip") + "set mssclamp 1\n";
        let router = "note: answers of target 1 come back only if its default gateway is 10.1.0.1";
        assert_eq!(lines(&format!("{tunnelled}{gateway}")), [router]);
        assert_eq!(lines(&tunnelled.replace("tunnel", "via 10.1.0.254 tunnel")), [router]);
        assert_said(
            &lines(&tunnelled.replace("set mssclamp 1", gateway)),
            "note: target 2 behind tunnels get segments as long as clients make them",
        );
    }

    #[test]
    fn the_next_hop_is_a_neighbour() {
        let via = |words: &str| changed("10.1.0.12", &format!("10.1.0.12 {words}"));
        assert_said(&via("via 10.1.0.1"), "error: 'via' of target 2 is our own virt in network 2");
        assert_said(&via("via 192.0.2.9"), "error: 'via' of target 2 is 192.0.2.9, which lies in no network");
        assert_said(
            &via("via 10.1.0.254 dsr enable"),
            "warning: target 2 is for direct server return, but has a router in front of it",
        );
        assert_said(&via("tunnel gre dsr enable"), "warning: target 2 has both 'tunnel' and 'dsr'");
        let six = ROUTED
            .replace("virt 10.1.0.1", "virt 10.1.0.1 mask6 64 real6 2001:db8::2")
            .replace("10.1.0.12", "10.1.0.12 via 2001:db8::9");
        assert_said(&lines(&six), "warning: target 2 has no address of the family of its 'via' 2001:db8::9");
    }

    #[test]
    fn a_target_on_this_host_is_pointed_out() {
        let tap = ROUTED.replace("interface 1 { name eth0 }", "interface 1 { name eth0 access tap }");
        assert_said(&lines(&tap), "note: target 1 is this host itself, behind tap interface 1");
    }

    #[test]
    fn proxies_send_from_addresses_that_lead_back() {
        let prx = |words: &str| changed("port 80", &format!("{words} port 80"));
        assert_eq!(prx("proxy enable prx 10.1.0.1"), [""; 0]);
        assert_eq!(prx("proxy enable prx 10.1.0.1,10.1.0.50"), [""; 0]);
        assert_eq!(prx("proxy enable prx 10.1.0.2"), [""; 0], "alone, real is as good as virt");
        assert_eq!(
            prx("proxy enable"),
            ["note: server 1 sends to targets 1,2 from an address of another network"]
        );
        assert_said(&prx("prx 10.1.0.1"), "warning: server 1 has 'prx', but is no proxy");
        assert_said(&prx("proxy enable prx6 2001:db8::1"), "warning: server 1 has 'prx6', but no 'ipaddr6'");
        assert_said(
            &prx("proxy enable prx 192.0.2.1"),
            "warning: prx 192.0.2.1 of server 1 lies in no network",
        );
        assert_said(
            &prx("proxy enable prx 10.1.0.11"),
            "error: prx 10.1.0.11 of server 1 is the address of target 1",
        );
        let two = ROUTED.replace("port 80", "proxy enable prx 10.0.0.101 port 80")
            + "server 2 { ipaddr 10.0.0.101 target 1 }\n";
        assert_said(&lines(&two), "warning: prx 10.0.0.101 of server 1 is the address of server 2");
        let pair =
            ROUTED.replace("port 80", "proxy enable prx 10.1.0.2 port 80") + "vrrp { vrid 1 network 1 }\n";
        assert_said(&lines(&pair), "warning: prx 10.1.0.2 of server 1 is real of network 2");
    }

    #[test]
    fn a_proxy_needs_the_answers_of_its_targets() {
        for (words, named, off) in
            [("dsr enable", "dsr", "target 2 dsr disable"), ("tunnel ipip", "tunnel", "no target 2 tunnel")]
        {
            let proxy = "port 80 proxy enable prx 10.1.0.1";
            let text = ROUTED.replace("10.1.0.12", &format!("10.1.0.12 {words}"));
            assert_said(
                &lines(&text.replace("port 80", proxy)),
                &format!(
                    "error: server 1 is a proxy, but its target 2 answers clients by itself ('{named}')"
                ),
            );
            // What the hint says works.
            let (mut config, _) = Config::parse("f", &text);
            let on = "server 1 proxy enable";
            assert!(config.clone().apply_line(on).is_err_and(|why| why.to_string().contains(off)));
            config.apply_line(off).expect("a statement");
            config.apply_line(on).expect("a proxy without targets that answer by themselves");
        }
    }

    #[test]
    fn tunnels_come_from_addresses_that_routers_accept() {
        let tunnelled = ROUTED.replace("10.1.0.12", "10.1.0.12 tunnel gue") + "set mssclamp 1\n";
        assert_eq!(lines(&format!("{tunnelled}set tunnelsrc 10.1.0.1,10.1.0.60\n")).len(), 1);
        assert_said(
            &lines(&format!("{tunnelled}set tunnelsrc 192.0.2.7\n")),
            "note: tunnelsrc 192.0.2.7 lies in no network",
        );
        assert_said(
            &lines(&format!("{tunnelled}set tunnelsrc 10.1.0.11\n")),
            "error: tunnelsrc 10.1.0.11 is the address of target 1",
        );
        assert_said(
            &added("set tunnelsrc 10.1.0.60"),
            "note: no target is reached through a tunnel that 'tunnelsrc' could be used for",
        );
        assert_said(
            &added("set mssclamp 1"),
            "note: 'set mssclamp 1', but no target is reached through a tunnel",
        );
    }

    #[test]
    fn times_and_sizes_of_sessions() {
        assert_said(
            &changed("port 80", "port 80 stimeout 60 ftimeout 90"),
            "warning: server 1 keeps sessions that were closed for 90 s, others for 60 s",
        );
        assert_eq!(changed("port 80", "port 80 stimeout 60 ftimeout 60"), [ROUTER]);
        assert_said(
            &changed("port 80", "port 80 onepacket enable"),
            "warning: server 1 has 'onepacket', but serves TCP only",
        );
        assert_eq!(added("set maxsessions 10000000"), [ROUTER]);
        assert_said(
            &added("set maxsessions 100000000"),
            "note: with maxsessions 100000000 the tables of 1 workers grow to 32 GB",
        );
    }
}
