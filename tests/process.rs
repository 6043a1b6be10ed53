//! The real program: start, stop, status, control, and what a crash leaves behind.
//!
//! No interface is opened, so this needs neither root nor a namespace. Every test has its own run directory.
// Starting processes and looking at their files is what this test does.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A run directory with a configuration file. Whatever still runs in it at the end is killed.
struct Node {
    folder: PathBuf,
}

/// What a run of `bng` gave: status, standard output, standard error.
type Ran = (i32, String, String);

impl Node {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bng-process-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let node = Self { folder };
        node.configure("hostname nodea\n");
        node
    }

    fn config(&self) -> PathBuf {
        self.folder.join("bng.conf")
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join("run").join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bng"));
        command.env("BNG_RUNDIR", self.folder.join("run")).env("HOME", &self.folder);
        command.arg("-c").arg(self.config()).args(args);
        command
    }

    fn bng(&self, args: &[&str]) -> Ran {
        ran(self.command(args).stdin(Stdio::null()).output().unwrap())
    }

    fn commands(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // `-e` may have ended it before everything is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        ran(child.wait_with_output().unwrap())
    }

    fn pid(&self) -> u32 {
        std::fs::read_to_string(self.file("0.pid")).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.bng(&["stop"]);
        self.bng(&["stop", "41"]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn kill(signal: &str, pid: u32) {
    let pid = pid.to_string();
    assert!(Command::new("/bin/kill").args([signal, &pid]).status().unwrap().success());
}

/// Waits until `done`, at most five seconds.
fn wait(what: &str, done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}

#[test]
fn a_life_from_start_to_stop() {
    let node = Node::new("life");
    assert_eq!(node.bng(&["status"]), (3, "BalanceNG: not running\n".into(), String::new()));
    assert_eq!(node.bng(&["start"]), (0, "BalanceNG: starting up ...\n".into(), String::new()));
    let pid = node.pid();
    assert_eq!(node.bng(&["status"]).1, format!("BalanceNG: running with PID {pid}\n"));
    assert_eq!(
        node.bng(&["start"]),
        (0, format!("BalanceNG: already running with PID {pid}\n"), String::new())
    );
    assert_eq!(
        node.bng(&["stop"]),
        (0, format!("BalanceNG: shutdown of PID {pid} complete\n"), String::new())
    );
    assert_eq!(node.bng(&["stop"]), (3, String::new(), "BalanceNG: not running\n".into()));
    assert!(!node.file("0.pid").exists() && !node.file("0.sock").exists());
}

#[test]
fn other_instances_are_named() {
    let node = Node::new("instance");
    assert_eq!(node.bng(&["start", "41"]).1, "BalanceNG: starting up instance 41 ...\n");
    let (status, text, _) = node.bng(&["-i", "41", "status"]);
    assert_eq!(status, 0);
    let pid: u32 =
        text.trim().strip_prefix("BalanceNG: instance 41 running with PID ").unwrap().parse().unwrap();
    assert_eq!(node.bng(&["status"]).0, 3);
    assert_eq!(
        node.bng(&["stop", "41"]).1,
        format!("BalanceNG: shutdown of instance 41 PID {pid} complete\n")
    );
}

#[test]
fn a_restart_prints_both_messages() {
    let node = Node::new("restart");
    node.bng(&["start"]);
    let pid = node.pid();
    let expected = format!("BalanceNG: shutdown of PID {pid} complete\nBalanceNG: starting up ...\n");
    assert_eq!(node.bng(&["restart"]), (0, expected, String::new()));
    assert_ne!(node.pid(), pid);
    node.configure("serverr 1\n");
    assert_eq!(node.bng(&["restart"]).0, 6);
    assert_eq!(node.bng(&["status"]).0, 0, "a configuration with errors must not stop what runs");
}

#[test]
fn what_a_killed_daemon_leaves_is_removed_with_one_sentence() {
    let node = Node::new("stale");
    node.bng(&["start"]);
    kill("-KILL", node.pid());
    wait("the end", || node.bng(&["status"]).0 == 3);
    assert!(node.file("0.sock").exists());
    assert_eq!(node.bng(&["control"]), (3, String::new(), "BalanceNG: not running\n".into()));
    let (status, _, complaint) = node.bng(&["start"]);
    let socket = node.file("0.sock");
    let expected = format!(
        "BalanceNG: warning: removed the control socket {} left by a dead process\n",
        socket.display()
    );
    assert_eq!((status, complaint), (0, expected));
    assert_eq!(node.bng(&["status"]).0, 0);
}

#[test]
fn a_configuration_with_errors_starts_nothing() {
    let node = Node::new("errors");
    node.configure("hostnam\nserver x\n");
    let (status, out, complaint) = node.bng(&["start"]);
    assert_eq!((status, out.as_str()), (6, ""));
    assert!(complaint.contains("bng.conf:1:") && complaint.contains("bng.conf:2:"), "{complaint}");
    assert!(!node.file("0.pid").exists());
    std::fs::remove_file(node.config()).unwrap();
    assert_eq!(node.bng(&["start"]).0, 6, "a file that was named must exist");
}

#[test]
fn cmdctl_reports_failures_by_its_status() {
    let node = Node::new("cmdctl");
    node.bng(&["start"]);
    assert_eq!(node.commands(&["cmdctl"], "sh sess\n").0, 0);
    assert_eq!(node.commands(&["cmdctl"], "sh sess\n").1, "0 sessions\n");
    let (status, out, complaint) = node.commands(&["cmdctl"], "bogus\nshow sessions\n");
    assert_eq!((status, out.as_str()), (1, "0 sessions\n"));
    assert_eq!(complaint, "BalanceNG: unknown command 'bogus', try 'help'\n");
    assert_eq!(node.commands(&["-e", "cmdctl"], "bogus\nshow sessions\n").1, "");
    assert_eq!(node.commands(&["cmdctl"], "show sessions\nquit\nbogus\n").0, 0);
}

#[test]
fn control_greets_and_answers_without_a_terminal() {
    let node = Node::new("control");
    node.bng(&["start"]);
    let pid = node.pid();
    let (status, out, _) = node.commands(&["control"], "show sessions\n");
    assert_eq!((status, out), (0, format!("BalanceNG: connected to PID {pid}\n0 sessions\n")));
}

#[test]
fn statements_change_the_running_configuration_all_or_nothing() {
    let node = Node::new("statements");
    node.bng(&["start"]);
    let block = "server 7 {\n  ipaddr 192.0.2.7\n  port 80\n}\nhostname nodeb\n";
    assert_eq!(node.commands(&["cmdctl"], block).0, 0);
    let shown = node.commands(&["cmdctl"], "show configuration\n").1;
    assert!(shown.contains("hostname  nodeb") && shown.contains("192.0.2.7"), "{shown}");
    assert_eq!(node.commands(&["cmdctl"], "server 8 { ipaddr 192.0.2.8 port x }\n").0, 1);
    assert!(!node.commands(&["cmdctl"], "show configuration\n").1.contains("192.0.2.8"));
    assert_eq!(node.commands(&["cmdctl"], "save\n").0, 0);
    let saved = std::fs::read_to_string(node.config()).unwrap();
    assert!(saved.contains("192.0.2.7"), "{saved}");
    assert!(Path::new(&format!("{}.bak", node.config().display())).exists());
}

#[test]
fn sighup_and_reload_apply_the_file_and_refuse_errors() {
    let node = Node::new("reload");
    node.bng(&["start"]);
    let shows = |word: &str| node.commands(&["cmdctl"], "show configuration\n").1.contains(word);
    node.configure("hostname nodeb\n");
    kill("-HUP", node.pid());
    wait("the reload", || shows("nodeb"));
    node.configure("hostname nodec\n");
    let (status, out, _) = node.bng(&["reload"]);
    assert_eq!(status, 0);
    assert!(out.contains("nodeb -> nodec"), "{out}");
    node.configure("hostname\n");
    assert_eq!(node.bng(&["reload"]).0, 6);
    assert!(shows("nodec"));
}

#[test]
fn the_stop_command_and_sigterm_leave_nothing() {
    let node = Node::new("ends");
    node.bng(&["start"]);
    let pid = node.pid();
    assert_eq!(node.commands(&["cmdctl"], "stop\n").1, format!("BalanceNG: shutdown of PID {pid}\n"));
    wait("the end", || !node.file("0.pid").exists());
    node.bng(&["start"]);
    kill("-TERM", node.pid());
    wait("the end", || !node.file("0.pid").exists());
    assert!(!node.file("0.sock").exists());
}

#[test]
fn the_foreground_logs_to_standard_error() {
    let node = Node::new("foreground");
    let child = node.command(&["-f", "start"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait("the start", || node.bng(&["status"]).0 == 0 && node.file("0.sock").exists());
    assert_eq!(node.pid(), child.id());
    kill("-INT", child.id());
    let (status, out, log) = ran(child.wait_with_output().unwrap());
    assert_eq!((status, out.as_str()), (0, "BalanceNG: starting up ...\n"));
    assert!(log.contains("is up") && log.contains("stopped"), "{log}");
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let node = Node::new("usage");
    for args in [&["begin"][..], &["start", "128"], &["-x"]] {
        let (status, out, complaint) = node.bng(args);
        assert_eq!((status, out.as_str()), (2, ""), "{args:?}");
        assert!(complaint.starts_with("BalanceNG: "), "{complaint}");
    }
}
