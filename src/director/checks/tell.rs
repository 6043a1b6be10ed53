//! What there is to say of a check: names, results, causes.

use std::fmt;
use std::net::IpAddr;

use super::{Check, Checked, Failure, Verdict, Whose};
use crate::net::Addr;

/// `10.0.0.1`, `10.0.0.1:80`, `[2001:db8::1]:80`
fn place(addr: Addr, port: u16) -> String {
    match (addr.to_ip(), port) {
        (addr, 0) => addr.to_string(),
        (IpAddr::V4(addr), port) => format!("{addr}:{port}"),
        (IpAddr::V6(addr), port) => format!("[{addr}]:{port}"),
    }
}

/// `ping of 10.0.0.1`, `tcpopen of 10.0.0.1:80`, `tcpopen of 10.1.0.100:80 at 10.0.0.1`
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.how.word(self.addr.is_v4());
        match self.through {
            None => write!(f, "{word} of {}", place(self.addr, self.port)),
            Some(through) => write!(f, "{word} of {} at {}", place(through.addr, through.port), self.addr),
        }
    }
}

impl Checked {
    /// The statement, with the virtual address if the probe goes through one: `tcpopen`, `tcpopen 10.1.0.100:80`.
    pub fn label(&self) -> String {
        let word = self.how.word(self.addr.is_v4());
        match self.through {
            None => word.to_owned(),
            Some(through) => format!("{word} {}", place(through.addr, through.port)),
        }
    }

    /// Whether `other` asks the same of the target's own address.
    pub fn is_own_of(&self, other: &Self) -> bool {
        let same = |checked: &Self| (checked.whose, checked.addr, checked.how);
        self.through.is_none() && other.through.is_some() && same(self) == same(other)
    }
}

impl Check {
    /// Why it failed, as `checked`: the end of a sentence that begins with "down: ". `own` is whether the same check of
    /// the target's own address passes, when this one goes through a virtual address.
    pub fn trouble(&self, checked: &Checked, own: Option<bool>) -> String {
        let mut text = match self.failure() {
            None | Some(Failure::Silent(None)) => {
                format!("no answer to {checked} for {} s", self.plan().probe.timeout.as_secs())
            }
            Some(Failure::Silent(Some(so_far))) => {
                format!("no answer to {checked} for {} s: {so_far}", self.plan().probe.timeout.as_secs())
            }
            Some(Failure::Refused) => format!("{checked} is refused"),
            Some(failure) => format!("{checked}: {failure}"),
        };
        if let (Some(through), Some(true), Whose::Target(_)) = (checked.through, own, checked.whose) {
            let remedy = match self.failure() {
                None | Some(Failure::Silent(None) | Failure::Unreachable(..)) => {
                    format!("is {} on its loopback interface, and no firewall in front of it?", through.addr)
                }
                _ => "does its service listen there?".to_owned(),
            };
            let virt = place(through.addr, through.port);
            text.push_str(&format!(" (it answers at its own address, but not for {virt}: {remedy})"));
        }
        text
    }

    /// Its last result in a few words.
    pub fn result(&self) -> String {
        let latency = |rtt: std::time::Duration| format!("{:.1} ms", rtt.as_secs_f64() * 1e3);
        match (self.verdict(), self.round_trip(), self.failure()) {
            (Verdict::Waiting, _, None) => "waiting".to_owned(),
            (Verdict::Waiting, _, Some(failure)) => format!("waiting ({failure})"),
            (Verdict::Passed, None, _) => "ok".to_owned(),
            (Verdict::Passed, Some(rtt), None) if self.said().is_empty() => format!("ok in {}", latency(rtt)),
            (Verdict::Passed, Some(rtt), None) => format!("ok in {}: {}", latency(rtt), self.said()),
            (Verdict::Passed, Some(rtt), Some(failure)) => format!("ok in {}, then {failure}", latency(rtt)),
            (Verdict::Failed, _, Some(failure)) => format!("failed ({failure})"),
            (Verdict::Failed, _, None) => match self.rising() {
                Some((good, rise)) => format!("failed (answers again, {good} of {rise})"),
                None => "failed".to_owned(),
            },
        }
    }
}
