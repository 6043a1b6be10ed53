//! Choosing: the target of a packet's session, or one for a new session.

use super::method::ring::Hash;
use super::method::{self, Ask, Client};
use super::session::{Key, Room, Session, Table, Timeouts, Why};
use super::{Request, forget};
use crate::flow::{Direction, State, state};
use crate::net::Addr;
use crate::net::bucket::Bucket;
use crate::net::icmp_error::is_host;
use crate::pass::Pass;
use crate::seed::Seed;
use crate::snapshot::{Mode, Reach, Snapshot};
use crate::stat::{Drop, MAX_SERVERS, WorkerStats};
use crate::time::Instant;
use crate::wire::Fragment;

/// How many targets every server has been asked for.
#[derive(Debug)]
struct Turns(Box<[u32]>);

impl Default for Turns {
    fn default() -> Self {
        Self(vec![0; usize::from(MAX_SERVERS) + 1].into())
    }
}

impl Turns {
    /// The turn of server `number`.
    fn next(&mut self, number: u16) -> u32 {
        let Some(turn) = self.0.get_mut(usize::from(number)) else { return 0 };
        let now = *turn;
        *turn = turn.wrapping_add(1);
        now
    }
}

/// What decides about new sessions.
#[derive(Debug)]
pub struct Chooser {
    turns: Turns,
    hash: Hash,
    seed: Seed,
    /// `set synrate` and what is left of it.
    rate: Option<(u32, Bucket)>,
}

impl Chooser {
    /// Nobody has had a turn yet; `seed` is for methods that choose at random.
    pub fn new(seed: Seed) -> Self {
        Self { turns: Turns::default(), hash: Hash::default(), seed, rate: None }
    }

    /// The target that a new session of `client` with server `number` would get, and why; no session is made. `v6` says
    /// what the target must be reached by. `None` when nobody can take it.
    pub fn pick(
        &mut self,
        snapshot: &Snapshot,
        stats: &WorkerStats,
        number: u16,
        client: Client,
        v6: bool,
    ) -> Option<(u16, Why)> {
        let server = snapshot.server(number)?;
        let candidates = snapshot.class(server, client.addr).candidates(v6);
        let (turn, random) = (self.turns.next(number), self.seed.next_u64());
        let hash = &self.hash;
        method::choose(server.method, &Ask { snapshot, stats, candidates, client, hash, turn, random })
    }

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
        self.hash.flow(src, dst.0, dst.1) as u32
    }
}

/// Whether no single host can be `client`: nobody could be answered, and no target is to try (RFC 1812 section 5.3.7).
pub(super) fn is_nobody(snapshot: &Snapshot, client: Addr) -> bool {
    !is_host(client) || snapshot.routes.is_broadcast(client)
}

/// The target of this packet's session, which is created or moved when need be, and how to get there.
///
/// # Errors
/// Why nobody can take it.
#[inline]
pub(super) fn assign<'a, K: Key>(
    table: &mut Table<K>,
    chooser: &mut Chooser,
    pass: &Pass<'a, '_>,
    request: &Request<'_, K>,
) -> Result<(u16, &'a Reach), Drop> {
    if request.is_alone() {
        return alone(chooser, pass, request);
    }
    // The port of a client comes back with a new connection: that one is given to a target anew.
    let asks = state::asks(request.info.tcp_flags);
    if let Some(place) = table.find(pass.now, request.spot, &request.key)
        && !(asks && table.get(place).finished())
    {
        let session = table.get_mut(place);
        if let Some(reach) = pass.snapshot.reach(session.target, request.info.is_v6)
            && request.server.members.contains(session.target)
        {
            if leaves(pass, request, reach) {
                session.touch(pass.now, request.info.tcp_flags, Direction::Original);
            }
            // Enabled or not: disabling a target takes new sessions away, not old ones.
            return Ok((session.target, reach));
        }
        return relocate(session, chooser, pass, request);
    }
    begin(table, chooser, pass, request)
}

/// Of a packet that is going to be refused nobody will know.
#[inline]
fn leaves<K: Key>(pass: &Pass<'_, '_>, request: &Request<'_, K>, reach: &Reach) -> bool {
    reach.mode != Mode::Nat || pass.could_go(request.frame, reach.hop.port)
}

/// The target that the server's method chooses, how to get there, and why it is that one.
fn by_method<'a, K: Key>(
    chooser: &mut Chooser,
    pass: &Pass<'a, '_>,
    request: &Request<'_, K>,
) -> Result<(u16, &'a Reach, Why), Drop> {
    let (snapshot, client, v6) = (pass.snapshot, request.client(), request.info.is_v6);
    let refused = || {
        let nobody = snapshot.class(request.server, client.addr).candidates(v6).list.is_empty();
        if nobody { Drop::NoTarget } else { Drop::Full }
    };
    let (target, why) =
        chooser.pick(snapshot, pass.stats, request.key.server(), client, v6).ok_or_else(refused)?;
    Ok((target, snapshot.reach(target, v6).ok_or(Drop::NoTarget)?, why))
}

/// The target that everybody would choose, and choose again; of a connection that has been lost, whoever may have had it.
fn consistent<'a, K: Key>(
    chooser: &Chooser,
    pass: &Pass<'a, '_>,
    request: &Request<'_, K>,
    lost: bool,
) -> Result<(u16, &'a Reach), Drop> {
    let (snapshot, client, v6) = (pass.snapshot, request.client(), request.info.is_v6);
    let candidates = snapshot.class(request.server, client.addr).candidates(v6);
    let ring = if lost { &candidates.lost } else { &candidates.ring };
    let hash = chooser.hash.session(request.server.method, &client, snapshot.hashbits);
    let target = ring.choose(hash).ok_or(Drop::NoTarget)?;
    Ok((target, snapshot.reach(target, v6).ok_or(Drop::NoTarget)?))
}

/// The target of a packet that has no session.
fn alone<'a, K: Key>(
    chooser: &mut Chooser,
    pass: &Pass<'a, '_>,
    request: &Request<'_, K>,
) -> Result<(u16, &'a Reach), Drop> {
    if is_nobody(pass.snapshot, request.info.src) {
        return Err(Drop::Martian);
    }
    match request.info.fragment {
        Fragment::None => by_method(chooser, pass, request).map(|(target, reach, _)| (target, reach)),
        // All pieces of one question go to one target, and nothing remembers which.
        Fragment::First | Fragment::Later => consistent(chooser, pass, request, false),
    }
}

/// Moves a session whose target has gone to another one.
#[cold]
fn relocate<'a, K: Key>(
    session: &mut Session<K>,
    chooser: &mut Chooser,
    pass: &Pass<'a, '_>,
    request: &Request<'_, K>,
) -> Result<(u16, &'a Reach), Drop> {
    let (target, reach, _) = by_method(chooser, pass, request)?;
    if !leaves(pass, request, reach) {
        return Ok((target, reach));
    }
    session.touch(pass.now, request.info.tcp_flags, Direction::Original);
    pass.stats.target(session.target).sessions.sub(1);
    session.move_to(target);
    pass.stats.target(target).sessions.add(1);
    pass.stats.work.moved.add(1);
    Ok((target, reach))
}

/// Begins a session, and stores it unless there are too many new ones.
#[inline(never)]
fn begin<'a, K: Key>(
    table: &mut Table<K>,
    chooser: &mut Chooser,
    pass: &Pass<'a, '_>,
    request: &Request<'_, K>,
) -> Result<(u16, &'a Reach), Drop> {
    let (now, snapshot, stats, server) = (pass.now, pass.snapshot, pass.stats, request.server);
    let (number, tcp_flags) = (request.key.server(), request.info.tcp_flags);
    // Whoever has a session was somebody when it began.
    if is_nobody(snapshot, request.info.src) {
        return Err(Drop::Martian);
    }
    // The rest of a connection that is not remembered goes where everybody would send it who does not remember it.
    let lost = request.is_tcp() && !state::asks(tcp_flags);
    let stores = chooser.may_store(now, snapshot.synrate);
    let (target, reach, why) = if lost || !stores {
        let (target, reach) = consistent(chooser, pass, request, lost)?;
        (target, reach, Why::Consistent)
    } else {
        by_method(chooser, pass, request)?
    };
    // The end of a connection that nobody remembers begins no new one.
    if reach.mode == Mode::Nat && state::ends(tcp_flags) {
        return Err(Drop::NoFlow);
    }
    if !leaves(pass, request, reach) {
        return Ok((target, reach));
    }
    if !stores {
        stats.work.unstored.add(1);
        return if reach.mode == Mode::Nat { Err(Drop::SynRate) } else { Ok((target, reach)) };
    }
    let timeouts = Timeouts { idle: server.stimeout, ended: server.ftimeout };
    let state = State::first(request.is_tcp(), tcp_flags);
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
