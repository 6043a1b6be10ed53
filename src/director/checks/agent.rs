//! `agent`, `agent6`: the agent of the target tells its load. What is sent is in `wire/agent.rs`.

use super::datagram::Question;
use super::kind::{Effect, Failure};
use crate::wire::agent::{Key, Load, Message, Packet, Repr};

/// Asks the agent for its load.
#[derive(Debug)]
pub(super) struct Agent {
    key: Option<Key>,
    nonce: u64,
}

impl Agent {
    pub(super) fn new(secret: Option<&str>) -> Self {
        Self { key: secret.map(|secret| Key::new(secret.as_bytes())), nonce: 0 }
    }
}

impl Question for Agent {
    fn request(&mut self, number: u64) -> Vec<u8> {
        self.nonce = number;
        let message = Repr { message: Message::Request, nonce: number, key: self.key.as_ref() };
        let mut buf = vec![0; message.wire_len()];
        message.emit(&mut buf);
        buf
    }

    fn judge(&self, answer: &[u8], effects: &mut Vec<Effect>) -> Option<Result<(), Failure>> {
        // What is not well-formed, not authentic or not an answer to this request counts for nothing.
        let packet = Packet::new(answer).ok().filter(|packet| packet.nonce() == self.nonce)?;
        if !packet.trusted(self.key.as_ref()) {
            return None;
        }
        match packet.message() {
            Message::Request => None,
            Message::Reply(Load::Hundredths(load)) => {
                effects.push(Effect::Load(load));
                Some(Ok(()))
            }
            Message::Reply(Load::Unknown) => {
                Some(Err(Failure::Wrong("the agent lives, but knows no load".to_owned())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn reply(nonce: u64, load: Load, secret: Option<&str>) -> Vec<u8> {
        let key = secret.map(|secret| Key::new(secret.as_bytes()));
        let message = Repr { message: Message::Reply(load), nonce, key: key.as_ref() };
        let mut buf = vec![0; message.wire_len()];
        message.emit(&mut buf);
        buf
    }

    #[test]
    fn only_an_authentic_answer_to_the_last_request_tells_a_load() {
        for secret in [None, Some(SECRET)] {
            let mut agent = Agent::new(secret);
            let request = agent.request(77);
            let judged = |answer: &[u8]| {
                let mut effects = Vec::new();
                (agent.judge(answer, &mut effects), effects)
            };
            let load = Load::Hundredths(150);
            assert_eq!(judged(&reply(77, load, secret)), (Some(Ok(())), vec![Effect::Load(150)]));
            let other = if secret.is_some() { None } else { Some(SECRET) };
            for nothing in [request, reply(78, load, secret), reply(77, load, other), vec![], vec![0; 24]] {
                assert_eq!(judged(&nothing), (None, vec![]));
            }
            let (judgement, effects) = judged(&reply(77, Load::Unknown, secret));
            assert!(matches!(judgement, Some(Err(_))) && effects.is_empty());
        }
    }
}
