//! `bng control` on a terminal, driven by tmux as a person would type.

use std::time::Duration;

use bng_world::{Bng, World, wait};

use crate::farm::{FIRST, config};
use crate::suite::{BNG, Case};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("the control console greets, completes, abbreviates and remembers", &["tmux"], converses)]
}

/// A terminal with `bng control` in it.
struct Terminal<'a> {
    bng: &'a Bng,
    socket: String,
}

impl<'a> Terminal<'a> {
    fn open(world: &World, bng: &'a Bng) -> Self {
        let socket = world.dir().join("tmux").display().to_string();
        let terminal = Self { bng, socket };
        let rundir = bng.rundir().display();
        terminal.tmux(&format!(
            "-f /dev/null new-session -d -x 110 -y 50 'HOME={} TERM=screen BNG_RUNDIR={rundir} {BNG} control; sleep 60'",
            world.dir().display()
        ));
        terminal
    }

    fn tmux(&self, arguments: &str) -> String {
        self.bng.host().run(&format!("LC_ALL=C.UTF-8 tmux -S {} {arguments}", self.socket))
    }

    fn keys(&self, keys: &str) {
        self.tmux(&format!("send-keys {keys}"));
    }

    fn screen(&self) -> String {
        self.tmux("capture-pane -p")
    }

    fn until(&self, what: &str, look: impl Fn(&str) -> bool) -> String {
        let (screen, _) =
            wait::until(what, Duration::from_secs(5), || Some(self.screen()).filter(|s| look(s)));
        screen
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.bng.host().try_run(&format!("tmux -S {} kill-server", self.socket));
    }
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
