//! The director's part in VRRP: when the machine runs, and what its actions mean for this node.

use std::net::Ipv4Addr;

use super::{Director, Output};
use crate::conf::model::{Model, Module, Network, Vrrp};
use crate::module::vrrp::ADVERT_SECONDS;
use crate::module::vrrp::machine::{Action, Machine, Reason, Settings, State};
use crate::net::{PortId, packet};
use crate::note::{Note, Object, Severity};
use crate::time::{Duration, Instant};
use crate::wire::{MacAddr, vrrp};

/// The announcements of a take-over are repeated after this time.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);

/// Advertisements counted by the director. Refused ones are counted by the workers, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adverts {
    /// Sent.
    pub sent: u64,
    /// Heard and valid.
    pub received: u64,
    /// Times this node became master.
    pub taken_over: u64,
}

/// The virtual router that a node with `model` takes part in: its id and its network.
pub(super) fn virtual_router(model: &Model) -> Option<(u8, u16)> {
    let vrrp = model.vrrp.filter(|_| model.modules.contains(&Module::Vrrp))?;
    Some((vrrp.vrid, vrrp.network))
}

impl Director {
    /// This node owns the virtual addresses: it won the election, or there is none.
    pub fn master(&self) -> bool {
        self.election.as_ref().is_none_or(|machine| machine.state() == State::Master)
    }

    /// The network of the election with its port, when it can carry advertisements.
    fn arena(&self) -> Option<(Vrrp, &Network, Option<PortId>)> {
        virtual_router(&self.model)?;
        let vrrp = self.model.vrrp?;
        let network = self.model.networks.get(&vrrp.network)?;
        let port = self.open_port(network.interface).filter(|_| network.active);
        Some((vrrp, network, port))
    }

    /// Starts, stops or adjusts the machine after a change of configuration or link.
    pub(super) fn arrange_election(&mut self, now: Instant) {
        let Some((vrrp, network, port)) = self.arena() else {
            self.election = None;
            self.election_told = State::Initialize;
            return;
        };
        let primary = network.real.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let settings = Settings { priority: vrrp.priority, primary };
        let machine = self.election.get_or_insert_with(|| Machine::new(now, settings));
        let can_advertise = port.is_some();
        let action = machine.set(now, settings);
        self.act(now, action);
        if let Some(machine) = &mut self.election {
            let action = if can_advertise { machine.start(now) } else { machine.stop(now, Reason::NoLink) };
            self.act(now, action);
        }
    }

    /// Takes part in the election no longer, because the configuration is about to name another virtual router or
    /// none. A master says so while it can still be told which one it was.
    pub(super) fn leave_virtual_router(&mut self, now: Instant) {
        let Some(mut machine) = self.election.take() else { return };
        if let Some(priority) = machine.stop(now, Reason::Leaving).advertise {
            self.advertise(priority);
        }
        let reason = "the configuration names another virtual router or none";
        self.tell_transition(State::Initialize, Severity::Notice, reason);
    }

    pub(super) fn heard_advert(&mut self, now: Instant, from: Ipv4Addr, priority: u8) {
        self.adverts.received += 1;
        if let Some(machine) = &mut self.election {
            let action = machine.heard_advert(now, from, priority);
            self.act(now, action);
        }
    }

    /// Does what the machine asks for.
    pub(super) fn act(&mut self, now: Instant, action: Action) {
        if let Some(priority) = action.advertise {
            self.advertise(priority);
        }
        if let Some((state, reason)) = self.election.as_ref().map(|m| (m.state(), m.reason().0)) {
            let severity = match reason {
                Reason::NoLink => Severity::Warning,
                // A master that was heard has failed. Without any, this is only the start.
                Reason::Silence if self.adverts.received > 0 => Severity::Warning,
                _ => Severity::Notice,
            };
            self.tell_transition(state, severity, &reason.to_string());
        }
        self.changed |= action.took_over || action.gave_up;
        if action.took_over {
            self.adverts.taken_over += 1;
            self.announced.clear();
            self.announce_again = Some(now + ANNOUNCE_AGAIN);
        }
    }

    /// Tells that the election has come to `state`, unless it was there already.
    fn tell_transition(&mut self, state: State, severity: Severity, reason: &str) {
        let old = std::mem::replace(&mut self.election_told, state);
        let Some((vrid, _)) = virtual_router(&self.model).filter(|_| old != state) else { return };
        let text = format!("{} -> {}: {reason}", old.word(), state.word());
        self.tell(Note::new(severity, Object::Vrrp(vrid), text));
    }

    fn advertise(&mut self, priority: u8) {
        let Some((config, network, _)) = self.arena() else { return };
        let (Some(src), Ok(port)) = (network.real, PortId::try_from(network.interface)) else { return };
        let addresses: Vec<_> = network.virt.into_iter().collect();
        let advert =
            vrrp::Repr { vrid: config.vrid, priority, interval: ADVERT_SECONDS, addresses: &addresses };
        let mut buf = [0; packet::MAX];
        let len = packet::advertisement(&mut buf, MacAddr::vrrp_v4(config.vrid), src, &advert);
        self.adverts.sent += 1;
        self.outputs.push_back(Output::Send { port, frame: buf[..len].to_vec() });
    }
}
