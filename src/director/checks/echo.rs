//! `ping`, `ping6`: echo requests.

use std::collections::VecDeque;

use super::kind::{Context, Effect, Exchange, Input, Outcome};
use crate::seed::Seed;
use crate::time::Instant;

/// Requests that an answer is waited for, at most.
const UNDER_WAY: usize = 64;

/// One identifier for all requests, which are numbered.
#[derive(Debug)]
pub(super) struct Echo {
    ident: u16,
    sequence: u16,
    /// When the last requests were sent, the latest first.
    sent: VecDeque<Instant>,
}

impl Echo {
    pub(super) fn new(seed: &mut Seed) -> Self {
        Self { ident: seed.next_u64() as u16, sequence: 0, sent: VecDeque::new() }
    }
}

impl Exchange for Echo {
    fn ask(&mut self, context: &mut Context<'_>) {
        self.sequence = self.sequence.wrapping_add(1);
        self.sent.truncate(UNDER_WAY - 1);
        self.sent.push_front(context.now);
        context.effects.push(Effect::Echo { ident: self.ident, sequence: self.sequence });
    }

    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome> {
        let Input::Echo { ident, sequence } = *input else { return None };
        // An answer may come after the next probe has left; older ones than the timeout prove nothing.
        let later = self.sequence.wrapping_sub(sequence);
        let sent = self.sent.get(usize::from(later)).filter(|_| self.ident == ident)?;
        let round_trip = context.now.since(*sent);
        (round_trip < context.probe.timeout).then_some(Outcome::Passed(round_trip))
    }
}
