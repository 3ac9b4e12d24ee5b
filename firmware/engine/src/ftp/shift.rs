//! Sequence numbers of a direction whose text changed its length: the sender counts its own bytes, the receiver ours.

/// How far the numbers are apart, before and behind the text that was replaced last. Older replacements are in `before`:
/// FTP waits for the answer, so what precedes them has long been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shift {
    /// First byte of the text, in the sender's numbers.
    position: u32,
    /// Bytes of what replaced it.
    new_length: u16,
    before: i32,
    after: i32,
}

impl Shift {
    /// The shift once a text at `position` was replaced: (old, new) lengths. The same text again changes nothing.
    pub(super) fn advance(previous: Option<Self>, position: u32, (old_length, new_length): (u16, u16)) -> Self {
        match previous {
            Some(previous) if !is_after(position, previous.position) => previous,
            previous => {
                let before = previous.map_or(0, |previous| previous.after);
                let after = before + i32::from(new_length) - i32::from(old_length);
                Self { position, new_length, before, after }
            }
        }
    }

    /// What the receiver is to see for the sender's sequence number of a segment.
    pub(super) fn sequence(&self, sequence: u32) -> u32 {
        let by = if is_after(sequence, self.position) { self.after } else { self.before };
        sequence.wrapping_add_signed(by)
    }

    /// What the sender is to see for a number that the receiver acknowledges. Inside the text nothing of it counts as
    /// received: the sender knows no such place.
    pub(super) fn acknowledgement(&self, acknowledgement: u32) -> u32 {
        let start = self.position.wrapping_add_signed(self.before);
        if !is_after(acknowledgement, start) {
            acknowledgement.wrapping_add_signed(-self.before)
        } else if acknowledgement.wrapping_sub(start) < u32::from(self.new_length) {
            self.position
        } else {
            acknowledgement.wrapping_add_signed(-self.after)
        }
    }
}

/// Whether sequence number `a` is behind `b` (RFC 9293 3.4).
pub(super) const fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_there_and_back() {
        // 15 bytes at 1000 became 18, then 14 bytes at 2000 became 17.
        let first = Shift::advance(None, 1000, (15, 18));
        let second = Shift::advance(Some(first), 2000, (14, 17));
        assert_eq!(Shift::advance(Some(second), 2000, (14, 17)), second, "the same again");
        assert_eq!(Shift::advance(Some(second), 1000, (15, 18)), second, "an older one again");
        // (shift, sender's number, receiver's number)
        for (shift, sender, receiver) in [
            (first, 900, 900),
            (first, 1000, 1000),
            (first, 1015, 1018),
            (first, 1500, 1503),
            (second, 1990, 1993),
            (second, 2000, 2003),
            (second, 2014, 2020),
            (second, 5000, 5006),
        ] {
            assert_eq!(shift.sequence(sender), receiver, "sequence {sender}");
            assert_eq!(shift.acknowledgement(receiver), sender, "acknowledgement {receiver}");
        }
        assert_eq!(first.acknowledgement(1010), 1000, "the middle of the text");
        assert_eq!(first.acknowledgement(1017), 1000, "its last byte is missing");
    }

    #[test]
    fn numbers_wrap() {
        let shift = Shift::advance(None, u32::MAX - 4, (10, 7));
        assert_eq!((shift.sequence(u32::MAX - 4), shift.sequence(5)), (u32::MAX - 4, 2));
        assert_eq!((shift.acknowledgement(2), shift.acknowledgement(u32::MAX - 4)), (5, u32::MAX - 4));
    }
}
