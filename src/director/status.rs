//! Status of targets: can clients be sent there, and if not, why.

use std::fmt;

use log::Level;

use super::Director;
use super::checks::{Verdict, Whose};
use crate::time::Instant;

/// Whether a target takes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Takes sessions.
    Active,
    /// Registered, not enabled: keeps its sessions, gets no new ones.
    Disabled,
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

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
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

impl Director {
    /// Whether frames may be sent to target `number` as it was last assessed: it is up, enabled or not.
    pub(super) fn usable(&self, number: u16) -> bool {
        matches!(self.status.get(&number), Some((Status::Active | Status::Disabled, _)))
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
        let Self { status, model, .. } = self;
        status.retain(|number, _| model.targets.contains_key(number));
        let numbers: Vec<u16> = model.targets.keys().copied().collect();
        for number in numbers {
            let old = self.status.get(&number).map(|(status, _)| *status);
            match self.verdict(number) {
                None => {
                    self.status.remove(&number);
                }
                Some(new) if old != Some(new) => {
                    self.status.insert(number, (new, now));
                    let first = old.is_none() && new == Status::Waiting;
                    if !first {
                        let level = if new == Status::Active { Level::Info } else { Level::Warn };
                        self.log(level, format!("target {number} is {new}"));
                    }
                }
                Some(_) => {}
            }
        }
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
            match check.verdict {
                Verdict::Passed => {}
                Verdict::Waiting if worst == Status::Active => worst = Status::Waiting,
                Verdict::Waiting => {}
                Verdict::Failed => worst = Status::CheckFailed,
            }
        }
        Some(if worst == Status::Active && !target.active { Status::Disabled } else { worst })
    }
}
