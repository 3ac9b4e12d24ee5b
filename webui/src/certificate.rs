//! The certificate: made at the first start, kept in the data directory, readable by root alone.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The certificate, in the data directory.
const CERTIFICATE_FILE: &str = "web.crt";
/// Its key, beside it.
const KEY_FILE: &str = "web.key";
/// The key is root's alone.
const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;
/// Begins yesterday's year and ends after a box does: a self-signed certificate is known by its fingerprint, not its age,
/// and a box whose clock has lost its battery must still serve.
const VALID_YEARS: (i32, i32) = (2020, 2060);

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
#[error("{act} {}: {reason}", path.display())]
pub struct CertificateError {
    act: &'static str,
    path: PathBuf,
    reason: String,
}

impl CertificateError {
    fn of<E: Display>(act: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |reason| Self { act, path, reason: reason.to_string() }
    }
}

/// What the console serves with.
#[derive(Clone, Debug)]
pub struct Identity {
    /// For the handshakes.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
}

/// Reads the certificate in `folder`; makes one for `names` when there is none.
pub fn load_or_make(folder: &Path, names: &[IpAddr]) -> Result<Identity, CertificateError> {
    let (certificate_path, key_path) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
    // The key is written first: a crash between the two leaves a key without a certificate, and both are made anew.
    if !certificate_path.exists() {
        make(&certificate_path, &key_path, names)?;
    }
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&certificate_path)
        .and_then(Iterator::collect)
        .map_err(CertificateError::of("read the certificate", &certificate_path))?;
    let first = chain
        .first()
        .ok_or_else(|| CertificateError::of("read the certificate", &certificate_path)("the file has none"))?;
    let fingerprint = fingerprint(first);
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(CertificateError::of("read the key", &key_path))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(CertificateError::of("use the certificate", &certificate_path))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), fingerprint })
}

fn make(certificate_path: &Path, key_path: &Path, names: &[IpAddr]) -> Result<(), CertificateError> {
    let unmade = || CertificateError::of("make a certificate for", certificate_path);
    let names: Vec<String> = std::iter::once("suimon".to_owned()).chain(names.iter().map(IpAddr::to_string)).collect();
    let mut params = CertificateParams::new(names).map_err(unmade())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "suimon");
    params.not_before = rcgen::date_time_ymd(VALID_YEARS.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(VALID_YEARS.1, 1, 1);
    let key = KeyPair::generate().map_err(unmade())?;
    let certificate = params.self_signed(&key).map_err(unmade())?;
    write(key_path, &key.serialize_pem(), KEY_MODE)?;
    write(certificate_path, &certificate.pem(), CERTIFICATE_MODE)
}

/// Whole or not at all, and never readable by others for a moment.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let part = path.with_extension("new");
    let written = || -> io::Result<()> {
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    written().map_err(CertificateError::of("write", path))
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = Sha256::digest(certificate);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn made_once_and_the_key_is_roots_alone() {
        let folder = std::env::temp_dir().join(format!("suimon-certificate-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let first = load_or_make(&folder, &["192.0.2.1".parse().unwrap()]).unwrap();
        let mode = |name| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(KEY_FILE), mode(CERTIFICATE_FILE)), (0o600, 0o644));
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(load_or_make(&folder, &[]).unwrap().fingerprint, first.fingerprint);
        fs::write(folder.join(CERTIFICATE_FILE), "nothing").unwrap();
        let error = load_or_make(&folder, &[]).unwrap_err().to_string();
        assert!(error.starts_with("read the certificate /") && error.ends_with("the file has none"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
