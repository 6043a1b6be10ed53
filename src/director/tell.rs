//! What the director tells of networks and servers, whose states follow from those of interfaces and targets.

use super::{Director, Status};
use crate::conf::model::{Network, Server};
use crate::net::PortId;
use crate::note::{Note, Object};
use crate::snapshot::Snapshot;

/// Whether a network carries traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Its addresses are answered.
    Carrying,
    /// It or its interface is not registered and enabled.
    Disabled,
    /// Its interface is not open.
    Closed,
    /// Its interface has no link.
    NoLink,
}

/// Who takes the sessions of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Nobody.
    None,
    /// Its targets.
    Targets,
    /// Its backups.
    Backups,
}

impl Director {
    /// Tells every network that came into use or went out of it.
    pub(super) fn tell_networks(&mut self) {
        self.uses.retain(|number, _| self.model.networks.contains_key(number));
        let mut notes = Vec::new();
        for (number, network) in &self.model.networks {
            let new = self.use_of(network);
            let old = self.uses.insert(*number, new);
            // Everything begins like this.
            let beginning = old.is_none() && matches!(new, Use::Disabled | Use::Closed);
            if old == Some(new) || beginning {
                continue;
            }
            let object = Object::network(&self.model, *number);
            let interface = Object::interface(&self.model, network.interface);
            notes.push(match new {
                Use::Carrying => Note::notice(object, format!("in use on {interface}")),
                Use::Disabled => Note::notice(
                    object,
                    format!("not in use: it or {interface} is not registered and enabled"),
                ),
                Use::Closed => Note::warning(object, format!("not in use: {interface} is not open")),
                Use::NoLink => Note::warning(object, format!("not in use: {interface} has no link")),
            });
        }
        notes.into_iter().for_each(|note| self.tell(note));
    }

    fn use_of(&self, network: &Network) -> Use {
        let port = PortId::try_from(network.interface).ok().and_then(|port| self.ports.get(&port));
        match port {
            _ if !network.active => Use::Disabled,
            None => Use::Closed,
            Some(info) if !info.link => Use::NoLink,
            Some(_) => Use::Carrying,
        }
    }

    /// Tells every server that has lost its last target or got its first one back.
    pub(super) fn tell_servers(&mut self, snapshot: &Snapshot) {
        let active = |server: &Server| server.registered && server.active;
        self.serving.retain(|number, _| self.model.servers.get(number).is_some_and(active));
        let mut notes = Vec::new();
        for (number, server) in self.model.servers.iter().filter(|(_, server)| active(server)) {
            let compiled = snapshot.server(*number);
            let usable = compiled.and_then(crate::snapshot::Server::usable);
            let service = match usable {
                None => Service::None,
                Some(_) if compiled.is_some_and(crate::snapshot::Server::on_backups) => Service::Backups,
                Some(_) => Service::Targets,
            };
            let old = self.serving.get(number).copied();
            // Right after the start nobody knows yet.
            if old == Some(service) || (old.is_none() && usable.is_none() && self.is_waiting(server)) {
                continue;
            }
            self.serving.insert(*number, service);
            let object = Object::server(*number, server);
            notes.push(match (usable, server.targets.len()) {
                (Some(target), _) if service == Service::Backups => {
                    Note::warning(object, format!("serving by its backups: target {target} takes sessions"))
                }
                (Some(target), _) => Note::notice(object, format!("serving: target {target} takes sessions")),
                (None, 0) => Note::error(object, "not serving: it has no target"),
                (None, 1) => Note::error(object, "not serving: its only target takes no sessions"),
                (None, n) => {
                    Note::error(object, format!("not serving: none of its {n} targets takes sessions"))
                }
            });
        }
        notes.into_iter().for_each(|note| self.tell(note));
    }

    /// Whether a target of `server` may still prove to be up for the first time.
    fn is_waiting(&self, server: &Server) -> bool {
        server.members().any(|t| matches!(self.status.get(&t), Some((Status::Waiting, _))))
    }
}
