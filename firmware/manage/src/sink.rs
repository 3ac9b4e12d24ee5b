//! What tests send to: real servers on loopback, with a certificate of their own authority.

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Time for what a test waits for; when all is well it takes milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The file of [`Folder`] with the authority's certificate.
pub(crate) const CA_FILE: &str = "ca.pem";

/// A data directory that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("suimon-manage-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder in the temporary one");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate for 127.0.0.1, and its authority's in the folder.
pub(crate) fn acceptor(folder: &Folder) -> TlsAcceptor {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (authority_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let authority_certificate = authority.self_signed(&authority_key).expect("signed");
    std::fs::write(folder.path().join(CA_FILE), authority_certificate.pem()).expect("written");
    let issuer = Issuer::new(authority, authority_key);
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let certificate = server.signed_by(&key, &issuer).expect("signed");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("key and certificate belong together");
    TlsAcceptor::from(Arc::new(config))
}

/// A listener and its port.
pub(crate) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    let accepted = tokio::time::timeout(PATIENCE, listener.accept()).await.expect("in time");
    accepted.expect("a connection").0
}

pub(crate) async fn accept_tls(listener: &TcpListener, acceptor: &TlsAcceptor) -> TlsStream<TcpStream> {
    let stream = accept(listener).await;
    tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await.expect("in time").expect("a handshake")
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let begun = tokio::time::Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
