//! The ports of our addresses that translated connections come from.

use std::sync::Arc;

use crate::flow::PortPool;
use crate::net::Addr;
use crate::snapshot::Snapshot;
use crate::wire::protocol;

/// The ports of one address, by protocol; 24 KiB.
#[derive(Debug)]
pub struct Pools {
    tcp: PortPool,
    udp: PortPool,
    /// Identifiers of echo requests.
    echo: PortPool,
}

impl Pools {
    /// All ports free. `seed` decides where claims begin.
    pub fn new(seed: u64) -> Self {
        Self { tcp: PortPool::new(seed), udp: PortPool::new(seed >> 16), echo: PortPool::new(seed >> 32) }
    }

    /// The ports of `proto`; `None` for a protocol without ports, of which each pair of addresses has one flow.
    pub fn of(&self, proto: u8) -> Option<&PortPool> {
        match proto {
            protocol::TCP => Some(&self.tcp),
            protocol::UDP => Some(&self.udp),
            protocol::ICMP | protocol::ICMPV6 => Some(&self.echo),
            _ => None,
        }
    }

    /// Ports in use now: TCP, UDP, echo.
    pub fn used(&self) -> [u32; 3] {
        [self.tcp.used(), self.udp.used(), self.echo.used()]
    }
}

/// The pools that a worker has claimed from. It must be able to give a port back when the address is configured no more.
#[derive(Debug, Default)]
pub struct Claims {
    used: Vec<(Addr, Arc<Pools>)>,
}

impl Claims {
    /// Takes a port for `proto` of the first address in `from` that has one left, `preferred` if it is free.
    pub fn claim(
        &mut self,
        snapshot: &Snapshot,
        from: impl Iterator<Item = Addr>,
        preferred: u16,
        proto: u8,
        seed: u64,
    ) -> Option<(Addr, u16)> {
        for addr in from {
            let Some(pools) = snapshot.pools.get(addr) else { continue };
            let Some(pool) = pools.of(proto) else { return Some((addr, preferred)) };
            if let Some(port) = pool.claim(Some(preferred), seed) {
                if !self.used.iter().any(|(used, _)| *used == addr) {
                    self.used.push((addr, pools.clone()));
                }
                return Some((addr, port));
            }
        }
        None
    }

    /// Gives a port back.
    pub fn release(&self, addr: Addr, port: u16, proto: u8) {
        if let Some((_, pools)) = self.used.iter().find(|(used, _)| *used == addr)
            && let Some(pool) = pools.of(proto)
        {
            pool.release(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ports::{FIRST, PORTS};
    use crate::net::AddrMap;

    #[test]
    fn when_the_ports_of_one_address_are_gone_the_next_one_gives_and_then_nobody() {
        let [one, two] = [1, 2].map(|n| Addr::v4([10, 0, 0, n].into()));
        let pools = AddrMap::build(&[(one, Arc::new(Pools::new(1))), (two, Arc::new(Pools::new(2)))]);
        let snapshot = Snapshot { pools, ..Snapshot::empty() };
        let mut claims = Claims::default();
        let mut claim =
            |proto, preferred| claims.claim(&snapshot, [one, two].into_iter(), preferred, proto, 7);
        let mut taken = std::collections::BTreeSet::new();
        for n in 0..2 * PORTS {
            let (addr, port) = claim(protocol::TCP, 40_000).expect("a port is left");
            assert_eq!(addr, if n < PORTS { one } else { two });
            assert!(port >= FIRST && taken.insert((addr, port)), "{addr} port {port} was given before");
        }
        assert_eq!(claim(protocol::TCP, 40_000), None);
        // Other protocols have ports of their own.
        assert_eq!(claim(protocol::UDP, 40_000), Some((one, 40_000)));
        claims.release(two, 40_000, protocol::TCP);
        let again = claims.claim(&snapshot, [one, two].into_iter(), 40_000, protocol::TCP, 7);
        assert_eq!(again, Some((two, 40_000)));
    }

    #[test]
    fn a_port_is_given_back_when_its_address_is_configured_no_more() {
        let addr = Addr::v4([10, 0, 0, 1].into());
        let pools = Arc::new(Pools::new(1));
        let snapshot = Snapshot { pools: AddrMap::build(&[(addr, pools.clone())]), ..Snapshot::empty() };
        let mut claims = Claims::default();
        assert_eq!(claims.claim(&snapshot, [addr].into_iter(), 5_000, protocol::UDP, 7), Some((addr, 5_000)));
        assert_eq!(pools.used(), [0, 1, 0]);
        let gone = Snapshot::empty();
        assert_eq!(claims.claim(&gone, [addr].into_iter(), 5_001, protocol::UDP, 7), None);
        claims.release(addr, 5_000, protocol::UDP);
        assert_eq!(pools.used(), [0, 0, 0]);
    }
}
