//! The model of health checks.

use crate::names::named;
use crate::question::Question;
use serde::{Deserialize, Serialize, Serializer};

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
        /// Texts sent and answers expected.
        SendExpect => "send-expect",
        /// An agent on the server that says how much load it wants.
        Feedback => "feedback",
        /// A program on this box.
        External => "external",
        /// Always passes.
        None => "none",
    }
}

impl CheckKind {
    /// The port where such servers listen; `None`: there is no usual one, or the kind has no ports.
    pub fn usual_port(self) -> Option<u16> {
        let port = match self {
            Self::Ftp => 21,
            Self::Smtp => 25,
            Self::Dns => 53,
            Self::Http => 80,
            Self::Pop3 => 110,
            Self::Nntp => 119,
            Self::Ntp => 123,
            Self::Imap => 143,
            Self::Ldap => 389,
            Self::Https => 443,
            Self::Submission => 587,
            Self::Ldaps => 636,
            Self::Imaps => 993,
            Self::Pop3s => 995,
            Self::Radius => 1812,
            Self::HttpProxy => 3128,
            Self::Mysql => 3306,
            Self::Sip => 5060,
            Self::Postgresql => 5432,
            Self::Redis => 6379,
            Self::Memcached => 11211,
            Self::Connect
            | Self::Udp
            | Self::Ping
            | Self::SendExpect
            | Self::Feedback
            | Self::External
            | Self::None => return None,
        };
        Some(port)
    }

    /// Whether it must be told a port when neither service nor backend has one.
    pub fn needs_port(self) -> bool {
        matches!(self, Self::Connect | Self::Udp | Self::SendExpect | Self::Feedback)
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

/// A health check: what is asked of every backend, and how the answers are judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What it asks.
    #[serde(flatten)]
    pub question: Question,
    /// Passes in a row until a backend counts as healthy.
    pub rise: u32,
    /// Failures in a row until it counts as down.
    pub fall: u32,
}
