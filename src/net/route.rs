//! Routes: by which interface and to whom a packet leaves.
//!
//! A node knows the networks that it is attached to, the longest prefix first, and for each family one gateway behind
//! which everything else is. Compiled by the director, read by workers and the director alike.

use crate::net::{Addr, PortId};
use crate::wire::MacAddr;

/// A network of one family that this node is attached to, by an interface that is open and has a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// Any address of the network.
    pub addr: Addr,
    /// Prefix length in its family: at most 32, or 128.
    pub prefix: u8,
    /// Number of the `network` statement.
    pub network: u16,
    /// Interface.
    pub port: PortId,
    /// Our station there.
    pub from: MacAddr,
    /// Our own address there: the node's if it has one, else the shared one.
    pub source: Option<Addr>,
    /// Largest packet in bytes.
    pub mtu: u16,
}

impl Attached {
    /// The bits of the prefix.
    fn mask(&self) -> u128 {
        let host_bits = if self.addr.is_v4() { 32 } else { 128 } - u32::from(self.prefix);
        u128::MAX.checked_shl(host_bits).unwrap_or(0)
    }

    fn contains(&self, addr: Addr) -> bool {
        addr.is_v4() == self.addr.is_v4() && (addr.to_bits() ^ self.addr.to_bits()) & self.mask() == 0
    }

    /// Whether `addr` means everybody there (RFC 1812 section 5.3.5.2): the last address of an IPv4 network, or the
    /// first one, which was used for that in old times. Two hosts need both of theirs (RFC 3021).
    fn is_broadcast(&self, addr: Addr) -> bool {
        let host = !self.mask();
        self.addr.is_v4()
            && self.prefix < 31
            && self.contains(addr)
            && [0, host].contains(&(addr.to_bits() & host))
    }

    fn way(&self, next: Addr) -> Way {
        let Self { port, from, mtu, network, .. } = *self;
        Way { port, from, next, mtu, network }
    }
}

/// How to get to some destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Interface by which packets leave.
    pub port: PortId,
    /// Our station there.
    pub from: MacAddr,
    /// Who gets them next: the destination itself or the gateway.
    pub next: Addr,
    /// Largest packet in bytes.
    pub mtu: u16,
    /// Number of the network that the next one is in.
    pub network: u16,
}

/// All ways of one node.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// By family, see [`family`]; longest prefix first.
    attached: [Vec<Attached>; 2],
    /// By family.
    gateways: [Option<Way>; 2],
}

fn family(addr: Addr) -> usize {
    usize::from(!addr.is_v4())
}

impl Routes {
    /// Routes to `attached` networks, of two with one prefix the first, and through those of `gateways` that lie in
    /// one of them; the first of each family.
    pub fn new(
        attached: impl IntoIterator<Item = Attached>,
        gateways: impl IntoIterator<Item = Addr>,
    ) -> Self {
        let mut routes = Self::default();
        for network in attached {
            routes.attached[family(network.addr)].push(network);
        }
        routes.attached.iter_mut().for_each(|list| list.sort_by_key(|n| std::cmp::Reverse(n.prefix)));
        for gateway in gateways {
            let way = routes.on_link(gateway);
            let slot = &mut routes.gateways[family(gateway)];
            *slot = slot.or(way);
        }
        routes
    }

    fn network(&self, addr: Addr) -> Option<&Attached> {
        self.attached[family(addr)].iter().find(|network| network.contains(addr))
    }

    /// The way to `addr` when it is in an attached network.
    pub fn on_link(&self, addr: Addr) -> Option<Way> {
        self.network(addr).map(|network| network.way(addr))
    }

    /// The way to `addr`, if need be through the gateway.
    #[inline]
    pub fn way(&self, addr: Addr) -> Option<Way> {
        self.on_link(addr).or(self.gateways[family(addr)])
    }

    /// Whether `addr` means everybody in an attached network.
    pub fn is_broadcast(&self, addr: Addr) -> bool {
        self.network(addr).is_some_and(|network| network.is_broadcast(addr))
    }

    /// The address of ours in which we speak to `to` when its packet came in by `port`: of the network it is in, else
    /// of any on that interface, else of any at all.
    pub fn source(&self, port: PortId, to: Addr) -> Option<Addr> {
        let all = || self.attached[family(to)].iter().filter(|network| network.source.is_some());
        let here = || all().filter(|network| network.port == port);
        here().find(|n| n.contains(to)).or_else(|| here().next()).or_else(|| all().next())?.source
    }
}

/// Addresses that stand in no packet between networks (RFC 1812 section 5.3.7, RFC 3927 section 2.7, RFC 4291).
pub fn is_martian(addr: Addr) -> bool {
    match addr.to_ip() {
        std::net::IpAddr::V4(v4) => {
            let first = v4.octets()[0];
            first == 0 || first >= 224 || v4.is_loopback() || v4.is_link_local()
        }
        std::net::IpAddr::V6(v6) => {
            v6.is_unspecified() || v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> Addr {
        text.parse::<std::net::IpAddr>().expect("an address").into()
    }

    fn attached(network: u16, at: &str, prefix: u8) -> Attached {
        let port = network as PortId;
        let own = addr(at);
        Attached { addr: own, prefix, network, port, from: MacAddr([port; 6]), source: Some(own), mtu: 1500 }
    }

    fn routes() -> Routes {
        Routes::new(
            [
                attached(1, "10.0.0.1", 8),
                attached(2, "10.1.0.1", 16),
                attached(3, "192.0.2.1", 31),
                attached(4, "2001:db8::1", 32),
                attached(5, "2001:db8:5::1", 64),
            ],
            [addr("10.1.0.254"), addr("10.1.0.253"), addr("2001:db8:5::fe")],
        )
    }

    #[test]
    fn the_longest_prefix_wins_in_both_families() {
        let routes = routes();
        for (to, network) in
            [("10.2.0.1", 1), ("10.1.255.1", 2), ("192.0.2.0", 3), ("2001:db8:4::1", 4), ("2001:db8:5::2", 5)]
        {
            let way = routes.way(addr(to)).expect(to);
            assert_eq!((way.network, way.port, way.next), (network, network as u8, addr(to)), "{to}");
        }
    }

    #[test]
    fn everything_else_goes_through_the_gateway_of_its_family() {
        let way = routes().way(addr("8.8.8.8")).unwrap();
        assert_eq!((way.network, way.next, way.from), (2, addr("10.1.0.254"), MacAddr([2; 6])));
        let way = routes().way(addr("2001:4860::1")).unwrap();
        assert_eq!((way.network, way.next), (5, addr("2001:db8:5::fe")));
        assert_eq!(routes().on_link(addr("8.8.8.8")), None);
    }

    #[test]
    fn a_gateway_in_no_attached_network_is_no_way() {
        let routes = Routes::new([attached(1, "10.0.0.1", 8)], [addr("192.0.2.1"), addr("2001:db8::1")]);
        assert_eq!(routes.way(addr("8.8.8.8")), None);
        assert_eq!(routes.way(addr("2001:db8::1")), None);
    }

    #[test]
    fn a_network_of_everything_takes_its_own_family_only() {
        let routes = Routes::new([attached(1, "2001:db8::1", 0)], []);
        assert!(routes.way(addr("::2")).is_some() && routes.way(addr("10.0.0.1")).is_none());
        let routes = Routes::new([attached(1, "10.0.0.1", 0)], []);
        assert!(routes.way(addr("8.8.8.8")).is_some() && routes.way(addr("2001:db8::1")).is_none());
    }

    #[test]
    fn first_and_last_address_of_an_ipv4_network_mean_everybody() {
        let routes = routes();
        for (to, everybody) in [
            ("10.1.255.255", true),
            ("10.1.0.0", true),
            ("10.255.255.255", true),
            ("10.1.0.255", false),
            ("192.0.2.0", false),
            ("192.0.2.1", false),
            ("2001:db8:5::", false),
            ("8.8.8.255", false),
        ] {
            assert_eq!(routes.is_broadcast(addr(to)), everybody, "{to}");
        }
    }

    #[test]
    fn we_speak_in_our_address_nearest_to_the_other_one() {
        let routes = routes();
        assert_eq!(routes.source(1, addr("10.3.0.1")), Some(addr("10.0.0.1")));
        assert_eq!(routes.source(2, addr("8.8.8.8")), Some(addr("10.1.0.1")));
        assert_eq!(routes.source(5, addr("8.8.8.8")), Some(addr("192.0.2.1")));
        assert_eq!(routes.source(5, addr("2001:4860::1")), Some(addr("2001:db8:5::1")));
        assert_eq!(Routes::default().source(1, addr("8.8.8.8")), None);
    }

    #[test]
    fn only_addresses_of_single_hosts_beyond_a_link_are_routed() {
        for (addr, martian) in [
            ("0.1.2.3", true),
            ("127.9.9.9", true),
            ("169.254.1.1", true),
            ("224.0.0.1", true),
            ("240.0.0.1", true),
            ("255.255.255.255", true),
            ("10.0.0.1", false),
            ("223.255.255.254", false),
            ("::", true),
            ("::1", true),
            ("fe80::1", true),
            ("ff02::1", true),
            ("2001:db8::1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_martian(self::addr(addr)), martian, "{addr}");
        }
    }
}
