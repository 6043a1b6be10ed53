//! Which checks a configuration asks for.

use std::collections::BTreeMap;

use super::check::Plan;
use super::kind::{Ask, How};
use crate::conf::model::{Gateway, Model, Probe, Target};
use crate::net::Addr;

/// Whose check it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Of the gateways.
    Gateway,
    /// Of the target with this number.
    Target(u16),
}

/// What is checked. There is one check of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checked {
    /// Whose check it is.
    pub whose: Whose,
    /// Its address.
    pub addr: Addr,
    /// How.
    pub how: How,
}

/// The checks of `model` and how they are done.
pub(super) fn wanted(model: &Model) -> BTreeMap<Checked, Plan> {
    let mut wanted = Wanted(BTreeMap::new());
    for (number, target) in model.targets.iter().filter(|(_, t)| t.registered) {
        wanted.target(*number, target);
    }
    if let Some(gateway) = &model.gateway {
        wanted.gateway(gateway);
    }
    wanted.0
}

struct Wanted(BTreeMap<Checked, Plan>);

impl Wanted {
    fn target(&mut self, number: u16, target: &Target) {
        let mut want = |addr: Option<Addr>, probe: Option<Probe>, ask: Ask| {
            self.add(Whose::Target(number), addr, probe, ask, (1, 1));
        };
        let (v4, v6) = (target.ipaddr.map(Addr::from), target.ipaddr6.map(Addr::from));
        want(v4, target.ping, Ask::Echo);
        want(v6, target.ping6, Ask::Echo);
        if let Some((command, probe)) = &target.script {
            want(v4.or(v6), Some(*probe), Ask::Script(command.clone()));
        }
    }

    fn gateway(&mut self, gateway: &Gateway) {
        let (v4, v6) = (gateway.ipaddr.map(Addr::from), gateway.ipaddr6.map(Addr::from));
        let mut want = |addr, probe, ask| self.add(Whose::Gateway, addr, probe, ask, (1, 1));
        want(v4, gateway.ping, Ask::Echo);
        want(v6, gateway.ping6, Ask::Echo);
        want(v4, gateway.arp, Ask::Arp);
    }

    fn add(
        &mut self,
        whose: Whose,
        addr: Option<Addr>,
        probe: Option<Probe>,
        ask: Ask,
        (rise, fall): (u32, u32),
    ) {
        if let (Some(addr), Some(probe)) = (addr, probe) {
            let checked = Checked { whose, addr, how: ask.how() };
            self.0.insert(checked, Plan { ask, probe, rise, fall });
        }
    }
}
