//! Rules about `nat`, `tnat` and `vip`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Level, Rules, list};
use crate::conf::kind::Kind;
use crate::conf::model::{Protocol, Server, Side, Tnat};

const fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

impl Rules<'_> {
    pub(super) fn translation(&mut self) {
        self.nat();
        self.tnats();
        self.vips();
    }

    /// Inside and outside networks.
    fn nat(&mut self) {
        let of = |side| {
            let all = self.model.networks.iter().filter(move |(_, network)| network.nat == Some(side));
            all.collect::<Vec<_>>()
        };
        let (inside, outside) = (of(Side::Inside), of(Side::Outside));
        let (present, missing, why) = match (&inside[..], &outside[..]) {
            ([(number, _), ..], []) => ((*number, "inside"), "outside", "its hosts keep their addresses"),
            ([], [(number, _), ..]) => ((*number, "outside"), "inside", "nobody is translated"),
            _ => {
                let v4 = outside.iter().any(|(_, n)| n.virt.or(n.real).is_some());
                let v6 = outside.iter().any(|(_, n)| n.virt6.or(n.real6).is_some());
                for (number, network) in inside {
                    for (is_there, outside, family) in
                        [(network.subnet4.is_some(), v4, "IPv4"), (network.mask6.is_some(), v6, "IPv6")]
                    {
                        if is_there && !outside {
                            self.say(
                                Level::Note,
                                (Kind::Network, *number),
                                "nat",
                                format!("no outside network has an {family} address for network {number}"),
                                "what its hosts send in that family is not translated, only routed if that is asked for",
                                "",
                            );
                        }
                    }
                }
                return;
            }
        };
        self.say(
            Level::Warning,
            (Kind::Network, *present.0),
            "nat",
            format!("network {} is 'nat {}', but no network is 'nat {missing}'", present.0, present.1),
            why,
            &format!("for example: network 2 nat {missing}"),
        );
    }

    fn tnats(&mut self) {
        let mut seen: BTreeMap<(u16, Option<Protocol>, u16), u16> = BTreeMap::new();
        for (number, tnat) in &self.model.tnats {
            let key = (Kind::Tnat, *number);
            if tnat.targets.is_empty() {
                self.say(
                    Level::Warning,
                    key,
                    "target",
                    format!("tnat {number} names no target"),
                    "nobody's connections are translated",
                    &format!("for example: tnat {number} target 1"),
                );
            }
            for target in &tnat.targets {
                if let Some(other) = seen.insert((*target, tnat.protocol, tnat.port), *number) {
                    self.say(
                        Level::Warning,
                        key,
                        "target",
                        format!(
                            "tnat {number} and tnat {other} are for the same connections of target {target}"
                        ),
                        &format!("tnat {other} gets them"),
                        "tell them apart by protocol or port",
                    );
                }
            }
            if let Some(server) = self.model.servers.get(&tnat.server) {
                self.identity(*number, tnat, server);
            }
        }
    }

    /// A `tnat` and the server whose address it gives.
    fn identity(&mut self, number: u16, tnat: &Tnat, server: &Server) {
        let (key, name) = ((Kind::Tnat, number), tnat.server);
        if tnat.active && !server.active {
            self.say(
                Level::Warning,
                key,
                "server",
                format!("tnat {number} gives the address of server {name}, which is not enabled"),
                "connections of its targets keep their addresses",
                &format!("register and enable server {name}"),
            );
        }
        if let (Some(of), Some(served)) = (tnat.protocol, server.protocol)
            && of != served
        {
            self.say(
                Level::Warning,
                key,
                "protocol",
                format!("tnat {number} is for {}, its server {name} for {}", word(of), word(served)),
                "peers that call back at the address they have seen are refused",
                "give both the same protocol",
            );
        }
        if tnat.port != 0 && !server.ports.contains(tnat.port) {
            self.say(
                Level::Note,
                key,
                "port",
                format!("tnat {number} is for port {}, which server {name} does not serve", tnat.port),
                "peers that call back at the port they have seen are refused",
                "",
            );
        }
        let of = |numbers: &mut dyn Iterator<Item = u16>| numbers.collect::<Vec<u16>>();
        let known = || tnat.targets.iter().filter_map(|n| Some((*n, self.model.targets.get(n)?)));
        let idle = of(&mut known().filter(|(_, target)| !target.registered).map(|(n, _)| n));
        let strange =
            of(&mut tnat.targets.iter().copied().filter(|n| !server.members().any(|member| member == *n)));
        let lost = of(&mut known()
            .filter(|(_, target)| {
                !target.addresses().any(|a| server.addresses().any(|b| a.is_ipv4() == b.is_ipv4()))
            })
            .map(|(n, _)| n));
        let findings = [
            (
                Level::Warning,
                lost,
                "has no address family in common with its server",
                "their connections keep their addresses",
            ),
            (
                Level::Note,
                idle,
                "is for targets that are not registered",
                "their connections are translated all the same",
            ),
            (
                Level::Note,
                strange,
                "is for targets that its server does not send to",
                "peers that call back reach another target",
            ),
        ];
        for (level, targets, what, why) in findings {
            if !targets.is_empty() {
                let message = format!("tnat {number} {what}: {}", list(&targets));
                self.say(level, key, "target", message, why, "");
            }
        }
    }

    fn vips(&mut self) {
        let mut seen: BTreeMap<IpAddr, u16> = BTreeMap::new();
        for (number, vip) in &self.model.vips {
            let key = (Kind::Vip, *number);
            for addr in vip.addresses() {
                let keyword = if addr.is_ipv4() { "ipaddr" } else { "ipaddr6" };
                let target = self.model.targets.iter().find(|(_, t)| t.addresses().any(|a| a == addr));
                let other = seen.insert(addr, *number);
                let mut say = |level, message: String, why, hint| {
                    self.say(
                        level,
                        key,
                        keyword,
                        format!("vip {number} has the address {addr}, {message}"),
                        why,
                        hint,
                    );
                };
                if let Some((target, _)) = target {
                    say(
                        Level::Error,
                        format!("which is the one of target {target}"),
                        "two machines would answer for it",
                        "a vip is an address that no other machine has",
                    );
                    continue;
                }
                if let Some(other) = other {
                    say(
                        Level::Warning,
                        format!("and so has vip {other}"),
                        "once is enough",
                        "leave one of them out",
                    );
                }
                match self.own(addr) {
                    Some((network, word @ ("real" | "real6"))) => self.say(
                        Level::Error,
                        key,
                        keyword,
                        format!("vip {number} has the address {addr}, which is {word} of network {network}"),
                        "that address stays on this node when the other one becomes master",
                        "give the vip an address of its own",
                    ),
                    Some((network, word)) => self.say(
                        Level::Note,
                        key,
                        keyword,
                        format!("vip {number} has the address {addr}, which is {word} of network {network} too"),
                        "the master owns that address as it is",
                        "the vip can be left out",
                    ),
                    None if self.home(addr).is_none() => self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!("vip {number} has the address {addr}, which lies in no network"),
                        "nobody asks for it on a wire of ours: a router must have a route to it through this node",
                        "check the address, or add its network",
                    ),
                    None => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_said, lines};

    /// A farm of which `nat`, `tnat` and `vip` are each used as they should be.
    const FARM: &str = "interface 1 { name eth0 }
network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.2 virt 10.0.0.1 nat outside interface 1 }
network 2 { addr 10.1.0.0 mask 255.255.255.0 real 10.1.0.2 virt 10.1.0.1 nat inside interface 1 }
vip 1 { ipaddr 10.0.0.50 }
server 1 { ipaddr 10.0.0.100 port 5060 protocol udp proxy enable prx 10.1.0.1 target 1 }
target 1 { ipaddr 10.1.0.11 ping 3,10 }
tnat 1 { server 1 port 5060 protocol udp target 1 }
register interface 1
enable interface 1
register networks 1,2
enable networks 1,2
register vip 1
enable vip 1
register server 1
enable server 1
register target 1
enable target 1
register tnat 1
enable tnat 1
";

    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(FARM.contains(from), "{from}");
        lines(&FARM.replace(from, to))
    }

    #[test]
    fn inside_needs_outside() {
        assert_eq!(lines(FARM), [""; 0]);
        assert_eq!(
            changed(" nat outside", ""),
            ["warning: network 2 is 'nat inside', but no network is 'nat outside'"]
        );
        assert_eq!(
            changed(" nat inside", ""),
            ["warning: network 1 is 'nat outside', but no network is 'nat inside'"]
        );
        assert_eq!(
            changed("virt 10.1.0.1 ", "virt 10.1.0.1 mask6 64 real6 2001:db8::2 "),
            ["note: no outside network has an IPv6 address for network 2"]
        );
    }

    #[test]
    fn translation_needs_its_modules() {
        let chain = |words: &str| lines(&format!("{FARM}modules {words}\n"));
        assert_eq!(
            chain("vrrp,arp,hc,slb,tnat"),
            ["warning: module 'nat' is not in the chain, so hosts of inside networks keep their addresses"]
        );
        assert_eq!(
            chain("vrrp,arp,hc,slb,nat"),
            [
                "warning: module 'tnat' is not in the chain, so connections that targets open keep their addresses"
            ]
        );
    }

    #[test]
    fn a_tnat_gives_the_identity_of_a_server_that_serves_it() {
        let tnat = |from: &str, to: &str| changed(&format!("tnat 1 {{ {from}"), &format!("tnat 1 {{ {to}"));
        assert_eq!(
            tnat("server 1 port 5060 protocol udp", "server 1 port 5060 protocol tcp"),
            ["warning: tnat 1 is for tcp, its server 1 for udp"]
        );
        assert_eq!(
            tnat("server 1 port 5060", "server 1 port 5070"),
            ["note: tnat 1 is for port 5070, which server 1 does not serve"]
        );
        assert_eq!(
            tnat("server 1 port 5060 protocol udp target 1", "server 1 port 5060 protocol udp"),
            ["warning: tnat 1 names no target"]
        );
        assert_said(
            &changed("enable server 1\n", ""),
            "warning: tnat 1 gives the address of server 1, which is not enabled",
        );
        assert_said(
            &changed("register target 1\nenable target 1\n", ""),
            "note: tnat 1 is for targets that are not registered: 1",
        );
        let more = "target 2 { ipaddr6 2001:db8::12 }\ntnat 2 { server 1 protocol udp targets 2 }\n";
        assert_said(
            &lines(&format!("{FARM}{more}")),
            "warning: tnat 2 has no address family in common with its server: 2",
        );
        assert_said(
            &lines(&format!("{FARM}{more}")),
            "note: tnat 2 is for targets that its server does not send to: 2",
        );
        assert_said(
            &lines(&format!("{FARM}tnat 2 {{ server 1 port 5060 protocol udp target 1 }}\n")),
            "warning: tnat 2 and tnat 1 are for the same connections of target 1",
        );
    }

    #[test]
    fn a_vip_is_an_address_of_its_own() {
        let vip = |addr: &str| changed("10.0.0.50", addr);
        assert_eq!(vip("10.0.0.2"), ["error: vip 1 has the address 10.0.0.2, which is real of network 1"]);
        assert_eq!(vip("10.1.0.1"), ["note: vip 1 has the address 10.1.0.1, which is virt of network 2 too"]);
        assert_eq!(
            vip("10.1.0.11"),
            ["error: vip 1 has the address 10.1.0.11, which is the one of target 1"]
        );
        assert_eq!(vip("192.0.2.1"), ["warning: vip 1 has the address 192.0.2.1, which lies in no network"]);
        assert_said(&vip("10.0.0.100"), "error: vip 1 has the address of server 1");
        assert_said(
            &lines(&format!("{FARM}vip 2 {{ ipaddr 10.0.0.50 }}\n")),
            "warning: vip 2 has the address 10.0.0.50, and so has vip 1",
        );
    }
}
