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
