//! The ports of one of our addresses, claimed and released by all workers without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The lowest port that is handed out; those below belong to services (RFC 6056 section 3.2).
pub const FIRST: u16 = 1024;
/// Ports of a pool.
pub const PORTS: u32 = 65_536 - FIRST as u32;
const WORD: u32 = u64::BITS;
/// Free ports that a claim may step over: what is not always the next port is harder to guess from outside, and a
/// released port still rests for thousands of claims.
const STEP: u64 = 8;

/// Which ports a claim may take, `set natports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// One bit for each port of a pool.
    words: Box<[u64]>,
}

impl Allowed {
    /// The ports of these runs, the first and the last of each included; those below [`FIRST`] are left out.
    pub fn new(runs: &[(u16, u16)]) -> Self {
        let mut words: Box<[u64]> = (0..PORTS / WORD).map(|_| 0).collect();
        for (first, last) in runs {
            let Some(last) = last.checked_sub(FIRST).map(u32::from) else { continue };
            let first = u32::from(first.saturating_sub(FIRST));
            for word in first / WORD..=last / WORD {
                let from = if word == first / WORD { u64::MAX << (first % WORD) } else { u64::MAX };
                let to = if word == last / WORD { u64::MAX >> (WORD - 1 - last % WORD) } else { u64::MAX };
                words[word as usize] |= from & to;
            }
        }
        Self { words }
    }

    /// All ports of a pool.
    pub fn all() -> Self {
        Self::new(&[(FIRST, u16::MAX)])
    }

    /// How many they are.
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether `port` is one of them.
    pub fn contains(&self, port: u16) -> bool {
        let Some(at) = port.checked_sub(FIRST) else { return false };
        self.words[usize::from(at) / WORD as usize] & 1 << (u32::from(at) % WORD) != 0
    }
}

/// Which of the ports 1024 to 65535 are in use: one pool for each (our address, protocol) or, where the far end tells
/// flows apart too, each (our address, protocol, target address, target port). 8 KiB.
#[derive(Debug)]
pub struct PortPool {
    /// One bit for each port, set while it is claimed.
    words: Box<[AtomicU64]>,
    /// Where the last claim was found; the next one looks behind it, so that a port rests as long as possible.
    cursor: AtomicU32,
}

impl PortPool {
    /// All ports free. `seed` decides where claims begin.
    pub fn new(seed: u64) -> Self {
        let words = (0..PORTS / WORD).map(|_| AtomicU64::new(0)).collect();
        Self { words, cursor: AtomicU32::new((seed % u64::from(PORTS)) as u32) }
    }

    /// Takes `preferred` if it is among those `of` the pool that may be taken and free, else the next free one of them.
    /// `seed` is any random number. `None` when all are in use.
    pub fn claim(&self, of: &Allowed, preferred: Option<u16>, seed: u64) -> Option<u16> {
        if let Some(port) = preferred.filter(|port| of.contains(*port))
            && self.take(u32::from(port - FIRST))
        {
            return Some(port);
        }
        let start = (self.cursor.load(Ordering::Relaxed) + 1 + (seed % STEP) as u32) % PORTS;
        let words = self.words.len() as u32;
        // The first word is visited twice: for the ports from `start` on, and in the end for those below it.
        for visit in 0..=words {
            let word = (start / WORD + visit) % words;
            let visited = match visit {
                0 => u64::MAX << (start % WORD),
                _ if visit == words => !(u64::MAX << (start % WORD)),
                _ => u64::MAX,
            };
            let mut allowed = visited & of.words[word as usize];
            // What another worker takes in between is not tried again: at most 64 rounds.
            loop {
                let free = !self.words[word as usize].load(Ordering::Relaxed) & allowed;
                if free == 0 {
                    break;
                }
                let at = word * WORD + free.trailing_zeros();
                if self.take(at) {
                    self.cursor.store(at, Ordering::Relaxed);
                    return Some(FIRST + at as u16);
                }
                allowed &= !(1 << (at % WORD));
            }
        }
        None
    }

    /// Takes `port` itself. False when somebody has it, or it is none of the pool's.
    pub fn claim_exactly(&self, port: u16) -> bool {
        port.checked_sub(FIRST).is_some_and(|at| self.take(at.into()))
    }

    /// Gives `port` back. False when it was not claimed, or is none of the pool's.
    pub fn release(&self, port: u16) -> bool {
        let Some(at) = port.checked_sub(FIRST) else { return false };
        let bit = 1 << (u32::from(at) % WORD);
        // Whoever claims the port next sees what its last user did before.
        self.words[usize::from(at) / WORD as usize].fetch_and(!bit, Ordering::Release) & bit != 0
    }

    /// Whether `port` is in use now.
    #[inline]
    pub fn is_claimed(&self, port: u16) -> bool {
        let Some(at) = port.checked_sub(FIRST) else { return false };
        self.words[usize::from(at) / WORD as usize].load(Ordering::Relaxed) & 1 << (u32::from(at) % WORD) != 0
    }

    /// Ports in use now.
    pub fn used(&self) -> u32 {
        self.words.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
    }

    /// Takes the port at `at`; false when somebody has it.
    fn take(&self, at: u32) -> bool {
        let bit = 1 << (at % WORD);
        self.words[(at / WORD) as usize].fetch_or(bit, Ordering::Acquire) & bit == 0
    }
}

const _: () = assert!(PORTS.is_multiple_of(WORD));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn all() -> Allowed {
        Allowed::all()
    }

    #[test]
    fn the_preferred_port_is_taken_if_it_is_free() {
        let pool = PortPool::new(7);
        assert_eq!(pool.claim(&all(), Some(5060), 0), Some(5060));
        let other = pool.claim(&all(), Some(5060), 0).unwrap();
        assert_ne!(other, 5060);
        assert!(pool.claim(&all(), Some(53), 0).unwrap() >= FIRST, "ports of services are not handed out");
        assert_eq!(pool.used(), 3);
    }

    #[test]
    fn every_port_is_handed_out_once_and_then_none() {
        let (pool, mut seed) = (PortPool::new(99), Seed::new(1));
        let mut claimed: Vec<u16> =
            (0..PORTS).map(|_| pool.claim(&all(), None, seed.next_u64()).unwrap()).collect();
        assert_eq!(
            (pool.claim(&all(), None, 5), pool.claim(&all(), Some(2000), 5), pool.used()),
            (None, None, PORTS)
        );
        claimed.sort_unstable();
        assert!(claimed.iter().copied().eq(FIRST..=u16::MAX));
        // The only free port is found wherever the search begins.
        for port in [FIRST, 1087, 1088, 40_000, u16::MAX] {
            assert!(pool.release(port));
            assert_eq!(pool.claim(&all(), None, seed.next_u64()), Some(port));
        }
    }

    #[test]
    fn only_ports_that_are_allowed_are_handed_out() {
        let some = Allowed::new(&[(80, 80), (2000, 2002), (40_000, 40_000)]);
        assert_eq!(some.count(), 4, "port 80 belongs to a service");
        assert_eq!(Allowed::all().count(), PORTS);
        let (pool, mut seed) = (PortPool::new(5), Seed::new(3));
        assert_eq!(pool.claim(&some, Some(2001), 0), Some(2001));
        let wished = pool.claim(&some, Some(3000), 0).unwrap();
        let mut rest: Vec<u16> = (0..2).map(|_| pool.claim(&some, None, seed.next_u64()).unwrap()).collect();
        rest.extend([2001, wished]);
        rest.sort_unstable();
        assert_eq!(rest, [2000, 2001, 2002, 40_000]);
        assert_eq!(pool.claim(&some, Some(2002), 9), None);
        // What was claimed under another rule is given back all the same.
        assert_eq!(pool.claim(&all(), Some(3000), 0), Some(3000));
        assert!(pool.release(3000));
    }

    #[test]
    fn a_released_port_rests() {
        let (pool, mut seed) = (PortPool::new(3), Seed::new(2));
        let first = pool.claim(&all(), None, seed.next_u64()).unwrap();
        assert!(pool.release(first));
        for _ in 0..PORTS / STEP as u32 - 1 {
            let port = pool.claim(&all(), None, seed.next_u64()).unwrap();
            assert_ne!(port, first);
            assert!(pool.release(port));
        }
    }

    #[test]
    fn releasing_what_was_not_claimed_changes_nothing() {
        let pool = PortPool::new(0);
        assert_eq!([pool.release(80), pool.release(1023), pool.release(1024)], [false; 3]);
        let port = pool.claim(&all(), None, 0).unwrap();
        assert!(!pool.claim_exactly(port) && !pool.claim_exactly(80));
        assert!(pool.is_claimed(port) && !pool.is_claimed(80) && !pool.is_claimed(port ^ 1));
        assert!(pool.release(port) && !pool.release(port) && !pool.is_claimed(port));
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn workers_never_hold_one_port_together() {
        // Nearly full, so that workers meet at the few ports that are left.
        let (pool, all) = (PortPool::new(11), Allowed::all());
        let spare = 48;
        for _ in 0..PORTS - spare {
            pool.claim(&all, None, 0).unwrap();
        }
        let holders: Vec<AtomicU32> = (0..=u16::MAX).map(|_| AtomicU32::new(0)).collect();
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (pool, holders, all) = (&pool, &holders, &all);
                scope.spawn(move || {
                    let (mut seed, mut mine) = (Seed::new(worker), Vec::new());
                    for _ in 0..20_000 {
                        let wish = (seed.below(2) == 0).then(|| seed.below(65_536) as u16);
                        if mine.len() < 20
                            && let Some(port) = pool.claim(all, wish, seed.next_u64())
                        {
                            assert_eq!(holders[usize::from(port)].fetch_add(1, Ordering::SeqCst), 0);
                            mine.push(port);
                        } else if !mine.is_empty() {
                            let port: u16 = mine.swap_remove(seed.below(mine.len() as u64) as usize);
                            assert_eq!(holders[usize::from(port)].fetch_sub(1, Ordering::SeqCst), 1);
                            assert!(pool.release(port));
                        }
                    }
                    for port in mine {
                        holders[usize::from(port)].fetch_sub(1, Ordering::SeqCst);
                        assert!(pool.release(port));
                    }
                });
            }
        });
        assert_eq!(pool.used(), PORTS - spare);
    }
}
