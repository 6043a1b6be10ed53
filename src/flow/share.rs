//! What workers tell each other about the flows that pass through more than one of them.
//!
//! The worker that created a flow owns it; the workers where its replies arrive keep copies. The owner alone expires a
//! shared flow, gives its port back and has the copies removed. A copy that hears nothing from its owner ends by
//! itself, later than the owner would have ended it. Messages may get lost when an inbox is full: the owner's next news
//! makes the copy again.

use super::{Flow, State, Tuple, Via};
use crate::net::PortId;
use crate::time::Tick;

/// A message, and the interface whose workers are to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// The interface.
    pub to: PortId,
    /// What they are told.
    pub share: Share,
}

/// What workers tell each other about a flow. A flow is named by its original tuple and the time of its creation, so
/// that late news of an ended flow never reach the one that followed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Owner to copies: here it is, and so much is known of it. Makes a copy or brings it up to date.
    Install {
        /// The interface of the owner.
        owner: PortId,
        /// The flow. Its `peer` is the receiver.
        flow: Flow,
        /// When it was created, and how far it has come.
        news: News,
    },
    /// Copy to owner: so much is known of it.
    Touch {
        /// Which flow.
        original: Tuple,
        /// When it was created, and how far it has come.
        news: News,
        /// The way back to the initiator, if it has changed.
        via: Option<Via>,
    },
    /// Owner to copies: it has ended.
    Remove {
        /// Which flow.
        original: Tuple,
        /// When it was created.
        created: Tick,
    },
}

/// How far a flow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// When it was created.
    pub created: Tick,
    /// When its last packet was seen.
    pub last: Tick,
    /// State of its connection.
    pub state: State,
    /// Idle time after which it ends, in ticks.
    pub timeout: u32,
}
