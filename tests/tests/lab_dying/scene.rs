//! The lab with every method and mode at once: each pair has a VIP of its own, all share the servers.

use lab::backends::Backend;
use lab::configuration::{Method, base};
use lab::error::LabError;
use lab::lab::tool;
use lab::load::{Client, Way};
use lab::plan::{self, Family};
use lab::shape::Shape;
use lab::suimon::Suimon;
use lab::{Lab, Result, programs};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What may become of a dead server's flows.
pub const MODES: [&str; 4] = ["keep", "drop", "reset", "reselect"];
/// Who dies or is drained: one of the near servers, and one behind the tunnels.
pub const VICTIMS: [&str; 2] = ["s1", "t1"];
/// The first of the VIPs.
const VIP: [u8; 4] = [10, 1, 0, 150];
/// The UDP echo's port.
const ECHO: u16 = 7;

/// A method and a mode.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub method: Method,
    pub mode: &'static str,
    pub vip: IpAddr,
}

impl Cell {
    pub fn all() -> Vec<Self> {
        let pairs = Method::ALL.iter().flat_map(|method| MODES.map(|mode| (*method, mode)));
        let cell = |(at, (method, mode)): (usize, (Method, &'static str))| {
            let vip = Ipv4Addr::from(u32::from(Ipv4Addr::from(VIP)) + at as u32).into();
            Self { method, mode, vip }
        };
        pairs.enumerate().map(cell).collect()
    }

    /// Its victim.
    pub fn victim(&self) -> &'static str {
        VICTIMS[usize::from(self.method.is_tunnel())]
    }

    /// Its services: name, protocol, port.
    pub fn services(&self) -> [(String, &'static str, u16); 3] {
        let name = |kind: &str| format!("{}-{}-{kind}", self.method.name(), self.mode);
        [(name("anew"), "tcp", 8080), (name("kept"), "tcp", 80), (name("echo"), "udp", ECHO)]
    }

    /// A client of one of its services.
    pub fn client(&self, way: Way, number: usize) -> Client {
        let sources = plan::clients(Family::V4);
        let (port, pause_ms, patience_ms) = match way {
            Way::Anew => (8080, 80, 3_000),
            Way::Kept => (80, 150, 1_000),
            Way::Datagrams => (ECHO, 150, 500),
        };
        Client {
            way,
            source: sources[number % sources.len()],
            target: SocketAddr::new(self.vip, port),
            pause: Duration::from_millis(pause_ms),
            patience: Duration::from_millis(patience_ms),
            renew: 0,
        }
    }
}

/// The lab with its servers.
pub struct Scene {
    pub lab: Lab,
    shared: PathBuf,
}

impl Scene {
    pub fn build() -> Result<Self> {
        let mut lab = Lab::build(Shape::full())?;
        let shared = programs::shared_files(&lab)?;
        for node in plan::SERVERS.into_iter().chain(plan::TUNNEL_SERVERS).chain(["client"]) {
            // Linux 6.15: silence does not double for minutes. Older kernels only take longer to come back.
            let _ = lab.node(node).sysctl(&["ipv4/tcp_rto_max_ms=1000"]);
            // At one a second the usual fifteen would be over before the longest silence here is.
            lab.node(node).sysctl(&["ipv4/tcp_retries2=60"])?;
        }
        for server in plan::TUNNEL_SERVERS {
            programs::decap(&mut lab, server)?;
        }
        let mut scene = Self { lab, shared };
        for server in plan::SERVERS.into_iter().chain(plan::TUNNEL_SERVERS) {
            let vips: String = Cell::all().iter().map(|cell| format!("address add {}/32 dev lo\n", cell.vip)).collect();
            scene.lab.node(server).ip(&vips)?;
            if !server.starts_with('t') {
                scene.lab.node(server).ip("rule add from 10.1.0.0/16 lookup 100\n")?;
            }
            scene.point(server)?;
            scene.serve(server)?;
        }
        Ok(scene)
    }

    /// Answers from a VIP pass the balancer by, all others go through it.
    pub fn point(&self, server: &str) -> Result<()> {
        let routes = if server.starts_with('t') {
            "route replace default via 10.5.0.254\n"
        } else {
            "route replace default via 10.2.0.1\nroute replace default via 10.2.0.254 table 100\n"
        };
        self.lab.node(server).ip(routes)
    }

    /// Starts a server's programs.
    pub fn serve(&mut self, server: &str) -> Result<()> {
        programs::nginx(&mut self.lab, server, server, 1, &self.shared)?;
        let mut echo = Command::new(tool("echo")?);
        let own = plan::server(server, Family::V4);
        for address in Cell::all().iter().map(|cell| cell.vip).chain([own]) {
            echo.arg(SocketAddr::new(address, ECHO).to_string());
        }
        self.lab.start(server, "echo", &mut echo).map(drop)
    }

    /// Starts the balancer with the services of `cells`, each with `more` keys, and waits until all servers are up.
    pub fn balance(&self, cells: &[Cell], more: &str) -> Result<Suimon> {
        let balancer = Suimon::start(&self.lab, "a", &document(cells, more))?;
        balancer.wait_for("all servers are up", |backends| backends.iter().all(|backend| backend.healthy))?;
        Ok(balancer)
    }
}

/// One worker: its round robin gives each server the same number of the few kept connections.
fn document(cells: &[Cell], more: &str) -> String {
    let mut text = base(1);
    for cell in cells {
        for (name, protocol, port) in cell.services() {
            let (vip, method, mode) = (cell.vip, cell.method.name(), cell.mode);
            let _ = write!(
                text,
                "\n[[service]]\nname = \"{name}\"\nvip = \"{vip}\"\nprotocol = \"{protocol}\"\nports = \"{port}\"\n\
                 method = \"{method}\"\non_backend_down = \"{mode}\"\n{more}\n\
                 [[service.check]]\nname = \"up\"\nkind = \"connect\"\nport = 80\ninterval_ms = 500\n\
                 timeout_ms = 500\nrise = 2\nfall = 2\n"
            );
            for server in cell.method.servers() {
                let address = plan::server(server, Family::V4);
                let _ = write!(text, "\n[[service.backend]]\nname = \"{server}\"\naddress = \"{address}\"\n");
            }
        }
    }
    text
}

pub fn is_victim(backend: &Backend) -> bool {
    VICTIMS.contains(&backend.name.as_str())
}

/// Flows that were ever made for the victims, by service.
pub fn made_for_victims(balancer: &Suimon) -> Result<Vec<(String, u64)>> {
    let victims = balancer.backends()?.into_iter().filter(is_victim);
    Ok(victims.map(|backend| (backend.service, backend.made)).collect())
}

pub fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}
