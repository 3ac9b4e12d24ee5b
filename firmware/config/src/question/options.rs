//! The options of each kind. `None` is the protocol's usual behaviour, told at each field.

use super::{Login, Tls};
use crate::export::is_default;
use crate::names::named;
use crate::pattern::Pattern;
use crate::payload::Payload;
use crate::ranges::Ranges;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A connection, with a TLS handshake or without.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TlsConnect {
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

named! {
    /// Method of an HTTP request.
    HttpMethod {
        /// The page.
        #[default]
        Get => "GET",
        /// Its head only.
        Head => "HEAD",
    }
}

/// A page over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Page {
    /// Path of the page, or its whole URL for a proxy; `None`: `/`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The Host header; `None`: address and port.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// The method.
    #[serde(skip_serializing_if = "is_default", default)]
    pub http_method: HttpMethod,
    /// Further headers of the request.
    #[serde(skip_serializing_if = "is_default", default)]
    pub headers: BTreeMap<String, String>,
    /// Statuses that pass; `None`: 200 to 299.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect_status: Option<Ranges>,
    /// What the body must match.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect_body: Option<Pattern>,
    /// Basic authentication.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// TLS: present for `https`.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// An FTP login, and a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ftp {
    /// Who logs in; `None`: anonymous.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// The folder to change to; `None`: `/`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder: Option<String>,
    /// The file to fetch, in passive mode; `None`: none is fetched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// What the file must match.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
}

/// An SMTP greeting, EHLO, and a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Smtp {
    /// The name said in EHLO; `None`: the own address, in brackets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ehlo: Option<String>,
    /// Who logs in; `None`: nobody.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// A POP3 or IMAP greeting, and a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mail {
    /// Who logs in; `None`: nobody.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// An NNTP greeting, a login, and a newsgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Nntp {
    /// The newsgroup that must be there; `None`: none is asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub newsgroup: Option<String>,
    /// Who logs in; `None`: nobody.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

named! {
    /// How far below its base an LDAP search goes.
    LdapScope {
        /// The base alone.
        #[default]
        Base => "base",
        /// Its children.
        One => "one",
        /// Everything below.
        Subtree => "subtree",
    }
}

/// An LDAP bind and search. It passes when at least one object is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ldap {
    /// Who binds; `None`: anonymous.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// DN where the search begins; `None`: the root DSE.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<String>,
    /// How far the search goes.
    #[serde(skip_serializing_if = "is_default", default)]
    pub scope: LdapScope,
    /// Filter (RFC 4515); `None`: `(objectClass=*)`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filter: Option<String>,
    /// What the DN of a found object must match.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

named! {
    /// Type of a DNS record.
    DnsRecord {
        /// IPv4 address.
        #[default]
        A => "a",
        /// IPv6 address.
        Aaaa => "aaaa",
        /// Name of an address; the query may be the address itself.
        Ptr => "ptr",
        /// Start of authority.
        Soa => "soa",
        /// Name server.
        Ns => "ns",
        /// Mail exchanger.
        Mx => "mx",
        /// Text.
        Txt => "txt",
    }
}

named! {
    /// What carries a protocol that knows both.
    Transport {
        /// UDP.
        #[default]
        Udp => "udp",
        /// TCP.
        Tcp => "tcp",
    }
}

/// A DNS query. It passes when the answer has at least one record of the type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dns {
    /// The name asked for.
    pub query: String,
    /// The type asked for.
    #[serde(skip_serializing_if = "is_default", default)]
    pub record: DnsRecord,
    /// What one of the records must match, as text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
    /// UDP or TCP.
    #[serde(skip_serializing_if = "is_default", default)]
    pub transport: Transport,
}

/// A login to a database, and a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sql {
    /// Who logs in; `None`: nobody, the server's greeting is all.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// The database; `None`: the server's default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub database: Option<String>,
    /// A query that must give at least one row; `None`: none is sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub query: Option<String>,
    /// What a value of the first row must match.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
    /// TLS, by the protocol's own upgrade.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// A Redis command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Redis {
    /// The user; `None`: the default user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login: Option<String>,
    /// The password; `None`: no AUTH is sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<Secret>,
    /// The command, its words separated by blanks; `None`: `PING`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<String>,
    /// What the answer must match; `None`: any that is no error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// A memcached command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Memcached {
    /// The command; `None`: `version`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<String>,
    /// What the answer must match; `None`: any that is no error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// A RADIUS Access-Request (PAP). It passes on Access-Accept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Radius {
    /// Who asks for access.
    pub login: String,
    /// The password.
    pub password: Secret,
    /// What this box and the server share.
    pub secret: Secret,
}

/// A SIP OPTIONS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sip {
    /// Whom it asks, as in `sip:ping@example.com`; `None`: `sip:` and the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uri: Option<String>,
    /// Statuses that pass; `None`: 200.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect_status: Option<Ranges>,
    /// UDP or TCP.
    #[serde(skip_serializing_if = "is_default", default)]
    pub transport: Transport,
}

/// An NTP request. It passes when the server is synchronised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ntp {
    /// Most steps from a reference clock that pass, 1 to 15.
    pub stratum_max: u8,
}

/// A datagram that must be answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Udp {
    /// What is sent.
    pub send: Payload,
    /// What the answer must match; `None`: any answer passes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
}

/// ICMP echoes. It passes with the first answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ping {
    /// Most echoes sent, spread evenly over the deadline.
    pub count: u8,
}

/// One step of a dialogue: first something is sent, then something is awaited.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Step {
    /// What is sent; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub send: Option<Payload>,
    /// What must come; `None`: nothing is awaited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Pattern>,
}

/// Texts sent and answers expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SendExpect {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Option<Tls>,
}

/// An agent that says how much load its server wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Feedback {
    /// What is sent first; `None`: nothing, the agent speaks by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub send: Option<Payload>,
}

/// A program on this box. It passes when the program ends with status 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct External {
    /// Its absolute path.
    pub command: String,
    /// Its arguments, before the address and the port of the server.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub arguments: Vec<String>,
}
