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
