//! Whether the process may open network interfaces.

/// Whether the process is root: who lacks a privilege then has been denied it by whoever started the system around it.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// What to do when root lacks the privileges of [`missing`].
pub const WITHHELD: &str = if cfg!(target_os = "linux") {
    "allow them to the container (--cap-add NET_ADMIN --cap-add NET_RAW) or to the service (CapabilityBoundingSet=)"
} else if cfg!(any(target_os = "solaris", target_os = "illumos")) {
    "allow them to the zone (limitpriv of zonecfg) or to the service (privileges of its method_credential)"
} else {
    "allow them to the jail or service"
};

/// The privileges for opening interfaces that are missing, by the name the operator grants them with; empty when
/// all is well. A system that cannot be asked counts as "all is well": opening the interface gives the answer then.
#[cfg(target_os = "linux")]
pub fn missing() -> Vec<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).map_or_else(Vec::new, |set| {
        [(CAP_NET_ADMIN, "CAP_NET_ADMIN"), (CAP_NET_RAW, "CAP_NET_RAW")]
            .into_iter()
            .filter(|(bit, _)| set & (1 << bit) == 0)
            .map(|(_, name)| name)
            .collect()
    })
}

/// Bit of the capability to configure interfaces and make TAP devices (`linux/capability.h`).
#[cfg(target_os = "linux")]
const CAP_NET_ADMIN: u32 = 12;
/// Bit of the capability to open packet sockets (`linux/capability.h`).
#[cfg(target_os = "linux")]
const CAP_NET_RAW: u32 = 13;

/// The effective capability set in the text of `/proc/PID/status` (proc(5): `CapEff`, hexadecimal).
#[cfg(target_os = "linux")]
fn effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// The privileges for opening interfaces that are missing, by the name the operator grants them with; empty when
/// all is well.
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub fn missing() -> Vec<&'static str> {
    unsafe extern "C" {
        /// priv_ineffect(3C)
        fn priv_ineffect(privilege: *const libc::c_char) -> libc::c_int;
    }
    // SAFETY: the argument is a constant string with its terminating zero; the function keeps no pointer.
    let granted = unsafe { priv_ineffect(c"net_rawaccess".as_ptr()) } != 0;
    if granted { Vec::new() } else { vec!["net_rawaccess"] }
}

/// The privileges for opening interfaces that are missing, by the name the operator grants them with; empty when
/// all is well.
#[cfg(not(any(target_os = "linux", target_os = "solaris", target_os = "illumos")))]
pub fn missing() -> Vec<&'static str> {
    if is_root() { Vec::new() } else { vec!["root"] }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_effective_set_is_read_and_not_another_one() {
        let status =
            "Name:\tbng\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000003000\n";
        assert_eq!(effective(status), Some(1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW));
        assert_eq!(effective("CapEff:\tnonsense\n"), None);
        assert_eq!(effective(""), None);
    }
}
