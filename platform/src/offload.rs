//! What hardware would do: complete checksums, cut oversized segments, and recognise both where the system is silent.
//!
//! Kernels put both jobs off until a frame meets a wire, and on virtual links that may be never. Doors whose system
//! carries the two notes of [`Meta`] on do not need this module; all others finish the frame here. Pure functions
//! over bytes: nothing panics, whatever the frame says about itself.

use crate::{Csum, Gso, GsoKind, Meta};

/// Bytes of an Ethernet header without tags.
pub const ETHERNET_HEADER: usize = 14;
/// Bytes of one VLAN tag (IEEE 802.1Q).
pub const VLAN_TAG: usize = 4;
/// Largest frame that a door has to hold: 64 KiB of packet behind an Ethernet header with two tags.
pub const FRAME_MAX: usize = 65_535 + ETHERNET_HEADER + 2 * VLAN_TAG;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
/// Places of the checksum in the two headers (RFC 9293 section 3.1, RFC 768).
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;
const UDP_HEADER: usize = 8;
const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;

/// How [`segment`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Every piece was emitted; their number.
    All(usize),
    /// `emit` refused a piece; the pieces behind it were not made.
    Stopped,
    /// The frame is not what its [`Gso`] says; nothing was emitted.
    Malformed,
}

/// Where the headers of an IP frame with TCP or UDP lie.
#[derive(Debug, Clone, Copy)]
struct Layers {
    v6: bool,
    tcp: bool,
    /// Start of the IP header.
    l3: usize,
    /// Start of the TCP or UDP header.
    l4: usize,
    /// Start of the payload.
    payload: usize,
    /// End of the IP packet: what follows is Ethernet padding.
    end: usize,
}

impl Layers {
    /// `None` for everything but an unfragmented TCP or UDP packet that lies wholly inside the frame.
    fn of(frame: &[u8]) -> Option<Self> {
        let (l3, ethertype) = network_layer(frame)?;
        let packet = &frame[l3..];
        let (v6, protocol, header, length) = match ethertype {
            ETHERTYPE_IPV4 => {
                let header = usize::from(*packet.first()? & 0x0f) * 4;
                let fragment = be16(packet, 6)? & 0x3fff;
                if packet[0] >> 4 != 4 || header < 20 || fragment != 0 {
                    return None;
                }
                (false, *packet.get(9)?, header, usize::from(be16(packet, 2)?))
            }
            ETHERTYPE_IPV6 => {
                let length = 40 + usize::from(be16(packet, 4)?);
                let (mut protocol, mut header) = (*packet.get(6)?, 40);
                if packet[0] >> 4 != 6 {
                    return None;
                }
                // Hop-by-hop and destination options (RFC 8200 section 4.2) do not change the pseudo header; a
                // routing header does, and nobody offloads it.
                while protocol == 0 || protocol == 60 {
                    protocol = *packet.get(header)?;
                    header += 8 + usize::from(*packet.get(header + 1)?) * 8;
                }
                (true, protocol, header, length)
            }
            _ => return None,
        };
        let l4 = l3 + header;
        let end = l3 + length;
        let (tcp, l4_header) = match protocol {
            IPPROTO_TCP => (true, usize::from(*frame.get(l4 + 12)? >> 4) * 4),
            IPPROTO_UDP => (false, UDP_HEADER),
            _ => return None,
        };
        let payload = l4 + l4_header;
        let whole = (!tcp || l4_header >= 20)
            && payload <= end
            && payload <= usize::from(u16::MAX)
            && end <= frame.len();
        whole.then_some(Self { v6, tcp, l3, l4, payload, end })
    }

    fn checksum_offset(&self) -> usize {
        if self.tcp { TCP_CHECKSUM } else { UDP_CHECKSUM }
    }

    fn partial(&self) -> Csum {
        // `of` made sure that all headers lie within 64 KiB.
        Csum::Partial { start: self.l4 as u16, offset: self.checksum_offset() as u16 }
    }

    /// Sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) for `l4_len` bytes of layer 4.
    fn pseudo_sum(&self, frame: &[u8], l4_len: usize) -> u16 {
        let addresses = if self.v6 { self.l3 + 8..self.l3 + 40 } else { self.l3 + 12..self.l3 + 20 };
        let protocol = if self.tcp { IPPROTO_TCP } else { IPPROTO_UDP };
        let length = l4_len as u32;
        fold(
            u64::from(sum(&frame[addresses]))
                + u64::from(protocol)
                + u64::from(length >> 16)
                + u64::from(length & 0xffff),
        )
    }
}

/// Offset of the network layer and its EtherType, behind up to two VLAN tags; `None` when the frame is too short.
pub fn network_layer(frame: &[u8]) -> Option<(usize, u16)> {
    let mut offset = 12;
    for _ in 0..2 {
        match be16(frame, offset)? {
            0x8100 | 0x88a8 | 0x9100 => offset += VLAN_TAG,
            _ => break,
        }
    }
    Some((offset + 2, be16(frame, offset)?))
}

/// True when the packet inside `frame` is at most `mtu` bytes; VLAN tags do not count.
pub fn fits(frame: &[u8], mtu: usize) -> bool {
    // The usual frame is decided by its length alone, without looking for tags.
    frame.len() <= ETHERNET_HEADER + mtu
        || network_layer(frame).is_some_and(|(offset, _)| frame.len() - offset <= mtu)
}

/// Stores the checksum that [`Csum::Partial`] says is missing. `false` when `start` and `offset` point outside the
/// frame, which is then unchanged.
pub fn complete_checksum(frame: &mut [u8], start: u16, offset: u16) -> bool {
    let start = usize::from(start);
    let place = start + usize::from(offset);
    if place + 2 > frame.len() {
        return false;
    }
    let checksum = !sum(&frame[start..]);
    // Zero means "no checksum" in UDP (RFC 768); its other representation is right for every protocol.
    put16(frame, place, if checksum == 0 { 0xffff } else { checksum });
    true
}

/// Does what `meta` says is missing in a frame that is not to be cut. `false`: `meta` does not fit the frame.
pub fn complete(frame: &mut [u8], meta: &Meta) -> bool {
    match meta.csum {
        Csum::Complete => true,
        Csum::Partial { start, offset } => complete_checksum(frame, start, offset),
    }
}

/// Prepares the checksum field of an unfragmented TCP or UDP frame for hardware: stores the sum of the pseudo header
/// and says what is missing. `None` for any other frame.
///
/// An oversized segment needs this even when its checksum was complete (a network card merged it): every piece gets
/// a checksum of its own.
pub fn make_partial(frame: &mut [u8]) -> Option<Csum> {
    let layers = Layers::of(frame)?;
    let pseudo = layers.pseudo_sum(frame, layers.end - layers.l4);
    put16(frame, layers.l4 + layers.checksum_offset(), pseudo);
    Some(layers.partial())
}

/// Bytes of all headers of a TCP or UDP frame, Ethernet included; `None` for any other frame.
pub fn header_len(frame: &[u8]) -> Option<u16> {
    Layers::of(frame).map(|layers| layers.payload as u16)
}

/// Guesses the notes for a frame from a door that is told nothing, on an interface with packets of at most `mtu`
/// bytes. A frame that is to be cut always ends with a partial checksum.
///
/// A checksum field that equals the sum of its pseudo header is taken for one that the sender left to hardware.
/// A complete and right checksum has that value once in 65,536 times, and then completing it again is harmless: the
/// sum over the segment with the field in it gives the very same checksum. (A frame damaged on a wire, one in 65,536
/// of them, would get a right checksum; the Ethernet FCS caught those before.)
///
/// A TCP frame longer than the MTU can only be several segments that a kernel merged or has not yet cut. An oversized
/// UDP frame is several datagrams, too, but nothing in it says where they end: its segment size is 0, which nobody can
/// cut.
pub fn guess(frame: &mut [u8], mtu: usize) -> Meta {
    let Some(layers) = Layers::of(frame) else { return Meta::default() };
    let field = be16(frame, layers.l4 + layers.checksum_offset());
    let pseudo = layers.pseudo_sum(frame, layers.end - layers.l4);
    let mut meta = Meta::default();
    if field == Some(pseudo) {
        meta.csum = layers.partial();
    }
    let headers = layers.payload - layers.l3;
    let oversized = layers.end - layers.l3 > mtu && headers < mtu;
    if oversized && !layers.tcp {
        meta.gso = Some(Gso { kind: GsoKind::Udp, size: 0, header_len: layers.payload as u16, ecn: false });
    }
    if oversized && layers.tcp {
        let kind = if layers.v6 { GsoKind::TcpV6 } else { GsoKind::TcpV4 };
        let size = (mtu - headers).min(usize::from(u16::MAX)) as u16;
        let ecn = frame[layers.l4 + 13] & TCP_CWR != 0;
        put16(frame, layers.l4 + TCP_CHECKSUM, pseudo);
        meta.csum = layers.partial();
        meta.gso = Some(Gso { kind, size, header_len: layers.payload as u16, ecn });
    }
    meta
}

/// Cuts `frame` into pieces of `gso.size` bytes of payload and gives each to `emit`, complete and ready for the wire;
/// `emit` returns `false` to stop. Every piece is built in `buffer`, which grows once to the size of the largest.
///
/// Of the headers change (as in Linux `tcp_gso_segment` and RFC 3168 section 6.1.2): total length, IPv4
/// identification (one more each) and checksum; TCP sequence, FIN and PSH (last piece only), CWR (first only); UDP
/// length; the checksum of layer 4. A UDP frame without a checksum over IPv4 stays without.
pub fn segment(
    frame: &[u8],
    gso: &Gso,
    csum: Csum,
    buffer: &mut Vec<u8>,
    mut emit: impl FnMut(&[u8]) -> bool,
) -> Cut {
    let Some(layers) = Layers::of(frame) else { return Cut::Malformed };
    let (v6, tcp) = match gso.kind {
        GsoKind::TcpV4 => (false, true),
        GsoKind::TcpV6 => (true, true),
        GsoKind::Udp => (layers.v6, false),
    };
    let size = usize::from(gso.size);
    if size == 0 || layers.v6 != v6 || layers.tcp != tcp {
        return Cut::Malformed;
    }
    let Layers { l3, l4, payload, end, .. } = layers;
    let place = l4 + layers.checksum_offset();
    let without_checksum = !tcp && !v6 && csum == Csum::Complete && be16(frame, place) == Some(0);
    let flags = if tcp { frame[l4 + 13] } else { 0 };
    let sequence = if tcp { be32(frame, l4 + 4) } else { 0 };
    let identification = be16(frame, l3 + 4).unwrap_or(0);

    let pieces = (end - payload).div_ceil(size).max(1);
    for index in 0..pieces {
        let from = payload + index * size;
        let to = end.min(from + size);
        let last = index + 1 == pieces;
        buffer.clear();
        buffer.extend_from_slice(&frame[..payload]);
        buffer.extend_from_slice(&frame[from..to]);
        let piece = buffer.as_mut_slice();
        let packet_len = (piece.len() - l3) as u16;
        let l4_len = piece.len() - l4;
        if v6 {
            put16(piece, l3 + 4, packet_len - 40);
        } else {
            put16(piece, l3 + 2, packet_len);
            put16(piece, l3 + 4, identification.wrapping_add(index as u16));
            put16(piece, l3 + 10, 0);
            let checksum = !sum(&piece[l3..l4]);
            put16(piece, l3 + 10, checksum);
        }
        if tcp {
            let at = sequence.wrapping_add((index * size) as u32);
            piece[l4 + 4..l4 + 8].copy_from_slice(&at.to_be_bytes());
            let first_only = if index == 0 { 0 } else { TCP_CWR };
            let last_only = if last { 0 } else { TCP_FIN | TCP_PSH };
            piece[l4 + 13] = flags & !first_only & !last_only;
        } else {
            put16(piece, l4 + 4, l4_len as u16);
        }
        if !without_checksum {
            let pseudo = layers.pseudo_sum(piece, l4_len);
            put16(piece, place, pseudo);
            complete_checksum(piece, l4 as u16, (place - l4) as u16);
        }
        if !emit(piece) {
            return Cut::Stopped;
        }
    }
    Cut::All(pieces)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Ones' complement sum of `bytes` as 16-bit words, a zero behind an odd last byte (RFC 1071). Words are added four
/// bytes at a time in the byte order of the machine and swapped once at the end (section 2, "byte order independence").
fn sum(bytes: &[u8]) -> u16 {
    let mut words = bytes.chunks_exact(4);
    let mut total: u64 =
        words.by_ref().map(|w| u64::from(u32::from_ne_bytes([w[0], w[1], w[2], w[3]]))).sum();
    let mut tail = [0; 4];
    tail[..words.remainder().len()].copy_from_slice(words.remainder());
    total += u64::from(u32::from_ne_bytes(tail));
    u16::from_be(fold(total))
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP_OPTIONS: usize = 12;

    /// A frame of `payload` bytes with wrong checksums everywhere, as before offload.
    fn frame(v6: bool, tcp: bool, tags: usize, payload: usize) -> Vec<u8> {
        let l4_header = if tcp { 20 + TCP_OPTIONS } else { 8 };
        let l4_len = l4_header + payload;
        let mut f = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        for tag in 0..tags {
            f.extend_from_slice(&[0x81, 0x00, 0x00, tag as u8 + 7]);
        }
        if v6 {
            f.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
            f.extend_from_slice(&(l4_len as u16).to_be_bytes());
            f.extend_from_slice(&[if tcp { 6 } else { 17 }, 64]);
            f.extend((0..32u8).map(|n| n.wrapping_mul(29)));
        } else {
            f.extend_from_slice(&[0x08, 0x00, 0x45, 0]);
            f.extend_from_slice(&((20 + l4_len) as u16).to_be_bytes());
            f.extend_from_slice(&[0xff, 0xfe, 0x40, 0, 64, if tcp { 6 } else { 17 }, 0, 0]);
            f.extend_from_slice(&[10, 1, 2, 3, 10, 200, 201, 202]);
        }
        f.extend_from_slice(&[0x30, 0x39, 0x00, 0x50]);
        if tcp {
            f.extend_from_slice(&[
                0xff,
                0xff,
                0xff,
                0x00,
                1,
                2,
                3,
                4,
                0x80,
                0x80 | 0x10 | 0x08 | 0x01,
                0x20,
                0,
            ]);
            f.extend_from_slice(&[0, 0, 0, 0]);
            f.extend_from_slice(&[1; TCP_OPTIONS]);
        } else {
            f.extend_from_slice(&(l4_len as u16).to_be_bytes());
            f.extend_from_slice(&[0, 0]);
        }
        f.extend((0..payload).map(|n| (n * 7 + n / 251) as u8));
        f
    }

    /// The plain reading of RFC 1071, as the oracle.
    fn slow_sum(parts: &[&[u8]]) -> u16 {
        let bytes: Vec<u8> = parts.concat();
        let mut total = 0u32;
        for pair in bytes.chunks(2) {
            total += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            total = (total & 0xffff) + (total >> 16);
        }
        total as u16
    }

    /// Panics unless every checksum and length of an unpadded frame is right; returns its payload.
    fn verified(f: &[u8]) -> &[u8] {
        let (l3, ethertype) = network_layer(f).unwrap();
        let v6 = ethertype == 0x86dd;
        let (l4, protocol, addresses) = if v6 {
            assert_eq!(usize::from(be16(f, l3 + 4).unwrap()), f.len() - l3 - 40);
            (l3 + 40, f[l3 + 6], &f[l3 + 8..l3 + 40])
        } else {
            assert_eq!(usize::from(be16(f, l3 + 2).unwrap()), f.len() - l3);
            assert_eq!(slow_sum(&[&f[l3..l3 + 20]]), 0xffff, "IPv4 header");
            (l3 + 20, f[l3 + 9], &f[l3 + 12..l3 + 20])
        };
        let l4_len = (f.len() - l4) as u32;
        let pseudo = [&l4_len.to_be_bytes()[..], &[0, 0, 0, protocol]].concat();
        assert_eq!(slow_sum(&[addresses, &pseudo, &f[l4..]]), 0xffff, "layer 4");
        if protocol == 17 {
            assert_eq!(u32::from(be16(f, l4 + 4).unwrap()), l4_len);
            &f[l4 + 8..]
        } else {
            &f[l4 + 20 + TCP_OPTIONS..]
        }
    }

    fn ipv4_checksum(f: &mut [u8]) {
        let (l3, ethertype) = network_layer(f).unwrap();
        if ethertype == 0x0800 {
            let checksum = !slow_sum(&[&f[l3..l3 + 20]]);
            put16(f, l3 + 10, checksum);
        }
    }

    #[test]
    fn a_completed_checksum_is_right_at_every_length_in_both_families_with_and_without_tags() {
        for payload in (0..130).chain([1459, 1460, 9000]) {
            for (v6, tcp, tags) in
                [(false, false, 0), (false, true, 0), (true, false, 1), (true, true, 0), (false, true, 2)]
            {
                let mut f = frame(v6, tcp, tags, payload);
                ipv4_checksum(&mut f);
                let csum = make_partial(&mut f).unwrap();
                assert_eq!(guess(&mut f.clone(), 9100), Meta { csum, gso: None });
                assert!(complete(&mut f, &Meta { csum, gso: None }));
                assert_eq!(verified(&f).len(), payload);
                // Completing again what is already right changes nothing.
                let done = f.clone();
                let pseudo_again = make_partial(&mut f).unwrap();
                assert!(complete(&mut f, &Meta { csum: pseudo_again, gso: None }));
                assert_eq!(f, done);
            }
        }
    }

    #[test]
    fn a_udp_checksum_is_never_zero() {
        // The payload is chosen so that the sum comes out as all ones.
        let mut f = frame(false, false, 0, 2);
        ipv4_checksum(&mut f);
        let end = f.len();
        f[end - 2..].fill(0);
        let Some(Csum::Partial { start, offset }) = make_partial(&mut f) else { panic!() };
        let without = slow_sum(&[&f[usize::from(start)..]]);
        put16(&mut f, end - 2, !without);
        assert!(complete_checksum(&mut f, start, offset));
        assert_eq!(be16(&f, usize::from(start + offset)), Some(0xffff));
        verified(&f);
    }

    #[test]
    fn a_checksum_outside_the_frame_is_refused_and_changes_nothing() {
        let original = frame(false, true, 0, 10);
        let len = original.len() as u16;
        for (start, offset) in [(len - 17, 16), (len, 0), (u16::MAX, u16::MAX), (0, len - 1)] {
            let mut f = original.clone();
            assert!(!complete_checksum(&mut f, start, offset));
            assert_eq!(f, original);
        }
        assert!(complete_checksum(&mut original.clone(), len - 18, 16));
    }

    #[test]
    fn a_right_checksum_that_looks_partial_survives_completion() {
        // A segment whose sum without pseudo header and checksum is -2P has the complete checksum P.
        let mut f = frame(false, true, 0, 4);
        ipv4_checksum(&mut f);
        let Some(Csum::Partial { start, offset }) = make_partial(&mut f) else { panic!() };
        let (l4, place, end) = (usize::from(start), usize::from(start + offset), f.len());
        let pseudo = be16(&f, place).unwrap();
        f[end - 2..].fill(0);
        let rest = u32::from(slow_sum(&[&f[l4..]])) + u32::from(pseudo);
        put16(&mut f, end - 2, !fold(u64::from(rest)));
        verified(&f);
        let right = f.clone();
        let meta = guess(&mut f, 1500);
        assert_eq!(meta.csum, Csum::Partial { start, offset });
        assert!(complete(&mut f, &meta));
        assert_eq!(f, right);
    }

    #[test]
    fn merged_datagrams_are_seen_and_cannot_be_cut() {
        for v6 in [false, true] {
            let mut f = frame(v6, false, 0, 4000);
            let gso = guess(&mut f, 1500).gso.expect("more than one datagram");
            assert_eq!((gso.kind, gso.size), (GsoKind::Udp, 0));
            let cut = segment(&f, &gso, Csum::Complete, &mut Vec::new(), |_| panic!("a piece"));
            assert_eq!(cut, Cut::Malformed);
            assert_eq!(guess(&mut frame(v6, false, 0, 1400), 1500).gso, None);
        }
    }

    #[test]
    fn complete_checksums_and_foreign_frames_are_left_alone() {
        let mut f = frame(true, true, 1, 100);
        let csum = make_partial(&mut f).unwrap();
        assert!(complete(&mut f, &Meta { csum, gso: None }));
        assert_eq!(guess(&mut f, 1500), Meta::default());
        let mut arp = vec![0xff; 60];
        arp[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(guess(&mut arp, 1500), Meta::default());
        // A fragment carries only a part of what its checksum covers.
        let mut fragment = frame(false, false, 0, 100);
        fragment[14 + 6] = 0x20;
        assert_eq!(make_partial(&mut fragment), None);
    }

    #[test]
    fn tcp_is_cut_into_right_segments_of_every_size() {
        for (v6, tags) in [(false, 0), (true, 0), (false, 1), (true, 2)] {
            let mut f = frame(v6, true, tags, 5000);
            let csum = make_partial(&mut f).unwrap();
            let l4 = 14 + 4 * tags + if v6 { 40 } else { 20 };
            let kind = if v6 { GsoKind::TcpV6 } else { GsoKind::TcpV4 };
            for size in (1..=5001).step_by(13).chain([1448, 1460, 2500, 4999, 5000, u16::MAX]) {
                let gso = Gso { kind, size, header_len: header_len(&f).unwrap(), ecn: true };
                let pieces = 5000usize.div_ceil(usize::from(size));
                let (mut index, mut payload) = (0, Vec::new());
                let cut = segment(&f, &gso, csum, &mut Vec::new(), |piece| {
                    let sequence = 0xffff_ff00u32.wrapping_add(payload.len() as u32);
                    assert_eq!(be32(piece, l4 + 4), sequence);
                    assert_eq!(piece[l4 + 13] & TCP_CWR != 0, index == 0, "CWR");
                    assert_eq!(piece[l4 + 13] & (TCP_FIN | TCP_PSH) != 0, index + 1 == pieces, "FIN, PSH");
                    assert_eq!(piece[l4 + 13] & 0x10, 0x10, "ACK");
                    assert_eq!(piece[..12 + 4 * tags], f[..12 + 4 * tags]);
                    if !v6 {
                        assert_eq!(be16(piece, l4 - 16), Some(0xfffeu16.wrapping_add(index as u16)));
                    }
                    payload.extend_from_slice(verified(piece));
                    index += 1;
                    true
                });
                assert_eq!(cut, Cut::All(pieces));
                assert!(f.ends_with(&payload) && payload.len() == 5000);
            }
        }
    }

    #[test]
    fn udp_is_cut_into_datagrams_and_keeps_a_missing_checksum_missing() {
        for v6 in [false, true] {
            let mut f = frame(v6, false, 0, 3001);
            let without = f.clone();
            let csum = make_partial(&mut f).unwrap();
            let gso = Gso { kind: GsoKind::Udp, size: 1000, header_len: header_len(&f).unwrap(), ecn: false };
            let mut payload = Vec::new();
            let cut = segment(&f, &gso, csum, &mut Vec::new(), |piece| {
                payload.extend_from_slice(verified(piece));
                true
            });
            assert_eq!(cut, Cut::All(4));
            assert!(f.ends_with(&payload) && payload.len() == 3001);
            let l4 = if v6 { 54 } else { 34 };
            segment(&without, &gso, Csum::Complete, &mut Vec::new(), |piece| {
                assert_eq!(be16(piece, l4 + 6) == Some(0), !v6);
                true
            });
        }
    }

    #[test]
    fn cutting_stops_when_the_wire_refuses_and_nothing_is_cut_that_is_not_what_it_says() {
        let f = frame(false, true, 0, 3000);
        let gso = Gso { kind: GsoKind::TcpV4, size: 1000, header_len: 66, ecn: false };
        let mut taken = 0;
        let cut = segment(&f, &gso, Csum::Complete, &mut Vec::new(), |_| {
            taken += 1;
            taken < 2
        });
        assert_eq!((cut, taken), (Cut::Stopped, 2));
        let never = |f: &[u8], gso: &Gso| segment(f, gso, Csum::Complete, &mut Vec::new(), |_| panic!());
        assert_eq!(never(&f, &Gso { kind: GsoKind::TcpV6, ..gso }), Cut::Malformed);
        assert_eq!(never(&f, &Gso { kind: GsoKind::Udp, ..gso }), Cut::Malformed);
        assert_eq!(never(&f, &Gso { size: 0, ..gso }), Cut::Malformed);
    }

    #[test]
    fn a_guessed_oversized_segment_fits_the_mtu_when_cut() {
        for (v6, complete_first) in [(false, false), (true, false), (false, true)] {
            let mut f = frame(v6, true, 1, 20_000);
            let csum = make_partial(&mut f).unwrap();
            if complete_first {
                complete(&mut f, &Meta { csum, gso: None });
            }
            let meta = guess(&mut f, 1500);
            assert_eq!(meta.csum, csum);
            let gso = meta.gso.unwrap();
            assert!(gso.ecn);
            let mut longest = 0;
            segment(&f, &gso, meta.csum, &mut Vec::new(), |piece| {
                longest = longest.max(piece.len());
                assert!(fits(piece, 1500));
                verified(piece);
                true
            });
            assert_eq!(longest, 1518);
        }
    }

    #[test]
    fn nothing_panics_on_frames_cut_short_or_damaged() {
        for (v6, tcp) in [(false, false), (false, true), (true, false), (true, true)] {
            let whole = frame(v6, tcp, 1, 64);
            let gso = Gso { kind: GsoKind::Udp, size: 7, header_len: 0, ecn: false };
            for length in 0..whole.len() {
                let mut short = whole[..length].to_vec();
                assert_eq!(guess(&mut short, 1500), Meta::default());
                assert_eq!(segment(&short, &gso, Csum::Complete, &mut Vec::new(), |_| true), Cut::Malformed);
                assert!(fits(&short, 1500));
            }
            for place in 0..whole.len() {
                for value in [0, 1, 0x0f, 0x40, 0x4f, 0x60, 0x7f, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[place] = value;
                    for kind in [GsoKind::TcpV4, GsoKind::TcpV6, GsoKind::Udp] {
                        segment(&damaged, &Gso { kind, ..gso }, Csum::Complete, &mut Vec::new(), |_| true);
                    }
                    guess(&mut damaged, 60);
                }
            }
        }
    }
}
