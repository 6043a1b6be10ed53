//! Which requests are answered, and with what. Everything else gets silence, and is counted.

use bng::wire::agent::{AUTHENTICATED_LEN, Key, Load, Message, Packet, Repr};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Most answers per second: far more than balancers ask for, and little work.
const ANSWERS_MAX: u32 = 1000;

/// Time between two lines about what was not answered.
const COMPLAINT: Duration = Duration::from_secs(60);

/// Why a datagram is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Silence {
    /// It is no request of this protocol.
    Malformed,
    /// The request is not authenticated, and we have a key.
    NoKey,
    /// It is authenticated with another key, or was changed on the way.
    WrongKey,
    /// It is authenticated, and we have no key to look at that.
    NeedsKey,
    /// There were too many in this second.
    TooMany,
}

impl Silence {
    /// The end of the sentence "3 datagrams, the last from 10.0.0.9, were not answered: ".
    const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "they are no requests",
            Self::NoKey => "they are not authenticated, give the target of the balancer an 'agentkey'",
            Self::WrongKey => "the authentication is wrong, is the 'agentkey' of the balancer another one?",
            Self::NeedsKey => "they are authenticated, but there is no key here, see '-k'",
            Self::TooMany => "there were too many of them",
        }
    }
}

/// What was not answered for one reason since that was last told.
#[derive(Debug)]
struct Unanswered {
    count: u64,
    last: SocketAddr,
    told: Option<Instant>,
}

/// Answers requests.
#[derive(Debug)]
pub(crate) struct Answers {
    key: Option<Key>,
    /// The second that is counted.
    second: Option<Instant>,
    answered: u32,
    unanswered: BTreeMap<Silence, Unanswered>,
}

/// Room for any answer, and for more than any request: what is longer is malformed.
pub(crate) type Buffer = [u8; AUTHENTICATED_LEN + 8];

impl Answers {
    /// With `key`, only for those who know it.
    pub(crate) fn new(key: Option<Key>) -> Self {
        Self { key, second: None, answered: 0, unanswered: BTreeMap::new() }
    }

    /// Turns the datagram of `len` bytes in `buffer` into its answer; `None`: there is none.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        from: SocketAddr,
        buffer: &mut Buffer,
        len: usize,
        load: Load,
    ) -> Option<usize> {
        match self.judge(now, &buffer[..len]) {
            Ok(nonce) => {
                let reply = Repr { message: Message::Reply(load), nonce, key: self.key.as_ref() };
                reply.emit(buffer);
                Some(reply.wire_len())
            }
            Err(silence) => {
                let entry = self.unanswered.entry(silence);
                let unanswered = entry.or_insert(Unanswered { count: 0, last: from, told: None });
                unanswered.count += 1;
                unanswered.last = from;
                None
            }
        }
    }

    fn judge(&mut self, now: Instant, bytes: &[u8]) -> Result<u64, Silence> {
        if self.second.is_none_or(|second| now.duration_since(second) >= Duration::from_secs(1)) {
            (self.second, self.answered) = (Some(now), 0);
        }
        // In front of everything that costs something.
        if self.answered >= ANSWERS_MAX {
            return Err(Silence::TooMany);
        }
        let packet = Packet::new(bytes).map_err(|_| Silence::Malformed)?;
        if packet.message() != Message::Request {
            return Err(Silence::Malformed);
        }
        // An attempt at the key is as dear as an answer.
        self.answered += 1;
        if !packet.trusted(self.key.as_ref()) {
            return Err(match (&self.key, packet.authenticated()) {
                (None, _) => Silence::NeedsKey,
                (Some(_), false) => Silence::NoKey,
                (Some(_), true) => Silence::WrongKey,
            });
        }
        Ok(packet.nonce())
    }

    /// What there is to say of datagrams without an answer: for each reason one line a minute.
    pub(crate) fn complaints(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for (silence, unanswered) in &mut self.unanswered {
            let early = unanswered.told.is_some_and(|told| now.duration_since(told) < COMPLAINT);
            if unanswered.count == 0 || early {
                continue;
            }
            let (count, from) = (unanswered.count, unanswered.last.ip());
            lines.push(format!(
                "not answered: {count} datagrams, the last one from {from}: {}",
                silence.why()
            ));
            (unanswered.count, unanswered.told) = (0, Some(now));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load::Hundredths(150);

    fn from() -> SocketAddr {
        "10.0.0.9:4000".parse().unwrap()
    }

    fn request(key: Option<&Key>) -> (Buffer, usize) {
        let mut buffer = [0; AUTHENTICATED_LEN + 8];
        let request = Repr { message: Message::Request, nonce: 77, key };
        request.emit(&mut buffer);
        (buffer, request.wire_len())
    }

    fn key(text: &str) -> Key {
        Key::new(text.as_bytes())
    }

    #[test]
    fn a_request_is_answered_with_its_nonce_and_the_load_in_as_many_bytes() {
        for key in [None, Some(key("sixteen bytes or more"))] {
            let (mut buffer, len) = request(key.as_ref());
            let mut answers = Answers::new(key.clone());
            let answer = answers.answer(Instant::now(), from(), &mut buffer, len, LOAD).expect("an answer");
            assert_eq!(answer, len);
            let packet = Packet::new(&buffer[..answer]).unwrap();
            assert_eq!((packet.nonce(), packet.message()), (77, Message::Reply(LOAD)));
            assert!(packet.trusted(key.as_ref()));
            assert!(answers.complaints(Instant::now()).is_empty());
        }
    }

    #[test]
    fn who_does_not_have_the_key_gets_silence_and_the_log_says_why() {
        let (ours, other) = (key("sixteen bytes or more"), key("another sixteen bytes"));
        for (ours, theirs, why) in [
            (Some(&ours), None, Silence::NoKey),
            (Some(&ours), Some(&other), Silence::WrongKey),
            (None, Some(&other), Silence::NeedsKey),
        ] {
            let (mut buffer, len) = request(theirs);
            let mut answers = Answers::new(ours.cloned());
            assert_eq!(answers.answer(Instant::now(), from(), &mut buffer, len, LOAD), None);
            let said = answers.complaints(Instant::now());
            assert_eq!(
                said,
                [format!("not answered: 1 datagrams, the last one from 10.0.0.9: {}", why.why())]
            );
        }
    }

    #[test]
    fn garbage_and_answers_get_silence_one_line_a_minute() {
        let mut answers = Answers::new(None);
        let now = Instant::now();
        for len in 0..AUTHENTICATED_LEN + 8 {
            let mut buffer = [0x55; AUTHENTICATED_LEN + 8];
            assert_eq!(answers.answer(now, from(), &mut buffer, len, LOAD), None);
        }
        let (mut buffer, len) = request(None);
        answers.answer(now, from(), &mut buffer, len, LOAD).expect("an answer");
        // Two agents that are pointed at each other do not talk for ever.
        assert_eq!(answers.answer(now, from(), &mut buffer, len, LOAD), None);
        let said = answers.complaints(now);
        assert_eq!(said, ["not answered: 65 datagrams, the last one from 10.0.0.9: they are no requests"]);
        let mut buffer = [0; AUTHENTICATED_LEN + 8];
        answers.answer(now, from(), &mut buffer, 9, LOAD);
        assert!(answers.complaints(now + COMPLAINT / 2).is_empty());
        assert_eq!(answers.complaints(now + COMPLAINT).len(), 1);
        assert!(answers.complaints(now + 2 * COMPLAINT).is_empty(), "nothing new");
    }

    #[test]
    fn a_flood_gets_so_many_answers_a_second_and_no_more() {
        let mut answers = Answers::new(None);
        let now = Instant::now();
        let mut flood = |at| {
            let answered = (0..5_000).filter(|_| {
                let (mut buffer, len) = request(None);
                answers.answer(at, from(), &mut buffer, len, LOAD).is_some()
            });
            answered.count()
        };
        assert_eq!(flood(now), 1000);
        assert_eq!(flood(now + Duration::from_millis(999)), 0);
        assert_eq!(flood(now + Duration::from_secs(1)), 1000);
    }
}
