//! Status of targets: can clients be sent there, and if not, why.

use std::collections::BTreeSet;
use std::fmt;

use super::Director;
use super::alert::Subject;
use super::checks::{Check, Checked, Verdict, Whose};
use super::past::Past;
use crate::conf::model::State;
use crate::note::{Note, Object, Severity};
use crate::time::Instant;

/// Whether a target takes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Takes sessions.
    Active,
    /// Registered, not enabled: keeps its sessions, gets no new ones.
    Disabled,
    /// `state drain`: keeps its sessions, gets no new ones.
    Drain,
    /// `state maintenance`: the same.
    Maintenance,
    /// Up again, but it has failed as often as `autodisable` says.
    GivenUp,
    /// Its station is being asked for, or its checks have not answered yet.
    Waiting,
    /// A check had no answer for its timeout.
    CheckFailed,
    /// Nobody answers for its address.
    Unresolved,
    /// No active network whose interface is open and has a link leads to its address. With direct server return it must
    /// lie in one.
    NoNetwork,
    /// Behind a TAP interface, and `set localdsr` is 0.
    LocalDsr,
}

impl Status {
    /// It is up: its sessions are served, and it may get new ones.
    pub fn served(self) -> bool {
        matches!(self, Self::Active | Self::Disabled | Self::Drain | Self::Maintenance | Self::GivenUp)
    }

    /// It is down by itself, not because of the network of this node.
    pub(super) fn failed(self) -> bool {
        matches!(self, Self::CheckFailed | Self::Unresolved)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Drain => "drain",
            Self::Maintenance => "maintenance",
            Self::GivenUp => "disabled: it has failed as often as 'autodisable' says",
            Self::Waiting => "down: not heard of yet",
            Self::CheckFailed => "down: no answer to its check",
            Self::Unresolved => "down: no station answers for its address",
            Self::NoNetwork => "down: its address is in no active network with a link",
            Self::LocalDsr => "down: local host behind a tap interface needs 'set localdsr 1'",
        })
    }
}

/// A target for `show targets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetView {
    /// Target number.
    pub number: u16,
    /// Status.
    pub status: Status,
    /// Since when.
    pub since: Instant,
}

/// Checks that one line names, at most.
const TOLD_MAX: usize = 4;

impl Director {
    /// Why target `number` takes no traffic; `None` when it does, or is not registered.
    pub fn trouble(&self, number: u16) -> Option<String> {
        let (status, _) = self.status.get(&number)?;
        let told = *status == Status::GivenUp || !status.served();
        let text = told.then(|| self.explained(number, *status))?;
        let why = ["down: ", "disabled: "].iter().find_map(|word| text.strip_prefix(word));
        Some(why.unwrap_or(&text).to_owned())
    }

    /// Whether frames may be sent to target `number` as it was last assessed: it is up, enabled or not.
    pub(super) fn usable(&self, number: u16) -> bool {
        self.status.get(&number).is_some_and(|(status, _)| status.served())
    }

    /// Whether target `number` takes new sessions, as it was last assessed.
    pub(super) fn takes_new(&self, number: u16) -> bool {
        matches!(self.status.get(&number), Some((Status::Active, _)))
    }

    /// The registered targets.
    pub fn targets(&self) -> impl Iterator<Item = TargetView> {
        self.status.iter().map(|(number, (status, since))| TargetView {
            number: *number,
            status: *status,
            since: *since,
        })
    }

    /// Takes note of every change of status, and tells it.
    pub(super) fn assess(&mut self, now: Instant) {
        let numbers: BTreeSet<u16> = self.status.keys().chain(self.model.targets.keys()).copied().collect();
        for number in numbers {
            let old = self.status.get(&number).map(|(status, _)| *status);
            let new = self.verdict(number);
            if new == old {
                continue;
            }
            self.remember(now, number, old, new);
            let object = match self.model.targets.get(&number) {
                Some(target) => Object::target(number, target),
                None => Object::Target(number, String::new()),
            };
            let Some(new) = new else {
                self.status.remove(&number);
                self.know(Subject::Target(number), None);
                self.tell(Note::notice(object, "no longer registered"));
                continue;
            };
            self.status.insert(number, (new, now));
            let served = old.is_some_and(Status::served);
            let severity = match new {
                _ if new.served() => Severity::Notice,
                Status::Waiting if !served => Severity::Info,
                _ => Severity::Warning,
            };
            let text = self.explained(number, new);
            let text = match (old, new) {
                (None, Status::Waiting) => "registered, not heard of yet".to_owned(),
                (None, _) => format!("registered, {text}"),
                (Some(_), _) => text,
            };
            self.alert(Subject::Target(number), new.is_up(), &text);
            self.tell(Note::new(severity, object, text));
        }
        self.age(now);
    }

    /// The status of target `number` with the checks that decided.
    fn explained(&self, number: u16, status: Status) -> String {
        let verdict = if status == Status::CheckFailed { Verdict::Failed } else { Verdict::Passed };
        let checks = self.checks.of(Whose::Target(number)).filter(|(_, check)| check.verdict() == verdict);
        // What the target does not answer at its own address, it cannot answer for that of a server either. The one that
        // is left out must be said, though: a check that is on its way down has not failed yet.
        let checks = checks.filter(|(checked, _)| {
            let own = self.own_check(checked);
            verdict == Verdict::Passed || own.is_none_or(|own| own.verdict() != Verdict::Failed)
        });
        let mut checks: Vec<String> = checks
            .map(|(checked, check)| match verdict {
                Verdict::Failed => check.trouble(checked, self.own_passes(checked)),
                _ => checked.to_string(),
            })
            .collect();
        if checks.len() > TOLD_MAX {
            let more = checks.len() - TOLD_MAX;
            checks.truncate(TOLD_MAX);
            checks.push(format!("{more} more"));
        }
        match status {
            Status::Active if self.pasts.get(&number).is_some_and(Past::begins) => {
                "up: its share of new sessions grows from now on".to_owned()
            }
            Status::Active if checks.is_empty() => "up: its station answers, it has no check".to_owned(),
            Status::Active => format!("up: answers {}", checks.join(" and ")),
            Status::CheckFailed => format!("down: {}{}", checks.join(", "), self.failure(number)),
            Status::Unresolved => format!("{status}{}", self.failure(number)),
            Status::Drain => "drain: keeps its sessions, gets no new ones".to_owned(),
            Status::Maintenance => "maintenance: keeps its sessions, gets no new ones".to_owned(),
            Status::Disabled => "disabled: keeps its sessions, gets no new ones".to_owned(),
            _ => status.to_string(),
        }
    }

    /// Which failure of target `number` this is, where they are counted.
    fn failure(&self, number: u16) -> String {
        match self.failures(number) {
            Some((n, most)) if n >= most => format!(", failure {n} of {most}: it is disabled"),
            Some((n, most)) => format!(", failure {n} of {most}"),
            None => String::new(),
        }
    }

    /// The same check of the target's own address, when `checked` goes through a virtual address.
    fn own_check(&self, checked: &Checked) -> Option<&Check> {
        self.checks.of(checked.whose).find(|(other, _)| other.is_own_of(checked)).map(|(_, check)| check)
    }

    /// Whether the same check of the target's own address passes, when `checked` goes through a virtual address.
    pub(super) fn own_passes(&self, checked: &Checked) -> Option<bool> {
        // Where its last probe has failed it is on its way down, and has only been asked a moment later.
        self.own_check(checked).map(|own| own.verdict() == Verdict::Passed && own.failure().is_none())
    }

    /// Status of target `number`; `None` when it is not registered.
    fn verdict(&self, number: u16) -> Option<Status> {
        let target = self.model.targets.get(&number).filter(|t| t.registered)?;
        let homes: Vec<_> = target.addresses().filter_map(|addr| self.way_to(target, addr.into())).collect();
        if homes.is_empty() {
            return Some(Status::NoNetwork);
        }
        let local = target.dsr && !self.model.localdsr;
        if local && homes.iter().any(|way| self.ports.get(&way.port).is_some_and(|p| p.tap)) {
            return Some(Status::LocalDsr);
        }
        let neighbors = || homes.iter().filter_map(|way| self.neighbors.get(way.next));
        if neighbors().all(|n| n.mac.is_none()) {
            return Some(if neighbors().all(|n| n.silent()) { Status::Unresolved } else { Status::Waiting });
        }
        let mut worst = Status::Active;
        for (_, check) in self.checks.of(Whose::Target(number)) {
            match check.verdict() {
                Verdict::Passed => {}
                Verdict::Waiting if worst == Status::Active => worst = Status::Waiting,
                Verdict::Waiting => {}
                Verdict::Failed => worst = Status::CheckFailed,
            }
        }
        Some(match (worst, target.state) {
            (Status::Active, _) if !target.active => Status::Disabled,
            (Status::Active, _) if self.given_up(number, target) => Status::GivenUp,
            (Status::Active, State::Drain) => Status::Drain,
            (Status::Active, State::Maintenance) => Status::Maintenance,
            _ => worst,
        })
    }
}
