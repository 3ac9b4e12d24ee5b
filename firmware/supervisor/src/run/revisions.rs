//! How another document takes the place of the one in use: checked, kept in one transaction, and only then acted on.
//!
//! Keeping waits for the disk, a few milliseconds to some tens. The control loop waits; the workers, which are threads of
//! their own, go on with the tables they have.

use super::control::Control;
use super::{documents, notes};
use api::{Applied, Confirmation, Confirmed, Document, Problem, Rollback, Terms, Waiting};
use config::{Action, Config, Diff, Origin};
use control::Event;
use control::drain::Wishes;
use drivers::clock;
use net::Now;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{Draft, StoreError};

/// Changes that a revision names in brief; the rest is counted.
const CHANGES_NAMED_MAX: usize = 4;
/// A return that failed is tried again after this time.
const RETURN_RETRY: Duration = Duration::from_secs(10);

/// The configuration in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse {
    /// Its revision.
    pub revision: u64,
    /// That somebody has to confirm it.
    pub confirm: Option<Confirm>,
}

/// The revision in use goes, unless somebody confirms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// When it goes.
    pub by: Now,
    /// The revision that returns then.
    pub returns_to: u64,
}

/// Why a document was not put in use.
#[derive(Debug)]
pub enum Refusal {
    /// It has errors.
    Errors(config::Errors),
    /// It is right but cannot be used now.
    Impossible(String),
    /// It cannot be kept.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Errors(errors) => errors.into(),
            Refusal::Impossible(reason) => Self::new(reason),
            Refusal::Store(error) => Self::new(error.to_string()),
        }
    }
}

impl Control {
    /// Puts a document in use for `author`.
    pub fn apply(&mut self, document: Document, author: String) -> Result<Applied, Refusal> {
        let config = config::parse(&document.toml, &document.file_name).map_err(Refusal::Errors)?;
        let draft = Draft { document: document.toml, origin: Origin::Apply, ..drafted(document.terms, author) };
        self.put_in_use(config, draft)
    }

    /// Puts the document of an earlier revision in use again.
    pub fn roll_back(&mut self, rollback: Rollback, author: String) -> Result<Applied, Refusal> {
        let number = rollback.revision;
        let (_, document) = self.store.revision(number)?;
        // The rules may have changed since, and so may the hardware.
        let config = config::parse(&document, &format!("revision {number}")).map_err(Refusal::Errors)?;
        let draft = drafted(rollback.terms, author);
        let draft = Draft { document, origin: Origin::Rollback, document_of: Some(number), ..draft };
        self.put_in_use(config, draft)
    }

    /// Keeps the revision that waits for confirmation.
    pub fn confirm(&mut self, author: &str) -> Result<Confirmed, Refusal> {
        let revision = self.store.confirm()?;
        self.in_use.confirm = None;
        tracing::info!(revision, author, "configuration confirmed");
        self.tell_confirmed(author);
        Ok(Confirmed { revision })
    }

    /// What a document would change.
    pub fn diff(&self, text: &str, file_name: &str) -> Result<Diff, Refusal> {
        let config = config::parse(text, file_name).map_err(Refusal::Errors)?;
        Ok(Diff::between(self.node.config(), &config))
    }

    /// The revision in use, and whether somebody has to confirm it.
    pub fn confirmation(&self) -> Confirmation {
        let waiting = self.in_use.confirm.map(|confirm| Waiting {
            returns_to: confirm.returns_to,
            left_s: confirm.by.since(clock::now()).as_secs(),
        });
        Confirmation { revision: self.in_use.revision, waiting }
    }

    /// Seconds that are left to confirm the revision in use.
    pub fn confirm_left_s(&self) -> Option<u64> {
        self.in_use.confirm.map(|confirm| confirm.by.since(clock::now()).as_secs())
    }

    /// Brings back the confirmed revision when the time of the one in use is over.
    pub(super) fn return_if_due(&mut self, now: Now) {
        let Some(confirm) = self.in_use.confirm.filter(|confirm| now >= confirm.by) else { return };
        let from = self.in_use.revision;
        match self.bring_back(confirm.returns_to) {
            Ok(applied) => tracing::warn!(
                revision = applied.revision,
                "nobody confirmed revision {from}: the document of revision {} is in use again",
                confirm.returns_to
            ),
            Err(refusal) => {
                let reason = Problem::from(refusal).message;
                tracing::error!(%reason, "revision {} does not return yet; trying again", confirm.returns_to);
                self.in_use.confirm = Some(Confirm { by: now + RETURN_RETRY, ..confirm });
            }
        }
    }

    fn bring_back(&mut self, number: u64) -> Result<Applied, Refusal> {
        let (_, document) = self.store.revision(number)?;
        let config = config::parse(&document, &format!("revision {number}")).map_err(Refusal::Errors)?;
        self.put_in_use(config, Draft::returning(self.in_use.revision, number, document))
    }

    /// Reads the configuration file again. A bad one changes nothing.
    pub(super) fn reload(&mut self) {
        let Some(path) = self.config_file.clone() else {
            tracing::warn!("nothing to reload: started without --config");
            return;
        };
        let name = path.display().to_string();
        let applied = documents::read(&path).map_err(|error| Refusal::Impossible(error.to_string())).and_then(|text| {
            let config = config::parse(&text, &name).map_err(Refusal::Errors)?;
            let applied = self.put_in_use(config, documents::from_file(&path, text.clone()))?;
            if applied.diff.is_empty() {
                self.store.keep_imported(text)?;
            }
            Ok(applied)
        });
        match applied {
            Ok(applied) => {
                tracing::info!(revision = applied.revision, "{name} reloaded");
                for note in applied.notes {
                    tracing::warn!("{note}");
                }
            }
            Err(Refusal::Errors(errors)) => {
                for error in &errors.errors {
                    tracing::error!("{error}");
                }
                tracing::error!("configuration not reloaded: the one in use stays");
            }
            Err(refusal) => {
                tracing::error!(reason = Problem::from(refusal).message, "configuration not reloaded");
            }
        }
    }

    fn put_in_use(&mut self, config: Config, draft: Draft) -> Result<Applied, Refusal> {
        let running = self.in_use.revision;
        let diff = self.may_follow(&config, draft.base)?;
        // A return ends the waiting, even to the same document.
        let settles = self.in_use.confirm.is_some_and(|confirm| draft.document_of == Some(confirm.returns_to));
        if diff.is_empty() && !settles {
            let confirm_within_s = self.confirm_left_s().map(|left| u32::try_from(left).unwrap_or(u32::MAX));
            return Ok(Applied { revision: running, diff, notes: self.notes_on(&config), confirm_within_s });
        }
        let restored = settles && self.store.restore_waits()?;
        let draft = Draft { changes: brief(&diff), ..draft };
        let revision = self.store.commit(clock::unix_s(), draft.clone())?;
        let wishes = if restored { self.bring_back_people() } else { None };
        Ok(self.follow(config, revision, &draft, diff, wishes))
    }

    /// What `config` would change, if it may take the place of the one in use.
    pub(super) fn may_follow(&self, config: &Config, base: Option<u64>) -> Result<Diff, Refusal> {
        let running = self.in_use.revision;
        if let Some(expected) = base.filter(|base| *base != running) {
            return Err(StoreError::Conflict { expected, running }.into());
        }
        self.node.check(config).map_err(|full| Refusal::Impossible(full.to_string()))?;
        Ok(Diff::between(self.node.config(), config))
    }

    /// Acts on a document that is kept as `revision`; `wishes` take the place of those about backends.
    pub(super) fn follow(
        &mut self,
        config: Config,
        revision: u64,
        draft: &Draft,
        diff: Diff,
        wishes: Option<Wishes>,
    ) -> Applied {
        let Draft { confirm_within_s, author, origin, changes, .. } = draft;
        let returns_to = self.in_use.confirm.map_or(self.in_use.revision, |confirm| confirm.returns_to);
        let confirm = confirm_within_s
            .map(|within| Confirm { by: clock::now() + Duration::from_secs(within.into()), returns_to });
        self.in_use = InUse { revision, confirm };

        self.workers.shared.spin_us.store(config.engine.spin_us, Relaxed);
        self.probing.set_limits(clock::now(), &config.probe);
        self.login_rules.store(Arc::new(config.api.clone()));
        self.console.follow(&config.web);
        self.teller.set(&config);
        self.tell_change(*origin, author, changes);
        let mut notes = self.notes_on(&config);
        notes.extend(notes::of_listening(&self.node.config().web, &config.web));
        let config = Arc::new(config);
        self.handle(match wishes {
            Some(wishes) => Event::Restored { config, wishes },
            None => Event::ConfigCommitted(config),
        });
        tracing::info!(revision, author, changes = diff.changes.len(), "configuration in use");
        Applied { revision, diff, notes, confirm_within_s: *confirm_within_s }
    }
}

pub(super) fn drafted(terms: Terms, author: String) -> Draft {
    Draft {
        author,
        comment: terms.comment,
        base: terms.base_revision,
        confirm_within_s: terms.confirm_within_s,
        ..Draft::default()
    }
}

/// Changes in one line: `~ service web, + backend web/s3`.
pub(super) fn brief(diff: &Diff) -> String {
    let mut parts: Vec<String> = diff.changes.iter().take(CHANGES_NAMED_MAX).map(one).collect();
    if let Some(more @ 1..) = diff.changes.len().checked_sub(CHANGES_NAMED_MAX) {
        parts.push(format!("{more} more"));
    }
    parts.join(", ")
}

fn one(change: &config::Change) -> String {
    let sign = match change.action {
        Action::Added => '+',
        Action::Removed => '-',
        Action::Changed => '~',
    };
    format!("{sign} {} {}", change.thing, change.name).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_in_one_line() {
        let text = |services: &[&str]| {
            let service = |name: &&str| {
                format!(
                    "[[service]]\nname = \"{name}\"\nvip = \"10.0.0.{}\"\nports = \"80\"\nmethod = \"nat\"\n\
                     [[service.backend]]\nname = \"s\"\naddress = \"10.2.0.1\"\n",
                    name.len()
                )
            };
            let services: String = services.iter().map(service).collect();
            let nic = "[[nic]]\nname = \"f0\"\nrole = \"data\"\naddresses = [\"10.0.0.9/8\"]\n";
            config::parse(&format!("version = 1\n{nic}{services}"), "test").unwrap()
        };
        let cases: &[(&[&str], &[&str], &str)] = &[
            (&["a"], &["a"], ""),
            (&[], &["a"], "+ service a, + backend a/s"),
            (&["a"], &[], "- service a, - backend a/s"),
            (&["a"], &["bb", "ccc"], "+ service bb, + backend bb/s, + service ccc, + backend ccc/s, 2 more"),
        ];
        for (before, after, expected) in cases {
            assert_eq!(brief(&Diff::between(&text(before), &text(after))), *expected);
        }
    }
}
