//! The configuration document (TOML): its model, reading with positions, validation, export and differences.
//!
//! [`parse`] takes the text of a document and gives either a checked [`Config`] or all errors found in it, each with
//! line, column and the path of the field. No I/O.

mod address;
mod alerts;
mod check;
mod diff;
mod export;
mod ha;
mod health;
mod import;
mod limits;
mod model;
mod names;
mod pattern;
mod payload;
mod probe;
mod question;
mod ranges;
mod read;
mod reader;
mod rename;
mod report;
mod revision;
mod secret;
mod service;
mod validate;

pub use address::{Prefix, parse_address};
pub use alerts::{
    ALERT_DESTINATIONS_MAX, ALERT_WINDOW_S, AlertFilter, AlertKind, AlertMail, AlertWebhook, Alerts, Api,
    MAIL_RECIPIENTS_MAX, MailTls, SECRET_LENGTH_MAX, SYSLOG_SERVERS_MAX, Syslog, SyslogFacility, SyslogServer,
    SyslogSeverity, SyslogTransport,
};
pub use check::{Check, CheckKind, ChecksRequired};
pub use diff::{Action, Change, Diff, FieldChange, Thing};
pub use ha::{ChecksumMode, FlowSync, Ha, Preempt, Track, VirtualRouter};
pub use health::{FeedbackUse, Flap, HealthRules, Passive, Quorum, StartState};
pub use import::{Carried, Concern, Foreign, ForeignFile, Imported, NotCarried, import};
pub use limits::*;
pub use model::{Config, Engine, FastPath, Nic, NicRole, PerNode, Probing, Reject, Route, Shield, System, Web};
pub use names::Named;
pub use pattern::Pattern;
pub use payload::Payload;
pub use probe::Probe;
pub use question::{
    Ask, AskedAddress, Dns, DnsRecord, External, Feedback, Ftp, HttpMethod, Ldap, LdapScope, Login, Mail, Memcached,
    Nntp, Ntp, Page, Ping, Question, Radius, Redis, SendExpect, Sip, Smtp, Sql, Step, Tls, TlsConnect, TlsMode,
    Transport, Udp,
};
pub use ranges::{Range, Ranges};
pub use rename::rename_nics;
pub use report::{Error, Errors};
pub use revision::{Origin, RevisionState};
pub use secret::{ADDRESS_KEYS, HIDDEN, PRIVATE_KEYS, SECRET_KEYS, Secret, is_secret};
pub use service::{
    Backend, BackendState, Fallback, Helper, Method, Midstream, MssClamp, OnBackendDown, Persistence, Protocol,
    Scheduler, SchedulerFlags, Service, Timeouts,
};

use report::Report;

/// The version of the document that this program reads and writes.
pub const VERSION: u16 = 1;

/// Reads and checks a document. `file_name` appears in errors only.
pub fn parse(text: &str, file_name: &str) -> Result<Config, Errors> {
    let report = Report::new(file_name, text);
    let config = read::document(&report);
    match report.finish() {
        None => Ok(config),
        Some(errors) => Err(errors),
    }
}
