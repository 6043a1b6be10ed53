//! The far end of a tunnel, for kernels that have no tunnel devices.
//!
//! Packets come in through raw sockets (GUE: a UDP socket), and what is in them goes out through raw sockets that take
//! whole packets. As its destination is an address of the host itself, the kernel's loopback takes it for received: it
//! verifies checksums, and answers as if the packet had come by wire.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::Host;

/// How packets are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tunnel {
    /// IP in IP, each family in each.
    Ipip,
    /// Generic routing encapsulation without options.
    Gre,
    /// Generic UDP encapsulation, port 6080, without options.
    Gue,
}

/// Takes packets out of tunnels that end at one host; stops when dropped.
#[derive(Debug)]
pub struct Decap {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Decap {
    /// Ends tunnels of `kind` on every address of `host`.
    ///
    /// # Panics
    /// When a socket cannot be opened.
    pub fn start(host: &Host, kind: Tunnel) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        // By family and protocol of the outer packet.
        let ends: &[(Domain, i32)] = match kind {
            Tunnel::Ipip => &[(Domain::IPV4, 4), (Domain::IPV4, 41), (Domain::IPV6, 4), (Domain::IPV6, 41)],
            Tunnel::Gre => &[(Domain::IPV4, 47), (Domain::IPV6, 47)],
            Tunnel::Gue => &[(Domain::IPV6, 17)],
        };
        let threads = ends.iter().map(|&(domain, protocol)| {
            let (from, out) = host.inside(|| (open(domain, protocol), Out::open()));
            let stopped = Arc::clone(&stop);
            thread::spawn(move || {
                let mut from = from;
                let mut buf = vec![0; 65536];
                while !stopped.load(Ordering::Relaxed) {
                    // A timeout, or an ICMP error about an answer: there is nothing to take out.
                    let Ok(len) = from.read(&mut buf) else { continue };
                    let has_header = domain == Domain::IPV4;
                    if let Some(inner) = unwrap(kind, has_header, &buf[..len]) {
                        out.send(inner);
                    }
                }
            })
        });
        Self { threads: threads.collect(), stop }
    }
}

impl Drop for Decap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn open(domain: Domain, protocol: i32) -> Socket {
    let kind = if protocol == 17 { Type::DGRAM } else { Type::RAW };
    let socket = Socket::new(domain, kind, Some(Protocol::from(protocol)))
        .unwrap_or_else(|e| panic!("a socket of protocol {protocol}: {e}"));
    if protocol == 17 {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 6080));
        socket.set_only_v6(false).and_then(|()| socket.bind(&any.into())).expect("port 6080 is free");
    }
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout above zero");
    // As much as the system allows; what overflows is lost as on a wire.
    let _ = socket.set_recv_buffer_size(1 << 22);
    socket
}

/// What is in the tunnel: a raw socket of IPv4 shows the outer header, all others begin behind it.
fn unwrap(kind: Tunnel, has_header: bool, packet: &[u8]) -> Option<&[u8]> {
    let skip = if has_header { usize::from(packet.first()? & 15) * 4 } else { 0 };
    let rest = packet.get(skip..)?;
    match kind {
        Tunnel::Ipip => Some(rest),
        // No flags, and the Ethernet type is that of what follows.
        Tunnel::Gre => match rest.get(..4)? {
            [0, 0, 0x08, 0x00] | [0, 0, 0x86, 0xdd] => rest.get(4..),
            _ => None,
        },
        // Version 0, no options, a data message of this protocol.
        Tunnel::Gue => match rest.get(..4)? {
            [0, 4 | 41, 0, 0] => rest.get(4..),
            _ => None,
        },
    }
}

/// Sockets that take whole packets.
struct Out {
    v4: Socket,
    v6: Socket,
}

impl Out {
    fn open() -> Self {
        // IPPROTO_RAW: the packet brings its header.
        let open = |domain| {
            Socket::new(domain, Type::RAW, Some(Protocol::from(255)))
                .unwrap_or_else(|e| panic!("a raw socket: {e}"))
        };
        Self { v4: open(Domain::IPV4), v6: open(Domain::IPV6) }
    }

    /// Hands `packet` to the host itself. A packet that it refuses is lost, as one that a device cannot take.
    fn send(&self, packet: &[u8]) {
        let to: Option<(&Socket, IpAddr)> = match packet.first().map(|b| b >> 4) {
            Some(4) => packet
                .get(16..20)
                .and_then(|a| <[u8; 4]>::try_from(a).ok())
                .map(|a| (&self.v4, Ipv4Addr::from(a).into())),
            Some(6) => packet
                .get(24..40)
                .and_then(|a| <[u8; 16]>::try_from(a).ok())
                .map(|a| (&self.v6, Ipv6Addr::from(a).into())),
            _ => None,
        };
        if let Some((socket, addr)) = to {
            let _ = socket.send_to(packet, &SocketAddr::new(addr, 0).into());
        }
    }
}
