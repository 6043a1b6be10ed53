//! From what was said to what it means: the typed [`Model`], defaults filled in and references checked.
//!
//! What is wrong with an object that is registered is an error. An object that is not registered is still being put
//! together, so the same is a warning in a file and nothing at all on a typed line, one of several perhaps; the object is
//! left out of the model if the model cannot hold it. `vrrp`, `gateway` and `lgrp` have no such state and count as
//! registered.

mod checks;
mod gslb;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::argument::{Arg, Value};
use super::config::{Config, Key, Object};
use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source, shown};
use super::kind::Kind;
use super::model::{
    Access, Alerts, BenchmarkPlan, DumpLimits, Facility, Gateway, Interface, Method, Model, Module, Network,
    Ports, Probe, Protocol, Proxy, Server, SessionId, Side, State, Subnet4, Target, Tnat, Tuning, Tunnel,
    Vip, Vrrp,
};
use super::parser::{Doubt, Mode};
use super::statement::STATEMENTS;
use crate::flow::ports::FIRST;
use crate::wire::agent;

/// The packet chain without a `modules` statement.
pub(super) const DEFAULT_MODULES: [(&str, Module); 9] = [
    ("vrrp", Module::Vrrp),
    ("arp", Module::Arp),
    ("ping", Module::Ping),
    ("hc", Module::Hc),
    ("master", Module::Master),
    ("slb", Module::Slb),
    ("tnat", Module::Tnat),
    ("nat", Module::Nat),
    ("rt", Module::Rt),
];

/// A module that is in no chain unless it is asked for.
const BENCHMARK: (&str, Module) = ("benchmark", Module::Benchmark);

/// VRRP priority without a `priority` statement (RFC 3768, section 5.3.4).
const DEFAULT_PRIORITY: u8 = 100;
/// Session timeout without a `stimeout` statement.
const DEFAULT_STIMEOUT: u32 = 600;

/// Tells what `config` means, and what is wrong with it. The model is complete when no error is reported.
///
/// `source` is the text that was read last, to point into; what was said before it is described in words only.
pub(super) fn interpret(
    config: &Config,
    source: Option<&Source<'_>>,
    mode: Mode,
    doubt: &Doubt,
    diagnostics: &mut Diagnostics,
) -> Model {
    let mut interpreter = Interpreter { config, source, mode, doubt, diagnostics };
    let mut model = Model {
        hostname: interpreter.text(None, "hostname"),
        modules: interpreter.modules(),
        localdsr: interpreter.flag("localdsr"),
        ipforwarding: interpreter.flag("ipforwarding"),
        backupalerts: interpreter.flag("backupalerts"),
        syslogfacility: interpreter.facility(),
        dump: interpreter.dump(),
        benchmark: interpreter.benchmark(),
        interfaces: interpreter.interfaces(),
        tuning: interpreter.tuning(),
        ..Model::default()
    };
    model.networks = interpreter.networks(&model);
    model.vrrp = interpreter.vrrp(&model);
    (model.ipdb, model.ipdb6) = (interpreter.location_file("ipdb"), interpreter.location_file("ipdb6"));
    model.lgrps = interpreter.lgrps();
    model.gateway = interpreter.gateway(&model);
    model.targets = interpreter.targets(&model);
    model.servers = interpreter.servers(&model);
    model.vips = interpreter.vips(&model);
    model.tnats = interpreter.tnats();
    interpreter.references();
    interpreter.modules_in_use(&model);
    model
}

/// An object under interpretation.
#[derive(Clone, Copy)]
struct Subject<'a> {
    key: Key,
    object: &'a Object,
}

impl<'a> Subject<'a> {
    fn value(self, keyword: &str) -> Option<&'a Value> {
        self.object.entry(self.key.0, keyword).map(|entry| &entry.value)
    }

    fn number(self, keyword: &str) -> Option<u32> {
        match self.value(keyword) {
            Some(Value::Number(n)) => Some(*n),
            Some(Value::Mask(prefix)) => Some(u32::from(*prefix)),
            Some(Value::Index(n)) => Some(u32::from(*n)),
            // Of a list, the first element counts.
            Some(Value::Indices(list)) => list.first().copied().map(u32::from),
            _ => None,
        }
    }

    /// A number whose limits in the statement table fit the type.
    fn small<T: TryFrom<u32>>(self, keyword: &str) -> Option<T> {
        self.number(keyword).and_then(|n| T::try_from(n).ok())
    }

    fn ipv4(self, keyword: &str) -> Option<Ipv4Addr> {
        match self.value(keyword) {
            Some(Value::Ipv4(addr)) => Some(*addr),
            _ => None,
        }
    }

    fn ipv6(self, keyword: &str) -> Option<Ipv6Addr> {
        match self.value(keyword) {
            Some(Value::Ipv6(addr)) => Some(*addr),
            _ => None,
        }
    }

    fn hosts(self, keyword: &str) -> &'a [IpAddr] {
        match self.value(keyword) {
            Some(Value::Hosts(list)) => list,
            _ => &[],
        }
    }

    fn hosts4(self, keyword: &str) -> Vec<Ipv4Addr> {
        self.hosts(keyword)
            .iter()
            .filter_map(|a| if let IpAddr::V4(a) = a { Some(*a) } else { None })
            .collect()
    }

    fn hosts6(self, keyword: &str) -> Vec<Ipv6Addr> {
        self.hosts(keyword)
            .iter()
            .filter_map(|a| if let IpAddr::V6(a) = a { Some(*a) } else { None })
            .collect()
    }

    fn names(self, keyword: &str) -> &'a [String] {
        match self.value(keyword) {
            Some(Value::Names(list)) => list,
            _ => &[],
        }
    }

    fn indices(self, keyword: &str) -> &'a [u16] {
        match self.value(keyword) {
            Some(Value::Indices(list)) => list,
            _ => &[],
        }
    }

    fn switch(self, keyword: &str) -> bool {
        self.value(keyword) == Some(&Value::Switch(true))
    }

    fn word(self, keyword: &str) -> Option<&'static str> {
        match self.value(keyword) {
            Some(Value::Choice(word)) => Some(word),
            _ => None,
        }
    }

    fn probe(self, keyword: &str) -> Option<Probe> {
        match self.value(keyword) {
            Some(Value::Probe(interval, timeout)) => Some(probe(*interval, *timeout)),
            _ => None,
        }
    }

    fn port_probe(self, keyword: &str) -> Option<(u16, Probe)> {
        match self.value(keyword) {
            Some(Value::PortProbe(port, interval, timeout)) => Some((*port, probe(*interval, *timeout))),
            _ => None,
        }
    }

    /// In thousandths.
    fn decimal(self, keyword: &str) -> Option<i64> {
        match self.value(keyword) {
            Some(Value::Decimal(thousandths)) => Some(*thousandths),
            _ => None,
        }
    }

    fn protocol(self) -> Option<Protocol> {
        self.word("protocol").map(|word| if word == "tcp" { Protocol::Tcp } else { Protocol::Udp })
    }

    fn active(self) -> bool {
        self.object.registered && self.object.enabled
    }

    fn name(self) -> String {
        self.key.0.object_name(self.key.1)
    }
}

/// What a server sends from, if it is a proxy: `prx`, or its own address.
fn proxy(server: Subject<'_>) -> Option<Proxy> {
    (server.switch("proxy") || server.switch("snat")).then(|| Proxy {
        v4: or_own(server.hosts4("prx"), server.ipv4("ipaddr")),
        v6: or_own(server.hosts6("prx6"), server.ipv6("ipaddr6")),
    })
}

/// The method of a server; round robin without the statement.
fn method(server: Subject<'_>) -> Method {
    let word = server.word("method").unwrap_or_default();
    Method::ALL.iter().find(|(name, _)| *name == word).map_or(Method::Rr, |(_, method)| *method)
}

fn or_own<A>(list: Vec<A>, own: Option<A>) -> Vec<A> {
    if list.is_empty() { own.into_iter().collect() } else { list }
}

fn probe(interval: u32, timeout: u32) -> Probe {
    Probe { interval: Duration::from_secs(interval.into()), timeout: Duration::from_secs(timeout.into()) }
}

struct Interpreter<'a, 'd> {
    config: &'a Config,
    source: Option<&'d Source<'d>>,
    mode: Mode,
    doubt: &'d Doubt,
    diagnostics: &'d mut Diagnostics,
}

impl<'a> Interpreter<'a, '_> {
    fn subjects(&self, kind: Kind) -> impl Iterator<Item = Subject<'a>> + use<'a> {
        self.config
            .objects
            .range((kind, 0)..=(kind, u16::MAX))
            .map(|(key, object)| Subject { key: *key, object })
    }

    fn only(&self, kind: Kind) -> Option<Subject<'a>> {
        self.subjects(kind).next()
    }

    fn exists(&self, kind: Kind, number: u16) -> bool {
        self.config.objects.contains_key(&(kind, number))
    }

    fn text(&self, subject: Option<Subject<'a>>, keyword: &str) -> Option<String> {
        match subject.or_else(|| self.only(Kind::Top))?.value(keyword) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn alerts(&self, subject: Subject<'a>) -> Alerts {
        Alerts { down: self.text(Some(subject), "alert"), up: self.text(Some(subject), "upalert") }
    }

    fn flag(&self, keyword: &str) -> bool {
        self.only(Kind::Set).is_some_and(|set| set.value(keyword) == Some(&Value::Flag(true)))
    }

    /// `set syslogfacility`
    fn facility(&self) -> Facility {
        let word = self.only(Kind::Set).and_then(|set| set.word("syslogfacility")).unwrap_or("daemon");
        match (word, word.strip_prefix("local").and_then(|digit| digit.parse().ok())) {
            (_, Some(digit)) => Facility::Local(digit),
            ("user", _) => Facility::User,
            _ => Facility::Daemon,
        }
    }

    /// A number of `set`, whose limits in the statement table fit the type.
    fn set<T: TryFrom<u32>>(&self, keyword: &str) -> Option<T> {
        self.only(Kind::Set)?.small(keyword)
    }

    fn dump(&self) -> DumpLimits {
        let default = DumpLimits::default();
        DumpLimits {
            files: self.set("dumprotation").unwrap_or(default.files),
            megabytes: self.set("dumprotsiz").unwrap_or(default.megabytes),
        }
    }

    fn benchmark(&self) -> BenchmarkPlan {
        let default = BenchmarkPlan::default();
        BenchmarkPlan {
            duration: self
                .set("bmduration")
                .map_or(default.duration, |seconds: u32| Duration::from_secs(seconds.into())),
            packet_size: self.set("bmpsize").unwrap_or(default.packet_size),
            window: self.set("bmwsize").unwrap_or(default.window),
        }
    }

    /// Something is wrong with `subject`; `keyword` is the statement to point at, if it is there.
    fn problem(&mut self, subject: Subject<'_>, keyword: &str, message: String, hint: Option<&str>) {
        self.problem_in(subject, (keyword, None), message, hint);
    }

    /// As [`Self::problem`], with the number to point at in the list of the statement.
    fn problem_in(
        &mut self,
        subject: Subject<'_>,
        place: (&str, Option<u16>),
        message: String,
        hint: Option<&str>,
    ) {
        let stateless = !Kind::NUMBERED.contains(&subject.key.0);
        if stateless || subject.object.registered {
            self.say(Severity::Error, subject, place, message, hint);
        } else if self.mode == Mode::File {
            self.say(Severity::Warning, subject, place, message, hint);
        }
    }

    fn warn(&mut self, subject: Subject<'_>, keyword: &str, message: String, hint: Option<&str>) {
        self.say(Severity::Warning, subject, (keyword, None), message, hint);
    }

    fn say(
        &mut self,
        severity: Severity,
        subject: Subject<'_>,
        (keyword, number): (&str, Option<u16>),
        message: String,
        hint: Option<&str>,
    ) {
        if self.doubt.objects.contains(&subject.key) {
            return;
        }
        let at = match subject.object.entry(subject.key.0, keyword) {
            Some(entry) => entry.at,
            None => subject.object.at,
        };
        let place = self
            .source
            .filter(|_| at.unit == self.config.unit && !self.diagnostics.is_full(severity))
            .map(|source| {
                let part = number.and_then(|number| source.number_in(at.span, number));
                source.place(part.unwrap_or(at.span))
            });
        self.diagnostics.push(Diagnostic { severity, place, message, hint: hint.map(str::to_owned) });
    }

    /// Whether a missing object deserves a complaint: not when it may be missing because of an error before.
    fn surely_missing(&self, kind: Kind, number: u16) -> bool {
        !self.doubt.missing && !self.exists(kind, number)
    }

    fn modules(&self) -> Vec<Module> {
        match self.only(Kind::Top).and_then(|top| top.value("module")) {
            Some(Value::Choices(words)) => words
                .iter()
                .filter_map(|word| DEFAULT_MODULES.iter().chain([&BENCHMARK]).find(|(name, _)| name == word))
                .map(|(_, module)| *module)
                .collect(),
            _ => DEFAULT_MODULES.iter().map(|(_, module)| *module).collect(),
        }
    }

    fn tuning(&mut self) -> Tuning {
        let default = Tuning::default();
        let Some(set) = self.only(Kind::Set) else { return default };
        let natports = match set.value("natports") {
            Some(Value::Ports(list)) => Ports::new(list),
            _ => Ports::default(),
        };
        let low = natports.iter().find(|port| !natports.is_any() && *port < FIRST);
        if let Some(port) = low {
            let rest = match natports.runs().last() {
                Some((_, last)) if *last >= FIRST => "are left out",
                _ => "are left out, so that no connection has a port to come from",
            };
            let message =
                format!("natports has port {port}, but ports below {FIRST} belong to services and {rest}");
            let hint = Some("for example: set natports 20000-29999");
            self.say(Severity::Warning, set, ("natports", Some(port)), message, hint);
        }
        let seconds =
            |keyword, default| set.number(keyword).map_or(default, |n| Duration::from_secs(n.into()));
        Tuning {
            maxsessions: set.number("maxsessions").unwrap_or(default.maxsessions),
            synrate: set.number("synrate").unwrap_or(default.synrate),
            mssclamp: self.flag("mssclamp"),
            tunnelsrc: set.hosts4("tunnelsrc"),
            tunnelsrc6: set.hosts6("tunnelsrc6"),
            maglevsize: set.number("maglevsize").unwrap_or(default.maglevsize),
            hashbits: set.small("hashbits").unwrap_or(default.hashbits),
            natports,
            gnatdefaultto: seconds("gnatdefaultto", default.gnatdefaultto),
            gnatdnsto: seconds("gnatdnsto", default.gnatdnsto),
        }
    }

    fn interfaces(&mut self) -> BTreeMap<u16, Interface> {
        let mut interfaces = BTreeMap::new();
        let mut devices: BTreeMap<String, u16> = BTreeMap::new();
        for subject in self.subjects(Kind::Interface) {
            let number = subject.key.1;
            let Some(name) = self.text(Some(subject), "name") else {
                let hint = format!("for example: interface {number} name eth0");
                self.problem(subject, "name", format!("interface {number} has no name"), Some(&hint));
                continue;
            };
            if let Some(other) = devices.insert(name.clone(), number) {
                let message = format!("interface {number} is the device {name}, and so is interface {other}");
                self.problem(subject, "name", message, Some("several networks can share one interface"));
            }
            let access = match subject.word("access") {
                Some("raw") => Access::Raw,
                Some("tap") => Access::Tap,
                Some("pcap") => Access::Pcap,
                Some("dlpi") => Access::Dlpi,
                _ => Access::Auto,
            };
            let interface = Interface {
                name,
                access,
                init: self.text(Some(subject), "init"),
                threads: subject.small("threads").unwrap_or(1),
                alerts: self.alerts(subject),
                active: subject.active(),
            };
            interfaces.insert(number, interface);
        }
        interfaces
    }

    fn networks(&mut self, model: &Model) -> BTreeMap<u16, Network> {
        let mut networks = BTreeMap::new();
        for subject in self.subjects(Kind::Network) {
            let name = subject.name();
            let Some(interface) = subject.small::<u16>("interface") else {
                let hint = format!("for example: {name} interface 1");
                self.problem(subject, "interface", format!("{name} is on no interface"), Some(&hint));
                continue;
            };
            let network = Network {
                name: self.text(Some(subject), "name"),
                subnet4: self.subnet4(subject),
                real: subject.ipv4("real"),
                virt: subject.ipv4("virt"),
                mask6: subject.small("mask6"),
                real6: subject.ipv6("real6"),
                virt6: subject.ipv6("virt6"),
                nat: subject
                    .word("nat")
                    .map(|side| if side == "inside" { Side::Inside } else { Side::Outside }),
                interface,
                active: subject.active() && model.interfaces.get(&interface).is_some_and(|i| i.active),
            };
            self.check_network(subject, &network);
            if subject.active() && !network.active && self.exists(Kind::Interface, interface) {
                let message = format!("{name} is enabled, but interface {interface} is not");
                self.warn(
                    subject,
                    "interface",
                    message,
                    Some("frames come and go on enabled interfaces only"),
                );
            }
            networks.insert(subject.key.1, network);
        }
        networks
    }

    fn subnet4(&mut self, subject: Subject<'_>) -> Option<Subnet4> {
        let name = subject.name();
        match (subject.ipv4("addr"), subject.small::<u8>("mask")) {
            (Some(addr), Some(prefix)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                let base = Ipv4Addr::from(u32::from(addr) & mask);
                if base != addr {
                    let message = format!("{addr} of {name} is not the address of a network with this mask");
                    self.warn(subject, "addr", message, Some(&format!("{base} is used")));
                }
                Some(Subnet4 { addr: base, prefix })
            }
            (Some(_), None) => {
                self.problem(subject, "addr", format!("{name} has an addr, but no mask"), None);
                None
            }
            (None, Some(_)) => {
                self.problem(subject, "mask", format!("{name} has a mask, but no addr"), None);
                None
            }
            (None, None) => None,
        }
    }

    fn check_network(&mut self, subject: Subject<'_>, network: &Network) {
        let name = subject.name();
        let peer = subject.ipv4("syncpeer");
        for (keyword, addr) in [("real", network.real), ("virt", network.virt), ("syncpeer", peer)] {
            let Some(addr) = addr else { continue };
            let Some(subnet) = network.subnet4 else {
                if subject.ipv4("addr").is_none() && subject.number("mask").is_none() {
                    self.problem(
                        subject,
                        keyword,
                        format!("{name} has {keyword}, but no addr and mask"),
                        None,
                    );
                }
                continue;
            };
            let (base, size) = (u32::from(subnet.addr), 32 - u32::from(subnet.prefix));
            let last = base | 1_u32.checked_shl(size).map_or(u32::MAX, |hosts| hosts - 1);
            if !network.contains(IpAddr::V4(addr)) {
                let range = format!("{} to {}", subnet.addr, Ipv4Addr::from(last));
                let message = format!("{keyword} {addr} lies outside of {name}, which is {range}");
                self.problem(subject, keyword, message, None);
            } else if size > 1 && (u32::from(addr) == base || u32::from(addr) == last) {
                let message = format!("{keyword} {addr} is the first or the last address of {name}");
                self.problem(subject, keyword, message, Some("these two belong to the network itself"));
            }
        }
        let peer6 = subject.ipv6("syncpeer6");
        for (keyword, addr) in [("real6", network.real6), ("virt6", network.virt6), ("syncpeer6", peer6)] {
            let Some(addr) = addr else { continue };
            if network.mask6.is_none() {
                let hint = format!("for example: {name} mask6 64");
                self.problem(subject, keyword, format!("{name} has {keyword}, but no mask6"), Some(&hint));
            } else if !network.contains(IpAddr::V6(addr)) {
                let message = format!("{keyword} {addr} does not lie in the IPv6 network of {name}");
                self.problem(subject, keyword, message, None);
            }
        }
        if network.mask6.is_some() && network.real6.is_none() && network.virt6.is_none() {
            self.problem(subject, "mask6", format!("{name} has mask6, but neither real6 nor virt6"), None);
        }
        if network.real.is_some() && network.real == network.virt
            || network.real6.is_some() && network.real6 == network.virt6
        {
            let keyword = if network.real == network.virt { "virt" } else { "virt6" };
            let message = format!("{name} has one address as its own and as the one of the master");
            self.problem(subject, keyword, message, Some("leave virt out, or give it an address of its own"));
        }
        for (keyword, is_own) in [
            ("syncpeer", peer.is_some() && [network.real, network.virt].contains(&peer)),
            ("syncpeer6", peer6.is_some() && [network.real6, network.virt6].contains(&peer6)),
        ] {
            if is_own {
                let message = format!("{keyword} of {name} is an address of this node");
                self.problem(subject, keyword, message, Some("give the real address of the other node"));
            }
        }
        if network.real.is_none() && network.real6.is_none() {
            let message = format!("{name} has neither real nor real6");
            self.problem(
                subject,
                "addr",
                message,
                Some("the node needs an address of its own in each network"),
            );
        }
    }

    fn vrrp(&mut self, model: &Model) -> Option<Vrrp> {
        let subject = self.only(Kind::Vrrp)?;
        let complete = "give all of it at once: vrrp { vrid 1 priority 200 network 1 }";
        let (Some(vrid), Some(network)) = (subject.small("vrid"), subject.small("network")) else {
            let missing = if subject.number("vrid").is_none() { "vrid" } else { "network" };
            self.problem(subject, "vrid", format!("vrrp has no {missing}"), Some(complete));
            return None;
        };
        match model.networks.get(&network) {
            None if self.exists(Kind::Network, network) => {
                // Its own problem has been reported; for vrrp it makes no difference whether it is registered.
                let message = format!("network {network} of vrrp is not complete");
                self.problem(subject, "network", message, None);
            }
            // What it lacks may be in the part that was not understood.
            Some(_) if self.doubt.objects.contains(&(Kind::Network, network)) => {}
            Some(carrier) if carrier.real.is_none() => {
                let message = format!("network {network} of vrrp has no real address");
                let hint = "advertisements are sent in IPv4, from the real address";
                self.problem(subject, "network", message, Some(hint));
            }
            Some(carrier) if !carrier.active => {
                let message = format!("network {network} of vrrp is not enabled");
                let hint = "without advertisements this node and the other one would both be master";
                self.warn(subject, "network", message, Some(hint));
            }
            // One that does not exist is reported with all other references.
            Some(_) | None => {}
        }
        let priority = subject.small("priority").unwrap_or(DEFAULT_PRIORITY);
        Some(Vrrp { vrid, priority, network })
    }

    fn gateway(&mut self, model: &Model) -> Option<Gateway> {
        let subject = self.only(Kind::Gateway)?;
        let gateway = Gateway {
            ipaddr: subject.ipv4("ipaddr"),
            ipaddr6: subject.ipv6("ipaddr6"),
            ping: subject.probe("ping"),
            ping6: subject.probe("ping6"),
            arp: subject.probe("arp"),
            alerts: self.alerts(subject),
        };
        let addresses =
            [("ipaddr", gateway.ipaddr.map(IpAddr::V4)), ("ipaddr6", gateway.ipaddr6.map(IpAddr::V6))];
        if addresses.iter().all(|(_, addr)| addr.is_none()) {
            let hint = "give all of it at once: gateway { ipaddr 192.0.2.1 ping 3,10 }";
            let message = "gateway has neither ipaddr nor ipaddr6".to_owned();
            self.problem(subject, "ping", message, Some(hint));
            return Some(gateway);
        }
        self.check_checks(subject, &[("ping", "ipaddr"), ("arp", "ipaddr"), ("ping6", "ipaddr6")]);
        for (keyword, addr) in addresses {
            let Some(addr) = addr else { continue };
            if !self.doubt.missing && !model.networks.values().any(|network| network.contains(addr)) {
                self.warn(subject, keyword, format!("gateway {addr} lies in no network"), None);
            }
        }
        Some(gateway)
    }

    /// Each check needs an address to send to.
    fn check_checks(&mut self, subject: Subject<'_>, checks: &[(&str, &str)]) {
        for (check, address) in checks {
            if subject.value(check).is_some() && subject.value(address).is_none() {
                let message = format!("{} has a check by {check}, but no {address}", subject.name());
                self.problem(subject, check, message, None);
            }
        }
    }

    fn targets(&mut self, model: &Model) -> BTreeMap<u16, Target> {
        let mut targets = BTreeMap::new();
        for subject in self.subjects(Kind::Target) {
            let target = Target {
                name: self.text(Some(subject), "name"),
                ipaddr: subject.ipv4("ipaddr"),
                ipaddr6: subject.ipv6("ipaddr6"),
                port: subject.small("port").unwrap_or(0),
                protocol: subject.protocol(),
                ping: subject.probe("ping"),
                ping6: subject.probe("ping6"),
                script: match subject.value("script") {
                    Some(Value::Script(command, interval, timeout)) => {
                        Some((command.clone(), probe(*interval, *timeout)))
                    }
                    _ => None,
                },
                alerts: self.alerts(subject),
                tcpopen: subject.port_probe("tcpopen"),
                tcpopen6: subject.port_probe("tcpopen6"),
                agent: subject.port_probe("agent"),
                agent6: subject.port_probe("agent6"),
                ascale: subject.decimal("ascale").unwrap_or(1_000),
                aoffset: subject.decimal("aoffset").unwrap_or(0),
                http: self.http(subject),
                udp: self.udp(subject),
                dns: self.dns(subject),
                check_vip: subject.word("check").map(|word| word == "vip"),
                rise: subject.number("rise").unwrap_or(1),
                fall: subject.number("fall").unwrap_or(1),
                agentkey: self.text(Some(subject), "agentkey"),
                dsr: subject.switch("dsr"),
                tunnel: match subject.word("tunnel") {
                    Some("ipip") => Some(Tunnel::Ipip),
                    Some("gue") => Some(Tunnel::Gue),
                    Some("gre") => Some(Tunnel::Gre),
                    _ => None,
                },
                via: match subject.value("via") {
                    Some(Value::Host(addr)) => Some(*addr),
                    _ => None,
                },
                lgrps: subject.indices("lgrp").to_vec(),
                weight: subject.number("weight").unwrap_or(1),
                maxsessions: subject.number("maxsessions").unwrap_or(0),
                autodisable: subject.number("autodisable").unwrap_or(0),
                slowstart: Duration::from_secs(subject.number("slowstart").unwrap_or(0).into()),
                state: match subject.word("state") {
                    Some("drain") => State::Drain,
                    Some("maintenance") => State::Maintenance,
                    _ => State::Active,
                },
                registered: subject.object.registered,
                active: subject.active(),
            };
            self.check_target(subject, &target, model);
            targets.insert(subject.key.1, target);
        }
        targets
    }

    fn check_target(&mut self, subject: Subject<'_>, target: &Target, model: &Model) {
        let name = subject.name();
        if target.ipaddr.is_none() && target.ipaddr6.is_none() {
            self.problem(subject, "ipaddr", format!("{name} has neither ipaddr nor ipaddr6"), None);
        }
        self.check_checks(
            subject,
            &[
                ("ping", "ipaddr"),
                ("tcpopen", "ipaddr"),
                ("agent", "ipaddr"),
                ("ping6", "ipaddr6"),
                ("tcpopen6", "ipaddr6"),
                ("agent6", "ipaddr6"),
            ],
        );
        if let Some(key) = &target.agentkey {
            let help = "'openssl rand -hex 16' makes a good one";
            if key.len() < agent::SECRET_MIN {
                let message = format!(
                    "{name} has an agentkey of {} bytes, which is guessed too easily; at least {} are needed",
                    key.len(),
                    agent::SECRET_MIN
                );
                self.problem(subject, "agentkey", message, Some(help));
            }
            if subject.value("agent").is_none() && subject.value("agent6").is_none() {
                let message = format!("{name} has an agentkey, but no agent is asked");
                self.warn(subject, "agentkey", message, Some("'agent' and 'agent6' ask one"));
            }
        }
        if target.check_vip == Some(true) && !target.answers_by_itself() {
            let message = format!(
                "{name} cannot be checked through the addresses of its servers: they are replaced by its own"
            );
            self.problem(subject, "check", message, Some("'check vip' needs 'dsr enable' or a tunnel"));
        }
        let addresses =
            [("ipaddr", target.ipaddr.map(IpAddr::V4)), ("ipaddr6", target.ipaddr6.map(IpAddr::V6))];
        for (keyword, addr) in addresses {
            let Some(addr) = addr else { continue };
            let network = model.networks.iter().find(|(_, network)| network.contains(addr));
            let Some((number, network)) = network else {
                let unsure =
                    self.doubt.missing || self.doubt.objects.iter().any(|(kind, _)| *kind == Kind::Network);
                if target.dsr && !unsure {
                    let message = format!(
                        "{name} at {addr} lies in no network, so direct server return cannot reach it"
                    );
                    self.problem(subject, keyword, message, None);
                }
                continue;
            };
            if [network.real.map(IpAddr::V4), network.virt.map(IpAddr::V4)].contains(&Some(addr))
                || [network.real6.map(IpAddr::V6), network.virt6.map(IpAddr::V6)].contains(&Some(addr))
            {
                let message = format!("{name} has the address {addr}, which is our own in network {number}");
                self.problem(subject, keyword, message, None);
            }
            let tap = model.interfaces.get(&network.interface).is_some_and(|i| i.access == Access::Tap);
            if target.dsr && tap && !model.localdsr {
                let message = format!("{name} is on this host behind a tap interface and will stay down");
                self.warn(subject, "dsr", message, Some("'set localdsr 1' allows it"));
            }
        }
    }

    fn servers(&mut self, model: &Model) -> BTreeMap<u16, Server> {
        let mut servers = BTreeMap::new();
        let mut services: BTreeMap<(IpAddr, u16, Option<Protocol>), u16> = BTreeMap::new();
        for subject in self.subjects(Kind::Server) {
            let number = subject.key.1;
            let targets = subject.indices("target").to_vec();
            let ports = match subject.value("port") {
                Some(Value::Ports(list)) => Ports::new(list),
                _ => Ports::default(),
            };
            let server = Server {
                name: self.text(Some(subject), "name"),
                ipaddr: subject.ipv4("ipaddr"),
                ipaddr6: subject.ipv6("ipaddr6"),
                ports,
                protocol: subject.protocol(),
                targets,
                backups: subject.indices("backup").to_vec(),
                method: method(subject),
                sessionid: match subject.word("sessionid") {
                    Some("src+port") => SessionId::SrcPort,
                    Some("dst") => SessionId::Dst,
                    Some("both") => SessionId::Both,
                    Some("both+port") => SessionId::BothPort,
                    _ => SessionId::Src,
                },
                stimeout: Duration::from_secs(subject.number("stimeout").unwrap_or(DEFAULT_STIMEOUT).into()),
                ftimeout: subject
                    .number("ftimeout")
                    .filter(|n| *n > 0)
                    .map(|n| Duration::from_secs(n.into())),
                onepacket: subject.switch("onepacket"),
                proxy: proxy(subject),
                gslb: self.gslb(subject),
                registered: subject.object.registered,
                active: subject.active(),
            };
            if server.ipaddr.is_none() && server.ipaddr6.is_none() {
                let message = format!("server {number} has neither ipaddr nor ipaddr6");
                self.problem(subject, "ipaddr", message, None);
            }
            let addresses =
                [("ipaddr", server.ipaddr.map(IpAddr::V4)), ("ipaddr6", server.ipaddr6.map(IpAddr::V6))];
            for (keyword, addr) in addresses {
                let Some(addr) = addr else { continue };
                let mut taken: Vec<(u16, u16)> = Vec::new();
                for port in server.ports.iter() {
                    let other = services.insert((addr, port, server.protocol), number);
                    taken.extend(other.map(|other| (other, port)));
                }
                if let Some((other, port)) = taken.iter().min() {
                    let message =
                        format!("server {number} has the address, port and protocol of server {other}");
                    // With one port it is plain which one.
                    let hint = (server.ports.single().is_none() && *port != 0)
                        .then(|| format!("both serve port {port}"));
                    self.problem(subject, keyword, message, hint.as_deref());
                }
            }
            if server.targets.is_empty() && server.registered {
                let message = format!("server {number} has no targets and will accept nothing");
                self.warn(
                    subject,
                    "target",
                    message,
                    Some(&format!("for example: server {number} target 1")),
                );
            }
            self.check_gslb_targets(subject, &server, model);
            self.check_targets_of(subject, &server, ("target", &server.targets), model);
            self.check_targets_of(subject, &server, ("backup", &server.backups), model);
            if let Some(both) = server.backups.iter().find(|number| server.targets.contains(number)) {
                let message = format!("target {both} of server {number} is a backup too");
                self.problem(subject, "backup", message, Some("a target is the one or the other"));
            }
            servers.insert(number, server);
        }
        servers
    }

    /// Checks the targets that the statement `keyword` of a server lists.
    fn check_targets_of(
        &mut self,
        subject: Subject<'_>,
        server: &Server,
        (keyword, list): (&str, &[u16]),
        model: &Model,
    ) {
        let name = subject.name();
        // To those of a server that answers DNS no packet is sent.
        for number in list.iter().filter(|_| server.gslb.is_none()) {
            let Some(target) = model.targets.get(number) else { continue };
            if self.doubt.objects.contains(&(Kind::Target, *number)) {
                continue;
            }
            let keeps_ports = target.dsr || target.tunnel.is_some();
            if keeps_ports && target.port != 0 && server.ports.single() != Some(target.port) {
                let message = format!(
                    "{name} has port {}, its target {number} port {}, but direct server return cannot change ports",
                    server.ports, target.port
                );
                self.problem_in(
                    subject,
                    (keyword, Some(*number)),
                    message,
                    Some("give both the same port, or leave out the target's"),
                );
            }
            if keeps_ports && server.proxy.is_some() {
                let (word, off) = match target.tunnel {
                    Some(_) => ("tunnel", format!("no target {number} tunnel")),
                    None => ("dsr", format!("target {number} dsr disable")),
                };
                let message = format!(
                    "{name} is a proxy, but its target {number} answers clients by itself ('{word}')"
                );
                let hint = format!("'{off}' lets answers come back here, or leave out 'proxy'");
                self.problem_in(subject, (keyword, Some(*number)), message, Some(&hint));
            }
            if target.protocol.is_some() && target.protocol != server.protocol {
                let word = |protocol| match protocol {
                    Some(Protocol::Tcp) => "tcp",
                    Some(Protocol::Udp) => "udp",
                    None => "any protocol",
                };
                let (own, other) = (word(server.protocol), word(target.protocol));
                let message = format!("{name} is for {own}, its target {number} for {other}");
                self.problem_in(subject, (keyword, Some(*number)), message, None);
            }
            let shares_v4 = server.ipaddr.is_some() && target.ipaddr.is_some();
            let shares_v6 = server.ipaddr6.is_some() && target.ipaddr6.is_some();
            let both_have_addresses = (server.ipaddr.is_some() || server.ipaddr6.is_some())
                && (target.ipaddr.is_some() || target.ipaddr6.is_some());
            // A tunnel carries packets of either family to an address of either family.
            if both_have_addresses && !shares_v4 && !shares_v6 && target.tunnel.is_none() {
                let message = format!("{name} and its target {number} have no address family in common");
                self.problem_in(
                    subject,
                    (keyword, Some(*number)),
                    message,
                    Some("one of the two has IPv4 only, the other one IPv6 only"),
                );
            }
        }
    }

    /// Reads every `vip` and checks its addresses.
    fn vips(&mut self, model: &Model) -> BTreeMap<u16, Vip> {
        let mut vips = BTreeMap::new();
        for subject in self.subjects(Kind::Vip) {
            let name = subject.name();
            let addresses = [subject.ipv4("ipaddr").map(IpAddr::V4), subject.ipv6("ipaddr6").map(IpAddr::V6)];
            if addresses.iter().all(Option::is_none) {
                self.problem(subject, "ipaddr", format!("{name} has neither ipaddr nor ipaddr6"), None);
            }
            for (keyword, addr) in ["ipaddr", "ipaddr6"].into_iter().zip(addresses) {
                let server = model
                    .servers
                    .iter()
                    .find(|(_, server)| addr.is_some_and(|a| server.addresses().any(|b| a == b)));
                if let Some((number, _)) = server {
                    let message = format!("{name} has the address of server {number}");
                    self.problem(
                        subject,
                        keyword,
                        message,
                        Some("the master owns the addresses of servers as it is"),
                    );
                }
            }
            let vip = Vip {
                ipaddr: subject.ipv4("ipaddr"),
                ipaddr6: subject.ipv6("ipaddr6"),
                active: subject.active(),
            };
            vips.insert(subject.key.1, vip);
        }
        vips
    }

    /// Reads every `tnat`.
    fn tnats(&mut self) -> BTreeMap<u16, Tnat> {
        let mut tnats = BTreeMap::new();
        for subject in self.subjects(Kind::Tnat) {
            let Some(server) = subject.small("server") else {
                let hint = format!("for example: {} server 1", subject.name());
                self.problem(subject, "server", format!("{} has no server", subject.name()), Some(&hint));
                continue;
            };
            let tnat = Tnat {
                server,
                port: subject.small("port").unwrap_or(0),
                protocol: subject.protocol(),
                targets: subject.indices("target").to_vec(),
                active: subject.active(),
            };
            tnats.insert(subject.key.1, tnat);
        }
        tnats
    }

    /// Reports every number of an object that does not exist.
    fn references(&mut self) {
        for (key, object) in &self.config.objects {
            let subject = Subject { key: *key, object };
            for (at, entry) in &object.entries {
                let statement = &STATEMENTS[*at];
                let (kind, numbers) = match (&entry.value, statement.arg) {
                    (Value::Index(number), Arg::Index(kind)) => (kind, std::slice::from_ref(number)),
                    (Value::Indices(list), Arg::Indices(kind)) => (kind, list.as_slice()),
                    _ => continue,
                };
                for number in numbers {
                    if self.surely_missing(kind, *number) {
                        let missing = kind.object_name(*number);
                        let message = format!("{missing} of {} does not exist", subject.name());
                        // In a file it may as well be a slip; whoever types has just not come to it.
                        let hint = format!("configure {missing} first");
                        let hint =
                            (self.mode == Mode::Line && entry.at.unit == self.config.unit).then_some(hint);
                        self.problem_in(
                            subject,
                            (statement.keyword, Some(*number)),
                            message,
                            hint.as_deref(),
                        );
                    }
                }
            }
        }
    }

    /// Warns about what is configured while the module that would do it is not in the chain.
    fn modules_in_use(&mut self, model: &Model) {
        let Some(top) = self.only(Kind::Top) else { return };
        let registered = model.servers.values().any(|server| server.registered);
        let checks = model.targets.values().any(|t| !t.probes().is_empty())
            || model
                .gateway
                .as_ref()
                .is_some_and(|gateway| gateway.ping.is_some() || gateway.ping6.is_some());
        let sides = model.networks.values().any(|network| network.active && network.nat.is_some());
        let tnats = model.tnats.values().any(|tnat| tnat.active);
        let uses = [
            (Module::Vrrp, model.vrrp.is_some(), "vrrp has no effect"),
            (Module::Hc, checks, "no health check runs"),
            (Module::Slb, registered, "no server takes traffic"),
            (Module::Arp, registered, "nobody can find our addresses"),
            (Module::Nat, sides, "hosts of inside networks keep their addresses"),
            (Module::Tnat, tnats, "connections that targets open keep their addresses"),
        ];
        for (module, is_used, consequence) in uses {
            if is_used && !model.modules.contains(&module) {
                let word = DEFAULT_MODULES.iter().find(|(_, of)| *of == module).map_or("", |(word, _)| word);
                let message = format!("module {} is not in the chain, so {consequence}", shown(word));
                self.warn(top, "module", message, Some(&format!("'module {word}' adds it")));
            }
        }
    }
}
