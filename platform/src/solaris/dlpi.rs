//! `access dlpi`: raw links of libdlpi(3LIB), without libpcap.
//!
//! Every queue is a handle of its own in raw mode: what it reads and writes is whole frames. The library has no batches;
//! each frame is a system call, two where frames are received. Like libpcap it tells nothing about work that was left
//! to hardware, so that is guessed ([`offload::guess`]).
//!
//! The driver drops frames that nobody fetches in time without counting them for us, so [`DoorStats::overrun`] stays 0.

use std::cell::RefCell;
use std::io;
use std::os::fd::BorrowedFd;

use arrayvec::ArrayVec;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::libdlpi::{self, Libdlpi, Link, Refusal, code, flags, promisc};
use crate::finish::{Finisher, Verdict};
use crate::interface::{self, Interface};
use crate::offload::{self, FRAME_MAX};
use crate::process::privilege;
use crate::{BATCH_MAX, Batch, Caps, DoorStats, Frame, OpenError, Port, RxQueue, TxQueue, fan};

/// What a link needs, for the operator.
const PRIVILEGE: &str = "links need the privilege net_rawaccess; run bng as root or give it that privilege";
/// The protocol that handles for sending are bound to: local experimental 2 (IEEE 802), which nobody sends.
const NOBODYS_PROTOCOL: u32 = 0x88b6;
/// Frames start on such a boundary, plus two bytes, so that the IP header behind the Ethernet header is aligned.
const ALIGNMENT: usize = 16;
const ETHERNET_PADDING: usize = 2;
/// Room for one frame in the slab, and a byte to notice longer ones.
const ROOM: usize = (FRAME_MAX + ETHERNET_PADDING + 1).next_multiple_of(ALIGNMENT);

/// An interface opened with libdlpi.
pub struct DlpiPort {
    library: &'static Libdlpi,
    name: String,
    caps: Caps,
    rx: Vec<Box<dyn RxQueue>>,
    watch: Watch,
}

/// Opens `name` with `queues` receive queues.
///
/// # Errors
/// See [`OpenError`].
pub fn open(library: &'static Libdlpi, name: &str, queues: usize) -> Result<DlpiPort, OpenError> {
    privilege::raised(|| {
        let interface = find(library, name)?;
        if !interface.ethernet {
            return Err(OpenError::unsupported(
                name,
                "it is not an Ethernet interface; bng balances Ethernet frames",
            ));
        }
        let link = reader(library, name).map_err(|refusal| refused(name, "opening the link", refusal))?;
        let rx: Box<dyn RxQueue> = Box::new(DlpiRx {
            name: name.to_owned(),
            link,
            mtu: interface.mtu,
            slab: vec![0; BATCH_MAX * ROOM],
            wanted: None,
            stats: DoorStats::default(),
        });
        let rx = match queues {
            1 => vec![rx],
            // A link has one reader.
            _ => fan::out(rx, queues)
                .map_err(|error| OpenError::system(name, "sharing frames between threads", error))?,
        };
        let caps = Caps { mtu: interface.mtu, access: "dlpi", mac: interface.mac, queues };
        Ok(DlpiPort { library, name: name.to_owned(), caps, rx, watch: Watch::new(library, name) })
    })
}

/// Looks a link up by name.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn find(library: &'static Libdlpi, name: &str) -> Result<Interface, OpenError> {
    privilege::raised(|| {
        let link = Link::open(library, name, flags::PASSIVE)
            .map_err(|refusal| refused(name, "opening the link", refusal))?;
        let look = |refusal| refused(name, "looking it up", refusal);
        let info = link.info().map_err(look)?;
        let mac = link.mac().map_err(look)?.filter(|_| info.mactype == libdlpi::ETHERNET);
        Ok(Interface { mac: mac.unwrap_or_default(), mtu: info.max_sdu as usize, ethernet: mac.is_some() })
    })
}

/// A handle that receives every frame.
fn reader(library: &'static Libdlpi, name: &str) -> Result<Link, Refusal> {
    let link = Link::open(library, name, flags::RAW | flags::PASSIVE)?;
    link.bind(libdlpi::ANY_SAP)?;
    // Before anything is let in: frames that we send are not to come back. Where this is not known they do, and the
    // engine drops what has one of its own addresses as source.
    let _ = link.promiscon(promisc::RX_ONLY);
    link.promiscon(promisc::PHYS)?;
    link.promiscon(promisc::SAP)?;
    Ok(link)
}

/// A handle that only sends.
fn writer(library: &'static Libdlpi, name: &str) -> io::Result<Link> {
    let link = Link::open(library, name, flags::RAW | flags::PASSIVE)?;
    // A link has to be bound before it sends.
    link.bind(NOBODYS_PROTOCOL)?;
    // A full queue of the driver has to refuse a frame, not to stop the thread.
    let now = OFlag::from_bits_retain(fcntl(link.fd(), FcntlArg::F_GETFL)?);
    fcntl(link.fd(), FcntlArg::F_SETFL(now | OFlag::O_NONBLOCK))?;
    Ok(link)
}

fn refused(name: &str, step: &'static str, refusal: Refusal) -> OpenError {
    let name_ = || name.to_owned();
    match refusal.code {
        code::NO_LINK => OpenError::NotFound { name: name_(), existing: interface::interface_names() },
        code::LINKNAME_INVALID => {
            OpenError::unsupported(name, "the name of a link has letters in front and a number at its end")
        }
        code::NO_RAW_MODE => OpenError::unsupported(name, "its driver has no raw mode; use access pcap"),
        _ if refusal.is(Errno::EACCES) || refusal.is(Errno::EPERM) => {
            OpenError::NotPermitted { name: name_(), need: PRIVILEGE }
        }
        _ => OpenError::system(name, step, refusal),
    }
}

fn removed(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("interface {name} was removed"))
}

/// True when the stream was hung up or its driver has lost the device (streamio(4I)): the link comes back as another one.
fn is_gone(refusal: &Refusal) -> bool {
    [Errno::ENXIO, Errno::ENODEV, Errno::EIO].iter().any(|errno| refusal.is(*errno))
}

/// Why a link cannot be read any more. The library tells of a stream that was hung up without any reason.
fn lost(name: &str, refusal: Refusal) -> io::Error {
    match is_gone(&refusal) || refusal.is(Errno::from_raw(0)) {
        true => removed(name),
        false => io::Error::other(format!("interface {name} cannot be read: {refusal}")),
    }
}

impl Port for DlpiPort {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>> {
        std::mem::take(&mut self.rx)
    }

    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>> {
        let link = privilege::raised(|| writer(self.library, &self.name))?;
        Ok(Box::new(DlpiTx { name: self.name.clone(), link, finisher: Finisher::new(self.caps.mtu) }))
    }

    fn link_up(&self) -> bool {
        self.watch.link_up()
    }
}

/// The link state of an interface, as its driver tells it.
#[derive(Debug)]
pub(crate) struct Watch {
    /// `None`: the driver tells nothing.
    link: RefCell<Option<Link>>,
}

impl Watch {
    /// Asks the driver of `name` for news.
    pub(crate) fn new(library: &'static Libdlpi, name: &str) -> Self {
        let link = privilege::raised(|| Link::open(library, name, flags::PASSIVE)).ok();
        let link = link.and_then(|mut link| link.watch().is_ok().then_some(link));
        Self { link: RefCell::new(link) }
    }

    /// Whether the link is up; one that tells nothing is taken for up.
    pub(crate) fn link_up(&self) -> bool {
        match &*self.link.borrow() {
            None => true,
            Some(link) => link.up().is_ok_and(|up| up.unwrap_or(true)),
        }
    }
}

#[derive(Debug)]
struct DlpiRx {
    name: String,
    link: Link,
    mtu: usize,
    /// Room for a batch of the largest frames, filled from the front; the system provides the pages that are touched.
    slab: Vec<u8>,
    /// Unicast destinations that the engine wants, sorted; `None`: all.
    wanted: Option<Vec<[u8; 6]>>,
    stats: DoorStats,
}

/// Whether a frame is for somebody of `wanted`, or for a group (IEEE 802: lowest bit of the first byte).
fn is_wanted(wanted: &Option<Vec<[u8; 6]>>, frame: &[u8]) -> bool {
    match (wanted, frame.first_chunk::<6>()) {
        (Some(wanted), Some(to)) => to[0] & 1 != 0 || wanted.binary_search(to).is_ok(),
        _ => true,
    }
}

impl RxQueue for DlpiRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        let Self { name, link, mtu, slab, wanted, stats } = self;
        let mut lengths = ArrayVec::<usize, BATCH_MAX>::new();
        let mut rest = slab.as_mut_slice();
        // Bounded, so that frames for others cannot keep the worker here.
        for _ in 0..BATCH_MAX {
            let buffer = &mut rest[ETHERNET_PADDING..ROOM];
            match link.recv(buffer) {
                Ok(None) => break,
                Ok(Some(got)) if got.total > FRAME_MAX => stats.truncated += 1,
                Ok(Some(got)) if !is_wanted(wanted, &buffer[..got.length]) => {}
                Ok(Some(got)) => {
                    lengths.push(got.length);
                    let room = (got.length + ETHERNET_PADDING).next_multiple_of(ALIGNMENT);
                    rest = &mut std::mem::take(&mut rest)[room..];
                }
                // What has arrived before is handed out first; the link says it again.
                Err(_) if !lengths.is_empty() => break,
                Err(refusal) => return Err(lost(name, refusal)),
            }
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
        Some(self.link.fd())
    }

    fn stats(&mut self) -> DoorStats {
        self.stats
    }

    fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
        let mut macs = macs.to_vec();
        macs.sort_unstable();
        self.wanted = Some(macs);
        Ok(())
    }
}

#[derive(Debug)]
struct DlpiTx {
    name: String,
    link: Link,
    finisher: Finisher,
}

fn put(name: &str, link: &Link, frame: &[u8]) -> io::Result<Verdict> {
    match link.send(frame) {
        Ok(()) => Ok(Verdict::Sent),
        Err(refusal) if is_gone(&refusal) => Err(removed(name)),
        // EAGAIN, ENOSR: no room. ERANGE: longer than the driver takes. And whatever else concerns this frame.
        Err(_) => Ok(Verdict::Refused),
    }
}

impl TxQueue for DlpiTx {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        let Self { name, link, finisher } = self;
        finisher.send(batch, mask, |frame| put(name, link, frame))
    }

    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool> {
        let Self { name, link, finisher } = self;
        finisher.send_bytes(frame, |frame| put(name, link, frame))
    }

    fn stats(&self) -> DoorStats {
        self.finisher.stats
    }
}
