//! What `show` and `snapshot` say of the running daemon.

use super::super::exit::{Exit, Failure};
use super::super::{configuration, log as journal, support, tables};
use super::{Daemon, Found, Purpose};
use crate::cli::commands::{self, Show};
use crate::cli::protocol::Reply;
use crate::cli::show::conffile::{self, ConffileView, State};
use crate::cli::show::configuration as shown_configuration;
use crate::cli::show::instance::{self, InstanceView};
use crate::cli::show::json::Json;
use crate::cli::show::lgrp::{self, LgrpRow};
use crate::cli::show::nodeid::{self, NodeView};
use crate::cli::show::sessions;
use crate::cli::show::uptime::{self, UptimeView};
use crate::cli::show::{
    arp, benchmark, commandlog, counters, drops, dump, gateway, interfaces, ipdb, license, locations,
    modules, nat, networks, parameters, pools, servers, snapshots, targets, threads, vips, vrrp,
};
use crate::cli::version;
use crate::conf::check;
use crate::conf::{Kind, diff};
use crate::time::Instant;
use std::io::ErrorKind;
use std::net::IpAddr;

/// Most sessions, and most translated connections, in the file of a snapshot.
const SNAPSHOT_ROWS: usize = 10_000;

/// A table in either form.
fn either<T: ?Sized>(json: bool, rows: &T, text: fn(&T) -> String, object: fn(&T) -> Json) -> String {
    if json { format!("{}\n", object(rows)) } else { text(rows) }
}

/// The rows of object `number` of `kind`, or all.
fn only<T>(rows: Vec<T>, kind: Kind, number: Option<u16>, of: impl Fn(&T) -> u16) -> Result<Vec<T>, Failure> {
    let Some(number) = number else { return Ok(rows) };
    let found: Vec<T> = rows.into_iter().filter(|row| of(row) == number).collect();
    if found.is_empty() {
        return Err(Failure::new(Exit::Failed, format!("{} does not exist", kind.object_name(number))));
    }
    Ok(found)
}

/// So many rows of a table as a snapshot has room for.
fn first<T>(rows: &[T], render: fn(&[T]) -> String) -> String {
    let shown = &rows[..rows.len().min(SNAPSHOT_ROWS)];
    let left = if shown.len() < rows.len() {
        format!("  the first of {} rows\n", rows.len())
    } else {
        String::new()
    };
    render(shown) + &left
}

/// The last `most` lines of a log, or all.
fn lines(json: bool, text: &str, most: Option<u16>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = most.map_or(0, |most| lines.len().saturating_sub(usize::from(most)));
    let render = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect();
    if json { format!("{}\n", Json::list(&lines[from..], Json::text)) } else { render(&lines[from..]) }
}

impl Daemon {
    /// The table `what`: of all objects or only one, of all lines or only the last ones.
    pub(super) fn show(
        &self,
        now: Instant,
        what: Show,
        number: Option<u16>,
        json: bool,
    ) -> Result<String, Failure> {
        let (director, doors) = (&self.director, &self.doors);
        let model = director.model();
        Ok(match what {
            Show::Arp => either(json, &tables::arp(now, director)[..], arp::render, arp::json),
            Show::Benchmark => {
                let view = self.bench.view(now);
                either(json, &view, |v| benchmark::render(v.as_ref()), |v| benchmark::json(v.as_ref()))
            }
            Show::Commandlog => {
                let rows = self.history.last(number.map_or(usize::MAX, usize::from));
                either(json, &rows[..], commandlog::render, commandlog::json)
            }
            Show::Conffile => either(json, &self.conffile(), conffile::render, conffile::json),
            Show::Configuration => {
                either(json, &self.config, configuration::written, shown_configuration::json)
            }
            Show::Counters => either(json, &tables::counters(doors)[..], counters::render, counters::json),
            Show::Drops => either(json, &tables::drops(doors)[..], drops::render, drops::json),
            Show::Dump => {
                let view = self.dumper.view();
                either(json, &view, |v| dump::render(v.as_ref()), |v| dump::json(v.as_ref()))
            }
            Show::Gateway => {
                either(json, &tables::gateways(director, now)[..], gateway::render, gateway::json)
            }
            Show::Instance => either(json, &self.instance_view(), instance::render, instance::json),
            Show::Interfaces => {
                let rows = only(tables::interfaces(director, doors), Kind::Interface, number, |r| r.number)?;
                either(json, &rows[..], interfaces::render, interfaces::json)
            }
            Show::Ipdb => either(json, &self.ipdb.rows()[..], ipdb::render, ipdb::json),
            Show::Lgrp => either(json, &self.lgrps()[..], lgrp::render, lgrp::json),
            Show::License => either(json, &(), license::render, license::json),
            Show::Locations => {
                let rows = tables::locations(model, director.locations());
                either(json, &rows[..], locations::render, locations::json)
            }
            Show::Log => lines(json, &journal::recent(), number),
            Show::Modules => either(json, &model.modules[..], modules::render, modules::json),
            // What the workers list comes by itself.
            Show::Nat => either(json, &[][..], nat::render, nat::json),
            Show::Networks => {
                let rows = only(tables::networks(director, doors), Kind::Network, number, |r| r.number)?;
                either(json, &rows[..], networks::render, networks::json)
            }
            Show::Nodeid => either(json, &self.node(), nodeid::render, nodeid::json),
            Show::Parameters => either(json, &self.config, parameters::render, parameters::json),
            Show::Pools => either(json, &tables::pools(director)[..], pools::render, pools::json),
            Show::Servers => {
                let rows = tables::servers(director, doors, &self.snapshot.load());
                let rows = only(rows, Kind::Server, number, |r| r.number)?;
                either(json, &rows[..], servers::render, servers::json)
            }
            Show::Sessions => either(json, &[][..], sessions::render, sessions::json),
            Show::Snapshots => {
                let rows = support::list(&self.instance.snapshots, self.instance.number);
                either(json, &rows[..], snapshots::render, snapshots::json)
            }
            Show::Startuplog => lines(json, &journal::first(), None),
            Show::Targets => {
                let rows = only(tables::targets(now, director, doors), Kind::Target, number, |r| r.number)?;
                let text = if number.is_some() { targets::details } else { targets::render };
                either(json, &rows[..], text, targets::json)
            }
            Show::Threads => either(json, &tables::threads(doors)[..], threads::render, threads::json),
            Show::Uptime => {
                let seconds = now.since(Instant::ZERO).as_secs();
                let view = UptimeView { started: self.started.clone(), seconds };
                either(json, &view, uptime::render, uptime::json)
            }
            Show::Version => either(json, &(), |()| format!("{}\n", version::banner()), |()| version::json()),
            Show::Vips => either(json, &tables::vips(director)[..], vips::render, vips::json),
            Show::Vrrp => either(json, &tables::vrrp(now, director, doors), vrrp::render, vrrp::json),
        })
    }

    /// The reply that waited for the tables of all workers.
    pub(super) fn with_tables(&self, now: Instant, purpose: &Purpose, found: &Found) -> Reply {
        match purpose {
            Purpose::Sessions { json } => {
                Reply::Ok(either(*json, &found.sessions[..], sessions::render, sessions::json))
            }
            Purpose::Nat { json } => Reply::Ok(either(*json, &found.flows[..], nat::render, nat::json)),
            Purpose::Snapshot(path) => match support::write(path, &self.everything(now, found)) {
                Ok(()) => Reply::Ok(format!("{}\n", path.display())),
                Err(why) => Reply::failed(why),
            },
        }
    }

    /// All that may help to find a fault.
    fn everything(&self, now: Instant, found: &Found) -> String {
        let mut text = String::new();
        for (word, what) in commands::show_words() {
            text.push_str(&format!("==== show {word}\n"));
            match (what, self.show(now, what, None, false)) {
                (Show::Sessions, _) => text.push_str(&first(&found.sessions, sessions::render)),
                (Show::Nat, _) => text.push_str(&first(&found.flows, nat::render)),
                (_, Ok(table)) => text.push_str(&table),
                (_, Err(failure)) => text.push_str(&format!("{}\n", failure.text)),
            }
        }
        let report = check::check(&self.config);
        text + &format!("==== check\n{report}{}\n==== end\n", report.summary())
    }

    fn conffile(&self) -> ConffileView {
        let path = &self.instance.config;
        let state = match configuration::load(path, true) {
            Err(_) if std::fs::metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound) => {
                State::Missing
            }
            Err(failure) => State::Unusable(failure.text),
            Ok(loaded) => match diff(&self.config, &loaded.config).len() {
                0 => State::Same,
                n => State::Differs(n),
            },
        };
        ConffileView {
            path: path.display().to_string(),
            loaded: self.loaded.clone(),
            saved: self.saved.clone(),
            state,
        }
    }

    fn instance_view(&self) -> InstanceView {
        let Self { instance, started, .. } = self;
        InstanceView {
            number: instance.number,
            pid: std::process::id(),
            started: started.clone(),
            conffile: instance.config.display().to_string(),
            pidfile: instance.pid_file().display().to_string(),
            socket: instance.socket().display().to_string(),
            snapshots: instance.snapshots.display().to_string(),
        }
    }

    fn node(&self) -> NodeView {
        let model = self.director.model();
        let real =
            model.networks.values().flat_map(|n| [n.real.map(IpAddr::from), n.real6.map(IpAddr::from)]);
        NodeView {
            hostname: model.hostname.clone(),
            instance: self.instance.number,
            real: real.flatten().collect(),
            priority: model.vrrp.map(|vrrp| vrrp.priority),
        }
    }

    /// Where `address` is, and which targets its owner can get.
    pub(super) fn locate(&self, address: IpAddr, json: bool) -> String {
        let place = tables::whereabouts(self.director.model(), &self.snapshot.load(), address);
        either(json, &place, locations::render_one, locations::json_one)
    }

    fn lgrps(&self) -> Vec<LgrpRow> {
        let kind = Kind::Lgrp;
        let row = |(number, _)| {
            Some(LgrpRow { number, locations: self.config.value(kind, number, kind.keyword())? })
        };
        self.config.numbers(kind).filter_map(row).collect()
    }
}
