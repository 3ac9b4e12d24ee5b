//! The data directory: what a node keeps over a restart outside its databases. Every file is replaced as a whole or not at
//! all.

mod health;

use net::siphash::Key;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use store::{KeptFile, Store, StoreError};

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

/// Why files are not yet as the store wants them.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// A file.
    #[error(transparent)]
    File(#[from] DataError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
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

    /// A secret that nobody can guess.
    pub fn secret(&self) -> Result<[u8; 32], DataError> {
        let mut secret = [0; 32];
        for part in secret.chunks_mut(8) {
            part.copy_from_slice(&self.random()?.to_ne_bytes());
        }
        Ok(secret)
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

    /// Makes its files what a transaction of the store wants them to be. Names were looked at before they were kept.
    pub fn settle(&self, store: &Store) -> Result<(), SettleError> {
        let wanted = store.wanted_files()?;
        if wanted.is_empty() {
            return Ok(());
        }
        for file in wanted {
            match &file.content {
                Some(bytes) => self.write(&file.name, bytes)?,
                None => self.remove(&file.name)?,
            }
        }
        Ok(store.files_are_written()?)
    }

    /// A file as it is now.
    pub fn file(&self, name: &str) -> Result<KeptFile, DataError> {
        let content = match fs::read(self.path.join(name)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(self.failed("read", name, source)),
        };
        Ok(KeptFile { name: name.to_owned(), content })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives a file another name, under which nobody looks for it. No matter if it is not there.
    pub fn set_aside(&self, name: &'static str) -> Result<(), DataError> {
        let aside = self.path.join(format!("{name}.imported"));
        match fs::rename(self.path.join(name), aside).and_then(|()| File::open(&self.path)?.sync_all()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("set aside", name, error)),
            _ => Ok(()),
        }
    }

    /// The text of a file, if it is there.
    pub fn read(&self, name: &'static str) -> Result<Option<String>, DataError> {
        match fs::read_to_string(self.path.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed("read", name, source)),
        }
    }

    /// Gives a file the place of another one.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), DataError> {
        let renamed = fs::rename(self.path.join(from), self.path.join(to));
        renamed.and_then(|()| File::open(&self.path)?.sync_all()).map_err(|source| self.failed("rename", from, source))
    }

    /// Removes a file. No matter if it is not there.
    pub fn remove(&self, name: &str) -> Result<(), DataError> {
        match fs::remove_file(self.path.join(name)).and_then(|()| File::open(&self.path)?.sync_all()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", name, error)),
            _ => Ok(()),
        }
    }

    /// A new file under another name, on the disk before it takes the place of the old one: a power cut leaves either.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
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

    /// An error about one of its files.
    pub fn failed(&self, act: &'static str, name: &str, source: io::Error) -> DataError {
        DataError { act, path: self.path.join(name), source }
    }
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
    fn files_become_what_the_store_wants() {
        let (data, store) = (scratch("settle"), Store::in_memory().unwrap());
        fs::write(data.path.join("node"), "a").unwrap();
        let file = |name: &str, content: Option<&str>| KeptFile {
            name: name.to_owned(),
            content: content.map(|text| text.as_bytes().to_vec()),
        };
        let wanted = vec![file("node", None), file("web.key", Some("key"))];
        let former: Vec<KeptFile> = wanted.iter().map(|file| data.file(&file.name).unwrap()).collect();
        assert_eq!(former, [file("node", Some("a")), file("web.key", None)]);
        let restored = store::Restored {
            draft: store::Draft { confirm_within_s: Some(60), ..Default::default() },
            files: wanted.clone(),
            former_files: former.clone(),
            ..Default::default()
        };
        let number = store.restore(1, restored, |_| Ok(())).unwrap();
        data.settle(&store).unwrap();
        assert_eq!(wanted, wanted.iter().map(|file| data.file(&file.name).unwrap()).collect::<Vec<_>>());
        store.commit(2, store::Draft::returning(number, 0, "version = 1\n".into())).unwrap();
        data.settle(&store).unwrap();
        assert_eq!(former, former.iter().map(|file| data.file(&file.name).unwrap()).collect::<Vec<_>>());
        fs::remove_dir_all(&data.path).unwrap();
    }
}
