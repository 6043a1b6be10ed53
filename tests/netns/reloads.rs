//! A configuration that is changed again and again under load.
#![allow(clippy::disallowed_types, reason = "the load keeps a pace of real time")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bng_world::{Bng, Host, tcp, wait};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::farm::{FIRST, Farm, VIP, clients, config};
use crate::suite::Case;

/// Times that the file is changed and read again.
const RELOADS: usize = 100;
/// Time between two requests; each has a connection of its own.
const PACE: Duration = Duration::from_millis(5);
/// Most time that a request may take: a lost segment is sent again after a second.
const PATIENCE: Duration = Duration::from_millis(800);

pub(crate) fn cases() -> Vec<Case> {
    Case::per_door("100 reloads under load lose no request", &["nginx", "curl"], loses_nothing)
}

/// What became of the requests of one client.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) answers: usize,
    pub(crate) failures: Vec<String>,
    slowest: Duration,
}

/// One request on a connection of its own.
fn request(from: Ipv4Addr) -> std::io::Result<String> {
    let server = SocketAddrV4::new(VIP.parse().expect("an address"), 80);
    let mut stream = tcp::connect_from(SocketAddrV4::new(from, 0), server, PATIENCE)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Asks at a steady pace from all `clients` in turn until `stop`.
pub(crate) fn load(host: &Host, clients: &[String], stop: &AtomicBool) -> Load {
    host.inside(|| {
        let mut load = Load::default();
        let mut due = Instant::now();
        for client in clients.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let begun = Instant::now();
            match request(client.parse().expect("an address")) {
                Ok(answer) if answer.contains("200 OK") && answer.contains("\r\n\r\nweb") => {
                    load.answers += 1
                }
                Ok(answer) => load.failures.push(format!("{client}: {answer:?}")),
                Err(e) => load.failures.push(format!("{client}: {e}")),
            }
            load.slowest = load.slowest.max(begun.elapsed());
            due += PACE;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        load
    })
}

/// A change to what has nothing to do with the traffic, a different one each time.
fn changed(n: usize, base: &str) -> String {
    match n % 5 {
        0 => format!("{base}remark \"reload {n}\"\n"),
        1 => format!(
            "{base}target 9 {{ ipaddr 10.1.0.9 ping 1,3 dsr enable }}\nregister target 9\nenable target 9\n"
        ),
        2 => format!(
            "{base}target 8 {{ ipaddr 10.1.0.8 dsr enable }}\nregister target 8\nenable target 8\n\
             server 9 {{ ipaddr 10.1.0.109 port {} protocol tcp targets 8 }}\nregister server 9\nenable server 9\n",
            1000 + n
        ),
        3 => base.replace("port 5353\n", &format!("port 5353\n    stimeout {}\n", 100 + n)),
        _ => format!("hostname node{n}\n{base}"),
    }
}

/// `show WHAT json`
fn shown(bng: &Bng, what: &str) -> Vec<Value> {
    let text = bng.cmdctl(&format!("show {what} json\n"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"))
}

/// The running configuration without its comments, which tell the time.
fn configuration(bng: &Bng) -> String {
    let text = bng.cmdctl("show configuration\n");
    text.lines().filter(|line| !line.starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// Ages of the sessions of server 1, by client address and port.
fn ages(bng: &Bng) -> BTreeMap<String, (u64, u64)> {
    let of = |row: &Value, name: &str| row[name].as_u64().unwrap_or_else(|| panic!("{name} in {row}"));
    let rows = shown(bng, "sessions").into_iter().filter(|row| row["server"] == 1);
    rows.map(|row| (format!("{}:{}", row["address"], row["port"]), (of(&row, "target"), of(&row, "age_s"))))
        .collect()
}

/// A counter of the row of `show WHAT json` whose `key` is `number`.
fn counter(rows: &[Value], key: &str, number: u64, name: &str) -> u64 {
    let row = rows.iter().find(|row| row[key] == number).unwrap_or_else(|| panic!("no {key} {number}"));
    row[name].as_u64().unwrap_or_else(|| panic!("{name} in {row}"))
}

fn loses_nothing(door: &str) {
    let farm = Farm::new();
    let mut bng = farm.bng(door);
    let base = config(door, FIRST);
    let addresses = clients(1, 20);
    let stop = AtomicBool::new(false);

    let load = std::thread::scope(|scope| {
        let running = scope.spawn(|| load(&farm.client, &addresses, &stop));
        let finished = scope.spawn(|| {
            // Whatever goes wrong here must also end the load.
            let result =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reloads(&farm, &mut bng, &base)));
            stop.store(true, Ordering::Relaxed);
            result
        });
        if let Err(panic) = finished.join().expect("the reloads are caught") {
            std::panic::resume_unwind(panic);
        }
        running.join().expect("the load")
    });
    assert_eq!(load.failures, [""; 0], "of {} requests", load.answers + load.failures.len());
    assert!(load.answers >= 5 * RELOADS, "only {} requests in all", load.answers);
    assert!(load.slowest < PATIENCE, "a request took {:?}", load.slowest);
    bng.stop();
}

/// 100 reloads, and between them transactions that succeed and that fail, with what must not change looked at.
fn reloads(farm: &Farm, bng: &mut Bng, base: &str) {
    // Every client has its session before the first reload.
    wait::for_true("all sessions", Duration::from_secs(10), || ages(bng).len() == 20);
    std::thread::sleep(Duration::from_secs(1));
    let sessions = ages(bng);
    let began = Instant::now();
    let (mut servers, mut targets) = (shown(bng, "servers"), shown(bng, "targets"));
    let good = farm.world.write("good.conf", "server 4 stimeout 77\nremark \"by source\"\n");
    let bad = farm.world.write("bad.conf", "server 1 stimeout 1\nno server 1 targets 2\nserver 1 port x\n");
    // Each line of it is sound by itself; together they leave a server without its target.
    let torn = farm.world.write("torn.conf", "no target 1\nserver 1 stimeout 1\n");

    for n in 0..RELOADS {
        bng.write_config(&changed(n, base));
        if n % 10 == 9 {
            bng.signal(Signal::SIGHUP);
            wait::for_true("the reload", Duration::from_secs(5), || {
                configuration(bng).contains(&format!("hostname  node{n}"))
            });
        } else {
            let told = bng.cmdctl("reload\n");
            assert!(!told.contains("nothing"), "reload {n}: {told}");
        }
        let before = configuration(bng);
        match n % 10 {
            2 => {
                bng.cmdctl(&format!("source {}\n", good.display()));
                assert!(configuration(bng).contains("by source"));
            }
            4 | 7 => {
                let file = if n % 10 == 4 { &bad } else { &torn };
                assert!(!bng.try_cmdctl(&format!("source {}\n", file.display())).status.success());
                assert_eq!(configuration(bng), before, "half of {} was applied", file.display());
            }
            5 => {
                bng.write_config(&format!("{}server 3 port x\n", changed(n + 1, base)));
                assert!(!bng.try_cmdctl("reload\n").status.success());
                assert_eq!(configuration(bng), before, "half of a wrong file was applied");
            }
            _ => {}
        }
        // Counters only grow, and checks are not begun anew.
        let (new_servers, new_targets) = (shown(bng, "servers"), shown(bng, "targets"));
        for (old, new, key, numbers) in
            [(&servers, &new_servers, "server", [1, 4]), (&targets, &new_targets, "target", [1, 2])]
        {
            for (number, name) in
                numbers.into_iter().flat_map(|number| [(number, "packets"), (number, "bytes")])
            {
                let (was, is) = (counter(old, key, number, name), counter(new, key, number, name));
                assert!(was <= is, "reload {n}: {name} of {key} {number} went from {was} to {is}");
            }
        }
        for row in new_targets.iter().filter(|row| row["target"].as_u64() < Some(3)) {
            assert_eq!(
                (&row["state"], &row["reason"]),
                (&"active".into(), &Value::Null),
                "reload {n}: {row}"
            );
            assert!(row["checks"].to_string().contains("ping ok"), "reload {n}: {row}");
        }
        (servers, targets) = (new_servers, new_targets);
    }

    let took = began.elapsed().as_secs();
    let now = ages(bng);
    for (client, (target, age)) in &sessions {
        let (kept, older) = now.get(client).unwrap_or_else(|| panic!("{client} lost its session"));
        assert_eq!(kept, target, "{client} has another target");
        assert!(
            *older >= age + took,
            "the session of {client} is {older} s old, {took} s ago it was {age} s"
        );
    }
    let log = bng.cmdctl("show log\n");
    let lines = |what: &str, refused: bool| {
        let about = log.lines().filter(|line| line.contains(&format!(" configuration: {what} of ")));
        about.filter(|line| line.contains(" refused, nothing has changed: ") == refused).count()
    };
    assert_eq!(lines("reload", false), RELOADS, "{log}");
    assert_eq!(lines("reload", true), RELOADS / 10, "{log}");
    assert_eq!(lines("source", false), RELOADS / 10, "{log}");
    assert_eq!(lines("source", true), RELOADS / 5, "{log}");
}
