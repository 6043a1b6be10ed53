//! `udp`, `dns`, `agent`, `agent6`: a datagram is answered by the right one.

use super::kind::{Context, Effect, Exchange, Failure, Flow, Input, Outcome};
use super::port::Port;
use crate::time::Instant;
use crate::wire::protocol;

/// What there is to say of a datagram that comes back and does not answer what was asked.
const NO_ANSWER: &str = "what it sends is no answer to the question";

/// What is asked and which answer is good: the part in which the kinds differ.
pub(super) trait Question: std::fmt::Debug + Send {
    /// The datagram that asks. `number` is random, and new for every question.
    fn request(&mut self, number: u64) -> Vec<u8>;

    /// What is to be thought of `answer`. `None` when it answers some other question.
    fn judge(&self, answer: &[u8], effects: &mut Vec<Effect>) -> Option<Result<(), Failure>>;
}

/// A question under way. It is repeated at every interval until it is answered or the timeout is over.
#[derive(Debug)]
pub(super) struct Datagram<Q> {
    to: u16,
    question: Q,
    asked: Option<(Port, Instant, Vec<u8>)>,
}

impl<Q: Question> Datagram<Q> {
    pub(super) fn new(to: u16, question: Q) -> Self {
        Self { to, question, asked: None }
    }
}

impl<Q: Question> Exchange for Datagram<Q> {
    fn ask(&mut self, context: &mut Context<'_>) {
        if self.asked.as_ref().is_none_or(|(_, begun, _)| context.is_over(*begun)) {
            self.asked = None;
            let request = self.question.request(context.seed.next_u64());
            let port = context.ports.claim(protocol::UDP, context.seed);
            self.asked = port.map(|port| (port, context.now, request));
        }
        if let Some((port, _, request)) = &self.asked {
            let (from, to, data) = (port.number(), self.to, request.clone());
            context.effects.push(Effect::Datagram { from, to, data });
        }
    }

    fn restart(&mut self) {
        self.asked = None;
    }

    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome> {
        let Input::Datagram { data, .. } = input else { return None };
        let (_, begun, _) = self.asked.as_ref()?;
        let Some(judgement) = self.question.judge(data, context.effects) else {
            // Whoever makes up datagrams must not decide; whoever wonders why no answer counts shall know.
            return Some(Outcome::Stray(Failure::Wrong(NO_ANSWER.to_owned())));
        };
        let round_trip = context.now.since(*begun);
        self.asked = None;
        Some(match judgement {
            Ok(()) => Outcome::Passed(round_trip),
            Err(failure) => Outcome::Failed(failure),
        })
    }

    fn flow(&self) -> Option<Flow> {
        let (port, ..) = self.asked.as_ref()?;
        Some(Flow { proto: protocol::UDP, local: port.number(), remote: self.to })
    }
}
