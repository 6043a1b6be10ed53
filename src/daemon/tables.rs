//! Fills the rows of `show` from the running daemon.

use super::doors::{Doors, requested};
use crate::cli::show::arp::ArpRow;
use crate::cli::show::drops::DropRow;
use crate::cli::show::gateway::GatewayView;
use crate::cli::show::interfaces::InterfaceRow;
use crate::cli::show::networks::NetworkRow;
use crate::cli::show::servers::{ServerRow, ServerState};
use crate::cli::show::sessions::{SessionRow, Sync};
use crate::cli::show::targets::{TargetRow, TargetState};
use crate::cli::show::threads::{ThreadRow, Work};
use crate::cli::show::vips::VipRow;
use crate::cli::show::vrrp::VrrpView;
use crate::conf::model::Protocol;
use crate::director::checks::Verdict;
use crate::director::{Director, Status};
use crate::module::vrrp::machine::State;
use crate::net::PortId;
use crate::slb::session::View;
use crate::snapshot::{Role, Snapshot, station};
use crate::stat::{Drop, Traffic, WorkerStats};
use crate::time::Instant;
use bng_platform::process::cpu;
use std::net::{IpAddr, Ipv6Addr};

/// Sums one figure over all workers.
fn total(doors: &Doors, figure: impl Fn(&WorkerStats) -> u64) -> u64 {
    doors.workers().map(|worker| figure(&worker.stats)).sum()
}

/// Sessions, packets and bytes of what `of` picks.
fn traffic<'a>(doors: &'a Doors, of: impl Fn(&'a WorkerStats) -> &'a Traffic) -> (u64, u64, u64) {
    doors.workers().map(|worker| of(&worker.stats)).fold((0, 0, 0), |(sessions, packets, bytes), t| {
        (sessions + t.sessions.get(), packets + t.frames.get(), bytes + t.bytes.get())
    })
}

/// A row for one session.
pub fn session(view: &View) -> SessionRow {
    let address = view.addr.as_v4().map(IpAddr::from);
    SessionRow {
        server: view.server,
        target: view.target,
        age_s: view.age.as_secs(),
        timeout_s: view.timeout.as_secs(),
        ftimeout_s: 0,
        sync: Sync::NoPeer,
        address: address.unwrap_or_else(|| Ipv6Addr::from_bits(view.addr.to_bits()).into()),
        port: view.port,
    }
}

/// Rows of `show servers`.
pub fn servers(director: &Director, doors: &Doors, snapshot: &Snapshot) -> Vec<ServerRow> {
    let row = |(number, server): (&u16, &crate::conf::model::Server)| {
        let (sessions, packets, bytes) = traffic(doors, |stats| stats.server(*number));
        let usable = snapshot.server(*number).is_some_and(|s| !s.usable4.is_empty() || !s.usable6.is_empty());
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
            port: server.port,
            protocol: match server.protocol {
                None => "any",
                Some(Protocol::Tcp) => "tcp",
                Some(Protocol::Udp) => "udp",
            },
            state,
            sessions,
            packets,
            bytes,
            targets: server.targets.clone(),
        }
    };
    director.model().servers.iter().map(row).collect()
}

/// Rows of `show targets`.
pub fn targets(director: &Director, doors: &Doors) -> Vec<TargetRow> {
    let row = |(number, target): (&u16, &crate::conf::model::Target)| {
        let (sessions, packets, bytes) = traffic(doors, |stats| stats.target(*number));
        let status = director.targets().find(|view| view.number == *number).map(|view| view.status);
        let state = match status {
            None => TargetState::Unregistered,
            Some(Status::Active) => TargetState::Active,
            Some(Status::Disabled) => TargetState::Disabled,
            Some(Status::Unresolved) => TargetState::Unresolved,
            Some(
                Status::Waiting | Status::CheckFailed | Status::NoNetwork | Status::LocalDsr | Status::NotDsr,
            ) => TargetState::Down,
        };
        let reason = status.filter(|s| !matches!(s, Status::Active | Status::Disabled)).map(|s| {
            let text = s.to_string();
            text.strip_prefix("down: ").unwrap_or(&text).to_owned()
        });
        let checks = director.checks(*number).map(|(addr, check)| {
            let word = if addr.is_v4() { "ping" } else { "ping6" };
            match (check.verdict, check.round_trip) {
                (Verdict::Waiting, _) => format!("{word} waiting"),
                (Verdict::Passed, None) => format!("{word} ok"),
                (Verdict::Passed, Some(rtt)) => format!("{word} ok in {:.1} ms", rtt.as_secs_f64() * 1e3),
                (Verdict::Failed, _) => format!("{word} failed"),
            }
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
            sessions,
            packets,
            bytes,
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
            let (word, master) = match machine.state() {
                State::Initialize => ("init", None),
                State::Backup => ("backup", machine.heard().map(|(address, _)| address)),
                State::Master => ("master", Some(machine.settings().primary)),
            };
            (word, since, master, adverts.sent, adverts.received)
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

/// What `show gateway` says; `None` without a gateway.
pub fn gateway(director: &Director) -> Option<GatewayView> {
    let model = director.model();
    let address = model.gateway.as_ref()?.ipaddr.map(IpAddr::from)?;
    let neighbor = director.neighbors().get(address.into());
    let interface = neighbor.map(|neighbor| u16::from(neighbor.port));
    let home =
        |n: &crate::conf::model::Network| n.active && n.contains(address) && Some(n.interface) == interface;
    Some(GatewayView {
        address,
        network: model.networks.iter().find(|(_, network)| home(network)).map(|(number, _)| *number),
        interface,
        mac: neighbor.and_then(|neighbor| neighbor.mac).map(|mac| mac.0),
    })
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
    let row = |(addr, (own, answered)): (crate::net::Addr, (crate::snapshot::Own, bool))| VipRow {
        address: addr.to_ip(),
        owner: match own.role {
            Role::Server => "server",
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
