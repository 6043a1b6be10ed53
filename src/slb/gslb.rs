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

use crate::net::Addr;
use crate::net::packet;
use crate::pass::Pass;
use crate::snapshot::gslb::{Gslb, Standing};
use crate::stat::Drop;
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

/// What becomes of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is answered with so many bytes.
    Answered(usize, Rcode),
    /// It is not.
    Dropped(Drop),
}

/// Answers packet `i`, a query to a server that knows `gslb`.
pub(super) fn answer(pass: &mut Pass<'_, '_>, i: usize, server: u16, gslb: &Gslb, farm: &mut impl Farm) {
    let info = pass.info(i);
    let mut response = [0; LIMIT];
    let outcome = read(pass, i, &info)
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
    let other = families.len() == 1 && configured(!families[0]) && farm.choose(asker, !families[0]).addr.is_some();
    let wanted = families.iter().any(|v6| configured(*v6));
    let rcode = if wanted && !other { Rcode::ServFail } else { Rcode::NoError };
    Found { what: What::Nothing, rcode, scope }
}

