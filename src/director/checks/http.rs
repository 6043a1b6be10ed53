//! `http`: a request is answered with one of the expected status codes.

use super::connection::{Connection, Event};
use super::kind::{Context, Exchange, Failure, Flow, Input, Outcome};
use crate::conf::model::{Http as Ask, Probe};
use crate::time::Instant;

/// Bytes of an answer in which its status must stand, interim answers (1xx) in front of it included.
const HEAD_MAX: usize = 4_096;

/// Asks HTTP/1.1 for a page and reads the status line.
#[derive(Debug)]
pub(super) struct Http {
    ask: Ask,
    request: Vec<u8>,
    connection: Option<Connection>,
    answer: Vec<u8>,
}

impl Http {
    /// Asks `ask` of `host`, which the request names unless `ask` names another one.
    pub(super) fn new(ask: Ask, host: std::net::IpAddr) -> Self {
        let port = if ask.port == 80 { String::new() } else { format!(":{}", ask.port) };
        let own = if host.is_ipv6() { format!("[{host}]{port}") } else { format!("{host}{port}") };
        let host = ask.host.as_ref().unwrap_or(&own);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bng\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            ask.path
        );
        Self { ask, request: request.into(), connection: None, answer: Vec::new() }
    }

    fn judge(&self, is_over: bool) -> Result<Option<()>, Failure> {
        match status(&self.answer)? {
            Some(code) if self.ask.status.contains(code) => Ok(Some(())),
            Some(code) => Err(Failure::Wrong(format!("status {code}"))),
            None if is_over && self.answer.is_empty() => {
                Err(Failure::Wrong("the connection was closed without an answer".to_owned()))
            }
            None if is_over => Err(Failure::Wrong("the connection was closed within the answer".to_owned())),
            None if self.answer.len() >= HEAD_MAX => {
                Err(Failure::Wrong(format!("no status in the first {HEAD_MAX} bytes")))
            }
            None => Ok(None),
        }
    }
}

/// The final status code at the beginning of `answer`; `None` when there is more to come (RFC 9112 section 4).
fn status(mut answer: &[u8]) -> Result<Option<u16>, Failure> {
    loop {
        let line = answer.split(|byte| *byte == b'\n').next().unwrap_or(answer);
        let complete = line.len() < answer.len();
        let wrong = || Err(Failure::Wrong("the answer is not HTTP".to_owned()));
        let known = b"HTTP/1.";
        let beginning = known.len().min(line.len());
        if line[..beginning] != known[..beginning] {
            return wrong();
        }
        // HTTP/1.x SP code
        let code = match line.get(8..12) {
            Some([b' ', digits @ ..]) if digits.iter().all(u8::is_ascii_digit) => {
                digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
            }
            None if !complete => return Ok(None),
            _ => return wrong(),
        };
        match line.get(12) {
            Some(b' ' | b'\r') => {}
            None if !complete => return Ok(None),
            None => {}
            Some(_) => return wrong(),
        }
        if !(100..200).contains(&code) || code == 101 {
            return Ok(Some(code));
        }
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
        answer = &answer[end + 4..];
        if answer.is_empty() {
            return Ok(None);
        }
    }
}

impl Exchange for Http {
    fn ask(&mut self, context: &mut Context<'_>) {
        match &mut self.connection {
            Some(connection) if !context.is_over(connection.begun()) => connection.expire(context),
            old => {
                if let Some(old) = old.take() {
                    old.reset(context);
                }
                self.answer.clear();
                *old = Connection::begin(context, self.ask.port, self.request.clone());
            }
        }
    }

    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome> {
        let Input::Segment(segment) = input else { return None };
        let connection = self.connection.as_mut()?;
        let round_trip = context.now.since(connection.begun());
        let (data, is_over) = match connection.hear(context, segment)? {
            Event::Open => return None,
            Event::Data(data) => (data, false),
            Event::End(data) => (data, true),
            Event::Refused => {
                self.connection = None;
                return Some(Outcome::Failed(Failure::Refused));
            }
            Event::Reset => {
                self.connection = None;
                let text = "the connection was reset before an answer".to_owned();
                return Some(Outcome::Failed(Failure::Wrong(text)));
            }
        };
        let room = HEAD_MAX - self.answer.len();
        self.answer.extend_from_slice(&data[..data.len().min(room)]);
        let outcome = match self.judge(is_over) {
            Ok(None) => return None,
            Ok(Some(())) => Outcome::Passed(round_trip),
            Err(failure) => Outcome::Failed(failure),
        };
        if let Some(connection) = self.connection.take() {
            connection.reset(context);
        }
        Some(outcome)
    }

    fn flow(&self) -> Option<Flow> {
        self.connection.as_ref().map(Connection::flow)
    }

    fn so_far(&self) -> Option<&'static str> {
        if self.answer.is_empty() {
            self.connection.as_ref().and_then(Connection::so_far)
        } else {
            Some("the answer begins, but its status does not come")
        }
    }

    fn deadline(&self, probe: &Probe) -> Option<Instant> {
        self.connection.as_ref().and_then(|connection| connection.deadline(probe.interval))
    }

    fn expire(&mut self, context: &mut Context<'_>) -> Option<Outcome> {
        self.connection.as_mut()?.expire(context);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_found_as_soon_as_it_is_there_and_not_before() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\n";
        for len in 0..answer.len() {
            let expected = if len > 12 { Some(503) } else { None };
            assert_eq!(status(&answer[..len]), Ok(expected), "{len} bytes");
        }
        for (answer, expected) in [
            (&b"HTTP/1.0 200\n"[..], Some(200)),
            (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n", Some(204)),
            (b"HTTP/1.1 100 Continue\r\nX: y\r\n", None),
            (b"HTTP/1.1 100 Continue\r\n\r\n", None),
        ] {
            assert_eq!(status(answer), Ok(expected), "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn what_is_no_http_is_told_at_the_first_wrong_byte() {
        for answer in [&b"S"[..], b"HTTP/2", b"HTTP/1.1 20x ", b"HTTP/1.1 2000", b"HTTP/1.1\r\n", b"\r\n\r\n"]
        {
            assert!(status(answer).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }
}
