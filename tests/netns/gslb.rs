//! Servers that answer DNS by themselves, asked by `dig` and by a resolver to which their zone is delegated.
//!
//! ```text
//!   client 10.1.1.1 (de), 10.1.1.2 (us)     balancer     web1 10.1.0.11     web2 10.1.0.12    (all /16)
//!          2001:db8::3:1 (de)                            2001:db8::1:1      2001:db8::1:2     (all /32)
//! ```
//!
//! bng adds 10.1.0.53 for the zone g.example.org, whose name www has both web servers in turn, and 10.1.0.54 for the zone
//! h.example.org, whose name geo has web1 for clients from de and at, and web2 for all others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bng_world::{Bng, Host, Service, World, wait};

use crate::farm::is_up;
use crate::suite::{BNG, Case};

const DNS: &str = "10.1.0.53";
const DNS6: &str = "2001:db8::2:53";
const GEO: &str = "10.1.0.54";
const GEO6: &str = "2001:db8::2:54";
const WEB1: &str = "10.1.0.11";
const WEB2: &str = "10.1.0.12";
/// Seconds that an answer holds, between two pings, and after which a silent target is down.
const TTL: u64 = 2;
const PING: (u64, u64) = (1, 3);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Case::per_door("dig gets what it asks for and nothing else", &["dig"], asked);
    cases.push(Case::new(
        "a resolver with the zone delegated to bng follows what is up",
        &["dig", "unbound"],
        delegated,
    ));
    cases.push(Case::new("clients are sent where their location says", &["dig"], located));
    cases
}

struct Site {
    client: Host,
    bng: Bng,
    world: World,
}

impl Site {
    fn new(door: &str) -> Self {
        let mut world = World::new();
        let client = world.plugged("client", &["10.1.1.1/16", "10.1.1.2/16", "2001:db8::3:1/32"]);
        let balancer = world.plugged("balancer", &[]);
        for (name, v4, v6) in
            [("web1", "10.1.0.11/16", "2001:db8::1:1/32"), ("web2", "10.1.0.12/16", "2001:db8::1:2/32")]
        {
            world.plugged(name, &[v4, v6]);
        }
        let csv = world.write("ip.csv", CSV);
        let (csv, (every, after)) = (csv.display(), PING);
        let text = format!(
            "interface 1 {{ name eth0 access {door} }}
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
ipdb {csv}
ipdb6 {csv}
lgrp 1 de,at
server 1 {{
    ipaddr {DNS}
    ipaddr6 {DNS6}
    port 53
    protocol udp
    gslb enable
    gslbttl {TTL}
    gslbname www.g.example.org
    gslbzone g.example.org
    targets 1,2
}}
server 2 {{
    ipaddr {GEO}
    ipaddr6 {GEO6}
    port 53
    protocol udp
    gslb enable
    gslbname geo.h.example.org
    gslbzone h.example.org
    gslbns ns1.example.org
    targets 3,4
}}
target 1 {{ ipaddr {WEB1} ipaddr6 2001:db8::1:1 ping {every},{after} }}
target 2 {{ ipaddr {WEB2} ipaddr6 2001:db8::1:2 ping {every},{after} }}
target 3 {{ ipaddr {WEB1} ping {every},{after} lgrp 1 }}
target 4 {{ ipaddr {WEB2} ping {every},{after} }}
register targets 1-4
enable targets 1-4
register servers 1,2
enable servers 1,2
"
        );
        let bng = Bng::running(BNG, &world, &balancer, &text);
        for n in 1..=4 {
            wait::for_true(&format!("target {n} up"), Duration::from_secs(10), || is_up(&bng, n));
        }
        Self { client, bng, world }
    }

    fn dig(&self, words: &str) -> String {
        self.client.run(&format!("dig +tries=1 +time=2 +notcp {words}"))
    }

    /// The records of a short answer.
    fn short(&self, words: &str) -> Vec<String> {
        self.dig(&format!("+short {words}")).lines().map(str::to_owned).collect()
    }
}

const CSV: &str = "10.1.1.1,10.1.1.1,DE
10.1.1.2/32,US
198.51.100.0/25,AT
198.51.100.128/25,US
2001:db8::3:1/128,DE
2001:db8:a::/48,AT
";

/// What the head of an answer by `dig` says.
#[track_caller]
fn expect(answer: &str, words: &[&str]) {
    for word in words {
        assert!(answer.contains(word), "no `{word}` in:\n{answer}");
    }
    assert!(!answer.contains("WARNING") && !answer.contains("Truncated"), "{answer}");
}

fn asked(door: &str) {
    let site = Site::new(door);
    for server in [DNS, DNS6] {
        let at = |words: &str| site.dig(&format!("@{server} +norecurse {words}"));
        let answers = |words: &str| {
            let all = (0..8).flat_map(|_| site.short(&format!("@{server} {words}")));
            all.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(answers("www.g.example.org A"), [WEB1, WEB2]);
        assert_eq!(answers("WwW.G.eXample.org AAAA"), ["2001:db8::1:1", "2001:db8::1:2"]);
        assert_eq!(answers("g.example.org NS"), ["ns.g.example.org."]);
        assert_eq!(answers("ns.g.example.org A"), [DNS]);
        assert_eq!(answers("ns.g.example.org AAAA"), [DNS6]);
        let soa = format!("ns.g.example.org. hostmaster.g.example.org. 1 3600 600 86400 {TTL}");
        assert_eq!(answers("g.example.org SOA"), [soa.as_str()]);
        expect(&at("www.g.example.org ANY"), &["NOERROR", "flags: qr aa;", "ANSWER: 1", "10.1.0.1"]);
        expect(&at("www.g.example.org TXT"), &["NOERROR", "flags: qr aa;", "ANSWER: 0, AUTHORITY: 1", "SOA"]);
        expect(&at("nobody.g.example.org A"), &["NXDOMAIN", "flags: qr aa;", "AUTHORITY: 1", "SOA"]);
        expect(&at("g.example.org NS +noedns"), &["NOERROR", "ADDITIONAL: 2", DNS, DNS6]);
        for foreign in ["example.org A", "www.example.com A", ". NS", "version.bind TXT CH"] {
            expect(&at(foreign), &["REFUSED", "flags: qr;", "ANSWER: 0, AUTHORITY: 0"]);
        }
        expect(&at("www.g.example.org +opcode=update +noedns"), &["NOTIMP"]);
        expect(&at("www.g.example.org +edns=1 +noednsnegotiation"), &["BADVERS"]);
        expect(&at("www.g.example.org +bufsize=4096 +dnssec"), &["NOERROR", "flags: do; udp: 1232"]);
        expect(&at("www.g.example.org +bufsize=512"), &["NOERROR", "ANSWER: 1"]);
        let subnet = at("www.g.example.org +subnet=198.51.100.0/24");
        expect(&subnet, &["NOERROR", "CLIENT-SUBNET: 198.51.100.0/24/0"]);
        // Nobody answers by TCP.
        let tcp = format!("dig +tcp +tries=1 +time=1 @{server} www.g.example.org");
        assert!(!site.client.succeeds(&tcp), "answered over TCP");
    }
    let counters = site.bng.cmdctl("show counters\n");
    assert!(counters.lines().any(|line| line.contains("nxdomain") && line.contains(" 2 ")), "{counters}");
}

fn delegated() {
    let site = Site::new("raw");
    let zone = site.world.write(
        "zone",
        &format!(
            "$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 10.1.1.1
g NS ns.g
ns.g A {DNS}
ns.g AAAA {DNS6}
"
        ),
    );
    let config = site.world.write(
        "unbound.conf",
        &format!(
            "server:
    interface: 127.0.0.1
    chroot: \"\"
    username: \"\"
    directory: \"{}\"
    pidfile: \"\"
    use-syslog: no
    do-daemonize: no
    module-config: \"iterator\"
    qname-minimisation-strict: yes
    harden-below-nxdomain: yes
    harden-referral-path: yes
    use-caps-for-id: yes
auth-zone:
    name: \"example.org\"
    zonefile: \"{}\"
    for-upstream: yes
    for-downstream: no
remote-control:
    control-enable: no
",
            site.world.dir().display(),
            zone.display()
        ),
    );
    site.client.run("ip link set lo up");
    let log = site.world.dir().join("unbound.log");
    let mut unbound = Service::start(site.client.command("unbound").args(["-d", "-c"]).arg(&config), &log);
    unbound.until_logged("start of service", Duration::from_secs(10));
    let seen = || site.short("@127.0.0.1 www.g.example.org A");
    let both = |what: &str| {
        wait::for_true(what, Duration::from_secs(20), || {
            // A cached answer stays for its time; then it is the turn of the other one.
            let first = seen();
            std::thread::sleep(Duration::from_millis(1000 * TTL + 100));
            let second = seen();
            first.len() == 1 && second.len() == 1 && first != second
        });
    };
    both("both targets in turn");
    let ttl = site.dig("@127.0.0.1 www.g.example.org AAAA");
    expect(&ttl, &["NOERROR", "ANSWER: 1", "2001:db8::1:"]);
    expect(&site.dig("@127.0.0.1 nobody.g.example.org"), &["NXDOMAIN"]);

    site.world.link("web1", false);
    let gone = Instant::now();
    let limit = Duration::from_secs(PING.0 + PING.1 + TTL + 1);
    let mut last = gone;
    while gone.elapsed() < limit {
        match &seen()[..] {
            [only] if only == WEB1 => last = Instant::now(),
            [only] => assert_eq!(only, WEB2),
            other => panic!("{other:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let seconds = last.duration_since(gone).as_secs_f64();
    println!("the last answer with the target that died came {seconds:.1} s after that");
    wait::while_true("only the target that is up", Duration::from_secs(2 * TTL + 1), || seen() == [WEB2]);

    site.world.link("web2", false);
    wait::for_true("a failure when nobody is up", limit + Duration::from_secs(5), || {
        site.dig(&format!("@{DNS} www.g.example.org")).contains("SERVFAIL")
    });
    site.world.link("web1", true);
    site.world.link("web2", true);
    both("both targets again");
}

fn located() {
    let site = Site::new("raw");
    wait::for_true("locations", Duration::from_secs(10), || {
        site.bng.cmdctl("show ipdb\n").matches(" loaded ").count() == 2
    });
    let get = |words: &str| site.short(&format!("{words} geo.h.example.org A"));
    for _ in 0..4 {
        // By the one who asks.
        assert_eq!(get(&format!("-b 10.1.1.1 @{GEO}")), [WEB1]);
        assert_eq!(get(&format!("-b 10.1.1.2 @{GEO}")), [WEB2]);
        assert_eq!(get(&format!("-b 2001:db8::3:1 @{GEO6}")), [WEB1]);
        // By the client subnet, whoever asks.
        assert_eq!(get(&format!("-b 10.1.1.2 @{GEO} +subnet=198.51.100.7/32")), [WEB1]);
        assert_eq!(get(&format!("-b 10.1.1.1 @{GEO} +subnet=198.51.100.129/32")), [WEB2]);
        assert_eq!(get(&format!("-b 10.1.1.2 @{GEO} +subnet=2001:db8:a::/56")), [WEB1]);
        // That says nothing of the client.
        assert_eq!(get(&format!("-b 10.1.1.1 @{GEO} +subnet=0.0.0.0/0")), [WEB1]);
    }
    let scoped = site.dig(&format!("@{GEO} +norecurse +subnet=198.51.100.7/32 geo.h.example.org"));
    expect(&scoped, &["CLIENT-SUBNET: 198.51.100.7/32/25"]);
    let text = site.bng.cmdctl("show locations 198.51.100.9\n");
    expect(&text, &["location : at, as is all of 198.51.100.9/25", "lgrp     : 1", "server 2 : targets 3"]);

    // A bad file changes nothing and is told; a good one is taken.
    let file = site.world.write("ip.csv", "10.1.1.1,10.1.1.1,US\n10.1.1.1,10.1.1.x,DE\n");
    assert!(site.bng.cmdctl("ipdb-reload\n").contains("is read in the background"));
    wait::for_true("a complaint", Duration::from_secs(5), || {
        site.bng.cmdctl("show ipdb\n").contains("failed")
    });
    let complaint = format!("ipdb {}: line 2: '10.1.1.x' is neither an address nor a number", file.display());
    expect(&site.bng.cmdctl("show log\n"), &[&complaint]);
    assert_eq!(get(&format!("-b 10.1.1.1 @{GEO}")), [WEB1]);
    site.world.write("ip.csv", "10.1.1.2,10.1.1.2,DE\n2001:db8::/32,us\n");
    site.bng.cmdctl("reload\n");
    wait::for_true("the new file", Duration::from_secs(5), || {
        get(&format!("-b 10.1.1.2 @{GEO}")) == [WEB1] && get(&format!("-b 10.1.1.1 @{GEO}")) == [WEB2]
    });

    // Clients of a group whose targets are down get those of everybody.
    site.world.link("web1", false);
    wait::for_true("everybody's target", Duration::from_secs(PING.0 + PING.1 + 2), || {
        get(&format!("-b 10.1.1.2 @{GEO}")) == [WEB2]
    });
}
