//! The table against a map that does the same naively, and two workers that share flows.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use crate::wire::protocol::{TCP, UDP};
use crate::wire::tcp::flags::{ACK, FIN, RST, SYN};

const TIMEOUTS: Timeouts =
    Timeouts { opening: 50, established: 600, closing: 100, closed: 20, single: 30, datagram: 120 };

const fn via(n: u8) -> Via {
    Via { port: 1, mac: MacAddr([2, 0, 0, 0, 0, n]) }
}

/// Host `n` of a family.
fn host(v6: bool, n: u8) -> Addr {
    if v6 {
        Addr::v6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, n.into()))
    } else {
        Addr::v4(Ipv4Addr::new(10, 0, 0, n))
    }
}

fn tuple(v6: bool, proto: u8, src: (u8, u16), dst: (u8, u16)) -> Tuple {
    Tuple { src: host(v6, src.0), dst: host(v6, dst.0), sport: src.1, dport: dst.1, proto }
}

/// A client's connection to a virtual server, given to a target.
fn dnat(client: (u8, u16), server: u8, target: u8) -> Flow {
    Flow {
        kind: Kind::Dnat,
        original: tuple(false, TCP, client, (server, 80)),
        translated: tuple(false, TCP, client, (target, 8080)),
        server: 1,
        target: 1,
        via: via(1),
        peer: 0,
    }
}

fn flows(v4: usize, v6: usize) -> Flows {
    Flows::new(1, v4, v6, &mut Seed::new(7))
}

fn at(tick: u32) -> Instant {
    Instant::ZERO + Tick::span(tick)
}

fn find(flows: &Flows, tick: u32, tuple: &Tuple) -> Option<(Handle, Direction)> {
    let spot = flows.locate(tuple);
    flows.warm([spot].iter());
    flows.find(at(tick), spot, tuple)
}

#[test]
fn a_flow_costs_no_more_than_promised() {
    for capacity in [100_000, 1_000_000, 10_000_000] {
        let (v4, v6) = (bytes(capacity, false), bytes(capacity, true));
        assert!(v4 <= 64 * capacity && v6 <= 96 * capacity, "{v4} and {v6} bytes for {capacity}");
    }
}

#[test]
fn both_directions_find_the_flow_and_it_comes_out_as_it_went_in() {
    let mut table = flows(64, 64);
    for v6 in [false, true] {
        for (n, kind) in [(1, Kind::Dnat), (2, Kind::Proxy), (3, Kind::Snat), (4, Kind::Tnat)] {
            let from = if kind == Kind::Dnat { (n, 1000) } else { (200, 5000 + u16::from(n)) };
            let flow = Flow {
                kind,
                original: tuple(v6, UDP, (n, 1000), (100, 53)),
                translated: tuple(v6, UDP, from, (50, 5353)),
                server: 512,
                target: 1024,
                via: Via { port: 255, mac: MacAddr([9; 6]) },
                peer: 3,
            };
            let inserted = table.insert(at(0), &flow, 0, &TIMEOUTS).unwrap();
            assert!(inserted.gone.is_empty());
            assert_eq!(table.get(inserted.handle), flow);
            assert_eq!(find(&table, 0, &flow.original), Some((inserted.handle, Direction::Original)));
            assert_eq!(find(&table, 0, &flow.reply()), Some((inserted.handle, Direction::Reply)));
            assert_eq!(find(&table, 0, &flow.translated), None);
            assert_eq!(find(&table, 29, &flow.original).is_some(), n > 0, "alive until its timeout");
        }
    }
    assert_eq!((table.len(), table.capacity()), (8, (64, 64)));
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let mut table = flows(16, 16);
    let first = dnat((1, 1000), 100, 50);
    table.insert(at(0), &first, SYN, &TIMEOUTS).unwrap();
    // Another virtual server, but the same client and target: the replies would look the same.
    let second = dnat((1, 1000), 101, 50);
    let refused = |table: &mut Flows, tick, flow: &Flow| table.insert(at(tick), flow, SYN, &TIMEOUTS).err();
    assert_eq!(refused(&mut table, 1, &second), Some(Refused::Taken));
    assert_eq!(refused(&mut table, 1, &first), Some(Refused::Taken));
    let mirror = Flow { translated: first.original.reversed(), ..first };
    assert_eq!(refused(&mut table, 1, &mirror), Some(Refused::Mirrored));
    let mixed = Flow { translated: tuple(true, TCP, (1, 1000), (50, 8080)), ..second };
    assert_eq!(refused(&mut table, 1, &mixed), Some(Refused::Mixed));
    assert_eq!(table.len(), 1);
    // Once the first is over its place can be had.
    let inserted = table.insert(at(50), &second, SYN, &TIMEOUTS).unwrap();
    assert_eq!(inserted.gone.iter().map(|g| (g.flow, g.why)).collect::<Vec<_>>(), [(first, Why::Expired)]);
}

#[test]
fn a_new_connection_takes_the_place_of_an_ended_one() {
    let mut table = flows(16, 16);
    let first = dnat((1, 1000), 100, 50);
    let handle = table.insert(at(0), &first, SYN, &TIMEOUTS).unwrap().handle;
    table.touch(handle, at(1), Direction::Original, ACK, via(1), &TIMEOUTS);
    table.touch(handle, at(2), Direction::Original, FIN | ACK, via(1), &TIMEOUTS);
    assert!(table.state(handle).ending() && table.owned(handle));
    let second = dnat((1, 1000), 100, 51);
    let inserted = table.insert(at(3), &second, SYN, &TIMEOUTS).unwrap();
    assert_eq!(inserted.gone.iter().map(|g| (g.flow, g.why)).collect::<Vec<_>>(), [(first, Why::Replaced)]);
    assert_eq!(find(&table, 3, &first.reply()), None);
}

#[test]
fn only_an_expired_flow_is_buried() {
    let mut table = flows(16, 16);
    for v6 in [false, true] {
        let flow = Flow {
            original: tuple(v6, TCP, (1, 1), (200, 80)),
            translated: tuple(v6, TCP, (1, 1), (201, 80)),
            ..dnat((1, 1), 200, 201)
        };
        table.insert(at(0), &flow, SYN, &TIMEOUTS).unwrap();
        assert_eq!(table.bury(at(49), &flow.original), None);
        assert_eq!(table.bury(at(50), &flow.reply()), None, "no initiator sends that");
        let gone = table.bury(at(50), &flow.original).unwrap();
        assert_eq!((gone.flow, gone.why, gone.owned), (flow, Why::Expired, true));
        assert_eq!((table.bury(at(50), &flow.original), table.len()), (None, 0));
    }
}

#[test]
fn a_full_table_gives_up_half_open_flows_first() {
    let mut table = flows(16, 1);
    for n in 1..=16 {
        let handle = table.insert(at(n.into()), &dnat((n, 1000), 100, 50), SYN, &TIMEOUTS).unwrap().handle;
        if n != 9 {
            table.touch(handle, at(n.into()), Direction::Original, ACK, via(1), &TIMEOUTS);
        }
        if n == 4 {
            table.touch(handle, at(20), Direction::Original, RST, via(1), &TIMEOUTS);
        }
    }
    let mut gone = Vec::new();
    for n in 101..=103 {
        let inserted = table.insert(at(21), &dnat((n, 1000), 100, 50), SYN, &TIMEOUTS).unwrap();
        table.touch(inserted.handle, at(21), Direction::Original, ACK, via(1), &TIMEOUTS);
        gone.extend(inserted.gone.iter().map(|g| (g.flow.original.src, g.why)));
    }
    assert_eq!(gone, [9, 4, 1].map(|n| (host(false, n), Why::Evicted)));
    assert_eq!(table.len(), 16);
}

#[test]
fn a_connection_taken_up_in_the_middle_counts_for_little_until_its_responder_is_heard() {
    let mut table = flows(16, 1);
    let timeout = |table: &Flows, n| {
        let views = table.list(at(20), &mut Cursor::default(), 100).unwrap();
        views.iter().find(|view| view.flow.original.src == host(false, n)).unwrap().timeout
    };
    for n in 1..=16 {
        let handle = table.insert(at(n.into()), &dnat((n, 1000), 100, 50), ACK, &TIMEOUTS).unwrap().handle;
        table.touch(handle, at(n.into()), Direction::Original, ACK, via(1), &TIMEOUTS);
        assert_eq!((table.state(handle), timeout(&table, n)), (State::Resumed, Tick::span(TIMEOUTS.opening)));
        if n != 9 {
            table.touch(handle, at(n.into()), Direction::Reply, ACK, via(1), &TIMEOUTS);
            assert_eq!(
                (table.state(handle), timeout(&table, n)),
                (State::Established, Tick::span(TIMEOUTS.established))
            );
        }
    }
    let inserted = table.insert(at(21), &dnat((101, 1000), 100, 50), ACK, &TIMEOUTS).unwrap();
    assert_eq!(inserted.gone.iter().map(|g| g.flow.original.src).collect::<Vec<_>>(), [host(false, 9)]);
}

#[test]
fn a_listing_in_slices_shows_every_flow_once() {
    let mut table = flows(200, 200);
    for n in 1..=100 {
        for v6 in [false, true] {
            let flow = Flow {
                original: tuple(v6, TCP, (n, 1), (200, 80)),
                translated: tuple(v6, TCP, (n, 1), (201, 80)),
                ..dnat((n, 1), 200, 201)
            };
            table.insert(at(u32::from(n) % 2 * 10), &flow, SYN, &TIMEOUTS).unwrap();
        }
    }
    let (mut seen, mut cursor) = (Vec::new(), Cursor::default());
    while let Some(views) = table.list(at(50), &mut cursor, 7) {
        assert!(views.len() <= 7);
        assert!(
            views.iter().all(|v| v.age == Duration::from_secs(4) && v.state == State::Opening && v.owned)
        );
        seen.extend(views.iter().map(|v| v.flow.original.src));
    }
    let expected = |v6| (1..=100).filter(|n| n % 2 == 1).map(move |n| host(v6, n));
    assert_eq!(seen, expected(false).chain(expected(true)).collect::<Vec<_>>());
}

/// What a flow must be.
#[derive(Debug, Clone, Copy)]
struct Naive {
    flow: Flow,
    state: State,
    last: u32,
    timeout: u32,
}

impl Naive {
    fn dead(&self, now: u32) -> bool {
        now - self.last >= self.timeout
    }
}

/// The flows there must be, by original tuple.
type Map = BTreeMap<Tuple, Naive>;

/// The flow that a packet of `tuple` belongs to.
fn lookup(map: &Map, now: u32, tuple: &Tuple) -> Option<(Naive, Direction)> {
    let original = map.get(tuple).map(|naive| (*naive, Direction::Original));
    let reply = || map.values().find(|n| n.flow.reply() == *tuple).map(|n| (*n, Direction::Reply));
    original.or_else(reply).filter(|(naive, _)| !naive.dead(now))
}

/// A flow of a small world, where tuples meet often.
fn random_flow(seed: &mut Seed) -> Flow {
    let v6 = seed.below(2) == 0;
    let proto = [TCP, UDP][seed.below(2) as usize];
    let client = (1 + seed.below(5) as u8, 1000 + seed.below(4) as u16);
    let server = (100 + seed.below(2) as u8, 80);
    let target = (50 + seed.below(2) as u8, 8080);
    let kind = [Kind::Dnat, Kind::Proxy, Kind::Snat, Kind::Tnat][seed.below(4) as usize];
    let from = match kind {
        Kind::Dnat => client,
        _ => (200 + seed.below(3) as u8, 5000 + seed.below(6) as u16),
    };
    let to = if matches!(kind, Kind::Dnat | Kind::Proxy) { target } else { server };
    Flow {
        kind,
        original: tuple(v6, proto, client, server),
        translated: tuple(v6, proto, from, to),
        server: seed.below(513) as u16,
        target: seed.below(1025) as u16,
        via: via(seed.below(4) as u8),
        peer: 0,
    }
}

fn forget(map: &mut Map, now: u32, gone: &Gone) {
    let naive = map.remove(&gone.flow.original).expect("what is gone was there");
    assert_eq!((gone.flow, gone.state, gone.owned), (naive.flow, naive.state, true));
    assert_eq!(gone.why == Why::Expired, naive.dead(now), "{gone:?} at {now}");
    assert_eq!(gone.letter(), None, "nobody has a copy");
}

#[test]
fn a_table_agrees_with_a_map() {
    for run in 0..12 {
        let mut seed = Seed::new(run);
        let mut table = Flows::new(1, 20 + run as usize * 8, 30, &mut seed);
        let (mut map, mut now) = (Map::new(), 0);
        let (mut created, mut ended) = (0, 0);
        for step in 0..4_000 {
            now += seed.below(3) as u32;
            let flow = random_flow(&mut seed);
            let flags = match flow.original.proto {
                TCP => [SYN, ACK, ACK, ACK, FIN | ACK, RST][seed.below(6) as usize],
                _ => 0,
            };
            let asked = if seed.below(2) == 0 { flow.original } else { flow.reply() };
            let found = find(&table, now, &asked);
            let expected = lookup(&map, now, &asked);
            assert_eq!(found.map(|f| f.1), expected.map(|e| e.1), "run {run}, step {step}: {asked:?}");
            match (found, expected) {
                (Some((handle, direction)), Some((mut naive, _))) => {
                    assert_eq!((table.get(handle), table.state(handle)), (naive.flow, naive.state));
                    if seed.below(12) == 0 {
                        let gone = table.remove(handle);
                        assert_eq!((gone.flow, gone.why), (naive.flow, Why::Removed));
                        map.remove(&naive.flow.original);
                        ended += 1;
                    } else {
                        assert_eq!(
                            table.touch(handle, at(now), direction, flags, flow.via, &TIMEOUTS).letter,
                            None
                        );
                        naive.state = naive.state.next(direction, flags);
                        naive.timeout = TIMEOUTS.of(naive.state, naive.flow.original.proto == TCP);
                        naive.last = now;
                        if direction == Direction::Original {
                            naive.flow.via = flow.via;
                        }
                        map.insert(naive.flow.original, naive);
                    }
                }
                _ => match table.insert(at(now), &flow, flags, &TIMEOUTS) {
                    Ok(inserted) => {
                        ended += inserted.gone.len();
                        created += 1;
                        inserted.gone.iter().for_each(|gone| forget(&mut map, now, gone));
                        let state = State::first(flow.original.proto == TCP, flags);
                        let timeout = TIMEOUTS.of(state, flow.original.proto == TCP);
                        let old = map.insert(flow.original, Naive { flow, state, last: now, timeout });
                        assert!(old.is_none());
                    }
                    Err(refused) => {
                        assert_eq!(refused, Refused::Taken);
                        let live = [flow.original, flow.reply()].map(|t| lookup(&map, now, &t).is_some());
                        assert!(live[0] || live[1], "{flow:?} was refused without a reason");
                    }
                },
            }
            if seed.below(10) == 0 {
                table.sweep(at(now), 8, |gone| {
                    forget(&mut map, now, &gone);
                    ended += 1;
                });
            }
            assert_eq!((table.len(), created - ended), (map.len(), map.len()));
            if step % 16 == 0 {
                let replies: std::collections::BTreeSet<_> = map.values().map(|n| n.flow.reply()).collect();
                assert_eq!(replies.len(), map.len(), "two flows with one reply tuple");
                table.v4.check();
                table.v6.check();
            }
        }
        for _ in 0..40 {
            now += 1_000;
            table.sweep(at(now), 8, |gone| forget(&mut map, now, &gone));
        }
        assert!(table.is_empty() && map.is_empty());
        assert!(created > 200, "run {run} created only {created} flows");
    }
}

/// Worker 1 owns flows whose replies worker 2 sees.
struct Pair {
    workers: [Flows; 2],
    inbox: [Vec<Share>; 2],
}

impl Pair {
    fn new() -> Self {
        let worker = |port| Flows::new(port, 64, 64, &mut Seed::new(port.into()));
        Self { workers: [worker(1), worker(2)], inbox: [Vec::new(), Vec::new()] }
    }

    fn send(&mut self, letter: Option<Letter>) {
        if let Some(Letter { to, share }) = letter {
            self.inbox[usize::from(to) - 1].push(share);
        }
    }

    fn deliver(&mut self, tick: u32, to: usize) {
        for share in std::mem::take(&mut self.inbox[to]) {
            self.workers[to].receive(at(tick), &share).unwrap();
        }
    }

    fn start(&mut self, tick: u32, flow: &Flow) {
        let inserted = self.workers[0].insert(at(tick), flow, SYN, &TIMEOUTS).unwrap();
        for gone in &inserted.gone {
            self.send(gone.letter());
        }
        self.send(inserted.letter);
    }

    /// A packet that `worker` sees; false when it does not know the flow.
    fn packet(&mut self, tick: u32, worker: usize, flow: &Flow, flags: u8) -> bool {
        let tuple = if worker == 0 { flow.original } else { flow.reply() };
        let Some((handle, direction)) = find(&self.workers[worker], tick, &tuple) else { return false };
        let touched = self.workers[worker].touch(handle, at(tick), direction, flags, flow.via, &TIMEOUTS);
        self.send(touched.letter);
        true
    }

    fn sweep(&mut self, tick: u32) -> usize {
        let mut owned = 0;
        for worker in 0..2 {
            let mut letters = Vec::new();
            self.workers[worker].sweep(at(tick), 1_000, |gone| {
                owned += usize::from(gone.owned);
                letters.push(gone.letter());
            });
            letters.into_iter().for_each(|letter| self.send(letter));
        }
        owned
    }

    fn states(&self, tick: u32, flow: &Flow) -> [Option<State>; 2] {
        [0, 1].map(|w| find(&self.workers[w], tick, &flow.original).map(|(h, _)| self.workers[w].state(h)))
    }
}

fn shared() -> Flow {
    Flow { peer: 2, ..dnat((1, 1000), 100, 50) }
}

#[test]
fn workers_agree_on_the_state_of_a_shared_flow() {
    let (mut pair, flow) = (Pair::new(), shared());
    pair.start(0, &flow);
    pair.deliver(0, 1);
    for (worker, flags) in [(1, SYN | ACK), (0, ACK), (1, FIN | ACK), (0, FIN | ACK)] {
        assert!(pair.packet(1, worker, &flow, flags));
        pair.deliver(1, 0);
        pair.deliver(1, 1);
        let [a, b] = pair.states(1, &flow);
        assert!(a.is_some() && a == b, "{a:?} and {b:?}");
    }
    assert_eq!(pair.states(1, &flow), [Some(State::Closed); 2]);
    let copy = find(&pair.workers[1], 1, &flow.original).unwrap().0;
    assert!(!pair.workers[1].owned(copy));
    assert_eq!(pair.workers[1].get(copy), Flow { peer: 1, ..flow });
}

#[test]
fn the_worker_that_hears_the_responder_confirms_a_flow_taken_up_in_the_middle() {
    for (flags, expected) in
        [(ACK, State::Established), (FIN | ACK, State::ClosingReply), (RST, State::Closed)]
    {
        let (mut pair, flow) = (Pair::new(), shared());
        pair.start(0, &flow);
        let handle = find(&pair.workers[0], 0, &flow.original).unwrap().0;
        pair.workers[0].remove(handle);
        pair.inbox.iter_mut().for_each(Vec::clear);
        let resumed = pair.workers[0].insert(at(0), &flow, ACK, &TIMEOUTS).unwrap();
        pair.send(resumed.letter);
        pair.deliver(0, 1);
        assert_eq!(pair.states(0, &flow), [Some(State::Resumed); 2]);
        assert!(pair.packet(1, 1, &flow, flags));
        pair.deliver(1, 0);
        assert_eq!(pair.states(1, &flow), [Some(expected); 2]);
    }
}

#[test]
fn both_ends_closing_at_once_closes_the_flow() {
    let (mut pair, flow) = (Pair::new(), shared());
    pair.start(0, &flow);
    pair.deliver(0, 1);
    pair.packet(1, 0, &flow, ACK);
    pair.deliver(1, 1);
    // The messages cross.
    pair.packet(2, 0, &flow, FIN | ACK);
    pair.packet(2, 1, &flow, FIN | ACK);
    pair.deliver(2, 0);
    pair.deliver(2, 1);
    assert_eq!(pair.states(2, &flow), [Some(State::Closed); 2]);
}

#[test]
fn traffic_in_one_direction_keeps_both_sides_alive_with_few_messages() {
    for busy in 0..2 {
        let (mut pair, flow) = (Pair::new(), shared());
        pair.start(0, &flow);
        pair.deliver(0, 1);
        pair.packet(1, 0, &flow, ACK);
        pair.deliver(1, 1);
        let mut sent = Vec::new();
        for tick in 2..6_000 {
            assert!(pair.packet(tick, busy, &flow, ACK));
            if !pair.inbox[1 - busy].is_empty() {
                sent.push(tick);
            }
            pair.deliver(tick, 1 - busy);
            assert_eq!(pair.sweep(tick), 0);
        }
        assert!(pair.states(6_000, &flow).iter().all(Option::is_some));
        let timeout = TIMEOUTS.established;
        let most = sent.iter().map(|t| sent.iter().filter(|u| (*t..*t + timeout).contains(u)).count()).max();
        assert!(most.is_some_and(|most| (2..=4).contains(&most)), "{most:?} messages in one timeout");
    }
}

#[test]
fn the_owner_ends_a_shared_flow_and_takes_the_copy_along() {
    let (mut pair, flow) = (Pair::new(), shared());
    pair.start(0, &flow);
    pair.deliver(0, 1);
    // A half-open flow lives 50 ticks and waits a third of that for news, a copy two thirds.
    let alive = |pair: &Pair, tick| pair.states(tick, &flow).map(|state| state.is_some());
    assert_eq!(
        [66, 67, 83, 84].map(|tick| alive(&pair, tick)),
        [[true; 2], [false, true], [false, true], [false; 2]]
    );
    assert_eq!(pair.sweep(66), 0);
    assert_eq!(pair.sweep(76), 1);
    assert_eq!((pair.workers[0].len(), pair.workers[1].len()), (0, 1));
    pair.deliver(76, 1);
    assert!(pair.workers[1].is_empty());
}

#[test]
fn lost_messages_heal() {
    let (mut pair, flow) = (Pair::new(), shared());
    pair.start(0, &flow);
    pair.inbox[1].clear();
    assert!(!pair.packet(1, 1, &flow, SYN | ACK), "its installation was lost");
    pair.packet(2, 0, &flow, ACK);
    pair.deliver(2, 1);
    assert!(pair.packet(3, 1, &flow, ACK), "the owner's news makes the copy again");
    // Its removal is lost, too: the copy ends by itself.
    let handle = find(&pair.workers[0], 3, &flow.original).unwrap().0;
    assert!(pair.workers[0].remove(handle).letter().is_some());
    pair.inbox.iter_mut().for_each(Vec::clear);
    assert_eq!(pair.sweep(3 + 2 * TIMEOUTS.established), 0);
    assert!(pair.workers[1].is_empty());
}

#[test]
fn late_news_of_an_ended_flow_do_not_reach_its_successor() {
    let (mut pair, flow) = (Pair::new(), shared());
    pair.start(0, &flow);
    pair.deliver(0, 1);
    pair.packet(1, 1, &flow, RST | ACK);
    let late = std::mem::take(&mut pair.inbox[0]);
    let handle = find(&pair.workers[0], 2, &flow.original).unwrap().0;
    let removed = pair.workers[0].remove(handle).letter();
    pair.start(2, &flow);
    pair.deliver(2, 1);
    pair.send(removed);
    pair.deliver(2, 1);
    pair.inbox[0] = late;
    pair.deliver(2, 0);
    assert_eq!(pair.states(2, &flow), [Some(State::Opening); 2]);
}

#[test]
fn a_new_way_back_is_told_at_once() {
    let (mut pair, flow) = (Pair::new(), shared());
    pair.start(0, &flow);
    pair.deliver(0, 1);
    pair.packet(0, 0, &Flow { via: via(9), ..flow }, SYN);
    pair.deliver(0, 1);
    let copy = find(&pair.workers[1], 0, &flow.original).unwrap().0;
    assert_eq!(pair.workers[1].get(copy).via, via(9));
    // The responder's last hop is nobody's way back.
    assert!(pair.packet(0, 1, &Flow { via: via(5), ..flow }, SYN | ACK));
    assert_eq!(pair.workers[1].get(copy).via, via(9));
}

#[test]
fn a_copy_never_takes_the_place_of_a_live_flow_of_ours() {
    let (mut pair, flow) = (Pair::new(), shared());
    let own = Flow { peer: 0, ..dnat((1, 1000), 101, 50) };
    pair.workers[1].insert(at(0), &own, SYN, &TIMEOUTS).unwrap();
    pair.start(0, &flow);
    let install = pair.inbox[1].pop().unwrap();
    assert_eq!(pair.workers[1].receive(at(0), &install).err(), Some(Refused::Taken));
    assert_eq!(pair.workers[1].len(), 1);
}
