//! What happened of late, for whoever listens: the newest events in a ring, each with an id that tells a listener that
//! comes back where it was. Nobody who adds an event waits for anybody who listens.

use api::{EVENT_GAP, EVENT_LISTENERS_MAX, EVENTS_KEPT_MAX, Gap, Happening};
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Events that are handed to a listener at once.
const EVENTS_PER_TURN_MAX: usize = 64;

/// The ring. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Happenings(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Tells ids of this start of the node from those of others.
    start: u64,
    ring: Mutex<Ring>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
    listeners: AtomicUsize,
    refused: AtomicU64,
    missed: AtomicU64,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Arc<Happening>>,
    /// Events so far: the number of the newest one.
    added: u64,
}

/// What became of events since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Of those, how many are kept no more.
    pub forgotten: u64,
    /// Listeners now.
    pub listeners: u64,
    /// Listeners that were refused: [`EVENT_LISTENERS_MAX`] were there.
    pub listeners_refused: u64,
    /// Events that listeners asked for too late.
    pub missed: u64,
}

impl Happenings {
    /// Nothing has happened yet. `start` is another number at each start of the node.
    pub fn new(start: u64) -> Self {
        Self(Arc::new(Inner {
            start,
            ring: Mutex::default(),
            newest: watch::channel(0).0,
            listeners: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }))
    }

    /// Something happened.
    pub fn add(&self, happening: Happening) {
        let mut ring = self.ring();
        if ring.kept.len() == EVENTS_KEPT_MAX {
            ring.kept.pop_front();
        }
        ring.kept.push_back(Arc::new(happening));
        ring.added += 1;
        self.0.newest.send_replace(ring.added);
    }

    /// Somebody who listens, from what happens after the event `last` on; without it from now on. `None`: too many do.
    pub fn listen(&self, last: Option<&str>) -> Option<Listener> {
        let place =
            self.0.listeners.fetch_update(Relaxed, Relaxed, |there| (there < EVENT_LISTENERS_MAX).then_some(there + 1));
        if place.is_err() {
            self.0.refused.fetch_add(1, Relaxed);
            return None;
        }
        let newest = self.ring().added;
        let known = last.map(|last| self.number(last).filter(|number| *number <= newest));
        Some(Listener {
            happenings: self.clone(),
            heard: known.map_or(newest, Option::unwrap_or_default),
            is_lost: known == Some(None),
            newest: self.0.newest.subscribe(),
        })
    }

    /// What became of them.
    pub fn counts(&self) -> Counts {
        let (events, kept) = {
            let ring = self.ring();
            (ring.added, ring.kept.len() as u64)
        };
        Counts {
            events,
            forgotten: events - kept,
            listeners: self.0.listeners.load(Relaxed) as u64,
            listeners_refused: self.0.refused.load(Relaxed),
            missed: self.0.missed.load(Relaxed),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, number: u64) -> String {
        format!("{:x}-{number}", self.0.start)
    }

    /// The number of an event of this start.
    fn number(&self, id: &str) -> Option<u64> {
        let (start, number) = id.split_once('-')?;
        (u64::from_str_radix(start, 16) == Ok(self.0.start)).then(|| number.parse().ok())?
    }
}

/// Somebody who listens. The place is free again when it is dropped.
#[derive(Debug)]
pub struct Listener {
    happenings: Happenings,
    /// The number of the event heard last.
    heard: u64,
    /// Whether it asked for events after one of which nothing is known.
    is_lost: bool,
    newest: watch::Receiver<u64>,
}

impl Listener {
    /// What it has not heard yet, as server-sent events; some of it if that is much, nothing if it has heard all.
    pub fn news(&mut self) -> String {
        let (first, found) = {
            let ring = self.happenings.ring();
            let oldest = ring.added - ring.kept.len() as u64;
            let first = self.heard.max(oldest);
            let found = ring.kept.iter().skip((first - oldest) as usize).take(EVENTS_PER_TURN_MAX);
            (first, found.cloned().collect::<Vec<_>>())
        };
        let mut text = String::new();
        let missed = first - self.heard;
        if self.is_lost || missed > 0 {
            self.happenings.0.missed.fetch_add(missed, Relaxed);
            let gap = Gap { missed: (!std::mem::take(&mut self.is_lost)).then_some(missed) };
            emit(&mut text, &self.happenings.id(first), EVENT_GAP, &gap);
        }
        for (number, happening) in (first + 1..).zip(&found) {
            emit(&mut text, &self.happenings.id(number), &happening.kind, happening.as_ref());
        }
        self.heard = first + found.len() as u64;
        text
    }

    /// Waits until there are news.
    pub async fn changed(&mut self) {
        let heard = self.heard;
        // The sender lives as long as the ring, which this listener holds.
        let _ = self.newest.wait_for(|newest| *newest > heard).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.happenings.0.listeners.fetch_sub(1, Relaxed);
    }
}

/// One event. JSON text has no line ends of its own, so that one line of data is enough.
fn emit(text: &mut String, id: &str, kind: &str, data: &impl serde::Serialize) {
    let data = serde_json::to_string(data).expect("happenings are text and numbers");
    let _ = write!(text, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(number: u64) -> Happening {
        Happening { unix_s: number, kind: "backend-down".into(), subject: "web/s1".into(), cause: "a\nb".into() }
    }

    fn ring(count: u64) -> Happenings {
        let happenings = Happenings::new(0xab);
        (1..=count).for_each(|number| happenings.add(happening(number)));
        happenings
    }

    fn ids(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
    }

    #[test]
    fn an_event_is_four_lines() {
        let happenings = ring(1);
        let mut listener = happenings.listen(None).unwrap();
        assert_eq!(listener.news(), "");
        happenings.add(happening(2));
        let data = r#"{"unix_s":2,"kind":"backend-down","subject":"web/s1","cause":"a\nb"}"#;
        assert_eq!(listener.news(), format!("id: ab-2\nevent: backend-down\ndata: {data}\n\n"));
        assert_eq!(listener.news(), "");
    }

    #[test]
    fn who_comes_back_goes_on_where_it_was() {
        let happenings = ring(EVENTS_KEPT_MAX as u64 + 10);
        for (last, begins) in [
            ("ab-1030", "id: ab-1031\nevent: backend-down\n"),
            ("ab-10", "id: ab-11\nevent: backend-down\n"),
            ("ab-9", "id: ab-10\nevent: gap\ndata: {\"missed\":1}\n\nid: ab-11\n"),
            ("ab-0", "id: ab-10\nevent: gap\ndata: {\"missed\":10}\n\nid: ab-11\n"),
            // Of another start of the node, from the future, nonsense: nothing is known of what was heard.
            ("aa-1030", "id: ab-10\nevent: gap\ndata: {\"missed\":null}\n\nid: ab-11\n"),
            ("ab-9999", "id: ab-10\nevent: gap\ndata: {\"missed\":null}\n\nid: ab-11\n"),
            ("x", "id: ab-10\nevent: gap\ndata: {\"missed\":null}\n\nid: ab-11\n"),
        ] {
            let text = happenings.listen(Some(last)).unwrap().news();
            assert!(text.starts_with(begins), "{last}: {text}");
        }
        assert_eq!(happenings.listen(Some("ab-1034")).unwrap().news(), "");
    }

    #[test]
    fn a_slow_listener_is_told_what_it_missed() {
        let happenings = ring(0);
        let mut listener = happenings.listen(None).unwrap();
        (1..=200).for_each(|number| happenings.add(happening(number)));
        let first = listener.news();
        assert_eq!((ids(&first).len(), ids(&first)[0]), (EVENTS_PER_TURN_MAX, "ab-1"));
        (0..EVENTS_KEPT_MAX as u64).for_each(|number| happenings.add(happening(number)));
        assert!(listener.news().starts_with("id: ab-200\nevent: gap\ndata: {\"missed\":136}\n\nid: ab-201\n"));
        let counts = happenings.counts();
        assert_eq!((counts.events, counts.forgotten, counts.missed), (1_224, 200, 136));
    }

    #[test]
    fn there_are_places_for_so_many() {
        let happenings = ring(0);
        let listeners: Vec<_> = (0..EVENT_LISTENERS_MAX).map(|_| happenings.listen(None).unwrap()).collect();
        assert!(happenings.listen(None).is_none());
        assert_eq!((happenings.counts().listeners, happenings.counts().listeners_refused), (32, 1));
        drop(listeners);
        assert!(happenings.listen(None).is_some() && happenings.counts().listeners == 0);
    }

    #[tokio::test]
    async fn news_wake_up_whoever_listens() {
        let happenings = ring(3);
        let mut listener = happenings.listen(Some("ab-2")).unwrap();
        listener.changed().await;
        assert_eq!(ids(&listener.news()), ["ab-3"]);
        let adding = happenings.clone();
        tokio::join!(listener.changed(), async { adding.add(happening(4)) });
        assert_eq!(ids(&listener.news()), ["ab-4"]);
    }
}
