//! Methods: which target gets a new session. One file per idea, each with a `choose`.
//!
//! ```text
//!   rr.rs       rr, random        by weight alone, from a schedule
//!   ring.rs     hash, maglev      by a hash of the flow, from a table (fill.rs and order.rs: whose are its rows)
//!   first.rs    first             by the order of the list
//!   least.rs    session, bw, agent                 the least loaded
//!   inverse.rs  rndsession, rndbw, rndagent        at random, the less the more loaded
//! ```
//!
//! What depends on the farm alone (schedules, tables) is made by the director (`snapshot/farm.rs`); a choice costs a few
//! memory accesses, or those of [`LOOKED_AT`] targets where loads are compared.

mod fill;
mod first;
mod inverse;
mod least;
mod order;
pub mod ring;
pub mod rr;

use self::ring::Hash;
use super::session::Why;
use crate::conf::model::Method;
use crate::net::Addr;
use crate::snapshot::{Candidate, Candidates, Snapshot, Target};
use crate::stat::WorkerStats;

/// Most targets whose loads are compared for one session. Of a larger farm each session looks at the next ones, so all of
/// them are looked at in turn.
pub const LOOKED_AT: usize = 64;

/// Who wants a target.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Address and port by which its sessions are told apart; none and 0 where they do not matter.
    pub id: (Addr, u16),
    /// Destination address, none where it does not matter.
    pub dst: Addr,
    /// Its own address, whatever tells sessions apart.
    pub addr: Addr,
}

/// A question for a target, with all that methods look at.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) stats: &'a WorkerStats,
    pub(super) candidates: &'a Candidates,
    pub(super) client: Client,
    pub(super) hash: &'a Hash,
    /// Counts the questions of a server.
    pub(super) turn: u32,
    /// Different every time.
    pub(super) random: u64,
}

impl Ask<'_> {
    /// Sessions of `target` in all workers: what the others had when they were last asked, and our own now.
    fn sessions(&self, target: u16) -> u64 {
        let own = self.stats.target(target);
        own.sessions.get() + own.elsewhere.get()
    }

    fn target(&self, number: u16) -> Option<&Target> {
        self.snapshot.targets.get(usize::from(number))
    }

    /// Whether `target` has as many sessions as it may have.
    fn full(&self, target: u16) -> bool {
        self.candidates.limited && {
            let most = self.target(target).map_or(0, |target| target.maxsessions);
            most != 0 && self.sessions(target) >= u64::from(most)
        }
    }

    /// The candidates whose loads are compared, at most [`LOOKED_AT`] that have room, beginning with another one each
    /// time.
    fn looked_at(&self) -> impl Iterator<Item = &Candidate> {
        let list = &self.candidates.list;
        let count = list.len().min(LOOKED_AT);
        let start = if list.len() > LOOKED_AT {
            (u64::from(self.turn) * LOOKED_AT as u64 % list.len() as u64) as usize
        } else {
            self.turn as usize % list.len().max(1)
        };
        let (before, from) = list.split_at(start);
        from.iter().chain(before).take(count).filter(|candidate| !self.full(candidate.target))
    }

    /// The first candidate with room, beginning with another one each time.
    fn any_with_room(&self) -> Option<u16> {
        let list = &self.candidates.list;
        let (before, from) = list.split_at(self.turn as usize % list.len().max(1));
        from.iter().chain(before).map(|candidate| candidate.target).find(|target| !self.full(*target))
    }
}

/// The target for a new session by `method`, and why; `None` when nobody has room.
pub(super) fn choose(method: Method, ask: &Ask<'_>) -> Option<(u16, Why)> {
    if ask.candidates.list.is_empty() {
        return None;
    }
    let (target, why) = match method {
        Method::Rr => (rr::in_turn(ask), Why::Rr),
        Method::Random => (rr::at_random(ask), Why::Random),
        Method::Hash => (ring::choose(ask, method), Why::Hash),
        Method::Maglev => (ring::choose(ask, method), Why::Maglev),
        Method::First => (first::choose(ask), Why::First),
        Method::Session => (least::choose(ask, least::sessions), Why::Session),
        Method::Bw => (least::choose(ask, least::traffic), Why::Bw),
        Method::Agent => (least::choose(ask, least::agent), Why::Agent),
        Method::RndSession => (inverse::choose(ask, least::sessions), Why::RndSession),
        Method::RndBw => (inverse::choose(ask, least::traffic), Why::RndBw),
        Method::RndAgent => (inverse::choose(ask, least::agent), Why::RndAgent),
    };
    let open = target.filter(|target| !ask.full(*target)).or_else(|| ask.any_with_room())?;
    Some((open, why))
}
