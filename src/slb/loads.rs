//! How much every target has to do: sessions, traffic and what its agent says.
//!
//! ```text
//!   workers: counters of their own ---(control thread, [INTERVAL])---> Loads ---> methods, `show targets`
//!   agents:  answers ----------------(control thread)----------------> Loads
//! ```
//!
//! One thread writes, any thread reads. A worker adds what it has done itself since the last sum, so that a burst of new
//! sessions does not all go to the target that was the least loaded before it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::stat::{MAX_SERVERS, MAX_TARGETS, WorkerStats};
use crate::time::{Duration, Instant};

/// Time between two sums while somebody looks at them.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// The same while nobody does.
const IDLE: Duration = Duration::from_secs(1);
/// Traffic is the mean of so many intervals: three seconds while somebody looks at it.
const SAMPLES: usize = 30;
/// What stands for a load that is not known.
const UNKNOWN: u64 = u64::MAX;

/// What one target has to do.
#[derive(Debug)]
struct Load {
    /// Sessions in the tables of all workers.
    sessions: AtomicU64,
    /// Bytes per second, both directions.
    rate: AtomicU64,
    /// In hundredths, or [`UNKNOWN`].
    agent: AtomicU64,
    /// Sessions when the agent said so.
    agent_sessions: AtomicU64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            sessions: AtomicU64::new(0),
            rate: AtomicU64::new(0),
            agent: AtomicU64::new(UNKNOWN),
            agent_sessions: AtomicU64::new(0),
        }
    }
}

/// What every target has to do. Shared by all threads; written by the control thread alone.
#[derive(Debug)]
pub struct Loads(Box<[Load]>);

impl Default for Loads {
    fn default() -> Self {
        Self((0..=MAX_TARGETS).map(|_| Load::default()).collect())
    }
}

impl Loads {
    fn of(&self, target: u16) -> &Load {
        self.0.get(usize::from(target)).unwrap_or(&self.0[0])
    }

    /// Sessions of `target` in the tables of all workers, when they were last summed up.
    #[inline]
    pub fn sessions(&self, target: u16) -> u64 {
        self.of(target).sessions.load(Ordering::Relaxed)
    }

    /// Bytes per second to and from `target`, the mean of the last three seconds.
    #[inline]
    pub fn rate(&self, target: u16) -> u64 {
        self.of(target).rate.load(Ordering::Relaxed)
    }

    /// What the agent of `target` says, in hundredths, `ascale` and `aoffset` included; `None` when it is not known.
    #[inline]
    pub fn agent(&self, target: u16) -> Option<u32> {
        u32::try_from(self.of(target).agent.load(Ordering::Relaxed)).ok()
    }

    /// Sessions of `target` when its agent was last heard.
    #[inline]
    pub fn agent_sessions(&self, target: u16) -> u64 {
        self.of(target).agent_sessions.load(Ordering::Relaxed)
    }

    /// Takes note of what the agent of `target` says: its load in hundredths, `ascale` and `aoffset` included; `None`
    /// when it is not known any more.
    pub fn set_agent(&self, target: u16, load: Option<u32>) {
        let of = self.of(target);
        of.agent_sessions.store(of.sessions.load(Ordering::Relaxed), Ordering::Relaxed);
        of.agent.store(load.map_or(UNKNOWN, u64::from), Ordering::Relaxed);
    }
}

/// Sums up what the workers count, again and again. It belongs to the control thread.
#[derive(Debug, Default)]
pub struct Meter {
    /// When samples were taken, the oldest first.
    times: Vec<Instant>,
    /// Bytes of every target at these times.
    bytes: Vec<Box<[u64]>>,
}

impl Meter {
    /// When to sum up next; at once if it was never done. `measured` says that somebody looks at the sums.
    pub fn deadline(&self, measured: bool) -> Instant {
        let interval = if measured { INTERVAL } else { IDLE };
        self.times.last().map_or(Instant::ZERO, |last| *last + interval)
    }

    /// Sums up the sessions and the traffic of all `workers` into `loads`, and tells each worker what the others have.
    /// To be called about every [`INTERVAL`]; traffic is the mean of the last 30 calls.
    pub fn sum(&mut self, now: Instant, loads: &Loads, workers: &[&WorkerStats]) {
        let count = usize::from(MAX_TARGETS) + 1;
        let full = self.times.len() > SAMPLES;
        let mut bytes = if full { self.bytes.remove(0) } else { vec![0; count].into() };
        if full {
            self.times.remove(0);
        }
        let oldest = self.times.first().copied();
        for target in 1..=MAX_TARGETS {
            let at = usize::from(target);
            let own = |stats: &&WorkerStats| stats.target(target).sessions.get();
            let sessions: u64 = workers.iter().map(own).sum();
            for stats in workers {
                stats.target(target).elsewhere.set(sessions - own(stats).min(sessions));
            }
            let traffic = |stats: &&WorkerStats| {
                let traffic = stats.target(target);
                traffic.bytes.get().wrapping_add(traffic.reply_bytes.get())
            };
            bytes[at] = workers.iter().map(traffic).fold(0, u64::wrapping_add);
            let rate = oldest.map_or(0, |oldest| {
                let micros = now.since(oldest).as_micros().max(1);
                // Counters that were set to zero, or a worker that has ended, make it less than before.
                let more = bytes[at].saturating_sub(self.bytes[0][at]);
                u64::try_from(u128::from(more) * 1_000_000 / micros).unwrap_or(u64::MAX)
            });
            loads.of(target).sessions.store(sessions, Ordering::Relaxed);
            loads.of(target).rate.store(rate, Ordering::Relaxed);
        }
        self.times.push(now);
        self.bytes.push(bytes);
    }
}

// Numbers of servers and targets must fit what counts them.
const _: () = assert!(MAX_SERVERS < u16::MAX && MAX_TARGETS < u16::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_known_from_when_the_agent_speaks_until_it_does_not() {
        let loads = Loads::default();
        assert_eq!(loads.agent(7), None);
        loads.set_agent(7, Some(150));
        assert_eq!((loads.agent(7), loads.agent(8)), (Some(150), None));
        loads.set_agent(7, None);
        assert_eq!(loads.agent(7), None);
    }

    #[test]
    fn sessions_are_summed_over_workers_and_each_is_told_what_the_others_have() {
        let (loads, mut meter) = (Loads::default(), Meter::default());
        let (a, b) = (WorkerStats::default(), WorkerStats::default());
        a.target(3).sessions.add(5);
        b.target(3).sessions.add(7);
        meter.sum(Instant::from_secs(1), &loads, &[&a, &b]);
        assert_eq!(loads.sessions(3), 12);
        assert_eq!((a.target(3).elsewhere.get(), b.target(3).elsewhere.get()), (7, 5));
    }

    #[test]
    fn traffic_is_that_of_the_last_three_seconds_in_both_directions() {
        let (loads, mut meter, stats) = (Loads::default(), Meter::default(), WorkerStats::default());
        for tenth in 0..100 {
            meter.sum(Instant::from_millis(tenth * 100), &loads, &[&stats]);
            if tenth < 50 {
                stats.target(1).bytes.add(1_000);
                stats.target(1).reply_bytes.add(9_000);
            }
            match tenth {
                40 => assert_eq!(loads.rate(1), 100_000),
                65 => assert_eq!(loads.rate(1), 50_000),
                99 => assert_eq!(loads.rate(1), 0),
                _ => {}
            }
        }
    }
}
