//! What the system says about its interfaces.

use std::collections::BTreeSet;

use nix::ifaddrs::getifaddrs;

use crate::OpenError;

/// Largest packet where the system has no portable way to ask: that of Ethernet (RFC 894).
#[cfg(not(any(target_os = "linux", target_os = "solaris", target_os = "illumos")))]
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
    let addressed = getifaddrs().into_iter().flatten().map(|address| address.interface_name);
    // Solaris and illumos list interfaces without an IP address here only.
    let links = std::fs::read_dir("/dev/net").into_iter().flatten().flatten();
    let links =
        links.filter(|_| !cfg!(target_os = "linux")).filter_map(|link| link.file_name().into_string().ok());
    let names: BTreeSet<_> = addressed.chain(links).collect();
    names.into_iter().collect()
}

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "solaris", target_os = "illumos"))] {
        /// The link state of one interface.
        #[derive(Debug)]
        pub(crate) struct Watch(crate::solaris::dlpi::Watch);

        impl Watch {
            pub(crate) fn new(name: &str) -> Self {
                Self(crate::solaris::dlpi::Watch::new(&crate::solaris::native::LIBDLPI, name))
            }

            /// Whether the link is up; where the system tells nothing, it is taken for up.
            pub(crate) fn link_up(&self) -> bool {
                self.0.link_up()
            }
        }

        /// Looks an interface up by name.
        ///
        /// # Errors
        /// See [`OpenError`].
        pub(crate) fn find(name: &str) -> Result<Interface, OpenError> {
            crate::solaris::dlpi::find(&crate::solaris::native::LIBDLPI, name)
        }

        /// True when the system is sure that there is no such interface.
        pub(crate) fn is_removed(name: &str) -> bool {
            matches!(find(name), Err(OpenError::NotFound { .. }))
        }
    } else {
        /// The link state of one interface.
        #[derive(Debug)]
        pub(crate) struct Watch(String);

        impl Watch {
            pub(crate) fn new(name: &str) -> Self {
                Self(name.to_owned())
            }

            /// Whether the interface is up and has a carrier. An interface that the system does not list is taken for
            /// up where interfaces without an IP address are not listed.
            pub(crate) fn link_up(&self) -> bool {
                link_up(&self.0)
            }
        }

        /// Looks an interface up by name.
        ///
        /// # Errors
        /// [`OpenError::NotFound`], or [`OpenError::System`] when the system does not answer.
        pub(crate) fn find(name: &str) -> Result<Interface, OpenError> {
            let not_found = || OpenError::NotFound { name: name.to_owned(), existing: interface_names() };
            let system = |source: std::io::Error| OpenError::system(name, "looking it up", source);
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
            use nix::net::if_::InterfaceFlags;
            let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
            let mut entries = getifaddrs().into_iter().flatten().filter(|entry| entry.interface_name == name);
            entries.next().map_or(cfg!(not(target_os = "linux")), |entry| entry.flags.contains(up))
        }

        /// True when the system is sure that there is no such interface. Where interfaces without an IP address have
        /// no index, it never is.
        pub(crate) fn is_removed(name: &str) -> bool {
            cfg!(target_os = "linux") && nix::net::if_::if_nametoindex(name).is_err()
        }
    }
}
