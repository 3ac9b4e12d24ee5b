//! The kinds of checks: one file each.
//!
//! A kind asks in `ask`, with its own options and the dialogue; it fails with a sentence that says what was expected and
//! what came.

mod connect;
mod dns;
mod external;
mod feedback;
mod ftp;
mod http;
mod imap;
mod ldap;
mod memcached;
mod mysql;
mod nntp;
mod ntp;
mod ping;
mod pop3;
mod postgresql;
mod radius;
pub(crate) mod random;
mod redis;
mod repeat;
mod reply;
mod rows;
mod send_expect;
mod sip;
mod smtp;
mod udp;

use crate::codecs::Malformed;
use crate::{Dialogue, Failure};
use config::{Ask, Probe};

/// Opens what kinds need, while that is possible.
pub(crate) fn prepare() -> Result<(), Failure> {
    random::prepare()
}

/// Asks the server what the probe asks.
pub async fn ask(probe: &Probe, dialogue: &mut Dialogue) -> Result<(), Failure> {
    match &probe.question.ask {
        Ask::Connect(options) => connect::ask(options, dialogue).await,
        Ask::Http(options) | Ask::Https(options) => http::ask(options, http::Form::Origin, dialogue).await,
        Ask::HttpProxy(options) => http::ask(options, http::Form::Proxy, dialogue).await,
        Ask::Ftp(options) => ftp::ask(options, dialogue).await,
        Ask::Smtp(options) | Ask::Submission(options) => smtp::ask(options, dialogue).await,
        Ask::Pop3(options) | Ask::Pop3s(options) => pop3::ask(options, dialogue).await,
        Ask::Imap(options) | Ask::Imaps(options) => imap::ask(options, dialogue).await,
        Ask::Nntp(options) => nntp::ask(options, dialogue).await,
        Ask::Ldap(options) | Ask::Ldaps(options) => ldap::ask(options, dialogue).await,
        Ask::Dns(options) => dns::ask(options, dialogue).await,
        Ask::Mysql(options) => mysql::ask(options, dialogue).await,
        Ask::Postgresql(options) => postgresql::ask(options, dialogue).await,
        Ask::Redis(options) => redis::ask(options, dialogue).await,
        Ask::Memcached(options) => memcached::ask(options, dialogue).await,
        Ask::Radius(options) => radius::ask(options, dialogue).await,
        Ask::Sip(options) => sip::ask(options, dialogue).await,
        Ask::Ntp(options) => ntp::ask(options, dialogue).await,
        Ask::Udp(options) => udp::ask(options, dialogue).await,
        Ask::Ping(options) => ping::ask(options, dialogue).await,
        Ask::SendExpect(options) => send_expect::ask(options, dialogue).await,
        Ask::Feedback(options) => feedback::ask(options, dialogue).await,
        Ask::External(options) => external::ask(options, dialogue).await,
        Ask::None => Ok(()),
    }
}

impl From<Malformed> for Failure {
    fn from(why: Malformed) -> Self {
        Self::Answer(format!("the answer cannot be read: {why}"))
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
