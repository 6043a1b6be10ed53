//! The clock that all threads share.

use crate::time::Instant;

/// Monotonic time since the daemon started.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// The time now.
    #[inline]
    pub fn now(self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }
}
