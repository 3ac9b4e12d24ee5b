//! What a check asks of a server: when, where, and everything of the dialogue.

mod options;
mod tls;

use crate::check::CheckKind;
use crate::export::is_default;
use crate::names::named;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

pub use options::{
    Dns, DnsRecord, External, Feedback, Ftp, HttpMethod, Ldap, LdapScope, Mail, Memcached, Nntp, Ntp, Page, Ping,
    Radius, Redis, SendExpect, Sip, Smtp, Sql, Step, TlsConnect, Transport, Udp,
};
pub use tls::{Tls, TlsMode};

/// What a check asks, without how answers are judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Question {
    /// The kind, with its options.
    #[serde(flatten)]
    pub ask: Ask,
    /// Port it asks on; `None`: see [`crate::Probe::of`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// Which address of the server it asks.
    #[serde(skip_serializing_if = "is_default", default)]
    pub address: AskedAddress,
    /// Time between the beginnings of two runs, milliseconds.
    pub interval_ms: u32,
    /// Deadline of one run, milliseconds, from before the connection to the last byte.
    pub timeout_ms: u32,
}

impl Question {
    /// Its kind.
    pub fn kind(&self) -> CheckKind {
        self.ask.kind()
    }
}

named! {
    /// Which address of a server is asked.
    AskedAddress {
        /// The backend's own.
        #[default]
        Backend => "backend",
        /// The service's VIP on that server: also shows that the server has it. For `direct` only.
        Vip => "vip",
    }
}

/// The kind of a question, with the options that this kind has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ask {
    /// A TCP connection.
    Connect(TlsConnect),
    /// A page over HTTP.
    Http(Page),
    /// A page over HTTPS.
    Https(Page),
    /// A page through an HTTP proxy.
    HttpProxy(Page),
    /// An FTP login, and a file.
    Ftp(Ftp),
    /// An SMTP greeting, EHLO, and a login.
    Smtp(Smtp),
    /// The same on the submission port.
    Submission(Smtp),
    /// A POP3 greeting or login.
    Pop3(Mail),
    /// The same over TLS.
    Pop3s(Mail),
    /// An IMAP greeting or login.
    Imap(Mail),
    /// The same over TLS.
    Imaps(Mail),
    /// An NNTP greeting or login.
    Nntp(Nntp),
    /// An LDAP bind and search.
    Ldap(Ldap),
    /// The same over TLS.
    Ldaps(Ldap),
    /// A DNS query.
    Dns(Dns),
    /// A MySQL login and query.
    Mysql(Sql),
    /// A PostgreSQL login and query.
    Postgresql(Sql),
    /// A Redis command.
    Redis(Redis),
    /// A memcached command.
    Memcached(Memcached),
    /// A RADIUS Access-Request.
    Radius(Radius),
    /// A SIP OPTIONS.
    Sip(Sip),
    /// An NTP request.
    Ntp(Ntp),
    /// A datagram that must be answered.
    Udp(Udp),
    /// An ICMP echo.
    Ping(Ping),
    /// Texts sent and answers expected.
    SendExpect(SendExpect),
    /// An agent on the server that says how much load it wants.
    Feedback(Feedback),
    /// A program on this box.
    External(External),
    /// Always passes.
    None,
}

impl Ask {
    /// Its kind.
    pub fn kind(&self) -> CheckKind {
        match self {
            Self::Connect(_) => CheckKind::Connect,
            Self::Http(_) => CheckKind::Http,
            Self::Https(_) => CheckKind::Https,
            Self::HttpProxy(_) => CheckKind::HttpProxy,
            Self::Ftp(_) => CheckKind::Ftp,
            Self::Smtp(_) => CheckKind::Smtp,
            Self::Submission(_) => CheckKind::Submission,
            Self::Pop3(_) => CheckKind::Pop3,
            Self::Pop3s(_) => CheckKind::Pop3s,
            Self::Imap(_) => CheckKind::Imap,
            Self::Imaps(_) => CheckKind::Imaps,
            Self::Nntp(_) => CheckKind::Nntp,
            Self::Ldap(_) => CheckKind::Ldap,
            Self::Ldaps(_) => CheckKind::Ldaps,
            Self::Dns(_) => CheckKind::Dns,
            Self::Mysql(_) => CheckKind::Mysql,
            Self::Postgresql(_) => CheckKind::Postgresql,
            Self::Redis(_) => CheckKind::Redis,
            Self::Memcached(_) => CheckKind::Memcached,
            Self::Radius(_) => CheckKind::Radius,
            Self::Sip(_) => CheckKind::Sip,
            Self::Ntp(_) => CheckKind::Ntp,
            Self::Udp(_) => CheckKind::Udp,
            Self::Ping(_) => CheckKind::Ping,
            Self::SendExpect(_) => CheckKind::SendExpect,
            Self::Feedback(_) => CheckKind::Feedback,
            Self::External(_) => CheckKind::External,
            Self::None => CheckKind::None,
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Login {
    /// The name; for LDAP the DN.
    pub login: String,
    /// The password; `None`: an empty one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<Secret>,
}

impl Login {
    /// The password as it is sent.
    pub fn password(&self) -> &str {
        self.password.as_ref().map_or("", Secret::reveal)
    }
}
