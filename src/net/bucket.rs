//! A token bucket: so many a second, and a few at once after a pause.

use crate::time::Instant;

const TOKEN: u64 = 1_000_000;

/// Limits how often something happens.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    per_second: u64,
    /// Most tokens, in millionths.
    room: u64,
    /// Tokens there were at `filled`, in millionths.
    tokens: u64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket: `burst` at once, then `per_second`.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        let room = burst as u64 * TOKEN;
        Self { per_second: per_second as u64, room, tokens: room, filled: Instant::ZERO }
    }

    /// Takes a token. `false`: there is none at `now`.
    pub fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.micros().saturating_sub(self.filled.micros());
        // A token a second is one millionth of a token a microsecond.
        self.tokens = self.tokens.saturating_add(elapsed.saturating_mul(self.per_second)).min(self.room);
        self.filled = now.max(self.filled);
        let there = self.tokens >= TOKEN;
        if there {
            self.tokens -= TOKEN;
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_so_many_a_second() {
        let mut bucket = Bucket::new(10, 3);
        let taken =
            |bucket: &mut Bucket, ms| (0..9).filter(|_| bucket.take(Instant::from_millis(ms))).count();
        assert_eq!(taken(&mut bucket, 5), 3);
        assert_eq!(taken(&mut bucket, 104), 0);
        assert_eq!(taken(&mut bucket, 105), 1);
        assert_eq!(taken(&mut bucket, 100), 0, "time does not run backwards");
        assert_eq!(taken(&mut bucket, 305), 2);
        assert_eq!(taken(&mut bucket, 100_000), 3, "no more than the burst is saved up");
    }
}
