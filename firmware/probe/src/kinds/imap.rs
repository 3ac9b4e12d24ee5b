//! An IMAP greeting, and a login (RFC 9051, 3501).

use crate::{ANSWER_LINES_MAX, Dialogue, Failure};
use config::{Login, Mail, TlsMode};

pub(super) async fn ask(options: &Mail, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    dialogue.act("waiting for the greeting");
    let greeting = dialogue.read_line().await?;
    let known = ["* OK", "* PREAUTH"].iter().any(|known| begins_with(&greeting, known));
    if !known {
        return Err(Failure::answer("* OK", greeting));
    }
    if let Some(tls) = options.tls.as_ref().filter(|tls| tls.mode == TlsMode::Starttls) {
        dialogue.act("waiting for the reply to STARTTLS");
        dialogue.send_line("a1 STARTTLS").await?;
        must_be_ok("a1", dialogue).await?;
        dialogue.start_tls(tls, None).await?;
    }
    if let Some(login) = &options.login {
        send_login(login, dialogue).await?;
        must_be_ok("a2", dialogue).await?;
    }
    dialogue.act("waiting for the reply to LOGOUT");
    dialogue.send_line("a3 LOGOUT").await?;
    match must_be_ok("a3", dialogue).await {
        // A server that closes without a word has understood.
        Err(Failure::Closed { .. } | Failure::Broken { .. }) => Ok(()),
        result => result,
    }
}

async fn send_login(login: &Login, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.hide(login.password());
    dialogue.hide(quoted(login.password()));
    dialogue.act("waiting for the reply to LOGIN");
    let name = quoted(&login.login);
    let command = format!("a2 LOGIN {name} {}\r\n", quoted(login.password()));
    dialogue.send_shown_as(command, &format!("a2 LOGIN {name} ***\r\n")).await
}

/// A quoted string. Beyond ASCII it is UTF-8, as in IMAP4rev2; older servers mostly take it too.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Reads to the line with this tag; what the server says beside it is passed over.
async fn must_be_ok(tag: &str, dialogue: &mut Dialogue) -> Result<(), Failure> {
    for _ in 0..ANSWER_LINES_MAX {
        let line = dialogue.read_line().await?;
        match line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
            Some(rest) if begins_with(rest, "OK") => return Ok(()),
            Some(_) => return Err(Failure::answer(&format!("{tag} OK"), line)),
            None if line.starts_with("* ") => {}
            None => return Err(Failure::answer(&format!("{tag} OK"), line)),
        }
    }
    Err(Failure::Answer(format!("expected {tag} OK within {ANSWER_LINES_MAX} lines, got more")))
}

/// Whether `text` begins with the word, in upper or lower case.
fn begins_with(text: &str, word: &str) -> bool {
    let begins = text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    begins && matches!(text.as_bytes().get(word.len()), None | Some(b' '))
}
