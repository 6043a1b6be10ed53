//! The session table of one worker: who is served by whom.
//!
//! A table has a fixed number of buckets of eight sessions. A session may live in one of two buckets, found by a
//! keyed hash; one byte of the hash (its tag) stands in an index word per bucket, so that a lookup reads two words
//! and, almost always, one session. There is no chain to walk, no tombstone and no growth: the cost of any
//! operation is bounded, and a full table replaces the least valuable of sixteen sessions.
//!
//! ```text
//!            index: one u64 per bucket        sessions: eight records per bucket
//!  hash ---> | t t 0 t 0 0 t t |  ----------> | s | s |   | s |   |   | s | s |
//!      \---> | 0 t t 0 0 0 0 0 |  ----------> |   | s | s |   |   |   |   |   |
//! ```

use std::net::Ipv4Addr;

use bytemuck::Zeroable;

use crate::hash::HashKey;
use crate::net::Addr;
use crate::time::{Duration, Instant};

const WAYS: usize = 8;

/// What identifies a session: which of these are used is the server's `sessionid`, the others are zero.
pub trait Key: Copy + Eq + Zeroable {
    /// A key of these parts.
    fn new(server: u16, client: Addr, port: u16, dst: Addr) -> Self;
    /// Server number.
    fn server(&self) -> u16;
    /// Client address and port.
    fn client(&self) -> (Addr, u16);
    /// Destination address.
    fn dst(&self) -> Addr;
}

/// Key of an IPv4 session, 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Zeroable)]
pub struct Key4 {
    client: u32,
    dst: u32,
    port: u16,
    server: u16,
}

/// Key of an IPv6 session, 36 bytes. Halves of addresses, because a `u128` would pad the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Zeroable)]
#[repr(C)]
pub struct Key6 {
    client: [u64; 2],
    dst: [u64; 2],
    port: u16,
    server: u16,
}

/// The part of a key that is not used.
const NONE: Addr = Addr::from_bits(0);

/// An IPv4 address that is not part of the key is none, not `0.0.0.0`.
fn widen(v4: u32) -> Addr {
    if v4 == 0 { NONE } else { Addr::v4(Ipv4Addr::from_bits(v4)) }
}

const fn halves(a: Addr) -> [u64; 2] {
    let bits = a.to_bits();
    [(bits >> 64) as u64, bits as u64]
}

const fn join(h: [u64; 2]) -> Addr {
    Addr::from_bits(((h[0] as u128) << 64) | h[1] as u128)
}

impl Key for Key4 {
    fn new(server: u16, client: Addr, port: u16, dst: Addr) -> Self {
        Self { client: client.to_bits() as u32, dst: dst.to_bits() as u32, port, server }
    }
    fn server(&self) -> u16 {
        self.server
    }
    fn client(&self) -> (Addr, u16) {
        (widen(self.client), self.port)
    }
    fn dst(&self) -> Addr {
        widen(self.dst)
    }
}

impl Key for Key6 {
    fn new(server: u16, client: Addr, port: u16, dst: Addr) -> Self {
        Self { client: halves(client), dst: halves(dst), port, server }
    }
    fn server(&self) -> u16 {
        self.server
    }
    fn client(&self) -> (Addr, u16) {
        (join(self.client), self.port)
    }
    fn dst(&self) -> Addr {
        join(self.dst)
    }
}

/// Why a session went to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Why {
    /// Round robin chose it.
    Rr = 1,
    /// Its earlier target went down; round robin chose this one.
    Moved = 2,
}

/// One session. Times are microseconds of the engine's clock.
#[derive(Debug, Clone, Copy, Zeroable)]
#[repr(C)]
pub struct Session<K> {
    created: u64,
    last: u64,
    timeout_ms: u32,
    /// Target number.
    pub target: u16,
    why: u8,
    /// 1 until a second frame has shown that the client answers.
    half_open: u8,
    /// Identity.
    pub key: K,
}

impl<K: Key> Session<K> {
    /// When it was created.
    pub fn created(&self) -> Instant {
        Instant::from_micros(self.created)
    }

    /// Idle time after which it is removed.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_ms))
    }

    /// Why it went to its target.
    pub fn why(&self) -> Why {
        if self.why == Why::Moved as u8 { Why::Moved } else { Why::Rr }
    }

    /// Gives the session to another target.
    pub fn move_to(&mut self, target: u16) {
        self.target = target;
        self.why = Why::Moved as u8;
    }

    /// Notes a frame of the client. `opening` is true for a segment that only asks for a connection.
    pub fn touch(&mut self, now: Instant, opening: bool) {
        self.last = now.micros();
        if !opening {
            self.half_open = 0;
        }
    }

    fn dead(&self, now: Instant) -> bool {
        now.micros().saturating_sub(self.last) >= u64::from(self.timeout_ms) * 1_000
    }
}

/// What became of room for a new session.
#[derive(Debug, Clone, Copy)]
pub enum Room<K> {
    /// There was a free place.
    Free,
    /// An expired session made place.
    Expired(Session<K>),
    /// A live session had to go: half-open ones first, then the one idle for longest.
    Evicted(Session<K>),
}

/// The sessions of one family in one worker.
#[derive(Debug)]
pub struct Table<K> {
    index: Vec<u64>,
    sessions: Vec<Session<K>>,
    key: HashKey,
    len: usize,
    /// Next bucket to look at for expired sessions.
    sweep: usize,
    swept_at: Instant,
}

/// Where a session lives.
#[derive(Debug, Clone, Copy)]
pub struct Place(usize);

/// Where the session of a key may live: its two buckets and its tag.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    first: usize,
    second: usize,
    tag: u8,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// High bit set in every byte of `word` that equals `tag`, and possibly in the byte above one that does: a false
/// match only costs a comparison of keys.
#[inline]
const fn matching(word: u64, tag: u8) -> u64 {
    let x = word ^ (LOW * tag as u64);
    x.wrapping_sub(LOW) & !x & HIGH
}

impl<K: Key> Table<K> {
    /// A table for `capacity` sessions, rounded up to a power of two of at least 16. Its memory is taken from the
    /// system page by page as sessions come.
    pub fn new(capacity: usize, key: HashKey) -> Self {
        let buckets = (capacity / WAYS).next_power_of_two().max(2);
        Self {
            index: vec![0; buckets],
            sessions: bytemuck::zeroed_vec(buckets * WAYS),
            key,
            len: 0,
            sweep: 0,
            swept_at: Instant::ZERO,
        }
    }

    /// Sessions in the table, expired ones that were not swept yet included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Most sessions it can hold.
    pub fn capacity(&self) -> usize {
        self.sessions.len()
    }

    /// Bytes per session, index included.
    pub const fn bytes_per_session() -> usize {
        size_of::<Session<K>>() + 1
    }

    /// Where the session of `key` may live.
    #[inline]
    pub fn locate(&self, key: &K) -> Spot {
        let (client, port) = key.client();
        let dst = key.dst();
        let extra = u64::from(port) << 16 | u64::from(key.server());
        let h = self.key.hash(client.to_bits() ^ dst.to_bits().rotate_left(61), extra);
        let mask = self.index.len() - 1;
        let first = h as usize & mask;
        // The second bucket differs from the first whatever the hash says, because the step is odd.
        let second = (first + ((h >> 32) as usize | 1)) & mask;
        Spot { first, second, tag: (h >> 56) as u8 | 1 }
    }

    /// Brings what lies at `spots` into the cache. One after the other every miss costs the whole way to memory;
    /// asked for together, the misses of a batch overlap.
    pub fn warm<'a>(&self, spots: impl Iterator<Item = &'a Spot> + Clone) {
        let mut words = 0;
        for spot in spots.clone() {
            words ^= self.index[spot.first] ^ self.index[spot.second];
        }
        std::hint::black_box(words);
        let mut times = 0;
        for spot in spots {
            let first = matching(self.index[spot.first], spot.tag);
            let (bucket, hits) = if first != 0 {
                (spot.first, first)
            } else {
                (spot.second, matching(self.index[spot.second], spot.tag))
            };
            if hits != 0 {
                let session = &self.sessions[bucket * WAYS + hits.trailing_zeros() as usize / 8];
                times ^= session.last ^ u64::from(session.key.server());
            }
        }
        std::hint::black_box(times);
    }

    #[inline]
    fn find_in(&self, bucket: usize, tag: u8, key: &K) -> Option<Place> {
        let mut hits = matching(self.index[bucket], tag);
        while hits != 0 {
            let at = bucket * WAYS + hits.trailing_zeros() as usize / 8;
            if self.sessions[at].key == *key && self.tag(at) == tag {
                return Some(Place(at));
            }
            hits &= hits - 1;
        }
        None
    }

    /// Where `key` is, dead or alive.
    #[inline]
    fn seek(&self, spot: Spot, key: &K) -> Option<Place> {
        self.find_in(spot.first, spot.tag, key).or_else(|| self.find_in(spot.second, spot.tag, key))
    }

    fn tag(&self, at: usize) -> u8 {
        (self.index[at / WAYS] >> (at % WAYS * 8)) as u8
    }

    fn set_tag(&mut self, at: usize, tag: u8) {
        let shift = at % WAYS * 8;
        let word = &mut self.index[at / WAYS];
        *word = *word & !(0xff << shift) | u64::from(tag) << shift;
    }

    /// Where the live session of `key` is, which was located at `spot`.
    #[inline]
    pub fn find(&self, now: Instant, spot: Spot, key: &K) -> Option<Place> {
        self.seek(spot, key).filter(|place| !self.sessions[place.0].dead(now))
    }

    /// The session at `place`.
    #[inline]
    pub fn get_mut(&mut self, place: Place) -> &mut Session<K> {
        &mut self.sessions[place.0]
    }

    /// Puts a new session into the table, in place of an older one with the same key if there is one.
    pub fn insert(&mut self, now: Instant, key: K, target: u16, timeout: Duration, why: Why) -> Room<K> {
        let spot = self.locate(&key);
        let (at, room) = match self.seek(spot, &key) {
            Some(Place(at)) => (at, Room::Expired(self.sessions[at])),
            None => self.make_room(now, spot.first, spot.second),
        };
        if matches!(room, Room::Free) {
            self.len += 1;
        }
        self.set_tag(at, spot.tag);
        self.sessions[at] = Session {
            created: now.micros(),
            last: now.micros(),
            timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            target,
            why: why as u8,
            half_open: 1,
            key,
        };
        room
    }

    /// A place in one of two buckets: the emptier one's free place, else the least valuable session's.
    fn make_room(&self, now: Instant, first: usize, second: usize) -> (usize, Room<K>) {
        let free = |bucket: usize| {
            (0..WAYS)
                .map(|way| bucket * WAYS + way)
                .filter(|at| self.tag(*at) == 0)
                .collect::<arrayvec::ArrayVec<_, WAYS>>()
        };
        let (a, b) = (free(first), free(second));
        if let Some(at) = if b.len() > a.len() { b.first() } else { a.first() } {
            return (*at, Room::Free);
        }
        let ways = |bucket: usize| bucket * WAYS..(bucket + 1) * WAYS;
        let mut victim = first * WAYS;
        let worth = |at: usize| {
            let s = &self.sessions[at];
            (!s.dead(now), s.half_open == 0, s.last)
        };
        for at in ways(first).chain(ways(second)) {
            if worth(at) < worth(victim) {
                victim = at;
            }
        }
        let session = self.sessions[victim];
        (victim, if session.dead(now) { Room::Expired(session) } else { Room::Evicted(session) })
    }

    /// Removes expired sessions, a slice at a time: a whole round takes about a second of `now`, one call looks at
    /// no more than 256 sessions. `removed` is told of each.
    pub fn sweep(&mut self, now: Instant, mut removed: impl FnMut(&Session<K>)) {
        let buckets = self.index.len();
        let due = (now.since(self.swept_at).as_micros() as u64).saturating_mul(buckets as u64) / 1_000_000;
        if due == 0 {
            return;
        }
        self.swept_at = now;
        let mut looked_at = 0;
        for _ in 0..due.min(buckets as u64).min(16_384) {
            let bucket = self.sweep;
            self.sweep = (self.sweep + 1) & (buckets - 1);
            if self.index[bucket] == 0 {
                continue;
            }
            for at in bucket * WAYS..(bucket + 1) * WAYS {
                if self.tag(at) != 0 && self.sessions[at].dead(now) {
                    self.set_tag(at, 0);
                    self.len -= 1;
                    removed(&self.sessions[at]);
                }
            }
            looked_at += WAYS;
            if looked_at >= 256 {
                break;
            }
        }
    }

    /// Removes all sessions. `removed` is told of each.
    pub fn clear(&mut self, mut removed: impl FnMut(&Session<K>)) {
        for bucket in 0..self.index.len() {
            for at in bucket * WAYS..(bucket + 1) * WAYS {
                if self.tag(at) != 0 {
                    removed(&self.sessions[at]);
                }
            }
            self.index[bucket] = 0;
        }
        self.len = 0;
    }

    /// Tells `seen` of the live sessions in the buckets from `bucket` on, until it has seen `max` or more or looked
    /// at `buckets` of them. Returns the bucket to go on with.
    fn walk(
        &self,
        now: Instant,
        bucket: usize,
        buckets: usize,
        max: usize,
        mut seen: impl FnMut(&Session<K>),
    ) -> usize {
        let (mut count, end) = (0, self.index.len().min(bucket.saturating_add(buckets)));
        for at in bucket..end {
            if count >= max {
                return at;
            }
            if self.index[at] == 0 {
                continue;
            }
            for slot in at * WAYS..(at + 1) * WAYS {
                if self.tag(slot) != 0 && !self.sessions[slot].dead(now) {
                    seen(&self.sessions[slot]);
                    count += 1;
                }
            }
        }
        end
    }
}

/// Position in a listing of all sessions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    v4: usize,
    v6: usize,
}

/// A session as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Server number.
    pub server: u16,
    /// Target number.
    pub target: u16,
    /// Time since it was created.
    pub age: Duration,
    /// Idle time after which it is removed.
    pub timeout: Duration,
    /// Address of its id: the client's, or the destination if the client is not part of it.
    pub addr: Addr,
    /// Port of its id, 0 when it is not part of it.
    pub port: u16,
    /// Why it went to its target.
    pub why: Why,
}

impl View {
    fn new<K: Key>(now: Instant, session: &Session<K>) -> Self {
        let (client, port) = session.key.client();
        Self {
            server: session.key.server(),
            target: session.target,
            age: now.since(session.created()),
            timeout: session.timeout(),
            addr: if client == NONE { session.key.dst() } else { client },
            port,
            why: session.why(),
        }
    }
}

/// Most buckets that one slice of a listing looks at: some 10 microseconds when they are empty.
const SLICE_BUCKETS: usize = 8_192;

impl Cursor {
    /// About `max` sessions from here on, those of `v4` first, in bounded time; the cursor moves behind them.
    /// `None` at the end of the listing.
    pub fn list(
        &mut self,
        now: Instant,
        v4: &Table<Key4>,
        v6: &Table<Key6>,
        max: usize,
    ) -> Option<Vec<View>> {
        let mut views = Vec::new();
        if self.v4 < v4.index.len() {
            self.v4 = v4.walk(now, self.v4, SLICE_BUCKETS, max, |s| views.push(View::new(now, s)));
        } else if self.v6 < v6.index.len() {
            self.v6 = v6.walk(now, self.v6, SLICE_BUCKETS, max, |s| views.push(View::new(now, s)));
        } else {
            return None;
        }
        Some(views)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn table(capacity: usize) -> Table<Key4> {
        Table::new(capacity, HashKey::new(&mut Seed::new(3)))
    }

    fn key(i: u32) -> Key4 {
        Key4::new(1, Addr::v4(Ipv4Addr::from_bits(i)), 0, NONE)
    }

    fn find(t: &Table<Key4>, now: Instant, key: &Key4) -> Option<Place> {
        t.find(now, t.locate(key), key)
    }

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn records_keep_their_size() {
        assert!(Table::<Key4>::bytes_per_session() <= 64);
        assert!(Table::<Key6>::bytes_per_session() <= 96);
    }

    #[test]
    fn a_session_is_found_until_one_microsecond_before_its_timeout() {
        let mut t = table(64);
        t.insert(Instant::ZERO, key(1), 5, TEN, Why::Rr);
        let last = Instant::from_micros(9_999_999);
        assert!(find(&t, last, &key(1)).is_some());
        assert!(find(&t, Instant::from_secs(10), &key(1)).is_none());
        assert!(find(&t, last, &key(2)).is_none());
    }

    #[test]
    fn a_frame_restarts_the_timeout() {
        let mut t = table(64);
        t.insert(Instant::ZERO, key(1), 5, TEN, Why::Rr);
        let place = find(&t, Instant::from_secs(9), &key(1)).unwrap();
        t.get_mut(place).touch(Instant::from_secs(9), false);
        assert!(find(&t, Instant::from_secs(18), &key(1)).is_some());
    }

    #[test]
    fn a_table_fills_to_nine_tenths_before_it_evicts() {
        let mut t = table(1 << 14);
        let mut evicted = 0;
        for i in 0..(1 << 14) * 9 / 10 {
            evicted +=
                usize::from(matches!(t.insert(Instant::ZERO, key(i), 1, TEN, Why::Rr), Room::Evicted(_)));
        }
        assert!(evicted < (1 << 14) / 100, "{evicted} evictions at nine tenths");
        assert_eq!(t.len() + evicted, (1 << 14) * 9 / 10);
    }

    #[test]
    fn half_open_sessions_go_before_established_ones() {
        let mut t = table(16);
        for i in 0..16 {
            t.insert(Instant::from_millis(u64::from(i)), key(i), 1, TEN, Why::Rr);
        }
        // Everything but the youngest session is established.
        let now = Instant::from_millis(100);
        for i in 0..16 {
            if let Some(place) = find(&t, now, &key(i)).filter(|_| i != 15) {
                t.get_mut(place).touch(now, false);
            }
        }
        let before = t.len();
        match t.insert(now, key(99), 1, TEN, Why::Rr) {
            Room::Evicted(s) => assert_eq!(s.key, key(15)),
            Room::Free => assert!(before < 16),
            Room::Expired(s) => panic!("nothing has expired, {s:?}"),
        }
    }

    #[test]
    fn created_minus_removed_is_what_is_there() {
        let (mut t, mut seed) = (table(256), Seed::new(11));
        let (mut created, mut removed, mut now) = (0usize, 0usize, Instant::ZERO);
        for _ in 0..20_000 {
            now += Duration::from_micros(seed.below(50_000));
            let k = key(seed.below(600) as u32);
            if find(&t, now, &k).is_none() {
                created += 1;
                if !matches!(t.insert(now, k, 1, Duration::from_secs(1), Why::Rr), Room::Free) {
                    removed += 1;
                }
            }
            t.sweep(now, |_| removed += 1);
            assert_eq!(created - removed, t.len());
        }
        for _ in 0..10 {
            now += Duration::from_secs(2);
            t.sweep(now, |_| removed += 1);
        }
        assert_eq!((t.len(), created), (0, removed));
    }

    #[test]
    fn clearing_removes_every_session_and_leaves_room_for_new_ones() {
        let mut t = table(64);
        let now = Instant::from_secs(1);
        for i in 0..40 {
            t.insert(now, key(i), 1, Duration::from_secs(600), Why::Rr);
        }
        let there = t.len();
        let mut removed = 0;
        t.clear(|_| removed += 1);
        assert_eq!((removed, t.len()), (there, 0));
        assert!((0..40).all(|i| find(&t, now, &key(i)).is_none()));
        t.insert(now, key(7), 1, Duration::from_secs(600), Why::Rr);
        assert!(find(&t, now, &key(7)).is_some());
    }

    #[test]
    fn a_listing_in_slices_shows_every_session_once() {
        let (mut v4, v6) = (table(1024), Table::<Key6>::new(16, HashKey::new(&mut Seed::new(1))));
        for i in 1..=500 {
            v4.insert(Instant::ZERO, key(i), 1, TEN, Why::Rr);
        }
        let (mut seen, mut cursor) = (Vec::new(), Cursor::default());
        while let Some(views) = cursor.list(Instant::ZERO, &v4, &v6, 7) {
            assert!(views.len() < 7 + WAYS);
            seen.extend(views.iter().map(|v| v.addr));
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=500).map(widen).collect::<Vec<Addr>>());
    }

    #[test]
    fn ipv6_keys_keep_both_addresses() {
        let (client, dst) = (Addr::from_bits(u128::MAX - 5), Addr::from_bits(77 << 64));
        let k = Key6::new(3, client, 80, dst);
        assert_eq!((k.client(), k.dst(), k.server()), ((client, 80), dst, 3));
    }
}
