//! Certificates of servers, made for the test.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate of its own making, and a server that shows it.
pub struct Certificate {
    /// What a check trusts, as PEM.
    pub pem: String,
    /// For [`super::Act::Tls`].
    pub server: Arc<ServerConfig>,
}

/// For `names`, good until the end of `last_year`.
pub fn certificate(names: &[&str], last_year: i32) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.not_before = date_time_ymd(2001, 1, 1);
    parameters.not_after = date_time_ymd(last_year, 12, 31);
    signed(&parameters)
}

/// For `name`, good for `days` more days.
pub fn certificate_for_days(name: &str, days: u64) -> Certificate {
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(2001, 1, 1);
    parameters.not_after = (std::time::SystemTime::now() + std::time::Duration::from_secs(days * 86_400)).into();
    signed(&parameters)
}

fn signed(parameters: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    Certificate { pem: certificate.pem(), server: Arc::new(server) }
}
