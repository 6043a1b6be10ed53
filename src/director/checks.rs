//! Health checks: probes sent at intervals, verdicts from the answers.
//!
//! ```text
//!   wanted.rs     which checks a configuration asks for
//!   check.rs      one check: schedule and verdict
//!   tell.rs       what there is to say of it
//!   kind.rs       what every kind has to do; echo.rs, arp.rs, tcpopen.rs, http.rs, udp.rs, dns.rs, agent.rs,
//!                 script.rs: one each
//!   port.rs       the ports that they ask from; connection.rs, datagram.rs: what those with ports share
//! ```

mod agent;
mod arp;
mod check;
mod connection;
mod datagram;
mod dns;
mod echo;
mod http;
mod kind;
mod port;
mod script;
mod tcpopen;
mod tell;
mod udp;
mod wanted;

use std::collections::BTreeMap;

use std::sync::Arc;

use super::command::Ran;
use crate::conf::model::Model;
use crate::nat::Pools;
use crate::net::Addr;
use crate::seed::Seed;
use crate::time::{Duration, Instant};
pub use check::{Check, CheckId, Counts, Plan, Verdict};
pub use kind::{Ask, Effect, Failure, Flow, How, Input, Segment};
use port::Ports;
pub use wanted::{Checked, Virtual, Whose};

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
    ports: Ports,
    seed: Seed,
}

impl Checks {
    /// No checks yet.
    pub fn new(mut seed: Seed) -> Self {
        Self { checks: BTreeMap::new(), number: 0, ports: Ports::new(seed.next_u64()), seed }
    }

    /// The ports that are asked from now; it changes by itself.
    pub fn asking(&self) -> Arc<Pools> {
        self.ports.asking()
    }

    /// Translated connections use ports of addresses that checks ask from, too: `pools`.
    pub fn share(&mut self, pools: Vec<Arc<Pools>>) {
        self.ports.share(pools);
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
            let first = first.next().unwrap_or(now);
            let to = checked.destination();
            let check = Check::new(CheckId(self.number), to, first, plan, self.seed.fork());
            self.checks.insert(checked, check);
            self.number += 1;
        }
    }

    /// What is due at `now`.
    pub fn due(&mut self, now: Instant) -> News {
        self.each(
            |_, check| now >= check.deadline(),
            |_, check, ports, effects| check.due(now, ports, effects),
        )
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

    /// A segment or datagram from `addr` to a port that a check asks from.
    pub fn received(&mut self, now: Instant, addr: Addr, flow: Flow, input: &Input) -> News {
        self.each(
            |_, check| check.flow() == Some(flow),
            |checked, check, ports, effects| {
                if checked.destination() == addr {
                    return check.hear(now, input, ports, effects);
                }
                check.hint(Failure::Stray(addr));
                false
            },
        )
    }

    /// `from` says that a packet of `flow` to `addr` could not be delivered.
    pub fn refused(&mut self, addr: Addr, flow: Flow, from: Addr, what: &'static str) {
        let checks = self.checks.iter_mut();
        for (_, check) in
            checks.filter(|(checked, c)| checked.destination() == addr && c.flow() == Some(flow))
        {
            check.hint(Failure::Unreachable(from, what));
        }
    }

    /// Something has come for those that `whom` names.
    fn hear(&mut self, now: Instant, whom: impl Fn(&Checked, &Check) -> bool, input: &Input) -> News {
        self.each(whom, |_, check, ports, effects| check.hear(now, input, ports, effects))
    }

    /// Does `what` for those that `whom` names.
    fn each(
        &mut self,
        whom: impl Fn(&Checked, &Check) -> bool,
        mut what: impl FnMut(&Checked, &mut Check, &Ports, &mut Vec<Effect>) -> bool,
    ) -> News {
        let (mut news, mut effects) = (News::default(), Vec::new());
        for (checked, check) in &mut self.checks {
            if !whom(checked, check) {
                continue;
            }
            if what(checked, check, &self.ports, &mut effects) {
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
mod tests;
