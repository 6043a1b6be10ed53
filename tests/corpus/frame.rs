//! A small language for frames: what a packet capture shows, written by hand.
//!
//! ```text
//! eth SRC DST        stations; every frame but a raw one begins so
//! vlan VID [PRIO]    tag; may be repeated
//! type 0x1234        another Ethernet type than the packet's
//! arp who-has IP tell IP [at MAC]    request, by default from the station of the frame
//! arp IP is-at MAC to IP [at MAC]    reply
//! ipv4 SRC DST | ipv6 SRC DST, then [ttl N] [id N] [frag OFFSET[+]]    `+`: more fragments follow
//! opt HEX            IPv4 options, a multiple of four bytes
//! dest-opt           IPv6 destination options in front of layer 4, behind the fragment header if there is one
//! tcp SPORT DPORT FLAGS [mss N] [seq N] [ack N]    flags in the letters of tcpdump: S . P F R U E W, `none`;
//!                                    sequence number 7 and acknowledgment 1 if nothing is said
//! udp SPORT DPORT [no-sum]           `no-sum`: without checksum
//! echo request|reply ID SEQ          ICMP or ICMPv6, as the address says
//! error WORD [mtu N] about [N of] PACKET [end]    ICMP or ICMPv6 error: `net`, `host`, `port`, `big`, `ttl`, `options`
//!                                    or `redirect`, about N bytes or all of a packet in these same words
//! ns IP [from MAC] | na IP at MAC [rso]    neighbour solicitation, advertisement with its flags
//! rs                                 router solicitation
//! vrrp VRID PRIO [ver N] [auth N] [interval N] [addr IP]...
//! proto N                            another protocol, without header
//! dns NAME TYPE [id N] [subnet IP/N] [response]    DNS query with a type as a number, in the payload
//! payload N | payload "text"         N bytes counting up; text without blanks, in which `\s` stands for one
//! hex 00112233                       raw bytes, instead of or behind all that
//! ```
//!
//! Then what is wrong with it, in the order of writing: `bad-ip-sum`, `bad-sum` (layer 4), `patch OFFSET HEX`,
//! `cut N` (without its last N bytes), `pad` (to 60 bytes), `pad N`. And what the bytes do not say: `partial` (checksum
//! left to hardware), `gso SIZE` (larger than the MTU, to be cut by hardware).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bng::wire::icmpv4::Echo;
use bng::wire::{
    ETHERNET_HEADER_LEN, MacAddr, arp, checksum, dns, ethernet, ethertype, icmpv4, icmpv6, ipv4, ipv6, ndisc,
    protocol, tcp, udp, vlan, vrrp,
};
use bng_platform::{Csum, Gso, GsoKind, Meta};

/// The words of one frame.
struct Words<'a> {
    rest: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.rest.pop()
    }

    fn peek(&self) -> Option<&'a str> {
        self.rest.last().copied()
    }

    /// Takes `word` if it comes next.
    fn accept(&mut self, word: &str) -> bool {
        let there = self.peek() == Some(word);
        if there {
            self.rest.pop();
        }
        there
    }

    fn value<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.next().ok_or_else(|| format!("{what} is missing"))?;
        word.parse().map_err(|_| format!("'{word}' is no {what}"))
    }

    fn hex(&mut self) -> Result<Vec<u8>, String> {
        let word = self.next().ok_or("hex digits are missing")?;
        let digits = word.as_bytes().chunks(2);
        digits
            .map(|two| std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok()))
            .collect::<Option<_>>()
            .ok_or_else(|| format!("'{word}' are no hex digits"))
    }
}

#[derive(Default)]
enum L3 {
    #[default]
    None,
    Arp(arp::Repr),
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

#[derive(Default)]
enum L4 {
    #[default]
    None,
    Proto(u8),
    Tcp(u16, u16, u8),
    Udp(u16, u16),
    Echo(Echo, u16, u16),
    /// Type and code of both families, the third word, and the packet it is about.
    Error([(u8, u8); 2], u32, Vec<u8>),
    Nd(ndisc::Repr),
    RouterSolicitation,
    Vrrp(Advert),
}

struct Advert {
    vrid: u8,
    priority: u8,
    version: u8,
    auth: u8,
    interval: u8,
    addresses: Vec<Ipv4Addr>,
}

enum Flaw {
    IpSum,
    Sum,
    Patch(usize, Vec<u8>),
    Cut(usize),
    Pad(usize),
}

#[derive(Default)]
struct Recipe {
    stations: Option<(MacAddr, MacAddr)>,
    tags: Vec<(u16, u8)>,
    ethertype: Option<u16>,
    l3: L3,
    ttl: Option<u8>,
    ident: u16,
    /// IPv4 options.
    options: Vec<u8>,
    /// IPv6 destination options.
    dest_opt: bool,
    /// Offset in bytes, and whether more follow.
    fragment: Option<(usize, bool)>,
    l4: L4,
    payload: Vec<u8>,
    raw: Vec<u8>,
    flaws: Vec<Flaw>,
    partial: bool,
    gso: Option<u16>,
    mss: Option<u16>,
    seq: Option<u32>,
    ack: Option<u32>,
    no_sum: bool,
}

/// The frame that `text` describes, with what its bytes do not say.
pub(crate) fn build(text: &str) -> Result<(Vec<u8>, Meta), String> {
    let mut words = Words { rest: text.split_whitespace().rev().collect() };
    let mut recipe = Recipe::default();
    while let Some(word) = words.next() {
        recipe.read(word, &mut words)?;
    }
    recipe.emit()
}

impl Recipe {
    fn read(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), String> {
        match word {
            "eth" => {
                let src = words.value("station")?;
                self.stations = Some((src, words.value("station")?));
            }
            "vlan" => {
                let vid = words.value("VLAN")?;
                let prio = words.peek().and_then(|w| w.parse().ok());
                if prio.is_some() {
                    words.next();
                }
                self.tags.push((vid, prio.unwrap_or(0)));
            }
            "type" => {
                let text: String = words.value("Ethernet type")?;
                self.ethertype = u16::from_str_radix(text.trim_start_matches("0x"), 16).ok();
            }
            "arp" => self.l3 = L3::Arp(self.read_arp(words)?),
            "ipv4" => self.l3 = L3::V4(words.value("IPv4 address")?, words.value("IPv4 address")?),
            "ipv6" => self.l3 = L3::V6(words.value("IPv6 address")?, words.value("IPv6 address")?),
            "ttl" => self.ttl = Some(words.value("TTL")?),
            "id" => self.ident = words.value("identification")?,
            "opt" => self.options = words.hex()?,
            "dest-opt" => self.dest_opt = true,
            "frag" => {
                let text: String = words.value("fragment offset")?;
                let offset = text.trim_end_matches('+');
                let offset = offset.parse().map_err(|_| format!("'{offset}' is no fragment offset"))?;
                self.fragment = Some((offset, text.ends_with('+')));
            }
            "proto" => self.l4 = L4::Proto(words.value("protocol")?),
            "tcp" => {
                let (sport, dport) = (words.value("port")?, words.value("port")?);
                self.l4 = L4::Tcp(sport, dport, tcp_flags(&words.value::<String>("TCP flags")?)?);
                if words.accept("mss") {
                    self.mss = Some(words.value("segment size")?);
                }
                if words.accept("seq") {
                    self.seq = Some(words.value("sequence number")?);
                }
                if words.accept("ack") {
                    self.ack = Some(words.value("acknowledgment number")?);
                }
            }
            "udp" => {
                self.l4 = L4::Udp(words.value("port")?, words.value("port")?);
                self.no_sum = words.accept("no-sum");
            }
            "error" => self.l4 = read_error(words)?,
            "echo" => {
                let kind = if words.accept("request") {
                    Echo::Request
                } else if words.accept("reply") {
                    Echo::Reply
                } else {
                    return Err("echo request or echo reply?".into());
                };
                self.l4 = L4::Echo(kind, words.value("identifier")?, words.value("sequence number")?);
            }
            "ns" => {
                let target = words.value("IPv6 address")?;
                let source_mac = if words.accept("from") { Some(words.value("station")?) } else { None };
                self.l4 = L4::Nd(ndisc::Repr::NeighborSolicitation { target, source_mac });
            }
            "na" => self.l4 = L4::Nd(read_na(words)?),
            "rs" => self.l4 = L4::RouterSolicitation,
            "vrrp" => self.l4 = L4::Vrrp(read_vrrp(words)?),
            "payload" => {
                let text: String = words.value("payload")?;
                self.payload = match text.parse::<usize>() {
                    Ok(len) => (0..len).map(|n| n as u8).collect(),
                    Err(_) => text.trim_matches('"').replace("\\s", " ").into_bytes(),
                };
            }
            "dns" => {
                let (name, kind): (String, u16) = (words.value("name")?, words.value("type")?);
                self.payload = dns_query(&name, kind)?;
                if words.accept("id") {
                    self.payload[..2].copy_from_slice(&words.value::<u16>("identifier")?.to_be_bytes());
                }
                if words.accept("subnet") {
                    let text: String = words.value("subnet")?;
                    self.payload.extend(dns_subnet(&text).ok_or("no subnet")?);
                    self.payload[11] = 1;
                }
                if words.accept("response") {
                    self.payload[2] |= 0x80;
                }
            }
            "hex" => self.raw.extend(words.hex()?),
            "bad-ip-sum" => self.flaws.push(Flaw::IpSum),
            "bad-sum" => self.flaws.push(Flaw::Sum),
            "patch" => self.flaws.push(Flaw::Patch(words.value("offset")?, words.hex()?)),
            "cut" => self.flaws.push(Flaw::Cut(words.value("length")?)),
            "pad" => {
                let len = words.peek().and_then(|w| w.parse().ok());
                if len.is_some() {
                    words.next();
                }
                self.flaws.push(Flaw::Pad(len.unwrap_or(60)));
            }
            "partial" => self.partial = true,
            "gso" => self.gso = Some(words.value("segment size")?),
            other => return Err(format!("'{other}' is no word of the frame language")),
        }
        Ok(())
    }

    fn read_arp(&self, words: &mut Words<'_>) -> Result<arp::Repr, String> {
        let station = self.stations.map_or(MacAddr::ZERO, |(src, _)| src);
        if words.accept("who-has") {
            let target = words.value("IPv4 address")?;
            if !words.accept("tell") {
                return Err("'tell' is missing".into());
            }
            let sender = words.value("IPv4 address")?;
            let sender_mac = if words.accept("at") { words.value("station")? } else { station };
            return Ok(arp::Repr::request(sender_mac, sender, target));
        }
        let sender = words.value("IPv4 address")?;
        if !words.accept("is-at") {
            return Err("'is-at' is missing".into());
        }
        let sender_mac = words.value("station")?;
        if !words.accept("to") {
            return Err("'to' is missing".into());
        }
        let target = words.value("IPv4 address")?;
        let known = self.stations.map_or(MacAddr::ZERO, |(_, dst)| dst);
        let target_mac = if words.accept("at") { words.value("station")? } else { known };
        Ok(arp::Repr { operation: arp::Operation::Reply, sender_mac, sender, target_mac, target })
    }

    fn emit(mut self) -> Result<(Vec<u8>, Meta), String> {
        let mut frame = Vec::new();
        let Some((src, dst)) = self.stations else {
            frame.append(&mut self.raw);
            self.spoil(&mut frame, None)?;
            return Ok((frame, Meta::default()));
        };
        let (own_type, packet, l4_at) = self.packet()?;
        let ethertype = self.ethertype.unwrap_or(own_type);
        let mut types: Vec<u16> = vec![ethertype::VLAN; self.tags.len()];
        types.push(ethertype);
        frame.resize(ETHERNET_HEADER_LEN, 0);
        ethernet::Repr { dst, src, ethertype: types[0] }.emit(&mut frame);
        for ((vid, pcp), ethertype) in self.tags.iter().zip(&types[1..]) {
            let mut tag = [0; vlan::TAG_LEN];
            vlan::Repr { vid: *vid, pcp: *pcp, ethertype: *ethertype }.emit(&mut tag);
            frame.extend(tag);
        }
        let l4_at = l4_at.map(|at| frame.len() + at);
        frame.extend(packet);
        frame.append(&mut self.raw);
        let mut meta = Meta::default();
        let sum_at = l4_at.zip(self.sum_offset());
        if self.partial {
            let (start, offset) = sum_at.ok_or("nothing has a checksum to be left to hardware")?;
            meta.csum = Csum::Partial { start: start as u16, offset: offset as u16 };
            // Hardware finds the sum of the pseudo header here, and adds the rest to it.
            let (src, dst) = match self.l3 {
                L3::V4(src, dst) => (IpAddr::V4(src), IpAddr::V4(dst)),
                L3::V6(src, dst) => (IpAddr::V6(src), IpAddr::V6(dst)),
                _ => return Err("only IP has a pseudo header".into()),
            };
            let proto = if matches!(self.l4, L4::Tcp(..)) { protocol::TCP } else { protocol::UDP };
            let sum = !checksum::pseudo(src, dst, proto, frame.len() - start).finish();
            frame[start + offset..start + offset + 2].copy_from_slice(&sum.to_be_bytes());
        }
        if let Some(size) = self.gso {
            let (start, _) = sum_at.ok_or("nothing to be cut by hardware")?;
            let (kind, header) = match (&self.l3, &self.l4) {
                (L3::V4(..), L4::Tcp(..)) => (GsoKind::TcpV4, tcp::HEADER_LEN),
                (L3::V6(..), L4::Tcp(..)) => (GsoKind::TcpV6, tcp::HEADER_LEN),
                _ => (GsoKind::Udp, udp::HEADER_LEN),
            };
            meta.gso = Some(Gso { kind, size, header_len: (start + header) as u16, ecn: false });
        }
        self.spoil(&mut frame, sum_at)?;
        Ok((frame, meta))
    }

    /// Ethernet type, the packet, and where its layer 4 begins.
    fn packet(&self) -> Result<(u16, Vec<u8>, Option<usize>), String> {
        Ok(match self.l3 {
            L3::None => (0, self.payload.clone(), None),
            L3::Arp(arp) => {
                let mut packet = vec![0; arp.wire_len()];
                arp.emit(&mut packet);
                (ethertype::ARP, packet, None)
            }
            L3::V4(src, dst) => {
                let (proto, layer4) = self.layer4(src.into(), dst.into())?;
                let header = ipv4::Repr {
                    src,
                    dst,
                    protocol: proto,
                    ttl: self.ttl.unwrap_or(64),
                    tos: 0,
                    ident: self.ident,
                    dont_fragment: self.fragment.is_none(),
                    payload_len: layer4.len() as u16,
                };
                let mut packet = vec![0; header.wire_len()];
                header.emit(&mut packet);
                if let Some((offset, more)) = self.fragment {
                    let word = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
                    packet[6..8].copy_from_slice(&word.to_be_bytes());
                }
                packet.extend(&self.options);
                let total = (packet.len() + layer4.len()) as u16;
                packet[0] = 0x40 | (packet.len() / 4) as u8;
                packet[2..4].copy_from_slice(&total.to_be_bytes());
                packet[10..12].fill(0);
                let sum = checksum::checksum(&packet);
                packet[10..12].copy_from_slice(&sum.to_be_bytes());
                let l4_at = packet.len();
                packet.extend(layer4);
                (ethertype::IPV4, packet, Some(l4_at))
            }
            L3::V6(src, dst) => {
                let (proto, layer4) = self.layer4(src.into(), dst.into())?;
                let first = if self.dest_opt { protocol::DESTINATION_OPTIONS } else { proto };
                let mut inner = Vec::new();
                if let Some((offset, more)) = self.fragment {
                    let word = offset as u16 & !7 | u16::from(more);
                    inner.extend([first, 0, (word >> 8) as u8, word as u8, 0, 0]);
                    inner.extend(self.ident.to_be_bytes());
                }
                if self.dest_opt {
                    // Filled up with one option of padding.
                    inner.extend([proto, 0, 1, 4, 0, 0, 0, 0]);
                }
                let l4_at = ipv6::HEADER_LEN + inner.len();
                inner.extend(layer4);
                let header = ipv6::Repr {
                    src,
                    dst,
                    next_header: if self.fragment.is_some() { protocol::FRAGMENT } else { first },
                    hop_limit: self.ttl.unwrap_or(64),
                    payload_len: inner.len() as u16,
                };
                let mut packet = vec![0; header.wire_len()];
                header.emit(&mut packet);
                packet.extend(inner);
                (ethertype::IPV6, packet, Some(l4_at))
            }
        })
    }

    /// Protocol and bytes of layer 4 between two addresses.
    fn layer4(&self, src: IpAddr, dst: IpAddr) -> Result<(u8, Vec<u8>), String> {
        let six = |addr| match addr {
            IpAddr::V6(v6) => Ok(v6),
            IpAddr::V4(_) => Err("neighbour discovery is for IPv6"),
        };
        let data = &self.payload[..];
        Ok(match &self.l4 {
            L4::None => (253, data.to_vec()),
            L4::Proto(proto) => (*proto, data.to_vec()),
            L4::Tcp(src_port, dst_port, flags) => {
                let ack = if flags & tcp::flags::ACK != 0 { self.ack.unwrap_or(1) } else { 0 };
                let repr = tcp::Repr {
                    src_port: *src_port,
                    dst_port: *dst_port,
                    seq: self.seq.unwrap_or(7),
                    ack,
                    flags: *flags,
                    window: 512,
                };
                let mut segment = vec![0; repr.wire_len()];
                repr.emit(src, dst, &mut segment);
                if let Some(mss) = self.mss {
                    segment[12] = 6 << 4;
                    segment.extend([2, 4, (mss >> 8) as u8, mss as u8]);
                }
                segment.extend(data);
                if let Ok(mut packet) = tcp::Packet::new(&mut segment[..]) {
                    packet.fill_checksum(src, dst);
                }
                (protocol::TCP, segment)
            }
            L4::Udp(src_port, dst_port) => {
                let repr = udp::Repr { src_port: *src_port, dst_port: *dst_port, payload: data };
                let mut datagram = vec![0; repr.wire_len()];
                repr.emit(src, dst, &mut datagram);
                if self.no_sum {
                    datagram[6..8].fill(0);
                }
                (protocol::UDP, datagram)
            }
            L4::Echo(echo, ident, sequence) => match (src, dst) {
                (IpAddr::V6(src), IpAddr::V6(dst)) => {
                    let repr = icmpv6::Repr { echo: *echo, ident: *ident, sequence: *sequence, data };
                    let mut message = vec![0; repr.wire_len()];
                    repr.emit(src, dst, &mut message);
                    (protocol::ICMPV6, message)
                }
                _ => {
                    let repr = icmpv4::Repr { echo: *echo, ident: *ident, sequence: *sequence, data };
                    let mut message = vec![0; repr.wire_len()];
                    repr.emit(&mut message);
                    (protocol::ICMP, message)
                }
            },
            L4::Error([v4, v6], rest, quote) => {
                let (kind, code) = if src.is_ipv4() { *v4 } else { *v6 };
                let mut message = vec![kind, code, 0, 0];
                message.extend(rest.to_be_bytes());
                message.extend(quote);
                match (src, dst) {
                    (IpAddr::V6(src), IpAddr::V6(dst)) => {
                        icmpv6::Packet::new(&mut message[..]).expect("long enough").fill_checksum(src, dst);
                        (protocol::ICMPV6, message)
                    }
                    _ => {
                        icmpv4::Packet::new(&mut message[..]).expect("long enough").fill_checksum();
                        (protocol::ICMP, message)
                    }
                }
            }
            L4::Nd(repr) => {
                let mut message = vec![0; repr.wire_len()];
                repr.emit(six(src)?, six(dst)?, &mut message);
                (protocol::ICMPV6, message)
            }
            L4::RouterSolicitation => {
                let mut message = vec![icmpv6::message::ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
                if let Ok(mut packet) = icmpv6::Packet::new(&mut message[..]) {
                    packet.fill_checksum(six(src)?, six(dst)?);
                }
                (protocol::ICMPV6, message)
            }
            L4::Vrrp(advert) => {
                let repr = vrrp::Repr {
                    vrid: advert.vrid,
                    priority: advert.priority,
                    interval: advert.interval,
                    addresses: &advert.addresses,
                };
                let mut message = vec![0; repr.wire_len()];
                repr.emit(&mut message);
                message[0] = advert.version << 4 | 1;
                message[4] = advert.auth;
                message[6..8].fill(0);
                let sum = checksum::checksum(&message);
                message[6..8].copy_from_slice(&sum.to_be_bytes());
                message.extend(data);
                (protocol::VRRP, message)
            }
        })
    }

    /// Where the checksum stands in layer 4.
    fn sum_offset(&self) -> Option<usize> {
        match self.l4 {
            L4::None | L4::Proto(_) => None,
            L4::Tcp(..) => Some(16),
            L4::Udp(..) | L4::Vrrp(_) => Some(6),
            L4::Echo(..) | L4::Error(..) | L4::Nd(_) | L4::RouterSolicitation => Some(2),
        }
    }

    fn spoil(&self, frame: &mut Vec<u8>, sum_at: Option<(usize, usize)>) -> Result<(), String> {
        for flaw in &self.flaws {
            match flaw {
                Flaw::IpSum => {
                    let at = ETHERNET_HEADER_LEN + self.tags.len() * vlan::TAG_LEN + 10;
                    *frame.get_mut(at).ok_or("no IPv4 header to spoil")? ^= 0xff;
                }
                Flaw::Sum => {
                    let (start, offset) = sum_at.ok_or("no checksum to spoil")?;
                    frame[start + offset] ^= 0xff;
                }
                Flaw::Patch(at, bytes) => frame
                    .get_mut(*at..at + bytes.len())
                    .ok_or("the patch does not fit the frame")?
                    .copy_from_slice(bytes),
                Flaw::Cut(len) => frame.truncate(frame.len().saturating_sub(*len)),
                Flaw::Pad(len) => frame.resize(frame.len().max(*len), 0),
            }
        }
        Ok(())
    }
}

/// A query with identifier 7.
fn dns_query(name: &str, kind: u16) -> Result<Vec<u8>, String> {
    let name = dns::OwnedName::parse(name).ok_or_else(|| format!("'{name}' is no name"))?;
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend(name.as_name().wire());
    query.extend(kind.to_be_bytes());
    query.extend(dns::CLASS_IN.to_be_bytes());
    Ok(query)
}

/// EDNS with this client subnet, which has a multiple of eight bits.
fn dns_subnet(text: &str) -> Option<Vec<u8>> {
    let (addr, length) = text.split_once('/')?;
    let (addr, length): (IpAddr, u8) = (addr.parse().ok()?, length.parse().ok()?);
    let (family, octets) = match addr {
        IpAddr::V4(addr) => (1, addr.octets().to_vec()),
        IpAddr::V6(addr) => (2, addr.octets().to_vec()),
    };
    let octets = octets.get(..usize::from(length / 8))?;
    let data = 4 + octets.len() as u8;
    let mut record = vec![0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 4 + data, 0, 8, 0, data, 0, family, length, 0];
    record.extend(octets);
    Some(record)
}

fn tcp_flags(letters: &str) -> Result<u8, String> {
    if letters == "none" {
        return Ok(0);
    }
    letters.chars().try_fold(0, |flags, letter| {
        let bit = match letter {
            'F' => tcp::flags::FIN,
            'S' => tcp::flags::SYN,
            'R' => tcp::flags::RST,
            'P' => tcp::flags::PSH,
            '.' => tcp::flags::ACK,
            'U' => tcp::flags::URG,
            'E' => tcp::flags::ECE,
            'W' => tcp::flags::CWR,
            other => return Err(format!("'{other}' is no TCP flag")),
        };
        Ok(flags | bit)
    })
}

/// Reads what stands behind `error`.
fn read_error(words: &mut Words<'_>) -> Result<L4, String> {
    let kinds = match words.next().ok_or("which error?")? {
        "net" => [(3, 0), (1, 0)],
        "host" => [(3, 1), (1, 3)],
        "port" => [(3, 3), (1, 4)],
        "big" => [(3, 4), (2, 0)],
        "ttl" => [(11, 0), (3, 0)],
        "options" => [(12, 0), (4, 0)],
        "redirect" => [(5, 1), (137, 0)],
        other => return Err(format!("'{other}' is no error")),
    };
    let rest = if words.accept("mtu") { words.value("MTU")? } else { 0 };
    if !words.accept("about") {
        return Err("'about' is missing".into());
    }
    let first = words.peek().and_then(|word| word.parse::<usize>().ok());
    if first.is_some() {
        words.next();
        if !words.accept("of") {
            return Err("'of' is missing".into());
        }
    }
    let mut recipe = Recipe::default();
    while let Some(word) = words.next().filter(|word| *word != "end") {
        recipe.read(word, words)?;
    }
    let (_, mut quote, sum_at) = recipe.packet()?;
    recipe.spoil(&mut quote, sum_at.zip(recipe.sum_offset()))?;
    quote.truncate(first.unwrap_or(quote.len()));
    Ok(L4::Error(kinds, rest, quote))
}

fn read_na(words: &mut Words<'_>) -> Result<ndisc::Repr, String> {
    let target = words.value("IPv6 address")?;
    if !words.accept("at") {
        return Err("'at' is missing".into());
    }
    let target_mac = words.value("station")?;
    let letters = words.peek().filter(|w| w.chars().all(|c| "rso".contains(c)) && *w != "rs").unwrap_or("");
    if !letters.is_empty() {
        words.next();
    }
    Ok(ndisc::Repr::NeighborAdvertisement {
        target,
        target_mac,
        router: letters.contains('r'),
        solicited: letters.contains('s'),
        replaces: letters.contains('o'),
    })
}

fn read_vrrp(words: &mut Words<'_>) -> Result<Advert, String> {
    let (vrid, priority) = (words.value("VRID")?, words.value("priority")?);
    let mut advert = Advert { vrid, priority, version: 2, auth: 0, interval: 1, addresses: Vec::new() };
    loop {
        if words.accept("ver") {
            advert.version = words.value("version")?;
        } else if words.accept("auth") {
            advert.auth = words.value("authentication type")?;
        } else if words.accept("interval") {
            advert.interval = words.value("interval")?;
        } else if words.accept("addr") {
            advert.addresses.push(words.value("IPv4 address")?);
        } else {
            return Ok(advert);
        }
    }
}
