//! Listening sockets, opened while there is the right to.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// Why the console cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address}: {source}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// Listens on all of `addresses`, ready for a runtime.
pub fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    addresses
        .iter()
        .map(|address| {
            let listener = TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            listener.map_err(|source| ListenError { address: *address, source })
        })
        .collect()
}
