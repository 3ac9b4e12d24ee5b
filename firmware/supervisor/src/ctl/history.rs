//! The texts of `ctl history`.

use super::configuration::Shown;
use super::table::{Align, Table};
use super::words::{bytes, duration};
use api::{Revision, Revisions};
use config::{Origin, RevisionState};
use jiff::Timestamp;

/// Revisions, newest first.
pub(super) fn table(revisions: &Revisions, width: usize) -> String {
    if revisions.revisions.is_empty() {
        return "No revisions.\n".to_owned();
    }
    let left = Align::Left;
    let columns = [("Revision", Align::Right), ("Time (UTC)", left), ("Author", left), ("State", left)];
    let mut table = Table::new(&[&columns[..], &[("Changes", left), ("Comment", left)]].concat());
    for revision in &revisions.revisions {
        table.row(vec![
            revision.number.to_string(),
            time(revision.committed_s),
            revision.author.clone(),
            state(revision),
            changes(revision),
            revision.comment.clone(),
        ]);
    }
    let mut text = table.text(width);
    if let (true, Some(last)) = (revisions.more, revisions.revisions.last()) {
        text.push_str(&format!("There are older ones: --before {}.\n", last.number));
    }
    text
}

/// One revision.
pub(super) fn one(shown: &Shown) -> String {
    let revision = &shown.revision;
    let lines = [
        ("Revision", revision.number.to_string()),
        ("State", state(revision)),
        ("Time", format!("{} UTC", time(revision.committed_s))),
        ("Author", revision.author.clone()),
        ("From", origin(revision)),
        ("Comment", revision.comment.clone()),
        ("Document", bytes(revision.bytes)),
    ];
    let told = lines.iter().filter(|(_, value)| !value.is_empty());
    let mut text: String = told.map(|(title, value)| format!("{title:<10}{value}\n")).collect();
    match &shown.diff {
        Some(diff) if diff.is_empty() => text.push_str("\nNo difference to the revision before.\n"),
        Some(diff) => text.push_str(&format!("\n{diff}\n")),
        None => {}
    }
    text
}

/// A time of day, UTC.
pub(super) fn time(unix_s: u64) -> String {
    let time = i64::try_from(unix_s).ok().and_then(|unix_s| Timestamp::from_second(unix_s).ok());
    time.map_or_else(|| "unknown".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn state(revision: &Revision) -> String {
    match (revision.state, revision.confirm_left_s) {
        (RevisionState::Running, _) => "in use".to_owned(),
        (RevisionState::Awaiting, Some(left)) => format!("in use, {} left to confirm", duration(left)),
        (RevisionState::Awaiting, None) => "in use, not confirmed".to_owned(),
        (RevisionState::Replaced, _) => "replaced".to_owned(),
        (RevisionState::Returned, _) => "not confirmed".to_owned(),
    }
}

fn origin(revision: &Revision) -> String {
    match (revision.origin, revision.document_of) {
        (origin @ (Origin::Rollback | Origin::Return), Some(number)) => format!("{origin} to revision {number}"),
        (origin, _) => origin.to_string(),
    }
}

// What came from an earlier revision says so; the rest says what it changed.
fn changes(revision: &Revision) -> String {
    match revision.origin {
        Origin::Rollback | Origin::Return | Origin::Built | Origin::TakenOver => origin(revision),
        Origin::Apply | Origin::File | Origin::Restore => revision.changes.clone(),
    }
}
