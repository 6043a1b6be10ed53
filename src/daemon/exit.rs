//! The exit statuses of `bng`, which scripts may rely on.
//!
//! `bng check` has its own meaning for two of them, that of compilers: 1 for warnings with `-W`, 2 for errors.

use std::process::ExitCode;

/// Exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; also `start` of an instance that runs already.
    Success = 0,
    /// The operation failed; `check -W`: there are warnings.
    Failed = 1,
    /// The command line or a control command is wrong; `check`: there are errors.
    Usage = 2,
    /// All that talk to the daemon: the instance does not run.
    NotRunning = 3,
    /// The process lacks a privilege.
    Privilege = 4,
    /// The configuration has errors.
    Configuration = 6,
    /// An interface cannot be opened, or its `init` failed.
    Interface = 7,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::NotRunning,
        Self::Privilege,
        Self::Configuration,
        Self::Interface,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status with this number; a number that we never use is a failure.
    pub fn from_code(code: Option<i32>) -> Self {
        Self::ALL.into_iter().find(|exit| Some(i32::from(exit.code())) == code).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why an operation ended early: a status for scripts and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Status, not success.
    pub exit: Exit,
    /// What, where, why, what to do; may have several lines.
    pub text: String,
}

impl Failure {
    /// A failure.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }
}

/// Anything that names no status of its own is "the operation failed".
impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::new(Exit::Failed, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_come_back() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 6, 7]);
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(Some(i32::from(exit.code()))), exit);
        }
        assert_eq!(Exit::from_code(None), Exit::Failed);
        assert_eq!(Exit::from_code(Some(101)), Exit::Failed);
    }
}
