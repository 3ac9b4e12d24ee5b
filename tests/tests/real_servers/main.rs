//! The real servers that health checks are tried against, by themselves: each is asked by the distribution's own client,
//! so that a check which fails later is wrong itself.

use lab::certificates::{Authority, Identity, SERVER_NAME};
use lab::fault_proxy::{DatagramProxy, Fault, FaultProxy, Layer};
use lab::plan::{self, Family};
use lab::process::Daemon;
use lab::servers::{self, Server};
use lab::shape::Shape;
use lab::trials::{self, Needs, test};
use lab::{Lab, LabError, Result, debian};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

mod dialogues;
mod faults;

fn main() -> ExitCode {
    let mut tests: Vec<_> = dialogues::ALL
        .iter()
        .map(|dialogue| test(dialogue.name, move |stand: &mut Stand| dialogue.check(stand)))
        .collect();
    tests.extend([
        test("the proxy does to plain answers what it is told", faults::plain),
        test("the proxy does it inside tls", faults::inside_tls),
        test("the proxy does it behind starttls", faults::behind_starttls),
        test("the proxy does it to datagrams", faults::datagrams),
        test("a server that is stopped leaves nobody", nothing_is_left),
    ]);
    trials::run(Needs::Lab, Stand::build, tests)
}

/// All servers, running.
struct Stand {
    // The programs end before their namespaces go.
    daemons: Vec<(&'static str, Daemon)>,
    lab: Lab,
    tree: PathBuf,
    authority: Authority,
    identity: Identity,
}

/// Where the servers are.
fn address() -> IpAddr {
    plan::server("s1", Family::V4)
}

/// Where proxies stand before them.
fn proxy_address() -> IpAddr {
    plan::server("s2", Family::V4)
}

impl Stand {
    fn build() -> Result<Self> {
        let tree = debian::tree()?;
        let authority = Authority::new()?;
        let identity = authority.valid(SERVER_NAME)?;
        let mut stand = Self { lab: Lab::build(Shape::checks())?, daemons: Vec::new(), tree, authority, identity };
        let all = stand.servers()?;
        for server in &all {
            let daemon = servers::start(&stand.lab, &stand.tree, "s1", server)?;
            stand.daemons.push((server.name, daemon));
        }
        for (server, (_, daemon)) in all.iter().zip(&mut stand.daemons) {
            servers::wait(&stand.lab, "s1", address(), server, daemon)?;
        }
        Ok(stand)
    }

    fn servers(&self) -> Result<Vec<Server>> {
        use servers::*;
        let (at, identity) = (address(), &self.identity);
        let expired = self.authority.expired(SERVER_NAME)?;
        let other_name = self.authority.valid("other.lab.test")?;
        Ok(vec![
            bind::server(at),
            chrony::server(at),
            dovecot::server(at, identity),
            freeradius::server(at),
            inn::server(at),
            kamailio::server(at),
            mariadb::server(at, identity),
            memcached::server(at),
            nginx::server(at, identity, &expired, &other_name),
            postfix::server(at, identity),
            postgresql::server(at, identity),
            redis::open(at),
            redis::closed(at),
            slapd::server(at, identity),
            tinyproxy::server(at),
            vsftpd::server(at, identity),
        ])
    }

    /// What a client says to this command line, in one text; it knows the authority as `/lab/ca.pem`.
    fn ask(&self, line: &[&str]) -> Result<String> {
        let files = [("/lab/ca.pem", self.authority.certificate())];
        let finished = servers::client(&self.lab, &self.tree, "client", &files, line)?;
        Ok(finished.stdout + &finished.stderr)
    }

    fn proxy(&self, port: u16, layer: Layer) -> Result<FaultProxy> {
        let (listen, server) = (SocketAddr::new(proxy_address(), port), SocketAddr::new(address(), port));
        FaultProxy::start(&self.lab.node("s2"), listen, server, layer, (&self.authority, &self.identity))
    }

    fn datagram_proxy(&self, port: u16) -> Result<DatagramProxy> {
        let (listen, server) = (SocketAddr::new(proxy_address(), port), SocketAddr::new(address(), port));
        DatagramProxy::start(&self.lab.node("s2"), listen, server)
    }
}

/// dovecot and its helpers are processes of their own, and all are gone when it is stopped.
fn nothing_is_left(stand: &mut Stand) -> Result<()> {
    let at = stand.daemons.iter().position(|(name, _)| *name == "dovecot").expect("it was started");
    let (_, daemon) = stand.daemons.remove(at);
    drop(daemon);
    let left = stand.lab.node("s1").output("ss", &["-ltnH", "sport", "=", ":143"], lab::command::SHORT)?;
    assert_eq!(left.trim(), "");
    let refused = stand.ask(&["curl", "-sS", "imap://10.2.0.11/"])?;
    assert!(refused.contains("onnection refused"), "{refused}");
    Ok(())
}

/// Fails unless `answer` contains `expected`.
fn contains(answer: &str, expected: &str) -> Result<()> {
    if answer.contains(expected) {
        Ok(())
    } else {
        Err(LabError::Answer(format!("no {expected:?} in: {}", answer.trim())))
    }
}
