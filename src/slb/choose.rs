//! Choosing: the target of a packet's session, or one for a new session.

use super::consistent::Consistent;
use super::rr::Turns;
use super::session::{Key, Room, Table, Timeouts, Why};
use super::{Request, forget};
use crate::flow::{Direction, State, state};
use crate::net::Addr;
use crate::net::bucket::Bucket;
use crate::pass::Pass;
use crate::snapshot::{Mode, Reach};
use crate::stat::Drop;
use crate::time::Instant;

/// What decides about new sessions.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    turns: Turns,
    consistent: Consistent,
    /// `set synrate` and what is left of it.
    rate: Option<(u32, Bucket)>,
}

impl Chooser {
    /// Whether one more session may be stored now.
    fn may_store(&mut self, now: Instant, synrate: u32) -> bool {
        if synrate == 0 {
            return true;
        }
        match &mut self.rate {
            Some((rate, bucket)) if *rate == synrate => bucket.take(now),
            rate => rate.insert((synrate, Bucket::new(synrate, synrate))).1.take(now),
        }
    }

    /// A number that packets of one flow have in common.
    pub(super) fn flow(&self, src: (Addr, u16), dst: (Addr, u16)) -> u32 {
        self.consistent.flow(src, dst)
    }
}

/// The target of this packet's session, which is created or moved when need be, and how to get there.
///
/// # Errors
/// Why nobody can take it.
#[inline]
pub(super) fn assign<K: Key>(
    table: &mut Table<K>,
    chooser: &mut Chooser,
    pass: &Pass<'_, '_>,
    request: &Request<'_, K>,
) -> Result<(u16, Reach), Drop> {
    let (now, snapshot, stats) = (pass.now, pass.snapshot, pass.stats);
    let (server, number, v6) = (request.server, request.key.server(), request.info.is_v6);
    let by_turns = |chooser: &mut Chooser| {
        let target = chooser.turns.next(number, request.usable())?;
        Some((target, snapshot.reach(target, v6)?))
    };
    if request.is_alone() {
        return by_turns(chooser).ok_or(Drop::NoTarget);
    }
    // The port of a client comes back with a new connection: that one is given to a target anew.
    let asks = state::asks(request.info.tcp_flags);
    if let Some(place) = table.find(now, request.spot, &request.key)
        && !(asks && table.get_mut(place).finished())
    {
        let session = table.get_mut(place);
        session.touch(now, request.info.tcp_flags, Direction::Original);
        if let Some(reach) = snapshot.reach(session.target, v6)
            && server.targets.contains(&session.target)
        {
            // Enabled or not: disabling a target takes new sessions away, not old ones.
            return Ok((session.target, reach));
        }
        let (target, reach) = by_turns(chooser).ok_or(Drop::NoTarget)?;
        stats.target(session.target).sessions.sub(1);
        session.move_to(target);
        stats.target(target).sessions.add(1);
        stats.work.moved.add(1);
        return Ok((target, reach));
    }
    // The rest of a connection that is not remembered goes where everybody would send it who does not remember it.
    let lost = request.is_tcp() && !asks;
    let stores = chooser.may_store(now, snapshot.synrate);
    let (target, reach, why) = if lost || !stores {
        let client = request.key.client();
        let target =
            chooser.consistent.choose(client, request.key.dst(), request.usable()).ok_or(Drop::NoTarget)?;
        (target, snapshot.reach(target, v6).ok_or(Drop::NoTarget)?, Why::Consistent)
    } else {
        let (target, reach) = by_turns(chooser).ok_or(Drop::NoTarget)?;
        (target, reach, Why::Rr)
    };
    // The end of a connection that nobody remembers begins no new one.
    if reach.mode == Mode::Nat && state::ends(request.info.tcp_flags) {
        return Err(Drop::NoFlow);
    }
    if !stores {
        stats.work.unstored.add(1);
        return if reach.mode == Mode::Nat { Err(Drop::SynRate) } else { Ok((target, reach)) };
    }
    let timeouts = Timeouts { idle: server.stimeout, ended: server.ftimeout };
    let state = State::first(request.is_tcp(), request.info.tcp_flags);
    match table.insert(now, request.key, target, timeouts, why, state) {
        Room::Free => {}
        Room::Expired(old) => forget(stats, &old, &stats.work.expired),
        Room::Evicted(old) => forget(stats, &old, &stats.work.evicted),
    }
    for traffic in [stats.server(number), stats.target(target)] {
        traffic.sessions.add(1);
        traffic.created.add(1);
    }
    Ok((target, reach))
}
