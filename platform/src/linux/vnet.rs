//! The header that a packet socket puts in front of every frame when asked to (`PACKET_VNET_HDR`).
//!
//! `struct virtio_net_hdr` of linux/virtio_net.h, in the byte order of the machine:
//!
//! ```text
//! 0       1        2         4          6            8             10
//! | flags | gso    | header  | gso size | checksum   | checksum    |
//! |       | type   | length  |          | start      | offset      |
//! ```

use crate::{Csum, Gso, GsoKind, Meta, offload};

/// Bytes of the header.
pub(super) const LEN: usize = 10;

const F_NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// Header of a frame with nothing to be done.
pub(super) const NOTHING: [u8; LEN] = [0; LEN];

/// The notes in `header` for `frame`, in front of whose network layer `moved` bytes (a VLAN tag) were put since the
/// header was written.
pub(super) fn read(header: [u8; LEN], frame: &mut [u8], moved: u16) -> Meta {
    // The usual frame from a wire: nothing to be done.
    if header[0] & F_NEEDS_CSUM == 0 && header[1] == GSO_NONE {
        return Meta::default();
    }
    let word = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let mut meta = Meta::default();
    if header[0] & F_NEEDS_CSUM != 0 {
        meta.csum = Csum::Partial { start: word(6).saturating_add(moved), offset: word(8) };
    }
    let kind = match header[1] & !GSO_ECN {
        GSO_TCPV4 => GsoKind::TcpV4,
        GSO_TCPV6 => GsoKind::TcpV6,
        GSO_UDP_L4 => GsoKind::Udp,
        _ => return meta,
    };
    // A card that merged frames leaves their checksum complete; cutting needs it partial.
    if meta.csum == Csum::Complete {
        meta.csum = offload::make_partial(frame).unwrap_or_default();
    }
    // The header's own length is that of the linear part of the kernel's buffer, whatever lies there.
    if let Some(header_len) = offload::header_len(frame) {
        meta.gso = Some(Gso { kind, size: word(4), header_len, ecn: header[1] & GSO_ECN != 0 });
    }
    meta
}

/// The header for a frame with `meta`.
pub(super) fn write(meta: &Meta) -> [u8; LEN] {
    let mut header = NOTHING;
    if let Csum::Partial { start, offset } = meta.csum {
        header[0] = F_NEEDS_CSUM;
        header[6..8].copy_from_slice(&start.to_ne_bytes());
        header[8..10].copy_from_slice(&offset.to_ne_bytes());
    }
    if let Some(gso) = meta.gso {
        let kind = match gso.kind {
            GsoKind::TcpV4 => GSO_TCPV4,
            GsoKind::TcpV6 => GSO_TCPV6,
            GsoKind::Udp => GSO_UDP_L4,
        };
        header[1] = kind | if gso.ecn { GSO_ECN } else { 0 };
        header[2..4].copy_from_slice(&gso.header_len.to_ne_bytes());
        header[4..6].copy_from_slice(&gso.size.to_ne_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TCP over IPv4 with `payload` bytes.
    fn frame(payload: usize) -> Vec<u8> {
        let mut f = vec![0; 14 + 40 + payload];
        f[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
        f[16..18].copy_from_slice(&(40 + payload as u16).to_be_bytes());
        f[23] = 6;
        f[46] = 0x50;
        f
    }

    #[test]
    fn notes_survive_a_round_trip_through_the_header() {
        let csum = Csum::Partial { start: 34, offset: 16 };
        for kind in [GsoKind::TcpV4, GsoKind::TcpV6, GsoKind::Udp] {
            for ecn in [false, true] {
                let meta = Meta { csum, gso: Some(Gso { kind, size: 1448, header_len: 54, ecn }) };
                assert_eq!(read(write(&meta), &mut frame(5000), 0), meta);
            }
        }
        let meta = Meta { csum, gso: None };
        assert_eq!(read(write(&meta), &mut frame(5), 0), meta);
        assert_eq!(write(&Meta::default()), NOTHING);
        assert_eq!(read(NOTHING, &mut frame(5), 0), Meta::default());
    }

    #[test]
    fn offsets_follow_a_restored_tag() {
        let meta = Meta { csum: Csum::Partial { start: 34, offset: 16 }, gso: None };
        let moved = read(write(&meta), &mut frame(5), 4);
        assert_eq!(moved.csum, Csum::Partial { start: 38, offset: 16 });
    }

    #[test]
    fn a_segment_that_a_card_merged_is_made_partial() {
        let mut header = NOTHING;
        header[1] = GSO_TCPV4;
        header[4..6].copy_from_slice(&1448u16.to_ne_bytes());
        let meta = read(header, &mut frame(5000), 0);
        assert_eq!(meta.csum, Csum::Partial { start: 34, offset: 16 });
        assert_eq!(meta.gso.unwrap().header_len, 54);
    }
}
