//! `benchmark`: frames from one interface to another, through whatever connects the two, counted where they arrive.
//!
//! ```text
//!   thread "bng-benchmark" -- transmit queue of the one --> cable, bridge ... --> worker of the other
//!          ^                                                                       module benchmark counts
//!          +---------------------- counters of that worker -----------------------------+
//! ```
//!
//! At most a window of frames is under way, so that a slow way is measured and not flooded. The thread shares nothing
//! with the others but counters.

use super::clock::Clock;
use super::doors::Doors;
use super::log as journal;
use super::patience::Patience;
use crate::cli::commands::Benchmark;
use crate::cli::show::benchmark::{BenchmarkView, Stage};
use crate::conf::model::{BenchmarkPlan, Model, Module};
use crate::module::benchmark::frame;
use crate::net::PortId;
use crate::note::{Note, Object};
use crate::snapshot::Snapshot;
use crate::stat::WorkerStats;
use crate::time::{Duration, Instant};
use crate::wire::{ETHERNET_HEADER_LEN, MacAddr};
use bng_platform::{BATCH_MAX, Batch, Frame, Meta, TxQueue};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Time without a frame after which those under way are given up, and room is made for new ones.
const STALL: Duration = Duration::from_secs(1);
/// Longest wait for the frames that were under way when the last one was sent.
const DRAIN: Duration = Duration::from_secs(1);
/// Sleep when nothing can be sent for longer than a worker would look on.
const NAP: Duration = Duration::from_micros(100);

/// How many frames may be sent.
#[derive(Debug)]
struct Window {
    size: u64,
    sent: u64,
    received: u64,
    given_up: u64,
    /// When the last frame arrived, or those under way were given up.
    progress: Instant,
}

impl Window {
    fn new(size: u16, now: Instant) -> Self {
        Self { size: size.into(), sent: 0, received: 0, given_up: 0, progress: now }
    }

    /// `received` frames have arrived by `now`. `true`: some are new.
    fn heard(&mut self, now: Instant, received: u64) -> bool {
        let news = received > self.received;
        if news {
            self.received = received;
            self.progress = now;
        } else if now.since(self.progress) >= STALL {
            self.given_up = self.sent.saturating_sub(self.received);
            self.progress = now;
        }
        news
    }

    /// Frames that may be sent now.
    fn room(&self) -> u64 {
        self.size.saturating_sub(self.sent.saturating_sub(self.received + self.given_up))
    }
}

/// What the thread tells.
#[derive(Debug, Default)]
struct Progress {
    sent: AtomicU64,
    received: AtomicU64,
    lost: AtomicU64,
    /// Microseconds for which frames were sent.
    elapsed: AtomicU64,
    done: AtomicBool,
    /// Somebody asks it to send no more.
    stop: AtomicBool,
    /// Somebody cannot wait for the frames under way.
    abort: AtomicBool,
}

/// One benchmark.
#[derive(Debug)]
struct Run {
    send: PortId,
    receive: PortId,
    plan: BenchmarkPlan,
    started: Instant,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread owns.
struct Body {
    plan: BenchmarkPlan,
    queue: Box<dyn TxQueue>,
    frame: Vec<u8>,
    /// Counters of the workers where the frames arrive.
    stats: Vec<Arc<WorkerStats>>,
    clock: Clock,
    progress: Arc<Progress>,
}

impl Body {
    fn counted(&self) -> u64 {
        self.stats.iter().map(|stats| stats.work.benchmarked.get()).sum()
    }

    fn run(mut self) {
        let base = self.counted();
        let started = self.clock.now();
        let mut window = Window::new(self.plan.window, started);
        let mut patience = Patience::default();
        let mut bytes = self.frame.repeat(BATCH_MAX.min(self.plan.window.into()));
        loop {
            let now = self.clock.now();
            if window.heard(now, self.counted() - base) {
                patience.frames(now);
            }
            self.tell(&window, now.since(started));
            if now.since(started) >= self.plan.duration || self.progress.stop.load(Ordering::Relaxed) {
                break;
            }
            match self.send(&mut bytes, window.room()) {
                Ok(0) if patience.is_over(now) => std::thread::sleep(NAP),
                Ok(0) => std::thread::yield_now(),
                Ok(sent) => window.sent += sent,
                Err(e) => {
                    journal::say(Note::error(Object::Program, format!("benchmark: cannot send: {e}")));
                    self.progress.stop.store(true, Ordering::Relaxed);
                }
            }
        }
        // What is still under way is neither received in time nor lost.
        let arrived = || self.counted() - base;
        let end = self.clock.now() + DRAIN;
        while arrived() < window.sent
            && self.clock.now() < end
            && !self.progress.abort.load(Ordering::Relaxed)
        {
            std::thread::sleep(NAP);
        }
        let lost = window.sent.saturating_sub(arrived());
        self.progress.lost.store(lost, Ordering::Relaxed);
        self.progress.done.store(true, Ordering::Release);
        let text = format!("benchmark ended: {} frames sent, {lost} lost", window.sent);
        journal::say(Note::info(Object::Program, text));
    }

    /// Sends at most `room` frames and returns how many the system took.
    fn send(&mut self, bytes: &mut [u8], room: u64) -> std::io::Result<u64> {
        if room == 0 {
            return Ok(0);
        }
        let mut batch = Batch::new();
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        for copy in bytes.chunks_exact_mut(self.frame.len()).take(room) {
            batch.push(Frame::new(copy, Meta::default()));
        }
        let all = batch.all();
        Ok(self.queue.send(&mut batch, all)?.count_ones().into())
    }

    fn tell(&self, window: &Window, elapsed: Duration) {
        self.progress.sent.store(window.sent, Ordering::Relaxed);
        self.progress.received.store(window.received, Ordering::Relaxed);
        self.progress
            .elapsed
            .store(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The control thread's side: at most one benchmark at a time.
#[derive(Debug, Default)]
pub struct Bench {
    last: Option<Run>,
}

impl Bench {
    /// Does what the command `benchmark` asks for.
    ///
    /// # Errors
    /// One sentence.
    pub fn execute(
        &mut self,
        command: Benchmark,
        model: &Model,
        snapshot: &Snapshot,
        doors: &mut Doors,
        clock: Clock,
    ) -> Result<String, String> {
        let done = match command {
            Benchmark::Start { send, receive } => self.start((send, receive), model, snapshot, doors, clock),
            Benchmark::Stop => match self.running() {
                Some(run) => {
                    run.progress.stop.store(true, Ordering::Relaxed);
                    Ok(())
                }
                None => Err("none is running".to_owned()),
            },
        };
        done.map(|()| String::new()).map_err(|e| format!("benchmark: {e}"))
    }

    fn running(&self) -> Option<&Run> {
        self.last.as_ref().filter(|run| !run.progress.done.load(Ordering::Acquire))
    }

    fn start(
        &mut self,
        (send, receive): (PortId, PortId),
        model: &Model,
        snapshot: &Snapshot,
        doors: &mut Doors,
        clock: Clock,
    ) -> Result<(), String> {
        if let Some(run) = self.running() {
            return Err(format!(
                "one runs already, from interface {} to {}; 'benchmark stop' ends it",
                run.send, run.receive
            ));
        }
        check_chain(&model.modules, snapshot.master)?;
        let plan = model.benchmark;
        let station = |number: PortId| -> Result<MacAddr, String> {
            let door = doors
                .get(number)
                .ok_or_else(|| format!("interface {number} is not open, see 'show interfaces'"))?;
            let longest = door.caps.mtu + ETHERNET_HEADER_LEN;
            if usize::from(plan.packet_size) > longest {
                return Err(format!(
                    "interface {number} takes frames of at most {longest} bytes, not {}; use 'set bmpsize {longest}'",
                    plan.packet_size
                ));
            }
            let station = snapshot.port(number).and_then(|port| port.real_macs.first());
            station.copied().ok_or_else(|| {
                format!("interface {number} has no network, and so no station address to send to or from")
            })
        };
        let (from, to) = (station(send)?, station(receive)?);
        if from == to {
            return Err(format!("interfaces {send} and {receive} have the same station address {to}"));
        }
        let queue = doors.open_tx(send).ok_or_else(|| format!("interface {send} is not open"))?;
        let queue = queue.map_err(|e| format!("interface {send}: no transmit queue: {e}"))?;
        let workers = doors.get(receive).map(|door| &door.workers[..]).unwrap_or_default();
        let stats = workers.iter().map(|worker| worker.stats.clone()).collect();
        let progress = Arc::new(Progress::default());
        let body = Body {
            plan,
            queue,
            frame: frame(to, from, plan.packet_size),
            stats,
            clock,
            progress: progress.clone(),
        };
        // A switch in between learns where the station is, and does not send everything everywhere.
        doors.send(receive, &frame(from, to, 60));
        let started = clock.now();
        let thread = std::thread::Builder::new().name("bng-benchmark".to_owned()).spawn(move || body.run());
        let thread = Some(thread.map_err(|e| format!("no thread: {e}"))?);
        let text = format!("benchmark from interface {send} to {receive} started");
        journal::say(Note::info(Object::Program, text));
        self.last = Some(Run { send, receive, plan, started, progress, thread });
        Ok(())
    }

    /// Interface `number` is about to be closed: a benchmark over it ends at once.
    pub fn closed(&mut self, number: PortId) {
        if let Some(run) = self.last.as_mut().filter(|run| run.send == number || run.receive == number) {
            run.end();
        }
    }

    /// What `show benchmark` says at `now`.
    pub fn view(&self, now: Instant) -> Option<BenchmarkView> {
        let run = self.last.as_ref()?;
        let done = run.progress.done.load(Ordering::Acquire);
        let elapsed = Duration::from_micros(run.progress.elapsed.load(Ordering::Relaxed));
        let stage = if !done {
            let left = run.plan.duration.saturating_sub(now.since(run.started));
            // As a clock counts down: 294 while 294.x are left.
            Stage::Running { remaining: left.as_secs() }
        } else if elapsed >= run.plan.duration {
            Stage::Finished
        } else {
            Stage::Stopped
        };
        Some(BenchmarkView {
            plan: run.plan,
            stage,
            sent: run.progress.sent.load(Ordering::Relaxed),
            received: run.progress.received.load(Ordering::Relaxed),
            lost: run.progress.lost.load(Ordering::Relaxed),
            elapsed,
        })
    }
}

/// Whether frames get as far as the module that counts them.
fn check_chain(chain: &[Module], master: bool) -> Result<(), String> {
    let at = |module| chain.iter().position(|m| *m == module);
    match (at(Module::Benchmark), at(Module::Master)) {
        (None, _) => Err("module 'benchmark' is not loaded; 'module benchmark' loads it".to_owned()),
        (Some(benchmark), Some(gate)) if gate < benchmark && !master => {
            Err("this node is backup, and module 'master' lets nothing pass to module 'benchmark'".to_owned())
        }
        (Some(_), _) => Ok(()),
    }
}

impl Run {
    /// Ends the thread and waits for that.
    fn end(&mut self) {
        self.progress.abort.store(true, Ordering::Relaxed);
        self.progress.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has reported that itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn at_most_a_window_of_frames_is_under_way() {
        let start = Instant::from_secs(1);
        let mut window = Window::new(16, start);
        assert_eq!(window.room(), 16);
        window.sent += 16;
        assert!(!window.heard(start + MS, 0));
        assert_eq!(window.room(), 0);
        assert!(window.heard(start + MS, 5));
        assert_eq!(window.room(), 5);
        // More than were sent: a switch that delivers twice.
        window.heard(start + MS, 20);
        assert_eq!(window.room(), 16);
    }

    #[test]
    fn frames_that_never_arrive_do_not_stop_the_rest_for_ever() {
        let start = Instant::from_secs(1);
        let mut window = Window::new(4, start);
        window.sent = 4;
        window.heard(start + (STALL - MS), 0);
        assert_eq!(window.room(), 0);
        window.heard(start + STALL, 0);
        assert_eq!(window.room(), 4);
        window.sent = 8;
        window.heard(start + STALL + MS, 0);
        assert_eq!(window.room(), 0);
    }

    #[test]
    fn a_chain_that_would_not_count_is_refused() {
        use Module::{Arp, Benchmark, Master};
        assert!(check_chain(&[Arp, Master], true).unwrap_err().contains("'module benchmark' loads it"));
        assert!(check_chain(&[Arp, Master, Benchmark], false).unwrap_err().contains("backup"));
        assert_eq!(check_chain(&[Arp, Master, Benchmark], true), Ok(()));
        assert_eq!(check_chain(&[Arp, Benchmark, Master], false), Ok(()));
    }
}
