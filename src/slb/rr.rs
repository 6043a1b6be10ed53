//! Round robin: targets take turns, per server.

use crate::stat::MAX_SERVERS;

/// Whose turn it is, for every server.
#[derive(Debug)]
pub(super) struct Turns {
    next: Box<[u32]>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { next: vec![0; usize::from(MAX_SERVERS) + 1].into() }
    }
}

impl Turns {
    /// The next of `usable` for server `number`; `None` when there is none.
    pub(super) fn next(&mut self, number: u16, usable: &[u16]) -> Option<u16> {
        let turn = self.next.get_mut(usize::from(number))?;
        let at = (*turn as usize).checked_rem(usable.len())?;
        *turn = turn.wrapping_add(1);
        Some(usable[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_gets_its_turn() {
        let mut turns = Turns::default();
        let got: Vec<_> = (0..6).filter_map(|_| turns.next(1, &[4, 7, 9])).collect();
        assert_eq!(got, [4, 7, 9, 4, 7, 9]);
    }

    #[test]
    fn servers_do_not_share_turns_and_nobody_to_turn_to_is_none() {
        let mut turns = Turns::default();
        assert_eq!((turns.next(1, &[4, 7]), turns.next(2, &[4, 7])), (Some(4), Some(4)));
        assert_eq!(turns.next(1, &[]), None);
        assert_eq!(turns.next(1, &[4, 7]), Some(7));
    }
}
