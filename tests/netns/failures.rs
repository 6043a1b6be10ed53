//! Every kind of check against everything that befalls servers, side by side: one target for each kind, all of them
//! walled off, killed, frozen, late or without the virtual address at the same time.
//!
//! ```text
//!   balancer 10.1.0.3     target N 10.1.0.(100 + N), 2001:db8::1:N, with what the check of row N asks
//! ```
//! What a server that opens connections late does to a check is shown in the simulation: the kernels of a network
//! namespace answer pings and open connections by themselves, and at once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use bng_world::{Bng, Host, Service, World, wait, web};
use nix::sys::signal::Signal;

use crate::agents::agent;
use crate::health::name_server;
use crate::suite::{BNG, Case};

const VIP: [&str; 2] = ["10.1.0.90", "2001:db8::2:90"];
/// Interval and timeout of every check, in seconds.
const TIMES: (u64, u64) = (1, 3);
/// What a busy machine may take to look, and to run a dozen servers.
const SLACK: Duration = Duration::from_millis(1_500);

/// Who answers a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// The kernel.
    None,
    Web,
    Echo,
    Names,
    Agent,
    Agent6,
}

/// One kind of check, and why it fails; an empty reason stands for a failure that it does not see.
struct Row {
    /// Statements of the target.
    check: &'static str,
    server: Server,
    /// What a firewall in front of the server drops.
    wall: &'static [&'static str],
    walled: &'static str,
    killed: &'static str,
    frozen: &'static str,
    /// Without the virtual address.
    bare: &'static str,
}

const HIDDEN: &str = "it answers at its own address, but not for ";

const ROWS: [Row; 12] = [
    Row {
        check: "ping @",
        server: Server::None,
        wall: &["icmp type echo-request"],
        walled: "no answer to ping of",
        killed: "",
        frozen: "",
        bare: "",
    },
    Row {
        check: "ping6 @",
        server: Server::None,
        wall: &["icmpv6 type echo-request"],
        walled: "no answer to ping6 of",
        killed: "",
        frozen: "",
        bare: "",
    },
    Row {
        check: "tcpopen 80,@",
        server: Server::Web,
        wall: &["meta nfproto ipv4 tcp dport 80"],
        walled: "no answer to tcpopen of 10.1.0.103:80",
        killed: ":80 is refused",
        frozen: "",
        bare: "",
    },
    Row {
        check: "tcpopen6 80,@",
        server: Server::Web,
        wall: &["meta nfproto ipv6 tcp dport 80"],
        walled: "no answer to tcpopen6 of [2001:db8::1:4]:80",
        killed: ":80 is refused",
        frozen: "",
        bare: "",
    },
    Row {
        check: "http 80,@",
        server: Server::Web,
        wall: &["meta nfproto ipv6 tcp dport 80"],
        walled: "no answer to http of [2001:db8::1:5]:80",
        killed: ":80 is refused",
        frozen: "the connection opens, but no answer comes",
        bare: "",
    },
    Row {
        check: "udp 7,@ udpsend \"PING\" udpexpect \"PING\"",
        server: Server::Echo,
        wall: &["udp dport 7"],
        walled: "no answer to udp of",
        killed: "ICMP port unreachable",
        frozen: "no answer to udp of",
        bare: "",
    },
    Row {
        check: "dns 53,@ dnsname www.test",
        server: Server::Names,
        wall: &["udp dport 53"],
        walled: "no answer to dns of",
        killed: "port unreachable",
        frozen: "no answer to dns of",
        bare: "",
    },
    Row {
        check: "agent 439,@",
        server: Server::Agent,
        wall: &["udp dport 439"],
        walled: "no answer to agent of",
        killed: "ICMP port unreachable",
        frozen: "no answer to agent of",
        bare: "",
    },
    Row {
        check: "agent6 439,@",
        server: Server::Agent6,
        wall: &["udp dport 439"],
        walled: "no answer to agent6 of",
        killed: "ICMPv6 port unreachable",
        frozen: "no answer to agent6 of",
        bare: "",
    },
    Row {
        check: "script \"MONITOR\",@",
        server: Server::Web,
        wall: &["tcp dport 80"],
        walled: "ended with status 1",
        killed: "ended with status 1",
        frozen: "ended with status 1",
        bare: "",
    },
    Row {
        check: "dsr enable tcpopen 80,@",
        server: Server::Web,
        wall: &["ip daddr 10.1.0.90 tcp dport 80"],
        walled: HIDDEN,
        killed: " is refused",
        frozen: "",
        bare: HIDDEN,
    },
    Row {
        check: "dsr enable http 80,@",
        server: Server::Web,
        wall: &["ip6 daddr 2001:db8::2:90 tcp dport 80"],
        walled: HIDDEN,
        killed: " is refused",
        frozen: "the connection opens, but no answer comes",
        bare: HIDDEN,
    },
];

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new(
        "every kind of check sees its server walled off, killed and frozen in time, and waits for one that is late",
        &["nft", "nginx", "curl", "dnsmasq", "socat"],
        every_failure,
    )]
}

struct Rows {
    servers: BTreeMap<u16, Service>,
    bng: Bng,
    hosts: BTreeMap<u16, Host>,
    world: World,
}

/// The number of each row.
fn rows() -> impl Iterator<Item = (u16, &'static Row)> {
    (1..).zip(&ROWS)
}

impl Rows {
    fn new() -> Self {
        let mut world = World::new();
        let balancer = world.plugged("balancer", &["10.1.0.3/16"]);
        let look = "#!/bin/sh\ncurl -s -o /dev/null --max-time 1 http://$1/ || exit 1\n";
        let monitor = world.write("monitor", look);
        fs::set_permissions(&monitor, fs::Permissions::from_mode(0o755)).expect("an executable file");
        let mut text = format!(
            "interface 1 {{ name eth0 }}
register interface 1
enable interface 1
network 1 {{
    addr 10.1.0.0
    mask 255.255.0.0
    real 10.1.0.1
    mask6 32
    real6 2001:db8::2:1
    interface 1
}}
register network 1
enable network 1
server 1 {{
    ipaddr {}
    ipaddr6 {}
    port 80
    targets 1-{}
}}
register server 1
enable server 1
",
            VIP[0],
            VIP[1],
            ROWS.len()
        );
        let (interval, timeout) = TIMES;
        let mut hosts = BTreeMap::new();
        for (n, row) in rows() {
            let v4 = 100 + n;
            let host = world.plugged(
                &format!("target{n}"),
                &[&format!("10.1.0.{v4}/16"), &format!("2001:db8::1:{n}/32")],
            );
            if !row.bare.is_empty() {
                VIP.iter().for_each(|vip| host.hide(vip));
            }
            hosts.insert(n, host);
            let check = row.check.replace('@', &format!("{interval},{timeout}"));
            let check = check.replace("MONITOR", &monitor.display().to_string());
            text += &format!(
                "target {n} {{ ipaddr 10.1.0.{v4} ipaddr6 2001:db8::1:{n} {check} }}\n\
                 register target {n}\nenable target {n}\n"
            );
        }
        let bng = Bng::running(BNG, &world, &balancer, &text);
        let mut all = Self { servers: BTreeMap::new(), bng, hosts, world };
        all.start();
        all
    }

    /// Starts every server that does not run.
    fn start(&mut self) {
        for (n, row) in rows() {
            let (world, host) = (&self.world, &self.hosts[&n]);
            let server = match row.server {
                Server::None => continue,
                _ if self.servers.contains_key(&n) => continue,
                Server::Web => web::start(world, host, &format!("web{n}"), &["0.0.0.0:80", "[::]:80"]),
                Server::Echo => {
                    let mut command = host.command("socat");
                    command.args(["UDP6-RECVFROM:7,ipv6only=0,fork", "EXEC:cat"]);
                    Service::start(&mut command, &world.dir().join(format!("echo{n}.log")))
                }
                Server::Names => name_server(world, host, &format!("names{n}"), "www.test"),
                Server::Agent => agent(world, host, &format!("agent{n}"), &[]),
                Server::Agent6 => agent(world, host, &format!("agent{n}"), &["-6"]),
            };
            self.servers.insert(n, server);
        }
    }

    /// State of every target, and why.
    fn states(&self) -> BTreeMap<u16, (bool, String)> {
        let json = self.bng.cmdctl("show targets json\n");
        let rows: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
        let state = |row: &serde_json::Value| {
            let why = row["reason"].as_str().unwrap_or_default().to_owned();
            (row["target"].as_u64().expect("a number") as u16, (row["state"] == "active", why))
        };
        rows.as_array().expect("rows").iter().map(state).collect()
    }

    /// Waits until all are up, as soon as they should be.
    fn until_up(&self, what: &str) {
        let limit = Duration::from_secs(2 * TIMES.0 + 1) + SLACK;
        let begun = Instant::now();
        loop {
            let states = self.states();
            if states.values().all(|(up, _)| *up) {
                return;
            }
            let down: Vec<_> = states.iter().filter(|(_, (up, _))| !up).collect();
            assert!(begun.elapsed() < limit, "{what} is over, and still down are {down:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What has just been done takes those down that have a `reason`, in time and for it, and nobody else.
    fn seen(&self, what: &str, reason: fn(&Row) -> &'static str) {
        let begun = Instant::now();
        let limit = Duration::from_secs(TIMES.1) + SLACK;
        let earliest = Duration::from_secs(TIMES.1 - TIMES.0).saturating_sub(SLACK);
        let mut missing: BTreeMap<u16, &str> =
            rows().map(|(n, row)| (n, reason(row))).filter(|(_, why)| !why.is_empty()).collect();
        let mut took = Vec::new();
        while !missing.is_empty() {
            let (states, now) = (self.states(), begun.elapsed());
            for (n, (up, told)) in &states {
                let check = ROWS[usize::from(*n) - 1].check;
                if *up {
                    continue;
                }
                assert!(!reason(&ROWS[usize::from(*n) - 1]).is_empty(), "{what}: {check} is down: {told}");
                if let Some(why) = missing.remove(n) {
                    assert!(told.contains(why), "{what}: {check}: no `{why}` in: {told}");
                    assert!(now >= earliest, "{what}: {check} is down after only {now:?}: {told}");
                    took.push(now.as_millis());
                }
            }
            assert!(
                missing.is_empty() || now < limit,
                "{what}: after {now:?} not seen by {missing:?}: {states:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{what}: down after {took:?} ms");
    }
}

fn every_failure() {
    let mut all = Rows::new();
    all.until_up("the start");

    for (n, row) in rows() {
        let host = &all.hosts[&n];
        host.run(
            "nft add table inet wall; nft 'add chain inet wall in { type filter hook input priority 0; }'",
        );
        for what in row.wall {
            host.run(&format!("nft add rule inet wall in {what} drop"));
        }
    }
    all.seen("walled off", |row| row.walled);
    all.hosts.values().for_each(|host| drop(host.run("nft delete table inet wall")));
    all.until_up("the wall");

    std::mem::take(&mut all.servers).into_values().for_each(Service::kill);
    all.seen("killed", |row| row.killed);
    all.start();
    all.until_up("the outage");

    all.servers.values().for_each(|server| server.signal(Signal::SIGSTOP));
    all.seen("frozen", |row| row.frozen);
    all.servers.values().for_each(|server| server.signal(Signal::SIGCONT));
    all.until_up("the frost");

    // Each answer comes later than the next question, but within the timeout. The monitor has no such patience.
    let patient = |n: &u16| !ROWS[usize::from(*n) - 1].check.starts_with("script");
    for _ in 0..4 {
        let each = |signal| {
            all.servers.iter().filter(|(n, _)| patient(n)).for_each(|(_, server)| server.signal(signal));
        };
        each(Signal::SIGSTOP);
        wait::while_true("all are up", Duration::from_millis(1_400), || {
            let states = all.states();
            assert!(states.values().all(|(up, _)| *up), "late: {states:?}");
            true
        });
        each(Signal::SIGCONT);
        std::thread::sleep(Duration::from_millis(200));
    }

    for (n, _) in rows().filter(|(_, row)| !row.bare.is_empty()) {
        for (vip, prefix) in VIP.iter().zip([32, 128]) {
            let host = &all.hosts[&n];
            let device = host.run(&format!("ip -o addr show | grep ' {vip}/' | awk '{{print $2}}'"));
            host.run(&format!("ip addr del {vip}/{prefix} dev {}", device.trim()));
        }
    }
    all.seen("without the address", |row| row.bare);
    for (n, _) in rows().filter(|(_, row)| !row.bare.is_empty()) {
        VIP.iter().for_each(|vip| all.hosts[&n].hide(vip));
    }
    all.until_up("the lack of the address");
}
