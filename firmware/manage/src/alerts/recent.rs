//! What happened lately, and what of it lasts: kept in memory, told or not.

use super::{Event, recovery_of};
use std::collections::VecDeque;

/// Events that are kept. One that lasts is forgotten after all that are over.
pub const RECENT_MAX: usize = 100;

/// Whether an event goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It began a state that has not ended.
    Lasting,
    /// It began a state that has ended.
    Over,
    /// It began none.
    Single,
}

/// The events.
#[derive(Debug, Default)]
pub struct Recent {
    events: VecDeque<(Event, Course)>,
}

impl Recent {
    /// Something happened.
    pub fn push(&mut self, event: &Event) {
        self.end(|open| recovery_of(open.kind) == Some(event.kind) && open.subject == event.subject);
        if self.events.len() >= RECENT_MAX {
            let oldest = self.events.iter().position(|(_, course)| *course != Course::Lasting).unwrap_or(0);
            self.events.remove(oldest);
        }
        let course = if recovery_of(event.kind).is_some() { Course::Lasting } else { Course::Single };
        self.events.push_back((event.clone(), course));
    }

    /// What is about something that is no more does not last.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.end(|open| !is_there(&open.subject));
    }

    /// All of them, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (&Event, Course)> {
        self.events.iter().rev().map(|(event, course)| (event, *course))
    }

    fn end(&mut self, is_over: impl Fn(&Event) -> bool) {
        for (event, course) in &mut self.events {
            if *course == Course::Lasting && is_over(event) {
                *course = Course::Over;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::AlertKind::{self, BackendDown, BackendUp, ConfigChanged};
    use jiff::Timestamp;

    fn event(kind: AlertKind, subject: &str) -> Event {
        Event::new(kind, subject, "", Timestamp::UNIX_EPOCH)
    }

    fn shown(recent: &Recent) -> Vec<(String, Course)> {
        recent.newest_first().map(|(event, course)| (event.subject.clone(), course)).collect()
    }

    #[test]
    fn what_is_over_does_not_last() {
        let mut recent = Recent::default();
        for event in [event(BackendDown, "web/s1"), event(BackendDown, "web/s2"), event(ConfigChanged, "2")] {
            recent.push(&event);
        }
        recent.push(&event(BackendUp, "web/s1"));
        let expected =
            [("web/s1", Course::Single), ("2", Course::Single), ("web/s2", Course::Lasting), ("web/s1", Course::Over)];
        assert_eq!(shown(&recent), expected.map(|(subject, course)| (subject.to_owned(), course)));
        recent.keep(|subject| subject == "web/s1");
        assert_eq!(shown(&recent)[2].1, Course::Over);
    }

    #[test]
    fn what_lasts_is_forgotten_last() {
        let mut recent = Recent::default();
        recent.push(&event(BackendDown, "web/s1"));
        for number in 0..2 * RECENT_MAX {
            recent.push(&event(ConfigChanged, &number.to_string()));
        }
        let shown = shown(&recent);
        assert_eq!(shown.len(), RECENT_MAX);
        assert_eq!(shown.last(), Some(&("web/s1".to_owned(), Course::Lasting)));
        for number in 0..RECENT_MAX {
            recent.push(&event(BackendDown, &format!("web/b{number}")));
        }
        assert_eq!(recent.newest_first().count(), RECENT_MAX);
    }
}
