//! The data directory: what a node keeps over a restart. Every file is replaced as a whole or not at all.

mod health;

use control::drain::{Then, Wish, Wishes};
use net::Now;
use net::siphash::Key;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Name of a node that nobody named.
const NAME_DEFAULT: &str = "a";
/// Characters of a node's name.
const NAME_LENGTH_MAX: usize = config::NAME_LENGTH_MAX;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{act} {}: {source}", path.display())]
pub struct DataError {
    act: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

/// The configuration in use, as kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its revision.
    pub revision: u64,
    /// Its text.
    pub toml: String,
    /// The text of the file that was imported last: a file that did not change since is not imported again.
    pub imported: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptWish {
    service: String,
    backend: String,
    state: config::BackendState,
    /// Seconds since 1970.
    deadline_s: Option<u64>,
    then: api::Then,
}

impl DataDir {
    /// The directory at `path`, made when it is not there.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| DataError { act: "make", path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }

    /// The key of hashes: drawn when it is not there.
    pub fn key(&self) -> Result<Key, DataError> {
        if let Some(text) = self.read("hash.key")? {
            let (a, b) = text.trim().split_at_checked(16).unwrap_or_default();
            let number = |text| u64::from_str_radix(text, 16).map_err(|error| io::Error::other(format!("{error}")));
            let key = number(a).and_then(|a| Ok(Key(a, number(b)?)));
            return key.map_err(|source| self.failed("read", "hash.key", source));
        }
        let key = Key(self.random()?, self.random()?);
        self.write("hash.key", format!("{:016x}{:016x}\n", key.0, key.1).as_bytes())?;
        Ok(key)
    }

    /// A number that nobody can guess.
    pub fn random(&self) -> Result<u64, DataError> {
        let failed = |source| DataError { act: "read", path: "/dev/urandom".into(), source };
        let mut bytes = [0; 8];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).map_err(failed)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    /// The node's name; `given` names it once and for all.
    pub fn node_name(&self, given: Option<&str>) -> Result<String, DataError> {
        if let Some(name) = given {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.chars().all(word) {
                let source = io::Error::other(format!("\"{name}\" is no name: letters, digits, - and _ only"));
                return Err(self.failed("write", "node", source));
            }
            self.write("node", format!("{name}\n").as_bytes())?;
            return Ok(name.to_owned());
        }
        Ok(self.read("node")?.map_or_else(|| NAME_DEFAULT.to_owned(), |name| name.trim().to_owned()))
    }

    /// The configuration in use when the last run ended.
    pub fn config(&self) -> Result<Kept, DataError> {
        let Some(text) = self.read("config.json")? else { return Ok(Kept::default()) };
        serde_json::from_str(&text).map_err(|error| self.failed("read", "config.json", error.into()))
    }

    /// Keeps the configuration in use.
    pub fn keep_config(&self, kept: &Kept) -> Result<(), DataError> {
        let text = serde_json::to_vec(kept).expect("a structure of text and numbers");
        self.write("config.json", &text)
    }

    /// What administrators wished of backends when the last run ended.
    pub fn wishes(&self, now: Now) -> Result<Wishes, DataError> {
        let Some(text) = self.read("backends.json")? else { return Ok(Wishes::default()) };
        let kept: Vec<KeptWish> =
            serde_json::from_str(&text).map_err(|error| self.failed("read", "backends.json", error.into()))?;
        Ok(Wishes::restored(kept.into_iter().map(|kept| {
            let wish = match kept.state {
                config::BackendState::Online => Wish::Online,
                config::BackendState::Disabled => Wish::Disabled,
                config::BackendState::Drain => Wish::Drain {
                    deadline: kept.deadline_s.map(|at| now + Duration::from_secs(at.saturating_sub(unix_s()))),
                    then: match kept.then {
                        api::Then::Keep => Then::Keep,
                        api::Then::Reset => Then::Reset,
                    },
                },
            };
            ((kept.service, kept.backend), wish)
        })))
    }

    /// Keeps what administrators wish of backends.
    pub fn keep_wishes(&self, now: Now, wishes: &Wishes) -> Result<(), DataError> {
        let kept: Vec<KeptWish> = wishes
            .iter()
            .map(|((service, backend), wish)| {
                let (state, deadline, then) = match wish {
                    Wish::Online => (config::BackendState::Online, None, Then::Keep),
                    Wish::Disabled => (config::BackendState::Disabled, None, Then::Keep),
                    Wish::Drain { deadline, then } => (config::BackendState::Drain, deadline, then),
                };
                KeptWish {
                    service: service.clone(),
                    backend: backend.clone(),
                    state,
                    deadline_s: deadline.map(|deadline| unix_s() + deadline.since(now).as_secs()),
                    then: if then == Then::Reset { api::Then::Reset } else { api::Then::Keep },
                }
            })
            .collect();
        self.write("backends.json", &serde_json::to_vec(&kept).expect("a structure of text and numbers"))
    }

    fn read(&self, name: &'static str) -> Result<Option<String>, DataError> {
        match fs::read_to_string(self.path.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed("read", name, source)),
        }
    }

    // A new file under another name, on the disk before it takes the place of the old one: a power cut leaves either.
    fn write(&self, name: &'static str, bytes: &[u8]) -> Result<(), DataError> {
        let beside = self.path.join(format!("{name}.new"));
        let replace = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, self.path.join(name))?;
            File::open(&self.path)?.sync_all()
        };
        replace().map_err(|source| self.failed("write", name, source))
    }

    fn failed(&self, act: &'static str, name: &str, source: io::Error) -> DataError {
        DataError { act, path: self.path.join(name), source }
    }
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> DataDir {
        let path = std::env::temp_dir().join(format!("suimon-data-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        DataDir::open(&path).unwrap()
    }

    #[test]
    fn a_key_is_drawn_once() {
        let data = scratch("key");
        let key = data.key().unwrap();
        assert_ne!(key, Key(0, 0));
        assert_eq!(data.key().unwrap(), key);
        fs::write(data.path.join("hash.key"), "not a key").unwrap();
        assert!(data.key().unwrap_err().to_string().starts_with("read "));
        fs::remove_dir_all(&data.path).unwrap();
    }

    #[test]
    fn a_node_is_named_once() {
        let data = scratch("node");
        assert_eq!(data.node_name(None).unwrap(), "a");
        assert_eq!(data.node_name(Some("b")).unwrap(), "b");
        assert_eq!(data.node_name(None).unwrap(), "b");
        assert!(data.node_name(Some("../b")).is_err());
        fs::remove_dir_all(&data.path).unwrap();
    }

    #[test]
    fn configuration_and_wishes_come_back() {
        let data = scratch("state");
        assert_eq!(data.config().unwrap(), Kept::default());
        let kept = Kept { revision: 7, toml: "version = 1\n".into(), imported: Some("version = 1\n".into()) };
        data.keep_config(&kept).unwrap();
        assert_eq!(data.config().unwrap(), kept);

        let name = |backend: &str| ("web".to_owned(), backend.to_owned());
        let (before, after) = (Now::from_secs(1_000), Now::from_secs(5));
        let drain = |deadline| Wish::Drain { deadline, then: Then::Reset };
        let wishes = [
            (name("s1"), Wish::Disabled),
            (name("s2"), drain(Some(before + Duration::from_secs(600)))),
            (name("s3"), drain(None)),
        ];
        data.keep_wishes(before, &Wishes::restored(wishes)).unwrap();
        let restored = data.wishes(after).unwrap();
        assert_eq!(restored.of("web", "s1"), Some(Wish::Disabled));
        assert_eq!(restored.of("web", "s3"), Some(drain(None)));
        let Some(Wish::Drain { deadline: Some(deadline), then: Then::Reset }) = restored.of("web", "s2") else {
            panic!("{:?}", restored.of("web", "s2"))
        };
        let left = deadline.since(after).as_secs();
        assert!((595..=600).contains(&left), "{left} s left");
        fs::remove_dir_all(&data.path).unwrap();
    }
}
