//! Frames on their way from a worker to the director: a ring of bytes that neither side waits for.
//!
//! ```text
//! record = interface (1 byte) length (2 bytes, big endian) frame
//! ```

use crate::net::PortId;
use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes of one ring: some thousand ARP frames.
const RING: usize = 256 * 1024;
/// Bytes in front of a frame.
const HEADER: usize = 3;

/// The worker's end.
#[derive(Debug)]
pub struct Sender(Producer<u8>);

/// The director's end.
#[derive(Debug)]
pub struct Receiver(Consumer<u8>);

/// A new ring.
pub fn ring() -> (Sender, Receiver) {
    let (producer, consumer) = RingBuffer::new(RING);
    (Sender(producer), Receiver(consumer))
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

impl Receiver {
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
