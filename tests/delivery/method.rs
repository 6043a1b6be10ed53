//! The methods of the services, run with a bng, a bngagent and an SMF of our own.

use std::process::Command;

use crate::{Folder, root};

// smf_method(7)
const OK: i32 = 0;
const OTHER: i32 = 1;
const FATAL: i32 = 95;
const CONFIG: i32 = 96;
const PERM: i32 = 100;

/// smf_include.sh as far as the method uses it.
const INCLUDE: &str = "SMF_EXIT_OK=0; SMF_EXIT_ERR_FATAL=95; SMF_EXIT_ERR_CONFIG=96; SMF_EXIT_ERR_NOSMF=99
SMF_EXIT_ERR_PERM=100
smf_kill_contract() { echo \"kill $*\" >> \"$LOG\"; return ${KILLED:-0}; }
";

/// A bng that notes how it was called and ends with the status that the test has given for its command.
const BNG: &str = "#!/bin/sh
echo \"bng $*\" >> \"$LOG\"
for word in \"$@\"; do
    case $word in
        status) exit ${STATUS:-3} ;;
        check) echo 'said by check'; exit ${CHECK:-0} ;;
        start) exit ${START:-0} ;;
        stop) exit ${STOP:-0} ;;
        reload) exit ${RELOAD:-0} ;;
    esac
done
exit 99
";

/// Ends with what it printed, and with the calls that it made.
struct Ran {
    status: i32,
    said: String,
    calls: Vec<String>,
}

/// Runs the method for instance `name` in a folder of its own.
fn run(folder: &str, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    run_in(&Folder::new(folder), name, arguments, settings)
}

/// Runs the method for instance `name`, by a shell that knows nothing new.
fn run_in(folder: &Folder, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let bng = folder.program("bng", BNG);
    let include = folder.program("smf_include.sh", INCLUDE);
    folder.program("svcprop", "#!/bin/sh\n[ \"$1 $2\" = '-p config/file' ] && echo \"${FILE:-\\\"\\\"}\"\n");
    let log = folder.0.join("log");
    let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").expect("a path"));
    let out = Command::new("dash")
        .arg(root().join("packaging/smf/bng.sh"))
        .args(arguments)
        .env("PATH", path)
        .env("SMF_INCLUDE", include)
        .env("SMF_FMRI", format!("svc:/network/bng:{name}"))
        .env("BNG", bng)
        .env("LOG", &log)
        .envs(settings.iter().copied())
        .output()
        .expect("dash");
    let said = String::from_utf8_lossy(&[&out.stdout[..], &out.stderr[..]].concat()).into_owned();
    let calls = std::fs::read_to_string(&log).unwrap_or_default();
    Ran {
        status: out.status.code().expect("an exit status"),
        said,
        calls: calls.lines().map(str::to_owned).collect(),
    }
}

#[test]
fn a_start_checks_the_configuration_first_and_then_starts_the_instance_of_its_name() {
    for (name, number) in [("default", 0), ("n3", 3), ("n127", 127)] {
        let ran = run("start", name, &["start"], &[]);
        assert_eq!(ran.status, OK, "{}", ran.said);
        let expected = [
            format!("bng status {number}"),
            format!("bng -i {number} check"),
            format!("bng -i {number} start"),
        ];
        assert_eq!(ran.calls, expected);
    }
    let ran = run("start-file", "n3", &["start"], &[("FILE", "/var/opt/bng/bng.conf")]);
    assert_eq!(ran.calls[2], "bng -c /var/opt/bng/bng.conf -i 3 start");
}

#[test]
fn a_bad_configuration_is_one_to_smf_and_starts_nothing() {
    let ran = run("bad", "default", &["start"], &[("CHECK", "2")]);
    assert_eq!((ran.status, ran.calls.len()), (CONFIG, 2), "{:?}", ran.calls);
    assert!(ran.said.contains("said by check"), "what is wrong belongs in the log of the service");
    // An error that only shows when it starts.
    assert_eq!(run("bad-start", "default", &["start"], &[("START", "6")]).status, CONFIG);
}

#[test]
fn other_failures_of_a_start_are_told_apart() {
    for (status, expected) in [("4", PERM), ("7", OTHER), ("1", OTHER)] {
        assert_eq!(run("failures", "default", &["start"], &[("START", status)]).status, expected, "{status}");
    }
    let ran = run("crash", "default", &["start"], &[("CHECK", "139")]);
    assert_eq!((ran.status, ran.calls.len()), (FATAL, 2));
}

#[test]
fn an_instance_that_was_started_by_hand_is_not_taken_for_the_service() {
    let ran = run("by-hand", "n3", &["start"], &[("STATUS", "0")]);
    assert_eq!((ran.status, ran.calls.len()), (FATAL, 1));
    assert!(ran.said.contains("bng stop 3"), "{}", ran.said);
}

#[test]
fn a_name_that_is_no_number_is_an_error_of_the_configuration() {
    for name in ["web", "n", "n1x", "n1000"] {
        let ran = run("name", name, &["start"], &[]);
        assert_eq!((ran.status, ran.calls.len()), (CONFIG, 0), "{name}");
        assert!(ran.said.contains("instance 3 is called n3"), "{}", ran.said);
    }
}

#[test]
fn a_stop_is_orderly_and_ends_the_contract_only_when_it_must() {
    for status in ["0", "3"] {
        let ran = run("stop", "n3", &["stop", "77"], &[("STOP", status)]);
        assert_eq!((ran.status, ran.calls), (OK, vec!["bng stop 3".to_owned()]));
    }
    let ran = run("stop-kill", "default", &["stop", "77"], &[("STOP", "1")]);
    assert_eq!((ran.status, ran.calls), (OK, vec!["bng stop 0".to_owned(), "kill 77 TERM 1 20".to_owned()]));
    let ran = run("stop-kill-9", "default", &["stop", "77"], &[("STOP", "1"), ("KILLED", "2")]);
    assert_eq!(ran.calls[1..], ["kill 77 TERM 1 20", "kill 77 KILL 1 10"]);
}

#[test]
fn a_refresh_reloads_and_never_sends_a_running_balancer_to_maintenance() {
    let ran = run("refresh", "n3", &["refresh"], &[]);
    assert_eq!((ran.status, ran.calls), (OK, vec!["bng reload 3".to_owned()]));
    let ran = run("refresh-bad", "default", &["refresh"], &[("RELOAD", "6")]);
    assert_eq!(ran.status, OK);
    assert!(ran.said.contains("the running configuration stays"), "{}", ran.said);
}

#[test]
fn the_run_directory_is_made_for_the_user_of_the_service() {
    let folder = Folder::new("rundir");
    let wanted = folder.0.join("run/bng");
    let wanted = wanted.to_str().expect("a path");
    // There is no user bng here: who would get the directory is noted instead.
    let chown = folder.program("chown", "#!/bin/sh\necho \"chown $*\"\n");
    let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").expect("a path"));
    let settings = [("BNG_RUNDIR", wanted), ("PATH", &path)];
    let ran = run("rundir-method", "default", &["rundir"], &settings);
    assert_eq!((ran.status, ran.said), (OK, format!("chown bng:bng {wanted}\n")), "{chown}");
    assert!(std::path::Path::new(wanted).is_dir() && ran.calls.is_empty());
    let ran = run("rundir-refused", "default", &["rundir"], &[("BNG_RUNDIR", "/proc/nowhere")]);
    assert_eq!(ran.status, FATAL, "{}", ran.said);
    assert!(ran.said.contains("cannot make /proc/nowhere"), "{}", ran.said);
}

#[test]
fn anything_else_is_refused() {
    let ran = run("usage", "default", &["restart"], &[]);
    assert_eq!((ran.status, ran.calls.len()), (FATAL, 0));
    assert!(ran.said.contains("usage: "), "{}", ran.said);
}

#[test]
fn the_real_program_lives_a_life_under_smf() {
    let folder = Folder::new("real");
    let config = folder.0.join("bng.conf");
    let run_folder = folder.0.join("run");
    let (config, run_folder) = (config.to_str().expect("a path"), run_folder.to_str().expect("a path"));
    let settings = [("BNG", env!("CARGO_BIN_EXE_bng")), ("FILE", config), ("BNG_RUNDIR", run_folder)];
    let method = |word: &str| run_in(&folder, "n3", &[word, "77"], &settings);
    let status = |expected: i32, ran: Ran| assert_eq!(ran.status, expected, "{}", ran.said);

    std::fs::write(config, "hostnam?? node\n").expect("a configuration");
    let ran = method("start");
    assert_eq!(ran.status, CONFIG, "{}", ran.said);
    assert!(ran.said.contains(&format!("{config}:1:1: error: ")), "{}", ran.said);

    std::fs::write(config, "hostname node\n").expect("a configuration");
    status(OK, method("start"));
    // By then it runs, and SMF would not call start again: whoever does is told.
    status(FATAL, method("start"));
    std::fs::write(config, "hostname other\n").expect("a configuration");
    let ran = method("refresh");
    assert!(ran.status == OK && ran.said.contains("node -> other"), "{}", ran.said);
    std::fs::write(config, "hostnam?? wrong\n").expect("a configuration");
    let ran = method("refresh");
    assert!(ran.status == OK && ran.said.contains("the running configuration stays"), "{}", ran.said);
    let ran = method("stop");
    assert!(ran.status == OK && ran.said.contains("shutdown of instance 3"), "{}", ran.said);
    status(OK, method("stop"));
    assert!(!std::path::Path::new(run_folder).join("3.pid").exists());
}

/// Runs the method of the agent's service, whose agent prints its arguments, one a line, and ends with `status`.
/// `options` are as svcprop prints them.
fn run_agent(folder: &str, port: &str, options: &str, status: i32) -> (i32, String) {
    let folder = Folder::new(folder);
    let agent = folder.program("bngagent", &format!("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit {status}\n"));
    let include = folder.program("smf_include.sh", INCLUDE);
    let svcprop =
        format!("#!/bin/sh\ncase $2 in\nconfig/port) echo {port} ;;\n*) cat <<'END'\n{options}\nEND\nesac\n");
    folder.program("svcprop", &svcprop);
    let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").expect("a path"));
    let mut command = Command::new("dash");
    command.arg(root().join("packaging/smf/bngagent.sh")).env("PATH", path).env("SMF_INCLUDE", include);
    command.env("SMF_FMRI", "svc:/network/bngagent:default").env("BNGAGENT", agent);
    let out = command.output().expect("dash");
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    (out.status.code().expect("an exit status"), String::from_utf8(out.stdout).expect("text"))
}

#[test]
fn the_agent_is_started_with_the_port_and_the_options_of_its_service() {
    assert_eq!(run_agent("agent", "439", "\"\"", 0), (OK, "439\n".into()));
    assert_eq!(run_agent("agent-6", "10000", "-6", 0), (OK, "-6\n10000\n".into()));
    // svcprop puts a backslash before whatever is special to a shell.
    let script = r#"-s\ \"load\ average\"\ -i\ 5"#;
    assert_eq!(run_agent("agent-script", "439", script, 0), (OK, "-s\nload average\n-i\n5\n439\n".into()));
}

#[test]
fn failures_of_the_agent_are_told_apart() {
    for (status, expected) in [(2, CONFIG), (6, CONFIG), (4, PERM), (7, OTHER), (1, OTHER)] {
        assert_eq!(run_agent(&format!("agent-{status}"), "439", "\"\"", status).0, expected, "{status}");
    }
}
