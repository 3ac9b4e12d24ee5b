//! Probes: each runs once, however many backends of however many services listen to it.

use super::Place;
use super::check::{Check, Checked, Run, cut};
use crate::event::Action;
use config::Probe;
use net::Now;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The number of a probe that runs. Never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProbeId(pub u64);

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    ids: HashMap<Arc<Probe>, ProbeId>,
    running: BTreeMap<ProbeId, Running>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Running {
    probe: Arc<Probe>,
    listeners: Vec<Place>,
    run: Run,
    last: Checked,
    /// The process that ran it is gone, and its successor has not answered yet.
    stale: bool,
    /// It was started by an action.
    started: bool,
}

impl Probes {
    /// Before the listeners of another configuration are named by [`listen`](Self::listen).
    pub fn begin(&mut self) {
        self.running.values_mut().for_each(|running| running.listeners.clear());
    }

    /// `place` listens to a probe.
    pub fn listen(&mut self, probe: Probe, place: Place) -> ProbeId {
        let id = match self.ids.get(&probe) {
            Some(id) => *id,
            None => self.add(Arc::new(probe)),
        };
        let running = self.running.get_mut(&id).expect("every id runs");
        if running.listeners.last() != Some(&place) {
            running.listeners.push(place);
        }
        id
    }

    fn add(&mut self, probe: Arc<Probe>) -> ProbeId {
        let id = ProbeId(self.next);
        self.next += 1;
        self.ids.insert(Arc::clone(&probe), id);
        let (listeners, run, last) = (Vec::new(), Run::default(), Checked::default());
        self.running.insert(id, Running { probe, listeners, run, last, stale: false, started: false });
        id
    }

    /// Starts what is new and stops what nobody listens to.
    pub fn end(&mut self, actions: &mut Vec<Action>) {
        let Self { ids, running, .. } = self;
        running.retain(|id, running| {
            let wanted = !running.listeners.is_empty();
            if !wanted {
                ids.remove(&running.probe);
                actions.push(Action::StopProbe { id: *id });
            } else if !std::mem::replace(&mut running.started, true) {
                actions.push(Action::StartProbe { id: *id, probe: Arc::clone(&running.probe) });
            }
            wanted
        });
    }

    /// An answer; whoever listens is to be told. `None`: nobody does, or a later one came before.
    pub fn hear(&mut self, id: ProbeId, checked: &mut Checked) -> Option<Vec<Place>> {
        let running = self.running.get_mut(&id)?;
        if running.run.length > 0 && checked.at < running.last.at {
            return None;
        }
        cut(&mut checked.text);
        running.stale = false;
        running.run.add(checked.passed);
        running.last = checked.clone();
        Some(running.listeners.clone())
    }

    /// A check learns what its probe found before.
    pub fn tell(&self, check: &mut Check) {
        if let Some(running) = check.probe.and_then(|id| self.running.get(&id)) {
            check.catch_up(running.run, &running.last);
        }
    }

    /// The process that ran them is gone: all start again.
    pub fn restart(&mut self, actions: &mut Vec<Action>) {
        for (id, running) in &mut self.running {
            running.stale = true;
            actions.push(Action::StartProbe { id: *id, probe: Arc::clone(&running.probe) });
        }
    }

    /// Whether a judgement by this probe is as old as its process.
    pub fn is_stale(&self, id: ProbeId) -> bool {
        self.running.get(&id).is_some_and(|running| running.stale)
    }

    /// When an answer is there, if the probe begins now and its process works.
    pub fn answer_by(&self, id: ProbeId, now: Now) -> Now {
        let question = self.running.get(&id).map(|running| &running.probe.question);
        let ms = question.map_or(0, |question| u64::from(question.interval_ms) + u64::from(question.timeout_ms));
        now + Duration::from_millis(ms)
    }

    /// Those that run.
    pub fn iter(&self) -> impl Iterator<Item = (ProbeId, &Arc<Probe>)> {
        self.running.iter().map(|(id, running)| (*id, &running.probe))
    }

    pub fn len(&self) -> usize {
        self.running.len()
    }
}
