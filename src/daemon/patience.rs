//! How long a worker without frames goes on looking before it sleeps.
//!
//! Waking a sleeping thread costs some microseconds on real hardware and some ten on a virtual machine, as much as
//! everything else that happens to a frame together. Looking costs processor time, which is wasted when nothing
//! comes. So a worker looks for long only while frames come at gaps that looking can bridge: a client that waits for
//! each answer, a busy link. While it looks it yields the processor to whoever else wants it.

use crate::time::{Duration, Instant};

/// Longest look; frames at wider gaps find the worker asleep.
pub const LONGEST: Duration = Duration::from_micros(100);
/// Shortest look: longer than the gaps inside a burst.
pub const SHORTEST: Duration = Duration::from_micros(5);

/// Patience of one worker.
#[derive(Debug)]
pub struct Patience {
    last: Instant,
    window: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { last: Instant::ZERO, window: SHORTEST }
    }
}

impl Patience {
    /// Frames have come at `now`.
    pub fn frames(&mut self, now: Instant) {
        self.window = if now.since(self.last) <= LONGEST { LONGEST } else { SHORTEST };
        self.last = now;
    }

    /// Whether it is time to sleep at `now`.
    pub fn is_over(&self, now: Instant) -> bool {
        now.since(self.last) >= self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(gaps: &[u64]) -> (Patience, u64) {
        let (mut patience, mut at) = (Patience::default(), 1_000_000);
        for gap in gaps {
            at += gap;
            patience.frames(Instant::from_micros(at));
        }
        (patience, at)
    }

    #[test]
    fn frames_at_short_gaps_are_waited_for() {
        let (patience, at) = after(&[1_000, 100]);
        assert!(!patience.is_over(Instant::from_micros(at + 99)));
        assert!(patience.is_over(Instant::from_micros(at + 100)));
    }

    #[test]
    fn one_wide_gap_ends_the_patience() {
        let (patience, at) = after(&[1_000, 50, 50, 101]);
        assert!(!patience.is_over(Instant::from_micros(at + 4)));
        assert!(patience.is_over(Instant::from_micros(at + 5)));
    }
}
