//! The ports of our addresses that translated connections come from.

use std::collections::VecDeque;
use std::sync::Arc;

use bng_platform::BATCH_MAX;

use super::is_echo;
use crate::flow::ports::Allowed;
use crate::flow::{PortPool, Tuple};
use crate::net::Addr;
use crate::snapshot::Snapshot;
use crate::time::{Duration, Instant};
use crate::wire::protocol;

/// The ports of one address, by protocol; 32 KiB.
#[derive(Debug)]
pub struct Pools {
    tcp: PortPool,
    udp: PortPool,
    /// Identifiers of echo requests.
    echo: PortPool,
    /// Those of TCP whose connections were taken up in the middle, and whose peers have not confirmed them yet; and those
    /// that rest.
    doubted: PortPool,
}

/// A port that a connection cannot go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It belongs to a connection of which it is certain, or is none that we give: it was never that of another one.
    Surely,
    /// The connection that has it was itself taken up in the middle, and its peer may yet deny it; or it rests.
    Perhaps,
}

impl Pools {
    /// All ports free. `seed` decides where claims begin.
    pub fn new(seed: u64) -> Self {
        Self {
            tcp: PortPool::new(seed),
            udp: PortPool::new(seed >> 16),
            echo: PortPool::new(seed >> 32),
            doubted: PortPool::new(0),
        }
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

/// What may be claimed from every address, `set natports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatPorts {
    /// Ports of TCP and UDP.
    pub ports: Allowed,
    /// Identifiers of echo requests: all.
    pub idents: Allowed,
}

impl NatPorts {
    /// The ports of these runs.
    pub fn new(runs: &[(u16, u16)]) -> Self {
        Self { ports: Allowed::new(runs), idents: Allowed::all() }
    }
}

/// How long a port rests when its connection is over. By then every worker has taken in the news of that, so that no
/// answer to the next connection of the port finds the way of the one before.
const REST: Duration = Duration::from_secs(1);

/// A port whose connection is over.
#[derive(Debug, Clone, Copy)]
struct Resting {
    since: Instant,
    addr: Addr,
    port: u16,
    proto: u8,
    /// Who had it.
    original: Tuple,
}

/// The ports that a worker has claimed, and those that rest. It must be able to give a port back when the address is
/// configured no more.
#[derive(Debug, Default)]
pub struct Claims {
    used: Vec<(Addr, Arc<Pools>)>,
    /// The oldest first.
    resting: VecDeque<Resting>,
}

impl Claims {
    /// Takes a port for the connection that `original` begins: of the first address in `from` that has one left, that of
    /// `preferred` if it is free, or the one that the same connection had until just now.
    pub fn claim(
        &mut self,
        now: Instant,
        snapshot: &Snapshot,
        from: impl Iterator<Item = Addr>,
        preferred: u16,
        original: &Tuple,
        seed: u64,
    ) -> Option<(Addr, u16)> {
        for addr in from {
            let Some(pools) = snapshot.pools.get(addr) else { continue };
            let Some(pool) = pools.of(original.proto) else { return Some((addr, preferred)) };
            if let Some(port) = self.again(now, addr, original) {
                if original.proto == protocol::TCP {
                    pools.doubted.release(port);
                }
                return Some((addr, port));
            }
            let all = &snapshot.natports;
            let of = if is_echo(original.proto) { &all.idents } else { &all.ports };
            if let Some(port) = pool.claim(of, Some(preferred), seed) {
                self.note(addr, pools);
                return Some((addr, port));
            }
        }
        None
    }

    /// Takes the port that the TCP connection of `original` must have had that goes on with segments like `translated`:
    /// no other one would mean anything to its peer. When it has lost its port in this batch, that is the one.
    ///
    /// # Errors
    /// The port is not to be had.
    pub fn take_up(
        &mut self,
        now: Instant,
        snapshot: &Snapshot,
        translated: &mut Tuple,
        original: &Tuple,
    ) -> Result<(), Taken> {
        let Tuple { src, sport, .. } = *translated;
        let pools = snapshot.pools.get(src).ok_or(Taken::Perhaps)?;
        if let Some(port) = self.again(now, src, original) {
            translated.sport = port;
            return Ok(());
        }
        if !snapshot.natports.ports.contains(sport) {
            return Err(Taken::Surely);
        }
        if !pools.tcp.claim_exactly(sport) {
            return Err(if pools.doubted.is_claimed(sport) { Taken::Perhaps } else { Taken::Surely });
        }
        pools.doubted.claim_exactly(sport);
        self.note(src, pools);
        Ok(())
    }

    /// Ports of `addr` are to be given back to `pools`.
    fn note(&mut self, addr: Addr, pools: &Arc<Pools>) {
        if !self.used.iter().any(|(used, _)| *used == addr) {
            self.used.push((addr, pools.clone()));
        }
    }

    /// The port of `addr` that `original` has lost in this batch, to be taken up again: whoever still remembers its old
    /// connection takes answers to the same client.
    fn again(&mut self, now: Instant, addr: Addr, original: &Tuple) -> Option<u16> {
        let of_batch = self.resting.iter().rev().take_while(|rest| rest.since == now).take(BATCH_MAX);
        let back = of_batch.enumerate().find(|(_, rest)| rest.addr == addr && rest.original == *original)?.0;
        self.resting.remove(self.resting.len() - 1 - back).map(|rest| rest.port)
    }

    /// The connection that `original` began and that had this port is over.
    pub fn rest(&mut self, now: Instant, addr: Addr, port: u16, original: &Tuple) {
        if original.proto == protocol::TCP
            && let Some((_, pools)) = self.used.iter().find(|(used, _)| *used == addr)
        {
            pools.doubted.claim_exactly(port);
        }
        self.resting.push_back(Resting {
            since: now,
            addr,
            port,
            proto: original.proto,
            original: *original,
        });
    }

    /// Gives back the ports that have rested.
    pub fn settle(&mut self, now: Instant) {
        while let Some(rest) = self.resting.front().filter(|rest| now.since(rest.since) >= REST) {
            self.release(rest.addr, rest.port, rest.proto);
            self.resting.pop_front();
        }
    }

    /// Ports rest.
    pub fn is_resting(&self) -> bool {
        !self.resting.is_empty()
    }

    /// Gives a port back at once.
    pub fn release(&self, addr: Addr, port: u16, proto: u8) {
        if let Some((_, pools)) = self.used.iter().find(|(used, _)| *used == addr)
            && let Some(pool) = pools.of(proto)
        {
            if proto == protocol::TCP {
                pools.doubted.release(port);
            }
            pool.release(port);
        }
    }
}

/// The peer of a connection whose segments go on as `translated` has answered.
pub(super) fn believe(snapshot: &Snapshot, translated: &Tuple) {
    if translated.proto == protocol::TCP
        && let Some(pools) = snapshot.pools.get(translated.src)
        && pools.doubted.is_claimed(translated.sport)
    {
        pools.doubted.release(translated.sport);
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        // The other workers go on claiming from the same pools.
        for rest in std::mem::take(&mut self.resting) {
            self.release(rest.addr, rest.port, rest.proto);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ports::{FIRST, PORTS};
    use crate::net::AddrMap;

    fn addr(n: u8) -> Addr {
        Addr::v4([10, 0, 0, n].into())
    }

    /// A connection of client `n`.
    fn original(proto: u8, n: u8) -> Tuple {
        Tuple { src: addr(n), dst: addr(200), sport: 40_000, dport: 80, proto }
    }

    fn snapshot(addrs: &[Addr]) -> Snapshot {
        let pools: Vec<_> = addrs.iter().zip(1..).map(|(addr, n)| (*addr, Arc::new(Pools::new(n)))).collect();
        Snapshot { pools: AddrMap::build(&pools), ..Snapshot::empty() }
    }

    #[test]
    fn when_the_ports_of_one_address_are_gone_the_next_one_gives_and_then_nobody() {
        let both = [addr(1), addr(2)];
        let snapshot = snapshot(&both);
        let mut claims = Claims::default();
        let claim = |claims: &mut Claims, proto| {
            claims.claim(Instant::ZERO, &snapshot, both.into_iter(), 40_000, &original(proto, 9), 7)
        };
        let mut taken = std::collections::BTreeSet::new();
        for n in 0..2 * PORTS {
            let (addr, port) = claim(&mut claims, protocol::TCP).expect("a port is left");
            assert_eq!(addr, both[usize::from(n >= PORTS)]);
            assert!(port >= FIRST && taken.insert((addr, port)), "{addr} port {port} was given before");
        }
        assert_eq!(claim(&mut claims, protocol::TCP), None);
        // Other protocols have ports of their own.
        assert_eq!(claim(&mut claims, protocol::UDP), Some((both[0], 40_000)));
        claims.release(both[1], 40_000, protocol::TCP);
        assert_eq!(claim(&mut claims, protocol::TCP), Some((both[1], 40_000)));
    }

    #[test]
    fn ports_beside_natports_are_never_taken_and_identifiers_are_not_meant() {
        let mut snapshot = snapshot(&[addr(1)]);
        snapshot.natports = NatPorts::new(&[(5_000, 5_001)]);
        let mut claims = Claims::default();
        let mut claim = |proto| {
            claims.claim(Instant::ZERO, &snapshot, [addr(1)].into_iter(), 40_000, &original(proto, 9), 7)
        };
        let mut got = [claim(protocol::TCP), claim(protocol::TCP)];
        got.sort();
        assert_eq!(got, [Some((addr(1), 5_000)), Some((addr(1), 5_001))]);
        assert_eq!(claim(protocol::TCP), None);
        assert_eq!(claim(protocol::ICMP), Some((addr(1), 40_000)));
    }

    #[test]
    fn a_port_rests_a_second_but_for_the_connection_that_had_it() {
        let mut snapshot = snapshot(&[addr(1)]);
        snapshot.natports = NatPorts::new(&[(5_000, 5_000)]);
        let mut claims = Claims::default();
        let mut now = Instant::from_secs(1);
        let claim = |claims: &mut Claims, now, client| {
            claims.claim(now, &snapshot, [addr(1)].into_iter(), 1, &original(protocol::TCP, client), 7)
        };
        let port = Some((addr(1), 5_000));
        assert_eq!(claim(&mut claims, now, 1), port);
        claims.rest(now, addr(1), 5_000, &original(protocol::TCP, 1));
        assert_eq!(claim(&mut claims, now, 2), None);
        assert_eq!(claim(&mut claims, now, 1), port, "the same client to the same server");
        assert!(!claims.is_resting());
        claims.rest(now, addr(1), 5_000, &original(protocol::TCP, 1));
        now += Duration::from_micros(999_999);
        claims.settle(now);
        assert_eq!(claim(&mut claims, now, 2), None);
        now += Duration::from_micros(1);
        claims.settle(now);
        assert_eq!(claim(&mut claims, now, 2), port);
    }

    #[test]
    fn only_the_port_of_a_known_connection_is_surely_that_of_nobody_else() {
        let mut snapshot = snapshot(&[addr(1)]);
        snapshot.natports = NatPorts::new(&[(1_024, 49_999)]);
        let (mut claims, mut others) = (Claims::default(), Claims::default());
        let of = |port| Tuple { src: addr(1), sport: port, ..original(protocol::TCP, 1) };
        let take_up = |claims: &mut Claims, snapshot: &Snapshot, port| {
            claims.take_up(Instant::from_secs(9), snapshot, &mut of(port), &original(protocol::TCP, 1))
        };
        // Never given, so never had.
        for port in [1_023, 50_000] {
            assert_eq!(take_up(&mut claims, &snapshot, port), Err(Taken::Surely), "{port}");
        }
        assert_eq!(take_up(&mut claims, &Snapshot::empty(), 40_000), Err(Taken::Perhaps));
        // Taken up, but not confirmed: by this worker or another one.
        assert_eq!(take_up(&mut claims, &snapshot, 40_000), Ok(()));
        assert_eq!(take_up(&mut claims, &snapshot, 40_000), Err(Taken::Perhaps));
        assert_eq!(take_up(&mut others, &snapshot, 40_000), Err(Taken::Perhaps));
        believe(&snapshot, &of(40_000));
        assert_eq!(take_up(&mut others, &snapshot, 40_000), Err(Taken::Surely));
        // Denied: it rests, then somebody else gets it, in doubt again.
        assert_eq!(take_up(&mut claims, &snapshot, 40_001), Ok(()));
        claims.rest(Instant::ZERO, addr(1), 40_001, &original(protocol::TCP, 1));
        assert_eq!(take_up(&mut others, &snapshot, 40_001), Err(Taken::Perhaps));
        claims.settle(Instant::ZERO + REST);
        assert_eq!(take_up(&mut others, &snapshot, 40_001), Ok(()));
        assert_eq!(take_up(&mut claims, &snapshot, 40_001), Err(Taken::Perhaps));
        // What a new connection has was nobody's.
        others.release(addr(1), 40_001, protocol::TCP);
        let new = others.claim(
            Instant::ZERO,
            &snapshot,
            [addr(1)].into_iter(),
            40_001,
            &original(protocol::TCP, 2),
            7,
        );
        assert_eq!(new, Some((addr(1), 40_001)));
        assert_eq!(take_up(&mut claims, &snapshot, 40_001), Err(Taken::Surely));
    }

    #[test]
    fn a_connection_that_has_just_lost_its_port_is_taken_up_with_that_one() {
        let snapshot = snapshot(&[addr(1)]);
        let (mut claims, now) = (Claims::default(), Instant::from_secs(1));
        let mine = original(protocol::TCP, 1);
        let taken = claims.claim(now, &snapshot, [addr(1)].into_iter(), 40_001, &mine, 7);
        assert_eq!(taken, Some((addr(1), 40_001)));
        claims.rest(now, addr(1), 40_001, &mine);
        // To others it is a port that is going to be free.
        let mut theirs = Tuple { src: addr(1), sport: 40_001, ..mine };
        let other = original(protocol::TCP, 2);
        assert_eq!(claims.take_up(now, &snapshot, &mut theirs, &other), Err(Taken::Perhaps));
        let mut translated = Tuple { src: addr(1), ..mine };
        assert_eq!(claims.take_up(now, &snapshot, &mut translated, &mine), Ok(()));
        assert_eq!(translated.sport, 40_001, "not the one that its host uses");
        assert!(!claims.is_resting());
        assert_eq!(claims.take_up(now, &snapshot, &mut theirs, &other), Err(Taken::Perhaps));
        believe(&snapshot, &translated);
        assert_eq!(claims.take_up(now, &snapshot, &mut theirs, &other), Err(Taken::Surely));
        // A new connection in its place is nobody's doubt.
        claims.rest(now, addr(1), 40_001, &mine);
        assert_eq!(claims.claim(now, &snapshot, [addr(1)].into_iter(), 1, &mine, 7), taken);
        assert_eq!(claims.take_up(now, &snapshot, &mut theirs, &other), Err(Taken::Surely));
    }

    #[test]
    fn a_port_is_given_back_when_its_address_is_configured_no_more_and_when_a_worker_ends() {
        let of = snapshot(&[addr(1)]);
        let used = || of.pools.get(addr(1)).unwrap().used();
        let mut claims = Claims::default();
        let udp = original(protocol::UDP, 9);
        let claim = |claims: &mut Claims, snapshot: &Snapshot| {
            claims.claim(Instant::ZERO, snapshot, [addr(1)].into_iter(), 5_000, &udp, 7)
        };
        assert_eq!(claim(&mut claims, &of), Some((addr(1), 5_000)));
        assert_eq!(used(), [0, 1, 0]);
        assert_eq!(claim(&mut claims, &Snapshot::empty()), None);
        claims.release(addr(1), 5_000, protocol::UDP);
        assert_eq!(used(), [0, 0, 0]);
        claim(&mut claims, &of);
        claims.rest(Instant::ZERO, addr(1), 5_000, &udp);
        assert_eq!(used(), [0, 1, 0]);
        drop(claims);
        assert_eq!(used(), [0, 0, 0]);
    }
}
