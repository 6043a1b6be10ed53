//! Servers that answer DNS, and what says where clients are.

use std::collections::BTreeMap;

use super::{Interpreter, Kind, Subject};
use crate::conf::model::{Gslb, Model, Server};
use crate::wire::dns::OwnedName;

/// Seconds that an answer holds without a `gslbttl` statement.
const DEFAULT_TTL: u32 = 10;
/// Most bytes that the names of a zone's name servers may take together: a response with all of them still fits 512
/// bytes, and no client has to come back by TCP.
const NS_BYTES: usize = 150;

impl<'a> Interpreter<'a, '_> {
    /// The path that statement `keyword` gives.
    pub(super) fn location_file(&mut self, keyword: &str) -> Option<String> {
        let path = self.text(None, keyword)?;
        if !path.starts_with('/') {
            let top = self.only(Kind::Top)?;
            let message = format!("{keyword} '{path}' is no absolute path and will not be read");
            self.warn(top, keyword, message, Some("the daemon has left the directory it was started in"));
            return None;
        }
        Some(path)
    }

    /// The codes of every group.
    pub(super) fn lgrps(&self) -> BTreeMap<u16, Vec<String>> {
        let codes = |subject: Subject<'a>| {
            subject.names("lgrp").iter().map(|code| code.to_ascii_lowercase()).collect()
        };
        self.subjects(Kind::Lgrp).map(|subject| (subject.key.1, codes(subject))).collect()
    }

    /// What a server answers DNS queries with, if it does.
    pub(super) fn gslb(&mut self, subject: Subject<'a>) -> Option<Gslb> {
        if !subject.switch("gslb") {
            return None;
        }
        let names =
            |keyword| subject.names(keyword).iter().filter_map(|name| OwnedName::parse(name)).collect();
        let (zones, ns): (Vec<OwnedName>, Vec<OwnedName>) = (names("gslbzone"), names("gslbns"));
        let gslb = Gslb {
            ttl: subject.number("gslbttl").unwrap_or(DEFAULT_TTL),
            names: names("gslbname"),
            zone: zones.into_iter().next(),
            ns,
        };
        self.check_gslb(subject, &gslb);
        Some(gslb)
    }

    /// Addresses behind a tunnel are no addresses for clients.
    pub(super) fn check_gslb_targets(&mut self, subject: Subject<'a>, server: &Server, model: &Model) {
        if server.gslb.is_none() {
            return;
        }
        let lists = [("target", &server.targets), ("backup", &server.backups)];
        for (keyword, number) in
            lists.into_iter().flat_map(|(word, list)| list.iter().map(move |n| (word, n)))
        {
            if model.targets.get(number).is_some_and(|target| target.tunnel.is_some()) {
                let message = format!(
                    "{} hands out addresses of its targets, but target {number} is behind a tunnel",
                    subject.name()
                );
                let hint = "describe the address that clients connect to as a target of its own";
                self.problem_in(subject, (keyword, Some(*number)), message, Some(hint));
            }
        }
    }

    fn check_gslb(&mut self, subject: Subject<'a>, gslb: &Gslb) {
        let name = subject.name();
        if subject.word("protocol") == Some("tcp") {
            let message = format!("{name} answers DNS over UDP only ('gslb'), but its protocol is tcp");
            self.problem(subject, "protocol", message, Some(&format!("{name} protocol udp")));
        }
        if gslb.names.is_empty() {
            let message = format!("{name} has no gslbname and will refuse every DNS query");
            let hint = format!("for example: {name} gslbname www.example.org");
            self.warn(subject, "gslb", message, Some(&hint));
        }
        if let Some(zone) = &gslb.zone
            && let Some(outside) =
                gslb.names.iter().find(|name| name.as_name().below(zone.as_name()).is_none())
        {
            let message = format!("{outside} of {name} does not lie in its zone {zone}");
            self.problem(subject, "gslbname", message, Some("all names of a server with 'gslbzone' do"));
        }
        let zones: Vec<&OwnedName> = match &gslb.zone {
            Some(zone) => vec![zone],
            None => gslb.names.iter().collect(),
        };
        for zone in &zones {
            let inside = gslb.ns.iter().find(|ns| ns.as_name().below(zone.as_name()).is_some());
            if let Some(ns) = inside {
                let message =
                    format!("name server {ns} of {name} lies in the zone {zone}, where it has no address");
                let hint =
                    "name servers of the zone above are meant; without 'gslbns' this server is the one";
                self.problem(subject, "gslbns", message, Some(hint));
            }
            let Some(own) = zone.child(Gslb::NS) else {
                if gslb.ns.is_empty() {
                    let message = format!("{zone} of {name} is too long for a name server below it");
                    self.problem(subject, "gslbname", message, Some("name some by 'gslbns'"));
                }
                continue;
            };
            if gslb.ns.is_empty() && gslb.names.contains(&own) {
                let message = format!("{own} of {name} is the name of its name server");
                self.problem(subject, "gslbname", message, Some("name other name servers by 'gslbns'"));
            }
        }
        let bytes: usize = gslb.ns.iter().map(|ns| ns.as_name().wire().len()).sum();
        if bytes > NS_BYTES {
            let message =
                format!("the name servers of {name} have {bytes} bytes of names, {NS_BYTES} are the most");
            let hint = "answers must fit 512 bytes, because nobody can ask again by TCP";
            self.problem(subject, "gslbns", message, Some(hint));
        }
    }
}
