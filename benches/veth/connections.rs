//! Short connections and requests on long ones, through bng in the modes that translate, HAProxy, and nftables.
//!
//! ```text
//!   client eth0 ===== eth0 box eth1 ===== eth0 server (nginx)      once for each kind of box
//! ```
//!
//! The client is two threads that wait for each answer: what is compared is the way, under the load that one machine
//! makes for itself, not the most that a box can do.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bng_world::{Bng, Host, Service, World, wait, web};

use crate::forwarding::until_active;
use crate::report::{self, median};

const BNG: &str = env!("CARGO_BIN_EXE_bng");
const ROUNDS: usize = 5;
/// Length of one burst.
const BURST: Duration = Duration::from_secs(1);
const CLIENTS: usize = 2;
const VIP: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 100);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 11);

/// What a client does again and again.
#[derive(Debug, Clone, Copy)]
enum Load {
    /// A connection with one request.
    Connections,
    /// A request on a connection that stays.
    Requests,
}

/// One kind of box with its client and its server.
struct Line {
    name: &'static str,
    client: Host,
    /// Whom the client asks.
    addr: Ipv4Addr,
    connections: Vec<f64>,
    requests: Vec<f64>,
    // Declared, and so dropped, before the world.
    _services: Vec<Service>,
    _bng: Option<Bng>,
    _world: World,
}

/// Measures and prints the table.
pub(crate) fn measure() {
    let mut lines = [
        Line::new("kernel routing, to the server itself", SERVER, |_, middle| {
            route(middle);
            (None, None)
        }),
        Line::new("nftables DNAT", VIP, |_, middle| {
            route(middle);
            middle.run(&format!(
                "nft 'table ip balancer {{
                     chain arriving {{
                         type nat hook prerouting priority dstnat;
                         ip daddr {VIP} tcp dport 80 dnat to {SERVER};
                     }}
                 }}'"
            ));
            (None, None)
        }),
        Line::new("bng, routed", VIP, |world, middle| (Some(balance(world, middle, "")), None)),
        Line::new("bng, proxy", VIP, |world, middle| {
            (Some(balance(world, middle, "    proxy enable\n    prx 10.2.0.254\n")), None)
        }),
        Line::new("HAProxy, mode tcp", VIP, |world, middle| (None, Some(haproxy(world, middle)))),
    ];
    for _ in 0..ROUNDS {
        for line in &mut lines {
            line.connections.push(burst(&line.client, line.addr, Load::Connections));
            line.requests.push(burst(&line.client, line.addr, Load::Requests));
        }
    }
    let rows: Vec<_> = lines.iter().map(Line::row).collect();
    let title = format!(
        "{CLIENTS} clients, a few bytes from nginx, per second: median (lowest to highest) of {ROUNDS} rounds"
    );
    report::table(&title, &["through", "connections", "requests"], &rows);
    let [_, nft, routed, proxy, haproxy] = lines.each_ref().map(|line| median(&line.connections));
    println!(
        "\nConnections: bng routed/nftables {:.2}, bng proxy/HAProxy {:.2}.",
        routed / nft,
        proxy / haproxy
    );
    let [_, nft, routed, proxy, haproxy] = lines.each_ref().map(|line| median(&line.requests));
    println!("Requests: bng routed/nftables {:.2}, bng proxy/HAProxy {:.2}.", routed / nft, proxy / haproxy);
}

impl Line {
    fn new(
        name: &'static str,
        addr: Ipv4Addr,
        set_up: impl FnOnce(&World, &Host) -> (Option<Bng>, Option<Service>),
    ) -> Self {
        let mut world = World::new();
        let [client, middle, server] = ["client", "box", "server"].map(|name| world.host(name));
        world.cable((&client, "eth0"), (&middle, "eth0"));
        world.cable((&middle, "eth1"), (&server, "eth0"));
        client.address("eth0", "10.1.0.9/16");
        server.address("eth0", &format!("{SERVER}/16"));
        client.run("ip route add 10.2.0.0/16 via 10.1.0.1");
        server.run("ip route add default via 10.2.0.1");
        let web = web::start_keeping(&world, &server, "web", &[&format!("{SERVER}:80")]);
        let (bng, service) = set_up(&world, &middle);
        wait::for_true(name, Duration::from_secs(10), || client.inside(|| connection(addr)).is_ok());
        let services = std::iter::once(web).chain(service).collect();
        let (connections, requests) = (Vec::new(), Vec::new());
        Self { name, client, addr, connections, requests, _services: services, _bng: bng, _world: world }
    }

    fn row(&self) -> Vec<String> {
        let rates = [&self.connections, &self.requests].map(|rates| {
            let [low, middle, high] = [0.0, 0.5, 1.0].map(|share| report::quantile(rates, share));
            format!("{middle:.0} ({low:.0} to {high:.0})")
        });
        [vec![self.name.to_owned()], rates.to_vec()].concat()
    }
}

/// How often a second `load` is done from `client`.
///
/// # Panics
/// When something fails: none of the boxes may lose a connection.
fn burst(client: &Host, addr: Ipv4Addr, load: Load) -> f64 {
    let worker = || {
        let start = Instant::now();
        let mut done = 0_u32;
        let mut kept = matches!(load, Load::Requests).then(|| dial(addr)).transpose()?;
        while start.elapsed() < BURST {
            match &mut kept {
                Some(stream) => request(stream)?,
                None => connection(addr)?,
            }
            done += 1;
        }
        io::Result::Ok(f64::from(done) / start.elapsed().as_secs_f64())
    };
    let rates: io::Result<Vec<f64>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| client.inside(worker))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client that ends")).collect()
    });
    rates.unwrap_or_else(|e| panic!("{load:?} to {addr}: {e}")).iter().sum()
}

fn dial(addr: Ipv4Addr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&(addr, 80).into(), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection with one request. The server closes it: a client that closed first would run out of ports.
fn connection(addr: Ipv4Addr) -> io::Result<()> {
    let mut stream = dial(addr)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::with_capacity(1024);
    stream.read_to_end(&mut answer)?;
    if answer.ends_with(b"web\n") { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// One request and the whole answer to it.
fn request(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")?;
    let (mut answer, mut len) = ([0; 1024], 0);
    while !answer[..len].ends_with(b"web\n") {
        match stream.read(&mut answer[len..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => len += more,
        }
    }
    Ok(())
}

/// The box routes as the kernel does.
fn route(middle: &Host) {
    middle.address("eth0", "10.1.0.1/16");
    middle.address("eth1", "10.2.0.1/16");
    middle.run(&format!("ip addr add {VIP}/32 dev eth0"));
    middle.sysctl("net.ipv4.ip_forward", "1");
}

fn haproxy(world: &World, middle: &Host) -> Service {
    route(middle);
    let config = format!(
        "global
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen web
    bind {VIP}:80
    server web {SERVER}:80
"
    );
    let config = world.write("haproxy.cfg", &config);
    Service::start(
        middle.command("haproxy").arg("-db").arg("-f").arg(config),
        &world.dir().join("haproxy.log"),
    )
}

/// bng with a server whose packets are translated; `more` goes into it.
fn balance(world: &World, middle: &Host, more: &str) -> Bng {
    let config = format!(
        "modules vrrp,arp,ping,hc,master,slb
interface 1 {{
    name eth0
    access raw
}}
interface 2 {{
    name eth1
    access raw
}}
register interfaces 1,2
enable interfaces 1,2
network 1 {{
    addr 10.1.0.0
    mask 255.255.0.0
    real 10.1.0.1
    interface 1
}}
network 2 {{
    addr 10.2.0.0
    mask 255.255.0.0
    real 10.2.0.253
    virt 10.2.0.1
    interface 2
}}
register networks 1,2
enable networks 1,2
server 1 {{
    ipaddr {VIP}
    port 80
    protocol tcp
{more}    target 1
}}
register server 1
enable server 1
target 1 {{
    ipaddr {SERVER}
}}
register target 1
enable target 1
"
    );
    let bng = Bng::running(BNG, world, middle, &config);
    until_active(&bng);
    bng
}
