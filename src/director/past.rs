//! What the past of a target makes of it now: how far its slow start has come, how often it has failed, how its sessions
//! end.
//!
//! ```text
//!   comes up ----> slow start: its share grows in [`STEPS`] steps at most
//!   leaves ------> lingers: connections that nobody remembers may be its own; its sessions decay
//!   fails -------> with 'autodisable' so often that it is given up
//! ```

use std::collections::BTreeMap;

use super::Director;
use super::status::Status;
use crate::conf::model;
use crate::time::{Duration, Instant};

/// Most steps of a slow start; no step is shorter than a second.
const STEPS: u32 = 64;
/// Targets that come up so soon after the start of the program begin together, so each gets its whole share.
const GRACE: Duration = Duration::from_secs(60);

/// The past of one target.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Times it went down while it took sessions.
    failures: u32,
    /// It has failed too often.
    pub(super) given_up: bool,
    /// When its slow start began.
    began: Option<Instant>,
    /// The part of its share that it does not get yet, of 65,536.
    pub(super) held: u16,
    /// When it has left, with the sessions it had then.
    left: Option<(Instant, u64)>,
    /// It has left not long ago.
    pub(super) lingers: bool,
    /// When `held` or `lingers` change next.
    due: Option<Instant>,
}

impl Past {
    /// Its slow start has just begun.
    pub(super) fn begins(&self) -> bool {
        self.began.is_some()
    }

    /// What `held` and `lingers` are at `now`.
    fn age(&mut self, now: Instant, slowstart: Duration, window: Duration) {
        let (held, next) = match self.began {
            Some(began) => held(now.since(began), slowstart),
            None => (0, None),
        };
        if next.is_none() {
            self.began = None;
        }
        self.held = held;
        let end = self.left.map(|(at, _)| at + window);
        self.lingers = end.is_some_and(|end| end > now);
        let step = self.began.zip(next).map(|(began, next)| began + next);
        self.due = [step, end.filter(|_| self.lingers)].into_iter().flatten().min();
    }
}

/// The part of its share, of 65,536, that a target does not get `elapsed` after it has come up, and when that changes.
fn held(elapsed: Duration, slowstart: Duration) -> (u16, Option<Duration>) {
    let step = (slowstart / STEPS).max(Duration::from_secs(1));
    if elapsed >= slowstart {
        return (0, None);
    }
    let done = (elapsed.as_micros() / step.as_micros()) as u32;
    // The share in the middle of the step.
    let gets = ((step.as_micros() * u128::from(2 * done + 1)) << 15) / slowstart.as_micros();
    (65_536_u128.saturating_sub(gets).clamp(1, 65_535) as u16, Some((step * (done + 1)).min(slowstart)))
}

/// When the last of the sessions of a target that gets no new ones may end, counted from now: `then` sessions have become
/// `left` in `elapsed`, and the rest goes on ending at this pace. `None` when none has ended yet.
pub fn ends_in(then: u64, left: u64, elapsed: Duration) -> Option<Duration> {
    if left == 0 {
        return Some(Duration::ZERO);
    }
    if left >= then || elapsed.is_zero() {
        return None;
    }
    // A part of those that remain ends in each second; less than half a session is none.
    let pace = (then as f64 / left as f64).ln() / elapsed.as_secs_f64();
    Duration::try_from_secs_f64((2.0 * left as f64).ln() / pace).ok()
}

impl Director {
    /// Takes note that target `number` was `old` and is `new`.
    pub(super) fn remember(&mut self, now: Instant, number: u16, old: Option<Status>, new: Option<Status>) {
        let Some(new) = new else {
            self.pasts.remove(&number);
            return;
        };
        let sessions = self.loads.sessions(number);
        let together = now.since(self.started) < GRACE;
        let (slowly, limit) = match self.model.targets.get(&number) {
            Some(target) => (!target.slowstart.is_zero(), target.autodisable),
            None => (false, 0),
        };
        let past = self.pasts.entry(number).or_default();
        match new {
            Status::Active => {
                let first = matches!(old, None | Some(Status::Waiting));
                past.began = (slowly && !(first && together)).then_some(now);
                past.left = None;
            }
            Status::Drain | Status::Maintenance | Status::Disabled | Status::GivenUp => {
                past.began = None;
                past.left.get_or_insert((now, sessions));
            }
            _ => {
                past.began = None;
                past.left = None;
                if old == Some(Status::Active) && new.failed() {
                    past.failures += 1;
                    past.given_up = limit != 0 && past.failures >= limit;
                }
            }
        }
    }

    /// What the past makes of every target at `now`.
    pub(super) fn age(&mut self, now: Instant) {
        let mut windows = BTreeMap::<u16, Duration>::new();
        if self.pasts.values().any(|past| past.left.is_some()) {
            for server in self.model.servers.values() {
                for member in server.members() {
                    let window = windows.entry(member).or_default();
                    *window = server.stimeout.max(*window);
                }
            }
        }
        for (number, past) in &mut self.pasts {
            let target = self.model.targets.get(number);
            let window = windows.get(number).copied().unwrap_or_default();
            past.age(now, target.map_or(Duration::ZERO, |target| target.slowstart), window);
            if target.is_none_or(|target| !target.active || target.autodisable == 0) {
                (past.failures, past.given_up) = (0, false);
            }
        }
    }

    /// When a slow start goes on, or a target that has left is no longer looked for.
    pub(super) fn past_deadline(&self) -> Option<Instant> {
        self.pasts.values().filter_map(|past| past.due).min()
    }

    /// Whether `target` has failed so often that it is disabled.
    pub(super) fn given_up(&self, number: u16, target: &model::Target) -> bool {
        target.autodisable != 0 && self.pasts.get(&number).is_some_and(|past| past.given_up)
    }

    /// How many times target `number` has failed, of how many that make it disabled; `None` when it never is.
    pub(super) fn failures(&self, number: u16) -> Option<(u32, u32)> {
        let limit = self.model.targets.get(&number)?.autodisable;
        (limit != 0).then(|| (self.pasts.get(&number).map_or(0, |past| past.failures), limit))
    }

    /// The share that target `number` gets while it starts slowly, in parts of 65,536; `None` when it gets all.
    pub fn starting(&self, number: u16) -> Option<u32> {
        let held = self.pasts.get(&number)?.held;
        (held != 0).then(|| 65_536 - u32::from(held))
    }

    /// How long target `number`, which has `sessions` and gets no new ones, may still have some; see [`ends_in`].
    pub fn drained_in(&self, now: Instant, number: u16, sessions: u64) -> Option<Duration> {
        let (since, then) = self.pasts.get(&number)?.left?;
        ends_in(then, sessions, now.since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_in_equal_steps_until_it_is_whole() {
        let ten = Duration::from_secs(10);
        let mut shares = Vec::new();
        let mut at = Some(Duration::ZERO);
        while let Some(elapsed) = at {
            let (held, next) = held(elapsed, ten);
            shares.push(65_536 - u32::from(held));
            at = next;
        }
        assert_eq!(shares.len(), 11);
        assert_eq!(shares.last(), Some(&65_536));
        assert!(shares.windows(2).all(|two| two[1] > two[0]), "{shares:?}");
        assert_eq!(shares[0], 3_276, "half a tenth, the middle of the first step");
        assert_eq!(held(Duration::ZERO, Duration::ZERO), (0, None));
    }

    #[test]
    fn a_long_slow_start_takes_no_more_steps_than_a_few() {
        let (day, mut at, mut steps) = (Duration::from_secs(86_400), Some(Duration::ZERO), 0);
        while let Some(elapsed) = at {
            (_, at) = held(elapsed, day);
            steps += 1;
        }
        assert_eq!(steps, STEPS + 1);
    }

    #[test]
    fn sessions_that_halve_every_minute_end_when_half_a_session_is_left() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let ends = ends_in(1_024, 512, minutes(1)).unwrap();
        assert_eq!(ends.as_secs() / 60, 10, "{ends:?}");
        assert_eq!(ends_in(100, 0, minutes(1)), Some(Duration::ZERO));
        assert_eq!(ends_in(100, 100, minutes(1)), None, "nothing to go by yet");
        assert_eq!(ends_in(0, 5, Duration::ZERO), None);
    }
}
