//! Health checks: probes sent at intervals, verdicts from the answers.
//!
//! ```text
//!   wanted.rs     which checks a configuration asks for
//!   check.rs      one check: schedule and verdict
//!   tell.rs       what there is to say of it
//!   kind.rs       what every kind has to do; echo.rs, arp.rs, ...: one kind each
//! ```

mod arp;
mod check;
mod echo;
mod kind;
mod script;
mod tell;
mod wanted;

use std::collections::BTreeMap;

use super::command::Ran;
use crate::conf::model::Model;
use crate::net::Addr;
use crate::seed::Seed;
use crate::time::{Duration, Instant};
pub use check::{Check, CheckId, Plan, Verdict};
pub use kind::{Ask, Effect, Failure, How, Input};
pub use wanted::{Checked, Whose};

/// Checks that may ask at the same moment; more wait for the next one. So hundreds that begin together, or whose gateway
/// is found, do not send all at once.
const AT_ONCE: usize = 16;
/// Time to the next moment.
const MOMENT: Duration = Duration::from_millis(1);

/// Something to be done for a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is checked.
    pub checked: Checked,
    /// Which check it is.
    pub id: CheckId,
    /// What to do.
    pub effect: Effect,
}

/// What came of time or input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What is to be done.
    pub requests: Vec<Request>,
    /// Whose verdict has changed.
    pub changed: Vec<Checked>,
}

/// All checks of one node.
#[derive(Debug)]
pub struct Checks {
    checks: BTreeMap<Checked, Check>,
    number: u64,
    seed: Seed,
}

impl Checks {
    /// No checks yet.
    pub fn new(seed: Seed) -> Self {
        Self { checks: BTreeMap::new(), number: 0, seed }
    }

    /// Runs the checks that `model` asks for; those that stay keep their verdict.
    pub fn set(&mut self, now: Instant, model: &Model) {
        let wanted = wanted::wanted(model);
        self.checks.retain(|checked, check| wanted.get(checked).is_some_and(|plan| check.follows(plan)));
        let mut first = moments(now);
        for (checked, plan) in wanted {
            if let Some(check) = self.checks.get_mut(&checked) {
                check.count(&plan);
                continue;
            }
            self.number += 1;
            let first = first.next().unwrap_or(now);
            let check = Check::new(CheckId(self.number), first, plan, self.seed.fork());
            self.checks.insert(checked, check);
        }
    }

    /// What is due at `now`.
    pub fn due(&mut self, now: Instant) -> News {
        self.each(|_, check| now >= check.deadline(), |check, effects| check.due(now, effects))
    }

    /// Probes of some addresses could not be sent because the station on the way there was unknown: try again as soon
    /// as it is.
    pub fn hurry(&mut self, now: Instant, whom: impl Fn(&Checked) -> bool) {
        let waiting = self
            .checks
            .iter_mut()
            .filter(|(checked, check)| check.verdict() != Verdict::Passed && whom(checked));
        for ((_, check), at) in waiting.zip(moments(now)) {
            check.hurry(at);
        }
    }

    /// The station of `addr` has told its address: an answer to an ARP check.
    pub fn heard(&mut self, now: Instant, addr: Addr) -> News {
        self.hear(now, |checked, _| checked.how == How::Arp && checked.addr == addr, &Input::Station)
    }

    /// An echo reply from `addr`.
    pub fn answered(&mut self, now: Instant, addr: Addr, ident: u16, sequence: u16) -> News {
        let input = Input::Echo { ident, sequence };
        self.hear(now, |checked, _| checked.how == How::Echo && checked.addr == addr, &input)
    }

    /// Run `number` of the script of check `id` has ended.
    pub fn ran(&mut self, now: Instant, id: CheckId, number: u32, ran: Ran) -> News {
        self.hear(now, |_, check| check.id() == id, &Input::Ran { number, ran })
    }

    /// Something has come for those that `whom` names.
    fn hear(&mut self, now: Instant, whom: impl Fn(&Checked, &Check) -> bool, input: &Input) -> News {
        self.each(whom, |check, effects| check.hear(now, input, effects))
    }

    /// Does `what` for those that `whom` names.
    fn each(
        &mut self,
        whom: impl Fn(&Checked, &Check) -> bool,
        mut what: impl FnMut(&mut Check, &mut Vec<Effect>) -> bool,
    ) -> News {
        let (mut news, mut effects) = (News::default(), Vec::new());
        for (checked, check) in &mut self.checks {
            if !whom(checked, check) {
                continue;
            }
            if what(check, &mut effects) {
                news.changed.push(*checked);
            }
            let (checked, id) = (*checked, check.id());
            news.requests.extend(effects.drain(..).map(|effect| Request { checked, id, effect }));
        }
        news
    }

    /// When [`Checks::due`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.checks.values().map(Check::deadline).min()
    }

    /// The checks of one object.
    pub fn of(&self, whose: Whose) -> impl Iterator<Item = (&Checked, &Check)> {
        self.checks.iter().filter(move |(checked, _)| checked.whose == whose)
    }
}

/// When each of any number of checks may ask, from `now` on.
fn moments(now: Instant) -> impl Iterator<Item = Instant> {
    (0u32..).flat_map(move |n| std::iter::repeat_n(now + MOMENT * n, AT_ONCE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::model::{Gateway, Probe, Target};

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
        c.of(Whose::Target(1)).next().unwrap().1.verdict()
    }

    fn answer(c: &mut Checks, now: Instant, request: &Request) -> Vec<Checked> {
        let Effect::Echo { ident, sequence } = request.effect else { panic!("{request:?}") };
        c.answered(now, request.checked.addr, ident, sequence).changed
    }

    /// Takes every probe from `c` until `end`, with the time at which it is sent.
    fn probes(c: &mut Checks, end: Instant) -> Vec<(Instant, Request)> {
        let mut sent = Vec::new();
        while let Some(at) = c.deadline().filter(|at| *at <= end) {
            sent.extend(c.due(at).requests.into_iter().map(|request| (at, request)));
        }
        sent
    }

    #[test]
    fn a_target_is_up_at_the_first_answer_and_not_before() {
        let mut c = checks(2, 10);
        let pings = c.due(Instant::ZERO).requests;
        assert_eq!((pings.len(), verdict(&c)), (1, Verdict::Waiting));
        assert_eq!(answer(&mut c, Instant::from_millis(3), &pings[0]), [pings[0].checked]);
        assert_eq!(verdict(&c), Verdict::Passed);
    }

    #[test]
    fn a_silent_target_fails_at_the_timeout_and_not_a_microsecond_before() {
        let mut c = checks(2, 10);
        let pings = c.due(Instant::ZERO).requests;
        answer(&mut c, Instant::from_secs(1), &pings[0]);
        assert!(c.due(Instant::from_micros(10_999_999)).changed.is_empty());
        assert_eq!(c.deadline(), Some(Instant::from_secs(11)));
        assert_eq!(c.due(Instant::from_secs(11)).changed, [pings[0].checked]);
        assert_eq!(verdict(&c), Verdict::Failed);
    }

    #[test]
    fn the_first_probe_leaves_at_once_and_those_behind_the_second_at_the_interval() {
        let mut c = checks(2, 10);
        let sent: Vec<Instant> =
            probes(&mut c, Instant::from_secs(60)).into_iter().map(|(at, _)| at).collect();
        assert_eq!(sent[0], Instant::ZERO);
        assert!(sent[1] > sent[0] && sent[1] <= Instant::from_secs(2), "{sent:?}");
        assert!(sent[1..].windows(2).all(|w| w[1].since(w[0]) == Duration::from_secs(2)), "{sent:?}");
        assert!((29..=31).contains(&sent.len()));
    }

    #[test]
    fn hundreds_of_checks_begin_within_the_first_moments_and_are_spread_over_the_interval() {
        let probe = Probe { interval: Duration::from_secs(2), timeout: Duration::from_secs(10) };
        let target = |n: u16| Target {
            ipaddr: Some([10, 0, (n >> 8) as u8, n as u8].into()),
            ping: Some(probe),
            registered: true,
            ..Target::default()
        };
        let targets = (1..=500).map(|n| (n, target(n))).collect();
        let mut c = Checks::new(Seed::new(7));
        c.set(Instant::ZERO, &Model { targets, ..Model::default() });
        let sent = probes(&mut c, Instant::from_secs(6));
        let between = |from, to| {
            let (from, to) = (Instant::from_millis(from), Instant::from_millis(to));
            sent.iter().filter(|(at, _)| (from..to).contains(at)).count()
        };
        assert!((500..520).contains(&between(0, 32)), "{}", between(0, 32));
        // Every tenth of a later interval has about a tenth of them, again and again.
        for tenth in 0..10 {
            let count = between(3_000 + 200 * tenth, 3_200 + 200 * tenth);
            assert!((25..=75).contains(&count), "{count} in tenth {tenth}");
        }
        let most = (0..2_000).map(|ms| between(3_000 + ms, 3_001 + ms)).max();
        assert!(most < Some(6), "{most:?} in one millisecond");
    }

    #[test]
    fn answers_to_somebody_elses_ping_do_not_count() {
        let mut c = checks(2, 10);
        let ping = c.due(Instant::ZERO).requests.remove(0);
        let Effect::Echo { ident, sequence } = ping.effect else { panic!("{ping:?}") };
        let addr = ping.checked.addr;
        assert_eq!(c.answered(Instant::ZERO, addr, ident ^ 1, sequence), News::default());
        assert_eq!(c.answered(Instant::ZERO, addr, ident, 9), News::default());
        assert_eq!(verdict(&c), Verdict::Waiting);
    }

    #[test]
    fn an_answer_counts_until_the_timeout_even_when_later_probes_have_left() {
        let mut c = checks(2, 10);
        let first = c.due(Instant::ZERO).requests.remove(0);
        assert!(probes(&mut c, Instant::from_secs(9)).len() >= 4);
        assert_eq!(answer(&mut c, Instant::from_micros(9_999_999), &first), [first.checked]);
        let late = c.of(Whose::Target(1)).next().unwrap().1.round_trip();
        assert_eq!(late, Some(Duration::from_micros(9_999_999)));
        let mut c = checks(2, 10);
        let first = c.due(Instant::ZERO).requests.remove(0);
        probes(&mut c, Instant::from_secs(10));
        assert!(answer(&mut c, Instant::from_secs(10), &first).is_empty());
    }

    #[test]
    fn a_failed_target_comes_back_with_the_next_answer() {
        let mut c = checks(2, 10);
        let sent = probes(&mut c, Instant::from_secs(20));
        assert_eq!(verdict(&c), Verdict::Failed);
        let (at, ping) = sent.last().unwrap();
        assert_eq!(answer(&mut c, *at, ping), [ping.checked]);
        assert_eq!(verdict(&c), Verdict::Passed);
    }

    #[test]
    fn an_arp_check_of_the_gateway_passes_by_what_its_station_says_and_fails_without() {
        let probe = |interval, timeout| {
            Some(Probe { interval: Duration::from_secs(interval), timeout: Duration::from_secs(timeout) })
        };
        let ipaddr = Some([10, 0, 0, 1].into());
        let gateway = Gateway { ipaddr, ping: probe(2, 5), arp: probe(1, 3), ..Gateway::default() };
        let mut c = Checks::new(Seed::new(1));
        c.set(Instant::ZERO, &Model { gateway: Some(gateway), ..Model::default() });
        let requests = c.due(Instant::ZERO).requests;
        assert_eq!(requests.iter().map(|r| r.checked.how).collect::<Vec<_>>(), [How::Echo, How::Arp]);
        let addr = requests[0].checked.addr;
        assert_eq!(c.heard(Instant::from_secs(1), addr).changed, [requests[1].checked]);
        assert!(c.heard(Instant::from_secs(1), addr).changed.is_empty());
        let verdicts = |c: &Checks| c.of(Whose::Gateway).map(|(_, c)| c.verdict()).collect::<Vec<_>>();
        assert_eq!(verdicts(&c), [Verdict::Waiting, Verdict::Passed]);
        assert_eq!(c.due(Instant::from_secs(4)).changed, [requests[1].checked]);
        assert_eq!(c.due(Instant::from_secs(5)).changed, [requests[0].checked]);
        assert_eq!(verdicts(&c), [Verdict::Failed, Verdict::Failed]);
    }
}
