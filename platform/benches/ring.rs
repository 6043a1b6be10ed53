//! Which receive ring? TPACKET_V2, which the raw door uses, against a minimal loop over TPACKET_V3.
//!
//! On one veth pair, in turns: the round trip of one UDP client through an echo on an otherwise idle link, and the
//! highest rate of 64-byte frames that is received without a single loss. `cargo bench -p bng-platform --bench ring`
//! as root; everything happens in namespaces that end with the program.

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bng_platform::{
    Access, BATCH_MAX, Batch, DoorStats, Frame, Meta, Port, PortSpec, RxQueue, offload, open,
};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

const INSIDE: &str = "BNG_RING_INSIDE";
const ROUNDS: usize = 3;
const ROUND_TRIPS: usize = 1000;
/// Length of one trial of a rate.
const TRIAL: Duration = Duration::from_millis(100);
/// Both rings have the same memory.
const RING_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("the ring benchmark needs root; nothing was measured");
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(INSIDE).is_none() {
        let error = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(std::env::current_exe().expect("own path"))
            .env(INSIDE, "1")
            .exec();
        eprintln!("unshare: {error}");
        return ExitCode::FAILURE;
    }
    for command in [
        "mount -t tmpfs tmpfs /run",
        "ip netns add far",
        "ip link add near0 type veth peer name far0 netns far",
        "ip link set near0 up",
        "ip -n far link set far0 up",
        "ip -n far addr add 10.9.0.2/24 dev far0",
        "ip -n far neigh add 10.9.0.1 lladdr 06:00:00:00:00:01 dev far0",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        assert!(Command::new(words[0]).args(&words[1..]).status().expect(words[0]).success(), "{command}");
    }
    let mut trips = [const { Vec::new() }; 2];
    let mut peaks = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (ring, make) in [version2 as fn() -> Box<dyn RxQueue>, version3].into_iter().enumerate() {
            trips[ring].extend(round_trips(&mut *make()));
            peaks[ring].push(peak(make));
        }
    }
    println!(
        "{:<12} {:>14} {:>14} {:>22} {:>14}",
        "ring", "median us", "p99 us", "lossless median kpps", "best kpps"
    );
    for (name, (trips, peaks)) in ["TPACKET_V2", "TPACKET_V3"].iter().zip(trips.iter_mut().zip(&mut peaks)) {
        trips.sort_unstable();
        peaks.sort_unstable();
        let micros = |share: usize| trips[trips.len() * share / 100].as_nanos() as f64 / 1e3;
        let (middle, best) = (peaks[peaks.len() / 2] / 1000, peaks[peaks.len() - 1] / 1000);
        println!("{name:<12} {:>14.1} {:>14.1} {middle:>22} {best:>14}", micros(50), micros(99));
    }
    ExitCode::SUCCESS
}

fn far<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let inside = || {
            setns(std::fs::File::open("/run/netns/far").expect("far"), CloneFlags::CLONE_NEWNET)
                .expect("setns");
            work()
        };
        scope.spawn(inside).join().expect("far")
    })
}

fn port() -> Box<dyn Port> {
    open(&PortSpec { name: "near0".into(), access: Access::Raw, queues: 1 }).expect("near0")
}

fn version2() -> Box<dyn RxQueue> {
    port().take_rx().remove(0)
}

fn version3() -> Box<dyn RxQueue> {
    Box::new(Version3::open().expect("TPACKET_V3"))
}

fn sleep_on(rx: &dyn RxQueue) {
    let fd = rx.wait_fd().expect("descriptor");
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::from(10u8)).expect("poll");
}

/// Round-trip times of a client that waits for each answer before it asks again.
fn round_trips(rx: &mut dyn RxQueue) -> Vec<Duration> {
    let done = AtomicBool::new(false);
    let mut tx = port().open_tx().expect("transmit queue");
    let client = far(|| UdpSocket::bind("10.9.0.2:7000").expect("client"));
    client.connect("10.9.0.1:7001").expect("connect");
    client.set_read_timeout(Some(Duration::from_secs(1))).expect("timeout");
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut times = Vec::with_capacity(ROUND_TRIPS);
            let mut answer = [0; 64];
            for _ in 0..ROUND_TRIPS {
                let begin = Instant::now();
                client.send(&[7; 22]).expect("send");
                client.recv(&mut answer).expect("no answer");
                times.push(begin.elapsed());
            }
            done.store(true, Ordering::Relaxed);
            times
        });
        while !done.load(Ordering::Relaxed) {
            let mut batch = rx.recv().expect("recv");
            let mut echo = 0;
            for (index, frame) in batch.frames_mut().iter_mut().enumerate() {
                let bytes = frame.bytes_mut();
                if bytes.len() > 42 && bytes[23] == 17 && bytes[30..34] == [10, 9, 0, 1] {
                    for (a, b, n) in [(0, 6, 6), (26, 30, 4), (34, 36, 2)] {
                        (0..n).for_each(|i| bytes.swap(a + i, b + i));
                    }
                    echo |= 1 << index;
                }
            }
            if batch.is_empty() {
                drop(batch);
                sleep_on(rx);
            } else {
                tx.send(&mut batch, echo).expect("echo");
            }
        }
        asking.join().expect("client")
    })
}

/// The highest rate in frames per second without loss, in steps of a tenth. On a machine that others use as well, a
/// processor may be away for longer than any ring lasts, so a rate counts when one trial of three is without loss.
fn peak(make: fn() -> Box<dyn RxQueue>) -> u64 {
    let mut best = 0;
    let mut rate = 50_000;
    while rate < 3_000_000 && (0..3).any(|_| lossless(&mut *make(), rate)) {
        best = rate;
        rate += rate / 10;
    }
    best
}

/// Whether `rate` frames a second all arrive. A generator that cannot keep the pace is as good as a loss.
fn lossless(rx: &mut dyn RxQueue, rate: u64) -> bool {
    let done = AtomicBool::new(false);
    let mut tx = far(|| {
        let spec = PortSpec { name: "far0".into(), access: Access::Raw, queues: 1 };
        open(&spec).expect("far0").open_tx().expect("generator")
    });
    std::thread::scope(|scope| {
        let generator = scope.spawn(|| {
            let mut frames = [[0x55u8; 64]; 32];
            for frame in &mut frames {
                frame[12..14].copy_from_slice(&[0x88, 0xb5]);
            }
            let begin = Instant::now();
            let mut sent = 0u64;
            while begin.elapsed() < TRIAL {
                let due = (begin.elapsed().as_nanos() as u64 * rate) / 1_000_000_000;
                if due < sent + 32 {
                    std::hint::spin_loop();
                    continue;
                }
                let mut batch = Batch::new();
                frames.iter_mut().for_each(|frame| batch.push(Frame::new(frame, Meta::default())));
                let all = batch.all();
                sent += u64::from(tx.send(&mut batch, all).expect("send").count_ones());
            }
            let kept_pace = sent * 1_000 >= begin.elapsed().as_millis() as u64 * rate * 98 / 100;
            std::thread::sleep(Duration::from_millis(20));
            done.store(true, Ordering::Relaxed);
            (sent, kept_pace)
        });
        let mut received = 0;
        while !done.load(Ordering::Relaxed) {
            let batch = rx.recv().expect("recv");
            let frames = batch.frames().iter().filter(|frame| frame.bytes()[12..14] == [0x88, 0xb5]).count();
            received += frames as u64;
            if batch.is_empty() {
                drop(batch);
                sleep_on(rx);
            }
        }
        let (sent, kept_pace) = generator.join().expect("generator");
        kept_pace && sent == received
    })
}

/// The smallest receive loop over TPACKET_V3 that keeps the contract for frames that fit a block.
struct Version3 {
    socket: OwnedFd,
    map: *mut u8,
    block: usize,
    /// The frames of the current block that were not handed out yet, and where the next lies.
    left: u32,
    next: *mut u8,
    stats: DoorStats,
}

// SAFETY: the mapping belongs to this value alone.
unsafe impl Send for Version3 {}

impl Version3 {
    const BLOCK: usize = 1 << 18;
    const BLOCKS: usize = RING_BYTES / Self::BLOCK;

    fn open() -> io::Result<Self> {
        let index = nix::net::if_::if_nametoindex("near0")?;
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
        let set = |option, value: *const libc::c_void, length: usize| {
            // SAFETY: the callers below pass a value and its size.
            let result = unsafe {
                libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, value, length as u32)
            };
            nix::errno::Errno::result(result).map(drop)
        };
        let (version, on) = (libc::tpacket_versions::TPACKET_V3 as libc::c_int, 1 as libc::c_int);
        set(libc::PACKET_VERSION, (&raw const version).cast(), 4)?;
        set(libc::PACKET_IGNORE_OUTGOING, (&raw const on).cast(), 4)?;
        let request = libc::tpacket_req3 {
            tp_block_size: Self::BLOCK as u32,
            tp_block_nr: Self::BLOCKS as u32,
            tp_frame_size: 2048,
            tp_frame_nr: (RING_BYTES / 2048) as u32,
            // The shortest there is.
            tp_retire_blk_tov: 1,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(libc::PACKET_RX_RING, (&raw const request).cast(), size_of_val(&request))?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of the size that the ring was made with.
        let map = unsafe {
            libc::mmap(std::ptr::null_mut(), RING_BYTES, access, libc::MAP_SHARED, socket.as_raw_fd(), 0)
        };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: all zeros is a value of this plain structure.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index as i32;
        // SAFETY: `address` is valid for reads of its size.
        let result = unsafe {
            libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32)
        };
        nix::errno::Errno::result(result)?;
        let map: *mut u8 = map.cast();
        Ok(Self { socket, map, block: 0, left: 0, next: map, stats: DoorStats::default() })
    }

    fn block(&self) -> *mut libc::tpacket_block_desc {
        // SAFETY: `block` is less than `BLOCKS`.
        unsafe { self.map.add(self.block * Self::BLOCK).cast() }
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: the first block header starts with its status, an aligned word inside the mapping.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.block()).hdr.bh1.block_status) }
    }
}

impl RxQueue for Version3 {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        let mut batch = Batch::new();
        if self.left == 0 && self.next != self.map {
            // The block whose last frames went out with the previous call.
            self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.block = (self.block + 1) % Self::BLOCKS;
            self.next = self.map;
        }
        if self.next == self.map {
            if self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                return Ok(batch);
            }
            // SAFETY: the block is ours; its header says where the first frame is.
            unsafe {
                let header = (*self.block()).hdr.bh1;
                self.left = header.num_pkts;
                self.next = self.block().cast::<u8>().add(header.offset_to_first_pkt as usize);
            }
        }
        while self.left > 0 && batch.len() < BATCH_MAX {
            // SAFETY: `next` points to a frame header in a block that is ours until the next call.
            let bytes = unsafe {
                let header = self.next.cast::<libc::tpacket3_hdr>().read();
                let frame = self.next.add(usize::from(header.tp_mac));
                self.next = self.next.add(header.tp_next_offset as usize);
                std::slice::from_raw_parts_mut(frame, header.tp_snaplen as usize)
            };
            let meta = offload::guess(bytes, 1500);
            batch.push(Frame::new(bytes, meta));
            self.left -= 1;
        }
        self.stats.received += batch.len() as u64;
        Ok(batch)
    }

    fn wait_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn stats(&mut self) -> DoorStats {
        self.stats
    }
}

impl Drop for Version3 {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped; no batch outlives `self`.
        unsafe { libc::munmap(self.map.cast(), RING_BYTES) };
    }
}
