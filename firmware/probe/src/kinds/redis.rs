//! Redis: a login where one is asked for, and a command.

use crate::codecs::resp::{self, Reply};
use crate::{Dialogue, Failure, LINE_BYTES_MAX, compiled};
use config::Redis;

/// The command where none is asked for, and its answer.
const PING: &str = "PING";
const PONG: &str = "PONG";
/// Bytes of one string.
const STRING_BYTES_MAX: usize = 256 * 1024;
/// Elements of an answer, those of arrays within arrays counted too.
const ELEMENTS_MAX: usize = 4_096;

pub(super) async fn ask(options: &Redis, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    if let Some(password) = options.password.as_ref().map(config::Secret::reveal) {
        let user = options.login.as_deref();
        dialogue.act("waiting for the answer to AUTH");
        dialogue.hide(password);
        let words: Vec<&str> = ["AUTH"].into_iter().chain(user).chain([password]).collect();
        let shown = format!("AUTH {} ***", user.unwrap_or_default());
        dialogue.send_shown_as(resp::command(&words), &shown).await?;
        receive(dialogue).await?;
    }
    let command = options.command.as_deref().unwrap_or(PING);
    let words: Vec<&str> = command.split_whitespace().collect();
    dialogue.act(format!("waiting for the answer to {}", words.first().unwrap_or(&PING)));
    dialogue.send(resp::command(&words)).await?;
    let answer = receive(dialogue).await?;
    match options.expect.as_ref().map(compiled).transpose()? {
        Some(expected) if !expected.is_match(answer.as_bytes()) => {
            Err(Failure::answer(&format!("an answer that matches {expected}"), answer))
        }
        None if options.command.is_none() && answer != PONG => Err(Failure::answer(PONG, answer)),
        _ => Ok(()),
    }
}

// An answer as text, its elements in lines.
async fn receive(dialogue: &mut Dialogue) -> Result<String, Failure> {
    let mut lines = Vec::new();
    let mut to_come: usize = 1;
    while to_come > 0 {
        to_come -= 1;
        match resp::parse(&dialogue.read_until(b"\n", LINE_BYTES_MAX).await?)? {
            Reply::Simple(text) => lines.push(text),
            Reply::Error(text) => return Err(Failure::Answer(format!("the server refuses: {text}"))),
            Reply::Integer(number) => lines.push(number.to_string()),
            Reply::Null => lines.push(String::new()),
            Reply::Bulk(length) => {
                let with_end = length.saturating_add(2);
                let text = dialogue.read_exact(with_end, STRING_BYTES_MAX).await?;
                lines.push(String::from_utf8_lossy(&text[..length]).into_owned());
            }
            Reply::Array(count) => to_come = to_come.saturating_add(count),
        }
        if lines.len().saturating_add(to_come) > ELEMENTS_MAX {
            return Err(Failure::Answer(format!("the answer has more than {ELEMENTS_MAX} elements")));
        }
    }
    Ok(lines.join("\n"))
}
