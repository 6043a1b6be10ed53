//! What the fuzzer runs: one function per kind of outside input. They accept any bytes, and fail by panicking.
//!
//! The fuzzer's binaries and the ordinary test beside this file share them.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bng::cli::commands::{self, Command};
use bng::cli::protocol::{self as control_protocol, Reply};
use bng::conf::{Config, Header, complete, diff};
use bng::location;
use bng::net::icmp_error;
use bng::net::translate::{self, Endpoint, Rewrite};
use bng::wire::{
    Fragment, IpInfo, L3, Malformed, agent, arp, dissect, dns, ethernet, icmpv4, icmpv6, ipv4, ipv6, ndisc,
    protocol, tcp, udp, vlan, vrrp,
};
use bng_platform::{Frame, Meta};

/// Any bytes as a received frame, and as every packet that could stand in one.
pub(crate) fn frame(data: &[u8]) {
    if let Ok(dissected) = dissect(data) {
        let frame = ethernet::Frame::new(data).expect("a dissected frame has a header");
        assert_eq!((frame.dst(), frame.src()), (dissected.dst, dissected.src));
        if let L3::Ip(info) = dissected.l3 {
            assert_eq!(usize::from(info.l3_offset), dissected.l3_offset());
            dissected_packet(data, &info);
        }
    }
    every_view(data);
    // Headers lie at these places in most frames; the views also see well-formed input there.
    for offset in [14, 18, 34, 54] {
        if let Some(rest) = data.get(offset..) {
            every_view(rest);
        }
    }
}

/// What [`dissect`] promises about an IP packet, compared with the views of its parts.
fn dissected_packet(data: &[u8], info: &IpInfo) {
    let l4 = info.l4(data);
    let l3 = &data[usize::from(info.l3_offset)..];
    assert!(info.l4_offset > info.l3_offset);
    assert_eq!((info.is_v6, info.is_v6), (!info.src.is_v4(), !info.dst.is_v4()));
    if info.is_v6 {
        let packet = ipv6::Packet::new(l3).expect("a dissected packet is valid");
        assert_eq!((info.src, info.dst), (packet.src().into(), packet.dst().into()));
        assert_eq!(info.ttl, packet.hop_limit());
    } else {
        let packet = ipv4::Packet::new(l3).expect("a dissected packet is valid");
        assert!(packet.verify_checksum());
        assert_eq!((info.src, info.dst), (packet.src().into(), packet.dst().into()));
        assert_eq!((info.ttl, info.proto, l4), (packet.ttl(), packet.protocol(), packet.payload()));
        assert_eq!(info.fragment != Fragment::None, packet.is_fragment());
        rewritten_header_stays_valid(l3);
    }
    translated_frame_stays_valid(data, info);
    match (info.proto, info.fragment) {
        (protocol::TCP, Fragment::None | Fragment::First) => {
            let segment = tcp::Packet::new(l4).expect("a dissected segment is valid");
            assert_eq!((info.sport, info.dport), (segment.src_port(), segment.dst_port()));
            assert_eq!(info.tcp_flags, segment.flags());
        }
        (protocol::UDP, Fragment::None) => {
            let datagram = udp::Packet::new(l4).expect("a dissected datagram is valid");
            assert_eq!((info.sport, info.dport), (datagram.src_port(), datagram.dst_port()));
        }
        (_, Fragment::Later) => assert_eq!((info.sport, info.dport, info.tcp_flags), (0, 0, 0)),
        _ => {}
    }
}

/// A right header checksum stays right when addresses and TTL change.
fn rewritten_header_stays_valid(packet: &[u8]) {
    let mut bytes = packet.to_vec();
    let mut packet = ipv4::Packet::new(&mut bytes).expect("it was valid before");
    packet.set_src(Ipv4Addr::new(10, 20, 20, 10));
    packet.set_dst(Ipv4Addr::BROADCAST);
    packet.set_ttl(packet.ttl().wrapping_sub(1));
    assert!(packet.verify_checksum());
}

/// A translated packet is still a packet, between the new addresses, and an error about it is one too.
fn translated_frame_stays_valid(data: &[u8], info: &IpInfo) {
    let (near, far): (IpAddr, IpAddr) = if info.is_v6 {
        (Ipv6Addr::from_bits(0x2001 << 112 | 1).into(), Ipv6Addr::from_bits(0x2001 << 112 | 2).into())
    } else {
        (Ipv4Addr::new(10, 20, 20, 10).into(), Ipv4Addr::new(10, 20, 20, 11).into())
    };
    let end = |addr: IpAddr, port| Some(Endpoint { addr: addr.into(), port: Some(port) });
    let rewrite = Rewrite { src: end(near, 7), dst: end(far, 8) };
    let mut bytes = data.to_vec();
    let mut frame = Frame::new(&mut bytes, Meta::default());
    let alive = translate::decrement_ttl(&mut frame, info);
    translate::clamp_mss(&mut frame, info, 536);
    let quote = Rewrite { src: rewrite.dst, dst: rewrite.src };
    let done = match translate::apply_error(&mut frame, info, &rewrite, &quote) {
        Ok(()) => Ok(()),
        Err(_) => translate::apply(&mut frame, info, &rewrite),
    };
    let seen = dissect(&bytes).map(|dissected| dissected.l3);
    let Ok(L3::Ip(seen)) = seen else { panic!("a translated packet is none any more: {seen:?}") };
    assert_eq!(seen.ttl, if alive { info.ttl - 1 } else { info.ttl });
    let wanted = if done.is_ok() { (near.into(), far.into()) } else { (info.src, info.dst) };
    assert_eq!((seen.src, seen.dst), wanted);
    if done.is_ok() && info.proto == protocol::TCP && info.fragment == Fragment::None {
        assert_eq!((seen.sport, seen.dport), (7, 8));
    }
    let mut buf = [0; icmp_error::MAX];
    let cause = icmp_error::Cause::TimeExceeded;
    if let Ok(described) = dissect(data)
        && let Some(len) = icmp_error::build(&mut buf, cause, near.into(), data, &described)
    {
        let error = dissect(&buf[..len]).map(|dissected| dissected.l3);
        let Ok(L3::Ip(error)) = error else { panic!("the error is no packet: {error:?}") };
        assert_eq!((error.src, error.dst), (near.into(), info.src));
    }
}

/// Every view over `bytes`: reads it, prints it, rewrites a copy of it.
fn every_view(bytes: &[u8]) {
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST);
    let mut copy = bytes.to_vec();
    print(ethernet::Frame::new(bytes));
    if let Ok(mut frame) = ethernet::Frame::new(&mut copy) {
        frame.payload_mut().reverse();
        frame.payload_mut().reverse();
    }
    print(vlan::Packet::new(bytes));
    if let Some(packet) = print(arp::Packet::new(bytes)) {
        let _ = (packet.is_gratuitous(), packet.is_probe(), packet.target_mac());
        let reply = arp::Repr::reply_to(&packet, packet.target_mac()).emit_frame(packet.sender_mac());
        assert!(arp::Packet::new(&reply[14..]).is_ok());
    }
    if let Some(packet) = print(ipv4::Packet::new(bytes)) {
        assert!(packet.payload().len() + packet.header_len() == packet.total_len());
        assert!(packet.options().len() <= 40);
    }
    if let Some(packet) = print(ipv4::Packet::quoted(bytes)) {
        assert!(packet.payload().len() + packet.header_len() <= packet.total_len());
        ipv4::Packet::quoted(&mut copy).expect("the same bytes").payload_mut();
    }
    if let Some(packet) = print(ipv6::Packet::quoted(bytes)) {
        if let Ok(upper) = packet.upper_layer() {
            assert!(upper.offset <= ipv6::HEADER_LEN + packet.payload().len());
        }
        ipv6::Packet::quoted(&mut copy).expect("the same bytes").payload_mut();
    }
    if let Some(packet) = print(icmpv4::Packet::new(bytes)) {
        let _ = (packet.verify_checksum(), packet.quoted().map(dissect::quoted));
        icmpv4::Packet::new(&mut copy).expect("the same bytes").turn_into_reply();
        copy.copy_from_slice(bytes);
    }
    if let Some(packet) = print(icmpv6::Packet::new(bytes)) {
        let _ = (packet.verify_checksum(v6, v6), packet.quoted().map(dissect::quoted));
        icmpv6::Packet::new(&mut copy).expect("the same bytes").turn_into_reply();
        copy.copy_from_slice(bytes);
    }
    if let Some(packet) = print(ndisc::Packet::new(bytes)) {
        let _ = (packet.check(v6, v6, ndisc::HOP_LIMIT), packet.router_lifetime());
        let _ = (packet.source_mac(), packet.target_mac(), packet.payload());
    }
    if let Some(segment) = print(tcp::Packet::new(bytes)) {
        assert!(segment.options().len() <= 40);
        let right = segment.verify_checksum(v4, v4);
        let mut rewritten = tcp::Packet::new(&mut copy).expect("the same bytes");
        rewritten.set_src_port(1);
        rewritten.set_dst_port(2);
        assert_eq!(rewritten.verify_checksum(v4, v4), right);
        copy.copy_from_slice(bytes);
    }
    if let Some(datagram) = print(udp::Packet::new(bytes)) {
        let right = datagram.verify_checksum(v4, v4);
        let mut rewritten = udp::Packet::new(&mut copy).expect("the same bytes");
        rewritten.set_src_port(1);
        rewritten.set_dst_port(2);
        assert_eq!(rewritten.verify_checksum(v4, v4), right);
        copy.copy_from_slice(bytes);
    }
    if let Some(packet) = print(vrrp::Packet::new(bytes)) {
        assert_eq!(packet.addresses().count(), usize::from(packet.count()));
        let _ = (packet.verify_checksum(), packet.auth_data());
    }
    agent(bytes);
    let _ = dissect::quoted(bytes);
}

/// Any bytes as a datagram to or from an agent, which has a key or none.
pub(crate) fn agent(data: &[u8]) {
    let key = agent::Key::new(b"sixteen bytes or more");
    let Some(packet) = print(agent::Packet::new(data)) else { return };
    for key in [None, Some(&key)] {
        let again = agent::Repr { message: packet.message(), nonce: packet.nonce(), key };
        let mut bytes = vec![0; again.wire_len()];
        again.emit(&mut bytes);
        // What is trusted has one form only.
        assert_eq!(packet.trusted(key), bytes == data);
    }
}

/// Prints a packet, or says why it is none; either must work and be one line.
fn print<P: Display>(packet: Result<P, Malformed>) -> Option<P> {
    let line = match &packet {
        Ok(packet) => packet.to_string(),
        Err(why) => why.to_string(),
    };
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
    packet.ok()
}

/// Any bytes as a DNS query, and as what answers it.
pub(crate) fn query(data: &[u8]) {
    let Some(query) = print(dns::Packet::new(data)) else { return };
    let mut buf = [0; dns::PLAIN_MAX];
    let Ok(question) = query.question() else { return };
    let Ok(edns) = query.edns(&question) else { return };
    let zone = dns::OwnedName::parse("example.org").expect("a name");
    let reply = edns.map(|heard| dns::EdnsReply { heard, scope: 24 });
    for limit in [0, 100, usize::from(data[0]), dns::PLAIN_MAX] {
        let mut response = dns::Response::new(&mut buf, limit, &query, Some(&question), reply);
        if let Some(at) = question.name.below(zone.as_name()) {
            response.in_zone(zone.as_name(), at);
        }
        let soa = dns::Data::Soa { primary: zone.as_name(), mailbox: "x", negative: 1 };
        response.about_question(dns::Section::Answer, 1, dns::Data::A(Ipv4Addr::LOCALHOST));
        response.about_zone(dns::Section::Authority, 1, soa);
        let len = response.finish(dns::Rcode::NoError);
        let response = dns::Packet::new(&buf[..len]).expect("a response");
        assert!(response.is_response() && response.id() == query.id());
        // It is read as what it is: the name and the numbers of records.
        assert_eq!(dns::Name::read(&buf[..len], dns::HEADER_LEN).expect("a name").0, question.name);
    }
}

/// Any bytes as a file of locations.
pub(crate) fn location(data: &[u8]) {
    for v6 in [false, true] {
        match location::parse(data, v6) {
            Ok(table) => {
                assert!(table.ranges() > 0);
                let bits = |at: usize| {
                    data.iter().skip(at).take(16).fold(0u128, |bits, b| bits << 8 | u128::from(*b))
                };
                for addr in [0, u128::MAX, bits(0), bits(5), bits(20) >> 64] {
                    let ip: IpAddr = if v6 {
                        Ipv6Addr::from_bits(addr).into()
                    } else {
                        Ipv4Addr::from_bits(addr as u32).into()
                    };
                    if ip.is_ipv6() != v6 || ip != ip.to_canonical() {
                        continue;
                    }
                    let found = table.find(ip.into());
                    assert_eq!(found.place, table.place(ip.into()));
                    assert_eq!(table.code(found.place).is_some(), found.place != 0);
                }
            }
            Err((_, why)) => assert!(!why.is_empty() && !why.contains(char::is_control), "{why:?}"),
        }
    }
}

/// Any bytes as a configuration file.
pub(crate) fn conf(data: &[u8]) {
    let (config, diagnostics) = Config::parse("fuzz.conf", data);
    let report = diagnostics.to_string();
    assert_eq!(diagnostics.is_empty(), report.is_empty(), "{report:?}");
    // What was understood of a wrong file can still be written and asked about.
    let saved = config.write(&header());
    if !diagnostics.has_errors() {
        config.model().expect("a configuration without errors has a meaning");
        says_the_same(&config, &saved);
    }
}

/// Any bytes as a line typed at the prompt, over the configuration of the proof of concept.
pub(crate) fn line(data: &[u8]) {
    let (mut config, diagnostics) = Config::parse("base", BASE);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    let line = String::from_utf8_lossy(data);
    for candidate in complete(&line, &config) {
        assert!(!candidate.word.is_empty());
    }
    let before = config.clone();
    match config.apply_line(&line) {
        Ok(_) => says_the_same(&config, &config.write(&header())),
        Err(errors) => {
            assert!(errors.has_errors() && !errors.to_string().is_empty());
            assert!(diff(&before, &config).is_empty(), "a refused line changes nothing");
            assert_eq!(before, config);
        }
    }
}

/// Any bytes as what a client writes to the control socket: messages, each a command or a statement.
pub(crate) fn control(data: &[u8]) {
    let (config, _) = Config::parse("base", BASE);
    let mut rest = data;
    while let Ok(Some((line, taken))) = control_protocol::decode(rest, control_protocol::REQUEST_MAX) {
        assert_eq!(control_protocol::encode(line), rest[..taken]);
        rest = &rest[taken..];
        for candidate in commands::complete(line, &config) {
            assert!(!candidate.word.is_empty());
        }
        match commands::parse(line) {
            Ok(Command::Help(word, statement)) => {
                let _ = commands::help(word, statement).map_err(|why| assert!(!why.is_empty()));
            }
            Ok(_) => {}
            Err(why) => assert!(!why.is_empty() && !why.contains(char::is_control), "{why:?}"),
        }
    }
    // Replies come from a daemon that we trust, but the client reads them just as carefully.
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(reply) = Reply::from_text(text)
    {
        assert_eq!(Reply::from_text(&reply.to_text()).as_ref(), Ok(&reply));
    }
}

/// The saved text of a configuration without errors reads back as the same configuration.
fn says_the_same(config: &Config, saved: &str) {
    let (again, diagnostics) = Config::parse("saved", saved);
    assert!(!diagnostics.has_errors(), "{diagnostics}\n{saved}");
    assert_eq!(&again, config, "{saved}");
    assert_eq!(diff(config, &again), [""; 0]);
    assert_eq!(again.write(&header()), saved);
}

fn header() -> Header {
    Header { taken: "Sun Jan 19 21:28:59 2020".into(), version: "0.100".into(), created: "2020/01/19".into() }
}

/// The configuration that the lines of [`line`] are typed into.
const BASE: &str = include_str!("../../conf/examples/poc-tap-dsr.conf");
