//! What whoever helps needs to see, as one file. What is secret in it is removed by [`manage::support`].

mod kernel;

use super::access::Call;
use super::{Answered, Core, Refused};
use crate::run::control::Control;
use api::{AuditQuery, BackendDetail, LOG_LINES_MAX, REVISIONS_LISTED_DEFAULT};
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use config::{CheckKind, Config};
use drivers::clock;
use jiff::Timestamp;
use manage::support::{Bundle, Cleaner, FILE_BYTES_MAX};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use store::history::{LineKind, LineQuery};
use store::{Revision, Store, StoreError};

/// What the file is.
const CONTENT_TYPE: &str = "application/gzip";
/// Backends whose checks are looked at in one go: the control loop has other things to do.
const BACKENDS_AT_ONCE_MAX: usize = 100;
/// Kinds of checks that send what the document says, word for word: what they sent and got is as private as that.
const SAID_BY_DOCUMENT: [CheckKind; 8] = [
    CheckKind::SendExpect,
    CheckKind::Udp,
    CheckKind::Feedback,
    CheckKind::Redis,
    CheckKind::Memcached,
    CheckKind::Mysql,
    CheckKind::Postgresql,
    CheckKind::External,
];

/// The bundle.
pub(super) async fn make(State(core): State<Core>, Extension(call): Extension<Call>) -> Answered {
    let node = core.gate.box_name().to_owned();
    let made = Timestamp::now();
    let documents = core.look_up(|store, _| documents(store)).await?;
    let folder = format!("suimon-{node}-{}", made.strftime("%Y%m%dT%H%M%SZ"));
    let about = format!("Support bundle of node {node}, version {}, made {made}.\n", env!("CARGO_PKG_VERSION"));
    let cleaner = Cleaner::new(documents.iter().filter_map(|document| document.config.as_ref().ok()));
    let cleaner = cleaner.map_err(|error| failed(&error.to_string()))?;
    let mut bundle = Bundle::new(&folder, &about, clock::unix_s(), cleaner);
    add_documents(&mut bundle, &documents);
    add_node(&core, &mut bundle).await?;
    add_checks(&core, &mut bundle).await?;
    let (store, history) = (core.store.clone(), core.history.clone());
    let packed = core.slowly(move || {
        add_log(&mut bundle, history.lines(LineQuery { kind: LineKind::Log, after: None, limit: LOG_LINES_MAX }));
        add_audit(&mut bundle, &store);
        kernel::add(&mut bundle);
        bundle.finish()
    });
    let file = packed.await?.map_err(|error| failed(&error.to_string()))?;
    call.note(&format!("{} bytes", file.len()));
    let disposition = format!("attachment; filename=\"{}.tar.gz\"", ascii(&folder));
    let heads = [(header::CONTENT_TYPE, CONTENT_TYPE.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((heads, file).into_response())
}

fn failed(reason: &str) -> Refused {
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("make a support bundle: {reason}"))
}

/// A name that fits any head and any file system.
fn ascii(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '-' }).collect()
}

/// A revision whose document this program reads, or why it does not.
struct Document {
    revision: Revision,
    config: Result<Config, String>,
}

/// The newest revisions, of which the first is the one in use.
fn documents(store: &Store) -> Result<Vec<Document>, StoreError> {
    let revisions = store.revisions(REVISIONS_LISTED_DEFAULT, None)?;
    let documents = revisions.into_iter().map(|revision| {
        let (_, toml) = store.revision(revision.number)?;
        // Errors quote the line they are about: where it is has to do.
        let config = config::parse(&toml, "").map_err(|errors| format!("{} errors", errors.errors.len()));
        Ok(Document { revision, config })
    });
    documents.collect()
}

fn add_documents(bundle: &mut Bundle, documents: &[Document]) {
    let mut list = String::new();
    for Document { revision, config } in documents {
        let Revision { number, committed_s, author, .. } = revision;
        let (state, origin, changes) = (revision.state, revision.origin, revision.changes.replace('\n', "; "));
        let comment = revision.comment.replace('\n', " ");
        writeln!(list, "{number} {state:?} {origin:?} at {committed_s} by {author}: {changes} ({comment})")
            .expect("a string");
        let name = format!("configuration/{number}.toml");
        match config {
            Ok(config) => bundle.add(&name, &config.to_toml_without_secrets()),
            Err(why) => bundle.leave_out(&name, &format!("this version cannot read it ({why}), nor find its secrets")),
        }
    }
    bundle.add("configuration/revisions.txt", &list);
}

async fn add_node(core: &Core, bundle: &mut Bundle) -> Result<(), Refused> {
    let parts = core.ask(|control| {
        [
            ("node/status.json", json(&control.status())),
            ("node/services.json", json(&control.services())),
            ("node/backends.json", json(&control.backends(None))),
            ("node/counters.json", json(&control.counters())),
            ("node/links.json", json(&control.links())),
            ("node/neighbors.json", json(&control.neighbors())),
            ("node/confirmation.json", json(&control.confirmation())),
        ]
    });
    for (name, text) in parts.await? {
        bundle.add(name, &text);
    }
    bundle.add("node/metrics.txt", &super::metrics::page(core).await?);
    match core.teller.alerts().await {
        Some(alerts) => bundle.add("node/alerts.json", &json(&alerts)),
        None => bundle.leave_out("node/alerts.json", "no answer"),
    }
    Ok(())
}

/// What checks met: of backends that are down first, for there is an end to it.
async fn add_checks(core: &Core, bundle: &mut Bundle) -> Result<(), Refused> {
    let names = core.ask(|control| {
        let mut backends = control.backends(None);
        backends.sort_by_key(|backend| backend.healthy);
        let names = backends.into_iter().filter(|backend| !backend.fallback);
        names.map(|backend| (backend.service, backend.name)).collect::<Vec<_>>()
    });
    let (names, mut text, mut told) = (names.await?, String::new(), 0);
    for some in names.chunks(BACKENDS_AT_ONCE_MAX) {
        if text.len() >= FILE_BYTES_MAX {
            break;
        }
        told += some.len();
        let some = some.to_vec();
        text.push_str(&core.ask(move |control| checks(control, &some)).await?);
    }
    if told < names.len() {
        let why = format!("checks of {} of {} backends: FILE_BYTES_MAX", names.len() - told, names.len());
        bundle.leave_out("node/checks.txt", &why);
    }
    bundle.add("node/checks.txt", &text);
    Ok(())
}

fn checks(control: &Control, names: &[(String, String)]) -> String {
    let details = names.iter().filter_map(|(service, backend)| control.backend_detail(service, backend));
    details.map(|detail| checks_of(&detail)).collect()
}

fn checks_of(detail: &BackendDetail) -> String {
    let mut text = format!("== {}/{}\n", detail.backend.service, detail.backend.name);
    for check in &detail.checks {
        writeln!(text, "-- {} ({}) at {}", check.name, check.kind, check.target).expect("a string");
        for (what, answer) in [("latest", &check.answer), ("last failure", &check.failure)] {
            let Some(answer) = answer else { continue };
            let private = SAID_BY_DOCUMENT.contains(&check.kind);
            let transcript = if private { without_words(&answer.transcript) } else { answer.transcript.clone() };
            let verdict = match (answer.not_asked, answer.passed) {
                (true, _) => "could not ask",
                (false, true) => "passed",
                (false, false) => "failed",
            };
            let (ago_s, latency_us, reason) = (answer.ago_s, answer.latency_us, &answer.reason);
            writeln!(text, "{what}: {verdict} {ago_s} s ago after {latency_us} us: {reason}").expect("a string");
            for warning in &answer.warnings {
                writeln!(text, "warning: {warning}").expect("a string");
            }
            writeln!(text, "{transcript}").expect("a string");
        }
    }
    text
}

/// A dialogue without what was said in it: who spoke when, and how much.
fn without_words(transcript: &str) -> String {
    let mut text = String::new();
    for line in transcript.lines() {
        let said = [" ms > ", " ms < "].iter().find_map(|sign| Some((line.find(sign)? + sign.len(), sign)));
        match said {
            Some((at, _)) => writeln!(text, "{}({} characters)", &line[..at], line[at..].chars().count()),
            None => writeln!(text, "{line}"),
        }
        .expect("writing to a string");
    }
    text
}

fn add_log(bundle: &mut Bundle, lines: Result<Vec<store::history::Line>, StoreError>) {
    match lines {
        Ok(lines) => {
            let mut text = String::new();
            for line in lines {
                writeln!(text, "{} {} {} {}", line.unix_s, line.level, line.origin, line.text).expect("a string");
            }
            bundle.add("log/log.txt", &text);
        }
        Err(error) => bundle.leave_out("log/log.txt", &error.to_string()),
    }
}

fn add_audit(bundle: &mut Bundle, store: &Store) {
    let newest = AuditQuery { limit: Some(api::AUDIT_LISTED_MAX), ..AuditQuery::default() };
    match manage::keep::audit_page(store, newest) {
        Ok(page) => {
            if page.more {
                bundle.leave_out("log/audit.txt", &format!("all but the newest {} records", api::AUDIT_LISTED_MAX));
            }
            let lines: BTreeMap<u64, String> =
                page.records.iter().map(|record| (record.number, manage::audit::json_line(record))).collect();
            bundle.add("log/audit.txt", &lines.into_values().collect::<String>());
        }
        Err(error) => bundle.leave_out("log/audit.txt", &error.to_string()),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("answers are structures of text and numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Named;

    #[test]
    fn dialogues_without_words() {
        let transcript =
            "     0 ms * connected\n     1 ms > AUTH hunter22\\r\\n\n    12 ms < +OK a > b\n          * 7 more bytes\n";
        let told = "     0 ms * connected\n     1 ms > (17 characters)\n    12 ms < (9 characters)\n          * 7 more bytes\n";
        assert_eq!(without_words(transcript), told);
    }

    /// A kind that gets words of its own to say has to be looked at here.
    #[test]
    fn every_kind_was_thought_of() {
        let others = CheckKind::NAMES.iter().filter(|(_, kind)| !SAID_BY_DOCUMENT.contains(kind));
        let others: Vec<&str> = others.map(|(name, _)| *name).collect();
        let expected = "connect http https http-proxy ftp smtp submission pop3 pop3s imap imaps nntp ldap ldaps dns radius sip \
                        ntp ping none";
        assert_eq!(others.join(" "), expected);
    }

    #[test]
    fn names_of_files() {
        assert_eq!(ascii("suimon-水門 a\"/b.c-1"), "suimon----a--b.c-1");
    }
}
