//! Waiting for a condition, never for a while.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time between two looks.
const STEP: Duration = Duration::from_millis(20);

/// Looks again and again until `look` returns something, and returns it with the time that took.
///
/// # Panics
/// After `limit`, saying that `what` did not come.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> (T, Duration) {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return (found, start.elapsed());
        }
        assert!(start.elapsed() < limit, "waited {:.1} s in vain for {what}", limit.as_secs_f32());
        sleep(STEP);
    }
}

/// As [`until`], for a condition that yields nothing; returns the time it took.
///
/// # Panics
/// After `limit`.
pub fn for_true(what: &str, limit: Duration, mut look: impl FnMut() -> bool) -> Duration {
    until(what, limit, || look().then_some(())).1
}

/// Watches for `span` that a condition stays true.
///
/// # Panics
/// As soon as it does not.
pub fn while_true(what: &str, span: Duration, mut look: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < span {
        assert!(look(), "after {:.1} s no longer true: {what}", start.elapsed().as_secs_f32());
        sleep(STEP);
    }
}
