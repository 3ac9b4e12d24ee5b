//! Dialogues in datagrams.

use super::Dialogue;
use crate::transcript::Direction;
use crate::{Failure, socket};

/// Bytes of a datagram; the longest that UDP carries.
const DATAGRAM_BYTES_MAX: usize = 65_535;

impl Dialogue {
    /// Opens a socket for datagrams to and from the server. Others' datagrams do not arrive in it.
    pub async fn open_datagrams(&mut self) -> Result<(), Failure> {
        self.datagrams = Some(socket::datagrams(self.to, self.mark).await?);
        Ok(())
    }

    /// Sends one datagram.
    pub async fn send_datagram(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.send_datagram_shown_as(bytes, bytes).await
    }

    /// Sends one datagram that holds a secret; the transcript says `shown` instead.
    pub async fn send_datagram_shown_as(&mut self, bytes: &[u8], shown: &[u8]) -> Result<(), Failure> {
        self.record(Direction::Sent, shown);
        let act = self.act.clone();
        let sent = match &self.datagrams {
            Some(socket) => socket.send(bytes).await,
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        sent.map(drop).map_err(|source| Failure::Broken { act: format!("sending while {act}"), source })
    }

    /// Waits for one datagram. That the server has no such port is told by its ICMP error.
    pub async fn receive_datagram(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
        let received = match &self.datagrams {
            Some(socket) => socket.recv(&mut bytes).await,
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        let count = received.map_err(|source| Failure::Broken { act: self.act.clone(), source })?;
        bytes.truncate(count);
        self.record(Direction::Received, &bytes);
        self.count_received(count)?;
        Ok(bytes)
    }
}
