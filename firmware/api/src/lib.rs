//! The API of a node: JSON over HTTP on core's unix socket. Requests, answers, and the client.
//!
//! | path under `/api/v1` | method | request | answer |
//! |---|---|---|---|
//! | `status` | GET | | [`Status`] |
//! | `services` | GET | [`ServiceQuery`] as query | list of [`Service`] |
//! | `backends` | GET | [`BackendQuery`] as query | list of [`Backend`] |
//! | `doctor` | POST | | [`Diagnosis`] |
//! | `config/dry-run` | POST | [`DryRunQuery`] as query, [`Document`] | [`DryRun`] |
//! | `backends/detail` | GET | [`BackendName`] as query | [`BackendDetail`] |
//! | `backends/state` | POST | [`StateChange`] | [`Backend`] as it is now |
//! | `flows` | GET | [`FlowQuery`] as query | [`Flows`] |
//! | `flows/kill` | POST | [`Kill`] | [`Killed`] |
//! | `explain` | POST | [`Question`] | [`Explanation`] |
//! | `config` | GET | | [`Export`] |
//! | `config/apply` | POST | [`Document`] | [`Applied`] |
//! | `config/diff` | POST | [`Document`] | [`config::Diff`] |
//! | `config/diff` | GET | [`DiffQuery`] as query | [`config::Diff`] |
//! | `config/confirm` | GET | | [`Confirmation`] |
//! | `config/confirm` | POST | | [`Confirmed`] |
//! | `config/rollback` | POST | [`Rollback`] | [`Applied`] |
//! | `config/revisions` | GET | [`RevisionQuery`] as query | [`Revisions`] |
//! | `config/revisions/NUMBER` | GET | | [`KeptRevision`] |
//! | `backup` | POST | [`BackupRequest`] | the encrypted file |
//! | `restore/look` | POST | [`BackupLook`] | [`BackupView`] |
//! | `restore` | POST | [`Restore`] | [`Applied`] |
//! | `support-bundle` | POST | | a tar.gz file |
//! | `certificate` | GET | | [`Certificate`] |
//! | `certificate` | POST | [`NewCertificate`] | [`Certificate`] |
//! | `certificate` | DELETE | | [`Certificate`] that the box signs itself |
//! | `certificate/request` | POST | [`NewSigningRequest`] | [`Certificate`] |
//! | `certificate/request` | DELETE | | [`Certificate`] |
//! | `graphs` | GET | [`GraphQuery`] as query | [`Graph`] |
//! | `alerts` | GET | | [`Alerts`] |
//! | `alerts/test` | POST | [`AlertTest`] | [`AlertTested`] |
//! | `log` | GET | [`LogQuery`] as query | [`Log`] |
//! | `capture` | POST | [`CaptureRequest`] | pcap bytes, until the capture ends |
//! | `counters` | GET | | [`Counters`] |
//! | `links` | GET | | list of [`FoundNic`] |
//! | `neighbors` | GET | | list of [`Neighbor`] |
//! | `network` | GET | | [`Network`] |
//! | `tools/ping` | POST | [`Ping`] | [`Pinged`] |
//! | `tools/trace` | POST | [`Trace`] | [`Traced`] |
//! | `tools/port` | POST | [`PortProbe`] | [`CheckAnswer`] |
//! | `tools/neighbors` | GET | | list of [`KernelNeighbor`] |
//! | `login` | POST | [`Login`] | [`LoggedIn`] |
//! | `logout` | POST | | [`Ended`] |
//! | `me` | GET | | [`Me`] |
//! | `me/password` | POST | [`PasswordChange`] | [`Me`] |
//! | `me/second-factor` | POST | | [`SecondFactorOffer`] |
//! | `me/second-factor/code` | POST | [`SecondFactorCode`] | [`Me`] |
//! | `me/second-factor/remove` | POST | [`SecondFactorRemoval`] | [`Me`] |
//! | `me/sessions`, `sessions` | GET | | list of [`Session`] |
//! | `me/sessions/ID`, `sessions/ID`, `users/NAME/sessions` | DELETE | | [`Ended`] |
//! | `me/tokens`, `tokens` | GET | | list of [`Token`] |
//! | `me/tokens`, `tokens` | POST | [`NewToken`] | [`TokenMade`] |
//! | `me/tokens/ID`, `tokens/ID` | DELETE | | [`Ended`] |
//! | `users` | GET | | list of [`User`] |
//! | `users` | POST | [`NewUser`] | [`UserPassword`] |
//! | `users/NAME` | PATCH | [`UserChange`] | [`User`] |
//! | `users/NAME` | DELETE | | [`Ended`] |
//! | `users/NAME/password` | POST | [`PasswordReset`] | [`UserPassword`] |
//! | `audit` | GET | [`AuditQuery`] as query | [`AuditPage`] |
//! | `audit/export` | GET | | [`AuditRecord`]s, one JSON object a line |
//! | `audit/check` | GET | | [`AuditCheck`] |
//! | `openapi.json` | GET | | the same table with all types, as OpenAPI 3.1 |
//!
//! `/metrics`, outside of `/api/v1`, answers GET with OpenMetrics text.
//!
//! Root on the socket is administrator; everybody else says `Authorization: Bearer SECRET` with a session or a token.
//! Whatever is refused is answered with [`Problem`] and a status of 400 (the request makes no sense), 401 (nobody, or
//! nobody any more), 403 (somebody who may not), 404 (no such thing), 405 (not this method), 409 (not possible now), 413
//! (too large), 415 (not marked as JSON), 422 (a document with errors), 429 (too many failures), 500 (the disk fails) or
//! 503 (too busy).

mod alerts;
mod backup;
mod capture;
mod certificate;
mod client;
mod doctor;
mod document;
mod drops;
mod events;
mod explain;
mod flows;
mod graphs;
mod health;
mod log;
mod network;
mod people;
mod problem;
mod revisions;
mod services;
mod status;
mod tools;

pub use alerts::{
    Alert, AlertCourse, AlertDestination, AlertTest, AlertTested, AlertWay, Alerts, DeliveryFailure, SyslogDestination,
    TestOutcome,
};
pub use backup::{BackupLook, BackupNic, BackupRequest, BackupView, FileBytes, Restore};
pub use capture::{CAPTURE_PACKETS_MAX, CAPTURE_SECONDS_MAX, CaptureRequest};
pub use certificate::{
    CERTIFICATE_BYTES_MAX, CERTIFICATE_NAMES_MAX, Certificate, ConsoleQuery, ConsoleTerms, NewCertificate,
    NewSigningRequest, SigningRequest,
};
pub use client::{CLIENT_HEADER, Capture, Client, Connecting, Error, RESPONSE_BYTES_MAX, SOCKET_DEFAULT, Stream, Way};
pub use doctor::{Diagnosis, Finding, Trouble};
pub use document::{Applied, COMMENT_CHARS_MAX, CONFIRM_WITHIN_MAX_S, Document, Export, Terms};
pub use drops::meaning_of_drop;
pub use events::{EVENT_GAP, EVENT_LISTENERS_MAX, EVENT_LISTENING_S, EVENTS_KEPT_MAX, EventQuery, Gap, Happening};
pub use explain::{Explanation, Outcome, Question, Step};
pub use flows::{FLOWS_LISTED_DEFAULT, FLOWS_LISTED_MAX, Flow, FlowQuery, Flows, Kill, Killed};
pub use graphs::{
    GRAPH_POINTS_DEFAULT, GRAPH_POINTS_MAX, GRAPH_SPAN_DEFAULT_S, Graph, GraphLine, GraphPoint, GraphQuery,
};
pub use health::{BackendDetail, BackendName, CheckAnswer, CheckState, DryRun, DryRunQuery, Health, Tried};
pub use log::{LOG_LINES_DEFAULT, LOG_LINES_MAX, Log, LogLine, LogQuery};
pub use network::{Network, NetworkAddress, NetworkNic, NetworkRoute};
pub use people::{
    AUDIT_LISTED_DEFAULT, AUDIT_LISTED_MAX, AuditCheck, AuditOutcome, AuditPage, AuditQuery, AuditRecord, Ended,
    LoggedIn, Login, Me, NewToken, NewUser, PasswordChange, PasswordReset, Role, SecondFactorCode, SecondFactorOffer,
    SecondFactorRemoval, Session, Token, TokenMade, User, UserChange, UserPassword,
};
pub use problem::{Code, Problem};
pub use revisions::{
    Confirmation, Confirmed, DiffQuery, KeptRevision, REVISIONS_LISTED_DEFAULT, REVISIONS_LISTED_MAX, Revision,
    RevisionQuery, Revisions, Rollback, Waiting,
};
pub use services::{Backend, BackendQuery, Service, ServiceQuery, StateChange, Then, Traffic};
pub use status::{Counters, Drop, FoundNic, Link, Neighbor, NeighborState, Nic, Rates, Status, Worker};
pub use tools::{
    KernelNeighbor, PING_COUNT_DEFAULT, PING_COUNT_MAX, PING_SIZE_DEFAULT, PING_SIZE_MAX, PING_SIZE_MIN, Ping, Pinged,
    PortProbe, Resolution, StepAnswer, StepEnd, TRACE_HOPS_MAX, TRACE_TRIES, Trace, TraceBy, Traced,
};

/// Bytes of a request at most: a document as JSON text, every character of it escaped.
pub const REQUEST_BYTES_MAX: usize = 2 * config::DOCUMENT_BYTES_MAX + 4_096;

/// Paths of the API.
pub mod path {
    /// The description of all of this.
    pub const OPENAPI: &str = "/api/v1/openapi.json";
    /// What the node is and does.
    pub const STATUS: &str = "/api/v1/status";
    /// Services.
    pub const SERVICES: &str = "/api/v1/services";
    /// Backends.
    pub const BACKENDS: &str = "/api/v1/backends";
    /// One backend, with what its checks met.
    pub const BACKEND_DETAIL: &str = "/api/v1/backends/detail";
    /// Online, drain, disabled.
    pub const BACKEND_STATE: &str = "/api/v1/backends/state";
    /// Looks at servers that have the VIP themselves.
    pub const DOCTOR: &str = "/api/v1/doctor";
    /// Asks servers as a document would, and changes nothing.
    pub const DRY_RUN: &str = "/api/v1/config/dry-run";
    /// Flows.
    pub const FLOWS: &str = "/api/v1/flows";
    /// Ends flows.
    pub const KILL: &str = "/api/v1/flows/kill";
    /// Why a packet goes where it goes.
    pub const EXPLAIN: &str = "/api/v1/explain";
    /// The document in use.
    pub const CONFIG: &str = "/api/v1/config";
    /// Puts a document in use.
    pub const APPLY: &str = "/api/v1/config/apply";
    /// What a document would change.
    pub const DIFF: &str = "/api/v1/config/diff";
    /// Keeps a revision that waits for confirmation.
    pub const CONFIRM: &str = "/api/v1/config/confirm";
    /// Puts an earlier document in use again.
    pub const ROLLBACK: &str = "/api/v1/config/rollback";
    /// The history of the configuration.
    pub const REVISIONS: &str = "/api/v1/config/revisions";
    /// One revision and its document.
    pub const REVISION: &str = "/api/v1/config/revisions/{number}";
    /// Everything that makes the node what it is, as one encrypted file.
    pub const BACKUP: &str = "/api/v1/backup";
    /// What is in such a file.
    pub const RESTORE_LOOK: &str = "/api/v1/restore/look";
    /// Puts one in use.
    pub const RESTORE: &str = "/api/v1/restore";
    /// What whoever helps needs to see, without secrets.
    pub const SUPPORT_BUNDLE: &str = "/api/v1/support-bundle";
    /// The console's certificate.
    pub const CERTIFICATE: &str = "/api/v1/certificate";
    /// A request for one that an authority signs.
    pub const SIGNING_REQUEST: &str = "/api/v1/certificate/request";
    /// What the web role serves with; outside of `/api`, which it passes on for others.
    pub const CONSOLE: &str = "/console";
    /// Who is told, and what happened lately.
    pub const ALERTS: &str = "/api/v1/alerts";
    /// A message to try a destination with.
    pub const ALERT_TEST: &str = "/api/v1/alerts/test";
    /// The log of the program.
    pub const LOG: &str = "/api/v1/log";
    /// What happens, as it happens.
    pub const EVENTS: &str = "/api/v1/events";
    /// Packets as pcap.
    pub const CAPTURE: &str = "/api/v1/capture";
    /// Graphs.
    pub const GRAPHS: &str = "/api/v1/graphs";
    /// Counters for Prometheus.
    pub const METRICS: &str = "/metrics";
    /// All counters.
    pub const COUNTERS: &str = "/api/v1/counters";
    /// Next hops.
    pub const NEIGHBORS: &str = "/api/v1/neighbors";
    /// NICs that the box has.
    pub const LINKS: &str = "/api/v1/links";
    /// The network of the box.
    pub const NETWORK: &str = "/api/v1/network";
    /// Echoes to an address.
    pub const PING: &str = "/api/v1/tools/ping";
    /// The way to an address.
    pub const TRACE: &str = "/api/v1/tools/trace";
    /// A port of an address.
    pub const PORT: &str = "/api/v1/tools/port";
    /// The kernel's neighbours.
    pub const KERNEL_NEIGHBORS: &str = "/api/v1/tools/neighbors";
    /// Begins a session: the one call that needs none.
    pub const LOGIN: &str = "/api/v1/login";
    /// Ends the session that asks.
    pub const LOGOUT: &str = "/api/v1/logout";
    /// Who calls.
    pub const ME: &str = "/api/v1/me";
    /// The caller's own password.
    pub const OWN_PASSWORD: &str = "/api/v1/me/password";
    /// Offers the caller a second factor.
    pub const OWN_SECOND_FACTOR: &str = "/api/v1/me/second-factor";
    /// Puts it in force.
    pub const OWN_SECOND_FACTOR_CODE: &str = "/api/v1/me/second-factor/code";
    /// Takes it away again.
    pub const OWN_SECOND_FACTOR_REMOVE: &str = "/api/v1/me/second-factor/remove";
    /// Where the caller is logged in.
    pub const OWN_SESSIONS: &str = "/api/v1/me/sessions";
    /// One of these.
    pub const OWN_SESSION: &str = "/api/v1/me/sessions/{id}";
    /// The caller's own tokens.
    pub const OWN_TOKENS: &str = "/api/v1/me/tokens";
    /// One of these.
    pub const OWN_TOKEN: &str = "/api/v1/me/tokens/{id}";
    /// Users.
    pub const USERS: &str = "/api/v1/users";
    /// One of them.
    pub const USER: &str = "/api/v1/users/{name}";
    /// Another password for a user.
    pub const USER_PASSWORD: &str = "/api/v1/users/{name}/password";
    /// Where a user is logged in.
    pub const USER_SESSIONS: &str = "/api/v1/users/{name}/sessions";
    /// Everybody's sessions.
    pub const SESSIONS: &str = "/api/v1/sessions";
    /// One of them.
    pub const SESSION: &str = "/api/v1/sessions/{id}";
    /// Everybody's tokens.
    pub const TOKENS: &str = "/api/v1/tokens";
    /// One of them.
    pub const TOKEN: &str = "/api/v1/tokens/{id}";
    /// What was done by whom.
    pub const AUDIT: &str = "/api/v1/audit";
    /// All of it, as JSON lines.
    pub const AUDIT_EXPORT: &str = "/api/v1/audit/export";
    /// Whether all of it is there.
    pub const AUDIT_CHECK: &str = "/api/v1/audit/check";
}
