//! Health checks that need more than times: what is asked, and which answer is good.

use super::{Interpreter, Subject};
use crate::conf::argument::Value;
use crate::conf::model::{Dns, Http, Ports, Udp};

/// Longest label of a name (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;

impl<'a> Interpreter<'a, '_> {
    pub(super) fn http(&mut self, subject: Subject<'a>) -> Option<Http> {
        let Some((port, probe)) = subject.port_probe("http") else {
            self.goes_unused(subject, "http", &["httppath", "httphost", "httpstatus"]);
            return None;
        };
        let path = self.text(Some(subject), "httppath").unwrap_or_else(|| "/".to_owned());
        let host = self.text(Some(subject), "httphost");
        let name = subject.name();
        let is_odd = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
        if !path.starts_with('/') || is_odd(&path) {
            let message = format!("the httppath of {name} must begin with a slash and have no blanks in it");
            self.problem(subject, "httppath", message, Some("other characters are written as in a URL: %20"));
        }
        if host.as_deref().is_some_and(is_odd) {
            let message = format!("the httphost of {name} cannot be a host name");
            self.problem(subject, "httphost", message, None);
        }
        let status = match subject.value("httpstatus") {
            Some(Value::Ports(list)) => Ports::new(list),
            _ => Ports::new(&(200..=399).collect::<Vec<u16>>()),
        };
        Some(Http { port, probe, path, host, status })
    }

    pub(super) fn udp(&mut self, subject: Subject<'a>) -> Option<Udp> {
        let Some((port, probe)) = subject.port_probe("udp") else {
            self.goes_unused(subject, "udp", &["udpsend", "udpexpect"]);
            return None;
        };
        let (send, expect) = (self.bytes(subject, "udpsend"), self.bytes(subject, "udpexpect"));
        Some(Udp { port, probe, send, expect })
    }

    pub(super) fn dns(&mut self, subject: Subject<'a>) -> Option<Dns> {
        let Some((port, probe)) = subject.port_probe("dns") else {
            self.goes_unused(subject, "dns", &["dnsname", "dnstype", "dnsanswer"]);
            return None;
        };
        let name = self.text(Some(subject), "dnsname").unwrap_or_default();
        let labels = || name.strip_suffix('.').unwrap_or(&name).split('.');
        let is_label = |label: &str| {
            (1..=LABEL_MAX).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if name.is_empty() {
            let message = format!("{} has a check by dns, but no dnsname to ask for", subject.name());
            self.problem(subject, "dns", message, Some("for example: dnsname www.example.org"));
        } else if name != "." && !labels().all(is_label) {
            let message = format!("the dnsname of {} is no name of the DNS", subject.name());
            self.problem(subject, "dnsname", message, None);
        }
        let kind = match subject.word("dnstype") {
            Some("ns") => 2,
            Some("soa") => 6,
            Some("mx") => 15,
            Some("txt") => 16,
            Some("aaaa") => 28,
            Some("srv") => 33,
            _ => 1,
        };
        let rcode = match subject.word("dnsanswer") {
            Some("any") => None,
            Some("nxdomain") => Some(3),
            _ => Some(0),
        };
        Some(Dns { port, probe, name, kind, rcode })
    }

    fn bytes(&mut self, subject: Subject<'a>, keyword: &str) -> Vec<u8> {
        let text = self.text(Some(subject), keyword).unwrap_or_default();
        unescape(&text).unwrap_or_else(|bad| {
            let message =
                format!("the {keyword} of {} has '{bad}' in it, which means nothing", subject.name());
            let help = "'\\xHH' is the byte with the hexadecimal number HH; a backslash itself is '\\x5c'";
            self.problem(subject, keyword, message, Some(help));
            Vec::new()
        })
    }

    /// Warns of statements that only count together with `check`.
    fn goes_unused(&mut self, subject: Subject<'a>, check: &str, keywords: &[&str]) {
        for keyword in keywords {
            if subject.value(keyword).is_some() {
                let message = format!("{} has {keyword}, but no check by {check}", subject.name());
                self.warn(subject, keyword, message, None);
            }
        }
    }
}

/// The bytes that `text` stands for; else the sequence in it that stands for nothing.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let (byte, len) = match escape.chars().next() {
            Some('n') => (b'\n', 1),
            Some('r') => (b'\r', 1),
            Some('t') => (b'\t', 1),
            Some('0') => (0, 1),
            Some('x') if escape.get(1..3).is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) => {
                (u8::from_str_radix(&escape[1..3], 16).unwrap_or_default(), 3)
            }
            _ => return Err(rest[at..].chars().take(2).collect()),
        };
        bytes.push(byte);
        rest = &escape[len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes_and_nonsense_is_named() {
        assert_eq!(unescape(r"a\x00\r\n\t\0\x5cz").unwrap(), b"a\0\r\n\t\0\\z");
        assert_eq!(unescape("").unwrap(), b"");
        assert_eq!(unescape("Grüße").unwrap(), "Grüße".as_bytes());
        for (text, bad) in
            [(r"\q", r"\q"), (r"a\", r"\"), (r"\x1", r"\x"), (r"\xgg", r"\x"), (r"\x1ü", r"\x")]
        {
            assert_eq!(unescape(text), Err(bad.to_owned()));
        }
    }
}
