//! The open interfaces with their workers.

use super::clock::Clock;
use super::dump::{Tap, Taps};
use super::exit::{Exit, Failure};
use super::log as journal;
use super::worker::{Mail, Report, Setup, Worker};
use crate::conf::model::{Access, Interface};
use crate::director::PortInfo;
use crate::engine::{Engine, Place};
use crate::net::PortId;
use crate::note::{Note, Object};
use crate::seed::Seed;
use crate::snapshot::Snapshot;
use crate::stat::WorkerStats;
use crate::time::Duration;
use arc_swap::ArcSwap;
use bng_platform::process::Waker;
use bng_platform::process::cpu;
use bng_platform::process::shell::{Ended, Ran, run_shell};
use bng_platform::{Caps, DoorStats, Port, PortSpec, TxQueue};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Longest time that the command of `init` may take.
pub const INIT_LIMIT: Duration = Duration::from_secs(60);

/// One open interface. The order of the fields is the order of closing: threads end before their queues' port does.
pub struct Door {
    /// One worker for each receive queue.
    pub workers: Vec<Worker>,
    /// For frames that the director sends.
    tx: Box<dyn TxQueue>,
    /// What that had counted when the counters were set to zero.
    before: DoorStats,
    port: Box<dyn Port>,
    /// What it can do.
    pub caps: Caps,
    /// As configured.
    pub config: Interface,
    /// Room for sessions of each family that its workers have.
    pub maxsessions: u32,
    /// Link state as it was told to the director.
    pub link: bool,
}

/// All open interfaces.
pub struct Doors {
    open: BTreeMap<PortId, Door>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    clock: Clock,
    seed: Seed,
    reports: Sender<Report>,
    control: Arc<Waker>,
    /// Of the dump that runs, with the control thread's own tap.
    dump: Option<(Taps, Tap)>,
}

/// The word after `access`; `None` for "the best".
pub const fn requested(access: Access) -> Option<&'static str> {
    match access {
        Access::Auto => None,
        Access::Raw => Some("raw"),
        Access::Tap => Some("tap"),
        Access::Pcap => Some("pcap"),
        Access::Dlpi => Some("dlpi"),
    }
}

impl Doors {
    /// No interface is open yet.
    pub fn new(
        snapshot: Arc<ArcSwap<Snapshot>>,
        clock: Clock,
        seed: Seed,
        reports: Sender<Report>,
        control: Arc<Waker>,
    ) -> Self {
        Self { open: BTreeMap::new(), snapshot, clock, seed, reports, control, dump: None }
    }

    /// The open interfaces by number.
    pub fn iter(&self) -> impl Iterator<Item = (PortId, &Door)> {
        self.open.iter().map(|(number, door)| (*number, door))
    }

    /// Interface `number`, if it is open.
    pub fn get(&self, number: PortId) -> Option<&Door> {
        self.open.get(&number)
    }

    /// All workers.
    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.open.values().flat_map(|door| &door.workers)
    }

    /// All workers.
    pub fn workers_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.open.values_mut().flat_map(|door| &mut door.workers)
    }

    /// Opens interface `number`, runs its `init` and starts its workers, each with room for `maxsessions` sessions of each
    /// family. On failure everything is closed again.
    ///
    /// # Errors
    /// [`Exit::Privilege`] or [`Exit::Interface`], with one sentence.
    pub fn open(
        &mut self,
        number: PortId,
        config: &Interface,
        maxsessions: u32,
    ) -> Result<PortInfo, Failure> {
        let object = Object::Interface(number.into(), config.name.clone());
        let failed = |text: String| Failure::new(Exit::Interface, format!("{object}: {text}"));
        let access = match config.access {
            Access::Auto => bng_platform::Access::Auto,
            Access::Raw => bng_platform::Access::Raw,
            Access::Tap => bng_platform::Access::Tap,
            Access::Pcap => bng_platform::Access::Pcap,
            Access::Dlpi => bng_platform::Access::Dlpi,
        };
        let spec = PortSpec { name: config.name.clone(), access, queues: usize::from(config.threads) };
        let mut port = bng_platform::open(&spec).map_err(|e| {
            let exit = match e {
                bng_platform::OpenError::NotPermitted { .. } => Exit::Privilege,
                _ => Exit::Interface,
            };
            Failure::new(exit, e.to_string())
        })?;
        if let Some(command) = &config.init {
            initialise(command).map_err(failed)?;
        }
        let caps = port.caps();
        let told = |what: &str| {
            let what = what.to_owned();
            move |e: io::Error| failed(format!("{what}: {e}"))
        };
        let tx = port.open_tx().map_err(told("no transmit queue"))?;
        let mut workers = Vec::new();
        // One thread stays where the scheduler wants it; several that share a processor would be pointless.
        let processors = if config.threads > 1 { cpu::allowed() } else { Vec::new() };
        let queues = port.take_rx();
        let place = Place { port: number, alone: queues.len() == 1, maxsessions: maxsessions as usize };
        for (n, rx) in queues.into_iter().enumerate() {
            let stats = Arc::new(WorkerStats::default());
            let worker = Worker::start(Setup {
                port: number,
                object: object.clone(),
                rx,
                engine: Engine::new(place, stats.clone(), self.seed.fork()),
                stats,
                snapshot: self.snapshot.clone(),
                clock: self.clock,
                cpu: processors.get(n % processors.len().max(1)).copied(),
                reports: self.reports.clone(),
                control: self.control.clone(),
            });
            let worker = worker.map_err(told("no worker thread"))?;
            worker.tell(Mail::OpenTx(number, port.open_tx().map_err(told("no transmit queue"))?));
            for (other, door) in &self.open {
                worker.tell(Mail::OpenTx(*other, door.port.open_tx().map_err(told("no transmit queue"))?));
            }
            for other in self.workers().chain(&workers) {
                worker.tell(Mail::AddPeer(other.port, other.inbox.clone()));
            }
            for sibling in &workers {
                sibling.tell(Mail::AddPeer(number, worker.inbox.clone()));
            }
            if let Some((taps, _)) = &self.dump {
                worker.tell(Mail::Dump(Some(Box::new(taps.tap()))));
            }
            workers.push(worker);
        }
        // The others learn of it last, when nothing can fail any more.
        let mut queues = Vec::new();
        for _ in self.workers() {
            queues.push(port.open_tx().map_err(told("no transmit queue"))?);
        }
        for (worker, queue) in self.workers().zip(queues) {
            worker.tell(Mail::OpenTx(number, queue));
            for new in &workers {
                worker.tell(Mail::AddPeer(number, new.inbox.clone()));
            }
        }
        let link = port.link_up();
        let info =
            PortInfo { tap: caps.access == "tap", link, mtu: u16::try_from(caps.mtu).unwrap_or(u16::MAX) };
        let state = if link { "up" } else { "down" };
        let text = format!("open: access {}, mtu {}, link {state}", caps.access, caps.mtu);
        journal::say(if link { Note::notice(object, text) } else { Note::warning(object, text) });
        self.open.insert(
            number,
            Door {
                workers,
                tx,
                before: DoorStats::default(),
                port,
                caps,
                config: config.clone(),
                maxsessions,
                link,
            },
        );
        Ok(info)
    }

    /// Closes interface `number`, if it is open; a TAP device disappears.
    pub fn close(&mut self, number: PortId) {
        if let Some(door) = self.open.remove(&number) {
            for worker in self.workers() {
                worker.tell(Mail::CloseTx(number));
            }
            let object = Object::Interface(number.into(), door.config.name.clone());
            journal::say(Note::notice(object, "closed"));
        }
    }

    /// Sends a frame of the director. `false`: refused, or the interface is not open.
    pub fn send(&mut self, number: PortId, frame: &[u8]) -> bool {
        let Some(door) = self.open.get_mut(&number) else { return false };
        match door.tx.send_bytes(frame) {
            Ok(sent) => {
                if let Some((_, tap)) = self.dump.as_mut().filter(|_| sent) {
                    tap.sent_frame(number, frame);
                }
                sent
            }
            Err(e) => {
                let object = Object::Interface(number.into(), door.config.name.clone());
                journal::say(Note::debug(object, format!("cannot send: {e}")));
                false
            }
        }
    }

    /// A further transmit queue of interface `number`; `None` when it is not open.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open_tx(&self, number: PortId) -> Option<io::Result<Box<dyn TxQueue>>> {
        self.open.get(&number).map(|door| door.port.open_tx())
    }

    /// From now on, copies of all frames go to `taps`; with `None`, nowhere.
    pub fn dump(&mut self, taps: Option<Taps>) {
        if taps.is_none() && self.dump.is_none() {
            return;
        }
        for worker in self.workers() {
            worker.tell(Mail::Dump(taps.as_ref().map(|taps| Box::new(taps.tap()))));
        }
        self.dump = taps.map(|taps| {
            let own = taps.tap();
            (taps, own)
        });
    }

    /// The interfaces whose link has changed since the last time.
    pub fn link_changes(&mut self) -> Vec<(PortId, bool)> {
        let mut changes = Vec::new();
        for (number, door) in &mut self.open {
            let up = door.port.link_up();
            if up != door.link {
                door.link = up;
                changes.push((*number, up));
            }
        }
        changes
    }

    /// Sets all counters to zero; those of workers follow within 100 ms.
    pub fn clear_counters(&mut self) {
        for door in self.open.values_mut() {
            door.before = door.tx.stats();
        }
        self.workers().for_each(|worker| worker.tell(Mail::ClearCounters));
    }

    /// Frames sent and refused on interface `number`, by the director and by all workers.
    pub fn sent(&self, number: PortId) -> (u64, u64) {
        let own = self.open.get(&number).map(|door| (door.tx.stats(), door.before));
        let own = own.map_or((0, 0), |(now, before)| (now.sent - before.sent, now.refused - before.refused));
        self.workers().fold(own, |(sent, refused), worker| {
            let (s, r) = &worker.doors.egress[usize::from(number)];
            (sent + s.get(), refused + r.get())
        })
    }
}

/// Runs the command of `init`.
fn initialise(command: &str) -> Result<(), String> {
    let Ran { ended, output } =
        run_shell(command, INIT_LIMIT).map_err(|e| format!("init cannot be run: {e}"))?;
    let how = match ended {
        Ended::Status(0) => return Ok(()),
        Ended::Status(status) => format!("ended with status {status}"),
        Ended::Signal(signal) => format!("was ended by signal {signal}"),
        Ended::TimedOut => format!("was not done within {} seconds", INIT_LIMIT.as_secs()),
        Ended::Flooded => "wrote without end".to_owned(),
    };
    let output =
        if output.is_empty() { "it printed nothing".to_owned() } else { format!("it printed:\n{output}") };
    Err(format!("init \"{command}\" {how}; {output}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_init_is_told_with_its_output() {
        assert_eq!(initialise("true"), Ok(()));
        assert_eq!(
            initialise("echo no such device >&2; exit 2").unwrap_err(),
            "init \"echo no such device >&2; exit 2\" ended with status 2; it printed:\nno such device"
        );
        assert_eq!(
            initialise("exit 1").unwrap_err(),
            "init \"exit 1\" ended with status 1; it printed nothing"
        );
    }
}
