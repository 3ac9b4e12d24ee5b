//! What was said in a dialogue: for people, bounded, and without secrets.

use config::HIDDEN;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fmt::Write;

/// Bytes kept of what went one way before the other side spoke.
const TURN_BYTES_MAX: usize = 1_024;
/// Bytes kept of a whole dialogue.
const TRANSCRIPT_BYTES_MAX: usize = 8 * 1_024;
/// Lines kept of a whole dialogue.
const TRANSCRIPT_LINES_MAX: usize = 64;
/// Shorter secrets are not searched for in what is said: hiding every "a" tells the password "a".
const SEARCHED_SECRET_BYTES_MIN: usize = 4;

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The check.
    Sent,
    /// The server.
    Received,
    /// Neither: what happened, such as a connection or a deadline.
    Note,
}

/// What went one way at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds after the beginning.
    pub at_ms: u32,
    /// Who spoke.
    pub direction: Direction,
    /// What; bytes that do not print are escaped as in [`config::Payload`].
    pub text: String,
}

/// What was said, in order. Displays as one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The beginning of the dialogue, as far as there is room.
    pub lines: Vec<Line>,
    /// Bytes that there was no room for.
    #[serde(default)]
    pub omitted_bytes: u64,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let sign = match line.direction {
                Direction::Sent => '>',
                Direction::Received => '<',
                Direction::Note => '*',
            };
            writeln!(f, "{:>6} ms {sign} {}", line.at_ms, line.text)?;
        }
        match self.omitted_bytes {
            0 => Ok(()),
            bytes => writeln!(f, "          * {bytes} more bytes"),
        }
    }
}

/// Writes down what is said.
#[derive(Default)]
pub(crate) struct Recorder {
    turns: Vec<Turn>,
    secrets: Vec<Vec<u8>>,
    kept_bytes: usize,
    omitted_bytes: u64,
}

struct Turn {
    at_ms: u32,
    direction: Direction,
    bytes: Vec<u8>,
    /// There was more.
    is_cut: bool,
}

impl Recorder {
    /// Hides `secret` wherever it is said, also in what was said before.
    pub(crate) fn hide(&mut self, secret: &[u8]) {
        if secret.len() >= SEARCHED_SECRET_BYTES_MIN {
            self.secrets.push(secret.to_vec());
        }
    }

    /// Adds what was said. What comes in pieces is one line, so that a secret in two pieces is found.
    pub(crate) fn add(&mut self, at_ms: u32, direction: Direction, bytes: &[u8]) {
        let room = TRANSCRIPT_BYTES_MAX - self.kept_bytes;
        let goes_on = self.turns.last().is_some_and(|turn| turn.direction == direction && direction != Direction::Note);
        if !goes_on && self.turns.len() < TRANSCRIPT_LINES_MAX {
            self.turns.push(Turn { at_ms, direction, bytes: Vec::new(), is_cut: false });
        } else if !goes_on {
            self.omitted_bytes += bytes.len() as u64;
            return;
        }
        let turn = self.turns.last_mut().expect("one was pushed, or goes on");
        let kept = bytes.len().min(room).min(TURN_BYTES_MAX - turn.bytes.len());
        // What comes after a cut is left out too: the two ends would read as one text.
        let kept = if turn.is_cut { 0 } else { kept };
        turn.bytes.extend_from_slice(&bytes[..kept]);
        turn.is_cut |= kept < bytes.len();
        self.kept_bytes += kept;
        self.omitted_bytes += (bytes.len() - kept) as u64;
    }

    /// The transcript.
    pub(crate) fn finish(&self) -> Transcript {
        let shown = |turn: &Turn| {
            let text = match turn.direction {
                Direction::Note => String::from_utf8_lossy(&turn.bytes).into_owned(),
                _ => self.without_secrets(&turn.bytes, turn.is_cut),
            };
            Line { at_ms: turn.at_ms, direction: turn.direction, text }
        };
        Transcript { lines: self.turns.iter().map(shown).collect(), omitted_bytes: self.omitted_bytes }
    }

    /// The same text without secrets.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        let mut secrets: Vec<_> = self.secrets.iter().filter_map(|secret| std::str::from_utf8(secret).ok()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let hide = |text: String, secret: &str| {
            text.replace(secret, HIDDEN).replace(&escaped(secret.as_bytes(), usize::MAX), HIDDEN)
        };
        secrets.into_iter().fold(text.to_owned(), hide)
    }

    /// Printable text in which no secret is left, also not the beginning of one where the text is cut.
    fn without_secrets(&self, bytes: &[u8], is_cut: bool) -> String {
        let mut text = String::new();
        let mut rest = bytes;
        // Where one secret is part of another, the longer one is hidden whole.
        while let Some((at, length)) = self.first_secret(rest) {
            text.push_str(&escaped(&rest[..at], usize::MAX));
            text.push_str(HIDDEN);
            rest = &rest[at + length..];
        }
        let halved = if is_cut { self.secret_begun_at_end(rest) } else { 0 };
        text.push_str(&escaped(&rest[..rest.len() - halved], usize::MAX));
        text.push_str(if halved > 0 { HIDDEN } else { "" });
        text
    }

    /// How many of the last bytes are the beginning of a secret.
    fn secret_begun_at_end(&self, bytes: &[u8]) -> usize {
        let begun = |secret: &Vec<u8>| (1..secret.len()).rev().find(|length| bytes.ends_with(&secret[..*length]));
        self.secrets.iter().filter_map(begun).max().unwrap_or(0)
    }

    fn first_secret(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let found = self.secrets.iter().filter_map(|secret| {
            let at = bytes.windows(secret.len()).position(|window| window == secret)?;
            Some((at, secret.len()))
        });
        found.min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
    }
}

/// Bytes as text: what does not print is escaped, and what is beyond `max` bytes left out.
pub(crate) fn escaped(bytes: &[u8], max: usize) -> String {
    let mut text = String::new();
    let kept = &bytes[..bytes.len().min(max)];
    for chunk in kept.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                c if c.is_control() || !is_shown(c) => {
                    let mut encoded = [0; 4];
                    c.encode_utf8(&mut encoded).bytes().for_each(|byte| push_hex(&mut text, byte));
                }
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| push_hex(&mut text, *byte));
    }
    if kept.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// Characters that reorder or hide the text around them could make a transcript say what nobody said.
fn is_shown(c: char) -> bool {
    !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn push_hex(text: &mut String, byte: u8) {
    write!(text, "\\x{byte:02x}").expect("writing to a string");
}

#[cfg(test)]
mod tests;
