//! Tunnels to targets behind a router, with real programs: each kind of tunnel, each family inside each.
//!
//! ```text
//!   client .10 --10.9.0.0/24-- .1 gate .1 --+
//!                           balancer .254 --+-- 10.1.0.0/24
//!                                 core .2 --+
//!                                 core .1 --10.3.0.0/24-- far1 .11, far2 .12
//! ```
//!
//! IPv6 is 2001:db8:N::/64 in the same order. The answers of the targets do not come past the balancer.

use std::fmt::Write as _;
use std::time::Duration;

use bng_world::{Bng, Capture, Decap, Host, Service, Tunnel, World, wait, web};

use crate::farm::until_serving;
use crate::modes::{SINK, dropped, forget_mtu, make_file, mtu, serve};
use crate::site::in_url;
use crate::suite::{BNG, Case};

/// Bytes of a transfer: 5 MB up and down for each kind and family, 60 MB for each door.
const SIZE: usize = 5_000_000;
pub(crate) const VIP: [&str; 2] = ["10.1.0.100", "2001:db8:1::100"];
/// The node's own address: where tunnels begin.
const REAL: [&str; 2] = ["10.1.0.253", "2001:db8:1::fd"];
const FAR: [&str; 2] = ["10.3.0.11", "2001:db8:3::11"];

/// Every kind of tunnel, with its word in the configuration.
pub(crate) const KINDS: [(&str, Tunnel); 3] =
    [("ipip", Tunnel::Ipip), ("gre", Tunnel::Gre), ("gue", Tunnel::Gue)];

pub(crate) fn cases() -> Vec<Case> {
    let tools =
        &["nginx", "curl", "socat", "sha256sum", "dig", "dnsmasq", "tcpdump", "ethtool", "traceroute"];
    let mut cases = Vec::new();
    for door in crate::suite::WIRE_DOORS {
        for (word, kind) in KINDS {
            for v in 0..2 {
                let outer = ["IPv4", "IPv6"][v];
                let name =
                    format!("a {word} tunnel over {outer} carries real programs of both families [{door}]");
                cases.push(Case::new(name, tools, move || carries(door, word, kind, v)));
            }
        }
    }
    cases.extend(Case::per_door("senders discover a small MTU behind a tunnel", tools, discovers_mtu));
    cases
}

/// The hosts, with all programs on the far ones, and nothing on the balancer yet.
pub(crate) struct Field {
    pub(crate) client: Host,
    pub(crate) gate: Host,
    core: Host,
    balancer: Host,
    pub(crate) fars: [Host; 2],
    _services: Vec<Service>,
    pub(crate) world: World,
}

impl Field {
    pub(crate) fn new() -> Self {
        let mut world = World::new();
        let client = world.host("client");
        let gate = world.plugged("gate", &["10.1.0.1/24", "2001:db8:1::1/64"]);
        let core = world.plugged("core", &["10.1.0.2/24", "2001:db8:1::2/64"]);
        let balancer = world.plugged("balancer", &[]);
        world.cable((&client, "eth0"), (&gate, "eth1"));
        for router in [&gate, &core] {
            router.sysctl("net.ipv4.ip_forward", "1");
            router.sysctl("net.ipv6.conf.all.forwarding", "1");
        }
        gate.address("eth1", "10.9.0.1/24");
        gate.address("eth1", "2001:db8:9::1/64");
        client.address("eth0", "10.9.0.10/24");
        client.address("eth0", "2001:db8:9::10/64");
        client.run("ip route add default via 10.9.0.1; ip -6 route add default via 2001:db8:9::1");
        core.run(
            "ip link add br1 type bridge stp_state 0 forward_delay 0 mcast_snooping 0; ip link set br1 up
             ip route add default via 10.1.0.1; ip -6 route add default via 2001:db8:1::1",
        );
        core.address("br1", "10.3.0.1/24");
        core.address("br1", "2001:db8:3::1/64");
        let mut services = vec![];
        let fars = [1, 2].map(|n| {
            let far = world.host(&format!("far{n}"));
            world.cable((&far, "eth0"), (&core, &format!("far{n}")));
            core.run(&format!("ip link set far{n} master br1"));
            far.address("eth0", &format!("10.3.0.1{n}/24"));
            far.address("eth0", &format!("2001:db8:3::1{n}/64"));
            far.run("ip route add default via 10.3.0.1; ip -6 route add default via 2001:db8:3::1");
            VIP.iter().for_each(|vip| far.hide(vip));
            services.push(web::start(&world, &far, &format!("far{n}"), &["0.0.0.0:80", "[::]:80"]));
            serve(&world, &mut services, &far, &format!("far{n}"));
            // Bound to the virtual server, so that answers are from it.
            for (family, vip) in ["UDP4", "UDP6"].into_iter().zip(VIP) {
                let listen = format!("{family}-LISTEN:9002,bind={},fork,reuseaddr", in_url(vip));
                let mut echo = far.command("socat");
                echo.args(["-b", "8000", "-T", "2", &listen, "PIPE"]);
                services.push(Service::start(&mut echo, &world.dir().join(format!("echo{n}-{family}.log"))));
            }
            far
        });
        Self { client, gate, core, balancer, fars, _services: services, world }
    }

    /// bng with targets at addresses of family `v`, through `door`.
    pub(crate) fn bng(&self, door: &str, kind: &str, v: usize) -> Bng {
        self.bng_with(door, kind, v, |text| text)
    }

    /// The same with its configuration changed by `change`.
    pub(crate) fn bng_with(
        &self,
        door: &str,
        kind: &str,
        v: usize,
        change: impl FnOnce(String) -> String,
    ) -> Bng {
        let mut text = format!(
            "modules vrrp,arp,ping,hc,master,slb
interface 1 {{ name eth0 access {door} }}
register interface 1
enable interface 1
network 1 {{
    addr 10.1.0.0
    mask 255.255.255.0
    real 10.1.0.253
    virt 10.1.0.254
    mask6 64
    real6 2001:db8:1::fd
    virt6 2001:db8:1::fe
    interface 1
}}
register network 1
enable network 1
vrrp {{ vrid 79 priority 200 network 1 }}
gateway {{ ipaddr 10.1.0.1 ipaddr6 2001:db8:1::1 }}
server 1 {{
    ipaddr {}
    ipaddr6 {}
    sessionid src+port
    targets 1,2
}}
register server 1
enable server 1
",
            VIP[0], VIP[1]
        );
        for n in [1, 2] {
            let (address, check, via) = if v == 0 {
                (format!("ipaddr 10.3.0.1{n}"), "ping 1,3", "10.1.0.2")
            } else {
                (format!("ipaddr6 2001:db8:3::1{n}"), "ping6 1,3", "2001:db8:1::2")
            };
            let _ = writeln!(text, "target {n} {{ {address} via {via} {check} tunnel {kind} }}");
        }
        text += "register targets 1,2\nenable targets 1,2\n";
        let bng = Bng::running(BNG, &self.world, &self.balancer, &change(text));
        until_serving(&bng, &[1, 2]);
        bng
    }

    fn download(&self, vip: &str, digest: &str) {
        let line = format!("curl -gsf --max-time 30 http://{}/files/big | sha256sum", in_url(vip));
        assert_eq!(self.client.run(&line), digest, "download from {vip}");
    }

    fn upload(&self, vip: &str, digest: &str) {
        let family = if vip.contains(':') { "TCP6" } else { "TCP4" };
        let big = self.world.dir().join("big");
        let line = format!("socat -t 30 - {family}:{}:{SINK} < {}", in_url(vip), big.display());
        assert_eq!(self.client.run(&line), digest, "upload to {vip}");
    }
}

fn carries(door: &str, word: &str, kind: Tunnel, v: usize) {
    let field = Field::new();
    let digest = make_file(&field.world, &field.client, SIZE);
    let _ends = field.fars.each_ref().map(|far| Decap::start(far, kind));
    let bng = field.bng(door, word, v);
    let wire = Capture::start(
        &field.world,
        &field.core,
        "br1",
        "ip proto 4 or ip proto 41 or ip proto 47 or ip6 proto 4 or ip6 proto 41 or ip6 proto 47 or port 6080",
    );
    for vip in VIP {
        let url = format!("http://{}/", in_url(vip));
        let mut served: Vec<_> =
            (0..8).map(|_| field.client.run(&format!("curl -gsf --max-time 5 {url}"))).collect();
        served.sort();
        served.dedup();
        assert_eq!(served, ["far1\n", "far2\n"], "{vip}");
        field.download(vip, &digest);
        field.upload(vip, &digest);
        for how in ["+notcp", "+tcp"] {
            let answer = field.client.run(&format!("dig +short {how} +tries=1 +time=3 @{vip} who.test TXT"));
            assert!(answer.starts_with("\"far"), "{vip}: {answer}");
        }
        // A datagram in fragments finds its target, all of it the same one.
        let family = if vip.contains(':') { "UDP6" } else { "UDP4" };
        let line = format!(
            "head -c 4000 /dev/zero | tr '\\0' x | socat -t 2 -b 8000 - {family}:{}:9002 | wc -c",
            in_url(vip)
        );
        // Only senders may cut packets of IPv6: the first is lost, and says how large the pieces may be.
        let tries = if vip.contains(':') { 2 } else { 1 };
        let got: Vec<_> = (0..tries).map(|_| field.client.run(&line)).collect();
        assert_eq!(got.last().map(|got| got.trim()), Some("4000"), "{vip}");
    }
    assert!(!wire.with(&[REAL[v], FAR[v]]).is_empty(), "no tunnel: {:#?}", wire.frames());
    let drops = bng.cmdctl("show drops\n");
    for reason in ["malformed", "checksum"] {
        assert_eq!(dropped(&drops, reason), 0, "{reason}:\n{drops}");
    }
}

fn discovers_mtu(door: &str) {
    let field = Field::new();
    let digest = make_file(&field.world, &field.client, SIZE);
    let hosts = [&field.client, &field.fars[0], &field.fars[1]];
    for host in hosts {
        host.run("ethtool -K eth0 tso off gso off");
    }
    let _ends = field.fars.each_ref().map(|far| Decap::start(far, Tunnel::Ipip));
    let bng = field.bng(door, "ipip", 0);
    for vip in VIP {
        // An outer header of 20 bytes: the balancer itself tells the client.
        field.upload(vip, &digest);
        assert_eq!(mtu(&field.client, vip).as_deref(), Some("1480"), "{vip}");
        forget_mtu(&hosts);
    }
    // The client's network is narrow: its router tells the virtual server, which is to tell the target.
    field.gate.run(
        "ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu lock 1400
         ip -6 route replace 2001:db8:9::/64 dev eth1 metric 256 mtu lock 1400",
    );
    for (vip, client) in VIP.iter().zip(["10.9.0.10", "2001:db8:9::10"]) {
        field.download(vip, &digest);
        let told: Vec<_> = field.fars.iter().filter_map(|far| mtu(far, client)).collect();
        assert_eq!(told, ["1400"], "{vip}");
        forget_mtu(&hosts);
    }
    // The targets' network is narrow: its router tells the balancer, whose packets these are, and it the client.
    field.core.run("ip route replace 10.3.0.0/24 dev br1 src 10.3.0.1 mtu lock 1340");
    for vip in VIP {
        field.upload(vip, &digest);
        assert_eq!(mtu(&field.client, vip).as_deref(), Some("1320"), "{vip}");
    }
    wait::for_true("both targets up", Duration::from_secs(5), || {
        crate::farm::is_up(&bng, 1) && crate::farm::is_up(&bng, 2)
    });
}
