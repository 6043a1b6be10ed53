//! A network of nodes and hosts around one switch, driven by a queue of events.
//!
//! ```text
//!   node 0 ---cable 0---+----------+---cable 2--- host 0
//!                       |  switch  |
//!   node 1 ---cable 1---+----------+---cable 3--- host 1
//! ```
//! Nodes have the first cables, hosts the others. Time jumps from event to event. Everything that happens follows
//! from the seed: latency, loss, duplicates. A cable keeps its frames in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bng::conf::model::Model;
use bng::seed::Seed;
use bng::time::{Duration, Instant};

use crate::host::Host;
use crate::node::Node;
use crate::switch::{Cable, Switch};

/// Longest time that a frame spends on one cable.
pub(crate) const LATENCY_MAX: Duration = Duration::from_millis(2);

/// What the cables do to frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Microseconds on a cable, shortest and longest.
    pub(crate) latency: (u64, u64),
    /// Frames of a thousand that are lost on a cable.
    pub(crate) loss: u64,
    /// Frames of a thousand that arrive twice.
    pub(crate) duplicates: u64,
}

impl Weather {
    pub(crate) const FINE: Self =
        Self { latency: (20, LATENCY_MAX.as_micros() as u64), loss: 0, duplicates: 0 };
}

/// What became of frames. One frame on one cable counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Put on a cable by a node, a host or the switch, duplicates included.
    pub(crate) sent: u64,
    /// Arrived at the other end.
    pub(crate) delivered: u64,
    /// Lost by chance.
    pub(crate) lost: u64,
    /// Lost on a cable that is cut, or at a node that is dead.
    pub(crate) cut: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Switch,
    Station,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: Instant,
    /// Tells frames of one instant apart: first sent, first served.
    order: u64,
    cable: Cable,
    end: End,
    frame: Vec<u8>,
}

/// One cable, both directions: to the switch and from it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wire {
    pub(crate) cut_to: bool,
    pub(crate) cut_from: bool,
    last_to: Instant,
    last_from: Instant,
}

/// A place for a node, which may be dead.
pub(crate) struct Slot {
    pub(crate) model: Model,
    pub(crate) node: Option<Node>,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) weather: Weather,
    pub(crate) slots: Vec<Slot>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) switch: Switch,
    pub(crate) ledger: Ledger,
    /// Events handled.
    pub(crate) events: u64,
    /// Follows from everything that has arrived anywhere, and when.
    pub(crate) digest: u64,
    queue: BinaryHeap<Reverse<Arrival>>,
    order: u64,
    takeovers: u64,
    seed: Seed,
}

impl World {
    /// A world of dead nodes with these configurations, and of `hosts`.
    pub(crate) fn new(seed: u64, models: Vec<Model>, hosts: Vec<Host>) -> Self {
        Self {
            now: Instant::ZERO,
            weather: Weather::FINE,
            wires: vec![Wire::default(); models.len() + hosts.len()],
            slots: models.into_iter().map(|model| Slot { model, node: None }).collect(),
            hosts,
            switch: Switch::default(),
            ledger: Ledger::default(),
            events: 0,
            digest: 0,
            queue: BinaryHeap::new(),
            order: 0,
            takeovers: 0,
            seed: Seed::new(seed),
        }
    }

    pub(crate) fn boot(&mut self, index: usize) {
        let node = Node::boot(self.now, self.slots[index].model.clone(), self.seed.fork());
        self.slots[index].node = Some(node);
        self.collect(index);
    }

    /// The node dies without a word.
    pub(crate) fn kill(&mut self, index: usize) {
        self.takeovers += self.slots[index].node.take().map_or(0, |node| node.taken_over());
    }

    /// Times any node has become master, those that died since included.
    pub(crate) fn takeovers(&self) -> u64 {
        self.takeovers
            + self.slots.iter().filter_map(|slot| Some(slot.node.as_ref()?.taken_over())).sum::<u64>()
    }

    /// Pulls the cable of a node out of its socket, or plugs it in: the node sees it.
    pub(crate) fn plug(&mut self, index: usize, up: bool) {
        self.cut(index, !up, !up);
        self.with(index, |node, now| node.link(now, 1, up));
    }

    /// Cuts a cable where nobody sees it.
    pub(crate) fn cut(&mut self, cable: Cable, to_switch: bool, from_switch: bool) {
        (self.wires[cable].cut_to, self.wires[cable].cut_from) = (to_switch, from_switch);
    }

    /// Does something to a node that is alive, and sends what comes of it.
    pub(crate) fn with(&mut self, index: usize, action: impl FnOnce(&mut Node, Instant)) {
        if let Some(node) = &mut self.slots[index].node {
            action(node, self.now);
        }
        self.collect(index);
    }

    pub(crate) fn node(&self, index: usize) -> &Node {
        self.slots[index].node.as_ref().expect("the node is alive")
    }

    /// Nodes that are master.
    pub(crate) fn masters(&self) -> Vec<usize> {
        let alive = self.slots.iter().enumerate().filter_map(|(i, slot)| Some((i, slot.node.as_ref()?)));
        alive.filter(|(_, node)| node.is_master()).map(|(i, _)| i).collect()
    }

    /// A host sends a frame.
    pub(crate) fn send(&mut self, host: usize, frame: Vec<u8>) {
        let cable = self.slots.len() + host;
        self.put(cable, End::Switch, frame);
    }

    /// Lets `time` pass.
    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets time pass until `end`, whose events are handled too.
    pub(crate) fn run_until(&mut self, end: Instant) {
        while let Some(next) = self.next_event().filter(|at| *at <= end) {
            self.now = next.max(self.now);
            self.step();
        }
        self.now = end;
    }

    /// When something happens next.
    fn next_event(&self) -> Option<Instant> {
        let arrival = self.queue.peek().map(|Reverse(arrival)| arrival.at);
        let nodes = self.slots.iter().filter_map(|slot| slot.node.as_ref()?.deadline());
        nodes.chain(arrival).min()
    }

    /// Everything that happens at `self.now`.
    fn step(&mut self) {
        let nodes = self.slots.len();
        while self.queue.peek().is_some_and(|Reverse(arrival)| arrival.at <= self.now) {
            let Some(Reverse(Arrival { cable, end, frame, .. })) = self.queue.pop() else { break };
            self.events += 1;
            let wire = self.wires[cable];
            let dead = end == End::Station && cable < nodes && self.slots[cable].node.is_none();
            if dead || (if end == End::Switch { wire.cut_to } else { wire.cut_from }) {
                self.ledger.cut += 1;
                continue;
            }
            self.ledger.delivered += 1;
            self.note(cable, &frame);
            if end == End::Switch {
                for to in self.switch.pass(cable, self.wires.len(), &frame) {
                    self.put(to, End::Station, frame.clone());
                }
            } else if cable < nodes {
                if let Some(node) = &mut self.slots[cable].node {
                    node.arrive(1, frame);
                }
            } else if let Some(answer) = self.hosts[cable - nodes].hear(self.now, &frame) {
                self.put(cable, End::Switch, answer);
            }
        }
        for index in 0..nodes {
            self.events += 1;
            self.with(index, |node, now| {
                node.run(now);
                let next = node.deadline();
                assert!(
                    next.is_none_or(|at| at > now),
                    "a node that was run at {now:?} wants to be again: {next:?}"
                );
            });
        }
    }

    fn collect(&mut self, index: usize) {
        let sent = self.slots[index].node.as_mut().map(Node::take_sent).unwrap_or_default();
        for (_, frame) in sent {
            self.put(index, End::Switch, frame);
        }
    }

    /// A frame sets out on a cable. It is lost here, or arrives later.
    fn put(&mut self, cable: Cable, end: End, frame: Vec<u8>) {
        let Weather { latency: (shortest, longest), loss, duplicates } = self.weather;
        let copies = 1 + usize::from(self.seed.below(1_000) < duplicates);
        for _ in 0..copies {
            self.ledger.sent += 1;
            if self.seed.below(1_000) < loss {
                self.ledger.lost += 1;
                continue;
            }
            let at = self.now + Duration::from_micros(shortest + self.seed.below(longest - shortest + 1));
            let wire = &mut self.wires[cable];
            let last = if end == End::Switch { &mut wire.last_to } else { &mut wire.last_from };
            *last = at.max(*last);
            self.order += 1;
            self.queue.push(Reverse(Arrival {
                at: *last,
                order: self.order,
                cable,
                end,
                frame: frame.clone(),
            }));
        }
    }

    fn note(&mut self, cable: Cable, frame: &[u8]) {
        let mut mix = |word: u64| {
            self.digest = (self.digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        };
        mix(self.now.micros());
        mix(cable as u64);
        for chunk in frame.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(u64::from_le_bytes(word));
        }
    }

    /// Every frame was delivered, was lost for a reason, or is on its way.
    pub(crate) fn check_conservation(&self) {
        let Ledger { sent, delivered, lost, cut } = self.ledger;
        assert_eq!(sent, delivered + lost + cut + self.queue.len() as u64, "{:?}", self.ledger);
    }
}
