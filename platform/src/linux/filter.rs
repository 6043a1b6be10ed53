//! Classic BPF programs for packet sockets (linux/filter.h, Documentation/networking/filter.rst).

use nix::libc::{
    BPF_A, BPF_ABS, BPF_ALU, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_MISC,
    BPF_MSH, BPF_MUL, BPF_RET, BPF_RSH, BPF_TAX, BPF_W, BPF_X, BPF_XOR, SKF_AD_OFF, SKF_AD_PROTOCOL, sock_filter,
};

/// Most instructions of one program (`BPF_MAXINSNS`).
const INSTRUCTIONS_MAX: usize = 4096;
/// "The whole frame" as the verdict of a socket filter.
const WHOLE: u32 = u32::MAX;
/// 2^32 divided by the golden ratio, odd: the multiplier of Fibonacci hashing.
const GOLDEN: u32 = 0x9e37_79b1;

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(condition: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | condition | BPF_K) as u16, jt, jf, k }
}

/// A program that passes frames to one of `macs`, to a group or to everybody; `None` when there are too many for
/// one program. The frame starts with its destination address.
pub(super) fn destinations(macs: &[[u8; 6]]) -> Option<Vec<sock_filter>> {
    let mut program = vec![
        // The lowest bit of the first byte marks a group address (IEEE 802).
        statement(BPF_LD | BPF_B | BPF_ABS, 0),
        jump(BPF_JSET, 1, 0, 1),
        statement(BPF_RET | BPF_K, WHOLE),
    ];
    for mac in macs {
        let low = u32::from_be_bytes([mac[2], mac[3], mac[4], mac[5]]);
        let high = u32::from(u16::from_be_bytes([mac[0], mac[1]]));
        program.extend([
            statement(BPF_LD | BPF_W | BPF_ABS, 2),
            jump(BPF_JEQ, low, 0, 3),
            statement(BPF_LD | BPF_H | BPF_ABS, 0),
            jump(BPF_JEQ, high, 0, 1),
            statement(BPF_RET | BPF_K, WHOLE),
        ]);
    }
    program.push(statement(BPF_RET | BPF_K, 0));
    (program.len() <= INSTRUCTIONS_MAX).then_some(program)
}

/// IP protocol numbers (IANA).
const ICMP: u32 = 1;
const ICMPV6: u32 = 58;
/// Bytes of an IPv6 header, and of an ICMP header in front of the packet that an error quotes.
const IPV6_HEADER: u32 = 40;
const ICMP_HEADER: u32 = 8;
/// Types of ICMP errors of IPv4 (RFC 792): unreachable, source quench, redirect, time exceeded, parameter problem.
const ERRORS4: [u32; 5] = [3, 4, 5, 11, 12];
/// Set in the types of ICMPv6 that are no errors (RFC 4443 section 2.1).
const INFORMATION6: u32 = 0x80;
/// The bits of an IPv4 header's offset field that only fragments have: more to come, and where.
const FRAGMENT: u32 = 0x3fff;

/// A program for `PACKET_FANOUT_CBPF` that gives every client a number; the kernel takes it modulo the number of queues.
/// Only the source address counts: all frames of a client, whatever the port, meet one worker, and so do all
/// fragments of one packet. An ICMP error counts as a frame of the one whom the packet in it was sent to, because it
/// concerns the same connection; whoever has sent the error may be any router. Everything but IP gets 0, and so
/// queue 0, as does an error that is cut short.
///
/// A fanout program sees the frame from its network header on.
pub(super) fn clients() -> Vec<sock_filter> {
    let load = |size: u32, mode: u32, at: u32| statement(BPF_LD | size | mode, at);
    // Ends the program with the hash of the words at these places, behind X where `mode` says so.
    let hash = |mode: u32, words: &[u32]| {
        let mut program = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                // Without the multiplication equal words would cancel each other.
                program.push(statement(BPF_ALU | BPF_MUL | BPF_K, GOLDEN));
                program.push(statement(BPF_MISC | BPF_TAX, 0));
            }
            program.push(load(BPF_W, mode, *word));
            if index > 0 {
                program.push(statement(BPF_ALU | BPF_XOR | BPF_X, 0));
            }
        }
        program.extend([
            // Fibonacci hashing: neighbouring addresses fall far apart, and the upper half is the mixed one.
            statement(BPF_ALU | BPF_MUL | BPF_K, GOLDEN),
            statement(BPF_ALU | BPF_RSH | BPF_K, 16),
            statement(BPF_RET | BPF_A, 0),
        ]);
        program
    };
    let address6 = |header: u32, at: u32| [0, 4, 8, 12].map(|word| header + at + word);

    let error4 = hash(BPF_IND, &[ICMP_HEADER + 16]);
    let over = error4.len() as u8;
    let mut v4 = vec![
        load(BPF_B, BPF_ABS, 9),
        jump(BPF_JEQ, ICMP, 0, 9 + over),
        load(BPF_H, BPF_ABS, 6),
        jump(BPF_JSET, FRAGMENT, 7 + over, 0),
        // X is the length of the header.
        statement(BPF_LDX | BPF_B | BPF_MSH, 0),
        load(BPF_B, BPF_IND, 0),
    ];
    for (index, kind) in ERRORS4.iter().enumerate() {
        let behind = (ERRORS4.len() - 1 - index) as u8;
        v4.push(jump(BPF_JEQ, *kind, behind, if behind == 0 { over } else { 0 }));
    }
    v4.extend(error4);
    v4.extend(hash(BPF_ABS, &[12]));

    let error6 = hash(BPF_ABS, &address6(IPV6_HEADER + ICMP_HEADER, 24));
    let over = error6.len() as u8;
    let mut v6 = vec![
        load(BPF_B, BPF_ABS, 6),
        jump(BPF_JEQ, ICMPV6, 0, 2 + over),
        load(BPF_B, BPF_ABS, IPV6_HEADER),
        jump(BPF_JSET, INFORMATION6, over, 0),
    ];
    v6.extend(error6);
    v6.extend(hash(BPF_ABS, &address6(0, 8)));

    let protocol = (SKF_AD_OFF + SKF_AD_PROTOCOL) as u32;
    let mut program = vec![
        load(BPF_W, BPF_ABS, protocol),
        jump(BPF_JEQ, nix::libc::ETH_P_IP as u32, 0, v4.len() as u8),
    ];
    program.extend(v4);
    program.push(jump(BPF_JEQ, nix::libc::ETH_P_IPV6 as u32, 0, v6.len() as u8));
    program.extend(v6);
    program.push(statement(BPF_RET | BPF_K, 0));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSOLUTE: u32 = BPF_LD | BPF_ABS;
    const CONSTANT: u32 = BPF_ALU | BPF_K;

    /// What the kernel would return for `frame`, which the program sees from `start` on.
    fn run_from(start: usize, program: &[sock_filter], frame: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let code = u32::from(code);
            let load = |size: usize, behind: u32| {
                if k as i32 == SKF_AD_OFF + SKF_AD_PROTOCOL {
                    return Some(u32::from(u16::from_be_bytes([frame[12], frame[13]])));
                }
                let from = start + (k + behind) as usize;
                let bytes = frame.get(from..from + size)?;
                Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
            };
            let mut branch = |taken: bool| at += usize::from(if taken { jt } else { jf });
            const BYTE: u32 = ABSOLUTE | BPF_B;
            const HALF: u32 = ABSOLUTE | BPF_H;
            const WORD: u32 = ABSOLUTE | BPF_W;
            const INDEXED_BYTE: u32 = BPF_LD | BPF_IND | BPF_B;
            const INDEXED_WORD: u32 = BPF_LD | BPF_IND | BPF_W;
            const HEADER_LENGTH: u32 = BPF_LDX | BPF_B | BPF_MSH;
            const EQUAL: u32 = BPF_JMP | BPF_JEQ;
            const SET: u32 = BPF_JMP | BPF_JSET;
            const TO_X: u32 = BPF_MISC | BPF_TAX;
            const XOR: u32 = BPF_ALU | BPF_XOR | BPF_X;
            const MULTIPLY: u32 = CONSTANT | BPF_MUL;
            const SHIFT: u32 = CONSTANT | BPF_RSH;
            const GIVE_A: u32 = BPF_RET | BPF_A;
            let loaded = match code {
                BYTE => load(1, 0),
                HALF => load(2, 0),
                WORD => load(4, 0),
                INDEXED_BYTE => load(1, x),
                INDEXED_WORD => load(4, x),
                HEADER_LENGTH => {
                    let Some(byte) = load(1, 0) else { return 0 };
                    x = (byte & 0xf) * 4;
                    continue;
                }
                _ => Some(a),
            };
            // A load from outside the frame ends the program with 0.
            let Some(value) = loaded else { return 0 };
            a = value;
            match code {
                BYTE | HALF | WORD | INDEXED_BYTE | INDEXED_WORD => {}
                EQUAL => branch(a == k),
                SET => branch(a & k != 0),
                TO_X => x = a,
                XOR => a ^= x,
                MULTIPLY => a = a.wrapping_mul(k),
                SHIFT => a >>= k,
                BPF_RET => return k,
                GIVE_A => return a,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    /// As a socket filter sees it: with its Ethernet header.
    fn run(program: &[sock_filter], frame: &[u8]) -> u32 {
        run_from(0, program, frame)
    }

    /// As a fanout program sees it.
    fn queue(program: &[sock_filter], frame: &[u8]) -> u32 {
        run_from(14, program, frame)
    }

    /// A frame with a packet of IPv4 with `options` bytes of options, or of IPv6.
    fn packet(v6: bool, options: usize, proto: u8, src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x55; 12];
        let [src, dst] = [src, dst].map(u16::to_be_bytes);
        if v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, proto, 64]);
            for last in [src, dst] {
                frame.extend([0xfd; 14]);
                frame.extend(last);
            }
        } else {
            frame.extend([8, 0, 0x45 + options as u8 / 4, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0]);
            for last in [src, dst] {
                frame.extend([10, 0]);
                frame.extend(last);
            }
            frame.resize(frame.len() + options, 1);
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn an_error_counts_as_a_packet_of_whom_it_is_about() {
        let program = clients();
        let (server, router) = (7, 9);
        for (v6, icmp, errors, others) in
            [(false, 1, &[3, 4, 5, 11, 12][..], &[0, 8, 13][..]), (true, 58, &[1, 2, 3, 4], &[128, 129, 135])]
        {
            let mut apart = 0;
            for client in 100..200 {
                let own = queue(&program, &packet(v6, 0, 17, client, server, &[9; 8]));
                let of_router = queue(&program, &packet(v6, 0, 17, router, server, &[9; 8]));
                apart += u32::from(own % 2 != of_router % 2);
                // The packet that the server has sent to the client.
                let about = packet(v6, 0, 17, server, client, &[9; 8])[14..].to_vec();
                for kind in errors {
                    let message = [&[*kind, 4, 0, 0, 0, 0, 5, 120][..], &about].concat();
                    for options in if v6 { vec![0] } else { vec![0, 4, 40] } {
                        let frame = packet(v6, options, icmp, router, server, &message);
                        assert_eq!(queue(&program, &frame), own, "type {kind}, client {client}");
                    }
                    let cut = packet(v6, 0, icmp, router, server, &message[..16]);
                    assert_eq!(queue(&program, &cut), 0);
                    let mut fragment = packet(v6, 0, icmp, router, server, &message);
                    if !v6 {
                        fragment[20] = 0x20;
                        assert_eq!(queue(&program, &fragment), of_router, "fragments stay together");
                    }
                }
                for kind in others {
                    let message = [&[*kind, 0, 0, 0, 0, 0, 0, 0][..], &about].concat();
                    let frame = packet(v6, 0, icmp, router, server, &message);
                    assert_eq!(queue(&program, &frame), of_router, "type {kind}");
                }
            }
            assert!(apart > 20, "the router and the clients meet one queue, so nothing is shown");
        }
    }

    #[test]
    fn only_our_addresses_and_groups_pass() {
        let macs = [[6, 0, 1, 2, 3, 4], [0, 0, 0x5e, 0, 1, 0x4f]];
        let program = destinations(&macs).unwrap();
        let passes = |mac: [u8; 6]| run(&program, &[&mac[..], &[0; 54]].concat()) != 0;
        assert!(macs.into_iter().all(passes));
        assert!(passes([0xff; 6]) && passes([1, 0, 0x5e, 0, 0, 18]) && passes([0x33, 0x33, 0, 0, 0, 1]));
        assert!(!passes([6, 0, 1, 2, 3, 5]) && !passes([2, 0, 1, 2, 3, 4]) && !passes([0; 6]));
    }

    #[test]
    fn too_many_addresses_are_no_program() {
        assert!(destinations(&vec![[2; 6]; 818]).is_some());
        assert!(destinations(&vec![[2; 6]; 819]).is_none());
    }

    #[test]
    fn queues_depend_on_the_source_address_only_and_share_the_clients() {
        let program = clients();
        let v4 = |client: u16, rest: u8| {
            let mut frame = vec![rest; 60];
            frame[12..14].copy_from_slice(&[8, 0]);
            frame[26..30].copy_from_slice(&[10, 0, (client >> 8) as u8, client as u8]);
            queue(&program, &frame)
        };
        let v6 = |client: u16, rest: u8| {
            let mut frame = vec![rest; 80];
            frame[12..14].copy_from_slice(&[0x86, 0xdd]);
            frame[22..38].fill(0xfd);
            frame[36..38].copy_from_slice(&client.to_be_bytes());
            queue(&program, &frame)
        };
        for queues in [2, 3, 4] {
            for hash in [&v4 as &dyn Fn(u16, u8) -> u32, &v6] {
                let mut share = vec![0; queues];
                for client in 0..1000 {
                    let queue = hash(client, 1) as usize % queues;
                    assert_eq!(queue, hash(client, 200) as usize % queues);
                    share[queue] += 1;
                }
                assert!(share.iter().all(|&clients| clients > 900 / queues), "{share:?}");
            }
        }
        let mut arp = vec![0x55; 60];
        arp[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(queue(&program, &arp), 0);
    }
}
