//! Where the agent's lines go: the system log, or standard error in the foreground.

use bng_platform::process::syslog::{Facility, Severity, Syslog};
use std::io::Write;
use std::time::Duration;

/// Longest time that the last lines may take to the system log.
const FAREWELL: Duration = Duration::from_secs(1);

/// The one who tells.
#[derive(Debug)]
pub(crate) enum Say {
    /// To syslog(3).
    Syslog(Syslog),
    /// To the terminal.
    Stderr,
    /// To nobody.
    #[cfg(test)]
    Quiet,
}

impl Say {
    pub(crate) fn syslog() -> std::io::Result<Self> {
        Syslog::open("bngagent", Facility::Daemon).map(Self::Syslog)
    }

    pub(crate) fn stderr() -> Self {
        Self::Stderr
    }

    #[cfg(test)]
    pub(crate) fn quiet() -> Self {
        Self::Quiet
    }

    pub(crate) fn error(&self, text: &str) {
        self.line(Severity::Error, text);
    }

    pub(crate) fn warning(&self, text: &str) {
        self.line(Severity::Warning, text);
    }

    pub(crate) fn notice(&self, text: &str) {
        self.line(Severity::Notice, text);
    }

    fn line(&self, severity: Severity, text: &str) {
        match self {
            Self::Syslog(syslog) => syslog.send(severity, text),
            Self::Stderr => drop(writeln!(std::io::stderr(), "bngagent: {text}")),
            #[cfg(test)]
            Self::Quiet => {}
        }
    }
}

impl Drop for Say {
    fn drop(&mut self) {
        if let Self::Syslog(syslog) = self {
            syslog.flush(FAREWELL);
        }
    }
}
