//! What versions before the store kept in files: `config.json` and `backends.json`, taken over once.

use super::data::{DataDir, DataError};
use config::BackendState;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io;
use store::{KeptWish, Store, StoreError, TakenOver};

/// The configuration in use.
const CONFIG: &str = "config.json";
/// Wishes about backends.
const BACKENDS: &str = "backends.json";

/// Why the files were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum EarlierError {
    /// A file fails.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    revision: u64,
    toml: String,
    imported: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Backend {
    service: String,
    backend: String,
    state: BackendState,
    deadline_s: Option<u64>,
    then: api::Then,
}

/// Takes the files over into a store that is new, and renames them. After a power cut between the two they are only
/// renamed: the store has them.
pub fn take_over(data: &DataDir, store: &Store, now_s: u64) -> Result<(), EarlierError> {
    let config: Option<Config> = read(data, CONFIG)?;
    let backends: Option<Vec<Backend>> = read(data, BACKENDS)?;
    if config.is_none() && backends.is_none() {
        return Ok(());
    }
    if store.is_new()? {
        let Config { revision, toml, imported } = config.unwrap_or_default();
        let wishes = backends.unwrap_or_default().into_iter().map(|kept| KeptWish {
            service: kept.service,
            backend: kept.backend,
            state: kept.state,
            deadline_s: kept.deadline_s,
            then_reset: kept.then == api::Then::Reset,
        });
        let document = (!toml.is_empty()).then_some((revision, toml));
        store.take_over(now_s, TakenOver { document, imported, wishes: wishes.collect() })?;
        tracing::info!(revision, "files of an earlier version taken over");
    }
    for name in [CONFIG, BACKENDS] {
        data.set_aside(name)?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(data: &DataDir, name: &'static str) -> Result<Option<T>, DataError> {
    let Some(text) = data.read(name)? else { return Ok(None) };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| data.failed("read", name, io::Error::from(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_taken_over_once() {
        let path = std::env::temp_dir().join(format!("suimon-earlier-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let data = DataDir::open(&path).unwrap();
        let write = |revision: u64| {
            let text = format!(r#"{{"revision":{revision},"toml":"version = 1\n","imported":"file"}}"#);
            fs::write(path.join(CONFIG), text).unwrap();
        };
        let wish = r#"[{"service":"web","backend":"s1","state":"drain","deadline_s":99,"then":"reset"}]"#;

        let store = Store::open(&path).unwrap();
        take_over(&data, &store, 7).unwrap();
        assert!(store.is_new().unwrap(), "no files, nothing to take over");

        write(41);
        fs::write(path.join(BACKENDS), wish).unwrap();
        take_over(&data, &store, 7).unwrap();
        assert_eq!(store.running().unwrap().number, 41);
        assert_eq!(store.imported().unwrap().as_deref(), Some("file"));
        let expected = KeptWish {
            service: "web".into(),
            backend: "s1".into(),
            state: BackendState::Drain,
            deadline_s: Some(99),
            then_reset: true,
        };
        assert_eq!(store.wishes().unwrap(), [expected]);
        for name in [CONFIG, BACKENDS] {
            assert!(!path.join(name).exists() && path.join(format!("{name}.imported")).exists(), "{name}");
        }

        write(50);
        take_over(&data, &store, 8).unwrap();
        assert_eq!(store.running().unwrap().number, 41, "the store knows better");
        assert!(!path.join(CONFIG).exists());

        fs::write(path.join(CONFIG), "{ half").unwrap();
        assert!(take_over(&data, &store, 9).unwrap_err().to_string().contains("config.json"));
        fs::remove_dir_all(&path).unwrap();
    }
}
