//! The choice that follows from the flow alone: everybody who knows the same targets makes the same one, without
//! remembering anything.

use crate::hash::HashKey;
use crate::net::Addr;
use crate::seed::Seed;

/// Chooses by rendezvous hashing: the target with the highest hash of flow and target. When a target goes, only its own
/// flows get another one.
#[derive(Debug)]
pub(super) struct Consistent(HashKey);

impl Default for Consistent {
    /// The key is no secret: both nodes of a pair, and one node before and after a restart, must agree.
    fn default() -> Self {
        Self(HashKey::new(&mut Seed::new(0x0062_676e)))
    }
}

impl Consistent {
    /// One of `usable` for the flow of these ends; `None` when there is none.
    pub(super) fn choose(&self, (client, port): (Addr, u16), dst: Addr, usable: &[u16]) -> Option<u16> {
        let wide = client.to_bits() ^ dst.to_bits().rotate_left(61);
        usable
            .iter()
            .copied()
            .max_by_key(|target| self.0.hash(wide, u64::from(port) << 16 | u64::from(*target)))
    }

    /// A number that flows of the same ends have in common.
    pub(super) fn flow(&self, (src, sport): (Addr, u16), (dst, dport): (Addr, u16)) -> u32 {
        self.0.hash(src.to_bits() ^ dst.to_bits().rotate_left(61), u64::from(sport) << 16 | u64::from(dport))
            as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(n: u32) -> (Addr, u16) {
        (Addr::v4(Ipv4Addr::from_bits(0x0a00_0000 + n)), 0)
    }

    const VIP: Addr = Addr::v4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn shares_are_about_equal_and_nobody_is_nobody() {
        let chooser = Consistent::default();
        let mut load = [0; 4];
        for n in 0..40_000 {
            load[usize::from(chooser.choose(client(n), VIP, &[0, 1, 2, 3]).unwrap())] += 1;
        }
        assert!(load.iter().all(|n| (9_500..10_500).contains(n)), "{load:?}");
        assert_eq!(chooser.choose(client(1), VIP, &[]), None);
    }

    #[test]
    fn only_the_flows_of_a_target_that_goes_move() {
        let (chooser, again) = (Consistent::default(), Consistent::default());
        for n in 0..10_000 {
            let before = chooser.choose(client(n), VIP, &[1, 2, 3]).unwrap();
            let after = again.choose(client(n), VIP, &[1, 3]).unwrap();
            assert!(before == 2 || before == after, "client {n} moved from {before} to {after}");
        }
    }
}
