//! A backup takes the place of what this node was, and what it took the place of returns with the revision before.

use super::control::Control;
use super::revisions::{Refusal, brief, drafted};
use super::wishes;
use api::{Applied, Terms};
use config::Origin;
use control::drain::Wishes;
use control::local::{ENGINE_END, KERNEL_END};
use drivers::clock;
use manage::backup::Fitted;
use std::sync::atomic::Ordering::Release;
use store::rusqlite::Transaction;
use store::{Draft, KeptFile, Restored, StoreError};

/// The file with the node's name.
const NAME_FILE: &str = "node";
/// What a link of the kernel's own is called.
const LOOPBACK: &str = "lo";

impl Control {
    /// Links of this box that a document may name.
    pub fn nics_here(&self) -> Vec<String> {
        let links = self.node.kernel().links.iter().map(|link| link.name.clone());
        let of_the_node = [LOOPBACK, ENGINE_END, KERNEL_END];
        let mut names: Vec<String> = links.filter(|name| !of_the_node.contains(&name.as_str())).collect();
        names.sort();
        names
    }

    /// Files of the data directory that belong to this node.
    pub fn own_files(&self) -> Result<Vec<KeptFile>, Refusal> {
        let names = manage::backup::files_of(self.node.config());
        let files: Result<_, _> = names.iter().map(|name| self.data.file(name)).collect();
        files.map_err(|error| Refusal::Impossible(error.to_string()))
    }

    /// Puts a backup in use for `author`, and does `also` in the same transaction.
    pub fn restore(
        &mut self,
        fitted: Fitted,
        terms: Terms,
        author: String,
        also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Applied, Refusal> {
        let Fitted { node, document, config, history, people, mut files } = fitted;
        let diff = self.may_follow(&config, terms.base_revision)?;
        let of_another = node != self.node.name();
        files.push(KeptFile { name: NAME_FILE.to_owned(), content: Some(format!("{node}\n").into_bytes()) });
        let draft = Draft { document, origin: Origin::Restore, changes: brief(&diff), ..drafted(terms, author) };
        let former_files = files.iter().map(|file| self.data.file(&file.name)).collect::<Result<_, _>>();
        let former_files = former_files.map_err(|error| Refusal::Impossible(error.to_string()))?;
        let wished = wishes::restored(people.wishes.clone(), clock::now(), clock::unix_s());
        let restored = Restored { draft: draft.clone(), history, people, files, former_files };
        let revision = self.store.restore(clock::unix_s(), restored, also)?;
        self.people_are_others();
        let mut applied = self.follow(config, revision, &draft, diff, Some(wished));
        applied.notes.push("everybody has to log in again, as a user of the backup".to_owned());
        applied.notes.push("the key of hashes of the backup is in use from the next start on".to_owned());
        if of_another {
            applied
                .notes
                .push(format!("this node is called {node} from the next start on, as the one of the backup was"));
        }
        Ok(applied)
    }

    /// What a restored revision that returns took the place of is back in the store: brings it back here as well.
    pub(super) fn bring_back_people(&mut self) -> Option<Wishes> {
        self.people_are_others();
        match self.store.wishes() {
            Ok(kept) => Some(wishes::restored(kept, clock::now(), clock::unix_s())),
            Err(error) => {
                tracing::error!(%error, "states of backends not brought back");
                None
            }
        }
    }

    fn people_are_others(&mut self) {
        self.people_stale.store(true, Release);
        if let Err(error) = self.data.settle(&self.store) {
            tracing::error!(%error, "files of the backup not written yet; the next start does");
        }
        self.read_certificate_again();
    }
}
