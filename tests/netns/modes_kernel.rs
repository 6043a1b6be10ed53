//! The same conversations through the kernel's own translation and through bng: both ends see the same packets.
//!
//! What hosts choose anew each time is evened out: identification of IPv4, flow labels, sequence numbers and timestamps of
//! TCP, and with them checksums, which are verified before. Segments that only acknowledge come as timers want, and are
//! left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bng_world::{Host, Service, wait};

use crate::site::{CLIENT, Legs, ROUTED, Site, in_url};
use crate::suite::Case;

/// The balancer itself, as the client meets it.
const REAL4: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 253);
const REAL6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfd);
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "socat", "nft", "tcpdump", "traceroute", "ping", "ethtool"];
    Case::per_door("both ends see what they see through the kernel's translation", tools, equals)
}

fn equals(door: &str) {
    let kernel = converse(None);
    let bng = converse(Some(door));
    for ((end, ours), (_, theirs)) in bng.iter().zip(&kernel) {
        let count = |packets: &[String], packet: &String| packets.iter().filter(|p| *p == packet).count();
        let only = |one: &[String], other: &[String]| {
            let more = one.iter().filter(|p| count(one, p) > count(other, p));
            more.fold(String::new(), |text, p| text + "\n" + p)
        };
        assert!(
            ours == theirs,
            "at the {end}, through bng only:{}\nthrough the kernel only:{}",
            only(ours, theirs),
            only(theirs, ours)
        );
        assert!(ours.len() > 30, "too few packets at the {end}: {ours:#?}");
    }
}

/// What client and server see of all conversations, through bng or the kernel.
fn converse(door: Option<&str>) -> [(&'static str, Vec<String>); 2] {
    let mut site = Site::new(Legs::Two);
    site.serve_all(|world, services, host, name| {
        for listen in
            ["TCP6-LISTEN:9003,ipv6only=0,fork,reuseaddr", "UDP6-LISTEN:9004,ipv6only=0,fork,reuseaddr"]
        {
            let mut echo = host.command("socat");
            echo.args(["-b", "8000", "-T", "2", listen, "PIPE"]);
            services
                .push(Service::start(&mut echo, &world.dir().join(format!("{name}-{}.log", &listen[..3]))));
        }
        let look = "cat /proc/net/tcp6 /proc/net/udp6 | grep -cE ':232[BC] .* 0[A7] ' | grep -q 2";
        wait::for_true("echoes", Duration::from_secs(5), || host.succeeds(look));
    });
    site.gate.run(
        "ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu lock 1400
         ip -6 route replace 2001:db8:9::/64 dev eth1 metric 256 mtu lock 1400",
    );
    for host in [&site.client, &site.web1] {
        host.run("ethtool -K eth0 tso off gso off gro off tx off rx off");
    }
    let _bng = match door {
        Some(door) => {
            let config = site.config(door, 200, 253).replace("targets 1,2\n", "target 1\n");
            let config = config.replace(
                "register target 1\nenable target 1\n",
                "register targets 1,2\nenable targets 1,2\n",
            );
            let bng = bng_world::Bng::running(crate::suite::BNG, &site.world, &site.balancer, &config);
            crate::farm::until_serving(&bng, &[1]);
            Some(bng)
        }
        None => {
            translate_by_kernel(&site);
            None
        }
    };
    let ends = [("client", &site.client), ("server", &site.web1)];
    let captures = ends.map(|(name, host)| record(&site, host, name));
    for v in 0..2 {
        talk(&site, v);
    }
    ends.map(|(name, _)| name)
        .into_iter()
        .zip(captures)
        .map(|(name, mut capture)| {
            // Whatever is on its way arrives within the time that a packet is told from a lost one.
            let path = site.world.dir().join(format!("{name}.pcap"));
            let mut size = 0;
            wait::until("a silent wire", Duration::from_secs(10), || {
                std::thread::sleep(Duration::from_millis(300));
                let now = std::fs::metadata(&path).map_or(0, |m| m.len());
                let still = now == size;
                size = now;
                still.then_some(())
            });
            capture.signal(nix::sys::signal::Signal::SIGINT);
            capture.until_ended(Duration::from_secs(5));
            (name, packets(&std::fs::read(path).expect("a capture")))
        })
        .collect::<Vec<_>>()
        .try_into()
        .expect("two ends")
}

/// The balancer's host as a router that translates as bng is configured to.
fn translate_by_kernel(site: &Site) {
    let [front, back] = site.devices();
    for (device, n) in [(front, 1), (back, 2)] {
        // Errors come from the first address, which is the one that bng calls real.
        site.balancer.address(device, &format!("10.{n}.0.253/24"));
        site.balancer.address(device, &format!("10.{n}.0.254/24"));
        site.balancer.address(device, &format!("2001:db8:{n}::fd/64"));
        site.balancer.run(&format!("ip addr add 2001:db8:{n}::fe/64 dev {device} nodad preferred_lft 0"));
    }
    site.balancer.address(front, &format!("{}/24", ROUTED[0]));
    site.balancer.run(&format!("ip addr add {}/64 dev {front} nodad preferred_lft 0", ROUTED[1]));
    site.balancer.sysctl("net.ipv4.ip_forward", "1");
    site.balancer.sysctl("net.ipv6.conf.all.forwarding", "1");
    site.balancer.run(&format!(
        "ip route add default via 10.1.0.1; ip -6 route add default via 2001:db8:1::1
         nft 'table inet nat {{
             chain before {{
                 type nat hook prerouting priority -100
                 ip daddr {} dnat ip to 10.2.0.11
                 ip6 daddr {} dnat ip6 to 2001:db8:2::11
             }}
             chain after {{
                 type nat hook postrouting priority 100
                 ip saddr 10.2.0.0/24 oifname {front} snat ip to 10.1.0.254
                 ip6 saddr 2001:db8:2::/64 oifname {front} snat ip6 to 2001:db8:1::fe
             }}
         }}'",
        ROUTED[0], ROUTED[1]
    ));
}

fn record(site: &Site, host: &Host, name: &str) -> Service {
    let path = site.world.dir().join(format!("{name}.pcap"));
    let mut command = host.command("tcpdump");
    command.args(["-U", "-n", "--immediate-mode", "-Z", "root", "-i", "eth0", "-w"]).arg(path);
    command.arg(format!("(ip or ip6) and (host {} or host {})", CLIENT[0], CLIENT[1]));
    let mut service = Service::start(&mut command, &site.world.dir().join(format!("tcpdump-{name}.log")));
    service.until_logged("listening on", Duration::from_secs(10));
    service
}

/// All conversations of family `v`, with ports that are the same each time.
fn talk(site: &Site, v: usize) {
    let n = ["4", "6"][v];
    let (vip, client) = (in_url(ROUTED[v]), in_url(CLIENT[v]));
    let outside = &site.client;
    let answer = outside.run(&format!("echo hello | socat -t 2 - TCP{n}:{vip}:9003,sourceport=4000{v}"));
    assert_eq!(answer, "hello\n");
    let answer = outside.run(&format!("echo hello | socat -t 0.5 - UDP{n}:{vip}:9004,sourceport=4001{v}"));
    assert_eq!(answer, "hello\n");
    // Three fragments each way.
    let line = format!(
        "head -c 4000 /dev/zero | tr '\\0' x | socat -b 8000 -t 0.5 - UDP{n}:{vip}:9004,sourceport=4002{v} | wc -c"
    );
    outside.run(&line);
    // Nobody is at this port.
    outside.try_run(&format!("echo hello | socat -t 0.5 - UDP{n}:{vip}:9,sourceport=4003{v}"));
    // It dies at the balancer, and one from inside behind it. Too short for the time of sending to be in it.
    outside.run(&format!("traceroute -{n} -n -U -p 9 --sport=4004{v} -f 2 -m 2 -q 1 -w 2 {}", ROUTED[v]));
    let inside = &site.web1;
    inside.run(&format!("traceroute -{n} -n -U -p 9 --sport=4005{v} -f 2 -m 2 -q 1 -w 2 {}", CLIENT[v]));
    inside.run(&format!("ping -{n} -n -e 432{v} -s 12 -c 2 -i 0.2 -W 2 {}", CLIENT[v]));
    let answer = inside.run(&format!("echo hello | socat -t 2 - TCP{n}:{client}:9003,sourceport=4006{v}"));
    assert_eq!(answer, "hello\n");
    // Larger than the client's network takes.
    let never = if v == 0 { ",ip-mtu-discover=2" } else { "" };
    inside.try_run(&format!(
        "head -c 1440 /dev/zero | socat -b 8000 -t 0.3 - UDP{n}:{client}:9,sourceport=4007{v}{never}"
    ));
}

/// The packets of a capture, evened out, as text and in order of that.
fn packets(capture: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    let mut starts = BTreeMap::new();
    let mut rest = &capture[24..];
    while let Some((header, tail)) = rest.split_first_chunk::<16>() {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        all.extend(even(&mut tail[14..len].to_vec(), &mut starts));
        rest = &tail[len..];
    }
    all.sort();
    // On a busy machine TCP repeats itself.
    all.dedup_by(|a, b| a == b && a.contains(" tcp "));
    all
}

/// Where an address and port have begun to count, by both ends.
type Starts = BTreeMap<Vec<u8>, u32>;

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// Evens out an IP packet; `None` for what says nothing about the way.
fn even(packet: &mut Vec<u8>, starts: &mut Starts) -> Option<String> {
    let v6 = packet[0] >> 4 == 6;
    // Padding of Ethernet.
    packet.truncate(if v6 { 40 + be16(packet, 4) } else { be16(packet, 2) });
    let (proto, at, fragment) = layer4(packet);
    let mut text = String::new();
    if !fragment && !matches!(proto, UDP if be16(packet, at + 6) == 0) {
        assert_eq!(checksum(packet, proto, at), 0, "a wrong checksum: {packet:02x?}");
    }
    let later = fragment && !starts_here(packet);
    if proto == ICMP6 && !later && (133..=137).contains(&packet[at]) {
        return None;
    }
    let error =
        !later && ((proto == ICMP && matches!(packet[at], 3 | 11)) || (proto == ICMP6 && packet[at] < 128));
    if error {
        let mut quote = packet.split_off(at + 8);
        header(&mut quote);
        let (proto, inner, _) = layer4(&quote);
        if proto == TCP {
            quote.truncate(inner + 4);
        }
        packet[at + 2..at + 4].fill(0);
        own_error(packet);
        let _ = write!(text, " quotes {}", hex(&quote));
    } else if proto == TCP {
        let flags = packet[at + 13];
        let data = at + usize::from(packet[at + 12] >> 4) * 4;
        // Only an acknowledgement.
        if flags == 0x10 && packet.len() == data {
            return None;
        }
        let ends = |from: usize, to: usize| {
            [&packet[from..from + 2], &packet[to..to + 2], &addresses(packet, from == at)].concat()
        };
        let (here, there) = (ends(at, at + 2), ends(at + 2, at));
        let word =
            |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
        let (seq, ack) = (word(at + 4), word(at + 8));
        let start = *starts.entry(here).or_insert(seq);
        let seq = seq.wrapping_sub(start);
        let ack = ack.wrapping_sub(starts.get(&there).copied().unwrap_or(ack));
        let mut options = packet[at + 20..data].to_vec();
        let mut o = 0;
        while o < options.len() && options[o] != 0 {
            let len = if options[o] == 1 { 1 } else { usize::from(options[o + 1]).max(1) };
            if options[o] == 8 {
                options[o + 2..o + 10].fill(0);
            }
            o += len;
        }
        let (ports, payload) = (hex(&packet[at..at + 4]), hex(&packet[data..]));
        packet.truncate(at);
        // What has been received so far is acknowledged with FIN or by itself, as timers want: SYN alone is certain.
        let ack = if flags & 2 != 0 { ack.to_string() } else { "-".into() };
        let _ = write!(
            text,
            " tcp {ports} flags {flags:02x} seq {seq} ack {ack} options {} data {payload}",
            hex(&options)
        );
    } else if !later && proto == UDP {
        packet[at + 6..at + 8].fill(0);
    } else if !later && matches!(proto, ICMP | ICMP6) {
        packet[at + 2..at + 4].fill(0);
    }
    header(packet);
    Some(hex(packet) + &text)
}

/// Evens out an error that the balancer itself sends. The kernel lets a virtual server say that a hop was the last, bng
/// says it in its own name, as routers do; and the kernel sets the precedence of network control, but not DF.
fn own_error(packet: &mut [u8]) {
    let (from, own): (usize, Vec<u8>) =
        if packet[0] >> 4 == 6 { (8, REAL6.octets().into()) } else { (12, REAL4.octets().into()) };
    let server: Vec<u8> = match ROUTED[usize::from(from == 8)].parse() {
        Ok(IpAddr::V4(addr)) => addr.octets().into(),
        Ok(IpAddr::V6(addr)) => addr.octets().into(),
        Err(e) => panic!("{e}"),
    };
    let layer4 = layer4(packet).1;
    let source = &packet[from..from + own.len()];
    let expired = if from == 8 { 3 } else { 11 };
    if *source == *own || *source == *server && packet[layer4] == expired {
        packet[from..from + own.len()].copy_from_slice(&own);
        if from == 12 {
            packet[1] = 0;
            packet[6] &= !0x40;
        }
    }
}

/// Evens out what hosts choose in the header of IP.
fn header(packet: &mut [u8]) {
    if packet[0] >> 4 == 6 {
        packet[1] &= 0xf0;
        packet[2..4].fill(0);
        if packet[6] == 44 {
            packet[44..48].fill(0);
        }
    } else {
        packet[4..6].fill(0);
        packet[10..12].fill(0);
    }
}

/// Both addresses, in the order of the packet or the other.
fn addresses(packet: &[u8], in_order: bool) -> Vec<u8> {
    let (from, len) = if packet[0] >> 4 == 6 { (8, 16) } else { (12, 4) };
    let (src, dst) = packet[from..from + 2 * len].split_at(len);
    if in_order { [src, dst].concat() } else { [dst, src].concat() }
}

/// Protocol, where its header begins, and whether the packet is a fragment.
fn layer4(packet: &[u8]) -> (u8, usize, bool) {
    if packet[0] >> 4 == 6 {
        if packet[6] == 44 { (packet[40], 48, true) } else { (packet[6], 40, false) }
    } else {
        (packet[9], usize::from(packet[0] & 15) * 4, be16(packet, 6) & 0x3fff != 0)
    }
}

/// Whether a fragment is the first one.
fn starts_here(packet: &[u8]) -> bool {
    if packet[0] >> 4 == 6 { be16(packet, 42) & 0xfff8 == 0 } else { be16(packet, 6) & 0x1fff == 0 }
}

/// What is left of the sum of layer 4: 0 when its checksum is right.
fn checksum(packet: &[u8], proto: u8, at: usize) -> u16 {
    let body = &packet[at..];
    let mut bytes = if proto == ICMP { Vec::new() } else { addresses(packet, true) };
    if proto != ICMP {
        bytes.extend([0, proto]);
        bytes.extend((body.len() as u16).to_be_bytes());
    }
    bytes.extend(body);
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    let mut sum: u32 = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
