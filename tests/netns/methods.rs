//! Weights, targets that leave and backups, as clients see them.
#![allow(clippy::disallowed_types, reason = "the load keeps a pace of real time")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bng_world::{Bng, wait, web};

use crate::farm::{Farm, VIP, clients, is_up};
use crate::reloads::load;
use crate::suite::Case;

pub(crate) fn cases() -> Vec<Case> {
    let tools = &["nginx", "curl"];
    vec![
        Case::new("weights decide who gets how many clients", tools, weights),
        Case::new("a target is drained under load without a failed request", tools, drain),
        Case::new("a backup takes over and gives back", tools, backup),
    ]
}

/// Says `line` on the control line, which must be taken.
fn say(bng: &Bng, line: &str) {
    let reply = bng.cmdctl(&format!("{line}\n"));
    assert!(!reply.contains("error"), "{line}: {reply}");
}

fn url() -> String {
    format!("http://{VIP}/")
}

fn weights() {
    let farm = Farm::new();
    let bng = farm.bng("raw");
    say(&bng, "target 1 weight 3");
    let served = web::ask(&farm.client, &url(), &clients(1, 40), 2);
    assert_eq!(served, [("web1".into(), 60), ("web2".into(), 20)].into());
    // The fewest sessions for its weight: target 2 is behind by 20, and then keeps pace.
    say(&bng, "target 1 weight 1");
    say(&bng, "server 1 method session");
    let served = web::ask(&farm.client, &url(), &clients(41, 60), 1);
    assert_eq!(served, [("web2".into(), 20)].into());
    say(&bng, "server 1 method maglev");
    say(&bng, "clear sessions");
    let once = web::ask(&farm.client, &url(), &clients(1, 60), 1);
    say(&bng, "clear sessions");
    assert_eq!(web::ask(&farm.client, &url(), &clients(1, 60), 1), once, "without memory the same again");
    assert!(bng.cmdctl("show sessions\n").contains(":0 (maglev)"));
}

fn drain() {
    let farm = Farm::new();
    let bng = farm.bng("raw");
    let stop = AtomicBool::new(false);
    let old = clients(1, 40);
    let loaded = std::thread::scope(|scope| {
        let asking = scope.spawn(|| load(&farm.client, &old, &stop));
        wait::for_true("20 sessions each", Duration::from_secs(10), || {
            bng.row("targets", 1).is_some_and(|row| row[2] == "20")
        });
        for (statement, state) in [("drain", "drain"), ("maintenance", "maintenance")] {
            say(&bng, &format!("target 1 state {statement}"));
            let row = bng.row("targets", 1).expect("target 1");
            assert_eq!((row[1].as_str(), row[2].as_str()), (state, "20"), "{row:?}");
            std::thread::sleep(Duration::from_millis(700));
            // All of its clients go on asking.
            let told = bng.cmdctl("show targets\n").split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains("end of its sessions not in sight"), "{told}");
        }
        assert!(bng.cmdctl("show configuration\n").contains("state maintenance"));
        let new = web::ask(&farm.client, &url(), &clients(41, 60), 1);
        assert_eq!(new, [("web2".into(), 20)].into(), "no new session");
        say(&bng, "target 1 state active");
        stop.store(true, Ordering::Relaxed);
        asking.join().expect("the load")
    });
    assert!(loaded.failures.is_empty(), "{:?}", loaded.failures);
    assert!(loaded.answers > 200, "{} answers", loaded.answers);
    assert!(is_up(&bng, 1));
}

fn backup() {
    let farm = Farm::new();
    let bng = farm.bng("raw");
    say(&bng, "server 1 { targets 1 backup 2 }");
    let served = web::ask(&farm.client, &url(), &clients(1, 10), 1);
    assert_eq!(served, [("web1".into(), 10)].into());
    farm.world.link("web1", false);
    wait::for_true("target 1 down", Duration::from_secs(10), || !is_up(&bng, 1));
    let served = web::ask(&farm.client, &url(), &clients(1, 20), 1);
    assert_eq!(served, [("web2".into(), 20)].into());
    assert!(bng.cmdctl("show servers\n").contains("backups 2 in use"));
    farm.world.link("web1", true);
    wait::for_true("target 1 up again", Duration::from_secs(10), || is_up(&bng, 1));
    let served = web::ask(&farm.client, &url(), &clients(1, 30), 1);
    assert_eq!(served, [("web1".into(), 10), ("web2".into(), 20)].into(), "sessions of the backup stay");
}
