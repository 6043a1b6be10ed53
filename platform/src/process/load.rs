//! How busy the machine is.

/// The load average of the last minute: processes that ran or waited for a processor. `None` where the system cannot
/// say.
pub fn average() -> Option<f64> {
    let mut averages = [0.0; 1];
    // SAFETY: the array has room for the one value asked for; the call keeps no pointer.
    let got = unsafe { getloadavg(averages.as_mut_ptr(), 1) };
    (got == 1 && averages[0].is_finite() && averages[0] >= 0.0).then_some(averages[0])
}

/// Processors that are online, at least 1.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(not(target_os = "solaris"))]
use libc::getloadavg;

#[cfg(target_os = "solaris")]
unsafe extern "C" {
    /// getloadavg(3C), in libc since Solaris 8.
    fn getloadavg(averages: *mut libc::c_double, count: libc::c_int) -> libc::c_int;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_average_is_that_of_proc() {
        let read = || -> f64 {
            let text = std::fs::read_to_string("/proc/loadavg").unwrap();
            text.split(' ').next().unwrap().parse().unwrap()
        };
        // It may change between the two looks, and /proc rounds.
        let (before, ours, after) = (read(), super::average().unwrap(), read());
        assert!(
            before.min(after) - 0.02 <= ours && ours <= before.max(after) + 0.02,
            "{before} {ours} {after}"
        );
        assert!(super::processors() >= 1);
    }
}
