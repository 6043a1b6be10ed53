//! What there is to say of a check: names, results, causes.

use std::fmt;

use super::{Check, Checked, Failure, How, Verdict};

/// `ping of 10.0.0.1`
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.how.word(self.addr.is_v4()), self.addr)
    }
}

impl Check {
    /// Why it failed, as `checked`: the end of a sentence that begins with "down: ".
    pub fn trouble(&self, checked: &Checked) -> String {
        match self.failure() {
            Some(failure @ Failure::Script(_)) => format!("{checked} {failure}"),
            None | Some(Failure::Silent) if checked.how == How::Script => {
                format!("{checked} did not end within {} s", self.plan().probe.timeout.as_secs())
            }
            None | Some(Failure::Silent) => {
                format!("no answer to {checked} for {} s", self.plan().probe.timeout.as_secs())
            }
        }
    }

    /// Its last result in a few words.
    pub fn result(&self) -> String {
        match (self.verdict(), self.round_trip()) {
            (Verdict::Waiting, _) => "waiting".to_owned(),
            (Verdict::Passed, None) => "ok".to_owned(),
            (Verdict::Passed, Some(rtt)) => {
                let said = if self.said().is_empty() { "" } else { ": " };
                format!("ok in {:.1} ms{said}{}", rtt.as_secs_f64() * 1e3, self.said())
            }
            (Verdict::Failed, _) => match self.failure() {
                Some(failure @ Failure::Script(_)) => format!("failed, {failure}"),
                _ => "failed".to_owned(),
            },
        }
    }
}
