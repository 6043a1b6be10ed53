//! 64-byte UDP from one veth pair to another, through bng, a kernel bridge, and nftables.
//!
//! ```text
//!   client eth0 ===== eth0 box eth1 ===== eth0 server      once for each kind of box
//! ```
//!
//! A veth pair does the receiver's work on the sender's processor. Left alone, the kernel's own forwarders so share
//! one processor with the generator, while bng has another. For a fair comparison everything is measured twice: left
//! alone, and with the generator on one processor and all of the box's work, kernel and process, on another.

use std::net::Ipv4Addr;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use bng::wire::MacAddr;
use bng_world::{Bng, Host, World, wait};

use crate::generator::{self, FLOWS, Generator, PORT};
use crate::report::{self, median};
use crate::search::{self, Outcome};

const BNG: &str = env!("CARGO_BIN_EXE_bng");
const ROUNDS: usize = 5;
/// Length of one burst.
const BURST: Duration = Duration::from_millis(200);
const VIP: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 100);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 11);
/// bng's address on the client's side, and what follows for its hardware address.
const REAL: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);

/// Who works on which processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placement {
    /// As the kernel pleases.
    Free,
    /// The generator on processor 0, the box on processor 1.
    Apart,
}

/// One kind of box with its client and its server.
struct Line {
    name: &'static str,
    generator: Generator,
    server: Host,
    rates: Vec<f64>,
    kept: Vec<f64>,
    overload: Vec<f64>,
    // Declared, and so dropped, before the world.
    _bng: Option<Bng>,
    _world: World,
}

/// Measures and prints the tables.
pub(crate) fn measure() {
    measure_placed(Placement::Free, "processors chosen by the kernel");
    if thread::available_parallelism().is_ok_and(|n| n.get() >= 2) {
        measure_placed(Placement::Apart, "generator on one processor, box on another");
    } else {
        println!("\nnot measured: generator and box on different processors, there is only one");
    }
}

fn measure_placed(placement: Placement, description: &str) {
    let mut lines = [balanced(placement), bridged(placement), translated(placement)];
    for line in &mut lines {
        // Every flow once: sessions, connection tracking and neighbours are settled afterwards.
        let outcome = line.burst(20_000.0);
        assert!(outcome.sent >= u64::from(FLOWS), "{}: only {} frames sent", line.name, outcome.sent);
        assert!(outcome.received > 0, "{}: nothing arrives", line.name);
    }
    for _ in 0..ROUNDS {
        for line in &mut lines {
            let rate = search::highest(|rate| line.burst(rate));
            let overload = line.burst(2.0 * rate);
            line.rates.push(rate);
            line.kept.push(overload.delivered());
            line.overload.push(overload.offered());
        }
    }
    let [bng, bridge, nftables] = lines.each_ref().map(|line| median(&line.rates));
    let rows: Vec<_> = lines.iter().map(Line::row).collect();
    let title = format!(
        "64-byte UDP, {FLOWS} flows, one direction, frames per second, {ROUNDS} rounds; {description} \
         (lossless: under 0.1 % missing)"
    );
    report::table(
        &title,
        &["through", "lossless", "lowest", "highest", "delivered at overload", "offered"],
        &rows,
    );
    println!(
        "\nbng/bridge {:.2}, bng/nftables {:.2}. Overload is twice the lossless rate, or what the generator can send: \
         where no more was offered than passes without loss, the generator was the limit.",
        bng / bridge,
        bng / nftables
    );
}

impl Line {
    fn new(
        name: &'static str,
        placement: Placement,
        set_up: impl FnOnce(&World, &Host, &Host) -> (Option<Bng>, MacAddr, Ipv4Addr),
    ) -> Self {
        let mut world = World::new();
        let [client, middle, server] = ["client", "box", "server"].map(|name| world.host(name));
        world.cable((&client, "eth0"), (&middle, "eth0"));
        world.cable((&middle, "eth1"), (&server, "eth0"));
        client.address("eth0", "10.1.0.9/16");
        server.address("eth0", &format!("{SERVER}/16"));
        generator::sink(&server);
        let (mut bng, mac, addr) = set_up(&world, &middle, &server);
        if placement == Placement::Apart {
            // A bit per processor, as in the other tools.
            middle.run("echo 2 > /sys/class/net/eth0/queues/rx-0/rps_cpus");
            if let Some(bng) = &mut bng {
                middle.run(&format!("taskset -a -p 2 {}", bng.service().pid()));
            }
        }
        let processor = (placement == Placement::Apart).then_some(0);
        let generator = Generator::new(&client, mac, addr, processor);
        let (rates, kept, overload) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, generator, server, rates, kept, overload, _bng: bng, _world: world }
    }

    /// Sends for [`BURST`] and waits until what is on its way has arrived.
    fn burst(&mut self, asked: f64) -> Outcome {
        let before = generator::arrived(&self.server);
        let (sent, elapsed) = self.generator.send(asked, BURST);
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut received = generator::arrived(&self.server) - before;
        while received < sent && Instant::now() < deadline {
            sleep(Duration::from_millis(30));
            let later = generator::arrived(&self.server) - before;
            if later == received {
                break;
            }
            received = later;
        }
        Outcome { asked, sent, received, seconds: elapsed.as_secs_f64() }
    }

    fn row(&self) -> Vec<String> {
        let thousands = |value: f64| format!("{:.0} k", value / 1000.0);
        vec![
            self.name.into(),
            thousands(median(&self.rates)),
            thousands(report::quantile(&self.rates, 0.0)),
            thousands(report::quantile(&self.rates, 1.0)),
            thousands(median(&self.kept)),
            thousands(median(&self.overload)),
        ]
    }
}

/// bng, raw door on both sides, direct server return.
fn balanced(placement: Placement) -> Line {
    Line::new("bng, raw door, DSR", placement, |world, middle, server| {
        server.hide(&VIP.to_string());
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
    real {REAL}
    interface 1
}}
network 2 {{
    addr 10.2.0.0
    mask 255.255.0.0
    real 10.2.0.1
    interface 2
}}
register networks 1,2
enable networks 1,2
server 1 {{
    ipaddr {VIP}
    port {PORT}
    protocol udp
    target 1
}}
register server 1
enable server 1
target 1 {{
    ipaddr {SERVER}
    dsr enable
}}
register target 1
enable target 1
"
        );
        let bng = Bng::running(BNG, world, middle, &config);
        until_active(&bng);
        (Some(bng), MacAddr::real(REAL), VIP)
    })
}

/// A bridge in the kernel.
fn bridged(placement: Placement) -> Line {
    Line::new("kernel bridge", placement, |_, middle, server| {
        middle.run(
            "ip link add br0 type bridge stp_state 0 forward_delay 0
             ip link set dev eth0 master br0
             ip link set dev eth1 master br0
             ip link set dev br0 up",
        );
        // The bridge learns where the server is from its answer to this question.
        server.try_run("ping -c 1 -W 1 10.2.0.1");
        (None, mac(server, "eth0"), SERVER)
    })
}

/// Destination translation by nftables and routing by the kernel.
fn translated(placement: Placement) -> Line {
    Line::new("nftables DNAT", placement, |_, middle, _| {
        middle.address("eth0", &format!("{REAL}/16"));
        middle.address("eth1", "10.2.0.1/16");
        middle.sysctl("net.ipv4.ip_forward", "1");
        middle.run(&format!(
            "nft 'table ip balancer {{
                 chain arriving {{
                     type nat hook prerouting priority dstnat;
                     ip daddr {VIP} udp dport {PORT} dnat to {SERVER};
                 }}
             }}'"
        ));
        (None, mac(middle, "eth0"), VIP)
    })
}

/// Waits until bng has found the server.
pub(crate) fn until_active(bng: &Bng) {
    wait::for_true("an active target", Duration::from_secs(10), || {
        bng.row("targets", 1).is_some_and(|row| row[1] == "active")
    });
}

fn mac(host: &Host, device: &str) -> MacAddr {
    host.mac(device).parse().unwrap_or_else(|e| panic!("{device}: {e}"))
}
