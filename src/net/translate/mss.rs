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
                change += if at % 2 == 0 {
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
