//! All real servers at once, running in one namespace, with a client's beside it and one for proxies before them.

use crate::agent::Agent;
use crate::certificates::{Authority, Identity, SERVER_NAME};
use crate::fault_proxy::{DatagramProxy, FaultProxy, Layer};
use crate::plan::{self, Family};
use crate::process::Daemon;
use crate::servers::{self, Server};
use crate::shape::Shape;
use crate::{Lab, Result, debian};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// All servers, running.
pub struct Stand {
    // The programs end before their namespaces go.
    daemons: Vec<(&'static str, Daemon)>,
    _agents: Vec<Agent>,
    /// Where they run: `s1`; proxies before them go to `s2`.
    pub lab: Lab,
    tree: PathBuf,
    /// Who has signed their certificates.
    pub authority: Authority,
    identity: Identity,
}

/// Where the servers are.
pub fn address(family: Family) -> IpAddr {
    plan::server("s1", family)
}

/// Where proxies stand before them.
pub fn proxy_address(family: Family) -> IpAddr {
    plan::server("s2", family)
}

/// Where a proxy listens, and the server behind it.
fn places(family: Family, port: u16) -> (SocketAddr, SocketAddr) {
    (SocketAddr::new(proxy_address(family), port), SocketAddr::new(address(family), port))
}

/// Agents: port, and what each says.
pub const AGENTS: [(u16, &str); 2] = [(9000, "75%\n"), (9001, "down\n")];

impl Stand {
    /// Starts all of them.
    pub fn build() -> Result<Self> {
        let tree = debian::tree()?;
        let authority = Authority::new()?;
        let identity = authority.valid(SERVER_NAME)?;
        let lab = Lab::build(Shape::checks())?;
        let agent = |(port, line)| Agent::start(&lab.node("s1"), SocketAddr::new(address(Family::V4), port), line);
        let _agents = AGENTS.into_iter().map(agent).collect::<Result<_>>()?;
        let mut stand = Self { lab, daemons: Vec::new(), _agents, tree, authority, identity };
        let all = stand.servers()?;
        for server in &all {
            let daemon = servers::start(&stand.lab, &stand.tree, "s1", server)?;
            stand.daemons.push((server.name, daemon));
        }
        for (server, (_, daemon)) in all.iter().zip(&mut stand.daemons) {
            servers::wait(&stand.lab, "s1", address(Family::V4), server, daemon)?;
        }
        Ok(stand)
    }

    fn servers(&self) -> Result<Vec<Server>> {
        use servers::*;
        let (at, v6, identity) = (address(Family::V4), address(Family::V6), &self.identity);
        let expired = self.authority.expired(SERVER_NAME)?;
        let other_name = self.authority.valid("other.lab.test")?;
        Ok(vec![
            bind::server(at, v6),
            chrony::server(at),
            dovecot::server(at, identity),
            freeradius::server(at),
            inn::server(at),
            kamailio::server(at),
            mariadb::server(at, identity),
            memcached::server(at),
            nginx::server([at, v6], identity, &expired, &other_name),
            postfix::server([at, v6], identity),
            postgresql::server(at, identity),
            redis::open(at),
            redis::closed(at),
            slapd::server(at, identity),
            tinyproxy::server(at),
            vsftpd::server(at, identity),
        ])
    }

    /// Stops one; nothing happens if it does not run.
    pub fn stop(&mut self, name: &str) {
        self.daemons.retain(|(of, _)| *of != name);
    }

    /// What a client says to this command line, in one text; it knows the authority as `/lab/ca.pem`.
    pub fn ask(&self, line: &[&str]) -> Result<String> {
        let files = [("/lab/ca.pem", self.authority.certificate())];
        let finished = servers::client(&self.lab, &self.tree, "client", &files, line)?;
        Ok(finished.stdout + &finished.stderr)
    }

    /// A proxy before a TCP port of theirs, with the same port on [`proxy_address`].
    pub fn proxy(&self, family: Family, port: u16, layer: Layer) -> Result<FaultProxy> {
        let (listen, server) = places(family, port);
        FaultProxy::start(&self.lab.node("s2"), listen, server, layer, (&self.authority, &self.identity))
    }

    /// The same before a UDP port.
    pub fn datagram_proxy(&self, family: Family, port: u16) -> Result<DatagramProxy> {
        let (listen, server) = places(family, port);
        DatagramProxy::start(&self.lab.node("s2"), listen, server)
    }
}
