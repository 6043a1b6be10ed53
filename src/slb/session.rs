//! The session table of one worker: who is served by whom.
//!
//! A table has a fixed number of buckets of eight sessions. A session may live in one of two buckets, found by a
//! keyed hash; one byte of the hash (its tag) stands in an index word per bucket, so that a lookup reads two words
//! and, almost always, one session. There is no chain to walk, no tombstone and no growth: the cost of any
//! operation is bounded. When both buckets are full, a session of theirs moves to its own other bucket; a table that
//! has reached its capacity replaces the least valuable of sixteen sessions.
//!
//! ```text
//!            index: one u64 per bucket        sessions: eight records per bucket
//!  hash ---> | t t 0 t 0 0 t t |  ----------> | s | s |   | s |   |   | s | s |
//!      \---> | 0 t t 0 0 0 0 0 |  ----------> |   | s | s |   |   |   |   |   |
//! ```

use std::cmp::Reverse;
use std::net::Ipv4Addr;

use bng_platform::Zeroed;
use bytemuck::Zeroable;

use crate::flow::{Direction, State, state};
use crate::hash::{Buckets, HashKey};
use crate::net::Addr;
use crate::seed::Seed;
use crate::time::{Duration, Instant, Pace, Tick};

pub use crate::hash::Spot;

const WAYS: usize = 8;

/// What identifies a session: which of these are used is the server's `sessionid`, the others are zero.
pub trait Key: Copy + Eq + Zeroable {
    /// What a record is filled up with to end at the end of a cache line.
    type Pad: Copy + Zeroable + std::fmt::Debug;
    /// A key of these parts.
    fn new(server: u16, client: Addr, port: u16, dst: Addr) -> Self;
    /// Server number.
    fn server(&self) -> u16;
    /// Client address and port.
    fn client(&self) -> (Addr, u16);
    /// Destination address.
    fn dst(&self) -> Addr;
    /// What its hash is made of.
    fn bits(&self) -> (u128, u64);
}

/// Key of an IPv4 session, 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Zeroable)]
pub struct Key4 {
    client: u32,
    dst: u32,
    port: u16,
    server: u16,
}

/// Key of an IPv6 session, 36 bytes. Quarters of addresses, because a `u128` would pad the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Zeroable)]
#[repr(C)]
pub struct Key6 {
    client: [u32; 4],
    dst: [u32; 4],
    port: u16,
    server: u16,
}

/// The part of a key that is not used.
const NONE: Addr = Addr::from_bits(0);

/// An IPv4 address that is not part of the key is none, not `0.0.0.0`.
fn widen(v4: u32) -> Addr {
    if v4 == 0 { NONE } else { Addr::v4(Ipv4Addr::from_bits(v4)) }
}

fn quarters(a: Addr) -> [u32; 4] {
    [96, 64, 32, 0].map(|shift| (a.to_bits() >> shift) as u32)
}

fn join(q: [u32; 4]) -> Addr {
    Addr::from_bits(q.iter().fold(0, |bits, quarter| bits << 32 | u128::from(*quarter)))
}

impl Key for Key4 {
    type Pad = ();
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
    #[inline]
    fn bits(&self) -> (u128, u64) {
        let wide = u128::from(self.client) | u128::from(self.dst) << 64;
        (wide, u64::from(self.port) << 16 | u64::from(self.server))
    }
}

impl Key for Key6 {
    type Pad = [u32; 2];
    fn new(server: u16, client: Addr, port: u16, dst: Addr) -> Self {
        Self { client: quarters(client), dst: quarters(dst), port, server }
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
    #[inline]
    fn bits(&self) -> (u128, u64) {
        let wide = join(self.client).to_bits() ^ join(self.dst).to_bits().rotate_left(61);
        (wide, u64::from(self.port) << 16 | u64::from(self.server))
    }
}

/// Why a session went to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Why {
    /// Round robin chose it.
    Rr = 1,
    /// Its earlier target went down, and the method chose this one.
    Moved = 2,
    /// The choice that everybody makes who does not remember its connection.
    Consistent = 3,
    /// Chance, by weight.
    Random = 4,
    /// The hash of the client's network.
    Hash = 5,
    /// The hash of what tells sessions apart.
    Maglev = 6,
    /// The first of the list.
    First = 7,
    /// The fewest sessions.
    Session = 8,
    /// The least traffic.
    Bw = 9,
    /// The lowest load.
    Agent = 10,
    /// Chance, by load.
    RndAgent = 11,
    /// Chance, by sessions.
    RndSession = 12,
    /// Chance, by traffic.
    RndBw = 13,
}

impl Why {
    /// Every reason with its word.
    pub const ALL: [(&'static str, Self); 13] = [
        ("rr", Self::Rr),
        ("moved", Self::Moved),
        ("consistent", Self::Consistent),
        ("random", Self::Random),
        ("hash", Self::Hash),
        ("maglev", Self::Maglev),
        ("first", Self::First),
        ("session", Self::Session),
        ("bw", Self::Bw),
        ("agent", Self::Agent),
        ("rndagent", Self::RndAgent),
        ("rndsession", Self::RndSession),
        ("rndbw", Self::RndBw),
    ];

    /// Its word: that of the method that chose, `moved` or `consistent`.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, why)| *why == self).map_or("", |(word, _)| word)
    }
}

/// Idle times after which a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// At any time: `stimeout`.
    pub idle: Duration,
    /// Once its connection has begun to end: `ftimeout`, zero for never.
    pub ended: Duration,
}

/// One session.
///
/// 32 bytes for IPv4 and 64 for IPv6, so that none lies on two cache lines. Times are ticks of a tenth of a second: a
/// session may end by less than that too early.
#[derive(Debug, Clone, Copy, Zeroable)]
#[repr(C)]
pub struct Session<K>
where
    K: Key,
{
    created: Tick,
    last: Tick,
    /// In ticks.
    timeout: u32,
    /// In ticks; 0 is off.
    ftimeout: u32,
    /// Target number.
    pub target: u16,
    why: u8,
    state: u8,
    /// Identity.
    pub key: K,
    pad: K::Pad,
}

const _: () = assert!(size_of::<Session<Key4>>() == 32 && size_of::<Session<Key6>>() == 64);

impl<K: Key> Session<K> {
    /// Idle time after which it is removed.
    pub fn timeout(&self) -> Duration {
        Tick::span(self.timeout)
    }

    /// The same once its connection has begun to end; zero is off.
    pub fn ftimeout(&self) -> Duration {
        Tick::span(self.ftimeout)
    }

    /// How far its connection has come. Connections under one id share a state.
    #[inline]
    pub fn state(&self) -> State {
        // Sessions are made with a state.
        State::from_number(self.state).unwrap_or(State::Closed)
    }

    /// Why it went to its target.
    pub fn why(&self) -> Why {
        // Sessions are made with a reason.
        Why::ALL.iter().find(|(_, why)| *why as u8 == self.why).map_or(Why::Rr, |(_, why)| *why)
    }

    /// Gives the session to another target.
    pub fn move_to(&mut self, target: u16) {
        self.target = target;
        self.why = Why::Moved as u8;
    }

    /// Notes a packet with `tcp_flags`, 0 for what is not TCP. Those of the target may never be seen.
    #[inline]
    pub fn touch(&mut self, now: Instant, tcp_flags: u8, direction: Direction) {
        self.last = Tick::at(now);
        let old = self.state();
        self.state = match direction {
            // One more connection of a client that is known to answer.
            Direction::Original if old.ending() && state::asks(tcp_flags) && !self.single() => {
                State::Established
            }
            Direction::Original => old.next_unanswered(tcp_flags),
            Direction::Reply => old.next(direction, tcp_flags),
        } as u8;
    }

    /// Notes that a translated connection of this session is in `state`; its packets do not come here.
    pub fn mirror(&mut self, now: Instant, state: State) {
        self.last = Tick::at(now);
        if self.single() {
            self.state = state as u8;
        } else if self.state().half_open() && !state.half_open() {
            self.state = State::Established as u8;
        }
    }

    /// The one connection of this session has begun to end: a segment that asks for a connection is a new client's, and
    /// is to be given to a target anew.
    #[inline]
    pub fn finished(&self) -> bool {
        self.single() && self.state().ending()
    }

    /// Its id tells connections apart.
    fn single(&self) -> bool {
        self.key.client().1 != 0
    }

    #[inline]
    fn dead(&self, now: Tick) -> bool {
        let limit = if self.ftimeout != 0 && self.state().ending() { self.ftimeout } else { self.timeout };
        now.since(self.last) >= limit
    }

    /// The smallest is given up first.
    fn worth(&self, now: Tick) -> (bool, u8, Reverse<u32>) {
        (!self.dead(now), self.state().worth(), Reverse(now.since(self.last)))
    }
}

/// What became of room for a new session.
#[derive(Debug, Clone, Copy)]
pub enum Room<K: Key> {
    /// There was a free place.
    Free,
    /// An expired session made place.
    Expired(Session<K>),
    /// A live session had to go: half-open ones first, then ended ones, then the one idle for longest.
    Evicted(Session<K>),
}

/// The sessions of one family in one worker.
#[derive(Debug)]
pub struct Table<K: Key> {
    /// One word for each bucket, one tag for each session; a tag of 0 is a free place.
    index: Vec<u64>,
    sessions: Zeroed<Session<K>>,
    spread: Buckets,
    key: HashKey,
    capacity: usize,
    len: usize,
    /// Next bucket to look at for expired sessions.
    sweep: usize,
    pace: Pace,
}

/// Where a session lives.
#[derive(Debug, Clone, Copy)]
pub struct Place(usize);

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// High bit set in every byte of `word` that equals `tag`, and possibly in the byte above one that does: a false
/// match only costs a comparison of keys.
#[inline]
const fn matching(word: u64, tag: u8) -> u64 {
    let x = word ^ (LOW * tag as u64);
    x.wrapping_sub(LOW) & !x & HIGH
}

/// The high bit of every byte of `word` that is 0.
const fn vacant(word: u64) -> u64 {
    !(((word & !HIGH) + !HIGH) | word | !HIGH)
}

/// Most sessions that one call of [`Table::sweep`] looks at: some 50 microseconds when they are cold.
const SLICE: usize = 16_384;

/// Buckets for `capacity` sessions: a twentieth more than they fill, so that there is nearly always a free place among
/// two buckets and those a move away.
fn buckets(capacity: usize) -> usize {
    (capacity + capacity / 20).div_ceil(WAYS)
}

impl<K: Key> Table<K> {
    /// A table for `capacity` sessions, at least 16. Its memory is taken from the system page by page as sessions come.
    ///
    /// # Panics
    /// When the capacity is above 10^10.
    pub fn new(capacity: usize, seed: &mut Seed) -> Self {
        let key = HashKey::new(seed);
        let capacity = capacity.max(2 * WAYS);
        let spread = Buckets::new(buckets(capacity), &key);
        Self {
            index: vec![0; spread.count()],
            sessions: Zeroed::new(spread.count() * WAYS),
            spread,
            key,
            capacity,
            len: 0,
            sweep: 0,
            pace: Pace::default(),
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

    /// Most sessions it holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes of a full table for `capacity` sessions, index included.
    pub fn bytes(capacity: usize) -> usize {
        buckets(capacity) * (WAYS * size_of::<Session<K>>() + size_of::<u64>())
    }

    /// Where the session of `key` may live.
    #[inline]
    pub fn locate(&self, key: &K) -> Spot {
        let (wide, extra) = key.bits();
        self.spread.spot(self.key.hash(wide, extra))
    }

    /// Brings what lies at `spots` into the cache. One after the other every miss costs the whole way to memory;
    /// asked for together, the misses of a batch overlap.
    pub fn warm<'a>(&self, spots: impl Iterator<Item = &'a Spot> + Clone) {
        let mut words = 0;
        for spot in spots.clone() {
            words ^= self.index[spot.first as usize] ^ self.index[spot.second as usize];
        }
        std::hint::black_box(words);
        let mut times = 0;
        for spot in spots {
            let first = matching(self.index[spot.first as usize], spot.tag);
            let (bucket, hits) = if first != 0 {
                (spot.first, first)
            } else {
                (spot.second, matching(self.index[spot.second as usize], spot.tag))
            };
            if hits != 0 {
                let session = &self.sessions[bucket as usize * WAYS + hits.trailing_zeros() as usize / 8];
                times ^= session.timeout;
            }
        }
        std::hint::black_box(times);
    }

    #[inline]
    fn find_in(&self, bucket: u32, tag: u8, key: &K) -> Option<Place> {
        let mut hits = matching(self.index[bucket as usize], tag);
        while hits != 0 {
            let at = bucket as usize * WAYS + hits.trailing_zeros() as usize / 8;
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
        self.seek(spot, key).filter(|place| !self.sessions[place.0].dead(Tick::at(now)))
    }

    /// The session at `place`.
    pub fn get(&self, place: Place) -> &Session<K> {
        &self.sessions[place.0]
    }

    /// The session at `place`, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: Place) -> &mut Session<K> {
        &mut self.sessions[place.0]
    }

    /// Puts a new session into the table, in place of an older one with the same key if there is one. `state` is that
    /// after its first packet.
    pub fn insert(
        &mut self,
        now: Instant,
        key: K,
        target: u16,
        timeouts: Timeouts,
        why: Why,
        state: State,
    ) -> Room<K> {
        let (spot, now) = (self.locate(&key), Tick::at(now));
        let (at, room) = match self.seek(spot, &key) {
            Some(Place(at)) => (at, Room::Expired(self.sessions[at])),
            None => self.make_room(now, spot),
        };
        if matches!(room, Room::Free) {
            self.len += 1;
        }
        self.set_tag(at, spot.tag);
        self.sessions[at] = Session {
            created: now,
            last: now,
            timeout: Tick::count(timeouts.idle),
            ftimeout: Tick::count(timeouts.ended),
            target,
            why: why as u8,
            state: state as u8,
            key,
            pad: K::Pad::zeroed(),
        };
        room
    }

    /// A place in one of two buckets: a free one, unless the table is full; else the least valuable session's.
    fn make_room(&mut self, now: Tick, spot: Spot) -> (usize, Room<K>) {
        let free = |bucket: u32| vacant(self.index[bucket as usize]).count_ones();
        let emptier = if free(spot.second) > free(spot.first) { spot.second } else { spot.first };
        let full = self.len >= self.capacity;
        if !full && let Some(at) = self.vacancy(emptier) {
            return (at, Room::Free);
        }
        let ways = |bucket: u32| bucket as usize * WAYS..(bucket as usize + 1) * WAYS;
        let there = ways(spot.first).chain(ways(spot.second)).filter(|at| self.tag(*at) != 0);
        let victim = there.min_by_key(|at| self.sessions[*at].worth(now));
        // Two empty buckets: nobody in reach can go, and there is room for one more.
        let Some(victim) = victim else { return (emptier as usize * WAYS, Room::Free) };
        let session = self.sessions[victim];
        if session.dead(now) {
            return (victim, Room::Expired(session));
        }
        if !full && let Some(at) = self.displace(spot) {
            return (at, Room::Free);
        }
        (victim, Room::Evicted(session))
    }

    /// A free place of `bucket`.
    fn vacancy(&self, bucket: u32) -> Option<usize> {
        let free = vacant(self.index[bucket as usize]);
        (free != 0).then(|| bucket as usize * WAYS + free.trailing_zeros() as usize / 8)
    }

    /// Frees a place of two full buckets, by one move of a session if that will do, else by two: at most 16 buckets are
    /// looked at in the first case, which is nearly always the case, and 144 in the second.
    fn displace(&mut self, spot: Spot) -> Option<usize> {
        let both = [spot.first, spot.second];
        let one = both.into_iter().find_map(|bucket| self.push_out(bucket, 0));
        one.or_else(|| both.into_iter().find_map(|bucket| self.push_out(bucket, 1)))
    }

    /// Frees a place of a full bucket: moves a session to its own other bucket, where `moves` more sessions may have to
    /// move for it.
    fn push_out(&mut self, bucket: u32, moves: u8) -> Option<usize> {
        for at in bucket as usize * WAYS..(bucket as usize + 1) * WAYS {
            let tag = self.tag(at);
            let other = self.spread.other(bucket, tag);
            let further = |table: &mut Self| if moves > 0 { table.push_out(other, moves - 1) } else { None };
            if let Some(to) = self.vacancy(other).or_else(|| further(self)) {
                self.sessions[to] = self.sessions[at];
                self.set_tag(to, tag);
                return Some(at);
            }
        }
        None
    }

    /// Removes expired sessions, a slice at a time: a whole round takes a second of `now`, or a microsecond for each
    /// place of the table if that is longer; one call looks at no more than 16,384 sessions. `removed` is told of each.
    pub fn sweep(&mut self, now: Instant, mut removed: impl FnMut(&Session<K>)) {
        let buckets = self.index.len();
        // Empty buckets cost next to nothing, so eight times as many places may be passed over.
        let due = self.pace.due(now, buckets * WAYS, 8 * SLICE);
        let (now, mut looked_at) = (Tick::at(now), 0);
        for _ in 0..due.div_ceil(WAYS) {
            if looked_at >= SLICE {
                break;
            }
            let bucket = self.sweep;
            self.sweep = (self.sweep + 1) % buckets;
            if self.index[bucket] == 0 {
                continue;
            }
            looked_at += WAYS;
            for at in bucket * WAYS..(bucket + 1) * WAYS {
                if self.tag(at) != 0 && self.sessions[at].dead(now) {
                    self.set_tag(at, 0);
                    self.len -= 1;
                    removed(&self.sessions[at]);
                }
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
        let now = Tick::at(now);
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
    /// The same once its connection has begun to end; zero is off.
    pub ftimeout: Duration,
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
            age: Tick::span(Tick::at(now).since(session.created)),
            timeout: session.timeout(),
            ftimeout: session.ftimeout(),
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

    fn table(capacity: usize) -> Table<Key4> {
        Table::new(capacity, &mut Seed::new(3))
    }

    fn key(i: u32) -> Key4 {
        Key4::new(1, Addr::v4(Ipv4Addr::from_bits(i)), 0, NONE)
    }

    fn find(t: &Table<Key4>, now: Instant, key: &Key4) -> Option<Place> {
        t.find(now, t.locate(key), key)
    }

    const fn secs(idle: u64) -> Timeouts {
        Timeouts { idle: Duration::from_secs(idle), ended: Duration::ZERO }
    }

    const TEN: Timeouts = secs(10);

    /// A session that asks for its connection.
    fn put(t: &mut Table<Key4>, now: Instant, key: Key4, timeouts: Timeouts) -> Room<Key4> {
        t.insert(now, key, 1, timeouts, Why::Rr, State::Opening)
    }

    fn touch(t: &mut Table<Key4>, now: Instant, key: &Key4, flags: u8) {
        let place = find(t, now, key).unwrap();
        t.get_mut(place).touch(now, flags, Direction::Original);
    }

    #[test]
    fn records_keep_their_size() {
        let sessions = 10_000_000;
        assert!(Table::<Key4>::bytes(sessions) <= 35 * sessions);
        assert!(Table::<Key6>::bytes(sessions) <= 69 * sessions);
        // What the original says of itself: ten million in 512 megabytes.
        assert!(Table::<Key4>::bytes(sessions) <= 512_000_000);
    }

    #[test]
    fn a_session_is_found_until_one_microsecond_before_its_timeout() {
        let mut t = table(64);
        put(&mut t, Instant::ZERO, key(1), TEN);
        let last = Instant::from_micros(9_999_999);
        assert!(find(&t, last, &key(1)).is_some());
        assert!(find(&t, Instant::from_secs(10), &key(1)).is_none());
        assert!(find(&t, last, &key(2)).is_none());
    }

    #[test]
    fn a_frame_restarts_the_timeout() {
        let mut t = table(64);
        put(&mut t, Instant::ZERO, key(1), TEN);
        touch(&mut t, Instant::from_secs(9), &key(1), 0);
        assert!(find(&t, Instant::from_secs(18), &key(1)).is_some());
    }

    #[test]
    fn a_table_holds_its_capacity_before_it_evicts() {
        for capacity in [1_000, 12_345, 1 << 17] {
            let mut t = table(capacity);
            for i in 1..=capacity as u32 {
                let room = put(&mut t, Instant::ZERO, key(i), TEN);
                assert!(matches!(room, Room::Free), "session {i} of {capacity}: {room:?}");
            }
            assert!((1..=capacity as u32).all(|i| find(&t, Instant::ZERO, &key(i)).is_some()));
            for i in 1..=1_000 {
                assert!(matches!(put(&mut t, Instant::ZERO, key(1 << 24 | i), TEN), Room::Evicted(_)));
            }
            assert_eq!(t.len(), capacity);
        }
    }

    #[test]
    fn half_open_sessions_go_first_then_ended_ones_then_the_idlest() {
        use crate::wire::tcp::flags::{ACK, FIN};
        // Two buckets, so that all sessions are candidates.
        let (mut t, now) = (table(16), Instant::from_secs(5));
        t.spread = Buckets::new(2, &t.key);
        for i in 0..16 {
            put(&mut t, Instant::from_millis(u64::from(i) * 100), key(i), TEN);
        }
        for i in (0..16).filter(|i| *i != 15) {
            touch(&mut t, Instant::from_millis(3_000 + u64::from(i) * 100), &key(i), ACK);
        }
        touch(&mut t, now, &key(14), FIN | ACK);
        let mut gone = Vec::new();
        for i in 100..103 {
            match put(&mut t, now, key(i), TEN) {
                Room::Evicted(s) => gone.push(s.key),
                room => panic!("nothing has expired and nothing is free: {room:?}"),
            }
            touch(&mut t, now, &key(i), ACK);
        }
        assert_eq!(gone, [key(15), key(14), key(0)]);
    }

    #[test]
    fn a_session_outlives_its_connection_by_ftimeout() {
        use crate::wire::tcp::flags::{ACK, FIN, RST};
        for end in [FIN | ACK, RST] {
            let (mut t, now) = (table(64), Instant::from_secs(1));
            put(&mut t, now, key(1), Timeouts { ended: Duration::from_secs(3), ..TEN });
            put(&mut t, now, key(2), TEN);
            for i in 1..=2 {
                touch(&mut t, now, &key(i), ACK);
                touch(&mut t, now, &key(i), end);
            }
            let (before, after) = (Instant::from_millis(3_900), Instant::from_secs(4));
            assert!(find(&t, before, &key(1)).is_some() && find(&t, after, &key(1)).is_none());
            assert!(find(&t, Instant::from_millis(10_900), &key(2)).is_some(), "0 is off");
        }
    }

    #[test]
    fn only_a_session_of_one_connection_is_finished() {
        use crate::wire::tcp::flags::{ACK, RST, SYN};
        let (mut t, now) = (table(64), Instant::from_secs(1));
        let one = Key4::new(1, Addr::v4(Ipv4Addr::new(10, 0, 0, 1)), 4_000, NONE);
        for k in [one, key(7)] {
            put(&mut t, now, k, TEN);
            touch(&mut t, now, &k, ACK);
            assert!(!t.get_mut(find(&t, now, &k).unwrap()).finished());
            touch(&mut t, now, &k, RST);
        }
        assert!(t.get_mut(find(&t, now, &one).unwrap()).finished());
        let place = find(&t, now, &key(7)).unwrap();
        assert!(!t.get_mut(place).finished());
        touch(&mut t, now, &key(7), SYN);
        assert_eq!(t.get_mut(place).state(), State::Established, "the client is known to answer");
    }

    /// What the table must agree with.
    #[derive(Clone, Copy)]
    struct Naive {
        target: u16,
        last: u32,
        timeout: u32,
        ftimeout: u32,
        state: State,
    }

    impl Naive {
        fn dead(&self, tick: u32) -> bool {
            let limit = if self.ftimeout > 0 && self.state.ending() { self.ftimeout } else { self.timeout };
            tick - self.last >= limit
        }
    }

    #[test]
    fn a_table_agrees_with_a_map() {
        use crate::wire::tcp::flags::{ACK, FIN, RST, SYN};
        for run in 0..8 {
            let (mut t, mut seed) = (table(200), Seed::new(run));
            let mut map = std::collections::BTreeMap::<(u32, u16), Naive>::new();
            let mut tick = 0;
            for _ in 0..6_000 {
                tick += seed.below(3) as u32;
                let now = Instant::from_millis(u64::from(tick) * 100 + seed.below(100));
                let id = (seed.below(100) as u32, seed.below(3) as u16);
                let k = Key4::new(1, Addr::v4(Ipv4Addr::from_bits(id.0)), id.1, NONE);
                let flags = [SYN, ACK, ACK, FIN | ACK, RST, 0][seed.below(6) as usize];
                let place = find(&t, now, &k);
                let known = map.get(&id).copied().filter(|naive| !naive.dead(tick));
                assert_eq!(place.is_some(), known.is_some(), "run {run}, {id:?}");
                if let (Some(place), Some(mut naive)) = (place, known) {
                    let session = t.get_mut(place);
                    assert_eq!((session.target, session.state()), (naive.target, naive.state));
                    session.touch(now, flags, Direction::Original);
                    let again = naive.state.ending() && state::asks(flags) && id.1 == 0;
                    naive.state = if again { State::Established } else { naive.state.next_unanswered(flags) };
                    naive.last = tick;
                    map.insert(id, naive);
                } else {
                    let (timeout, ftimeout) = (1 + seed.below(60) as u32, seed.below(2) as u32 * 5);
                    let naive = Naive {
                        target: seed.below(1_000) as u16,
                        last: tick,
                        timeout: timeout * 10,
                        ftimeout: ftimeout * 10,
                        state: State::first(seed.below(4) > 0, flags),
                    };
                    let timeouts = Timeouts {
                        idle: Duration::from_secs(timeout.into()),
                        ended: Duration::from_secs(ftimeout.into()),
                    };
                    let gone = match t.insert(now, k, naive.target, timeouts, Why::Rr, naive.state) {
                        Room::Free => None,
                        Room::Expired(s) => Some((s, true)),
                        Room::Evicted(s) => Some((s, false)),
                    };
                    if let Some((s, expired)) = gone {
                        let (client, port) = s.key.client();
                        let old = map.remove(&(client.to_bits() as u32, port)).expect("it was there");
                        assert_eq!((old.target, old.dead(tick)), (s.target, expired));
                    }
                    assert!(map.insert(id, naive).is_none());
                }
                if seed.below(20) == 0 {
                    t.sweep(now, |s| {
                        let (client, port) = s.key.client();
                        let old = map.remove(&(client.to_bits() as u32, port)).expect("it was there");
                        assert!(old.dead(tick));
                    });
                }
                assert_eq!(t.len(), map.len());
            }
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
                if !matches!(put(&mut t, now, k, secs(1)), Room::Free) {
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
            put(&mut t, now, key(i), secs(600));
        }
        let there = t.len();
        let mut removed = 0;
        t.clear(|_| removed += 1);
        assert_eq!((removed, t.len()), (there, 0));
        assert!((0..40).all(|i| find(&t, now, &key(i)).is_none()));
        put(&mut t, now, key(7), secs(600));
        assert!(find(&t, now, &key(7)).is_some());
    }

    #[test]
    fn a_listing_in_slices_shows_every_session_once() {
        let (mut v4, v6) = (table(1024), Table::<Key6>::new(16, &mut Seed::new(1)));
        for i in 1..=500 {
            put(&mut v4, Instant::ZERO, key(i), TEN);
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
