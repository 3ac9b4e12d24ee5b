//! Where a thread runs and how much of its core it gets.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::io;

/// The nice value of workers: before ordinary processes, behind softirqs. A real-time worker that spins would starve
/// its core's ksoftirqd, which feeds its rings.
pub const WORKER_NICE: i32 = -10;

/// The cores that this thread may run on, in ascending order.
pub fn cores() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
}

/// Keeps the calling thread on one core.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Sets the nice value of the calling thread alone.
pub fn nice(value: i32) -> io::Result<()> {
    // SAFETY: setpriority takes numbers only. On Linux PRIO_PROCESS with 0 means the calling thread.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_run_on_its_core_only() {
        let last = *cores().unwrap().last().unwrap();
        std::thread::spawn(move || {
            pin(last).unwrap();
            assert_eq!(cores().unwrap(), [last]);
            nice(5).unwrap();
        })
        .join()
        .unwrap();
        assert!(pin(CpuSet::count()).is_err());
    }
}
