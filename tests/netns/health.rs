//! Health checks of real servers that are killed, frozen, firewalled, late, or without the address that they serve.

use std::time::{Duration, Instant};

use bng_world::{Bng, Echo, Host, Service, World, sshd, wait, web};
use nix::sys::signal::Signal;

use crate::farm::{FIRST, Farm, Place, config, is_master, is_up};
use crate::suite::{BNG, Case};

/// Virtual addresses of the server.
const VIP: [&str; 2] = ["10.1.0.100", "2001:db8::2:4"];
/// Addresses of the first target.
const TARGET: [&str; 2] = ["10.1.0.11", "2001:db8::1:1"];
/// Seconds between two probes.
const INTERVAL: u64 = 1;
/// Seconds without a good answer after which a target is down.
const TIMEOUT: u64 = 3;
/// What a busy machine may take to look.
const SLACK: Duration = Duration::from_millis(900);

pub(crate) fn cases() -> Vec<Case> {
    let (nft, web) = (&["nft", "nginx", "curl"], &["nginx", "curl"]);
    vec![
        Case::new("an HTTP check sees a web server killed, frozen and firewalled", nft, http),
        Case::new(
            "a TCP check sees a server killed and firewalled, of both families",
            &["nft", "sshd", "ssh-keygen"],
            tcp,
        ),
        Case::new("a name server check sees dnsmasq frozen, killed and without the name", &["dnsmasq"], dns),
        Case::new("a datagram check sees an echo killed, rejected, wrong and late", &["nft"], udp),
        Case::new("a check through the virtual address sees that it is missing", web, alias),
        Case::new("a check through a tap sees the service of the local host", &["sshd", "ssh-keygen"], tap),
        Case::new("a backup node checks through virtual addresses too", web, backup),
        Case::new("clients see no more failures than the timeout of a check allows", web, clients),
    ]
}

/// A balancer and two targets on one switch.
struct Ward {
    client: Host,
    balancer: Host,
    targets: [Host; 2],
    world: World,
}

impl Ward {
    fn new() -> Self {
        let mut world = World::new();
        let client = world.plugged("client", &["10.1.1.1/16", "2001:db8::3:1/32"]);
        let balancer = world.plugged("balancer", &["10.1.0.3/16"]);
        let targets = [1, 2].map(|n| {
            let host = world.plugged(
                &format!("target{n}"),
                &[&format!("10.1.0.1{n}/16"), &format!("2001:db8::1:{n}/32")],
            );
            VIP.iter().for_each(|vip| host.hide(vip));
            host
        });
        Self { client, balancer, targets, world }
    }

    /// bng with one server on `port`, and targets with these statements.
    fn bng(&self, port: u16, targets: &[&str]) -> Bng {
        let mut text = format!(
            "modules arp,ping,hc,master,slb
interface 1 {{ name eth0 }}
register interface 1
enable interface 1
network 1 {{
    addr 10.1.0.0
    mask 255.255.0.0
    real 10.1.0.1
    virt 10.1.0.2
    mask6 32
    real6 2001:db8::2:1
    virt6 2001:db8::2:3
    interface 1
}}
register network 1
enable network 1
server 1 {{
    ipaddr {}
    ipaddr6 {}
    port {port}
    sessionid src+port
    targets 1-{}
}}
register server 1
enable server 1
",
            VIP[0],
            VIP[1],
            targets.len()
        );
        for (at, statements) in targets.iter().enumerate() {
            let n = at + 1;
            text += &format!(
                "target {n} {{\n    ipaddr 10.1.0.1{n}\n    ipaddr6 2001:db8::1:{n}\n    {statements}\n}}\n\
                 register target {n}\nenable target {n}\n"
            );
        }
        Bng::running(BNG, &self.world, &self.balancer, &text)
    }
}

/// Why target 1 takes no traffic; nothing when it does.
fn reason(bng: &Bng) -> String {
    let json = bng.cmdctl("show target 1 json\n");
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
    rows[0]["reason"].as_str().unwrap_or_default().to_owned()
}

fn until_up(bng: &Bng) {
    let took = wait::for_true("target 1 up", Duration::from_secs(10), || is_up(bng, 1));
    assert!(took <= Duration::from_secs(2 * INTERVAL + 1) + SLACK, "up after {took:?}: {}", reason(bng));
}

/// Waits until target 1 is down, for `why`, and looks whether that took as long as the check says.
fn until_down(bng: &Bng, why: &str) {
    let took = wait::for_true("target 1 down", Duration::from_secs(10), || !is_up(bng, 1));
    // The last good answer is younger than an interval, and what it answers may be older than that.
    assert!(took <= Duration::from_secs(TIMEOUT) + SLACK, "down after {took:?}: {}", reason(bng));
    assert!(
        took >= Duration::from_secs(TIMEOUT - INTERVAL) - SLACK,
        "down after only {took:?}: {}",
        reason(bng)
    );
    let told = reason(bng);
    assert!(told.contains(why), "no `{why}` in: {told}\n{}", bng.cmdctl("show target 1\n"));
}

/// A firewall in front of `host` that does `verdict` with what comes for `what`.
fn firewall(host: &Host, what: &str, verdict: &str) {
    host.run(&format!(
        "nft add table inet ward; nft 'add chain inet ward in {{ type filter hook input priority 0; }}'; \
         nft add rule inet ward in {what} {verdict}"
    ));
}

fn open_firewall(host: &Host) {
    host.run("nft delete table inet ward");
}

fn http() {
    let ward = Ward::new();
    let target = &ward.targets[0];
    let start = || web::start(&ward.world, target, "web", &["0.0.0.0:80", "[::]:80"]);
    let server = start();
    let bng = ward.bng(80, &[&format!("http 80,{INTERVAL},{TIMEOUT}")]);
    until_up(&bng);
    // Frozen: the kernel still opens connections.
    server.signal(Signal::SIGSTOP);
    until_down(&bng, ":80 for 3 s: the connection opens, but no answer comes");
    server.signal(Signal::SIGCONT);
    until_up(&bng);
    for (verdict, why) in [
        ("drop", "no answer to http of"),
        ("reject with tcp reset", ":80 is refused"),
        ("reject with icmpx type port-unreachable", "port unreachable"),
    ] {
        firewall(target, "tcp dport 80", verdict);
        until_down(&bng, why);
        open_firewall(target);
        until_up(&bng);
    }
    server.kill();
    until_down(&bng, ":80 is refused");
    let _server = start();
    until_up(&bng);
    // A page that does not exist.
    bng.cmdctl("target 1 httppath /files/nothing\n");
    wait::for_true("the reason", Duration::from_secs(6), || reason(&bng).contains("status 404"));
    bng.cmdctl("target 1 httpstatus 404\n");
    until_up(&bng);
    let table = bng.cmdctl("show target 1\n");
    assert!(table.contains("http of 10.1.0.11:80") && table.contains("ok in"), "{table}");
}

/// sshd, perhaps not for the first time.
fn shell_server(world: &World, host: &Host) -> Service {
    host.run(&format!("rm -f {}/ssh_host_ed25519_key*", world.dir().display()));
    sshd::start(world, host)
}

fn tcp() {
    let ward = Ward::new();
    let target = &ward.targets[0];
    let server = shell_server(&ward.world, target);
    let bng = ward.bng(22, &[&format!("tcpopen 22,{INTERVAL},{TIMEOUT} tcpopen6 22,{INTERVAL},{TIMEOUT}")]);
    until_up(&bng);
    for (what, verdict, why) in [
        ("ip protocol tcp tcp dport 22", "drop", "no answer to tcpopen of 10.1.0.11:22 for 3 s"),
        ("ip6 nexthdr tcp tcp dport 22", "drop", "no answer to tcpopen6 of [2001:db8::1:1]:22 for 3 s"),
        (
            "ip6 nexthdr tcp tcp dport 22",
            "reject with tcp reset",
            "tcpopen6 of [2001:db8::1:1]:22 is refused",
        ),
    ] {
        firewall(target, what, verdict);
        until_down(&bng, why);
        open_firewall(target);
        until_up(&bng);
    }
    server.kill();
    until_down(&bng, ":22 is refused");
    let _server = shell_server(&ward.world, target);
    until_up(&bng);
}

/// A server of `host` that knows the address of `name` in the zone `test`, with its log in the file `log`.
pub(crate) fn name_server(world: &World, host: &Host, log: &str, name: &str) -> Service {
    let mut command = host.command("dnsmasq");
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root"]);
    command.args(["--no-resolv", "--no-hosts", "--bind-dynamic"]);
    command.arg(format!("--address=/{name}/192.0.2.1")).arg("--local=/test/");
    Service::start(&mut command, &world.dir().join(format!("{log}.log")))
}

fn dns() {
    let ward = Ward::new();
    let target = &ward.targets[0];
    let start = |name: &str| name_server(&ward.world, target, "dnsmasq", name);
    let server = start("www.test");
    let bng = ward.bng(53, &[&format!("dns 53,{INTERVAL},{TIMEOUT} dnsname www.test")]);
    until_up(&bng);
    server.signal(Signal::SIGSTOP);
    until_down(&bng, "no answer to dns of");
    server.signal(Signal::SIGCONT);
    until_up(&bng);
    server.kill();
    until_down(&bng, "port unreachable");
    let server = start("other.test");
    wait::for_true("the reason", Duration::from_secs(6), || {
        bng.cmdctl("show target 1\n").contains("NXDOMAIN")
    });
    assert!(!is_up(&bng, 1));
    server.kill();
    let _server = start("www.test");
    until_up(&bng);
}

fn udp() {
    let ward = Ward::new();
    let target = &ward.targets[0];
    let server = Echo::returning(target, "[::]:7");
    let bng =
        ward.bng(7, &[&format!("udp 7,{INTERVAL},{TIMEOUT} udpsend \"PING\\x01\\n\" udpexpect \"\\x01\"")]);
    until_up(&bng);
    for (verdict, why) in [
        ("drop", "no answer to udp of"),
        ("reject with icmpx type admin-prohibited", "administratively prohibited"),
    ] {
        firewall(target, "udp dport 7", verdict);
        until_down(&bng, why);
        open_firewall(target);
        until_up(&bng);
    }
    drop(server);
    until_down(&bng, "port unreachable");
    // An answer within the timeout is in time even if others were asked for meanwhile, and one after it never is.
    let server = Echo::late(target, "[::]:7", Duration::from_millis(1_500));
    wait::for_true("target 1 up", Duration::from_secs(5), || is_up(&bng, 1));
    drop(server);
    let server = Echo::late(target, "[::]:7", Duration::from_secs(5));
    wait::for_true("target 1 down", Duration::from_secs(8), || !is_up(&bng, 1));
    std::thread::sleep(Duration::from_secs(4));
    assert!(!is_up(&bng, 1), "{}", reason(&bng));
    drop(server);
    let server = Echo::start(target, "[::]:7", "nonsense");
    wait::for_true("the reason", Duration::from_secs(5), || {
        bng.cmdctl("show target 1\n")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("not the expected")
    });
    drop(server);
}

fn alias() {
    let ward = Ward::new();
    let target = &ward.targets[0];
    let both = ["0.0.0.0:80", "[::]:80"];
    let server = web::start(&ward.world, target, "web", &both);
    let times = format!("80,{INTERVAL},{TIMEOUT}");
    let bng = ward.bng(80, &[&format!("dsr enable tcpopen {times} tcpopen6 {times}")]);
    until_up(&bng);
    for (at, vip, prefix, word) in [(0, VIP[0], 32, "tcpopen"), (1, VIP[1], 128, "tcpopen6")] {
        let device = target.run(&format!("ip -o addr show | grep ' {vip}/' | awk '{{print $2}}'"));
        target.run(&format!("ip addr del {vip}/{prefix} dev {}", device.trim()));
        let place = if at == 0 { format!("{vip}:80") } else { format!("[{vip}]:80") };
        until_down(&bng, &format!("{word} of {place} at {}", TARGET[at]));
        let told = reason(&bng);
        let remedy = format!("it answers at its own address, but not for {place}: is {vip} on its loopback");
        assert!(told.contains(&remedy), "{told}");
        assert!(bng.cmdctl("show target 1\n").contains(&format!("{word} of {}", TARGET[0])) || at == 1);
        target.hide(vip);
        until_up(&bng);
    }
    // A service that listens on its own address alone.
    server.kill();
    let own = [format!("{}:80", TARGET[0]), format!("[{}]:80", TARGET[1])];
    let server = web::start(&ward.world, target, "web", &[&own[0], &own[1]]);
    until_down(&bng, " is refused (it answers at its own address, but not for ");
    bng.cmdctl("target 1 check own\n");
    until_up(&bng);
    server.kill();
}

/// The host's own sshd behind a tap: its kernel routes the answers back to the tap.
fn tap() {
    let poc = crate::poc::Poc::new();
    let server = shell_server(&poc.world, &poc.balancer);
    let bng = Bng::running(BNG, &poc.world, &poc.balancer, &crate::poc::config("raw"));
    bng.cmdctl("target 1 tcpopen 22,1,3\n");
    wait::for_true("target 1 up", Duration::from_secs(10), || is_up(&bng, 1));
    let table = bng.cmdctl("show target 1\n");
    let through = format!("tcpopen {}:22 ok", crate::poc::VIP);
    assert!(table.split_whitespace().collect::<Vec<_>>().join(" ").contains(&through), "{table}");
    server.kill();
    until_down(&bng, "is refused");
    let _server = shell_server(&poc.world, &poc.balancer);
    until_up(&bng);
}

/// Both nodes ask; the answers to the backup come from addresses that it does not own.
fn backup() {
    let mut farm = Farm::new();
    let second = farm.world.plugged("second", &["10.1.0.4/16"]);
    let checks =
        format!("dsr enable\n    tcpopen 80,{INTERVAL},{TIMEOUT}\n    tcpopen6 80,{INTERVAL},{TIMEOUT}");
    // Nothing listens on the port of server 4, which would be seen.
    let text =
        |place| config("raw", place).replace("dsr enable", &checks).replace("servers 1,2,3,4", "servers 1-3");
    let place = Place { real: "10.1.0.5", real6: "2001:db8::2:5", priority: 100 };
    let nodes = [(&farm.balancer, FIRST), (&second, place)]
        .map(|(host, place)| Bng::running(BNG, &farm.world, host, &text(place)));
    for node in &nodes {
        wait::for_true("target 1 up", Duration::from_secs(15), || is_up(node, 1));
    }
    wait::for_true("one master", Duration::from_secs(10), || is_master(&nodes[0]) && !is_master(&nodes[1]));
    farm.webs[0].run(&format!("ip addr del {VIP}/32 dev lo", VIP = crate::farm::VIP));
    until_down(&nodes[0], "it answers at its own address, but not for");
    wait::for_true("target 1 down on the backup", SLACK, || !is_up(&nodes[1], 1));
    farm.webs[0].hide(crate::farm::VIP);
    nodes.iter().for_each(until_up);
}

fn clients() {
    let ward = Ward::new();
    let [one, two] = &ward.targets;
    let start = |host, name| web::start(&ward.world, host, name, &["0.0.0.0:80", "[::]:80"]);
    let (first, _second) = (start(one, "web1"), start(two, "web2"));
    let check = format!("dsr enable http 80,{INTERVAL},{TIMEOUT}");
    let bng = ward.bng(80, &[&check, &check]);
    until_up(&bng);
    wait::for_true("target 2 up", Duration::from_secs(5), || is_up(&bng, 2));
    let begun = Instant::now();
    let (mut first, mut failures, mut asked) = (Some(first), Vec::new(), 0);
    while begun.elapsed() < Duration::from_secs(7) {
        if begun.elapsed() > Duration::from_secs(1)
            && let Some(server) = first.take()
        {
            server.kill();
        }
        asked += 1;
        let line = format!("curl -sf -o /dev/null --max-time 1 http://{}/", VIP[0]);
        if !ward.client.succeeds(&line) {
            failures.push(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(40));
    }
    let (from, to) = (failures.first().copied(), failures.last().copied());
    assert!(from >= Some(Duration::from_secs(1)), "a failure before the server died: {failures:?}");
    let limit = Duration::from_secs(1 + TIMEOUT) + SLACK;
    assert!(to.is_some_and(|last| last < limit), "{} of {asked} failed: {failures:?}", failures.len());
}
