//! What every kind of check has to do, and what it does it with.
//!
//! ```text
//!                  ask, hear, expire                     effects
//!   schedule ---> [ one kind: an Exchange ] ---> frames, commands: the director carries them out
//!   input ------>          |
//!                          +---> outcome: passed, or why not ---> verdict
//! ```
//! A new kind is one file with one [`Exchange`], one [`How`], one [`Ask`], and its line in `wanted.rs`.

use std::fmt;

use super::arp::Arp;
use super::echo::Echo;
use super::script::Script;
use crate::conf::model::Probe;
use crate::director::command::Ran;
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
}

impl How {
    /// The statement that asks for it: for an IPv4 or an IPv6 address.
    pub const fn word(self, is_v4: bool) -> &'static str {
        match self {
            Self::Echo if is_v4 => "ping",
            Self::Echo => "ping6",
            Self::Arp => "arp",
            Self::Script => "script",
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
}

impl Ask {
    /// How it is asked.
    pub const fn how(&self) -> How {
        match self {
            Self::Echo => How::Echo,
            Self::Arp => How::Arp,
            Self::Script(_) => How::Script,
        }
    }

    /// The exchange that asks it.
    pub(super) fn exchange(&self, seed: &mut Seed) -> Box<dyn Exchange> {
        match self {
            Self::Echo => Box::new(Echo::new(seed)),
            Self::Arp => Box::new(Arp::default()),
            Self::Script(_) => Box::new(Script::default()),
        }
    }
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
}

/// What has come for an exchange. Whoever brings it has looked at addresses.
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
}

/// What became of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered as it should be, after this time.
    Passed(Duration),
    /// Answered, but not as it should be.
    Failed(Failure),
}

/// Why a probe failed, for the operator: reads on after "down: ping of 10.0.0.1 ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer.
    Silent,
    /// A command that did not end with status 0.
    Script(Ran),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("has no answer"),
            Self::Script(ran) => ran.fmt(f),
        }
    }
}

/// What an exchange works with.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Time.
    pub now: Instant,
    /// Interval and timeout.
    pub probe: Probe,
    /// Randomness.
    pub seed: &'a mut Seed,
    /// What it wants done.
    pub effects: &'a mut Vec<Effect>,
}

/// One kind of check under way: how it asks, and what a good answer is. When to ask, what follows from good and bad
/// answers, and when silence has lasted too long is decided by [`super::Check`].
pub(super) trait Exchange: fmt::Debug + Send {
    /// It is time for the next probe. One that is still under way may go on instead: it has this long.
    fn ask(&mut self, context: &mut Context<'_>);

    /// Something has come. `None` when it decides nothing.
    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome>;

    /// When [`Exchange::expire`] has something to do.
    fn deadline(&self) -> Option<Instant> {
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
