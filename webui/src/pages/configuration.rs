//! The document: edited as text, looked at before it is put in use, and returned from unless somebody confirms.

use crate::language::Text;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Document, Terms};
use askama::Template;
use axum::Form;
use config::Named;
use serde::Deserialize;
use std::num::ParseIntError;

/// What errors call the document; the page leaves it out.
const DOCUMENT_NAME: &str = "console";

#[derive(Clone, Default, Deserialize)]
pub(crate) struct Given {
    toml: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    confirm_within_s: String,
    base_revision: u64,
}

#[derive(Template)]
#[template(path = "configuration.html")]
struct Configuration {
    frame: Frame,
    t: Text,
    given: Given,
    /// What the draft would change, once it was looked at.
    changes: Option<Vec<config::Change>>,
    seconds_wrong: bool,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let given = Given {
        toml: export.toml,
        confirm_within_s: "60".to_owned(),
        base_revision: export.revision,
        ..Given::default()
    };
    Ok(show(&signed, given, None, None))
}

pub(crate) async fn check(signed: SignedIn, Form(given): Form<Given>) -> Answer {
    match signed.client.diff(&document(&given, None)).await {
        Ok(diff) => Ok(show(&signed, given, Some(diff.changes), None)),
        Err(error) => {
            let problem = signed.told(error)?;
            Ok(show(&signed, given, None, Some(problem)))
        }
    }
}

pub(crate) async fn apply(signed: SignedIn, Form(given): Form<Given>) -> Answer {
    let Ok(confirm_within_s) = seconds(&given.confirm_within_s) else {
        let problem = Problem::refuse(signed.t.say("configuration.seconds_wrong"));
        return Ok(show(&signed, given, None, Some(problem)));
    };
    match signed.client.apply(&document(&given, confirm_within_s)).await {
        Ok(applied) if applied.diff.is_empty() => Ok(done("unchanged", "/")),
        Ok(_) => Ok(done("applied", "/")),
        Err(error) => {
            let problem = signed.told(error)?;
            Ok(show(&signed, given, None, Some(problem)))
        }
    }
}

fn document(given: &Given, confirm_within_s: Option<u32>) -> Document {
    Document {
        // Browsers end the lines of a text area by CR LF.
        toml: given.toml.replace("\r\n", "\n"),
        file_name: DOCUMENT_NAME.to_owned(),
        terms: Terms {
            comment: given.comment.trim().to_owned(),
            confirm_within_s,
            base_revision: Some(given.base_revision),
        },
    }
}

/// Seconds of a form; nothing and 0 are none.
pub(super) fn seconds(typed: &str) -> Result<Option<u32>, ParseIntError> {
    let typed = typed.trim();
    if typed.is_empty() { Ok(None) } else { typed.parse().map(|seconds| Some(seconds).filter(|seconds| *seconds > 0)) }
}

fn show(
    signed: &SignedIn,
    given: Given,
    changes: Option<Vec<config::Change>>,
    problem: Option<Problem>,
) -> axum::response::Response {
    let code = problem.as_ref().map(|problem| problem.status);
    let seconds_wrong = seconds(&given.confirm_within_s).is_err();
    let frame = signed.frame("configuration", problem);
    page(&Configuration { frame, t: signed.t, given, changes, seconds_wrong }, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_a_form() {
        for (typed, seconds) in
            [("", Some(None)), (" 60 ", Some(Some(60))), ("0", Some(None)), ("x", None), ("-1", None)]
        {
            assert_eq!(super::seconds(typed).ok(), seconds, "{typed}");
        }
    }

    #[test]
    fn lines_end_as_they_did() {
        let given = Given { toml: "a\r\nb\r\n".to_owned(), base_revision: 3, ..Given::default() };
        let document = document(&given, None);
        assert_eq!((document.toml.as_str(), document.terms.base_revision), ("a\nb\n", Some(3)));
    }
}
