//! Replies that begin with a number, as FTP, SMTP and NNTP have them (RFC 959 4.2, RFC 5321 4.2).

use crate::{ANSWER_LINES_MAX, Dialogue, Failure};

/// A reply of one line or several.
pub(super) struct Reply {
    /// Its number.
    pub(super) code: u16,
    /// Its lines, without the number.
    pub(super) lines: Vec<String>,
    /// Its last line as it came.
    last: String,
}

impl Reply {
    /// Fails unless its number is one of `codes`.
    pub(super) fn must_be(self, codes: &[u16]) -> Result<Self, Failure> {
        if codes.contains(&self.code) {
            return Ok(self);
        }
        let expected: Vec<_> = codes.iter().map(u16::to_string).collect();
        Err(Failure::answer(&expected.join(" or "), self.last))
    }
}

/// Reads a reply. The first line of several has a dash behind its number; the last one has the number and a blank.
pub(super) async fn read(dialogue: &mut Dialogue) -> Result<Reply, Failure> {
    let first = dialogue.read_line().await?;
    let Some(code) = code_of(&first) else { return Err(Failure::answer("a reply that begins with a number", first)) };
    let mut reply = Reply { code, lines: vec![text_of(&first)], last: first };
    if !reply.last[3..].starts_with('-') {
        return Ok(reply);
    }
    for _ in 1..ANSWER_LINES_MAX {
        let line = dialogue.read_line().await?;
        reply.lines.push(if code_of(&line) == Some(code) { text_of(&line) } else { line.clone() });
        if code_of(&line) == Some(code) && !line[3..].starts_with('-') {
            reply.last = line;
            return Ok(reply);
        }
    }
    Err(Failure::Answer(format!("expected at most {ANSWER_LINES_MAX} lines in the reply {code}, got more")))
}

/// Sends a command and reads its reply.
pub(super) async fn exchange(dialogue: &mut Dialogue, command: &str) -> Result<Reply, Failure> {
    dialogue.act(format!("waiting for the reply to {}", command.split(' ').next().unwrap_or(command)));
    dialogue.send_line(command).await?;
    read(dialogue).await
}

/// Sends a command with a secret in it, shown as `shown`, and reads its reply.
pub(super) async fn exchange_secret(dialogue: &mut Dialogue, command: &str, shown: &str) -> Result<Reply, Failure> {
    dialogue.act(format!("waiting for the reply to {shown}"));
    dialogue.send_shown_as(format!("{command}\r\n"), &format!("{shown}\r\n")).await?;
    read(dialogue).await
}

/// Takes leave. A server that closes without a word has understood.
pub(super) async fn quit(dialogue: &mut Dialogue) -> Result<(), Failure> {
    match exchange(dialogue, "QUIT").await {
        Ok(_) | Err(Failure::Closed { .. } | Failure::Broken { .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn code_of(line: &str) -> Option<u16> {
    let digits = line.get(..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    let ends = line[3..].chars().next().is_none_or(|c| c == ' ' || c == '-');
    digits.parse().ok().filter(|_| ends)
}

fn text_of(line: &str) -> String {
    line[3..].trim_start_matches([' ', '-']).to_owned()
}
