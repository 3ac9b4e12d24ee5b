//! The API of a node: JSON over HTTP on core's unix socket. Requests, answers, and the client.
//!
//! | path under `/api/v1` | method | request | answer |
//! |---|---|---|---|
//! | `status` | GET | | [`Status`] |
//! | `services` | GET | | list of [`Service`] |
//! | `backends` | GET | [`BackendQuery`] as query | list of [`Backend`] |
//! | `backends/state` | POST | [`StateChange`] | [`Backend`] as it is now |
//! | `flows` | GET | [`FlowQuery`] as query | [`Flows`] |
//! | `flows/kill` | POST | [`Kill`] | [`Killed`] |
//! | `explain` | POST | [`Question`] | [`Explanation`] |
//! | `config` | GET | | [`Export`] |
//! | `config/apply` | POST | [`Document`] | [`Applied`] |
//! | `config/diff` | POST | [`Document`] | [`config::Diff`] |
//! | `config/diff` | GET | [`DiffQuery`] as query | [`config::Diff`] |
//! | `config/confirm` | POST | | [`Confirmed`] |
//! | `config/rollback` | POST | [`Rollback`] | [`Applied`] |
//! | `config/revisions` | GET | [`RevisionQuery`] as query | [`Revisions`] |
//! | `config/revisions/NUMBER` | GET | | [`KeptRevision`] |
//! | `capture` | POST | [`CaptureRequest`] | pcap bytes, until the capture ends |
//! | `counters` | GET | | [`Counters`] |
//! | `neighbors` | GET | | list of [`Neighbor`] |
//!
//! Whatever is refused is answered with [`Problem`] and a status of 400 (the request makes no sense), 404 (no such
//! thing), 409 (not possible now) or 422 (a document with errors).

mod capture;
mod client;
mod document;
mod drops;
mod explain;
mod flows;
mod people;
mod problem;
mod revisions;
mod services;
mod status;

pub use capture::{CAPTURE_PACKETS_MAX, CAPTURE_SECONDS_MAX, CaptureRequest};
pub use client::{Capture, Client, Error, RESPONSE_BYTES_MAX, SOCKET_DEFAULT};
pub use document::{Applied, COMMENT_CHARS_MAX, CONFIRM_WITHIN_MAX_S, Document, Export, Terms};
pub use drops::meaning_of_drop;
pub use explain::{Explanation, Outcome, Question, Step};
pub use flows::{FLOWS_LISTED_DEFAULT, FLOWS_LISTED_MAX, Flow, FlowQuery, Flows, Kill, Killed};
pub use people::{
    AUDIT_LISTED_DEFAULT, AUDIT_LISTED_MAX, AuditOutcome, AuditPage, AuditQuery, AuditRecord, Ended, LoggedIn, Login,
    Me, NewToken, NewUser, PasswordChange, PasswordReset, Role, SecondFactorCode, SecondFactorOffer, Session, Token,
    TokenMade, User, UserChange, UserPassword,
};
pub use problem::Problem;
pub use revisions::{
    Confirmed, DiffQuery, KeptRevision, REVISIONS_LISTED_DEFAULT, REVISIONS_LISTED_MAX, Revision, RevisionQuery,
    Revisions, Rollback,
};
pub use services::{Backend, BackendQuery, Service, StateChange, Then, Traffic};
pub use status::{Counters, Drop, Link, Neighbor, NeighborState, Nic, Rates, Status, Worker};

/// Paths of the API.
pub mod path {
    /// What the node is and does.
    pub const STATUS: &str = "/api/v1/status";
    /// Services.
    pub const SERVICES: &str = "/api/v1/services";
    /// Backends.
    pub const BACKENDS: &str = "/api/v1/backends";
    /// Online, drain, disabled.
    pub const BACKEND_STATE: &str = "/api/v1/backends/state";
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
    /// Packets as pcap.
    pub const CAPTURE: &str = "/api/v1/capture";
    /// All counters.
    pub const COUNTERS: &str = "/api/v1/counters";
    /// Next hops.
    pub const NEIGHBORS: &str = "/api/v1/neighbors";
}
