//! From where a client is to which targets of a server it can get.

use std::collections::BTreeMap;

use super::farm::{Candidates, Class, Farms};
use crate::conf::model::{Model, Server};
use crate::location::{Found, Locations, Table};
use crate::net::Addr;

/// The class of the clients of each location, for one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// By place of the IPv4 table; nothing when all clients are in the first class.
    v4: Box<[u16]>,
    /// The same of IPv6.
    v6: Box<[u16]>,
}

impl Places {
    /// Whether it matters where a client is.
    #[inline]
    pub fn matter(&self) -> bool {
        !self.v4.is_empty() || !self.v6.is_empty()
    }

    /// The class of `client`.
    #[inline]
    pub fn class(&self, locations: &Locations, client: Addr) -> usize {
        let classes = if client.is_v4() { &self.v4 } else { &self.v6 };
        if classes.is_empty() {
            return 0;
        }
        let place = locations.table(client).map_or(0, |table| table.place(client));
        classes.get(usize::from(place)).map_or(0, |class| usize::from(*class))
    }

    /// Length of the shortest prefix around `client` all of which is in one location; 0 where that does not matter.
    pub fn prefix(&self, locations: &Locations, client: Addr) -> u8 {
        match locations.table(client) {
            Some(table) if self.matter() => {
                let Found { prefix, .. } = table.find(client);
                prefix
            }
            _ => 0,
        }
    }
}

/// The classes of `server`: the first one for clients of no group that a target of it has, then one for each set of
/// targets that clients of a location have to themselves.
pub(super) fn classes(
    farms: &mut Farms<'_>,
    server: &Server,
    model: &Model,
    locations: &Locations,
) -> (Vec<Class>, Places) {
    let groups = |number: u16| model.targets.get(&number).map_or(&[][..], |target| &target.lgrps);
    let bound: Vec<u16> = server.members().filter(|number| !groups(*number).is_empty()).collect();
    let everybody = farms.class(server, |number| groups(number).is_empty());
    if bound.is_empty() {
        return (vec![everybody], Places::default());
    }
    let mut of_code: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    for (group, codes) in &model.lgrps {
        let theirs = || bound.iter().copied().filter(|number| groups(*number).contains(group));
        for code in codes {
            of_code.entry(code).or_default().extend(theirs());
        }
    }
    for targets in of_code.values_mut() {
        targets.sort_unstable();
        targets.dedup();
    }
    let mut sets: Vec<&[u16]> = Vec::new();
    let mut class_of = |table: &Option<std::sync::Arc<Table>>| -> Box<[u16]> {
        let Some(table) = table else { return Box::default() };
        let class = |code: &str| match of_code.get(code).filter(|targets| !targets.is_empty()) {
            None => 0,
            Some(targets) => {
                let at = sets.iter().position(|set| *set == targets.as_slice()).unwrap_or_else(|| {
                    sets.push(targets);
                    sets.len() - 1
                });
                at as u16 + 1
            }
        };
        std::iter::once(0).chain(table.codes().map(class)).collect()
    };
    let places = Places { v4: class_of(&locations.v4), v6: class_of(&locations.v6) };
    let mut classes = vec![everybody];
    for set in sets {
        let Class { v4, v6 } = farms.class(server, |number| set.contains(&number));
        let rest = &classes[0];
        let class = Class { v4: first_served(v4, &rest.v4), v6: first_served(v6, &rest.v6) };
        classes.push(class);
    }
    (classes, places)
}

/// Who serves clients of a group: its own targets, else those of everybody, else its own backups, else those of
/// everybody.
fn first_served(own: Candidates, rest: &Candidates) -> Candidates {
    let primary = |candidates: &Candidates| !candidates.list.is_empty() && !candidates.backup;
    match () {
        () if primary(&own) => own,
        () if primary(rest) => rest.clone(),
        () if !own.list.is_empty() => own,
        () => rest.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Target, farm::Shelves};
    use super::*;
    use crate::conf::Config;
    use crate::location;
    use crate::snapshot::{Hop, Mode, Reach};
    use crate::wire::MacAddr;
    use std::sync::Arc;

    const CONFIG: &str = "lgrp 1 de,at\nlgrp 2 at,fr\nlgrp 3 us\n\
        server 1 { ipaddr 10.0.0.9 targets 1-4 backups 5,6 }\n\
        target 1 { ipaddr 10.0.1.1 lgrp 1 }\ntarget 2 { ipaddr 10.0.1.2 lgrp 2 }\ntarget 3 ipaddr 10.0.1.3\n\
        target 4 { ipaddr 10.0.1.4 lgrp 1,2 }\ntarget 5 { ipaddr 10.0.1.5 lgrp 1 }\ntarget 6 ipaddr 10.0.1.6\n";

    /// Targets that clients from each place get when those of `down` are down.
    fn served(down: &[u16]) -> Vec<(&'static str, Vec<u16>)> {
        let model = Config::parse("f", CONFIG).0.model().expect("a model");
        let hop = Hop { port: 1, to: MacAddr::ZERO, from: MacAddr::ZERO };
        let target = |number: u16| {
            let reach = Reach { hop, mode: Mode::Nat, addr: Addr::from_bits(number.into()) };
            let up = !down.contains(&number);
            Target { v4: up.then_some(reach), open: up, ..Target::default() }
        };
        let targets: Vec<Target> = (0..7).map(target).collect();
        let table = location::parse(b"1.0.0.0/8,DE\n2.0.0.0/8,AT\n3.0.0.0/8,FR\n4.0.0.0/8,US\n", false);
        let locations = Locations { v4: Some(Arc::new(table.expect("a table"))), v6: None };
        let mut shelves = Shelves::default();
        let mut farms = Farms { model: &model, targets: &targets, shelves: &mut shelves };
        let (classes, places) = classes(&mut farms, &model.servers[&1], &model, &locations);
        assert!(places.matter() && classes.len() == 4);
        let of = |addr: &str| {
            let addr = addr.parse::<std::net::IpAddr>().expect("an address").into();
            let class = &classes[places.class(&locations, addr)];
            class.v4.list.iter().map(|one| one.target).collect()
        };
        [
            ("de", "1.1.1.1"),
            ("at", "2.1.1.1"),
            ("fr", "3.1.1.1"),
            ("us", "4.1.1.1"),
            ("-", "5.1.1.1"),
            ("v6", "::5"),
        ]
        .map(|(place, addr)| (place, of(addr)))
        .to_vec()
    }

    #[test]
    fn clients_of_a_group_have_its_targets_and_all_others_those_without_one() {
        let everybody = vec![3];
        assert_eq!(
            served(&[]),
            [
                ("de", vec![1, 4]),
                ("at", vec![1, 2, 4]),
                ("fr", vec![2, 4]),
                ("us", everybody.clone()),
                ("-", everybody.clone()),
                ("v6", everybody),
            ]
        );
    }

    #[test]
    fn when_all_targets_of_a_group_are_down_everybodys_serve_and_then_backups() {
        let of = |down: &[u16], place| served(down).into_iter().find(|(p, _)| *p == place).expect("there").1;
        assert_eq!((of(&[1], "de"), of(&[1, 4], "de"), of(&[1, 4], "fr")), (vec![4], vec![3], vec![2]));
        assert_eq!((of(&[1, 3, 4], "de"), of(&[1, 3, 4, 5], "de")), (vec![5], vec![6]));
        // Who belongs to no group never gets the targets of one.
        assert_eq!((of(&[3], "us"), of(&[3, 6], "us")), (vec![6], vec![]));
        assert_eq!(of(&[1, 2, 3, 4, 5, 6], "at"), Vec::<u16>::new());
    }
}
