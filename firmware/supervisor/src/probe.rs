//! The role `probe`: asks servers how they are. Core starts it and talks to it through its standard input, a socket.
//! What servers say is parsed here, in a process that may do nothing else.

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use probe::Settings;
use sandbox::Confinement;
use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

/// Descriptors beside those of checks: the socket, the runtime's own, standard output.
const DESCRIPTORS_APART: u64 = 64;
/// Descriptors that one check needs at most: a connection, and both ends of a program's output with a handle on it.
const DESCRIPTORS_PER_CHECK: u64 = 4;

/// Options of `suimon probe`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Checks under way at once.
    #[arg(long, value_name = "N")]
    in_flight_max: usize,
    /// Decides when in its interval each check runs.
    #[arg(long, value_name = "N")]
    seed: u64,
    /// Run programs of this folder, as a user of their own; without it, ask servers.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

/// Runs until core closes the socket.
pub fn run(options: &Options) -> ExitCode {
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "probe ends");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let core = core().map_err(|error| format!("take the socket of core from standard input: {error}"))?;
    allow_descriptors(options.in_flight_max as u64)?;
    probe::prepare()?;
    // Made before the rights are given up, run afterwards. It has no threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let confinement = options.programs.clone().map_or_else(Confinement::probe, Confinement::external);
    for shortfall in sandbox::enter(&confinement)? {
        tracing::warn!("{shortfall}");
    }
    let settings = Settings { in_flight_max: options.in_flight_max, seed: options.seed };
    runtime.block_on(async {
        let (reader, writer) = tokio::net::UnixStream::from_std(core)?.into_split();
        Ok(probe::serve(reader, writer, settings).await?)
    })
}

fn core() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn allow_descriptors(in_flight_max: u64) -> nix::Result<()> {
    let wanted = in_flight_max * DESCRIPTORS_PER_CHECK + DESCRIPTORS_APART;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted))
}
