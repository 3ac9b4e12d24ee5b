//! What happens, heard over HTTPS as it happens.

use super::{Named, Stage, bearer, json};
use lab::Result;
use lab::command::{Finished, wait_until, words};
use lab::console::{SITE, expect};
use lab::error::{Act, LabError};
use lab::process::Daemon;
use serde_json::Value;
use std::fs;
use std::time::Duration;

const ARRIVAL: Duration = Duration::from_secs(15);
/// Places for listeners, as the API has them.
const LISTENERS_MAX: usize = 32;
/// Events that are kept, as the API has them.
const KEPT_MAX: usize = 1_024;

pub fn tests() -> Vec<Named> {
    vec![
        ("what happens is heard, and who comes back misses nothing", heard),
        ("there are places for so many listeners", places),
    ]
}

/// An event.
#[derive(Debug)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

/// Whole events of a text.
fn events(text: &str) -> Result<Vec<Event>> {
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let blocks = whole.split("\n\n").filter(|block| block.contains("event: "));
    blocks
        .map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            Ok(Event { id: field("id: ").to_owned(), kind: field("event: ").to_owned(), data: json(field("data: "))? })
        })
        .collect()
}

/// Somebody who listens until it is dropped.
fn listener(stage: &Stage, name: &str, after: Option<&str>) -> Result<Daemon> {
    let (header, url) = (bearer(&stage.viewer), format!("{SITE}/api/v1/events"));
    let last = format!("Last-Event-ID: {}", after.unwrap_or_default());
    let mut arguments = vec!["-sS", "-k", "-i", "-N", "--max-time", "50", "-H", &header, &url];
    if after.is_some() {
        arguments.extend(["-H", &last]);
    }
    let daemon = stage.lab.daemon("a", name, &mut words("curl", arguments))?;
    wait_until("the answer begins", ARRIVAL, || daemon.said().contains("\r\n\r\nretry: "))
        .map_err(|error| LabError::Answer(format!("{error}: {}", daemon.said())))?;
    Ok(daemon)
}

fn hears(listener: &Daemon, kind: &str, subject: &str) -> Result<Event> {
    let mut found = None;
    let act = format!("{kind} of {subject} is heard");
    let heard = wait_until(&act, ARRIVAL, || {
        let events = events(&listener.said()).unwrap_or_default();
        found = events.into_iter().find(|event| event.kind == kind && event.data["subject"] == subject);
        found.is_some()
    });
    heard.map_err(|error| LabError::Answer(format!("{error}: {}", listener.said())))?;
    found.ok_or(LabError::Answer(act))
}

fn heard(stage: &mut Stage) -> Result<()> {
    let first = listener(stage, "listener", None)?;
    let drained = stage.suimon.ctl(&["drain", "web/s1", "--deadline", "1s"])?.success();
    drained?;
    let drain = hears(&first, "backend-drain", "web/s1")?;
    expect(drain.data["cause"] == "deadline in 1 s", || format!("{drain:?}"))?;
    hears(&first, "drain-ended", "web/s1")?;
    stage.suimon.ctl(&["online", "web/s1"])?.success()?;
    hears(&first, "backend-online", "web/s1")?;
    // Nobody is there to answer a check in this lab.
    let toml = fs::read_to_string(stage.suimon.file()).act(|| "read the document".into())?;
    let check = "\n[[service.check]]\nname = \"page\"\nkind = \"connect\"\ninterval_ms = 500\ntimeout_ms = 300\n\n[[service.backend]]";
    let (checked, kept) = (stage.lab.folder().join("checked.toml"), stage.suimon.file().display().to_string());
    fs::write(&checked, toml.replacen("\n[[service.backend]]", check, 1)).act(|| "write a document".into())?;
    let before = stage.call("/api/v1/status", &["-H", &bearer(&stage.viewer)])?.is(200)?;
    let revision = json(&before.body)?["revision"].as_u64().unwrap_or_default();
    stage.suimon.ctl(&["apply", &checked.display().to_string()])?.success()?;
    let changed = hears(&first, "config-changed", &(revision + 1).to_string())?;
    let down = hears(&first, "backend-down", "web/s1")?;
    hears(&first, "service-down", "web")?;
    stage.suimon.ctl(&["apply", &kept])?.success()?;
    hears(&first, "config-changed", &(revision + 2).to_string())?;
    let all = events(&first.said())?;
    expect(all.iter().all(|event| event.data["kind"] == event.kind.as_str()), || format!("{all:?}"))?;
    drop(first);

    // Heard again from there on, and only from there on.
    let again = listener(stage, "again", Some(&changed.id))?;
    hears(&again, "config-changed", &(revision + 2).to_string())?;
    let later: Vec<_> = events(&again.said())?.into_iter().map(|event| event.id).collect();
    let expected: Vec<_> =
        all.iter().map(|event| event.id.clone()).skip_while(|id| *id != changed.id).skip(1).collect();
    expect(later.starts_with(&expected) && later.contains(&down.id), || format!("{later:?}, expected {expected:?}"))?;
    let unknown = listener(stage, "unknown", Some("0-7"))?;
    let found = events(&unknown.said())?;
    let gap = found.first().is_some_and(|event| event.kind == "gap" && event.data["missed"].is_null());
    expect(gap && found.len() <= KEPT_MAX + 1, || format!("{found:?}"))
}

/// One more than there are places is told to come later, and gets in when somebody has left.
fn places(stage: &mut Stage) -> Result<()> {
    let mut listeners: Vec<Daemon> =
        (0..LISTENERS_MAX).map(|number| listener(stage, &format!("listener{number}"), None)).collect::<Result<_>>()?;
    let header = bearer(&stage.viewer);
    let refused = stage.call("/api/v1/events", &["-H", &header])?;
    expect(refused.head.contains("\nretry-after: "), || format!("{refused:?}"))?;
    refused.refused(429)?;
    let counted = stage.suimon.get("/metrics")?;
    let numbers = ["suimon_event_listeners 32", "suimon_event_listeners_refused_calls_total 1"];
    expect(numbers.iter().all(|number| counted.contains(number)), || counted.clone())?;
    listeners.truncate(1);
    let url = format!("{SITE}/api/v1/events");
    let fixed = ["-sS", "-k", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "1", "-H", &header, &url];
    let gets_in = || {
        let finished = stage.lab.node("a").run(&mut words("curl", fixed), super::LIMIT);
        finished.is_ok_and(|Finished { stdout, .. }| stdout == "200")
    };
    wait_until("a place is free", ARRIVAL, gets_in)
}
