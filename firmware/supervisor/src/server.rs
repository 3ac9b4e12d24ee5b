//! The API on core's unix socket: JSON over HTTP, one thread of its own. What concerns the node is asked of the control
//! loop, what concerns flows of the workers; both answer in time or the caller hears that they did not.

mod access;
mod alerts;
mod backup;
mod capture;
mod configuration;
mod console;
mod doctor;
mod dry_run;
mod events;
mod flows;
pub mod gate;
mod graphs;
mod log;
mod metrics;
mod openapi;
mod people;
mod pieces;
mod routes;
mod support;
mod tools;

use crate::run::bell::Bell;
use crate::run::control::{Control, Job};
use crate::run::telling::Teller;
use crate::run::workers::{WorkerHandle, Workers};
use crate::worker::Shared;
use api::{Code, ConsoleTerms, Problem};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::Gate;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;
use store::history::History;
use store::{Store, StoreError};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// Everybody may connect: who may do what is decided per call.
const SOCKET_MODE: u32 = 0o666;
/// Time for the control loop or a worker to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Connections in service get this long to end when the node stops.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody serves it already.
    #[error("another suimon run serves {}", .0.display())]
    InUse(PathBuf),
    /// The system refuses.
    #[error("{act} {}: {source}", path.display())]
    Refused {
        /// What was tried.
        act: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What requests are answered from.
#[derive(Clone)]
pub struct Core {
    jobs: SyncSender<Job>,
    bell: Bell,
    shared: Arc<Shared>,
    workers: Arc<[WorkerHandle]>,
    capturing: Arc<AtomicBool>,
    store: Store,
    history: History,
    gate: Gate,
    teller: Teller,
    console: watch::Receiver<Arc<ConsoleTerms>>,
}

impl Core {
    /// Of a control loop that takes `jobs` at the sound of `bell`.
    pub fn new(
        jobs: SyncSender<Job>,
        bell: Bell,
        workers: &Workers,
        (store, history): (Store, History),
        gate: Gate,
        teller: Teller,
        console: watch::Receiver<Arc<ConsoleTerms>>,
    ) -> Self {
        Self {
            jobs,
            bell,
            shared: Arc::clone(&workers.shared),
            workers: workers.handles.clone().into(),
            capturing: Arc::default(),
            store,
            history,
            gate,
            teller,
            console,
        }
    }

    /// Has the control loop do something, and waits for what comes of it.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Control) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |control| {
            // Whoever asked may have given up.
            let _ = reply.send(question(control));
        });
        self.jobs.try_send(job).map_err(|_| Refused::busy())?;
        self.bell.ring();
        in_time(answer).await
    }
}

impl Core {
    /// Looks something up in a database, which may wait for the disk.
    async fn look_up<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Store, &History) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let (store, history) = (self.store.clone(), self.history.clone());
        match tokio::task::spawn_blocking(move || look(&store, &history)).await {
            Ok(found) => found.map_err(configuration::refused_by_store),
            Err(_) => Err(Refused::busy()),
        }
    }
}

async fn in_time<T>(answer: oneshot::Receiver<T>) -> Result<T, Refused> {
    match timeout(ANSWER_LIMIT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(_) => Err(Refused::busy()),
    }
}

/// Bytes, or a problem.
type Answered = Result<Response, Refused>;

/// A request that is answered with a problem.
struct Refused {
    status: StatusCode,
    problem: Problem,
    /// When it is worth another try.
    retry_after: Option<Duration>,
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::BAD_REQUEST => Code::BadRequest,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::CONFLICT => Code::Conflict,
            StatusCode::SERVICE_UNAVAILABLE => Code::Busy,
            StatusCode::INTERNAL_SERVER_ERROR => Code::Failed,
            _ => Code::Other,
        };
        Self::with(status, Problem::of(code, message, &[]))
    }

    fn with(status: StatusCode, problem: Problem) -> Self {
        Self { status, problem, retry_after: None }
    }

    fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the node is too busy to answer; try again")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 15.5.2 asks for it.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            // Whole seconds (RFC 9110 10.2.3), and not a moment too early.
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs() + 1));
        }
        response
    }
}

/// The thread that serves.
pub struct Server {
    path: PathBuf,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// That nobody serves the socket; a leftover of a crash is none.
pub fn check_unused(path: &Path) -> Result<(), ServerError> {
    match UnixStream::connect(path) {
        Ok(_) => Err(ServerError::InUse(path.to_owned())),
        Err(_) => Ok(()),
    }
}

impl Server {
    /// Serves from now on.
    pub fn start(path: &Path, core: Core) -> Result<Self, ServerError> {
        let refused = |act| move |source| ServerError::Refused { act, path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(refused("make the folder of"))?;
        }
        // Nobody serves it: that was looked at before anything started.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused("replace")(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(refused("bind"))?;
        let mode = std::fs::Permissions::from_mode(SOCKET_MODE);
        std::fs::set_permissions(path, mode).map_err(refused("protect"))?;
        listener.set_nonblocking(true).map_err(refused("prepare"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(refused("serve"))?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(serve(listener, core, stopped)) {
                    tracing::error!(%error, "socket not served");
                }
                runtime.shutdown_timeout(STOP_LIMIT);
            })
            .map_err(refused("serve"))?;
        Ok(Self { path: path.to_owned(), stop, thread })
    }

    /// Ends, and removes the socket.
    pub fn stop(self) {
        // It may have ended already.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the socket's server ended by a panic");
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "socket not removed");
        }
    }
}

async fn serve(listener: UnixListener, core: Core, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let service = routes::router(core).into_make_service_with_connect_info::<access::Peer>();
    tokio::select! {
        served = axum::serve(listener, service).into_future() => served,
        _ = stopped => Ok(()),
    }
}
