//! Fragments follow their first fragment: it alone carries the ports.
//!
//! The first fragment of a packet leaves its ports here; later ones are given them and go the same way, whatever the
//! mode of forwarding. A later fragment that comes before the first is held until that arrives. Memory is taken once
//! and everything ages, so that fragments which never become a packet cost nothing but their own room.

use crate::hash::HashKey;
use crate::seed::Seed;
use crate::time::{Duration, Instant};
use crate::wire::{Addr, IpInfo};

/// Packets whose ports are remembered at a time.
const PACKETS: usize = 4096;
/// Places where one packet can be.
const WAYS: usize = 4;
/// How long ports are remembered: the time in which the receiver must have put the packet together (RFC 1122
/// section 3.3.2 and RFC 8200 section 4.5 give 60 s; networks do not delay fragments for half of that).
const MEMORY: Duration = Duration::from_secs(30);
/// How long the ports that were heard first are believed against others. Numbers of packets come round again, on a
/// busy path within seconds.
const BELIEF: Duration = Duration::from_secs(1);
/// Fragments held at a time.
const HELD: usize = 64;
/// Longest fragment that is held.
pub const HELD_LEN: usize = 2048;
/// How long a fragment waits for the first one.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the fragments of one packet have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    src: Addr,
    dst: Addr,
    id: u32,
    /// In IPv6 always 0: later fragments may name another header than the first one, and only that of the first counts
    /// (RFC 8200 section 4.5).
    proto: u8,
}

impl Key {
    fn of(info: &IpInfo) -> Self {
        let proto = if info.is_v6 { 0 } else { info.proto };
        Self { src: info.src, dst: info.dst, id: info.fragment_id, proto }
    }
}

/// What only the first fragment of a packet tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Source port, or what stands for it.
    pub sport: u16,
    /// Destination port, or what stands for it.
    pub dport: u16,
    /// Layer-4 protocol, behind all extension headers.
    pub proto: u8,
}

/// The ports of a packet.
#[derive(Debug, Clone, Copy)]
struct Known {
    key: Key,
    told: Told,
    since: Instant,
}

/// A fragment that waits.
#[derive(Debug)]
struct Held {
    /// `None`: free.
    key: Option<Key>,
    since: Instant,
    len: usize,
    bytes: Box<[u8; HELD_LEN]>,
}

/// What the fragments of one worker have told so far.
#[derive(Debug)]
pub struct Fragments {
    known: Box<[Option<Known>]>,
    held: Vec<Held>,
    /// Fragments held now.
    waiting: usize,
    hash: HashKey,
}

impl Fragments {
    /// Nothing known.
    pub fn new(seed: &mut Seed) -> Self {
        let free = || Held { key: None, since: Instant::ZERO, len: 0, bytes: Box::new([0; HELD_LEN]) };
        Self {
            known: vec![None; PACKETS].into(),
            held: (0..HELD).map(|_| free()).collect(),
            waiting: 0,
            hash: HashKey::new(seed),
        }
    }

    fn places(&self, key: &Key) -> std::ops::Range<usize> {
        let wide = key.src.to_bits() ^ key.dst.to_bits().rotate_left(61);
        let hash = self.hash.hash(wide, u64::from(key.id) << 8 | u64::from(key.proto));
        let set = hash as usize % (PACKETS / WAYS);
        set * WAYS..(set + 1) * WAYS
    }

    /// Remembers the ports of the packet of which `info` is the first fragment. `false`: another first fragment of the
    /// same packet had other ports, so one of the two is forged, and nobody can tell which.
    pub fn first(&mut self, now: Instant, info: &IpInfo) -> bool {
        let key = Key::of(info);
        let told = Told { sport: info.sport, dport: info.dport, proto: info.proto };
        let places = self.places(&key);
        let set = &mut self.known[places];
        if let Some(known) = set.iter_mut().flatten().find(|known| known.key == key) {
            if known.told != told && now.since(known.since) < BELIEF {
                return false;
            }
            *known = Known { key, told, since: now };
            return true;
        }
        // A free place, else the oldest.
        let oldest = set.iter_mut().min_by_key(|place| place.map_or(Instant::ZERO, |known| known.since));
        if let Some(place) = oldest {
            *place = Some(Known { key, told, since: now });
        }
        true
    }

    /// Ports and protocol of the packet of which `info` is a later fragment, when the first one has been seen.
    pub fn later(&self, now: Instant, info: &IpInfo) -> Option<Told> {
        let key = Key::of(info);
        let known = self.known[self.places(&key)].iter().flatten().find(|known| known.key == key)?;
        (now.since(known.since) < MEMORY).then_some(known.told)
    }

    /// Holds `frame`, a later fragment whose first one has not been seen. `false` when there is no room.
    pub fn hold(&mut self, now: Instant, info: &IpInfo, frame: &[u8]) -> bool {
        let Some(place) = self.held.iter_mut().find(|held| held.key.is_none()) else { return false };
        let Some(room) = place.bytes.get_mut(..frame.len()) else { return false };
        room.copy_from_slice(frame);
        (place.key, place.since, place.len) = (Some(Key::of(info)), now, frame.len());
        self.waiting += 1;
        true
    }

    /// Fragments that are held.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// A held fragment whose first one has been seen meanwhile: gives it to `take` and forgets it. `false` when there
    /// is none.
    pub fn release(&mut self, now: Instant, take: impl FnOnce(&mut [u8])) -> bool {
        if self.waiting == 0 {
            return false;
        }
        let ready = (0..HELD).find(|at| {
            let key = self.held[*at].key;
            key.is_some_and(|key| {
                let places = self.places(&key);
                let known = self.known[places].iter().flatten();
                known.clone().any(|known| known.key == key && now.since(known.since) < MEMORY)
            })
        });
        let Some(at) = ready else { return false };
        let held = &mut self.held[at];
        held.key = None;
        self.waiting -= 1;
        take(&mut held.bytes[..held.len]);
        true
    }

    /// Gives up fragments that have waited too long. Returns how many.
    pub fn expire(&mut self, now: Instant) -> u64 {
        if self.waiting == 0 {
            return 0;
        }
        let mut gone = 0;
        for held in &mut self.held {
            if held.key.is_some() && now.since(held.since) >= PATIENCE {
                held.key = None;
                gone += 1;
            }
        }
        self.waiting -= gone;
        gone as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Fragment, protocol};

    fn part(id: u32, fragment: Fragment, ports: (u16, u16)) -> IpInfo {
        let addr = |n: u8| Addr::v4([10, 0, 0, n].into());
        IpInfo {
            src: addr(1),
            dst: addr(2),
            sport: ports.0,
            dport: ports.1,
            l3_offset: 14,
            l4_offset: 34,
            l4_len: 8,
            proto: protocol::UDP,
            ttl: 64,
            tcp_flags: 0,
            fragment,
            fragment_id: id,
            is_v6: false,
        }
    }

    fn udp(sport: u16, dport: u16) -> Option<Told> {
        Some(Told { sport, dport, proto: protocol::UDP })
    }

    fn fragments() -> Fragments {
        Fragments::new(&mut Seed::new(1))
    }

    #[test]
    fn later_fragments_get_the_ports_of_the_first_for_half_a_minute() {
        let mut f = fragments();
        assert!(f.first(Instant::ZERO, &part(7, Fragment::First, (5, 53))));
        let later = part(7, Fragment::Later, (0, 0));
        assert_eq!(f.later(Instant::from_micros(29_999_999), &later), udp(5, 53));
        assert_eq!(f.later(Instant::from_secs(30), &later), None);
        assert_eq!(f.later(Instant::ZERO, &part(8, Fragment::Later, (0, 0))), None);
    }

    #[test]
    fn in_ipv6_the_first_fragment_alone_names_the_protocol() {
        let mut f = fragments();
        let first = IpInfo { is_v6: true, ..part(7, Fragment::First, (5, 53)) };
        assert!(f.first(Instant::ZERO, &first));
        let later = IpInfo { proto: protocol::DESTINATION_OPTIONS, ..first };
        assert_eq!(f.later(Instant::ZERO, &later), udp(5, 53));
        assert!(!f.first(Instant::ZERO, &IpInfo { proto: protocol::TCP, ..first }), "two first ones");
        // In IPv4 it tells packets apart (RFC 791 section 3.2).
        assert!(f.first(Instant::ZERO, &part(8, Fragment::First, (5, 53))));
        let other = IpInfo { proto: protocol::TCP, ..part(8, Fragment::Later, (0, 0)) };
        assert_eq!(f.later(Instant::ZERO, &other), None);
    }

    #[test]
    fn a_second_first_fragment_with_other_ports_is_refused() {
        let mut f = fragments();
        assert!(f.first(Instant::ZERO, &part(7, Fragment::First, (5, 53))));
        assert!(f.first(Instant::ZERO, &part(7, Fragment::First, (5, 53))));
        assert!(!f.first(Instant::ZERO, &part(7, Fragment::First, (5, 22))));
        assert!(f.first(Instant::from_secs(1), &part(7, Fragment::First, (5, 22))), "numbers are used again");
        assert_eq!(f.later(Instant::from_secs(1), &part(7, Fragment::Later, (0, 0))), udp(5, 22));
    }

    #[test]
    fn what_came_early_is_released_by_the_first_fragment_alone() {
        let mut f = fragments();
        assert!(f.hold(Instant::ZERO, &part(7, Fragment::Later, (0, 0)), b"seven"));
        assert!(f.hold(Instant::ZERO, &part(8, Fragment::Later, (0, 0)), b"eight"));
        assert!(!f.release(Instant::ZERO, |_| panic!("nothing is known")));
        f.first(Instant::ZERO, &part(8, Fragment::First, (5, 53)));
        let mut got = Vec::new();
        assert!(f.release(Instant::ZERO, |bytes| got = bytes.to_vec()));
        assert_eq!((got.as_slice(), f.waiting()), (&b"eight"[..], 1));
        assert!(!f.release(Instant::ZERO, |_| panic!("the first of seven is missing")));
    }

    #[test]
    fn waiting_is_bounded_in_number_length_and_time() {
        let mut f = fragments();
        let later = part(7, Fragment::Later, (0, 0));
        assert!(!f.hold(Instant::ZERO, &later, &[0; HELD_LEN + 1]));
        let held = (0..1000).filter(|_| f.hold(Instant::ZERO, &later, &[0; HELD_LEN])).count();
        assert_eq!((held, f.waiting()), (HELD, HELD));
        assert_eq!(f.expire(Instant::from_micros(1_999_999)), 0);
        assert_eq!((f.expire(Instant::from_secs(2)), f.waiting()), (HELD as u64, 0));
        assert!(f.hold(Instant::from_secs(2), &later, b"again"));
    }

    #[test]
    fn a_flood_of_packets_takes_the_place_of_the_oldest() {
        let mut f = fragments();
        for id in 0..100_000 {
            assert!(f.first(Instant::from_micros(u64::from(id)), &part(id, Fragment::First, (1, 2))));
        }
        assert_eq!(f.later(Instant::from_secs(1), &part(99_999, Fragment::Later, (0, 0))), udp(1, 2));
    }
}
