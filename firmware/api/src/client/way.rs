//! How a node is reached: by its socket, or by whatever else makes a connection.

use super::Error;
use std::path::PathBuf;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that is being made.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, Error>> + Send + 'a>>;

/// A way to a node. Each call connects anew.
pub trait Way: Send + Sync {
    /// What the node is called in messages.
    fn node(&self) -> String;
    /// The host that requests name.
    fn host(&self) -> &str;
    /// A new connection that speaks HTTP/1.1.
    fn connect(&self) -> Connecting<'_>;
}

/// The unix socket of a node on this machine.
pub(super) struct Socket(pub PathBuf);

impl Way for Socket {
    fn node(&self) -> String {
        self.0.display().to_string()
    }

    fn host(&self) -> &str {
        "localhost"
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            match UnixStream::connect(&self.0).await {
                Ok(stream) => Ok(Box::new(stream) as Box<dyn Stream>),
                Err(source) => Err(Error::Connect { socket: self.0.clone(), source }),
            }
        })
    }
}
