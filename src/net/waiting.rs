//! Packets that wait until the station of their next hop is known, and the questions for it.
//!
//! ```text
//!                 station unknown                          the snapshot knows it
//!   packet ----------------------------> held, asked for ------------------------> sent
//!                                          |         |
//!                     more than there is   |         |  nobody answers for three seconds
//!                     room for: the oldest v         v
//!                                        lost       host unreachable
//! ```
//!
//! A worker keeps few packets for a short time: enough for the first packets of a connection, not for a flood.

use std::collections::VecDeque;

use bng_platform::{Frame, Meta};

use crate::hash::HashKey;
use crate::net::bucket::Bucket;
use crate::net::route::Way;
use crate::net::translate::Rewrite;
use crate::net::{Addr, PortId};
use crate::seed::Seed;
use crate::time::{Duration, Instant};
use crate::wire::{MacAddr, ethernet};

/// Most frames that wait.
pub const FRAMES: usize = 64;
/// Most frames that wait for one neighbour.
pub const FRAMES_EACH: usize = 16;
/// Most bytes of frames that wait: two of the largest segments fit.
pub const BYTES: usize = 128 * 1024;
/// A frame waits no longer than this: three questions, a second apart.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A frame that waits. Its Ethernet header is still the one it came with, all behind that is ready to be sent.
#[derive(Debug)]
pub struct Held {
    /// The frame.
    pub bytes: Vec<u8>,
    /// What the bytes do not say.
    pub meta: Meta,
    /// Interface that received it.
    pub came: PortId,
    /// Where it goes.
    pub way: Way,
    /// What makes it look again as its sender sent it.
    pub undo: Rewrite,
    since: Instant,
}

impl Held {
    /// Gives it the stations of its way.
    pub fn address(&mut self, to: MacAddr) {
        ethernet::set_stations(&mut self.bytes, to, self.way.from);
    }
}

/// What becomes of a frame that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It waits on.
    Waits,
    /// It is sent to this station.
    Leaves(MacAddr),
    /// It has waited long enough.
    GivenUp,
}

/// The frames of one worker that wait.
#[derive(Debug, Default)]
pub struct Waiting {
    held: VecDeque<Held>,
    bytes: usize,
}

impl Waiting {
    /// Frames that wait.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Keeps a copy of `frame`, which came in by `came` and looked otherwise if `undo` says so. Returns how many that
    /// waited before had to go.
    pub fn keep(&mut self, now: Instant, frame: &Frame<'_>, came: PortId, way: Way, undo: Rewrite) -> usize {
        // The memory of one that goes serves the one that comes.
        let mut memory = Vec::new();
        let mut gone = 0;
        let same = |held: &Held| held.way.next == way.next;
        if self.held.iter().filter(|held| same(held)).count() >= FRAMES_EACH
            && let Some(oldest) = self.held.iter().position(same)
        {
            memory = self.remove(oldest);
            gone += 1;
        }
        while self.held.len() >= FRAMES || (self.bytes + frame.len() > BYTES && !self.held.is_empty()) {
            memory = self.remove(0);
            gone += 1;
        }
        memory.clear();
        memory.extend_from_slice(frame.bytes());
        self.bytes += memory.len();
        self.held.push_back(Held { bytes: memory, meta: frame.meta, came, way, undo, since: now });
        gone
    }

    fn remove(&mut self, at: usize) -> Vec<u8> {
        let memory = self.held.remove(at).map(|held| held.bytes).unwrap_or_default();
        self.bytes -= memory.len();
        memory
    }

    /// Decides about every frame, oldest first: it leaves when `station` knows the next hop. `out` gets those that wait
    /// no longer.
    pub fn settle(
        &mut self,
        now: Instant,
        station: impl Fn(Addr) -> Option<MacAddr>,
        mut out: impl FnMut(Held, Fate),
    ) {
        for _ in 0..self.held.len() {
            let Some(held) = self.held.pop_front() else { return };
            let fate = match station(held.way.next) {
                Some(mac) => Fate::Leaves(mac),
                None if now.since(held.since) >= PATIENCE => Fate::GivenUp,
                None => Fate::Waits,
            };
            if fate == Fate::Waits {
                self.held.push_back(held);
            } else {
                self.bytes -= held.bytes.len();
                out(held, fate);
            }
        }
    }

    /// The neighbours that frames wait for, as often as there are frames.
    pub fn neighbors(&self) -> impl Iterator<Item = (PortId, Addr)> {
        self.held.iter().map(|held| (held.way.port, held.way.next))
    }
}

/// Neighbours remembered as told to the director.
const TOLD: usize = 256;
/// Messages to the director: a second, and at once.
const TELL: (u32, u32) = (1_000, 256);

/// What a worker has told the director: whom it needs, and whom it uses. Says when it is time to tell again.
#[derive(Debug)]
pub struct Told {
    /// One neighbour in each slot, the last one told of.
    slots: Box<[(Addr, Instant)]>,
    key: HashKey,
    limit: Bucket,
}

impl Told {
    /// Time between two messages about a neighbour whose station is not known.
    pub const NEED: Duration = Duration::from_secs(1);
    /// Time between two messages about one that is used.
    pub const USE: Duration = Duration::from_secs(30);

    /// Nothing told yet.
    pub fn new(seed: &mut Seed) -> Self {
        let slots = vec![(Addr::from_bits(0), Instant::ZERO); TOLD].into_boxed_slice();
        Self { slots, key: HashKey::new(seed), limit: Bucket::new(TELL.0, TELL.1) }
    }

    /// Whether the director is to be told of `addr` now, because it was not in the last `pause`. Taken for told then.
    #[inline]
    pub fn is_time(&mut self, now: Instant, addr: Addr, pause: Duration) -> bool {
        let slot = &mut self.slots[self.key.hash(addr.to_bits(), 0) as usize % TOLD];
        if slot.0 == addr && now.since(slot.1) < pause {
            return false;
        }
        let may = self.limit.take(now);
        if may {
            *slot = (addr, now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2; 6]);

    fn way(next: u128) -> Way {
        Way { port: 2, from: MacAddr([6; 6]), next: Addr::from_bits(next), mtu: 1500, network: 1 }
    }

    fn keep(w: &mut Waiting, now: Instant, next: u128, len: usize) -> usize {
        let mut bytes = vec![next as u8; len];
        w.keep(now, &Frame::new(&mut bytes, Meta::default()), 1, way(next), Rewrite::default())
    }

    /// Next hops of the frames that leave and that are given up.
    fn settle(w: &mut Waiting, now: Instant, known: u128) -> (Vec<u128>, Vec<u128>) {
        let (mut left, mut given_up) = (Vec::new(), Vec::new());
        let station = |addr: Addr| (addr == Addr::from_bits(known)).then_some(MAC);
        w.settle(now, station, |held, fate| match fate {
            Fate::Leaves(mac) => {
                assert_eq!(mac, MAC);
                left.push(held.way.next.to_bits());
            }
            Fate::GivenUp => given_up.push(held.way.next.to_bits()),
            Fate::Waits => panic!("still waits"),
        });
        (left, given_up)
    }

    #[test]
    fn frames_leave_in_order_when_their_neighbour_is_known() {
        let mut w = Waiting::default();
        for next in [1, 2, 1] {
            assert_eq!(keep(&mut w, Instant::ZERO, next, 60), 0);
        }
        assert_eq!(settle(&mut w, Instant::from_secs(1), 1), (vec![1, 1], vec![]));
        assert_eq!((w.len(), w.neighbors().collect::<Vec<_>>()), (1, vec![(2, Addr::from_bits(2))]));
    }

    #[test]
    fn a_frame_gets_the_stations_of_its_way() {
        let mut w = Waiting::default();
        keep(&mut w, Instant::ZERO, 1, 60);
        w.settle(
            Instant::ZERO,
            |_| Some(MAC),
            |mut held, _| {
                held.address(MAC);
                assert_eq!(held.bytes[..13], [2, 2, 2, 2, 2, 2, 6, 6, 6, 6, 6, 6, 1]);
            },
        );
        assert!(w.is_empty() && w.bytes == 0);
    }

    #[test]
    fn a_frame_is_given_up_when_its_patience_ends_and_not_before() {
        let mut w = Waiting::default();
        keep(&mut w, Instant::from_secs(1), 1, 60);
        assert_eq!(settle(&mut w, Instant::from_micros(3_999_999), 9), (vec![], vec![]));
        assert_eq!(settle(&mut w, Instant::from_secs(4), 9), (vec![], vec![1]));
    }

    #[test]
    fn the_room_is_bounded_in_frames_and_bytes_for_each_and_for_all() {
        let mut w = Waiting::default();
        let gone: usize = (0..100).map(|_| keep(&mut w, Instant::ZERO, 1, 60)).sum();
        assert_eq!((gone, w.len()), (100 - FRAMES_EACH, FRAMES_EACH));
        let gone: usize = (0..100).map(|n| keep(&mut w, Instant::ZERO, 100 + n, 60)).sum();
        assert_eq!((gone, w.len()), (100 + FRAMES_EACH - FRAMES, FRAMES));
        assert_eq!(keep(&mut w, Instant::ZERO, 1, 65_000), 1);
        assert!(keep(&mut w, Instant::ZERO, 2, 66_000) > 0);
        assert!(w.bytes <= BYTES);
        assert_eq!(w.bytes, w.held.iter().map(|h| h.bytes.len()).sum::<usize>());
    }

    #[test]
    fn the_director_is_told_once_in_a_pause_and_never_flooded() {
        let mut told = Told::new(&mut Seed::new(1));
        let at = Instant::from_millis;
        let (a, pause) = (Addr::from_bits(1), Told::NEED);
        assert!(told.is_time(at(0), a, pause) && !told.is_time(at(999), a, pause));
        assert!(told.is_time(at(1_000), a, pause));
        let flood = (0..100_000).filter(|n| told.is_time(at(1_000), Addr::from_bits(100 + n), pause)).count();
        assert!(flood <= TELL.1 as usize, "{flood}");
        assert!(told.is_time(at(3_000), a, pause), "and there is room again later");
    }
}
