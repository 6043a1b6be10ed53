//! The bytes on the control socket.
//!
//! ```text
//! message = length (4 bytes, big endian) text (UTF-8, that many bytes)
//! request = the command line as the operator typed it
//! reply   = "ok" or "error", newline, body; "error N" when the status is another than 1
//! ```
//!
//! Text in both directions, so that a shell script and `socat` can talk to the daemon.

/// Longest request in bytes, length prefix not counted.
pub const REQUEST_MAX: usize = 64 * 1024;
/// Longest reply that a client accepts: a listing of some hundred thousand sessions.
pub const REPLY_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the length prefix.
pub const PREFIX: usize = 4;

/// Why received bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// The prefix announces more than the limit.
    TooLong {
        /// What it announces, in bytes.
        announced: usize,
        /// The limit.
        limit: usize,
    },
    /// The text is not UTF-8.
    NotText,
    /// The reply starts with neither `ok` nor `error`, or with a status that is none.
    NoStatus,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong { announced, limit } => {
                write!(f, "message of {announced} bytes announced, at most {limit} are allowed")
            }
            Self::NotText => write!(f, "message is not UTF-8 text"),
            Self::NoStatus => write!(f, "reply starts with neither 'ok' nor 'error'"),
        }
    }
}

impl std::error::Error for Invalid {}

/// What a command gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was done; the text to print, possibly none.
    Ok(String),
    /// It was refused or failed.
    Error {
        /// For the exit status of a script, see bng(8); not 0.
        status: u8,
        /// The reason.
        text: String,
    },
}

impl Reply {
    /// It failed, and no particular status says how.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Error { status: 1, text: text.into() }
    }

    /// The text of either outcome.
    pub fn body(&self) -> &str {
        match self {
            Self::Ok(body) | Self::Error { text: body, .. } => body,
        }
    }

    /// As text after the length prefix.
    pub fn to_text(&self) -> String {
        match self {
            Self::Ok(body) => format!("ok\n{body}"),
            Self::Error { status: 1, text } => format!("error\n{text}"),
            Self::Error { status, text } => format!("error {status}\n{text}"),
        }
    }

    /// From text after the length prefix.
    ///
    /// # Errors
    /// [`Invalid::NoStatus`]
    pub fn from_text(text: &str) -> Result<Self, Invalid> {
        match text.split_once('\n') {
            Some(("ok", body)) => Ok(Self::Ok(body.to_owned())),
            Some(("error", body)) => Ok(Self::failed(body)),
            Some((head, body)) => {
                let digits = head.strip_prefix("error ").filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
                let status = digits.and_then(|digits| digits.parse().ok()).filter(|status| *status > 0);
                let status = status.ok_or(Invalid::NoStatus)?;
                Ok(Self::Error { status, text: body.to_owned() })
            }
            None => Err(Invalid::NoStatus),
        }
    }
}

/// `text` as a message. Text beyond 4 GiB, which nothing produces, is cut to an empty message.
pub fn encode(text: &str) -> Vec<u8> {
    let (length, text) = u32::try_from(text.len()).map_or((0, ""), |length| (length, text));
    let mut message = Vec::with_capacity(PREFIX + text.len());
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(text.as_bytes());
    message
}

/// Takes the first message off `bytes`, which must be shorter than `limit` behind its prefix: the text and the number
/// of bytes it occupied, or `None` while bytes are missing.
///
/// # Errors
/// [`Invalid::TooLong`] as soon as the prefix is there, [`Invalid::NotText`] when the text is. The stream cannot be
/// used any further after either.
pub fn decode(bytes: &[u8], limit: usize) -> Result<Option<(&str, usize)>, Invalid> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    // A length that does not fit the machine's words is too long as well.
    let announced = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Invalid::TooLong { announced, limit });
    }
    let Some(text) = rest.get(..announced) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(text).map_err(|_| Invalid::NotText)?;
    Ok(Some((text, PREFIX + announced)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_message_on_the_wire_is_length_and_text() {
        assert_eq!(encode("show vrrp"), b"\0\0\0\x09show vrrp");
        assert_eq!(encode(""), [0; 4]);
    }

    #[test]
    fn a_truncated_message_waits_at_every_length() {
        let message = encode("show sessions \u{fc}");
        for cut in 0..message.len() {
            assert_eq!(decode(&message[..cut], REQUEST_MAX), Ok(None), "cut at {cut}");
        }
        assert_eq!(decode(&message, REQUEST_MAX), Ok(Some(("show sessions \u{fc}", message.len()))));
    }

    #[test]
    fn only_the_first_message_is_taken() {
        let mut bytes = encode("one");
        bytes.extend(encode("two"));
        assert_eq!(decode(&bytes, REQUEST_MAX), Ok(Some(("one", 7))));
        assert_eq!(decode(&bytes[7..], REQUEST_MAX), Ok(Some(("two", 7))));
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert_eq!(decode(&encode("12345"), 5), Ok(Some(("12345", 9))));
        assert_eq!(decode(&encode("123456"), 5), Err(Invalid::TooLong { announced: 6, limit: 5 }));
        // Refused before the text arrives: nobody collects what he will not accept.
        assert!(matches!(decode(&[0xff; 4], REQUEST_MAX), Err(Invalid::TooLong { .. })));
    }

    #[test]
    fn text_must_be_text() {
        assert_eq!(decode(b"\0\0\0\x02\xff\xfe", REQUEST_MAX), Err(Invalid::NotText));
    }

    #[test]
    fn replies_come_back_as_they_were() {
        let refused = Reply::Error { status: 6, text: "why".into() };
        for reply in [Reply::Ok(String::new()), Reply::Ok("a\nb\n".into()), Reply::failed("no"), refused] {
            assert_eq!(Reply::from_text(&reply.to_text()), Ok(reply));
        }
        for garbage in
            ["", "ok", "okay\n", "\n", "OK\n", "error 0\n", "error 256\n", "error +2\n", "error \n"]
        {
            assert_eq!(Reply::from_text(garbage), Err(Invalid::NoStatus), "{garbage:?}");
        }
    }

    #[test]
    fn garbage_never_panics() {
        let mut seed = Seed::new(1);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..seed.below(40)).map(|_| seed.next_u64() as u8).collect();
            if let Ok(Some((text, used))) = decode(&bytes, 32) {
                assert!(used <= bytes.len());
                let _ = Reply::from_text(text);
            }
        }
    }
}
