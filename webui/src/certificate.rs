//! What the console serves with, as core tells it: certificate, key, and who may connect. Followed while it runs.

use api::{Client, ConsoleQuery, ConsoleTerms};
use config::Prefix;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// Wait before core is asked again that did not answer.
const RETRY: Duration = Duration::from_secs(2);

/// Why nothing can be served with these terms.
#[derive(Debug, thiserror::Error)]
#[error("use the {what} that core gives: {reason}")]
pub struct TermsError {
    what: &'static str,
    reason: String,
}

impl TermsError {
    fn of<E: Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |reason| Self { what, reason: reason.to_string() }
    }
}

/// What the console serves with.
#[derive(Clone, Debug)]
pub struct Identity {
    /// For the handshakes.
    config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
    /// Who may connect; empty: everybody.
    pub(crate) allow: Vec<Prefix>,
    version: u64,
}

impl Identity {
    /// Of what core tells.
    pub fn of(terms: &ConsoleTerms) -> Result<Self, TermsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(terms.certificate.as_bytes()).collect();
        let chain: Vec<CertificateDer<'static>> = chain.map_err(TermsError::of("certificate"))?;
        let first = chain.first().ok_or_else(|| TermsError::of("certificate")("there is none"))?;
        let fingerprint = fingerprint(first);
        let key = PrivateKeyDer::from_pem_slice(terms.key.as_bytes()).map_err(TermsError::of("key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TermsError::of("certificate"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let allow: Result<Vec<Prefix>, String> = terms.allow.iter().map(|network| network.parse()).collect();
        let allow = allow.map_err(TermsError::of("list of who may connect"))?;
        Ok(Self { config: Arc::new(config), fingerprint, allow, version: terms.version })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// The terms of this moment. Connections keep those that they began with.
#[derive(Debug)]
pub(crate) struct Terms(RwLock<Arc<Identity>>);

impl Terms {
    pub(crate) fn new(identity: Identity) -> Self {
        Self(RwLock::new(Arc::new(identity)))
    }

    pub(crate) fn now(&self) -> Arc<Identity> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Follows core for good. What cannot be used is told, and what is in use stays.
    pub(crate) async fn follow(&self, client: Client) {
        let mut known = self.now().version;
        loop {
            let terms = match client.console_terms(&ConsoleQuery { known: Some(known) }).await {
                Ok(terms) => terms,
                Err(error) => {
                    tracing::debug!(%error, "core tells nothing of certificates");
                    sleep(RETRY).await;
                    continue;
                }
            };
            if terms.version == known {
                continue;
            }
            known = terms.version;
            match Identity::of(&terms) {
                Ok(identity) => {
                    tracing::info!(fingerprint = %identity.fingerprint, "certificate or list of who may connect is another one");
                    *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
                }
                Err(error) => tracing::error!(%error, "the certificate before stays in use"),
            }
        }
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = Sha256::digest(certificate);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
pub(crate) mod tests;
