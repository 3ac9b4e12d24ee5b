//! The model of what the box tells people and other machines: alerts and syslog; and of who may call its API.

use crate::export::is_default;
use crate::names::named;
use crate::secret::Secret;
use serde::Serialize;

/// Destinations of alerts of one kind.
pub const ALERT_DESTINATIONS_MAX: usize = 16;
/// Recipients of one mail destination.
pub const MAIL_RECIPIENTS_MAX: usize = 16;
/// Servers that syslog goes to.
pub const SYSLOG_SERVERS_MAX: usize = 8;
/// Bytes of a password, secret or address.
pub const SECRET_LENGTH_MAX: usize = 1_024;
/// Shortest and longest time that alerts are gathered, seconds.
pub const ALERT_WINDOW_S: std::ops::RangeInclusive<u32> = 1..=86_400;

named! {
    /// What may be worth an alert.
    AlertKind {
        /// A backend takes no more clients.
        #[default]
        BackendDown => "backend-down",
        /// It takes clients again.
        BackendUp => "backend-up",
        /// A service has no backend left.
        ServiceDown => "service-down",
        /// It has one again.
        ServiceUp => "service-up",
        /// A NIC has no link.
        NicDown => "nic-down",
        /// It has one again.
        NicUp => "nic-up",
        /// This node became active or standby.
        HaChanged => "ha-changed",
        /// Another revision of the configuration is in use.
        ConfigChanged => "config-changed",
        /// A revision was not confirmed: the one before is in use again.
        ConfigReturned => "config-returned",
        /// Somebody failed to log in too often.
        LoginLocked => "login-locked",
        /// A certificate expires soon, the box's own or a backend's.
        CertificateExpires => "certificate-expires",
        /// Graphs, logs or audit could not be kept.
        HistoryLost => "history-lost",
        /// A table of the engine is full.
        TableFull => "table-full",
        /// The box started.
        Started => "started",
        /// Nothing: somebody tries whether alerts arrive.
        Test => "test",
    }
}

named! {
    /// How a connection is protected.
    MailTls {
        /// TLS after a few words in the clear (RFC 3207); without it nothing is sent.
        #[default]
        StartTls => "starttls",
        /// TLS from the beginning (RFC 8314).
        Tls => "tls",
        /// Not at all.
        None => "none",
    }
}

impl MailTls {
    /// The port where a server listens for it.
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Which events a destination gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AlertFilter {
    /// Kinds; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<AlertKind>,
    /// Of events about services and backends those of these services only; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

/// Alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alerts {
    /// The first event is told at once, those of this long after it together, seconds.
    pub window_s: u32,
    /// Destinations by mail.
    #[serde(rename = "mail", skip_serializing_if = "Vec::is_empty")]
    pub mails: Vec<AlertMail>,
    /// Destinations by HTTP.
    #[serde(rename = "webhook", skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<AlertWebhook>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { window_s: 300, mails: Vec::new(), webhooks: Vec::new() }
    }
}

/// Somebody who gets mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertMail {
    /// Its name.
    pub name: String,
    /// Whom the mail is from.
    pub from: String,
    /// Whom it is for.
    pub to: Vec<String>,
    /// The server that takes it: an address or a name.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// File in the data directory with the certificates that the server's is checked against; by default those of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Whom to log in as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// With what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Which events.
    #[serde(flatten)]
    pub filter: AlertFilter,
}

/// A program that gets JSON by HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertWebhook {
    /// Its name.
    pub name: String,
    /// Where: http or https.
    pub url: Secret,
    /// What requests are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// File in the data directory with the certificates that the server's is checked against; by default those of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Which events.
    #[serde(flatten)]
    pub filter: AlertFilter,
}

named! {
    /// How syslog travels.
    SyslogTransport {
        /// One message, one datagram (RFC 5426).
        #[default]
        Udp => "udp",
        /// Counted messages in a stream (RFC 6587).
        Tcp => "tcp",
        /// The same inside TLS (RFC 5425).
        Tls => "tls",
    }
}

impl SyslogTransport {
    /// The port where a server listens for it.
    pub fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 514,
            Self::Tls => 6_514,
        }
    }
}

named! {
    /// Which of the local facilities messages belong to.
    SyslogFacility {
        /// 16.
        #[default]
        Local0 => "local0",
        /// 17.
        Local1 => "local1",
        /// 18.
        Local2 => "local2",
        /// 19.
        Local3 => "local3",
        /// 20.
        Local4 => "local4",
        /// 21.
        Local5 => "local5",
        /// 22.
        Local6 => "local6",
        /// 23.
        Local7 => "local7",
    }
}

named! {
    /// How much is sent: messages of this severity and worse.
    SyslogSeverity {
        /// 3: something failed.
        Error => "error",
        /// 4: something is not as it should be.
        Warning => "warning",
        /// 6: what the box does.
        #[default]
        Info => "info",
        /// 7: everything.
        Debug => "debug",
    }
}

/// Where the log goes besides the box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Syslog {
    /// The servers.
    #[serde(rename = "server", skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SyslogServer>,
}

/// A server that takes syslog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyslogServer {
    /// Its name in this document.
    pub name: String,
    /// An address or a name.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How messages travel.
    pub transport: SyslogTransport,
    /// File in the data directory with the certificates that the server's is checked against; by default those of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Which facility they belong to.
    #[serde(skip_serializing_if = "is_default")]
    pub facility: SyslogFacility,
    /// How much is sent.
    #[serde(skip_serializing_if = "is_default")]
    pub severity: SyslogSeverity,
}

/// Who may call the API, and how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Api {
    /// A session ends after this long without a request, seconds.
    pub session_idle_s: u32,
    /// It ends after this long in any case, seconds.
    pub session_lifetime_s: u32,
    /// A user is locked after this many failures in a row, a source after three times as many.
    pub login_failures_max: u32,
    /// How long the lock lasts, seconds.
    pub login_lock_s: u32,
}

impl Default for Api {
    fn default() -> Self {
        Self { session_idle_s: 1_800, session_lifetime_s: 43_200, login_failures_max: 10, login_lock_s: 900 }
    }
}
