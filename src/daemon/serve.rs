//! The control thread of a running daemon.
//!
//! ```text
//!   poll: signals, control socket, wake-ups of the workers, deadlines
//!     -> requests      answer, change the configuration
//!     -> punted frames  to the director
//!     <- director       frames to send, snapshots to publish, log lines
//! ```

mod show;

use super::benchmark::Bench;
use super::clock::Clock;
use super::configuration;
use super::control::{ConnectionId, Control, Request};
use super::doors::{Door, Doors, INIT_LIMIT};
use super::dump::Dumper;
use super::exit::{Exit, Failure};
use super::history::History;
use super::instance::{Claim, Instance, Taking};
use super::ipdb::Ipdb;
use super::manager::Manager;
use super::scripts::Scripts;
use super::signals::Signals;
use super::worker::{Mail, Report, Rows, Tables, Worker};
use super::{log as journal, support, tables};
use crate::cli::commands::{self, Clear, Command, Show};
use crate::cli::ping;
use crate::cli::protocol::Reply;
use crate::cli::show::nat::FlowRow;
use crate::cli::show::sessions::SessionRow;
use crate::cli::version;
use crate::conf::check::{self, Level};
use crate::conf::model::{Access, Interface, Model};
use crate::conf::{Config, Value, diff};
use crate::director::{Director, Output};
use crate::net::PortId;
use crate::note::{Note, Object, Severity};
use crate::seed::Seed;
use crate::slb::loads::Meter;
use crate::snapshot::Snapshot;
use crate::stat::WorkerStats;
use crate::time::{Duration, Instant};
use arc_swap::ArcSwap;
use bng_platform::interface_names;
use bng_platform::process::detach::Readiness;
use bng_platform::process::localtime::LocalTime;
use bng_platform::process::{Interest, PollSet, Waker, random};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

/// Time between two looks at the links, and the longest sleep.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Time for delivering the last replies before the daemon ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Most outputs of the director, and most punted frames of a worker, that are dealt with in one round.
const ROUND: usize = 4096;
/// Time between two attempts to open an interface that was lost.
const REOPEN: Duration = Duration::from_secs(5);
/// Longest sleep while the service manager waits for the workers to take up their first snapshot.
const EAGER: Duration = Duration::from_millis(5);

/// How the daemon was started.
#[derive(Debug)]
pub struct Start {
    /// Which instance.
    pub instance: Instance,
    /// Its configuration, checked.
    pub config: Config,
    /// Whom to tell that it runs; `None` in the foreground.
    pub readiness: Option<Readiness>,
}

/// What the tables of the workers are listed for.
enum Purpose {
    /// `show sessions`
    Sessions {
        /// For programs.
        json: bool,
    },
    /// `show nat`
    Nat {
        /// For programs.
        json: bool,
    },
    /// `snapshot` to this file.
    Snapshot(PathBuf),
}

impl Purpose {
    /// What is needed for it.
    const fn tables(&self) -> Tables {
        match self {
            Self::Sessions { .. } => Tables { sessions: true, flows: false },
            Self::Nat { .. } => Tables { sessions: false, flows: true },
            Self::Snapshot(_) => Tables { sessions: true, flows: true },
        }
    }
}

/// What the workers have listed.
#[derive(Default)]
struct Found {
    sessions: Vec<SessionRow>,
    flows: Vec<FlowRow>,
}

/// A listing of the workers' tables under way.
struct Listing {
    number: u64,
    from: ConnectionId,
    purpose: Purpose,
    /// Workers that are not done yet.
    outstanding: usize,
    found: Found,
}

/// The one interactive session.
struct Seat {
    connection: ConnectionId,
    who: String,
    since: String,
}

/// A running daemon. The order of the fields is the order of its end.
struct Daemon {
    /// Holds a queue of a door while it runs.
    bench: Bench,
    doors: Doors,
    /// Behind the doors: what they still give it is written.
    dumper: Dumper,
    control: Control,
    signals: Signals,
    manager: Manager,
    director: Director,
    /// Files that tell where clients are.
    ipdb: Ipdb,
    meter: Meter,
    scripts: Scripts,
    config: Config,
    instance: Instance,
    snapshot: Arc<ArcSwap<Snapshot>>,
    reports: Receiver<Report>,
    waker: Arc<Waker>,
    clock: Clock,
    started: String,
    /// Who has the interactive session, and since when.
    seat: Option<Seat>,
    listings: Vec<Listing>,
    listing_number: u64,
    /// Who waits for which ping.
    pings: Vec<(u64, ConnectionId)>,
    history: History,
    /// Counts changes of the configuration.
    changes: u64,
    /// When the configuration file was last read and written.
    loaded: Option<String>,
    saved: Option<String>,
    /// Requests that came together with others; for the next round, after whatever else is due.
    queued: Vec<Request>,
    housekept: Instant,
    /// Interfaces that went away while they were open, with the last reason why they could not be opened again.
    lost: BTreeMap<PortId, String>,
    reopen: Instant,
    /// When to end at the latest, once the end was asked for.
    ending: Option<Instant>,
    exit: Exit,
}

/// Runs the daemon until it is told to stop. Failures before it is up go to whoever waits for it.
pub fn run(start: Start) -> Exit {
    let Start { instance, config, readiness } = start;
    match bring_up(instance, config) {
        Ok((daemon, claim)) => {
            if let Some(readiness) = readiness
                && let Err(e) = readiness.ready()
            {
                let text = format!("cannot let go of the terminal: {e}");
                journal::say(Note::error(Object::Program, text));
                journal::finish();
                return Exit::Failed;
            }
            journal::started();
            let version = version::banner();
            let text = format!("{} is up", version.trim_start_matches("This is "));
            journal::say(Note::notice(Object::Program, text));
            let exit = daemon.run();
            journal::say(Note::notice(Object::Program, "stopped"));
            journal::finish();
            drop(claim);
            exit
        }
        Err(failure) => {
            // The terminal gets it from here, and the system log too.
            if readiness.is_some() {
                journal::started();
                journal::say(Note::error(Object::Program, format!("not started: {}", failure.text)));
            }
            journal::finish();
            match readiness {
                Some(readiness) => {
                    let _ = readiness.failed(&failure.text);
                }
                None => super::complain(&failure.text),
            }
            failure.exit
        }
    }
}

/// Takes the instance and opens everything; when one step fails, all before it is undone.
fn bring_up(instance: Instance, config: Config) -> Result<(Daemon, Claim), Failure> {
    let claim = match Claim::take(&instance)? {
        Taking::Ours(claim) => claim,
        Taking::Taken(pid) => {
            return Err(Failure::new(
                Exit::Failed,
                format!("{}already running with PID {pid}", instance.label()),
            ));
        }
    };
    if claim.removed_socket {
        let text = format!("removed the socket {} left by a dead process", instance.socket().display());
        journal::say(Note::warning(Object::Control, text));
    }
    let told = |what: &str| {
        let what = what.to_owned();
        move |e: std::io::Error| Failure::new(Exit::Failed, format!("{what}: {e}"))
    };
    let signals = Signals::catch().map_err(told("cannot catch signals"))?;
    let model = config.model().map_err(|e| Failure::new(Exit::Configuration, e.to_string()))?;
    journal::set_facility(model.syslogfacility);
    let mut seed = Seed::new(random::seed().map_err(told("cannot read /dev/urandom"))?);
    let clock = Clock::start();
    let now = clock.now();
    let director = Director::new(now, model, seed.fork());
    let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::empty()));
    let waker = Arc::new(Waker::new().map_err(told("no descriptor for waking"))?);
    let (sender, reports) = mpsc::channel();
    let doors = Doors::new(snapshot.clone(), clock, seed, sender, waker.clone());
    let socket = instance.socket();
    let control = Control::bind(&socket).map_err(told(&format!("control socket {}", socket.display())))?;
    let started = LocalTime::now().ctime();
    let loaded = instance.config.exists().then(|| started.clone());
    let mut daemon = Daemon {
        bench: Bench::default(),
        doors,
        dumper: Dumper::default(),
        control,
        signals,
        manager: Manager::find(),
        director,
        ipdb: Ipdb::new(waker.clone()),
        meter: Meter::default(),
        scripts: Scripts::default(),
        config,
        instance,
        snapshot,
        reports,
        waker,
        clock,
        started,
        seat: None,
        listings: Vec::new(),
        listing_number: 0,
        pings: Vec::new(),
        history: History::default(),
        changes: 0,
        loaded,
        saved: None,
        queued: Vec::new(),
        housekept: now,
        lost: BTreeMap::new(),
        reopen: now,
        ending: None,
        exit: Exit::Success,
    };
    let model = daemon.director.model().clone();
    daemon.ipdb.follow(&model);
    for (number, interface) in wanted(&model) {
        let info = daemon.doors.open(number, &interface, model.tuning.maxsessions)?;
        daemon.director.port_opened(clock.now(), number, info);
    }
    Ok((daemon, claim))
}

/// The interfaces that are to be open.
fn wanted(model: &Model) -> Vec<(PortId, Interface)> {
    let active = model.interfaces.iter().filter(|(_, interface)| interface.active);
    active.filter_map(|(number, i)| Some((PortId::try_from(*number).ok()?, i.clone()))).collect()
}

impl Daemon {
    fn run(mut self) -> Exit {
        loop {
            self.hear_workers();
            if let Some(locations) = self.ipdb.hear() {
                self.director.locate(locations);
            }
            let now = self.clock.now();
            self.hear_scripts(now);
            self.housekeep(now);
            self.measure(now);
            self.direct(now);
            self.manager.ready_with(self.doors.workers());
            if self.ending.is_some_and(|end| end <= now || !self.control.unsent()) {
                break;
            }
            if let Err(e) = self.wait() {
                journal::say(Note::error(Object::Program, format!("cannot wait, stopping: {e}")));
                self.exit = Exit::Failed;
                break;
            }
        }
        let now = self.clock.now();
        self.director.shutdown(now);
        self.direct(now);
        self.exit
    }

    /// Waits for something to do, and does what signals and control connections ask for.
    fn wait(&mut self) -> std::io::Result<()> {
        let now = self.clock.now();
        let deadlines = [
            self.director.deadline(),
            self.control.deadline(),
            self.scripts.deadline(now),
            Some(self.housekept + HOUSEKEEPING),
            Some(self.meter.deadline(self.snapshot.load().measured)),
            self.ending,
            self.manager.waits().then_some(now + EAGER),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        let ready = {
            let mut set = PollSet::new();
            self.signals.register(&mut set);
            self.scripts.register(&mut set);
            set.add(self.waker.fd(), Interest::Read);
            let places = self.control.register(&mut set);
            set.wait(deadline.map(|deadline| deadline.since(now)))?;
            places.ready(&set)
        };
        self.waker.drain();
        let now = self.clock.now();
        let asked = self.signals.take();
        if asked.terminate {
            self.end(now, "told by a signal", Exit::Success);
        }
        if asked.reload {
            let before = self.changes;
            // The reply is in the log.
            let _ = self.reload(now, "SIGHUP", false);
            if self.changes != before {
                self.history.note("SIGHUP".to_owned(), "reload");
            }
        }
        let mut requests = std::mem::take(&mut self.queued);
        requests.extend(self.control.serve(now, &ready));
        for Request { from, line } in requests {
            if let Some(reply) = self.execute(now, from, &line) {
                self.control.reply(now, from, &reply);
            }
        }
        // A client may have sent thousands at once: elections and checks come in between.
        self.queued = self.control.queued(now);
        if !self.queued.is_empty() {
            self.waker.wake();
        }
        Ok(())
    }

    fn end(&mut self, now: Instant, why: &str, exit: Exit) {
        if self.ending.is_none() {
            self.manager.stopping();
            journal::say(Note::notice(Object::Program, format!("stopping: {why}")));
            self.ending = Some(now + FAREWELL);
            self.exit = exit;
        }
    }

    /// Sums up what targets have to do, when it is time.
    fn measure(&mut self, now: Instant) {
        if self.meter.deadline(self.snapshot.load().measured) <= now {
            let workers: Vec<&WorkerStats> = self.doors.workers().map(|worker| &*worker.stats).collect();
            self.meter.sum(now, &self.director.loads(), &workers);
        }
    }

    /// Does what the director wants done.
    fn direct(&mut self, now: Instant) {
        for _ in 0..ROUND {
            match self.director.poll(now) {
                Some(Output::Send { port, frame }) => {
                    self.doors.send(port, &frame);
                }
                Some(Output::Publish(snapshot)) => {
                    self.snapshot.store(snapshot);
                    self.doors.workers().for_each(Worker::wake);
                }
                Some(Output::Tell(note)) => journal::say(note),
                Some(Output::Pinged(report)) => self.pinged(now, &report),
                Some(Output::Run(run)) => self.scripts.check(now, run),
                Some(Output::Alert(alert)) => self.scripts.alert(now, alert),
                None => return,
            }
        }
        // More at once than one round takes: come back at once.
        self.waker.wake();
    }

    /// Takes the results of scripts.
    fn hear_scripts(&mut self, now: Instant) {
        let (runs, notes) = self.scripts.ended(now);
        notes.into_iter().for_each(journal::say);
        for (id, number, ran) in runs {
            self.director.ran(now, id, number, ran);
        }
    }

    /// Takes punted frames and reports of all workers.
    fn hear_workers(&mut self) {
        let now = self.clock.now();
        let mut frame = Vec::new();
        let mut more = false;
        for worker in self.doors.workers_mut() {
            let mut left = ROUND;
            while left > 0
                && let Some(port) = worker.punts.pop(&mut frame)
            {
                self.director.handle_frame(now, port, &frame);
                left -= 1;
            }
            while let Some((port, addr)) = worker.punts.asked() {
                self.director.resolve(now, port, addr);
            }
            more |= left == 0;
        }
        if more {
            self.waker.wake();
        }
        while let Ok(report) = self.reports.try_recv() {
            match report {
                Report::Listed { listing, port, rows, done } => {
                    self.listed(now, listing, (port, &rows), done)
                }
                Report::Failed { port, error } => self.lose(now, port, &error),
                Report::Died(port) => {
                    // The other node takes over cleanly; half a balancer would not.
                    journal::say(Note::error(self.object(port), "a worker has died"));
                    self.end(now, "half a balancer serves nobody", Exit::Failed);
                }
            }
        }
    }

    /// An interface went away while it was open.
    fn lose(&mut self, now: Instant, port: PortId, error: &std::io::Error) {
        if self.doors.get(port).is_none() {
            return;
        }
        let text = format!("lost: {error}; it is opened again as soon as it is back");
        journal::say(Note::error(self.object(port), &text));
        self.director.port_lost(port, &text);
        self.close(now, port);
        self.lost.insert(port, String::new());
        self.reopen = now + REOPEN;
    }

    /// Interface `port` for the log.
    fn object(&self, port: PortId) -> Object {
        Object::interface(self.director.model(), u16::from(port))
    }

    fn close(&mut self, now: Instant, port: PortId) {
        // Listings that wait for its workers would wait for ever.
        for listing in std::mem::take(&mut self.listings) {
            let error = Reply::failed("interface closed while its tables were listed, try again");
            self.control.reply(now, listing.from, &error);
        }
        self.bench.closed(port);
        self.doors.close(port);
        self.director.port_closed(now, port);
    }

    fn open(&mut self, now: Instant, port: PortId, config: &Interface) -> Result<(), Failure> {
        let slow = config.init.is_some();
        if slow {
            self.manager.patience(INIT_LIMIT);
        }
        let opened = self.doors.open(port, config, self.director.model().tuning.maxsessions);
        if slow {
            self.manager.patience_over();
        }
        let info = opened?;
        self.director.port_opened(now, port, info);
        self.lost.remove(&port);
        Ok(())
    }

    /// Once a second: links, and interfaces that were lost.
    fn housekeep(&mut self, now: Instant) {
        if now.since(self.housekept) < HOUSEKEEPING {
            return;
        }
        self.housekept = now;
        journal::expire();
        self.manager.live(self.doors.workers());
        self.manager.status(|| tables::status(now, &self.director, &self.doors, &self.snapshot.load()));
        self.dumper.housekeep(&mut self.doors);
        for (port, up) in self.doors.link_changes() {
            self.director.link(now, port, up);
        }
        if !self.lost.is_empty() && self.reopen <= now {
            self.reopen = now + REOPEN;
            let wanted = wanted(self.director.model());
            for (port, before) in std::mem::take(&mut self.lost) {
                let Some((_, config)) = wanted.iter().find(|(number, _)| *number == port) else { continue };
                let Err(failure) = self.open(now, port, config) else { continue };
                // That it has not come back yet is no news; that it cannot be opened now is, once.
                let is_news = failure.text != before && may_be_opened(config);
                let text = format!("still lost: {}", failure.text);
                let severity = if is_news { Severity::Warning } else { Severity::Debug };
                journal::say(Note::new(severity, self.object(port), text));
                self.lost.insert(port, failure.text);
            }
        }
    }

    /// Does what a request asks for. `None`: the reply comes later.
    fn execute(&mut self, now: Instant, from: ConnectionId, line: &str) -> Option<Reply> {
        let command = match commands::parse(line) {
            Ok(command) => command,
            Err(text) => return Some(Reply::Error { status: Exit::Usage.code(), text }),
        };
        let before = self.changes;
        let reply = match command {
            Command::Nothing | Command::Quit => Ok(String::new()),
            Command::Help(word, statement) => {
                commands::help(word, statement).map_err(|text| Failure::new(Exit::Usage, text))
            }
            Command::Show { what: Show::Sessions, json, .. } => {
                return self.list(now, from, Purpose::Sessions { json });
            }
            Command::Show { what: Show::Nat, json, .. } => {
                return self.list(now, from, Purpose::Nat { json });
            }
            Command::Locate { address, json } => Ok(self.locate(address, json)),
            Command::IpdbReload => Ok(self.reread(&self.who(from))),
            Command::Show { what, number, json } => self.show(now, what, number, json),
            Command::Ping { to, count } => match self.director.ping(now, to, count) {
                Ok(number) => {
                    self.pings.push((number, from));
                    return None;
                }
                Err(why) => Err(Failure::from(format!("ping: {why}"))),
            },
            Command::Snapshot { file } => match self.snapshot_file(file) {
                Ok(path) => return self.list(now, from, Purpose::Snapshot(path)),
                Err(why) => Err(Failure::from(why)),
            },
            Command::Save { file, force } => self.save(&self.who(from), file, force),
            Command::Check { file } => self.check(file),
            Command::Reload { dry_run } => self.reload(now, &self.who(from), dry_run),
            Command::Source { file, dry_run } => self.source(now, &self.who(from), file, dry_run),
            Command::Clear(what) => {
                self.clear(now, &self.who(from), what);
                Ok(String::new())
            }
            Command::ArpInsert(addr, station) => {
                let done = self.director.insert_neighbor(now, addr, station);
                if done.is_ok() {
                    let text = format!("set to station {station} by {}", self.who(from));
                    journal::say(Note::notice(Object::Address(addr), text));
                }
                done.map(|()| String::new()).map_err(Failure::from)
            }
            Command::Benchmark(command) => {
                let model = self.director.model();
                let done =
                    self.bench.execute(command, model, &self.snapshot.load(), &mut self.doors, self.clock);
                done.map_err(Failure::from)
            }
            Command::Dump(command) => {
                let limits = self.director.model().dump;
                self.dumper.execute(&command, limits, &mut self.doors).map_err(Failure::from)
            }
            Command::Stop => {
                let text =
                    format!("BalanceNG: shutdown of {}PID {}\n", self.instance.label(), std::process::id());
                let who = self.who(from);
                self.end(now, &format!("told by {who}"), Exit::Success);
                Ok(text)
            }
            Command::Version => Ok(format!("{}\n", version::banner())),
            Command::Hello => Ok(self.greeting()),
            Command::Attach(who) => self.attach(from, who),
            Command::Complete(partial) => {
                let candidates = commands::complete(partial, &self.config);
                Ok(candidates.iter().map(|c| format!("{}\t{}\n", c.word, c.help)).collect())
            }
            Command::Configure(line) => self.configure(now, &self.who(from), line),
        };
        if self.changes != before {
            self.history.note(self.who(from), line);
        }
        Some(
            reply.map_or_else(|Failure { exit, text }| Reply::Error { status: exit.code(), text }, Reply::Ok),
        )
    }

    /// Whose connection it is, for the log.
    fn who(&self, from: ConnectionId) -> String {
        match &self.seat {
            Some(seat) if seat.connection == from => seat.who.clone(),
            _ => self.control.who(from).to_owned(),
        }
    }

    /// PID and node name.
    fn greeting(&self) -> String {
        let name = self.director.model().hostname.as_deref().unwrap_or("bng");
        format!("{} {name}\n", std::process::id())
    }

    /// Gives the interactive session to `who`, unless somebody has it.
    fn attach(&mut self, connection: ConnectionId, who: &str) -> Result<String, Failure> {
        if let Some(seat) = self.seat.as_ref().filter(|seat| self.control.is_open(seat.connection)) {
            return Err(Failure::from(format!(
                "control is in use since {} by {}; 'bng auxctl' opens a further session",
                seat.since, seat.who
            )));
        }
        let who = who.chars().take(200).map(|c| if c.is_control() { '?' } else { c }).collect();
        self.seat = Some(Seat { connection, who, since: LocalTime::now().ctime() });
        Ok(self.greeting())
    }

    /// A ping is over.
    fn pinged(&mut self, now: Instant, report: &crate::director::ping::Report) {
        let Some(at) = self.pings.iter().position(|(number, _)| *number == report.number) else { return };
        let (_, to) = self.pings.swap_remove(at);
        let text = ping::render(report);
        let reply = if ping::answered(report) { Reply::Ok(text) } else { Reply::failed(text) };
        self.control.reply(now, to, &reply);
    }

    fn clear(&mut self, now: Instant, who: &str, what: Clear) {
        let what = match what {
            Clear::Arp => {
                self.director.forget_neighbors(now);
                "stations of neighbours"
            }
            Clear::Counters => {
                self.doors.clear_counters();
                self.director.clear_counters();
                "counters"
            }
            // A line about it would be the first of what was to be empty.
            Clear::Log => return journal::clear(),
            Clear::Nat => {
                self.doors.workers().for_each(|worker| worker.tell(Mail::ClearFlows));
                "translated connections"
            }
            Clear::Sessions => {
                self.doors.workers().for_each(|worker| worker.tell(Mail::ClearSessions));
                "sessions"
            }
        };
        journal::say(Note::notice(Object::Program, format!("{what} cleared by {who}")));
    }

    /// The file that `snapshot` writes.
    fn snapshot_file(&self, file: Option<&str>) -> Result<PathBuf, String> {
        match file {
            None => Ok(support::name(&self.instance.snapshots, self.instance.number)),
            Some(file) => absolute("snapshot", file),
        }
    }

    /// Asks all workers for what they remember; the reply is complete when all have answered.
    fn list(&mut self, now: Instant, from: ConnectionId, purpose: Purpose) -> Option<Reply> {
        let outstanding = self.doors.workers().count();
        if outstanding == 0 {
            return Some(self.with_tables(now, &purpose, &Found::default()));
        }
        // Nobody waits for the answers to connections that are gone.
        let mut first = true;
        self.listings.retain(|listing| std::mem::take(&mut first) || self.control.is_open(listing.from));
        self.listing_number += 1;
        let number = self.listing_number;
        let tables = purpose.tables();
        self.listings.push(Listing { number, from, purpose, outstanding, found: Found::default() });
        // One listing after the other: a worker works on one at a time.
        if self.listings.len() == 1 {
            self.doors.workers().for_each(|worker| worker.tell(Mail::List(number, tables)));
        }
        None
    }

    /// A worker of interface `port` has listed some of what it remembers.
    fn listed(&mut self, now: Instant, number: u64, (port, rows): (PortId, &Rows), done: bool) {
        let Some(listing) = self.listings.first_mut().filter(|listing| listing.number == number) else {
            return;
        };
        listing.found.sessions.extend(rows.sessions.iter().map(tables::session));
        listing.found.flows.extend(rows.flows.iter().map(|view| tables::flow(port, view)));
        listing.outstanding -= usize::from(done);
        if listing.outstanding > 0 {
            return;
        }
        let mut listing = self.listings.remove(0);
        let Found { sessions, flows } = &mut listing.found;
        sessions.sort_by_key(|row| (row.server, row.target, row.address, row.port));
        // A copy stands behind the original.
        flows.sort_by_key(|row| {
            (row.server, row.target, row.initiator, row.responder, row.protocol, !row.owned, row.interface)
        });
        let reply = self.with_tables(now, &listing.purpose, &listing.found);
        self.control.reply(now, listing.from, &reply);
        if let Some(next) = self.listings.first() {
            let (number, tables) = (next.number, next.purpose.tables());
            self.doors.workers().for_each(|worker| worker.tell(Mail::List(number, tables)));
        }
    }

    fn save(&mut self, who: &str, file: Option<&str>, force: bool) -> Result<String, Failure> {
        let path = match file {
            None => self.instance.config.clone(),
            Some(file) => absolute("save", file)?,
        };
        let done = configuration::save(&path, &self.config, force);
        if done.is_ok() && path == self.instance.config {
            self.saved = Some(LocalTime::now().ctime());
        }
        journal::say(match &done {
            Ok(()) => Note::notice(Object::Configuration, format!("saved to {} by {who}", path.display())),
            // The client, which is mostly root's, then writes the file itself.
            Err(Failure { exit: Exit::Privilege, text }) => {
                Note::info(Object::Configuration, format!("save left to {who}: {text}"))
            }
            Err(failure) => {
                Note::error(Object::Configuration, format!("save by {who} failed: {}", failure.text))
            }
        });
        done.map(|()| String::new())
    }

    /// Looks for inconsistencies, in the running configuration or in a file.
    fn check(&self, file: Option<&str>) -> Result<String, Failure> {
        let (what, report) = match file {
            None => ("running configuration".to_owned(), check::check(&self.config)),
            Some(file) => {
                let path = absolute("check", file)?;
                (path.display().to_string(), check::check_text(file, configuration::read(&path)?))
            }
        };
        let text = format!("{report}{what}: {}\n", report.summary());
        // With the text in either case: what a script asks for is the status.
        if report.count(Level::Error) > 0 { Err(Failure::new(Exit::Configuration, text)) } else { Ok(text) }
    }

    /// Applies a configuration statement: all of it, or nothing.
    fn configure(&mut self, now: Instant, who: &str, line: &str) -> Result<String, Failure> {
        let mut config = self.config.clone();
        let applied = config.apply_line(line);
        let later = if applied.is_ok() { self.later(&config) } else { String::new() };
        let done = applied
            .map_err(|diagnostics| Failure::new(Exit::Configuration, diagnostics.to_string()))
            .and_then(|warnings| Ok((warnings.to_string() + &later, self.exchange(now, config)?)));
        match done {
            Ok((warnings, changes)) => {
                if !changes.is_empty() {
                    told("changed", who, &changes);
                }
                Ok(warnings)
            }
            Err(failure) => {
                // Who mistypes a line reads that at once; it is no news for anybody else.
                let text = format!("statement of {who} refused: {}", failure.text);
                journal::say(Note::info(Object::Configuration, text));
                Err(failure)
            }
        }
    }

    /// Reads the configuration file again. What changed is the text.
    fn reload(&mut self, now: Instant, who: &str, dry_run: bool) -> Result<String, Failure> {
        self.manager.reloading();
        let loaded = configuration::load(&self.instance.config, true);
        let done = loaded.and_then(|loaded| self.replace(now, loaded.config, loaded.warnings, dry_run));
        if done.is_ok() && !dry_run {
            self.loaded = Some(LocalTime::now().ctime());
            self.ipdb.reload(false);
        }
        self.manager.reloaded();
        let what = format!("reload of {}", self.instance.config.display());
        report(&what, who, done, dry_run)
    }

    /// Begins to read the files of locations again.
    fn reread(&mut self, who: &str) -> String {
        let files = self.ipdb.reload(true);
        if files.is_empty() {
            return "no file of locations ('ipdb', 'ipdb6')\n".to_owned();
        }
        let files = files.join(" and ");
        journal::say(Note::notice(Object::Configuration, format!("{files} is read again, told by {who}")));
        format!("{files} is read in the background, see 'show ipdb'\n")
    }

    /// Applies the statements in a file: all of them, or nothing. What changed is the text.
    fn source(&mut self, now: Instant, who: &str, file: &str, dry_run: bool) -> Result<String, Failure> {
        let path = absolute("source", file)?;
        let mut config = self.config.clone();
        let sourced = configuration::source(&path, &mut config);
        let done = sourced.and_then(|warnings| self.replace(now, config, warnings, dry_run));
        report(&format!("source of {}", path.display()), who, done, dry_run)
    }

    /// Makes `config` the running configuration, unless it brings an error that the running one does not have.
    /// `warnings` is what the reader has to say about it.
    fn replace(
        &mut self,
        now: Instant,
        config: Config,
        warnings: String,
        dry_run: bool,
    ) -> Result<Replaced, Failure> {
        let brought = check::check(&config).beyond(&check::check(&self.config));
        if brought.count(Level::Error) > 0 {
            return Err(Failure::new(Exit::Configuration, format!("{brought}nothing has been changed\n")));
        }
        let warnings = warnings + &self.later(&config);
        let changes = if dry_run { diff(&self.config, &config) } else { self.exchange(now, config)? };
        Ok(Replaced { warnings, changes })
    }

    /// Makes `config` the running configuration, and says what changed.
    fn exchange(&mut self, now: Instant, config: Config) -> Result<Vec<String>, Failure> {
        let changes = diff(&self.config, &config);
        self.adopt(now, config)?;
        Ok(changes)
    }

    /// What of a change to `config` has to wait, for the operator; nothing when all of it takes effect at once.
    fn later(&self, config: &Config) -> String {
        let Ok(model) = config.model() else { return String::new() };
        let (before, after) = (self.director.model().tuning.maxsessions, model.tuning.maxsessions);
        if before == after {
            return String::new();
        }
        let wanted = wanted(&model);
        let waits = |(number, door): &(PortId, &Door)| {
            let stays = wanted.iter().any(|(n, interface)| n == number && same_door(interface, &door.config));
            stays && door.maxsessions != after
        };
        let waiting: Vec<u16> =
            self.doors.iter().filter(waits).map(|(number, _)| u16::from(number)).collect();
        if waiting.is_empty() {
            return String::new();
        }
        let numbers = Value::Indices(waiting);
        format!(
            "note: maxsessions {after} takes effect when an interface is opened: 'disable interfaces {numbers}' and \
             'enable interfaces {numbers}' do that, and end the sessions there\n"
        )
    }

    /// Makes `config` the running configuration, or leaves everything as it was.
    fn adopt(&mut self, now: Instant, config: Config) -> Result<(), Failure> {
        let model = config
            .model()
            .map_err(|diagnostics| Failure::new(Exit::Configuration, diagnostics.to_string()))?;
        let before = wanted(self.director.model());
        let after = wanted(&model);
        let keeps = |list: &[(PortId, Interface)], number, interface| {
            list.iter().any(|(n, i)| *n == number && same_door(i, interface))
        };
        let closing: Vec<_> = before.iter().filter(|(n, i)| !keeps(&after, *n, i)).cloned().collect();
        let opening: Vec<_> = after.iter().filter(|(n, i)| !keeps(&before, *n, i)).cloned().collect();
        // The old ones first: the new ones may want their names.
        for (number, _) in &closing {
            self.close(now, *number);
        }
        for (at, (number, interface)) in opening.iter().enumerate() {
            if let Err(failure) = self.open(now, *number, interface) {
                for (number, _) in &opening[..at] {
                    self.close(now, *number);
                }
                for (number, interface) in &closing {
                    if let Err(failure) = self.open(now, *number, interface) {
                        let text =
                            format!("lost: it was closed and cannot be opened again: {}", failure.text);
                        journal::say(Note::error(self.object(*number), text));
                        self.lost.insert(*number, failure.text);
                    }
                }
                return Err(failure);
            }
        }
        self.lost.retain(|lost, _| after.iter().any(|(number, _)| number == lost));
        journal::set_facility(model.syslogfacility);
        if self.ipdb.follow(&model) {
            self.director.locate(self.ipdb.locations());
        }
        self.director.reload(now, model);
        self.changes += u64::from(self.config != config);
        self.config = config;
        Ok(())
    }
}

/// One door serves both: nothing needs to be opened.
fn same_door(a: &Interface, b: &Interface) -> bool {
    (&a.name, a.access, a.threads) == (&b.name, b.access, b.threads)
}

/// The interface is there, or is one that bng makes itself.
fn may_be_opened(interface: &Interface) -> bool {
    interface.access == Access::Tap || interface_names().contains(&interface.name)
}

/// A file that a client names. The daemon has left the directory that the client is in.
fn absolute(command: &str, file: &str) -> Result<PathBuf, String> {
    let path = Path::new(file);
    if path.is_absolute() {
        Ok(path.to_owned())
    } else {
        Err(format!("{command}: '{file}' is no absolute path"))
    }
}

/// What the exchange of a configuration gave.
struct Replaced {
    /// What its reader has to say.
    warnings: String,
    /// What has changed or would change, a line each.
    changes: Vec<String>,
}

/// Logs how the exchange of a configuration ended, and makes the text for the client. A dry run is nobody else's
/// business.
fn report(what: &str, who: &str, done: Result<Replaced, Failure>, dry_run: bool) -> Result<String, Failure> {
    match done {
        Ok(Replaced { warnings, changes }) => {
            if !dry_run {
                told(what, who, &changes);
            }
            let changes = match (changes.is_empty(), dry_run) {
                (true, true) => "nothing would change\n".to_owned(),
                (true, false) => "nothing has changed\n".to_owned(),
                (false, _) => changes.join("\n") + "\n",
            };
            Ok(warnings + &changes)
        }
        Err(failure) => {
            if !dry_run {
                let text = format!("{what} by {who} refused, nothing has changed: {}", failure.text);
                journal::say(Note::error(Object::Configuration, text));
            }
            Err(failure)
        }
    }
}

/// Logs what has changed by something that `who` did.
fn told(what: &str, who: &str, changes: &[String]) {
    let text = match changes {
        [] => format!("{what} by {who}: nothing has changed"),
        [only] => format!("{what} by {who}: {only}"),
        [..] => format!("{what} by {who}, {} changes: {}", changes.len(), changes.join("; ")),
    };
    journal::say(Note::notice(Object::Configuration, text));
}
