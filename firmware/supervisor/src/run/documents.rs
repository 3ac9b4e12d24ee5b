//! Configuration documents: which one is used at the start, how another takes its place.

use super::control::Control;
use super::data::{DataDir, DataError, Kept};
use api::{Applied, Export, Problem};
use config::{Config, Diff};
use control::Event;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What errors call the document that is kept in the data directory.
const KEPT_NAME: &str = "the kept configuration";
/// The document of a node that was given none.
const EMPTY: &str = "version = 1\n";

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
    /// The data directory fails.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// The configuration to start with: `file`, unless it is the one imported last; else what was in use before.
pub fn at_start(data: &DataDir, file: Option<&Path>) -> Result<(Kept, Config), DocumentError> {
    let mut kept = data.config()?;
    if let Some(path) = file {
        let text = read(path)?;
        if kept.imported.as_deref() != Some(text.as_str()) {
            let config = config::parse(&text, &path.display().to_string())?;
            kept = Kept { revision: kept.revision + 1, toml: text.clone(), imported: Some(text) };
            data.keep_config(&kept)?;
            return Ok((kept, config));
        }
    }
    if kept.toml.is_empty() {
        EMPTY.clone_into(&mut kept.toml);
    }
    let config = config::parse(&kept.toml, KEPT_NAME)?;
    Ok((kept, config))
}

fn read(path: &Path) -> Result<String, DocumentError> {
    std::fs::read_to_string(path).map_err(|source| DocumentError::Read { path: path.display().to_string(), source })
}

/// Why a document was not put in use.
#[derive(Debug)]
pub enum Refusal {
    /// It has errors.
    Errors(config::Errors),
    /// It is right but cannot be used now.
    Impossible(String),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Errors(errors) => errors.into(),
            Refusal::Impossible(reason) => Self::new(reason),
        }
    }
}

impl Control {
    /// Puts a document in use: checked, kept, and only then acted on.
    pub fn apply(&mut self, text: &str, file_name: &str) -> Result<Applied, Refusal> {
        let config = config::parse(text, file_name).map_err(Refusal::Errors)?;
        let diff = Diff::between(self.node.config(), &config);
        self.node.check(&config).map_err(|full| Refusal::Impossible(full.to_string()))?;
        if diff.is_empty() {
            return Ok(Applied { revision: self.kept.revision, diff, notes: self.notes_on(&config) });
        }
        let kept = Kept { revision: self.kept.revision + 1, toml: text.to_owned(), ..self.kept.clone() };
        self.data.keep_config(&kept).map_err(|error| Refusal::Impossible(error.to_string()))?;
        self.kept = kept;
        self.workers.shared.spin_us.store(config.engine.spin_us, Relaxed);
        let notes = self.notes_on(&config);
        self.handle(Event::ConfigCommitted(Arc::new(config)));
        tracing::info!(revision = self.kept.revision, changes = diff.changes.len(), "configuration in use");
        Ok(Applied { revision: self.kept.revision, diff, notes })
    }

    /// What a document would change.
    pub fn diff(&self, text: &str, file_name: &str) -> Result<Diff, Refusal> {
        let config = config::parse(text, file_name).map_err(Refusal::Errors)?;
        Ok(Diff::between(self.node.config(), &config))
    }

    /// The document in use.
    pub fn export(&self) -> Export {
        Export { revision: self.kept.revision, toml: self.node.config().to_toml() }
    }

    /// Reads the configuration file again. A bad one changes nothing.
    pub(super) fn reload(&mut self) {
        let Some(path) = self.config_file.clone() else {
            tracing::warn!("nothing to reload: started without --config");
            return;
        };
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "configuration not reloaded");
                return;
            }
        };
        match self.apply(&text, &path.display().to_string()) {
            Ok(applied) => {
                tracing::info!(revision = applied.revision, "{} reloaded", path.display());
                for note in applied.notes {
                    tracing::warn!("{note}");
                }
                self.kept.imported = Some(text);
                if let Err(error) = self.data.keep_config(&self.kept) {
                    tracing::error!(%error, "configuration not kept");
                }
            }
            Err(Refusal::Errors(errors)) => {
                for error in &errors.errors {
                    tracing::error!("{error}");
                }
                tracing::error!("configuration not reloaded: the one in use stays");
            }
            Err(Refusal::Impossible(reason)) => tracing::error!("configuration not reloaded: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_imported_when_it_differs_from_the_one_imported_last() {
        let path = std::env::temp_dir().join(format!("suimon-documents-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let data = DataDir::open(&path).unwrap();
        let file = path.join("suimon.toml");
        let named = |name: &str| format!("version = 1\n[system]\nhostname = \"{name}\"\n");

        assert_eq!(at_start(&data, None).unwrap().0.revision, 0, "a node without a document");
        fs::write(&file, named("one")).unwrap();
        assert_eq!(at_start(&data, Some(&file)).unwrap().0.revision, 1);
        assert_eq!(at_start(&data, Some(&file)).unwrap().0.revision, 1, "the same file");

        // Edited on the box; the file did not change.
        let edited = Kept { revision: 2, toml: named("edited"), imported: Some(named("one")) };
        data.keep_config(&edited).unwrap();
        assert_eq!(at_start(&data, Some(&file)).unwrap().0, edited);

        fs::write(&file, "version = 1\nbogus = 1\n").unwrap();
        let error = at_start(&data, Some(&file)).unwrap_err().to_string();
        assert!(error.contains("suimon.toml:2:"), "{error}");
        assert_eq!(data.config().unwrap(), edited, "nothing changed");
        fs::remove_dir_all(&path).unwrap();
    }
}
