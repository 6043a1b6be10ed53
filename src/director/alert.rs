//! Alerts: commands that are run when a target, a gateway or an interface goes down or comes up.
//!
//! Every change gives one alert, in the order of the changes. What is up when it is first heard of is no news, what is
//! down then is. While nobody knows yet, nothing has changed.

use super::Director;
use super::command::{About, Command};
use super::{GatewayStatus, Output, Status};
use crate::conf::model::Alerts;
use crate::net::Addr;
use crate::note::Object;
use crate::time::Duration;

/// Time that the command of an alert may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What goes down and comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A target by number.
    Target(u16),
    /// A gateway by address.
    Gateway(Addr),
    /// An interface by number.
    Interface(u16),
}

/// A command to be run because of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What has changed.
    pub subject: Subject,
    /// The same for the log.
    pub object: Object,
    /// It is up now, or down.
    pub up: bool,
    /// What is run.
    pub command: Command,
}

impl Status {
    /// Up, down, or nobody knows.
    pub(super) const fn is_up(self) -> Option<bool> {
        match self {
            Self::Active | Self::Disabled => Some(true),
            Self::Waiting => None,
            _ => Some(false),
        }
    }
}

impl GatewayStatus {
    /// Up, down, or nobody knows.
    pub(super) const fn is_up(self) -> Option<bool> {
        match self {
            Self::Up => Some(true),
            Self::Waiting => None,
            _ => Some(false),
        }
    }
}

impl Director {
    /// `subject` is `up` or not, as `cause` explains. Gives an alert when that is a change and somebody wants to know.
    pub(super) fn alert(&mut self, subject: Subject, up: Option<bool>, cause: &str) {
        let Some(up) = up else { return };
        let before = self.alerted.insert(subject, up);
        if before.unwrap_or(true) == up {
            return;
        }
        // The backup would tell everything a second time.
        if !self.master() && !self.model.backupalerts {
            return;
        }
        if let Some(alert) = self.alert_of(subject, up, cause) {
            self.outputs.push_back(Output::Alert(alert));
        }
    }

    /// `subject` is gone from the configuration, or is `up` or not without anybody having to know.
    pub(super) fn know(&mut self, subject: Subject, up: Option<bool>) {
        match up {
            Some(up) => self.alerted.insert(subject, up),
            None => self.alerted.remove(&subject),
        };
    }

    fn alert_of(&self, subject: Subject, up: bool, cause: &str) -> Option<Alert> {
        let (object, alerts, about) = match subject {
            Subject::Target(number) => {
                let target = self.model.targets.get(&number)?;
                let name = target.name.as_deref().unwrap_or_default();
                let addresses = [target.ipaddr.map(Into::into), target.ipaddr6.map(Into::into)];
                let about = About { kind: "target", number, name, addresses, port: target.port };
                (Object::target(number, target), &target.alerts, about)
            }
            Subject::Gateway(addr) => {
                let ip = Some(addr.to_ip());
                let addresses = if addr.is_v4() { [ip, None] } else { [None, ip] };
                let about = About { kind: "gateway", number: 1, name: "", addresses, port: 0 };
                (Object::Gateway(addr), &self.model.gateway.as_ref()?.alerts, about)
            }
            Subject::Interface(number) => {
                let interface = self.model.interfaces.get(&number)?;
                let name = interface.name.as_str();
                let about = About { kind: "interface", number, name, addresses: [None, None], port: 0 };
                (Object::interface(&self.model, number), &interface.alerts, about)
            }
        };
        let Alerts { down: on_down, up: on_up } = alerts;
        let command = if up { on_up } else { on_down }.clone()?;
        let state = if up { "up" } else { "down" };
        let (address, port) = (about.address(), about.port.to_string());
        let words = [about.kind, &about.number.to_string(), &address, &port, state];
        let mut environment = about.environment();
        environment.extend([
            ("BNG_STATE", state.to_owned()),
            ("BNG_CAUSE", cause.to_owned()),
            ("BNG_ROLE", if self.master() { "master" } else { "backup" }.to_owned()),
            ("BNG_HOSTNAME", self.model.hostname.clone().unwrap_or_default()),
        ]);
        let arguments = words.map(str::to_owned).to_vec();
        let command = Command { command, arguments, environment, limit: LIMIT };
        Some(Alert { subject, object, up, command })
    }
}
