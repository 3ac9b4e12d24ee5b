//! Time, as it is passed in.

use jiff::Timestamp;
use std::time::Duration;

/// Both clocks, read once by whoever calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For what people read, and for what outlives a restart.
    pub civil: Timestamp,
    /// Since the start of the program, for every timer: it never jumps.
    pub monotonic: Duration,
}

impl Now {
    /// The civil time in whole seconds since 1970.
    pub fn unix_s(&self) -> i64 {
        self.civil.as_second()
    }
}

/// `at` plus a number of seconds; the end of time when there is no such moment.
pub(crate) fn later(at: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(at.as_second().saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `seconds` after the start of a program that was started on 2026-01-01.
    pub(crate) fn at(seconds: u64) -> Now {
        let start = Timestamp::from_second(1_767_225_600).expect("a moment of this century");
        Now { civil: later(start, seconds), monotonic: Duration::from_secs(seconds) }
    }

    #[test]
    fn the_end_of_time_is_an_answer() {
        assert_eq!(later(at(0).civil, u64::MAX), Timestamp::MAX);
        assert_eq!(later(at(0).civil, 5), at(5).civil);
    }
}
