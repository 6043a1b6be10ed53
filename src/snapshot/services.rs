//! What one virtual address serves: which server a protocol and port belong to.

use crate::conf::model::Protocol;

/// A server's claim to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Protocol, `None` for any.
    pub protocol: Option<Protocol>,
    /// First and last port of each run of ports; `None` for any port.
    pub ports: Option<Vec<(u16, u16)>>,
    /// Server number.
    pub server: u16,
}

/// Ports that belong to one server, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: u16,
    last: u16,
    server: u16,
}

/// The servers of one virtual address. A lookup is a binary search, however many ports there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    tcp: Vec<Span>,
    udp: Vec<Span>,
    /// Server of every other protocol.
    other: Option<u16>,
}

impl Services {
    /// The services of `claims`. The one that names the protocol wins, then the one that names the port, then the one
    /// that comes first.
    pub fn build(claims: &[Claim]) -> Self {
        let spans = |protocol| spans(claims.iter().filter(move |c| fits(c, Some(protocol))));
        let other = claims.iter().find(|c| c.ports.is_none() && c.protocol.is_none());
        Self { tcp: spans(Protocol::Tcp), udp: spans(Protocol::Udp), other: other.map(|c| c.server) }
    }

    /// The server of `port` of this protocol; of a protocol other than TCP and UDP for `None`.
    #[inline]
    pub fn find(&self, protocol: Option<Protocol>, port: u16) -> Option<u16> {
        let spans = match protocol {
            Some(Protocol::Tcp) => &self.tcp,
            Some(Protocol::Udp) => &self.udp,
            None => return self.other,
        };
        let span = match &spans[..] {
            [only] => only,
            spans => spans.get(spans.partition_point(|span| span.last < port))?,
        };
        (span.first <= port && port <= span.last).then_some(span.server)
    }
}

fn fits(claim: &Claim, protocol: Option<Protocol>) -> bool {
    claim.protocol.is_none() || claim.protocol == protocol
}

/// The spans of the ports that `claims` name, without overlaps and in ascending order.
fn spans<'a>(claims: impl Iterator<Item = &'a Claim>) -> Vec<Span> {
    let everything = [(0, u16::MAX)];
    // Best first: the sort keeps the order of equals.
    let mut claims: Vec<&Claim> = claims.collect();
    claims.sort_by_key(|c| (c.protocol.is_none(), c.ports.is_none()));
    let runs = |claim: &'a Claim| claim.ports.as_deref().unwrap_or(&[]).iter();
    let mut edges: Vec<u32> = vec![0, 0x1_0000];
    for (first, last) in claims.iter().flat_map(|c| runs(c)) {
        edges.extend([u32::from(*first), u32::from(*last) + 1]);
    }
    edges.sort_unstable();
    edges.dedup();
    let owner = |port: u16| {
        let holds = |c: &&&Claim| {
            let runs = c.ports.as_deref().unwrap_or(&everything);
            runs.iter().any(|(first, last)| (*first..=*last).contains(&port))
        };
        claims.iter().find(holds).map(|c| c.server)
    };
    let mut spans: Vec<Span> = Vec::new();
    for pair in edges.windows(2) {
        let (first, last) = (pair[0] as u16, (pair[1] - 1) as u16);
        let Some(server) = owner(first) else { continue };
        match spans.last_mut() {
            Some(span) if span.server == server && u32::from(span.last) + 1 == pair[0] => span.last = last,
            _ => spans.push(Span { first, last, server }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    const TCP: Option<Protocol> = Some(Protocol::Tcp);
    const UDP: Option<Protocol> = Some(Protocol::Udp);

    fn claim(server: u16, protocol: Option<Protocol>, ports: &[(u16, u16)]) -> Claim {
        Claim { protocol, ports: (!ports.is_empty()).then(|| ports.to_vec()), server }
    }

    #[test]
    fn the_most_specific_server_wins() {
        let services = Services::build(&[
            claim(1, None, &[]),
            claim(2, TCP, &[]),
            claim(3, TCP, &[(80, 80), (443, 443)]),
            claim(4, None, &[(80, 80)]),
        ]);
        assert_eq!((services.find(TCP, 80), services.find(TCP, 443)), (Some(3), Some(3)));
        assert_eq!((services.find(TCP, 81), services.find(TCP, 0)), (Some(2), Some(2)));
        assert_eq!((services.find(UDP, 80), services.find(UDP, 443)), (Some(4), Some(1)));
        assert_eq!(services.find(None, 0), Some(1));
    }

    #[test]
    fn a_port_that_nobody_has_is_nobodys() {
        let services = Services::build(&[claim(7, TCP, &[(22, 22)])]);
        assert_eq!(
            (services.find(TCP, 22), services.find(TCP, 21), services.find(TCP, 23)),
            (Some(7), None, None)
        );
        assert_eq!((services.find(UDP, 22), services.find(None, 22)), (None, None));
        assert_eq!(Services::default().find(TCP, 1), None);
    }

    #[test]
    fn it_agrees_with_looking_at_every_claim() {
        let mut seed = Seed::new(11);
        for _ in 0..300 {
            let claims: Vec<_> = (0..seed.below(6) as u16)
                .map(|server| {
                    let protocol = [None, TCP, UDP][seed.below(3) as usize];
                    let runs: Vec<_> = (0..seed.below(4))
                        .map(|_| {
                            let first = seed.below(40) as u16;
                            (first, first + seed.below(10) as u16)
                        })
                        .collect();
                    claim(server, protocol, &runs)
                })
                .collect();
            let services = Services::build(&claims);
            for protocol in [TCP, UDP] {
                for port in (0..55).chain([65535]) {
                    let holds = |c: &&Claim| {
                        fits(c, protocol)
                            && c.ports
                                .as_ref()
                                .is_none_or(|r| r.iter().any(|(a, b)| (*a..=*b).contains(&port)))
                    };
                    let best =
                        claims.iter().filter(holds).min_by_key(|c| (c.protocol.is_none(), c.ports.is_none()));
                    assert_eq!(services.find(protocol, port), best.map(|c| c.server), "{claims:?} {port}");
                }
            }
        }
    }
}
