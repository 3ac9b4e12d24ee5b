//! Why backends are down, and what their checks met.

use super::listing;
use super::words::duration;
use api::{Backend, BackendDetail, CheckAnswer, CheckState, DryRun};
use config::BackendState;

/// A line for each backend that is down or held back although it should take flows; nothing when all is well.
pub(super) fn complaints(backends: &[Backend]) -> String {
    let mut lines: Vec<String> = backends.iter().filter_map(complaint).collect();
    if !lines.is_empty() {
        lines.insert(0, String::new());
        lines.push(String::new());
    }
    lines.join("\n")
}

fn complaint(backend: &Backend) -> Option<String> {
    let health = backend.health.as_ref().filter(|_| backend.state != BackendState::Disabled)?;
    let name = format!("{}/{}", backend.service, backend.name);
    let since = duration(health.since_s);
    let stale = if health.stale { " (checks start again)" } else { "" };
    match &health.standby {
        _ if !health.up => Some(format!("{name} is down for {since}: {}{stale}", health.reason)),
        Some(standby) => Some(format!("{name} is up and waits: {standby}{stale}")),
        None if health.weight_per_mille < 1_000 => {
            let percent = f64::from(health.weight_per_mille) / 10.0;
            Some(format!("{name} has {percent:.0} % of its weight{stale}"))
        }
        None => health.stale.then(|| format!("{name}: checks start again, what was known stays")),
    }
}

/// One backend with everything that its checks met.
pub(super) fn detail(detail: &BackendDetail, width: usize) -> String {
    let backend = &detail.backend;
    let mut text = listing::backends(std::slice::from_ref(backend), width);
    if let Some(health) = backend.health.as_ref().filter(|health| health.up) {
        text.push_str(&format!("\nUp for {}: {}.\n", duration(health.since_s), health.reason));
    }
    if detail.checks.is_empty() {
        text.push_str("\nNothing checks it. Add a [[service.check]] to its service.\n");
    }
    for check in &detail.checks {
        text.push('\n');
        text.push_str(&one(check));
    }
    text
}

/// What the checks of a document meet.
pub(super) fn dry_run(run: &DryRun) -> String {
    if run.tried.is_empty() {
        return "The document has no check to try.\n".to_owned();
    }
    let passed = |tried: &&api::Tried| tried.check.answer.as_ref().is_some_and(|answer| answer.passed);
    let mut text = String::new();
    for tried in &run.tried {
        let answer = tried.check.answer.as_ref().map_or_else(String::new, verdict);
        text.push_str(&format!("{}/{} {}: {answer}\n", tried.service, tried.backend, tried.check.name));
        let failed = tried.check.answer.as_ref().filter(|answer| !answer.passed);
        for line in failed.into_iter().flat_map(|answer| answer.transcript.lines()) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    let good = run.tried.iter().filter(passed).count();
    text.push_str(&format!("{good} of {} checks pass. Nothing was changed.\n", run.tried.len()));
    text
}

fn one(check: &CheckState) -> String {
    let mut text = format!("Check {} ({} to {})", check.name, check.kind, check.target);
    match &check.answer {
        None => text.push_str(": no answer yet\n"),
        Some(answer) => {
            text.push_str(&format!(": {}\n", verdict(answer)));
            for warning in &answer.warnings {
                text.push_str(&format!("  warning: {warning}\n"));
            }
        }
    }
    if let Some(failure) = &check.failure {
        // The failure may be the answer itself.
        if check.answer.as_ref().is_some_and(|answer| answer.passed) {
            text.push_str(&format!("  The last failure: {}\n", verdict(failure)));
        }
        for line in failure.transcript.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn verdict(answer: &CheckAnswer) -> String {
    let how = match (answer.passed, answer.not_asked) {
        (true, _) => "passed",
        (false, true) => "not asked",
        (false, false) => "failed",
    };
    let took = format!("{:.1} ms", answer.latency_us as f64 / 1_000.0);
    let ago = duration(answer.ago_s);
    let reason = answer.reason.trim_start_matches(how).trim_start_matches(':').trim_start();
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{how} {ago} ago, took {took}{reason}")
}
