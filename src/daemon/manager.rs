//! What the manager of services is told: that the daemon serves, what it does, and that it is alive.
//!
//! ```text
//!   READY=1      once every worker works by a snapshot of the director, not before
//!   STATUS=      one line, when it changes
//!   RELOADING=1  while the configuration is exchanged, READY=1 behind it
//!   WATCHDOG=1   about once a second, but only if every worker has made a round since the last time
//!   STOPPING=1   when the end was asked for
//! ```
//!
//! Without a manager, or without its watchdog, all of this costs nothing and says nothing.

use super::log as journal;
use super::worker::Worker;
use crate::note::{Note, Object};
use bng_platform::process::notify::Notifier;
use std::collections::BTreeMap;
use std::time::Duration;

/// The way to the manager, and what it knows.
#[derive(Debug, Default)]
pub struct Manager {
    notifier: Notifier,
    ready: bool,
    status: String,
    /// Rounds of each worker when the watchdog last heard of us.
    heard: BTreeMap<u64, u64>,
    /// It was logged that a worker stands still.
    told: bool,
}

impl Manager {
    /// The manager that has started us, if it wants to be told.
    pub fn find() -> Self {
        let notifier = Notifier::from_environment().unwrap_or_else(|e| {
            let text = format!("the service manager cannot be told anything: NOTIFY_SOCKET: {e}");
            journal::say(Note::warning(Object::Program, text));
            Notifier::default()
        });
        Self { notifier, ..Self::default() }
    }

    /// Whether somebody waits for the daemon to be ready.
    pub fn waits(&self) -> bool {
        !self.ready && self.notifier.is_wanted()
    }

    /// The daemon is ready once all `workers` work by a snapshot.
    pub fn ready_with<'a>(&mut self, mut workers: impl Iterator<Item = &'a Worker>) {
        if self.waits() && workers.all(|worker| worker.doors.generation.get() > 0) {
            self.ready = true;
            self.notifier.send("READY=1");
        }
    }

    /// One line about what goes on; `status` is asked only if somebody wants to know.
    pub fn status(&mut self, status: impl FnOnce() -> String) {
        if !self.notifier.is_wanted() {
            return;
        }
        let status = status();
        if status != self.status {
            self.notifier.send(&format!("STATUS={status}"));
            self.status = status;
        }
    }

    /// The configuration is about to be read again.
    pub fn reloading(&self) {
        self.notifier.send("RELOADING=1");
    }

    /// It was read, or refused: the daemon serves in either case.
    pub fn reloaded(&self) {
        if self.ready {
            self.notifier.send("READY=1");
        }
    }

    /// The end was asked for.
    pub fn stopping(&self) {
        self.notifier.send("STOPPING=1");
    }

    /// Something is about to happen that may take `limit` without a sign of life; [`Manager::patience_over`] ends it.
    pub fn patience(&self, limit: Duration) {
        if let Some(usual) = self.notifier.watchdog() {
            let usec = (usual + limit).as_micros();
            self.notifier.send(&format!("WATCHDOG_USEC={usec}\nWATCHDOG=1"));
        }
    }

    /// The watchdog is as strict as before.
    pub fn patience_over(&self) {
        if let Some(usual) = self.notifier.watchdog() {
            self.notifier.send(&format!("WATCHDOG_USEC={}\nWATCHDOG=1", usual.as_micros()));
        }
    }

    /// Tells the watchdog that we live, if all `workers` have worked since it last heard that. To be called about once
    /// a second, which is much longer than a worker sleeps.
    pub fn live<'a>(&mut self, workers: impl Iterator<Item = &'a Worker>) {
        if self.notifier.watchdog().is_none() {
            return;
        }
        let now: BTreeMap<u64, u64> = workers.map(|w| (w.number, w.doors.rounds.get())).collect();
        let still = standing(&self.heard, &now);
        if still == 0 {
            self.notifier.send("WATCHDOG=1");
            self.heard = now;
            self.told = false;
        } else if !std::mem::replace(&mut self.told, true) {
            let text =
                format!("{still} workers stand still; unless they go on, the watchdog ends this process");
            journal::say(Note::error(Object::Program, text));
        }
    }
}

/// How many of those that are there `now` have not moved since `before`. One that was not there before has moved.
fn standing(before: &BTreeMap<u64, u64>, now: &BTreeMap<u64, u64>) -> usize {
    now.iter().filter(|(number, rounds)| before.get(number) == Some(rounds)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_worker_that_was_there_can_stand_still() {
        let before = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
        // The second has not moved, the third has gone, the fourth is new.
        let now = BTreeMap::from([(1, 11), (2, 20), (4, 0)]);
        assert_eq!(standing(&before, &now), 1);
        assert_eq!(standing(&BTreeMap::new(), &now), 0);
        assert_eq!(standing(&now, &now), 3);
    }
}
