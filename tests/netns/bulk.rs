//! Much data: segments larger than the MTU and checksums left to hardware that is not there.

use std::time::Duration;

use bng_world::{Bng, Host, Service, World, wait};

use crate::farm::{Farm, VIP, until_serving};
use crate::poc::{self, Poc};
use crate::suite::{BNG, Case};

/// Bytes in each direction.
const SIZE: usize = 100_000_000;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "socat", "sha256sum", "ethtool"];
    let mut cases = Case::per_door("a download of 100 MB arrives intact", tools, downloads);
    cases.extend(Case::per_door("an upload of 100 MB arrives intact", tools, uploads));
    cases.extend(Case::per_door(
        "an upload of 100 MB through a tap arrives intact",
        tools,
        uploads_through_tap,
    ));
    cases
}

/// Makes the file that travels and returns its digest.
fn make_file(world: &World, host: &Host) -> String {
    let path = world.dir().join("big");
    let path = path.display();
    host.run(&format!("head -c {SIZE} /dev/urandom > {path}; sha256sum < {path}"))
}

/// Sends the file to `vip` and returns the digest of what arrived, as the sink there tells it.
fn upload(world: &World, client: &Host, vip: &str) -> String {
    let path = world.dir().join("big");
    client.run(&format!("socat -t 30 - TCP:{vip}:9000 < {}", path.display()))
}

/// Answers every stream to port 9000 of `host` with its digest.
fn sink(world: &World, host: &Host) -> Service {
    let mut command = host.command("socat");
    command.args(["-t", "30", "TCP-LISTEN:9000,fork,reuseaddr", "EXEC:sha256sum"]);
    let service = Service::start(&mut command, &world.dir().join(format!("sink-{}.log", host.namespace())));
    // 9000 = 0x2328, 0A = LISTEN in proc_net_tcp(5).
    let look = "cat /proc/net/tcp /proc/net/tcp6 | grep -q ':2328 .* 0A '";
    wait::for_true("a listening sink", Duration::from_secs(5), || host.succeeds(look));
    service
}

/// The case proves nothing unless veth leaves work to hardware.
fn assert_offloads(hosts: &[&Host]) {
    for host in hosts {
        let features = host.run("ethtool -k eth0");
        for feature in ["tx-checksumming: on", "tcp-segmentation-offload: on"] {
            assert!(features.contains(feature), "no `{feature}` on {}", host.namespace());
        }
    }
}

fn downloads(door: &str) {
    let farm = Farm::new();
    assert_offloads(&[&farm.client, &farm.webs[0], &farm.webs[1]]);
    let expected = make_file(&farm.world, &farm.client);
    let _bng = farm.bng(door);
    let digest = farm.client.run(&format!("curl -sf --max-time 60 http://{VIP}/files/big | sha256sum"));
    assert_eq!(digest, expected);
}

fn uploads(door: &str) {
    let farm = Farm::new();
    assert_offloads(&[&farm.client, &farm.webs[0], &farm.webs[1]]);
    let expected = make_file(&farm.world, &farm.client);
    let _sinks = farm.webs.each_ref().map(|host| sink(&farm.world, host));
    let _bng = farm.bng(door);
    assert_eq!(upload(&farm.world, &farm.client, VIP), expected);
}

fn uploads_through_tap(door: &str) {
    let poc = Poc::new();
    assert_offloads(&[&poc.client, &poc.balancer]);
    let expected = make_file(&poc.world, &poc.client);
    let _sink = sink(&poc.world, &poc.balancer);
    let bng =
        Bng::running(BNG, &poc.world, &poc.balancer, &poc::config(door).replace("port 22", "port 9000"));
    until_serving(&bng, &[1]);
    assert_eq!(upload(&poc.world, &poc.client, poc::VIP), expected);
}
