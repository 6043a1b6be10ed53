//! `udp`: a datagram is answered, perhaps by an expected text.

use super::datagram::Question;
use super::kind::{Effect, Failure};
use crate::conf::model::Udp as Ask;

impl Question for Ask {
    fn request(&mut self, _number: u64) -> Vec<u8> {
        self.send.clone()
    }

    fn judge(&self, answer: &[u8], _effects: &mut Vec<Effect>) -> Option<Result<(), Failure>> {
        let expected = &self.expect;
        let found = expected.is_empty() || answer.windows(expected.len()).any(|bytes| bytes == expected);
        Some(if found {
            Ok(())
        } else {
            Err(Failure::Wrong("the answer is not the expected one".to_owned()))
        })
    }
}
