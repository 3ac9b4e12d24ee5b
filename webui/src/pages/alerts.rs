//! Who is told of what happens, how that goes, and what happened lately; sends test messages.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Alert, AlertCourse, AlertDestination, AlertTest, AlertWay, Alerts, TestOutcome};
use askama::Template;
use axum::Form;
use config::Named;
use serde::Deserialize;

/// Whom to send a test message: one of the two.
#[derive(Deserialize)]
pub(crate) struct Tested {
    #[serde(default)]
    alert: String,
    #[serde(default)]
    syslog: String,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    frame: Frame,
    t: Text,
    alerts: Alerts,
}

impl AlertsPage {
    fn title(&self, alert: &Alert) -> String {
        let known = self.t.find(&format!("alert.{}", alert.kind.name()));
        known.map_or_else(|| alert.sentence.clone(), |title| title.replace("{0}", &alert.subject))
    }

    fn window(&self) -> String {
        show::duration(&u64::from(self.alerts.window_s))
    }

    fn lost(&self, destination: &AlertDestination) -> String {
        show::count(&(destination.given_up + destination.not_taken))
    }

    /// As a class of the style.
    fn tone(&self, alert: &Alert) -> &'static str {
        if alert.course == AlertCourse::Lasting { "bad" } else { "" }
    }

    fn course(&self, alert: &Alert) -> &'static str {
        match alert.course {
            AlertCourse::Lasting => self.t.say("alerts.lasting"),
            AlertCourse::Over => self.t.say("alerts.over"),
            AlertCourse::Single => "",
        }
    }

    fn way(&self, destination: &AlertDestination) -> &'static str {
        match destination.way {
            AlertWay::Mail => self.t.say("alerts.mail"),
            AlertWay::Webhook => self.t.say("alerts.webhook"),
        }
    }

    fn wants(&self, destination: &AlertDestination) -> String {
        let events = destination.events.iter().map(|kind| self.t.word("alert_kind", kind.name()));
        let events = match destination.events.is_empty() {
            true => self.t.say("alerts.every_kind").to_owned(),
            false => events.collect::<Vec<_>>().join(self.t.say("list.joint")),
        };
        match destination.services.is_empty() {
            true => events,
            false => format!("{events} · {}", self.t.fill("alerts.of_services", destination.services.join(", "))),
        }
    }
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, None).await
}

pub(crate) async fn test(signed: SignedIn, Form(Tested { alert, syslog }): Form<Tested>) -> Answer {
    let test = if syslog.is_empty() { AlertTest::Alert(alert) } else { AlertTest::Syslog(syslog) };
    match signed.client.test_alert(&test).await {
        Ok(tested) => match tested.outcome {
            TestOutcome::Sent => Ok(done("alert_sent", "/alerts")),
            TestOutcome::Pending => Ok(done("alert_pending", "/alerts")),
            TestOutcome::Failed => {
                let why = tested.reason.unwrap_or_default();
                show(&signed, Some(Problem::refuse(&signed.t.fill("alerts.test_failed", why)))).await
            }
        },
        Err(error) => show(&signed, Some(signed.told(error)?)).await,
    }
}

async fn show(signed: &SignedIn, problem: Option<Problem>) -> Answer {
    let alerts = signed.client.alerts().await.map_err(|error| signed.stop(error))?;
    let status = problem.as_ref().map(|problem| problem.status);
    Ok(page(&AlertsPage { frame: signed.frame("alerts", problem), t: signed.t, alerts }, status))
}
