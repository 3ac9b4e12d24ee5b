//! A node that is called from another machine: by HTTPS, with a token, known by its certificate.

use super::Failure;
use api::{Client, Connecting, Error, Stream, Way};
use clap::Args;
use hyper::Uri;
use manage::reach::pin::{self, Another, Fingerprint};
use manage::reach::{self, Names};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Where HTTPS listens (RFC 9110 4.2.2).
const HTTPS_PORT: u16 = 443;

/// Which node, and what its certificate is known by.
#[derive(Args, Debug)]
pub(super) struct Remote {
    /// Call the node whose console is here, from any machine: https://BOX or https://BOX:PORT. Takes --token-file.
    #[arg(long, global = true, value_name = "URL", conflicts_with = "socket")]
    url: Option<Url>,
    /// SHA-256 of the node's certificate, as the console shows it; without it, an authority must vouch for the name.
    #[arg(long, global = true, value_name = "SHA256")]
    fingerprint: Option<Fingerprint>,
    /// Authorities that may vouch for the name, as PEM, instead of those of the web.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "fingerprint")]
    ca_file: Option<PathBuf>,
}

/// A node's address as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    /// A name or an address.
    name: String,
    port: u16,
    /// Name and port as they were written.
    authority: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected https://HOST or https://HOST:PORT".to_owned();
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let authority = uri.authority().ok_or_else(expected)?;
        let plain = uri.scheme_str() == Some("https") && matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !plain || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(expected());
        }
        // Brackets are of the address's writing, not of the address (RFC 3986 3.2.2).
        let name = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(HTTPS_PORT);
        Ok(Self { name, port, authority: authority.to_string() })
    }
}

impl Remote {
    /// A client of the node, if one of another machine is meant.
    pub(super) fn client(self, has_token: bool) -> Result<Option<Client>, Failure> {
        let Self { url, fingerprint, ca_file } = self;
        let Some(url) = url else {
            let alone = fingerprint.is_some() || ca_file.is_some();
            return if alone { Err(Failure::Usage("--fingerprint and --ca-file take --url")) } else { Ok(None) };
        };
        if !has_token {
            return Err(Failure::Usage("--url takes --token-file: a node of another machine knows nobody without one"));
        }
        let tls = match fingerprint {
            Some(fingerprint) => pin::tls(fingerprint),
            None => reach::tls(ca_file.as_deref()).map_err(|error| Error::Unreachable(error.to_string()))?,
        };
        Ok(Some(Client::by(Arc::new(Https { url, tls, names: Names::of_system() }))))
    }
}

/// The way to it.
struct Https {
    url: Url,
    tls: Arc<rustls::ClientConfig>,
    names: Names,
}

impl Way for Https {
    fn node(&self) -> String {
        format!("https://{}", self.url.authority)
    }

    fn host(&self) -> &str {
        &self.url.authority
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            match self.names.connect_tls(&self.url.name, self.url.port, &self.tls).await {
                Ok(stream) => Ok(Box::new(stream) as Box<dyn Stream>),
                Err(error) => Err(Error::Unreachable(match Another::behind(&error) {
                    Some(another) => format!("{}: {another}", self.node()),
                    None => error.to_string(),
                })),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_nodes() {
        for (text, expected) in [
            ("https://box", Some(("box", 443, "box"))),
            ("https://box/", Some(("box", 443, "box"))),
            ("https://192.0.2.1:8443", Some(("192.0.2.1", 8_443, "192.0.2.1:8443"))),
            ("https://[2001:db8::1]:9443", Some(("2001:db8::1", 9_443, "[2001:db8::1]:9443"))),
            ("http://box", None),
            ("box", None),
            ("https://", None),
            ("https://box/api/v1", None),
            ("https://box?x", None),
            ("https://me:secret@box", None),
        ] {
            let found: Result<Url, String> = text.parse();
            let found = found.ok();
            let found = found.as_ref().map(|url| (url.name.as_str(), url.port, url.authority.as_str()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
