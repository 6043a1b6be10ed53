//! `bng control` on a terminal, driven by tmux as a person would type.

use std::time::Duration;

use bng_world::{Bng, World, wait};

use crate::farm::{FIRST, config};
use crate::suite::{BNG, Case};
use crate::terminal::Terminal;

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("the control console greets, completes, abbreviates and remembers", &["tmux"], converses)]
}

fn converses() {
    let mut world = World::new();
    let host = world.plugged("balancer", &[]);
    let mut bng = Bng::running(BNG, &world, &host, &config("raw", FIRST));
    let pid = bng.service().pid();
    let terminal = Terminal::open(&world, &bng);

    let screen = terminal.until("a prompt", |s| s.trim_end().ends_with("bng#"));
    assert!(screen.starts_with(&format!("BalanceNG: connected to PID {pid}\n")), "{screen}");

    terminal.keys("'sh sess' Enter");
    terminal.until("an answer to an abbreviation", |s| s.contains("bng# sh sess\n0 sessions\nbng#"));
    terminal.keys("'show vers' Tab");
    terminal.until("the completed word", |s| s.trim_end().ends_with("bng# show version"));
    terminal.keys("Enter");
    terminal.until("the version", |s| s.contains("0.100"));
    terminal.keys("Up Up");
    terminal.until("the line before the last", |s| s.trim_end().ends_with("bng# sh sess"));
    terminal.keys("Enter");
    terminal.until("the answer again", |s| s.matches("0 sessions\n").count() == 2);
    terminal.keys("'nonsense' Enter");
    terminal.until("an error", |s| s.contains("nonsense") && s.trim_end().ends_with("bng#"));
    terminal.keys("'quit' Enter");
    wait::for_true("the end of the console", Duration::from_secs(5), || {
        let processes = bng.host().run("ps -o args= -A");
        !processes.lines().any(|l| l.ends_with("bng control"))
    });
}
