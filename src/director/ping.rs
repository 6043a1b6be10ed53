//! `ping`: echo requests that an operator asks for.
//!
//! ```text
//!   start ---> its station is asked for ---> requests at intervals ---> report
//!                 nobody answers: report        1 s after the last, or all answered
//! ```
//! Only as long as it lasts is the address a neighbour like those that the configuration needs.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::{Director, Output};
use crate::conf::model::Module;
use crate::net::{Addr, PortId};
use crate::snapshot;
use crate::time::{Duration, Instant};
use crate::wire::MacAddr;

/// Requests that one `ping` may send.
pub const COUNT: RangeInclusive<u16> = 1..=20;
/// Requests that it sends when nobody says how many.
pub const COUNT_USUAL: u16 = 3;
/// How long after a request its answer is waited for, when no other request follows.
pub const WAIT: Duration = Duration::from_secs(1);
/// Time between two requests.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a station is asked for: three questions, one second apart.
const STATION_WAIT: Duration = Duration::from_millis(2_900);
/// Most of them under way at a time.
const AT_ONCE: usize = 8;

/// What came of a `ping`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which one, as [`Director::ping`] has said.
    pub number: u64,
    /// Whom.
    pub to: IpAddr,
    /// From which of our addresses.
    pub from: IpAddr,
    /// Interface number.
    pub interface: u16,
    /// Name of its device.
    pub device: String,
    /// The gateway, for an address outside of all networks.
    pub through: Option<IpAddr>,
    /// Time from each request to its answer; `None` for no answer.
    pub answers: Vec<Option<Duration>>,
    /// Why it ended before all requests were sent.
    pub ended: Option<String>,
}

/// One of them, under way.
#[derive(Debug)]
pub(super) struct Run {
    report: Report,
    addr: Addr,
    /// Next hop: the address itself or the gateway.
    hop: Addr,
    port: PortId,
    count: u16,
    ident: u16,
    /// When each request has left.
    sent: Vec<Instant>,
    /// When the next one may leave.
    next: Instant,
    /// Until when the station may stay unknown.
    patience: Instant,
}

impl Run {
    /// Whether all requests are sent and there is nothing to wait for any more.
    fn is_over(&self, now: Instant) -> bool {
        let last = self.sent.last().filter(|_| self.sent.len() >= usize::from(self.count));
        last.is_some_and(|at| self.report.answers.iter().all(Option::is_some) || now >= *at + WAIT)
    }

    /// When there is something to do, the station of the next hop being known or not.
    fn deadline(&self, known: bool) -> Instant {
        match self.sent.last() {
            Some(at) if self.sent.len() >= usize::from(self.count) => *at + WAIT,
            _ if known => self.next,
            _ => self.patience,
        }
    }

    pub(super) fn hop(&self) -> (Addr, PortId) {
        (self.hop, self.port)
    }
}

/// How a packet leaves this node.
struct Way {
    port: PortId,
    hop: IpAddr,
    from: IpAddr,
    station: MacAddr,
}

impl Director {
    /// Begins to send `count` echo requests to `to`, within [`COUNT`]. What comes of it is told by
    /// [`Output::Pinged`] with the number returned.
    ///
    /// # Errors
    /// Why no request can leave, or no answer come.
    pub fn ping(&mut self, now: Instant, to: IpAddr, count: u16) -> Result<u64, String> {
        if self.pings.len() >= AT_ONCE {
            return Err(format!("{AT_ONCE} pings are under way already, try again when they are done"));
        }
        let mut needed = [(Module::Arp, "arp"), (Module::Hc, "hc")].into_iter();
        if let Some((_, word)) = needed.find(|(module, _)| !self.model.modules.contains(module)) {
            return Err(format!("the answers would not be heard: 'modules' does not name '{word}'"));
        }
        let Way { port, hop, from, .. } = self.way(to)?;
        let interface = u16::from(port);
        let device = self.model.interfaces.get(&interface).map_or(String::new(), |i| i.name.clone());
        self.ping_number += 1;
        let number = self.ping_number;
        let through = (hop != to).then_some(hop);
        let report =
            Report { number, to, from, interface, device, through, answers: Vec::new(), ended: None };
        self.pings.push(Run {
            report,
            addr: to.into(),
            hop: hop.into(),
            port,
            count: count.clamp(*COUNT.start(), *COUNT.end()),
            ident: self.seed.next_u64() as u16,
            sent: Vec::new(),
            next: now,
            patience: now + STATION_WAIT,
        });
        self.rewire(now);
        // Before the first question leaves: workers pass on only answers of neighbours that they know are wanted.
        self.changed = false;
        self.publish(now);
        Ok(number)
    }

    /// How a packet to `addr` leaves this node.
    fn way(&self, addr: IpAddr) -> Result<Way, String> {
        if addr.is_multicast() || addr.is_unspecified() {
            return Err(format!("{addr} is not the address of one host"));
        }
        if self.own_addresses().any(|(own, ..)| own == addr.into()) {
            return Err(format!("{addr} is an address of this node itself"));
        }
        let gateway = self.model.gateway.as_ref().and_then(|g| g.ipaddr).map(IpAddr::from);
        let inside = self.model.networks.values().any(|n| n.contains(addr));
        let hop = match gateway.filter(|gateway| !inside && gateway.is_ipv4() == addr.is_ipv4()) {
            Some(gateway) => gateway,
            None => addr,
        };
        let (network, port) = self.home(hop).ok_or_else(|| self.no_way(addr, hop))?;
        let (from, word) = match hop {
            IpAddr::V4(_) => (network.real.map(IpAddr::from), "real"),
            IpAddr::V6(_) => (network.real6.map(IpAddr::from), "real6"),
        };
        let station = snapshot::station(network);
        let (Some(from), Some(station)) = (from, station) else {
            return Err(format!("the network of {hop} has no '{word}' to ping from"));
        };
        Ok(Way { port, hop, from, station })
    }

    /// Why no packet to `addr` can leave by way of `hop`.
    fn no_way(&self, addr: IpAddr, hop: IpAddr) -> String {
        let who = if hop == addr { addr.to_string() } else { format!("the gateway {hop}") };
        let networks = self.model.networks.iter().filter(|(_, n)| n.contains(hop));
        let Some((number, network)) = networks.max_by_key(|(_, n)| n.active) else {
            return format!("{who} lies in no network");
        };
        let interface = network.interface;
        let device = self.model.interfaces.get(&interface).map_or("", |i| &i.name);
        let port = PortId::try_from(interface).ok().and_then(|port| self.ports.get(&port));
        match port {
            _ if !network.active => format!(
                "{who} lies in network {number}, and that or its interface {interface} ({device}) is not enabled"
            ),
            None => format!(
                "{who} lies in network {number}, and its interface {interface} ({device}) is not open"
            ),
            Some(_) => {
                format!(
                    "{who} lies in network {number}, and the link of its interface {interface} ({device}) is down"
                )
            }
        }
    }

    /// Sends what is due and reports what is over.
    pub(super) fn run_pings(&mut self, now: Instant) {
        let (mut left, mut over) = (Vec::new(), Vec::new());
        for mut run in std::mem::take(&mut self.pings) {
            if self.step(now, &mut run) { left.push(run) } else { over.push(run.report) }
        }
        self.pings = left;
        if !over.is_empty() {
            self.rewire(now);
            self.outputs.extend(over.into_iter().map(Output::Pinged));
        }
    }

    /// `false`: it is over.
    fn step(&mut self, now: Instant, run: &mut Run) -> bool {
        if run.is_over(now) {
            return false;
        }
        if run.sent.len() >= usize::from(run.count) {
            return true;
        }
        let (from, station) = match self.way(run.report.to) {
            Ok(way) if (Addr::from(way.hop), way.port) == run.hop() => (way.from, way.station),
            Ok(_) => {
                run.report.ended = Some("the configuration has changed meanwhile".to_owned());
                return false;
            }
            Err(why) => {
                run.report.ended = Some(why);
                return false;
            }
        };
        let Some(to) = self.neighbors.mac(run.hop) else {
            if now >= run.patience {
                let protocol = if run.hop.is_v4() { "ARP" } else { "neighbour discovery" };
                run.report.ended = Some(format!("{} does not answer {protocol}", run.hop));
            }
            return now < run.patience;
        };
        if now >= run.next {
            run.sent.push(now);
            run.report.answers.push(None);
            (run.next, run.patience) = (now + INTERVAL, now + STATION_WAIT);
            let sequence = run.sent.len() as u16;
            self.echo(run.port, (to, station), (from, run.report.to), (run.ident, sequence), b"bng ping");
        }
        true
    }

    /// An echo reply, perhaps to one of these requests.
    pub(super) fn ping_answered(&mut self, now: Instant, from: Addr, ident: u16, sequence: u16) {
        for run in self.pings.iter_mut().filter(|run| run.addr == from && run.ident == ident) {
            let at = usize::from(sequence).wrapping_sub(1);
            if let (Some(sent), Some(answer)) = (run.sent.get(at), run.report.answers.get_mut(at)) {
                answer.get_or_insert(now.since(*sent));
            }
        }
    }

    /// When [`Director::run_pings`] has something to do.
    pub(super) fn pings_deadline(&self) -> Option<Instant> {
        self.pings.iter().map(|run| run.deadline(self.neighbors.mac(run.hop).is_some())).min()
    }
}
