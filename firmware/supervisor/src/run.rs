//! The role `run`: phases of the start, the loop, the stop.

mod actions;
pub mod alarms;
pub mod bell;
pub mod console;
pub mod control;
mod data;
mod documents;
mod earlier;
mod endings;
pub mod graphs;
pub mod happenings;
mod kernel;
mod local;
mod meters;
mod notes;
pub mod probing;
mod restore;
pub mod revisions;
mod shield;
pub mod telling;
pub mod view;
mod wishes;
pub mod workers;

use crate::logging;
use crate::server::gate::{FirstPassword, Gate};
use crate::server::{self, Core, Server};
use ::config::Config;
use ::control::{Action, Event, Node, Settings};
use arc_swap::ArcSwap;
use bell::Bell;
use clap::Args;
use console::Console;
use control::{Control, Dues, Ending, Inlets, Job};
use data::DataDir;
use documents::{Beginning, DocumentError};
use drivers::netlink::{Netlink, Resolution, Watch};
use drivers::{clock, residue};
use endings::Endings;
use local::LocalPair;
use meters::Meters;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Uid;
use probing::{Probing, Roads};
use shield::Claiming;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use store::Store;
use store::history::History;
use telling::{Teller, Telling};
use workers::{Start, Workers};

/// Requests that wait for the control loop at most.
const JOBS_MAX: usize = 256;
/// Next hops get this long to answer before the node says that it is ready.
const READY_LIMIT: Duration = Duration::from_secs(1);
/// Where a node keeps what it knows, when nobody says where.
pub const DATA_DEFAULT: &str = "/var/lib/suimon";

/// Options of `suimon run`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Directory for what is kept over a restart.
    #[arg(long, value_name = "DIR", default_value = DATA_DEFAULT)]
    data: PathBuf,
    /// Configuration file: imported when it differs from the one imported last; read again at SIGHUP.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Socket for `suimon ctl`.
    #[arg(long, value_name = "PATH", default_value = api::SOCKET_DEFAULT)]
    socket: PathBuf,
    /// Name this node, once and for all: which of the values that differ between nodes are its own.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Stay in the foreground. It always does; init systems like to say so.
    #[arg(long)]
    foreground: bool,
    /// Remove what a crash left in the kernel, and exit.
    #[arg(long)]
    clean: bool,
}

type Failure = Box<dyn Error>;

/// Runs until a signal or a failure.
pub fn run(options: &Options) -> ExitCode {
    let result = if options.clean { clean(options) } else { start_and_run(options) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.to_string().lines() {
                eprintln!("suimon: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start_and_run(options: &Options) -> Result<(), Failure> {
    require_root()?;
    // Before any thread: they inherit it, and the signals come to the loop only.
    let signals = take_signals()?;
    let data = DataDir::open(&options.data)?;
    let _lock = lock(options)?;
    let history = History::open(data.path())?;
    logging::keep_in(history.clone());
    let ended = serve(options, signals, data, &history);
    // Else the lines of the last seconds would be missing.
    history.flush();
    ended
}

fn serve(options: &Options, signals: SignalFd, data: DataDir, history: &History) -> Result<(), Failure> {
    let (store, beginning) = open_store(options, &data).map_err(as_failure)?;
    let name = data.node_name(options.node.as_deref())?;
    server::check_unused(&options.socket)?;
    let mut node = Prepared::new(options, signals, data, name, (store, history.clone()), beginning)?.start()?;
    node.control.settle();
    let server = Server::start(&options.socket, node.core.clone());
    let ending = match &server {
        Ok(_) => {
            tracing::info!(revision = node.control.in_use.revision, socket = %options.socket.display(), "ready");
            node.control.tell_started();
            node.control.run()
        }
        Err(_) => Ending::Asked,
    };
    let ended = match ending {
        Ending::Asked => {
            let served = server.map(Server::stop);
            node.control.stop();
            Ok(served?)
        }
        // What keeps the kernel from answering clients stays: whoever started this process starts it again.
        Ending::Failed(reason) => Err(reason.into()),
    };
    node.telling.stop();
    ended
}

fn require_root() -> Result<(), Failure> {
    if Uid::effective().is_root() {
        return Ok(());
    }
    Err("suimon run needs root: it opens packet sockets and changes addresses, routes and filters".into())
}

fn take_signals() -> Result<SignalFd, Failure> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block().map_err(|error| format!("block signals: {error}"))?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    Ok(SignalFd::with_flags(&set, flags).map_err(|error| format!("take signals: {error}"))?)
}

// Two nodes with one data directory would write over each other.
fn lock(options: &Options) -> Result<Flock<File>, Failure> {
    let path = options.data.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| format!("open {}: {error}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| format!("another suimon run uses {}", options.data.display()).into())
}

fn open_store(options: &Options, data: &DataDir) -> Result<(Store, Beginning), DocumentError> {
    let store = Store::open(data.path())?;
    data.settle(&store)?;
    earlier::take_over(data, &store, clock::unix_s())?;
    let begin = || documents::at_start(&store, options.config.as_deref(), clock::unix_s());
    let mut beginning = begin()?;
    if beginning.returns() && store.restore_waits()? {
        // The node's name and key, its users and wishes return as well, and all of them are read before the rest.
        beginning.keep(&store, clock::now(), clock::unix_s())?;
        data.settle(&store)?;
        beginning = begin()?;
    }
    Ok((store, beginning))
}

fn open_gate(
    store: &Store,
    login_rules: &Arc<ArcSwap<config::Api>>,
    secret: [u8; 32],
    name: &str,
    teller: Teller,
) -> Result<Gate, Failure> {
    let (gate, first) = Gate::open(store.clone(), Arc::clone(login_rules), secret, name, teller)?;
    if let Some(FirstPassword(password)) = first {
        // On the console and nowhere else: it is in no log, and good for one log-in.
        println!("First log-in: user {}, password {password}", manage::users::FIRST_USER);
    }
    Ok(gate)
}

fn as_failure(error: DocumentError) -> Failure {
    match error {
        DocumentError::Document(errors) => errors.to_string().into(),
        other => other.into(),
    }
}

/// Everything that a node starts with, before anything in the kernel was touched.
struct Prepared {
    node: Node,
    netlink: Netlink,
    data: DataDir,
    store: Store,
    history: History,
    beginning: Beginning,
    seed: u64,
    secret: [u8; 32],
    inlets_of: (Watch, SignalFd, Bell),
    config_file: Option<PathBuf>,
    cores: Vec<Option<usize>>,
}

/// By which people may reach the box. Those of the document are on no NIC yet.
fn addresses(node: &Node, config: &Config) -> BTreeSet<IpAddr> {
    let configured = config.nics.iter().flat_map(|nic| nic.addresses_on(node.name())).map(|own| own.address);
    configured.chain(node.kernel().addresses.iter().map(|on| on.address.into())).collect()
}

/// A node that runs.
struct Running {
    telling: Telling,
    control: Control,
    core: Core,
}

impl Prepared {
    fn new(
        options: &Options,
        signals: SignalFd,
        data: DataDir,
        name: String,
        (store, history): (Store, History),
        beginning: Beginning,
    ) -> Result<Self, Failure> {
        // Watch first and read afterwards: then nothing falls between the two.
        let watch = Watch::open()?;
        let mut netlink = Netlink::open()?;
        let cores = workers::plan(beginning.config.engine.workers)?;
        let node = Node::new(Settings {
            name,
            workers: cores.len() as u8,
            key: data.key()?,
            wishes: wishes::restored(store.wishes()?, clock::now(), clock::unix_s()),
            // Without it servers are down until their first pass; that is no reason not to start.
            health: data.health(clock::now()).unwrap_or_else(|error| {
                tracing::warn!(%error, "health of backends not restored");
                Default::default()
            }),
            made: kernel::made_before(&mut netlink)?,
        });
        let config_file = options.config.clone();
        let inlets_of = (watch, signals, Bell::new()?);
        let (seed, secret) = (data.random()?, data.secret()?);
        Ok(Self { node, netlink, data, store, history, beginning, seed, secret, inlets_of, config_file, cores })
    }

    // Checked, kept, and only then acted on. The claim before the tables' first use, workers before the first NIC, NICs by
    // the node's own wish.
    fn start(mut self) -> Result<Running, Failure> {
        let mut ignored = Vec::new();
        self.node.handle(clock::now(), Event::Kernel(kernel::read(&mut self.netlink)?), &mut ignored);
        let config = Arc::new(self.beginning.config.clone());
        self.node.check(&config)?;
        let in_use = self.beginning.keep(&self.store, clock::now(), clock::unix_s())?;
        let claiming = Claiming::load(&mut self.netlink, config.engine.shield)?;
        let local = LocalPair::adopt(&mut self.netlink)?;
        Roads::forget_earlier(&mut self.netlink)?;
        let mut actions = Vec::new();
        self.node.handle(clock::now(), Event::ConfigCommitted(Arc::clone(&config)), &mut actions);
        let (watch, signals, bell) = self.inlets_of;
        let flow_claims = self.cores.iter().map(|_| claiming.flow_claims()).collect::<Result<_, _>>()?;
        let (workers, notices) = Workers::start(Start {
            cores: self.cores,
            tables: Arc::clone(self.node.tables()),
            spin_us: config.engine.spin_us,
            seed: self.seed,
            flow_claims,
            bell: bell.clone(),
        })?;
        let (jobs, taken): (_, Receiver<Job>) = sync_channel(JOBS_MAX);
        let login_rules = Arc::new(ArcSwap::from_pointee(config.api.clone()));
        let (teller, to_tell) = telling::queues();
        logging::send_to(teller.clone());
        teller.set(&config);
        let telling = Telling::start(self.node.name().to_owned(), self.data.path().to_owned(), to_tell)?;
        let gate = open_gate(&self.store, &login_rules, self.secret, self.node.name(), teller.clone())?;
        let people_stale = gate.stale();
        let console = Console::open(&self.data, addresses(&self.node, &config), &config.web)?;
        let stores = (self.store.clone(), self.history.clone());
        let core = Core::new(jobs, bell.clone(), &workers, stores, gate, teller.clone(), console.terms());
        let mut control = Control {
            node: self.node,
            netlink: self.netlink,
            claiming,
            workers,
            local,
            data: self.data,
            store: self.store,
            in_use,
            meters: Meters::default(),
            probing: Probing::new(bell.clone(), self.seed, config.probe.clone()),
            arp: Default::default(),
            joined: Default::default(),
            follow_up: Default::default(),
            neighbors_stale: false,
            neighbor_limits: Default::default(),
            login_rules,
            people_stale,
            teller,
            endings: Endings::default(),
            console,
            history: self.history,
            history_told: Default::default(),
            graphs: Default::default(),
            started: clock::now(),
            started_with: config.engine.clone(),
            config_file: self.config_file,
            inlets: Inlets { watch, bell, notices, jobs: taken, signals },
            due: Dues::default(),
            started_badly: None,
        };
        control.begin(actions);
        Ok(Running { telling, control, core })
    }
}

impl Control {
    /// Carries out what the first configuration asks for, and says what it does not do.
    fn begin(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.carry_out(action);
        }
        self.forget_strangers();
        self.read_neighbor_limits();
        for note in self.notes() {
            tracing::warn!("{note}");
        }
    }

    /// Waits until every next hop has answered, or long enough.
    fn settle(&mut self) {
        let limit = clock::now() + READY_LIMIT;
        self.handle(Event::Tick);
        while clock::now() < limit && self.node.neighbors().unresolved().next().is_some() {
            if let Some(ending) = self.step(Some(limit)) {
                self.started_badly = Some(ending);
                return;
            }
        }
    }

    /// Takes back what an earlier run left and this one does not use.
    fn forget_strangers(&mut self) {
        let used = self.arp.values().map(|socket| socket.index()).collect();
        self.claiming.detach_strangers(&mut self.netlink, &self.node.kernel().clone(), &used);
        let Ok(neighbors) = self.netlink.neighbors() else { return };
        let resolved = |one: &drivers::netlink::Neighbor| one.ours && one.resolution != Resolution::Permanent;
        for neighbor in neighbors.into_iter().filter(resolved) {
            let nic = self.node.nics().on_link(neighbor.index);
            if nic.is_none_or(|nic| !self.node.neighbors().knows((nic, neighbor.address))) {
                // Gone already is as good.
                let _ = self.netlink.remove_neighbor(neighbor.index, neighbor.address);
            }
        }
    }

    /// Takes back everything; the kernel is left as it was found.
    fn stop(&mut self) {
        let mut actions = Vec::new();
        self.node.stop(&mut actions);
        for action in actions {
            self.carry_out(action);
        }
        let links = self.node.kernel().clone();
        self.claiming.detach_strangers(&mut self.netlink, &links, &Default::default());
        self.claiming.stop(&mut self.netlink);
        self.workers.stop();
        self.probing.end_all();
        tracing::info!("stopped");
    }
}

fn clean(options: &Options) -> Result<(), Failure> {
    require_root()?;
    server::check_unused(&options.socket)?;
    let residue = residue::clean()?;
    for line in &residue.removed {
        println!("removed {line}");
    }
    if std::fs::remove_file(&options.socket).is_ok() {
        println!("removed socket {}", options.socket.display());
    }
    let failed: Vec<String> = residue.failed.iter().map(ToString::to_string).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}
