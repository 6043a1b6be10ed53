//! What connections suffer when targets, the daemon or a node fail, and many short connections through the proxy.
//!
//! A restarted daemon remembers no connection. What goes on of one is given to a target by the client's address, so in
//! routing mode it lives when that is the target it had, and is reset by the target otherwise. A proxied one lives while
//! its client's port is free at the proxy's address and so stands for it again. The same holds for those that hosts and
//! targets have opened to the outside.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bng_world::{Bng, Host, wait, web};

use crate::farm::{is_master, is_up, until_serving};
use crate::modes::{SINK, serve};
use crate::site::{CLIENT, Legs, PROXY, ROUTED, Site, in_url};
use crate::suite::{BNG, Case};

/// How long an end may be left in doubt about its connection.
const DOUBT: Duration = Duration::from_secs(5);
/// Where every line comes back.
pub(crate) const ECHO: u16 = 9003;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "socat", "iperf3", "dnsmasq"];
    let mut cases = Case::per_door(
        "in routing mode a dead target loses its connections at once, and no new ones",
        tools,
        target_dies,
    );
    cases.extend(Case::per_door(
        "after a restart connections go on or are reset, none hangs",
        tools,
        restarts,
    ));
    cases.push(Case::new(
        "after a restart connections go on or are reset, none hangs [raw threads 2]",
        tools,
        || restarts("raw threads 2"),
    ));
    cases.extend(Case::per_door(
        "after a restart one of two connections with one port goes on, the other is reset",
        tools,
        restarts_with_one_port,
    ));
    cases.extend(Case::per_door(
        "10000 short connections through the proxy fail nowhere",
        &["nginx", "curl", "ab"],
        short_connections,
    ));
    cases.extend(Case::per_door("a second node takes over routing mode", tools, takes_over));
    cases
}

/// How a connection has gone on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    Reset,
    Hangs,
}

pub(crate) fn connect(host: &Host, to: &str, port: u16) -> TcpStream {
    let to = SocketAddr::new(to.parse::<IpAddr>().expect("an address"), port);
    let stream =
        host.inside(|| TcpStream::connect_timeout(&to, DOUBT)).unwrap_or_else(|e| panic!("{to}: {e}"));
    stream.set_read_timeout(Some(DOUBT)).expect("a timeout above zero");
    stream
}

/// Sends a line, and waits for the same line.
pub(crate) fn ask(stream: &mut TcpStream) -> Fate {
    let mut buf = [0; 6];
    match stream.write_all(b"hello\n").and_then(|()| stream.read_exact(&mut buf)) {
        Ok(()) => Fate::Lives,
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Fate::Hangs,
        Err(_) => Fate::Reset,
    }
}

pub(crate) fn serve_echo(site: &mut Site) {
    site.serve_all(|world, services, host, name| {
        serve(world, services, host, name);
        let mut echo = host.command("socat");
        echo.args([&format!("TCP6-LISTEN:{ECHO},ipv6only=0,fork,reuseaddr"), "PIPE"]);
        services.push(bng_world::Service::start(&mut echo, &world.dir().join(format!("echo-{name}.log"))));
        let look = "grep -q ':232B .* 0A ' /proc/net/tcp6";
        wait::for_true("a listening echo", DOUBT, || host.succeeds(look));
    });
}

/// What makes clear which segments of web2 are answers of server 1, which has all ports otherwise, and which belong to
/// connections of its own.
fn ports() -> String {
    format!("server 1 port 80,{SINK},{ECHO}\n")
}

/// Connections that web1 opens to the client by `nat` and web2 by `tnat`, eight each.
fn open_from_inside(site: &Site) -> Vec<(&'static str, &'static str, TcpStream)> {
    let ways = [("nat", &site.web1), ("tnat", &site.web2)];
    let each = ways.into_iter().flat_map(|(mode, host)| CLIENT.map(|to| (mode, host, to)));
    let mut open: Vec<_> =
        each.flat_map(|way| [way; 4]).map(|(mode, host, to)| (mode, to, connect(host, to, ECHO))).collect();
    for (mode, to, stream) in &mut open {
        assert_eq!(ask(stream), Fate::Lives, "{mode} {to}");
    }
    open
}

fn served_by(host: &Host, to: &str) -> String {
    host.run(&format!("curl -gsf --max-time 5 http://{}/", in_url(to))).trim().to_owned()
}

fn target_dies(door: &str) {
    let mut site = Site::new(Legs::Two);
    serve_echo(&mut site);
    let bng = site.bng(door, "");
    let mut open = Vec::new();
    for to in ROUTED {
        let mut stream = connect(&site.client, to, ECHO);
        assert_eq!(ask(&mut stream), Fate::Lives);
        open.push((to, served_by(&site.client, to), stream));
    }
    // Each family has its session; both are on the first target of the turn or one is on each.
    let dead = open[0].1.clone();
    let (number, alive) = if dead == "web1" { (1, "web2") } else { (2, "web1") };
    site.world.link(&dead, false);
    wait::for_true("the target down", Duration::from_secs(10), || !is_up(&bng, number));
    for (to, was, stream) in &mut open {
        let start = Instant::now();
        let expected = if *was == dead { Fate::Reset } else { Fate::Lives };
        assert_eq!(ask(stream), expected, "{to} on {was}");
        assert!(start.elapsed() < Duration::from_secs(2), "{to}: in doubt for {:?}", start.elapsed());
        assert_eq!(served_by(&site.client, to), alive, "{to}");
    }
    // Only the program on the target dies: its host resets, the balancer passes that on.
    site.world.link(&dead, true);
    wait::for_true("the target up", Duration::from_secs(10), || is_up(&bng, number));
    site.kill_web(alive);
    let out = site.client.try_run(&format!("curl -gs --max-time 5 http://{}/", ROUTED[0]));
    assert_eq!(out.status.code(), Some(7), "no refusal: {out:?}");
}

fn restarts(door: &str) {
    let mut site = Site::new(Legs::Two);
    serve_echo(&mut site);
    for n in 11..=14 {
        site.client.address("eth0", &format!("10.9.0.{n}/24"));
    }
    let mut bng = site.bng(door, &ports());
    let mut own = open_from_inside(&site);
    let mut open: Vec<_> = [("routed", ROUTED), ("proxy", PROXY)]
        .into_iter()
        .flat_map(|(mode, to)| to.map(|to| (mode, to)))
        .flat_map(|way| [way; 4])
        .map(|(mode, to)| (mode, to, connect(&site.client, to, ECHO)))
        .collect();
    for (mode, to, stream) in &mut open {
        assert_eq!(ask(stream), Fate::Lives, "{mode} {to}");
    }
    bng.stop();
    bng.start();
    until_serving(&bng, &[1, 2, 3]);
    for (mode, to, stream) in &mut own {
        assert_eq!(ask(stream), Fate::Lives, "{mode} {to}: {}", bng.cmdctl("show nat\n"));
    }
    let mut lived = 0;
    for (mode, to, stream) in &mut open {
        let fate = ask(stream);
        assert_ne!(fate, Fate::Hangs, "{mode} {to}");
        lived += usize::from(fate == Fate::Lives);
    }
    eprintln!(
        "after a restart of [{door}] all {} connections to the outside went on, and {lived} of {} to servers, the others \
         were reset",
        own.len(),
        open.len()
    );
    for to in [ROUTED, PROXY].concat() {
        served_by(&site.client, to);
    }
    site.client.run(&format!("echo | socat -t 5 - TCP4:{}:{SINK}", ROUTED[0]));
}

/// Two hosts inside with the same port: the address outside has it once, so one of their connections has another one.
fn restarts_with_one_port(door: &str) {
    let mut site = Site::new(Legs::Two);
    serve_echo(&mut site);
    let other = ["10.9.0.11", "2001:db8:9::11"];
    for (address, prefix) in other.into_iter().zip([24, 64]) {
        site.client.address("eth0", &format!("{address}/{prefix}"));
    }
    for host in [&site.web1, &site.web2] {
        host.sysctl("net.ipv4.ip_local_port_range", "45000 45000");
    }
    let mut bng = site.bng(door, &(ports() + "disable tnat 1\n"));
    let mut kept = CLIENT.map(|to| connect(&site.web1, to, ECHO));
    let mut lost = other.map(|to| connect(&site.web2, to, ECHO));
    for stream in kept.iter_mut().chain(&mut lost) {
        assert_eq!(ask(stream), Fate::Lives);
    }
    bng.stop();
    bng.start();
    until_serving(&bng, &[1, 2, 3]);
    let at_once = |stream: &mut TcpStream| {
        let start = Instant::now();
        let fate = ask(stream);
        assert!(start.elapsed() < Duration::from_secs(2), "in doubt for {:?}", start.elapsed());
        fate
    };
    // The one that had the port speaks first: nobody else can have had it.
    assert_eq!(at_once(&mut kept[0]), Fate::Lives);
    assert_eq!(at_once(&mut lost[0]), Fate::Reset, "by the balancer");
    // The other one speaks first: its peer does not know it, and the port is free again a little later.
    assert_eq!(at_once(&mut lost[1]), Fate::Reset, "by its peer");
    let tries = (0..4).map(|_| ask(&mut kept[1])).take_while(|fate| *fate == Fate::Hangs).count();
    assert!(tries < 4, "it has never got its port: {}", bng.cmdctl("show nat\n"));
    assert_eq!(at_once(&mut kept[1]), Fate::Lives);
    let counted = bng.cmdctl("show counters\nshow drops\n");
    assert!(counted.contains("port-taken"), "{counted}");
}

fn short_connections(door: &str) {
    let site = Site::new(Legs::Two);
    let bng = site.bng(door, "");
    // 100 clients at a time, from ten addresses, half of them of IPv6.
    let mut lines = String::new();
    for n in 101..=105 {
        site.client.address("eth0", &format!("10.9.0.{n}/24"));
        site.client.address("eth0", &format!("2001:db8:9::{n}/64"));
        for (from, to) in [("10.9.0.", PROXY[0]), ("2001:db8:9::", PROXY[1])] {
            lines += &format!("ab -q -s 5 -B {from}{n} -n 1000 -c 10 http://{}/ & ", in_url(to));
        }
    }
    let out = site.client.run(&format!("{lines} wait"));
    assert_eq!(out.matches("Complete requests:      1000").count(), 10, "{out}");
    assert_eq!(out.matches("Failed requests:        0").count(), 10, "{out}");
    let sessions = bng.cmdctl("show sessions\n");
    assert_eq!(sessions.lines().next(), Some("10 sessions"), "{sessions}");
    bng.cmdctl("clear sessions\n");
    let sessions = bng.cmdctl("show sessions\n");
    assert_eq!(sessions.lines().next(), Some("0 sessions"), "{sessions}");
    for to in PROXY {
        let served = web::ask(&site.client, &format!("http://{}/", in_url(to)), &[client_of(to)], 50);
        assert_eq!(served, [("lone".into(), 50)].into());
    }
}

fn client_of(to: &str) -> String {
    if to.contains(':') { "2001:db8:9::101".into() } else { "10.9.0.101".into() }
}

fn takes_over(door: &str) {
    let mut site = Site::new(Legs::One);
    serve_echo(&mut site);
    let second = site.world.plugged("second", &[]);
    let mut first = site.bng(door, &ports());
    let backup = Bng::running(BNG, &site.world, &second, &(site.config(door, 100, 252) + &ports()));
    for n in 1..=3 {
        wait::for_true("targets up on the second node", Duration::from_secs(10), || is_up(&backup, n));
    }
    for to in [ROUTED, PROXY].concat() {
        served_by(&site.client, to);
    }
    assert!(is_master(&first) && !is_master(&backup));
    let mut own = open_from_inside(&site);
    first.kill();
    let took = wait::for_true("the second node master", Duration::from_secs(8), || is_master(&backup));
    assert!(took < Duration::from_secs(5), "{took:?}");
    for to in [ROUTED, PROXY].concat() {
        served_by(&site.client, to);
    }
    for (mode, to, stream) in &mut own {
        assert_eq!(ask(stream), Fate::Lives, "{mode} {to}: {}", backup.cmdctl("show nat\n"));
    }
    // Inside hosts go out through it as well.
    site.web1
        .run("curl -gsf --max-time 5 http://10.9.0.10/; curl -gsf --max-time 5 http://[2001:db8:9::10]/");
}
