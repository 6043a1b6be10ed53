//! What one batch causes: frames to forward, frames to send, frames for the director.
//!
//! All memory is taken once. A batch that causes more than fits loses the excess, counted.

use crate::net::waiting::Held;
use crate::net::{Addr, PortId};

/// Bytes of frames that the engine can make for one batch: a full batch of large frames, each in fragments.
const REPLY_BYTES: usize = 256 * 1024;
/// Most frames that it can make.
const REPLIES: usize = 1024;
/// Most frames of one batch that the director gets to see, and most neighbours that it is told of.
const PUNTS: usize = 64;
/// Bytes of frames that one batch can hand to the director; longer frames are cut to [`PUNT_LEN`] or [`ANSWER_LEN`]
/// first.
const PUNT_BYTES: usize = 4 * PUNTS * PUNT_LEN;
/// Most bytes of one frame that the director gets to see. Control protocols are shorter.
pub const PUNT_LEN: usize = 256;
/// Most bytes of an answer to a health check that the director gets to see: a datagram of the usual MTU. Of a connection
/// it never lets more come at a time.
pub const ANSWER_LEN: usize = 1514;

/// A list of frames in one fixed buffer.
#[derive(Debug)]
pub struct FrameList {
    bytes: Vec<u8>,
    ends: Vec<(PortId, u32)>,
    limit: usize,
}

impl FrameList {
    fn new(limit: usize, frames: usize) -> Self {
        Self { bytes: Vec::with_capacity(limit), ends: Vec::with_capacity(frames), limit }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn push(&mut self, port: PortId, frame: &[u8]) -> bool {
        self.push_parts(port, frame, &[])
    }

    /// Adds the frame that begins with `head` and goes on with `rest`.
    pub(crate) fn push_parts(&mut self, port: PortId, head: &[u8], rest: &[u8]) -> bool {
        let len = head.len() + rest.len();
        let fits = self.bytes.len() + len <= self.limit && self.ends.len() < self.ends.capacity();
        if fits {
            self.bytes.extend_from_slice(head);
            self.bytes.extend_from_slice(rest);
            self.ends.push((port, self.bytes.len() as u32));
        }
        fits
    }

    /// How far the list has come.
    pub(crate) fn mark(&self) -> usize {
        self.ends.len()
    }

    /// Forgets what was added since `mark`.
    pub(crate) fn rewind(&mut self, mark: usize) {
        self.ends.truncate(mark);
        self.bytes.truncate(self.ends.last().map_or(0, |(_, end)| *end as usize));
    }

    /// The frames with their interfaces, in order.
    pub fn iter(&self) -> impl Iterator<Item = (PortId, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(port, end)| {
            let end = *end as usize;
            (*port, &self.bytes[std::mem::replace(&mut start, end)..end])
        })
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// The consequences of one batch.
#[derive(Debug)]
pub struct Outbox {
    /// Mask of the batch per interface; only those in `touched` are not zero.
    forward: Vec<u64>,
    touched: Vec<PortId>,
    /// Frames made by the engine, with the interface that sends them.
    pub replies: FrameList,
    /// Frames for the director, with the interface that received them.
    pub punts: FrameList,
    /// Frames of earlier batches that have waited for a neighbour and leave now.
    pub released: Vec<Held>,
    /// Neighbours that the director is to resolve, with their interface.
    pub asks: Vec<(PortId, Addr)>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            forward: vec![0; usize::from(PortId::MAX) + 1],
            touched: Vec::with_capacity(64),
            replies: FrameList::new(REPLY_BYTES, REPLIES),
            punts: FrameList::new(PUNT_BYTES, PUNTS),
            released: Vec::new(),
            asks: Vec::with_capacity(PUNTS),
        }
    }
}

impl Outbox {
    /// Forgets the batch before.
    pub fn clear(&mut self) {
        for port in self.touched.drain(..) {
            self.forward[usize::from(port)] = 0;
        }
        self.replies.clear();
        self.punts.clear();
        self.released.clear();
        self.asks.clear();
    }

    /// Frame `index` of the batch leaves by `port`.
    #[inline]
    pub fn forward(&mut self, index: usize, port: PortId) {
        let mask = &mut self.forward[usize::from(port)];
        if *mask == 0 {
            self.touched.push(port);
        }
        *mask |= 1 << index;
    }

    /// Which frames of the batch leave by which interface; interfaces without frames are left out.
    pub fn forwards(&self) -> impl Iterator<Item = (PortId, u64)> {
        self.touched.iter().map(|port| (*port, self.forward[usize::from(*port)]))
    }

    /// Adds a reply. `false` when the buffer is full.
    pub fn reply(&mut self, port: PortId, frame: &[u8]) -> bool {
        self.replies.push(port, frame)
    }

    /// Adds a neighbour that the director is to resolve. What does not fit is asked for again later.
    pub fn ask(&mut self, port: PortId, addr: Addr) {
        if self.asks.len() < PUNTS {
            self.asks.push((port, addr));
        }
    }

    /// Adds a frame for the director. `false` when the buffer is full.
    pub fn punt(&mut self, port: PortId, frame: &[u8]) -> bool {
        self.punts.push(port, &frame[..frame.len().min(PUNT_LEN)])
    }

    /// Adds an answer to a health check for the director. `false` when the buffer is full.
    pub fn punt_answer(&mut self, port: PortId, frame: &[u8]) -> bool {
        self.punts.push(port, &frame[..frame.len().min(ANSWER_LEN)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_until_the_buffer_is_full() {
        let mut out = Outbox::default();
        assert!(out.reply(1, b"one") && out.reply(2, b"three"));
        let got: Vec<_> = out.replies.iter().collect();
        assert_eq!(got, [(1, &b"one"[..]), (2, b"three")]);
        let mark = out.replies.mark();
        assert!((0..2_000).any(|_| !out.reply(1, &[0; 90])));
        assert!((0..2_000).any(|_| !out.reply(1, &[0; 90])));
        out.replies.rewind(mark);
        assert_eq!(out.replies.iter().collect::<Vec<_>>(), [(1, &b"one"[..]), (2, b"three")]);
        assert!((0..200).any(|_| !out.reply(1, &[0; 1500])));
    }

    #[test]
    fn long_frames_are_cut_for_the_director() {
        let mut out = Outbox::default();
        assert!(out.punt(1, &[7; 1500]));
        assert_eq!(out.punts.iter().next().unwrap().1.len(), PUNT_LEN);
    }

    #[test]
    fn clearing_forgets_everything() {
        let mut out = Outbox::default();
        out.forward(3, 2);
        out.reply(1, b"x");
        out.clear();
        assert!(out.forwards().next().is_none() && out.replies.is_empty());
    }
}
