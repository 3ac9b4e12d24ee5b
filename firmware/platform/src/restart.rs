//! When a role that ended is started again: soon, and ever later while it keeps ending.

use std::time::Duration;

/// Before the first restart: long enough not to take a core, short enough that nobody notices.
const FIRST: Duration = Duration::from_millis(250);
/// Before any later one at most.
const LONGEST: Duration = Duration::from_secs(30);
/// A role that ran so long has worked; what ends it then is something new.
const WORKED: Duration = Duration::from_secs(60);

/// How often a role has failed lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    failures: u32,
}

impl Restart {
    /// The role ended after it had run so long. How long to wait before it is started again.
    pub fn ended(&mut self, ran: Duration) -> Duration {
        if ran >= WORKED {
            self.failures = 0;
        }
        // Doubling stops long before it could overflow.
        let wait = FIRST * (1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        wait.min(LONGEST)
    }

    /// How often in a row it ended without having worked.
    pub fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_a_role_has_worked() {
        let mut restart = Restart::default();
        let waits: Vec<u128> = (0..9).map(|_| restart.ended(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(restart.failures(), 9);
        assert_eq!(restart.ended(WORKED), FIRST);
        assert_eq!(restart.failures(), 1);
        let mut tired = Restart { failures: u32::MAX };
        assert_eq!(tired.ended(Duration::ZERO), LONGEST);
    }
}
