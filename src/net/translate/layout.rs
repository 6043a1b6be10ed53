//! Where the protocols above IP keep what a translation touches: ports and checksum.

use super::Rewrite;
use crate::wire::checksum::Change;
use crate::wire::{Malformed, icmpv4, icmpv6, protocol};

/// Places in a layer-4 header, counted from its start. All are even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Source port, or what stands for it.
    src: Option<usize>,
    /// Destination port, or what stands for it.
    dst: Option<usize>,
    /// Checksum.
    pub(super) checksum: usize,
    /// The checksum covers the addresses.
    pseudo: bool,
    /// A checksum of 0 means that there is none.
    optional: bool,
}

impl Layout {
    const TCP: Self = Self { src: Some(0), dst: Some(2), checksum: 16, pseudo: true, optional: false };
    /// UDP and UDP-Lite; the partial checksum of the latter always covers the header (RFC 3828 section 3.1).
    const UDP: Self = Self { checksum: 6, optional: true, ..Self::TCP };
    /// RFC 4340 section 5.1; a partial checksum covers the header here too.
    const DCCP: Self = Self { checksum: 6, ..Self::TCP };
    /// ICMP other than echo.
    const ICMP: Self = Self { src: None, dst: None, checksum: 2, pseudo: false, optional: false };
    const ECHO_REQUEST: Self = Self { src: Some(4), ..Self::ICMP };
    const ECHO_REPLY: Self = Self { dst: Some(4), ..Self::ICMP };

    /// The places in a packet of `proto` whose layer 4 begins with `l4`; `None` for a protocol in which nothing
    /// depends on addresses and that has no ports.
    #[inline]
    pub(super) fn of(proto: u8, is_v6: bool, l4: &[u8]) -> Result<Option<Self>, Malformed> {
        Ok(match proto {
            protocol::TCP => Some(Self::TCP),
            protocol::UDP | protocol::UDP_LITE => Some(Self::UDP),
            protocol::DCCP => Some(Self::DCCP),
            protocol::ICMP if !is_v6 => Some(Self::of_echo(icmpv4::Packet::new(l4)?.echo())),
            protocol::ICMPV6 if is_v6 => {
                Some(Self { pseudo: true, ..Self::of_echo(icmpv6::Packet::new(l4)?.echo()) })
            }
            _ => None,
        })
    }

    #[inline]
    fn of_echo(echo: Option<icmpv4::Echo>) -> Self {
        match echo {
            Some(icmpv4::Echo::Request) => Self::ECHO_REQUEST,
            Some(icmpv4::Echo::Reply) => Self::ECHO_REPLY,
            None => Self::ICMP,
        }
    }

    /// Bytes that a header must have for [`Layout::set_ports`] and [`Layout::correct`] to do all of their work.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.ports_end().max(self.checksum + 2)
    }

    /// Bytes that a header must have for [`Layout::set_ports`].
    #[inline]
    pub(super) fn ports_end(&self) -> usize {
        self.src.max(self.dst).map_or(0, |last| last + 2)
    }

    /// Writes the ports of `rewrite`. Returns what changed; `l4` has [`Layout::ports_end`] bytes at least.
    #[inline]
    pub(super) fn set_ports(&self, l4: &mut [u8], rewrite: &Rewrite) -> Change {
        let mut change = Change::NONE;
        for (place, end) in [(self.src, rewrite.src), (self.dst, rewrite.dst)] {
            if let (Some(place), Some(port)) = (place, end.and_then(|end| end.port)) {
                change += replace(l4, place, |_| port);
            }
        }
        change
    }

    /// Corrects the checksum, if it lies within `l4`, for changed `addresses` and changed `content` of layer 4. One
    /// that is `left` to hardware holds the sum of the pseudo header only. Returns what changed in the field.
    #[inline]
    pub(super) fn correct(&self, l4: &mut [u8], left: bool, addresses: Change, content: Change) -> Change {
        if l4.len() < self.checksum + 2 {
            return Change::NONE;
        }
        let addresses = if self.pseudo { addresses } else { Change::NONE };
        replace(l4, self.checksum, |check| match check {
            check if left => addresses.apply_to_sum(check),
            0 if self.optional => 0,
            check => match (addresses + content).apply(check) {
                // A computed checksum of 0 would mean that there is none (RFC 768).
                0 if self.optional => 0xffff,
                check => check,
            },
        })
    }
}

/// Replaces the 16-bit word at an even `place` of `bytes`.
#[inline]
fn replace(bytes: &mut [u8], place: usize, new: impl FnOnce(u16) -> u16) -> Change {
    let field = &mut bytes[place..place + 2];
    let old = u16::from_be_bytes([field[0], field[1]]);
    let new = new(old);
    field.copy_from_slice(&new.to_be_bytes());
    Change::u16(old, new)
}
