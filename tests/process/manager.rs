//! What a manager of services hears from the daemon.

use super::{Node, kill};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A daemon in the foreground with a manager that listens.
struct Watched {
    daemon: Child,
    socket: UnixDatagram,
    node: Node,
}

impl Watched {
    fn start(name: &str, watchdog: Option<Duration>) -> Self {
        let node = Node::new(name);
        let path = node.folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut command = node.command(&["-f", "start"]);
        command.env("NOTIFY_SOCKET", path).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
        let daemon = command.spawn().unwrap();
        Self { daemon, socket, node }
    }

    /// The next message.
    fn hear(&self) -> String {
        let mut bytes = [0; 512];
        let n = self.socket.recv(&mut bytes).expect("a message in time");
        String::from_utf8(bytes[..n].to_vec()).unwrap()
    }

    /// Waits for `message`, whatever else is said before.
    fn hear_of(&self, message: &str) {
        for _ in 0..100 {
            if self.hear() == message {
                return;
            }
        }
        panic!("no {message}");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[test]
fn a_manager_hears_of_start_reload_and_end() {
    let mut watched = Watched::start("notify", None);
    assert_eq!(watched.hear(), "READY=1");
    assert_eq!(watched.hear(), "STATUS=0 of 0 interfaces open, 0 of 0 servers serving");
    assert_eq!(watched.node.bng(&["reload"]).0, 0);
    assert_eq!([watched.hear(), watched.hear()], ["RELOADING=1", "READY=1"]);
    // A refused file leaves what runs, so the daemon is ready as before.
    watched.node.configure("hostname\n");
    assert_eq!(watched.node.bng(&["reload"]).0, 6);
    assert_eq!([watched.hear(), watched.hear()], ["RELOADING=1", "READY=1"]);
    kill("-TERM", watched.daemon.id());
    assert_eq!(watched.hear(), "STOPPING=1");
    assert!(watched.daemon.wait().unwrap().success());
}

#[test]
fn a_watchdog_is_fed_and_only_if_there_is_one() {
    let watched = Watched::start("watchdog", Some(Duration::from_secs(5)));
    for _ in 0..2 {
        watched.hear_of("WATCHDOG=1");
    }
    let unwatched = Watched::start("no-watchdog", None);
    unwatched.socket.set_read_timeout(Some(Duration::from_millis(2500))).unwrap();
    let mut bytes = [0; 512];
    while let Ok(n) = unwatched.socket.recv(&mut bytes) {
        assert!(!bytes[..n].starts_with(b"WATCHDOG"), "nobody asked for it");
    }
}

#[test]
fn a_manager_that_cannot_be_reached_is_told_in_the_log_and_keeps_nobody_from_serving() {
    let node = Node::new("no-manager");
    let mut command = node.command(&["start"]);
    let out = command.env("NOTIFY_SOCKET", "/nowhere/notify").output().unwrap();
    assert!(out.status.success());
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(
        text.contains("warning: bng: the service manager cannot be told anything: NOTIFY_SOCKET: "),
        "{text}"
    );
    assert_eq!(node.bng(&["status"]).0, 0);
}
