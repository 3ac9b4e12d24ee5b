//! What the core and the probe role say to each other: one JSON object a line, either way.

use crate::{Hop, HopAnswer, Outcome};
use config::Probe;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Bytes of one message. The longest is a question with own authorities, of up to 64 KiB before JSON's escapes.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// What the core calls a probe. It is the core that keeps them apart, single runs included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeId(pub u64);

/// From the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Ask this from now on, at the question's interval. Replaces what `id` asked before; if it is the same, its times
    /// stay.
    Set {
        /// The probe's name.
        id: ProbeId,
        /// What is asked.
        probe: Box<Probe>,
        /// SO_MARK of its packets: the rule with this mark leads packets for a VIP to the one server meant. Needed
        /// where the probe has a VIP.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<u32>,
    },
    /// Do not ask any more. A run under way is dropped without a report.
    Remove {
        /// The probe's name.
        id: ProbeId,
    },
    /// Ask once, now.
    Once {
        /// The name that the report carries.
        id: ProbeId,
        /// What is asked.
        probe: Box<Probe>,
        /// As for `Set`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<u32>,
    },
    /// Try one step of the way to an address, now.
    Hop {
        /// The name that the report carries.
        id: ProbeId,
        /// The step.
        hop: Hop,
    },
    /// Report the counters.
    Count,
}

/// From the probe role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// A run ended.
    Done {
        /// The probe's name.
        id: ProbeId,
        /// What came of it.
        outcome: Box<Outcome>,
    },
    /// A run passed and says the same as the one before: the short form, because almost every run is one.
    Same {
        /// The probe's name.
        id: ProbeId,
        /// Time it took, microseconds.
        latency_us: u64,
    },
    /// A step ended.
    Hop {
        /// Its name.
        id: ProbeId,
        /// What came of it.
        answer: HopAnswer,
    },
    /// The counters.
    Counters(Counters),
}

/// What the probe role counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Runs that passed.
    pub passed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Of those that failed, those whose deadline passed.
    pub deadlines_passed: u64,
    /// Of those that failed, those that this box could not carry out.
    pub not_asked: u64,
    /// Runs left out because too many were under way for a whole interval.
    pub missed_busy: u64,
    /// Runs left out because the one before took until after the next was due.
    pub missed_late: u64,
    /// Runs that ended by an error of this program.
    pub broken: u64,
    /// Runs under way.
    pub in_flight: u64,
    /// Probes set.
    pub probes: u64,
}

/// The other side did not keep to the protocol.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// It cannot be read from.
    #[error("read a message: {0}")]
    Read(#[from] io::Error),
    /// A line does not end.
    #[error("read a message: more than {MESSAGE_BYTES_MAX} bytes in one line")]
    TooLong,
    /// A line is no message.
    #[error("understand a message: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A message as a line.
pub fn line_of<T: Serialize>(message: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("keys are text and numbers fit");
    line.push(b'\n');
    line
}

/// Reads messages from lines.
pub struct LineReader<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The next message; `None`: the other side ended. Nothing is lost when the future is dropped.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ProtocolError> {
        loop {
            let bytes = self.reader.fill_buf().await?;
            if bytes.is_empty() {
                return if self.line.is_empty() {
                    Ok(None)
                } else {
                    Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
                };
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            if self.line.len() + taken > MESSAGE_BYTES_MAX {
                return Err(ProtocolError::TooLong);
            }
            self.line.extend_from_slice(&bytes[..taken]);
            self.reader.consume(taken);
            if end.is_some() {
                let message = serde_json::from_slice(&self.line);
                self.line.clear();
                return Ok(Some(message?));
            }
        }
    }
}
