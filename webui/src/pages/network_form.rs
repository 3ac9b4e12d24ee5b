//! What the forms of the network have in common, that of a new box and that of the whole: typed, looked at, and only then
//! put in use.

use super::configuration;
use super::form::Errors;
use super::service_form::{DOCUMENT_NAME, Review};
use crate::draft::{Network, NetworkChange, Port, carry_network, digest};
use crate::visitor::{Problem, SignedIn, Stop};
use api::{Document, FoundNic, Role, Terms};
use axum::http::StatusCode;

/// Seconds to confirm: whoever loses the box by a wrong address gets it back.
const CONFIRM_WITHIN_S: &str = "60";

/// What a form brings along.
pub(super) struct Given {
    pub network: Network,
    pub base_revision: u64,
    reviewed: String,
    pub comment: String,
    pub confirm_within_s: String,
    act: Act,
}

/// What a button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Review,
    Apply,
    Carry,
    Rows(NetworkChange),
}

impl Act {
    fn of(word: &str) -> Self {
        let at = |begin: &str| word.strip_prefix(begin).and_then(|number| number.parse().ok());
        match word {
            "apply" => Self::Apply,
            "carry" => Self::Carry,
            "route-add" => Self::Rows(NetworkChange::AddRoute),
            _ => match at("route-remove.") {
                Some(at) => Self::Rows(NetworkChange::RemoveRoute(at)),
                None => Self::Review,
            },
        }
    }
}

impl Given {
    fn fresh(network: Network, base_revision: u64) -> Self {
        Self {
            network,
            base_revision,
            reviewed: String::new(),
            comment: String::new(),
            confirm_within_s: CONFIRM_WITHIN_S.to_owned(),
            act: Act::Review,
        }
    }

    pub(super) fn posted(form: &[(String, String)]) -> Self {
        let value = |name: &str| form.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Self {
            network: Network::posted(form),
            base_revision: value("base_revision").and_then(|number| number.parse().ok()).unwrap_or(0),
            reviewed: value("reviewed").unwrap_or_default(),
            comment: value("comment").unwrap_or_default(),
            confirm_within_s: value("confirm_within_s").unwrap_or_else(|| CONFIRM_WITHIN_S.to_owned()),
            act: Act::of(&value("do").unwrap_or_default()),
        }
    }

    pub(super) fn seconds_wrong(&self) -> bool {
        configuration::seconds(&self.confirm_within_s).is_err()
    }

    fn document(&self, toml: String, confirm_within_s: Option<u32>) -> Document {
        let comment = self.comment.trim().to_owned();
        let terms = Terms { comment, confirm_within_s, base_revision: Some(self.base_revision) };
        Document { toml, file_name: DOCUMENT_NAME.to_owned(), terms }
    }
}

/// What the form met.
#[derive(Default)]
pub(super) struct Met {
    pub problem: Option<Problem>,
    pub errors: Errors,
    pub review: Option<Review>,
    /// Another revision is in use by now.
    pub overtaken: bool,
}

/// What came of a form.
pub(super) enum Outcome {
    /// The form is shown again.
    Shown(Box<Given>, Met),
    /// It is in use; the key of what is said about that.
    InUse(&'static str),
}

/// The form as the document and the box have it.
pub(super) async fn begin(signed: &SignedIn, whole: bool) -> Result<Given, Stop> {
    signed.needs(Role::Administrator)?;
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let found = signed.client.links().await.map_err(|error| signed.stop(error))?;
    let port = |nic: &FoundNic| Port { name: nic.name.clone(), addresses: nic.addresses.clone() };
    let ports: Vec<_> = found.iter().map(port).collect();
    Ok(Given::fresh(Network::load(&export.toml, &ports, whole).unwrap_or_default(), export.revision))
}

/// Does what a form asks for.
pub(super) async fn act(signed: &SignedIn, mut given: Given) -> Result<Outcome, Stop> {
    signed.needs(Role::Administrator)?;
    match given.act {
        Act::Rows(change) => {
            given.network.change_rows(change);
            return Ok(Outcome::Shown(Box::new(given), Met::default()));
        }
        Act::Carry => return carry(signed, given).await,
        _ => {}
    }
    let base = signed.client.revision(given.base_revision).await.map_err(|error| signed.stop(error))?;
    let Some(toml) = given.network.write(&base.toml) else {
        let fresh = begin(signed, given.network.whole).await?;
        return Ok(Outcome::Shown(Box::new(fresh), Met::default()));
    };
    let within_s = configuration::seconds(&given.confirm_within_s);
    // What was changed after it was looked at is looked at again.
    let (Ok(within_s), true) = (within_s, given.act == Act::Apply && given.reviewed == digest(&toml)) else {
        let met = review(signed, &given, toml).await?;
        return Ok(Outcome::Shown(Box::new(given), met));
    };
    match signed.client.apply(&given.document(toml, within_s)).await {
        Ok(applied) => Ok(Outcome::InUse(if applied.diff.is_empty() { "unchanged" } else { "applied" })),
        Err(error) => {
            let met = refused(signed, &given, error)?;
            Ok(Outcome::Shown(Box::new(given), met))
        }
    }
}

/// Typed into the document in use now, which is not the one that the form began with.
async fn carry(signed: &SignedIn, mut given: Given) -> Result<Outcome, Stop> {
    let base = signed.client.revision(given.base_revision).await.map_err(|error| signed.stop(error))?;
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let whole = given.network.whole;
    let (before, now) = (Network::load(&base.toml, &[], whole), Network::load(&export.toml, &[], whole));
    let (Some(before), Some(now)) = (before, now) else {
        let fresh = begin(signed, whole).await?;
        return Ok(Outcome::Shown(Box::new(fresh), Met::default()));
    };
    given.network = carry_network(&before, &given.network, &now);
    given.base_revision = export.revision;
    let toml = given.network.write(&export.toml).unwrap_or(export.toml);
    let met = review(signed, &given, toml).await?;
    Ok(Outcome::Shown(Box::new(given), met))
}

async fn review(signed: &SignedIn, given: &Given, toml: String) -> Result<Met, Stop> {
    let digest = digest(&toml);
    match signed.client.diff(&given.document(toml, None)).await {
        Ok(diff) => {
            let status = signed.client.status().await.map_err(|error| signed.stop(error))?;
            let overtaken = status.revision != given.base_revision;
            Ok(Met { review: Some(Review { changes: diff.changes, digest }), overtaken, ..Met::default() })
        }
        Err(error) => refused(signed, given, error),
    }
}

/// Errors of the document beside the fields they are about.
fn refused(signed: &SignedIn, given: &Given, error: api::Error) -> Result<Met, Stop> {
    let problem = signed.told(error)?;
    let overtaken = problem.status == StatusCode::CONFLICT;
    if problem.errors.is_empty() {
        return Ok(Met { problem: Some(problem), overtaken, ..Met::default() });
    }
    let (errors, others) = given.network.beside_fields(&problem.errors);
    let wrong = Problem::refuse(signed.t.say("form.wrong"));
    let problem = Problem { status: problem.status, errors: others, more: problem.more, ..wrong };
    Ok(Met { problem: Some(problem), errors, ..Met::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_say_what_they_ask_for() {
        for (word, act) in [
            ("", Act::Review),
            ("review", Act::Review),
            ("apply", Act::Apply),
            ("carry", Act::Carry),
            ("route-add", Act::Rows(NetworkChange::AddRoute)),
            ("route-remove.3", Act::Rows(NetworkChange::RemoveRoute(3))),
            ("route-remove.x", Act::Review),
        ] {
            assert_eq!(Act::of(word), act, "{word}");
        }
    }
}
