//! Where log lines go: the last ones are kept for `show log`; all go to syslog, or to standard error in the
//! foreground. Other code only uses the macros of the `log` crate.

use bng_platform::process::localtime::LocalTime;
use bng_platform::process::syslog::{self, Severity};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Lines kept for `show log`.
const KEEP: usize = 1000;

/// Lines kept for `show startuplog`.
const KEEP_FIRST: usize = 100;

/// Longest line kept, in bytes; longer ones are cut.
const LINE_MAX: usize = 1024;

/// Where lines go besides the ring.
#[derive(Debug)]
enum Sink {
    Syslog,
    Stderr(env_logger::Logger),
}

/// The logger of this process.
#[derive(Debug)]
struct Journal {
    sink: Sink,
    recent: Mutex<VecDeque<String>>,
    /// The first lines, which are never forgotten.
    first: Mutex<Vec<String>>,
    /// Until the daemon is up, somebody waits at the terminal and wants to read warnings there.
    starting: AtomicBool,
}

static JOURNAL: OnceLock<Journal> = OnceLock::new();

/// Starts logging; `foreground` chooses standard error, `debug` adds debug lines. Only the first call counts.
pub fn start(foreground: bool, debug: bool) {
    let level = if debug { LevelFilter::Debug } else { LevelFilter::Info };
    let journal = JOURNAL.get_or_init(|| Journal {
        sink: if foreground { Sink::Stderr(foreground_logger(level)) } else { Sink::Syslog },
        recent: Mutex::new(VecDeque::new()),
        first: Mutex::new(Vec::new()),
        starting: AtomicBool::new(!foreground),
    });
    if matches!(journal.sink, Sink::Syslog) {
        syslog::open("bng");
    }
    if log::set_logger(journal).is_ok() {
        log::set_max_level(level);
        std::panic::set_hook(Box::new(|info| log::error!("internal error, please report: {info}")));
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
    let Some(journal) = JOURNAL.get() else { return String::new() };
    let lines = journal.recent.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(String::as_str).collect()
}

/// The first lines of this process.
pub fn first() -> String {
    let Some(journal) = JOURNAL.get() else { return String::new() };
    journal.first.lock().unwrap_or_else(PoisonError::into_inner).concat()
}

/// Forgets the last lines.
pub fn clear() {
    if let Some(journal) = JOURNAL.get() {
        journal.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn foreground_logger(level: LevelFilter) -> env_logger::Logger {
    env_logger::Builder::new()
        .filter_level(level)
        .format(|out, record| out.write_all(line(record).as_bytes()))
        .target(env_logger::Target::Stderr)
        .build()
}

/// `2026-11-23 06:54:37 warning: text`
fn line(record: &Record<'_>) -> String {
    format!("{} {}: {}\n", LocalTime::now().stamp(), word(record.level()), record.args())
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match &self.sink {
            Sink::Stderr(logger) => logger.log(record),
            Sink::Syslog => {
                let severity = match record.level() {
                    Level::Error => Severity::Error,
                    Level::Warn => Severity::Warning,
                    Level::Info => Severity::Info,
                    Level::Debug | Level::Trace => Severity::Debug,
                };
                syslog::send(severity, &record.args().to_string());
                if record.level() <= Level::Warn && self.starting.load(Ordering::Relaxed) {
                    // Nobody can be told when standard error is gone.
                    let _ =
                        writeln!(std::io::stderr(), "BalanceNG: {}: {}", word(record.level()), record.args());
                }
            }
        }
        let line = cut(line(record));
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.len() < KEEP_FIRST {
            first.push(line.clone());
        }
        drop(first);
        remember(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner), line);
    }

    fn flush(&self) {}
}

/// At most [`LINE_MAX`] bytes of a line, and its end.
fn cut(mut line: String) -> String {
    if line.len() > LINE_MAX {
        line.truncate((0..=LINE_MAX).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0));
        line.push('\n');
    }
    line
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

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(cut("\u{fc}".repeat(LINE_MAX)).len(), LINE_MAX + 1);
        assert_eq!(cut(format!("x{}", "\u{fc}".repeat(LINE_MAX))).len(), LINE_MAX);
        assert_eq!(cut("short\n".to_owned()), "short\n");
    }
}
