//! Frames on their way from a worker to the director: a ring of bytes that neither side waits for. Beside it, a ring of
//! neighbours that the worker has packets for.
//!
//! ```text
//! record = interface (1 byte) length (2 bytes, big endian) frame
//! ```

use crate::net::{Addr, PortId};
use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes of one ring: some thousand ARP frames.
const RING: usize = 256 * 1024;
/// Most neighbours on their way.
const ASKS: usize = 1024;
/// Bytes in front of a frame.
const HEADER: usize = 3;

/// The worker's end.
#[derive(Debug)]
pub struct Sender(Producer<u8>, Producer<(PortId, Addr)>);

/// The director's end.
#[derive(Debug)]
pub struct Receiver(Consumer<u8>, Consumer<(PortId, Addr)>);

/// A new ring.
pub fn ring() -> (Sender, Receiver) {
    let (producer, consumer) = RingBuffer::new(RING);
    let (asking, asked) = RingBuffer::new(ASKS);
    (Sender(producer, asking), Receiver(consumer, asked))
}

impl Sender {
    /// Adds a frame. `false`: the director is behind, the frame is lost.
    pub fn push(&mut self, port: PortId, frame: &[u8]) -> bool {
        let Ok(length) = u16::try_from(frame.len()) else { return false };
        if self.0.slots() < HEADER + frame.len() {
            return false;
        }
        let [high, low] = length.to_be_bytes();
        self.0.push_entire_slice(&[port, high, low]).is_ok() && self.0.push_entire_slice(frame).is_ok()
    }
}

impl Sender {
    /// Adds a neighbour on an interface. One that does not fit is asked for again while it is needed.
    pub fn ask(&mut self, port: PortId, addr: Addr) {
        let _ = self.1.push((port, addr));
    }
}

impl Receiver {
    /// Takes the oldest neighbour.
    pub fn asked(&mut self) -> Option<(PortId, Addr)> {
        self.1.pop().ok()
    }

    /// Takes the oldest frame into `frame` and returns its interface.
    pub fn pop(&mut self, frame: &mut Vec<u8>) -> Option<PortId> {
        let mut header = [0; HEADER];
        self.0.pop_entire_slice(&mut header).ok()?;
        let [port, high, low] = header;
        frame.resize(usize::from(u16::from_be_bytes([high, low])), 0);
        // The header and its frame come in two steps; the second one is never far.
        while self.0.pop_entire_slice(frame).is_err() {
            if self.0.is_abandoned() {
                return None;
            }
            std::hint::spin_loop();
        }
        Some(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let (mut sender, mut receiver) = ring();
        assert!(sender.push(1, b"first") && sender.push(255, b"") && sender.push(2, &[7; 256]));
        let mut frame = Vec::new();
        assert_eq!((receiver.pop(&mut frame), &frame[..]), (Some(1), &b"first"[..]));
        assert_eq!((receiver.pop(&mut frame), frame.len()), (Some(255), 0));
        assert_eq!((receiver.pop(&mut frame), &frame[..]), (Some(2), &[7; 256][..]));
        assert_eq!(receiver.pop(&mut frame), None);
    }

    #[test]
    fn neighbours_come_out_in_order_and_those_beyond_the_room_are_lost() {
        let (mut sender, mut receiver) = ring();
        for n in 0..2 * ASKS as u128 {
            sender.ask(1, Addr::from_bits(n));
        }
        let all: Vec<_> = std::iter::from_fn(|| receiver.asked()).map(|(_, addr)| addr.to_bits()).collect();
        assert_eq!(all, (0..ASKS as u128).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_ring_refuses_and_recovers_with_nothing_torn() {
        let (mut sender, mut receiver) = ring();
        let mut pushed = 0u32;
        while sender.push(3, &pushed.to_be_bytes()) {
            pushed += 1;
        }
        assert_eq!(pushed as usize, RING / (HEADER + 4));
        let mut frame = Vec::new();
        for n in 0..pushed {
            assert_eq!(receiver.pop(&mut frame), Some(3));
            assert_eq!(frame, n.to_be_bytes());
            // Crosses the end of the ring at every alignment.
            if n % 2 == 0 {
                assert!(sender.push(4, b"wrap"));
            }
        }
        while receiver.pop(&mut frame).is_some() {
            assert_eq!(frame, b"wrap");
        }
        assert!(!sender.push(1, &[0; 70_000]));
    }
}
