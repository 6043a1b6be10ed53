//! Where log lines go: the last ones are kept for `show log`; all go to syslog, or to standard error in the
//! foreground. What is said at all when an object says too much, `throttle.rs` decides.
//!
//! Whoever has something to tell makes a [`Note`] of it and calls [`say`]. Libraries use the `log` crate, whose lines
//! end here too.

use super::clock::Clock;
use crate::conf::model;
use crate::note::{Note, Object, Severity};
use crate::throttle::Throttle;
use bng_platform::process::localtime::LocalTime;
use bng_platform::process::syslog::{self, Syslog};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Lines kept for `show log`.
const KEEP: usize = 1000;

/// Lines kept for `show startuplog`.
const KEEP_FIRST: usize = 100;

/// Longest time that the last lines of the process may take to syslog.
const FAREWELL: Duration = Duration::from_secs(1);

/// How the process was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// In the background: lines go to syslog, and warnings to the terminal too until the daemon is up.
    Detached,
    /// By a manager of services, which has a system log: lines go there, with their severity and facility.
    Managed,
    /// In the foreground: lines go to standard error.
    Foreground,
}

/// Where lines go besides the ring.
#[derive(Debug)]
enum Sink {
    Syslog(Syslog),
    Stderr,
}

/// The logger of this process.
#[derive(Debug)]
struct Journal {
    sink: Sink,
    /// Lines less urgent than this are not said.
    least: Severity,
    clock: Clock,
    /// Taken before `recent`, and held until a line is written everywhere: all see the same order.
    throttle: Mutex<Throttle>,
    recent: Mutex<VecDeque<String>>,
    /// The first lines, which are never forgotten.
    first: Mutex<Vec<String>>,
    /// Until the daemon is up, somebody waits at the terminal and wants to read warnings there.
    starting: AtomicBool,
}

static JOURNAL: OnceLock<Journal> = OnceLock::new();

/// Starts logging; `debug` adds debug lines. Only the first call counts.
pub fn start(run: Run, debug: bool) {
    let journal = JOURNAL.get_or_init(|| Journal {
        sink: if run == Run::Foreground { Sink::Stderr } else { system_log() },
        least: if debug { Severity::Debug } else { Severity::Info },
        clock: Clock::start(),
        throttle: Mutex::default(),
        recent: Mutex::default(),
        first: Mutex::default(),
        starting: AtomicBool::new(run == Run::Detached),
    });
    if log::set_logger(journal).is_ok() {
        log::set_max_level(if debug { LevelFilter::Debug } else { LevelFilter::Info });
        // Not by way of the throttle: whoever panics may be in there.
        std::panic::set_hook(Box::new(|info| {
            journal.write(&Note::error(Object::Program, format!("internal error, please report: {info}")));
        }));
    }
}

fn system_log() -> Sink {
    Syslog::open("bng", syslog::Facility::Daemon).map_or_else(
        |e| {
            super::complain(&format!("no logging to syslog: {e}"));
            Sink::Stderr
        },
        Sink::Syslog,
    )
}

/// Logs one line, unless its object says too much.
pub fn say(note: Note) {
    if let Some(journal) = JOURNAL.get().filter(|journal| note.severity <= journal.least) {
        let now = journal.clock.now();
        let mut throttle = lock(&journal.throttle);
        throttle.admit(now, note).iter().for_each(|note| journal.write(note));
    }
}

/// Sums up what was held back for long enough; to be called about once a second.
pub fn expire() {
    if let Some(journal) = JOURNAL.get() {
        let now = journal.clock.now();
        let mut throttle = lock(&journal.throttle);
        throttle.expire(now).iter().for_each(|note| journal.write(note));
    }
}

/// Sums up what was held back and sees the last lines off: the process ends.
pub fn finish() {
    if let Some(journal) = JOURNAL.get() {
        let mut throttle = lock(&journal.throttle);
        throttle.finish().iter().for_each(|note| journal.write(note));
        if let Sink::Syslog(syslog) = &journal.sink {
            syslog.flush(FAREWELL);
        }
    }
}

/// `set syslogfacility`
pub fn set_facility(facility: model::Facility) {
    if let Some(Journal { sink: Sink::Syslog(syslog), .. }) = JOURNAL.get() {
        syslog.set_facility(match facility {
            model::Facility::Daemon => syslog::Facility::Daemon,
            model::Facility::User => syslog::Facility::User,
            model::Facility::Local(n) => syslog::Facility::Local(n),
        });
    }
}

/// The daemon is up: nothing more goes to the terminal of whoever started it.
pub fn started() {
    if let Some(journal) = JOURNAL.get() {
        journal.starting.store(false, Ordering::Relaxed);
    }
}

/// The last lines, oldest first.
pub fn recent() -> String {
    JOURNAL
        .get()
        .map(|journal| lock(&journal.recent).iter().map(String::as_str).collect())
        .unwrap_or_default()
}

/// The first lines of this process.
pub fn first() -> String {
    JOURNAL.get().map(|journal| lock(&journal.first).concat()).unwrap_or_default()
}

/// Forgets the last lines.
pub fn clear() {
    if let Some(journal) = JOURNAL.get() {
        lock(&journal.recent).clear();
    }
}

/// A thread that has panicked has left lines, not nonsense.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// Writes one line everywhere.
    fn write(&self, note: &Note) {
        let word = note.severity.word();
        // `2026-11-23 06:54:37 warning: interface 1 (eth0): link down`
        let line = format!("{} {word}: {note}\n", LocalTime::now().stamp());
        // Nobody can be told when standard error is gone.
        match &self.sink {
            Sink::Stderr => drop(std::io::stderr().write_all(line.as_bytes())),
            Sink::Syslog(syslog) => {
                syslog.send(urgency(note.severity), &note.to_string());
                if note.severity <= Severity::Warning && self.starting.load(Ordering::Relaxed) {
                    let _ = writeln!(std::io::stderr(), "BalanceNG: {word}: {note}");
                }
            }
        }
        let mut first = lock(&self.first);
        if first.len() < KEEP_FIRST {
            first.push(line.clone());
        }
        drop(first);
        remember(&mut lock(&self.recent), line);
    }
}

const fn urgency(severity: Severity) -> syslog::Severity {
    match severity {
        Severity::Error => syslog::Severity::Error,
        Severity::Warning => syslog::Severity::Warning,
        Severity::Notice => syslog::Severity::Notice,
        Severity::Info => syslog::Severity::Info,
        Severity::Debug => syslog::Severity::Debug,
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let severity = match record.level() {
            Level::Error => Severity::Error,
            Level::Warn => Severity::Warning,
            Level::Info => Severity::Info,
            Level::Debug | Level::Trace => Severity::Debug,
        };
        if self.enabled(record.metadata()) {
            say(Note::new(severity, Object::Program, record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

fn remember(lines: &mut VecDeque<String>, line: String) {
    if lines.len() == KEEP {
        lines.pop_front();
    }
    lines.push_back(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_line_makes_room() {
        let mut lines = VecDeque::new();
        for n in 0..=KEEP {
            remember(&mut lines, format!("{n}\n"));
        }
        assert_eq!(lines.len(), KEEP);
        assert_eq!(lines.front().unwrap(), "1\n");
    }
}
