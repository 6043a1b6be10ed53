//! The ports that checks ask from.

use std::sync::Arc;

use crate::nat::Pools;
use crate::seed::Seed;

/// Claims that are tried before a check goes without a port.
const TRIES: usize = 256;
/// Ports below this are left alone.
const LOWEST: u64 = 16_384;

/// Where ports come from: one pool for all checks of the node, which workers look at too. A port that translated
/// connections of the same address use, or may come to use, is never taken: it is claimed in their pools as well.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    own: Arc<Pools>,
    shared: Vec<Arc<Pools>>,
}

impl Ports {
    /// No port in use yet.
    pub(super) fn new(seed: u64) -> Self {
        Self { own: Arc::new(Pools::new(seed)), shared: Vec::new() }
    }

    /// The ports in use, for workers.
    pub(super) fn asking(&self) -> Arc<Pools> {
        self.own.clone()
    }

    /// Pools of addresses that are those of checks too.
    pub(super) fn share(&mut self, shared: Vec<Arc<Pools>>) {
        self.shared = shared;
    }

    /// Takes a random port of `proto`. `None` when so many are in use that none was found.
    pub(super) fn claim(&self, proto: u8, seed: &mut Seed) -> Option<Port> {
        (0..TRIES).find_map(|_| {
            let number = (LOWEST + seed.below(65_536 - LOWEST)) as u16;
            let mut port = Port { number, proto, claimed: Vec::new() };
            for pools in std::iter::once(&self.own).chain(&self.shared) {
                // Somebody has it: a connection that answers to this port would not come to us.
                pools.of(proto)?.claim_exactly(number).then_some(())?;
                port.claimed.push(pools.clone());
            }
            Some(port)
        })
    }
}

/// A port in use, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Port {
    number: u16,
    proto: u8,
    claimed: Vec<Arc<Pools>>,
}

impl Port {
    pub(super) fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        for pool in self.claimed.iter().filter_map(|pools| pools.of(self.proto)) {
            pool.release(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protocol;

    #[test]
    fn a_port_is_in_use_until_it_is_dropped_and_never_one_of_a_translated_connection() {
        let (mut ports, mut seed) = (Ports::new(1), Seed::new(2));
        let nat = Arc::new(Pools::new(3));
        // All but a few ports are in use by connections.
        let pool = nat.of(protocol::TCP).unwrap();
        for port in (1_024..=u16::MAX).filter(|port| port % 8 != 0) {
            assert!(pool.claim_exactly(port));
        }
        ports.share(vec![nat.clone()]);
        let used = nat.used()[0];
        let taken: Vec<Port> =
            (0..100).map(|_| ports.claim(protocol::TCP, &mut seed).expect("a port is left")).collect();
        let asking = ports.asking();
        for port in &taken {
            assert_eq!(port.number() % 8, 0);
            assert!(asking.of(protocol::TCP).unwrap().is_claimed(port.number()));
            assert!(!asking.of(protocol::UDP).unwrap().is_claimed(port.number()));
        }
        assert_eq!((nat.used()[0], asking.used()), (used + 100, [100, 0, 0]));
        drop(taken);
        assert_eq!((nat.used()[0], asking.used()), (used, [0, 0, 0]));
    }
}
