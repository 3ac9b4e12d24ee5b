//! The certificate that the console serves with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of a certificate with its chain, and of a key, as PEM.
pub const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Names in a request for a certificate.
pub const CERTIFICATE_NAMES_MAX: usize = 32;

/// The certificate in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Whom it is for, as its distinguished name.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// When it begins: seconds since 1970.
    pub begins_s: u64,
    /// When it ends: seconds since 1970.
    pub ends_s: u64,
    /// Whole days until then; negative: it has ended.
    pub days_left: i64,
    /// Whether it is its own issuer: browsers warn, and its fingerprint is what it is known by.
    pub is_self_signed: bool,
    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
    /// Certificates that are sent, the authorities' included.
    pub chain: u32,
    /// A request that waits for its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SigningRequest>,
}

/// A certificate signing request (PKCS #10, RFC 2986). Its key stays on the box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningRequest {
    /// The request, PEM: what an authority signs.
    pub pem: String,
}

/// Another certificate.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// The certificate, and behind it those of the authorities up to the root, PEM.
    pub certificate: String,
    /// Its key, PEM, without a pass phrase; `None`: it answers the request of this box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl fmt::Debug for NewCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewCertificate(…)")
    }
}

/// What a request is to be for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSigningRequest {
    /// Names and addresses by which people reach the console; the first is the common name.
    pub names: Vec<String>,
}

/// What the web role serves with. It is told to the web role alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleTerms {
    /// The certificate and its chain, PEM.
    pub certificate: String,
    /// Its key, PEM.
    pub key: String,
    /// Networks from which one may connect; empty: from everywhere.
    pub allow: Vec<String>,
    /// Changes when anything of it does.
    pub version: u64,
}

impl fmt::Debug for ConsoleTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsoleTerms({})", self.version)
    }
}

/// Asks for the web role's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleQuery {
    /// The version that is known: the answer waits for another one, for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<u64>,
}
