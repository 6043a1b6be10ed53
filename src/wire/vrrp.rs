//! VRRP version 2 (RFC 3768) with the authentication field of RFC 2338.
//!
//! ```text
//!  0       4       8               16              24              32
//! +-------+-------+---------------+---------------+---------------+
//! |   2   |   1   |     vrid      |   priority    | count of addr |
//! +-------+-------+---------------+---------------+---------------+
//! |   auth type   | interval in s |           checksum            |
//! +---------------+---------------+-------------------------------+
//! |                 addresses, count times 4 bytes                |
//! +---------------------------------------------------------------+
//! |              authentication data, 8 bytes, zero               |
//! +---------------------------------------------------------------+
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use super::bytes::{array, get_u16, put, put_u16};
use super::{MacAddr, Malformed, checksum};

mod field {
    use std::ops::Range;
    pub(super) const VERSION_TYPE: usize = 0;
    pub(super) const VRID: usize = 1;
    pub(super) const PRIORITY: usize = 2;
    pub(super) const COUNT: usize = 3;
    pub(super) const AUTH_TYPE: usize = 4;
    pub(super) const INTERVAL: usize = 5;
    pub(super) const CHECKSUM: Range<usize> = 6..8;
    pub(super) const ADDRESSES: usize = 8;
}

/// The group that advertisements are sent to.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// The hardware address of [`GROUP`].
pub const GROUP_MAC: MacAddr = MacAddr::multicast_v4(GROUP);

/// The only TTL that an advertisement may arrive with: no router forwarded it (RFC 3768 section 5.2.3).
pub const TTL: u8 = 255;

/// Most addresses in one advertisement.
pub const MAX_ADDRESSES: usize = 255;

/// Version 2, type 1 (advertisement), the only type there is.
const VERSION_2_ADVERTISEMENT: u8 = 0x21;

const AUTH_DATA_LEN: usize = 8;

/// View of an advertisement.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T: AsRef<[u8]>> {
    bytes: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view over `bytes`, the whole payload of an IPv4 packet.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below the fixed 8 bytes, [`Malformed::BadVersion`] for another version than 2,
    /// [`Malformed::BadType`] for another type than advertisement, [`Malformed::BadTotalLength`] when the addresses and
    /// the authentication data do not fill `bytes` exactly.
    #[inline]
    pub fn new(bytes: T) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < field::ADDRESSES {
            return Err(Malformed::Truncated);
        }
        if b[field::VERSION_TYPE] >> 4 != VERSION_2_ADVERTISEMENT >> 4 {
            return Err(Malformed::BadVersion);
        }
        if b[field::VERSION_TYPE] != VERSION_2_ADVERTISEMENT {
            return Err(Malformed::BadType);
        }
        // RFC 3768 section 7.1: the packet contains the addresses and the authentication data.
        if b.len() != field::ADDRESSES + 4 * usize::from(b[field::COUNT]) + AUTH_DATA_LEN {
            return Err(Malformed::BadTotalLength);
        }
        Ok(Self { bytes })
    }

    /// Virtual router id, 1 to 255 (0 is nobody's).
    #[inline]
    pub fn vrid(&self) -> u8 {
        self.bytes.as_ref()[field::VRID]
    }

    /// Priority of the sender: 255 owns the addresses, 0 resigns.
    #[inline]
    pub fn priority(&self) -> u8 {
        self.bytes.as_ref()[field::PRIORITY]
    }

    /// Number of addresses.
    #[inline]
    pub fn count(&self) -> u8 {
        self.bytes.as_ref()[field::COUNT]
    }

    /// Authentication type; RFC 3768 knows 0 (none) only.
    #[inline]
    pub fn auth_type(&self) -> u8 {
        self.bytes.as_ref()[field::AUTH_TYPE]
    }

    /// Seconds between two advertisements.
    #[inline]
    pub fn interval(&self) -> u8 {
        self.bytes.as_ref()[field::INTERVAL]
    }

    /// Checksum of the whole advertisement, without pseudo header.
    #[inline]
    pub fn checksum(&self) -> u16 {
        get_u16(self.bytes.as_ref(), field::CHECKSUM)
    }

    /// True when the checksum is right.
    #[inline]
    pub fn verify_checksum(&self) -> bool {
        checksum::verify(self.bytes.as_ref(), checksum::Sum::ZERO)
    }

    /// The addresses of the virtual router.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        let end = field::ADDRESSES + 4 * usize::from(self.count());
        self.bytes.as_ref()[field::ADDRESSES..end].chunks_exact(4).map(|addr| array(addr, 0..4).into())
    }

    /// The authentication data, zero with authentication type 0.
    #[inline]
    pub fn auth_data(&self) -> [u8; AUTH_DATA_LEN] {
        let at = field::ADDRESSES + 4 * usize::from(self.count());
        array(self.bytes.as_ref(), at..at + AUTH_DATA_LEN)
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VRRPv2, Advertisement, vrid {}, prio {}, intvl {}s, length {}, addrs",
            self.vrid(),
            self.priority(),
            self.interval(),
            self.bytes.as_ref().len()
        )?;
        if let Some(count @ 2..) = Some(self.count()) {
            write!(f, "({count})")?;
        }
        f.write_str(":")?;
        for (n, addr) in self.addresses().enumerate() {
            write!(f, "{}{addr}", if n == 0 { " " } else { "," })?;
        }
        Ok(())
    }
}

/// An advertisement without authentication to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Virtual router id, 1 to 255.
    pub vrid: u8,
    /// Priority of the sender: 255 owns the addresses, 0 resigns.
    pub priority: u8,
    /// Seconds between two advertisements.
    pub interval: u8,
    /// The addresses of the virtual router, at most [`MAX_ADDRESSES`]; more are left out.
    pub addresses: &'a [Ipv4Addr],
}

impl Repr<'_> {
    /// Bytes that [`Repr::emit`] writes.
    pub fn wire_len(&self) -> usize {
        field::ADDRESSES + 4 * self.advertised().len() + AUTH_DATA_LEN
    }

    /// Writes the advertisement with its checksum at the start of `buf`.
    ///
    /// # Panics
    /// When `buf` is shorter than [`Repr::wire_len`].
    pub fn emit(&self, buf: &mut [u8]) {
        let buf = &mut buf[..self.wire_len()];
        buf.fill(0);
        buf[field::VERSION_TYPE] = VERSION_2_ADVERTISEMENT;
        buf[field::VRID] = self.vrid;
        buf[field::PRIORITY] = self.priority;
        buf[field::COUNT] = self.advertised().len() as u8;
        buf[field::INTERVAL] = self.interval;
        for (addr, at) in self.advertised().iter().zip((field::ADDRESSES..).step_by(4)) {
            put(buf, at..at + 4, &addr.octets());
        }
        let check = checksum::checksum(buf);
        put_u16(buf, field::CHECKSUM, check);
    }

    fn advertised(&self) -> &[Ipv4Addr] {
        &self.addresses[..self.addresses.len().min(MAX_ADDRESSES)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::wire::golden::{self, hex};

    fn captured() -> Vec<u8> {
        hex(golden::VRRP)[34..].to_vec()
    }

    #[test]
    fn an_advertisement_of_keepalived_is_read_and_written_back() {
        let bytes = captured();
        let packet = Packet::new(&bytes).expect("valid");
        assert_eq!((packet.vrid(), packet.priority(), packet.interval()), (79, 200, 1));
        assert_eq!((packet.count(), packet.auth_type(), packet.auth_data()), (1, 0, [0; 8]));
        let server = Ipv4Addr::new(172, 17, 2, 90);
        assert_eq!(packet.addresses().collect::<Vec<_>>(), [server]);
        assert_eq!(packet.checksum(), 0x6842);
        assert!(packet.verify_checksum());
        let repr = Repr { vrid: 79, priority: 200, interval: 1, addresses: &[server] };
        let mut written = vec![0xee; repr.wire_len()];
        repr.emit(&mut written);
        assert_eq!(written, bytes);
    }

    #[test]
    fn the_group_is_where_keepalived_sends_to() {
        let frame = hex(golden::VRRP);
        assert_eq!(frame[..6], GROUP_MAC.0);
        assert_eq!(frame[30..34], GROUP.octets());
        assert_eq!(frame[22], TTL);
    }

    #[test]
    fn a_length_is_exact() {
        let mut bytes = captured();
        golden::refuses_every_truncation(&bytes, |bytes| Packet::new(bytes).map(|_| ()));
        bytes.push(0);
        assert_eq!(Packet::new(&bytes).err(), Some(Malformed::BadTotalLength));
    }

    #[test]
    fn another_version_type_and_count_are_refused() {
        for (at, value, why) in [
            (0, 0x31, Malformed::BadVersion),
            (0, 0x11, Malformed::BadVersion),
            (0, 0x22, Malformed::BadType),
            (0, 0x20, Malformed::BadType),
            (3, 0, Malformed::BadTotalLength),
            (3, 2, Malformed::BadTotalLength),
            (3, 255, Malformed::BadTotalLength),
        ] {
            let mut bytes = captured();
            bytes[at] = value;
            assert_eq!(Packet::new(&bytes).err(), Some(why), "byte {at} = {value}");
        }
    }

    #[test]
    fn a_damaged_advertisement_fails_the_verification() {
        for at in 1..20 {
            let mut bytes = captured();
            bytes[at] ^= 0x40;
            if at != 3 {
                assert!(!Packet::new(&bytes).expect("lengths are right").verify_checksum(), "byte {at}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read_up_to_the_most_addresses() {
        let mut seed = Seed::new(1);
        for count in 0..=MAX_ADDRESSES + 1 {
            let addresses: Vec<_> = (0..count).map(|_| Ipv4Addr::from_bits(seed.next_u64() as u32)).collect();
            let (vrid, priority, interval) =
                (seed.next_u64() as u8, seed.next_u64() as u8, seed.next_u64() as u8);
            let repr = Repr { vrid, priority, interval, addresses: &addresses };
            let mut bytes = vec![0xee; repr.wire_len()];
            repr.emit(&mut bytes);
            let packet = Packet::new(&bytes).expect("valid");
            assert!(packet.verify_checksum());
            assert_eq!((packet.vrid(), packet.priority(), packet.interval()), (vrid, priority, interval));
            assert!(packet.addresses().eq(addresses.iter().copied().take(MAX_ADDRESSES)));
        }
    }

    #[test]
    fn several_addresses_print_with_their_number() {
        let addresses = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
        let repr = Repr { vrid: 1, priority: 0, interval: 1, addresses: &addresses };
        let mut bytes = vec![0; repr.wire_len()];
        repr.emit(&mut bytes);
        let expected =
            "VRRPv2, Advertisement, vrid 1, prio 0, intvl 1s, length 24, addrs(2): 10.0.0.1,10.0.0.2";
        assert_eq!(Packet::new(&bytes).expect("valid").to_string(), expected);
    }
}
