//! Interfaces that disappear under a running bng and come back: it says so once, and serves again by itself.

use std::time::Duration;

use bng_world::{Bng, Host, World, wait};

use crate::farm::{Farm, VIP, VIP6, until_serving};
use crate::suite::{BNG, Case};

/// bng looks every five seconds; the rest is for elections and checks of a busy machine.
const RETURN: Duration = Duration::from_secs(20);

const TAP: &str = "interface 1 {
    name bng0
    access tap
    init \"ip link set bng0 up; ip addr add 172.17.2.60/24 dev bng0\"
}
register interface 1
enable interface 1
";

pub(crate) fn cases() -> Vec<Case> {
    let name = "a farm serves again when its interface was removed and is back, with another station";
    let mut cases = Case::per_door(name, &["nginx", "curl"], wire_returns);
    cases.push(Case::new("a tap device that was removed is made again, with its init", &[], tap_returns));
    cases
}

fn log(bng: &Bng) -> String {
    bng.cmdctl("show log\n")
}

/// Lines of the log that have all of `parts`.
fn lines(bng: &Bng, parts: &[&str]) -> usize {
    log(bng).lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

/// Plugs a host without an interface into the switch; `mac` is its new station.
fn plug(world: &World, host: &Host, name: &str, mac: &str) {
    let switch = world.switch().namespace();
    host.run(&format!(
        "ip link add eth0 address {mac} type veth peer name {name} netns {switch}
         ip -n {switch} link set dev {name} master br0 up
         ip link set eth0 up"
    ));
}

fn wire_returns(door: &str) {
    let farm = Farm::new();
    let mut bng = farm.bng(door);
    let serves = |vip: &str| farm.client.succeeds(&format!("curl -gsf -m 2 -o /dev/null http://{vip}/"));
    let vip6 = format!("[{VIP6}]");
    assert!(serves(VIP) && serves(&vip6), "it did not serve to begin with");

    farm.balancer.run("ip link delete eth0");
    wait::for_true("the loss in the log", Duration::from_secs(5), || lines(&bng, &["error", "lost: "]) == 1);
    wait::for_true("no farm without an interface", Duration::from_secs(10), || !serves(VIP));
    // Longer than it takes to look for it once: what is not there yet is not told again.
    wait::while_true("one line about it", Duration::from_secs(7), || lines(&bng, &["lost"]) == 1);
    assert_eq!(bng.run(&["status"]).status.code(), Some(0));

    plug(&farm.world, &farm.balancer, "balancer", "02:00:00:00:00:99");
    wait::for_true("the interface again", RETURN, || lines(&bng, &[&format!("open: access {door}")]) == 2);
    until_serving(&bng, &[1, 2]);
    wait::for_true("the farm again", RETURN, || serves(VIP) && serves(&vip6));
    let row = bng.row("interfaces", 1).expect("interface 1");
    assert!(row.contains(&"02:00:00:00:00:99".to_owned()), "{row:?}");
    bng.stop();
}

fn tap_returns() {
    let mut world = World::new();
    let host = world.plugged("balancer", &[]);
    let mut bng = Bng::running(BNG, &world, &host, TAP);
    host.run("ip link delete bng0");
    wait::for_true("the loss in the log", Duration::from_secs(5), || lines(&bng, &["error", "lost: "]) == 1);
    // Somebody else takes the name: that is not something to wait for in silence, nor to repeat.
    host.run("ip link add bng0 type veth peer name other");
    let taken = ["warning", "still lost", "bng0 already exists"];
    wait::for_true("the obstacle in the log", RETURN, || lines(&bng, &taken) == 1);
    wait::while_true("one line about it", Duration::from_secs(7), || lines(&bng, &["still lost"]) == 1);
    host.run("ip link delete bng0");
    wait::for_true("the tap device again", RETURN, || {
        host.succeeds("ip addr show bng0 | grep -q 172.17.2.60")
    });
    wait::for_true("the word of it", Duration::from_secs(5), || lines(&bng, &["open: access tap"]) == 2);
    bng.stop();
}
