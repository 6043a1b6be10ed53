//! Translation: other addresses and ports in a packet, in place, without reading its payload.
//!
//! Every checksum is corrected by what changed (RFC 1624) and never computed anew: damage that a packet brought along
//! stays visible to its receiver, and the cost does not depend on its length. Segments larger than the MTU are
//! rewritten once, for all pieces that hardware will cut from them.
//!
//! A function that returns an error has not changed the frame. [`IpInfo`] describes the frame as it was received;
//! addresses, ports and TTL in it are old afterwards, offsets and lengths stay right.

mod error;
mod layout;
mod mss;
#[cfg(test)]
pub(crate) mod sample;

pub use error::apply_error;
pub use mss::clamp_mss;

use bng_platform::{Csum, Frame, Meta};
use layout::Layout;

use crate::net::Addr;
use crate::wire::checksum::Change;
use crate::wire::{Fragment, IpInfo, Malformed, ipv4, ipv6};

/// One end of a conversation as a packet is to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Address, of the family of the packet.
    pub addr: Addr,
    /// Port, or the identifier of an ICMP echo message; `None` leaves it.
    pub port: Option<u16>,
}

/// What is to change in a packet; the default is nothing.
///
/// Ports apply to TCP, UDP, UDP-Lite and DCCP. The identifier of an echo message belongs to who asks: it is the source
/// port of a request and the destination port of a reply. Packets of other protocols, and later fragments, keep what
/// they have behind the IP header; SCTP among them, whose checksum covers its ports but no address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The new source.
    pub src: Option<Endpoint>,
    /// The new destination.
    pub dst: Option<Endpoint>,
}

impl Rewrite {
    /// Refuses addresses of the other family.
    #[inline]
    fn check_family(&self, is_v6: bool) -> Result<(), Malformed> {
        let fits = |end: &Option<Endpoint>| end.is_none_or(|end| end.addr.is_v4() != is_v6);
        if fits(&self.src) && fits(&self.dst) { Ok(()) } else { Err(Malformed::BadAddress) }
    }
}

/// Rewrites the packet in `frame`, which was dissected as `info`.
///
/// # Errors
/// [`Malformed::BadAddress`] for an address of the other family, [`Malformed::Truncated`] for a layer-4 header that is
/// not whole or a frame shorter than `info` says.
#[inline]
pub fn apply(frame: &mut Frame<'_>, info: &IpInfo, rewrite: &Rewrite) -> Result<(), Malformed> {
    rewrite.check_family(info.is_v6)?;
    let meta = frame.meta;
    let (header, l4) = layers(frame.bytes_mut(), info)?;
    let layout = match info.fragment {
        Fragment::Later => None,
        Fragment::None | Fragment::First => Layout::of(info.proto, info.is_v6, l4)?,
    };
    if layout.is_some_and(|layout| l4.len() < layout.end()) {
        return Err(Malformed::Truncated);
    }
    let addresses = readdress(header, info.is_v6, rewrite)?.pseudo;
    if let Some(layout) = layout {
        let ports = layout.set_ports(l4, rewrite);
        layout.correct(l4, left_to_hardware(&meta, info, &layout), addresses, ports);
    }
    Ok(())
}

/// Takes one off the time to live or hop limit. `false` when nothing would be left (or the frame is shorter than
/// `info` says): the frame is unchanged and must not be forwarded.
#[inline]
pub fn decrement_ttl(frame: &mut Frame<'_>, info: &IpInfo) -> bool {
    let Ok((header, _)) = layers(frame.bytes_mut(), info) else { return false };
    if info.is_v6 {
        let Ok(mut packet) = ipv6::Packet::quoted(header) else { return false };
        let left = packet.hop_limit().saturating_sub(1);
        if left > 0 {
            packet.set_hop_limit(left);
        }
        left > 0
    } else {
        let Ok(mut packet) = ipv4::Packet::quoted(header) else { return false };
        let left = packet.ttl().saturating_sub(1);
        if left > 0 {
            packet.set_ttl(left);
        }
        left > 0
    }
}

/// The IP header with all that belongs to it, and layer 4.
#[inline]
fn layers<'a>(bytes: &'a mut [u8], info: &IpInfo) -> Result<(&'a mut [u8], &'a mut [u8]), Malformed> {
    let (start, l4) = (usize::from(info.l3_offset), usize::from(info.l4_offset));
    let packet = bytes.get_mut(start..l4 + usize::from(info.l4_len)).ok_or(Malformed::Truncated)?;
    packet.split_at_mut_checked(l4.saturating_sub(start)).ok_or(Malformed::Truncated)
}

/// What new addresses change.
struct Addresses {
    /// In the bytes of the IP header, without its own checksum.
    header: Change,
    /// In the pseudo header.
    pseudo: Change,
}

/// Writes the new addresses into an IP header; an IPv4 header keeps a right checksum.
#[inline]
fn readdress(header: &mut [u8], is_v6: bool, rewrite: &Rewrite) -> Result<Addresses, Malformed> {
    let mut change = Change::NONE;
    if is_v6 {
        let mut packet = ipv6::Packet::quoted(header)?;
        let routed = packet.upper_layer()?.routed;
        if let Some(addr) = rewrite.src.and_then(|end| end.addr.as_v6()) {
            change += packet.set_src(addr);
        }
        let pseudo = change;
        if let Some(addr) = rewrite.dst.and_then(|end| end.addr.as_v6()) {
            change += packet.set_dst(addr);
        }
        Ok(Addresses { header: change, pseudo: if routed { pseudo } else { change } })
    } else {
        let mut packet = ipv4::Packet::quoted(header)?;
        if let Some(addr) = rewrite.src.and_then(|end| end.addr.as_v4()) {
            change += packet.set_src(addr);
        }
        if let Some(addr) = rewrite.dst.and_then(|end| end.addr.as_v4()) {
            change += packet.set_dst(addr);
        }
        Ok(Addresses { header: change, pseudo: change })
    }
}

/// True when the checksum at `layout` is the one that the sender left to hardware. Another one is that of a packet
/// inside this one, whose own header's checksum is complete.
#[inline]
fn left_to_hardware(meta: &Meta, info: &IpInfo, layout: &Layout) -> bool {
    match meta.csum {
        Csum::Complete => false,
        Csum::Partial { start, offset } => start == info.l4_offset && usize::from(offset) == layout.checksum,
    }
}

#[cfg(test)]
mod tests {
    use super::sample::{self, Check, SCTP, Sample, Seen};
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};
    use crate::wire::{protocol, tcp, udp};
    use bng_platform::offload::{self, Cut};
    use bng_platform::{Gso, GsoKind};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    const ROUNDS: usize = 40_000;

    fn end(addr: &str, port: impl Into<Option<u16>>) -> Option<Endpoint> {
        Some(Endpoint { addr: addr.parse::<IpAddr>().expect("address").into(), port: port.into() })
    }

    fn applied(frame: &[u8], meta: Meta, rewrite: &Rewrite) -> Vec<u8> {
        let mut bytes = frame.to_vec();
        let info = sample::info(&bytes);
        apply(&mut Frame::new(&mut bytes, meta), &info, rewrite).expect("a whole packet");
        bytes
    }

    #[test]
    fn a_rewritten_packet_is_the_one_that_would_have_been_written() {
        let (mut seed, mut seen) = (Seed::new(1), Seen::default());
        for round in 0..ROUNDS {
            let mut sample = Sample::any(&mut seed);
            let (frame, meta) = sample.frame();
            let rewrite = sample::rewrite(&mut seed, sample.is_v6());
            let info = sample::info(&frame);
            seen.add(&sample, &info);
            let rewritten = applied(&frame, meta, &rewrite);
            let before = sample.clone();
            sample.rewrite(&rewrite);
            assert_eq!(rewritten, sample.frame().0, "round {round}: {rewrite:?} of {before:?}");
        }
        assert!(seen.is_complete(), "{seen:?}");
    }

    #[test]
    fn a_checksum_left_to_hardware_is_completed_right_afterwards() {
        let mut seed = Seed::new(2);
        for (is_v6, proto, place) in [
            (false, protocol::TCP, 16),
            (false, protocol::UDP, 6),
            (true, protocol::TCP, 16),
            (true, protocol::UDP, 6),
        ] {
            for round in 0..2_000 {
                let mut sample =
                    Sample { check: Check::Left, ..Sample::of(&mut seed, is_v6, proto, round % 50) };
                let (frame, meta) = sample.frame();
                let rewrite = sample::rewrite(&mut seed, is_v6);
                let mut rewritten = applied(&frame, meta, &rewrite);
                assert!(offload::complete(&mut rewritten, &meta));
                sample.check = Check::Full;
                sample.rewrite(&rewrite);
                let mut expected = sample.frame().0;
                let field = usize::from(sample::info(&expected).l4_offset) + place;
                if expected[field..field + 2] == [0, 0] {
                    // Completion writes the other form of zero for every protocol.
                    expected[field..field + 2].fill(0xff);
                }
                assert_eq!(rewritten, expected, "round {round}");
            }
        }
    }

    /// True when all checksums of a TCP or UDP frame are right.
    fn is_right(frame: &[u8]) -> bool {
        let info = sample::info(frame);
        let (src, dst) = (info.src.to_ip(), info.dst.to_ip());
        if info.proto == protocol::TCP {
            tcp::Packet::new(info.l4(frame)).expect("whole").verify_checksum(src, dst)
        } else {
            udp::Packet::new(info.l4(frame)).expect("whole").verify_checksum(src, dst)
        }
    }

    #[test]
    fn a_segment_that_is_cut_afterwards_gives_right_pieces_only() {
        let mut seed = Seed::new(3);
        for (is_v6, proto, kind) in [
            (false, protocol::TCP, GsoKind::TcpV4),
            (true, protocol::TCP, GsoKind::TcpV6),
            (false, protocol::UDP, GsoKind::Udp),
            (true, protocol::UDP, GsoKind::Udp),
        ] {
            for round in 0..100 {
                // Left to hardware as a rule; complete when a network card merged what it received.
                let check = if round % 3 == 0 { Check::Full } else { Check::Left };
                let sample = Sample { check, ..Sample::of(&mut seed, is_v6, proto, 5_000 + round * 300) };
                let (frame, mut meta) = sample.frame();
                let header_len = offload::header_len(&frame).expect("TCP or UDP");
                meta.gso = Some(Gso { kind, size: 1_400, header_len, ecn: false });
                let rewrite = sample::rewrite(&mut seed, is_v6);
                let rewritten = applied(&frame, meta, &rewrite);
                let mut expected = sample.clone();
                expected.rewrite(&rewrite);
                let gso = meta.gso.expect("set above");
                let cut = offload::segment(&rewritten, &gso, meta.csum, &mut Vec::new(), |piece| {
                    let info = sample::info(piece);
                    assert_eq!((info.src, info.dst), (expected.src, expected.dst));
                    assert!(is_right(piece));
                    piece.len() <= usize::from(header_len) + 1_400
                });
                assert!(matches!(cut, Cut::All(pieces) if pieces > 3), "{cut:?}");
            }
        }
    }

    #[test]
    fn rewriting_and_rewriting_back_is_nothing() {
        let mut seed = Seed::new(4);
        for round in 0..ROUNDS {
            let sample = Sample::any(&mut seed);
            let (frame, meta) = sample.frame();
            let info = sample::info(&frame);
            let port = |place: usize| match info.fragment {
                Fragment::Later => None,
                _ if info.echo_ident(&frame).is_some() => info.echo_ident(&frame),
                _ => info.l4(&frame).get(place..place + 2).map(|b| u16::from_be_bytes([b[0], b[1]])),
            };
            let back = Rewrite {
                src: Some(Endpoint { addr: info.src, port: port(0) }),
                dst: Some(Endpoint { addr: info.dst, port: port(2) }),
            };
            let forth = sample::rewrite(&mut seed, info.is_v6);
            let rewritten = applied(&frame, meta, &forth);
            assert_eq!(applied(&rewritten, meta, &back), frame, "round {round}: {sample:?}");
            assert_eq!(applied(&frame, meta, &Rewrite::default()), frame);
        }
    }

    #[test]
    fn captured_packets_are_rewritten_as_by_hand() {
        let both = |src, dst| Rewrite { src, dst };
        // ~0a59 + ~ac11 + ~025c + 0a00 + 0001 = ~aec5; ~92de + the same + ~cc09 + 1000 = ~f354.
        let udp = applied(&hex(golden::UDP), Meta::default(), &both(end("10.0.0.1", 4096), None));
        assert_eq!((&udp[24..26], &udp[40..42]), (&[0xae, 0xc5][..], &[0xf3, 0x54][..]));
        assert_eq!((&udp[26..34], &udp[34..38]), (&hex("0a000001 ac11025a")[..], &hex("1000 0035")[..]));
        // Of the address only 2001:db8::1 -> 2001:db8::101 differs: ~1295 + 0100 = ~1195. The identifier adds 0100.
        let ping6 = hex(golden::PING6_REQUEST);
        let seen = applied(&ping6, Meta::default(), &both(end("2001:db8::101", None), None));
        assert_eq!(seen[54..60], hex("8000 1195 0018")[..]);
        let seen = applied(&ping6, Meta::default(), &both(end("2001:db8::101", 0x118), None));
        assert_eq!(seen[54..60], hex("8000 1095 0118")[..]);
        // ICMP covers no address: the identifier alone. ~c06a + ~0017 + 0117 = ~bf6a.
        let ping = hex(golden::PING_REQUEST);
        let seen = applied(&ping, Meta::default(), &both(end("10.0.0.1", 0x117), end("10.0.0.2", 0x999)));
        assert_eq!(seen[34..40], hex("0800 bf6a 0117")[..]);
        // RFC 1624 section 4: with 5555 becoming 3285 a checksum of dd2f becomes 0000.
        let mut frame = hex(golden::TCP_SYN);
        frame[34..36].copy_from_slice(&[0x55, 0x55]);
        frame[50..52].copy_from_slice(&[0xdd, 0x2f]);
        let seen = applied(&frame, Meta::default(), &both(end("172.17.2.92", 0x3285), None));
        assert_eq!(seen[50..52], [0, 0]);
        // The same in UDP, where 0 means "none".
        let mut frame = hex(golden::UDP);
        frame[34..36].copy_from_slice(&[0x55, 0x55]);
        frame[40..42].copy_from_slice(&[0xdd, 0x2f]);
        let seen = applied(&frame, Meta::default(), &both(end("172.17.2.92", 0x3285), None));
        assert_eq!(seen[40..42], [0xff, 0xff]);
    }

    #[test]
    fn the_checksum_of_a_packet_inside_is_no_business_of_the_outer_header() {
        // UDP that carries a packet whose checksum was left to hardware: the outer one is complete.
        let mut seed = Seed::new(5);
        let mut sample = Sample::of(&mut seed, false, protocol::UDP, 80);
        let (frame, mut meta) = sample.frame();
        meta.csum = Csum::Partial { start: sample::info(&frame).l4_offset + 40, offset: 6 };
        let rewrite = Rewrite { src: end("10.0.0.1", 1), dst: end("10.0.0.2", 2) };
        sample.rewrite(&rewrite);
        assert_eq!(applied(&frame, meta, &rewrite), sample.frame().0);
    }

    #[test]
    fn packets_without_ports_keep_all_behind_the_addresses() {
        let mut seed = Seed::new(6);
        for proto in [SCTP, 47, 50] {
            let sample = Sample::of(&mut seed, false, proto, 30);
            let (frame, meta) = sample.frame();
            let l4 = usize::from(sample::info(&frame).l4_offset);
            let rewrite = Rewrite { src: end("10.0.0.1", 1), dst: end("10.0.0.2", 2) };
            let rewritten = applied(&frame, meta, &rewrite);
            assert_eq!(rewritten[l4..], frame[l4..]);
            assert_eq!(sample::info(&rewritten).dst, Addr::v4(Ipv4Addr::new(10, 0, 0, 2)));
        }
    }

    #[test]
    fn a_refused_frame_is_unchanged() {
        let mut seed = Seed::new(7);
        for _ in 0..300 {
            let sample = Sample::any(&mut seed);
            let (frame, meta) = sample.frame();
            let info = sample::info(&frame);
            let rewrite = Rewrite {
                src: Some(Endpoint { addr: sample::address(&mut seed, info.is_v6), port: Some(7) }),
                dst: None,
            };
            for len in 0..frame.len() {
                let mut short = frame[..len].to_vec();
                let refused = apply(&mut Frame::new(&mut short, meta), &info, &rewrite);
                assert_eq!(refused, Err(Malformed::Truncated));
                assert!(!decrement_ttl(&mut Frame::new(&mut short, meta), &info));
                assert!(!clamp_mss(&mut Frame::new(&mut short, meta), &info, 0));
                let error = apply_error(&mut Frame::new(&mut short, meta), &info, &rewrite, &rewrite);
                assert!(error.is_err());
                assert_eq!(short, frame[..len]);
            }
            let other =
                Rewrite { dst: end(if info.is_v6 { "10.0.0.1" } else { "::1" }, None), src: rewrite.src };
            let mut bytes = frame.clone();
            let refused = apply(&mut Frame::new(&mut bytes, meta), &info, &other);
            assert_eq!((refused, &bytes), (Err(Malformed::BadAddress), &frame));
            let refused = apply_error(&mut Frame::new(&mut bytes, meta), &info, &rewrite, &other);
            assert_eq!((refused, &bytes), (Err(Malformed::BadAddress), &frame));
        }
        // A header that is not whole, which the dissector lets pass for protocols that it does not read.
        for len in 0..8 {
            let sample = Sample { l4: vec![0; 20], ..Sample::of(&mut seed, false, protocol::DCCP, 0) };
            let (mut frame, meta) = sample.frame();
            let mut info = sample::info(&frame);
            info.l4_len = len;
            let before = frame.clone();
            let rewrite = Rewrite { src: end("10.0.0.1", 1), dst: None };
            let refused = apply(&mut Frame::new(&mut frame, meta), &info, &rewrite);
            assert_eq!((refused, frame), (Err(Malformed::Truncated), before));
        }
    }

    #[test]
    fn nothing_panics_on_a_description_of_another_frame() {
        let mut seed = Seed::new(8);
        for _ in 0..ROUNDS {
            let (mut bytes, meta) = Sample::any(&mut seed).frame();
            let mut info = sample::info(&Sample::any(&mut seed).frame().0);
            if seed.below(2) == 0 {
                info.l3_offset = seed.below(80) as u16;
                info.l4_offset = seed.below(160) as u16;
                info.l4_len = seed.below(80) as u16;
            }
            let frame = &mut Frame::new(&mut bytes, meta);
            let rewrite = sample::rewrite(&mut seed, info.is_v6);
            let _ = apply(frame, &info, &rewrite);
            let _ = apply_error(frame, &info, &rewrite, &rewrite);
            let _ = (decrement_ttl(frame, &info), clamp_mss(frame, &info, 100));
        }
    }

    #[test]
    fn the_time_to_live_falls_to_one_and_no_further() {
        for text in [golden::TCP_SYN, golden::TCP6_SYN] {
            let mut bytes = hex(text);
            let mut info = sample::info(&bytes);
            for left in (1..64).rev() {
                assert!(decrement_ttl(&mut Frame::new(&mut bytes, Meta::default()), &info));
                // The dissector checks the header checksum.
                info = sample::info(&bytes);
                assert_eq!(info.ttl, left);
            }
            let before = bytes.clone();
            assert!(!decrement_ttl(&mut Frame::new(&mut bytes, Meta::default()), &info));
            assert_eq!(bytes, before);
            assert!(is_right(&bytes));
        }
        // Nor does one of zero wrap around.
        let mut bytes = hex(golden::TCP6_SYN);
        bytes[21] = 0;
        let info = sample::info(&bytes);
        assert!(!decrement_ttl(&mut Frame::new(&mut bytes, Meta::default()), &info));
        assert_eq!((bytes[21], info.dst), (0, Addr::v6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2))));
    }
}
