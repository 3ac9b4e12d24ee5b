//! What is in a backup, and how it becomes bytes: JSON, packed.

use super::seal::{self, SALT_BYTES, SealError};
use config::Config;
use data_encoding::BASE64;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use store::rusqlite::Connection;
use store::{People, Revision, Store, StoreError};

/// Bytes of all earlier documents in a backup; older ones are left out.
pub const HISTORY_BYTES_MAX: usize = 16 << 20;
/// Bytes of the content before it is packed: a small file must not become a large one in this box's memory.
const UNPACKED_BYTES_MAX: u64 = 128 << 20;
/// Revisions that are read at once.
const REVISIONS_MAX: u32 = store::REVISIONS_KEPT_MAX as u32;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// When it was made: seconds since 1970.
    pub made_s: u64,
    /// The program that made it.
    pub program: String,
    /// The node's name.
    pub node: String,
    /// The revision in use.
    pub in_use: Document,
    /// Earlier ones, oldest first.
    pub history: Vec<Document>,
    /// Who may call, and what is wished of backends.
    pub people: People,
    /// Files of the data directory, in base64: the console's certificate and key, and those that the document names.
    pub files: BTreeMap<String, String>,
}

/// A revision with its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The revision.
    pub revision: Revision,
    /// The text.
    pub toml: String,
}

/// Why a backup cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What is inside.
    #[error("the backup was opened, but what is inside makes no sense: {0}")]
    Senseless(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Content {
    /// Everything that `store` has now, all of one moment; `files` by name.
    pub fn gather(
        store: &Store,
        made_s: u64,
        node: &str,
        program: &str,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, ContentError> {
        let (in_use, history, people) = store.read(|connection| {
            // One transaction that only looks: nothing is committed in between.
            let moment = connection.unchecked_transaction()?;
            let (in_use, history) = documents(&moment)?;
            Ok::<_, StoreError>((in_use, history, store::people(&moment)?))
        })?;
        let files = files.into_iter().map(|(name, bytes)| (name, BASE64.encode(&bytes))).collect();
        let (node, program) = (node.to_owned(), program.to_owned());
        Ok(Self { made_s, program, node, in_use, history, people, files })
    }

    /// As a file that only `passphrase` opens.
    pub fn seal(&self, passphrase: &str, salt: [u8; SALT_BYTES]) -> Result<Vec<u8>, ContentError> {
        let json = serde_json::to_vec(self).expect("a structure of text and numbers");
        let mut packed = Vec::new();
        GzEncoder::new(&json[..], Compression::default()).read_to_end(&mut packed).expect("memory does not fail");
        Ok(seal::seal(&packed, passphrase, salt)?)
    }

    /// The content of a sealed file.
    pub fn open(file: &[u8], passphrase: &str) -> Result<Self, ContentError> {
        let packed = seal::open(file, passphrase)?;
        let senseless = |reason: String| ContentError::Senseless(reason);
        let mut json = Vec::new();
        let unpacked = GzDecoder::new(&packed[..]).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut json);
        unpacked.map_err(|error| senseless(error.to_string()))?;
        if json.len() as u64 > UNPACKED_BYTES_MAX {
            return Err(senseless(format!("more than {UNPACKED_BYTES_MAX} bytes")));
        }
        serde_json::from_slice(&json).map_err(|error| senseless(error.to_string()))
    }

    /// The bytes of its files.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, ContentError> {
        let decoded = self.files.iter().map(|(name, text)| {
            let bytes = BASE64.decode(text.as_bytes());
            let bytes = bytes.map_err(|error| ContentError::Senseless(format!("file {name}: {error}")))?;
            Ok((name.clone(), bytes))
        });
        decoded.collect()
    }
}

/// Files of the data directory that every node has: certificate and key of the console, and the key of hashes, by which
/// nodes of a pair agree on who serves whom.
const FILES_OF_NODES: [&str; 3] = ["web.crt", "web.key", "hash.key"];

/// What the node keeps in databases, and the files that SQLite has beside them.
const DATABASES: [&str; 2] = ["config.db", "history.db"];

/// Files of the data directory that belong to a node with this configuration, as far as they are there.
pub fn files_of(config: &Config) -> BTreeSet<String> {
    let mails = config.alerts.mails.iter().filter_map(|mail| mail.ca_file.as_ref());
    let webhooks = config.alerts.webhooks.iter().filter_map(|webhook| webhook.ca_file.as_ref());
    let servers = config.syslog.servers.iter().filter_map(|server| server.ca_file.as_ref());
    let sync = config.ha.iter().filter_map(|ha| ha.sync.as_ref()).map(|sync| &sync.key_file);
    let named = mails.chain(webhooks).chain(servers).chain(sync);
    // Whatever a document calls its files: a backup takes no database along, and replaces none.
    let named = named.filter(|name| !DATABASES.iter().any(|database| name.starts_with(database))).cloned();
    named.chain(FILES_OF_NODES.map(str::to_owned)).collect()
}

/// The revision in use, and earlier ones as far as they fit.
fn documents(connection: &Connection) -> Result<(Document, Vec<Document>), StoreError> {
    let document = |number| {
        let (revision, toml) = store::revision_of(connection, number)?;
        Ok::<_, StoreError>(Document { revision, toml })
    };
    let in_use = document(store::running_of(connection)?.number)?;
    let (mut history, mut bytes) = (Vec::new(), 0);
    for earlier in store::revisions_of(connection, REVISIONS_MAX, Some(in_use.revision.number))? {
        bytes += usize::try_from(earlier.bytes).unwrap_or(usize::MAX);
        // Every box begins with the empty document; it is no part of anybody's history.
        if bytes > HISTORY_BYTES_MAX || earlier.number == 0 {
            break;
        }
        history.push(document(earlier.number)?);
    }
    history.reverse();
    Ok((in_use, history))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Draft;

    fn store() -> Store {
        let store = Store::in_memory().unwrap();
        for number in 1..4 {
            store.commit(number, Draft { document: format!("document {number}"), ..Draft::default() }).unwrap();
        }
        store
    }

    #[test]
    fn everything_comes_back_as_it_was() {
        let files = BTreeMap::from([("web.key".to_owned(), vec![0, 255, 7])]);
        let content = Content::gather(&store(), 99, "a", "0.1.0", files.clone()).unwrap();
        assert_eq!(content.in_use.toml, "document 3");
        assert_eq!(content.history.iter().map(|of| of.toml.as_str()).collect::<Vec<_>>(), ["document 1", "document 2"]);
        let file = content.seal("open the water gate", [1; 16]).unwrap();
        let back = Content::open(&file, "open the water gate").unwrap();
        assert_eq!(back, content);
        assert_eq!(back.files().unwrap(), files);
    }

    #[test]
    fn what_is_inside_is_looked_at() {
        let phrase = "open the water gate";
        for inside in [&b"no gzip"[..], &packed(b"no json"), &packed(b"{\"made_s\":1}")] {
            let file = seal::seal(inside, phrase, [1; 16]).unwrap();
            let error = Content::open(&file, phrase).unwrap_err().to_string();
            assert!(error.starts_with("the backup was opened, but what is inside makes no sense: "), "{error}");
        }
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        GzEncoder::new(bytes, Compression::default()).read_to_end(&mut packed).unwrap();
        packed
    }
}
