//! Values that must not be shown.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

/// Keys of the document whose values are secret. Every field of type [`Secret`] has one of these names, and so have
/// fields that may well hold a secret, such as the headers of a request or the address of a webhook.
pub const SECRET_KEYS: &[&str] = &["password", "secret", "headers", "url"];

/// Further keys whose values may log in to something, in words that only the administrator knows: commands, arguments and
/// bytes that are sent as they stand. Whoever may read the document sees them; whoever gets a support bundle does not.
pub const PRIVATE_KEYS: &[&str] = &["send", "command", "arguments", "query"];

/// Keys whose values may have words after a `?`, of which any may be a secret.
pub const ADDRESS_KEYS: &[&str] = &["path", "uri"];

/// A password or shared key. It is written to the document, which is stored, and to the process that needs it; in logs,
/// differences and support bundles `***` stands for it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Whether the value of `key` is secret.
pub fn is_secret(key: &str) -> bool {
    SECRET_KEYS.contains(&key)
}
