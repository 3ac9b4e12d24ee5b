//! The commands about documents and their history.

use super::operand::confirm_s;
use super::{Failure, answers, health, history, say};
use api::{Client, DiffQuery, Document, Error, REVISIONS_LISTED_DEFAULT, REVISIONS_LISTED_MAX, RevisionQuery};
use clap::Args;
use serde::Serialize;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How a document is put in use.
#[derive(Args, Debug)]
pub(super) struct Terms {
    /// Return to the revision before unless somebody confirms within this time, as in 60s or 5m.
    #[arg(long, value_name = "TIME", value_parser = confirm_s)]
    confirm: Option<u32>,
    /// Why, for whoever reads the history.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    comment: String,
    /// Refuse when another revision is in use by now.
    #[arg(long, value_name = "N")]
    expect: Option<u64>,
}

impl From<Terms> for api::Terms {
    fn from(terms: Terms) -> Self {
        Self { comment: terms.comment, confirm_within_s: terms.confirm, base_revision: terms.expect }
    }
}

/// `ctl apply`.
#[derive(Args, Debug)]
pub(super) struct Apply {
    /// The TOML file; - is standard input.
    file: PathBuf,
    #[command(flatten)]
    terms: Terms,
}

/// `ctl rollback`.
#[derive(Args, Debug)]
pub(super) struct Rollback {
    /// The earlier revision, as `history` lists it.
    revision: u64,
    #[command(flatten)]
    terms: Terms,
}

/// `ctl diff`.
#[derive(Args, Debug)]
pub(super) struct Difference {
    /// The TOML file; - is standard input.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// Compare revisions: the one before.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// The one after; the one in use if left out.
    #[arg(long, value_name = "M", requires = "from")]
    to: Option<u64>,
}

/// `ctl history`.
#[derive(Args, Debug)]
pub(super) struct History {
    /// Show this revision alone, and what it changed.
    #[arg(conflicts_with_all = ["limit", "before"])]
    revision: Option<u64>,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = REVISIONS_LISTED_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(REVISIONS_LISTED_MAX)))]
    limit: u32,
    /// Those before this revision only.
    #[arg(long, value_name = "N")]
    before: Option<u64>,
}

pub(super) async fn apply(client: &Client, json: bool, apply: Apply) -> Result<(), Failure> {
    let document = Document { terms: apply.terms.into(), ..document(&apply.file)? };
    say(json, &client.apply(&document).await?, answers::applied)
}

pub(super) async fn try_out(client: &Client, json: bool, file: &Path) -> Result<(), Failure> {
    say(json, &client.dry_run(&document(file)?, &api::DryRunQuery::default()).await?, health::dry_run)
}

pub(super) async fn roll_back(client: &Client, json: bool, rollback: Rollback) -> Result<(), Failure> {
    let rollback = api::Rollback { revision: rollback.revision, terms: rollback.terms.into() };
    say(json, &client.roll_back(&rollback).await?, answers::applied)
}

pub(super) async fn diff(client: &Client, json: bool, difference: Difference) -> Result<(), Failure> {
    let diff = match (difference.file, difference.from) {
        (Some(file), _) => client.diff(&document(&file)?).await?,
        (None, from) => {
            // Arguments have one or the other.
            let query = DiffQuery { from: from.unwrap_or_default(), to: difference.to };
            client.diff_revisions(&query).await?
        }
    };
    say(json, &diff, answers::diff)
}

/// A revision and what it changed, when the one before is still kept.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) revision: api::Revision,
    pub(super) diff: Option<config::Diff>,
}

pub(super) async fn history(client: &Client, json: bool, asked: History, width: usize) -> Result<(), Failure> {
    let Some(number) = asked.revision else {
        let query = RevisionQuery { limit: Some(asked.limit), before: asked.before };
        return say(json, &client.revisions(&query).await?, |revisions| history::table(revisions, width));
    };
    let revision = client.revision(number).await?.revision;
    let query = RevisionQuery { limit: Some(1), before: Some(number) };
    let diff = match client.revisions(&query).await?.revisions.first() {
        None => None,
        Some(before) => match client.diff_revisions(&DiffQuery { from: before.number, to: Some(number) }).await {
            // It was forgotten in between, or this version of the program cannot read it.
            Err(Error::Refused { .. }) => None,
            diff => Some(diff?),
        },
    };
    say(json, &Shown { revision, diff }, history::one)
}

fn document(file: &Path) -> Result<Document, Failure> {
    let mut toml = String::new();
    let failed = |source| Failure::File { act: "read", path: file.to_owned(), source };
    if file == Path::new("-") {
        io::stdin().read_to_string(&mut toml).map_err(failed)?;
        return Ok(Document { toml, file_name: "standard input".to_owned(), ..Document::default() });
    }
    toml = std::fs::read_to_string(file).map_err(failed)?;
    Ok(Document { toml, file_name: file.display().to_string(), ..Document::default() })
}
