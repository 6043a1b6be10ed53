//! Fills the rows of `show` from the running daemon.

use super::doors::{Doors, requested};
use crate::cli::show::arp::ArpRow;
use crate::cli::show::counters::CounterRow;
use crate::cli::show::drops::DropRow;
use crate::cli::show::gateway::GatewayRow;
use crate::cli::show::interfaces::InterfaceRow;
use crate::cli::show::locations::{LocationRow, Whereabouts};
use crate::cli::show::nat::FlowRow;
use crate::cli::show::networks::NetworkRow;
use crate::cli::show::pools::PoolRow;
use crate::cli::show::servers::{ServerRow, ServerState};
use crate::cli::show::sessions::{SessionRow, Sync};
use crate::cli::show::table::Answers;
use crate::cli::show::targets::{CheckRow, TargetRow, TargetState};
use crate::cli::show::threads::{ThreadRow, Work};
use crate::cli::show::vips::VipRow;
use crate::cli::show::vrrp::VrrpView;
use crate::conf::model::{Model, Protocol};
use crate::director::checks::Verdict;
use crate::director::{Director, GatewayStatus, GatewayView, Status};
use crate::flow;
use crate::location::Locations;
use crate::module::vrrp::machine::State;
use crate::nat::NatPorts;
use crate::net::{Addr, PortId};
use crate::slb::session::View;
use crate::snapshot::{Class, Role, Snapshot, station};
use crate::stat::{self, Drop, Traffic, WorkerStats};
use crate::time::Instant;
use bng_platform::process::cpu;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Sums one figure over all workers.
fn total(doors: &Doors, figure: impl Fn(&WorkerStats) -> u64) -> u64 {
    doors.workers().map(|worker| figure(&worker.stats)).sum()
}

/// Sessions, packets, bytes and answers of what `of` picks.
fn traffic(doors: &Doors, of: impl Fn(&WorkerStats) -> &Traffic) -> (u64, u64, u64, Answers) {
    let sum = |figure: fn(&Traffic) -> &stat::Counter| total(doors, |stats| figure(of(stats)).get());
    let replies = Answers { packets: sum(|t| &t.replies), bytes: sum(|t| &t.reply_bytes) };
    (sum(|t| &t.sessions), sum(|t| &t.frames), sum(|t| &t.bytes), replies)
}

/// A row for one session.
pub fn session(view: &View) -> SessionRow {
    let address = view.addr.as_v4().map(IpAddr::from);
    SessionRow {
        server: view.server,
        target: view.target,
        age_s: view.age.as_secs(),
        timeout_s: view.timeout.as_secs(),
        ftimeout_s: view.ftimeout.as_secs(),
        sync: Sync::NoPeer,
        address: address.unwrap_or_else(|| Ipv6Addr::from_bits(view.addr.to_bits()).into()),
        port: view.port,
        why: view.why.word(),
    }
}

/// A row for one translated connection, as a worker of interface `port` knows it.
pub fn flow(port: PortId, view: &flow::View) -> FlowRow {
    let flow::View { flow, state, owned, age, idle, timeout } = view;
    let end = |addr: Addr, port| (addr.to_ip(), port);
    let (original, translated) = (&flow.original, &flow.translated);
    FlowRow {
        interface: u16::from(port),
        owned: *owned,
        kind: match flow.kind {
            flow::Kind::Dnat => "dnat",
            flow::Kind::Proxy => "proxy",
            flow::Kind::Snat => "snat",
            flow::Kind::Tnat => "tnat",
        },
        protocol: original.proto,
        state: match state {
            flow::State::Single => "single",
            flow::State::Resumed => "resumed",
            flow::State::Opening => "opening",
            flow::State::Established => "open",
            flow::State::ClosingOriginal | flow::State::ClosingReply => "closing",
            flow::State::Closed => "closed",
        },
        server: flow.server,
        target: flow.target,
        idle_s: idle.as_secs(),
        age_s: age.as_secs(),
        timeout_s: timeout.as_secs(),
        initiator: end(original.src, original.sport),
        responder: end(original.dst, original.dport),
        from: end(translated.src, translated.sport),
        to: end(translated.dst, translated.dport),
    }
}

/// Rows of `show pools`.
pub fn pools(director: &Director) -> Vec<PoolRow> {
    let of = NatPorts::new(&director.model().tuning.natports.runs()).ports.count();
    let row =
        |(addr, [tcp, udp, echo]): (Addr, [u32; 3])| PoolRow { address: addr.to_ip(), tcp, udp, echo, of };
    director.ports_in_use().map(row).collect()
}

/// Rows of `show counters`: what there is in every worker, in the order of a frame's way.
pub fn counters(doors: &Doors) -> Vec<CounterRow> {
    type Row = (&'static str, fn(&stat::Work) -> &stat::Counter, &'static str);
    const ROWS: [Row; 23] = [
        ("received", |w| &w.received, "frames received"),
        ("forwarded", |w| &w.forwarded, "frames sent to targets as they were, or through tunnels"),
        ("routed", |w| &w.routed, "packets sent on as a router does, translated or not"),
        ("resolved", |w| &w.resolved, "ARP requests and neighbour solicitations answered"),
        ("echoed", |w| &w.echoed, "echo requests answered"),
        ("answered", |w| &w.answered, "DNS queries answered"),
        ("nxdomain", |w| &w.nxdomain, "DNS queries for names that do not exist"),
        ("servfail", |w| &w.servfail, "DNS queries without an answer because no target is up"),
        ("refused", |w| &w.refused, "DNS queries for other names, of other kinds or not understood"),
        ("errors", |w| &w.errors, "ICMP errors sent"),
        ("punted", |w| &w.punted, "frames handed to the control thread"),
        ("waiting", |w| &w.waiting, "packets that wait for the station of a neighbour now"),
        ("expired", |w| &w.expired, "sessions removed because they were idle for too long"),
        ("evicted", |w| &w.evicted, "sessions removed to make room for others"),
        ("moved", |w| &w.moved, "sessions moved to another target because theirs went down"),
        ("unstored", |w| &w.unstored, "packets served without a session because of 'set synrate'"),
        ("flows", |w| &w.flows, "translated connections in the tables now, copies included"),
        ("opened", |w| &w.opened, "translated connections opened"),
        (
            "resumed",
            |w| &w.resumed,
            "connections of 'nat' and 'tnat' taken up in the middle; 'opened' counts them, too",
        ),
        ("closed", |w| &w.closed, "translated connections that have ended or were given up"),
        (
            "resets",
            |w| &w.resets,
            "connections of 'nat' and 'tnat' that could not be taken up and were reset",
        ),
        ("clashed", |w| &w.clashed, "translated connections that another worker could not note"),
        ("untold", |w| &w.untold, "news of translated connections that another worker had no room for"),
    ];
    let row = |(counter, figure, meaning): Row| CounterRow {
        counter,
        value: total(doors, |stats| figure(&stats.work).get()),
        meaning,
    };
    ROWS.into_iter().map(row).collect()
}

/// Rows of `show servers`.
pub fn servers(director: &Director, doors: &Doors, snapshot: &Snapshot) -> Vec<ServerRow> {
    let row = |(number, server): (&u16, &crate::conf::model::Server)| {
        let (sessions, packets, bytes, replies) = traffic(doors, |stats| stats.server(*number));
        let usable = snapshot.server(*number).is_some_and(|s| s.usable().is_some());
        let state = match (server.registered, server.active) {
            (false, _) => ServerState::Unregistered,
            (true, false) => ServerState::Disabled,
            (true, true) if usable => ServerState::Active,
            (true, true) => ServerState::NoTarget,
        };
        ServerRow {
            number: *number,
            name: server.name.clone(),
            addresses: server.addresses().collect(),
            ports: server.ports.clone(),
            protocol: match server.protocol {
                None => "any",
                Some(Protocol::Tcp) => "tcp",
                Some(Protocol::Udp) => "udp",
            },
            state,
            sessions,
            packets,
            bytes,
            replies,
            targets: server.targets.clone(),
            backups: server.backups.clone(),
            on_backups: usable && snapshot.server(*number).is_some_and(|s| s.on_backups()),
        }
    };
    director.model().servers.iter().map(row).collect()
}

/// The groups that have the location `code`.
fn groups(model: &Model, code: &str) -> Vec<u16> {
    let groups = model.lgrps.iter().filter(|(_, codes)| codes.iter().any(|of| of == code));
    groups.map(|(number, _)| *number).collect()
}

/// Rows of `show locations`.
pub fn locations(model: &Model, locations: &Locations) -> Vec<LocationRow> {
    let mut rows = BTreeMap::<&str, (bool, bool)>::new();
    for code in locations.v4.iter().flat_map(|table| table.codes()) {
        rows.entry(code).or_default().0 = true;
    }
    for code in locations.v6.iter().flat_map(|table| table.codes()) {
        rows.entry(code).or_default().1 = true;
    }
    let row = |(code, (v4, v6)): (&str, (bool, bool))| LocationRow {
        code: code.to_owned(),
        lgrps: groups(model, code),
        v4,
        v6,
    };
    rows.into_iter().map(row).collect()
}

/// Where `address` is, as workers see it.
pub fn whereabouts(model: &Model, snapshot: &Snapshot, address: IpAddr) -> Whereabouts {
    let addr = Addr::from(address);
    let table = snapshot.locations.table(addr);
    let found = table.map(|table| table.find(addr));
    let code = table.zip(found).and_then(|(table, found)| table.code(found.place)).map(str::to_owned);
    let by_location = snapshot.servers.iter().zip(0..).filter_map(|(server, number)| {
        let server = server.as_ref().filter(|server| server.places.matter())?;
        let Class { v4, v6 } = snapshot.class(server, addr);
        let mut targets: Vec<u16> = v4.list.iter().chain(&v6.list).map(|one| one.target).collect();
        targets.sort_unstable();
        targets.dedup();
        Some((number, targets))
    });
    Whereabouts {
        address,
        known: table.is_some(),
        lgrps: code.as_deref().map_or(Vec::new(), |code| groups(model, code)),
        prefix: found.map_or(0, |found| found.prefix),
        code,
        targets: by_location.collect(),
    }
}

/// Rows of `show targets`.
pub fn targets(now: Instant, director: &Director, doors: &Doors) -> Vec<TargetRow> {
    let row = |(number, target): (&u16, &crate::conf::model::Target)| {
        let (sessions, packets, bytes, replies) = traffic(doors, |stats| stats.target(*number));
        let status = director.targets().find(|view| view.number == *number).map(|view| view.status);
        let state = match status {
            None => TargetState::Unregistered,
            Some(Status::Active) => TargetState::Active,
            Some(Status::Drain) => TargetState::Drain,
            Some(Status::Maintenance) => TargetState::Maintenance,
            Some(Status::Disabled | Status::GivenUp) => TargetState::Disabled,
            Some(Status::Unresolved) => TargetState::Unresolved,
            Some(Status::Waiting | Status::CheckFailed | Status::NoNetwork | Status::LocalDsr) => {
                TargetState::Down
            }
        };
        let reason = director.trouble(*number);
        let leaving = matches!(state, TargetState::Drain | TargetState::Maintenance | TargetState::Disabled);
        let checks = director.checks(*number).map(|(checked, check)| CheckRow {
            label: checked.label(),
            what: checked.to_string(),
            verdict: match check.verdict() {
                Verdict::Waiting => "waiting",
                Verdict::Passed => "ok",
                Verdict::Failed => "failed",
            },
            result: check.result(),
            since: now.since(check.since()).as_secs(),
            latency: check.round_trip(),
            answer: check.heard().map(|at| now.since(at)),
            failure: check.failure().map(ToString::to_string),
            counts: check.counts(),
        });
        TargetRow {
            number: *number,
            name: target.name.clone(),
            addresses: target.addresses().collect(),
            port: target.port,
            state,
            reason,
            mac: target.addresses().find_map(|addr| director.neighbors().mac(addr.into())).map(|mac| mac.0),
            checks: checks.collect(),
            weight: target.weight,
            share: director.starting(*number).map(|share| share * 100 / 65_536),
            drained: leaving.then(|| director.drained_in(now, *number, sessions)),
            sessions,
            packets,
            bytes,
            replies,
        }
    };
    director.model().targets.iter().map(row).collect()
}

/// Rows of `show networks`.
pub fn networks(director: &Director, doors: &Doors) -> Vec<NetworkRow> {
    let row = |(number, network): (&u16, &crate::conf::model::Network)| NetworkRow {
        number: *number,
        name: network.name.clone(),
        interface: network.interface,
        active: network.active
            && PortId::try_from(network.interface).is_ok_and(|port| doors.get(port).is_some()),
        subnet4: network.subnet4.map(|s| (s.addr, s.prefix)),
        real: network.real,
        virt: network.virt,
        mask6: network.mask6,
        real6: network.real6,
        virt6: network.virt6,
        mac: station(network).map(|mac| mac.0),
    };
    director.model().networks.iter().map(row).collect()
}

/// What goes on, in one line: `2 of 2 interfaces open, 3 of 4 servers serving, vrrp 79 master`.
pub fn status(now: Instant, director: &Director, doors: &Doors, snapshot: &Snapshot) -> String {
    let model = director.model();
    let wanted = model.interfaces.values().filter(|interface| interface.active).count();
    let open = doors.iter().count();
    let servers = servers(director, doors, snapshot);
    let serving = servers.iter().filter(|row| row.state == ServerState::Active).count();
    let enabled =
        servers.iter().filter(|row| matches!(row.state, ServerState::Active | ServerState::NoTarget));
    let mut text =
        format!("{open} of {wanted} interfaces open, {serving} of {} servers serving", enabled.count());
    let vrrp = vrrp(now, director, doors);
    if let Some(vrid) = vrrp.vrid {
        text.push_str(&format!(", vrrp {vrid} {}", vrrp.state));
    }
    text
}

/// Rows of `show interfaces`.
pub fn interfaces(director: &Director, doors: &Doors) -> Vec<InterfaceRow> {
    let row = |(number, interface): (&u16, &crate::conf::model::Interface)| {
        let port = PortId::try_from(*number).ok();
        let door = port.and_then(|port| doors.get(port));
        let workers = door.map(|door| &door.workers[..]).unwrap_or_default();
        let (sent, refused) = port.map_or((0, 0), |port| doors.sent(port));
        InterfaceRow {
            number: *number,
            name: interface.name.clone(),
            requested: requested(interface.access),
            effective: door.map(|door| door.caps.access),
            link: door.map(|door| door.link),
            mac: door.map(|door| door.caps.mac),
            mtu: door.map(|door| door.caps.mtu),
            received: workers.iter().map(|worker| worker.doors.received.get()).sum(),
            sent,
            lost: workers.iter().map(|worker| worker.doors.lost.get()).sum(),
            refused,
        }
    };
    director.model().interfaces.iter().map(row).collect()
}

/// What `show vrrp` says.
pub fn vrrp(now: Instant, director: &Director, doors: &Doors) -> VrrpView {
    const REASONS: [Drop; 7] = [
        Drop::VrrpLength,
        Drop::VrrpTtl,
        Drop::VrrpVersion,
        Drop::VrrpChecksum,
        Drop::VrrpVrid,
        Drop::VrrpAuth,
        Drop::VrrpInterval,
    ];
    let model = director.model();
    let dropped = REASONS.map(|reason| (reason.word(), total(doors, |stats| stats.drops(reason))));
    let (state, since, master, sent, received) = match director.election() {
        Some((machine, adverts)) => {
            let (_, since) = machine.reason();
            let master = match machine.state() {
                State::Initialize => None,
                State::Backup => machine.heard().map(|(address, _)| address),
                State::Master => Some(machine.settings().primary),
            };
            (machine.state().word(), since, master, adverts.sent, adverts.received)
        }
        None => ("master", Instant::ZERO, None, 0, 0),
    };
    VrrpView {
        vrid: model.vrrp.map(|vrrp| vrrp.vrid),
        priority: model.vrrp.map_or(0, |vrrp| vrrp.priority),
        state,
        since_s: now.since(since).as_secs(),
        master,
        sent,
        received,
        dropped: dropped.to_vec(),
    }
}

/// Rows of `show arp`.
pub fn arp(now: Instant, director: &Director) -> Vec<ArpRow> {
    let row = |(addr, entry): (&crate::net::Addr, &crate::net::neighbor::Entry)| ArpRow {
        address: addr.as_v4().map_or_else(|| Ipv6Addr::from_bits(addr.to_bits()).into(), IpAddr::from),
        mac: entry.mac.map(|mac| mac.0),
        state: if entry.mac.is_some() { "known" } else { "asking" },
        age_s: entry.mac.map(|_| now.since(entry.since).as_secs()),
        interface: u16::from(entry.port),
    };
    director.neighbors().iter().map(row).collect()
}

/// Rows of `show gateway`.
pub fn gateways(director: &Director, now: Instant) -> Vec<GatewayRow> {
    let row = |view: GatewayView| {
        let text = view.status.to_string();
        GatewayRow {
            address: view.addr.to_ip(),
            state: match view.status {
                GatewayStatus::Up => "up",
                GatewayStatus::Waiting => "waiting",
                _ => "down",
            },
            reason: (view.status != GatewayStatus::Up)
                .then(|| text.strip_prefix("down: ").unwrap_or(&text).to_owned()),
            interface: view.port.map(u16::from),
            mac: view.station.map(|station| station.0),
            since: now.since(view.since).as_secs(),
        }
    };
    director.gateways().map(row).collect()
}

/// Rows of `show threads`, asked for by the control thread.
pub fn threads(doors: &Doors) -> Vec<ThreadRow> {
    let control = ThreadRow {
        name: "bng".to_owned(),
        cpu_ms: cpu::thread_time().map(|spent| spent.as_millis() as u64),
        work: None,
    };
    let worker = |worker: &super::worker::Worker| ThreadRow {
        name: format!("bng-if{}", worker.port),
        cpu_ms: Some(worker.doors.cpu_ms.get()),
        work: Some(Work {
            interface: u16::from(worker.port),
            cpu: worker.cpu,
            batches: worker.doors.batches.get(),
            frames: worker.stats.work.received.get(),
        }),
    };
    std::iter::once(control).chain(doors.workers().map(worker)).collect()
}

/// Rows of `show vips`.
pub fn vips(director: &Director) -> Vec<VipRow> {
    let model = director.model();
    let is_vip = |addr: Addr| model.vips.values().any(|vip| vip.addresses().any(|a| Addr::from(a) == addr));
    let row = |(addr, (own, answered)): (Addr, (crate::snapshot::Own, bool))| VipRow {
        address: addr.to_ip(),
        owner: match own.role {
            Role::Server => "server",
            Role::Vip if is_vip(addr) => "vip",
            Role::Vip => "prx",
            Role::Real | Role::Virt => "virt",
        },
        interface: own.port.map(u16::from),
        mac: own.mac.0,
        answered,
    };
    director.virtual_addresses().into_iter().map(row).collect()
}

/// Rows of `show drops`.
pub fn drops(doors: &Doors) -> Vec<DropRow> {
    let row = |reason: Drop| DropRow {
        reason: reason.word(),
        frames: total(doors, |stats| stats.drops(reason)),
        meaning: reason.meaning(),
    };
    Drop::ALL.into_iter().map(row).collect()
}
