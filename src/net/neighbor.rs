//! Neighbours: which station has which address, learnt and kept fresh by ARP and neighbour discovery.
//!
//! Only addresses that the configuration needs are kept (targets, gateway): frames from the wire never create an
//! entry, so nobody can fill the table.
//!
//! ```text
//!             answer                        30 s without a confirmation
//!  Asking ------------> Known -------------------------------------------> Asking (unicast, MAC still used)
//!    ^  every second, after 10 tries every 5 s                                 |
//!    +----------------- 5 questions unanswered: silent, the MAC is given up <--+
//! ```

use std::collections::BTreeMap;

use crate::net::{Addr, PortId};
use crate::time::{Duration, Instant};
use crate::wire::MacAddr;

/// A confirmed station is asked again after this time.
pub const REFRESH: Duration = Duration::from_secs(30);
/// Time between questions.
pub const RETRY: Duration = Duration::from_secs(1);
/// Time between questions to a station that has long been silent.
pub const SLOW_RETRY: Duration = Duration::from_secs(5);
/// Unanswered questions after which a neighbour counts as silent.
pub const GIVE_UP: u32 = 5;
const FAST_TRIES: u32 = 10;

/// One neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Interface on which it is asked for.
    pub port: PortId,
    /// Its station address, when known.
    pub mac: Option<MacAddr>,
    /// When it was last confirmed; when asking began for one never heard of.
    pub since: Instant,
    /// Questions since the last answer.
    pub tries: u32,
    next: Instant,
}

impl Entry {
    /// A neighbour on `port` that nothing is known of, to be asked for at once.
    fn unheard(now: Instant, port: PortId) -> Self {
        Self { port, mac: None, since: now, tries: 0, next: now }
    }

    /// Nobody answers: it has been asked for in vain often enough to say so.
    pub fn silent(&self) -> bool {
        self.mac.is_none() && self.tries >= GIVE_UP
    }
}

/// A question to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Address asked for.
    pub addr: Addr,
    /// Interface.
    pub port: PortId,
    /// The station believed to have it: ask it alone; otherwise ask everyone.
    pub to: Option<MacAddr>,
}

/// What an answer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// The address is not watched, or was heard on another interface.
    Unknown,
    /// As believed.
    Confirmed,
    /// The station is new or has changed; the old one is given.
    Changed(Option<MacAddr>),
}

/// All neighbours of one node.
#[derive(Debug, Default)]
pub struct Neighbors {
    entries: BTreeMap<Addr, Entry>,
}

impl Neighbors {
    /// Watches exactly `wanted`; entries that stay keep what they know.
    pub fn watch(&mut self, now: Instant, wanted: &BTreeMap<Addr, PortId>) {
        self.entries.retain(|addr, entry| wanted.get(addr) == Some(&entry.port));
        for (addr, port) in wanted {
            self.entries.entry(*addr).or_insert(Entry::unheard(now, *port));
        }
    }

    /// Takes note that `addr` was heard from station `mac` on `port`.
    pub fn learn(&mut self, now: Instant, port: PortId, addr: Addr, mac: MacAddr) -> Learned {
        let Some(entry) = self.entries.get_mut(&addr).filter(|e| e.port == port) else {
            return Learned::Unknown;
        };
        let old = entry.mac.replace(mac);
        *entry = Entry { since: now, tries: 0, next: now + REFRESH, ..*entry };
        if old == Some(mac) { Learned::Confirmed } else { Learned::Changed(old) }
    }

    /// Forgets what is known behind `port`, whose link went down.
    pub fn forget(&mut self, now: Instant, port: PortId) {
        for entry in self.entries.values_mut().filter(|e| e.port == port) {
            *entry = Entry::unheard(now, port);
        }
    }

    /// Forgets what is known of everybody, and asks anew.
    pub fn forget_all(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            *entry = Entry::unheard(now, entry.port);
        }
    }

    /// Questions due at `now`, and the addresses that have become silent, with the station given up.
    pub fn due(&mut self, now: Instant) -> (Vec<Question>, Vec<(Addr, Option<MacAddr>)>) {
        let (mut questions, mut silent) = (Vec::new(), Vec::new());
        for (addr, entry) in self.entries.iter_mut().filter(|(_, e)| e.next <= now) {
            if entry.tries == GIVE_UP {
                silent.push((*addr, entry.mac.take()));
            }
            questions.push(Question { addr: *addr, port: entry.port, to: entry.mac });
            entry.tries += 1;
            entry.next = now + if entry.tries > FAST_TRIES { SLOW_RETRY } else { RETRY };
        }
        (questions, silent)
    }

    /// When the next question is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.entries.values().map(|e| e.next).min()
    }

    /// What is known of `addr`, when it is watched.
    pub fn get(&self, addr: Addr) -> Option<&Entry> {
        self.entries.get(&addr)
    }

    /// Station of `addr`.
    pub fn mac(&self, addr: Addr) -> Option<MacAddr> {
        self.entries.get(&addr)?.mac
    }

    /// All entries by address.
    pub fn iter(&self) -> impl Iterator<Item = (&Addr, &Entry)> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Addr = Addr::from_bits(1);
    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn watching() -> Neighbors {
        let mut n = Neighbors::default();
        n.watch(Instant::ZERO, &BTreeMap::from([(A, 1)]));
        n
    }

    #[test]
    fn an_unknown_station_is_asked_for_every_second_then_every_five() {
        let mut n = watching();
        let mut asked = Vec::new();
        for ms in (0..40_000).step_by(100) {
            let now = Instant::from_millis(ms);
            asked.extend(n.due(now).0.iter().map(|q| (ms / 1000, q.to)));
        }
        let seconds: Vec<_> = asked.iter().map(|(s, _)| *s).collect();
        assert_eq!(seconds, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 35]);
        assert!(asked.iter().all(|(_, to)| to.is_none()));
    }

    #[test]
    fn a_silent_station_is_given_up_after_five_questions() {
        let mut n = watching();
        assert_eq!(n.learn(Instant::ZERO, 1, A, MAC), Learned::Changed(None));
        let mut lost_at = None;
        for s in 0..60 {
            let (questions, silent) = n.due(Instant::from_secs(s));
            if lost_at.is_none() && !questions.is_empty() {
                assert_eq!(questions[0].to, if silent.is_empty() { Some(MAC) } else { None });
            }
            lost_at = lost_at.or((!silent.is_empty()).then_some(s));
        }
        assert_eq!(lost_at, Some(35));
        assert_eq!(n.mac(A), None);
    }

    #[test]
    fn a_station_never_heard_of_is_silent_after_five_questions_and_says_so_once() {
        let mut n = watching();
        let told: Vec<u64> = (0..60).filter(|s| !n.due(Instant::from_secs(*s)).1.is_empty()).collect();
        assert_eq!(told, [5]);
        assert!(n.get(A).unwrap().silent());
    }

    #[test]
    fn only_watched_addresses_on_their_interface_are_learnt() {
        let mut n = watching();
        assert_eq!(n.learn(Instant::ZERO, 2, A, MAC), Learned::Unknown);
        assert_eq!(n.learn(Instant::ZERO, 1, Addr::from_bits(7), MAC), Learned::Unknown);
        assert_eq!(n.iter().count(), 1);
        assert_eq!(n.mac(A), None);
    }

    #[test]
    fn a_changed_station_is_reported_with_the_old_one() {
        let mut n = watching();
        n.learn(Instant::ZERO, 1, A, MAC);
        assert_eq!(n.learn(Instant::ZERO, 1, A, MAC), Learned::Confirmed);
        let other = MacAddr([2, 0, 0, 0, 0, 2]);
        assert_eq!(n.learn(Instant::ZERO, 1, A, other), Learned::Changed(Some(MAC)));
    }

    #[test]
    fn watching_anew_keeps_what_is_known() {
        let mut n = watching();
        n.learn(Instant::ZERO, 1, A, MAC);
        n.watch(Instant::from_secs(1), &BTreeMap::from([(A, 1), (Addr::from_bits(2), 1)]));
        assert_eq!(n.mac(A), Some(MAC));
        n.watch(Instant::from_secs(2), &BTreeMap::from([(Addr::from_bits(2), 1)]));
        assert_eq!(n.iter().count(), 1);
    }
}
