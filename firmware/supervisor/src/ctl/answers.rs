//! The texts of commands that do or explain something.

use super::listing;
use super::words::{counted, duration};
use api::{Applied, Backend, Confirmed, Explanation, Killed, Outcome, Then};
use config::{BackendState, Diff};

/// How many flows were ended.
pub(super) fn killed(killed: &Killed) -> String {
    match killed.killed {
        0 => "No flow to end.\n".to_owned(),
        killed => format!("{} ended.\n", counted(killed, "flow")),
    }
}

/// What a backend does now.
pub(super) fn state_changed(backend: &Backend) -> String {
    let name = format!("{}/{}", backend.service, backend.name);
    let left = counted(backend.active + backend.inactive, "flow");
    match backend.state {
        BackendState::Online if backend.healthy => format!("{name} takes new flows.\n"),
        BackendState::Online => format!("{name} takes new flows once it is healthy: {}.\n", listing::state(backend)),
        BackendState::Disabled => format!("{name} is disabled; it had {left}.\n"),
        BackendState::Drain => {
            let end = match (backend.drain_left_s, backend.then) {
                (None, _) => "as long as they last".to_owned(),
                (Some(left), Some(Then::Reset)) => format!("for {}, then they are reset", duration(left)),
                (Some(left), _) => format!("; after {} they are left alone", duration(left)),
            };
            format!("{name} takes no new flows; {left} may go on {end}.\n").replace(" ;", ";")
        }
    }
}

/// Why a packet goes where it goes.
pub(super) fn explanation(explanation: &Explanation, width: usize) -> String {
    let mut text = String::new();
    let column = explanation.steps.iter().map(|step| step.what.chars().count()).max().unwrap_or(0) + 2;
    for step in &explanation.steps {
        let lines = wrapped(&step.finding, width.saturating_sub(column).max(20));
        for (number, line) in lines.iter().enumerate() {
            let what = if number == 0 { step.what.as_str() } else { "" };
            text.push_str(&format!("{what:<column$}{line}\n"));
        }
    }
    let outcome = match &explanation.outcome {
        Outcome::Backend { service, backend, target, method } => {
            format!("It goes to {service}/{backend} at {target} by {method}.")
        }
        Outcome::Drop { reason } => match api::meaning_of_drop(reason) {
            Some(meaning) => format!("It is dropped: {reason} ({meaning})."),
            None => format!("It is dropped: {reason}."),
        },
        Outcome::Kernel => "It is not for a VIP: the kernel has it.".to_owned(),
    };
    text.push_str(&outcome);
    text.push('\n');
    text
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

/// What applying a document changed.
pub(super) fn applied(applied: &Applied) -> String {
    let revision = applied.revision;
    let mut text = if applied.diff.is_empty() {
        format!("Nothing changed: revision {revision} stays in use.\n")
    } else {
        format!("{}\nRevision {revision} is in use.\n", applied.diff)
    };
    for note in &applied.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if let Some(left) = applied.confirm_within_s {
        let left = duration(left.into());
        text.push_str(&format!("Within {left}: suimon ctl confirm. Else the revision before returns by itself.\n"));
    }
    text
}

/// That a revision stays.
pub(super) fn confirmed(confirmed: &Confirmed) -> String {
    format!("Revision {} is confirmed and stays in use.\n", confirmed.revision)
}

/// What a document would change.
pub(super) fn diff(diff: &Diff) -> String {
    if diff.is_empty() { "No difference.\n".to_owned() } else { format!("{diff}\n") }
}
