//! Every way of forwarding that translates, with real programs at both ends and the offloads that hosts have by default.
//!
//! One site has them all: routing mode, the proxy, `nat` for web1 and `tnat` for web2 (`site.rs`).

use std::time::Duration;

use bng_world::{Host, Service, World, wait};

use crate::site::{CLIENT, GATE, INSIDE, INSIDE_REAL, Legs, OUTSIDE, PROXY, ROUTED, Site, in_url};
use crate::suite::Case;

/// Bytes of a transfer: 20 MB up and 20 MB down in each mode and family, 320 MB for each case.
const SIZE: usize = 20_000_000;
/// Where streams are digested.
pub(crate) const SINK: u16 = 9000;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for legs in [Legs::Two, Legs::One] {
        // With two threads for each interface, answers come to another one than requests do.
        for door in crate::suite::WIRE_DOORS.into_iter().chain(["raw threads 2"]) {
            let legs_are = if legs == Legs::One { "one leg" } else { "two legs" };
            let tools = &["nginx", "curl", "socat", "sha256sum", "iperf3", "dig", "dnsmasq"];
            cases.push(Case::new(
                format!("all modes carry real programs, {legs_are} [{door}]"),
                tools,
                move || {
                    carries(legs, door);
                },
            ));
        }
    }
    cases.extend(Case::per_door(
        "traceroute and ping see the hops of each mode",
        &["nginx", "curl", "traceroute", "ping", "tcpdump"],
        shows_hops,
    ));
    cases.extend(Case::per_door(
        "each mode discovers a small MTU on the far side",
        &["nginx", "curl", "socat", "sha256sum"],
        discovers_mtu,
    ));
    cases
}

/// One mode and family: who asks whom, and as whom the asked sees the asker.
struct Path<'s> {
    name: &'static str,
    from: &'s Host,
    to: &'static str,
    seen: &'static str,
}

impl Path<'_> {
    fn family(&self) -> &'static str {
        if self.to.contains(':') { "TCP6" } else { "TCP4" }
    }

    /// Gets the big file.
    fn download(&self, digest: &str) {
        let Self { name, to, .. } = self;
        let line = format!("curl -gsf --max-time 30 http://{}/files/big | sha256sum", in_url(to));
        assert_eq!(self.from.run(&line), digest, "{name}: download from {to}");
    }

    /// Sends the big file to the sink, which tells what has arrived.
    fn upload(&self, site: &Site, digest: &str) {
        let Self { name, to, .. } = self;
        let big = site.world.dir().join("big");
        let line = format!("socat -t 30 - {}:{}:{SINK} < {}", self.family(), in_url(to), big.display());
        assert_eq!(self.from.run(&line), digest, "{name}: upload to {to}");
    }

    /// The hosts on the inner side that may be an end of it.
    fn inner<'s>(&'s self, site: &'s Site) -> Vec<&'s Host> {
        match self.name {
            "routed" => vec![&site.web1, &site.web2],
            "proxy" => vec![&site.lone],
            _ => vec![self.from],
        }
    }
}

/// All modes for both families.
fn paths(site: &Site) -> Vec<Path<'_>> {
    let mut paths = Vec::new();
    for v in 0..2 {
        paths.extend([
            Path { name: "routed", from: &site.client, to: ROUTED[v], seen: CLIENT[v] },
            Path { name: "proxy", from: &site.client, to: PROXY[v], seen: INSIDE[v] },
            Path { name: "nat", from: &site.web1, to: CLIENT[v], seen: OUTSIDE[v] },
            Path { name: "tnat", from: &site.web2, to: CLIENT[v], seen: ROUTED[v] },
        ]);
    }
    paths
}

/// Starts on `host` a sink of streams, a resolver, iperf3, and a server that tells who asks.
pub(crate) fn serve(world: &World, services: &mut Vec<Service>, host: &Host, name: &str) {
    let who = "socat TCP6-LISTEN:9001,ipv6only=0,fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR'";
    let dns = format!(
        "dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --user=root --no-resolv --no-hosts \
         --bind-dynamic --txt-record=who.test,{name}"
    );
    let sink = format!("socat -t 30 TCP6-LISTEN:{SINK},ipv6only=0,fork,reuseaddr EXEC:sha256sum");
    for (service, line) in [("sink", sink.as_str()), ("who", who), ("dns", &dns), ("iperf3", "iperf3 -s")] {
        let log = world.dir().join(format!("{service}-{name}.log"));
        services.push(Service::start(host.command("sh").args(["-c", &format!("exec {line}")]), &log));
    }
    // 9000, 9001, 53 and 5201.
    for port in ["2328 .* 0A", "2329 .* 0A", "0035 .* 0A", "1451 .* 0A"] {
        let look = format!("cat /proc/net/tcp /proc/net/tcp6 | grep -q ':{port} '");
        wait::for_true("a listener", Duration::from_secs(5), || host.succeeds(&look));
    }
}

/// Makes the big file and returns its digest.
pub(crate) fn make_file(world: &World, host: &Host, size: usize) -> String {
    let path = world.dir().join("big");
    let path = path.display();
    host.run(&format!("head -c {size} /dev/urandom > {path}; sha256sum < {path}"))
}

fn carries(legs: Legs, door: &str) {
    let mut site = Site::new(legs);
    site.serve_all(serve);
    let digest = make_file(&site.world, &site.client, SIZE);
    let bng = site.bng(door, "");
    for path in paths(&site) {
        let Path { name, from, to, seen } = path;
        let who =
            from.run(&format!("socat -u -T 5 {}:{}:9001,connect-timeout=5 -", path.family(), in_url(to)));
        let who = who.trim().trim_matches(['[', ']']).to_owned();
        let seen_as: std::net::IpAddr = who.parse().unwrap_or_else(|e| panic!("{name} {to}: `{who}`: {e}"));
        let expected: std::net::IpAddr = seen.parse().expect("an address");
        assert_eq!(seen_as.to_canonical(), expected, "{name} {to}");

        path.download(&digest);
        path.upload(&site, &digest);

        let answer = from.run(&format!("dig +short +notcp +tries=1 +time=3 @{to} who.test TXT"));
        assert!(answer.starts_with('"'), "{name} {to}: {answer}");
        let answer = from.run(&format!("dig +short +tcp +tries=1 +time=3 @{to} who.test TXT"));
        assert!(answer.starts_with('"'), "{name} {to}: {answer}");

        from.run(&format!("iperf3 -c {to} --connect-timeout 3000 --bidir -n 5M"));
        // It does not listen while it closes a test.
        let listens = |host: &&Host| host.succeeds("grep -q ':1451 .* 0A ' /proc/net/tcp6");
        wait::for_true("iperf3 to listen again", Duration::from_secs(5), || site.ends().iter().all(listens));
        // Datagrams larger than the MTU, so that fragments have to find their flow.
        let out = from.run(&format!(
            "iperf3 -c {to} --connect-timeout 3000 -u -b 20M -l 4000 -n 400K --get-server-output"
        ));
        assert!(out.contains("(0%)"), "{name} {to}: {out}");
    }
    let drops = bng.cmdctl("show drops\n");
    for reason in ["malformed", "checksum", "flow-clash", "ports-exhausted"] {
        assert_eq!(dropped(&drops, reason), 0, "{reason}:\n{drops}");
    }
}

/// The count of a reason in what `show drops` prints.
pub(crate) fn dropped(drops: &str, reason: &str) -> u64 {
    let row = drops.lines().find(|l| l.split_whitespace().nth(1) == Some(reason));
    row.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn shows_hops(door: &str) {
    let site = Site::new(Legs::Two);
    let _bng = site.bng(door, "");
    for path in paths(&site) {
        let Path { name, from, to, .. } = path;
        let v = usize::from(to.contains(':'));
        // The client meets its router, then the balancer, then the server, which goes by the name of the balancer.
        let expected: &[&str] = match name {
            "routed" | "proxy" => &[GATE[v], ["10.1.0.253", "2001:db8:1::fd"][v], to],
            _ => &[INSIDE_REAL[v], ["10.1.0.1", "2001:db8:1::1"][v], CLIENT[v]],
        };
        for how in ["", "-I", "-T -p 80"] {
            let out = from.run(&format!("traceroute {how} -n -q 1 -w 3 {to}"));
            let hops: Vec<_> = out.lines().skip(1).filter_map(|l| l.split_whitespace().nth(1)).collect();
            // Virtual servers answer echo requests by themselves.
            let answers = how == "-I" && matches!(name, "routed" | "proxy");
            let expected: Vec<_> = match (answers, expected) {
                (true, [first, _, last]) => vec![*first, *last],
                _ => expected.into(),
            };
            assert_eq!(hops, expected, "{name} {how} {to}: {out}");
        }
        let out = from.run(&format!("ping -n -c 3 -i 0.2 -W 2 {to}"));
        assert!(out.contains(" 0% packet loss"), "{name} {to}: {out}");
    }
}

fn discovers_mtu(door: &str) {
    let mut site = Site::new(Legs::Two);
    site.serve_all(serve);
    let digest = make_file(&site.world, &site.client, SIZE);
    // Whole segments that leave the splitting to hardware fit every way, so nobody is told anything.
    for host in site.ends() {
        host.run("ethtool -K eth0 tso off gso off");
    }
    // Locked, so that a router keeps to it and does not learn better.
    site.gate.run(
        "ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu lock 1400
         ip -6 route replace 2001:db8:9::/64 dev eth1 metric 256 mtu lock 1400",
    );
    let mut bng = site.bng(door, "");
    for path in paths(&site) {
        // A router behind the balancer tells who sends to the client.
        let (name, inner) = (path.name, path.inner(&site));
        if matches!(name, "routed" | "proxy") {
            path.download(&digest);
        } else {
            path.upload(&site, &digest);
        }
        let far = if matches!(name, "routed" | "proxy") { path.seen } else { path.to };
        let told: Vec<_> = inner.iter().filter_map(|host| mtu(host, far)).collect();
        assert_eq!(told, ["1400"], "{name}: servers to {far}");
        forget_mtu(&site.ends());
    }
    bng.stop();
    // What the balancer sends is small; what comes to it may be larger than that device takes, but no case sends such.
    site.balancer.run(&format!("ip link set dev {} mtu 1300", site.devices()[1]));
    let _bng = site.bng(door, "");
    for path in paths(&site) {
        // The balancer itself tells the client.
        let name = path.name;
        let outer = if matches!(name, "routed" | "proxy") {
            path.upload(&site, &digest);
            path.to
        } else {
            path.download(&digest);
            path.seen
        };
        assert_eq!(mtu(&site.client, outer).as_deref(), Some("1300"), "{name}: client to {outer}");
        forget_mtu(&site.ends());
    }
}

/// The MTU that a host has learnt for the way to `address`.
pub(crate) fn mtu(host: &Host, address: &str) -> Option<String> {
    let out = host.run(&format!("ip route get {address}"));
    out.split_whitespace().skip_while(|w| *w != "mtu").nth(1).map(str::to_owned)
}

pub(crate) fn forget_mtu(hosts: &[&Host]) {
    for host in hosts {
        host.run("ip route flush cache; ip -6 route flush cache");
    }
}
