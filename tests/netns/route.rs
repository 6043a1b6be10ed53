//! Routing between networks, as hosts behind the balancer see it.
//!
//! ```text
//!   client --- eth0 | balancer | eth1 --- server
//!                   |          | eth2 --- narrow      (packets of at most 1280 bytes)
//! ```
//!
//! The balancer's own host has no address anywhere: all that arrives was routed by bng.

use std::time::Duration;

use bng_world::{Bng, Capture, Host, Service, World, wait, web};

use crate::suite::{BNG, Case};

/// Bytes of the download.
const SIZE: usize = 20_000_000;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "ping", "traceroute", "tcpdump", "socat", "sha256sum"];
    let mut cases = Case::per_door("hosts of two networks meet through bng", tools, meets);
    cases.extend(Case::per_door("a host learns how large packets may be behind bng", tools, learns_the_mtu));
    cases.extend(Case::per_door("a packet finds its way through the gateway while it is up", tools, leaves));
    cases.extend(Case::per_door("a translated connection is shown on both its interfaces", tools, shows));
    cases
}

/// One network with a host: both families, and the door to it.
pub(crate) struct Leg {
    number: u8,
    mtu: u16,
}

impl Leg {
    const CLIENT: Self = Self { number: 1, mtu: 1500 };
    pub(crate) const SERVER: Self = Self { number: 2, mtu: 1500 };
    const NARROW: Self = Self { number: 3, mtu: 1280 };

    pub(crate) fn host(&self) -> [String; 2] {
        let n = self.number;
        [format!("10.{n}.0.10"), format!("2001:db8:{n}::10")]
    }

    /// A host on a cable of its own, whose only way out is bng.
    fn plug(&self, world: &mut World, balancer: &Host, name: &str) -> Host {
        let host = world.host(name);
        let (n, mtu) = (self.number, self.mtu);
        let device = format!("eth{}", n - 1);
        world.cable((&host, "eth0"), (balancer, &device));
        host.run(&format!("ip link set dev eth0 mtu {mtu}"));
        balancer.run(&format!("ip link set dev {device} mtu {mtu}"));
        let [v4, v6] = self.host();
        host.address("eth0", &format!("{v4}/24"));
        host.address("eth0", &format!("{v6}/64"));
        host.run(&format!(
            "ip route add default via 10.{n}.0.254
             ip -6 route add default via 2001:db8:{n}::fe"
        ));
        host
    }

    fn config(&self, door: &str) -> String {
        let n = self.number;
        format!(
            "interface {n} {{ name eth{} access {door} }}
register interface {n}
enable interface {n}
network {n} {{
    addr 10.{n}.0.0
    mask 255.255.255.0
    real 10.{n}.0.253
    virt 10.{n}.0.254
    mask6 64
    real6 2001:db8:{n}::fd
    virt6 2001:db8:{n}::fe
    interface {n}
}}
register network {n}
enable network {n}
",
            n - 1
        )
    }
}

/// The hosts with nginx on server and narrow, and bng between them.
pub(crate) struct Routed {
    pub(crate) client: Host,
    pub(crate) server: Host,
    narrow: Host,
    bng: Bng,
    _servers: Vec<Service>,
    pub(crate) world: World,
}

impl Routed {
    pub(crate) fn new(door: &str, more: &str) -> Self {
        let mut world = World::new();
        let balancer = world.host("balancer");
        let client = Leg::CLIENT.plug(&mut world, &balancer, "client");
        let server = Leg::SERVER.plug(&mut world, &balancer, "server");
        let narrow = Leg::NARROW.plug(&mut world, &balancer, "narrow");
        let servers = [(&server, "server"), (&narrow, "narrow")]
            .map(|(host, name)| web::start(&world, host, name, &["0.0.0.0:80", "[::]:80"]));
        let mut config = String::from("set ipforwarding 1\n");
        for leg in [Leg::CLIENT, Leg::SERVER, Leg::NARROW] {
            config.push_str(&leg.config(door));
        }
        config.push_str(more);
        let bng = Bng::running(BNG, &world, &balancer, &config);
        Self { client, server, narrow, bng, _servers: servers.into(), world }
    }

    /// The client gets the big file from `address` and its digest is right.
    fn download(&self, address: &str, expected: &str) {
        let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let line = format!("curl -gsf --max-time 50 http://{address}/files/big | sha256sum");
        assert_eq!(self.client.run(&line), expected, "from {address}");
    }

    /// Makes the big file and returns its digest.
    fn make_file(&self) -> String {
        let path = self.world.dir().join("big");
        let path = path.display();
        self.client.run(&format!("head -c {SIZE} /dev/urandom > {path}; sha256sum < {path}"))
    }
}

fn meets(door: &str) {
    let routed = Routed::new(door, "");
    let digest = routed.make_file();
    let wire = Capture::start(&routed.world, &routed.server, "eth0", "icmp or icmp6");
    for (address, ours) in Leg::SERVER.host().iter().zip(["10.1.0.253", "2001:db8:1::fd"]) {
        // The first packet waits until bng has found the server, and arrives all the same.
        let out = routed.client.run(&format!("ping -n -c 3 -i 0.2 -W 2 {address}"));
        assert!(out.contains(" 0% packet loss") && out.contains("ttl=63"), "{out}");
        let out = routed.client.run(&format!("traceroute -n -w 2 {address}"));
        let hops: Vec<_> = out.lines().skip(1).map(|l| l.split_whitespace().nth(1)).collect();
        assert_eq!(hops, [Some(ours), Some(address.as_str())], "{out}");
        routed.download(address, &digest);
    }
    let hop = "ttl 63";
    assert_eq!(
        wire.with(&["10.1.0.10 > 10.2.0.10: ICMP echo request", hop]).len(),
        3,
        "{:#?}",
        wire.frames()
    );
    assert_eq!(wire.with(&["2001:db8:1::10 > 2001:db8:2::10", "echo request", "hlim 63"]).len(), 3);
    // Nobody has these addresses: one in a network of ours, one in none.
    for (address, word) in [
        ("10.2.0.99", "Host Unreachable"),
        ("192.0.2.1", "Net Unreachable"),
        ("2001:db8:2::99", "Address unreachable"),
        ("2001:db9::1", "No route"),
    ] {
        let out = routed.client.try_run(&format!("ping -n -c 1 -W 5 {address}"));
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(!out.status.success() && text.contains(word), "{address}: {text}");
    }
    let drops = routed.bng.cmdctl("show drops\n");
    let counted = |reason: &str| {
        drops
            .lines()
            .any(|l| l.split_whitespace().nth(1) == Some(reason) && !l.trim_start().starts_with("0 "))
    };
    for reason in ["ttl-expired", "neighbor-wait", "no-route"] {
        assert!(counted(reason), "{reason}:\n{drops}");
    }
}

fn learns_the_mtu(door: &str) {
    let routed = Routed::new(door, "");
    let digest = routed.make_file();
    let [v4, v6] = Leg::NARROW.host();
    // 1280 bytes with headers of 28 and 48.
    for (address, fits) in [(&v4, 1252), (&v6, 1232)] {
        routed.client.run(&format!("ping -n -M do -s {fits} -c 1 -W 3 {address}"));
        let out = routed.client.try_run(&format!("ping -n -M do -s {} -c 1 -W 3 {address} 2>&1", fits + 1));
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let told = text.contains("mtu = 1280") || text.contains("mtu=1280");
        assert!(!out.status.success() && told, "{address}: {text}");
        let path = routed.client.run(&format!("ip route get {address}"));
        assert!(path.contains("mtu 1280"), "{path}");
    }
    // A packet that may be fragmented is, and the answer comes back in fragments of the other end.
    let wire = Capture::start(&routed.world, &routed.narrow, "eth0", "icmp");
    routed.client.run("ip route flush cache");
    let line = format!("ping -n -M dont -s 1400 -c 1 -W 3 {v4}");
    routed.client.run(&line);
    wire.until(&["10.1.0.10 > 10.3.0.10", "flags [+]"], Duration::from_secs(2));
    // And whole files come through, with segments as large as the narrow network takes.
    routed.client.run("ip route flush cache; ip -6 route flush cache");
    for address in [&v4, &v6] {
        routed.download(address, &digest);
    }
    let path = routed.world.dir().join("big");
    let path = path.display();
    let upload = |address: &str| {
        let mut sink = routed.narrow.command("sh");
        sink.args(["-c", "socat -u TCP6-LISTEN:9000,ipv6only=0,reuseaddr - | sha256sum"]);
        let log = routed.world.dir().join("sink.log");
        let mut service = Service::start(&mut sink, &log);
        let look = "cat /proc/net/tcp6 | grep -q ':2328 .* 0A '";
        wait::for_true("a listening sink", Duration::from_secs(5), || routed.narrow.succeeds(look));
        let to = if address.contains(':') { format!("TCP6:[{address}]") } else { format!("TCP4:{address}") };
        routed.client.run(&format!("socat -u {path} {to}:9000"));
        service.until_ended(Duration::from_secs(30));
        assert_eq!(service.log(), digest, "to {address}");
    };
    upload(&v4);
    upload(&v6);
}

fn leaves(door: &str) {
    let gateway = "gateway { ipaddr 10.2.0.10 ipaddr6 2001:db8:2::10 ping 1,3 ping6 1,3 }\n";
    let routed = Routed::new(door, gateway);
    // The server is the router to an outside that is its own loopback.
    for address in ["198.51.100.1", "2001:db8:ff::1"] {
        routed.server.address("lo", &format!("{address}/{}", if address.contains(':') { 128 } else { 32 }));
        routed.client.run(&format!("ping -n -c 1 -W 3 {address}"));
    }
    let log = |text: &str| routed.bng.cmdctl("show log\n").matches(text).count();
    wait::for_true("both gateways up", Duration::from_secs(5), || {
        log("gateway 10.2.0.10: up") == 1 && log("gateway 2001:db8:2::10: up") == 1
    });
    // A router that answers ARP and nothing else is none.
    routed.server.sysctl("net.ipv4.icmp_echo_ignore_all", "1");
    wait::for_true("the gateway down", Duration::from_secs(10), || {
        log("gateway 10.2.0.10: down: no answer to its check") == 1
    });
    let out = routed.client.try_run("ping -n -c 1 -W 3 198.51.100.1");
    assert!(String::from_utf8_lossy(&out.stdout).contains("Net Unreachable"), "{out:?}");
    routed.client.run("ping -n -c 1 -W 3 2001:db8:ff::1");
    routed.server.sysctl("net.ipv4.icmp_echo_ignore_all", "0");
    wait::for_true("the gateway up again", Duration::from_secs(10), || log("gateway 10.2.0.10: up") == 2);
    routed.client.run("ping -n -c 1 -W 3 198.51.100.1");
}

fn shows(door: &str) {
    let more = "gateway { ipaddr 10.3.0.10 }
server 1 { ipaddr 10.1.0.100 port 8000 protocol tcp proxy enable prx 10.2.0.254 target 1 }
register server 1
enable server 1
target 1 { ipaddr 10.2.0.10 port 80 ping 1,5 }
register target 1
enable target 1
";
    let routed = Routed::new(door, more);
    let show = |what: &str| routed.bng.cmdctl(&format!("show {what}\n"));
    wait::for_true("the target up", Duration::from_secs(10), || {
        show("targets 1 json").contains("\"state\":\"active\"")
    });
    assert_eq!(show("nat"), "0 translated connections\n");
    routed.client.run("curl -sf --max-time 5 --local-port 45678 http://10.1.0.100:8000/");

    let table = show("nat");
    assert!(table.starts_with("1 translated connection\n"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let json = show("nat json");
    for (interface, owned) in [(1, true), (2, false)] {
        let row = format!(
            "{{\"interface\":{interface},\"owned\":{owned},\"kind\":\"proxy\",\"protocol\":6,\"state\":\"closed\",\
             \"server\":1,\"target\":1,"
        );
        assert!(json.contains(&row), "{row} in {json}");
    }
    let ends = "\"initiator\":{\"address\":\"10.1.0.10\",\"port\":45678},\
                \"responder\":{\"address\":\"10.1.0.100\",\"port\":8000},\
                \"from\":{\"address\":\"10.2.0.254\",\"port\":45678},\
                \"to\":{\"address\":\"10.2.0.10\",\"port\":80}";
    assert_eq!(json.matches(ends).count(), 2, "{json}");
    let pools = show("pools json");
    assert_eq!(pools, "[{\"address\":\"10.2.0.254\",\"tcp\":1,\"udp\":0,\"echo\":0,\"of\":64512}]\n");
    assert!(show("servers 1").contains("answered "), "{}", show("servers 1"));
    assert!(show("counters json").contains("{\"counter\":\"opened\",\"value\":1,"), "{}", show("counters"));
    assert!(show("vips").contains("virt"), "{}", show("vips"));

    let said = routed.bng.cmdctl("set maxsessions 4096\n");
    assert!(said.contains("maxsessions 4096 takes effect when an interface is opened"), "{said}");
    routed.bng.cmdctl("clear nat\n");
    wait::for_true("an empty table", Duration::from_secs(2), || {
        show("nat") == "0 translated connections\n" && show("pools json").contains("\"tcp\":0")
    });
}
