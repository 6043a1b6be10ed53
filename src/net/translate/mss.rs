//! The largest segment that the ends of a TCP connection agree on, lowered where a tunnel takes its share of the MTU.

use bng_platform::Frame;

use super::layout::Layout;
use super::{layers, left_to_hardware};
use crate::wire::checksum::Change;
use crate::wire::{Fragment, IpInfo, protocol, tcp};

/// End of the option list, and the filler before it (RFC 9293 section 3.2).
const END: u8 = 0;
const NOP: u8 = 1;
/// Maximum segment size: kind, length, 16-bit value.
const MSS: u8 = 2;
const MSS_LEN: usize = 4;

/// Lowers the maximum segment size that the SYN or SYN ACK in `frame`, dissected as `info`, announces to at most `mss`
/// bytes. True when it was larger.
///
/// A segment without the option is left alone: its sender already expects the smallest that everybody accepts.
/// Options behind a malformed one are not looked at.
#[inline]
pub fn clamp_mss(frame: &mut Frame<'_>, info: &IpInfo, mss: u16) -> bool {
    if info.proto != protocol::TCP
        || info.tcp_flags & tcp::flags::SYN == 0
        || info.fragment == Fragment::Later
    {
        return false;
    }
    lower(frame, info, mss)
}

/// The rare part of [`clamp_mss`], apart so that other segments pay nothing for it.
fn lower(frame: &mut Frame<'_>, info: &IpInfo, mss: u16) -> bool {
    let meta = frame.meta;
    let Ok((_, l4)) = layers(frame.bytes_mut(), info) else { return false };
    let Ok(segment) = tcp::Packet::new(&*l4) else { return false };
    let end = segment.header_len();
    let mut change = Change::NONE;
    let mut lowered = false;
    let mut at = tcp::HEADER_LEN;
    while at < end && l4[at] != END {
        if l4[at] == NOP {
            at += 1;
            continue;
        }
        let len = l4.get(at + 1).copied().map_or(0, usize::from);
        if len < 2 || at + len > end {
            break;
        }
        if l4[at] == MSS && len == MSS_LEN {
            let old = u16::from_be_bytes([l4[at + 2], l4[at + 3]]);
            if old > mss {
                l4[at + 2..at + 4].copy_from_slice(&mss.to_be_bytes());
                // At an odd place the value lies across two words, which swaps the weight of its bytes.
                change += if at.is_multiple_of(2) {
                    Change::u16(old, mss)
                } else {
                    Change::u16(old.swap_bytes(), mss.swap_bytes())
                };
                lowered = true;
            }
        }
        at += len;
    }
    if let (true, Ok(Some(layout))) = (lowered, Layout::of(protocol::TCP, info.is_v6, l4)) {
        layout.correct(l4, left_to_hardware(&meta, info, &layout), Change::NONE, change);
    }
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::translate::sample::{self, Check, Sample};
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};
    use bng_platform::Meta;

    /// A SYN with these options; fills up to words with end-of-list.
    fn syn(seed: &mut Seed, is_v6: bool, check: Check, options: &[u8]) -> Sample {
        let mut sample = Sample { check, ..Sample::of(seed, is_v6, protocol::TCP, 0) };
        sample.l4.extend(options);
        sample.l4.resize(sample.l4.len().next_multiple_of(4), END);
        sample.l4[12] = (sample.l4.len() / 4) as u8 * 16;
        sample.l4[13] = tcp::flags::SYN;
        sample
    }

    fn clamped(frame: &[u8], meta: Meta, mss: u16) -> (bool, Vec<u8>) {
        let mut bytes = frame.to_vec();
        let info = sample::info(&bytes);
        let lowered = clamp_mss(&mut Frame::new(&mut bytes, meta), &info, mss);
        (lowered, bytes)
    }

    #[test]
    fn a_larger_one_is_lowered_at_every_place_and_a_smaller_one_stays() {
        let mut seed = Seed::new(1);
        for round in 0..4_000u64 {
            let check = if round % 2 == 0 { Check::Full } else { Check::Left };
            let is_v6 = round % 3 == 0;
            // Before it: fillers, and options of odd and even length.
            let mut options = vec![NOP; (round % 7) as usize];
            if round % 5 == 0 {
                options
                    .extend([[3, 3, 7].as_slice(), &[8, 10, 1, 2, 3, 4, 5, 6, 7, 8]][(round % 2) as usize]);
            }
            let place = tcp::HEADER_LEN + options.len() + 2;
            let (old, mss) = (seed.next_u64() as u16, seed.next_u64() as u16);
            options.extend([MSS, 4]);
            options.extend(old.to_be_bytes());
            options.extend([4, 2]);
            let mut sample = syn(&mut seed, is_v6, check, &options);
            if round % 11 == 0 {
                sample.l4[13] |= tcp::flags::ACK;
            }
            let (frame, meta) = sample.frame();
            let (lowered, bytes) = clamped(&frame, meta, mss);
            sample.l4[place..place + 2].copy_from_slice(&old.min(mss).to_be_bytes());
            assert_eq!((lowered, bytes), (old > mss, sample.frame().0), "round {round}");
        }
    }

    #[test]
    fn a_captured_syn_is_clamped_as_by_hand() {
        // ~cdd4 + ~05b4 + 0578 = ~ce10.
        let (lowered, frame) = clamped(&hex(golden::TCP_SYN), Meta::default(), 1_400);
        assert!(lowered);
        assert_eq!((&frame[50..52], &frame[54..58]), (&[0xce, 0x10][..], &[2, 4, 5, 0x78][..]));
        assert!(clamped(&hex(golden::TCP_SYN_ACK), Meta::default(), 1_400).0);
        assert!(clamped(&hex(golden::TCP6_SYN), Meta::default(), 1_400).0);
    }

    #[test]
    fn other_packets_are_left_alone() {
        for text in golden::ALL {
            let frame = hex(text);
            let Ok(crate::wire::Dissected { l3: crate::wire::L3::Ip(info), .. }) =
                crate::wire::dissect(&frame)
            else {
                continue;
            };
            if info.tcp_flags & tcp::flags::SYN == 0 {
                assert_eq!(clamped(&frame, Meta::default(), 0), (false, frame));
            }
        }
    }

    #[test]
    fn malformed_options_end_the_search() {
        let mut seed = Seed::new(2);
        // Whole words, so that no filler completes what is cut off.
        for options in [
            &[NOP, NOP, NOP, MSS][..],
            &[NOP, NOP, MSS, 4],
            &[NOP, MSS, 4, 0xff],
            &[MSS, 3, 0xff, 0xff],
            &[MSS, 0, 0xff, 0xff],
            &[MSS, 5, 0xff, 0xff, 0xff, NOP, NOP, NOP],
            &[8, 1, MSS, 4, 0xff, 0xff, NOP, NOP],
            &[8, 0, MSS, 4, 0xff, 0xff, NOP, NOP],
            &[8, 200, MSS, 4, 0xff, 0xff, NOP, NOP],
            &[END, NOP, MSS, 4, 0xff, 0xff, NOP, NOP],
        ] {
            for is_v6 in [false, true] {
                let (frame, meta) = syn(&mut seed, is_v6, Check::Full, options).frame();
                assert_eq!(clamped(&frame, meta, 100), (false, frame), "{options:?}");
            }
        }
        for _ in 0..20_000 {
            let len = seed.below(41) as usize;
            let options = sample::bytes(&mut seed, len);
            let (frame, meta) = syn(&mut seed, false, Check::Full, &options).frame();
            let (_, bytes) = clamped(&frame, meta, 1_000);
            let info = sample::info(&bytes);
            let segment = tcp::Packet::new(info.l4(&bytes)).expect("whole");
            assert!(segment.verify_checksum(info.src.to_ip(), info.dst.to_ip()));
        }
    }
}
