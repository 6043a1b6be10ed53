//! What workers tell each other about translated connections: a bounded inbox for each.
//!
//! A worker puts its letters into the inboxes before it sends the frames of a batch, and empties its own inbox behind a
//! received batch, before it looks at the frames. So an answer never comes before the news of its connection.

use crate::flow::{Letter, Share};
use crate::net::PortId;
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;

/// Letters that may wait. A worker that sleeps looks into its inbox ten times a second.
const LETTERS: usize = 1 << 16;

/// The letters for one worker.
#[derive(Debug, Clone)]
pub struct Inbox(Arc<ArrayQueue<Share>>);

impl Default for Inbox {
    fn default() -> Self {
        Self(Arc::new(ArrayQueue::new(LETTERS)))
    }
}

impl Inbox {
    /// The oldest letter.
    pub fn take(&self) -> Option<Share> {
        self.0.pop()
    }

    /// True for two names of one inbox.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The inboxes of the other workers.
#[derive(Debug, Default)]
pub(super) struct Peers(Vec<(PortId, Inbox)>);

impl Peers {
    /// A worker of interface `port` has started.
    pub(super) fn add(&mut self, port: PortId, inbox: Inbox) {
        self.0.push((port, inbox));
    }

    /// The workers of interface `port` have ended.
    pub(super) fn remove(&mut self, port: PortId, own: &Inbox) {
        self.0.retain(|(of, inbox)| *of != port || inbox.is(own));
    }

    /// Delivers `letter` to everybody on its interface. Returns how many inboxes were full.
    pub(super) fn deliver(&self, letter: &Letter) -> u64 {
        let receivers = self.0.iter().filter(|(port, _)| *port == letter.to);
        receivers.filter(|(_, inbox)| inbox.0.push(letter.share).is_err()).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Tuple;
    use crate::net::Addr;
    use crate::time::Tick;

    fn letter(to: PortId) -> Letter {
        let none = Addr::from_bits(0);
        let original = Tuple { src: none, dst: none, sport: 1, dport: 2, proto: 6 };
        Letter { to, share: Share::Remove { original, created: Tick::default() } }
    }

    #[test]
    fn a_letter_reaches_every_worker_of_its_interface_and_nobody_else() {
        let (mut peers, inboxes) = (Peers::default(), [Inbox::default(), Inbox::default(), Inbox::default()]);
        for (port, inbox) in [1, 2, 2].into_iter().zip(&inboxes) {
            peers.add(port, inbox.clone());
        }
        assert_eq!(peers.deliver(&letter(2)), 0);
        assert!(inboxes[0].take().is_none() && inboxes[1].take().is_some() && inboxes[2].take().is_some());
        peers.remove(2, &inboxes[0]);
        assert_eq!(peers.deliver(&letter(2)), 0);
        assert!(inboxes[1].take().is_none());
    }

    #[test]
    fn a_full_inbox_is_counted() {
        let (mut peers, inbox) = (Peers::default(), Inbox::default());
        peers.add(1, inbox);
        let lost: u64 = (0..LETTERS + 3).map(|_| peers.deliver(&letter(1))).sum();
        assert_eq!(lost, 3);
    }
}
