//! The blocks of a pcapng file: nanoseconds, and for each frame its interface and its direction.
//!
//! ```text
//!   section header | interface description | enhanced packet | enhanced packet | interface description | ...
//! ```
//!
//! An interface is described before its first frame. All numbers are little-endian.

use crate::net::PortId;

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Received.
    In = 1,
    /// Sent.
    Out = 2,
}

/// Ethernet, in the numbers of pcap-linktype(7).
const ETHERNET: u16 = 1;
/// Longest frame; the same for every interface, or libpcap would not read the file.
const SNAPLEN: u32 = 262_144;
/// Bytes of a packet block besides its frame.
const PACKET_OVERHEAD: usize = 44;

/// `block` with its type and, at either end, its length.
fn block(kind: u32, body: &[u8], out: &mut Vec<u8>) {
    let length = (12 + body.len()) as u32;
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&length.to_le_bytes());
}

/// Fills up to a multiple of four bytes.
fn pad(bytes: &mut Vec<u8>, from: usize) {
    bytes.resize(from + (bytes.len() - from).next_multiple_of(4), 0);
}

/// Bytes of the block of a frame of `len` bytes.
pub(super) const fn packet_len(len: usize) -> usize {
    PACKET_OVERHEAD + len.next_multiple_of(4)
}

/// The start of a file.
pub(super) fn section(out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(16);
    body.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
    // Version 1.0, length not known.
    body.extend_from_slice(&1_u16.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    body.extend_from_slice(&(-1_i64).to_le_bytes());
    block(0x0a0d_0d0a, &body, out);
}

/// The next interface of the file, called by the number that the configuration gives it.
pub(super) fn interface(port: PortId, out: &mut Vec<u8>) {
    let name = format!("interface {port}");
    let mut body = Vec::with_capacity(48);
    body.extend_from_slice(&ETHERNET.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    body.extend_from_slice(&SNAPLEN.to_le_bytes());
    // if_name
    body.extend_from_slice(&2_u16.to_le_bytes());
    body.extend_from_slice(&(name.len() as u16).to_le_bytes());
    body.extend_from_slice(name.as_bytes());
    pad(&mut body, 0);
    // if_tsresol: a billionth of a second. Then the end of the options.
    body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0]);
    body.extend_from_slice(&[0; 4]);
    block(1, &body, out);
}

/// A frame of the interface that was described as number `index` (from 0), `nanos` nanoseconds after 1970.
pub(super) fn packet(index: u32, nanos: u64, direction: Direction, frame: &[u8], out: &mut Vec<u8>) {
    let length = packet_len(frame.len()) as u32;
    let start = out.len();
    for word in [6, length, index, (nanos >> 32) as u32, nanos as u32, frame.len() as u32, frame.len() as u32]
    {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(frame);
    pad(out, start);
    // epb_flags, and the end of the options.
    out.extend_from_slice(&[2, 0, 4, 0, direction as u8, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types and lengths of the blocks in `bytes`, their lengths checked at both ends.
    fn blocks(mut bytes: &[u8]) -> Vec<(u32, usize)> {
        let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = word(bytes, 4) as usize;
            assert_eq!(length % 4, 0);
            assert_eq!(word(bytes, length - 4) as usize, length);
            found.push((word(bytes, 0), length));
            bytes = &bytes[length..];
        }
        found
    }

    #[test]
    fn blocks_are_aligned_and_know_their_lengths() {
        let mut out = Vec::new();
        section(&mut out);
        for port in [1, 10, 255] {
            interface(port, &mut out);
        }
        for len in [0, 1, 60, 61, 62, 63, 1514] {
            let before = out.len();
            packet(0, u64::MAX, Direction::In, &vec![7; len], &mut out);
            assert_eq!(out.len() - before, packet_len(len));
        }
        let found = blocks(&out);
        assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>()[..5], [0x0a0d_0d0a, 1, 1, 1, 6]);
        assert_eq!(found.len(), 11);
    }
}
