//! A TCP connection of a check: what a client that asks one question and reads the beginning of one answer needs of
//! RFC 9293, and no more.
//!
//! ```text
//!   SYN -->          repeated after 1, 2, 4 s, and at every interval of the check
//!   <-- SYN, ACK     an acknowledgment of something else is answered by a reset, and waited on
//!   ACK, request --> as much as the other side has room for, repeated like the SYN
//!   <-- answer       in order; what comes out of order is asked for again
//!   RST -->          nothing is left behind on either side
//! ```

use super::kind::{Context, Effect, Flow, Segment};
use super::port::Port;
use crate::time::{Duration, Instant};
use crate::wire::protocol;
use crate::wire::tcp::flags;

/// Bytes that may come at a time: so much passes from a worker to the director, even when the host has put several
/// segments into one.
const WINDOW: u16 = 1_024;
/// The largest segment that is taken, and that is sent to whoever does not say what he takes (RFC 9293 section 3.7.1).
const MSS: u16 = 536;
/// Time to the first repetition (RFC 6298 section 2.1).
const REPEAT: Duration = Duration::from_secs(1);
/// A repetition within this time after the last one is too many.
const REPEAT_MIN: Duration = Duration::from_millis(500);

/// What a segment has brought about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The connection is open.
    Open,
    /// The next bytes of the answer.
    Data(Vec<u8>),
    /// The other side has no more to say; with its last bytes.
    End(Vec<u8>),
    /// The connection was refused.
    Refused,
    /// It was reset after it was open.
    Reset,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    port: Port,
    to: u16,
    begun: Instant,
    /// When the last segment was sent that wants an acknowledgment.
    sent: Instant,
    tries: u32,
    open: bool,
    /// An acknowledgment of something that was never sent has come instead of an answer.
    strange: bool,
    /// Number of the SYN.
    first: u32,
    /// Bytes of the request that were sent, and that were acknowledged.
    next: usize,
    acked: usize,
    request: Vec<u8>,
    /// Next number that is expected.
    expected: u32,
    window: usize,
    mss: usize,
}

impl Connection {
    /// Begins a connection to port `to` that asks `request`, which may be nothing. `None` without a free port.
    pub(super) fn begin(context: &mut Context<'_>, to: u16, request: Vec<u8>) -> Option<Self> {
        let mut connection = Self {
            port: context.ports.claim(protocol::TCP, context.seed)?,
            to,
            begun: context.now,
            sent: context.now,
            tries: 0,
            open: false,
            strange: false,
            first: context.seed.next_u64() as u32,
            next: 0,
            acked: 0,
            request,
            expected: 0,
            window: 0,
            mss: usize::from(MSS),
        };
        connection.repeat(context);
        Some(connection)
    }

    pub(super) fn flow(&self) -> Flow {
        Flow { proto: protocol::TCP, local: self.port.number(), remote: self.to }
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// How far it has come, when the answer does not come.
    pub(super) fn so_far(&self) -> Option<&'static str> {
        match (self.open, self.strange) {
            (true, _) if self.acked < self.request.len() && self.window == 0 => {
                Some("the connection opens, but its window stays closed")
            }
            (true, _) if self.acked < self.request.len() => {
                Some("the connection opens, but the request is not acknowledged")
            }
            (true, _) => Some("the connection opens, but no answer comes"),
            (false, true) => Some("it acknowledges what was never sent"),
            (false, false) => None,
        }
    }

    /// When [`Connection::expire`] has something to do.
    pub(super) fn deadline(&self, interval: Duration) -> Option<Instant> {
        let waits = !self.open || self.acked < self.request.len();
        waits.then(|| self.sent + REPEAT.saturating_mul(1 << self.tries.min(6)).min(interval))
    }

    /// Sends again what is not acknowledged.
    pub(super) fn expire(&mut self, context: &mut Context<'_>) {
        if context.now.since(self.sent) >= REPEAT_MIN {
            self.tries += 1;
            self.repeat(context);
        }
    }

    fn repeat(&mut self, context: &mut Context<'_>) {
        self.sent = context.now;
        if !self.open {
            let syn = Segment { flags: flags::SYN, ack: 0, mss: Some(MSS), ..self.segment() };
            context.effects.push(Effect::Segment(syn));
            return;
        }
        self.next = self.acked;
        if self.acked < self.request.len() && self.window == 0 {
            // A byte that does not fit makes the other side tell its window (RFC 9293 section 3.8.6.1).
            let probe = Segment { data: vec![self.request[self.acked]], ..self.segment() };
            context.effects.push(Effect::Segment(probe));
            return;
        }
        self.flush(context);
    }

    /// Sends what is left of the request and has room at the other side.
    fn flush(&mut self, context: &mut Context<'_>) {
        while self.next < self.request.len().min(self.acked + self.window) {
            let end = self.request.len().min(self.acked + self.window).min(self.next + self.mss);
            let data = self.request[self.next..end].to_vec();
            let last = if end == self.request.len() { flags::PSH } else { 0 };
            let segment = Segment { flags: flags::ACK | last, data, ..self.segment() };
            context.effects.push(Effect::Segment(segment));
            self.next = end;
            self.sent = context.now;
        }
    }

    /// Takes a segment of this connection.
    pub(super) fn hear(&mut self, context: &mut Context<'_>, segment: &Segment) -> Option<Event> {
        if self.open { self.hear_open(context, segment) } else { self.hear_opening(context, segment) }
    }

    /// RFC 9293 section 3.10.7.3.
    fn hear_opening(&mut self, context: &mut Context<'_>, segment: &Segment) -> Option<Event> {
        let acknowledges = segment.flags & flags::ACK != 0;
        if acknowledges && segment.ack != self.first.wrapping_add(1) {
            self.strange = true;
            if segment.flags & flags::RST == 0 {
                let reset = Segment { seq: segment.ack, ack: 0, flags: flags::RST, ..self.segment() };
                context.effects.push(Effect::Segment(reset));
            }
            return None;
        }
        if segment.flags & flags::RST != 0 {
            return acknowledges.then_some(Event::Refused);
        }
        if !acknowledges || segment.flags & flags::SYN == 0 {
            return None;
        }
        self.open = true;
        self.tries = 0;
        self.expected = segment.seq.wrapping_add(1);
        self.window = usize::from(segment.window);
        self.mss = usize::from(segment.mss.unwrap_or(MSS).clamp(64, 1_220));
        self.flush(context);
        if self.next == 0 {
            context.effects.push(Effect::Segment(self.segment()));
        }
        Some(Event::Open)
    }

    fn hear_open(&mut self, context: &mut Context<'_>, segment: &Segment) -> Option<Event> {
        // Bytes in front of what is expected have come before.
        let old = self.expected.wrapping_sub(segment.seq);
        if segment.flags & flags::RST != 0 {
            return (old == 0).then_some(Event::Reset);
        }
        if segment.flags & flags::SYN != 0 {
            context.effects.push(Effect::Segment(self.segment()));
            return None;
        }
        let acked = segment.ack.wrapping_sub(self.first.wrapping_add(1)) as usize;
        if segment.flags & flags::ACK == 0 || acked > self.request.len() {
            return None;
        }
        if acked > self.acked {
            (self.acked, self.next, self.tries) = (acked, self.next.max(acked), 0);
        }
        self.window = usize::from(segment.window);
        let fin = segment.flags & flags::FIN != 0;
        let in_order = (old as usize) <= segment.data.len();
        let fresh = if in_order { &segment.data[old as usize..] } else { &[][..] };
        let taken = &fresh[..fresh.len().min(usize::from(WINDOW))];
        let end = fin && in_order && taken.len() == fresh.len();
        self.expected = self.expected.wrapping_add(taken.len() as u32 + u32::from(end));
        let before = context.effects.len();
        self.flush(context);
        if (fin || !segment.data.is_empty()) && context.effects.len() == before {
            context.effects.push(Effect::Segment(self.segment()));
        }
        match (end, taken.is_empty()) {
            (true, _) => Some(Event::End(taken.to_vec())),
            (false, false) => Some(Event::Data(taken.to_vec())),
            (false, true) => None,
        }
    }

    /// Ends it at once, on both sides. A connection that was never open ends by itself.
    pub(super) fn reset(&self, context: &mut Context<'_>) {
        if self.open {
            let reset = Segment { flags: flags::RST | flags::ACK, window: 0, ..self.segment() };
            context.effects.push(Effect::Segment(reset));
        }
    }

    /// A bare acknowledgment of all that has come.
    fn segment(&self) -> Segment {
        let offset = if self.open { 1 + self.next as u32 } else { 0 };
        Segment {
            from: self.port.number(),
            to: self.to,
            seq: self.first.wrapping_add(offset),
            ack: self.expected,
            flags: flags::ACK,
            window: WINDOW,
            mss: None,
            data: Vec::new(),
        }
    }
}
