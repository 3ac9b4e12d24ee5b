//! LDAP: a simple bind, and a search that has to find something.

use crate::codecs::ber::{self, Length, tag};
use crate::codecs::ldap::filter::Filter;
use crate::codecs::ldap::{self, Message, Outcome, Response, Scope, code};
use crate::{Dialogue, Failure, compiled};
use config::{Ldap, LdapScope, TlsMode};

/// Bytes of one message.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Objects that a search may find when their names have to match something.
const FOUND_MAX: i32 = 100;
/// The filter that all objects match.
const EVERYTHING: &str = "(objectClass=*)";

/// Identifiers of the messages of one dialogue.
mod id {
    pub const START_TLS: i32 = 1;
    pub const BIND: i32 = 2;
    pub const SEARCH: i32 = 3;
    pub const UNBIND: i32 = 4;
}

pub(super) async fn ask(options: &Ldap, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let filter = Filter::parse(options.filter.as_deref().unwrap_or(EVERYTHING))
        .map_err(|why| Failure::Impossible(format!("the filter cannot be read: {why}")))?;
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    if let Some(tls) = options.tls.as_ref().filter(|tls| tls.mode == TlsMode::Starttls) {
        dialogue.act("waiting for the answer to StartTLS");
        dialogue.send(ldap::start_tls(id::START_TLS)).await?;
        match receive(dialogue, id::START_TLS).await? {
            Response::Extended(outcome) if outcome.code == code::SUCCESS => dialogue.start_tls(tls, None).await?,
            Response::Extended(outcome) => return Err(refused("StartTLS", &outcome)),
            _ => return Err(out_of_order()),
        }
    }
    bind(options, dialogue).await?;
    search(options, &filter, dialogue).await?;
    dialogue.act("saying goodbye");
    dialogue.send(ldap::unbind(id::UNBIND)).await
}

async fn bind(options: &Ldap, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let (name, password) = options.login.as_ref().map_or(("", ""), |login| (login.login.as_str(), login.password()));
    dialogue.act("waiting for the answer to the bind");
    dialogue.hide(password);
    let shown = format!("(bind as \"{name}\")");
    dialogue.send_shown_as(ldap::bind(id::BIND, name, password), &shown).await?;
    match receive(dialogue, id::BIND).await? {
        Response::Bind(outcome) if outcome.code == code::SUCCESS => Ok(()),
        Response::Bind(outcome) => Err(refused("bind", &outcome)),
        _ => Err(out_of_order()),
    }
}

async fn search(options: &Ldap, filter: &Filter, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let expected = options.expect.as_ref().map(compiled).transpose()?;
    let scope = match options.scope {
        LdapScope::Base => Scope::Base,
        LdapScope::One => Scope::One,
        LdapScope::Subtree => Scope::Subtree,
    };
    let base = options.base.as_deref().unwrap_or_default();
    // Without an expected name the first object settles it, and the server need not look for more.
    let found_max = if expected.is_some() { FOUND_MAX } else { 1 };
    dialogue.act("waiting for the result of the search");
    dialogue.send(ldap::search(id::SEARCH, base, scope, filter, found_max)).await?;
    let mut found = Vec::new();
    let outcome = loop {
        match receive(dialogue, id::SEARCH).await? {
            Response::Found(name) => found.push(name),
            Response::Reference => {}
            Response::Done(outcome) => break outcome,
            _ => return Err(out_of_order()),
        }
    };
    match outcome.code {
        code::SUCCESS => {}
        code::SIZE_LIMIT_EXCEEDED if !found.is_empty() => {}
        _ => return Err(refused(&format!("search below \"{base}\""), &outcome)),
    }
    if found.is_empty() {
        return Err(Failure::Answer(format!("the search below \"{base}\" found nothing")));
    }
    match expected {
        Some(expected) if !found.iter().any(|name| expected.is_match(name.as_bytes())) => {
            Err(Failure::answer(&format!("a name that matches {expected}"), found.join(" | ")))
        }
        _ => Ok(()),
    }
}

// The next message of this request.
async fn receive(dialogue: &mut Dialogue, id: i32) -> Result<Response, Failure> {
    let head = dialogue.read_exact(2, MESSAGE_BYTES_MAX).await?;
    let [tag::SEQUENCE, length] = head[..] else {
        return Err(Failure::answer("an LDAP message", head));
    };
    let length = match Length::parse(length)? {
        Length::Short(length) => length,
        Length::Long(count) => ber::long_length(&dialogue.read_exact(count, MESSAGE_BYTES_MAX).await?),
    };
    let Message { id: its_id, response } = ldap::parse(&dialogue.read_exact(length, MESSAGE_BYTES_MAX).await?)?;
    match response {
        response if its_id == i64::from(id) => Ok(response),
        Response::Extended(outcome) if its_id == ldap::UNSOLICITED => Err(refused("the connection", &outcome)),
        _ => Err(out_of_order()),
    }
}

fn refused(what: &str, outcome: &Outcome) -> Failure {
    Failure::Answer(format!("{what} refused: {outcome}"))
}

fn out_of_order() -> Failure {
    Failure::Answer("an LDAP message answers nothing that was asked".into())
}
