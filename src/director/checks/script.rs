//! `script`: a command, healthy when it ends with status 0.

use super::kind::{Context, Effect, Exchange, Failure, Input, Outcome};
use crate::director::command::{End, Ran};
use crate::time::{Duration, Instant};

/// Time beyond the timeout in which whoever runs it says that it was killed.
const GRACE: Duration = Duration::from_secs(5);

/// One run at a time: while one lasts, its successor is left out.
#[derive(Debug, Default)]
pub(super) struct Script {
    number: u32,
    /// Since when it runs, and when it cannot run any more.
    running: Option<(Instant, Instant)>,
    /// What the last run has said.
    said: String,
}

impl Exchange for Script {
    fn ask(&mut self, context: &mut Context<'_>) {
        if self.running.is_none() {
            self.number = self.number.wrapping_add(1);
            self.running = Some((context.now, context.now + context.probe.timeout + GRACE));
            context.effects.push(Effect::Run { number: self.number });
        }
    }

    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome> {
        let Input::Ran { number, ran } = input else { return None };
        let (started, _) = self.running.filter(|_| *number == self.number)?;
        self.running = None;
        self.said.clone_from(&ran.line);
        Some(match ran.end {
            End::Status(0) => Outcome::Passed(context.now.since(started)),
            _ => Outcome::Failed(Failure::Script(ran.clone())),
        })
    }

    /// Whoever runs it kills it in time; a run that is never heard of again ends all the same.
    fn deadline(&self) -> Option<Instant> {
        self.running.map(|(_, end)| end)
    }

    fn expire(&mut self, _context: &mut Context<'_>) -> Option<Outcome> {
        self.running = None;
        Some(Outcome::Failed(Failure::Script(Ran { end: End::TimedOut, line: String::new() })))
    }

    fn said(&self) -> &str {
        &self.said
    }
}
