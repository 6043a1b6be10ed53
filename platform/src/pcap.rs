//! `access pcap`: libpcap, the portable door.
//!
//! libpcap tells nothing about work that was left to hardware, so it is guessed ([`offload::guess`]) and done here
//! before a frame is sent. It restores VLAN tags itself. Received frames lie in memory of libpcap's that may not be
//! written, so each is copied once.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use arrayvec::ArrayVec;
use nix::sys::socket::{getsockopt, sockopt};
use pcap::{Active, Capture, Direction, Linktype};

use crate::finish::{Finisher, Verdict};
use crate::offload::{self, FRAME_MAX};
use crate::process::privilege;
use crate::{BATCH_MAX, Batch, Caps, DoorStats, Frame, OpenError, Port, RxQueue, TxQueue, fan, interface};

/// Bytes for frames that wait to be fetched. With segmentation offload on, libpcap makes every slot of its ring as
/// long as the largest segment, so that this is 500 frames.
const BUFFER: i32 = 32 << 20;
/// Milliseconds that libpcap may wait to collect frames; immediate mode makes it zero where there is one.
const TIMEOUT: i32 = 1;
/// Frames start on such a boundary, plus two bytes, so that the IP header behind the Ethernet header is aligned.
const ALIGNMENT: usize = 16;
const ETHERNET_PADDING: usize = 2;
/// Room for one frame in the slab.
const ROOM: usize = (FRAME_MAX + ETHERNET_PADDING).next_multiple_of(ALIGNMENT);
/// A filter that no frame passes, for handles that only send.
const NOTHING: &str = "less 1";

/// What libpcap needs, for the operator.
const PRIVILEGE: &str = if cfg!(target_os = "linux") {
    "libpcap needs CAP_NET_RAW in this network namespace; run bng as root or give it that capability (a container: \
     --cap-add NET_RAW)"
} else {
    "libpcap needs the privilege net_rawaccess; run bng as root or give it that privilege"
};

/// An interface opened with libpcap.
pub(crate) struct PcapPort {
    name: String,
    caps: Caps,
    rx: Vec<Box<dyn RxQueue>>,
    watch: interface::Watch,
}

/// Opens `name` with `queues` receive queues.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn open(name: &str, queues: usize) -> Result<PcapPort, OpenError> {
    let interface = interface::find(name)?;
    let capture = privilege::raised(|| capture(name, FRAME_MAX as i32, BUFFER));
    let capture = capture.map_err(|error| refusal(name, &error))?;
    if !interface.ethernet || capture.get_datalink() != Linktype::ETHERNET {
        return Err(OpenError::unsupported(
            name,
            "it is not an Ethernet interface; bng balances Ethernet frames",
        ));
    }
    // Not every system can do this; the engine drops frames from its own addresses anyway.
    let _ = capture.direction(Direction::In);
    let caps = Caps { mtu: interface.mtu, access: "pcap", mac: interface.mac, queues };
    let rx = PcapRx {
        name: name.to_owned(),
        capture,
        mtu: interface.mtu,
        slab: vec![0; BATCH_MAX * ROOM],
        dropped: 0,
        stats: DoorStats::default(),
    };
    let rx: Box<dyn RxQueue> = Box::new(rx);
    let rx = match queues {
        1 => vec![rx],
        // libpcap has one reader.
        _ => fan::out(rx, queues)
            .map_err(|error| OpenError::system(name, "sharing frames between threads", error))?,
    };
    Ok(PcapPort { name: name.to_owned(), caps, rx, watch: interface::Watch::new(name) })
}

fn capture(name: &str, longest: i32, buffer: i32) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(name)?
        .promisc(true)
        .immediate_mode(true)
        .timeout(TIMEOUT)
        .snaplen(longest)
        .buffer_size(buffer)
        .open()?
        .setnonblock()
}

/// libpcap's errors are sentences of its own; the two that an operator can act on are recognised by their words.
fn refusal(name: &str, error: &pcap::Error) -> OpenError {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(word));
    if says(&["permission", "permitted", "privilege", "cap_net_raw"]) {
        OpenError::NotPermitted { name: name.to_owned(), need: PRIVILEGE }
    } else if says(&["no such device", "doesn't exist"]) {
        OpenError::NotFound { name: name.to_owned(), existing: interface::interface_names() }
    } else if says(&["is not up", "network is down"]) {
        OpenError::unsupported(name, "the interface is down, and libpcap opens only interfaces that are up")
    } else {
        OpenError::system(name, "libpcap", io::Error::other(text))
    }
}

fn removed(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("interface {name} was removed"))
}

impl Port for PcapPort {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>> {
        std::mem::take(&mut self.rx)
    }

    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>> {
        // A handle is not for two threads, and a handle that sends must not make the system copy frames for it.
        let open = || {
            let mut capture = capture(&self.name, 64, 1 << 16)?;
            capture.filter(NOTHING, true)?;
            Ok(capture)
        };
        let capture = privilege::raised(open)
            .map_err(|error: pcap::Error| io::Error::other(refusal(&self.name, &error)))?;
        Ok(Box::new(PcapTx { name: self.name.clone(), capture, finisher: Finisher::new(self.caps.mtu) }))
    }

    fn link_up(&self) -> bool {
        self.watch.link_up()
    }
}

struct PcapRx {
    name: String,
    capture: Capture<Active>,
    mtu: usize,
    /// Room for a batch of the largest frames, filled from the front; the system provides the pages that are touched.
    slab: Vec<u8>,
    /// libpcap's counter of drops when it was last read. It wraps.
    dropped: u32,
    stats: DoorStats,
}

impl RxQueue for PcapRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        let Self { name, capture, mtu, slab, stats, .. } = self;
        let mut lengths = ArrayVec::<usize, BATCH_MAX>::new();
        let mut rest = slab.as_mut_slice();
        let result = capture.dispatch(Some(BATCH_MAX), |packet| {
            let length = packet.data.len();
            if packet.header.len as usize != length || length + ETHERNET_PADDING > ROOM || lengths.is_full() {
                stats.truncated += 1;
                return;
            }
            let room = (length + ETHERNET_PADDING).next_multiple_of(ALIGNMENT);
            let (slot, behind) = std::mem::take(&mut rest).split_at_mut(room);
            slot[ETHERNET_PADDING..ETHERNET_PADDING + length].copy_from_slice(packet.data);
            lengths.push(length);
            rest = behind;
        });
        // libpcap reports a link that went down as an error. It comes back by itself.
        if result.is_err() && interface::is_removed(name) {
            return Err(removed(name));
        }
        stats.received += lengths.len() as u64;
        let mut batch = Batch::new();
        let mut rest = slab.as_mut_slice();
        for length in lengths {
            let room = (length + ETHERNET_PADDING).next_multiple_of(ALIGNMENT);
            let (slot, behind) = rest.split_at_mut(room);
            let bytes = &mut slot[ETHERNET_PADDING..ETHERNET_PADDING + length];
            let meta = offload::guess(bytes, *mtu);
            batch.push(Frame::new(bytes, meta));
            rest = behind;
        }
        Ok(batch)
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.capture.as_fd())
    }

    fn stats(&mut self) -> DoorStats {
        if let Ok(now) = self.capture.stats() {
            self.stats.overrun += u64::from(now.dropped.wrapping_sub(self.dropped));
            self.dropped = now.dropped;
        }
        self.stats
    }

    fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
        let mut filter = String::from("ether multicast");
        for [a, b, c, d, e, f] in macs {
            // Writing to a string cannot fail.
            let _ = write!(filter, " or ether dst {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        }
        self.capture.filter(&filter, true).map_err(io::Error::other)
    }
}

struct PcapTx {
    name: String,
    capture: Capture<Active>,
    finisher: Finisher,
}

fn put(capture: &mut Capture<Active>, frame: &[u8]) -> Verdict {
    let mut sent = capture.sendpacket(frame).is_ok();
    // On a packet socket the refusal may be old news of a link that was down in the meantime; fetching it clears it.
    // Elsewhere there is no such thing to fetch.
    if !sent && getsockopt(&capture.as_fd(), sockopt::SocketError).is_ok_and(|code| code != 0) {
        sent = capture.sendpacket(frame).is_ok();
    }
    if sent { Verdict::Sent } else { Verdict::Refused }
}

impl TxQueue for PcapTx {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        let Self { name, capture, finisher } = self;
        let accepted = finisher.send(batch, mask, |frame| Ok(put(capture, frame)))?;
        // Asked once per batch, and only when not a single frame went out.
        if accepted == 0 && mask & batch.all() != 0 && interface::is_removed(name) {
            return Err(removed(name));
        }
        Ok(accepted)
    }

    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool> {
        let Self { name, capture, finisher } = self;
        let sent = finisher.send_bytes(frame, |frame| Ok(put(capture, frame)))?;
        if !sent && interface::is_removed(name) {
            return Err(removed(name));
        }
        Ok(sent)
    }

    fn stats(&self) -> DoorStats {
        self.finisher.stats
    }
}
