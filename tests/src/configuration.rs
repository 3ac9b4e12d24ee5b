//! Configurations for the balancer under test.

use crate::plan::{self, Family};
use std::fmt::Write;

/// How a backend is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Destination address and port.
    Nat,
    /// Hardware address only.
    Direct,
    /// Source too.
    Fullnat,
    /// IP in IP.
    Ipip,
    /// Generic routing encapsulation.
    Gre,
    /// Generic UDP encapsulation.
    Gue,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Nat, Self::Direct, Self::Fullnat, Self::Ipip, Self::Gre, Self::Gue];

    /// As the configuration names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nat => "nat",
            Self::Direct => "direct",
            Self::Fullnat => "fullnat",
            Self::Ipip => "tunnel-ipip",
            Self::Gre => "tunnel-gre",
            Self::Gue => "tunnel-gue",
        }
    }

    /// Whether packets are wrapped.
    pub const fn is_tunnel(self) -> bool {
        matches!(self, Self::Ipip | Self::Gre | Self::Gue)
    }

    /// Whether ports may change on the way.
    pub const fn translates_ports(self) -> bool {
        matches!(self, Self::Nat | Self::Fullnat)
    }

    /// The servers that it is tried with.
    pub const fn servers(self) -> &'static [&'static str] {
        if self.is_tunnel() { &plan::TUNNEL_SERVERS } else { &plan::SERVERS }
    }
}

/// What is to be configured.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Workers of the engine.
    pub workers: u8,
    /// How backends are reached.
    pub method: Method,
    /// Family of clients and VIPs.
    pub family: Family,
    /// Family of the backends' addresses; another one than `family` is for tunnels only.
    pub outer: Family,
    /// Answer to a TCP packet without a flow.
    pub midstream: &'static str,
    /// What becomes of the MSS that a SYN announces.
    pub mss_clamp: &'static str,
    /// Servers by name, with their weights.
    pub backends: Vec<(&'static str, u32)>,
}

impl Configuration {
    /// Plain: everything in one family, equal weights.
    pub fn new(workers: u8, method: Method, family: Family) -> Self {
        let backends = method.servers().iter().map(|server| (*server, 1)).collect();
        Self { workers, method, family, outer: family, midstream: "reset", mss_clamp: "auto", backends }
    }

    /// The same through the other family's network: 4in6 or 6in4.
    pub fn across(mut self) -> Self {
        self.outer = if self.family == Family::V4 { Family::V6 } else { Family::V4 };
        self
    }

    /// As a file. Services: `web` (80), `sticky` (81 where ports can change, else 8080; persistent by /24 or /64), `echo`
    /// (UDP 7), `ftp` (21, NAT only).
    pub fn toml(&self) -> String {
        let mut text = base(self.workers);
        let translated = self.method.translates_ports();
        self.service(&mut text, "web", "tcp", 80, translated.then_some(8080), "");
        let persistence = "persistence = { timeout_s = 300, ipv4_prefix = 24, ipv6_prefix = 64 }\n";
        let sticky = if translated { 81 } else { 8080 };
        self.service(&mut text, "sticky", "tcp", sticky, translated.then_some(8080), persistence);
        self.service(&mut text, "echo", "udp", 7, translated.then_some(7007), "");
        if self.method == Method::Nat {
            self.service(&mut text, "ftp", "tcp", 21, None, "");
        }
        text
    }

    fn service(&self, text: &mut String, name: &str, protocol: &str, port: u16, to: Option<u16>, more: &str) {
        let vip = plan::vip(self.family);
        let _ = write!(
            text,
            "\n[[service]]\nname = \"{name}\"\nvip = \"{vip}\"\nprotocol = \"{protocol}\"\nports = \"{port}\"\n\
             scheduler = \"rr\"\nmethod = \"{}\"\nmidstream = \"{}\"\nmss_clamp = \"{}\"\n{more}",
            self.method.name(),
            self.midstream,
            self.mss_clamp,
        );
        for (server, weight) in &self.backends {
            let address = plan::server(server, self.outer);
            let _ = write!(text, "\n[[service.backend]]\nname = \"{server}\"\naddress = \"{address}\"\n");
            if let Some(port) = to {
                let _ = writeln!(text, "port = {port}");
            }
            let _ = writeln!(text, "weight = {weight}");
        }
    }

    /// The port of the service `sticky`.
    pub fn sticky_port(&self) -> u16 {
        if self.method.translates_ports() { 81 } else { 8080 }
    }
}

/// The balancer's addresses, routes and engine, without services.
pub fn base(workers: u8) -> String {
    let mut text = String::from("version = 1\n\n[system]\nhostname = \"suimon-a\"\n");
    for (nic, subnet) in [("f0", 1), ("b0", 2)] {
        let addresses = format!("\"10.{subnet}.0.1/16\", \"2001:db8:{subnet}::1/64\"");
        let _ = write!(text, "\n[[nic]]\nname = \"{nic}\"\nrole = \"data\"\naddresses = [{addresses}]\n");
    }
    for (to, via) in [
        ("0.0.0.0/0", "10.1.0.254"),
        ("::/0", "2001:db8:1::fe"),
        ("10.5.0.0/16", "10.2.0.253"),
        ("2001:db8:5::/64", "2001:db8:2::fd"),
    ] {
        let _ = write!(text, "\n[[route]]\nto = \"{to}\"\nvia = \"{via}\"\n");
    }
    let _ = write!(
        text,
        "\n[engine]\nworkers = {workers}\nfast_path = \"off\"\n\
         snat_addresses = [\"10.2.0.250\", \"2001:db8:2::250\"]\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_is_valid() {
        for method in Method::ALL {
            for family in [Family::V4, Family::V6] {
                let plain = Configuration::new(4, method, family);
                let across = method.is_tunnel().then(|| plain.clone().across());
                for configuration in [Some(plain), across].into_iter().flatten() {
                    let toml = configuration.toml();
                    let parsed = config::parse(&toml, "lab.toml");
                    assert!(
                        parsed.is_ok(),
                        "{toml}\n{}",
                        parsed.err().map(|errors| errors.to_string()).unwrap_or_default()
                    );
                }
            }
        }
    }

    #[test]
    fn what_differs_between_methods() {
        let nat = Configuration::new(4, Method::Nat, Family::V4).toml();
        assert!(nat.contains("workers = 4\n") && nat.contains("name = \"ftp\"") && nat.contains("port = 8080\n"));
        let tunnel = Configuration::new(1, Method::Gue, Family::V4).across().toml();
        assert!(tunnel.contains("method = \"tunnel-gue\"") && tunnel.contains("vip = \"10.1.0.100\""));
        assert!(tunnel.contains("address = \"2001:db8:5::11\"") && !tunnel.contains("port = 8080"));
    }
}
