//! Much data: segments larger than the MTU and checksums left to hardware that is not there.

use std::time::Duration;

use bng_world::{Service, wait};

use crate::farm::{Farm, VIP};
use crate::suite::Case;

/// Bytes in each direction.
const SIZE: usize = 100_000_000;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl", "socat", "sha256sum", "ethtool"];
    let mut cases = Case::per_door("a download of 100 MB arrives intact", tools, downloads);
    cases.extend(Case::per_door("an upload of 100 MB arrives intact", tools, uploads));
    cases
}

/// Makes the file that travels and returns its digest.
fn make_file(farm: &Farm) -> String {
    let path = farm.world.dir().join("big");
    let path = path.display();
    farm.client.run(&format!("head -c {SIZE} /dev/urandom > {path}; sha256sum < {path}"))
}

/// The case proves nothing unless veth leaves work to hardware.
fn assert_offloads(farm: &Farm) {
    for host in [&farm.client, &farm.webs[0], &farm.webs[1]] {
        let features = host.run("ethtool -k eth0");
        for feature in ["tx-checksumming: on", "tcp-segmentation-offload: on"] {
            assert!(features.contains(feature), "no `{feature}` on {}", host.namespace());
        }
    }
}

fn downloads(door: &str) {
    let farm = Farm::new();
    assert_offloads(&farm);
    let expected = make_file(&farm);
    let _bng = farm.bng(door);
    let digest = farm.client.run(&format!("curl -sf --max-time 60 http://{VIP}/files/big | sha256sum"));
    assert_eq!(digest, expected);
}

fn uploads(door: &str) {
    let farm = Farm::new();
    assert_offloads(&farm);
    let expected = make_file(&farm);
    let mut sinks = Vec::new();
    for (n, host) in farm.webs.iter().enumerate() {
        let mut command = host.command("socat");
        command.args(["-t", "30", "TCP-LISTEN:9000,fork,reuseaddr", "EXEC:sha256sum"]);
        sinks.push(Service::start(&mut command, &farm.world.dir().join(format!("sink{n}.log"))));
        until_listening(&farm, n);
    }
    let _bng = farm.bng(door);
    let file = farm.world.dir().join("big");
    let digest = farm.client.run(&format!("socat -t 30 - TCP:{VIP}:9000 < {}", file.display()));
    assert_eq!(digest, expected);
}

/// Waits until the sink of web server `n` listens.
fn until_listening(farm: &Farm, n: usize) {
    // 9000 = 0x2328, 0A = LISTEN in proc_net_tcp(5).
    let look = "cat /proc/net/tcp /proc/net/tcp6 | grep -q ':2328 .* 0A '";
    wait::for_true("a listening sink", Duration::from_secs(5), || farm.webs[n].succeeds(look));
}
