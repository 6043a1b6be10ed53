//! Checks by script and alerts end to end: a monitor in the style of "mon" looks at real web servers, and whoever is
//! alerted learns every change once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use bng_world::{Bng, World, wait};

use crate::farm::{FIRST, Farm, config, is_up, until_serving};
use crate::suite::{BNG, Case};

/// Interval and timeout of the script, in seconds.
const TIMES: (u64, u64) = (1, 3);

fn script(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.write(name, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable file");
    path
}

/// The farm whose targets a monitor looks at, and who is alerted.
fn running(farm: &Farm) -> (Bng, PathBuf) {
    // As monitors of "mon" do: hosts are the arguments, those that fail are printed, and the status tells.
    let monitor = script(
        &farm.world,
        "http.monitor",
        "#!/bin/sh\nfailed=\nfor host; do\n  curl -s -o /dev/null --max-time 2 http://$host/ || failed=\"$failed $host\"\n\
         done\n[ -z \"$failed\" ] && exit 0\necho $failed\nexit 1\n",
    );
    let told = farm.world.dir().join("told");
    let alert =
        script(&farm.world, "alert", &format!("#!/bin/sh\necho \"$* $BNG_CAUSE\" >>{}\n", told.display()));
    let mut text = config("raw", FIRST);
    let (interval, timeout) = TIMES;
    for n in [1, 2] {
        text += &format!(
            "target {n} script {},{interval},{timeout}\ntarget {n} alert {alert}\ntarget {n} upalert {alert}\n",
            monitor.display(),
            alert = alert.display()
        );
    }
    let bng = Bng::running(BNG, &farm.world, &farm.balancer, &text);
    until_serving(&bng, &[1, 2]);
    (bng, told)
}

fn lines(told: &PathBuf) -> Vec<String> {
    fs::read_to_string(told).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn a_dead_service_is_seen_by_the_monitor_and_told_once() {
    let farm = Farm::new();
    let (bng, told) = running(&farm);
    assert_eq!(lines(&told), [""; 0], "who is up from the start is no news");
    // The machine still answers pings.
    farm.webs[0].run("nft add table inet wall; nft 'add chain inet wall in { type filter hook input priority 0; }'; nft add rule inet wall in tcp dport 80 reject with tcp reset");
    let limit = Duration::from_secs(TIMES.1 + TIMES.0 + 3);
    let took = wait::for_true("target 1 down", limit, || !is_up(&bng, 1));
    assert!(took >= Duration::from_secs(TIMES.1 - TIMES.0 - 1), "{took:?}");
    wait::for_true("the alert", Duration::from_secs(5), || !lines(&told).is_empty());
    farm.webs[0].run("nft delete table inet wall");
    wait::for_true("target 1 up", Duration::from_secs(TIMES.0 + 5), || is_up(&bng, 1));
    wait::for_true("the second alert", Duration::from_secs(5), || lines(&told).len() >= 2);
    std::thread::sleep(Duration::from_secs(2));
    let lines = lines(&told);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        lines[0],
        "target 1 10.1.0.11 0 down down: script of 10.1.0.11: ended with status 1: 10.1.0.11"
    );
    assert!(lines[1].starts_with("target 1 10.1.0.11 0 up up: answers "), "{lines:?}");
}

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new(
        "a dead service is seen by a monitor of mon's kind, and every change is told once",
        &["curl", "nft", "nginx"],
        a_dead_service_is_seen_by_the_monitor_and_told_once,
    )]
}
