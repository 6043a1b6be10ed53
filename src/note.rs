//! One line for the operator: what happened to which object, and why.
//!
//! ```text
//!   target 3 (web3, 10.0.0.3): down: no answer to ping of 10.0.0.3 for 10 s
//!   ^ object                   ^ what and why
//! ```

use std::fmt;
use std::net::IpAddr;

use crate::conf::model::{Model, Server, Target};
use crate::net::Addr;

/// Longest text of a line, in bytes; more is cut.
pub const TEXT_MAX: usize = 1024;

/// How urgent a line is. The order is that of RFC 5424, section 6.2.1: the most urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Clients are not served, or something was not done.
    Error,
    /// Clients are served with less, or something is not as it should be.
    Warning,
    /// A change of state that is as it should be.
    Notice,
    /// A step on the way, or something that an operator did.
    Info,
    /// What a developer wants to know.
    Debug,
}

impl Severity {
    /// The word in `show log`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// What a line is about. `Display` gives its name: the number and, behind it, what else it is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// The program as a whole.
    Program,
    /// The running configuration and its file.
    Configuration,
    /// The control socket and its clients.
    Control,
    /// An interface by number, and its device.
    Interface(u16, String),
    /// A network by number, and its name.
    Network(u16, String),
    /// The virtual router of the node by its id.
    Vrrp(u8),
    /// A server by number, and its name and addresses.
    Server(u16, String),
    /// A target by number, and its name and addresses.
    Target(u16, String),
    /// The next hop to everything that is in no network.
    Gateway(Addr),
    /// A neighbour or an address of ours.
    Address(Addr),
}

impl Object {
    /// Interface `number` of `model`.
    pub fn interface(model: &Model, number: u16) -> Self {
        Self::Interface(number, model.interfaces.get(&number).map(|i| i.name.clone()).unwrap_or_default())
    }

    /// Network `number` of `model`.
    pub fn network(model: &Model, number: u16) -> Self {
        let network = model.networks.get(&number);
        Self::Network(number, network.and_then(|n| n.name.clone()).unwrap_or_default())
    }

    /// Server `number`.
    pub fn server(number: u16, server: &Server) -> Self {
        Self::Server(number, label(server.name.as_deref(), server.addresses()))
    }

    /// Target `number`.
    pub fn target(number: u16, target: &Target) -> Self {
        Self::Target(number, label(target.name.as_deref(), target.addresses()))
    }
}

/// A name and addresses with commas between them.
fn label(name: Option<&str>, addresses: impl Iterator<Item = IpAddr>) -> String {
    let name = name.map(str::to_owned);
    name.into_iter().chain(addresses.map(|a| a.to_string())).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, number, label) = match self {
            Self::Program => return f.write_str("bng"),
            Self::Configuration => return f.write_str("configuration"),
            Self::Control => return f.write_str("control"),
            Self::Vrrp(vrid) => return write!(f, "vrrp {vrid}"),
            Self::Gateway(addr) => return write!(f, "gateway {addr}"),
            Self::Address(addr) => return write!(f, "address {addr}"),
            Self::Interface(number, label) => ("interface", number, label),
            Self::Network(number, label) => ("network", number, label),
            Self::Server(number, label) => ("server", number, label),
            Self::Target(number, label) => ("target", number, label),
        };
        write!(f, "{kind} {number}")?;
        if label.is_empty() { Ok(()) } else { write!(f, " ({label})") }
    }
}

/// One line. `Display` gives it without time and severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How urgent it is.
    pub severity: Severity,
    /// What it is about.
    pub object: Object,
    /// What happened, and why: one line, at most [`TEXT_MAX`] bytes.
    pub text: String,
}

impl Note {
    /// A line about `object`. Of a text of several lines those that stand out count: the indented ones are excerpts
    /// and hints.
    pub fn new(severity: Severity, object: Object, text: impl AsRef<str>) -> Self {
        Self { severity, object, text: in_one_line(text.as_ref()) }
    }

    /// Something failed.
    pub fn error(object: Object, text: impl AsRef<str>) -> Self {
        Self::new(Severity::Error, object, text)
    }

    /// Something is not as it should be.
    pub fn warning(object: Object, text: impl AsRef<str>) -> Self {
        Self::new(Severity::Warning, object, text)
    }

    /// A state has changed.
    pub fn notice(object: Object, text: impl AsRef<str>) -> Self {
        Self::new(Severity::Notice, object, text)
    }

    /// Something was done.
    pub fn info(object: Object, text: impl AsRef<str>) -> Self {
        Self::new(Severity::Info, object, text)
    }

    /// For developers.
    pub fn debug(object: Object, text: impl AsRef<str>) -> Self {
        Self::new(Severity::Debug, object, text)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.text)
    }
}

fn in_one_line(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("  ")).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    presentable(&lines.join("; "))
}

/// A text without control characters, cut to [`TEXT_MAX`] bytes.
pub fn presentable(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if line.len() > TEXT_MAX {
        line.truncate((0..=TEXT_MAX - 3).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0));
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_number_and_whatever_else_it_has() {
        let mut target = Target { ipaddr: Some([10, 0, 0, 3].into()), ..Target::default() };
        assert_eq!(Object::target(3, &target).to_string(), "target 3 (10.0.0.3)");
        target.name = Some("web3".into());
        target.ipaddr6 = Some("2001:db8::3".parse().unwrap());
        assert_eq!(Object::target(3, &target).to_string(), "target 3 (web3, 10.0.0.3, 2001:db8::3)");
        assert_eq!(Object::network(&Model::default(), 1).to_string(), "network 1");
        assert_eq!(Object::Interface(1, "eth0".into()).to_string(), "interface 1 (eth0)");
        assert_eq!(Object::Address(Addr::v4([10, 0, 0, 1].into())).to_string(), "address 10.0.0.1");
    }

    #[test]
    fn a_note_is_one_line_whatever_it_is_told() {
        let told =
            "a.conf:1:1: error: no\n  | excerpt\n  | ^\n  = hint\nnothing\thas been changed\n\n\x1b[31m";
        let note = Note::error(Object::Configuration, told);
        assert_eq!(note.to_string(), "configuration: a.conf:1:1: error: no; nothing?has been changed; ?[31m");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for text in ["\u{fc}".repeat(TEXT_MAX), format!("x{}", "\u{fc}".repeat(TEXT_MAX))] {
            let note = Note::info(Object::Program, text);
            assert!(note.text.ends_with("\u{fc}..."));
            assert!((TEXT_MAX - 1..=TEXT_MAX).contains(&note.text.len()), "{}", note.text.len());
        }
        assert_eq!(Note::info(Object::Program, "x".repeat(TEXT_MAX)).text.len(), TEXT_MAX);
    }
}
