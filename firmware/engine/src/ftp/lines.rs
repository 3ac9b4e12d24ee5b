//! Where the lines of one direction start, so that nothing in the middle of one is taken for a reply: what a server says
//! may contain what a client wants it to.

use super::shift::is_after;
use std::ops::Range;

/// Bytes of a segment that are searched for commands.
const SCAN_MAX: usize = 4096;

/// What is known of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// The segment that was last seen to start a line: it may come again.
    last: Option<u32>,
    /// Behind the last line that was seen to end; unknown at first.
    next: Option<u32>,
    /// Behind everything seen.
    seen: Option<u32>,
}

impl Lines {
    /// The whole lines in `payload`, without what ends them, as ranges of `bytes`.
    pub(super) fn of<'b>(
        &mut self,
        bytes: &'b [u8],
        payload: Range<usize>,
        sequence: u32,
    ) -> impl Iterator<Item = Range<usize>> + use<'b> {
        // Behind a gap, where segments were lost on their way here, a sender goes on with a line more likely than not.
        // Only loss makes one: a client can make a server cut and repeat its segments anywhere, but not leave some out.
        let starts_line = self.last == Some(sequence)
            || self.next == Some(sequence)
            || self.seen.is_none_or(|seen| is_after(sequence, seen));
        if payload.is_empty() {
            return Self::whole_lines(bytes, payload, true);
        }
        if starts_line {
            self.last = Some(sequence);
        }
        let end = sequence.wrapping_add(payload.len() as u32);
        if self.seen.is_none_or(|seen| is_after(end, seen)) {
            self.seen = Some(end);
        }
        if bytes[payload.clone()].last() == Some(&b'\n') && self.next.is_none_or(|next| is_after(end, next)) {
            self.next = Some(end);
        }
        Self::whole_lines(bytes, payload, starts_line)
    }

    fn whole_lines(
        bytes: &[u8],
        payload: Range<usize>,
        starts_line: bool,
    ) -> impl Iterator<Item = Range<usize>> + use<'_> {
        let end = payload.end.min(payload.start + SCAN_MAX);
        let mut at = payload.start;
        let mut is_line = starts_line;
        std::iter::from_fn(move || {
            loop {
                let length = bytes[at..end].iter().position(|byte| *byte == b'\n')?;
                let line = at..at + length;
                at += length + 1;
                if std::mem::replace(&mut is_line, true) {
                    return Some(line);
                }
            }
        })
    }
}
