//! Reaching a server: its name, its address, its certificate. Everything has a deadline.

pub mod pin;

use hickory_resolver::TokioResolver;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Time to find a name's addresses.
const NAME_LIMIT: Duration = Duration::from_secs(5);
/// Time to connect to one address, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Why a server is not reached.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The system's list of name servers cannot be read.
    #[error("find {host}: {reason}")]
    Name {
        /// The name.
        host: String,
        /// Why not.
        reason: String,
    },
    /// Nobody answers, or not in time.
    #[error("connect to {host} at {address}: {source}")]
    Connect {
        /// The name.
        host: String,
        /// The last address that was tried.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The name cannot stand in a certificate.
    #[error("{host} cannot stand in a certificate: {source}")]
    ServerName {
        /// The name.
        host: String,
        /// Why not.
        source: InvalidDnsNameError,
    },
    /// The file with certificates cannot be used.
    #[error("read certificates of {}: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Finds addresses by the system's hosts file and name servers, never by the C library: a search there cannot be ended.
#[derive(Clone)]
pub struct Names {
    resolver: Result<TokioResolver, String>,
}

impl Names {
    /// With the system's settings. Without any, only addresses can be reached, and the error says so.
    pub fn of_system() -> Self {
        let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        Self { resolver: built.map_err(|error| error.to_string()) }
    }

    /// Addresses of `host`, at least one; an address is its own.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ReachError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let failed = |reason: String| ReachError::Name { host: host.to_owned(), reason };
        let resolver = self.resolver.as_ref().map_err(|reason| failed(reason.clone()))?;
        let found = timeout(NAME_LIMIT, resolver.lookup_ip(host)).await;
        let found =
            found.map_err(|_| failed("no answer in time".to_owned()))?.map_err(|error| failed(error.to_string()))?;
        let addresses: Vec<IpAddr> = found.iter().take(ADDRESSES_MAX).collect();
        if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(addresses) }
    }

    /// A connection to the first address of `host` that answers.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ReachError> {
        let mut failed = None;
        for address in self.addresses(host).await? {
            let address = SocketAddr::new(address, port);
            let error = match timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => error,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
            failed = Some(ReachError::Connect { host: host.to_owned(), address, source: error });
        }
        Err(failed.expect("there is at least one address, and it failed"))
    }

    /// The same inside TLS; the certificate has to be for `host`.
    pub async fn connect_tls(
        &self,
        host: &str,
        port: u16,
        tls: &Arc<ClientConfig>,
    ) -> Result<TlsStream<TcpStream>, ReachError> {
        let stream = self.connect(host, port).await?;
        let unknown = |source| ReachError::Connect {
            host: host.to_owned(),
            address: stream.peer_addr().unwrap_or_else(|_| SocketAddr::new([0; 4].into(), port)),
            source,
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|source| ReachError::ServerName { host: host.to_owned(), source })?;
        let address = stream.peer_addr().map_err(unknown)?;
        match timeout(CONNECT_LIMIT, TlsConnector::from(Arc::clone(tls)).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(source)) => Err(ReachError::Connect { host: host.to_owned(), address, source }),
            Err(_) => {
                Err(ReachError::Connect { host: host.to_owned(), address, source: io::ErrorKind::TimedOut.into() })
            }
        }
    }
}

/// Certificates in a file, as PEM; at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ReachError> {
    let failed = |reason: String| ReachError::Certificates { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = read.map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() { Err(failed("there is none in it".to_owned())) } else { Ok(certificates) }
}

/// TLS that trusts the certificates in `ca_file`, or else those of the web.
pub fn tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, ReachError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            for certificate in certificates(path)? {
                let added = roots.add(certificate);
                added.map_err(|error| ReachError::Certificates { path: path.to_owned(), reason: error.to_string() })?;
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider was made for these versions");
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_need_no_name_server() {
        let names = Names { resolver: Err("no name servers".to_owned()) };
        assert_eq!(names.addresses("127.0.0.1").await.expect("an address"), [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(names.addresses("::1").await.expect("an address").len(), 1);
        let error = names.addresses("log.example.com").await.expect_err("nobody to ask");
        assert_eq!(error.to_string(), "find log.example.com: no name servers");
    }

    #[tokio::test]
    async fn a_closed_port_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let error = Names::of_system().connect("127.0.0.1", port).await.expect_err("closed");
        assert!(error.to_string().starts_with(&format!("connect to 127.0.0.1 at 127.0.0.1:{port}: ")), "{error}");
    }

    #[test]
    fn files_without_certificates_are_told() {
        let path = std::env::temp_dir().join(format!("suimon-ca-{}", std::process::id()));
        for (content, expected) in [(Some("nothing"), "there is none in it"), (None, "No such file")] {
            match content {
                Some(content) => std::fs::write(&path, content).expect("the folder is writable"),
                None => std::fs::remove_file(&path).expect("written before"),
            }
            let error = tls(Some(&path)).expect_err("no certificate").to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(tls(None).is_ok());
    }
}
