//! What a server answers DNS queries with: its zones, their names, and who is in charge of them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::conf::model::{self, Model};
use crate::wire::dns::{Name, OwnedName};

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: OwnedName,
    /// Its name servers, at least one.
    pub ns: Vec<OwnedName>,
    /// The first name server is this server, and its address is answered here.
    pub own_ns: bool,
}

/// What a server that answers DNS knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gslb {
    /// Seconds that an answer holds.
    pub ttl: u32,
    /// Names in order.
    names: Vec<OwnedName>,
    zones: Vec<Zone>,
    /// Addresses of the server, for its own name.
    pub addresses: (Option<Ipv4Addr>, Option<Ipv6Addr>),
    /// One of its targets has an IPv4 address, up or not.
    pub has_v4: bool,
    /// The same of IPv6.
    pub has_v6: bool,
}

/// What a name is to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has the address of a target.
    Host,
    /// It is the name of the server itself.
    NameServer,
    /// It exists, and has nothing of its own but what a zone has.
    Bare,
    /// It does not exist.
    Missing,
}

impl Gslb {
    /// What the fast path needs of `server`.
    pub fn new(server: &model::Server, gslb: &model::Gslb, model: &Model) -> Self {
        let mut names = gslb.names.clone();
        names.sort_unstable();
        let zones = match &gslb.zone {
            Some(zone) => vec![zone.clone()],
            None => names.clone(),
        };
        let zone = |name: OwnedName| {
            let own = if gslb.ns.is_empty() { name.child(model::Gslb::NS) } else { None };
            let ns = match &own {
                Some(own) => vec![own.clone()],
                // A zone whose own server would have too long a name is refused by the configuration.
                None if gslb.ns.is_empty() => vec![name.clone()],
                None => gslb.ns.clone(),
            };
            Zone { name, ns, own_ns: own.is_some() }
        };
        let targets = || server.targets.iter().filter_map(|number| model.targets.get(number));
        Self {
            ttl: gslb.ttl,
            names,
            zones: zones.into_iter().map(zone).collect(),
            addresses: (server.ipaddr, server.ipaddr6),
            has_v4: targets().any(|target| target.ipaddr.is_some()),
            has_v6: targets().any(|target| target.ipaddr6.is_some()),
        }
    }

    /// The zone that `name` is in, where the zone begins in it, and what it is there. `None`: it is none of ours.
    pub fn find(&self, name: Name<'_>) -> Option<(&Zone, usize, Standing)> {
        // Of zones within each other the lowest is meant.
        let zones = self.zones.iter().filter_map(|zone| Some((zone, name.below(zone.name.as_name())?)));
        let (zone, at) = zones.min_by_key(|(_, at)| *at)?;
        let above_a_name =
            || self.names.iter().any(|known| known.as_name().below(name).is_some_and(|at| at > 0));
        let standing = if self.names.iter().any(|known| known.as_name().is(name)) {
            Standing::Host
        } else if zone.own_ns && zone.ns[0].as_name().is(name) {
            Standing::NameServer
        } else if at == 0 || above_a_name() {
            Standing::Bare
        } else {
            Standing::Missing
        };
        Some((zone, at, standing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> OwnedName {
        OwnedName::parse(text).expect(text)
    }

    fn gslb(names: &[&str], zone: Option<&str>, ns: &[&str]) -> Gslb {
        let list = |names: &[&str]| names.iter().map(|n| name(n)).collect();
        let gslb = model::Gslb { ttl: 10, names: list(names), zone: zone.map(name), ns: list(ns) };
        Gslb::new(&model::Server::default(), &gslb, &Model::default())
    }

    #[test]
    fn a_name_without_a_zone_is_its_own_and_has_a_name_server_below() {
        let gslb = gslb(&["www.example.org", "mail.example.org"], None, &[]);
        let find = |n: &str| {
            let n = name(n);
            gslb.find(n.as_name()).map(|(zone, at, standing)| (zone.name.to_string(), at, standing))
        };
        let www = "www.example.org".to_owned();
        assert_eq!(find("WWW.example.org"), Some((www.clone(), 0, Standing::Host)));
        assert_eq!(find("ns.www.example.org"), Some((www.clone(), 3, Standing::NameServer)));
        assert_eq!(find("x.www.example.org"), Some((www, 2, Standing::Missing)));
        assert_eq!((find("example.org"), find("org"), find("wwww.example.org")), (None, None, None));
    }

    #[test]
    fn a_zone_has_names_and_what_lies_between() {
        let gslb = gslb(
            &["www.eu.gslb.example.org", "gslb.example.org"],
            Some("gslb.example.org"),
            &["a.example.org"],
        );
        let find = |n: &str| gslb.find(name(n).as_name()).map(|(_, at, standing)| (at, standing));
        assert_eq!(find("gslb.example.org"), Some((0, Standing::Host)));
        assert_eq!(find("www.eu.gslb.example.org"), Some((7, Standing::Host)));
        assert_eq!(find("eu.gslb.example.org"), Some((3, Standing::Bare)));
        assert_eq!(find("ns.gslb.example.org"), Some((3, Standing::Missing)));
        assert_eq!(find("example.org"), None);
    }
}
