//! The control thread of a running daemon.
//!
//! ```text
//!   poll: signals, control socket, wake-ups of the workers, deadlines
//!     -> requests      answer, change the configuration
//!     -> punted frames  to the director
//!     <- director       frames to send, snapshots to publish, log lines
//! ```

use super::benchmark::Bench;
use super::clock::Clock;
use super::configuration;
use super::control::{ConnectionId, Control, Request};
use super::doors::Doors;
use super::dump::Dumper;
use super::exit::{Exit, Failure};
use super::instance::{Claim, Instance, Taking};
use super::signals::Signals;
use super::worker::{Mail, Report};
use super::{log as journal, tables};
use crate::cli::commands::{self, Clear, Command, Show};
use crate::cli::protocol::Reply;
use crate::cli::show::configuration as shown_configuration;
use crate::cli::show::json::Json;
use crate::cli::show::sessions::SessionRow;
use crate::cli::show::{
    arp, benchmark, drops, dump, interfaces, modules, networks, servers, sessions, targets, uptime, vrrp,
};
use crate::cli::version;
use crate::conf::check::{self, Level};
use crate::conf::model::Model;
use crate::conf::{Config, diff};
use crate::director::{Director, Output};
use crate::net::PortId;
use crate::seed::Seed;
use crate::snapshot::Snapshot;
use crate::time::{Duration, Instant};
use arc_swap::ArcSwap;
use bng_platform::process::detach::Readiness;
use bng_platform::process::localtime::LocalTime;
use bng_platform::process::{Interest, PollSet, Waker, random};
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

/// `show sessions` under way.
struct Listing {
    number: u64,
    from: ConnectionId,
    json: bool,
    /// Workers that are not done yet.
    outstanding: usize,
    rows: Vec<SessionRow>,
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
    director: Director,
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
    housekept: Instant,
    /// Interfaces that went away while they were open.
    lost: Vec<PortId>,
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
                log::error!("cannot let go of the terminal: {e}");
                return Exit::Failed;
            }
            journal::started();
            log::info!("{} is up", version::banner().trim_start_matches("This is "));
            let exit = daemon.run();
            log::info!("stopped");
            drop(claim);
            exit
        }
        Err(failure) => {
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
        log::warn!("removed the control socket {} left by a dead process", instance.socket().display());
    }
    let told = |what: &str| {
        let what = what.to_owned();
        move |e: std::io::Error| Failure::new(Exit::Failed, format!("{what}: {e}"))
    };
    let signals = Signals::catch().map_err(told("cannot catch signals"))?;
    let model = config.model().map_err(|e| Failure::new(Exit::Configuration, e.to_string()))?;
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
    let mut daemon = Daemon {
        bench: Bench::default(),
        doors,
        dumper: Dumper::default(),
        control,
        signals,
        director,
        config,
        instance,
        snapshot,
        reports,
        waker,
        clock,
        started: LocalTime::now().ctime(),
        seat: None,
        listings: Vec::new(),
        listing_number: 0,
        housekept: now,
        lost: Vec::new(),
        reopen: now,
        ending: None,
        exit: Exit::Success,
    };
    for (number, interface) in wanted(&daemon.director.model().clone()) {
        let info = daemon.doors.open(number, &interface)?;
        daemon.director.port_opened(clock.now(), number, info);
    }
    Ok((daemon, claim))
}

/// The interfaces that are to be open.
fn wanted(model: &Model) -> Vec<(PortId, crate::conf::model::Interface)> {
    let active = model.interfaces.iter().filter(|(_, interface)| interface.active);
    active.filter_map(|(number, i)| Some((PortId::try_from(*number).ok()?, i.clone()))).collect()
}

impl Daemon {
    fn run(mut self) -> Exit {
        loop {
            self.hear_workers();
            let now = self.clock.now();
            self.housekeep(now);
            self.direct(now);
            if self.ending.is_some_and(|end| end <= now || !self.control.unsent()) {
                break;
            }
            if let Err(e) = self.wait() {
                log::error!("poll: {e}");
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
            Some(self.housekept + HOUSEKEEPING),
            self.ending,
        ];
        let deadline = deadlines.into_iter().flatten().min();
        let ready = {
            let mut set = PollSet::new();
            self.signals.register(&mut set);
            set.add(self.waker.fd(), Interest::Read);
            let places = self.control.register(&mut set);
            set.wait(deadline.map(|deadline| deadline.since(now)))?;
            places.ready(&set)
        };
        self.waker.drain();
        let now = self.clock.now();
        let asked = self.signals.take();
        if asked.terminate {
            self.end(now, Exit::Success);
        }
        if asked.reload {
            match self.reload(now, false) {
                Ok(changes) => log::info!("configuration read again: {}", in_one_line(&changes)),
                Err(e) => {
                    log::error!("configuration not read again, nothing is changed: {}", in_one_line(&e.text))
                }
            }
        }
        let mut requests = self.control.serve(now, &ready);
        while !requests.is_empty() {
            for Request { from, line } in requests {
                if let Some(reply) = self.execute(now, from, &line) {
                    self.control.reply(now, from, &reply);
                }
            }
            requests = self.control.queued(now);
        }
        Ok(())
    }

    fn end(&mut self, now: Instant, exit: Exit) {
        if self.ending.is_none() {
            log::info!("stopping");
            self.ending = Some(now + FAREWELL);
            self.exit = exit;
        }
    }

    /// Does what the director wants done.
    fn direct(&mut self, now: Instant) {
        for _ in 0..ROUND {
            match self.director.poll(now) {
                Some(Output::Send { port, frame }) => {
                    self.doors.send(port, &frame);
                }
                Some(Output::Publish(snapshot)) => self.snapshot.store(snapshot),
                Some(Output::Log(level, text)) => log::log!(level, "{text}"),
                None => return,
            }
        }
        // More at once than one round takes: come back at once.
        self.waker.wake();
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
            more |= left == 0;
        }
        if more {
            self.waker.wake();
        }
        while let Ok(report) = self.reports.try_recv() {
            match report {
                Report::Sessions { listing, rows, done } => self.listed(now, listing, &rows, done),
                Report::Failed { port, error } => self.lose(now, port, &error),
                Report::Died(port) => {
                    // The other node takes over cleanly; half a balancer would not.
                    log::error!("interface {port}: a worker has died, stopping");
                    self.end(now, Exit::Failed);
                }
            }
        }
    }

    /// An interface went away while it was open.
    fn lose(&mut self, now: Instant, port: PortId, error: &std::io::Error) {
        if self.doors.get(port).is_none() {
            return;
        }
        log::error!(
            "interface {port} is lost: {error}; trying to open it again every {} s",
            REOPEN.as_secs()
        );
        self.close(now, port);
        self.lost.push(port);
        self.reopen = now + REOPEN;
    }

    fn close(&mut self, now: Instant, port: PortId) {
        // Listings that wait for its workers would wait for ever.
        for listing in std::mem::take(&mut self.listings) {
            let error = Reply::failed("interface closed while its sessions were listed, try again");
            self.control.reply(now, listing.from, &error);
        }
        self.bench.closed(port);
        self.doors.close(port);
        self.director.port_closed(now, port);
    }

    fn open(
        &mut self,
        now: Instant,
        port: PortId,
        config: &crate::conf::model::Interface,
    ) -> Result<(), Failure> {
        let info = self.doors.open(port, config)?;
        self.director.port_opened(now, port, info);
        Ok(())
    }

    /// Once a second: links, and interfaces that were lost.
    fn housekeep(&mut self, now: Instant) {
        if now.since(self.housekept) < HOUSEKEEPING {
            return;
        }
        self.housekept = now;
        self.dumper.housekeep(&mut self.doors);
        for (port, up) in self.doors.link_changes() {
            self.director.link(now, port, up);
        }
        if !self.lost.is_empty() && self.reopen <= now {
            self.reopen = now + REOPEN;
            let wanted = wanted(self.director.model());
            for port in std::mem::take(&mut self.lost) {
                let Some((_, config)) = wanted.iter().find(|(number, _)| *number == port) else { continue };
                if let Err(failure) = self.open(now, port, config) {
                    log::debug!("interface {port} is still lost: {}", failure.text);
                    self.lost.push(port);
                }
            }
        }
    }

    /// Does what a request asks for. `None`: the reply comes later.
    fn execute(&mut self, now: Instant, from: ConnectionId, line: &str) -> Option<Reply> {
        let command = match commands::parse(line) {
            Ok(command) => command,
            Err(text) => return Some(Reply::Error { status: Exit::Usage.code(), text }),
        };
        let reply = match command {
            Command::Nothing | Command::Quit => Ok(String::new()),
            Command::Help(word) => commands::help(word).map_err(|text| Failure::new(Exit::Usage, text)),
            Command::Show { what: Show::Sessions, json } => return self.list_sessions(from, json),
            Command::Show { what, json: false } => Ok(self.show(now, what)),
            Command::Show { what, json: true } => Ok(format!("{}\n", self.show_json(now, what))),
            Command::Save { file, force } => self.save(file, force).map_err(Failure::from),
            Command::Check { file } => self.check(file),
            Command::Reload { dry_run } => self.reload(now, dry_run),
            Command::Source { file, dry_run } => self.source(now, file, dry_run),
            Command::Clear(what) => {
                self.clear(now, what);
                Ok(String::new())
            }
            Command::ArpInsert(addr, station) => {
                let done = self.director.insert_neighbor(now, addr, station);
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
                self.end(now, Exit::Success);
                Ok(text)
            }
            Command::Version => Ok(format!("{}\n", version::banner())),
            Command::Hello => Ok(self.greeting()),
            Command::Attach(who) => self.attach(from, who),
            Command::Complete(partial) => {
                let candidates = commands::complete(partial, &self.config);
                Ok(candidates.iter().map(|c| format!("{}\t{}\n", c.word, c.help)).collect())
            }
            Command::Configure(line) => self.configure(now, line),
        };
        Some(
            reply.map_or_else(|Failure { exit, text }| Reply::Error { status: exit.code(), text }, Reply::Ok),
        )
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

    fn clear(&mut self, now: Instant, what: Clear) {
        match what {
            Clear::Arp => self.director.forget_neighbors(now),
            Clear::Counters => self.doors.workers().for_each(|worker| worker.tell(Mail::ClearCounters)),
            Clear::Log => journal::clear(),
            Clear::Sessions => {
                log::info!("sessions cleared by command");
                self.doors.workers().for_each(|worker| worker.tell(Mail::ClearSessions));
            }
        }
    }

    fn show(&self, now: Instant, what: Show) -> String {
        let (director, doors) = (&self.director, &self.doors);
        match what {
            Show::Arp => arp::render(&tables::arp(now, director)),
            Show::Benchmark => benchmark::render(self.bench.view(now).as_ref()),
            Show::Configuration => configuration::written(&self.config),
            Show::Drops => drops::render(&tables::drops(doors)),
            Show::Dump => dump::render(self.dumper.view().as_ref()),
            Show::Interfaces => interfaces::render(&tables::interfaces(director, doors)),
            Show::Log => journal::recent(),
            Show::Modules => modules::render(&director.model().modules),
            Show::Networks => networks::render(&tables::networks(director, doors)),
            Show::Servers => servers::render(&tables::servers(director, doors, &self.snapshot.load())),
            Show::Sessions => sessions::render(&[]),
            Show::Targets => targets::render(&tables::targets(director, doors)),
            Show::Uptime => {
                let seconds = now.since(Instant::ZERO).as_secs();
                uptime::render(&uptime::UptimeView { started: self.started.clone(), seconds })
            }
            Show::Version => format!("{}\n", version::banner()),
            Show::Vrrp => vrrp::render(&tables::vrrp(now, director, doors)),
        }
    }

    fn show_json(&self, now: Instant, what: Show) -> Json {
        let (director, doors) = (&self.director, &self.doors);
        match what {
            Show::Arp => arp::json(&tables::arp(now, director)),
            Show::Benchmark => benchmark::json(self.bench.view(now).as_ref()),
            Show::Configuration => shown_configuration::json(&self.config),
            Show::Drops => drops::json(&tables::drops(doors)),
            Show::Dump => dump::json(self.dumper.view().as_ref()),
            Show::Interfaces => interfaces::json(&tables::interfaces(director, doors)),
            Show::Log => Json::list(journal::recent().lines(), Json::text),
            Show::Modules => modules::json(&director.model().modules),
            Show::Networks => networks::json(&tables::networks(director, doors)),
            Show::Servers => servers::json(&tables::servers(director, doors, &self.snapshot.load())),
            Show::Sessions => sessions::json(&[]),
            Show::Targets => targets::json(&tables::targets(director, doors)),
            Show::Uptime => {
                let seconds = now.since(Instant::ZERO).as_secs();
                uptime::json(&uptime::UptimeView { started: self.started.clone(), seconds })
            }
            Show::Version => version::json(),
            Show::Vrrp => vrrp::json(&tables::vrrp(now, director, doors)),
        }
    }

    /// Asks all workers for their sessions; the reply is complete when all have answered.
    fn list_sessions(&mut self, from: ConnectionId, json: bool) -> Option<Reply> {
        let outstanding = self.doors.workers().count();
        if outstanding == 0 {
            return Some(Reply::Ok(listing_of(&[], json)));
        }
        self.listing_number += 1;
        let number = self.listing_number;
        self.listings.push(Listing { number, from, json, outstanding, rows: Vec::new() });
        // One listing after the other: a worker works on one at a time.
        if self.listings.len() == 1 {
            self.doors.workers().for_each(|worker| worker.tell(Mail::List(number)));
        }
        None
    }

    /// A worker has listed some of its sessions.
    fn listed(&mut self, now: Instant, number: u64, rows: &[crate::slb::session::View], done: bool) {
        let Some(listing) = self.listings.first_mut().filter(|listing| listing.number == number) else {
            return;
        };
        listing.rows.extend(rows.iter().map(tables::session));
        listing.outstanding -= usize::from(done);
        if listing.outstanding > 0 {
            return;
        }
        let mut listing = self.listings.remove(0);
        listing.rows.sort_by_key(|row| (row.server, row.target, row.address, row.port));
        self.control.reply(now, listing.from, &Reply::Ok(listing_of(&listing.rows, listing.json)));
        if let Some(next) = self.listings.first() {
            let number = next.number;
            self.doors.workers().for_each(|worker| worker.tell(Mail::List(number)));
        }
    }

    fn save(&self, file: Option<&str>, force: bool) -> Result<String, String> {
        let path = match file {
            None => self.instance.config.clone(),
            Some(file) => absolute("save", file)?,
        };
        configuration::save(&path, &self.config, force)?;
        log::info!("configuration saved to {}", path.display());
        Ok(String::new())
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
    fn configure(&mut self, now: Instant, line: &str) -> Result<String, Failure> {
        let mut config = self.config.clone();
        let warnings = config
            .apply_line(line)
            .map_err(|diagnostics| Failure::new(Exit::Configuration, diagnostics.to_string()))?;
        self.adopt(now, config)?;
        Ok(warnings.to_string())
    }

    /// Reads the configuration file again. What changed is the text.
    fn reload(&mut self, now: Instant, dry_run: bool) -> Result<String, Failure> {
        let loaded = configuration::load(&self.instance.config, true)?;
        self.exchange(now, loaded.config, loaded.warnings, dry_run)
    }

    /// Applies the statements in a file: all of them, or nothing. What changed is the text.
    fn source(&mut self, now: Instant, file: &str, dry_run: bool) -> Result<String, Failure> {
        let path = absolute("source", file)?;
        let mut config = self.config.clone();
        let warnings = configuration::source(&path, &mut config)?;
        self.exchange(now, config, warnings, dry_run)
    }

    /// Makes `config` the running configuration, unless it brings an error that the running one does not have, and
    /// says what changed. `warnings` is what the reader has to say about it.
    fn exchange(
        &mut self,
        now: Instant,
        config: Config,
        warnings: String,
        dry_run: bool,
    ) -> Result<String, Failure> {
        let brought = check::check(&config).beyond(&check::check(&self.config));
        if brought.count(Level::Error) > 0 {
            return Err(Failure::new(Exit::Configuration, format!("{brought}nothing has been changed\n")));
        }
        let changes = diff(&self.config, &config);
        if !dry_run {
            self.adopt(now, config)?;
        }
        let changes = match (changes.is_empty(), dry_run) {
            (true, true) => "nothing would change\n".to_owned(),
            (true, false) => "nothing has changed\n".to_owned(),
            (false, _) => changes.join("\n") + "\n",
        };
        Ok(warnings + &changes)
    }

    /// Makes `config` the running configuration, or leaves everything as it was.
    fn adopt(&mut self, now: Instant, config: Config) -> Result<(), Failure> {
        let model = config
            .model()
            .map_err(|diagnostics| Failure::new(Exit::Configuration, diagnostics.to_string()))?;
        let before = wanted(self.director.model());
        let after = wanted(&model);
        let same = |a: &crate::conf::model::Interface, b: &crate::conf::model::Interface| {
            (&a.name, a.access, a.threads) == (&b.name, b.access, b.threads)
        };
        let keeps = |list: &[(PortId, crate::conf::model::Interface)], number, interface| {
            list.iter().any(|(n, i)| *n == number && same(i, interface))
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
                        log::error!(
                            "interface {number} was closed and cannot be opened again: {}",
                            failure.text
                        );
                        self.lost.push(*number);
                    }
                }
                return Err(failure);
            }
        }
        self.lost.retain(|lost| after.iter().any(|(number, _)| number == lost));
        self.director.reload(now, model);
        self.config = config;
        Ok(())
    }
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

/// `show sessions` in either form.
fn listing_of(rows: &[SessionRow], json: bool) -> String {
    if json { format!("{}\n", sessions::json(rows)) } else { sessions::render(rows) }
}

/// A text of several lines as one, for the log.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
