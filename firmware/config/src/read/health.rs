//! How the health of a service's backends is judged.

use crate::health::{Flap, HealthRules, Passive, Quorum};
use crate::limits::{BACKENDS_MAX, FAULTS_MAX, FLAP_CHANGES_MAX, HEALTH_S_MAX};
use crate::reader::{Reader, Value};

pub(super) fn rules(reader: &mut Reader<'_>) -> HealthRules {
    HealthRules {
        slow_start_s: reader.number("slow_start_s", 0..=HEALTH_S_MAX, 0),
        start_state: reader.named("start_state"),
        flap: reader.value("flap").and_then(|value| flap(&value)),
        passive: reader.value("passive").and_then(|value| passive(&value)),
        backends_min: reader.number("backends_min", 1..=BACKENDS_MAX as u32, 1),
        quorum: reader.value("quorum").and_then(|value| quorum(&value)).unwrap_or_default(),
        feedback: reader.named("feedback"),
    }
}

fn flap(value: &Value<'_>) -> Option<Flap> {
    let mut reader = value.reader("a table, as in { changes_max = 6, window_s = 60, hold_s = 60 }")?;
    let flap = Flap {
        changes_max: reader.number("changes_max", 1..=FLAP_CHANGES_MAX, 6),
        window_s: reader.number("window_s", 1..=HEALTH_S_MAX, 60),
        hold_s: reader.number("hold_s", 1..=HEALTH_S_MAX, 60),
    };
    reader.finish().then_some(flap)
}

fn passive(value: &Value<'_>) -> Option<Passive> {
    let mut reader = value.reader("a table, as in { unanswered_max = 10, refused_max = 10 }")?;
    let passive = Passive {
        unanswered_max: reader.number("unanswered_max", 0..=FAULTS_MAX, 10),
        refused_max: reader.number("refused_max", 0..=FAULTS_MAX, 10),
        // Some protocols over UDP have no answers.
        one_way_max: reader.number("one_way_max", 0..=FAULTS_MAX, 0),
        faulty_percent_min: reader.number("faulty_percent_min", 0..=100, 50),
        // Shorter than two readings of the counters a window may hold nothing.
        window_s: reader.number("window_s", 4..=HEALTH_S_MAX, 10),
        hold_s: reader.number("hold_s", 1..=HEALTH_S_MAX, 30),
        down_percent_max: reader.number("down_percent_max", 1..=100, 50),
    };
    reader.finish().then_some(passive)
}

fn quorum(value: &Value<'_>) -> Option<Quorum> {
    let mut reader = value.reader("a table, as in { up = 3, down = 2 }")?;
    let up = reader.number("up", 1..=BACKENDS_MAX as u32, 1);
    let quorum = Quorum { up, down: reader.number("down", 1..=BACKENDS_MAX as u32, up) };
    reader.finish().then_some(quorum)
}
