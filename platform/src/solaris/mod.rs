//! The doors of Solaris and illumos.
//!
//! Everything but the names of the system's libraries ([`native`]) is compiled on every Unix, so that it is tested
//! where no such system is: libdlpi is a table of functions, dladm(8) a way to run commands.

pub mod choose;
pub mod dlpi;
pub mod libdlpi;
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub(crate) mod native;
pub mod vnic;

#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub(crate) use system::{best, dlpi_link, tap};

/// The doors over the system's own libraries.
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
mod system {
    use super::native::LIBDLPI;
    use super::{choose, dlpi, vnic};
    use crate::{OpenError, Port, interface, pcap};

    /// `access raw` and `access auto`
    pub(crate) fn best(name: &str, queues: usize) -> Result<Box<dyn Port>, OpenError> {
        choose::best(|| Ok(Box::new(pcap::open(name, queues)?)), || dlpi_link(name, queues))
    }

    /// `access dlpi`
    pub(crate) fn dlpi_link(name: &str, queues: usize) -> Result<Box<dyn Port>, OpenError> {
        Ok(Box::new(dlpi::open(&LIBDLPI, name, queues)?))
    }

    /// `access tap`
    pub(crate) fn tap(name: &str, queues: usize) -> Result<Box<dyn Port>, OpenError> {
        let mac = |host: &str| Ok(interface::find(host)?.mac);
        vnic::open(name, queues, vnic::Shell::SYSTEM, |ours| best(ours, 1), mac)
    }
}
