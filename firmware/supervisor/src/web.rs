//! The role `web`: opens what takes rights, gives them up, and serves the console.

use api::{Client, ConsoleQuery, ConsoleTerms};
use clap::Args;
use config::{Config, NicRole, Web};
use nix::ifaddrs::getifaddrs;
use nix::unistd::Uid;
use sandbox::Confinement;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use webui::{Console, Identity};

/// Time for core to answer when both are started at once.
const CORE_LIMIT: Duration = Duration::from_secs(60);
const CORE_RETRY: Duration = Duration::from_millis(500);

/// Options of `suimon web`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Taken and not needed: the certificate is core's, which tells it by the socket.
    #[arg(long, value_name = "DIR", hide = true)]
    data: Option<PathBuf>,
    /// Socket of `suimon run`.
    #[arg(long, value_name = "PATH", default_value = api::SOCKET_DEFAULT)]
    socket: PathBuf,
    /// Where to listen, instead of what the configuration says under [web]. May be given several times.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
}

type Failure = Box<dyn Error>;

/// Serves until a signal or a failure.
pub fn run(options: &Options) -> ExitCode {
    match start_and_serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("suimon: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start_and_serve(options: &Options) -> Result<(), Failure> {
    if !Uid::effective().is_root() {
        return Err("suimon web needs root: it gives its rights up once its port and key are open".into());
    }
    // One thread, and built before the confinement: nothing may start a thread or open an event queue of its own later.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A port or NIC of another revision is opened at the next start: later there is no right to. The rest is followed.
    let (document, terms) = runtime.block_on(told(options))?;
    let addresses = match options.listen.is_empty() {
        true => addresses(&document)?,
        false => options.listen.clone(),
    };
    let listeners = webui::listen(&addresses)?;
    let identity = Identity::of(&terms)?;
    let console = Console::new(std::path::absolute(&options.socket)?);
    for shortfall in sandbox::enter(&Confinement::web(Vec::new()))? {
        tracing::warn!("{shortfall}");
    }
    for address in &addresses {
        tracing::info!(%address, fingerprint = %identity.fingerprint, "console");
    }
    serve(&runtime, webui::serve(listeners, identity, console))
}

fn serve(runtime: &Runtime, served: impl Future<Output = std::io::Result<()>>) -> Result<(), Failure> {
    runtime.block_on(async {
        let mut stopped = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        tokio::select! {
            served = served => Ok(served?),
            _ = stopped.recv() => Ok(()),
            _ = interrupted.recv() => Ok(()),
        }
    })
}

/// The configuration in use, and what to serve with: asked of core while this process is still root.
async fn told(options: &Options) -> Result<(Config, ConsoleTerms), Failure> {
    let client = Client::new(&options.socket);
    let asked = async {
        loop {
            match client.export().await {
                Err(api::Error::Connect { .. }) => sleep(CORE_RETRY).await,
                answer => return answer,
            }
        }
    };
    let socket = options.socket.display();
    let export = timeout(CORE_LIMIT, asked)
        .await
        .map_err(|_| format!("{socket}: no suimon run answered within {} s", CORE_LIMIT.as_secs()))??;
    let terms = client.console_terms(&ConsoleQuery::default()).await?;
    Ok((config::parse(&export.toml, "configuration in use")?, terms))
}

/// Addresses of the NICs that the console listens on.
fn addresses(document: &Config) -> Result<Vec<SocketAddr>, Failure> {
    let Web { port, nics, .. } = &document.web;
    let wanted = |name: &str| {
        let role: Option<NicRole> = document.nic(name).map(|nic| nic.role);
        nics.iter().any(|nic| nic == name || role.is_some_and(|role| role.to_string() == *nic))
    };
    let found = getifaddrs().map_err(|error| format!("list the addresses of this box: {error}"))?;
    let addresses: Vec<SocketAddr> = found
        .filter(|of| wanted(&of.interface_name))
        .filter_map(|of| {
            let address = of.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        // A link-local address needs the number of its link beside it, which people do not type.
        .filter(|ip| !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .map(|ip| SocketAddr::new(ip, *port))
        .collect();
    if addresses.is_empty() {
        let nics = nics.join(", ");
        return Err(format!("[web] nics = {nics}: none of them has an address; --listen names one").into());
    }
    Ok(addresses)
}
