//! Neighbour discovery for IPv6 (RFC 4861): who has an address, and where are the routers.
//!
//! ```text
//!  0               8               16                              32
//! +---------------+---------------+-------------------------------+
//! |   133 - 136   |       0       |           checksum            |
//! +-+-+-+---------+---------------+-------------------------------+
//! |R|S|O|  neighbour advertisement; router advertisement has its  |
//! |     |  hop limit, flags and lifetime here                     |
//! +-----+---------------------------------------------------------+
//! |   target, 16 bytes, in neighbour solicitation/advertisement   |
//! +---------------+---------------+-------------------------------+
//! | option 1 or 2 |  length / 8   |  hardware address ...         |
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use super::bytes::{array, put};
use super::icmpv6::{self, message};
use super::{MacAddr, Malformed};

mod field {
    use std::ops::Range;
    pub(super) const TYPE: usize = 0;
    pub(super) const CODE: usize = 1;
    pub(super) const FLAGS: usize = 4;
    pub(super) const RESERVED: Range<usize> = 4..8;
    pub(super) const ROUTER_LIFETIME: Range<usize> = 6..8;
    pub(super) const TARGET: Range<usize> = 8..24;
}

/// Option with the hardware address of the sender.
const SOURCE_LINK_LAYER: u8 = 1;
/// Option with the hardware address of the target.
const TARGET_LINK_LAYER: u8 = 2;
/// Bytes of either option over Ethernet.
const LINK_LAYER_OPTION_LEN: usize = 8;

/// The message is a router's.
const ROUTER: u8 = 0x80;
/// The advertisement answers a solicitation.
const SOLICITED: u8 = 0x40;
/// The advertisement replaces what the receiver knows.
const OVERRIDE: u8 = 0x20;

/// The only hop limit that a message may arrive with: no router forwarded it (RFC 4861 section 7.1).
pub const HOP_LIMIT: u8 = 255;

/// What the message wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Where are routers?
    RouterSolicitation,
    /// Here is one.
    RouterAdvertisement,
    /// Where is the target?
    NeighborSolicitation,
    /// The target is here.
    NeighborAdvertisement,
}

/// View of a neighbour discovery message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, a whole ICMPv6 message.
    ///
    /// # Errors
    /// [`Malformed::BadType`] for another type or a code that is not 0, [`Malformed::Truncated`] when the fixed part is
    /// not whole, [`Malformed::BadOption`] for an option without length or beyond the message,
    /// [`Malformed::BadAddress`] for a multicast target (RFC 4861 sections 6.1 and 7.1).
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < icmpv6::HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        if !(message::ROUTER_SOLICITATION..=message::NEIGHBOR_ADVERTISEMENT).contains(&b[field::TYPE])
            || b[field::CODE] != 0
        {
            return Err(Malformed::BadType);
        }
        let packet = Self { bytes };
        let b = packet.bytes.as_ref();
        if b.len() < packet.options_at() {
            return Err(Malformed::Truncated);
        }
        if packet.target().is_some_and(|target| target.is_multicast()) {
            return Err(Malformed::BadAddress);
        }
        let mut rest = &b[packet.options_at()..];
        while !rest.is_empty() {
            match rest.get(1).map(|units| usize::from(*units) * 8) {
                Some(len) if len > 0 && len <= rest.len() => rest = &rest[len..],
                _ => return Err(Malformed::BadOption),
            }
        }
        Ok(packet)
    }

    /// Checks what depends on the IPv6 header around the message.
    ///
    /// # Errors
    /// [`Malformed::BadHopLimit`] when a router may have forwarded it, [`Malformed::BadChecksum`], and
    /// [`Malformed::BadAddress`] for a solicitation without source address that is not sent to a solicited-node group or
    /// carries a source address after all (RFC 4861 section 7.1.1).
    #[inline]
    pub fn check(&self, src: Ipv6Addr, dst: Ipv6Addr, hop_limit: u8) -> Result<(), Malformed> {
        if hop_limit != HOP_LIMIT {
            return Err(Malformed::BadHopLimit);
        }
        if !icmpv6::Packet::new(self.bytes.as_ref())?.verify_checksum(src, dst) {
            return Err(Malformed::BadChecksum);
        }
        if self.kind() == Kind::NeighborSolicitation && src.is_unspecified() {
            let solicited_node = dst.to_bits() >> 24 == solicited_node(Ipv6Addr::UNSPECIFIED).to_bits() >> 24;
            if !solicited_node || self.source_mac().is_some() {
                return Err(Malformed::BadAddress);
            }
        }
        Ok(())
    }

    /// What the message wants.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.bytes.as_ref()[field::TYPE] {
            message::ROUTER_SOLICITATION => Kind::RouterSolicitation,
            message::ROUTER_ADVERTISEMENT => Kind::RouterAdvertisement,
            message::NEIGHBOR_SOLICITATION => Kind::NeighborSolicitation,
            _ => Kind::NeighborAdvertisement,
        }
    }

    /// The address that a neighbour message is about; `None` in router messages.
    #[inline]
    pub fn target(&self) -> Option<Ipv6Addr> {
        match self.kind() {
            Kind::NeighborSolicitation | Kind::NeighborAdvertisement => {
                Some(array(self.bytes.as_ref(), field::TARGET).into())
            }
            Kind::RouterSolicitation | Kind::RouterAdvertisement => None,
        }
    }

    /// Neighbour advertisement: the sender is a router.
    #[inline]
    pub fn is_router(&self) -> bool {
        self.has_flag(ROUTER)
    }

    /// Neighbour advertisement: it answers a solicitation.
    #[inline]
    pub fn is_solicited(&self) -> bool {
        self.has_flag(SOLICITED)
    }

    /// Neighbour advertisement: it replaces what the receiver knows.
    #[inline]
    pub fn is_override(&self) -> bool {
        self.has_flag(OVERRIDE)
    }

    /// Router advertisement: seconds for which the sender is a default router, 0 for "not"; `None` in other messages.
    #[inline]
    pub fn router_lifetime(&self) -> Option<u16> {
        (self.kind() == Kind::RouterAdvertisement)
            .then(|| super::bytes::get_u16(self.bytes.as_ref(), field::ROUTER_LIFETIME))
    }

    /// Hardware address of the sender, from its option (solicitations and router advertisements).
    #[inline]
    pub fn source_mac(&self) -> Option<MacAddr> {
        self.link_layer(SOURCE_LINK_LAYER)
    }

    /// Hardware address of the target, from its option (neighbour advertisements).
    #[inline]
    pub fn target_mac(&self) -> Option<MacAddr> {
        self.link_layer(TARGET_LINK_LAYER)
    }

    /// The options, one behind the other.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.bytes.as_ref()[self.options_at()..]
    }

    #[inline]
    fn has_flag(&self, flag: u8) -> bool {
        self.kind() == Kind::NeighborAdvertisement && self.bytes.as_ref()[field::FLAGS] & flag != 0
    }

    /// Bytes of the fixed part.
    #[inline]
    fn options_at(&self) -> usize {
        match self.kind() {
            Kind::RouterSolicitation => 8,
            Kind::RouterAdvertisement => 16,
            Kind::NeighborSolicitation | Kind::NeighborAdvertisement => field::TARGET.end,
        }
    }

    /// The first option of this type that has the length of an Ethernet address.
    fn link_layer(&self, wanted: u8) -> Option<MacAddr> {
        let mut rest = self.payload();
        // `new` saw that every length is positive and inside the message, so this ends.
        while let [kind, units, ..] = rest {
            let len = usize::from(*units) * 8;
            if *kind == wanted && len == LINK_LAYER_OPTION_LEN {
                return Some(MacAddr(array(rest, 2..8)));
            }
            rest = rest.get(len.max(LINK_LAYER_OPTION_LEN)..)?;
        }
        None
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), self.target()) {
            (Kind::NeighborSolicitation, Some(target)) => {
                write!(f, "ICMP6, neighbor solicitation, who has {target}")?;
            }
            (Kind::NeighborAdvertisement, Some(target)) => {
                write!(f, "ICMP6, neighbor advertisement, tgt is {target}")?;
                for (set, name) in [
                    (self.is_router(), ", router"),
                    (self.is_solicited(), ", solicited"),
                    (self.is_override(), ", override"),
                ] {
                    if set {
                        f.write_str(name)?;
                    }
                }
            }
            (Kind::RouterSolicitation, _) => f.write_str("ICMP6, router solicitation")?,
            _ => f.write_str("ICMP6, router advertisement")?,
        }
        if let Some(mac) = self.source_mac() {
            write!(f, ", source link-address {mac}")?;
        }
        if let Some(mac) = self.target_mac() {
            write!(f, ", destination link-address {mac}")?;
        }
        write!(f, ", length {}", self.bytes.as_ref().len())
    }
}

/// The group on which the owner of `addr` hears solicitations (RFC 4291 section 2.7.1).
pub const fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let o = addr.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | o[13] as u16, u16::from_be_bytes([o[14], o[15]]))
}

/// The group of all nodes on the link, which hears unasked advertisements.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A neighbour message to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repr {
    /// Where is the target?
    NeighborSolicitation {
        /// The address that is looked for.
        target: Ipv6Addr,
        /// Hardware address of the sender; `None` when it has no address yet.
        source_mac: Option<MacAddr>,
    },
    /// The target is here.
    NeighborAdvertisement {
        /// The address that is told.
        target: Ipv6Addr,
        /// Its hardware address.
        target_mac: MacAddr,
        /// The sender is a router.
        router: bool,
        /// It answers a solicitation; `false` when sent unasked.
        solicited: bool,
        /// It replaces what the receiver knows.
        replaces: bool,
    },
}

impl Repr {
    /// Bytes that [`Repr::emit`] writes: the whole ICMPv6 message with its option.
    pub const fn wire_len(&self) -> usize {
        match self {
            Self::NeighborSolicitation { source_mac: None, .. } => field::TARGET.end,
            _ => field::TARGET.end + LINK_LAYER_OPTION_LEN,
        }
    }

    /// Writes the message with its checksum between these addresses at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        let (message, flags, target, option) = match *self {
            Self::NeighborSolicitation { target, source_mac } => {
                (message::NEIGHBOR_SOLICITATION, 0, target, source_mac.map(|mac| (SOURCE_LINK_LAYER, mac)))
            }
            Self::NeighborAdvertisement { target, target_mac, router, solicited, replaces } => {
                let mut flags = 0;
                for (set, flag) in [(router, ROUTER), (solicited, SOLICITED), (replaces, OVERRIDE)] {
                    if set {
                        flags |= flag;
                    }
                }
                (message::NEIGHBOR_ADVERTISEMENT, flags, target, Some((TARGET_LINK_LAYER, target_mac)))
            }
        };
        buf[field::TYPE] = message;
        buf[field::CODE] = 0;
        put(buf, field::RESERVED, &[flags, 0, 0, 0]);
        put(buf, field::TARGET, &target.octets());
        if let Some((kind, mac)) = option {
            let at = field::TARGET.end;
            put(buf, at..at + 2, &[kind, (LINK_LAYER_OPTION_LEN / 8) as u8]);
            put(buf, at + 2..at + 8, &mac.0);
        }
        if let Ok(mut packet) = icmpv6::Packet::new(buf) {
            packet.fill_checksum(src, dst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};

    const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    const CLIENT_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const SERVER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn captured(frame: &str) -> Vec<u8> {
        hex(frame)[54..].to_vec()
    }

    fn written(repr: Repr, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
        let mut bytes = vec![0xee; repr.wire_len()];
        repr.emit(src, dst, &mut bytes);
        bytes
    }

    #[test]
    fn a_captured_solicitation_is_read_and_written_back() {
        let bytes = captured(golden::NEIGHBOR_SOLICITATION);
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!(packet.kind(), Kind::NeighborSolicitation);
        assert_eq!((packet.target(), packet.source_mac()), (Some(SERVER), Some(CLIENT_MAC)));
        assert_eq!((packet.target_mac(), packet.router_lifetime()), (None, None));
        assert!(!packet.is_router() && !packet.is_solicited() && !packet.is_override());
        assert_eq!(packet.check(CLIENT, solicited_node(SERVER), 255), Ok(()));
        let repr = Repr::NeighborSolicitation { target: SERVER, source_mac: Some(CLIENT_MAC) };
        assert_eq!(written(repr, CLIENT, solicited_node(SERVER)), bytes);
    }

    #[test]
    fn the_advertisement_is_the_one_that_linux_gave() {
        let bytes = captured(golden::NEIGHBOR_ADVERTISEMENT);
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!(packet.kind(), Kind::NeighborAdvertisement);
        assert_eq!((packet.target(), packet.target_mac()), (Some(SERVER), Some(SERVER_MAC)));
        assert_eq!(packet.source_mac(), None);
        assert!(!packet.is_router() && packet.is_solicited() && packet.is_override());
        assert_eq!(packet.check(SERVER, CLIENT, 255), Ok(()));
        let repr = Repr::NeighborAdvertisement {
            target: SERVER,
            target_mac: SERVER_MAC,
            router: false,
            solicited: true,
            replaces: true,
        };
        assert_eq!(written(repr, SERVER, CLIENT), bytes);
    }

    #[test]
    fn a_router_solicitation_and_advertisement_are_read() {
        let bytes = captured(golden::ROUTER_SOLICITATION);
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!((packet.kind(), packet.target()), (Kind::RouterSolicitation, None));
        assert_eq!(packet.source_mac(), Some(CLIENT_MAC));
        // Hop limit 64, lifetime 1,800 s, source option behind an MTU option.
        let bytes = hex("86000000 40000708 00000000 00000000 0501000000000500 0101020000000001");
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!((packet.kind(), packet.target()), (Kind::RouterAdvertisement, None));
        assert_eq!((packet.router_lifetime(), packet.source_mac()), (Some(1_800), Some(CLIENT_MAC)));
        assert_eq!(packet.payload().len(), 16);
        golden::refuses_every_truncation(&bytes[..16], |bytes| Packet::new(bytes).map(|_| ()));
    }

    #[test]
    fn what_the_header_around_it_forbids_is_refused() {
        let bytes = captured(golden::NEIGHBOR_SOLICITATION);
        let packet = Packet::new(&bytes).expect("valid");
        let group = solicited_node(SERVER);
        assert_eq!(packet.check(CLIENT, group, 254), Err(Malformed::BadHopLimit));
        assert_eq!(packet.check(CLIENT, SERVER, 255), Err(Malformed::BadChecksum));
        // Duplicate address detection: no source address, so no source option and a group as destination.
        let bytes = captured(golden::DUPLICATE_ADDRESS_DETECTION);
        let detection = Packet::new(&bytes).expect("valid");
        assert_eq!(detection.check(Ipv6Addr::UNSPECIFIED, solicited_node(CLIENT), 255), Ok(()));
        for (source_mac, dst) in [(Some(CLIENT_MAC), group), (None, SERVER)] {
            let repr = Repr::NeighborSolicitation { target: SERVER, source_mac };
            let bytes = written(repr, Ipv6Addr::UNSPECIFIED, dst);
            let packet = Packet::new(&bytes).expect("valid");
            assert_eq!(packet.check(Ipv6Addr::UNSPECIFIED, dst, 255), Err(Malformed::BadAddress));
        }
    }

    #[test]
    fn a_truncated_message_is_refused_except_behind_the_fixed_part() {
        let bytes = captured(golden::NEIGHBOR_SOLICITATION);
        for len in 0..32 {
            let expected = match len {
                24 => None,
                0..24 => Some(Malformed::Truncated),
                _ => Some(Malformed::BadOption),
            };
            assert_eq!(Packet::new(&bytes[..len]).err(), expected, "{len} bytes");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let good = captured(golden::NEIGHBOR_SOLICITATION);
        for (at, value, why) in [
            (0, 132, Malformed::BadType),
            (0, 137, Malformed::BadType),
            (1, 1, Malformed::BadType),
            (8, 0xff, Malformed::BadAddress),
            (25, 0, Malformed::BadOption),
            (25, 2, Malformed::BadOption),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(Packet::new(&bytes).err(), Some(why), "byte {at} = {value}");
        }
    }

    #[test]
    fn an_address_option_of_another_length_is_passed_over() {
        let mut bytes = captured(golden::NEIGHBOR_SOLICITATION)[..24].to_vec();
        bytes.extend(hex("0102 0000000000000000000000000000 0101 020000000001"));
        assert_eq!(Packet::new(&bytes).expect("valid").source_mac(), Some(CLIENT_MAC));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut seed = Seed::new(1);
        for _ in 0..1_000 {
            let random = seed.next_u64();
            let bit = |n: u32| random >> n & 1 == 1;
            let target = Ipv6Addr::from_bits(0x2001 << 112 | u128::from(seed.next_u64()));
            let mac = MacAddr(array(&random.to_be_bytes(), 0..6));
            let solicitation = Repr::NeighborSolicitation { target, source_mac: bit(0).then_some(mac) };
            let bytes = written(solicitation, CLIENT, SERVER);
            let packet = Packet::new(&bytes).expect("valid");
            let read = Repr::NeighborSolicitation {
                target: packet.target().expect("target"),
                source_mac: packet.source_mac(),
            };
            assert_eq!((read, packet.check(CLIENT, SERVER, HOP_LIMIT)), (solicitation, Ok(())));
            let advertisement = Repr::NeighborAdvertisement {
                target,
                target_mac: mac,
                router: bit(1),
                solicited: bit(2),
                replaces: bit(3),
            };
            let bytes = written(advertisement, CLIENT, ALL_NODES);
            let packet = Packet::new(&bytes).expect("valid");
            let read = Repr::NeighborAdvertisement {
                target: packet.target().expect("target"),
                target_mac: packet.target_mac().expect("option"),
                router: packet.is_router(),
                solicited: packet.is_solicited(),
                replaces: packet.is_override(),
            };
            assert_eq!((read, packet.check(CLIENT, ALL_NODES, HOP_LIMIT)), (advertisement, Ok(())));
        }
    }
}
