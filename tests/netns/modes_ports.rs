//! What happens when the ports of the proxy's addresses are used up, and datagrams that hardware is to cut.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use bng_world::{Host, datagrams, wait};

use crate::modes::dropped;
use crate::modes_failure::{ECHO, Fate, ask, connect, serve_echo};
use crate::site::{CLIENT, INSIDE, Legs, PROXY, ROUTED, Site};
use crate::suite::Case;

/// Ports of each address of the proxy.
const PORTS: u16 = 20;
const FIRST: u16 = 20_000;
/// The proxy's second address, by family.
const SECOND: [&str; 2] = ["10.2.0.250", "2001:db8:2::fa"];
/// Where datagrams are counted.
const COUNT: u16 = 9005;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Case::per_door(
        "when the ports of the proxy are used up new connections are refused and old ones go on",
        &["nginx", "curl", "socat", "dnsmasq", "iperf3"],
        exhausts,
    );
    cases.push(Case::new(
        "datagrams for hardware to cut arrive one by one [raw]",
        &["nginx", "curl"],
        || {
            let (arrived, merged) = datagrams_to_be_cut("raw");
            assert_eq!((arrived, merged), (vec![10; 4], 0));
        },
    ));
    cases.push(Case::new(
        "datagrams that a door shows as one are dropped and counted [pcap]",
        &["nginx", "curl"],
        || {
            let (arrived, merged) = datagrams_to_be_cut("pcap");
            assert_eq!((arrived, merged), (vec![0; 4], 4));
        },
    ));
    cases
}

/// As whom the server sees the connections that are open to its echo.
fn seen(lone: &Host) -> BTreeSet<(String, u16)> {
    // Remote ends of established connections to port 9003 in proc_net_tcp(5).
    let lines = lone.run("cat /proc/net/tcp6 | awk '$2 ~ /:232B$/ && $4 == \"01\" { print $3 }'");
    let ends: Vec<_> = lines
        .lines()
        .map(|end| {
            let (addr, port) = end.split_once(':').expect("an address and a port");
            (addr.to_owned(), u16::from_str_radix(port, 16).expect("a port"))
        })
        .collect();
    let distinct: BTreeSet<_> = ends.iter().cloned().collect();
    assert_eq!(distinct.len(), ends.len(), "two connections look alike: {ends:?}");
    distinct
}

fn refused(client: &Host, to: &str) {
    let to = SocketAddr::new(to.parse().expect("an address"), ECHO);
    let limit = Duration::from_millis(1_500);
    let got = client.inside(|| TcpStream::connect_timeout(&to, limit));
    assert!(got.is_err(), "a connection to {to} without a port for it: {got:?}");
}

fn open(client: &Host, to: &str, count: u16) -> Vec<TcpStream> {
    (0..count)
        .map(|n| {
            let mut stream = connect(client, to, ECHO);
            assert_eq!(ask(&mut stream), Fate::Lives, "connection {n} to {to}");
            stream
        })
        .collect()
}

fn exhausts(door: &str) {
    let mut site = Site::new(Legs::Two);
    serve_echo(&mut site);
    let bng = site.bng(door, &format!("set natports {FIRST}-{}\n", FIRST + PORTS - 1));
    for v in 0..2 {
        let to = PROXY[v];
        let mut streams = open(&site.client, to, PORTS);
        let dropped_before = dropped(&bng.cmdctl("show drops\n"), "ports-exhausted");
        refused(&site.client, to);
        let drops = bng.cmdctl("show drops\n");
        assert!(dropped(&drops, "ports-exhausted") > dropped_before, "{drops}");
        let pools = bng.cmdctl("show pools\n");
        let row = |addr: &str| {
            pools.lines().any(|l| l.split_whitespace().collect::<Vec<_>>() == ["20", "0", "0", "20", addr])
        };
        assert!(row(INSIDE[v]), "{pools}");
        assert!(streams.iter_mut().all(|stream| ask(stream) == Fate::Lives), "{to}");
        assert_eq!(seen(&site.lone).len(), usize::from(PORTS));

        // A second address takes over, without a connection of the first noticing.
        let word = ["prx", "prx6"][v];
        bng.cmdctl(&format!("server 2 {word} {},{}\n", INSIDE[v], SECOND[v]));
        streams.extend(open(&site.client, to, PORTS));
        refused(&site.client, to);
        assert!(streams.iter_mut().all(|stream| ask(stream) == Fate::Lives), "{to}");
        let ends = seen(&site.lone);
        assert_eq!(ends.len(), 2 * usize::from(PORTS));
        assert_eq!(ends.iter().map(|(addr, _)| addr).collect::<BTreeSet<_>>().len(), 2, "{ends:?}");
        assert!(ends.iter().all(|(_, port)| (FIRST..FIRST + PORTS).contains(port)), "{ends:?}");

        // More ports, and there is room at once; and what has ended makes room without.
        bng.cmdctl(&format!("set natports {FIRST}-{}\n", FIRST + PORTS));
        streams.extend(open(&site.client, to, 2));
        refused(&site.client, to);
        bng.cmdctl(&format!("set natports {FIRST}-{}\n", FIRST + PORTS - 1));
        streams.drain(..3);
        let to_echo = SocketAddr::new(to.parse().expect("an address"), ECHO);
        wait::for_true("a port of a connection that has ended", Duration::from_secs(20), || {
            site.client.inside(|| TcpStream::connect_timeout(&to_echo, Duration::from_secs(1))).is_ok()
        });
        assert!(streams.iter_mut().all(|stream| ask(stream) == Fate::Lives), "{to}");
        seen(&site.lone);
    }
}

/// Sends ten datagrams, in one for hardware to cut, to each mode and family. Returns how many arrive each time, and how
/// many frames were dropped because nobody could tell where their datagrams end.
fn datagrams_to_be_cut(door: &str) -> (Vec<usize>, u64) {
    let site = Site::new(Legs::Two);
    let servers = [&site.web1, &site.web2, &site.lone].map(|host| {
        let socket = host.inside(|| UdpSocket::bind(("::", COUNT))).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout above zero");
        socket
    });
    let bng = site.bng(door, "");
    let mut arrived = Vec::new();
    for v in 0..2 {
        for to in [ROUTED[v], PROXY[v]] {
            let socket =
                site.client.inside(|| UdpSocket::bind((CLIENT[v], 0))).expect("the client's address");
            let to = SocketAddr::new(to.parse().expect("an address"), COUNT);
            let payload: Vec<u8> = (0..10_000).map(|at: usize| (at / 1000) as u8).collect();
            datagrams::send_to_be_cut(&socket, to, &payload, 1000).expect("a system that can cut datagrams");
            let mut got = 0;
            for server in &servers {
                let mut buf = vec![0; 65536];
                while let Ok(len) = server.recv(&mut buf) {
                    assert!(
                        len == 1000 && buf[..len].iter().all(|byte| *byte == got),
                        "a datagram of {len} bytes"
                    );
                    got += 1;
                }
            }
            arrived.push(usize::from(got));
        }
    }
    (arrived, dropped(&bng.cmdctl("show drops\n"), "merged"))
}
