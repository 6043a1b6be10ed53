//! IPv4 fragmentation (RFC 791 section 3.2), for packets that allow it and are larger than the way out.

use crate::wire::{Malformed, ipv4};

/// An option whose type has this bit set stands in every fragment, any other in the first only.
const COPIED: u8 = 0x80;
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;

/// Cuts the IPv4 packet behind the first `l3` bytes of `frame` into packets of at most `mtu` bytes and gives each,
/// behind the same `l3` bytes, to `emit`, which returns `false` to stop. Every fragment is built in `buffer`. Checksums
/// above IPv4 must be complete. A packet that is a fragment itself is cut further.
///
/// Returns whether all fragments were emitted.
///
/// # Errors
/// Why the packet is nonsense; [`Malformed::BadHeaderLength`] when its header alone fills the `mtu`. Nothing was emitted
/// then.
pub fn fragment(
    frame: &[u8],
    l3: usize,
    mtu: usize,
    buffer: &mut Vec<u8>,
    mut emit: impl FnMut(&[u8]) -> bool,
) -> Result<bool, Malformed> {
    let packet = ipv4::Packet::new(frame.get(l3..).ok_or(Malformed::Truncated)?)?;
    let (header, payload) = (packet.header_len(), packet.payload());
    let later = later_options(packet.options());
    if mtu < header + 8 {
        return Err(Malformed::BadHeaderLength);
    }
    let mut at = 0;
    loop {
        buffer.clear();
        if at == 0 {
            buffer.extend_from_slice(&frame[..l3 + header]);
        } else {
            buffer.extend_from_slice(&frame[..l3 + ipv4::HEADER_LEN]);
            buffer.extend_from_slice(&later);
        }
        let room = mtu - (buffer.len() - l3);
        let rest = payload.len() - at;
        // All but the last carry a multiple of eight bytes, in which offsets count.
        let take = if rest <= room { rest } else { room & !7 };
        let header = buffer.len() - l3;
        buffer.extend_from_slice(&payload[at..at + take]);
        let last = take == rest;
        ipv4::write_fragment(
            &mut buffer[l3..],
            header,
            packet.fragment_offset() + at,
            !last || packet.more_fragments(),
        );
        if !emit(buffer) {
            return Ok(false);
        }
        at += take;
        if last {
            return Ok(true);
        }
    }
}

/// The options that stand in every fragment but the first, padded to a multiple of four bytes. What is no proper
/// option ends the list.
fn later_options(mut options: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while let [kind, rest @ ..] = options {
        match *kind {
            END_OF_OPTIONS => break,
            NO_OPERATION => options = rest,
            kind => {
                let len = rest.first().map_or(0, |len| usize::from(*len));
                if len < 2 || len > options.len() {
                    break;
                }
                if kind & COPIED != 0 {
                    kept.extend_from_slice(&options[..len]);
                }
                options = &options[len..];
            }
        }
    }
    kept.resize(kept.len().next_multiple_of(4), END_OF_OPTIONS);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with `options` and `payload` bytes behind 14 bytes of something.
    fn frame(options: &[u8], payload: usize, flags_offset: u16) -> Vec<u8> {
        let mut frame = vec![0xee; 14];
        let header = ipv4::HEADER_LEN + options.len();
        let repr = ipv4::Repr {
            src: [10, 0, 0, 1].into(),
            dst: [10, 0, 0, 2].into(),
            protocol: 17,
            ttl: 9,
            tos: 3,
            ident: 0x1234,
            dont_fragment: false,
            payload_len: payload as u16,
        };
        frame.resize(14 + ipv4::HEADER_LEN, 0);
        repr.emit(&mut frame[14..]);
        frame.extend(options);
        frame.extend((0..payload).map(|n| (n * 7) as u8));
        frame[14] = 0x40 | (header / 4) as u8;
        frame[16..18].copy_from_slice(&((header + payload) as u16).to_be_bytes());
        frame[20..22].copy_from_slice(&flags_offset.to_be_bytes());
        ipv4::Packet::new(&mut frame[14..]).expect("whole").fill_checksum();
        frame
    }

    fn cut(frame: &[u8], mtu: usize) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let emitted = fragment(frame, 14, mtu, &mut Vec::new(), |piece| {
            all.push(piece.to_vec());
            true
        });
        assert_eq!(emitted, Ok(true));
        all
    }

    #[test]
    fn fragments_put_together_are_the_packet() {
        for (payload, mtu) in [(3000, 1500), (1481, 1500), (1480, 1500), (2000, 576), (9, 28), (4000, 68)] {
            let whole = frame(&[], payload, 0);
            let mut joined = Vec::new();
            let pieces = cut(&whole, mtu);
            for (n, piece) in pieces.iter().enumerate() {
                assert_eq!(piece[..14], whole[..14]);
                let packet = ipv4::Packet::new(&piece[14..]).expect("whole");
                assert!(packet.verify_checksum() && packet.total_len() <= mtu);
                assert_eq!(packet.total_len(), piece.len() - 14);
                assert_eq!(packet.fragment_offset(), joined.len());
                assert_eq!(packet.more_fragments(), n + 1 < pieces.len());
                assert_eq!((packet.ident(), packet.ttl(), packet.tos()), (0x1234, 9, 3));
                joined.extend_from_slice(packet.payload());
            }
            assert_eq!(joined, whole[34..], "{payload} in {mtu}");
            assert_eq!(pieces.len() == 1, payload + 20 <= mtu);
        }
    }

    #[test]
    fn a_fragment_is_cut_further_in_its_place() {
        let offsets = |flags_offset| -> Vec<_> {
            let pieces = cut(&frame(&[], 100, flags_offset), 68);
            let packets = pieces.iter().map(|p| ipv4::Packet::new(&p[14..]).expect("whole"));
            packets.map(|p| (p.fragment_offset(), p.more_fragments())).collect()
        };
        assert_eq!(offsets(0x2000 | 10), [(80, true), (128, true), (176, true)]);
        assert_eq!(offsets(10), [(80, true), (128, true), (176, false)]);
    }

    #[test]
    fn options_that_are_not_to_be_copied_stand_in_the_first_fragment_only() {
        // Record route (7) with room for one address, router alert (148), which is copied.
        let options = [1, 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0];
        let whole = frame(&options, 200, 0);
        let pieces = cut(&whole, 100);
        let packets: Vec<_> = pieces.iter().map(|p| ipv4::Packet::new(&p[14..]).expect("whole")).collect();
        assert_eq!(packets[0].options(), options);
        assert!(packets.len() > 1 && packets[1..].iter().all(|p| p.options() == [148, 4, 0, 0]));
        assert!(packets.iter().all(|p| p.verify_checksum() && p.total_len() <= 100));
        assert_eq!(packets.iter().flat_map(|p| p.payload()).copied().collect::<Vec<_>>(), whole[46..]);
        assert_eq!(later_options(&[130, 40, 0]), [0; 0], "reaches beyond the header");
    }

    #[test]
    fn emitting_stops_when_it_is_refused_and_nonsense_is_not_cut() {
        let whole = frame(&[], 3000, 0);
        let mut emitted = 0;
        let all = fragment(&whole, 14, 576, &mut Vec::new(), |_| {
            emitted += 1;
            emitted < 2
        });
        assert_eq!((all, emitted), (Ok(false), 2));
        assert!(fragment(&whole, 14, 27, &mut Vec::new(), |_| true).is_err());
        for len in 0..whole.len() {
            assert!(fragment(&whole[..len], 14, 576, &mut Vec::new(), |_| true).is_err());
        }
    }
}
