//! A terminal with `bng control` in it, which is typed into as a person would.

use std::time::Duration;

use bng_world::{Bng, World, wait};

use crate::suite::BNG;

/// A terminal with `bng control` in it.
pub(crate) struct Terminal<'a> {
    bng: &'a Bng,
    socket: String,
}

impl<'a> Terminal<'a> {
    pub(crate) fn open(world: &World, bng: &'a Bng) -> Self {
        let socket = world.dir().join("tmux").display().to_string();
        let terminal = Self { bng, socket };
        let rundir = bng.rundir().display();
        terminal.tmux(&format!(
            "-f /dev/null new-session -d -x 110 -y 90 'HOME={} TERM=screen BNG_RUNDIR={rundir} {BNG} control; sleep 60'",
            world.dir().display()
        ));
        terminal
    }

    fn tmux(&self, arguments: &str) -> String {
        self.bng.host().run(&format!("LC_ALL=C.UTF-8 tmux -S {} {arguments}", self.socket))
    }

    /// Presses keys, as tmux calls them; text in single quotes.
    pub(crate) fn keys(&self, keys: &str) {
        self.tmux(&format!("send-keys {keys}"));
    }

    pub(crate) fn screen(&self) -> String {
        self.tmux("capture-pane -p")
    }

    /// The program in the terminal; `sleep` once the console has ended.
    pub(crate) fn program(&self) -> String {
        self.tmux("display-message -p '#{pane_current_command}'").trim().to_owned()
    }

    /// The screen as soon as `look` likes it.
    pub(crate) fn until(&self, what: &str, look: impl Fn(&str) -> bool) -> String {
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
