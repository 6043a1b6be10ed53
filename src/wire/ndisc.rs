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
