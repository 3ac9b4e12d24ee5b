//! `suimon ctl`: the command line of a running node, over its unix socket or from another machine.
//!
//! Exit status: 0 done; 1 refused or failed, with one line on stderr; 2 usage.

mod answers;
mod backup;
mod capture;
mod configuration;
mod doctor;
mod health;
mod history;
mod import;
mod listing;
mod log;
mod operand;
mod people;
mod remote;
mod status;
mod support;
mod table;
mod tools;
mod words;

use api::{BackendQuery, Client, Error, FlowQuery, Kill, Problem, Question, StateChange, Then};
use clap::{Args, Subcommand, ValueEnum};
use config::BackendState;
use operand::{BackendName, Endpoint, duration_s};
use remote::Remote;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Columns of the terminal that tables are made for: a serial console has no more.
const TERMINAL_WIDTH: usize = 80;
/// Exit status for a command that makes no sense, as clap has it.
const USAGE: u8 = 2;
/// Nobody but its owner reads a file that the node gave.
const FILE_MODE: u32 = 0o600;

/// Ask or tell a running node.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The node's socket.
    #[arg(long, global = true, value_name = "PATH", default_value = api::SOCKET_DEFAULT)]
    socket: PathBuf,
    /// Call as the owner of the token in this file, and not as the caller on this box; - is standard input.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
    /// Answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// The node at a glance: configuration, flows, NICs, workers, dropped packets.
    Status,
    /// Services and what goes through them.
    Services,
    /// Backends, their state and load.
    Backends {
        /// Those of this service only.
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// One of them, with what its checks met: SERVICE/BACKEND.
        #[arg(value_name = "BACKEND", conflicts_with = "service")]
        backend: Option<BackendName>,
    },
    /// Flows that are known now.
    Flows {
        /// Those of this service only.
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// Those of this client only.
        #[arg(long, value_name = "IP")]
        client: Option<IpAddr>,
        /// At most this many.
        #[arg(long, value_name = "N", default_value_t = api::FLOWS_LISTED_DEFAULT,
              value_parser = clap::value_parser!(u32).range(1..=i64::from(api::FLOWS_LISTED_MAX)))]
        limit: u32,
    },
    /// End a flow, or all flows of a client.
    Kill {
        /// The flow, as `flows` lists it.
        #[arg(required_unless_present = "client", conflicts_with = "client")]
        flow: Option<String>,
        /// All flows of this client.
        #[arg(long, value_name = "IP")]
        client: Option<IpAddr>,
    },
    /// Say why a client's packet goes where it goes, or why it is dropped.
    Explain {
        /// The client, as in 192.0.2.1:40000 or [2001:db8::1]:40000.
        #[arg(value_name = "CLIENT:PORT")]
        client: SocketAddr,
        /// What it asks for, as in 10.1.0.100:80/tcp.
        #[arg(value_name = "VIP:PORT/tcp")]
        vip: Endpoint,
    },
    /// No new flows for a backend; those it has go on.
    Drain {
        /// The backend.
        #[arg(value_name = "SERVICE/BACKEND")]
        backend: BackendName,
        /// How long its flows may go on, as in 60s, 5m or 1h.
        #[arg(long, value_name = "TIME", value_parser = duration_s)]
        deadline: Option<u64>,
        /// What becomes of those left at the deadline.
        #[arg(long, value_enum, default_value_t, requires = "deadline")]
        then: AtDeadline,
    },
    /// New flows for a backend again.
    Online {
        /// The backend.
        #[arg(value_name = "SERVICE/BACKEND")]
        backend: BackendName,
    },
    /// No flows for a backend, as if it were down.
    Disable {
        /// The backend.
        #[arg(value_name = "SERVICE/BACKEND")]
        backend: BackendName,
    },
    /// Put a configuration in use.
    Apply(configuration::Apply),
    /// Ask every server as a configuration would, and change nothing.
    Try {
        /// The TOML file; - is standard input.
        file: PathBuf,
    },
    /// Look at servers that have the VIP themselves: whether they lack it, or answer ARP for it.
    Doctor,
    /// Keep the configuration that waits for confirmation.
    Confirm,
    /// Show what a configuration would change, or what changed from one revision to another.
    Diff(configuration::Difference),
    /// List who changed the configuration when, or show one revision.
    History(configuration::History),
    /// Put an earlier revision in use again, as a new revision.
    Rollback(configuration::Rollback),
    /// Print the configuration in use, or an earlier one.
    Export {
        /// The revision; the one in use if left out.
        revision: Option<u64>,
    },
    /// Write all that the node is into one encrypted file.
    Backup(backup::Backup),
    /// Put a backup in use, on this box or on another one.
    Restore(backup::Restore),
    /// Write what whoever helps needs to see into one file, without secrets.
    SupportBundle(support::Request),
    /// Show what the program logged.
    Log(log::Request),
    /// Print another program's configuration as one of this, and what could not be carried over. Applies nothing.
    Import(import::Request),
    /// Who may log in.
    #[command(subcommand)]
    Users(people::Users),
    /// Tokens for programs.
    #[command(subcommand)]
    Token(people::Tokens),
    /// What was done by whom.
    Audit(people::Audit),
    /// Give a user another password, which is made up and shown.
    ResetPassword(people::ResetPassword),
    /// Send echoes to an address.
    Ping(tools::Ping),
    /// Find the way to an address.
    Trace(tools::Trace),
    /// Connect to a TCP port of an address.
    Port(tools::Port),
    /// The kernel's table of neighbours: ARP and neighbour discovery.
    Neighbors,
    /// Record packets of a NIC.
    Capture(capture::Request),
}

/// What becomes of flows left at a deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum AtDeadline {
    /// They go on.
    #[default]
    Keep,
    /// They are reset.
    Reset,
}

/// Why a command failed: one line for stderr.
#[derive(Debug)]
enum Failure {
    /// The node refused, or cannot be reached.
    Api(Error),
    /// A configuration of another program that cannot be read.
    Import(Box<config::Error>),
    /// A file of the caller.
    File { act: &'static str, path: PathBuf, source: io::Error },
    /// The audit log is not what was written.
    Broken(String),
    /// Options that do not go together.
    Usage(&'static str),
    /// Standard output is gone or full.
    Output(io::Error),
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Api(error) => error.fmt(f),
            Self::Import(error) => error.fmt(f),
            Self::File { act, path, source } => write!(f, "{act} {}: {source}", path.display()),
            Self::Broken(broken) => write!(f, "{broken}"),
            Self::Usage(why) => write!(f, "{why}"),
            Self::Output(source) => write!(f, "write to standard output: {source}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

/// Carries out one command.
pub fn run(arguments: Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("suimon: start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let json = arguments.json;
    match runtime.block_on(act(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has seen enough, as `head` does.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            if let Failure::Api(Error::Refused { problem, .. }) = &failure {
                // stderr gets one line in any case; without standard output the rest has nowhere to go.
                let _ = write(&refusal(problem, json));
            }
            eprintln!("suimon: {}", failure.to_string().replace('\n', " "));
            if matches!(failure, Failure::Usage(_)) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

async fn act(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { socket, token_file, remote, json, act } = arguments;
    // For `grep` and `awk`, a row is a line.
    let width = if io::stdout().is_terminal() { TERMINAL_WIDTH } else { usize::MAX };
    let mut client = remote.client(token_file.is_some())?.unwrap_or_else(|| Client::new(socket));
    if let Some(file) = token_file {
        client = client.with_secret(secret_of(&file)?);
    }
    match act {
        Act::Status => say(json, &client.status().await?, |status| status::text(status, width)),
        Act::Services => say(json, &client.services().await?, |services| listing::services(services, width)),
        Act::Backends { backend: Some(BackendName { service, backend }), .. } => {
            let name = api::BackendName { service, backend };
            say(json, &client.backend_detail(&name).await?, |detail| health::detail(detail, width))
        }
        Act::Backends { service, .. } => {
            let backends = client.backends(&BackendQuery { service, ..BackendQuery::default() }).await?;
            say(json, &backends, |backends| listing::backends(backends, width))
        }
        Act::Flows { service, client: of, limit } => {
            let query = FlowQuery { service, client: of, limit: Some(limit), ..FlowQuery::default() };
            say(json, &client.flows(&query).await?, |flows| listing::flows(flows, width))
        }
        Act::Kill { flow, client: of } => {
            // Arguments have one or the other; the flow wins if that ever changes.
            let Some(kill) = flow.map(Kill::Flow).or(of.map(Kill::Client)) else { return Ok(()) };
            say(json, &client.kill(&kill).await?, answers::killed)
        }
        Act::Explain { client: from, vip } => {
            let question = Question { client: from, vip: vip.address, protocol: vip.protocol };
            say(json, &client.explain(&question).await?, |explanation| {
                answers::explanation(explanation, TERMINAL_WIDTH)
            })
        }
        Act::Drain { backend, deadline, then } => {
            let then = if then == AtDeadline::Reset { Then::Reset } else { Then::Keep };
            change(&client, json, backend, BackendState::Drain, deadline, then).await
        }
        Act::Online { backend } => change(&client, json, backend, BackendState::Online, None, Then::Keep).await,
        Act::Disable { backend } => change(&client, json, backend, BackendState::Disabled, None, Then::Keep).await,
        Act::Apply(apply) => configuration::apply(&client, json, apply).await,
        Act::Try { file } => configuration::try_out(&client, json, &file).await,
        Act::Doctor => say(json, &client.doctor().await?, doctor::diagnosis),
        Act::Confirm => say(json, &client.confirm().await?, answers::confirmed),
        Act::Diff(difference) => configuration::diff(&client, json, difference).await,
        Act::History(history) => configuration::history(&client, json, history, width).await,
        Act::Rollback(rollback) => configuration::roll_back(&client, json, rollback).await,
        Act::Export { revision: None } => say(json, &client.export().await?, |export| export.toml.clone()),
        Act::Export { revision: Some(number) } => {
            say(json, &client.revision(number).await?, |revision| revision.toml.clone())
        }
        Act::Backup(backup) => backup::make(&client, json, backup).await,
        Act::Restore(restore) => backup::restore(&client, json, restore).await,
        Act::SupportBundle(request) => support::run(&client, json, request).await,
        Act::Log(request) => log::run(&client, json, request).await,
        Act::Import(request) => import::run(json, &request),
        Act::Users(act) => people::users(&client, json, act, width).await,
        Act::Token(act) => people::tokens(&client, json, act, width).await,
        Act::Audit(asked) => people::audit(&client, json, asked, width).await,
        Act::ResetPassword(reset) => people::reset_password(&client, json, reset).await,
        Act::Ping(ping) => tools::ping(&client, json, ping).await,
        Act::Trace(trace) => tools::trace(&client, json, trace).await,
        Act::Port(port) => tools::port(&client, json, port).await,
        Act::Neighbors => say(json, &client.kernel_neighbors().await?, |known| tools::neighbors(known, width)),
        Act::Capture(request) => capture::run(&client, json, request).await,
    }
}

/// The one line of a file; - is standard input.
fn secret_of(file: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File { act: "read", path: file.to_owned(), source };
    let text = if file == Path::new("-") { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(file) };
    Ok(text.map_err(failed)?.trim_end_matches(['\n', '\r']).to_owned())
}

async fn change(
    client: &Client,
    json: bool,
    BackendName { service, backend }: BackendName,
    state: BackendState,
    deadline_s: Option<u64>,
    then: Then,
) -> Result<(), Failure> {
    let change = StateChange { service, backend, state, deadline_s, then };
    say(json, &client.change_state(&change).await?, answers::state_changed)
}

/// What standard output gets when a request was refused: JSON if asked for, or all errors of a document when there
/// are more than fit the one line on stderr.
fn refusal(problem: &Problem, json: bool) -> String {
    if json {
        return as_json(problem);
    }
    match &problem.errors {
        Some(errors) if errors.errors.len() > 1 => format!("{errors}\n"),
        _ => String::new(),
    }
}

fn say<T: Serialize>(json: bool, answer: &T, text: impl Fn(&T) -> String) -> Result<(), Failure> {
    write(&if json { as_json(answer) } else { text(answer) }).map_err(Failure::Output)
}

fn as_json(answer: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(answer).expect("answers are structures of text and numbers");
    text.push('\n');
    text
}

/// A new file that nobody but its owner reads.
fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let failed = |source| Failure::File { act: "write", path: path.to_owned(), source };
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create_new(true).mode(FILE_MODE).open(path).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests;
