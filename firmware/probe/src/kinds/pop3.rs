//! A POP3 greeting, and a login (RFC 1939, 2595).

use crate::{Dialogue, Failure};
use config::{Mail, TlsMode};

pub(super) async fn ask(options: &Mail, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    dialogue.act("waiting for the greeting");
    must_be_ok(dialogue).await?;
    if let Some(tls) = options.tls.as_ref().filter(|tls| tls.mode == TlsMode::Starttls) {
        exchange(dialogue, "STLS").await?;
        dialogue.start_tls(tls, None).await?;
    }
    if let Some(login) = &options.login {
        dialogue.hide(login.password());
        exchange(dialogue, &format!("USER {}", login.login)).await?;
        dialogue.act("waiting for the reply to PASS");
        dialogue.send_shown_as(format!("PASS {}\r\n", login.password()), "PASS ***\r\n").await?;
        must_be_ok(dialogue).await?;
    }
    match exchange(dialogue, "QUIT").await {
        // A server that closes without a word has understood.
        Err(Failure::Closed { .. } | Failure::Broken { .. }) => Ok(()),
        result => result,
    }
}

async fn exchange(dialogue: &mut Dialogue, command: &str) -> Result<(), Failure> {
    dialogue.act(format!("waiting for the reply to {}", command.split(' ').next().unwrap_or(command)));
    dialogue.send_line(command).await?;
    must_be_ok(dialogue).await
}

async fn must_be_ok(dialogue: &mut Dialogue) -> Result<(), Failure> {
    let line = dialogue.read_line().await?;
    if line == "+OK" || line.starts_with("+OK ") { Ok(()) } else { Err(Failure::answer("+OK", line)) }
}
