//! Which door opens an interface, and what an operator reads when none does.

use std::fmt;
use std::io;

use crate::Port;

/// How to reach an interface, as the operator writes it after `access`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// The best door of this system: `raw` on Linux, Solaris and illumos, `pcap` elsewhere.
    #[default]
    Auto,
    /// The system's packet socket (Linux AF_PACKET). On Solaris and illumos whichever of `pcap` and `dlpi` can send
    /// whole packets.
    Raw,
    /// A new virtual interface between bng and its host (a TAP device of Linux, virtual network cards of Solaris and
    /// illumos).
    Tap,
    /// libpcap.
    Pcap,
    /// libdlpi (Solaris and illumos).
    Dlpi,
}

/// What to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// Name of the interface; with [`Access::Tap`] of the one to make.
    pub name: String,
    /// Door.
    pub access: Access,
    /// Number of receive queues, 1 or more; a TAP device has one.
    pub queues: usize,
}

/// Why an interface was not opened. `Display` is one sentence for the operator.
#[derive(Debug)]
pub enum OpenError {
    /// There is no such interface.
    NotFound {
        /// The interface that was asked for.
        name: String,
        /// All interfaces of the system.
        existing: Vec<String>,
    },
    /// The process may not do this.
    NotPermitted {
        /// The interface that was asked for.
        name: String,
        /// What is needed, and how to get it.
        need: &'static str,
    },
    /// A TAP device was to be made under a name that an interface has.
    NameInUse {
        /// The name.
        name: String,
    },
    /// The door cannot do what was asked for; the sentence says what can.
    Unsupported {
        /// The interface that was asked for.
        name: String,
        /// The sentence.
        why: String,
    },
    /// The system refused.
    System {
        /// The interface that was asked for.
        name: String,
        /// The step that failed.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// What removes a link, for the operator.
const REMOVAL: &str = if cfg!(any(target_os = "solaris", target_os = "illumos")) {
    "dladm delete-vnic"
} else {
    "ip link delete"
};

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name, existing } if existing.is_empty() => {
                write!(f, "interface {name} does not exist, nor does any other")
            }
            Self::NotFound { name, existing } => {
                write!(f, "interface {name} does not exist; there are: {}", existing.join(", "))
            }
            Self::NotPermitted { name, need } => write!(f, "not permitted to open interface {name}: {need}"),
            Self::NameInUse { name } => {
                write!(
                    f,
                    "interface {name} already exists; choose another name or remove it ({REMOVAL} {name})"
                )
            }
            Self::Unsupported { name, why } => write!(f, "cannot open interface {name}: {why}"),
            Self::System { name, step, source } => {
                write!(f, "cannot open interface {name}: {step}: {source}")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl OpenError {
    pub(crate) fn system(name: &str, step: &'static str, source: impl Into<io::Error>) -> Self {
        Self::System { name: name.to_owned(), step, source: source.into() }
    }

    pub(crate) fn unsupported(name: &str, why: impl Into<String>) -> Self {
        Self::Unsupported { name: name.to_owned(), why: why.into() }
    }
}

/// Opens an interface.
///
/// # Errors
/// See [`OpenError`]. An interface that is down is opened; [`Port::link_up`] says so.
pub fn open(spec: &PortSpec) -> Result<Box<dyn Port>, OpenError> {
    if spec.queues == 0 {
        return Err(OpenError::unsupported(&spec.name, "a port needs at least one receive queue"));
    }
    cfg_if::cfg_if! {
        if #[cfg(target_os = "linux")] {
            match spec.access {
                Access::Auto | Access::Raw => Ok(Box::new(crate::linux::raw::open(&spec.name, spec.queues)?)),
                Access::Tap => Ok(Box::new(crate::linux::tap::open(&spec.name, spec.queues)?)),
                Access::Pcap => Ok(Box::new(crate::pcap::open(&spec.name, spec.queues)?)),
                Access::Dlpi => Err(no_dlpi(&spec.name)),
            }
        } else if #[cfg(any(target_os = "solaris", target_os = "illumos"))] {
            match spec.access {
                Access::Auto | Access::Raw => crate::solaris::best(&spec.name, spec.queues),
                Access::Tap => crate::solaris::tap(&spec.name, spec.queues),
                Access::Pcap => Ok(Box::new(crate::pcap::open(&spec.name, spec.queues)?)),
                Access::Dlpi => crate::solaris::dlpi_link(&spec.name, spec.queues),
            }
        } else {
            match spec.access {
                Access::Auto | Access::Raw | Access::Pcap => Ok(Box::new(crate::pcap::open(&spec.name, spec.queues)?)),
                Access::Tap => Err(OpenError::unsupported(&spec.name, "access tap needs Linux, Solaris or illumos; use access pcap here")),
                Access::Dlpi => Err(no_dlpi(&spec.name)),
            }
        }
    }
}

#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
fn no_dlpi(name: &str) -> OpenError {
    OpenError::unsupported(name, "access dlpi needs Solaris or illumos; use access raw here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_one_sentence_that_says_what_to_do() {
        let name = || "eth7".to_owned();
        let errors = [
            (
                OpenError::NotFound { name: name(), existing: vec!["eth0".into(), "lo".into()] },
                "interface eth7 does not exist; there are: eth0, lo",
            ),
            (
                OpenError::NotFound { name: name(), existing: vec![] },
                "interface eth7 does not exist, nor does any other",
            ),
            (
                OpenError::NotPermitted { name: name(), need: "run bng as root" },
                "not permitted to open interface eth7: run bng as root",
            ),
            (
                OpenError::NameInUse { name: name() },
                "interface eth7 already exists; choose another name or remove it (ip link delete eth7)",
            ),
            (
                OpenError::unsupported("eth7", "it is not Ethernet"),
                "cannot open interface eth7: it is not Ethernet",
            ),
            (
                OpenError::system("eth7", "receive ring", io::Error::other("no memory")),
                "cannot open interface eth7: receive ring: no memory",
            ),
        ];
        for (error, text) in errors {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_missing_interface_is_not_found_by_any_door() {
        for access in [Access::Auto, Access::Raw, Access::Pcap] {
            let spec = PortSpec { name: "bng-none".into(), access, queues: 1 };
            assert!(matches!(open(&spec), Err(OpenError::NotFound { .. })), "{access:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_door_of_another_system_says_what_to_use() {
        let spec = PortSpec { name: "lo".into(), access: Access::Dlpi, queues: 1 };
        let text = open(&spec).err().unwrap().to_string();
        assert_eq!(
            text,
            "cannot open interface lo: access dlpi needs Solaris or illumos; use access raw here"
        );
    }

    #[test]
    fn a_port_without_queues_is_refused() {
        let spec = PortSpec { name: "lo".into(), access: Access::Auto, queues: 0 };
        assert!(matches!(open(&spec), Err(OpenError::Unsupported { .. })));
    }
}
