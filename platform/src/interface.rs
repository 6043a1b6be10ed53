//! What the system says about its interfaces.

use std::collections::BTreeSet;
use std::io;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::OpenError;

/// Largest packet where the system has no portable way to ask: that of Ethernet (RFC 894).
#[cfg(not(target_os = "linux"))]
const ETHERNET_MTU: usize = 1500;

/// One interface at the time it was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interface {
    /// The hardware address; zeros where the system does not tell.
    pub(crate) mac: [u8; 6],
    /// Largest layer-3 packet in bytes.
    pub(crate) mtu: usize,
    /// False for interfaces without an Ethernet header, such as the loopback of Linux.
    pub(crate) ethernet: bool,
}

/// The names of all interfaces of the system, sorted; empty when the system does not tell.
pub fn interface_names() -> Vec<String> {
    let names: BTreeSet<_> =
        getifaddrs().into_iter().flatten().map(|address| address.interface_name).collect();
    names.into_iter().collect()
}

/// Looks an interface up by name.
///
/// # Errors
/// [`OpenError::NotFound`], or [`OpenError::System`] when the system does not answer.
pub(crate) fn find(name: &str) -> Result<Interface, OpenError> {
    let not_found = || OpenError::NotFound { name: name.to_owned(), existing: interface_names() };
    let system = |source: io::Error| OpenError::system(name, "looking it up", source);
    let mut found = false;
    let mut mac = None;
    for entry in getifaddrs().map_err(|errno| system(errno.into()))? {
        if entry.interface_name != name {
            continue;
        }
        found = true;
        if let Some(link) = entry.address.as_ref().and_then(|address| address.as_link_addr()) {
            #[cfg(target_os = "linux")]
            let ethernet = link.hatype() == nix::libc::ARPHRD_ETHER;
            // These systems do not tell; libpcap knows.
            #[cfg(not(target_os = "linux"))]
            let ethernet = true;
            mac = link.addr().filter(|_| ethernet);
        }
    }
    cfg_if::cfg_if! {
        if #[cfg(target_os = "linux")] {
            if !found {
                return Err(not_found());
            }
            let mtu = crate::linux::request::mtu(name).map_err(system)?;
            Ok(Interface { mac: mac.unwrap_or_default(), mtu, ethernet: mac.is_some() })
        } else {
            // Only interfaces with an IP address are listed on these systems; libpcap knows the others and refuses
            // what does not exist.
            let _ = (found, not_found);
            Ok(Interface { mac: mac.unwrap_or_default(), mtu: ETHERNET_MTU, ethernet: true })
        }
    }
}

/// Whether an interface is up and has a carrier. An interface that the system does not list is taken for up where
/// interfaces without an IP address are not listed.
pub(crate) fn link_up(name: &str) -> bool {
    let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    let mut entries = getifaddrs().into_iter().flatten().filter(|entry| entry.interface_name == name);
    entries.next().map_or(cfg!(not(target_os = "linux")), |entry| entry.flags.contains(up))
}
