//! A node: engine, director and configuration as the daemon puts them together, without its threads and its clock.
//! Its doors lead to wires of memory, or to whatever else keeps the contract of [`Wire`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bng::conf::Config;
use bng::conf::model::{Access, Interface, Model};
use bng::director::{Director, Output, PortInfo};
use bng::engine::{Engine, Place};
use bng::flow::Letter;
use bng::net::PortId;
use bng::outbox::Outbox;
use bng::seed::Seed;
use bng::snapshot::Snapshot;
use bng::stat::WorkerStats;
use bng::time::{Duration, Instant};
use bng::wire::dissect::quoted;
use bng::wire::{
    Dissected, Fragment, IpInfo, L3, dissect, ethernet, icmpv4, icmpv6, protocol, tcp, udp, vrrp,
};
use bng_platform::memory::{self, MemoryFrame, MemoryWire};
use bng_platform::{Batch, Caps, Csum, Frame, Meta, Port, RxQueue, TxQueue, offload};

use crate::case::{File, Group, Incoming, Outcome, Step};
use crate::counters::{self, Counters};
use crate::frame;
use crate::host::Host;

const TICK: Duration = Duration::from_millis(100);

/// The far end of a door's cable, in the hands of the test.
pub(crate) trait Wire {
    /// Lets a frame arrive at the door.
    fn inject(&mut self, bytes: &[u8], meta: Meta);

    /// Hears that the door delivered `frames`; returns whether more of what was injected is on its way.
    fn delivered(&mut self, frames: usize) -> bool;

    /// Everything that the door sent since the last call, in order. `tx` is the queue it was sent by.
    fn take_sent(&mut self, tx: &mut dyn TxQueue) -> Vec<MemoryFrame>;

    /// Plugs the cable in or pulls it out.
    fn set_link(&mut self, up: bool);
}

impl Wire for MemoryWire {
    fn inject(&mut self, bytes: &[u8], meta: Meta) {
        self.inject_with(0, bytes, meta);
    }

    fn delivered(&mut self, _: usize) -> bool {
        self.pending() > 0
    }

    fn take_sent(&mut self, _: &mut dyn TxQueue) -> Vec<MemoryFrame> {
        MemoryWire::take_sent(self)
    }

    fn set_link(&mut self, up: bool) {
        MemoryWire::set_link(self, up);
    }
}

/// An open door and the far end of its cable.
pub(crate) struct Plug<W> {
    pub(crate) wire: W,
    pub(crate) rx: Box<dyn RxQueue>,
    pub(crate) tx: Box<dyn TxQueue>,
}

impl Plug<MemoryWire> {
    /// A memory door for interface `id` with packets of at most `mtu` bytes.
    fn memory(id: PortId, mtu: u16) -> Self {
        let caps = Caps { mtu: mtu.into(), access: "memory", mac: [2, 0, 0, 0, 0, id], queues: 1 };
        let (mut port, wire) = memory::port(caps);
        Self { wire, rx: port.take_rx().remove(0), tx: port.open_tx().expect("a memory door opens") }
    }
}

struct Door<W> {
    wire: W,
    rx: Box<dyn RxQueue>,
    engine: Engine,
    stats: Arc<WorkerStats>,
}

/// How the letters between the engines travel: without dice as fast as they can, as between workers that keep up.
#[derive(Default)]
pub(crate) struct Post {
    /// Of a hundred letters so many get lost, and so many wait.
    pub(crate) lost: u64,
    pub(crate) late: u64,
    dice: Option<Seed>,
    /// Letters that wait, and how often others are delivered before. They keep the order in which they were written.
    waiting: VecDeque<(Letter, u64)>,
}

impl Post {
    pub(crate) fn new(lost: u64, late: u64, dice: Seed) -> Self {
        Self { lost, late, dice: Some(dice), waiting: VecDeque::new() }
    }

    /// No letter waits any longer.
    fn hurry(&mut self) {
        self.waiting.iter_mut().for_each(|(_, wait)| *wait = 0);
    }

    /// Takes `letters`, and returns those that are delivered now.
    fn carry(&mut self, letters: impl IntoIterator<Item = Letter>) -> Vec<Letter> {
        let Some(dice) = &mut self.dice else { return letters.into_iter().collect() };
        for letter in letters {
            if dice.below(100) >= self.lost {
                let wait = if dice.below(100) < self.late { 1 + dice.below(WAIT_MAX) } else { 0 };
                self.waiting.push_back((letter, wait));
            }
        }
        let mut now = Vec::new();
        while let Some((letter, wait)) = self.waiting.front_mut() {
            if *wait > 0 {
                *wait -= 1;
                break;
            }
            now.push(*letter);
            self.waiting.pop_front();
        }
        now
    }
}

/// So often at most others are delivered before a letter that waits.
const WAIT_MAX: u64 = 4;

pub(crate) struct Rig<W = MemoryWire> {
    now: Instant,
    config: Config,
    director: Director,
    snapshot: Arc<Snapshot>,
    doors: BTreeMap<PortId, Door<W>>,
    tx: BTreeMap<PortId, Box<dyn TxQueue>>,
    outbox: Outbox,
    says: Vec<String>,
    /// Frames of the last group of which any left.
    left: Vec<Vec<u8>>,
    /// Frames of the engines that a door refused.
    refused: u64,
    post: Post,
}

/// The model of the configuration of `file`.
fn read(file: &File) -> (Config, Model) {
    let (config, diagnostics) = Config::parse(&file.name, &file.config);
    assert!(!diagnostics.has_errors(), "{}: {diagnostics}", file.name);
    let model = config.model().unwrap_or_else(|why| panic!("{}: {why}", file.name));
    (config, model)
}

/// The interfaces of `file` that are in use: number, largest packet in bytes, and whether it is a TAP device.
pub(crate) fn interfaces(file: &File) -> Vec<(PortId, u16, bool)> {
    let (_, model) = read(file);
    let active = model.interfaces.iter().filter(|(_, interface)| interface.active);
    let told = |(number, interface): (&u16, &Interface)| {
        let id = *number as PortId;
        (id, file.mtus.get(&id).copied().unwrap_or(1500), interface.access == Access::Tap)
    };
    active.map(told).collect()
}

impl Rig {
    /// The node of `file` on memory doors, after its `start`.
    pub(crate) fn start(file: &File) -> Self {
        let plugs = interfaces(file).into_iter().map(|(id, mtu, _)| (id, Plug::memory(id, mtu)));
        Self::start_on(file, plugs.collect())
    }
}

impl<W: Wire> Rig<W> {
    /// The node of `file` with a door for each of its interfaces, after its `start`.
    pub(crate) fn start_on(file: &File, mut plugs: BTreeMap<PortId, Plug<W>>) -> Self {
        let (config, model) = read(file);
        let mut seed = Seed::new(1);
        let mut director = Director::new(Instant::ZERO, model.clone(), seed.fork());
        let (mut doors, mut tx) = (BTreeMap::new(), BTreeMap::new());
        for (id, mtu, tap) in interfaces(file) {
            let plug = plugs.remove(&id).expect("a door for each interface");
            tx.insert(id, plug.tx);
            let stats = Arc::new(WorkerStats::default());
            let mut place = Place::from(id);
            place.maxsessions = file.room.unwrap_or(place.maxsessions);
            let engine = Engine::new(place, stats.clone(), seed.fork());
            doors.insert(id, Door { wire: plug.wire, rx: plug.rx, engine, stats });
            director.port_opened(Instant::ZERO, id, PortInfo { tap, link: true, mtu });
        }
        let mut rig = Self {
            now: Instant::ZERO,
            config,
            director,
            snapshot: Arc::new(Snapshot::empty()),
            doors,
            tx,
            outbox: Outbox::default(),
            says: Vec::new(),
            left: Vec::new(),
            refused: 0,
            post: Post::default(),
        };
        let mut hosts: Vec<(PortId, Host)> =
            file.hosts.iter().map(|(port, ip, mac)| (*port, Host::new(mac, &[ip]))).collect();
        rig.settle();
        rig.serve(&mut hosts);
        for step in &file.start {
            rig.step(step, &mut hosts);
        }
        rig.says.clear();
        rig
    }

    /// The doors, for another rig.
    pub(crate) fn unplug(mut self) -> BTreeMap<PortId, Plug<W>> {
        self.take_sent();
        let Self { doors, mut tx, .. } = self;
        let plug = |(id, door): (PortId, Door<W>)| {
            let tx = tx.remove(&id).expect("a queue for each door");
            (id, Plug { wire: door.wire, rx: door.rx, tx })
        };
        doors.into_iter().map(plug).collect()
    }

    /// Does the steps of a group and tells what came of them. Nobody answers any more.
    pub(crate) fn play(&mut self, group: &Group) -> Outcome {
        self.play_frames(group).0
    }

    /// As [`Self::play`], with the frames that left.
    pub(crate) fn play_frames(&mut self, group: &Group) -> (Outcome, Vec<(PortId, MemoryFrame)>) {
        let before = self.counters();
        for step in &group.steps {
            self.step(step, &mut []);
        }
        let incoming: Vec<&Incoming> =
            group.steps.iter().flat_map(|s| if let Step::In(batch) = s { &batch[..] } else { &[] }).collect();
        let mut outcome = Outcome { says: std::mem::take(&mut self.says), ..Outcome::default() };
        let sent = self.take_sent();
        if !sent.is_empty() {
            self.left = sent.iter().map(|(_, frame)| frame.bytes.clone()).collect();
        }
        for (port, frame) in &sent {
            outcome.out.push((*port, show(frame, &incoming)));
        }
        for (name, by) in counters::moved(&before, &self.counters()) {
            match name.strip_prefix("drop.") {
                Some(reason) => outcome.drops.insert(reason.into(), by),
                None => outcome.counts.insert(name, by),
            };
        }
        assert_eq!(
            std::mem::take(&mut self.refused),
            0,
            "frames of the engine that its door refuses: {outcome:?}"
        );
        (outcome, sent)
    }

    /// Puts one frame through the engine alone, and what it punts through the director, whose outputs are thrown away.
    /// Returns true when the frame was both answered and punted.
    pub(crate) fn poke(&mut self, port: PortId, frame: &[u8], meta: Meta) -> bool {
        let Some(door) = self.doors.get_mut(&port) else { return false };
        door.wire.inject(frame, meta);
        let mut batch = door.rx.recv().expect("an open door");
        door.engine.process(self.now, &self.snapshot, &mut batch, &mut self.outbox);
        let forwarded = self.outbox.forwards().next().is_some();
        let answered = !self.outbox.replies.is_empty();
        let punts: Vec<Vec<u8>> = self.outbox.punts.iter().map(|(_, frame)| frame.to_vec()).collect();
        for frame in &punts {
            self.director.handle_frame(self.now, port, frame);
            while self.director.poll(self.now).is_some() {}
        }
        (forwarded || answered) && !punts.is_empty()
    }

    /// Puts `frames` through the engine of `port`, 64 at a time, and nothing through the director.
    pub(crate) fn poke_batches(&mut self, port: PortId, frames: &[(Vec<u8>, Meta)]) {
        let Some(door) = self.doors.get_mut(&port) else { return };
        for (frame, meta) in frames {
            door.wire.inject(frame, *meta);
        }
        loop {
            let mut batch = door.rx.recv().expect("an open door");
            if batch.is_empty() {
                return;
            }
            door.engine.process(self.now, &self.snapshot, &mut batch, &mut self.outbox);
        }
    }

    /// From now on the letters between the engines travel like this.
    pub(crate) fn disturb(&mut self, post: Post) {
        self.post = post;
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// What leaves when a frame comes in.
    pub(crate) fn exchange(&mut self, port: PortId, bytes: Vec<u8>, meta: Meta) -> Vec<Vec<u8>> {
        self.step(&Step::In(vec![Incoming { port, bytes, meta }]), &mut []);
        assert_eq!(self.refused, 0, "the door refuses a frame of the engine");
        self.take_sent().into_iter().map(|(_, frame)| frame.bytes).collect()
    }

    /// Counters of all workers together.
    pub(crate) fn counters(&self) -> Counters {
        let mut sum = Counters::new();
        for door in self.doors.values() {
            for (name, value) in counters::read(&door.stats) {
                *sum.entry(name).or_default() += value;
            }
        }
        sum
    }

    fn step(&mut self, step: &Step, hosts: &mut [(PortId, Host)]) {
        match step {
            Step::In(batch) => {
                for frame in batch {
                    let door = self.doors.get_mut(&frame.port).expect("a case names open interfaces");
                    door.wire.inject(&frame.bytes, frame.meta);
                }
                self.receive();
            }
            Step::Answer(port, which, words) => {
                let asked = which.checked_sub(1).and_then(|at| self.left.get(at));
                let text = answer_to(asked.expect("so many frames have left"), words);
                let (bytes, meta) = frame::build(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
                let door = self.doors.get_mut(port).expect("a case names open interfaces");
                door.wire.inject(&bytes, meta);
                self.receive();
            }
            Step::After(time) => {
                let end = self.now + *time;
                while let Some(next) = self.next_event().filter(|at| *at <= end) {
                    self.now = next.max(self.now);
                    self.settle();
                    self.tick();
                    self.serve(hosts);
                }
                self.now = end;
            }
            Step::Link(port, up) => {
                self.doors.get_mut(port).expect("a case names open interfaces").wire.set_link(*up);
                self.director.link(self.now, *port, *up);
                self.settle();
            }
            Step::Apply(line) => {
                self.config.apply_line(line).unwrap_or_else(|why| panic!("{line}: {why}"));
                let model = self.config.model().unwrap_or_else(|why| panic!("{line}: {why}"));
                self.director.reload(self.now, model);
                self.settle();
            }
        }
        self.serve(hosts);
    }

    /// Lets `time` pass for the engines alone: what waits there for more frames is given up.
    pub(crate) fn age(&mut self, time: Duration) {
        // Late news are late by less than a port rests.
        self.post.hurry();
        self.deliver();
        self.now += time;
        for door in self.doors.values_mut() {
            door.engine.tick(self.now, &self.snapshot);
        }
        self.deliver();
    }

    fn next_event(&self) -> Option<Instant> {
        let busy = self.doors.values().any(|d| d.engine.is_busy());
        [self.director.deadline(), busy.then(|| self.now + TICK)].into_iter().flatten().min()
    }

    fn tick(&mut self) {
        for door in self.doors.values_mut() {
            door.engine.tick(self.now, &self.snapshot);
        }
        self.deliver();
        self.release();
    }

    /// Packets that have waited for a neighbour go their way.
    fn release(&mut self) {
        let mut asks = Vec::new();
        for door in self.doors.values_mut().filter(|door| door.engine.is_waiting()) {
            door.engine.release(self.now, &self.snapshot, &mut self.outbox);
            for held in &mut self.outbox.released {
                let tx = self.tx.get_mut(&held.way.port).expect("only open interfaces are sent to");
                let mut batch = Batch::new();
                batch.push(Frame::new(&mut held.bytes, held.meta));
                self.refused += u64::from(tx.send(&mut batch, 1).expect("an open door") != 1);
            }
            for (port, reply) in self.outbox.replies.iter() {
                let tx = self.tx.get_mut(&port).expect("only open interfaces are sent to");
                self.refused += u64::from(!tx.send_bytes(reply).expect("an open door"));
            }
            asks.append(&mut self.outbox.asks);
        }
        for (port, addr) in asks {
            self.director.resolve(self.now, port, addr);
        }
    }

    /// Lets `hosts` answer until nobody has anything to say.
    fn serve(&mut self, hosts: &mut [(PortId, Host)]) {
        while !hosts.is_empty() {
            let mut answered = false;
            for (port, frame) in self.take_sent() {
                for (_, host) in hosts.iter_mut().filter(|(at, _)| *at == port) {
                    if let Some(answer) = host.hear(self.now, &frame.bytes) {
                        self.doors
                            .get_mut(&port)
                            .expect("an open interface")
                            .wire
                            .inject(&answer, Meta::default());
                        answered = true;
                    }
                }
            }
            if !answered {
                return;
            }
            self.receive();
        }
    }

    /// The engines tell each other what is new.
    fn deliver(&mut self) {
        let letters: Vec<_> =
            self.doors.values_mut().flat_map(|door| door.engine.letters().collect::<Vec<_>>()).collect();
        for letter in self.post.carry(letters) {
            if let Some(door) = self.doors.get_mut(&letter.to) {
                door.engine.receive(self.now, &letter.share);
            }
        }
    }

    /// Everything that has arrived goes its way.
    fn receive(&mut self) {
        let (mut punts, mut asks) = (Vec::new(), Vec::new());
        for at in self.doors.keys().copied().collect::<Vec<_>>() {
            loop {
                let door = self.doors.get_mut(&at).expect("one of the doors");
                let mut batch = door.rx.recv().expect("an open door");
                let more = door.wire.delivered(batch.len());
                if batch.is_empty() {
                    if more {
                        continue;
                    }
                    break;
                }
                door.engine.process(self.now, &self.snapshot, &mut batch, &mut self.outbox);
                for (port, mask) in self.outbox.forwards() {
                    let tx = self.tx.get_mut(&port).expect("only open interfaces are sent to");
                    let accepted = tx.send(&mut batch, mask).expect("an open door");
                    self.refused += u64::from((mask & !accepted).count_ones());
                }
                for (port, reply) in self.outbox.replies.iter() {
                    let tx = self.tx.get_mut(&port).expect("only open interfaces are sent to");
                    self.refused += u64::from(!tx.send_bytes(reply).expect("an open door"));
                }
                punts.extend(self.outbox.punts.iter().map(|(port, frame)| (port, frame.to_vec())));
                asks.append(&mut self.outbox.asks);
                drop(batch);
                self.deliver();
            }
        }
        for (port, addr) in asks {
            self.director.resolve(self.now, port, addr);
        }
        self.settle();
        for (port, frame) in punts {
            self.director.handle_frame(self.now, port, &frame);
            self.settle();
        }
        self.release();
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(output) = self.director.poll(self.now) {
            match output {
                Output::Send { port, frame } => {
                    // Refused without link; the director is told of that by its own way.
                    let tx = self.tx.get_mut(&port).expect("only open interfaces are sent to");
                    tx.send_bytes(&frame).expect("an open door");
                }
                Output::Publish(snapshot) => self.snapshot = snapshot,
                Output::Tell(note) => self.says.push(note.to_string()),
                Output::Pinged(_) => unreachable!("no case pings"),
                Output::Run(_) | Output::Alert(_) => unreachable!("no case runs commands"),
            }
        }
    }

    fn take_sent(&mut self) -> Vec<(PortId, MemoryFrame)> {
        let Self { doors, tx, .. } = self;
        let sent = |(port, door): (&PortId, &mut Door<W>)| {
            let tx = tx.get_mut(port).expect("a queue for each door");
            let frames = door.wire.take_sent(&mut **tx);
            frames.into_iter().map(|frame| (*port, frame)).collect::<Vec<_>>()
        };
        doors.iter_mut().flat_map(sent).collect()
    }
}

/// A frame that left, in one line, with what the line does not show in brackets.
fn show(frame: &MemoryFrame, incoming: &[&Incoming]) -> String {
    let MemoryFrame { bytes, meta } = frame;
    let mut text = match ethernet::Frame::new(&bytes[..]) {
        Ok(frame) => frame.to_string(),
        Err(why) => return format!("[{why}]"),
    };
    let same = incoming.iter().any(|frame| frame.bytes.get(12..) == bytes.get(12..) && frame.meta == *meta);
    if same {
        text.push_str(" [same]");
    } else if let Ok(found) = dissect(bytes) {
        if let L3::Ip(info) = found.l3 {
            if info.ttl != 64 {
                text.push_str(&format!(" [ttl {}]", info.ttl));
            }
            text.push_str(&inside(&info, bytes));
        }
        if meta.csum == Csum::Complete && !checksums_hold(bytes) {
            text.push_str(" [bad checksum]");
        }
    }
    if let Csum::Partial { start, offset } = meta.csum {
        text.push_str(&format!(" [checksum at {start}+{offset} left to hardware]"));
        if !completed(bytes, meta) {
            text.push_str(" [bad checksum]");
        }
    }
    if let Some(gso) = meta.gso {
        text.push_str(&format!(" [to be cut to {} behind {}]", gso.size, gso.header_len));
    }
    text
}

/// Whether hardware would make the checksum right that was left to it.
fn completed(bytes: &[u8], meta: &Meta) -> bool {
    let mut bytes = bytes.to_vec();
    offload::complete(&mut bytes, meta) && checksums_hold(&bytes)
}

/// What the line of a packet does not show of its inside: the packet that an error is about, the packet in a tunnel,
/// the size of segments that a SYN asks for, a UDP checksum that is none.
fn inside(info: &IpInfo, bytes: &[u8]) -> String {
    let l4 = info.l4(bytes);
    if info.fragment == Fragment::Later {
        return String::new();
    }
    if info.is_icmp_error(bytes) {
        let quote = if info.is_v6 {
            icmpv6::Packet::new(l4).ok().and_then(|message| message.quoted().map(<[u8]>::to_vec))
        } else {
            icmpv4::Packet::new(l4).ok().and_then(|message| message.quoted().map(<[u8]>::to_vec))
        };
        let quote = quote.unwrap_or_default();
        let rest = l4.get(4..8).map_or(0, |rest| u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]));
        let flow = quoted(&quote).map_or_else(
            |why| format!("{why}"),
            |q| format!("{}:{} > {}:{} proto {}", q.src, q.sport, q.dst, q.dport, q.proto),
        );
        let holds = match whole(&quote) {
            Some(frame) if !checksums_hold(&frame) => ", bad checksum",
            _ => "",
        };
        return format!(" [mtu {rest}, about {flow}{holds}]");
    }
    let shim = match info.proto {
        protocol::UDP if tunnelled(info).is_none() && l4.get(6..8) == Some(&[0, 0]) => {
            return " [no checksum]".into();
        }
        protocol::TCP if l4.len() >= 24 && l4[12] >> 4 == 6 && l4[20..22] == [2, 4] => {
            return format!(" [mss {}]", u16::from_be_bytes([l4[22], l4[23]]));
        }
        _ => tunnelled(info),
    };
    let Some(shim) = shim else { return String::new() };
    let Some(frame) = l4.get(shim..).and_then(whole) else { return " [nonsense inside]".into() };
    let header: String = l4[..shim].iter().map(|byte| format!("{byte:02x}")).collect();
    let holds = if checksums_hold(&frame) { "" } else { ", bad checksum" };
    let hops = match dissect(&frame) {
        Ok(Dissected { l3: L3::Ip(info), .. }) => format!("ttl {}{}", info.ttl, inside(&info, &frame)),
        _ => "nonsense".into(),
    };
    let packet = ethernet::Frame::new(&frame[..]).expect("just made").to_string();
    let packet = packet.split_once(", ").map_or(packet.as_str(), |(_, packet)| packet);
    let header = if shim == 0 { String::new() } else { format!("{header} ") };
    format!(" [inside: {header}{packet}, {hops}{holds}]")
}

/// Bytes of the header of a tunnel in front of the packet inside; `None` for what is no tunnel.
fn tunnelled(info: &IpInfo) -> Option<usize> {
    match info.proto {
        protocol::IPV4 | protocol::IPV6 => Some(0),
        protocol::GRE => Some(4),
        protocol::UDP if info.dport == 6080 => Some(12),
        _ => None,
    }
}

/// The words of an answer with what the frame that is `asked` by has, or a packet inside.
fn answer_to(asked: &[u8], words: &str) -> String {
    let Ok(Dissected { l3: L3::Ip(info), .. }) = dissect(asked) else { panic!("only packets are answered") };
    let l4 = info.l4(asked);
    if let Some(shim) = tunnelled(&info) {
        return answer_to(&whole(&l4[shim..]).expect("a packet in the tunnel"), words);
    }
    let (mut seq, mut ack, mut id) = (0, 0, 0);
    if let (protocol::TCP, Ok(segment)) = (info.proto, tcp::Packet::new(l4)) {
        let begins = u32::from(segment.flags() & tcp::flags::SYN != 0);
        seq = segment.seq();
        ack = seq.wrapping_add(begins + segment.payload().len() as u32);
    } else if let Some(&[high, low]) = l4.get(udp::HEADER_LEN..udp::HEADER_LEN + 2) {
        id = u16::from_be_bytes([high, low]);
    }
    let values = [("@port", info.sport.into()), ("@seq", seq), ("@ack", ack), ("@id", id.into())];
    values.iter().fold(words.to_owned(), |text, (name, value)| text.replace(name, &value.to_string()))
}

/// A frame with packet `bytes`, if that is as long as it says.
fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| Some(usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    let (kind, len) = match bytes.first()? >> 4 {
        4 => ([8, 0], word(2)?),
        6 => ([0x86, 0xdd], word(4)? + 40),
        _ => return None,
    };
    let mut frame = vec![0; 12];
    frame.extend(kind);
    frame.extend(bytes.get(..len)?);
    Some(frame)
}

/// Whether every checksum in the frame is right.
pub(crate) fn checksums_hold(bytes: &[u8]) -> bool {
    let Ok(found) = dissect(bytes) else { return false };
    let L3::Ip(info) = found.l3 else { return true };
    // That of IPv4 was seen right by `dissect`; that of layer 4 is of the whole packet.
    if info.fragment != Fragment::None {
        return true;
    }
    let (src, dst, message) = (info.src.to_ip(), info.dst.to_ip(), info.l4(bytes));
    match info.proto {
        protocol::TCP => tcp::Packet::new(message).is_ok_and(|p| p.verify_checksum(src, dst)),
        protocol::UDP => udp::Packet::new(message).is_ok_and(|p| p.verify_checksum(src, dst)),
        protocol::ICMP => icmpv4::Packet::new(message).is_ok_and(|p| p.verify_checksum()),
        protocol::ICMPV6 => match (info.src.as_v6(), info.dst.as_v6()) {
            (Some(src), Some(dst)) => icmpv6::Packet::new(message).is_ok_and(|p| p.verify_checksum(src, dst)),
            _ => false,
        },
        protocol::VRRP => vrrp::Packet::new(message).is_ok_and(|p| p.verify_checksum()),
        _ => true,
    }
}
