//! The real program: start, stop, status, control, and what a crash leaves behind.
//!
//! No interface is opened, so this needs neither root nor a namespace. Every test has its own run directory.
// Starting processes and looking at their files is what this test does.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod clients;
mod files;
mod logging;
mod manager;
mod scripts;

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

    /// Our own user id.
    fn uid(&self) -> u32 {
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&self.folder).unwrap())
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
        "BalanceNG: warning: control: removed the socket {} left by a dead process\n",
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
    let (status, out, _) = node.commands(&["-e", "cmdctl"], "bogus\nshow sessions\n");
    assert_eq!((status, out.as_str()), (2, ""), "with -e the status is that of the command");
    assert_eq!(node.commands(&["-e", "cmdctl"], "version\nhostname\nshow sessions\n").0, 6);
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
fn a_dry_run_says_what_a_reload_would_change_and_changes_nothing() {
    let node = Node::new("dry");
    node.bng(&["start"]);
    node.configure("hostname nodeb\nserver 7 ipaddr 192.0.2.7\n");
    let before = node.bng(&["show", "configuration", "json"]);
    let (status, out, _) = node.bng(&["reload", "-n"]);
    assert_eq!(status, 0);
    assert!(out.contains("hostname nodea -> nodeb") && out.contains("server 7: added"), "{out}");
    assert_eq!(node.bng(&["show", "configuration", "json"]), before);
    node.bng(&["reload"]);
    assert_ne!(node.bng(&["show", "configuration", "json"]), before);
    assert_eq!(node.commands(&["cmdctl"], "reload -n\n").1, "nothing would change\n");
}

#[test]
fn a_reload_that_brings_an_inconsistency_is_refused() {
    let node = Node::new("inconsistent");
    node.bng(&["start"]);
    let networks = "network 1 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.2 interface 1 }\n\
                    network 2 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.3 interface 1 }\n";
    node.configure(&format!("interface 1 name eth9\n{networks}"));
    let (status, _, complaint) = node.bng(&["reload"]);
    assert_eq!(status, 6);
    assert!(complaint.contains("are both 10.0.0.0/8") && complaint.contains("nothing"), "{complaint}");
    assert!(!node.bng(&["show", "configuration"]).1.contains("network"));
}

#[test]
fn a_sourced_file_is_applied_whole_or_not_at_all() {
    let node = Node::new("source");
    node.bng(&["start"]);
    let file = |name: &str, text: &str| {
        let path = node.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let more = file("more", "server 7 {\n  ipaddr 192.0.2.7\n}\n");
    let good = file("good", &format!("hostname nodeb\nsource {more}\n"));
    let (status, out, _) = node.bng(&["source", "-n", &good]);
    assert!(status == 0 && out.contains("nodea -> nodeb") && out.contains("server 7: added"), "{out}");
    assert_eq!(node.bng(&["reload"]).1, "nothing has changed\n");
    assert_eq!(node.bng(&["source", &good]).0, 0);
    let before = node.bng(&["show", "configuration", "json"]).1;
    assert!(before.contains("nodeb") && before.contains("192.0.2.7"), "{before}");

    let bad = file("bad", &format!("hostname nodec\nsource {more}\nserverr 1\n"));
    let (status, _, complaint) = node.bng(&["source", &bad]);
    assert_eq!(status, 6);
    assert!(complaint.contains(&format!("{bad}:3:1: error: ")), "{complaint}");
    let circle = file("circle", &format!("source {}\n", node.folder.join("circle").display()));
    let (status, _, complaint) = node.bng(&["source", &circle]);
    assert!(status == 6 && complaint.contains("within itself"), "{complaint}");
    let binary = node.folder.join("binary");
    std::fs::write(&binary, [0x7f, b'E', b'L', b'F', 0, 0xff]).unwrap();
    let (status, _, complaint) = node.bng(&["source", &binary.display().to_string()]);
    assert!(status == 6 && complaint.contains("not UTF-8"), "{complaint}");
    let huge = node.folder.join("huge");
    std::fs::File::create(&huge).unwrap().set_len(100 << 20).unwrap();
    let (status, _, complaint) = node.bng(&["source", &huge.display().to_string()]);
    assert!(status == 6 && complaint.contains("bytes, at most"), "{complaint}");
    assert_eq!(node.bng(&["show", "configuration", "json"]).1, before);
}

/// 512 servers and 1,024 targets, every one of them at work.
fn largest() -> String {
    let mut text = "hostname large\ninterface 1 name eth0\n\
        network 1 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.1 virt 10.0.0.2 interface 1 }\n\
        register network 1\nregister interface 1\n"
        .to_owned();
    for n in 1..=1024 {
        let (high, low) = (n / 256, n % 256);
        text +=
            &format!("target {n} {{ ipaddr 10.1.{high}.{low} port 80 protocol tcp ping 3,10 dsr enable }}\n");
    }
    for n in 1..=512 {
        let (high, low) = (n / 256, n % 256);
        text += &format!(
            "server {n} {{ ipaddr 10.2.{high}.{low} port 80 protocol tcp targets {},{} }}\n",
            2 * n - 1,
            2 * n
        );
    }
    text + "register targets 1-1024\nregister servers 1-512\nenable targets 1-1024\nenable servers 1-512\n"
}

#[test]
fn the_largest_configuration_is_loaded_saved_and_read_again_in_no_time() {
    let node = Node::new("largest");
    node.configure(&largest());
    // Each with the start of the program that asks. A twentieth of it is usual; other tests run at the same time.
    let timed = |what: &str, args: &[&str]| {
        let begun = std::time::Instant::now();
        let (status, out, complaint) = node.bng(args);
        let took = begun.elapsed();
        assert_eq!((status, complaint.as_str()), (0, ""), "{what}");
        assert!(took < Duration::from_secs(3), "{what} took {took:?}");
        println!("{what}: {took:?}");
        out
    };
    timed("the start", &["start"]);
    let shown = timed("showing it", &["show", "configuration"]);
    assert!(shown.contains("server    512 {") && shown.contains("target    1024 {"));
    timed("saving it", &["save"]);
    assert_eq!(timed("reading the same again", &["reload"]), "nothing has changed\n");
    node.configure(&largest().replace("port 80", "port 81"));
    let changes = timed("reading another one", &["reload"]);
    assert_eq!(changes.matches(": port 80 -> 81").count(), 512 + 1024);
    timed("a statement", &["server", "512", "stimeout", "7"]);
    timed("looking for inconsistencies", &["check"]);
    let other = node.folder.join("part");
    std::fs::write(&other, "no server 512\nserver 1 stimeout 7\n").unwrap();
    let changes = timed("a transaction", &["source", &other.display().to_string()]);
    assert!(changes.contains("server 512: removed") && changes.contains("server 1: stimeout 7"), "{changes}");
    assert_eq!(
        timed("all targets", &["show", "targets"]).lines().filter(|l| l.contains(":81")).count(),
        1024
    );
}

#[test]
fn a_change_that_cannot_be_carried_out_is_not_made_by_halves() {
    let node = Node::new("halves");
    node.bng(&["start"]);
    let shown = || node.bng(&["show", "configuration", "json"]).1;
    let refused = |args: &[&str], why: &str| {
        let before = shown();
        let (status, _, complaint) = node.bng(args);
        assert!(status != 0 && complaint.contains(why), "{args:?}: {status} {complaint}");
        assert_eq!(shown(), before, "{args:?}");
    };
    node.bng(&["interface", "1", "name", "no-such-device"]);
    node.bng(&["register", "interface", "1"]);
    // It is sound, but there is no such device.
    refused(&["enable", "interface", "1"], "no-such-device");
    let file = node.folder.join("part");
    std::fs::write(&file, "hostname nodeb\nserver 1 ipaddr 192.0.2.1\nenable interface 1\n").unwrap();
    refused(&["source", &file.display().to_string()], "no-such-device");
    node.configure(
        "hostname nodec\ninterface 1 name no-such-device\nregister interface 1\nenable interface 1\n",
    );
    refused(&["reload"], "no-such-device");
    refused(&["server", "1", "ipaddr", "192.0.2.1", "port", "x"], "port");
    refused(&["save", "relative"], "no absolute path");
    assert!(shown().contains("nodea"), "{}", shown());
}

#[test]
fn check_needs_no_daemon_and_says_by_its_status_what_it_found() {
    let node = Node::new("check");
    assert_eq!(node.bng(&["check"]).0, 0);
    assert_eq!(node.bng(&["check", "-W"]).0, 0);
    node.configure("interface 1 name eth0\nserver 1 ipaddr 192.0.2.1\n");
    let (status, out, _) = node.bng(&["check"]);
    assert_eq!(status, 0);
    assert!(out.contains("bng.conf:2:10: warning: server 1 has the address 192.0.2.1"), "{out}");
    assert_eq!(node.bng(&["check", "-W"]).0, 1);
    let other = node.folder.join("other.conf");
    std::fs::write(&other, "serverr 1\n").unwrap();
    let (status, out, _) = node.bng(&["check", &other.display().to_string()]);
    assert_eq!(status, 2);
    assert!(out.contains("other.conf:1:1: error: ") && out.ends_with("other.conf: 1 error\n"), "{out}");
    assert_eq!(node.bng(&["check", "/nonexistent"]).0, 2);

    node.configure("hostname nodea\n");
    node.bng(&["start"]);
    node.bng(&["server", "1", "ipaddr", "192.0.2.1"]);
    let (status, out, _) = node.commands(&["cmdctl"], "check\n");
    assert_eq!(status, 0);
    assert!(out.contains("warning: server 1 has the address 192.0.2.1"), "{out}");
    assert!(out.contains("running configuration: 1 warning, 1 note\n"), "{out}");
}

#[test]
fn one_control_session_at_a_time_and_auxctl_beside_it() {
    let node = Node::new("seat");
    node.bng(&["start"]);
    let mut command = node.command(&["control"]);
    command.env("LOGNAME", "ann").env_remove("SUDO_USER");
    let mut first =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut greeting = [0; 10];
    std::io::Read::read_exact(first.stdout.as_mut().unwrap(), &mut greeting).unwrap();
    assert_eq!(&greeting, b"BalanceNG:");
    let (status, _, complaint) = node.commands(&["control"], "show sessions\n");
    assert_eq!(status, 1);
    let owner = format!("by ann, process {}", first.id());
    assert!(complaint.contains(&owner) && complaint.contains("bng auxctl"), "no `{owner}` in {complaint}");
    let (status, out, _) = node.commands(&["auxctl"], "show sessions\n");
    assert!(status == 0 && out.ends_with("0 sessions\n"), "{out}");
    first.kill().unwrap();
    first.wait().unwrap();
    wait("the end of the session", || node.commands(&["control"], "show sessions\n").0 == 0);
}

#[test]
fn a_single_command_stands_on_the_command_line() {
    let node = Node::new("once");
    assert_eq!(node.bng(&["show", "sessions"]), (3, String::new(), "BalanceNG: not running\n".into()));
    node.bng(&["start", "41"]);
    assert_eq!(node.bng(&["-i", "41", "show", "sessions"]), (0, "0 sessions\n".into(), String::new()));
    assert_eq!(node.bng(&["-i", "41", "server", "1", "name", "a b"]).0, 0);
    assert!(node.bng(&["-i", "41", "show", "servers"]).1.contains("\"a b\""));
    assert_eq!(node.bng(&["-i", "41", "show", "nothing"]).0, 2);
    assert_eq!(node.bng(&["-i", "41", "server", "x"]).0, 6);
}

#[test]
fn everything_that_is_shown_is_also_shown_as_json() {
    let node = Node::new("json");
    node.configure(
        "hostname nodea\nset localdsr 1\nvrrp { vrid 7 network 1 }\ninterface 1 name \"e\u{fc}0\"\n\
         network 1 { name \"a \u{fc} b\" addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.2 virt 10.0.0.1 interface 1 }\n\
         server 1 { ipaddr 10.0.0.9 port 80 protocol tcp target 1 }\ntarget 1 { ipaddr 10.0.0.3 dsr enable }\n\
         register server 1\nregister target 1\n",
    );
    assert_eq!(node.bng(&["start"]).0, 0);
    let shows = node.bng(&["help", "show"]).1;
    let shows: Vec<&str> = shows.lines().filter_map(|line| line.trim_start().strip_prefix("show ")).collect();
    let words = shows.iter().filter_map(|rest| rest.split_whitespace().next());
    let words: Vec<&str> = words.filter(|word| word.bytes().all(|b| b.is_ascii_lowercase())).collect();
    assert!(words.len() >= 25, "{words:?}");
    for word in words {
        let (status, out, complaint) = node.bng(&["show", word, "json"]);
        assert_eq!((status, complaint.as_str()), (0, ""), "{word}");
        let value: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|e| panic!("{word}: {e}: {out}"));
        assert!(value.is_array() || value.is_object(), "{word}: {out}");
        match word {
            "servers" => assert_eq!(value[0]["addresses"][0], "10.0.0.9"),
            "targets" => assert_eq!(value[0]["target"], 1),
            "networks" => assert_eq!(value[0]["name"], "a \u{fc} b"),
            "vrrp" => assert_eq!(value["vrid"], 7),
            "instance" => assert_eq!(value["pid"], node.pid()),
            "conffile" => assert_eq!(value["state"], "same"),
            "startuplog" => assert!(value[0].as_str().unwrap().contains("is up")),
            "threads" => assert!(value[0]["cpu_ms"].is_u64()),
            "version" => assert!(value["version"].is_string()),
            _ => {}
        }
    }
}

#[test]
fn one_object_or_the_last_lines_are_shown() {
    let node = Node::new("number");
    node.configure("server 1 name one\nserver 7 name seven\n");
    node.bng(&["start"]);
    let (status, out, _) = node.bng(&["show", "servers", "7"]);
    assert!(status == 0 && out.contains("seven") && !out.contains("one"), "{out}");
    let (status, _, complaint) = node.bng(&["show", "servers", "8"]);
    assert_eq!((status, complaint.as_str()), (1, "BalanceNG: server 8 does not exist\n"));
    node.bng(&["clear", "sessions"]);
    let (_, all, _) = node.bng(&["show", "log"]);
    let (_, last, _) = node.bng(&["show", "log", "1"]);
    assert!(all.lines().count() > 1 && last.contains("sessions cleared"), "{all}");
    assert_eq!(all.lines().last(), last.lines().next());
    node.bng(&["clear", "log"]);
    assert!(node.bng(&["show", "startuplog"]).1.contains("is up"), "kept apart from the ring");
}

#[test]
fn who_changed_what_is_kept_and_the_file_is_compared() {
    let node = Node::new("history");
    node.bng(&["start"]);
    let conffile = || node.bng(&["show", "conffile"]).1;
    assert!(conffile().contains(": is what runs") && conffile().contains("saved  : never"), "{}", conffile());
    let mut own = Command::new("id");
    let uid = ran(own.arg("-u").output().unwrap()).1;
    node.bng(&["hostname", "nodeb"]);
    node.bng(&["hostname", "nodeb"]);
    node.bng(&["server", "x"]);
    let (_, log, _) = node.bng(&["show", "commandlog"]);
    assert_eq!(log.lines().count(), 3, "what changes nothing is left out: {log}");
    let who = format!(" user id {}, process ", uid.trim());
    assert!(log.contains(&who) && log.contains("hostname nodeb"), "{log}");
    assert!(node.bng(&["show", "log"]).1.contains(&format!("changed by{who}")), "the log names the same");
    assert!(conffile().contains("1 difference"), "{}", conffile());
    node.bng(&["save"]);
    assert!(conffile().contains(": is what runs") && !conffile().contains("never"), "{}", conffile());
    node.configure("hostname nodec\n");
    kill("-HUP", node.pid());
    wait("the reload", || node.bng(&["show", "commandlog", "1"]).1.contains("SIGHUP"));
    node.configure("hostnam\n");
    assert!(conffile().contains("cannot be used"), "{}", conffile());
    std::fs::remove_file(node.config()).unwrap();
    assert!(conffile().contains("does not exist"), "{}", conffile());
}

#[test]
fn a_snapshot_has_everything_and_overwrites_nothing() {
    let node = Node::new("snapshot");
    node.configure("hostname nodea\nserver 7 { ipaddr 192.0.2.7 port 80 }\n");
    node.bng(&["start"]);
    let (status, out, _) = node.bng(&["snapshot"]);
    let path = out.trim_end();
    assert!(status == 0 && path.starts_with(&node.file("bng-0-2").display().to_string()), "{out}");
    let text = std::fs::read_to_string(path).unwrap();
    for (word, _) in bng::cli::commands::show_words() {
        assert!(text.contains(&format!("==== show {word}\n")), "{word}");
    }
    for part in ["192.0.2.7", "0 sessions\n", "is up", "==== check\n", "This is bng"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(text.ends_with("==== end\n"));
    assert!(node.bng(&["show", "snapshots"]).1.contains(path));
    let named = node.folder.join("named").display().to_string();
    assert_eq!(node.bng(&["snapshot", &named]).1, format!("{named}\n"));
    let (status, _, complaint) = node.bng(&["snapshot", &named]);
    assert!(status == 1 && complaint.contains("is not overwritten"), "{complaint}");
    assert!(node.bng(&["snapshot", "named"]).2.contains("no absolute path"));
}

#[test]
fn a_ping_that_cannot_leave_is_refused_at_once() {
    let node = Node::new("ping");
    node.configure(
        "interface 1 name eth0\nnetwork 1 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.2 interface 1 }\n",
    );
    node.bng(&["start"]);
    let (status, _, complaint) = node.bng(&["ping", "192.0.2.1"]);
    assert_eq!((status, complaint.as_str()), (1, "BalanceNG: ping: 192.0.2.1 lies in no network\n"));
    let (status, _, complaint) = node.bng(&["ping", "10.0.0.3"]);
    assert!(status == 1 && complaint.contains("interface 1 (eth0) is not enabled"), "{complaint}");
    assert_eq!(node.bng(&["ping", "10.0.0.3", "21"]).0, 2);
}

#[test]
fn what_is_cleared_is_gone_and_a_stranger_is_no_neighbour() {
    let node = Node::new("clear");
    node.bng(&["start"]);
    assert!(node.bng(&["show", "log"]).1.contains("is up"));
    for name in ["reset", "statreset"] {
        assert_eq!(node.bng(&[name]), (0, String::new(), String::new()), "{name}");
    }
    for what in ["arp", "counters", "sessions", "log"] {
        assert_eq!(node.bng(&["clear", what]), (0, String::new(), String::new()), "{what}");
    }
    assert_eq!(node.bng(&["show", "log"]).1, "");
    let (status, _, complaint) = node.bng(&["arp-insert", "::ffff:192.0.2.1", "00:50:56:ab:6e:97"]);
    assert!(status == 1 && complaint.contains("192.0.2.1 is neither"), "{complaint}");
}

#[test]
fn a_save_that_cannot_be_completed_leaves_file_and_configuration_as_they_are() {
    let node = Node::new("full");
    let old = std::fs::read(node.config()).unwrap();
    // A limit on the size of files stands for a full disk: the write ends in the middle with an error.
    let shell = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' -c '{}' start",
        env!("CARGO_BIN_EXE_bng"),
        node.config().display()
    );
    let mut command = Command::new("/bin/bash");
    command.args(["-c", &shell]).env("BNG_RUNDIR", node.folder.join("run"));
    assert_eq!(ran(command.stdin(Stdio::null()).output().unwrap()).0, 0);
    assert_eq!(node.bng(&["save"]).0, 0, "what is short enough is saved");
    let statements: String = (1..=40).map(|n| format!("server {n} name \"{}\"\n", "x".repeat(60))).collect();
    assert_eq!(node.commands(&["cmdctl"], &statements).0, 0);
    let (status, _, complaint) = node.bng(&["save"]);
    assert_eq!(status, 1);
    assert!(complaint.contains("cannot write") && complaint.contains("as before"), "{complaint}");
    let files: Vec<_> = std::fs::read_dir(&node.folder).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{files:?}");
    assert!(std::fs::read_to_string(node.config()).unwrap().contains("hostname  nodea"));
    let backup = format!("{}.bak", node.config().display());
    assert_eq!(std::fs::read(backup).unwrap(), old, "the version before is still there");
    assert!(node.bng(&["show", "configuration"]).1.contains("server    40"));
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
