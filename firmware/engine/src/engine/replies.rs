//! How many answers the engine gives per second: ICMP errors, resets, echo replies (RFC 1812 4.3.2.8, RFC 4443 2.4 f).

use net::Now;

/// A token bucket of one second's worth.
#[derive(Debug, Default)]
pub(super) struct ReplyBudget {
    tokens: u32,
    filled_at_ms: u64,
}

impl ReplyBudget {
    /// Takes one answer from the budget; `false` when there is none left.
    pub(super) fn take(&mut self, now: Now, per_second: u32) -> bool {
        let elapsed_ms = now.millis().saturating_sub(self.filled_at_ms).min(1_000);
        let gained = (elapsed_ms * u64::from(per_second) / 1_000) as u32;
        if gained > 0 || self.filled_at_ms == 0 {
            let start = if self.filled_at_ms == 0 { per_second } else { 0 };
            self.tokens = self.tokens.saturating_add(gained).saturating_add(start).min(per_second);
            self.filled_at_ms = now.millis().max(1);
        }
        match self.tokens.checked_sub(1) {
            Some(rest) => {
                self.tokens = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_its_number_of_answers() {
        let mut budget = ReplyBudget::default();
        let at = |ms: u64| Now(ms * 1_000_000);
        assert_eq!((0..200).filter(|_| budget.take(at(5_000), 100)).count(), 100);
        assert_eq!((0..200).filter(|_| budget.take(at(5_500), 100)).count(), 50);
        assert_eq!((0..200).filter(|_| budget.take(at(9_000), 100)).count(), 100);
        assert!(!ReplyBudget::default().take(at(1), 0));
    }
}
