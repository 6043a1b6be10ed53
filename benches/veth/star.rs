//! Client, server and every way between them, side by side on one switch.
//!
//! ```text
//!   client          server          each door of bng, and nftables: a box with one cable
//!     |               |                |      |      |      |
//!   ====================== br0 ============================
//! ```
//!
//! Each way has a virtual address of its own. With direct server return the answer goes from server to client
//! without the box; through nftables it goes back the way it came.

use bng_world::{Bng, Echo, Host, Service, World};

use crate::forwarding::until_active;

const BNG: &str = env!("CARGO_BIN_EXE_bng");
/// The client's address.
pub(crate) const CLIENT: &str = "10.1.1.1";
/// The server's own address.
pub(crate) const DIRECT: &str = "10.1.0.11";
const RAW: &str = "10.1.0.101";
const PCAP: &str = "10.1.0.102";
const NFTABLES: &str = "10.1.0.103";
const TAP: &str = "10.1.0.104";
/// The UDP port that echoes.
pub(crate) const ECHO: u16 = 7;

/// A way to the server: what it is called, and the address that leads there.
pub(crate) type Way = (&'static str, &'static str);

/// The whole arrangement; every box runs all the time.
pub(crate) struct Star {
    pub(crate) client: Host,
    // Declared, and so dropped, before the world.
    _nodes: Vec<Bng>,
    _echoes: Vec<Echo>,
    _iperf: Service,
    _world: World,
}

impl Star {
    /// Ways that small datagrams are sent.
    pub(crate) const ROUNDTRIPS: [Way; 5] = [
        ("direct", DIRECT),
        ("nftables DNAT, both ways", NFTABLES),
        ("bng, raw door, DSR", RAW),
        ("bng, pcap door, DSR", PCAP),
        ("bng, raw and tap door, DSR into its own host", TAP),
    ];
    /// Ways that a TCP stream takes.
    pub(crate) const STREAMS: [Way; 4] = [
        ("direct", DIRECT),
        ("nftables DNAT, both ways", NFTABLES),
        ("bng, raw door, DSR", RAW),
        ("bng, pcap door, DSR", PCAP),
    ];

    /// Sets everything up and waits until every way works.
    pub(crate) fn new() -> Self {
        let mut world = World::new();
        let client = world.plugged("client", &[&format!("{CLIENT}/16")]);
        let server = world.plugged("server", &[&format!("{DIRECT}/16")]);
        let [raw, pcap] = ["raw", "pcap"].map(|name| world.plugged(name, &[]));
        let nftables = world.plugged("nftables", &[&format!("{NFTABLES}/16")]);
        let tap = world.plugged("tap", &["10.1.0.4/16"]);

        nftables.sysctl("net.ipv4.ip_forward", "1");
        nftables.sysctl("net.ipv4.conf.all.send_redirects", "0");
        nftables.sysctl("net.ipv4.conf.eth0.send_redirects", "0");
        nftables.run(&format!(
            "nft 'table ip balancer {{
                 chain arriving {{
                     type nat hook prerouting priority dstnat;
                     ip daddr {NFTABLES} dnat to {DIRECT};
                 }}
                 chain leaving {{
                     type nat hook postrouting priority srcnat;
                     ip daddr {DIRECT} masquerade;
                 }}
             }}'"
        ));
        for vip in [RAW, PCAP] {
            server.hide(vip);
        }
        tap.hide(TAP);

        let nodes = vec![
            Bng::running(BNG, &world, &raw, &one_legged("raw", "10.1.0.21", RAW)),
            Bng::running(BNG, &world, &pcap, &one_legged("pcap", "10.1.0.22", PCAP)),
            Bng::running(BNG, &world, &tap, &into_own_host("10.1.0.24", TAP)),
        ];
        nodes.iter().for_each(until_active);
        let echo = |host: &Host, address: &str| Echo::start(host, &format!("{address}:{ECHO}"), "echo");
        let echoes = vec![echo(&server, DIRECT), echo(&server, RAW), echo(&server, PCAP), echo(&tap, TAP)];
        let mut iperf = Service::start(
            server.command("iperf3").args(["-s", "--forceflush"]),
            &world.dir().join("iperf3.log"),
        );
        iperf.until_logged("Server listening", std::time::Duration::from_secs(5));
        Self { client, _nodes: nodes, _echoes: echoes, _iperf: iperf, _world: world }
    }
}

/// bng with one interface, and the server behind it on the same switch.
fn one_legged(door: &str, real: &str, vip: &str) -> String {
    format!(
        "modules vrrp,arp,ping,hc,master,slb
interface 1 {{
    name eth0
    access {door}
}}
register interface 1
enable interface 1
network 1 {{
    addr 10.1.0.0
    mask 255.255.0.0
    real {real}
    interface 1
}}
register network 1
enable network 1
server 1 {{
    ipaddr {vip}
    target 1
}}
register server 1
enable server 1
target 1 {{
    ipaddr {DIRECT}
    dsr enable
}}
register target 1
enable target 1
"
    )
}

/// bng with a tap interface, and its own host behind that.
fn into_own_host(real: &str, vip: &str) -> String {
    format!(
        "modules vrrp,arp,ping,hc,master,slb
set localdsr 1
interface 1 {{
    name eth0
    access raw
}}
interface 2 {{
    name bng0
    access tap
    init \"ip addr add 10.20.20.20/24 dev bng0; ip link set bng0 up\"
}}
register interfaces 1,2
enable interfaces 1,2
network 1 {{
    addr 10.1.0.0
    mask 255.255.0.0
    real {real}
    interface 1
}}
network 2 {{
    addr 10.20.20.0
    mask 255.255.255.0
    real 10.20.20.1
    interface 2
}}
register networks 1,2
enable networks 1,2
server 1 {{
    ipaddr {vip}
    target 1
}}
register server 1
enable server 1
target 1 {{
    ipaddr 10.20.20.20
    dsr enable
}}
register target 1
enable target 1
"
    )
}
