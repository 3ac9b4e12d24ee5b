//! TLS as a client: verified, or taken as it comes.

use crate::{Failure, certificate};
use config::Tls;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_S: u64 = 86_400;

/// The settings for a check.
pub(crate) fn client(tls: &Tls) -> Result<Arc<ClientConfig>, Failure> {
    static UNVERIFIED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static PUBLIC: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    match &tls.tls_ca {
        _ if !tls.tls_verify => Ok(UNVERIFIED.get_or_init(|| Arc::new(unverified())).clone()),
        None => Ok(PUBLIC.get_or_init(|| Arc::new(verified(public_authorities()))).clone()),
        Some(pem) => Ok(Arc::new(verified(authorities(pem)?))),
    }
}

/// The name to ask for: that of the check, else `host` where it is a name, else the address.
pub(crate) fn server_name(tls: &Tls, host: Option<&str>, address: IpAddr) -> ServerName<'static> {
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let name = tls.sni.as_deref().or(host).and_then(|name| ServerName::try_from(name.to_owned()).ok());
    name.unwrap_or_else(|| ServerName::from(address))
}

/// Days that are left of a certificate that is about to end, or has ended although nobody verified it (negative then); and
/// what to say of it.
pub(crate) fn ending(tls: &Tls, certificates: Option<&[CertificateDer<'_>]>) -> Option<(i64, String)> {
    let last_day = certificate::last_day(certificates?.first()?)?;
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / DAY_S) as i64;
    let left = last_day - today;
    let said = match left {
        _ if tls.certificate_warning_days == 0 || left > i64::from(tls.certificate_warning_days) => return None,
        ..0 => format!("the certificate ended {} days ago", -left),
        0 => "the certificate ends today".to_owned(),
        _ => format!("the certificate ends in {left} days"),
    };
    Some((left, said))
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

fn verified(authorities: RootCertStore) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("ring has the suites of TLS 1.2 and 1.3");
    without_resumption(builder.with_root_certificates(authorities).with_no_client_auth())
}

fn unverified() -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("ring has the suites of TLS 1.2 and 1.3");
    let verifier = Arc::new(AnyCertificate(provider()));
    without_resumption(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// A resumed connection shows no certificate: each run is to see the one that is there now.
fn without_resumption(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn authorities(pem: &str) -> Result<RootCertStore, Failure> {
    let unusable = |what: String| Failure::Impossible(format!("tls_ca cannot be used: {what}"));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        store.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    Ok(store)
}

/// Takes any certificate; that the server has its key is still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
