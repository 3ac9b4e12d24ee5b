//! TLS of a check.

use crate::names::named;
use serde::{Deserialize, Serialize};

named! {
    /// When a dialogue is encrypted.
    TlsMode {
        /// Never.
        #[default]
        Off => "off",
        /// After the protocol's own request for it.
        Starttls => "starttls",
        /// From the first byte.
        On => "on",
    }
}

/// TLS of a check that uses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tls {
    /// When it begins; never [`TlsMode::Off`].
    #[serde(rename = "tls")]
    pub mode: TlsMode,
    /// The name asked for, and the one the certificate must be for; `None`: the Host header of HTTP, else no name is
    /// asked for and the certificate must be for the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sni: Option<String>,
    /// Whether the certificate is verified. Off unless asked for: servers behind a balancer are reached by address, and
    /// most show certificates of their own making there.
    pub tls_verify: bool,
    /// Certificates (PEM) that may sign the server's; `None`: the public authorities.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls_ca: Option<String>,
    /// Days before the certificate ends from which a pass carries a warning; 0: never.
    pub certificate_warning_days: u16,
}
