//! Health checks: probes sent at intervals, verdicts from the answers.
//!
//! ```text
//!            answer                       timeout without an answer
//!  Waiting ----------> Passed <------------------------------------> Failed
//!     |                                  answer                        ^
//!     +----------------------------------------------------------------+
//! ```
//! A target is not used before its first answer: a node that starts next to a dead target must not send it clients.

use std::collections::BTreeMap;

use crate::conf::model::{Model, Probe};
use crate::net::Addr;
use crate::seed::Seed;
use crate::time::{Duration, Instant};

/// What a check says of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No answer yet, and not yet time to give up.
    Waiting,
    /// The last answer is younger than the timeout.
    Passed,
    /// No answer for the timeout.
    Failed,
}

/// A check of one address of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Interval and timeout.
    pub probe: Probe,
    /// Verdict.
    pub verdict: Verdict,
    /// Time from the last answered probe to its answer.
    pub round_trip: Option<Duration>,
    ident: u16,
    sequence: u16,
    sent: Instant,
    next: Instant,
    /// Last answer, or the first probe while there was none.
    heard: Instant,
}

/// Who is checked: target number and address.
pub type Checked = (u16, Addr);

/// An echo request to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ping {
    /// Whom.
    pub checked: Checked,
    /// ICMP identifier.
    pub ident: u16,
    /// ICMP sequence number.
    pub sequence: u16,
}

/// All checks of one node.
#[derive(Debug)]
pub struct Checks {
    checks: BTreeMap<Checked, Check>,
    seed: Seed,
}

impl Checks {
    /// No checks yet.
    pub fn new(seed: Seed) -> Self {
        Self { checks: BTreeMap::new(), seed }
    }

    /// Runs the checks that `model` asks for; those that stay keep their verdict.
    pub fn set(&mut self, now: Instant, model: &Model) {
        let mut wanted = BTreeMap::new();
        for (number, target) in model.targets.iter().filter(|(_, t)| t.registered) {
            for (addr, probe) in
                [(target.ipaddr.map(Addr::from), target.ping), (target.ipaddr6.map(Addr::from), target.ping6)]
            {
                if let (Some(addr), Some(probe)) = (addr, probe) {
                    wanted.insert((*number, addr), probe);
                }
            }
        }
        self.checks.retain(|checked, check| wanted.get(checked) == Some(&check.probe));
        for (checked, probe) in wanted {
            let ident = self.seed.next_u64() as u16;
            self.checks.entry(checked).or_insert(Check {
                probe,
                verdict: Verdict::Waiting,
                round_trip: None,
                ident,
                sequence: 0,
                sent: now,
                next: now,
                heard: now,
            });
        }
    }

    /// Probes due at `now`, and whose verdict has become [`Verdict::Failed`].
    pub fn due(&mut self, now: Instant) -> (Vec<Ping>, Vec<Checked>) {
        let (mut pings, mut failed) = (Vec::new(), Vec::new());
        for (checked, check) in &mut self.checks {
            if check.verdict != Verdict::Failed && now >= check.heard + check.probe.timeout {
                check.verdict = Verdict::Failed;
                failed.push(*checked);
            }
            if now >= check.next {
                check.sequence = check.sequence.wrapping_add(1);
                check.sent = now;
                check.next = now + check.probe.interval;
                pings.push(Ping { checked: *checked, ident: check.ident, sequence: check.sequence });
            }
        }
        (pings, failed)
    }

    /// A probe could not be sent because the station of `addr` is unknown: try again as soon as it is.
    pub fn hurry(&mut self, now: Instant, addr: Addr) {
        for (_, check) in self.checks.iter_mut().filter(|((_, a), _)| *a == addr) {
            if check.verdict != Verdict::Passed {
                check.next = now;
            }
        }
    }

    /// An echo reply from `addr`. Returns the targets that have come up by it.
    pub fn answered(&mut self, now: Instant, addr: Addr, ident: u16, sequence: u16) -> Vec<Checked> {
        let mut up = Vec::new();
        for (checked, check) in self.checks.iter_mut().filter(|((_, a), _)| *a == addr) {
            // An answer may come after the next probe has left; older ones than the timeout prove nothing.
            let later = check.sequence.wrapping_sub(sequence);
            let round_trip = now.since(check.sent) + check.probe.interval * u32::from(later);
            if check.ident != ident
                || sequence == 0
                || later >= check.sequence
                || round_trip >= check.probe.timeout
            {
                continue;
            }
            check.heard = now;
            check.round_trip = Some(round_trip);
            if check.verdict != Verdict::Passed {
                check.verdict = Verdict::Passed;
                up.push(*checked);
            }
        }
        up
    }

    /// When [`Checks::due`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.checks
            .values()
            .map(
                |c| if c.verdict == Verdict::Failed { c.next } else { c.next.min(c.heard + c.probe.timeout) },
            )
            .min()
    }

    /// The checks of target `number`.
    pub fn of(&self, number: u16) -> impl Iterator<Item = (&Addr, &Check)> {
        self.checks.iter().filter(move |((n, _), _)| *n == number).map(|((_, addr), check)| (addr, check))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::model::Target;

    fn checks(interval: u64, timeout: u64) -> Checks {
        let target = Target {
            ipaddr: Some([10, 0, 0, 1].into()),
            ping: Some(Probe {
                interval: Duration::from_secs(interval),
                timeout: Duration::from_secs(timeout),
            }),
            registered: true,
            active: true,
            ..Target::default()
        };
        let model = Model { targets: BTreeMap::from([(1, target)]), ..Model::default() };
        let mut checks = Checks::new(Seed::new(1));
        checks.set(Instant::ZERO, &model);
        checks
    }

    fn verdict(c: &Checks) -> Verdict {
        c.of(1).next().unwrap().1.verdict
    }

    fn answer(c: &mut Checks, now: Instant, ping: Ping) -> Vec<Checked> {
        c.answered(now, ping.checked.1, ping.ident, ping.sequence)
    }

    #[test]
    fn a_target_is_up_at_the_first_answer_and_not_before() {
        let mut c = checks(2, 10);
        let (pings, _) = c.due(Instant::ZERO);
        assert_eq!((pings.len(), verdict(&c)), (1, Verdict::Waiting));
        assert_eq!(answer(&mut c, Instant::from_millis(3), pings[0]), [pings[0].checked]);
        assert_eq!(verdict(&c), Verdict::Passed);
    }

    #[test]
    fn a_silent_target_fails_at_the_timeout_and_not_a_microsecond_before() {
        let mut c = checks(2, 10);
        let (pings, _) = c.due(Instant::ZERO);
        answer(&mut c, Instant::from_secs(1), pings[0]);
        assert!(c.due(Instant::from_micros(10_999_999)).1.is_empty());
        assert_eq!(c.due(Instant::from_secs(11)).1, [pings[0].checked]);
        assert_eq!(verdict(&c), Verdict::Failed);
    }

    #[test]
    fn probes_leave_at_the_interval() {
        let mut c = checks(2, 10);
        let sent: Vec<u64> =
            (0..9_000).step_by(500).filter(|ms| !c.due(Instant::from_millis(*ms)).0.is_empty()).collect();
        assert_eq!(sent, [0, 2_000, 4_000, 6_000, 8_000]);
    }

    #[test]
    fn answers_to_somebody_elses_ping_do_not_count() {
        let mut c = checks(2, 10);
        let ping = c.due(Instant::ZERO).0[0];
        assert!(answer(&mut c, Instant::ZERO, Ping { ident: ping.ident ^ 1, ..ping }).is_empty());
        assert!(answer(&mut c, Instant::ZERO, Ping { sequence: 9, ..ping }).is_empty());
        assert_eq!(verdict(&c), Verdict::Waiting);
    }

    #[test]
    fn an_answer_counts_until_the_timeout_even_when_later_probes_have_left() {
        let mut c = checks(2, 10);
        let first = c.due(Instant::ZERO).0[0];
        for s in [2, 4, 6, 8] {
            c.due(Instant::from_secs(s));
        }
        assert_eq!(answer(&mut c, Instant::from_micros(9_999_999), first).len(), 1);
        assert_eq!(c.of(1).next().unwrap().1.round_trip, Some(Duration::from_micros(9_999_999)));
        let mut c = checks(2, 10);
        let first = c.due(Instant::ZERO).0[0];
        for s in [2, 4, 6, 8, 10] {
            c.due(Instant::from_secs(s));
        }
        assert!(answer(&mut c, Instant::from_secs(10), first).is_empty());
    }

    #[test]
    fn a_failed_target_comes_back_with_the_next_answer() {
        let mut c = checks(2, 10);
        c.due(Instant::from_secs(20));
        assert_eq!(verdict(&c), Verdict::Failed);
        let ping = c.due(Instant::from_secs(22)).0[0];
        assert_eq!(answer(&mut c, Instant::from_secs(22), ping).len(), 1);
        assert_eq!(verdict(&c), Verdict::Passed);
    }
}
