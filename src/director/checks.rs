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

/// A check of one address.
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

/// Whose check it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Of the gateways.
    Gateway,
    /// Of the target with this number.
    Target(u16),
}

/// How it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// ICMP or ICMPv6 echo.
    Echo,
    /// ARP.
    Arp,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checked {
    /// Whose check it is.
    pub whose: Whose,
    /// Address.
    pub addr: Addr,
    /// How.
    pub how: How,
}

/// A question to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Whom, and how.
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
        let mut want = |whose, addr: Option<Addr>, how, probe: Option<Probe>| {
            if let (Some(addr), Some(probe)) = (addr, probe) {
                wanted.insert(Checked { whose, addr, how }, probe);
            }
        };
        for (number, target) in model.targets.iter().filter(|(_, t)| t.registered) {
            let whose = Whose::Target(*number);
            want(whose, target.ipaddr.map(Addr::from), How::Echo, target.ping);
            want(whose, target.ipaddr6.map(Addr::from), How::Echo, target.ping6);
        }
        if let Some(gateway) = &model.gateway {
            want(Whose::Gateway, gateway.ipaddr.map(Addr::from), How::Echo, gateway.ping);
            want(Whose::Gateway, gateway.ipaddr6.map(Addr::from), How::Echo, gateway.ping6);
            want(Whose::Gateway, gateway.ipaddr.map(Addr::from), How::Arp, gateway.arp);
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
    pub fn due(&mut self, now: Instant) -> (Vec<Request>, Vec<Checked>) {
        let (mut requests, mut failed) = (Vec::new(), Vec::new());
        for (checked, check) in &mut self.checks {
            if check.verdict != Verdict::Failed && now >= check.heard + check.probe.timeout {
                check.verdict = Verdict::Failed;
                failed.push(*checked);
            }
            if now >= check.next {
                check.sequence = check.sequence.wrapping_add(1);
                check.sent = now;
                check.next = now + check.probe.interval;
                requests.push(Request { checked: *checked, ident: check.ident, sequence: check.sequence });
            }
        }
        (requests, failed)
    }

    /// Probes of some addresses could not be sent because the station on the way there was unknown: try again as soon
    /// as it is.
    pub fn hurry(&mut self, now: Instant, whom: impl Fn(Addr) -> bool) {
        for (_, check) in self.checks.iter_mut().filter(|(checked, _)| whom(checked.addr)) {
            if check.verdict != Verdict::Passed {
                check.next = now;
            }
        }
    }

    /// The station of `addr` has told its address: an answer to an ARP check. Returns true when a verdict changed.
    pub fn heard(&mut self, now: Instant, addr: Addr) -> bool {
        let mut changed = false;
        for check in self.of_address(addr, How::Arp).map(|(_, check)| check) {
            check.heard = now;
            check.round_trip = Some(now.since(check.sent));
            changed |= std::mem::replace(&mut check.verdict, Verdict::Passed) != Verdict::Passed;
        }
        changed
    }

    fn of_address(&mut self, addr: Addr, how: How) -> impl Iterator<Item = (&Checked, &mut Check)> {
        self.checks.iter_mut().filter(move |(checked, _)| checked.addr == addr && checked.how == how)
    }

    /// An echo reply from `addr`. Returns those who have come up by it.
    pub fn answered(&mut self, now: Instant, addr: Addr, ident: u16, sequence: u16) -> Vec<Checked> {
        let mut up = Vec::new();
        for (checked, check) in self.of_address(addr, How::Echo) {
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

    /// The checks of one object.
    pub fn of(&self, whose: Whose) -> impl Iterator<Item = (&Checked, &Check)> {
        self.checks.iter().filter(move |(checked, _)| checked.whose == whose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::model::{Gateway, Target};

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
        c.of(Whose::Target(1)).next().unwrap().1.verdict
    }

    fn answer(c: &mut Checks, now: Instant, ping: Request) -> Vec<Checked> {
        c.answered(now, ping.checked.addr, ping.ident, ping.sequence)
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
        assert!(answer(&mut c, Instant::ZERO, Request { ident: ping.ident ^ 1, ..ping }).is_empty());
        assert!(answer(&mut c, Instant::ZERO, Request { sequence: 9, ..ping }).is_empty());
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
        assert_eq!(
            c.of(Whose::Target(1)).next().unwrap().1.round_trip,
            Some(Duration::from_micros(9_999_999))
        );
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

    #[test]
    fn an_arp_check_of_the_gateway_passes_by_what_its_station_says_and_fails_without() {
        let probe = |interval, timeout| {
            Some(Probe { interval: Duration::from_secs(interval), timeout: Duration::from_secs(timeout) })
        };
        let ipaddr = Some([10, 0, 0, 1].into());
        let gateway = Gateway { ipaddr, ipaddr6: None, ping: probe(2, 5), ping6: None, arp: probe(1, 3) };
        let mut c = Checks::new(Seed::new(1));
        c.set(Instant::ZERO, &Model { gateway: Some(gateway), ..Model::default() });
        let (requests, _) = c.due(Instant::ZERO);
        assert_eq!(requests.iter().map(|r| r.checked.how).collect::<Vec<_>>(), [How::Echo, How::Arp]);
        let addr = requests[0].checked.addr;
        assert!(c.heard(Instant::from_secs(1), addr) && !c.heard(Instant::from_secs(1), addr));
        let verdicts = |c: &Checks| c.of(Whose::Gateway).map(|(_, c)| c.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(&c), [Verdict::Waiting, Verdict::Passed]);
        assert_eq!(c.due(Instant::from_secs(4)).1, [requests[1].checked]);
        assert_eq!(c.due(Instant::from_secs(5)).1, [requests[0].checked]);
        assert_eq!(verdicts(&c), [Verdict::Failed, Verdict::Failed]);
    }
}
