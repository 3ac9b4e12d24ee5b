//! The client: one HTTP/1.1 connection per call, over the unix socket or another way.

mod certificate;
mod pass;
mod people;
mod way;

pub use way::{Connecting, Stream, Way};

use crate::{
    AlertTest, AlertTested, Alerts, Applied, Backend, BackendDetail, BackendName, BackendQuery, BackupLook,
    BackupRequest, BackupView, CaptureRequest, CheckAnswer, Confirmation, Confirmed, Counters, Diagnosis, DiffQuery,
    Document, DryRun, DryRunQuery, Explanation, Export, FlowQuery, Flows, FoundNic, Graph, GraphQuery, KeptRevision,
    KernelNeighbor, Kill, Killed, Log, LogQuery, Neighbor, Network, Ping, Pinged, PortProbe, Problem, Question,
    Restore, RevisionQuery, Revisions, Rollback, Service, ServiceQuery, StateChange, Status, Trace, Traced, path,
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::time::timeout;
use way::Socket;

/// Where core listens by default.
pub const SOCKET_DEFAULT: &str = "/run/suimon/core.sock";
/// Names the address that the web role calls for; believed from the web role and from root.
pub const CLIENT_HEADER: &str = "suimon-client";
/// Bytes of an answer at most, captures aside.
pub const RESPONSE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Time for an answer, captures aside. Applying a full-size document takes seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens on the socket, or it may not be opened.
    #[error("connect to {}: {source}; is suimon running?", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no way to the node: what was tried, and why it failed.
    #[error("{0}")]
    Unreachable(String),
    /// The node refused.
    #[error("{}", problem.message)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        problem: Problem,
    },
    /// The node did not answer in time.
    #[error("no answer from {node} within {} s", RESPONSE_TIMEOUT.as_secs())]
    Timeout {
        /// The node.
        node: String,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("talk to {node}: {source}")]
    Connection {
        /// The node.
        node: String,
        /// What happened.
        source: hyper::Error,
    },
    /// The answer is not what was expected.
    #[error("answer of {node}: {reason}")]
    Answer {
        /// The node.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A client of one node. Each call connects anew: a restarted node is found again.
#[derive(Clone)]
pub struct Client {
    way: Arc<dyn Way>,
    /// A session or a token.
    secret: Option<String>,
    /// Who is called for.
    behalf: Option<IpAddr>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.node())
    }
}

impl Client {
    /// A client of the node that listens on `socket`. Nothing is opened yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self::by(Arc::new(Socket(socket.into())))
    }

    /// A client of the node that `way` leads to.
    pub fn by(way: Arc<dyn Way>) -> Self {
        Self { way, secret: None, behalf: None }
    }

    /// What the node is called in messages.
    fn node(&self) -> String {
        self.way.node()
    }

    /// What the node is and does.
    pub async fn status(&self) -> Result<Status, Error> {
        self.read(path::STATUS, &()).await
    }

    /// Its services.
    pub async fn services(&self) -> Result<Vec<Service>, Error> {
        self.read(path::SERVICES, &()).await
    }

    /// Some of them.
    pub async fn services_within(&self, query: &ServiceQuery) -> Result<Vec<Service>, Error> {
        self.read(path::SERVICES, query).await
    }

    /// Its backends.
    pub async fn backends(&self, query: &BackendQuery) -> Result<Vec<Backend>, Error> {
        self.read(path::BACKENDS, query).await
    }

    /// One of them, with what its checks met.
    pub async fn backend_detail(&self, name: &BackendName) -> Result<BackendDetail, Error> {
        self.read(path::BACKEND_DETAIL, name).await
    }

    /// Looks at servers that have the VIP themselves.
    pub async fn doctor(&self) -> Result<Diagnosis, Error> {
        self.act(path::DOCTOR, &()).await
    }

    /// Asks servers as a document would, and changes nothing.
    pub async fn dry_run(&self, document: &Document, query: &DryRunQuery) -> Result<DryRun, Error> {
        self.act(&with_query(path::DRY_RUN, query), document).await
    }

    /// Puts a backend online, drains or disables it.
    pub async fn change_state(&self, change: &StateChange) -> Result<Backend, Error> {
        self.act(path::BACKEND_STATE, change).await
    }

    /// Its flows.
    pub async fn flows(&self, query: &FlowQuery) -> Result<Flows, Error> {
        self.read(path::FLOWS, query).await
    }

    /// Ends flows.
    pub async fn kill(&self, kill: &Kill) -> Result<Killed, Error> {
        self.act(path::KILL, kill).await
    }

    /// Why a packet goes where it goes.
    pub async fn explain(&self, question: &Question) -> Result<Explanation, Error> {
        self.act(path::EXPLAIN, question).await
    }

    /// The document in use.
    pub async fn export(&self) -> Result<Export, Error> {
        self.read(path::CONFIG, &()).await
    }

    /// Puts a document in use.
    pub async fn apply(&self, document: &Document) -> Result<Applied, Error> {
        self.act(path::APPLY, document).await
    }

    /// What a document would change.
    pub async fn diff(&self, document: &Document) -> Result<config::Diff, Error> {
        self.act(path::DIFF, document).await
    }

    /// What changed from one revision to another.
    pub async fn diff_revisions(&self, query: &DiffQuery) -> Result<config::Diff, Error> {
        self.read(path::DIFF, query).await
    }

    /// Whether the revision in use waits for confirmation.
    pub async fn confirmation(&self) -> Result<Confirmation, Error> {
        self.read(path::CONFIRM, &()).await
    }

    /// Keeps the revision that waits for confirmation.
    pub async fn confirm(&self) -> Result<Confirmed, Error> {
        self.act(path::CONFIRM, &()).await
    }

    /// Puts the document of an earlier revision in use again.
    pub async fn roll_back(&self, rollback: &Rollback) -> Result<Applied, Error> {
        self.act(path::ROLLBACK, rollback).await
    }

    /// The history of the configuration.
    pub async fn revisions(&self, query: &RevisionQuery) -> Result<Revisions, Error> {
        self.read(path::REVISIONS, query).await
    }

    /// One revision and its document.
    pub async fn revision(&self, number: u64) -> Result<KeptRevision, Error> {
        self.read(&path::REVISION.replace("{number}", &number.to_string()), &()).await
    }

    /// Everything that makes it what it is, as one encrypted file.
    pub async fn backup(&self, request: &BackupRequest) -> Result<Bytes, Error> {
        self.file(path::BACKUP, request).await
    }

    /// What is in such a file.
    pub async fn look_into_backup(&self, look: &BackupLook) -> Result<BackupView, Error> {
        self.act(path::RESTORE_LOOK, look).await
    }

    /// Puts one in use.
    pub async fn restore(&self, restore: &Restore) -> Result<Applied, Error> {
        self.act(path::RESTORE, restore).await
    }

    /// What was measured, over time.
    pub async fn graph(&self, query: &GraphQuery) -> Result<Graph, Error> {
        self.read(path::GRAPHS, query).await
    }

    /// The log of the program.
    pub async fn log(&self, query: &LogQuery) -> Result<Log, Error> {
        self.read(path::LOG, query).await
    }

    /// Who is told, and what happened lately.
    pub async fn alerts(&self) -> Result<Alerts, Error> {
        self.read(path::ALERTS, &()).await
    }

    /// Sends a test message.
    pub async fn test_alert(&self, test: &AlertTest) -> Result<AlertTested, Error> {
        self.act(path::ALERT_TEST, test).await
    }

    /// All counters.
    pub async fn counters(&self) -> Result<Counters, Error> {
        self.read(path::COUNTERS, &()).await
    }

    /// What whoever helps needs to see, without secrets: a tar.gz file.
    pub async fn support_bundle(&self) -> Result<Bytes, Error> {
        self.file(path::SUPPORT_BUNDLE, &()).await
    }

    /// NICs that the box has.
    pub async fn links(&self) -> Result<Vec<FoundNic>, Error> {
        self.read(path::LINKS, &()).await
    }

    /// The network of the box.
    pub async fn network(&self) -> Result<Network, Error> {
        self.read(path::NETWORK, &()).await
    }

    /// Next hops.
    pub async fn neighbors(&self) -> Result<Vec<Neighbor>, Error> {
        self.read(path::NEIGHBORS, &()).await
    }

    /// Sends echoes to an address.
    pub async fn ping(&self, ping: &Ping) -> Result<Pinged, Error> {
        self.act(path::PING, ping).await
    }

    /// Finds the way to an address.
    pub async fn trace(&self, trace: &Trace) -> Result<Traced, Error> {
        self.act(path::TRACE, trace).await
    }

    /// Looks at a port.
    pub async fn port(&self, probe: &PortProbe) -> Result<CheckAnswer, Error> {
        self.act(path::PORT, probe).await
    }

    /// The kernel's neighbours.
    pub async fn kernel_neighbors(&self) -> Result<Vec<KernelNeighbor>, Error> {
        self.read(path::KERNEL_NEIGHBORS, &()).await
    }

    /// Starts a capture.
    pub async fn capture(&self, request: &CaptureRequest) -> Result<Capture, Error> {
        let response = self.send(Method::POST, path::CAPTURE, json(request)).await?;
        if response.status().is_success() {
            return Ok(Capture { node: self.node(), body: response.into_body() });
        }
        Err(self.refusal(response).await)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, Error> {
        self.answer(Method::GET, &with_query(path, query), Bytes::new()).await
    }

    async fn act<T: DeserializeOwned>(&self, path: &str, request: &impl Serialize) -> Result<T, Error> {
        self.answer(Method::POST, path, json(request)).await
    }

    async fn answer<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, Error> {
        let body = self.bytes(method, path, body).await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(format!("{path}: {error}")))
    }

    async fn file(&self, path: &str, request: &impl Serialize) -> Result<Bytes, Error> {
        self.bytes(Method::POST, path, json(request)).await
    }

    async fn bytes(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Error> {
        let exchange = async {
            let response = self.send(method, path, body).await?;
            if !response.status().is_success() {
                return Err(self.refusal(response).await);
            }
            self.body(response).await
        };
        timeout(RESPONSE_TIMEOUT, exchange).await.map_err(|_| Error::Timeout { node: self.node() })?
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, Error> {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).map_err(|error| self.unexpected(error.to_string()))?;
        self.pass(request).await
    }

    async fn body(&self, response: Response<Incoming>) -> Result<Bytes, Error> {
        let limited = Limited::new(response.into_body(), RESPONSE_BYTES_MAX);
        let collected = limited.collect().await.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(source) => Error::Connection { node: self.node(), source: *source },
            Err(error) if error.is::<LengthLimitError>() => {
                self.unexpected(format!("more than {RESPONSE_BYTES_MAX} bytes"))
            }
            Err(error) => self.unexpected(error.to_string()),
        })?;
        Ok(collected.to_bytes())
    }

    async fn refusal(&self, response: Response<Incoming>) -> Error {
        let status = response.status();
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        let problem =
            serde_json::from_slice(&body).unwrap_or_else(|_| Problem::new(format!("refused with status {status}")));
        Error::Refused { status: status.as_u16(), problem }
    }

    fn unexpected(&self, reason: String) -> Error {
        Error::Answer { node: self.node(), reason }
    }
}

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    node: String,
    body: Incoming,
}

impl Capture {
    /// All of the file, as it comes.
    pub fn into_body(self) -> Incoming {
        self.body
    }

    /// The next bytes of the pcap file; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|source| Error::Connection { node: self.node.clone(), source })?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn json(request: &impl Serialize) -> Bytes {
    serde_json::to_vec(request).expect("requests are structures of text and numbers").into()
}

fn with_query(path: &str, query: &impl Serialize) -> String {
    let query = serde_urlencoded::to_string(query).expect("queries are flat structures of text and numbers");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
