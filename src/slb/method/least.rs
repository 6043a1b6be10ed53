//! `session`, `bw` and `agent`: the target with the least load for its weight.

use super::Ask;

/// The candidate with the least `load` for its weight; of several the one whose turn it is.
pub(super) fn choose(ask: &Ask<'_>, load: fn(&Ask<'_>, u16) -> u64) -> Option<u16> {
    let loaded = ask.looked_at().map(|candidate| (candidate, load(ask, candidate.target)));
    let least = loaded.reduce(|best, next| {
        // Fractions are compared without dividing.
        let (a, b) =
            (u128::from(best.1) * u128::from(next.0.weight), u128::from(next.1) * u128::from(best.0.weight));
        if b < a { next } else { best }
    });
    least.map(|(candidate, _)| candidate.target)
}

/// Sessions, the new one included.
pub(super) fn sessions(ask: &Ask<'_>, target: u16) -> u64 {
    ask.sessions(target) + 1
}

/// Bytes per second, as they will be when the sessions that came since they were measured are like the others.
pub(super) fn traffic(ask: &Ask<'_>, target: u16) -> u64 {
    let loads = &ask.snapshot.loads;
    grown(loads.rate(target), ask.sessions(target), loads.sessions(target))
}

/// What the agent says, as it will be when the sessions that came since then are like the others. A target whose agent has
/// not said anything has a load of 1 for each session: so without any agent this is the method `session`.
pub(super) fn agent(ask: &Ask<'_>, target: u16) -> u64 {
    let loads = &ask.snapshot.loads;
    match loads.agent(target) {
        Some(load) => grown(load.into(), ask.sessions(target), loads.agent_sessions(target)),
        None => grown(100, ask.sessions(target), 0),
    }
}

/// `load` of `before` sessions, the new one included, when there are `now`. In units of 1/256, so that little of something
/// is told apart from more of it.
fn grown(load: u64, now: u64, before: u64) -> u64 {
    let part = (u128::from(load) + 1) * 256 * (u128::from(now) + 1) / (u128::from(before) + 1);
    u64::try_from(part).unwrap_or(u64::MAX)
}
