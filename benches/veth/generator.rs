//! A paced source of small UDP frames, on the raw door, and a sink that counts them.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::{Duration, Instant};

use bng::wire::ethernet::{self, ETHERNET_HEADER_LEN};
use bng::wire::{MacAddr, ethertype, ipv4, protocol, udp};
use bng_platform::{Access, BATCH_MAX, Batch, Frame, Meta, PortSpec, TxQueue, open};
use bng_world::Host;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Bytes of a frame without FCS: with it, 64.
const FRAME: usize = 60;
/// Different client addresses, each a flow of its own.
pub(crate) const FLOWS: u32 = 1000;
/// Destination port; the sink counts it, nobody serves it.
pub(crate) const PORT: u16 = 9000;

/// Sends the same frames round and round.
pub(crate) struct Generator {
    tx: Box<dyn TxQueue>,
    frames: Vec<[u8; FRAME]>,
    next: usize,
    processor: Option<usize>,
}

impl Generator {
    /// A source on `eth0` of `host` for frames to `mac` and `addr`, sent by `processor` if given.
    ///
    /// # Panics
    /// When the interface cannot be opened.
    pub(crate) fn new(host: &Host, mac: MacAddr, addr: Ipv4Addr, processor: Option<usize>) -> Self {
        let spec = PortSpec { name: "eth0".into(), access: Access::Raw, queues: 1 };
        let tx = host.inside(|| {
            let port = open(&spec).unwrap_or_else(|e| panic!("{e}"));
            port.open_tx().unwrap_or_else(|e| panic!("eth0: {e}"))
        });
        Self { tx, frames: (0..FLOWS).map(|n| frame(n, mac, addr)).collect(), next: 0, processor }
    }

    /// Sends `rate` frames a second for `span`, evenly; returns how many were sent and how long it took.
    ///
    /// # Panics
    /// When the interface is gone.
    pub(crate) fn send(&mut self, rate: f64, span: Duration) -> (u64, Duration) {
        thread::scope(|scope| {
            let sender = scope.spawn(|| self.send_here(rate, span));
            sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn send_here(&mut self, rate: f64, span: Duration) -> (u64, Duration) {
        if let Some(processor) = self.processor {
            let mut set = CpuSet::new();
            set.set(processor).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set)).expect("a processor");
        }
        let start = Instant::now();
        let mut sent = 0;
        loop {
            let elapsed = start.elapsed();
            if elapsed >= span {
                return (sent, elapsed);
            }
            let due = (elapsed.as_secs_f64() * rate) as u64;
            if due > sent {
                let most = usize::try_from(due - sent).unwrap_or(BATCH_MAX).min(BATCH_MAX);
                sent += self.send_batch(most);
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Sends up to `most` frames; returns how many the system took.
    fn send_batch(&mut self, most: usize) -> u64 {
        let from = self.next;
        let to = (from + most).min(self.frames.len());
        self.next = to % self.frames.len();
        let mut batch = Batch::new();
        for bytes in &mut self.frames[from..to] {
            batch.push(Frame::new(bytes, Meta::default()));
        }
        let mask = batch.all();
        let accepted = self.tx.send(&mut batch, mask).unwrap_or_else(|e| panic!("eth0: {e}"));
        u64::from(accepted.count_ones())
    }
}

/// The frame of client number `n`.
fn frame(n: u32, mac: MacAddr, dst: Ipv4Addr) -> [u8; FRAME] {
    let src = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 1, 4, 0)) + n);
    let payload = [0; FRAME - ETHERNET_HEADER_LEN - ipv4::HEADER_LEN - udp::HEADER_LEN];
    let udp = udp::Repr { src_port: 40_000, dst_port: PORT, payload: &payload };
    let ip = ipv4::Repr {
        src,
        dst,
        protocol: protocol::UDP,
        ttl: 64,
        tos: 0,
        ident: 0,
        dont_fragment: true,
        payload_len: udp.wire_len() as u16,
    };
    let mut bytes = [0; FRAME];
    let ether = ethernet::Repr { dst: mac, src: MacAddr([2, 0, 0, 0, 0, 1]), ethertype: ethertype::IPV4 };
    ether.emit(&mut bytes);
    let at = ETHERNET_HEADER_LEN;
    ip.emit(&mut bytes[at..]);
    udp.emit(IpAddr::V4(src), IpAddr::V4(dst), &mut bytes[at + ip.wire_len()..]);
    bytes
}

/// Makes `host` count and drop the generator's frames as early as its kernel can.
pub(crate) fn sink(host: &Host) {
    host.run(&format!(
        "nft 'table ip sink {{
             chain arrived {{ type filter hook prerouting priority raw; udp dport {PORT} counter drop; }}
         }}'"
    ));
}

/// Frames that have arrived at the sink of `host`.
///
/// # Panics
/// When `host` has no sink.
pub(crate) fn arrived(host: &Host) -> u64 {
    let table = host.run("nft list table ip sink");
    let mut words = table.split_whitespace().skip_while(|w| *w != "packets").skip(1);
    let count = words.next().and_then(|w| w.parse().ok());
    count.unwrap_or_else(|| panic!("no counter in:\n{table}"))
}
