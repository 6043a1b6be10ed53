//! ICMP errors about translated packets: they follow the flow of the packet that they quote, and the quoted packet must
//! look as its sender knows it.

use bng_platform::Frame;

use super::layout::Layout;
use super::{Rewrite, layers, left_to_hardware, readdress};
use crate::wire::checksum::Change;
use crate::wire::{Fragment, IpInfo, Malformed, icmpv4, icmpv6, ipv4, ipv6, protocol};

/// Shortest quoted packet behind which extensions may stand (RFC 4884 section 4.6).
const EXTENDED_QUOTE: usize = 128;

/// Rewrites the ICMP error in `frame`, which was dissected as `info`: the addresses of the error itself by `outer`
/// (ports in it mean nothing), addresses and ports of the quoted packet by `quoted`. The quoted packet travelled the
/// other way, so `quoted` usually exchanges the sides.
///
/// Checksums inside the quoted packet are corrected as far as they are quoted. Extensions behind it (RFC 4884) stay.
///
/// # Errors
/// [`Malformed::BadType`] for all that is no ICMP error, [`Malformed::BadFragment`] for a later fragment,
/// [`Malformed::BadAddress`] for an address of the other family, and whatever is wrong with the quoted packet;
/// [`Malformed::Truncated`] when a port is to change that is not quoted.
pub fn apply_error(
    frame: &mut Frame<'_>,
    info: &IpInfo,
    outer: &Rewrite,
    quoted: &Rewrite,
) -> Result<(), Malformed> {
    outer.check_family(info.is_v6)?;
    quoted.check_family(info.is_v6)?;
    if info.fragment == Fragment::Later {
        return Err(Malformed::BadFragment);
    }
    let meta = frame.meta;
    let (header, l4) = layers(frame.bytes_mut(), info)?;
    let quote_len = quote_len(info, l4)?;
    let layout = Layout::of(info.proto, info.is_v6, l4)?.ok_or(Malformed::BadType)?;
    let quote = Quote::of(&l4[icmpv4::HEADER_LEN..][..quote_len], info.is_v6, quoted)?;
    // Nothing can be wrong any more once this has succeeded.
    let addresses = readdress(header, info.is_v6, outer)?.pseudo;
    let content = quote.rewrite(&mut l4[icmpv4::HEADER_LEN..][..quote_len], info.is_v6, quoted)?;
    layout.correct(l4, left_to_hardware(&meta, info, &layout), addresses, content);
    Ok(())
}

/// Bytes of the quoted packet in the ICMP error `l4`, extensions excluded.
fn quote_len(info: &IpInfo, l4: &[u8]) -> Result<usize, Malformed> {
    // The place of the length is what was unused before RFC 4884, in units of the word of the family.
    let (quote, extended) = match info.proto {
        protocol::ICMP if !info.is_v6 => {
            use icmpv4::message;
            let error = icmpv4::Packet::new(l4)?;
            let has_length = matches!(
                error.message(),
                message::UNREACHABLE | message::TIME_EXCEEDED | message::PARAMETER_PROBLEM
            );
            (error.quoted().map(<[u8]>::len), has_length.then(|| usize::from(l4[5]) * 4))
        }
        protocol::ICMPV6 if info.is_v6 => {
            use icmpv6::message;
            let error = icmpv6::Packet::new(l4)?;
            let has_length = matches!(error.message(), message::UNREACHABLE | message::TIME_EXCEEDED);
            (error.quoted().map(<[u8]>::len), has_length.then(|| usize::from(l4[4]) * 8))
        }
        _ => return Err(Malformed::BadType),
    };
    let quote = quote.ok_or(Malformed::BadType)?;
    // A shorter one is left over from senders that did not clear what was unused.
    Ok(extended.filter(|len| *len >= EXTENDED_QUOTE).map_or(quote, |len| len.min(quote)))
}

/// Where the headers of a quoted packet lie, counted from its start. All places are even.
struct Quote {
    /// Start of layer 4.
    l4: usize,
    /// End of what is quoted of the packet.
    end: usize,
    /// Ports and checksum; `None` when there are none, or in a later fragment.
    layout: Option<Layout>,
}

impl Quote {
    /// Looks at the quoted packet that begins with `bytes`, whether `rewrite` can be applied to it.
    fn of(bytes: &[u8], is_v6: bool, rewrite: &Rewrite) -> Result<Self, Malformed> {
        let (proto, l4, end, later) = if is_v6 {
            let packet = ipv6::Packet::quoted(bytes)?;
            let upper = packet.upper_layer()?;
            let later = upper.fragment.is_some_and(|fragment| fragment.offset != 0);
            (upper.protocol, upper.offset, ipv6::HEADER_LEN + packet.payload().len(), later)
        } else {
            let packet = ipv4::Packet::quoted(bytes)?;
            let end = packet.total_len().min(bytes.len());
            (packet.protocol(), packet.header_len(), end, packet.fragment_offset() != 0)
        };
        let layout = if later { None } else { Layout::of(proto, is_v6, &bytes[l4..end])? };
        let has_ports = [rewrite.src, rewrite.dst].iter().flatten().any(|end| end.port.is_some());
        if has_ports && layout.is_some_and(|layout| end - l4 < layout.ports_end()) {
            return Err(Malformed::Truncated);
        }
        Ok(Self { l4, end, layout })
    }

    /// Rewrites the quoted packet in the `bytes` that were looked at. Returns what changed in all of it.
    fn rewrite(&self, bytes: &mut [u8], is_v6: bool, rewrite: &Rewrite) -> Result<Change, Malformed> {
        let (header, l4) = bytes[..self.end].split_at_mut(self.l4);
        let check = |header: &[u8]| if is_v6 { 0 } else { u16::from_be_bytes([header[10], header[11]]) };
        let before = check(header);
        // The addresses count twice for the error's checksum: as bytes of the quoted header, and in the header's or
        // layer 4's own checksum, which makes up for them.
        let addresses = readdress(header, is_v6, rewrite)?;
        let mut change = addresses.header + Change::u16(before, check(header));
        if let Some(layout) = self.layout {
            let ports = layout.set_ports(l4, rewrite);
            change += ports;
            change += layout.correct(l4, false, addresses.pseudo, ports);
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Check, Sample};
    use super::super::{Endpoint, apply};
    use super::*;
    use crate::seed::Seed;
    use crate::wire::dissect::quoted;
    use crate::wire::golden::{self, hex};
    use bng_platform::Meta;
    use std::net::IpAddr;

    /// The error about `inner`, of which `len` bytes are quoted, with `tail` behind them.
    fn about(outer: &Sample, inner: &Sample, len: usize, head: [u8; 8], tail: &[u8]) -> Sample {
        let mut quote = inner.packet();
        quote.truncate(len);
        let l4 = [&head[..], &quote, tail].concat();
        Sample { l4, ..outer.clone() }
    }

    #[test]
    fn a_rewritten_error_is_the_one_that_would_have_been_written() {
        let mut seed = Seed::new(1);
        let (mut cut, mut late) = (0, 0);
        for round in 0..40_000 {
            let mut inner = Sample::any(&mut seed);
            if inner.check == Check::Left {
                inner.check = Check::Full;
            }
            let is_v6 = inner.is_v6();
            let packet = inner.packet();
            let info = sample::info(&inner.frame().0);
            let l4 = usize::from(info.l4_offset - info.l3_offset);
            // At least the eight bytes that are promised; not half of a TCP checksum, which nobody can correct.
            let mut len = l4 + 8 + seed.below(packet.len() as u64 - l4 as u64) as usize;
            len += usize::from(len == l4 + 17);
            let (proto, head) = if is_v6 {
                (protocol::ICMPV6, [1 + seed.below(4) as u8, 0, 0, 0, 0, 0, 5, 0])
            } else {
                (protocol::ICMP, [[3, 4, 5, 11, 12][seed.below(5) as usize], 1, 0, 0, 0, 0, 5, 0])
            };
            let mut outer = Sample::of(&mut seed, is_v6, proto, 0);
            let (of_outer, of_quoted) =
                (sample::rewrite(&mut seed, is_v6), sample::rewrite(&mut seed, is_v6));
            let (mut frame, meta) = about(&outer, &inner, len, head, &[]).frame();
            let info_of_error = sample::info(&frame);
            let done = apply_error(&mut Frame::new(&mut frame, meta), &info_of_error, &of_outer, &of_quoted);
            assert_eq!(done, Ok(()), "round {round}");
            let later = info.fragment == Fragment::Later;
            (cut, late) = (cut + usize::from(len < packet.len()), late + usize::from(later));
            let before = inner.clone();
            inner.rewrite(&of_quoted);
            // A later fragment has no ports, but the packet that it is part of has a checksum.
            if later {
                inner.l4 = before.l4.clone();
            }
            outer.rewrite(&Rewrite {
                src: of_outer.src.map(|end| Endpoint { port: None, ..end }),
                dst: of_outer.dst.map(|end| Endpoint { port: None, ..end }),
            });
            let expected = about(&outer, &inner, len, head, &[]).frame().0;
            assert_eq!(frame, expected, "round {round}: {before:?}");
        }
        assert!(cut > 5_000 && late > 1_000, "{cut} quotes cut short, {late} of later fragments");
    }

    #[test]
    fn extensions_behind_the_quoted_packet_stay() {
        let mut seed = Seed::new(2);
        for is_v6 in [false, true] {
            // 28 or 48 bytes of packet, filled up to 128, and then an extension that would pass for more of it: the
            // quoted packet claims a longer payload than is quoted.
            let mut inner = Sample::of(&mut seed, is_v6, protocol::TCP, 400);
            if is_v6 {
                // The checksum would stand in the extension, which begins at 128: 40 + 72 + 16.
                let mut options = vec![0; 72];
                options[1] = 8;
                inner.extensions.push((protocol::DESTINATION_OPTIONS, options));
            }
            let (proto, head) = if is_v6 {
                (protocol::ICMPV6, [1, 0, 0, 0, 16, 0, 0, 0])
            } else {
                (protocol::ICMP, [11, 0, 0, 0, 0, 32, 0, 0])
            };
            let extension = hex("2000 dead 0008 0101 12345678");
            let mut outer = Sample::of(&mut seed, is_v6, proto, 0);
            let rewrite = Rewrite {
                src: Some(Endpoint { addr: sample::address(&mut seed, is_v6), port: Some(9) }),
                dst: Some(Endpoint { addr: sample::address(&mut seed, is_v6), port: Some(10) }),
            };
            let (mut frame, meta) = about(&outer, &inner, 128, head, &extension).frame();
            let info = sample::info(&frame);
            apply_error(&mut Frame::new(&mut frame, meta), &info, &rewrite, &rewrite).expect("an error");
            inner.rewrite(&rewrite);
            outer.rewrite(&rewrite);
            assert_eq!(frame, about(&outer, &inner, 128, head, &extension).frame().0);
            assert!(frame.ends_with(&extension));
        }
    }

    fn end(addr: &str, port: impl Into<Option<u16>>) -> Option<Endpoint> {
        Some(Endpoint { addr: addr.parse::<IpAddr>().expect("address").into(), port: port.into() })
    }

    #[test]
    fn a_captured_error_is_rewritten_as_by_hand() {
        // From 10.0.0.9 as 172.17.2.90 answered it; the datagram in it was sent by 10.0.0.1:4096.
        let mut frame = hex(golden::UNREACHABLE);
        let info = sample::info(&frame);
        let outer = Rewrite { src: None, dst: end("10.0.0.1", None) };
        let inner = Rewrite { src: end("10.0.0.1", 4_096), dst: None };
        apply_error(&mut Frame::new(&mut frame, Meta::default()), &info, &outer, &inner).expect("an error");
        // The quoted headers are those of the datagram rewritten directly.
        let mut datagram = hex(golden::UDP);
        let of_datagram = sample::info(&datagram);
        apply(&mut Frame::new(&mut datagram, Meta::default()), &of_datagram, &inner).expect("a datagram");
        assert_eq!(frame[42..], datagram[14..]);
        // The quoted header and its checksum make up for each other, so do port and UDP checksum; what remains is the
        // address in the latter: ~59f5 + ac11 + 025c - 0a00 - 0001 = ~b588.
        assert_eq!(frame[36..38], hex("b588")[..]);
        assert!(icmpv4::Packet::new(info.l4(&frame)).expect("whole").verify_checksum());
    }

    #[test]
    fn quoted_echo_messages_get_the_identifier_of_who_asked() {
        for (ping, error, addr) in [
            (golden::PING_REQUEST, golden::UNREACHABLE, "10.0.0.1"),
            (golden::PING6_REQUEST, golden::UNREACHABLE6, "2001:db8::77"),
        ] {
            let (ping, error) = (hex(ping), hex(error));
            let is_v6 = sample::info(&ping).is_v6;
            let head: [u8; 8] = sample::info(&error).l4(&error)[..8].try_into().expect("8 bytes");
            let proto = if is_v6 { protocol::ICMPV6 } else { protocol::ICMP };
            let outer = Sample::of(&mut Seed::new(3), is_v6, proto, 0);
            let (mut frame, meta) = Sample { l4: [&head, &ping[14..]].concat(), ..outer }.frame();
            let info = sample::info(&frame);
            let rewrite = Rewrite { src: end(addr, 777), dst: None };
            apply_error(&mut Frame::new(&mut frame, meta), &info, &Rewrite::default(), &rewrite)
                .expect("an error");
            let flow = quoted(&info.l4(&frame)[8..]).expect("a flow");
            assert_eq!((flow.src, flow.sport, flow.dport), (end(addr, None).expect("set").addr, 777, 777));
        }
    }

    #[test]
    fn what_is_no_error_or_quotes_too_little_is_refused_and_unchanged() {
        let rewrite = Rewrite { src: end("10.0.0.1", 1), dst: None };
        let rewrite6 = Rewrite { src: end("2001:db8::9", 1), dst: None };
        let tried = |mut frame: Vec<u8>| {
            let (before, info) = (frame.clone(), sample::info(&frame));
            let rewrite = if info.is_v6 { rewrite6 } else { rewrite };
            let done = apply_error(&mut Frame::new(&mut frame, Meta::default()), &info, &rewrite, &rewrite);
            assert!(done.is_ok() || frame == before);
            done
        };
        for text in [golden::UDP, golden::TCP6_SYN, golden::PING_REQUEST, golden::PING6_REPLY] {
            assert_eq!(tried(hex(text)), Err(Malformed::BadType));
        }
        assert_eq!(tried(hex(golden::FRAGMENT_LAST)), Err(Malformed::BadFragment));
        let mut seed = Seed::new(4);
        for is_v6 in [false, true] {
            let (proto, head, header) = if is_v6 {
                (protocol::ICMPV6, [1, 0, 0, 0, 0, 0, 0, 0], 40)
            } else {
                (protocol::ICMP, [3, 0, 0, 0, 0, 0, 0, 0], 20)
            };
            let outer = Sample::of(&mut seed, is_v6, proto, 0);
            let inner = Sample::of(&mut seed, is_v6, protocol::TCP, 0);
            for len in 0..60 {
                // The source port is what changes, but a port that is half there helps nobody.
                let expected = if len < header + 4 { Err(Malformed::Truncated) } else { Ok(()) };
                assert_eq!(tried(about(&outer, &inner, len, head, &[]).frame().0), expected, "{len} quoted");
            }
            let foreign = Sample::of(&mut seed, !is_v6, protocol::TCP, 60);
            assert_eq!(tried(about(&outer, &foreign, 80, head, &[]).frame().0), Err(Malformed::BadVersion));
        }
    }
}
