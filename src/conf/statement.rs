//! The statement table: every statement of the language, in the order in which `save` writes them.
//!
//! The parser, the writer, completion, help and the man page read this table. A new statement is one entry here and one
//! use in `interpret.rs`.

use super::argument::{Arg, Choice};
use super::keyword::{Match, unique_prefix};
use super::kind::Kind;

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The original has it.
    Original,
    /// Our addition, which the original would not accept.
    Ours,
}

/// What this version does with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What its help says.
    Acts,
    /// It is read, kept and saved, but nothing follows from it yet; a warning says so.
    Kept,
}

/// One statement. Its line is `keyword argument`.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// The kind of object it belongs to.
    pub kind: Kind,
    /// The keyword.
    pub keyword: &'static str,
    /// The keyword when the argument is a list of several elements.
    pub plural: Option<&'static str>,
    /// Type of the argument.
    pub arg: Arg,
    /// The value that holds without the statement, in the notation of the language. Such a value is never saved.
    pub default: Option<&'static str>,
    /// May stand several times in one object; all of them are kept.
    pub repeats: bool,
    /// One line for the operator.
    pub help: &'static str,
    /// More about it, for the man page; may be empty.
    pub doc: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// What this version does with it.
    pub effect: Effect,
}

impl Statement {
    const fn new(kind: Kind, keyword: &'static str, arg: Arg, help: &'static str) -> Self {
        Self {
            kind,
            keyword,
            plural: None,
            arg,
            default: None,
            repeats: false,
            help,
            doc: "",
            origin: Origin::Original,
            effect: Effect::Acts,
        }
    }

    const fn plural(mut self, plural: &'static str) -> Self {
        self.plural = Some(plural);
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn ours(mut self) -> Self {
        self.origin = Origin::Ours;
        self
    }

    const fn kept(mut self) -> Self {
        self.effect = Effect::Kept;
        self
    }

    /// Keyword and argument in the notation of the help: `port <0-65535>`.
    pub fn usage(&self) -> String {
        format!("{} {}", self.plural.unwrap_or(self.keyword), self.arg.usage())
    }

    /// The name or names of the statement.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.keyword).chain(self.plural)
    }
}

/// Highest number of worker threads of one interface.
const THREADS_MAX: u32 = 64;
/// Highest session timeout: thirty days in seconds.
const STIMEOUT_MAX: u32 = 2_592_000;

const MODULES: &[Choice] = &[
    Choice::new("vrrp", "mastership: sends and takes advertisements"),
    Choice::new("arp", "answers and asks for hardware addresses, IPv4 and IPv6"),
    Choice::new("ping", "answers echo requests to our addresses"),
    Choice::new("hc", "health checks of targets"),
    Choice::new("master", "gate: lets frames pass on the master only"),
    Choice::new("slb", "server load balancing"),
    Choice::new("tnat", "translation of flows that targets open"),
    Choice::new("nat", "translation from inside to outside"),
    Choice::new("rt", "routing between networks"),
    Choice::known("benchmark", "traffic generator"),
    Choice::known("llb", "link load balancing"),
];

const ACCESS: &[Choice] = &[
    Choice::new("auto", "the best way this interface offers"),
    Choice::new("raw", "packet rings of the kernel"),
    Choice::new("tap", "a TAP device made by bng"),
    Choice::new("pcap", "libpcap"),
    Choice::known("xdp", "AF_XDP sockets"),
    Choice::known("mmap", "mapped packet socket"),
    Choice::known("pfring", "PF_RING"),
];

const PROTOCOL: &[Choice] = &[Choice::new("tcp", "TCP"), Choice::new("udp", "UDP")];

const NAT: &[Choice] =
    &[Choice::new("inside", "addresses to be translated"), Choice::new("outside", "addresses translated to")];

const METHOD: &[Choice] = &[
    Choice::new("rr", "round robin"),
    Choice::known("random", "at random"),
    Choice::known("hash", "by client address"),
    Choice::known("maglev", "by consistent hash"),
    Choice::known("first", "the first operational target"),
    Choice::known("session", "fewest sessions"),
    Choice::known("bw", "least bandwidth"),
    Choice::known("agent", "lowest load reported by agents"),
    Choice::known("rndagent", "at random, weighted by reported load"),
    Choice::known("rndsession", "at random, weighted by sessions"),
    Choice::known("rndbw", "at random, weighted by bandwidth"),
];

const SESSIONID: &[Choice] = &[
    Choice::new("src", "client address"),
    Choice::new("src+port", "client address and port"),
    Choice::new("dst", "destination address"),
    Choice::new("both", "client and destination address"),
    Choice::new("both+port", "client address and port, destination address"),
    Choice::known("sip", "SIP call"),
    Choice::known("at", "SIP user"),
];

/// Every statement, in saved order.
pub static STATEMENTS: &[Statement] = &[
    // Outside of any object.
    Statement::new(Kind::Top, "hostname", Arg::Word(63), "name of this node, shown in the prompt"),
    Statement::new(Kind::Top, "remark", Arg::Text(1023), "a comment that is kept and saved")
        .repeats()
        .ours()
        .doc("Several remarks are kept in their order."),
    Statement::new(Kind::Top, "module", Arg::Choices(MODULES), "packet chain, in processing order")
        .plural("modules")
        .doc(
            "Each received frame walks the modules in this order. 'modules' sets the whole chain, 'module' adds to the \
             end of it. Without the statement the chain is vrrp,arp,ping,hc,master,slb,tnat,nat,rt.",
        ),
    // set
    Statement::new(Kind::Set, "multithreading", Arg::Flag, "accepted for compatibility").default("0").doc(
        "Kept and saved, but without effect by design: bng always works with one thread or more per interface, as \
         'threads' says.",
    ),
    Statement::new(Kind::Set, "localdsr", Arg::Flag, "allow targets on this host behind a tap interface")
        .default("0")
        .doc("With 0, a target with 'dsr enable' that is reached through an interface with 'access tap' stays down."),
    Statement::new(Kind::Set, "ipforwarding", Arg::Flag, "route between networks and to the gateway")
        .default("0")
        .kept(),
    // interface
    Statement::new(Kind::Interface, "name", Arg::Word(31), "device name, such as eth0").doc("Required."),
    Statement::new(Kind::Interface, "access", Arg::Choice(ACCESS), "how frames are read and written")
        .default("auto")
        .doc("'pcap' and the word 'auto' are additions of bng."),
    Statement::new(Kind::Interface, "threads", Arg::Number(1, THREADS_MAX), "number of worker threads").default("1"),
    Statement::new(Kind::Interface, "init", Arg::Text(4095), "shell command run when the device exists")
        .doc("Run by /bin/sh as the user of the daemon, after a tap device has been made."),
    // vrrp
    Statement::new(Kind::Vrrp, "vrid", Arg::Number(1, 255), "number of the virtual router").doc("Required."),
    Statement::new(Kind::Vrrp, "priority", Arg::Number(1, 255), "the higher priority becomes master")
        .doc("255 means that this node owns the addresses and is always master. Without the statement it is 100."),
    Statement::new(Kind::Vrrp, "network", Arg::Index(Kind::Network), "network that carries the advertisements")
        .doc("Required. The network needs a 'real' address, which advertisements are sent from."),
    // network
    Statement::new(Kind::Network, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Network, "addr", Arg::Ipv4Network, "IPv4 network address").doc("Needs 'mask'."),
    Statement::new(Kind::Network, "mask", Arg::Mask, "IPv4 network mask, such as 255.255.255.0"),
    Statement::new(Kind::Network, "real", Arg::Ipv4, "this node's own IPv4 address")
        .doc("Health checks and advertisements are sent from it. Each node of a pair has its own."),
    Statement::new(Kind::Network, "virt", Arg::Ipv4, "IPv4 address that the master owns")
        .doc("The same on both nodes of a pair."),
    Statement::new(Kind::Network, "mask6", Arg::Number(0, 128), "IPv6 prefix length")
        .doc("The IPv6 network is the one that 'real6' or 'virt6' lies in."),
    Statement::new(Kind::Network, "real6", Arg::Ipv6, "this node's own IPv6 address"),
    Statement::new(Kind::Network, "virt6", Arg::Ipv6, "IPv6 address that the master owns"),
    Statement::new(Kind::Network, "nat", Arg::Choice(NAT), "side of address translation").kept(),
    Statement::new(Kind::Network, "interface", Arg::Index(Kind::Interface), "interface the network is on")
        .doc("Required. Several networks may share one interface."),
    // gateway
    Statement::new(Kind::Gateway, "ipaddr", Arg::Ipv4, "IPv4 address of the next hop").doc("Required."),
    Statement::new(Kind::Gateway, "ping", Arg::Probe, "echo check: interval and timeout in seconds").kept(),
    // server
    Statement::new(Kind::Server, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Server, "ipaddr", Arg::Ipv4, "IPv4 address that clients connect to"),
    Statement::new(Kind::Server, "ipaddr6", Arg::Ipv6, "IPv6 address that clients connect to"),
    Statement::new(Kind::Server, "sessionid", Arg::Choice(SESSIONID), "what tells sessions apart").default("src"),
    Statement::new(Kind::Server, "port", Arg::Number(0, 65535), "port, 0 for any").default("0"),
    Statement::new(Kind::Server, "protocol", Arg::Choice(PROTOCOL), "protocol; any without the statement"),
    Statement::new(Kind::Server, "method", Arg::Choice(METHOD), "how a new session is given to a target").default("rr"),
    Statement::new(Kind::Server, "stimeout", Arg::Number(1, STIMEOUT_MAX), "idle seconds until a session ends")
        .default("600"),
    Statement::new(Kind::Server, "target", Arg::Indices(Kind::Target), "targets that share the load").plural("targets"),
    // target
    Statement::new(Kind::Target, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Target, "ipaddr", Arg::Ipv4, "IPv4 address of the real server"),
    Statement::new(Kind::Target, "ipaddr6", Arg::Ipv6, "IPv6 address of the real server"),
    Statement::new(Kind::Target, "port", Arg::Number(0, 65535), "port, 0 for the port of the server")
        .default("0")
        .doc("With 'dsr enable' it cannot differ from the port of the server."),
    Statement::new(Kind::Target, "protocol", Arg::Choice(PROTOCOL), "protocol; that of the server without the statement"),
    Statement::new(Kind::Target, "tcpopen", Arg::PortProbe, "TCP connect check: port, interval and timeout in seconds")
        .kept(),
    Statement::new(Kind::Target, "ping", Arg::Probe, "echo check of 'ipaddr': interval and timeout in seconds"),
    Statement::new(Kind::Target, "ping6", Arg::Probe, "echo check of 'ipaddr6': interval and timeout in seconds"),
    Statement::new(Kind::Target, "dsr", Arg::Switch, "direct server return: answers bypass the balancer")
        .default("disable")
        .doc("The target must hold the server's address on its loopback interface and must not answer ARP for it."),
];

/// A word that does something to objects instead of describing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `register KIND LIST`
    Register,
    /// `unregister KIND LIST`
    Unregister,
    /// `enable KIND LIST`
    Enable,
    /// `disable KIND LIST`
    Disable,
    /// `no OBJECT [STATEMENT]`
    No,
    /// `license ...`
    License,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 6] =
        [Self::Register, Self::Unregister, Self::Enable, Self::Disable, Self::No, Self::License];

    /// The keyword.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Unregister => "unregister",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::No => "no",
            Self::License => "license",
        }
    }

    /// One line for the operator.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Register => "check objects and put them to work",
            Self::Unregister => "take objects out of work",
            Self::Enable => "let registered objects take traffic",
            Self::Disable => "keep objects registered, but without new traffic",
            Self::No => "remove an object or a statement",
            Self::License => "accepted for compatibility and ignored",
        }
    }

    /// Its arguments in the notation of the help.
    pub const fn usage(self) -> &'static str {
        match self {
            Self::Register => "register <kind> <number>[,<number>...]",
            Self::Unregister => "unregister <kind> <number>[,<number>...]",
            Self::Enable => "enable <kind> <number>[,<number>...]",
            Self::Disable => "disable <kind> <number>[,<number>...]",
            Self::No => "no <object> [<statement>]",
            Self::License => "license ...",
        }
    }
}

/// What a line can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Statement(usize),
    Object(Kind),
    Verb(Verb),
}

/// Names of the original that this version knows but does not implement. In a file they are skipped with one warning per
/// name; typed by hand they are refused.
static KNOWN: &[(Kind, &[&str])] = &[
    (
        Kind::Top,
        &[
            "ipdb", "ipdb6", "lgrp", "vip", "vips", "tnat", "tnats", "macro", "log", "snmp", "location",
            "alert",
        ],
    ),
    (
        Kind::Set,
        &[
            "arplookup",
            "arprefresh",
            "arptimeout",
            "autosave",
            "backupalerts",
            "bmduration",
            "bmpsize",
            "bmwsize",
            "debuglevel",
            "debugscope",
            "dumprotation",
            "dumprotsiz",
            "gnatdefaultto",
            "gnatdnsto",
            "gratarpremind",
            "hashbits",
            "hcportoffset",
            "localvirt",
            "maxsyncps",
            "natscan",
            "natsync",
            "natsynciv",
            "outmtu",
            "psvrelearn",
            "sendprobes",
            "sessionarefresh",
            "sessionautoresync",
            "sessiondlog",
            "sessionscan",
            "sessionsync",
            "sessionsyncack",
            "sessionsyncetype",
            "sessionsynciv",
            "syslogfacility",
            "vrrppreempt",
        ],
    ),
    (Kind::Interface, &["trackval", "alert", "upalert", "mtu", "address"]),
    (Kind::Vrrp, &["tracking"]),
    (Kind::Network, &["syncpeer", "syncpeer6"]),
    (Kind::Gateway, &["ipaddr6", "ping6", "arp", "alert", "upalert", "trackval"]),
    (
        Kind::Server,
        &[
            "ports", "backup", "backups", "ftimeout", "proxy", "prx", "prx6", "gslb", "gslbttl", "snat",
            "plugin",
        ],
    ),
    (
        Kind::Target,
        &[
            "tcpopen6",
            "agent",
            "agent6",
            "script",
            "weight",
            "alert",
            "upalert",
            "ascale",
            "aoffset",
            "lgrp",
            "maxsessions",
            "maxgrpsessions",
            "autodisable",
            "trackval",
            "via",
            "router",
        ],
    ),
];

/// The statements of one kind of object, in saved order.
pub fn describe(kind: Kind) -> impl Iterator<Item = &'static Statement> {
    STATEMENTS.iter().filter(move |statement| statement.kind == kind)
}

/// The names of the original that belong to `kind` and that this version does not implement.
pub fn known_names(kind: Kind) -> &'static [&'static str] {
    KNOWN.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, names)| names)
}

/// The names of the statements of `kind`, each with its position in the table.
pub(super) fn statement_names(kind: Kind) -> impl Iterator<Item = (&'static str, usize)> + Clone {
    STATEMENTS
        .iter()
        .enumerate()
        .filter(move |(_, statement)| statement.kind == kind)
        .flat_map(|(position, statement)| [(Some(statement.keyword), position), (statement.plural, position)])
        .filter_map(|(name, position)| name.map(|name| (name, position)))
}

/// The position of the statement called exactly `keyword`.
pub(super) fn position(kind: Kind, keyword: &str) -> Option<usize> {
    STATEMENTS.iter().position(|statement| statement.kind == kind && statement.keyword == keyword)
}

/// Everything that a line can begin with.
pub(super) fn first_names() -> impl Iterator<Item = (&'static str, First)> + Clone {
    let statements = statement_names(Kind::Top).map(|(name, position)| (name, First::Statement(position)));
    let objects = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Top)
        .map(|kind| (kind.keyword(), First::Object(kind)));
    let verbs = Verb::ALL.into_iter().map(|verb| (verb.keyword(), First::Verb(verb)));
    statements.chain(objects).chain(verbs)
}

/// The names of the kinds that are registered and enabled, singular and plural.
pub(super) fn numbered_kind_names() -> impl Iterator<Item = (&'static str, Kind)> + Clone {
    Kind::NUMBERED
        .into_iter()
        .flat_map(|kind| [Some((kind.keyword(), kind)), kind.plural().map(|plural| (plural, kind))])
        .flatten()
}

/// The statement of `kind` that `word` means.
pub(super) fn find(kind: Kind, word: &str) -> Match<usize> {
    unique_prefix(word, statement_names(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_within_their_kind() {
        for kind in Kind::ALL {
            let mut seen = BTreeSet::new();
            for name in statement_names(kind).map(|(name, _)| name).chain(known_names(kind).iter().copied()) {
                assert!(seen.insert(name), "'{name}' twice in {kind:?}");
            }
        }
        let first: Vec<_> = first_names().map(|(name, _)| name).collect();
        assert_eq!(first.len(), first.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn table_is_in_saved_order_and_says_what_each_statement_is_for() {
        assert!(STATEMENTS.is_sorted_by_key(|statement| statement.kind));
        for statement in STATEMENTS {
            assert!(!statement.help.is_empty() && statement.help.len() <= 70, "{}", statement.keyword);
            assert!(!statement.help.ends_with('.'), "{}", statement.keyword);
            assert!(statement.doc.is_empty() || statement.doc.ends_with('.'), "{}", statement.keyword);
        }
    }

    #[test]
    fn defaults_are_values_in_their_own_notation() {
        for statement in STATEMENTS {
            if let Some(default) = statement.default {
                let value = statement.arg.parse(default).expect(statement.keyword);
                assert_eq!(value.to_string(), default, "{}", statement.keyword);
            }
        }
    }
}
