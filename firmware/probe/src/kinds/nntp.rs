//! An NNTP greeting, a login, and a newsgroup (RFC 3977, 4642, 4643).

use super::reply::{exchange, exchange_secret, quit, read};
use crate::{Dialogue, Failure};
use config::{Nntp, TlsMode};

pub(super) async fn ask(options: &Nntp, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    dialogue.act("waiting for the greeting");
    read(dialogue).await?.must_be(&[200, 201])?;
    if let Some(tls) = options.tls.as_ref().filter(|tls| tls.mode == TlsMode::Starttls) {
        exchange(dialogue, "STARTTLS").await?.must_be(&[382])?;
        dialogue.start_tls(tls, None).await?;
    }
    if let Some(login) = &options.login {
        dialogue.hide(login.password());
        let reply = exchange(dialogue, &format!("AUTHINFO USER {}", login.login)).await?.must_be(&[281, 381])?;
        if reply.code == 381 {
            let command = format!("AUTHINFO PASS {}", login.password());
            exchange_secret(dialogue, &command, "AUTHINFO PASS ***").await?.must_be(&[281])?;
        }
    }
    if let Some(newsgroup) = &options.newsgroup {
        exchange(dialogue, &format!("GROUP {newsgroup}")).await?.must_be(&[211])?;
    }
    quit(dialogue).await
}
