//! Time as an argument: nothing in the pure half reads a clock.

use std::ops::{Add, AddAssign, Sub};
pub use std::time::Duration;

use bytemuck::Zeroable;

/// A point in time in microseconds since an arbitrary start, chosen by whoever drives the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The start.
    pub const ZERO: Self = Self(0);

    /// The instant `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// The instant `secs` seconds after the start.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000)
    }

    /// Microseconds since the start.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`, zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A point in time in tenths of a second, for tables of millions of records. It wraps around after 13.6 years; of two
/// ticks that are less than 6.8 years apart it is always known which was first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Zeroable)]
pub struct Tick(u32);

impl Tick {
    /// Microseconds of a tick.
    const MICROS: u64 = 100_000;

    /// The tick that `now` lies in.
    #[inline]
    pub const fn at(now: Instant) -> Self {
        Self((now.0 / Self::MICROS) as u32)
    }

    /// Ticks since `earlier`, 0 when `earlier` is later.
    #[inline]
    pub const fn since(self, earlier: Self) -> u32 {
        let difference = self.0.wrapping_sub(earlier.0) as i32;
        if difference < 0 { 0 } else { difference as u32 }
    }

    /// Number of the period of `length` ticks that this one lies in, periods counted from the start.
    #[inline]
    pub const fn period(self, length: u32) -> u32 {
        self.0 / length
    }

    /// The later of two.
    pub const fn max(self, other: Self) -> Self {
        if other.since(self) > 0 { other } else { self }
    }

    /// `d` in ticks, rounded up; at most 6.8 years.
    pub fn count(d: Duration) -> u32 {
        u32::try_from(d.as_micros().div_ceil(u128::from(Self::MICROS)))
            .unwrap_or(u32::MAX)
            .min(i32::MAX as u32)
    }

    /// The duration of `count` ticks.
    pub const fn span(count: u32) -> Duration {
        Duration::from_millis(count as u64 * (Self::MICROS / 1_000))
    }
}

/// The pace of work that goes round over a large table again and again, a slice at a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    at: Instant,
}

impl Pace {
    /// Most records that may be looked at now, of `total`: a round takes a second, or a microsecond for each record if
    /// that is longer, and a slice is never larger than `most`.
    pub fn due(&mut self, now: Instant, total: usize, most: usize) -> usize {
        let elapsed = now.since(self.at).as_micros() as u64;
        let due = elapsed.saturating_mul((total as u64).min(1_000_000)) / 1_000_000;
        // What has not added up to one record yet is kept for the next call.
        if due > 0 {
            self.at = now;
        }
        due.min(total as u64).min(most as u64) as usize
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_ordered_across_the_wrap() {
        let wrap = (u64::from(u32::MAX) + 1) * Tick::MICROS;
        let before = Tick::at(Instant::from_micros(wrap - 3 * Tick::MICROS));
        let after = Tick::at(Instant::from_micros(wrap + 2 * Tick::MICROS));
        assert_eq!((after.since(before), before.since(after)), (5, 0));
        assert_eq!((before.max(after), after.max(before)), (after, after));
    }

    #[test]
    fn durations_round_up_to_ticks() {
        assert_eq!(Tick::count(Duration::from_millis(1_001)), 11);
        assert_eq!(Tick::span(Tick::count(Duration::from_secs(2_592_000))), Duration::from_secs(2_592_000));
        assert_eq!(Tick::count(Duration::MAX), i32::MAX as u32);
    }

    #[test]
    fn a_round_takes_a_second_or_a_microsecond_for_each_record() {
        for (total, expected) in [(1_000, 1_000), (5_000_000, 1_000_000)] {
            let (mut pace, mut seen) = (Pace::default(), 0);
            for call in 1..=10_000 {
                seen += pace.due(Instant::from_micros(call * 100), total, 4_096);
            }
            assert!((expected * 9 / 10..=expected).contains(&seen), "{seen} of {total} in a second");
        }
        assert_eq!(Pace::default().due(Instant::from_secs(9), 5_000_000, 4_096), 4_096);
    }
}
