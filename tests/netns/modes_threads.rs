//! Several threads for one interface: what belongs to a connection meets the thread that knows it.
//!
//! Frames are dealt out by client. Half of the clients here meet the one thread, half the other, and the router that
//! sends the ICMP errors only one of them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bng_world::{Bng, Decap, Echo, Host, Tunnel, World, datagrams};

use crate::modes::{dropped, mtu};
use crate::modes_tunnel::{self, Field};
use crate::site::{Legs, PROXY, ROUTED, Site, in_url};
use crate::suite::Case;

/// Words of an interface's configuration behind `access`.
const TWO_THREADS: &str = "raw threads 2";
/// Last numbers of the clients' addresses.
const CLIENTS: std::ops::RangeInclusive<u16> = 21..=28;
/// Where every datagram comes back.
const ECHO: u16 = 9004;
/// Bytes of a file that needs full-sized segments.
const SIZE: usize = 300_000;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for legs in [Legs::Two, Legs::One] {
        let legs_are = if legs == Legs::One { "one leg" } else { "two legs" };
        cases.push(Case::new(
            format!("with two threads fragments find their connection in any order, {legs_are} [raw]"),
            &["nginx", "curl"],
            move || fragments(legs),
        ));
        cases.push(Case::new(
            format!("with two threads servers hear of a small MTU behind them, {legs_are} [raw]"),
            &["nginx", "curl", "sha256sum", "ethtool"],
            move || errors(legs),
        ));
    }
    cases.push(Case::new(
        "with two threads targets that answer by themselves hear of a small MTU [raw]",
        &["nginx", "curl", "socat", "dnsmasq", "iperf3", "sha256sum", "ethtool"],
        errors_to_sessions,
    ));
    cases.push(Case::new(
        "with two threads datagrams in fragments find one target, in any order [raw]",
        &["nginx", "curl", "socat", "dnsmasq", "iperf3"],
        fragments_of_sessions,
    ));
    cases
}

/// Addresses of the clients, by family.
fn clients(v: usize) -> Vec<IpAddr> {
    let prefix = ["10.9.0.", "2001:db8:9::"][v];
    CLIENTS.map(|n| format!("{prefix}{n}").parse().expect("an address")).collect()
}

fn add_clients(client: &Host) {
    for (v, bits) in [(0, 24), (1, 64)] {
        for address in clients(v) {
            client.address("eth0", &format!("{address}/{bits}"));
        }
    }
}

/// Both threads of interface 1 have had frames: else nothing is shown.
fn assert_shared(bng: &Bng) {
    let threads = bng.cmdctl("show threads\n");
    let busy = threads.lines().filter(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.first() == Some(&"bng-if1") && words.get(5).is_some_and(|frames| *frames != "0")
    });
    assert_eq!(busy.count(), 2, "{threads}");
}

/// Every client sends a datagram in fragments to `to`, and the same comes back.
fn exchange(host: &Host, to: &str, v: usize) {
    let to = SocketAddr::new(to.parse().expect("an address"), ECHO);
    let mut failed = BTreeSet::new();
    for (n, client) in clients(v).into_iter().enumerate() {
        for reversed in [false, true] {
            let from = SocketAddr::new(client, 5000 + u16::from(reversed));
            let payload: Vec<u8> = (0..4000).map(|at: usize| (at * 7 + n) as u8).collect();
            let socket = host.bind_udp(from);
            socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout above zero");
            datagrams::send_in_fragments(
                host,
                from,
                to,
                &payload,
                100 + 2 * n as u16 + u16::from(reversed),
                reversed,
            );
            let mut buf = vec![0; 65536];
            if !socket.recv_from(&mut buf).is_ok_and(|got| got == (payload.len(), to))
                || buf[..payload.len()] != payload
            {
                failed.insert((from, reversed));
            }
        }
    }
    assert!(failed.is_empty(), "no answer from {to} to (client, last fragment first): {failed:?}");
}

fn fragments(legs: Legs) {
    let site = Site::new(legs);
    add_clients(&site.client);
    let _echoes =
        [&site.web1, &site.web2, &site.lone].map(|host| Echo::returning(host, &format!("[::]:{ECHO}")));
    let bng = site.bng(TWO_THREADS, "");
    for v in 0..2 {
        for to in [ROUTED[v], PROXY[v]] {
            exchange(&site.client, to, v);
        }
    }
    assert_shared(&bng);
    let drops = bng.cmdctl("show drops\n");
    for reason in ["fragment", "fragment-forged", "malformed", "flow-clash"] {
        assert_eq!(dropped(&drops, reason), 0, "{reason}:\n{drops}");
    }
}

fn make_file(world: &World, host: &Host) -> String {
    let path = world.dir().join("big");
    let path = path.display();
    host.run(&format!("head -c {SIZE} /dev/urandom > {path}; sha256sum < {path}"))
}

/// Every client gets the file from `from`; returns those that do not.
fn download(host: &Host, from: &str, v: usize, digest: &str) -> Vec<IpAddr> {
    let mut failed = clients(v);
    failed.retain(|client| {
        let url = format!("http://{}/files/big", in_url(from));
        let out = host.try_run(&format!("curl -gsf --max-time 4 --interface {client} {url} | sha256sum"));
        String::from_utf8_lossy(&out.stdout) != digest
    });
    failed
}

/// The clients' network becomes narrow, which their router tells those who send to them.
fn narrow(gate: &Host) {
    gate.run(
        "ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu lock 1400
         ip -6 route replace 2001:db8:9::/64 dev eth1 metric 256 mtu lock 1400",
    );
}

fn errors(legs: Legs) {
    let site = Site::new(legs);
    add_clients(&site.client);
    let digest = make_file(&site.world, &site.client);
    for host in site.ends() {
        host.run("ethtool -K eth0 tso off gso off");
    }
    narrow(&site.gate);
    let bng = site.bng(TWO_THREADS, "");
    for v in 0..2 {
        assert_eq!(download(&site.client, ROUTED[v], v, &digest), Vec::<IpAddr>::new(), "{}", ROUTED[v]);
        for client in clients(v) {
            let told = [&site.web1, &site.web2].map(|host| mtu(host, &client.to_string()));
            assert!(told.contains(&Some("1400".into())), "nobody has heard of {client}: {told:?}");
        }
        // Behind a proxy all clients are one, and the first of them spoils the rest: one proof is enough.
        assert_eq!(download(&site.client, PROXY[v], v, &digest), Vec::<IpAddr>::new(), "{}", PROXY[v]);
    }
    assert_shared(&bng);
}

fn errors_to_sessions() {
    let field = Field::new();
    add_clients(&field.client);
    let digest = make_file(&field.world, &field.client);
    for host in [&field.client, &field.fars[0], &field.fars[1]] {
        host.run("ethtool -K eth0 tso off gso off");
    }
    let _ends = field.fars.each_ref().map(|far| Decap::start(far, Tunnel::Ipip));
    narrow(&field.gate);
    let bng = field.bng(TWO_THREADS, "ipip", 0);
    for (v, vip) in modes_tunnel::VIP.into_iter().enumerate() {
        assert_eq!(download(&field.client, vip, v, &digest), Vec::<IpAddr>::new(), "{vip}");
        for client in clients(v) {
            let told = field.fars.each_ref().map(|far| mtu(far, &client.to_string()));
            assert!(told.contains(&Some("1400".into())), "nobody has heard of {client}: {told:?}");
        }
    }
    assert_shared(&bng);
    let drops = bng.cmdctl("show drops\n");
    assert_eq!(dropped(&drops, "icmp-error"), 0, "{drops}");
}

fn fragments_of_sessions() {
    let field = Field::new();
    add_clients(&field.client);
    let _ends = field.fars.each_ref().map(|far| Decap::start(far, Tunnel::Ipip));
    let _echoes = field.fars.each_ref().map(|far| {
        // Bound to the virtual server, so that answers are from it.
        modes_tunnel::VIP.map(|vip| Echo::returning(far, &format!("{}:{ECHO}", in_url(vip))))
    });
    let bng = field.bng(TWO_THREADS, "ipip", 0);
    for (v, vip) in modes_tunnel::VIP.into_iter().enumerate() {
        exchange(&field.client, vip, v);
    }
    assert_shared(&bng);
    let drops = bng.cmdctl("show drops\n");
    assert_eq!(dropped(&drops, "fragment"), 0, "{drops}");
}
