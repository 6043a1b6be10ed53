//! The farm of a server: which targets its clients may get, with the schedules and tables that methods choose from.
//!
//! Making them is work in proportion to their length, so it is done here, by the director, and only when what they follow
//! from has changed: servers with the same farm share them, and so do the snapshots that follow each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Target;
use crate::conf::model::{self, Method, Model};
use crate::net::Addr;
use crate::slb::method::ring::{self, Frame, Member, Ring};
use crate::slb::method::rr;
use crate::stat::MAX_TARGETS;

/// A set of target numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetSet([u64; MAX_TARGETS as usize / 64 + 1]);

impl TargetSet {
    /// Whether `target` is in it.
    #[inline]
    pub fn contains(&self, target: u16) -> bool {
        self.0.get(usize::from(target) / 64).is_some_and(|word| word >> (target % 64) & 1 != 0)
    }
}

impl FromIterator<u16> for TargetSet {
    fn from_iter<I: IntoIterator<Item = u16>>(targets: I) -> Self {
        let mut set = Self::default();
        for target in targets {
            if let Some(word) = set.0.get_mut(usize::from(target) / 64) {
                *word |= 1 << (target % 64);
            }
        }
        set
    }
}

/// A target that can take new sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Number.
    pub target: u16,
    /// Its weight among the others, above 0; less than the configured one while it starts slowly.
    pub weight: u32,
}

/// Who can take new sessions of one family, in the order of the statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// All of them; none when the server cannot be served.
    pub list: Vec<Candidate>,
    /// Their numbers, as often as their weights say and evenly spread.
    pub schedule: Arc<[u16]>,
    /// The target of each hash.
    pub ring: Arc<Ring>,
    /// The same for connections that are not remembered: targets that have left not long ago and are still up have
    /// their rows, too.
    pub lost: Arc<Ring>,
    /// Some of them may have only so many sessions.
    pub limited: bool,
    /// They are the server's backups.
    pub backup: bool,
}

/// Clients who may get the same targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Class {
    /// For IPv4 packets.
    pub v4: Candidates,
    /// For IPv6 packets.
    pub v6: Candidates,
}

impl Class {
    /// Who can take new sessions of this family.
    #[inline]
    pub fn candidates(&self, v6: bool) -> &Candidates {
        if v6 { &self.v6 } else { &self.v4 }
    }
}

/// What schedules and tables follow from, and what they are. Two rounds: what the last one used, and this one's.
#[derive(Debug)]
struct Shelf<K, V: ?Sized> {
    last: BTreeMap<K, Arc<V>>,
    used: BTreeMap<K, Arc<V>>,
}

impl<K, V: ?Sized> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { last: BTreeMap::new(), used: BTreeMap::new() }
    }
}

impl<K: Ord, V: ?Sized> Shelf<K, V> {
    fn turn(&mut self) {
        self.last = std::mem::take(&mut self.used);
    }

    fn get(&mut self, key: K, make: impl FnOnce(&K) -> Arc<V>) -> Arc<V> {
        if let Some(known) = self.used.get(&key) {
            return known.clone();
        }
        let made = self.last.remove(&key).unwrap_or_else(|| make(&key));
        self.used.insert(key, made.clone());
        made
    }
}

/// Who a ring is of: everybody in the farm, with the target number of who takes traffic.
type RingKey = Vec<(Member, Option<u16>)>;

/// Schedules and tables that were made before.
#[derive(Debug, Default)]
pub struct Shelves {
    frames: Shelf<(u32, Vec<Member>), Frame>,
    rings: Shelf<(u32, RingKey), Ring>,
    schedules: Shelf<Vec<Candidate>, [u16]>,
}

impl Shelves {
    /// Forgets what the last snapshot had no use for. To be called before each.
    pub(super) fn turn(&mut self) {
        self.frames.turn();
        self.rings.turn();
        self.schedules.turn();
    }

    fn ring(&mut self, rows: u32, members: &[(Member, u16)], there: impl Fn(u16) -> bool) -> Arc<Ring> {
        let key: RingKey =
            members.iter().map(|(member, number)| (*member, there(*number).then_some(*number))).collect();
        let frames = &mut self.frames;
        self.rings.get((rows, key), |(rows, key)| {
            let members = key.iter().map(|(member, _)| *member).collect();
            let frame = frames.get((*rows, members), |(rows, members)| Arc::new(Frame::new(*rows, members)));
            Arc::new(frame.ring(&key.iter().map(|(_, number)| *number).collect::<Vec<_>>()))
        })
    }
}

/// Rows of the tables of a server whose farm has no more than [`SMALL_FARM`] targets, unless its method lives on them.
const SMALL_TABLE: u32 = 4_099;
/// Targets that have a hundred rows each in a small table.
const SMALL_FARM: usize = 40;

/// Rows of the tables for `targets` targets, a prime, at most what follows from `maglevsize`. Hundreds of servers that
/// ask their tables only for sessions that nobody remembers should not take hundreds of milliseconds and megabytes.
fn rows(method: Method, targets: usize, maglevsize: u32) -> u32 {
    let small = targets <= SMALL_FARM && !matches!(method, Method::Hash | Method::Maglev);
    ring::rows(if small { maglevsize.min(SMALL_TABLE) } else { maglevsize })
}

/// What farms are made of.
pub(super) struct Farms<'a> {
    pub(super) model: &'a Model,
    pub(super) targets: &'a [Target],
    pub(super) shelves: &'a mut Shelves,
}

impl Farms<'_> {
    /// What clients of `server` who may get the targets that `allowed` names have to choose from.
    pub(super) fn class(&mut self, server: &model::Server, allowed: impl Fn(u16) -> bool) -> Class {
        let of = |list: &[u16]| list.iter().copied().filter(|number| allowed(*number)).collect::<Vec<u16>>();
        let (targets, backups) = (of(&server.targets), of(&server.backups));
        let method = server.method;
        let mut family = |reached: fn(&Target) -> bool| {
            let first = self.candidates(method, &targets, reached);
            if !first.list.is_empty() || backups.is_empty() {
                return first;
            }
            let second = self.candidates(method, &backups, reached);
            let lost = if first.lost.rows().is_empty() { second.lost.clone() } else { first.lost };
            Candidates { backup: true, lost, ..second }
        };
        Class { v4: family(|target| target.v4.is_some()), v6: family(|target| target.v6.is_some()) }
    }

    fn candidates(&mut self, method: Method, numbers: &[u16], reached: fn(&Target) -> bool) -> Candidates {
        let target = |number: u16| self.targets.get(usize::from(number)).copied().unwrap_or_default();
        let weight = |number: u16| self.model.targets.get(&number).map_or(0, |target| target.weight);
        let open = |number: u16| target(number).open && reached(&target(number));
        let lingers = |number: u16| open(number) || target(number).lingers && reached(&target(number));
        let starting = numbers.iter().any(|number| open(*number) && target(*number).held != 0);
        let list: Vec<Candidate> = numbers
            .iter()
            .filter(|number| open(**number))
            .map(|number| {
                let whole = weight(*number).max(1);
                let left = u64::from(u16::MAX - target(*number).held) + 1;
                let part = (((u64::from(whole) << 8) * left) >> 16).max(1) as u32;
                Candidate { target: *number, weight: if starting { part } else { whole } }
            })
            .collect();
        let schedule = self.shelves.schedules.get(list.clone(), |list| {
            let weights: Vec<(u16, u32)> = list.iter().map(|one| (one.target, one.weight)).collect();
            rr::schedule(&weights).into()
        });
        let members = self.members(numbers);
        let rows = rows(method, numbers.len(), self.model.tuning.maglevsize);
        let ring = self.shelves.ring(rows, &members, open);
        let lost = self.shelves.ring(rows, &members, lingers);
        let limited = list.iter().any(|one| target(one.target).maxsessions != 0);
        Candidates { list, schedule, ring, lost, limited, backup: false }
    }

    /// The members of a table, with their target numbers, in the order of their identities.
    fn members(&self, numbers: &[u16]) -> Vec<(Member, u16)> {
        let member = |number: &u16| {
            let target = self.model.targets.get(number)?;
            let addr = target.addresses().next()?;
            let identity = ring::identity(Addr::from(addr), target.port);
            Some((Member { identity, weight: target.weight.max(1) }, *number))
        };
        let mut members: Vec<(Member, u16)> = numbers.iter().filter_map(member).collect();
        members.sort_unstable_by_key(|(member, number)| (member.identity, *number));
        // Targets with one address and port between them are told apart by their order.
        for at in 1..members.len() {
            let before = members[at - 1].0.identity;
            let identity = &mut members[at].0.identity;
            *identity = (*identity).max(before.saturating_add(1));
        }
        members
    }
}
