//! Neighbours: which station has which address, learnt and kept fresh by ARP and neighbour discovery.
//!
//! Addresses that the configuration needs (targets, gateway) are *watched* for ever. A host that a worker has a packet
//! for is *wanted* as long as workers say so: it is forgotten when it does not answer or nobody has asked for it for
//! [`UNUSED`], and there are at most [`WANTED_MAX`] of them. Frames from the wire never create an entry.
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
/// A wanted neighbour that no worker has asked for in this time is forgotten.
pub const UNUSED: Duration = Duration::from_secs(90);
/// Most wanted neighbours.
pub const WANTED_MAX: usize = 4096;
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
    /// When a worker last asked for it; `None` for one that the configuration needs.
    pub wanted: Option<Instant>,
    next: Instant,
}

impl Entry {
    /// A neighbour on `port` that nothing is known of, to be asked for at once.
    fn unheard(now: Instant, port: PortId) -> Self {
        Self { port, mac: None, since: now, tries: 0, wanted: None, next: now }
    }

    /// A wanted neighbour that is not worth another question at `now`.
    fn done(&self, now: Instant) -> bool {
        self.wanted.is_some_and(|at| self.silent() || now.since(at) >= UNUSED)
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

/// What is to be done about neighbours.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Questions to be sent.
    pub questions: Vec<Question>,
    /// Watched addresses that have become silent, with the station given up.
    pub silent: Vec<(Addr, Option<MacAddr>)>,
    /// A wanted neighbour was forgotten.
    pub forgotten: bool,
}

/// All neighbours of one node.
#[derive(Debug, Default)]
pub struct Neighbors {
    entries: BTreeMap<Addr, Entry>,
}

impl Neighbors {
    /// Watches exactly `watched`; entries that stay keep what they know. Wanted neighbours stay if `reachable` says
    /// that they still are, by the interface on which they were asked for.
    pub fn watch(
        &mut self,
        now: Instant,
        watched: &BTreeMap<Addr, PortId>,
        reachable: impl Fn(Addr, PortId) -> bool,
    ) {
        self.entries.retain(|addr, entry| match watched.get(addr) {
            Some(port) => *port == entry.port,
            None => entry.wanted.is_some() && reachable(*addr, entry.port),
        });
        for (addr, port) in watched {
            self.entries.entry(*addr).or_insert(Entry::unheard(now, *port)).wanted = None;
        }
    }

    /// A worker has packets for `addr` on `port`. Returns true when that is news: it will be asked for.
    pub fn want(&mut self, now: Instant, addr: Addr, port: PortId) -> bool {
        if let Some(entry) = self.entries.get_mut(&addr) {
            if let Some(at) = &mut entry.wanted {
                *at = now;
            }
            return false;
        }
        let wanted = || self.entries.iter().filter_map(|(addr, e)| Some((*addr, e, e.wanted?)));
        if wanted().count() >= WANTED_MAX {
            // Somebody who looks for hosts that do not exist pushes out his own questions first.
            let oldest =
                wanted().min_by_key(|(_, entry, at)| (entry.mac.is_some(), *at)).map(|(addr, ..)| addr);
            oldest.map(|oldest| self.entries.remove(&oldest));
        }
        self.entries.insert(addr, Entry { wanted: Some(now), ..Entry::unheard(now, port) });
        true
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
        self.forget_where(now, |entry| entry.port == port);
    }

    /// Forgets what is known of everybody, and asks anew.
    pub fn forget_all(&mut self, now: Instant) {
        self.forget_where(now, |_| true);
    }

    fn forget_where(&mut self, now: Instant, which: impl Fn(&Entry) -> bool) {
        self.entries.retain(|_, entry| entry.wanted.is_none() || !which(entry));
        for entry in self.entries.values_mut().filter(|entry| which(entry)) {
            *entry = Entry::unheard(now, entry.port);
        }
    }

    /// What is due at `now`.
    pub fn due(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        self.entries.retain(|addr, entry| {
            if entry.next > now {
                return true;
            }
            if entry.tries == GIVE_UP {
                let station = entry.mac.take();
                if entry.wanted.is_none() {
                    due.silent.push((*addr, station));
                }
            }
            if entry.done(now) {
                due.forgotten = true;
                return false;
            }
            due.questions.push(Question { addr: *addr, port: entry.port, to: entry.mac });
            entry.tries += 1;
            entry.next = now + if entry.tries > FAST_TRIES { SLOW_RETRY } else { RETRY };
            true
        });
        due
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
        n.watch(Instant::ZERO, &BTreeMap::from([(A, 1)]), |_, _| true);
        n
    }

    #[test]
    fn an_unknown_station_is_asked_for_every_second_then_every_five() {
        let mut n = watching();
        let mut asked = Vec::new();
        for ms in (0..40_000).step_by(100) {
            let now = Instant::from_millis(ms);
            asked.extend(n.due(now).questions.iter().map(|q| (ms / 1000, q.to)));
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
            let Due { questions, silent, .. } = n.due(Instant::from_secs(s));
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
        let told: Vec<u64> = (0..60).filter(|s| !n.due(Instant::from_secs(*s)).silent.is_empty()).collect();
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
        n.watch(Instant::from_secs(1), &BTreeMap::from([(A, 1), (Addr::from_bits(2), 1)]), |_, _| true);
        assert_eq!(n.mac(A), Some(MAC));
        n.watch(Instant::from_secs(2), &BTreeMap::from([(Addr::from_bits(2), 1)]), |_, _| true);
        assert_eq!(n.iter().count(), 1);
    }

    const B: Addr = Addr::from_bits(2);

    #[test]
    fn a_wanted_neighbour_is_asked_for_at_once_and_forgotten_when_it_does_not_answer() {
        let mut n = Neighbors::default();
        assert!(n.want(Instant::ZERO, B, 1) && !n.want(Instant::ZERO, B, 1));
        let mut asked = Vec::new();
        for s in 0..60 {
            let due = n.due(Instant::from_secs(s));
            assert!(due.silent.is_empty(), "nobody misses it");
            assert_eq!(due.forgotten, s == 5);
            asked.extend(due.questions.iter().map(|_| s));
        }
        assert_eq!(asked, [0, 1, 2, 3, 4]);
        assert!(n.get(B).is_none() && n.deadline().is_none());
        assert!(n.want(Instant::from_secs(60), B, 1), "and asked for anew when it is wanted again");
    }

    #[test]
    fn a_known_neighbour_is_confirmed_while_it_is_wanted_and_then_forgotten() {
        let mut n = Neighbors::default();
        n.want(Instant::ZERO, B, 1);
        let (mut forgotten, mut asked) = (None, Vec::new());
        for s in 0..400 {
            let now = Instant::from_secs(s);
            if s < 100 && s % 20 == 0 {
                n.want(now, B, 1);
            }
            let due = n.due(now);
            for question in due.questions {
                asked.push((s, question.to));
                n.learn(now, 1, B, MAC);
            }
            forgotten = forgotten.or(due.forgotten.then_some(s));
        }
        // Last wanted at 80 s: 90 s later nobody has used it.
        let to = Some(MAC);
        assert_eq!(asked, [(0, None), (30, to), (60, to), (90, to), (120, to), (150, to)]);
        assert_eq!(forgotten, Some(180));
    }

    #[test]
    fn wanted_neighbours_are_bounded_and_those_never_heard_go_first() {
        let mut n = watching();
        n.want(Instant::ZERO, B, 1);
        n.learn(Instant::ZERO, 1, B, MAC);
        for host in 0..2 * WANTED_MAX as u128 {
            n.want(Instant::from_micros(1 + host as u64), Addr::from_bits(1000 + host), 1);
        }
        assert_eq!(n.iter().count(), WANTED_MAX + 1);
        assert_eq!(n.mac(B), Some(MAC));
        assert!(n.get(A).is_some() && n.get(Addr::from_bits(1000)).is_none());
        assert!(n.get(Addr::from_bits(999 + 2 * WANTED_MAX as u128)).is_some());
    }

    #[test]
    fn wanted_neighbours_go_with_their_link_and_their_network() {
        let mut n = watching();
        n.want(Instant::ZERO, B, 1);
        n.watch(Instant::ZERO, &BTreeMap::from([(A, 1)]), |addr, port| (addr, port) == (B, 1));
        assert!(n.get(B).is_some());
        n.watch(Instant::ZERO, &BTreeMap::from([(A, 1)]), |_, _| false);
        assert!(n.get(B).is_none());
        n.want(Instant::ZERO, B, 1);
        n.forget(Instant::ZERO, 1);
        assert!(n.get(B).is_none() && n.get(A).is_some());
    }

    #[test]
    fn a_wanted_neighbour_that_the_configuration_names_stays() {
        let mut n = Neighbors::default();
        n.want(Instant::ZERO, B, 1);
        n.learn(Instant::ZERO, 1, B, MAC);
        n.watch(Instant::ZERO, &BTreeMap::from([(B, 1)]), |_, _| true);
        assert_eq!((n.mac(B), n.get(B).unwrap().wanted), (Some(MAC), None));
    }
}
