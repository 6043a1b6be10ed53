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
