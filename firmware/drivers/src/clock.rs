//! The one clock that workers, control loop and fast path share; and the one on the wall, for what outlives a restart.

use net::Now;
use std::time::{SystemTime, UNIX_EPOCH};

/// CLOCK_MONOTONIC, which eBPF programs read too (`bpf_ktime_get_ns`). About 20 ns: once per turn, not per frame.
pub fn now() -> Now {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the kernel to write; CLOCK_MONOTONIC always exists, so the call cannot
    // fail and leave it unwritten.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    Now(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// Seconds since 1970. People and NTP set this clock: it dates things, and measures nothing.
pub fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_and_advances() {
        let first = now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(now().since(first).as_micros() >= 2000);
    }
}
