//! `bngagent` end to end: a real agent on each web server that is frozen, killed, given another key, without a load, or
//! replaced by something that answers nonsense. The web servers themselves stay well.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bng_world::{Bng, Host, Service, World, wait};
use nix::sys::signal::Signal;

use crate::farm::{FIRST, Farm, config, is_up, until_serving};
use crate::suite::{BNG, Case};

const KEY: &str = "5b0c0f9a8e4d2f6b7a1c3e5d7f90a2b4";
const PORT: &str = "439";
/// Interval and timeout of the check, in seconds.
const TIMES: (u64, u64) = (1, 3);
const DOWN: Duration = Duration::from_secs(TIMES.0 + TIMES.1 + 3);
const UP: Duration = Duration::from_secs(TIMES.0 + 4);

/// The agent beside the program under test: cargo builds it with all tests.
fn binary() -> PathBuf {
    let path = Path::new(BNG).with_file_name("bngagent");
    assert!(path.exists(), "{}: 'cargo build -p bngagent' makes it", path.display());
    path
}

/// An agent of `host` at [`PORT`], with its log in the file `name`; it answers.
pub(crate) fn agent(world: &World, host: &Host, name: &str, arguments: &[&str]) -> Service {
    let mut command = host.command(binary());
    command.arg("-f").args(arguments).arg(PORT);
    let mut service = Service::start(&mut command, &world.dir().join(format!("{name}.log")));
    service.until_logged("answers at", Duration::from_secs(10));
    service
}

fn key_file(world: &World, name: &str, key: &str) -> PathBuf {
    let path = world.write(name, &format!("{key}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a private file");
    path
}

/// The farm whose targets are checked by their agents too: of IPv4 on the first, of IPv6 on the second.
fn running(farm: &Farm) -> Bng {
    let mut text = config("raw", FIRST);
    let (interval, timeout) = TIMES;
    for (n, check) in [(1, "agent"), (2, "agent6")] {
        text += &format!("target {n} {check} {PORT},{interval},{timeout}\ntarget {n} agentkey {KEY}\n");
    }
    let bng = Bng::running(BNG, &farm.world, &farm.balancer, &text);
    until_serving(&bng, &[1, 2]);
    bng
}

/// What `show log` said last of target 1.
fn last_word(bng: &Bng) -> String {
    let log = bng.cmdctl("show log\n");
    log.lines().rfind(|line| line.contains("target 1 (")).unwrap_or_default().to_owned()
}

fn down(bng: &Bng, what: &str, why: &str) {
    wait::for_true(&format!("target 1 down: {what}"), DOWN, || !is_up(bng, 1));
    let told = last_word(bng);
    assert!(told.contains(why), "{what}: no `{why}` in: {told}");
    assert!(is_up(bng, 2), "the other one has nothing to do with it: {what}");
}

fn up(bng: &Bng, what: &str) {
    wait::for_true(&format!("target 1 up: {what}"), UP, || is_up(bng, 1));
}

fn an_agent_in_trouble_is_a_verdict_and_comes_back() {
    let farm = Farm::new();
    let world = &farm.world;
    let key = key_file(world, "key", KEY);
    let key = key.to_str().expect("UTF-8");
    let value = world.write("load", "0.5\n");
    let script = format!("cat {}", value.display());
    let with_load = ["-k", key, "-s", &script, "-i", "1", "-t", "1"];
    let mut first = agent(world, &farm.webs[0], "agent1", &with_load);
    let _second = agent(world, &farm.webs[1], "agent2", &["-6", "-k", key]);
    let bng = running(&farm);
    let silent = "no answer to agent of 10.1.0.11";

    // The load is told all the time; when the script has none any more, that is a failure with a name of its own.
    fs::write(&value, "no number\n").expect("a file");
    let limit = DOWN + Duration::from_secs(5);
    wait::for_true("target 1 down: no load", limit, || !is_up(&bng, 1));
    assert!(last_word(&bng).contains("the agent lives, but knows no load"), "{}", last_word(&bng));
    fs::write(&value, "17\n").expect("a file");
    up(&bng, "a load again");

    first.signal(Signal::SIGSTOP);
    down(&bng, "frozen", silent);
    first.signal(Signal::SIGCONT);
    up(&bng, "thawed");

    first.kill();
    down(&bng, "killed", "10.1.0.11 says ICMP port unreachable");
    let other = key_file(world, "other", "another key of sufficient length");
    first = agent(world, &farm.webs[0], "agent3", &["-k", other.to_str().expect("UTF-8")]);
    wait::while_true("target 1 down with a wrong key", Duration::from_secs(3), || !is_up(&bng, 1));
    first.until_logged("the authentication is wrong", Duration::from_secs(10));
    first.kill();

    // One without a key does not answer those who have one; whoever just sends the request back has not read it.
    let plain = agent(world, &farm.webs[0], "agent4", &[]);
    wait::while_true("target 1 down without a key", Duration::from_secs(3), || !is_up(&bng, 1));
    plain.kill();
    for liar in ["EXEC:cat", "SYSTEM:'head -c 24 /dev/urandom'", "SYSTEM:'head -c 56 /dev/zero'"] {
        let mut command = farm.webs[0].command("socat");
        command.args([&format!("UDP4-RECVFROM:{PORT},fork"), liar]);
        let liar = Service::start(&mut command, &world.dir().join("liar.log"));
        wait::while_true("target 1 down with a liar", Duration::from_secs(3), || !is_up(&bng, 1));
        let told = bng.cmdctl("show targets json\n");
        assert!(told.contains("what it sends is no answer to the question"), "{told}");
        liar.kill();
    }
    first = agent(world, &farm.webs[0], "agent5", &with_load);
    up(&bng, "the right agent");
    assert!(first.stop().success());
}

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new(
        "an agent that is frozen, killed, lying or without load or key takes its target out, and the right one brings it back",
        &["nginx", "socat"],
        an_agent_in_trouble_is_a_verdict_and_comes_back,
    )]
}
