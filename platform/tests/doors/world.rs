//! The worlds that the doors are tested in: private network namespaces and virtual cables.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bng_platform::{Access, Batch, OpenError, Port, PortSpec, RxQueue, TxQueue};
use nix::sched::{CloneFlags, setns};
use pcap::{Active, Capture, Direction};

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Wait for what must not happen.
pub(crate) const SILENCE: Duration = Duration::from_millis(60);

/// Opens an interface by the door under test; that of Solaris by a libdlpi of our own.
pub(crate) fn open(spec: &PortSpec) -> Result<Box<dyn Port>, OpenError> {
    match spec.access {
        Access::Dlpi => {
            let port = bng_platform::solaris::dlpi::open(&crate::fakedlpi::FAKE, &spec.name, spec.queues)?;
            Ok(Box::new(port))
        }
        _ => bng_platform::open(spec),
    }
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs a command and panics with its output when it fails.
pub(crate) fn run(command: &str) {
    let words: Vec<_> = command.split_whitespace().collect();
    let output =
        Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|e| panic!("{command}: {e}"));
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `work` in network namespace `name`. Sockets opened in it stay there.
pub(crate) fn inside<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = std::fs::File::open(format!("/run/netns/{name}")).expect("namespace");
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            setns(&file, CloneFlags::CLONE_NEWNET).expect("setns");
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Keeps the kernel's own frames (neighbour discovery, router solicitation) off the wires.
pub(crate) fn without_ipv6() {
    for scope in ["all", "default"] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1").expect("disable_ipv6");
    }
}

/// A namespace of its own, removed with everything in it.
pub(crate) struct Namespace(pub(crate) String);

impl Namespace {
    pub(crate) fn new() -> Self {
        let name = format!("far{}", NEXT.fetch_add(1, Ordering::Relaxed));
        run(&format!("ip netns add {name}"));
        inside(&name, without_ipv6);
        run(&format!("ip -n {name} link set lo up"));
        Self(name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// A door under test and the other end of its cable.
pub(crate) struct World {
    pub(crate) port: Box<dyn Port>,
    pub(crate) rx: Box<dyn RxQueue>,
    pub(crate) tx: Box<dyn TxQueue>,
    /// The interface that the door opened.
    pub(crate) near: String,
    /// The interface at the other end; for a TAP device it is the same one, seen from the host.
    pub(crate) far: String,
    /// Where `far` is; `None`: here.
    pub(crate) namespace: Option<Namespace>,
    // Dropped last: nothing must be open on the interface when it goes.
    _cable: Option<Cable>,
}

/// A veth pair; removing one end removes both.
struct Cable(String);

impl Drop for Cable {
    fn drop(&mut self) {
        let _ =
            Command::new("ip").args(["link", "del", &self.0]).stderr(std::process::Stdio::null()).status();
    }
}

impl World {
    pub(crate) fn new(access: Access) -> Self {
        Self::with_mtu(access, 1500)
    }

    pub(crate) fn with_mtu(access: Access, mtu: usize) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let near = format!("near{number}");
        let tap = access == Access::Tap;
        let namespace = (!tap).then(Namespace::new);
        let far = if tap { near.clone() } else { format!("end{number}") };
        let mut cable = None;
        if let Some(Namespace(name)) = &namespace {
            run(&format!("ip link add {near} mtu {mtu} type veth peer name {far} mtu {mtu} netns {name}"));
            cable = Some(Cable(near.clone()));
            run(&format!("ip link set {near} up"));
            run(&format!("ip -n {name} link set {far} up"));
        }
        let mut port = open(&PortSpec { name: near.clone(), access, queues: 1 }).expect("open");
        if tap {
            run(&format!("ip link set {near} up mtu {mtu}"));
        }
        let rx = port.take_rx().remove(0);
        let tx = port.open_tx().expect("open_tx");
        assert_eq!(port.caps().queues, 1);
        eventually("link up", || port.link_up());
        Self { port, rx, tx, near, far, namespace, _cable: cable }
    }

    /// Runs `work` where the far end is.
    pub(crate) fn there<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.namespace {
            Some(namespace) => inside(&namespace.0, work),
            None => work(),
        }
    }

    /// `ip` with `arguments` where the far end is.
    pub(crate) fn ip_there(&self, arguments: &str) {
        match &self.namespace {
            Some(namespace) => run(&format!("ip -n {} {arguments}", namespace.0)),
            None => run(&format!("ip {arguments}")),
        }
    }

    /// The wire as libpcap sees it at the far end: what the door sends arrives, what it sends the door receives.
    pub(crate) fn tester(&self) -> Tester {
        let far = self.far.clone();
        Tester(self.there(|| {
            let capture = Capture::from_device(far.as_str())
                .and_then(|c| {
                    c.promisc(true).immediate_mode(true).snaplen(70_000).buffer_size(16 << 20).open()
                })
                .and_then(Capture::setnonblock)
                .expect("tester");
            capture.direction(Direction::In).expect("direction");
            capture
        }))
    }

    /// Receives until `count` frames have come and returns them as `keep` makes them.
    pub(crate) fn receive<T>(
        &mut self,
        count: usize,
        mut keep: impl FnMut(&mut Batch<'_>, &mut dyn TxQueue) -> Vec<T>,
    ) -> Vec<T> {
        let end = Instant::now() + PATIENCE;
        let mut got = Vec::new();
        while got.len() < count {
            let mut batch = self.rx.recv().expect("recv");
            got.extend(keep(&mut batch, &mut *self.tx));
            assert!(Instant::now() < end, "{} of {count} frames arrived", got.len());
        }
        got
    }
}

/// Frames at the far end, VLAN tags in place.
pub(crate) struct Tester(Capture<Active>);

impl Tester {
    pub(crate) fn send(&mut self, frame: &[u8]) {
        self.0.sendpacket(frame).expect("sendpacket");
    }

    /// What has arrived by now.
    pub(crate) fn arrived(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while self.0.dispatch(Some(64), |packet| frames.push(packet.data.to_vec())).expect("dispatch") > 0 {}
        frames
    }

    /// Waits until `count` frames arrived.
    pub(crate) fn expect(&mut self, count: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let end = Instant::now() + PATIENCE;
        while frames.len() < count {
            frames.extend(self.arrived());
            assert!(Instant::now() < end, "{} of {count} frames arrived", frames.len());
        }
        frames
    }
}

/// Waits until `happened` says so.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A frame of `length` bytes that no kernel answers, with a pattern that depends on its length.
pub(crate) fn plain(length: usize) -> Vec<u8> {
    let mut frame = vec![6, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 2, 0x88, 0xb5];
    frame.extend((frame.len()..length).map(|n| (n * 31 + length) as u8));
    frame
}
