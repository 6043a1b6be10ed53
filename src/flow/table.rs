//! The flows of one family in one worker.
//!
//! Records lie in a slab with a list of free places; the index has two entries for each, one for the packets of either
//! direction as they come. Every operation is bounded: there is no chain, no tombstone and no growth. A full table gives
//! up the least valuable of the next sixteen records, full buckets that of their 24 entries.
//!
//! ```text
//!  tuple of a packet -> hash -> 2 buckets of 12 entries -> record <- the other entry
//! ```

use bng_platform::Zeroed;
use bytemuck::Zeroable;

use super::index::{Entry, Index};
use super::sources::Sources;
use super::{
    Direction, Displaced, Flow, Gone, Kind, Letter, News, Refused, Share, State, Timeouts, Touched, Tuple,
};
use super::{Via, View, Why, is_tcp};
use crate::hash::{HashKey, Spot};
use crate::net::{Addr, PortId};
use crate::seed::Seed;
use crate::time::{Instant, Pace, Tick};
use crate::wire::MacAddr;

/// An address as a record holds it.
pub(super) trait Family: Copy + Ord + Zeroable {
    fn narrow(addr: Addr) -> Self;
    fn widen(self) -> Addr;
    fn hash(key: &HashKey, src: Self, dst: Self, extra: u64) -> u64;
}

impl Family for u32 {
    fn narrow(addr: Addr) -> Self {
        addr.to_bits() as u32
    }
    fn widen(self) -> Addr {
        Addr::v4(self.into())
    }
    fn hash(key: &HashKey, src: Self, dst: Self, extra: u64) -> u64 {
        key.hash(u128::from(src) << 64 | u128::from(dst), extra)
    }
}

/// Quarters, because a `u128` would pad the record.
impl Family for [u32; 4] {
    fn narrow(addr: Addr) -> Self {
        let bits = addr.to_bits();
        [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
    }
    fn widen(self) -> Addr {
        Addr::from_bits(self.iter().fold(0, |bits, quarter| bits << 32 | u128::from(*quarter)))
    }
    fn hash(key: &HashKey, src: Self, dst: Self, extra: u64) -> u64 {
        key.hash(src.widen().to_bits(), key.hash(dst.widen().to_bits(), extra))
    }
}

/// A [`Tuple`] as it is compared with records.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends<A> {
    src: A,
    dst: A,
    sport: u16,
    dport: u16,
    proto: u8,
}

impl<A: Family> Ends<A> {
    #[inline]
    fn new(t: &Tuple) -> Self {
        Self { src: A::narrow(t.src), dst: A::narrow(t.dst), sport: t.sport, dport: t.dport, proto: t.proto }
    }

    fn tuple(self) -> Tuple {
        let Self { src, dst, sport, dport, proto } = self;
        Tuple { src: src.widen(), dst: dst.widen(), sport, dport, proto }
    }

    #[inline]
    fn hash(&self, key: &HashKey) -> u64 {
        let extra = u64::from(self.sport) << 48 | u64::from(self.dport) << 32 | u64::from(self.proto);
        A::hash(key, self.src, self.dst, extra)
    }
}

/// One flow.
#[derive(Debug, Clone, Copy, Zeroable)]
#[repr(C)]
struct Record<A> {
    /// Address of the initiator.
    initiator: A,
    /// Address of the responder, as the initiator knows it.
    responder: A,
    /// Address that packets of the initiator go on to.
    to: A,
    /// When the last packet was seen.
    last: Tick,
    created: Tick,
    /// In ticks. In a free record: the next free one and 1, or 0.
    timeout: u32,
    initiator_port: u16,
    responder_port: u16,
    from_port: u16,
    to_port: u16,
    /// Number of the source that packets of the initiator go on with; 0 is the initiator.
    from: u16,
    server: u16,
    target: u16,
    via_mac: MacAddr,
    via_port: PortId,
    peer: PortId,
    proto: u8,
    /// State (bits 0 to 2), kind (bits 3 and 4), owned (bit 5). 0 in a free record.
    bits: u8,
}

const _: () = assert!(size_of::<Record<u32>>() <= 52);
const _: () = assert!(size_of::<Record<[u32; 4]>>() <= 84);

const STATE: u8 = 0x07;
const KIND: u8 = 0x18;
const OWNED: u8 = 0x20;

impl<A: Family> Record<A> {
    #[inline]
    fn used(&self) -> bool {
        self.bits != 0
    }

    #[inline]
    fn state(&self) -> State {
        // A record in use always has a state.
        State::from_number(self.bits & STATE).unwrap_or(State::Closed)
    }

    fn set_state(&mut self, state: State) {
        self.bits = self.bits & !STATE | state as u8;
    }

    fn kind(&self) -> Kind {
        match (self.bits & KIND) >> 3 {
            0 => Kind::Dnat,
            1 => Kind::Proxy,
            2 => Kind::Snat,
            _ => Kind::Tnat,
        }
    }

    #[inline]
    fn owned(&self) -> bool {
        self.bits & OWNED != 0
    }

    fn via(&self) -> Via {
        Via { port: self.via_port, mac: self.via_mac }
    }

    fn set_via(&mut self, via: Via) {
        (self.via_port, self.via_mac) = (via.port, via.mac);
    }

    /// A third of the timeout. The workers of a shared flow tell each other of its first packet in each such period, so
    /// they know of each other's packets with this delay.
    #[inline]
    fn period(&self) -> u32 {
        self.timeout.div_ceil(3).max(1)
    }

    /// Idle for its timeout. The owner of a shared flow waits for late news of copies, and copies wait for the owner.
    #[inline]
    fn dead(&self, now: Tick) -> bool {
        let grace = match (self.peer, self.owned()) {
            (0, _) => 0,
            (_, true) => self.period(),
            (_, false) => self.period().saturating_mul(2),
        };
        now.since(self.last) >= self.timeout.saturating_add(grace)
    }

    /// The smallest is given up first.
    fn worth(&self, now: Tick) -> (bool, u8, std::cmp::Reverse<u32>) {
        (!self.dead(now), self.state().worth(), std::cmp::Reverse(now.since(self.last)))
    }

    fn news(&self) -> News {
        News { created: self.created, last: self.last, state: self.state(), timeout: self.timeout }
    }

    /// Takes in what another worker knows of this flow.
    fn learn(&mut self, news: &News) {
        let joined = self.state().join(news.state);
        // Whoever knows the later state knows the right timeout.
        if joined == news.state {
            self.timeout = news.timeout;
        }
        self.set_state(joined);
        self.last = self.last.max(news.last);
    }
}

/// Most records that one slice of a listing looks at.
const LISTING: u32 = 4_096;
/// Records that are weighed against each other when the table is full.
const SAMPLE: usize = 16;

/// The flows of one family in one worker.
#[derive(Debug)]
pub(super) struct Table<A> {
    /// The interface of this worker.
    port: PortId,
    index: Index,
    records: Zeroed<Record<A>>,
    sources: Sources<A>,
    key: HashKey,
    len: usize,
    /// Records that were ever used; those behind them are free.
    extent: u32,
    /// The first of the free records among them and 1, or 0.
    free: u32,
    /// Next record that may have to go for a new one.
    hand: u32,
    /// Next record to look at for expiry.
    broom: u32,
    pace: Pace,
}

/// Bytes of a table for `capacity` flows of IPv6 or IPv4, index included.
pub fn bytes(capacity: usize, v6: bool) -> usize {
    let index = Index::new(2 * capacity, &HashKey::new(&mut Seed::new(0))).bytes();
    let record = if v6 { size_of::<Record<[u32; 4]>>() } else { size_of::<Record<u32>>() };
    index + capacity * record
}

impl<A: Family> Table<A> {
    /// A table for `capacity` flows, at least one.
    pub(super) fn new(port: PortId, capacity: usize, seed: &mut Seed) -> Self {
        assert!(capacity <= Entry::RECORDS / 2, "a table cannot hold {capacity} flows");
        let (key, capacity) = (HashKey::new(seed), capacity.max(1));
        Self {
            port,
            index: Index::new(2 * capacity, &key),
            records: Zeroed::new(capacity),
            sources: Sources::default(),
            key,
            len: 0,
            extent: 0,
            free: 0,
            hand: 0,
            broom: 0,
            pace: Pace::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.records.len()
    }

    pub(super) fn extent(&self) -> u32 {
        self.extent
    }

    #[inline]
    fn at(&self, record: u32) -> &Record<A> {
        &self.records[record as usize]
    }

    #[inline]
    fn at_mut(&mut self, record: u32) -> &mut Record<A> {
        &mut self.records[record as usize]
    }

    pub(super) fn state(&self, record: u32) -> State {
        self.at(record).state()
    }

    pub(super) fn owned(&self, record: u32) -> bool {
        self.at(record).owned()
    }

    #[inline]
    pub(super) fn locate(&self, tuple: &Tuple) -> Spot {
        self.spot(&Ends::new(tuple))
    }

    #[inline]
    fn spot(&self, ends: &Ends<A>) -> Spot {
        self.index.spot(ends.hash(&self.key))
    }

    /// First all buckets, then all records: one after the other every miss would cost the whole way to memory.
    pub(super) fn warm(&self, spots: impl Iterator<Item = Spot> + Clone) {
        let mut seen = 0;
        for spot in spots.clone() {
            seen ^= self.index.peek(spot);
        }
        std::hint::black_box(seen);
        for spot in spots {
            for entry in self.index.candidates(spot) {
                // A record may lie on two lines; these are its ends.
                let record = self.at(entry.record());
                seen ^= u32::from(record.bits) ^ u32::from(record.initiator > record.responder);
            }
        }
        std::hint::black_box(seen);
    }

    /// The tuple that packets of `record` in `direction` show.
    #[inline]
    fn ends(&self, record: &Record<A>, direction: Direction) -> Ends<A> {
        match direction {
            Direction::Original => Ends {
                src: record.initiator,
                dst: record.responder,
                sport: record.initiator_port,
                dport: record.responder_port,
                proto: record.proto,
            },
            Direction::Reply => Ends {
                src: record.to,
                dst: self.sources.get(record.from).unwrap_or(record.initiator),
                sport: record.to_port,
                dport: record.from_port,
                proto: record.proto,
            },
        }
    }

    /// The record of `ends`, dead or alive.
    #[inline]
    fn seek(&self, spot: Spot, ends: &Ends<A>) -> Option<Entry> {
        let shows = |entry: &Entry| self.ends(self.at(entry.record()), entry.direction()) == *ends;
        self.index.candidates(spot).find(shows)
    }

    #[inline]
    pub(super) fn find(&self, now: Tick, spot: Spot, tuple: &Tuple) -> Option<(u32, Direction)> {
        let entry = self.seek(spot, &Ends::new(tuple))?;
        (!self.at(entry.record()).dead(now)).then_some((entry.record(), entry.direction()))
    }

    /// The flow whose initiator sends `original`, dead or alive.
    fn original(&self, original: &Tuple) -> Option<u32> {
        let ends = Ends::new(original);
        let entry = self.seek(self.spot(&ends), &ends)?;
        (entry.direction() == Direction::Original).then_some(entry.record())
    }

    pub(super) fn flow(&self, record: u32) -> Flow {
        let r = self.at(record);
        let reply = self.ends(r, Direction::Reply).tuple();
        Flow {
            kind: r.kind(),
            original: self.ends(r, Direction::Original).tuple(),
            translated: reply.reversed(),
            server: r.server,
            target: r.target,
            via: r.via(),
            peer: r.peer,
        }
    }

    pub(super) fn insert(
        &mut self,
        now: Tick,
        flow: &Flow,
        news: &News,
        owned: bool,
        gone: &mut Displaced,
    ) -> Result<u32, Refused> {
        let both = [
            (Direction::Original, Ends::new(&flow.original)),
            (Direction::Reply, Ends::<A>::new(&flow.reply())),
        ];
        if both[0].1 == both[1].1 {
            return Err(Refused::Mirrored);
        }
        let mut replaced = [None; 2];
        for ((direction, ends), replaced) in both.iter().zip(&mut replaced) {
            let Some(entry) = self.seek(self.spot(ends), ends) else { continue };
            let old = self.at(entry.record());
            let again = *direction == Direction::Original && entry.direction() == Direction::Original;
            let over = old.dead(now) || old.state() == State::Closed || again && old.state().ending();
            // Of two copies the newer one is right: their owners have sorted it out.
            if !over && (owned || old.owned()) {
                return Err(Refused::Taken);
            }
            *replaced = Some(entry.record());
        }
        let (initiator, from) = (both[0].1.src, both[1].1.dst);
        let from = if from == initiator { 0 } else { self.sources.claim(from).ok_or(Refused::Sources)? };
        if replaced[0] == replaced[1] {
            replaced[1] = None;
        }
        for record in replaced.into_iter().flatten() {
            let why = if self.at(record).dead(now) { Why::Expired } else { Why::Replaced };
            gone.push(self.take(record, why));
        }
        let record = match self.vacant() {
            Some(record) => record,
            None => {
                let victim = self.sample(now);
                gone.push(self.give_up(now, victim));
                self.vacant().expect("a record was just given up")
            }
        };
        *self.at_mut(record) = Record {
            initiator,
            responder: both[0].1.dst,
            to: both[1].1.src,
            last: news.last,
            created: news.created,
            timeout: news.timeout,
            initiator_port: flow.original.sport,
            responder_port: flow.original.dport,
            from_port: flow.translated.sport,
            to_port: flow.translated.dport,
            from,
            server: flow.server,
            target: flow.target,
            via_mac: flow.via.mac,
            via_port: flow.via.port,
            peer: flow.peer,
            proto: flow.original.proto,
            bits: news.state as u8 | (flow.kind as u8) << 3 | if owned { OWNED } else { 0 },
        };
        self.len += 1;
        for (direction, ends) in both {
            let (spot, entry) = (self.spot(&ends), Entry::new(record, direction));
            while !self.index.insert(spot, entry) {
                let others = self.index.neighbours(spot).map(Entry::record).filter(|other| *other != record);
                let victim = others.min_by_key(|other| self.at(*other).worth(now));
                gone.push(self.give_up(now, victim.expect("two full buckets hold more than one flow")));
            }
        }
        Ok(record)
    }

    /// A record that is not used.
    fn vacant(&mut self) -> Option<u32> {
        if let Some(record) = self.free.checked_sub(1) {
            self.free = self.at(record).timeout;
            return Some(record);
        }
        let fresh = ((self.extent as usize) < self.records.len()).then_some(self.extent)?;
        self.extent += 1;
        Some(fresh)
    }

    /// The least valuable of some records of a full table. They are spread evenly over it: flows that have come
    /// together lie together, and what is established is not to go because its neighbours are.
    fn sample(&mut self, now: Tick) -> u32 {
        let all = self.records.len() as u32;
        let stride = (all / SAMPLE as u32).max(1);
        let mut victim = self.hand;
        for step in 1..all.div_ceil(stride) {
            let record = (self.hand + step * stride) % all;
            if self.at(record).worth(now) < self.at(victim).worth(now) {
                victim = record;
            }
        }
        self.hand = (self.hand + 1) % all;
        victim
    }

    fn give_up(&mut self, now: Tick, record: u32) -> Gone {
        let why = if self.at(record).dead(now) { Why::Expired } else { Why::Evicted };
        self.take(record, why)
    }

    /// Takes a flow out.
    pub(super) fn take(&mut self, record: u32, why: Why) -> Gone {
        let old = *self.at(record);
        let (flow, state) = (self.flow(record), old.state());
        for direction in [Direction::Original, Direction::Reply] {
            let spot = self.spot(&self.ends(&old, direction));
            let there = self.index.remove(spot, Entry::new(record, direction));
            debug_assert!(there, "record {record} has lost an entry");
        }
        self.sources.release(old.from);
        let next = std::mem::replace(&mut self.free, record + 1);
        *self.at_mut(record) = Record { timeout: next, ..Record::zeroed() };
        self.len -= 1;
        Gone { flow, state, owned: old.owned(), why, created: old.created }
    }

    /// Notes a packet; returns what the peer must be told.
    #[inline]
    pub(super) fn touch(
        &mut self,
        record: u32,
        now: Tick,
        direction: Direction,
        tcp_flags: u8,
        via: Via,
        timeouts: &Timeouts,
    ) -> Touched {
        let r = self.at_mut(record);
        let old = r.state();
        let state = old.next(direction, tcp_flags);
        let moved = direction == Direction::Original && r.via() != via;
        if moved {
            r.set_via(via);
        }
        if state != old {
            r.set_state(state);
            // A new connection in the place of the old one. Only its owner can say so.
            if r.owned() && old.ending() && !state.ending() {
                r.created = now;
            }
        }
        r.timeout = timeouts.of(state, is_tcp(r.proto));
        let due = now != r.last && now.period(r.period()) != r.last.period(r.period());
        r.last = r.last.max(now);
        let news = due || state != old;
        if r.peer == 0 || !(news || moved) {
            return Touched { letter: None, news };
        }
        let (peer, told, owned) = (r.peer, r.news(), r.owned());
        let share = if owned {
            Share::Install { owner: self.port, flow: self.flow(record), news: told }
        } else {
            let original = self.ends(self.at(record), Direction::Original).tuple();
            Share::Touch { original, news: told, via: moved.then_some(via) }
        };
        Touched { letter: Some(Letter { to: peer, share }), news }
    }

    /// Makes a copy of another worker's flow, or brings it up to date.
    pub(super) fn install(&mut self, now: Tick, copy: &Flow, news: &News) -> Result<Displaced, Refused> {
        let mut gone = Displaced::new();
        if let Some(record) = self.original(&copy.original) {
            let same = self.flow(record).translated == copy.translated;
            let r = self.at_mut(record);
            if !r.owned() && r.created == news.created && same {
                r.learn(news);
                r.set_via(copy.via);
                r.peer = copy.peer;
                return Ok(gone);
            }
        }
        self.insert(now, copy, news, false, &mut gone)?;
        Ok(gone)
    }

    /// Takes in what a copy tells.
    pub(super) fn learn(&mut self, original: &Tuple, news: &News, via: Option<Via>) {
        let Some(record) = self.original(original) else { return };
        let r = self.at_mut(record);
        if r.created == news.created {
            r.learn(news);
            if let Some(via) = via {
                r.set_via(via);
            }
        }
    }

    /// Removes the copy of a flow that its owner has removed.
    pub(super) fn forget(&mut self, original: &Tuple, created: Tick) -> Option<Gone> {
        let record = self.original(original)?;
        let r = self.at(record);
        (!r.owned() && r.created == created).then(|| self.take(record, Why::Removed))
    }

    /// Removes the expired flow whose initiator sends `original`.
    pub(super) fn bury(&mut self, now: Tick, original: &Tuple) -> Option<Gone> {
        let record = self.original(original).filter(|record| self.at(*record).dead(now))?;
        Some(self.take(record, Why::Expired))
    }

    pub(super) fn sweep(&mut self, now: Instant, slice: usize, gone: &mut impl FnMut(Gone)) {
        let due = self.pace.due(now, self.extent as usize, slice);
        let now = Tick::at(now);
        for _ in 0..due {
            let record = self.broom;
            self.broom = (self.broom + 1) % self.extent;
            if self.at(record).used() && self.at(record).dead(now) {
                gone(self.take(record, Why::Expired));
            }
        }
    }

    pub(super) fn clear(&mut self, gone: &mut impl FnMut(Gone)) {
        for record in 0..self.extent {
            if self.at(record).used() {
                gone(self.take(record, Why::Removed));
            }
        }
    }

    /// Tells `seen` of the live flows from `record` on, until it has seen `max` or looked at enough of them. Returns
    /// the record to go on with.
    pub(super) fn walk(&self, now: Tick, record: u32, max: usize, mut seen: impl FnMut(View)) -> u32 {
        let (mut count, end) = (0, self.extent.min(record.saturating_add(LISTING)));
        for at in record..end {
            if count >= max {
                return at;
            }
            let r = self.at(at);
            if r.used() && !r.dead(now) {
                seen(View {
                    flow: self.flow(at),
                    state: r.state(),
                    owned: r.owned(),
                    age: Tick::span(now.since(r.created)),
                    idle: Tick::span(now.since(r.last)),
                    timeout: Tick::span(r.timeout),
                });
                count += 1;
            }
        }
        end
    }

    /// Every record has its two entries and every entry its record; free and used records are all there are.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let entries = self.index.all();
        assert_eq!(entries.len(), 2 * self.len);
        for entry in entries {
            let r = self.at(entry.record());
            assert!(r.used(), "a stale entry of record {}", entry.record());
            let ends = self.ends(r, entry.direction());
            assert_eq!(self.seek(self.spot(&ends), &ends), Some(entry), "two flows show one tuple");
        }
        let (mut free, mut next) = (0, self.free);
        while let Some(record) = next.checked_sub(1) {
            assert!(!self.at(record).used());
            (free, next) = (free + 1, self.at(record).timeout);
        }
        assert_eq!(self.len + free, self.extent as usize);
    }
}
