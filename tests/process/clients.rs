//! Control clients that misbehave: the daemon serves the others, stays small, and says whom it has closed.

use crate::{Node, wait};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Longest time that an honest client may wait while others misbehave.
const SOON: Duration = Duration::from_secs(5);

fn connect(node: &Node) -> UnixStream {
    let stream = UnixStream::connect(node.file("0.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn message(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat()
}

/// Resident memory of the daemon in kilobytes.
fn memory(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn assert_serves(node: &Node) {
    let begin = Instant::now();
    let (status, out, complaint) = node.bng(&["show", "sessions"]);
    assert_eq!((status, out.as_str(), complaint.as_str()), (0, "0 sessions\n", ""));
    assert!(begin.elapsed() < SOON, "an honest client waited {:?}", begin.elapsed());
}

#[test]
fn sixty_four_bad_clients_at_once_lock_nobody_out() {
    let node = Node::new("crowd");
    // A configuration whose listing fills the buffer of a socket.
    let long = "x".repeat(60);
    let targets: String = (1..=1000).map(|n| format!("target {n} name \"{long}\"\n")).collect();
    node.configure(&targets);
    assert_eq!(node.bng(&["start"]).0, 0);
    let before = memory(&node);
    let mut bad = Vec::new();
    for n in 0..64 {
        let mut client = connect(&node);
        // Those that are closed meanwhile cannot write any more.
        let _ = match n % 5 {
            // Never reads.
            0 => (0..50).try_for_each(|_| client.write_all(&message("show configuration"))),
            // Half a length.
            1 => client.write_all(&[0, 0]),
            // Half a request.
            2 => client.write_all(&message("show sessions")[..9]),
            // Nothing at all.
            3 => Ok(()),
            // No text.
            _ => client.write_all(b"\0\0\0\x04\xff\xfe\xfd\xfc"),
        };
        bad.push(client);
    }
    for _ in 0..5 {
        assert_serves(&node);
    }
    let log = node.bng(&["show", "log"]).1;
    let closed = format!(" warning: control: closed the connection of user id {}, ", node.uid());
    for why in ["another client needs its place", "message is not UTF-8 text"] {
        assert!(log.lines().any(|line| line.contains(&closed) && line.ends_with(why)), "no `{why}` in {log}");
    }
    assert!(
        log.lines().filter(|line| line.contains(" control: ")).count() < 15,
        "the log is flooded:\n{log}"
    );
    let grown = memory(&node).saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} kB more");
    drop(bad);
    assert_serves(&node);
}

#[test]
fn who_hangs_in_the_middle_is_closed_with_a_line_in_the_log() {
    let node = Node::new("hangs");
    let long = "x".repeat(60);
    let targets: String = (1..=1000).map(|n| format!("target {n} name \"{long}\"\n")).collect();
    node.configure(&targets);
    assert_eq!(node.bng(&["start"]).0, 0);
    let mut half = connect(&node);
    half.write_all(&[0, 0]).unwrap();
    // Reads a byte a second: alive, but never done.
    let mut slow = connect(&node);
    (0..20).for_each(|_| slow.write_all(&message("show configuration")).unwrap());
    // Writes a byte a second.
    let mut typist = connect(&node);
    let begin = Instant::now();
    let text = message("show sessions and much more than could be sent in that time");
    let mut typed = 0;
    while begin.elapsed() < Duration::from_secs(23) {
        let _ = slow.read(&mut [0]);
        let _ = typist.write_all(&text[typed..=typed]);
        typed += 1;
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(half.read(&mut [0]).unwrap_or(0), 0, "half a length is closed");
    assert!(typist.write_all(b"x").and_then(|()| typist.write_all(b"x")).is_err(), "the typist is closed");
    let log = node.bng(&["show", "log"]).1;
    let of_request = format!("process {}: 2 bytes of a request, and no more within 20 s", std::process::id());
    assert!(log.contains(&of_request), "no `{of_request}` in\n{log}");
    assert!(log.contains(" bytes of its reply within 20 s"), "{log}");
    assert_serves(&node);
}

#[test]
fn who_vanishes_is_forgotten_and_said_to_have_left() {
    let node = Node::new("vanishes");
    assert_eq!(node.bng(&["start"]).0, 0);
    for _ in 0..20 {
        let mut client = connect(&node);
        client.write_all(&message("show sessions")[..9]).unwrap();
    }
    assert_serves(&node);
    for _ in 0..20 {
        let mut client = connect(&node);
        client.write_all(&message("show configuration")).unwrap();
    }
    assert_serves(&node);
    let left = format!("info: control: user id {}, process ", node.uid());
    wait("the line", || node.bng(&["show", "log"]).1.contains(&left));
    let log = node.bng(&["show", "log"]).1;
    assert!(log.contains("has left in the middle of a request"), "{log}");
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap().count();
    wait("the end of all connections", || descriptors() < 20);
}

#[test]
fn a_flood_of_requests_holds_nobody_up_and_every_one_is_answered() {
    let node = Node::new("flood");
    assert_eq!(node.bng(&["start"]).0, 0);
    let mut flood = connect(&node);
    let requests = 2000;
    flood.write_all(&message("show sessions").repeat(requests)).unwrap();
    assert_serves(&node);
    let mut answers = vec![0; requests * message("ok\n0 sessions\n").len()];
    flood.read_exact(&mut answers).unwrap();
    assert!(answers.ends_with(b"ok\n0 sessions\n"));
}
