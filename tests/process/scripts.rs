//! Checks by script and alerts, run by the real daemon: what they get, what is said of them, and that nothing waits for
//! them or is left over. Targets without a network are checked all the same.

use crate::{Node, wait};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Waits until `done`, as long as a busy machine may need.
fn wait_long(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(40);
    while !done() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An executable file in the folder of `node`.
fn script(node: &Node, name: &str, text: &str) -> PathBuf {
    let path = node.folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The last result of the check of target `n`.
fn result(node: &Node, n: u16) -> String {
    let (_, json, _) = node.bng(&["show", "targets", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
    let rows = rows.as_array().expect("rows");
    let row = rows.iter().find(|row| row["target"] == n).expect("a target");
    let check = &row["checks"][0];
    assert_eq!(check["check"], "script", "{check}");
    let verdict = check["verdict"].as_str().expect("a verdict");
    match check["failure"].as_str() {
        None => verdict.to_owned(),
        Some(failure) => format!("{verdict} ({failure})"),
    }
}

fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn every_script_gets_a_clear_verdict_and_nothing_is_left_of_it() {
    let node = Node::new("verdicts");
    let pids = node.folder.join("pids");
    let scripts = [
        "echo all is well",
        "echo \"$1 says no\" >&2; exit 3",
        &format!("echo $$ >>{0}; sleep 1000 & echo $! >>{0}; sleep 1000", pids.display()),
        "yes no",
        // The shell that runs it says this as 128 and the number of the signal.
        "kill -SEGV $$",
        &format!("sleep 1000 & echo $! >>{}; echo forked", pids.display()),
    ];
    let mut config = String::new();
    for (n, text) in (1..).zip(scripts) {
        let path = script(&node, &format!("check{n}"), text);
        writeln!(config, "target {n} {{ ipaddr 10.0.0.{n} script {},1,2 }}", path.display()).unwrap();
    }
    config.push_str("target 7 { ipaddr 10.0.0.7 script /nonexistent/check,1,2 }\n");
    config.push_str("target 8 { ipaddr6 2001:db8::8 script \"test 2001:db8::8 =\",1,2 }\n");
    config.push_str("register targets 1-8\n");
    node.configure(&config);
    assert_eq!(node.bng(&["start"]).0, 0);
    for (n, begin, end) in [
        (1, "ok", "ok"),
        (2, "failed (ended with status 3: 10.0.0.2 says no)", ""),
        (3, "failed", ""),
        (4, "failed (was killed, it wrote without end: no)", ""),
        (5, "failed (ended with status 139", ""),
        (6, "ok", "ok"),
        (7, "failed (cannot be run, status 127: ", ""),
        (8, "ok", "ok"),
    ] {
        wait_long(&format!("{begin} of {n}"), || {
            let result = result(&node, n);
            result.starts_with(begin) && result.ends_with(end)
        });
    }
    // Nothing waited for any of them.
    let before = Instant::now();
    assert_eq!(node.bng(&["status"]).0, 0);
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    wait_long("the end of the hanging one", || result(&node, 3).contains("was killed, its time was over"));
    node.bng(&["stop"]);
    let pids = fs::read_to_string(&pids).unwrap();
    assert!(pids.lines().count() > 3, "{pids}");
    for pid in pids.lines() {
        wait_long(&format!("the end of {pid}"), || !is_running(pid));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_script_sees_nothing_of_the_daemon_but_what_the_manual_says() {
    let node = Node::new("surroundings");
    let seen = node.folder.join("seen");
    let text = format!(
        "{{ ls /proc/self/fd | tr '\\n' ' '; echo; readlink /proc/$$/fd/0; pwd; env | cut -d= -f1 | sort | tr '\\n' ' '; \
         echo; echo \"$BNG_KIND $BNG_INDEX $BNG_NAME $BNG_IPADDR $BNG_IPADDR6 $BNG_PORT\"; echo \"$@\"; \
         cut -d' ' -f5 /proc/$$/stat; echo $$; }} >{0}.new; mv {0}.new {0}",
        seen.display()
    );
    let check = script(&node, "check", &text);
    node.configure(&format!(
        "target 4 {{ name \"a name\" ipaddr 10.0.0.4 ipaddr6 2001:db8::4 port 8080 script \"{} -v\",1,5 }}\n\
         register target 4\n",
        check.display()
    ));
    assert_eq!(node.bng(&["start"]).0, 0);
    wait_long("a run", || seen.exists());
    let seen = fs::read_to_string(&seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    // The fourth is the listing's own.
    assert_eq!(lines[0].trim(), "0 1 2 3");
    assert_eq!(lines[1..3], ["/dev/null", "/"]);
    let own = |name: &&str| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name);
    let names: Vec<&str> = lines[3].split_whitespace().filter(own).collect();
    assert_eq!(
        names,
        [
            "BNG_INDEX",
            "BNG_IPADDR",
            "BNG_IPADDR6",
            "BNG_KIND",
            "BNG_NAME",
            "BNG_PORT",
            "HOME",
            "LC_ALL",
            "PATH"
        ]
    );
    assert_eq!(lines[4..6], ["target 4 a name 10.0.0.4 2001:db8::4 8080", "-v 10.0.0.4"]);
    // In a process group of its own, whose leader is the shell that started it.
    assert_ne!(lines[6], node.pid().to_string());
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_scripts_at_once_are_all_heard_and_leave_no_descriptor_behind() {
    let node = Node::new("crowd");
    let check = script(&node, "check", "sleep 1; echo $1");
    let mut config = String::new();
    for n in 1..=200 {
        writeln!(config, "target {n} {{ ipaddr 10.0.1.{n} script {},2,20 }}", check.display()).unwrap();
    }
    config.push_str("register targets 1-200\n");
    node.configure(&config);
    assert_eq!(node.bng(&["start"]).0, 0);
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap().count();
    let all = || {
        let (_, json, _) = node.bng(&["show", "targets", "json"]);
        let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let rows = rows.as_array().expect("rows");
        rows.iter().filter(|row| row["checks"][0]["verdict"] == "ok").count()
    };
    wait_long("200 results", || all() == 200);
    // A command is answered in the middle of it.
    let before = Instant::now();
    assert_eq!(node.bng(&["status"]).0, 0);
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    assert_eq!(node.bng(&["no", "target", "1"]).0, 0);
    node.configure("hostname nodea\n");
    assert_eq!(node.bng(&["reload"]).0, 0);
    wait_long("the end of all runs", || descriptors() < 20);
}

#[test]
fn an_alert_is_run_once_with_the_words_and_the_cause() {
    let node = Node::new("alert");
    let (told, lasts) = (node.folder.join("told"), node.folder.join("lasts"));
    let text = format!(
        "echo \"$* ($BNG_STATE, $BNG_ROLE, $BNG_HOSTNAME: $BNG_CAUSE)\" >>{}; exit 4",
        told.display()
    );
    let alert = script(&node, "alert", &text);
    let slow = script(&node, "slow", &format!("echo $$ >{}; exec sleep 30", lasts.display()));
    node.configure(&format!(
        "hostname nodea\ntarget 1 {{ ipaddr 10.0.0.1 port 80 alert \"{} web\" }}\n\
         target 2 {{ ipaddr 10.0.0.2 alert {} }}\nregister targets 1,2\n",
        alert.display(),
        slow.display()
    ));
    assert_eq!(node.bng(&["start"]).0, 0);
    // A target in no network is down from the start.
    wait_long("the alert", || told.exists());
    let cause = "down: its address is in no active network with a link";
    let line = format!("web target 1 10.0.0.1 80 down (down, master, nodea: registered, {cause})\n");
    wait("its line in the log", || {
        node.bng(&["show", "log"]).1.contains("warning: target 1 (10.0.0.1): alert ended with status 4")
    });
    assert_eq!(fs::read_to_string(&told).unwrap(), line);
    wait_long("the slow one", || lasts.exists());
    // The daemon does not wait for an alert, not even when it ends; and it does not take the alert along.
    let before = Instant::now();
    assert_eq!(node.bng(&["stop"]).0, 0);
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    let pid = fs::read_to_string(&lasts).unwrap();
    assert!(is_running(&pid));
    crate::kill("-KILL", pid.trim().parse().unwrap());
    assert_eq!(fs::read_to_string(&told).unwrap(), line, "once");
}
