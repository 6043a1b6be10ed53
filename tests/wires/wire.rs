//! Wires of the system: a virtual cable for `raw` and `pcap`, the device itself for `tap`.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bng::net::PortId;
use bng_platform::memory::MemoryFrame;
use bng_platform::{Access, Batch, Frame, Meta, Port, PortSpec, RxQueue, TxQueue, open};
use bng_world::{Host, World};

use crate::case::File;
use crate::rig::{Plug, Wire, interfaces};

/// Longest wait for a frame that was sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// A frame that no case has: it tells that everything before it has arrived.
const MARKER: [u8; 60] = {
    let mut frame = [0; 60];
    // From and to nobody, of an Ethernet type for experiments (IEEE 802, local experimental 1).
    frame[0] = 6;
    frame[6] = 6;
    frame[11] = 0xee;
    frame[12] = 0x88;
    frame[13] = 0xb5;
    frame
};

/// The number of the next device.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs a command where the doors are.
fn run(line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let out = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|e| panic!("{line}: {e}"));
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Looks until `happened` says so, more often than a test of protocols would.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The other side of all cables.
struct Far {
    host: Host,
    // Removes the namespace.
    _world: World,
}

impl Far {
    fn new() -> Self {
        let mut world = World::new();
        let host = world.host("far");
        // Neither kernel may say anything of its own (router solicitations, multicast reports).
        let quiet = "for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done";
        host.run(quiet);
        let out = Command::new("sh").args(["-euc", quiet]).status();
        assert!(out.is_ok_and(|status| status.success()), "IPv6 of the sandbox is not switched off");
        Self { host, _world: world }
    }
}

/// The other end of a cable, opened with packet sockets that carry notes to hardware both ways.
pub(crate) struct Cable {
    far: Host,
    /// The device of the door, and the one at the other end; of a TAP device they are one.
    near_device: String,
    far_device: String,
    tap: bool,
    /// The door's handle; the device goes with it.
    port: Box<dyn Port>,
    far_rx: Box<dyn RxQueue>,
    far_tx: Box<dyn TxQueue>,
    mtu: u16,
    up: bool,
    /// Nobody has pulled it yet.
    untouched: bool,
    /// Frames that the door has yet to deliver, and when the first of them was sent.
    due: usize,
    since: Instant,
    /// Frames that the door's transmit queue had sent when it was last asked.
    fetched: u64,
}

impl Cable {
    fn plug(far: &Far, access: Access, mtu: u16) -> Plug<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let tap = access == Access::Tap;
        let near_device = format!("near{number}");
        let far_device = if tap { near_device.clone() } else { format!("far{number}") };
        if !tap {
            // Process 1 is the sandbox's own.
            far.host.run(&format!(
                "ip link add {far_device} mtu {mtu} type veth peer name {near_device} mtu {mtu} netns 1
                 ip link set {far_device} up"
            ));
            run(&format!("ip link set {near_device} up"));
        }
        let spec = |name: &str, access| PortSpec { name: name.into(), access, queues: 1 };
        let mut port = open(&spec(&near_device, access)).unwrap_or_else(|e| panic!("{e}"));
        if tap {
            run(&format!("ip link set {near_device} up mtu {mtu}"));
        }
        let (rx, tx) = (port.take_rx().remove(0), port.open_tx().expect("a transmit queue"));
        let open_far = || {
            let mut port = open(&spec(&far_device, Access::Raw)).unwrap_or_else(|e| panic!("{e}"));
            (port.take_rx().remove(0), port.open_tx().expect("a transmit queue"))
        };
        let (far_rx, far_tx) = if tap { open_far() } else { far.host.inside(open_far) };
        eventually("the link", || port.link_up());
        let wire = Self {
            far: far.host.clone(),
            near_device,
            far_device,
            tap,
            port,
            far_rx,
            far_tx,
            mtu,
            up: true,
            untouched: true,
            due: 0,
            since: Instant::now(),
            fetched: 0,
        };
        Plug { wire, rx, tx }
    }
}

/// Cables for one case after the other: a new one has its link only after up to a second.
pub(crate) struct Cables {
    access: Access,
    free: Vec<Plug<Cable>>,
    far: Far,
}

impl Cables {
    /// No cables yet, for doors of kind `access`.
    pub(crate) fn new(access: Access) -> Self {
        Self { access, free: Vec::new(), far: Far::new() }
    }

    /// A cable for each interface of `file`; TAP devices for those that the file makes so. They are `wider` than the
    /// interface for packets of so many bytes.
    pub(crate) fn take(&mut self, file: &File, wider: Option<u16>) -> BTreeMap<PortId, Plug<Cable>> {
        let mut plugs = BTreeMap::new();
        for (id, mtu, tap) in interfaces(file) {
            let mtu = wider.unwrap_or(mtu);
            let fits = |plug: &Plug<Cable>| plug.wire.mtu == mtu && plug.wire.tap == tap;
            let plug = match self.free.iter().position(fits) {
                Some(at) => self.free.swap_remove(at),
                None => Cable::plug(&self.far, if tap { Access::Tap } else { self.access }, mtu),
            };
            plugs.insert(id, plug);
        }
        plugs
    }

    /// Takes cables back that nothing is left on.
    pub(crate) fn give(&mut self, plugs: BTreeMap<PortId, Plug<Cable>>) {
        self.free.extend(plugs.into_values().filter(|plug| plug.wire.untouched));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        if !self.tap {
            // What cannot be removed here goes with the sandbox.
            let _ = Command::new("ip").args(["link", "del", &self.near_device]).status();
        }
    }
}

impl Wire for Cable {
    fn inject(&mut self, bytes: &[u8], meta: Meta) {
        let mut copy = bytes.to_vec();
        let mut batch = Batch::new();
        batch.push(Frame::new(&mut copy, meta));
        let accepted = self.far_tx.send(&mut batch, 1).expect("the far end");
        assert_eq!(
            accepted,
            1,
            "the kernel refuses to put a frame of {} bytes on the wire: {meta:?}",
            bytes.len()
        );
        self.due += 1;
        self.since = Instant::now();
    }

    fn delivered(&mut self, frames: usize) -> bool {
        assert!(frames <= self.due, "the door delivers {frames} frames where {} were sent", self.due);
        self.due -= frames;
        let late = self.since.elapsed() >= PATIENCE;
        assert!(self.due == 0 || !late, "the door did not deliver {} of the frames sent to it", self.due);
        self.due > 0
    }

    fn take_sent(&mut self, tx: &mut dyn TxQueue) -> Vec<MemoryFrame> {
        let mut frames = Vec::new();
        if tx.stats().sent == self.fetched {
            return frames;
        }
        // Behind the marker nothing is left. Without a link the kernel may take it, and nothing is on its way.
        let marked = self.up && tx.send_bytes(&MARKER).expect("an open door");
        assert_eq!(marked, self.up, "the door refuses the marker");
        self.fetched = tx.stats().sent;
        let end = Instant::now() + PATIENCE;
        loop {
            let batch = self.far_rx.recv().expect("the far end");
            for frame in batch.frames() {
                if frame.bytes() == MARKER {
                    return frames;
                }
                frames.push(MemoryFrame { bytes: frame.bytes().to_vec(), meta: frame.meta });
            }
            if batch.is_empty() && !marked {
                return frames;
            }
            assert!(Instant::now() < end, "the marker did not arrive, only {frames:?}");
        }
    }

    fn set_link(&mut self, up: bool) {
        let state = if up { "up" } else { "down" };
        if self.tap {
            run(&format!("ip link set {} {state}", self.far_device));
        } else {
            self.far.run(&format!("ip link set {} {state}", self.far_device));
        }
        eventually("the change of the link", || self.port.link_up() == up);
        self.up = up;
        self.untouched = false;
    }
}
