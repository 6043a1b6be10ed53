//! Files that are no configuration: one clear message for each way to name one, at once and without much memory.

use crate::Node;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

/// What stands where the configuration should be, and what is said about it.
fn make_bad(node: &Node) -> Vec<(String, &'static str)> {
    let path = |name: &str| node.folder.join(name);
    std::fs::write(path("binary"), [0x7f, b'E', b'L', b'F', 0, 0xff]).unwrap();
    std::fs::write(path("nul"), "hostname a\0b\n").unwrap();
    std::fs::File::create(path("huge")).unwrap().set_len(100 << 20).unwrap();
    std::fs::create_dir_all(path("folder")).unwrap();
    symlink(path("loop"), path("loop")).unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    let in_folder = [
        ("binary", "is not UTF-8"),
        ("nul", "NUL byte"),
        ("huge", "bytes, at most"),
        ("folder", "it is a directory, not a file"),
        ("loop", "symbolic link"),
        ("pipe", "it is a pipe, not a file"),
        ("absent", "No such file"),
    ];
    let devices = [("/dev/zero", "it is a device, not a file"), ("/dev/null", "it is a device, not a file")];
    let named = in_folder.map(|(name, says)| (path(name).display().to_string(), says));
    named.into_iter().chain(devices.map(|(name, says)| (name.to_owned(), says))).collect()
}

#[test]
fn what_is_no_configuration_is_refused_at_once_by_every_command() {
    let node = Node::new("files");
    let bad = make_bad(&node);
    let refused = |what: &str, args: &[&str], path: &str, says: &str, status: i32| {
        let begin = Instant::now();
        // A hundred megabytes of file must not become memory: the limit is far above what bng needs.
        let mut command = Command::new("/bin/bash");
        command.args(["-c", "ulimit -v 200000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bng")]).args(args);
        command.env("BNG_RUNDIR", node.folder.join("run"));
        let (got, out, complaint) = crate::ran(command.output().unwrap());
        let text = out + &complaint;
        assert_eq!(got, status, "{what} {path}: {text}");
        assert!(text.contains(says) && text.contains(path), "{what} {path}: no `{says}` in {text}");
        assert!(text.len() < 1000, "{what} {path}: {text}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{what} {path}: {:?}", begin.elapsed());
    };
    for (path, says) in &bad {
        refused("start", &["-c", path, "start"], path, says, 6);
        refused("check", &["check", path], path, says, 2);
    }
    node.bng(&["start"]);
    let before = node.bng(&["show", "configuration", "json"]);
    for (path, says) in &bad {
        refused("source", &["source", path], path, says, 6);
    }
    // The file of the running daemon is replaced by each of them.
    let config = node.config();
    for (path, says) in &bad {
        std::fs::remove_file(&config).unwrap();
        symlink(path, &config).unwrap();
        refused("reload", &["reload"], &config.display().to_string(), says, 6);
    }
    assert_eq!(node.bng(&["show", "configuration", "json"]), before);
    let log = node.bng(&["show", "log"]).1;
    let lines = log.lines().filter(|line| line.contains(" error: configuration: ")).count();
    assert_eq!(lines, 2 * bad.len(), "one line for each refusal:\n{log}");
}
