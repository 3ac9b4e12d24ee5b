//! Backups: everything that makes a node what it is, in one encrypted file.

use crate::document::Terms;
use data_encoding::BASE64;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A file inside JSON: base64 (RFC 4648 4).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FileBytes(pub Vec<u8>);

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileBytes({} bytes)", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for FileBytes {
    fn schema_name() -> Cow<'static, str> {
        "FileBytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "contentEncoding": "base64",
            "description": "A file inside JSON: base64 (RFC 4648 4)."
        })
    }
}

/// Makes a backup.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    /// What opens it: at least 12 characters. Nobody can open it without.
    pub passphrase: String,
}

/// A backup to be looked into.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupLook {
    /// The file.
    pub file: FileBytes,
    /// What it was made with.
    pub passphrase: String,
}

/// What is in a backup, and how it fits this box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupView {
    /// When it was made: seconds since 1970.
    pub made_s: u64,
    /// The version that made it.
    pub program: String,
    /// The node it is of.
    pub node: String,
    /// The revision that was in use there.
    pub revision: u64,
    /// Earlier revisions in it.
    pub earlier: u64,
    /// Users in it, by name.
    pub users: Vec<String>,
    /// How many tokens are in it.
    pub tokens: u64,
    /// Files in it, by name.
    pub files: Vec<String>,
    /// NICs that its document names.
    pub nics: Vec<BackupNic>,
    /// NICs of this box.
    pub nics_here: Vec<String>,
}

/// A NIC of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupNic {
    /// Its name there.
    pub name: String,
    /// What it is for.
    pub role: String,
    /// Whether this box has one of that name.
    pub is_here: bool,
}

/// Puts a backup in use.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// The file.
    pub file: FileBytes,
    /// What it was made with.
    pub passphrase: String,
    /// Which NIC of this box stands for which of the backup: the backup's name to this box's. Names that both have need none.
    #[serde(default)]
    pub nics: BTreeMap<String, String>,
    /// How.
    #[serde(default)]
    pub terms: Terms,
}

macro_rules! without_secrets {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        })*
    };
}

without_secrets!(BackupRequest, BackupLook, Restore);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_base64() {
        let restore = Restore { file: FileBytes(vec![0, 255, 7]), ..Restore::default() };
        let json = serde_json::to_string(&restore).unwrap();
        assert!(json.starts_with("{\"file\":\"AP8H\""), "{json}");
        assert_eq!(serde_json::from_str::<Restore>(&json).unwrap(), restore);
        assert!(serde_json::from_str::<Restore>("{\"file\":\"%\",\"passphrase\":\"\"}").is_err());
    }
}
