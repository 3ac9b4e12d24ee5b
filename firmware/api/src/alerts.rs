//! Alerts and syslog: whom the node tells, how that goes, and what there was to tell.

use config::{AlertKind, SyslogFacility, SyslogSeverity, SyslogTransport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is told, and what happened lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alerts {
    /// The first event is told at once, those of this long after it together, seconds.
    pub window_s: u32,
    /// Who gets alerts.
    pub destinations: Vec<AlertDestination>,
    /// Which servers get the log.
    pub syslog: Vec<SyslogDestination>,
    /// What was worth an alert since the start, told to somebody or not, the newest first.
    pub recent: Vec<Alert>,
}

/// How alerts travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertWay {
    /// By mail.
    #[default]
    Mail,
    /// By HTTP.
    Webhook,
}

/// Somebody who gets alerts. Counters are those since the configuration last named other destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDestination {
    /// Its name.
    pub name: String,
    /// How alerts travel.
    pub way: AlertWay,
    /// Mail: for whom; a webhook's address may be a secret.
    pub recipients: Vec<String>,
    /// Which events; empty: all.
    pub events: Vec<AlertKind>,
    /// Of which services; empty: of all.
    pub services: Vec<String>,
    /// Messages that it took.
    pub sent: u64,
    /// Tries that failed.
    pub failed_tries: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// Messages that were not taken in: too many wait, or it cannot be used.
    pub not_taken: u64,
    /// When it last took one: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sent_unix_s: Option<u64>,
    /// The last try that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<DeliveryFailure>,
}

/// A server that gets the log. Counters are those since the configuration last named other servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyslogDestination {
    /// Its name.
    pub name: String,
    /// An address or a name.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How lines travel.
    pub transport: SyslogTransport,
    /// Which facility they belong to.
    pub facility: SyslogFacility,
    /// How much is sent.
    pub severity: SyslogSeverity,
    /// Lines handed to the network.
    pub sent: u64,
    /// Lines not taken in, for too many wait.
    pub lost: u64,
    /// Connections that failed or broke.
    pub failures: u64,
    /// When a line was last handed to the network: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sent_unix_s: Option<u64>,
    /// The last connection that failed or broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<DeliveryFailure>,
}

/// Something that was not delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryFailure {
    /// When: seconds since 1970.
    pub unix_s: u64,
    /// Why.
    pub reason: String,
}

/// Something that was worth an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// What.
    pub kind: AlertKind,
    /// To what.
    pub subject: String,
    /// Both as a sentence.
    pub sentence: String,
    /// Why, as far as it is known.
    pub cause: String,
    /// When: seconds since 1970.
    pub unix_s: u64,
    /// Whether it goes on.
    pub course: AlertCourse,
}

/// Whether what was worth an alert goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertCourse {
    /// It began a state that has not ended.
    Lasting,
    /// It began a state that has ended.
    Over,
    /// It began none.
    #[default]
    Single,
}

/// Who is to get a test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertTest {
    /// The destination of alerts with this name.
    Alert(String),
    /// The syslog server with this name.
    Syslog(String),
}

/// What became of a test message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertTested {
    /// How it ended.
    pub outcome: TestOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// The destination took the message.
    Sent,
    /// It did not.
    Failed,
    /// It is on its way: nobody confirms a line of syslog, and a slow mail server takes its time.
    #[default]
    Pending,
}
