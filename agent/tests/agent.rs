//! The agent as a process: what it answers, to whom, and how it ends.
#![cfg(unix)]

use bng::wire::agent::{Key, Load, Message, Packet, Repr};
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for an answer that comes, on a busy machine too.
const SILENCE: Duration = Duration::from_millis(700);

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bngagent"));
    command.args(args).stdin(Stdio::null());
    command
}

/// An agent in the foreground at a port of the loopback device.
struct Agent {
    child: Child,
    port: u16,
    key: Option<Key>,
}

impl Agent {
    fn start(args: &[&str]) -> Self {
        Self::with_key(args, None)
    }

    fn with_key(args: &[&str], key: Option<Key>) -> Self {
        let port = free_port();
        let child = program(&["-f", "-a", "127.0.0.1"])
            .args(args)
            .arg(port.to_string())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent");
        let agent = Self { child, port, key };
        let end = Instant::now() + LIMIT;
        while agent.ask().is_none() {
            assert!(Instant::now() < end, "no answer at port {port}");
        }
        agent
    }

    /// A request and what it says; `None` for silence.
    fn ask(&self) -> Option<Load> {
        let request = Repr { message: Message::Request, nonce: 0x1234, key: self.key.as_ref() };
        let mut bytes = vec![0; request.wire_len()];
        request.emit(&mut bytes);
        let reply = exchange(self.port, &bytes)?;
        assert_eq!(reply.len(), bytes.len(), "as long as the request");
        let packet = Packet::new(&reply).expect("a message");
        assert!(packet.trusted(self.key.as_ref()) && packet.nonce() == 0x1234);
        match packet.message() {
            Message::Reply(load) => Some(load),
            Message::Request => panic!("it asks back"),
        }
    }

    fn wait_for(&self, wanted: impl Fn(Load) -> bool) -> Load {
        let end = Instant::now() + LIMIT;
        loop {
            let load = self.ask();
            if let Some(load) = load.filter(|load| wanted(*load)) {
                return load;
            }
            assert!(Instant::now() < end, "it still says {load:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill").success());
    }

    /// Ends it; status and what it wrote.
    fn end(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let status = self.child.wait().expect("the agent").code();
        let mut text = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
        (status, text)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// What comes back for `bytes`.
fn exchange(port: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(SILENCE)).expect("a timeout");
    socket.connect(("127.0.0.1", port)).expect("a way");
    socket.send(bytes).ok()?;
    let mut reply = [0; 2048];
    match socket.recv(&mut reply) {
        Ok(len) => Some(reply[..len].to_vec()),
        Err(e)
            if [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::ConnectionRefused]
                .contains(&e.kind()) =>
        {
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bngagent-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn failed(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = program(args).output().expect("the agent");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn it_tells_the_load_of_the_machine_until_it_is_told_to_end() {
    let agent = Agent::start(&[]);
    assert!(matches!(agent.ask(), Some(Load::Hundredths(load)) if load < 100_000));
    let (status, text) = agent.end();
    assert_eq!(status, Some(0));
    assert!(text.contains("answers at 127.0.0.1:") && text.ends_with("bngagent: stopped\n"), "{text}");
}

#[test]
fn both_families_have_their_own_agent_at_one_port() {
    let port = free_port().to_string();
    let agents = [vec!["-f"], vec!["-f", "-6"]]
        .map(|args| program(&args).arg(&port).stderr(Stdio::null()).spawn().expect("the agent"));
    let answered = |addr: &str| {
        let socket = UdpSocket::bind((addr, 0)).expect("a socket");
        socket.set_read_timeout(Some(SILENCE)).expect("a timeout");
        let request = Repr { message: Message::Request, nonce: 1, key: None };
        let mut bytes = vec![0; request.wire_len()];
        request.emit(&mut bytes);
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            let sent = socket.send_to(&bytes, (addr, port.parse().expect("a port")));
            if sent.is_ok() && socket.recv(&mut [0; 64]).is_ok() {
                return true;
            }
        }
        false
    };
    let both = (answered("127.0.0.1"), answered("::1"));
    for mut agent in agents {
        agent.kill().expect("it runs");
        agent.wait().expect("it ends");
    }
    assert_eq!(both, (true, true));
}

#[test]
fn garbage_gets_silence_and_the_agent_lives() {
    let agent = Agent::start(&[]);
    let mut garbage: Vec<Vec<u8>> = vec![Vec::new(), vec![0; 24], b"BNGa".to_vec(), vec![0x55; 1400]];
    let reply = Repr { message: Message::Reply(Load::Hundredths(1)), nonce: 1, key: None };
    garbage.push(vec![0; reply.wire_len()]);
    reply.emit(garbage.last_mut().expect("room"));
    for bytes in garbage {
        assert_eq!(exchange(agent.port, &bytes), None, "{bytes:?}");
    }
    assert!(agent.ask().is_some());
    std::thread::sleep(Duration::from_millis(1500));
    assert!(agent.ask().is_some());
    let (_, text) = agent.end();
    assert!(
        text.contains("not answered: ") && text.contains("from 127.0.0.1: they are no requests"),
        "{text}"
    );
}

#[test]
fn a_flood_is_answered_in_bounds_and_over_when_it_is_over() {
    let agent = Agent::start(&[]);
    let request = Repr { message: Message::Request, nonce: 1, key: None };
    let mut bytes = vec![0; request.wire_len()];
    request.emit(&mut bytes);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(("127.0.0.1", agent.port)).expect("a way");
    socket.set_nonblocking(true).expect("a mode");
    let (begin, mut sent, mut got) = (Instant::now(), 0_u64, 0_u64);
    while begin.elapsed() < Duration::from_millis(1500) {
        sent += u64::from(socket.send(&bytes).is_ok());
        while socket.recv(&mut [0; 64]).is_ok() {
            got += 1;
        }
    }
    // Three seconds begin within this time at most.
    assert!(got <= 3000 && sent > got, "{got} answers to {sent} requests");
    std::thread::sleep(Duration::from_millis(1100));
    agent.wait_for(|_| true);
}

#[test]
fn with_a_key_only_those_who_know_it_are_answered() {
    let folder = Folder::new("key");
    let path = folder.file("key", "sixteen bytes or more\nand this is a remark\n", 0o600);
    let mut agent = Agent::with_key(&["-k", text(&path)], Some(Key::new(b"sixteen bytes or more")));
    assert!(agent.ask().is_some());
    for wrong in [None, Some(Key::new(b"sixteen bytes or less"))] {
        agent.key = wrong;
        assert_eq!(agent.ask(), None);
    }
    // An agent without a key does not pretend to have looked.
    let mut plain = Agent::start(&[]);
    plain.key = Some(Key::new(b"sixteen bytes or more"));
    assert_eq!(plain.ask(), None);
    std::thread::sleep(Duration::from_millis(1500));
    agent.key = Some(Key::new(b"sixteen bytes or more"));
    assert!(agent.ask().is_some());
    let (_, said) = agent.end();
    assert!(
        said.contains("the authentication is wrong") && said.contains("they are not authenticated"),
        "{said}"
    );
}

#[test]
fn a_key_that_others_can_read_or_that_is_short_is_not_used() {
    let folder = Folder::new("badkey");
    for (name, content, mode, why) in [
        (
            "open",
            "sixteen bytes or more\n",
            0o644,
            "others may read or write it, mode 644; 'chmod 600' helps",
        ),
        ("group", "sixteen bytes or more\n", 0o660, "others may read or write it, mode 660"),
        (
            "short",
            "fifteen bytes..\nmore\n",
            0o600,
            "the key in its first line has 15 bytes, at least 16 are needed",
        ),
        ("empty", "", 0o600, "the key in its first line has 0 bytes"),
    ] {
        let path = folder.file(name, content, mode);
        let (status, said) = failed(&["-f", "-k", text(&path), "4390"]);
        assert_eq!(status, Some(6), "{said}");
        assert!(said.contains(why), "{name}: {said}");
    }
    assert_eq!(failed(&["-f", "-k", "/nonexistent", "4390"]).0, Some(6));
    assert_eq!(failed(&["-f", "-k", "/", "4390"]).0, Some(6));
}

#[test]
fn the_load_is_what_a_script_prints_and_unknown_when_it_stops_telling() {
    let folder = Folder::new("script");
    let value = folder.file("value", "0.75\n", 0o644);
    let command = format!("cat {}", value.display());
    let agent = Agent::start(&["-s", &command, "-i", "1", "-t", "1"]);
    agent.wait_for(|load| load == Load::Hundredths(75));
    fs::write(&value, "first\n 12.5 \n\n").expect("a file");
    agent.wait_for(|load| load == Load::Hundredths(1250));
    let before = Instant::now();
    fs::write(&value, "no number\n").expect("a file");
    agent.wait_for(|load| load == Load::Unknown);
    // Three intervals and the time limit, minus what had passed of the interval.
    let held = before.elapsed();
    assert!((3.0..8.0).contains(&held.as_secs_f64()), "{held:?}");
    fs::write(&value, "3\n").expect("a file");
    agent.wait_for(|load| load == Load::Hundredths(300));
    let (_, said) = agent.end();
    assert!(said.contains("the script printed no number in its last line: no number"), "{said}");
    assert_eq!(said.matches("no number in its last line").count(), 1, "{said}");
    assert!(said.contains("the script tells a load again"), "{said}");
}

#[test]
fn scripts_that_hang_flood_or_die_delay_nobody() {
    for command in ["sleep 1000", "yes 1", "kill -9 $$", "/nonexistent", "sleep 1000 & sleep 1000", "exit 3"]
    {
        let agent = Agent::start(&["-s", command, "-i", "1", "-t", "1"]);
        let before = Instant::now();
        for _ in 0..10 {
            assert_eq!(agent.ask(), Some(Load::Unknown), "{command}");
        }
        assert!(before.elapsed() < Duration::from_secs(5), "{command}: {:?}", before.elapsed());
        assert_eq!(agent.end().0, Some(0));
    }
}

#[test]
fn it_goes_on_in_the_background_and_its_pid_file_admits_one() {
    let folder = Folder::new("background");
    let pid_file = folder.0.join("pid");
    let port = free_port().to_string();
    let args = ["-p", text(&pid_file), "-a", "127.0.0.1", &port];
    assert_eq!(failed(&args), (Some(0), String::new()));
    let pid = fs::read_to_string(&pid_file).expect("a PID file").trim().to_owned();
    let (status, said) = failed(&["-p", text(&pid_file), "-a", "127.0.0.1", &free_port().to_string()]);
    assert_eq!(status, Some(1));
    assert!(said.contains(&format!("already running with PID {pid}")), "{said}");
    let (status, said) = failed(&["-a", "127.0.0.1", &port]);
    assert_eq!(status, Some(7), "{said}");
    assert!(said.contains(&format!("cannot listen at 127.0.0.1:{port}: ")), "{said}");
    let request = Repr { message: Message::Request, nonce: 1, key: None };
    let mut bytes = vec![0; request.wire_len()];
    request.emit(&mut bytes);
    let answered = exchange(port.parse().expect("a port"), &bytes).is_some();
    assert!(Command::new("kill").arg(&pid).status().expect("kill").success());
    assert!(answered);
}

#[test]
fn the_exit_status_says_what_is_wrong() {
    assert_eq!(failed(&["-x", "1"]).0, Some(2));
    assert_eq!(failed(&[]).0, Some(2));
    assert_eq!(
        failed(&["-f", "-u", "no-such-user", "4391"]),
        (Some(6), "bngagent: there is no user 'no-such-user'\n".into())
    );
    assert_eq!(failed(&["-f", "-a", "192.0.2.1", "4391"]).0, Some(7));
    let Output { status, stdout, .. } = program(&["-V"]).output().expect("the agent");
    assert!(status.success() && stdout.starts_with(b"This is bngagent "));
}

#[cfg(target_os = "linux")]
#[test]
fn it_gives_its_rights_away() {
    let agent = match program(&["-h"]).output() {
        Ok(_) if Command::new("id").arg("-u").output().expect("id").stdout == b"0\n" => {
            Agent::start(&["-u", "nobody"])
        }
        _ => {
            // Who is nobody special has nothing to give away, and is refused.
            assert_eq!(failed(&["-f", "-u", "root", "4392"]).0, Some(4));
            return;
        }
    };
    let status = fs::read_to_string(format!("/proc/{}/status", agent.child.id())).expect("its status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let ids = field("Uid:");
    assert!(ids.iter().all(|id| *id == ids[0]) && ids[0] != "0", "{ids:?}");
    assert!(field("Gid:").iter().all(|id| id != "0"), "{status}");
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    assert!(agent.ask().is_some());
}

#[test]
fn the_manual_page_and_the_completions_have_every_option_and_no_other() {
    let Output { stdout, .. } = program(&["-h"]).output().expect("the agent");
    let usage = String::from_utf8(stdout).expect("text");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("man/bngagent.8")).expect("the page");
    let (_, list) = page.split_once("The options are:\n").expect("a list");
    let (list, _) = list.split_once("\n.El").expect("its end");
    // The order of ASCII has capitals first, that of people does not.
    let sorted = |mut list: Vec<String>| {
        list.sort_unstable();
        list
    };
    let described =
        list.lines().filter_map(|line| line.strip_prefix(".It Fl ")).map(|line| line.replace("Ar ", ""));
    let options = usage.lines().filter_map(|line| line.strip_prefix("  -"));
    let options: Vec<String> = options
        .map(|line| line.split_once("  ").map_or(line, |(option, _)| option).trim().to_owned())
        .collect();
    assert_eq!(sorted(described.collect()), sorted(options.clone()));
    let bash = fs::read_to_string(root.join("completion/bngagent.bash")).expect("the completion");
    let zsh = fs::read_to_string(root.join("completion/_bngagent")).expect("the completion");
    for option in &options {
        let letter = &option[..1];
        assert!(
            bash.contains(&format!("-{letter} ")) || bash.contains(&format!("-{letter}\"")),
            "bash: -{letter}"
        );
        assert!(zsh.contains(&format!("'-{letter}[")), "zsh: -{letter}");
    }
    assert_eq!(zsh.matches("'-").count(), options.len());
}
