//! Translated connections: who talks with whom, and which addresses and ports each of them sees.
//!
//! A flow has an initiator, a responder as the initiator addresses it, and a translation. Packets of the *original*
//! direction turn from (initiator -> responder) into (from -> to); packets of the *reply* direction turn from
//! (to -> from) into (responder -> initiator):
//!
//! | kind | initiator | responder | from | to |
//! | --- | --- | --- | --- | --- |
//! | `Dnat` | client | virtual server | the client | target |
//! | `Proxy` | client | virtual server | our address, a port of a pool | target |
//! | `Snat` | inside host | remote host | outside address, a port of a pool | the remote host |
//! | `Tnat` | target | remote host | virtual server | the remote host |
//!
//! The rooms of this module: [`Flows`] is the memory of one worker ([`table`](self) for each family), [`State`] how far
//! a connection has come, [`Share`] what workers tell each other, [`PortPool`] the ports they all claim.

mod index;
pub mod ports;
mod share;
mod sources;
pub mod state;
mod table;

use arrayvec::ArrayVec;

use crate::net::{Addr, PortId};
use crate::seed::Seed;
use crate::time::{Duration, Instant, Tick};
use crate::wire::MacAddr;

pub use ports::PortPool;
pub use share::{Letter, News, Share};
pub use state::State;
use table::Table;
pub use table::bytes;

/// The ends of a packet, as the packet shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Source port. Both ports are the identifier of an ICMP echo, and 0 for what has no ports.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Layer-4 protocol, see [`crate::wire::protocol`].
    pub proto: u8,
}

impl Tuple {
    /// What the answer to such a packet shows.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src, sport: self.dport, dport: self.sport, proto: self.proto }
    }
}

/// What kind of translation a flow has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A client's connection to a virtual server: the destination becomes the target.
    Dnat = 0,
    /// The same, and the source becomes our address.
    Proxy = 1,
    /// An inside host's connection: the source becomes the outside address.
    Snat = 2,
    /// A target's own connection: the source becomes the virtual server.
    Tnat = 3,
}

/// Which way a packet of a flow goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the initiator.
    Original,
    /// To the initiator.
    Reply,
}

/// Where a packet came from, so that answers can go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via {
    /// The interface.
    pub port: PortId,
    /// The station.
    pub mac: MacAddr,
}

/// A translated connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Kind of translation.
    pub kind: Kind,
    /// Packets of the initiator as they come.
    pub original: Tuple,
    /// Packets of the initiator as they go on. Its protocol and family are those of `original`.
    pub translated: Tuple,
    /// Server number, 0 for none.
    pub server: u16,
    /// Target number, 0 for none.
    pub target: u16,
    /// Last hop of the initiator.
    pub via: Via,
    /// The interface whose workers know it, too: of an owned flow those with copies, of a copy the owner. 0 for none.
    pub peer: PortId,
}

impl Flow {
    /// Packets of the responder as they come.
    pub const fn reply(&self) -> Tuple {
        self.translated.reversed()
    }
}

/// Idle times after which a flow ends, in ticks of a tenth of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP before it is established, or known to be.
    pub opening: u32,
    /// TCP.
    pub established: u32,
    /// TCP of which one end has no more to send.
    pub closing: u32,
    /// TCP that has ended: how long late segments still find their way.
    pub closed: u32,
    /// Other protocols before there was an answer.
    pub single: u32,
    /// Other protocols.
    pub datagram: u32,
}

impl Timeouts {
    /// The timeout of a flow in `state`.
    pub const fn of(&self, state: State, tcp: bool) -> u32 {
        match state {
            State::Resumed | State::Opening => self.opening,
            State::Established if tcp => self.established,
            State::Established => self.datagram,
            State::ClosingOriginal | State::ClosingReply => self.closing,
            State::Closed => self.closed,
            State::Single => self.single,
        }
    }
}

/// Where a flow is. Good until the next flow is inserted, received, removed or swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    record: u32,
    v6: bool,
}

/// Where the flow of a tuple may be.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    at: crate::hash::Spot,
    v6: bool,
}

/// A flow as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The flow.
    pub flow: Flow,
    /// State of its connection.
    pub state: State,
    /// This worker owns it.
    pub owned: bool,
    /// Time since it was created.
    pub age: Duration,
    /// Time since its last packet.
    pub idle: Duration,
    /// Idle time after which it ends.
    pub timeout: Duration,
}

/// Why a flow is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was idle for its timeout.
    Expired,
    /// Room was needed.
    Evicted,
    /// It had ended, and a new flow with one of its tuples came.
    Replaced,
    /// Somebody asked for it.
    Removed,
}

/// A flow that is not in the table any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// The flow.
    pub flow: Flow,
    /// State that its connection had.
    pub state: State,
    /// This worker owned it: whoever claimed a port for it must release the port.
    pub owned: bool,
    /// Why.
    pub why: Why,
    created: Tick,
}

impl Gone {
    /// What the holders of copies must be told.
    pub fn letter(&self) -> Option<Letter> {
        let share = Share::Remove { original: self.flow.original, created: self.created };
        (self.owned && self.flow.peer != 0).then_some(Letter { to: self.flow.peer, share })
    }
}

/// Flows that had to go for a new one: at most two with its tuples, one for a full table and one for each tuple's full
/// buckets.
pub type Displaced = ArrayVec<Gone, 5>;

/// What became of a new flow.
#[derive(Debug, Clone)]
pub struct Inserted {
    /// Where it is.
    pub handle: Handle,
    /// What had to go for it.
    pub gone: Displaced,
    /// What the holders of copies must be told, after they were told of `gone`.
    pub letter: Option<Letter>,
}

/// What follows from a packet of a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Touched {
    /// What the other workers of a shared flow must be told: at once when its state or the way back changed, else no
    /// more than four times per timeout.
    pub letter: Option<Letter>,
    /// Its state has changed, or a quarter of its timeout is over.
    pub news: bool,
}

/// Why a flow was not taken into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A live flow has one of its tuples.
    Taken,
    /// Its replies would look like its requests.
    Mirrored,
    /// Its tuples are of different families or protocols.
    Mixed,
    /// More than 65,535 addresses of ours are in use.
    Sources,
}

/// The flows of one worker.
#[derive(Debug)]
pub struct Flows {
    port: PortId,
    v4: Table<u32>,
    v6: Table<[u32; 4]>,
}

/// Calls a method of the table of a family.
macro_rules! family {
    ($self:ident, $v6:expr, $table:ident => $call:expr) => {
        if $v6 {
            let $table = &mut $self.v6;
            $call
        } else {
            let $table = &mut $self.v4;
            $call
        }
    };
}

impl Flows {
    /// The memory of a worker of interface `port`, for so many flows of each family. It is taken from the system page
    /// by page as flows come.
    ///
    /// # Panics
    /// When a capacity is above 2^30.
    pub fn new(port: PortId, v4: usize, v6: usize, seed: &mut Seed) -> Self {
        Self { port, v4: Table::new(port, v4, seed), v6: Table::new(port, v6, seed) }
    }

    /// Flows of both families, copies and those that expired but were not swept yet included.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Most flows, IPv4 and IPv6.
    pub fn capacity(&self) -> (usize, usize) {
        (self.v4.capacity(), self.v6.capacity())
    }

    /// Where the flow of `tuple` may be.
    #[inline]
    pub fn locate(&self, tuple: &Tuple) -> Spot {
        let v6 = !tuple.src.is_v4();
        Spot { at: if v6 { self.v6.locate(tuple) } else { self.v4.locate(tuple) }, v6 }
    }

    /// Brings what lies at `spots` into the cache; the misses of a batch overlap.
    pub fn warm<'a>(&self, spots: impl Iterator<Item = &'a Spot> + Clone) {
        self.v4.warm(spots.clone().filter(|spot| !spot.v6).map(|spot| spot.at));
        self.v6.warm(spots.filter(|spot| spot.v6).map(|spot| spot.at));
    }

    /// The live flow of a packet with `tuple`, which was located at `spot`, and which way the packet goes.
    #[inline]
    pub fn find(&self, now: Instant, spot: Spot, tuple: &Tuple) -> Option<(Handle, Direction)> {
        let now = Tick::at(now);
        let found =
            if spot.v6 { self.v6.find(now, spot.at, tuple) } else { self.v4.find(now, spot.at, tuple) };
        found.map(|(record, direction)| (Handle { record, v6: spot.v6 }, direction))
    }

    /// The flow at `handle`.
    #[inline]
    pub fn get(&self, handle: Handle) -> Flow {
        if handle.v6 { self.v6.flow(handle.record) } else { self.v4.flow(handle.record) }
    }

    /// State of the connection at `handle`.
    pub fn state(&self, handle: Handle) -> State {
        if handle.v6 { self.v6.state(handle.record) } else { self.v4.state(handle.record) }
    }

    /// This worker owns the flow at `handle`.
    pub fn owned(&self, handle: Handle) -> bool {
        if handle.v6 { self.v6.owned(handle.record) } else { self.v4.owned(handle.record) }
    }

    /// Takes a new flow of this worker into the table, after its first packet with `tcp_flags` (0 for what is not TCP).
    /// A flow that has ended and has one of its tuples goes.
    ///
    /// # Errors
    /// See [`Refused`]; nothing has changed then.
    pub fn insert(
        &mut self,
        now: Instant,
        flow: &Flow,
        tcp_flags: u8,
        timeouts: &Timeouts,
    ) -> Result<Inserted, Refused> {
        let v6 = family_of(flow)?;
        let (now, tcp) = (Tick::at(now), is_tcp(flow.original.proto));
        let state = State::first(tcp, tcp_flags);
        let news = News { created: now, last: now, state, timeout: timeouts.of(state, tcp) };
        let mut gone = Displaced::new();
        let record = family!(self, v6, table => table.insert(now, flow, &news, true, &mut gone))?;
        let install = Share::Install { owner: self.port, flow: *flow, news };
        let letter = (flow.peer != 0).then_some(Letter { to: flow.peer, share: install });
        Ok(Inserted { handle: Handle { record, v6 }, gone, letter })
    }

    /// Notes a packet of the flow at `handle`. `via` is where it came from.
    #[inline]
    pub fn touch(
        &mut self,
        handle: Handle,
        now: Instant,
        direction: Direction,
        tcp_flags: u8,
        via: Via,
        timeouts: &Timeouts,
    ) -> Touched {
        let now = Tick::at(now);
        family!(self, handle.v6, table => {
            table.touch(handle.record, now, direction, tcp_flags, via, timeouts)
        })
    }

    /// Removes the flow at `handle`.
    pub fn remove(&mut self, handle: Handle) -> Gone {
        family!(self, handle.v6, table => table.take(handle.record, Why::Removed))
    }

    /// Removes the expired flow whose initiator sends `original`.
    pub fn bury(&mut self, now: Instant, original: &Tuple) -> Option<Gone> {
        let now = Tick::at(now);
        family!(self, !original.src.is_v4(), table => table.bury(now, original))
    }

    /// Removes expired flows: looks at no more than `slice` of each family, and at all of them within a second or, when
    /// there are more than a million, within a microsecond for each. `gone` is told of each.
    pub fn sweep(&mut self, now: Instant, slice: usize, mut gone: impl FnMut(Gone)) {
        self.v4.sweep(now, slice, &mut gone);
        self.v6.sweep(now, slice, &mut gone);
    }

    /// Removes all flows. `gone` is told of each.
    pub fn clear(&mut self, mut gone: impl FnMut(Gone)) {
        self.v4.clear(&mut gone);
        self.v6.clear(&mut gone);
    }

    /// Takes what another worker tells. Returns what had to go for it.
    ///
    /// # Errors
    /// See [`Refused`]: the copy was not made, because a flow of this worker has one of its tuples.
    pub fn receive(&mut self, now: Instant, share: &Share) -> Result<Displaced, Refused> {
        let now = Tick::at(now);
        match share {
            Share::Install { owner, flow, news } => {
                let v6 = family_of(flow)?;
                let copy = Flow { peer: *owner, ..*flow };
                family!(self, v6, table => table.install(now, &copy, news))
            }
            Share::Touch { original, news, via } => {
                family!(self, !original.src.is_v4(), table => table.learn(original, news, *via));
                Ok(Displaced::new())
            }
            Share::Remove { original, created } => {
                let gone = family!(self, !original.src.is_v4(), table => table.forget(original, *created));
                Ok(gone.into_iter().collect())
            }
        }
    }

    /// About `max` live flows from `cursor` on, IPv4 first, in bounded time; the cursor moves behind them. `None` at
    /// the end of the listing.
    pub fn list(&self, now: Instant, cursor: &mut Cursor, max: usize) -> Option<Vec<View>> {
        let (now, mut views) = (Tick::at(now), Vec::new());
        if cursor.v4 < self.v4.extent() {
            cursor.v4 = self.v4.walk(now, cursor.v4, max, |view| views.push(view));
        } else if cursor.v6 < self.v6.extent() {
            cursor.v6 = self.v6.walk(now, cursor.v6, max, |view| views.push(view));
        } else {
            return None;
        }
        Some(views)
    }
}

/// Position in a listing of all flows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    v4: u32,
    v6: u32,
}

const fn is_tcp(proto: u8) -> bool {
    proto == crate::wire::protocol::TCP
}

/// True when `flow` is an IPv6 flow.
fn family_of(flow: &Flow) -> Result<bool, Refused> {
    let Flow { original, translated, .. } = flow;
    let v6 = !original.src.is_v4();
    let alike = [original.dst, translated.src, translated.dst].iter().all(|addr| addr.is_v4() != v6);
    if alike && original.proto == translated.proto { Ok(v6) } else { Err(Refused::Mixed) }
}

#[cfg(test)]
mod tests;
