//! What is translated from and to: the sides of `nat`, the rules of `tnat`, idle times.

use crate::conf::model::{Protocol, Side};
use crate::flow::Timeouts;
use crate::net::Addr;
use crate::time::Duration;
use crate::wire::protocol;

/// Port of DNS, whose translations end early.
const DNS: u16 = 53;
/// Idle times that no statement gives: long enough for a slow handshake, short enough that scans leave nothing behind.
const OPENING: Duration = Duration::from_secs(60);
/// For TCP of which one end has no more to send: long enough for the other to finish.
const CLOSING: Duration = Duration::from_secs(120);
/// For late segments of TCP that has ended.
const CLOSED: Duration = Duration::from_secs(10);

/// A network in address translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    /// Number of the network.
    pub network: u16,
    /// Its role.
    pub side: Side,
    /// Our address there that inside hosts are seen with: `virt`, else `real`.
    pub v4: Option<Addr>,
    /// The same for IPv6.
    pub v6: Option<Addr>,
}

/// Source translation from inside to outside networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// Networks that have a side.
    pub borders: Vec<Border>,
    /// Idle times of flows that belong to no server.
    pub general: Timeouts,
    /// Idle times of DNS queries.
    pub dns: Timeouts,
}

impl Translation {
    /// Idle times from `set gnatdefaultto` and `set gnatdnsto`.
    pub fn new(borders: Vec<Border>, general: Duration, dns: Duration) -> Self {
        Self { borders, general: idle_times(general, None), dns: idle_times(dns, None) }
    }

    /// There is an inside and an outside.
    pub fn is_wanted(&self) -> bool {
        let has = |side| self.borders.iter().any(|border| border.side == side);
        has(Side::Inside) && has(Side::Outside)
    }

    fn border(&self, network: u16) -> Option<&Border> {
        self.borders.iter().find(|border| border.network == network)
    }

    /// Role of network `number`.
    pub fn side(&self, number: u16) -> Option<Side> {
        self.border(number).map(|border| border.side)
    }

    /// The address that hosts inside have in network `number`.
    pub fn address(&self, number: u16, is_v6: bool) -> Option<Addr> {
        let border = self.border(number)?;
        if is_v6 { border.v6 } else { border.v4 }
    }

    /// Idle times of a flow to `port`.
    pub fn timeouts(&self, proto: u8, port: u16) -> Timeouts {
        if proto == protocol::UDP && port == DNS { self.dns } else { self.general }
    }
}

/// Idle times of a connection: `idle` while it lasts, `ended` once it has begun to end.
pub fn idle_times(idle: Duration, ended: Option<Duration>) -> Timeouts {
    // A tick is a tenth of a second.
    let ticks = |time: Duration| u32::try_from(time.as_millis() / 100).unwrap_or(u32::MAX).max(1);
    Timeouts {
        opening: ticks(idle.min(OPENING)),
        established: ticks(idle),
        closing: ticks(ended.unwrap_or(CLOSING).min(idle)),
        closed: ticks(ended.unwrap_or(CLOSED).min(idle)),
        single: ticks(idle.min(OPENING)),
        datagram: ticks(idle),
    }
}

/// What flows that one target opens are translated to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Target number.
    pub target: u16,
    /// Protocol, `None` for any.
    pub protocol: Option<Protocol>,
    /// Source port, 0 for any.
    pub port: u16,
    /// The server's address.
    pub address: Addr,
}

impl Rule {
    /// Whether packets of protocol `proto` from port `sport` are meant.
    pub fn fits(&self, proto: u8, sport: u16) -> bool {
        let number = self.protocol.map(|of| match of {
            Protocol::Tcp => protocol::TCP,
            Protocol::Udp => protocol::UDP,
        });
        number.is_none_or(|number| number == proto) && (self.port == 0 || self.port == sport)
    }
}
