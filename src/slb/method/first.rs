//! `first`: the first target of the list.

use super::Ask;

/// The first candidate that has room.
pub(super) fn choose(ask: &Ask<'_>) -> Option<u16> {
    ask.candidates.list.iter().map(|candidate| candidate.target).find(|target| !ask.full(*target))
}
