//! A site where all that clients and servers send each other goes through the balancer.
//!
//! ```text
//!            10.9.0.0/24         10.1.0.0/24                 10.2.0.0/24
//!   client .10 ---- .1 gate .1 ---- .254 balancer .254 ---- web1 .11, web2 .12, lone .13
//! ```
//!
//! IPv6 is 2001:db8:N::/64 in the same order, with `::10`, `::1`, `::fe`, `::11`, `::12` and `::13`. The default route of
//! web1 and web2 is the balancer's; lone has none and answers only its own network. Nobody outside knows a route to
//! 10.2.0.0/24. With one leg, the gate, the balancer and the servers share one switch.

use bng_world::{Bng, Host, Service, World, web};
use std::fmt::Write as _;

use crate::farm::until_serving;
use crate::suite::BNG;

/// The client, by family.
pub(crate) const CLIENT: [&str; 2] = ["10.9.0.10", "2001:db8:9::10"];
/// Its router, as the client sees it.
pub(crate) const GATE: [&str; 2] = ["10.9.0.1", "2001:db8:9::1"];
/// Of routing mode, with web1 and web2 behind it.
pub(crate) const ROUTED: [&str; 2] = ["10.1.0.100", "2001:db8:1::100"];
/// Of the proxy, with lone behind it.
pub(crate) const PROXY: [&str; 2] = ["10.1.0.101", "2001:db8:1::101"];
/// The balancer on the clients' side: what hosts inside are seen as.
pub(crate) const OUTSIDE: [&str; 2] = ["10.1.0.254", "2001:db8:1::fe"];
/// The balancer on the servers' side: their gateway, and the proxy's source.
pub(crate) const INSIDE: [&str; 2] = ["10.2.0.254", "2001:db8:2::fe"];
/// The node itself on the servers' side.
pub(crate) const INSIDE_REAL: [&str; 2] = ["10.2.0.253", "2001:db8:2::fd"];

/// How the balancer is plugged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Legs {
    One,
    Two,
}

/// The hosts, with nginx on all servers, and nothing on the balancer yet.
pub(crate) struct Site {
    pub(crate) legs: Legs,
    pub(crate) client: Host,
    pub(crate) gate: Host,
    pub(crate) balancer: Host,
    pub(crate) web1: Host,
    pub(crate) web2: Host,
    pub(crate) lone: Host,
    // Declared, and so dropped, before the world, which removes the files that they use.
    services: Vec<Service>,
    pub(crate) world: World,
}

impl Site {
    pub(crate) fn new(legs: Legs) -> Self {
        let mut world = World::new();
        let client = world.host("client");
        let (gate, balancer) = match legs {
            Legs::One => (world.plugged("gate", &[]), world.plugged("balancer", &[])),
            Legs::Two => {
                let (gate, balancer) = (world.host("gate"), world.plugged("balancer", &[]));
                world.cable((&gate, "eth0"), (&balancer, "eth1"));
                (gate, balancer)
            }
        };
        world.cable((&client, "eth0"), (&gate, "eth1"));
        for (device, n) in [("eth0", 1), ("eth1", 9)] {
            gate.address(device, &format!("10.{n}.0.1/24"));
            gate.address(device, &format!("2001:db8:{n}::1/64"));
        }
        gate.sysctl("net.ipv4.ip_forward", "1");
        gate.sysctl("net.ipv6.conf.all.forwarding", "1");
        client.address("eth0", "10.9.0.10/24");
        client.address("eth0", "2001:db8:9::10/64");
        client.run("ip route add default via 10.9.0.1; ip -6 route add default via 2001:db8:9::1");
        let server = |world: &mut World, name, n| {
            world.plugged(name, &[&format!("10.2.0.{n}/24"), &format!("2001:db8:2::{n}/64")])
        };
        let (web1, web2, lone) =
            (server(&mut world, "web1", 11), server(&mut world, "web2", 12), server(&mut world, "lone", 13));
        for web in [&web1, &web2] {
            web.run("ip route add default via 10.2.0.254; ip -6 route add default via 2001:db8:2::fe");
        }
        let services = [(&client, "client"), (&web1, "web1"), (&web2, "web2"), (&lone, "lone")]
            .map(|(host, name)| web::start(&world, host, name, &["0.0.0.0:80", "[::]:80"]));
        Self { legs, client, gate, balancer, web1, web2, lone, services: services.into(), world }
    }

    /// The balancer's devices: on the clients' side and on the servers' side.
    pub(crate) fn devices(&self) -> [&'static str; 2] {
        match self.legs {
            Legs::One => ["eth0", "eth0"],
            Legs::Two => ["eth1", "eth0"],
        }
    }

    /// The ends of connections.
    pub(crate) fn ends(&self) -> [&Host; 4] {
        [&self.client, &self.web1, &self.web2, &self.lone]
    }

    /// Starts programs on all ends.
    pub(crate) fn serve_all(&mut self, serve: impl Fn(&World, &mut Vec<Service>, &Host, &str)) {
        let hosts = self.ends().map(Host::clone);
        for (host, name) in hosts.iter().zip(["client", "web1", "web2", "lone"]) {
            serve(&self.world, &mut self.services, host, name);
        }
    }

    /// Kills the web server of `name`; its host stays.
    pub(crate) fn kill_web(&mut self, name: &str) {
        let at = ["client", "web1", "web2", "lone"].iter().position(|n| *n == name).expect("a web server");
        self.services.remove(at).kill();
    }

    /// bng on the balancer through `door`, serving. `more` is added to its configuration.
    pub(crate) fn bng(&self, door: &str, more: &str) -> Bng {
        let text = self.config(door, 200, 253) + more;
        let bng = Bng::running(BNG, &self.world, &self.balancer, &text);
        until_serving(&bng, &[1, 2, 3]);
        bng
    }

    /// The configuration of a node with that VRRP priority, whose `real` addresses end in `real`.
    pub(crate) fn config(&self, door: &str, priority: u8, real: u8) -> String {
        let [front, back] = self.devices();
        let mut text = format!(
            "modules vrrp,arp,ping,hc,master,slb,tnat,nat,rt
set ipforwarding 1
interface 1 {{ name {front} access {door} }}
register interface 1
enable interface 1
"
        );
        let mut second = 1;
        if self.legs == Legs::Two {
            second = 2;
            let _ = write!(
                text,
                "interface 2 {{ name {back} access {door} }}
register interface 2
enable interface 2
"
            );
        }
        for (n, side, interface) in [(1, "outside", 1), (2, "inside", second)] {
            let _ = write!(
                text,
                "network {n} {{
    addr 10.{n}.0.0
    mask 255.255.255.0
    real 10.{n}.0.{real}
    virt 10.{n}.0.254
    mask6 64
    real6 2001:db8:{n}::{real:x}
    virt6 2001:db8:{n}::fe
    nat {side}
    interface {interface}
}}
register network {n}
enable network {n}
"
            );
        }
        let _ = write!(
            text,
            "vrrp {{ vrid 79 priority {priority} network 2 }}
gateway {{ ipaddr 10.1.0.1 ipaddr6 2001:db8:1::1 }}
server 1 {{
    ipaddr {}
    ipaddr6 {}
    targets 1,2
}}
server 2 {{
    ipaddr {}
    ipaddr6 {}
    proxy enable
    prx {}
    prx6 {}
    target 3
}}
tnat 1 {{ server 1 target 2 }}
",
            ROUTED[0], ROUTED[1], PROXY[0], PROXY[1], INSIDE[0], INSIDE[1]
        );
        for n in 1..=3 {
            let _ = write!(
                text,
                "target {n} {{
    ipaddr 10.2.0.1{n}
    ipaddr6 2001:db8:2::1{n}
    ping 1,3
    ping6 1,3
}}
"
            );
        }
        text + "register targets 1,2,3
enable targets 1,2,3
register servers 1,2
enable servers 1,2
register tnat 1
enable tnat 1
"
    }
}

/// An address as it stands in a URL.
pub(crate) fn in_url(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}
