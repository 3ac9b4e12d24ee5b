//! Who takes part, and the stage each is given: a client, the contender's namespace, the servers.

use super::Measure;
use crate::command::{SHORT, words};
use crate::error::{Act, LabError, Result};
use crate::lab::Lab;
use crate::plan::{self, Family};
use crate::process::{Daemon, Usage};
use crate::shape::Shape;
use crate::suimon::Suimon;
use crate::{command, programs};
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// Ports of the three services.
pub const WEB_PORT: u16 = 80;
/// iperf3's.
pub const STREAM_PORT: u16 = 5201;
/// The UDP sink's.
pub const SINK_PORT: u16 = 9;

/// Somebody who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// The kernel routes; nobody balances.
    Plain,
    /// Destination NAT by nftables, round robin.
    Nftables,
    /// HAProxy, mode tcp.
    Haproxy,
    /// nginx, stream.
    Nginx,
    /// The balancer under test.
    Suimon,
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Nftables, Self::Haproxy, Self::Nginx, Self::Suimon];

    /// In reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Nftables => "nftables",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Suimon => "suimon",
        }
    }

    /// Whether it can take part in `measure`: HAProxy knows no UDP.
    pub fn takes(self, measure: Measure) -> bool {
        self != Self::Haproxy || !measure.is_udp()
    }
}

/// What runs in the contender's namespace.
#[derive(Debug)]
enum Running {
    InKernel,
    Program(Daemon),
    Suimon(Suimon),
}

/// A lab with one contender at work. Fields end in this order: programs before the lab that they run in.
#[derive(Debug)]
pub struct Stage {
    /// Who is at work.
    pub contender: Contender,
    running: Running,
    /// Never read: packets are counted as they arrive, and the sink's own CPU time is nobody's.
    _sink: UdpSocket,
    /// Where.
    pub lab: Lab,
}

impl Stage {
    /// Builds the lab, starts the servers and the contender, and waits until it answers.
    pub fn build(contender: Contender) -> Result<Self> {
        let mut lab = Lab::build(Shape::bench())?;
        let shared = programs::shared_files(&lab)?;
        programs::nginx(&mut lab, "servers", "servers", 2, &shared)?;
        lab.start("servers", "iperf3", &mut words("iperf3", ["-s"]))?;
        programs::wait_for_port(&mut lab, "servers", IpAddr::from([127, 0, 0, 1]), STREAM_PORT)?;
        let sink =
            lab.node("servers").enter(|| UdpSocket::bind(("0.0.0.0", SINK_PORT)))?.act(|| "bind the sink".into())?;
        let running = start(contender, &lab)?;
        let stage = Self { contender, running, _sink: sink, lab };
        match (stage.wait_until_it_answers(), stage.said()) {
            (Err(error), Some(said)) => Err(LabError::Answer(format!("{error}; it said: {}", said.trim_end()))),
            (result, _) => result.map(|()| stage),
        }
    }

    fn wait_until_it_answers(&self) -> Result<()> {
        let client = self.lab.node("client");
        for address in self.addresses() {
            for port in [WEB_PORT, STREAM_PORT] {
                let target = SocketAddr::new(address, port);
                let connect = || TcpStream::connect_timeout(&target, Duration::from_millis(200)).is_ok();
                let act = format!("{} answers at {target}", self.contender.name());
                command::wait_until(&act, SHORT, || client.enter(connect).unwrap_or(false))?;
            }
        }
        Ok(())
    }

    fn said(&self) -> Option<String> {
        match &self.running {
            Running::InKernel => None,
            Running::Program(daemon) => Some(daemon.said()),
            Running::Suimon(suimon) => Some(suimon.daemon().said()),
        }
    }

    /// Addresses that clients talk to: VIPs, or without a balancer the servers'.
    pub fn addresses(&self) -> Vec<IpAddr> {
        match self.contender {
            Contender::Plain => servers(),
            _ => vips(),
        }
    }

    /// What the contender's own processes use; `None`: it is the kernel.
    pub fn usage(&self) -> Option<Usage> {
        match &self.running {
            Running::InKernel => None,
            Running::Program(daemon) => Some(daemon.usage()),
            Running::Suimon(suimon) => Some(suimon.daemon().usage()),
        }
    }

    /// Frames that the engine has seen, for the balancer under test.
    pub fn engine_frames(&self) -> Option<Result<u64>> {
        match &self.running {
            Running::Suimon(suimon) => Some(suimon.total("frames_received")),
            _ => None,
        }
    }
}

fn vips() -> Vec<IpAddr> {
    (0..plan::VIPS).map(|number| plan::vip_number(Family::V4, number)).collect()
}

fn servers() -> Vec<IpAddr> {
    plan::SERVERS.map(|server| plan::server(server, Family::V4)).to_vec()
}

fn start(contender: Contender, lab: &Lab) -> Result<Running> {
    let node = lab.node("a");
    if contender != Contender::Suimon {
        // A balancer of the kernel or of sockets has the VIPs as addresses; the one under test answers ARP itself.
        let lines: String = vips().iter().map(|vip| format!("address add {vip}/32 dev f0\n")).collect();
        node.ip(&lines)?;
        node.sysctl(&["ipv4/ip_forward=1"])?;
    }
    Ok(match contender {
        Contender::Plain => Running::InKernel,
        Contender::Nftables => {
            node.output("nft", &[&nftables_rules()], SHORT)?;
            Running::InKernel
        }
        Contender::Haproxy => {
            let file = configuration(lab, "haproxy.cfg", &haproxy_configuration())?;
            Running::Program(lab.daemon("a", "haproxy", words("haproxy", ["-db", "-f"]).arg(&file))?)
        }
        Contender::Nginx => {
            let file = configuration(lab, "stream.conf", &stream_configuration(lab))?;
            Running::Program(lab.daemon("a", "nginx", &mut programs::nginx_command(lab.folder(), &file))?)
        }
        Contender::Suimon => Running::Suimon(Suimon::start(lab, "a", &suimon_configuration())?),
    })
}

fn configuration(lab: &Lab, name: &str, text: &str) -> Result<PathBuf> {
    let path = lab.folder().join(name);
    fs::write(&path, text).act(|| format!("write {}", path.display()))?;
    Ok(path)
}

fn joined(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    items.into_iter().collect::<Vec<_>>().join(separator)
}

fn nftables_rules() -> String {
    let vips = joined(vips().iter().map(ToString::to_string), ", ");
    let map = joined(servers().iter().enumerate().map(|(at, server)| format!("{at} : {server}")), ", ");
    let balance = format!("dnat to numgen inc mod {} map {{ {map} }}", servers().len());
    format!(
        "add table ip lb; add chain ip lb pre {{ type nat hook prerouting priority dstnat; }};\
         add rule ip lb pre ip daddr {{ {vips} }} tcp dport {{ {WEB_PORT}, {STREAM_PORT} }} {balance};\
         add rule ip lb pre ip daddr {{ {vips} }} udp dport {SINK_PORT} {balance};"
    )
}

fn haproxy_configuration() -> String {
    let mut text = String::from(
        "global\n maxconn 8000\n\
         defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n",
    );
    for port in [WEB_PORT, STREAM_PORT] {
        let binds: String = vips().iter().map(|vip| format!(" bind {vip}:{port}\n")).collect();
        let _ = write!(text, "listen port{port}\n{binds} balance roundrobin\n");
        for (number, server) in servers().iter().enumerate() {
            let _ = writeln!(text, " server s{number} {server}:{port}");
        }
    }
    text
}

fn stream_configuration(lab: &Lab) -> String {
    let folder = lab.folder().display();
    let mut text = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n\
         daemon off; user root root; worker_processes auto; pid {folder}/stream.pid; error_log stderr crit;\n\
         worker_rlimit_nofile 40000; events {{ worker_connections 16384; }}\nstream {{\n"
    );
    for (name, port, protocol) in [("web", WEB_PORT, ""), ("stream", STREAM_PORT, ""), ("sink", SINK_PORT, " udp")] {
        let members: String = servers().iter().map(|server| format!("server {server}:{port}; ")).collect();
        let listen: String = vips().iter().map(|vip| format!("listen {vip}:{port}{protocol} reuseport; ")).collect();
        let _ = writeln!(text, "upstream {name} {{ {members} }}\nserver {{ {listen} proxy_pass {name}; }}");
    }
    text + "}\n"
}

fn suimon_configuration() -> String {
    let vips = joined(vips().iter().map(|vip| format!("\"{vip}\"")), ", ");
    let mut text = String::from(
        "version = 1\n\n[system]\nhostname = \"suimon-a\"\n\
         \n[[nic]]\nname = \"f0\"\nrole = \"data\"\naddresses = [\"10.1.0.1/16\"]\n\
         \n[[nic]]\nname = \"b0\"\nrole = \"data\"\naddresses = [\"10.2.0.1/16\"]\n\
         \n[engine]\nworkers = 0\nfast_path = \"off\"\n",
    );
    for (name, protocol, port) in [("web", "tcp", WEB_PORT), ("stream", "tcp", STREAM_PORT), ("sink", "udp", SINK_PORT)]
    {
        let _ = write!(
            text,
            "\n[[service]]\nname = \"{name}\"\nvip = [{vips}]\nprotocol = \"{protocol}\"\nports = \"{port}\"\n\
             scheduler = \"rr\"\nmethod = \"nat\"\n"
        );
        for (number, server) in servers().iter().enumerate() {
            let _ = write!(text, "\n[[service.backend]]\nname = \"s{}\"\naddress = \"{server}\"\n", number + 1);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balancer_takes_its_configuration() {
        let parsed = config::parse(&suimon_configuration(), "bench.toml");
        assert!(parsed.is_ok(), "{}", parsed.err().map(|errors| errors.to_string()).unwrap_or_default());
    }
}
