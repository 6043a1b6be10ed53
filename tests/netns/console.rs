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
    // The elements of a list, and the lines of a block.
    terminal.keys("'modules arp,sl' Tab");
    terminal.until("the completed list", |s| s.trim_end().ends_with("bng# modules arp,slb"));
    terminal.keys("C-u 'server 7 {' Enter");
    terminal.until("the prompt of a block", |s| s.trim_end().ends_with("\n>"));
    terminal.keys("'prot' Tab");
    terminal.until("the completed statement", |s| s.trim_end().ends_with("> protocol"));
    terminal.keys("'?' Enter");
    let asked = "  tcp                  TCP\n  udp                  UDP\n> protocol";
    terminal.until("an answer within the block", |s| s.trim_end().ends_with(asked));
    terminal.keys("'tcp' Enter");
    terminal.until("the next line of the block", |s| s.trim_end().ends_with("> protocol tcp\n>"));
    terminal.keys("'}' Enter");
    terminal.until("the end of the block", |s| s.trim_end().ends_with("> }\nbng#"));
    terminal.keys("'remark what ?' Enter");
    let end = "  <Enter>              the line is complete\nbng# remark what";
    terminal.until("what else may follow", |s| s.trim_end().ends_with(end));
    terminal.keys("C-u 'nonsense ?' Enter");
    terminal.until("that nothing is known", |s| {
        s.contains("  nothing is known that could follow here\n") && s.trim_end().ends_with("bng# nonsense")
    });
    terminal.keys("C-u 'quit' Enter");
    assert!(bng.cmdctl("show configuration\n").contains("server    7 {\n          protocol tcp\n}"));
    wait::for_true("the end of the console", Duration::from_secs(5), || terminal.program() == "sleep");
}
