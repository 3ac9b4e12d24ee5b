//! The document that a node starts with.

use super::data::SettleError;
use super::earlier::EarlierError;
use super::revisions::{Confirm, InUse, brief};
use config::{Config, Diff, Origin};
use net::Now;
use std::path::Path;
use std::time::Duration;
use store::{AUTHOR, Draft, Revision, Store, StoreError};

/// Why a node has no configuration to start with.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It has errors.
    #[error("{0}")]
    Document(#[from] config::Errors),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files that belong to what is in use are not as they should be.
    #[error(transparent)]
    Files(#[from] SettleError),
    /// What an earlier version kept cannot be taken over.
    #[error(transparent)]
    Earlier(#[from] EarlierError),
}

/// What a node starts with. Nothing of it is kept yet.
#[derive(Debug)]
pub struct Beginning {
    /// The configuration.
    pub config: Config,
    running: Revision,
    // A document that takes the running one's place.
    draft: Option<Draft>,
}

/// The configuration to start with: `file`, unless it is the one imported last; else what was in use before, or the
/// revision before that when nobody confirmed it in time.
pub fn at_start(store: &Store, file: Option<&Path>, now_s: u64) -> Result<Beginning, DocumentError> {
    let (running, document) = store.revision(store.running()?.number)?;
    if let Some(path) = file {
        let text = read(path)?;
        if store.imported()?.as_deref() != Some(text.as_str()) {
            let config = config::parse(&text, &path.display().to_string())?;
            // What was in use may be of a version with other rules: then nobody can say what changes.
            let before = config::parse(&document, "").ok();
            let changes = before.map(|before| brief(&Diff::between(&before, &config))).unwrap_or_default();
            let draft = Draft { changes, ..from_file(path, text) };
            return Ok(Beginning { config, running, draft: Some(draft) });
        }
    }
    if let Some(awaiting) = running.awaiting(now_s).filter(|awaiting| awaiting.left_s == 0) {
        let (_, document) = store.revision(awaiting.returns_to)?;
        let config = config::parse(&document, &format!("revision {}", awaiting.returns_to))?;
        tracing::warn!("nobody confirmed revision {}: revision {} returns", running.number, awaiting.returns_to);
        let draft = Draft::returning(running.number, awaiting.returns_to, document);
        return Ok(Beginning { config, running, draft: Some(draft) });
    }
    let config = config::parse(&document, &format!("revision {}", running.number))?;
    Ok(Beginning { config, running, draft: None })
}

impl Beginning {
    /// Whether the revision before returns because nobody confirmed the last one.
    pub fn returns(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.origin == Origin::Return)
    }

    /// Keeps what takes the place of the running revision. What is in use then.
    pub fn keep(self, store: &Store, now: Now, now_s: u64) -> Result<InUse, StoreError> {
        if let Some(draft) = self.draft {
            return Ok(InUse { revision: store.commit(now_s, draft)?, confirm: None });
        }
        let confirm = self.running.awaiting(now_s).map(|awaiting| Confirm {
            by: now + Duration::from_secs(awaiting.left_s),
            returns_to: awaiting.returns_to,
        });
        Ok(InUse { revision: self.running.number, confirm })
    }
}

/// The text of a configuration file.
pub(super) fn read(path: &Path) -> Result<String, DocumentError> {
    std::fs::read_to_string(path).map_err(|source| DocumentError::Read { path: path.display().to_string(), source })
}

/// A file's document.
pub(super) fn from_file(path: &Path, document: String) -> Draft {
    Draft {
        document,
        author: AUTHOR.to_owned(),
        origin: Origin::File,
        comment: path.display().to_string(),
        imported: true,
        ..Draft::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn named(name: &str) -> String {
        format!("version = 1\n[system]\nhostname = \"{name}\"\n")
    }

    fn hostname(beginning: &Beginning) -> String {
        let hostname = beginning.config.system.hostname.as_ref();
        hostname.and_then(|hostname| hostname.on("a")).cloned().unwrap_or_default()
    }

    fn start(store: &Store, file: Option<&Path>, now_s: u64) -> (u64, String) {
        let beginning = at_start(store, file, now_s).unwrap();
        let hostname = hostname(&beginning);
        (beginning.keep(store, Now::default(), now_s).unwrap().revision, hostname)
    }

    fn draft(document: String, confirm_within_s: Option<u32>) -> Draft {
        Draft { document, confirm_within_s, origin: Origin::Apply, ..Draft::default() }
    }

    #[test]
    fn a_file_is_imported_when_it_differs_from_the_one_imported_last() {
        let path = std::env::temp_dir().join(format!("suimon-documents-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let store = Store::in_memory().unwrap();
        let file = path.join("suimon.toml");

        assert_eq!(start(&store, None, 1).0, 0, "a node without a document");
        fs::write(&file, named("one")).unwrap();
        assert_eq!(start(&store, Some(&file), 2), (1, "one".into()));
        assert_eq!(start(&store, Some(&file), 3), (1, "one".into()), "the same file");
        assert_eq!(store.running().unwrap().changes, "~ system");

        store.commit(4, draft(named("edited"), None)).unwrap();
        assert_eq!(start(&store, Some(&file), 5), (2, "edited".into()), "edited on the box; the file did not change");

        fs::write(&file, "version = 1\nbogus = 1\n").unwrap();
        let error = at_start(&store, Some(&file), 6).unwrap_err().to_string();
        assert!(error.contains("suimon.toml:2:"), "{error}");
        assert_eq!(store.running().unwrap().number, 2, "nothing changed");
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn what_nobody_confirmed_does_not_outlive_a_restart() {
        let store = Store::in_memory().unwrap();
        store.commit(1, draft(named("confirmed"), None)).unwrap();
        store.commit(1_000, draft(named("risky"), Some(60))).unwrap();
        let beginning = at_start(&store, None, 1_040).unwrap();
        assert_eq!(hostname(&beginning), "risky");
        let in_use = beginning.keep(&store, Now::from_secs(5), 1_040).unwrap();
        assert_eq!(in_use, InUse { revision: 2, confirm: Some(Confirm { by: Now::from_secs(25), returns_to: 1 }) });

        assert_eq!(start(&store, None, 1_060), (3, "confirmed".into()));
        let states: Vec<String> =
            store.revisions(9, None).unwrap().iter().map(|found| format!("{} {}", found.state, found.origin)).collect();
        assert_eq!(states, ["running return", "returned apply", "replaced apply", "replaced built-in"]);
        assert_eq!(start(&store, None, 1_061), (3, "confirmed".into()), "once");
    }
}
