//! `arp`: the station of the gateway is asked for its address.

use super::kind::{Context, Effect, Exchange, Input, Outcome};
use crate::time::Instant;

/// ARP has no numbers: whatever the station says of its address is an answer.
#[derive(Debug, Default)]
pub(super) struct Arp {
    sent: Instant,
}

impl Exchange for Arp {
    fn ask(&mut self, context: &mut Context<'_>) {
        self.sent = context.now;
        context.effects.push(Effect::Station);
    }

    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome> {
        (*input == Input::Station).then(|| Outcome::Passed(context.now.since(self.sent)))
    }
}
