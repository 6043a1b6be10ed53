//! Datagrams as no ordinary program sends them: in fragments of the sender's own making, or left to hardware to cut.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Host;

/// Bytes of a datagram in each fragment but the last.
const PIECE: usize = 1024;
const UDP: u8 = 17;

/// Sends `payload` from `from` to `to` on `host` as one UDP datagram in several fragments, the last one first if
/// `reversed`. `id` numbers the datagram.
///
/// # Panics
/// When the host does not take a fragment.
pub fn send_in_fragments(
    host: &Host,
    from: SocketAddr,
    to: SocketAddr,
    payload: &[u8],
    id: u16,
    reversed: bool,
) {
    let mut datagram = Vec::new();
    for word in [from.port(), to.port(), (payload.len() + 8) as u16, 0] {
        datagram.extend(word.to_be_bytes());
    }
    datagram.extend(payload);
    let sum = checksum(&[&pseudo(from.ip(), to.ip(), datagram.len())[..], &datagram].concat());
    datagram[6..8].copy_from_slice(&if sum == 0 { 0xffff } else { sum }.to_be_bytes());

    let last = (datagram.len() - 1) / PIECE;
    let mut packets: Vec<Vec<u8>> = datagram
        .chunks(PIECE)
        .enumerate()
        .map(|(n, piece)| packet(from.ip(), to.ip(), id, (n * PIECE, n < last), piece))
        .collect();
    if reversed {
        packets.reverse();
    }
    // IPPROTO_RAW: the packet brings its header.
    let domain = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = host.inside(|| Socket::new(domain, Type::RAW, Some(Protocol::from(255))));
    let socket = socket.unwrap_or_else(|e| panic!("a raw socket: {e}"));
    for packet in packets {
        let sent = socket.send_to(&packet, &SocketAddr::new(to.ip(), 0).into());
        sent.unwrap_or_else(|e| panic!("a fragment to {to}: {e}"));
    }
}

/// A fragment of IPv4, or of IPv6 with its fragment header; `more` follow it.
fn packet(from: IpAddr, to: IpAddr, id: u16, (offset, more): (usize, bool), piece: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend((20 + piece.len() as u16).to_be_bytes());
            packet.extend(id.to_be_bytes());
            packet.extend((u16::from(more) << 13 | (offset / 8) as u16).to_be_bytes());
            // The kernel fills the checksum in.
            packet.extend([64, UDP, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((8 + piece.len() as u16).to_be_bytes());
            // Next comes a fragment header (RFC 8200 section 4.5).
            packet.extend([44, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            packet.extend([UDP, 0]);
            packet.extend((offset as u16 | u16::from(more)).to_be_bytes());
            packet.extend(u32::from(id).to_be_bytes());
        }
        _ => panic!("{from} and {to} are of different families"),
    }
    packet.extend(piece);
    packet
}

fn pseudo(from: IpAddr, to: IpAddr, len: usize) -> Vec<u8> {
    let octets = |addr| match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    };
    [octets(from), octets(to), vec![0, UDP], (len as u16).to_be_bytes().to_vec()].concat()
}

fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Sends `payload` by `socket` as datagrams of `size` bytes that the system, or hardware, is to cut out of one.
///
/// # Errors
/// When the system cannot do that.
pub fn send_to_be_cut(socket: &UdpSocket, to: SocketAddr, payload: &[u8], size: i32) -> io::Result<()> {
    setsockopt(socket, sockopt::UdpGsoSegment, &size)?;
    socket.send_to(payload, to).map(drop)
}
