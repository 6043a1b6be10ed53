//! Whether the process may open network interfaces, and when.

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

/// Runs `work`, which opens an interface. On Solaris and illumos a process that is not root has the privilege
/// `net_rawaccess` in effect only meanwhile, from the first call on: what is open stays usable without it.
///
/// Root is left as it is: a process that lowers its own privileges would lower those of the commands that it runs.
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub fn raised<T>(work: impl FnOnce() -> T) -> T {
    if nix::unistd::geteuid().is_root() {
        return work();
    }
    let _raised = solaris::Raised::now();
    work()
}

/// Runs `work`, which opens an interface.
#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
pub fn raised<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// setppriv(2)
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
mod solaris {
    use std::ffi::{c_char, c_int, c_void};
    use std::sync::{Mutex, PoisonError};

    /// `PRIV_ON` and `PRIV_OFF` of `<sys/priv.h>`.
    const ON: c_int = 0;
    const OFF: c_int = 1;

    unsafe extern "C" {
        fn setppriv(operation: c_int, which: *const c_char, set: *const c_void) -> c_int;
        fn priv_allocset() -> *mut c_void;
        fn priv_freeset(set: *mut c_void);
        fn priv_emptyset(set: *mut c_void);
        fn priv_addset(set: *mut c_void, privilege: *const c_char) -> c_int;
    }

    /// Threads that are opening something now: privileges belong to the process.
    static DEPTH: Mutex<usize> = Mutex::new(0);

    /// The privilege is in effect as long as one of these lives.
    pub(super) struct Raised;

    impl Raised {
        pub(super) fn now() -> Self {
            let mut depth = DEPTH.lock().unwrap_or_else(PoisonError::into_inner);
            if *depth == 0 {
                set(ON);
            }
            *depth += 1;
            Self
        }
    }

    impl Drop for Raised {
        fn drop(&mut self) {
            let mut depth = DEPTH.lock().unwrap_or_else(PoisonError::into_inner);
            *depth -= 1;
            if *depth == 0 {
                set(OFF);
            }
        }
    }

    /// Who was never granted the privilege learns that from what is opened.
    fn set(operation: c_int) {
        // SAFETY: no arguments.
        let privileges = unsafe { priv_allocset() };
        if privileges.is_null() {
            return;
        }
        // SAFETY: the set is allocated, both strings are terminated constants, and nothing is kept.
        unsafe {
            priv_emptyset(privileges);
            priv_addset(privileges, c"net_rawaccess".as_ptr());
            setppriv(operation, c"Effective".as_ptr(), privileges);
        }
        // SAFETY: allocated above, freed once.
        unsafe { priv_freeset(privileges) };
    }
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
