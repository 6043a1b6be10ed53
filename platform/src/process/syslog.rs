//! syslog(3), by a thread of its own: a system log that takes nothing blocks whoever talks to it, and nobody in a
//! balancer may be blocked by that.

use std::ffi::{CString, c_int};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

/// Messages that wait for the system log; more are given up and counted.
const QUEUE: usize = 1024;

/// How urgent a message is (RFC 5424, section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error,
    /// Something may fail.
    Warning,
    /// Something normal has happened that matters.
    Notice,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
}

impl Severity {
    const fn code(self) -> c_int {
        match self {
            Self::Error => libc::LOG_ERR,
            Self::Warning => libc::LOG_WARNING,
            Self::Notice => libc::LOG_NOTICE,
            Self::Info => libc::LOG_INFO,
            Self::Debug => libc::LOG_DEBUG,
        }
    }
}

/// What kind of program a message comes from (RFC 5424, section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facility {
    /// System daemons.
    Daemon,
    /// Programs of users.
    User,
    /// Local use, 0 to 7; larger numbers count as 7.
    Local(u8),
}

impl Facility {
    const fn code(self) -> c_int {
        const LOCAL: [c_int; 8] = [
            libc::LOG_LOCAL0,
            libc::LOG_LOCAL1,
            libc::LOG_LOCAL2,
            libc::LOG_LOCAL3,
            libc::LOG_LOCAL4,
            libc::LOG_LOCAL5,
            libc::LOG_LOCAL6,
            libc::LOG_LOCAL7,
        ];
        match self {
            Self::Daemon => libc::LOG_DAEMON,
            Self::User => libc::LOG_USER,
            Self::Local(n) if n < 7 => LOCAL[n as usize],
            Self::Local(_) => LOCAL[7],
        }
    }
}

/// The name in front of every message; the C library keeps the pointer, so it lives for ever.
static IDENT: OnceLock<CString> = OnceLock::new();

enum Letter {
    Message(c_int, CString),
    /// Everything before it has been sent: say so.
    Flush(SyncSender<()>),
}

/// The way to the system log.
#[derive(Debug)]
pub struct Syslog {
    letters: SyncSender<Letter>,
    facility: AtomicI32,
    lost: AtomicU64,
}

impl Syslog {
    /// Starts the thread. `ident` names the sender of all messages; only that of the first call counts.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub fn open(ident: &str, facility: Facility) -> io::Result<Self> {
        let mut first = false;
        let ident = IDENT.get_or_init(|| {
            first = true;
            text(ident)
        });
        if first {
            // SAFETY: the string is terminated and lives in a static that is never changed again.
            unsafe { libc::openlog(ident.as_ptr(), libc::LOG_PID | libc::LOG_NDELAY, libc::LOG_DAEMON) };
        }
        Self::with(facility, write)
    }

    /// As [`Syslog::open`], but `write` gets priority and text of every message.
    fn with(facility: Facility, write: impl FnMut(c_int, &CString) + Send + 'static) -> io::Result<Self> {
        let (letters, receiver) = mpsc::sync_channel(QUEUE);
        std::thread::Builder::new().name("syslog".into()).spawn(move || deliver(&receiver, write))?;
        Ok(Self { letters, facility: AtomicI32::new(facility.code()), lost: AtomicU64::new(0) })
    }

    /// The facility of all messages from now on.
    pub fn set_facility(&self, facility: Facility) {
        self.facility.store(facility.code(), Ordering::Relaxed);
    }

    /// Sends one message, without waiting. Text behind a zero byte is not sent. Messages that the system log does not
    /// take fast enough are given up; the next one that it takes is preceded by their number.
    pub fn send(&self, severity: Severity, message: &str) {
        let facility = self.facility.load(Ordering::Relaxed);
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            let told = text(&format!("{lost} lines were lost, the system log did not take them in time"));
            if self.letters.try_send(Letter::Message(facility | libc::LOG_WARNING, told)).is_ok() {
                self.lost.fetch_sub(lost, Ordering::Relaxed);
            }
        }
        let letter = Letter::Message(facility | severity.code(), text(message));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.letters.try_send(letter) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is sent, but no longer than `limit`. `false`: that was not long enough.
    pub fn flush(&self, limit: Duration) -> bool {
        let (done, all_sent) = mpsc::sync_channel(1);
        self.letters.try_send(Letter::Flush(done)).is_ok() && all_sent.recv_timeout(limit).is_ok()
    }
}

fn deliver(letters: &Receiver<Letter>, mut write: impl FnMut(c_int, &CString)) {
    for letter in letters {
        match letter {
            Letter::Message(priority, text) => write(priority, &text),
            // Whoever asked may have gone on without an answer.
            Letter::Flush(done) => drop(done.try_send(())),
        }
    }
}

/// Errors are the C library's affair: there is nobody left to tell.
fn write(priority: c_int, text: &CString) {
    // SAFETY: the format takes exactly one string, and both strings are terminated and outlive the call.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
}

/// `s` up to its first zero byte.
fn text(s: &str) -> CString {
    CString::new(s.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn percent_signs_and_zero_bytes_are_harmless() {
        let syslog = Syslog::open("bng-test", Facility::User).unwrap();
        syslog.send(Severity::Debug, "100%s %n\0rest");
        assert!(syslog.flush(LIMIT));
        assert_eq!(text("a\0b").as_bytes(), b"a");
    }

    #[test]
    fn facility_and_severity_are_those_of_the_moment() {
        let got = Arc::new(Mutex::new(Vec::new()));
        let sink = got.clone();
        let syslog =
            Syslog::with(Facility::Daemon, move |priority, _| sink.lock().unwrap().push(priority)).unwrap();
        syslog.send(Severity::Error, "");
        syslog.set_facility(Facility::Local(3));
        syslog.send(Severity::Notice, "");
        assert!(syslog.flush(LIMIT));
        // RFC 5424: facility times eight plus severity.
        assert_eq!(*got.lock().unwrap(), [3 * 8 + 3, (16 + 3) * 8 + 5]);
        assert_eq!(Facility::Local(200).code(), Facility::Local(7).code());
    }

    #[test]
    fn a_system_log_that_takes_nothing_blocks_nobody_and_the_loss_is_told() {
        let got = Arc::new(Mutex::new(Vec::new()));
        let sink = got.clone();
        let (free, gate) = mpsc::sync_channel::<()>(0);
        let syslog = Syslog::with(Facility::Daemon, move |_, text| {
            let _ = gate.recv();
            sink.lock().unwrap().push(text.to_str().unwrap().to_owned());
        })
        .unwrap();
        for n in 0..2 * QUEUE {
            syslog.send(Severity::Info, &n.to_string());
        }
        assert!(!syslog.flush(Duration::from_millis(10)));
        drop(free);
        // Room comes when the thread gets on.
        let end = std::time::Instant::now() + LIMIT;
        while !got.lock().unwrap().iter().any(|text: &String| text == "last") {
            assert!(std::time::Instant::now() < end, "the queue did not drain");
            std::thread::sleep(Duration::from_millis(5));
            syslog.send(Severity::Info, "last");
        }
        let got = got.lock().unwrap();
        assert!(got.iter().any(|text| text.ends_with("the system log did not take them in time")), "{got:?}");
        assert_eq!(got[0], "0");
    }
}
