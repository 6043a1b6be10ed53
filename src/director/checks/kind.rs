//! What every kind of check has to do, and what it does it with.
//!
//! ```text
//!                  ask, hear, expire                     effects
//!   schedule ---> [ one kind: an Exchange ] ---> frames, commands: the director carries them out
//!   input ------>          |
//!                          +---> outcome: passed, or why not ---> verdict
//! ```
//! A new kind is one file with one [`Exchange`] (or one `Question`, when a datagram asks), one [`How`], one [`Ask`], and
//! its line in `wanted.rs`.

use std::fmt;
use std::net::IpAddr;

use super::agent::Agent;
use super::arp::Arp;
use super::datagram::Datagram;
use super::dns::Dns;
use super::echo::Echo;
use super::http::Http;
use super::port::Ports;
use super::script::Script;
use super::tcpopen::TcpOpen;
use crate::conf::model::{self, Probe};
use crate::director::command::Ran;
use crate::net::Addr;
use crate::seed::Seed;
use crate::time::{Duration, Instant};

/// How a check is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// ICMP or ICMPv6 echo.
    Echo,
    /// ARP.
    Arp,
    /// A command.
    Script,
    /// A TCP connection.
    TcpOpen,
    /// A page by HTTP.
    Http,
    /// A datagram.
    Udp,
    /// A query to a name server.
    Dns,
    /// The agent of the target.
    Agent,
}

impl How {
    /// The statement that asks for it: for an IPv4 or an IPv6 address.
    pub const fn word(self, is_v4: bool) -> &'static str {
        match (self, is_v4) {
            (Self::Echo, true) => "ping",
            (Self::Echo, false) => "ping6",
            (Self::Arp, _) => "arp",
            (Self::TcpOpen, true) => "tcpopen",
            (Self::TcpOpen, false) => "tcpopen6",
            (Self::Http, _) => "http",
            (Self::Udp, _) => "udp",
            (Self::Dns, _) => "dns",
            (Self::Agent, true) => "agent",
            (Self::Agent, false) => "agent6",
            (Self::Script, _) => "script",
        }
    }
}

/// What is asked. A check that asks something else than before begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// For an echo.
    Echo,
    /// For the station.
    Arp,
    /// A command, for its exit status.
    Script(String),
    /// For a connection to this port.
    TcpOpen(u16),
    /// For a page.
    Http(model::Http),
    /// For any datagram.
    Udp(model::Udp),
    /// For a record of a name.
    Dns(model::Dns),
    /// For the load: the port of the agent, and the secret shared with it.
    Agent(u16, Option<String>),
}

impl Ask {
    /// How it is asked.
    pub const fn how(&self) -> How {
        match self {
            Self::Echo => How::Echo,
            Self::Arp => How::Arp,
            Self::Script(_) => How::Script,
            Self::TcpOpen(_) => How::TcpOpen,
            Self::Http(_) => How::Http,
            Self::Udp(_) => How::Udp,
            Self::Dns(_) => How::Dns,
            Self::Agent(..) => How::Agent,
        }
    }

    /// The port that is asked; 0 for none.
    pub const fn port(&self) -> u16 {
        match self {
            Self::Echo | Self::Arp | Self::Script(_) => 0,
            Self::TcpOpen(port) | Self::Agent(port, _) => *port,
            Self::Http(model::Http { port, .. })
            | Self::Udp(model::Udp { port, .. })
            | Self::Dns(model::Dns { port, .. }) => *port,
        }
    }

    /// The same of another port.
    pub(super) fn at(&self, port: u16) -> Self {
        match self {
            Self::TcpOpen(_) => Self::TcpOpen(port),
            other => other.clone(),
        }
    }

    /// The exchange that asks it of `to`.
    pub(super) fn exchange(&self, to: IpAddr, seed: &mut Seed) -> Box<dyn Exchange> {
        match self {
            Self::Echo => Box::new(Echo::new(seed)),
            Self::Arp => Box::new(Arp::default()),
            Self::Script(_) => Box::new(Script::default()),
            Self::TcpOpen(port) => Box::new(TcpOpen::new(*port)),
            Self::Http(ask) => Box::new(Http::new(ask.clone(), to)),
            Self::Udp(ask) => Box::new(Datagram::new(ask.port, ask.clone())),
            Self::Dns(ask) => Box::new(Datagram::new(ask.port, Dns::new(ask.clone()))),
            Self::Agent(port, secret) => Box::new(Datagram::new(*port, Agent::new(secret.as_deref()))),
        }
    }
}

/// A TCP segment without addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub from: u16,
    /// Destination port.
    pub to: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Control bits, see [`crate::wire::tcp::flags`].
    pub flags: u8,
    /// Receive window, unscaled.
    pub window: u16,
    /// Largest segment that the sender takes.
    pub mss: Option<u16>,
    /// Data.
    pub data: Vec<u8>,
}

/// What an exchange wants done. The director knows the way and the addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send an echo request.
    Echo {
        /// ICMP identifier.
        ident: u16,
        /// ICMP sequence number.
        sequence: u16,
    },
    /// Ask for the station.
    Station,
    /// Run the command.
    Run {
        /// Which run it is.
        number: u32,
    },
    /// Send a segment.
    Segment(Segment),
    /// Send a datagram.
    Datagram {
        /// Source port.
        from: u16,
        /// Destination port.
        to: u16,
        /// Payload.
        data: Vec<u8>,
    },
    /// The target has this load, in hundredths, as its agent says.
    Load(u32),
}

/// What has come for an exchange. Whoever brings it has looked at addresses and ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An echo reply.
    Echo {
        /// ICMP identifier.
        ident: u16,
        /// ICMP sequence number.
        sequence: u16,
    },
    /// The station has told its address.
    Station,
    /// A command has ended.
    Ran {
        /// Which run it was.
        number: u32,
        /// How it ended.
        ran: Ran,
    },
    /// A segment.
    Segment(Segment),
    /// A datagram.
    Datagram {
        /// Source port.
        from: u16,
        /// Destination port.
        to: u16,
        /// Payload.
        data: Vec<u8>,
    },
}

/// What tells the packets of an exchange: ports, or the identifier of echoes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Layer-4 protocol.
    pub proto: u8,
    /// Our port.
    pub local: u16,
    /// Port of the target.
    pub remote: u16,
}

/// What became of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered as it should be, after this time.
    Passed(Duration),
    /// Answered, but not as it should be.
    Failed(Failure),
    /// What has come is no answer, and the right one may still come; it may explain why there is none.
    Stray(Failure),
}

/// Why a probe failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer; how far it came.
    Silent(Option<&'static str>),
    /// The connection was refused.
    Refused,
    /// Somebody on the way, or the target itself, says that it cannot be reached.
    Unreachable(Addr, &'static str),
    /// An answer came from an address that was not asked.
    Stray(Addr),
    /// An answer that is not the right one.
    Wrong(String),
}

/// In a few words, for a table.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(None) => f.write_str("no answer"),
            Self::Silent(Some(so_far)) => write!(f, "no answer: {so_far}"),
            Self::Refused => f.write_str("refused"),
            Self::Unreachable(from, what) => write!(f, "{from} says {what}"),
            Self::Stray(from) => write!(f, "the answer comes from {from}"),
            Self::Wrong(text) => f.write_str(text),
        }
    }
}

/// What an exchange works with.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Time.
    pub(super) now: Instant,
    /// Interval and timeout.
    pub(super) probe: Probe,
    /// Randomness.
    pub(super) seed: &'a mut Seed,
    /// Where ports come from.
    pub(super) ports: &'a Ports,
    /// What it wants done.
    pub(super) effects: &'a mut Vec<Effect>,
}

impl Context<'_> {
    /// Whether what has begun at `begun` has had the whole timeout.
    pub(super) fn is_over(&self, begun: Instant) -> bool {
        self.now.since(begun) >= self.probe.timeout
    }
}

/// One kind of check under way: how it asks, and what a good answer is. When to ask, what follows from good and bad
/// answers, and when silence has lasted too long is decided by [`super::Check`].
pub(super) trait Exchange: fmt::Debug + Send {
    /// It is time for the next probe. One that is still under way may go on instead: it has the whole timeout.
    fn ask(&mut self, context: &mut Context<'_>);

    /// What was asked last has not left this node.
    fn restart(&mut self) {}

    /// Something has come. `None` when there is nothing to be said of it yet.
    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome>;

    /// What tells the packets of this exchange now.
    fn flow(&self) -> Option<Flow> {
        None
    }

    /// How far a probe without answer has come.
    fn so_far(&self) -> Option<&'static str> {
        None
    }

    /// When [`Exchange::expire`] has something to do.
    fn deadline(&self, _probe: &Probe) -> Option<Instant> {
        None
    }

    /// What came with the last answer, for the operator; may be empty.
    fn said(&self) -> &str {
        ""
    }

    /// Does what is due by time: to repeat a question, to give up.
    fn expire(&mut self, _context: &mut Context<'_>) -> Option<Outcome> {
        None
    }
}
