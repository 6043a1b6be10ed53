//! Status of the gateways: does anything go through them, and if not, why.

use std::fmt;

use super::Director;
use super::alert::Subject;
use super::checks::{Verdict, Whose};
use crate::net::{Addr, PortId};
use crate::note::{Note, Object};
use crate::time::Instant;
use crate::wire::MacAddr;

/// Whether packets are sent through a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayStatus {
    /// Its station is known and its checks are answered.
    Up,
    /// Its station is being asked for, or its checks have not answered yet. It is used: there is no other way.
    Waiting,
    /// A check had no answer for its timeout.
    CheckFailed,
    /// Nobody answers for its address.
    Unresolved,
    /// Its address lies in no active network whose interface is open and has a link.
    NoNetwork,
}

impl GatewayStatus {
    /// Packets are sent through it.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Up | Self::Waiting)
    }
}

impl fmt::Display for GatewayStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Waiting => "not heard of yet",
            Self::CheckFailed => "down: no answer to its check",
            Self::Unresolved => "down: no station answers for its address",
            Self::NoNetwork => "down: its address is in no active network with a link",
        })
    }
}

/// A gateway for `show gateway`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayView {
    /// Its address.
    pub addr: Addr,
    /// Interface behind which it is; `None` when its address is in no active network.
    pub port: Option<PortId>,
    /// Its station, when known.
    pub station: Option<MacAddr>,
    /// Status.
    pub status: GatewayStatus,
    /// Since when.
    pub since: Instant,
}

impl Director {
    /// The gateways, IPv4 first.
    pub fn gateways(&self) -> impl Iterator<Item = GatewayView> {
        let addresses = self.model.gateway.iter().flat_map(|g| g.addresses()).map(Addr::from);
        addresses.filter_map(|addr| {
            let (status, since) = *self.gateways.get(&addr)?;
            let port = self.routes.on_link(addr).map(|way| way.port);
            Some(GatewayView { addr, port, station: self.neighbors.mac(addr), status, since })
        })
    }

    /// Whether packets may be sent through `addr` as it was last assessed.
    pub(super) fn gateway_usable(&self, addr: Addr) -> bool {
        self.gateways.get(&addr).is_none_or(|(status, _)| status.is_usable())
    }

    /// Takes note of every change of status, and tells it. True when other gateways are usable than before.
    pub(super) fn assess_gateways(&mut self, now: Instant) -> bool {
        let addresses: Vec<_> =
            self.model.gateway.iter().flat_map(|g| g.addresses()).map(Addr::from).collect();
        self.gateways.retain(|addr, _| addresses.contains(addr));
        self.alerted.retain(|subject, _| match subject {
            Subject::Gateway(addr) => addresses.contains(addr),
            _ => true,
        });
        let mut changed = false;
        for addr in addresses {
            let new = self.judge_gateway(addr);
            let old = self.gateways.get(&addr).map(|(status, _)| *status);
            if old == Some(new) {
                continue;
            }
            changed |= old.is_none_or(GatewayStatus::is_usable) != new.is_usable();
            self.gateways.insert(addr, (new, now));
            self.alert(Subject::Gateway(addr), new.is_up(), &new.to_string());
            match new {
                GatewayStatus::Waiting => {}
                GatewayStatus::Up => self.tell(Note::notice(Object::Gateway(addr), new.to_string())),
                _ => self.tell(Note::warning(Object::Gateway(addr), new.to_string())),
            }
        }
        changed
    }

    fn judge_gateway(&self, addr: Addr) -> GatewayStatus {
        if self.routes.on_link(addr).is_none() {
            return GatewayStatus::NoNetwork;
        }
        let mut status = match self.neighbors.get(addr) {
            Some(neighbor) if neighbor.mac.is_some() => GatewayStatus::Up,
            Some(neighbor) if neighbor.silent() => return GatewayStatus::Unresolved,
            _ => GatewayStatus::Waiting,
        };
        for (_, check) in self.checks.of(Whose::Gateway).filter(|(checked, _)| checked.addr == addr) {
            match check.verdict() {
                Verdict::Passed => {}
                Verdict::Waiting => status = GatewayStatus::Waiting,
                Verdict::Failed => return GatewayStatus::CheckFailed,
            }
        }
        status
    }
}
