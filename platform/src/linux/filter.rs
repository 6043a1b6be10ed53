//! Classic BPF programs for packet sockets (linux/filter.h, Documentation/networking/filter.rst).

use nix::libc::{
    BPF_A, BPF_ABS, BPF_ALU, BPF_B, BPF_H, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_MISC, BPF_MUL, BPF_RET,
    BPF_RSH, BPF_TAX, BPF_W, BPF_X, BPF_XOR, SKF_AD_OFF, SKF_AD_PROTOCOL, SKF_NET_OFF, sock_filter,
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

/// A program for `PACKET_FANOUT_CBPF` that gives every source address a number; the kernel takes it modulo the number
/// of queues. Only the source counts: all frames of a client, whatever the port, meet one worker. Everything but IP
/// gets 0, and so queue 0.
///
/// The network header is loaded relative to itself, because a fanout program sees the frame from there on but a
/// socket filter from the Ethernet header on.
pub(super) fn source_address() -> Vec<sock_filter> {
    let protocol = (SKF_AD_OFF + SKF_AD_PROTOCOL) as u32;
    let network = |offset: i32| (SKF_NET_OFF + offset) as u32;
    let mut program = vec![
        statement(BPF_LD | BPF_W | BPF_ABS, protocol),
        jump(BPF_JEQ, nix::libc::ETH_P_IP as u32, 0, 2),
        statement(BPF_LD | BPF_W | BPF_ABS, network(12)),
        // Over the IPv6 branch: test, return, first load, three times four to mix the next word in.
        statement(BPF_JMP, 15),
        jump(BPF_JEQ, nix::libc::ETH_P_IPV6 as u32, 1, 0),
        statement(BPF_RET | BPF_K, 0),
        statement(BPF_LD | BPF_W | BPF_ABS, network(8)),
    ];
    for word in [12, 16, 20] {
        program.extend([
            // Without the multiplication equal words would cancel each other.
            statement(BPF_ALU | BPF_MUL | BPF_K, GOLDEN),
            statement(BPF_MISC | BPF_TAX, 0),
            statement(BPF_LD | BPF_W | BPF_ABS, network(word)),
            statement(BPF_ALU | BPF_XOR | BPF_X, 0),
        ]);
    }
    program.extend([
        // Fibonacci hashing: neighbouring addresses fall far apart, and the upper half is the mixed one.
        statement(BPF_ALU | BPF_MUL | BPF_K, GOLDEN),
        statement(BPF_ALU | BPF_RSH | BPF_K, 16),
        statement(BPF_RET | BPF_A, 0),
    ]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSOLUTE: u32 = BPF_LD | BPF_ABS;
    const CONSTANT: u32 = BPF_ALU | BPF_K;

    /// What the kernel would return for `frame`, whose network header starts at 14.
    fn run(program: &[sock_filter], frame: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let code = u32::from(code);
            let load = |size: usize| {
                let from = match k as i32 {
                    offset if offset >= 0 => offset as usize,
                    offset if offset == SKF_AD_OFF + SKF_AD_PROTOCOL => {
                        return u32::from(u16::from_be_bytes([frame[12], frame[13]]));
                    }
                    offset => (offset - SKF_NET_OFF) as usize + 14,
                };
                frame[from..from + size].iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
            };
            let mut branch = |taken: bool| at += usize::from(if taken { jt } else { jf });
            const BYTE: u32 = ABSOLUTE | BPF_B;
            const HALF: u32 = ABSOLUTE | BPF_H;
            const WORD: u32 = ABSOLUTE | BPF_W;
            const EQUAL: u32 = BPF_JMP | BPF_JEQ;
            const SET: u32 = BPF_JMP | BPF_JSET;
            const TO_X: u32 = BPF_MISC | BPF_TAX;
            const XOR: u32 = BPF_ALU | BPF_XOR | BPF_X;
            const MULTIPLY: u32 = CONSTANT | BPF_MUL;
            const SHIFT: u32 = CONSTANT | BPF_RSH;
            const GIVE_A: u32 = BPF_RET | BPF_A;
            match code {
                BYTE => a = load(1),
                HALF => a = load(2),
                WORD => a = load(4),
                BPF_JMP => at += k as usize,
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
        let program = source_address();
        let v4 = |client: u16, rest: u8| {
            let mut frame = vec![rest; 60];
            frame[12..14].copy_from_slice(&[8, 0]);
            frame[26..30].copy_from_slice(&[10, 0, (client >> 8) as u8, client as u8]);
            run(&program, &frame)
        };
        let v6 = |client: u16, rest: u8| {
            let mut frame = vec![rest; 80];
            frame[12..14].copy_from_slice(&[0x86, 0xdd]);
            frame[22..38].fill(0xfd);
            frame[36..38].copy_from_slice(&client.to_be_bytes());
            run(&program, &frame)
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
        assert_eq!(run(&program, &arp), 0);
    }
}
