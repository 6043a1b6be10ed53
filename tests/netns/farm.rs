//! The farm that most cases look at: a client, the balancer and two web servers on one switch.
//!
//! ```text
//!   client 10.1.1.1 ... 10.1.1.60     balancer 10.1.0.3     web1 10.1.0.11     web2 10.1.0.12    (all /16)
//!          2001:db8::3:1                                    2001:db8::1:1      2001:db8::1:2     (all /32)
//! ```
//!
//! bng adds its own addresses: real, virt and the virtual servers, which both web servers hide on their loopback.

use std::time::Duration;

use bng_world::{Bng, Host, Service, World, wait, web};

use crate::suite::BNG;

/// The first virtual server.
pub(crate) const VIP: &str = "10.1.0.100";
/// The second virtual server, which serves any protocol.
pub(crate) const VIP_ANY: &str = "10.1.0.101";
/// The virtual server of IPv6.
pub(crate) const VIP6: &str = "2001:db8::2:4";
/// The address of the VRRP master.
pub(crate) const VIRT: &str = "10.1.0.2";
/// The address of the VRRP master of IPv6.
pub(crate) const VIRT6: &str = "2001:db8::2:3";
/// Hardware address of the VRRP master of group 79, for IPv4.
pub(crate) const MASTER_MAC: &str = "00:00:5e:00:01:4f";
/// Hardware address of the VRRP master of group 79, for IPv6.
pub(crate) const MASTER_MAC6: &str = "00:00:5e:00:02:4f";
/// Seconds between two pings to a target.
pub(crate) const PING_INTERVAL: u64 = 1;
/// Seconds after which a silent target is down.
pub(crate) const PING_TIMEOUT: u64 = 3;

/// The only balancer, or the first of two.
pub(crate) const FIRST: Place = Place { real: "10.1.0.1", real6: "2001:db8::2:1", priority: 200 };

/// What differs between the nodes of a pair.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) real: &'static str,
    pub(crate) real6: &'static str,
    pub(crate) priority: u8,
}

/// The farm, with bng not running yet.
pub(crate) struct Farm {
    pub(crate) client: Host,
    pub(crate) balancer: Host,
    pub(crate) webs: [Host; 2],
    // Declared, and so dropped, before the world, which removes the files that they use.
    _servers: Vec<Service>,
    pub(crate) world: World,
}

impl Farm {
    /// The hosts, with nginx on both web servers.
    pub(crate) fn new() -> Self {
        let mut world = World::new();
        let client = world.plugged("client", &["2001:db8::3:1/32"]);
        for address in clients(1, 60) {
            client.address("eth0", &format!("{address}/16"));
        }
        let balancer = world.plugged("balancer", &["10.1.0.3/16"]);
        let webs = [
            world.plugged("web1", &["10.1.0.11/16", "2001:db8::1:1/32"]),
            world.plugged("web2", &["10.1.0.12/16", "2001:db8::1:2/32"]),
        ];
        let mut servers = Vec::new();
        for (host, name) in webs.iter().zip(["web1", "web2"]) {
            for vip in [VIP, VIP_ANY, VIP6] {
                host.hide(vip);
            }
            servers.push(web::start(&world, host, name, &["0.0.0.0:80", "[::]:80"]));
        }
        Self { client, balancer, webs, _servers: servers, world }
    }

    /// bng on the balancer as the only node, through `door`, with both targets up.
    pub(crate) fn bng(&self, door: &str) -> Bng {
        let bng = Bng::running(BNG, &self.world, &self.balancer, &config(door, FIRST));
        until_serving(&bng, &[1, 2]);
        bng
    }
}

/// Waits until bng is master and `targets` are up.
pub(crate) fn until_serving(bng: &Bng, targets: &[u16]) {
    wait::for_true("mastership", Duration::from_secs(10), || is_master(bng));
    for &n in targets {
        wait::for_true(&format!("target {n} up"), Duration::from_secs(10), || is_up(bng, n));
    }
}

/// Whether `show vrrp` says that this node is master.
pub(crate) fn is_master(bng: &Bng) -> bool {
    bng.cmdctl("show vrrp\n").lines().any(|l| l.trim_start().starts_with("state ") && l.contains(": master "))
}

/// Whether `show targets` says that target `n` takes new sessions.
pub(crate) fn is_up(bng: &Bng, n: u16) -> bool {
    bng.row("targets", n).is_some_and(|row| row[1] == "active")
}

/// Client addresses number `from` to `to`.
pub(crate) fn clients(from: u8, to: u8) -> Vec<String> {
    (from..=to).map(|n| format!("10.1.1.{n}")).collect()
}

/// The farm's configuration for one node.
pub(crate) fn config(door: &str, place: Place) -> String {
    let Place { real, real6, priority } = place;
    let mut text = format!(
        "modules vrrp,arp,ping,hc,master,slb
interface 1 {{
    name eth0
    access {door}
}}
register interface 1
enable interface 1
vrrp {{
    vrid 79
    priority {priority}
    network 1
}}
network 1 {{
    addr 10.1.0.0
    mask 255.255.0.0
    real {real}
    virt {VIRT}
    mask6 32
    real6 {real6}
    virt6 {VIRT6}
    interface 1
}}
register network 1
enable network 1
server 1 {{
    ipaddr {VIP}
    ipaddr6 {VIP6}
    port 80
    protocol tcp
    targets 1,2
}}
server 2 {{
    ipaddr {VIP}
    port 5353
    protocol udp
    targets 1,2
}}
server 3 {{
    ipaddr {VIP_ANY}
    targets 1,2
}}
server 4 {{
    ipaddr {VIP}
    port 9000
    protocol tcp
    targets 1,2
}}
register servers 1,2,3,4
enable servers 1,2,3,4
"
    );
    for n in [1, 2] {
        text += &format!(
            "target {n} {{
    ipaddr 10.1.0.1{n}
    ipaddr6 2001:db8::1:{n}
    ping {PING_INTERVAL},{PING_TIMEOUT}
    ping6 {PING_INTERVAL},{PING_TIMEOUT}
    dsr enable
}}
"
        );
    }
    text + "register targets 1,2\nenable targets 1,2\n"
}
