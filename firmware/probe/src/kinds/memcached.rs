//! memcached: a command of the text protocol.

use crate::codecs::memcached::{self, Line};
use crate::{Dialogue, Failure, LINE_BYTES_MAX, compiled};
use config::Memcached;

/// Lines of one answer; `stats` has about a hundred.
const LINES_MAX: usize = 4_096;
/// Bytes of one value; memcached keeps none of more than 1 MiB unless told to.
const VALUE_BYTES_MAX: usize = 1024 * 1024 + 2;

pub(super) async fn ask(options: &Memcached, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    let command = options.command.as_deref().unwrap_or(memcached::VERSION);
    dialogue.act(format!("waiting for the answer to {command}"));
    dialogue.send(format!("{command}\r\n")).await?;
    let answer = receive(dialogue).await?;
    match options.expect.as_ref().map(compiled).transpose()? {
        Some(expected) if !expected.is_match(answer.text.as_bytes()) => {
            return Err(Failure::answer(&format!("an answer that matches {expected}"), answer.text));
        }
        None if options.command.is_none() && !answer.is_version => {
            return Err(Failure::answer("a version", answer.text));
        }
        _ => {}
    }
    dialogue.act("saying goodbye");
    dialogue.send(memcached::QUIT).await
}

/// An answer as text.
struct Answer {
    text: String,
    is_version: bool,
}

async fn receive(dialogue: &mut Dialogue) -> Result<Answer, Failure> {
    let mut lines = Vec::new();
    while lines.len() < LINES_MAX {
        match memcached::parse(&dialogue.read_until(b"\n", LINE_BYTES_MAX).await?)? {
            Line::Version(version) => return Ok(Answer { text: version, is_version: true }),
            Line::Single(text) => return Ok(Answer { text, is_version: false }),
            Line::End => return Ok(Answer { text: lines.join("\n"), is_version: false }),
            Line::Error(text) => return Err(Failure::Answer(format!("the server refuses: {text}"))),
            Line::Part(text) => lines.push(text),
            Line::Value(text, length) => {
                let value = dialogue.read_exact(length.saturating_add(2), VALUE_BYTES_MAX).await?;
                lines.push(text);
                lines.push(String::from_utf8_lossy(&value[..length]).into_owned());
            }
        }
    }
    Err(Failure::Answer(format!("the answer has more than {LINES_MAX} lines")))
}
