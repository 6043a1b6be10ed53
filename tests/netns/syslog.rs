//! What arrives at a system log: a socket that stands for it, at `/dev/log` of a mount namespace of its own.

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use bng_world::{Bng, World, wait};

use crate::suite::{BNG, Case};

/// Facilities and severities of RFC 5424, section 6.2.1.
const DAEMON: u8 = 3;
const LOCAL3: u8 = 19;
const LOCAL5: u8 = 21;
const ERROR: u8 = 3;
const NOTICE: u8 = 5;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "syslog gets every line with facility and severity, also after a reload",
            &["unshare"],
            facility,
        ),
        Case::new("a system log that takes nothing holds nobody up", &["unshare"], stuck),
    ]
}

/// A system log and an instance of bng that sees it, in the background.
struct Logged {
    _world: World,
    bng: Bng,
    log: UnixDatagram,
    got: RefCell<String>,
}

impl Logged {
    fn new(text: &str) -> Self {
        let mut world = World::new();
        let host = world.plugged("balancer", &[]);
        let bng = Bng::new(BNG, &world, &host, text);
        let socket = world.dir().join("syslog");
        let log = UnixDatagram::bind(&socket).expect("a socket");
        log.set_nonblocking(true).expect("a socket");
        let old = world.dir().join("dev");
        std::fs::create_dir_all(&old).expect("a folder");
        // A /dev that has everything the old one has, but this log.
        let script = format!(
            "mount --bind /dev {old}; mount -t tmpfs -o mode=755 tmpfs /dev; \
             for f in {old}/*; do ln -s $f /dev/; done; ln -sfn {socket} /dev/log; exec \"$@\"",
            old = old.display(),
            socket = socket.display()
        );
        let inner = bng.command();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-euc", &script, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args());
        command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let out = command.arg("-c").arg(bng.config()).arg("start").output().expect("unshare");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Self { _world: world, bng, log, got: RefCell::default() }
    }

    /// Whether a message has come with this priority and these words.
    fn has(&self, facility: u8, severity: u8, words: &str) -> bool {
        let mut bytes = [0; 8192];
        let mut got = self.got.borrow_mut();
        while let Ok(n) = self.log.recv(&mut bytes) {
            got.push_str(&String::from_utf8_lossy(&bytes[..n]));
            got.push('\n');
        }
        let priority = format!("<{}>", facility * 8 + severity);
        got.lines().any(|line| line.starts_with(&priority) && line.contains(" bng[") && line.contains(words))
    }

    fn expect(&self, facility: u8, severity: u8, words: &str) {
        let limit = Instant::now() + Duration::from_secs(5);
        while !self.has(facility, severity, words) {
            assert!(Instant::now() < limit, "no {facility}.{severity} `{words}` in\n{}", self.got.borrow());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.bng.run(&["stop"]);
    }
}

fn facility() {
    let node = Logged::new("hostname one\nset syslogfacility local3\n");
    node.expect(LOCAL3, NOTICE, " is up");
    node.bng.write_config("hostname two\nset syslogfacility local5\n");
    assert!(node.bng.run(&["reload"]).status.success());
    node.expect(LOCAL5, NOTICE, "hostname one -> two");
    node.bng.write_config("hostnam\n");
    assert!(!node.bng.run(&["reload"]).status.success());
    node.expect(LOCAL5, ERROR, "refused, nothing has changed: ");
    node.bng.cmdctl("no set syslogfacility\n");
    node.expect(DAEMON, NOTICE, "configuration: changed by user id 0");
    // The last words arrive too.
    assert!(node.bng.run(&["stop"]).status.success());
    node.expect(DAEMON, NOTICE, "bng: stopped");
}

fn stuck() {
    let node = Logged::new("hostname node0\n");
    // More lines than any socket holds, and nobody reads them.
    let statements: String = (1..=3000).map(|n| format!("hostname node{n}\n")).collect();
    let begin = Instant::now();
    node.bng.cmdctl(&statements);
    node.bng.cmdctl("show version\n");
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    assert!(node.bng.cmdctl("show log\n").contains("hostname node2999 -> node3000"), "nothing is lost here");
    // As soon as it is read again, it learns what it has missed.
    wait::for_true("room", Duration::from_secs(5), || node.has(DAEMON, NOTICE, "hostname node0 -> node1"));
    wait::for_true("the number of lines lost", Duration::from_secs(5), || {
        node.bng.cmdctl("clear sessions\n");
        node.has(DAEMON, 4, " lines were lost, the system log did not take them in time")
    });
}
