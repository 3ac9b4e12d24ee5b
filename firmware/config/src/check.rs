//! The model of health checks.

use crate::names::named;
use crate::ranges::Ranges;
use serde::{Serialize, Serializer};

named! {
    /// What a check asks of a server.
    CheckKind {
        /// A TCP connection.
        #[default]
        Connect => "connect",
        /// A page over HTTP.
        Http => "http",
        /// A page over HTTPS.
        Https => "https",
        /// A page through an HTTP proxy.
        HttpProxy => "http-proxy",
        /// An FTP login.
        Ftp => "ftp",
        /// An SMTP greeting.
        Smtp => "smtp",
        /// A greeting on the submission port.
        Submission => "submission",
        /// A POP3 greeting or login.
        Pop3 => "pop3",
        /// The same over TLS.
        Pop3s => "pop3s",
        /// An IMAP greeting or login.
        Imap => "imap",
        /// The same over TLS.
        Imaps => "imaps",
        /// An NNTP greeting.
        Nntp => "nntp",
        /// An LDAP bind and search.
        Ldap => "ldap",
        /// The same over TLS.
        Ldaps => "ldaps",
        /// A DNS query.
        Dns => "dns",
        /// A MySQL login and query.
        Mysql => "mysql",
        /// A PostgreSQL login and query.
        Postgresql => "postgresql",
        /// A Redis PING.
        Redis => "redis",
        /// A memcached version.
        Memcached => "memcached",
        /// A RADIUS Access-Request.
        Radius => "radius",
        /// A SIP OPTIONS.
        Sip => "sip",
        /// An NTP request.
        Ntp => "ntp",
        /// A datagram that must be answered.
        Udp => "udp",
        /// An ICMP echo.
        Ping => "ping",
        /// Bytes sent and an answer expected.
        SendExpect => "send-expect",
        /// Always passes.
        None => "none",
    }
}

impl CheckKind {
    /// Whether it asks for a page.
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::HttpProxy)
    }
}

/// How many of a service's checks a backend must pass; written `"all"`, `"any"` or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChecksRequired {
    /// All of them.
    #[default]
    All,
    /// One of them.
    Any,
    /// This many of them.
    AtLeast(u8),
}

impl Serialize for ChecksRequired {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Any => serializer.serialize_str("any"),
            Self::AtLeast(count) => serializer.serialize_u8(*count),
        }
    }
}

/// A health check. What does not belong to its kind is `None`.
// GAP(peers.md 2b, 2c): options of kinds other than HTTP and send-expect (logins, queries, certificates) have no keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What it asks.
    pub kind: CheckKind,
    /// Port it asks on; `None`: the backend's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// HTTP: path of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// HTTP: the Host header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// HTTP: statuses that pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_status: Option<Ranges>,
    /// HTTP: regular expression that the body must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_body: Option<String>,
    /// Send-expect and UDP: what is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    /// Send-expect and UDP: regular expression that the answer must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Time between two runs, milliseconds.
    pub interval_ms: u32,
    /// Deadline of one run, milliseconds.
    pub timeout_ms: u32,
    /// Passes in a row until a backend counts as healthy.
    pub rise: u32,
    /// Failures in a row until it counts as down.
    pub fall: u32,
}
