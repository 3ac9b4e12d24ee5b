//! An SMTP or submission server: greeting, EHLO, STARTTLS, a login (RFC 5321, 3207, 4954).

use super::reply::{Reply, exchange, exchange_secret, quit, read};
use crate::{Dialogue, Failure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use config::{Login, Smtp, TlsMode};
use std::net::IpAddr;

pub(super) async fn ask(options: &Smtp, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    dialogue.act("waiting for the greeting");
    read(dialogue).await?.must_be(&[220])?;
    let ehlo = format!("EHLO {}", options.ehlo.clone().unwrap_or_else(|| own_name(dialogue)));
    let mut extensions = exchange(dialogue, &ehlo).await?.must_be(&[250])?;
    if let Some(tls) = options.tls.as_ref().filter(|tls| tls.mode == TlsMode::Starttls) {
        if extension(&extensions, "STARTTLS").is_none() {
            return Err(Failure::Answer("expected STARTTLS among the extensions, it is not there".to_owned()));
        }
        exchange(dialogue, "STARTTLS").await?.must_be(&[220])?;
        dialogue.start_tls(tls, None).await?;
        // RFC 3207 4.2: what was said before TLS is forgotten.
        extensions = exchange(dialogue, &ehlo).await?.must_be(&[250])?;
    }
    if let Some(login) = &options.login {
        authenticate(login, &extensions, dialogue).await?;
    }
    quit(dialogue).await
}

/// An address in brackets (RFC 5321 4.1.3): a box that sends no mail need not have a name.
fn own_name(dialogue: &Dialogue) -> String {
    match dialogue.own_address() {
        Some(IpAddr::V4(address)) => format!("[{address}]"),
        Some(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}

/// What stands behind the name of an extension.
fn extension<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    // The first line is the server's name.
    reply.lines[1..].iter().find_map(|line| {
        let (word, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
        word.eq_ignore_ascii_case(name).then_some(rest)
    })
}

async fn authenticate(login: &Login, extensions: &Reply, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let offered = extension(extensions, "AUTH").unwrap_or_default().to_ascii_uppercase();
    let offers = |mechanism: &str| offered.split(' ').any(|word| word == mechanism);
    dialogue.hide(login.password());
    if offers("PLAIN") {
        let encoded = BASE64.encode(format!("\0{}\0{}", login.login, login.password()));
        dialogue.hide(&encoded);
        let command = format!("AUTH PLAIN {encoded}");
        exchange_secret(dialogue, &command, "AUTH PLAIN ***").await?.must_be(&[235])?;
    } else if offers("LOGIN") {
        exchange(dialogue, "AUTH LOGIN").await?.must_be(&[334])?;
        exchange(dialogue, &BASE64.encode(&login.login)).await?.must_be(&[334])?;
        let encoded = BASE64.encode(login.password());
        dialogue.hide(&encoded);
        exchange_secret(dialogue, &encoded, "***").await?.must_be(&[235])?;
    } else {
        return Err(Failure::Answer(format!("expected PLAIN or LOGIN among the logins offered, got \"{offered}\"")));
    }
    Ok(())
}
