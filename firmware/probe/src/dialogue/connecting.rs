//! The connection of a dialogue, and its TLS.

use super::Dialogue;
use super::stream::Stream;
use crate::{Failure, socket, tls};
use config::Tls;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

impl Dialogue {
    /// Opens the connection.
    pub async fn connect(&mut self) -> Result<(), Failure> {
        self.stream = Stream::Plain(self.connect_beside(self.to.port()).await?);
        self.unread.clear();
        Ok(())
    }

    /// Opens a second connection, to `port` of the same server.
    pub async fn connect_beside(&mut self, port: u16) -> Result<TcpStream, Failure> {
        let to = SocketAddr::new(self.to.ip(), port);
        self.act(format!("connecting to {to}"));
        let stream = socket::connect(to, self.mark).await?;
        self.note(format!("connected to {to}"));
        Ok(stream)
    }

    /// Opens the connection, with TLS where `tls` says from the first byte. `host`: see [`Dialogue::start_tls`].
    pub async fn connect_with(&mut self, tls: Option<&Tls>, host: Option<&str>) -> Result<(), Failure> {
        self.connect().await?;
        match tls {
            Some(tls) if tls.mode == config::TlsMode::On => self.start_tls(tls, host).await,
            _ => Ok(()),
        }
    }

    /// Goes on with TLS. The name asked for is that of `tls`, else `host` where it is a name.
    pub async fn start_tls(&mut self, tls: &Tls, host: Option<&str>) -> Result<(), Failure> {
        self.act("in the TLS handshake");
        if !self.unread.is_empty() {
            // What comes before the handshake was not encrypted, and would be read as if it had been.
            return Err(Failure::answer("nothing before the TLS handshake", &self.unread));
        }
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::None) else {
            return Err(Failure::Impossible("TLS needs a connection that is not yet encrypted".to_owned()));
        };
        let name = tls::server_name(tls, host, self.to.ip());
        let shown = match &name {
            ServerName::DnsName(name) => format!("asking for {}", name.as_ref()),
            _ => "without a name".to_owned(),
        };
        let connector = TlsConnector::from(tls::client(tls)?);
        let stream = connector.connect(name, stream).await.map_err(no_tls)?;
        let session = stream.get_ref().1;
        let version = session.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
        let ending = tls::ending(tls, session.peer_certificates());
        let checked = if tls.tls_verify { "verified" } else { "not verified" };
        self.note(format!("{version} {shown}, certificate {checked}"));
        self.stream = Stream::Tls(Box::new(stream));
        if let Some((days, said)) = ending {
            self.certificate_days = Some(days);
            self.warn(said);
        }
        Ok(())
    }
}

/// Why a handshake did not come about.
fn no_tls(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Closed { act: "in the TLS handshake".to_owned() },
        _ => Failure::Tls { reason: error.to_string() },
    }
}
