//! `dns`: a name server answers a query (RFC 1035 section 4).

use super::datagram::Question;
use super::kind::{Effect, Failure};
use crate::conf::model::Dns as Ask;

const HEADER_LEN: usize = 12;
/// Class Internet.
const IN: [u8; 2] = [0, 1];

/// Asks a name server for one record.
#[derive(Debug)]
pub(super) struct Dns {
    ask: Ask,
    id: [u8; 2],
}

impl Dns {
    pub(super) fn new(ask: Ask) -> Self {
        Self { ask, id: [0; 2] }
    }

    /// The question section.
    fn section(&self) -> Vec<u8> {
        let mut section = Vec::new();
        for label in self.ask.name.split('.').filter(|label| !label.is_empty()) {
            section.push(label.len() as u8);
            section.extend_from_slice(label.as_bytes());
        }
        section.push(0);
        section.extend_from_slice(&self.ask.kind.to_be_bytes());
        section.extend_from_slice(&IN);
        section
    }
}

impl Question for Dns {
    fn request(&mut self, number: u64) -> Vec<u8> {
        self.id = (number as u16).to_be_bytes();
        let [high, low] = self.id;
        // A standard query that wants recursion, with one question.
        [&[high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &self.section()[..]].concat()
    }

    fn judge(&self, answer: &[u8], _effects: &mut Vec<Effect>) -> Option<Result<(), Failure>> {
        if answer.len() < HEADER_LEN || answer[..2] != self.id {
            return None;
        }
        let wrong = |text: &str| Some(Err(Failure::Wrong(text.to_owned())));
        // A response to a standard query.
        if answer[2] & 0xf8 != 0x80 {
            return wrong("the answer is no answer of a name server");
        }
        let code = answer[3] & 0x0f;
        let section = self.section();
        let repeated = &answer[HEADER_LEN..];
        // An error may come without the question.
        let asked = answer[4..6] == [0, 1]
            && repeated.len() >= section.len()
            && repeated[..section.len()].eq_ignore_ascii_case(&section);
        if !asked && (code == 0 || answer[4..6] != [0, 0]) {
            return wrong("the answer is to another question");
        }
        if self.ask.rcode.is_none_or(|expected| expected == code) {
            return Some(Ok(()));
        }
        let name = match code {
            0 => "NOERROR".to_owned(),
            1 => "FORMERR".to_owned(),
            2 => "SERVFAIL".to_owned(),
            3 => "NXDOMAIN".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            other => format!("code {other}"),
        };
        wrong(&format!("the name server says {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::model::Probe;
    use crate::time::Duration;

    fn dns(rcode: Option<u8>) -> (Dns, Vec<u8>) {
        let second = Duration::from_secs(1);
        let probe = Probe { interval: second, timeout: second };
        let mut dns = Dns::new(Ask { port: 53, probe, name: "www.Example.org".to_owned(), kind: 1, rcode });
        let query = dns.request(0x1234);
        (dns, query)
    }

    #[test]
    fn a_query_is_the_bytes_of_the_standard() {
        let (_, query) = dns(Some(0));
        assert_eq!(query, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07Example\x03org\0\0\x01\0\x01");
    }

    #[test]
    fn an_answer_must_be_to_this_query_and_have_the_expected_code() {
        let (question, query) = dns(Some(0));
        let judged = |answer: &[u8]| question.judge(answer, &mut Vec::new());
        let mut answer = query.clone();
        (answer[2], answer[3]) = (0x81, 0x80);
        assert_eq!(judged(&answer), Some(Ok(())));
        assert_eq!(judged(&answer.to_ascii_lowercase()), Some(Ok(())), "case does not matter");
        for len in 0..answer.len() {
            assert_ne!(judged(&answer[..len]), Some(Ok(())), "{len} bytes");
        }
        assert!(matches!(judged(&query), Some(Err(_))), "a query is no answer");
        let other_id = [&[0x12, 0x35], &answer[2..]].concat();
        assert_eq!(judged(&other_id), None);
        answer[3] = 0x83;
        let refusal = Failure::Wrong("the name server says NXDOMAIN".to_owned());
        assert_eq!(judged(&answer), Some(Err(refusal)));
        assert_eq!(dns(None).0.judge(&answer, &mut Vec::new()), Some(Ok(())));
        assert_eq!(dns(Some(3)).0.judge(&answer, &mut Vec::new()), Some(Ok(())));
        *answer.last_mut().unwrap() = 3;
        assert!(matches!(judged(&answer), Some(Err(_))), "another class");
    }
}
