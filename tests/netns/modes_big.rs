//! Much data in one connection through every way of forwarding, with the offloads that hosts have by default.
//!
//! What a mode rewrites is what travels: where answers come back through the balancer the client gets the file, and where
//! they do not it sends it.

use std::time::Duration;

use bng_world::{Bng, Decap, Host, Service, World, wait};

use crate::farm::{self, Farm};
use crate::modes::{dropped, serve};
use crate::modes_tunnel::{self, Field};
use crate::route::{Leg, Routed};
use crate::site::{CLIENT, Legs, PROXY, ROUTED, Site, in_url};
use crate::suite::{BNG, Case};

/// Bytes of random data in the file, which holds them over and over.
const RANDOM: usize = 50_000_000;

/// Where streams are summed up.
const SINK: u16 = 9010;

/// Door, how often the random data stands in the file, and its size in words.
const DOORS: [(&str, usize, &str); 2] = [("raw", 20, "1 GB"), ("pcap", 2, "100 MB")];

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "socat", "cksum", "ethtool"];
    let mut cases = Vec::new();
    for (door, times, size) in DOORS {
        let mut add = |what: String, run: Box<dyn FnOnce() + Send>| {
            cases.push(Case::new(format!("{size} in one connection {what} [{door}]"), tools, run));
        };
        for v in 0..2 {
            let family = ["IPv4", "IPv6"][v];
            add(
                format!("arrive intact in each mode that translates, {family}"),
                Box::new(move || translated(door, times, v)),
            );
        }
        add("arrive intact at targets that answer by themselves".into(), Box::new(move || dsr(door, times)));
        add("arrive intact where bng routes".into(), Box::new(move || routed(door, times)));
        for (word, kind) in modes_tunnel::KINDS {
            add(
                format!("arrive intact through {word} tunnels"),
                Box::new(move || tunnelled(door, times, word, kind)),
            );
        }
    }
    let tools = &["nginx", "curl", "socat", "iperf3", "dig", "dnsmasq"];
    cases.extend(Case::per_door(
        "targets that answer by themselves are reached by iperf3 and dig",
        tools,
        |door| {
            let farm = Farm::new();
            let mut services = Vec::new();
            for (host, name) in farm.webs.iter().zip(["web1", "web2"]) {
                serve(&farm.world, &mut services, host, name);
            }
            let _bng = farm_for_all(&farm, door);
            for vip in [farm::VIP_ANY, farm::VIP6] {
                measure_and_ask(&farm.client, vip);
            }
        },
    ));
    cases.extend(Case::per_door("hosts of two networks meet by iperf3 and dig", tools, |door| {
        let routed = Routed::new(door, "");
        let mut services = Vec::new();
        serve(&routed.world, &mut services, &routed.server, "server");
        for address in Leg::SERVER.host() {
            measure_and_ask(&routed.client, &address);
        }
    }));
    cases.extend(Case::per_door("targets behind tunnels are reached by iperf3", tools, |door| {
        for (word, kind) in modes_tunnel::KINDS {
            let field = Field::new();
            let _ends = field.fars.each_ref().map(|far| Decap::start(far, kind));
            // All connections of a measurement must meet one target.
            let _bng = field.bng_with(door, word, 0, |text| text.replace("    sessionid src+port\n", ""));
            for vip in modes_tunnel::VIP {
                measure(&field.client, vip);
            }
        }
    }));
    cases
}

/// Sends 5 MB each way by iperf3.
fn measure(client: &Host, to: &str) {
    client.run(&format!("iperf3 -c {to} --connect-timeout 3000 -n 5M"));
    // It does not listen while it closes a test.
    let line = format!("iperf3 -c {to} --connect-timeout 3000 -R -n 5M");
    wait::for_true("iperf3 the other way", Duration::from_secs(10), || client.succeeds(&line));
}

/// As [`measure`], and asks for a name by UDP and by TCP.
fn measure_and_ask(client: &Host, to: &str) {
    measure(client, to);
    for how in ["+notcp", "+tcp"] {
        let answer = client.run(&format!("dig +short {how} +tries=1 +time=3 @{to} who.test TXT"));
        assert!(answer.starts_with('"'), "{to} {how}: {answer}");
    }
}

/// Makes the file and returns its checksum and length.
fn make_file(world: &World, host: &Host, times: usize) -> String {
    let path = world.dir().join("big");
    let path = path.display();
    host.run(&format!(
        "head -c {RANDOM} /dev/urandom > {path}.part; for n in $(seq {times}); do cat {path}.part; done > {path}
         rm {path}.part; cksum < {path}"
    ))
}

/// The case proves little unless hosts leave work to hardware.
fn assert_offloads(hosts: &[&Host]) {
    for host in hosts {
        let features = host.run("ethtool -k eth0");
        for feature in ["tx-checksumming: on", "tcp-segmentation-offload: on"] {
            assert!(features.contains(feature), "no `{feature}` on {}", host.namespace());
        }
    }
}

/// Answers every stream to [`SINK`] with its checksum and length.
fn sink(world: &World, host: &Host) -> Service {
    let mut command = host.command("socat");
    command.args([
        "-b262144",
        "-t30",
        &format!("TCP6-LISTEN:{SINK},ipv6only=0,fork,reuseaddr"),
        "EXEC:cksum",
    ]);
    let service = Service::start(&mut command, &world.dir().join(format!("cksum-{}.log", host.namespace())));
    wait::for_true("a listening sink", Duration::from_secs(5), || {
        host.succeeds("grep -q ':2332 .* 0A ' /proc/net/tcp6")
    });
    service
}

fn download(host: &Host, from: &str, expected: &str) {
    let line = format!("curl -gsf --max-time 180 http://{}/files/big | cksum", in_url(from));
    assert_eq!(host.run(&line), expected, "download from {from}");
}

fn upload(world: &World, host: &Host, to: &str, expected: &str) {
    let family = if to.contains(':') { "TCP6" } else { "TCP4" };
    let big = world.dir().join("big");
    let line = format!("socat -b262144 -t30 - {family}:{}:{SINK} < {}", in_url(to), big.display());
    assert_eq!(host.run(&line), expected, "upload to {to}");
}

fn translated(door: &str, times: usize, v: usize) {
    let site = Site::new(Legs::Two);
    assert_offloads(&site.ends());
    let expected = make_file(&site.world, &site.client, times);
    let bng = site.bng(door, "");
    for (host, from) in [
        (&site.client, ROUTED[v]),
        (&site.client, PROXY[v]),
        (&site.web1, CLIENT[v]),
        (&site.web2, CLIENT[v]),
    ] {
        download(host, from, &expected);
    }
    let drops = bng.cmdctl("show drops\n");
    for reason in ["malformed", "checksum", "flow-clash", "no-flow"] {
        assert_eq!(dropped(&drops, reason), 0, "{reason}:\n{drops}");
    }
}

/// The farm's virtual servers of both families for all ports, with direct server return.
fn farm_for_all(farm: &Farm, door: &str) -> Bng {
    let any = format!("    ipaddr {}\n    targets", farm::VIP_ANY);
    let text = farm::config(door, farm::FIRST);
    assert!(text.contains(&any), "{text}");
    let both = format!("    ipaddr {}\n    ipaddr6 {}\n    targets", farm::VIP_ANY, farm::VIP6);
    let bng = Bng::running(BNG, &farm.world, &farm.balancer, &text.replace(&any, &both));
    farm::until_serving(&bng, &[1, 2]);
    bng
}

fn dsr(door: &str, times: usize) {
    let farm = Farm::new();
    assert_offloads(&[&farm.client, &farm.webs[0], &farm.webs[1]]);
    let expected = make_file(&farm.world, &farm.client, times);
    let _sinks = farm.webs.each_ref().map(|host| sink(&farm.world, host));
    let _bng = farm_for_all(&farm, door);
    for vip in [farm::VIP_ANY, farm::VIP6] {
        upload(&farm.world, &farm.client, vip, &expected);
    }
}

fn routed(door: &str, times: usize) {
    let routed = Routed::new(door, "");
    assert_offloads(&[&routed.client, &routed.server]);
    let expected = make_file(&routed.world, &routed.client, times);
    for address in Leg::SERVER.host() {
        download(&routed.client, &address, &expected);
    }
}

fn tunnelled(door: &str, times: usize, word: &str, kind: bng_world::Tunnel) {
    for v in 0..2 {
        let field = Field::new();
        assert_offloads(&[&field.client, &field.fars[0]]);
        let expected = make_file(&field.world, &field.client, times);
        let _ends = field.fars.each_ref().map(|far| Decap::start(far, kind));
        let _sinks = field.fars.each_ref().map(|far| sink(&field.world, far));
        let _bng = field.bng(door, word, v);
        upload(&field.world, &field.client, modes_tunnel::VIP[v], &expected);
    }
}
