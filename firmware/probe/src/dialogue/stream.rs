//! The connection under a dialogue, and the dialogue as a stream of bytes for protocols that have a library.

use super::Dialogue;
use crate::transcript::Direction;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The connection.
pub(super) enum Stream {
    /// There is none yet.
    None,
    /// As it comes.
    Plain(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn own_endpoint(&self) -> Option<SocketAddr> {
        let stream = match self {
            Self::None => return None,
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        stream.local_addr().ok()
    }
}

/// Many servers end TLS without saying so; nothing is read past what the protocol asks for, so that it is an end.
pub(super) fn closed_without_notice(error: io::Error) -> io::Result<usize> {
    if error.kind() == io::ErrorKind::UnexpectedEof { Ok(0) } else { Err(error) }
}

fn unconnected() -> io::Error {
    io::Error::from(io::ErrorKind::NotConnected)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::None => Poll::Ready(Err(unconnected())),
            Self::Plain(stream) => Pin::new(stream).poll_read(task, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(task, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::None => Poll::Ready(Err(unconnected())),
            Self::Plain(stream) => Pin::new(stream).poll_write(task, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(task, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::None => Poll::Ready(Err(unconnected())),
            Self::Plain(stream) => Pin::new(stream).poll_flush(task),
            Self::Tls(stream) => Pin::new(stream).poll_flush(task),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::None => Poll::Ready(Err(unconnected())),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(task),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(task),
        }
    }
}

impl AsyncRead for Dialogue {
    fn poll_read(self: Pin<&mut Self>, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let dialogue = self.get_mut();
        if !dialogue.unread.is_empty() {
            let count = dialogue.unread.len().min(buffer.remaining());
            buffer.put_slice(&dialogue.take(count));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut dialogue.stream).poll_read(task, buffer))
            .or_else(|error| closed_without_notice(error).map(drop))?;
        dialogue.record(Direction::Received, &buffer.filled()[before..]);
        let count = buffer.filled().len() - before;
        Poll::Ready(dialogue.count_received(count).map_err(io::Error::other))
    }
}

impl AsyncWrite for Dialogue {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let dialogue = self.get_mut();
        let count = ready!(Pin::new(&mut dialogue.stream).poll_write(task, bytes))?;
        dialogue.record(Direction::Sent, &bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(task)
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(task)
    }
}
