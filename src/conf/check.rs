//! Consistency beyond grammar: what a configuration without errors will not do, and what it does that nobody wants.
//!
//! ```text
//!   text ---> Config::parse ---> errors: they are the report
//!                 |
//!                 +--> Config, Model ---> warnings of both, and what the rules in this file find
//! ```
//!
//! Every finding says what, where, why it matters, and what to do.

mod forwarding;
mod translation;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::argument::Value;
use super::config::{At, Config, Key};
use super::diagnostic::{Diagnostic, Diagnostics, Place, Severity, Source};
use super::interpret;
use super::kind::Kind;
use super::model::{Model, Module, Network, Probe, Target};
use super::parser::{Doubt, Mode};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It cannot work.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// It may well be meant, but should be known.
    Note,
}

impl Level {
    /// The word in messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// How the finding about a statement without effect ends.
const KEPT: &str = "is accepted, not yet effective";

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// Where it is; `None` when the text is not at hand. The message names the object anyway.
    pub place: Option<Place>,
    /// What is found: lower case, no full stop.
    pub message: String,
    /// Why that matters.
    pub why: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// All findings, the worst first. `Display` prints them one after the other, each line ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    name: String,
    findings: Vec<Finding>,
    /// Findings of the reader that were counted, but not kept.
    uncounted: usize,
}

impl Report {
    /// The findings, the worst first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Number of findings of one level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// The report without the findings that `before` has too: what a change would bring.
    pub fn beyond(mut self, before: &Self) -> Self {
        self.findings.retain(|new| !before.findings.iter().any(|old| old.message == new.message));
        self
    }

    /// `2 errors, 1 warning`; `no findings` when there are none.
    pub fn summary(&self) -> String {
        let counted = |level: Level| match self.count(level) {
            0 => None,
            1 => Some(format!("1 {}", level.word())),
            n => Some(format!("{n} {}s", level.word())),
        };
        let counts: Vec<String> =
            [Level::Error, Level::Warning, Level::Note].into_iter().filter_map(counted).collect();
        if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") }
    }

    fn of(name: &str, diagnostics: &Diagnostics) -> Self {
        let findings: Vec<Finding> = diagnostics.iter().map(Finding::from).collect();
        let uncounted = diagnostics.errors() + diagnostics.warnings() - findings.len();
        Self { name: name.to_owned(), findings, uncounted }
    }

    /// Adds what the rules have found. Where they speak of a statement without effect, the reader, who does so only at
    /// the first one of a name, is not repeated.
    fn add(&mut self, found: Vec<Finding>) {
        let at = |f: &Finding| f.place.as_ref().map(|place| (place.line, place.column));
        let kept: Vec<_> = found.iter().filter(|f| f.message.ends_with(KEPT)).filter_map(at).collect();
        self.findings.retain(|old| at(old).is_none_or(|place| !kept.contains(&place)));
        self.findings.extend(found);
        self.findings.sort_by_key(|f| (f.level, f.place.as_ref().map_or((1, 0), |place| (0, place.line))));
    }
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            level: match diagnostic.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
            },
            place: diagnostic.place.clone(),
            message: diagnostic.message.clone(),
            why: None,
            hint: diagnostic.hint.clone(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            match (&finding.place, self.name.as_str()) {
                (_, "") => {}
                (None, name) => write!(f, "{name}: ")?,
                (Some(place), name) => write!(f, "{name}:{}:{}: ", place.line, place.column)?,
            }
            writeln!(f, "{}: {}", finding.level.word(), finding.message)?;
            if let Some(place) = &finding.place {
                writeln!(f, "  | {}", place.excerpt)?;
                writeln!(f, "  | {}{}", " ".repeat(place.mark), "^".repeat(place.length))?;
            }
            for text in [&finding.why, &finding.hint].into_iter().flatten() {
                writeln!(f, "  = {text}")?;
            }
        }
        match self.uncounted {
            0 => Ok(()),
            n => writeln!(f, "and {n} more"),
        }
    }
}

/// Checks the text of a file, which messages call `name`. With an error, what depends on it is not judged.
pub fn check_text(name: &str, text: impl AsRef<[u8]>) -> Report {
    let text = text.as_ref();
    let (config, diagnostics) = Config::parse(name, text);
    let mut report = Report::of(name, &diagnostics);
    if let (Ok(model), Ok(text)) = (config.model(), std::str::from_utf8(text))
        && !diagnostics.has_errors()
    {
        report.add(examine(&config, &model, Some(text)));
    }
    report.add(Vec::new());
    report
}

/// Checks a configuration whose text is not at hand, such as the running one.
pub fn check(config: &Config) -> Report {
    let mut diagnostics = Diagnostics::new("");
    let model = interpret::interpret(config, None, Mode::File, &Doubt::default(), &mut diagnostics);
    let mut report = Report::of("", &diagnostics);
    report.add(examine(config, &model, None));
    report
}

/// What all rules have to say about a configuration without errors.
fn examine(config: &Config, model: &Model, text: Option<&str>) -> Vec<Finding> {
    let mut rules = Rules { config, model, source: text.map(Source::new), found: Vec::new() };
    rules.networks();
    rules.vrrp();
    rules.gateway();
    rules.servers();
    rules.targets();
    rules.forwarding();
    rules.translation();
    rules.probes();
    rules.modules();
    rules.idle();
    rules.kept();
    rules.found
}

struct Rules<'a> {
    config: &'a Config,
    model: &'a Model,
    source: Option<Source<'a>>,
    found: Vec<Finding>,
}

impl<'a> Rules<'a> {
    /// A finding about object `key`, pointing at its statement `keyword` if it is there; an empty word is the object.
    fn say(&mut self, level: Level, key: Key, keyword: &str, message: String, why: &str, hint: &str) {
        let object = self.config.objects.get(&key);
        let entry = object.filter(|_| !keyword.is_empty()).and_then(|object| object.entry(key.0, keyword));
        let place =
            entry.map(|entry| entry.at).or(object.map(|object| object.at)).and_then(|at| self.place(at));
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.found.push(Finding { level, place, message, why: text(why), hint: text(hint) });
    }

    /// Whether object `key` has a statement `keyword`.
    fn is_said(&self, key: Key, keyword: &str) -> bool {
        self.config.objects.get(&key).is_some_and(|object| object.entry(key.0, keyword).is_some())
    }

    fn place(&self, at: At) -> Option<Place> {
        self.source.as_ref().filter(|_| at.unit == self.config.unit).map(|source| source.place(at.span))
    }

    /// Networks by number that are or will be in use.
    fn known_networks(&self) -> impl Iterator<Item = (u16, &'a Network)> + use<'a> {
        self.model.networks.iter().map(|(number, network)| (*number, network))
    }

    fn home(&self, addr: IpAddr) -> Option<(u16, &'a Network)> {
        self.known_networks().find(|(_, network)| network.contains(addr))
    }

    /// The network that has `addr` as one of its own addresses, and the statement that says so.
    fn own(&self, addr: IpAddr) -> Option<(u16, &'static str)> {
        self.known_networks().find_map(|(number, network)| {
            let own = [
                ("real", network.real.map(IpAddr::from)),
                ("real6", network.real6.map(IpAddr::from)),
                ("virt", network.virt.map(IpAddr::from)),
                ("virt6", network.virt6.map(IpAddr::from)),
            ];
            own.iter().find(|(_, own)| *own == Some(addr)).map(|(word, _)| (number, *word))
        })
    }

    fn networks(&mut self) {
        let networks: Vec<_> = self.known_networks().collect();
        for (i, (number, network)) in networks.iter().enumerate() {
            for (other_number, other) in &networks[..i] {
                let key = (Kind::Network, *number);
                let (Some(a), Some(b)) = (network.subnet4, other.subnet4) else { continue };
                if a == b {
                    self.say(
                        Level::Error,
                        key,
                        "addr",
                        format!(
                            "network {number} and network {other_number} are both {}/{}",
                            a.addr, a.prefix
                        ),
                        "an address in it would belong to two networks, and only one of them gets its frames",
                        "one subnet is one network; give the other one its own addr and mask",
                    );
                } else if network.contains(b.addr.into()) || other.contains(a.addr.into()) {
                    let (inner, outer) =
                        if a.prefix > b.prefix { (number, other_number) } else { (other_number, number) };
                    self.say(
                        Level::Warning,
                        key,
                        "addr",
                        format!("network {inner} is a part of network {outer}"),
                        "an address in both belongs to the smaller one",
                        "check addr and mask of both",
                    );
                }
            }
        }
        let unused = |number: &u16| networks.iter().all(|(_, network)| network.interface != *number);
        let lonely: Vec<u16> = self.model.interfaces.keys().copied().filter(unused).collect();
        self.note_all(
            Kind::Interface,
            &lonely,
            "without a network",
            "nothing is received or sent there",
            "for example: network 1 interface 1",
        );
    }

    fn vrrp(&mut self) {
        let Some(vrrp) = self.model.vrrp else { return };
        if let Some(network) = self.model.networks.get(&vrrp.network)
            && network.virt.is_none()
            && network.virt6.is_none()
        {
            self.say(
                Level::Warning,
                (Kind::Network, vrrp.network),
                "real",
                format!("network {} carries vrrp, but has no virt", vrrp.network),
                "no address of it moves to the other node, so routers and targets cannot be pointed at the master",
                &format!("for example: network {} virt <ipv4>", vrrp.network),
            );
        }
        if !self.model.modules.contains(&Module::Master) {
            self.say(
                Level::Warning,
                (Kind::Top, 0),
                "module",
                "vrrp is configured, but module 'master' is not in the chain".to_owned(),
                "the backup would serve clients as well",
                "'module master' adds it",
            );
        }
    }

    fn gateway(&mut self) {
        let addresses: Vec<_> = self.model.gateway.iter().flat_map(|gateway| gateway.addresses()).collect();
        for addr in addresses {
            if let Some((number, word)) = self.own(addr) {
                self.say(
                    Level::Error,
                    (Kind::Gateway, 0),
                    if addr.is_ipv4() { "ipaddr" } else { "ipaddr6" },
                    format!("the gateway {addr} is our own {word} in network {number}"),
                    "a node cannot be its own way out",
                    "give the address of the router",
                );
            }
        }
    }

    fn servers(&mut self) {
        let mut services: BTreeMap<IpAddr, Vec<u16>> = BTreeMap::new();
        for (number, server) in &self.model.servers {
            let key = (Kind::Server, *number);
            for addr in server.addresses() {
                let keyword = if addr.is_ipv4() { "ipaddr" } else { "ipaddr6" };
                services.entry(addr).or_default().push(*number);
                match self.own(addr) {
                    Some((network, word @ ("real" | "real6"))) => self.say(
                        Level::Error,
                        key,
                        keyword,
                        format!("server {number} has the address {addr}, which is {word} of network {network}"),
                        "that address stays on this node when the other one becomes master",
                        "give the server an address of its own",
                    ),
                    Some((network, word)) => self.say(
                        Level::Note,
                        key,
                        keyword,
                        format!("server {number} has the address {addr}, which is {word} of network {network} too"),
                        "clients and targets that use it as a router see the same address",
                        "",
                    ),
                    None if self.home(addr).is_none() => self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!("server {number} has the address {addr}, which lies in no network"),
                        "nobody asks for it on a wire of ours: a router must have a route to it through this node",
                        "check the address, or add its network",
                    ),
                    None => {}
                }
            }
            let waiting = |target: &u16| self.model.targets.get(target).is_none_or(|target| !target.active);
            if server.active && !server.targets.is_empty() && server.members().all(|target| waiting(&target))
            {
                self.say(
                    Level::Warning,
                    key,
                    "target",
                    format!("server {number} has no target that is enabled"),
                    "it accepts nothing",
                    "register and enable its targets",
                );
            }
            let (targets, rows) = (server.targets.len(), self.model.tuning.maglevsize);
            if targets * 100 > rows as usize {
                self.say(
                    Level::Note,
                    key,
                    "target",
                    format!("server {number} has {targets} targets for {rows} rows of 'set maglevsize'"),
                    "shares of consistent choices differ by more than one part in a hundred",
                    "give it a hundred rows for each target",
                );
            }
        }
        for (addr, numbers) in services {
            self.shadowed(addr, &numbers);
        }
    }

    /// Servers on one address of which one takes what another one would take too.
    fn shadowed(&mut self, addr: IpAddr, numbers: &[u16]) {
        for (i, number) in numbers.iter().enumerate() {
            for other in &numbers[..i] {
                let (Some(a), Some(b)) = (self.model.servers.get(number), self.model.servers.get(other))
                else {
                    continue;
                };
                let port = a.ports.overlap(&b.ports);
                let protocol = a.protocol.is_none() || b.protocol.is_none() || a.protocol == b.protocol;
                if port && protocol && a.ports.share(&b.ports) && a.protocol == b.protocol {
                    // Registered ones are refused by the model; these two are not both in work yet.
                    self.say(
                        Level::Warning,
                        (Kind::Server, *number),
                        "port",
                        format!("server {number} and server {other} have address {addr}, port and protocol in common"),
                        "they cannot be registered at the same time",
                        "give one of them another port or address, or remove it",
                    );
                } else if port && protocol {
                    self.say(
                        Level::Note,
                        (Kind::Server, *number),
                        "port",
                        format!("server {number} and server {other} overlap on {addr}"),
                        "a packet that fits both belongs to the one that names protocol and port",
                        "",
                    );
                }
            }
        }
    }

    /// Whether `target` and the one with number `other` take clients of one location.
    fn same_clients(&self, target: &Target, other: u16) -> bool {
        let others = self.model.targets.get(&other).map_or(&[][..], |other| &other.lgrps);
        let lgrps = &target.lgrps;
        (lgrps.is_empty() && others.is_empty()) || lgrps.iter().any(|lgrp| others.contains(lgrp))
    }

    fn targets(&mut self) {
        let mut seen: BTreeMap<(IpAddr, u16), Vec<u16>> = BTreeMap::new();
        for (number, target) in &self.model.targets {
            let key = (Kind::Target, *number);
            for addr in target.addresses() {
                let keyword = if addr.is_ipv4() { "ipaddr" } else { "ipaddr6" };
                let serving =
                    self.model.servers.iter().find(|(_, server)| server.addresses().any(|a| a == addr));
                if let Some((server, _)) = serving {
                    self.say(
                        Level::Error,
                        key,
                        keyword,
                        format!(
                            "target {number} has the address {addr}, which is the one of server {server}"
                        ),
                        "frames for it come back to this node",
                        "a target needs an address of its own; the server's goes on its loopback interface",
                    );
                }
                let others = seen.entry((addr, target.port)).or_default();
                // One machine may well be a target for each location.
                let same = others.iter().find(|other| self.same_clients(target, **other)).copied();
                others.push(*number);
                if let Some(other) = same {
                    self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!("target {number} has address {addr} and port of target {other}"),
                        "a server with both sends this machine twice its share, and both fail together",
                        "leave one of them out",
                    );
                }
                match self.home(addr) {
                    // How it is reached is judged apart; with direct server return the model refuses it.
                    Some((network, home)) if target.active && !home.active => self.say(
                        Level::Warning,
                        key,
                        keyword,
                        format!("target {number} is in network {network}, which is not in use"),
                        "it will stay down",
                        &format!("register and enable network {network} and interface {}", home.interface),
                    ),
                    _ => {}
                }
            }
        }
        let unused = |number: &u16| {
            !self.model.servers.values().any(|server| server.members().any(|member| member == *number))
        };
        let lonely: Vec<u16> = self.model.targets.keys().copied().filter(unused).collect();
        self.note_all(
            Kind::Target,
            &lonely,
            "of no server",
            "no session goes there",
            "for example: server 1 target 1",
        );
    }

    fn probes(&mut self) {
        let mut probes: Vec<(Key, &'static str, Probe)> = Vec::new();
        if let Some(gateway) = &self.model.gateway {
            let own = [("ping", gateway.ping), ("ping6", gateway.ping6), ("arp", gateway.arp)];
            let key = (Kind::Gateway, 0);
            probes.extend(own.into_iter().filter_map(|(word, probe)| Some((key, word, probe?))));
        }
        let mut unchecked = Vec::new();
        for (number, target) in &self.model.targets {
            let own = target.probes();
            if own.is_empty() && target.registered {
                unchecked.push(*number);
            }
            let key = (Kind::Target, *number);
            probes.extend(own.into_iter().map(|(word, probe)| (key, word, probe)));
        }
        for (key, word, probe) in probes {
            if probe.timeout < probe.interval * 2 {
                let name = key.0.object_name(key.1);
                let (interval, timeout) = (probe.interval.as_secs(), probe.timeout.as_secs());
                self.say(
                    Level::Warning,
                    key,
                    word,
                    format!(
                        "{word} of {name} gives up after {timeout} s, less than two intervals of {interval} s"
                    ),
                    "one lost packet is enough to take it down",
                    &format!("a timeout of {} or more allows for a lost packet", interval * 3),
                );
            }
        }
        self.note_all(
            Kind::Target,
            &unchecked,
            "without a check",
            "a target that answers ARP or neighbour discovery counts as up, whatever its service does",
            "for example: target 1 ping 3,10",
        );
    }

    fn modules(&mut self) {
        let active = self.model.networks.values().any(|network| network.active);
        let serving = self.model.servers.values().any(|server| server.registered);
        // With a server in work the model warns of this one.
        if active && !serving && !self.model.modules.contains(&Module::Arp) {
            self.say(
                Level::Warning,
                (Kind::Top, 0),
                "module",
                "module 'arp' is not in the chain".to_owned(),
                "nobody can find our addresses",
                "'module arp' adds it",
            );
        }
        if self.model.ipforwarding && !self.model.modules.contains(&Module::Rt) {
            self.say(
                Level::Warning,
                (Kind::Set, 0),
                "ipforwarding",
                "'set ipforwarding 1', but module 'rt' is not in the chain".to_owned(),
                "nothing is routed",
                "'module rt' adds it",
            );
        }
    }

    /// Objects that are there, but not in work.
    fn idle(&mut self) {
        for kind in Kind::NUMBERED {
            let (mut unregistered, mut disabled) = (Vec::new(), Vec::new());
            for ((_, number), object) in self.config.objects.range((kind, 0)..=(kind, u16::MAX)) {
                match (object.registered, object.enabled) {
                    (true, true) => {}
                    (true, false) => disabled.push(*number),
                    (false, _) => unregistered.push(*number),
                }
            }
            let word = kind.keyword();
            self.note_all(
                kind,
                &unregistered,
                "not registered",
                "what is not registered has no effect",
                &format!("'register {word} {}' and 'enable ...' put it to work", list(&unregistered)),
            );
            self.note_all(
                kind,
                &disabled,
                "registered, but not enabled",
                "it takes no traffic",
                &format!("'enable {word} {}'", list(&disabled)),
            );
        }
    }

    /// Statements, and words of them, that are kept without effect.
    fn kept(&mut self) {
        for kept in self.config.kept() {
            let what = kept.part.as_deref().unwrap_or(kept.keyword);
            let of = match kept.kind {
                Kind::Top => String::new(),
                kind => format!(" of {}", kind.object_name(kept.number)),
            };
            let message = format!("'{what}'{of} {KEPT}");
            let why = format!("it is kept and saved; {}", kept.instead);
            self.say(Level::Warning, (kept.kind, kept.number), kept.keyword, message, &why, "");
        }
    }

    /// One note for several objects of a kind.
    fn note_all(&mut self, kind: Kind, numbers: &[u16], what: &str, why: &str, hint: &str) {
        let Some(first) = numbers.first() else { return };
        let (word, is) = match kind.plural() {
            Some(plural) if numbers.len() > 1 => (plural, "are"),
            _ => (kind.keyword(), "is"),
        };
        let message = format!("{word} {} {is} {what}", list(numbers));
        self.say(Level::Note, (kind, *first), "", message, why, hint);
    }
}

/// Numbers as the language writes them.
fn list(numbers: &[u16]) -> String {
    Value::Indices(numbers.to_vec()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::statement::{Effect, STATEMENTS};
    use crate::conf::{Arg, Statement};

    /// A farm that nothing is to be said about.
    const SOUND: &str = "interface 1 { name eth0 }
network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.2 virt 10.0.0.1 interface 1 }
server 1 { ipaddr 10.0.0.100 port 80 protocol tcp target 1 }
target 1 { ipaddr 10.0.0.11 ping 3,10 dsr enable }
register interface 1
enable interface 1
register network 1
enable network 1
register server 1
enable server 1
register target 1
enable target 1
";

    pub(super) fn lines(text: &str) -> Vec<String> {
        let report = check_text("f", text);
        report.findings().iter().map(|f| format!("{}: {}", f.level.word(), f.message)).collect()
    }

    /// What is said when `from` is replaced by `to` in the sound farm.
    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(SOUND.contains(from), "{from}");
        lines(&SOUND.replace(from, to))
    }

    /// What is said when `more` is added to the sound farm.
    fn added(more: &str) -> Vec<String> {
        lines(&format!("{SOUND}{more}\n"))
    }

    pub(super) fn assert_said(said: &[String], expected: &str) {
        assert!(said.iter().any(|line| line == expected), "no `{expected}` in {said:#?}");
    }

    #[test]
    fn a_sound_configuration_has_no_findings() {
        assert_eq!(lines(SOUND), [""; 0]);
        assert_eq!(check_text("f", SOUND).summary(), "no findings");
        assert_eq!(lines(""), [""; 0]);
    }

    #[test]
    fn a_finding_says_where_why_and_what_to_do() {
        let report = check_text("f.conf", SOUND.replace("ping 3,10", "ping 3,4"));
        assert_eq!(
            report.to_string(),
            "f.conf:4:29: warning: ping of target 1 gives up after 4 s, less than two intervals of 3 s
  | target 1 { ipaddr 10.0.0.11 ping 3,4 dsr enable }
  |                             ^^^^^^^^
  = one lost packet is enough to take it down
  = a timeout of 9 or more allows for a lost packet
"
        );
        assert_eq!(report.summary(), "1 warning");
    }

    #[test]
    fn networks_that_overlap() {
        let twin = "network 2 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.3 interface 1 }";
        assert_said(&added(twin), "error: network 2 and network 1 are both 10.0.0.0/24");
        let part = "network 2 { addr 10.0.0.128 mask 255.255.255.128 real 10.0.0.130 interface 1 }";
        assert_said(&added(part), "warning: network 2 is a part of network 1");
        let whole = "network 2 { addr 10.0.0.0 mask 255.0.0.0 real 10.0.0.3 interface 1 }";
        assert_said(&added(whole), "warning: network 1 is a part of network 2");
        assert_eq!(
            added("network 2 { addr 10.0.1.0 mask 255.255.255.0 real 10.0.1.2 interface 1 }").len(),
            1
        );
    }

    #[test]
    fn addresses_that_belong_to_somebody_else() {
        assert_said(
            &changed("ipaddr 10.0.0.100", "ipaddr 10.0.0.2"),
            "error: server 1 has the address 10.0.0.2, which is real of network 1",
        );
        assert_said(
            &changed("ipaddr 10.0.0.100", "ipaddr 10.0.0.1"),
            "note: server 1 has the address 10.0.0.1, which is virt of network 1 too",
        );
        assert_said(
            &changed("ipaddr 10.0.0.100", "ipaddr 10.0.0.11"),
            "error: target 1 has the address 10.0.0.11, which is the one of server 1",
        );
        assert_said(
            &added("target 2 { ipaddr 10.0.0.11 }"),
            "warning: target 2 has address 10.0.0.11 and port of target 1",
        );
        assert_said(
            &added("gateway { ipaddr 10.0.0.2 }"),
            "error: the gateway 10.0.0.2 is our own real in network 1",
        );
    }

    #[test]
    fn addresses_outside_of_every_network() {
        assert_said(
            &changed("ipaddr 10.0.0.100", "ipaddr 192.0.2.1"),
            "warning: server 1 has the address 192.0.2.1, which lies in no network",
        );
        assert_said(
            &changed("10.0.0.11 ping 3,10 dsr enable", "192.0.2.1 ping 3,10"),
            "warning: target 1 has the address 192.0.2.1, which lies in no network, and there is no gateway",
        );
    }

    #[test]
    fn servers_that_share_an_address() {
        let twin = "server 2 { ipaddr 10.0.0.100 port 80 protocol tcp target 1 }";
        assert_eq!(
            added(twin).iter().filter(|line| line.contains("server 1")).count(),
            2,
            "{:?}",
            added(twin)
        );
        assert_said(
            &added("server 2 { ipaddr 10.0.0.100 target 1 }"),
            "note: server 2 and server 1 overlap on 10.0.0.100",
        );
        let other = added("server 2 { ipaddr 10.0.0.100 port 443 protocol tcp target 1 }");
        assert_eq!(other, ["note: server 2 is not registered"]);
    }

    #[test]
    fn lists_of_ports_that_overlap_name_the_port() {
        let twin = "server 2 { ipaddr 10.0.0.100 ports 443,79-81 protocol tcp target 1 }\nregister server 2";
        let report = check_text("f", format!("{SOUND}{twin}\n"));
        let finding = report.findings().first().expect("an error");
        assert_eq!(finding.message, "server 2 has the address, port and protocol of server 1");
        assert_eq!(finding.hint.as_deref(), Some("both serve port 80"));
    }

    #[test]
    fn servers_and_targets_without_each_other() {
        assert_said(
            &changed(" target 1 }", " }"),
            "warning: server 1 has no targets and will accept nothing",
        );
        assert_said(&changed(" target 1 }", " }"), "note: target 1 is of no server");
        assert_said(&changed("enable target 1\n", ""), "warning: server 1 has no target that is enabled");
        assert_said(&changed("enable target 1\n", ""), "note: target 1 is registered, but not enabled");
        let more: String = (2..=11).map(|n| format!("target {n} ipaddr 10.0.0.{}\n", 20 + n)).collect();
        let spare = changed(" target 1 }", " backup 1 }");
        assert!(spare.iter().all(|line| !line.contains("is of no server")), "{spare:?}");
        assert_said(
            &added(&(format!("set maglevsize 1009\n{more}server 1 targets 1-11"))),
            "note: server 1 has 11 targets for 1009 rows of 'set maglevsize'",
        );
        assert_said(&changed("ping 3,10 ", ""), "note: target 1 is without a check");
        assert_eq!(changed(" dsr enable", ""), ["warning: server 1 and its target 1 are both in network 1"]);
    }

    #[test]
    fn networks_out_of_work_take_their_targets_with_them() {
        let said = changed("enable network 1\n", "");
        assert_said(&said, "warning: target 1 is in network 1, which is not in use");
    }

    #[test]
    fn vrrp_wants_an_address_to_move_and_a_gate() {
        let text =
            SOUND.replace(" virt 10.0.0.1", "") + "vrrp { vrid 7 network 1 }\nmodules vrrp,arp,hc,slb\n";
        assert_said(&lines(&text), "warning: network 1 carries vrrp, but has no virt");
        assert_said(&lines(&text), "warning: vrrp is configured, but module 'master' is not in the chain");
    }

    #[test]
    fn modules_that_are_missing() {
        assert_said(
            &added("modules vrrp,arp,ping,master,slb\nset ipforwarding 1"),
            "warning: 'set ipforwarding 1', but module 'rt' is not in the chain",
        );
        let alone = "interface 1 name eth0
network 1 { addr 10.0.0.0 mask 255.255.255.0 real 10.0.0.2 interface 1 }
register interface 1
enable interface 1
register network 1
enable network 1
modules ping
";
        assert_said(&lines(alone), "warning: module 'arp' is not in the chain");
    }

    #[test]
    fn statements_without_effect_are_listed_each_in_the_same_words() {
        let is_kept_flag =
            |s: &&Statement| s.kind == Kind::Set && s.arg == Arg::Flag && s.effect == Effect::Kept;
        let keyword = STATEMENTS.iter().find(is_kept_flag).expect("a parameter without effect").keyword;
        let text = format!("{SOUND}set {keyword} 1\n");
        let said = format!("warning: '{keyword}' of set is accepted, not yet effective");
        let report = check_text("f", &text);
        assert_eq!(lines(&text), [said.as_str()]);
        assert_eq!(
            report.findings()[0].place.as_ref().map(|place| (place.line, place.column)),
            Some((13, 5))
        );
        let (config, _) = Config::parse("f", &text);
        assert!(check(&config).to_string().contains(&said));
    }

    #[test]
    fn errors_of_the_reader_are_the_whole_report() {
        let report = check_text("f", "serverr 1\ntarget x\n");
        assert_eq!((report.count(Level::Error), report.findings().len()), (2, 2));
        assert!(report.to_string().contains("f:1:1: error: "), "{report}");
        assert_eq!(check_text("f", [0xff, 0xfe, 0]).count(Level::Error), 1);
    }

    #[test]
    fn a_change_is_judged_by_what_it_brings() {
        let (config, _) = Config::parse("f", SOUND.replace("ping 3,10", "ping 3,4"));
        let before = check(&config);
        assert_eq!(before.count(Level::Warning), 1);
        assert_eq!(check(&config).beyond(&before).findings(), []);
        assert_eq!(check(&config).beyond(&check(&Config::default())).findings().len(), 1);
    }
}
