//! Who is told of what happens, and test messages.

use super::access::Call;
use super::routes::{Answer, Body};
use super::{Core, Refused};
use crate::run::telling::Untested;
use api::{AlertTest, AlertTested, Alerts, TestOutcome};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use std::time::Duration;
use tokio::time::timeout;

/// A test that takes longer goes on, and its caller hears that: a person waits for the page.
const TEST_LIMIT: Duration = Duration::from_secs(15);

/// All of it.
pub(super) async fn look(State(core): State<Core>) -> Answer<Alerts> {
    core.teller.alerts().await.map(Json).ok_or_else(Refused::busy)
}

/// One try.
pub(super) async fn test(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(test): Body<AlertTest>,
) -> Answer<AlertTested> {
    let (what, name) = match &test {
        AlertTest::Alert(name) => ("destination of alerts", name.clone()),
        AlertTest::Syslog(name) => ("syslog server", name.clone()),
    };
    call.note(&format!("{what} {name}"));
    match timeout(TEST_LIMIT, core.teller.test(test)).await {
        Ok(Ok(tested)) => {
            let outcome = match tested.outcome {
                TestOutcome::Sent => "sent".to_owned(),
                TestOutcome::Failed => format!("failed, {}", tested.reason.as_deref().unwrap_or_default()),
                TestOutcome::Pending => "on its way".to_owned(),
            };
            call.note(&format!("{what} {name}: {outcome}"));
            Ok(Json(tested))
        }
        Ok(Err(Untested::Missing)) => {
            let message = format!("there is no {what} {name}, or it cannot be used: see the log");
            Err(Refused::new(StatusCode::NOT_FOUND, message))
        }
        Ok(Err(Untested::Busy)) => Err(Refused::busy()),
        Err(_) => Ok(Json(AlertTested { outcome: TestOutcome::Pending, reason: None })),
    }
}
