//! Which of several queues a frame belongs to, for doors whose system does not spread them.
//!
//! Only the client counts, as in the program that the packet sockets of Linux are given: all frames of a source
//! address, whatever their ports, meet one queue, and so do the fragments of a packet. An ICMP error has been sent by
//! some router on the way; it follows the packet that it is about, whose destination is the one who sends the other
//! packets of that flow in this direction.

/// 2^32 divided by the golden ratio, odd: the multiplier of Fibonacci hashing.
const GOLDEN: u32 = 0x9e37_79b1;

const ETHERNET: usize = 14;
const VLAN_TAG: usize = 4;
const TAGS_MAX: usize = 2;
const IPV6_HEADER: usize = 40;
const ICMP_HEADER: usize = 8;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The queue, below `queues`, for `frame`. Everything but IP belongs to queue 0.
pub(crate) fn queue(frame: &[u8], queues: usize) -> usize {
    let Some(client) = client(frame) else { return 0 };
    // Without the multiplication equal words would cancel each other.
    let mixed = client.chunks_exact(4).fold(0_u32, |hash, word| {
        hash.wrapping_mul(GOLDEN) ^ u32::from_be_bytes([word[0], word[1], word[2], word[3]])
    });
    // Neighbouring addresses fall far apart, and the upper half is the mixed one.
    (mixed.wrapping_mul(GOLDEN) >> 16) as usize % queues
}

/// The address that decides: 4 or 16 bytes.
fn client(frame: &[u8]) -> Option<&[u8]> {
    let mut at = ETHERNET;
    for _ in 0..TAGS_MAX {
        match frame.get(at - 2..at)? {
            // IEEE 802.1Q and 802.1ad
            [0x81, 0x00] | [0x88, 0xa8] => at += VLAN_TAG,
            _ => break,
        }
    }
    let packet = frame.get(at..)?;
    match frame.get(at - 2..at)? {
        [0x08, 0x00] => client4(packet),
        [0x86, 0xdd] => client6(packet),
        _ => None,
    }
}

fn client4(packet: &[u8]) -> Option<&[u8]> {
    let source = packet.get(12..16)?;
    let header = usize::from(packet[0] & 0x0f) * 4;
    let later_fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff != 0;
    // RFC 792: unreachable, quench, redirect, time exceeded, parameter problem.
    if packet[9] == ICMP && !later_fragment && matches!(packet.get(header), Some(3 | 4 | 5 | 11 | 12)) {
        let about = header + ICMP_HEADER;
        return packet.get(about + 16..about + 20).or(Some(source));
    }
    Some(source)
}

fn client6(packet: &[u8]) -> Option<&[u8]> {
    let source = packet.get(8..24)?;
    // RFC 4443, section 2.1: errors are the types below 128.
    if packet[6] == ICMPV6 && packet.get(IPV6_HEADER).is_some_and(|kind| *kind < 128) {
        let about = IPV6_HEADER + ICMP_HEADER;
        return packet.get(about + 24..about + 40).or(Some(source));
    }
    Some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(source: u16, rest: u8) -> Vec<u8> {
        let mut frame = vec![rest; 74];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        frame[20..24].copy_from_slice(&[0, 0, 64, 17]);
        frame[26..30].copy_from_slice(&[10, 0, (source >> 8) as u8, source as u8]);
        frame
    }

    fn v6(source: u16, rest: u8) -> Vec<u8> {
        let mut frame = vec![rest; 114];
        frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
        frame[20] = 17;
        frame[22..38].fill(0xfd);
        frame[36..38].copy_from_slice(&source.to_be_bytes());
        frame
    }

    #[test]
    fn a_client_has_one_queue_and_the_queues_share_the_clients() {
        for queues in [2, 3, 4] {
            for make in [v4, v6] {
                let mut share = vec![0; queues];
                for client in 0..1000 {
                    let met = queue(&make(client, 1), queues);
                    assert_eq!(met, queue(&make(client, 200), queues));
                    share[met] += 1;
                }
                assert!(share.iter().all(|&clients| clients > 900 / queues), "{share:?}");
            }
        }
    }

    #[test]
    fn tags_in_front_change_nothing() {
        for make in [v4, v6] {
            for client in 0..50 {
                let plain = make(client, 3);
                let mut tagged = plain.clone();
                tagged.splice(12..12, [0x81, 0, 0, 7]);
                let mut double = tagged.clone();
                double.splice(12..12, [0x88, 0xa8, 0, 9]);
                assert_eq!(queue(&plain, 64), queue(&tagged, 64));
                assert_eq!(queue(&plain, 64), queue(&double, 64));
            }
        }
    }

    #[test]
    fn fragments_go_where_the_whole_packet_would() {
        for client in 0..50 {
            let whole = queue(&v4(client, 0), 64);
            for fragment in [0x2000_u16, 0x2001, 0x00b9] {
                for protocol in [6, 17, ICMP] {
                    let mut frame = v4(client, 3);
                    frame[20..22].copy_from_slice(&fragment.to_be_bytes());
                    frame[23] = protocol;
                    // What looks like the type of an error in the middle of a packet is payload.
                    frame[34] = if fragment & 0x1fff == 0 { 8 } else { 3 };
                    assert_eq!(queue(&frame, 64), whole);
                }
            }
        }
    }

    #[test]
    fn an_error_goes_where_the_packets_of_its_flow_come_in() {
        for client in 0..50 {
            for kind in [3, 4, 5, 11, 12] {
                let mut error = v4(9999, 0);
                (error[23], error[34]) = (ICMP, kind);
                error[42..62].copy_from_slice(&[0x45; 20]);
                error[58..62].copy_from_slice(&[10, 0, 0, client]);
                assert_eq!(queue(&error, 64), queue(&v4(client.into(), 0), 64));
            }
            for kind in [1, 2, 3, 4] {
                let mut error = v6(9999, 0);
                (error[20], error[54]) = (ICMPV6, kind);
                let about = v6(client.into(), 0);
                error[86..102].copy_from_slice(&about[22..38]);
                assert_eq!(queue(&error, 64), queue(&about, 64));
            }
        }
        // An echo is not an error.
        let mut echo = v4(7, 0);
        (echo[23], echo[34]) = (ICMP, 8);
        assert_eq!(queue(&echo, 64), queue(&v4(7, 0), 64));
    }

    #[test]
    fn everything_but_ip_is_for_the_first_queue_at_any_length() {
        for mut frame in [v4(7, 9), v6(7, 9)] {
            (frame[20], frame[23], frame[34], frame[54]) = (ICMPV6, ICMP, 3, 3);
            for length in 0..frame.len() {
                assert!(queue(&frame[..length], 3) < 3);
            }
            frame[12..14].copy_from_slice(&[8, 6]);
            assert_eq!(queue(&frame, 3), 0);
        }
    }
}
