//! Threads and processors: where they run, and for how long they did.

/// Processor time that the calling thread has used; `None` where the system cannot say.
pub fn thread_time() -> Option<std::time::Duration> {
    let mut spent = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call, which keeps nothing.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut spent) };
    let (seconds, nanos) = (u64::try_from(spent.tv_sec).ok()?, u32::try_from(spent.tv_nsec).ok()?);
    (done == 0).then(|| std::time::Duration::new(seconds, nanos))
}

/// The processors that this process may use, ascending; empty where the system cannot say.
#[cfg(target_os = "linux")]
pub fn allowed() -> Vec<usize> {
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;
    sched_getaffinity(Pid::from_raw(0)).map_or_else(
        |_| Vec::new(),
        |set| (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect(),
    )
}

/// Keeps the calling thread on processor `cpu`.
///
/// # Errors
/// When the processor is not there or not allowed.
#[cfg(target_os = "linux")]
pub fn pin(cpu: usize) -> std::io::Result<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// The processors that this process may use, ascending; empty where the system cannot say.
#[cfg(not(target_os = "linux"))]
pub fn allowed() -> Vec<usize> {
    Vec::new()
}

/// Keeps the calling thread on processor `cpu`.
///
/// # Errors
/// Always: this system's scheduler is left alone.
#[cfg(not(target_os = "linux"))]
pub fn pin(_cpu: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_has_one_processor() {
        let cpus = allowed();
        let last = *cpus.last().unwrap();
        std::thread::spawn(move || {
            pin(last).unwrap();
            assert_eq!(allowed(), [last]);
        })
        .join()
        .unwrap();
        assert_eq!(allowed(), cpus);
    }

    #[test]
    fn a_thread_that_works_uses_time() {
        let before = thread_time().unwrap();
        let mut sum = 0_u64;
        while thread_time().unwrap() < before + std::time::Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(std::thread::spawn(|| thread_time().unwrap()).join().unwrap() < thread_time().unwrap());
    }
}
