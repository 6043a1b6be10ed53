//! `rndsession`, `rndbw` and `rndagent`: at random, and twice the load makes half the share.

use super::{Ask, LOOKED_AT};
use arrayvec::ArrayVec;

/// A candidate at random, each with a share of its weight by its `load`.
pub(super) fn choose(ask: &Ask<'_>, load: fn(&Ask<'_>, u16) -> u64) -> Option<u16> {
    let mut shares = ArrayVec::<(u16, u64), LOOKED_AT>::new();
    let mut sum: u64 = 0;
    for candidate in ask.looked_at() {
        // Weights have up to 24 bits; 64 of these sums fit.
        let share = ((u64::from(candidate.weight) << 32) / load(ask, candidate.target).max(1)).max(1);
        sum = sum.saturating_add(share);
        shares.push((candidate.target, share));
    }
    let mut at = ((u128::from(ask.random) * u128::from(sum)) >> 64) as u64;
    for (target, share) in shares {
        match at.checked_sub(share) {
            None => return Some(target),
            Some(rest) => at = rest,
        }
    }
    None
}
