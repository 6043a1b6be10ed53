//! Servers that answer DNS by themselves (`gslb`): the name of a service gets the address of a target.
//!
//! ```text
//!   query --> is it one? --> of which name? --> where is who asks? --> which target is up? --> one address
//!             wire/dns.rs    snapshot/gslb.rs   location, or the       by the method of
//!                                               client subnet          the server
//! ```
//!
//! A response is never longer than 512 bytes, so that nobody has to come back by TCP, which is not answered. It leaves
//! where the query came in, for the station that sent it.

use std::net::IpAddr;

use bng_platform::Csum;

use super::choose::Chooser;
use super::method::Client;
use crate::conf::model::Method;
use crate::net::Addr;
use crate::net::packet;
use crate::pass::Pass;
use crate::snapshot::Snapshot;
use crate::snapshot::gslb::{Gslb, Standing};
use crate::stat::{Drop, WorkerStats};
use crate::wire::dns::{
    CLASS_ANY, CLASS_IN, Data, Edns, EdnsReply, Packet, Question, Rcode, Response, Section, rtype,
};
use crate::wire::{Fragment, IpInfo, dns, udp};

/// Largest response, whatever larger ones the client takes.
const LIMIT: usize = dns::PLAIN_MAX;

/// Who is to have the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    /// Whose location counts: the first address of the client subnet, else the one who sent the query.
    pub(super) addr: Addr,
    /// Length of the prefix that is known of it.
    pub(super) known: u8,
}

/// What was chosen for an asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Address of a target; `None` when no target of the family is up.
    pub(super) addr: Option<IpAddr>,
    /// Length of the prefix around the asker for which the choice would have been made the same way.
    pub(super) scope: u8,
}

/// The farm behind a name: a target for an asker, and whether any of them is up.
pub(super) trait Farm {
    /// The address of the target that is chosen, of IPv6 or IPv4.
    fn choose(&mut self, asker: Asker, v6: bool) -> Choice;
}

/// The targets of a server, among which its method chooses.
struct Targets<'a> {
    snapshot: &'a Snapshot,
    stats: &'a WorkerStats,
    server: u16,
    chooser: &'a mut Chooser,
}

impl Farm for Targets<'_> {
    fn choose(&mut self, asker: Asker, v6: bool) -> Choice {
        let Self { snapshot, stats, server: number, chooser } = self;
        let Some(server) = snapshot.server(*number) else { return Choice { addr: None, scope: 0 } };
        let client = Client { id: (asker.addr, 0), dst: Addr::from_bits(0), addr: asker.addr };
        let chosen = chooser.pick(snapshot, stats, *number, client, v6);
        let addr = chosen.and_then(|(target, _)| snapshot.reach(target, v6)).map(|reach| reach.addr.to_ip());
        // Everybody in the prefix that is known has one hash, and the next prefix may have another one.
        let hashed = matches!(server.method, Method::Hash | Method::Maglev);
        let near = if hashed { asker.known } else { 0 };
        let scope = server.places.prefix(&snapshot.locations, asker.addr).max(near);
        Choice { addr: addr.filter(|addr| addr.is_ipv6() == v6), scope }
    }
}

/// Answers packet `i`, a query to `server`, which knows `gslb`, with one of its targets.
pub(super) fn serve(pass: &mut Pass<'_, '_>, i: usize, server: u16, gslb: &Gslb, chooser: &mut Chooser) {
    let mut farm = Targets { snapshot: pass.snapshot, stats: pass.stats, server, chooser };
    answer(pass, i, server, gslb, &mut farm);
}

/// What becomes of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is answered with so many bytes.
    Answered(usize, Rcode),
    /// It is not.
    Dropped(Drop),
}

/// Answers packet `i`, a query to a server that knows `gslb`.
fn answer(pass: &mut Pass<'_, '_>, i: usize, server: u16, gslb: &Gslb, farm: &mut impl Farm) {
    let info = pass.info(i);
    let mut response = [0; LIMIT];
    let outcome = read(pass, i, info)
        .map_or_else(Outcome::Dropped, |query| respond(query, info.src, gslb, farm, &mut response));
    let (len, rcode) = match outcome {
        Outcome::Answered(len, rcode) => (len, rcode),
        Outcome::Dropped(reason) => return pass.drop(i, reason),
    };
    let Some(own) = pass.snapshot.own.get(info.dst).copied() else { return pass.drop(i, Drop::NotServed) };
    let traffic = pass.stats.server(server);
    traffic.frames.add(1);
    traffic.bytes.add(pass.frames[i].len() as u64);
    let mut frame = [0; packet::UDP_HEADERS + LIMIT];
    let len = packet::datagram(
        &mut frame,
        (pass.ethernet(i).src, own.mac),
        (info.dst.to_ip(), info.src.to_ip()),
        (info.dport, info.sport),
        &response[..len],
    );
    if pass.answer(i, &frame[..len]) {
        traffic.replies.add(1);
        traffic.reply_bytes.add(len as u64);
        let counter = match rcode {
            Rcode::NoError => &pass.stats.work.answered,
            Rcode::NxDomain => &pass.stats.work.nxdomain,
            Rcode::ServFail => &pass.stats.work.servfail,
            Rcode::Refused | Rcode::FormErr | Rcode::NotImp | Rcode::BadVers => &pass.stats.work.refused,
        };
        counter.add(1);
    }
}

/// The message in packet `i`, when it came whole and right.
fn read<'f>(pass: &'f Pass<'_, '_>, i: usize, info: &IpInfo) -> Result<&'f [u8], Drop> {
    if info.fragment != Fragment::None {
        return Err(Drop::DnsFragment);
    }
    let frame = &pass.frames[i];
    let l4 = info.l4(frame.bytes());
    let length = udp::Packet::new(l4).map_err(|_| Drop::DnsMalformed)?.datagram_len();
    let datagram = udp::Packet::new(&l4[..length]).map_err(|_| Drop::DnsMalformed)?;
    // One that was left to hardware is not there yet.
    let complete = frame.meta.csum == Csum::Complete;
    if complete && !datagram.verify_checksum(info.src.to_ip(), info.dst.to_ip()) {
        return Err(Drop::DnsMalformed);
    }
    // Nobody can be answered at port 0.
    if info.sport == 0 {
        return Err(Drop::DnsMalformed);
    }
    Ok(&l4[udp::HEADER_LEN..length])
}

/// Writes the response to `query` of `src` into `buf`.
pub(super) fn respond(
    query: &[u8],
    src: Addr,
    gslb: &Gslb,
    farm: &mut impl Farm,
    buf: &mut [u8; LIMIT],
) -> Outcome {
    let Ok(query) = Packet::new(query) else { return Outcome::Dropped(Drop::DnsMalformed) };
    if query.is_response() {
        return Outcome::Dropped(Drop::DnsResponse);
    }
    let finish = |response: Response<'_>, rcode| Outcome::Answered(response.finish(rcode), rcode);
    if query.opcode() != 0 {
        return finish(Response::new(buf, LIMIT, &query, None, None), Rcode::NotImp);
    }
    let Ok(question) = query.question() else {
        return finish(Response::new(buf, LIMIT, &query, None, None), Rcode::FormErr);
    };
    let Ok(edns) = query.edns(&question) else {
        return finish(Response::new(buf, LIMIT, &query, Some(&question), None), Rcode::FormErr);
    };
    let asker = asker(src, edns);
    let mut reply = edns.map(|heard| EdnsReply { heard, scope: 0 });
    let refusal = match edns {
        Some(edns) if edns.version != 0 => Some(Rcode::BadVers),
        _ if !matches!(question.class, CLASS_IN | CLASS_ANY) => Some(Rcode::Refused),
        _ => match question.rtype {
            rtype::AXFR | rtype::IXFR => Some(Rcode::Refused),
            // Kinds of questions and not of records; EDNS is neither.
            rtype::OPT | 128..rtype::IXFR | 253..=254 => Some(Rcode::NotImp),
            _ => None,
        },
    };
    let place = gslb.find(question.name);
    let (rcode, place) = match (refusal, place) {
        (Some(rcode), _) => (rcode, None),
        (None, None) => (Rcode::Refused, None),
        (None, Some(place)) => (Rcode::NoError, Some(place)),
    };
    let Some((zone, at, standing)) = place else {
        return finish(Response::new(buf, LIMIT, &query, Some(&question), reply), rcode);
    };
    let found = records(&question, at == 0, standing, gslb, asker, farm);
    if let Some(reply) = &mut reply
        && reply.heard.subnet.is_some_and(|subnet| subnet.source > 0)
    {
        reply.scope = found.scope;
    }
    let mut response = Response::new(buf, LIMIT, &query, Some(&question), reply);
    if found.rcode == Rcode::ServFail {
        return finish(response, Rcode::ServFail);
    }
    response.in_zone(zone.name.as_name(), at);
    let soa = Data::Soa { primary: zone.ns[0].as_name(), mailbox: MAILBOX, negative: gslb.ttl };
    match found.what {
        What::Address(addr) => response.about_question(Section::Answer, gslb.ttl, data(addr)),
        What::Own => {
            let (v4, v6) = gslb.addresses;
            let any = question.rtype == rtype::ANY;
            if let Some(addr) = v4.filter(|_| any || question.rtype == rtype::A) {
                response.about_question(Section::Answer, gslb.ttl, Data::A(addr));
            } else if let Some(addr) = v6 {
                response.about_question(Section::Answer, gslb.ttl, Data::Aaaa(addr));
            }
        }
        What::Soa => response.about_question(Section::Answer, gslb.ttl, soa),
        What::Ns => {
            for ns in &zone.ns {
                response.about_zone(Section::Answer, gslb.ttl, Data::Ns(ns.as_name()));
            }
            if zone.own_ns {
                let (v4, v6) = gslb.addresses;
                let both = [v4.map(IpAddr::V4), v6.map(IpAddr::V6)];
                for addr in both.into_iter().flatten() {
                    response.about(Section::Additional, zone.ns[0].as_name(), gslb.ttl, data(addr));
                }
            }
        }
        What::Nothing => response.about_zone(Section::Authority, gslb.ttl, soa),
    }
    finish(response, found.rcode)
}

/// Label of the mail address of who is responsible, in the zone.
const MAILBOX: &str = "hostmaster";

const fn data(addr: IpAddr) -> Data<'static> {
    match addr {
        IpAddr::V4(addr) => Data::A(addr),
        IpAddr::V6(addr) => Data::Aaaa(addr),
    }
}

/// Whose location counts. A client subnet of length 0 says that nobody is to know the client.
fn asker(src: Addr, edns: Option<Edns>) -> Asker {
    match edns.and_then(|edns| edns.subnet).filter(|subnet| subnet.source > 0) {
        Some(subnet) => Asker { addr: subnet.addr.into(), known: subnet.source },
        None => Asker { addr: src, known: if src.is_v4() { 32 } else { 128 } },
    }
}

/// What stands in a response.
enum What {
    Address(IpAddr),
    /// Address of the server itself.
    Own,
    Soa,
    Ns,
    Nothing,
}

struct Found {
    what: What,
    rcode: Rcode,
    scope: u8,
}

/// What there is for a question in a zone; `apex` when it is about the zone itself.
fn records(
    question: &Question<'_>,
    apex: bool,
    standing: Standing,
    gslb: &Gslb,
    asker: Asker,
    farm: &mut impl Farm,
) -> Found {
    let plain = |what, rcode| Found { what, rcode, scope: 0 };
    let nothing = || plain(What::Nothing, Rcode::NoError);
    let is_address = matches!(question.rtype, rtype::A | rtype::AAAA | rtype::ANY);
    match standing {
        Standing::Missing => plain(What::Nothing, Rcode::NxDomain),
        // Of any type one set of records is enough (RFC 8482 section 4.1).
        Standing::Host if is_address => address(question.rtype, gslb, asker, farm),
        Standing::NameServer if is_address => {
            let (v4, v6) = gslb.addresses;
            let there = match question.rtype {
                rtype::A => v4.is_some(),
                rtype::AAAA => v6.is_some(),
                _ => v4.is_some() || v6.is_some(),
            };
            if there { plain(What::Own, Rcode::NoError) } else { nothing() }
        }
        _ if apex && matches!(question.rtype, rtype::SOA | rtype::ANY) => plain(What::Soa, Rcode::NoError),
        _ if apex && question.rtype == rtype::NS => plain(What::Ns, Rcode::NoError),
        _ => nothing(),
    }
}

/// The address of a target for a question for addresses.
fn address(kind: u16, gslb: &Gslb, asker: Asker, farm: &mut impl Farm) -> Found {
    let families: &[bool] = match kind {
        rtype::A => &[false],
        rtype::AAAA => &[true],
        _ => &[false, true],
    };
    let configured = |v6: bool| if v6 { gslb.has_v6 } else { gslb.has_v4 };
    let mut scope = 0;
    for v6 in families.iter().copied().filter(|v6| configured(*v6)) {
        let choice = farm.choose(asker, v6);
        scope = choice.scope;
        if let Some(addr) = choice.addr {
            return Found { what: What::Address(addr), rcode: Rcode::NoError, scope };
        }
    }
    // The other family may do: then clients are to take it, and not to wait for this one.
    let other =
        families.len() == 1 && configured(!families[0]) && farm.choose(asker, !families[0]).addr.is_some();
    let wanted = families.iter().any(|v6| configured(*v6));
    let rcode = if wanted && !other { Rcode::ServFail } else { Rcode::NoError };
    Found { what: What::Nothing, rcode, scope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::model::{self, Model, Server, Target};
    use crate::wire::dns::{Name, OwnedName, flag};
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// A farm with these addresses up.
    struct Up(Option<Ipv4Addr>, Option<Ipv6Addr>, Option<Asker>);

    impl Farm for Up {
        fn choose(&mut self, asker: Asker, v6: bool) -> Choice {
            self.2 = Some(asker);
            let addr = if v6 { self.1.map(IpAddr::V6) } else { self.0.map(IpAddr::V4) };
            Choice { addr, scope: 20 }
        }
    }

    const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

    fn name(text: &str) -> OwnedName {
        OwnedName::parse(text).expect(text)
    }

    /// Knows www.g.example.org and v4.g.example.org of the zone g.example.org.
    fn gslb(has_v6: bool, ns: &[&str]) -> Gslb {
        let gslb = model::Gslb {
            ttl: 30,
            names: vec![name("www.g.example.org"), name("a.b.g.example.org")],
            zone: Some(name("g.example.org")),
            ns: ns.iter().map(|ns| name(ns)).collect(),
        };
        let mut model = Model::default();
        let target = Target { ipaddr: Some(V4), ipaddr6: has_v6.then_some(V6), ..Target::default() };
        model.targets.insert(1, target);
        let server = Server {
            ipaddr: Some(Ipv4Addr::new(10, 0, 0, 53)),
            ipaddr6: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x53)),
            targets: vec![1],
            ..Server::default()
        };
        Gslb::new(&server, &gslb, &model)
    }

    /// A query with one question, and `rest` behind it.
    fn query(text: &str, kind: u16, class: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(!rest.is_empty())];
        bytes.extend(name(text).as_name().wire().iter().map(u8::to_ascii_uppercase));
        bytes.extend(kind.to_be_bytes());
        bytes.extend(class.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    /// EDNS of this version, with these options.
    fn opt(version: u8, options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 41, 16, 0, 0, version, 0, 0, 0, options.len() as u8];
        bytes.extend(options);
        bytes
    }

    fn ask(query: &[u8], gslb: &Gslb, farm: &mut Up) -> Result<Vec<u8>, Drop> {
        let mut buf = [0xee; LIMIT];
        let src = Addr::from(IpAddr::from([172, 16, 0, 9]));
        match respond(query, src, gslb, farm, &mut buf) {
            Outcome::Answered(len, rcode) => {
                let flags = Packet::new(&buf[..len]).unwrap().flags();
                assert_eq!(flags & 0xf, rcode as u16 & 0xf);
                assert!(flags & flag::RESPONSE != 0 && flags & flag::TRUNCATED == 0);
                Ok(buf[..len].to_vec())
            }
            Outcome::Dropped(reason) => Err(reason),
        }
    }

    /// The code, whether it is authoritative, and the types of the records in the three sections.
    fn summary(response: &[u8]) -> (u16, bool, [Vec<u16>; 3]) {
        let view = Packet::new(response).expect("a response");
        let [questions, sections @ ..] = view.counts();
        let mut at = 12;
        for _ in 0..questions {
            at = Name::read(response, at).expect("a name").1 + 4;
        }
        let records = sections.map(|count| {
            let one = |_| {
                while response[at] != 0 && response[at] < 0xc0 {
                    at += 1 + usize::from(response[at]);
                }
                at += if response[at] == 0 { 1 } else { 2 };
                let kind = u16::from_be_bytes([response[at], response[at + 1]]);
                at += 10 + usize::from(u16::from_be_bytes([response[at + 8], response[at + 9]]));
                kind
            };
            (0..count).map(one).collect::<Vec<_>>()
        });
        assert_eq!(at, response.len(), "nothing stands behind the last record");
        (view.flags() & 0xf, view.flags() & flag::AUTHORITATIVE != 0, records)
    }

    #[test]
    fn every_question_has_its_answer() {
        let (own, other) = (gslb(true, &[]), gslb(true, &["ns1.example.org", "ns2.example.net"]));
        let (soa, none) = ((vec![], vec![6], vec![]), || (vec![], vec![], vec![]));
        for (text, kind, rcode, authoritative, (answers, authorities, additionals)) in [
            ("www.g.example.org", 1, 0, true, (vec![1], vec![], vec![])),
            ("www.g.example.org", 28, 0, true, (vec![28], vec![], vec![])),
            ("www.g.example.org", 255, 0, true, (vec![1], vec![], vec![])),
            ("www.g.example.org", 16, 0, true, soa.clone()),
            ("www.g.example.org", 6, 0, true, soa.clone()),
            ("g.example.org", 1, 0, true, soa.clone()),
            ("g.example.org", 6, 0, true, (vec![6], vec![], vec![])),
            ("g.example.org", 255, 0, true, (vec![6], vec![], vec![])),
            ("g.example.org", 2, 0, true, (vec![2], vec![], vec![1, 28])),
            ("g.example.org", 43, 0, true, soa.clone()),
            ("ns.g.example.org", 1, 0, true, (vec![1], vec![], vec![])),
            ("ns.g.example.org", 28, 0, true, (vec![28], vec![], vec![])),
            ("ns.g.example.org", 15, 0, true, soa.clone()),
            ("b.g.example.org", 1, 0, true, soa.clone()),
            ("c.g.example.org", 1, 3, true, soa.clone()),
            ("x.www.g.example.org", 28, 3, true, soa),
            ("example.org", 1, 5, false, none()),
            ("www.example.com", 255, 5, false, none()),
            ("www.g.example.org", 252, 5, false, none()),
            ("www.g.example.org", 41, 4, false, none()),
            ("www.g.example.org", 250, 4, false, none()),
        ] {
            let mut farm = Up(Some(V4), Some(V6), None);
            let response = ask(&query(text, kind, 1, &[]), &own, &mut farm).expect("an answer");
            assert_eq!(
                summary(&response),
                (rcode, authoritative, [answers, authorities, additionals]),
                "{text} {kind}"
            );
            // The name stands there as it was asked for, for who compares capitals, too.
            assert_eq!(response[12..13 + text.len()], query(text, kind, 1, &[])[12..13 + text.len()]);
        }
        let mut farm = Up(Some(V4), Some(V6), None);
        let ns = ask(&query("g.example.org", 2, 1, &[]), &other, &mut farm).expect("an answer");
        assert_eq!(summary(&ns).2, [vec![2, 2], vec![], vec![]]);
        assert_eq!(summary(&ask(&query("ns.g.example.org", 1, 1, &[]), &other, &mut farm).unwrap()).0, 3);
        let chaos = ask(&query("www.g.example.org", 1, 3, &[]), &own, &mut farm).expect("an answer");
        assert_eq!(summary(&chaos).0, 5);
    }

    #[test]
    fn a_family_that_is_down_yields_to_the_other_and_all_down_is_a_failure() {
        let (both, v4) = (gslb(true, &[]), gslb(false, &[]));
        let codes = |gslb: &Gslb, mut up: Up| {
            [1, 28, 255].map(|kind| {
                let response =
                    ask(&query("www.g.example.org", kind, 1, &[]), gslb, &mut up).expect("an answer");
                let (rcode, _, [answers, authorities, _]) = summary(&response);
                (rcode, answers.len(), authorities.len())
            })
        };
        let (answer, nothing, failure) = ((0, 1, 0), (0, 0, 1), (2, 0, 0));
        assert_eq!(codes(&both, Up(Some(V4), Some(V6), None)), [answer; 3]);
        assert_eq!(codes(&both, Up(Some(V4), None, None)), [answer, nothing, answer]);
        assert_eq!(codes(&both, Up(None, Some(V6), None)), [nothing, answer, answer]);
        assert_eq!(codes(&both, Up(None, None, None)), [failure; 3]);
        assert_eq!(codes(&v4, Up(Some(V4), None, None)), [answer, nothing, answer]);
        // There never was an IPv6 address: that is no failure.
        assert_eq!(codes(&v4, Up(None, None, None)), [failure, nothing, failure]);
    }

    #[test]
    fn the_client_subnet_counts_and_is_given_back_with_its_scope() {
        let gslb = gslb(true, &[]);
        let mut farm = Up(Some(V4), Some(V6), None);
        let mut ask = |kind, options: &[u8]| {
            let response =
                ask(&query("www.g.example.org", kind, 1, &opt(0, options)), &gslb, &mut farm).unwrap();
            (response, farm.2.unwrap())
        };
        let (response, asker) = ask(1, &[0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100]);
        assert_eq!(asker, Asker { addr: IpAddr::from([198, 51, 100, 0]).into(), known: 24 });
        assert!(response.ends_with(&[0, 11, 0, 8, 0, 7, 0, 1, 24, 20, 198, 51, 100]));
        let (response, asker) = ask(28, &[0, 8, 0, 8, 0, 2, 32, 0, 0x20, 1, 0xd, 0xb8]);
        assert_eq!((asker.addr.to_ip().to_string(), asker.known), ("2001:db8::".to_owned(), 32));
        assert!(response.ends_with(&[0, 2, 32, 20, 0x20, 1, 0xd, 0xb8]));
        // Nothing is to be known of the client: the resolver counts, for everybody.
        let (response, asker) = ask(1, &[0, 8, 0, 4, 0, 1, 0, 0]);
        assert_eq!(asker.addr.to_ip(), IpAddr::from([172, 16, 0, 9]));
        assert!(response.ends_with(&[0, 8, 0, 8, 0, 4, 0, 1, 0, 0]));
        let (response, asker) = ask(1, &[]);
        assert_eq!((asker.known, response.ends_with(&[0, 0])), (32, true));
        // An answer that is the same for all says so.
        let (response, _) = ask(16, &[0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100]);
        assert!(response.ends_with(&[0, 1, 24, 0, 198, 51, 100]));
    }

    #[test]
    fn what_is_no_query_is_refused_or_dropped() {
        let gslb = gslb(true, &[]);
        let mut farm = Up(Some(V4), Some(V6), None);
        let whole = query("www.g.example.org", 1, 1, &opt(0, &[0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100]));
        for len in 0..whole.len() {
            match ask(&whole[..len], &gslb, &mut farm) {
                Err(reason) => assert!(len < 12 && reason == Drop::DnsMalformed, "length {len}"),
                Ok(response) => {
                    assert_eq!(summary(&response).0, 1, "length {len}");
                    assert!(response.len() <= len.max(12), "length {len}");
                }
            }
        }
        let mut changed = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            ask(&bytes, &gslb, &mut farm)
        };
        assert_eq!(changed(2, 0x81), Err(Drop::DnsResponse));
        let notify = changed(2, 0x20).expect("an answer");
        assert_eq!((notify.len(), notify[2], notify[3] & 0xf), (12, 0xa0, 4));
        for (at, byte) in [(5, 0), (5, 2), (7, 1), (9, 1), (10, 3), (11, 2)] {
            assert_eq!(summary(&changed(at, byte).expect("an answer")).0, 1, "byte {at}");
        }
        // Another version of EDNS: 16 is told in two parts.
        let bad = ask(&query("www.g.example.org", 1, 1, &opt(1, &[])), &gslb, &mut farm).expect("an answer");
        assert_eq!((summary(&bad), bad[bad.len() - 6]), ((0, false, [vec![], vec![], vec![41]]), 1));
    }

    #[test]
    fn no_answer_is_longer_than_512_bytes_or_cut_with_the_longest_names_there_may_be() {
        let label = "a".repeat(63);
        let zone = format!("{label}.{label}.{label}.{}", "b".repeat(58));
        let long = |n: u8| format!("{n}{}.{}", "c".repeat(20), "d".repeat(13));
        let gslb = model::Gslb {
            ttl: 1,
            names: vec![name(&zone)],
            zone: None,
            ns: (0..4).map(|n| name(&long(n))).collect(),
        };
        let gslb = Gslb::new(&Server::default(), &gslb, &Model::default());
        let subnet = [&[0, 8, 0, 20, 0, 2, 128, 0][..], &[1; 16]].concat();
        let mut farm = Up(None, None, None);
        for kind in [2, 6, 1, 28, 255, 16] {
            let response =
                ask(&query(&zone, kind, 1, &opt(0, &subnet)), &gslb, &mut farm).expect("an answer");
            assert!(response.len() <= 512, "{}", response.len());
        }
    }
}
