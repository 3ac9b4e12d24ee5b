//! Why a check did not pass.

use std::io;
use std::net::SocketAddr;

/// Why a check did not pass. Displays as one sentence for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection came about.
    #[error("connect to {to}: {}", plain(source))]
    Connect {
        /// Whereto.
        to: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("{act}: {}", plain(source))]
    Broken {
        /// What was done meanwhile, as in "waiting for the greeting".
        act: String,
        /// Why.
        source: io::Error,
    },
    /// The server ended the connection too early.
    #[error("{act}: the server closed the connection")]
    Closed {
        /// What was done meanwhile.
        act: String,
    },
    /// The server sent more than an answer of this kind can have.
    #[error("{act}: more than {limit} bytes came")]
    TooLong {
        /// What was done meanwhile.
        act: String,
        /// How many were possible.
        limit: usize,
    },
    /// The TLS handshake failed, or the certificate is not good.
    #[error("TLS: {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
    /// The server answered, but not what was expected.
    #[error("{0}")]
    Answer(String),
    /// The deadline passed.
    #[error("the deadline of {timeout_ms} ms passed while {act}")]
    Deadline {
        /// The deadline.
        timeout_ms: u32,
        /// What was done meanwhile.
        act: String,
    },
    /// This box cannot ask: the server is not to blame.
    #[error("not asked: {0}")]
    Impossible(String),
}

impl Failure {
    /// An answer that is not as `expected`, with the beginning of what came.
    pub fn answer(expected: &str, came: impl AsRef<[u8]>) -> Self {
        Self::Answer(format!(
            "expected {expected}, got \"{}\"",
            crate::transcript::escaped(came.as_ref(), SHOWN_BYTES_MAX)
        ))
    }
}

impl Failure {
    /// That a connection did not come about: by the server or the way to it, or because this box has no room for one.
    pub(crate) fn connect(to: SocketAddr, source: io::Error) -> Self {
        use nix::errno::Errno;
        // A black hole (EINVAL) is what this box makes of a VIP that it has no way to.
        let room = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::EADDRNOTAVAIL];
        let own = [&room[..], &[Errno::EPERM, Errno::EINVAL]].concat();
        match source.raw_os_error().map(Errno::from_raw) {
            Some(error) if own.contains(&error) => Self::Impossible(format!("connect to {to}: {}", plain(&source))),
            _ => Self::Connect { to, source },
        }
    }
}

/// Bytes of an answer that a reason repeats.
const SHOWN_BYTES_MAX: usize = 120;

/// The error without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
