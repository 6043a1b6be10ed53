//! One check: its schedule and its verdict.
//!
//! ```text
//!            answer                  timeout without a good answer, and `fall` probes failed
//!  Waiting ----------> Passed <-----------------------------------------------------------------> Failed
//!     |                              `rise` good answers in a row                                    ^
//!     +----------------------------------------------------------------------------------------------+
//!                                    timeout
//! ```
//! A target is not used before its first answer: a node that starts next to a dead target must not send it clients.

use super::kind::{Ask, Context, Effect, Exchange, Failure, Flow, Input, Outcome};
use super::port::Ports;
use crate::conf::model::Probe;
use crate::net::Addr;
use crate::seed::Seed;
use crate::time::{Duration, Instant};

/// What a check says of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No answer yet, and not yet time to give up.
    Waiting,
    /// The last good answer is younger than the timeout.
    Passed,
    /// No good answer for the timeout.
    Failed,
}

/// What is asked, how often, and how many answers decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What.
    pub ask: Ask,
    /// Interval and timeout.
    pub probe: Probe,
    /// Good answers in a row that bring it up again, at least 1.
    pub rise: u32,
    /// Failed probes in a row without which it does not go down, at least 1.
    pub fall: u32,
}

/// What has happened since a check began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Probes.
    pub asked: u64,
    /// Good answers.
    pub answered: u64,
    /// Probes that were answered wrongly, or not before the next one left.
    pub failed: u64,
    /// Answers from others than were asked, what answered no question, and ICMP errors.
    pub strays: u64,
}

/// Names one check as long as it runs; one that begins anew has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckId(pub(super) u64);

/// A check of one address.
#[derive(Debug)]
pub struct Check {
    id: CheckId,
    plan: Plan,
    exchange: Box<dyn Exchange>,
    seed: Seed,
    verdict: Verdict,
    /// Since when the verdict holds.
    since: Instant,
    /// Time from the last answered probe to its answer.
    round_trip: Option<Duration>,
    /// What became of the last probe whose outcome is known, when that was no good answer.
    failure: Option<Failure>,
    /// What was seen of the probe under way that is no answer, but may explain why there is none.
    hint: Option<Failure>,
    /// What has happened since it began.
    counts: Counts,
    /// Good answers since the last failed probe.
    good: u32,
    /// Failed probes since the last good answer.
    bad: u32,
    /// The probe that was sent last has neither passed nor failed.
    open: bool,
    /// Probes leave at this time and at every interval from it.
    phase: Instant,
    /// From the first probe, or one out of turn, to the next.
    offset: Duration,
    next: Instant,
    /// Last good answer, or the first probe while there was none.
    heard: Instant,
}

impl Check {
    /// A check that asks first at `first`, then after a part of the interval that is its own, then at the interval: so
    /// many checks do not ask at the same time. The parts are those of van der Corput, which lie as far from each other as
    /// can be, however many there are: all of it, a half, a quarter, three quarters, ...
    pub(super) fn new(id: CheckId, to: Addr, first: Instant, plan: Plan, mut seed: Seed) -> Self {
        let interval = plan.probe.interval.as_micros() as u64;
        let part = u64::from((id.0 as u32).reverse_bits());
        let offset = if part == 0 { interval } else { (interval * part) >> 32 };
        let offset = Duration::from_micros(offset.max(1));
        Self {
            id,
            exchange: plan.ask.exchange(to.to_ip(), &mut seed),
            verdict: Verdict::Waiting,
            since: first,
            round_trip: None,
            failure: None,
            hint: None,
            counts: Counts::default(),
            good: 0,
            bad: 0,
            open: false,
            phase: first + offset,
            offset,
            next: first,
            heard: first,
            seed,
            plan,
        }
    }

    /// Its name.
    pub fn id(&self) -> CheckId {
        self.id
    }

    /// What is asked, how often, and how many answers decide.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Since when the verdict holds.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// When the last good answer came; `None` before the first.
    pub fn heard(&self) -> Option<Instant> {
        self.round_trip.map(|_| self.heard)
    }

    /// Time from the last answered probe to its good answer.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Why the last probe whose outcome is known failed; `None` when it did not.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// When the next probe leaves.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// What came with the last answer; may be empty.
    pub fn said(&self) -> &str {
        self.exchange.said()
    }

    /// Good answers in a row that have come while it was failed, of those that bring it up.
    pub fn rising(&self) -> Option<(u32, u32)> {
        (self.verdict == Verdict::Failed && self.good > 0).then_some((self.good, self.plan.rise))
    }

    /// What has happened since it began.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What tells its packets now.
    pub(super) fn flow(&self) -> Option<Flow> {
        self.exchange.flow()
    }

    /// Whether `plan` asks the same at the same times, so that the verdict stays.
    pub(super) fn follows(&self, plan: &Plan) -> bool {
        (&self.plan.ask, self.plan.probe) == (&plan.ask, plan.probe)
    }

    /// From now on other counts decide.
    pub(super) fn count(&mut self, plan: &Plan) {
        (self.plan.rise, self.plan.fall) = (plan.rise, plan.fall);
    }

    /// What has to be done by time. True when the verdict has changed.
    pub(super) fn due(&mut self, now: Instant, ports: &Ports, effects: &mut Vec<Effect>) -> bool {
        let mut changed = false;
        if now < self.next && self.exchange.deadline(&self.plan.probe).is_some_and(|at| now >= at) {
            let Self { plan, seed, .. } = self;
            let probe = plan.probe;
            let outcome = self.exchange.expire(&mut Context { now, probe, seed, ports, effects });
            changed |= self.decide(now, outcome);
        }
        if now >= self.next {
            if std::mem::replace(&mut self.open, true) {
                self.unanswered();
            }
            changed |= self.give_up(now);
            self.next = self.after(now);
            self.counts.asked += 1;
            let Self { plan, seed, .. } = self;
            let probe = plan.probe;
            self.exchange.ask(&mut Context { now, probe, seed, ports, effects });
        }
        changed | self.give_up(now)
    }

    /// Something has come for it. True when the verdict has changed.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        input: &Input,
        ports: &Ports,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Self { plan, seed, .. } = self;
        let probe = plan.probe;
        let outcome = self.exchange.hear(&mut Context { now, probe, seed, ports, effects }, input);
        self.decide(now, outcome)
    }

    /// Something has come that is no answer, and may explain why there is none. It decides nothing: whoever makes up
    /// such messages could take targets down.
    pub(super) fn hint(&mut self, hint: Failure) {
        self.counts.strays += 1;
        if self.open {
            self.hint = Some(hint);
        }
    }

    /// When [`Check::due`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        let silence = (self.verdict != Verdict::Failed && self.is_enough())
            .then_some(self.heard + self.plan.probe.timeout);
        [silence, self.exchange.deadline(&self.plan.probe)]
            .into_iter()
            .flatten()
            .fold(self.next, Instant::min)
    }

    /// Asks at `at`, without regard to the interval: the last probe has not left.
    pub(super) fn hurry(&mut self, at: Instant) {
        if at < self.next {
            (self.next, self.phase) = (at, at + self.offset);
            self.open = false;
            self.exchange.restart();
        }
    }

    /// The next time after `now` at which a probe leaves.
    fn after(&self, now: Instant) -> Instant {
        if now < self.phase {
            return self.phase;
        }
        let interval = self.plan.probe.interval.as_micros().max(1) as u64;
        let periods = now.since(self.phase).as_micros() as u64 / interval;
        self.phase + Duration::from_micros((periods + 1) * interval)
    }

    fn decide(&mut self, now: Instant, outcome: Option<Outcome>) -> bool {
        match outcome {
            None => false,
            Some(Outcome::Passed(round_trip)) => self.passed(now, round_trip),
            Some(Outcome::Failed(failure)) => {
                self.open = false;
                self.failed(failure);
                self.give_up(now)
            }
            Some(Outcome::Stray(failure)) => {
                self.hint(failure);
                false
            }
        }
    }

    fn passed(&mut self, now: Instant, round_trip: Duration) -> bool {
        self.open = false;
        self.hint = None;
        self.counts.answered += 1;
        self.heard = now;
        self.round_trip = Some(round_trip);
        self.failure = None;
        self.bad = 0;
        self.good = self.good.saturating_add(1);
        let up = match self.verdict {
            Verdict::Waiting => true,
            Verdict::Passed => false,
            Verdict::Failed => self.good >= self.plan.rise,
        };
        up && self.turn(now, Verdict::Passed)
    }

    /// The probe that was sent last has no answer.
    fn unanswered(&mut self) {
        let silent = Failure::Silent(self.exchange.so_far());
        let failure = self.hint.take().unwrap_or(silent);
        self.failed(failure);
    }

    fn failed(&mut self, failure: Failure) {
        self.hint = None;
        self.counts.failed += 1;
        self.failure = Some(failure);
        self.good = 0;
        self.bad = self.bad.saturating_add(1);
    }

    /// Whether so many probes have failed that the timeout alone decides. A single one needs no count: none was
    /// answered for the timeout.
    fn is_enough(&self) -> bool {
        self.verdict == Verdict::Waiting || self.plan.fall <= 1 || self.bad >= self.plan.fall
    }

    /// Fails when there was no good answer for the timeout and enough probes have failed.
    fn give_up(&mut self, now: Instant) -> bool {
        if !self.is_enough() || now < self.heard + self.plan.probe.timeout {
            return false;
        }
        if self.verdict != Verdict::Failed && matches!(self.failure, None | Some(Failure::Silent(_))) {
            let silent = Failure::Silent(self.exchange.so_far());
            self.failure = Some(self.hint.clone().unwrap_or(silent));
        }
        self.good = 0;
        self.turn(now, Verdict::Failed)
    }

    fn turn(&mut self, now: Instant, verdict: Verdict) -> bool {
        let changed = std::mem::replace(&mut self.verdict, verdict) != verdict;
        if changed {
            self.since = now;
        }
        changed
    }
}
