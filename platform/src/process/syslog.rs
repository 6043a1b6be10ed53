//! syslog(3).

use std::ffi::CString;
use std::sync::OnceLock;

/// How urgent a message is (RFC 5424, section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error,
    /// Something may fail.
    Warning,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
}

/// The name in front of every message; the C library keeps the pointer, so it lives for ever.
static IDENT: OnceLock<CString> = OnceLock::new();

/// Names the sender of all messages and opens the facility `daemon`. Only the first call counts.
pub fn open(ident: &str) {
    let mut first = false;
    let ident = IDENT.get_or_init(|| {
        first = true;
        text(ident)
    });
    if first {
        // SAFETY: the string is terminated and lives in a static that is never changed again.
        unsafe { libc::openlog(ident.as_ptr(), libc::LOG_PID | libc::LOG_NDELAY, libc::LOG_DAEMON) };
    }
}

/// Sends one message. Errors are the C library's affair: there is nobody left to tell.
pub fn send(severity: Severity, message: &str) {
    let priority = match severity {
        Severity::Error => libc::LOG_ERR,
        Severity::Warning => libc::LOG_WARNING,
        Severity::Info => libc::LOG_INFO,
        Severity::Debug => libc::LOG_DEBUG,
    };
    let message = text(message);
    // SAFETY: the format takes exactly one string, and both strings are terminated and outlive the call.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), message.as_ptr()) };
}

/// `s` up to its first zero byte.
fn text(s: &str) -> CString {
    CString::new(s.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_and_zero_bytes_are_harmless() {
        open("bng-test");
        send(Severity::Debug, "100%s %n\0rest");
        assert_eq!(text("a\0b").as_bytes(), b"a");
    }
}
