//! Which namespaces there are, how they are cabled, what they know: tables, and the `ip` lines made of them.

use crate::plan::{self, Family};
use std::fmt::Write;

/// A cable between two NICs, each given as node and name.
#[derive(Clone, Debug)]
pub struct Cable {
    /// One end; this is the one that may have a hardware address of its own.
    pub near: (&'static str, String),
    /// The other.
    pub far: (&'static str, String),
    /// Hardware address of the near end.
    pub mac: Option<String>,
}

/// Everything about one lab.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Namespaces.
    pub nodes: Vec<&'static str>,
    /// Cables.
    pub cables: Vec<Cable>,
    /// Ports of bridges: bridge and port, all in the node `switch`.
    pub ports: Vec<(&'static str, String)>,
    /// Addresses: node, NIC, address with prefix length.
    pub addresses: Vec<(&'static str, &'static str, String)>,
    /// Routes: node, and the words behind `ip route add`.
    pub routes: Vec<(&'static str, String)>,
    /// Nodes that forward.
    pub routers: Vec<&'static str>,
}

impl Shape {
    /// Client, router, switch, two balancers, three servers, and two tunnel servers behind a router of their own. The
    /// balancers' NICs are up and have no addresses: those are the balancer's to set.
    pub fn full() -> Self {
        let mut shape = Self {
            nodes: vec!["client", "router", "switch", "a", "b", "s1", "s2", "s3", "router2", "t1", "t2"],
            routers: vec!["router", "router2"],
            ..Self::default()
        };
        shape.cable(("client", "eth0"), ("router", "clients"));
        for (node, nic, bridge) in [
            ("router", "front", "front"),
            ("router", "back", "back"),
            ("a", "f0", "front"),
            ("b", "f0", "front"),
            ("a", "b0", "back"),
            ("b", "b0", "back"),
            ("router2", "back", "back"),
            ("router2", "far", "far"),
        ] {
            let port = port_name(node, nic);
            shape.cable((node, nic), ("switch", &port));
            shape.ports.push((bridge, port));
        }
        for server in plan::SERVERS {
            shape.server(server, "back");
        }
        for server in plan::TUNNEL_SERVERS {
            shape.server(server, "far");
        }
        shape.address_routers();
        shape.address_clients("10.8.0.254", "2001:db8:8::fe", (16, 48));
        shape
    }

    /// Client, balancer, and one namespace with all three server addresses, cabled directly: nothing else takes time.
    /// The balancer's NICs have their addresses, and it has no route to lack.
    pub fn bench() -> Self {
        let mut shape = Self { nodes: vec!["client", "a", "servers"], ..Self::default() };
        shape.cable(("client", "eth0"), ("a", "f0"));
        shape.cable(("servers", "eth0"), ("a", "b0"));
        for number in 0..16 {
            shape.address("client", "eth0", &format!("10.1.0.{}/16", 10 + number));
        }
        for server in plan::SERVERS {
            shape.address("servers", "eth0", &format!("{}/16", plan::server(server, Family::V4)));
        }
        shape.address("a", "f0", "10.1.0.1/16");
        shape.address("a", "b0", "10.2.0.1/16");
        shape.routes.push(("client", "10.2.0.0/16 via 10.1.0.1".into()));
        shape.routes.push(("servers", "default via 10.2.0.1".into()));
        shape
    }

    /// A client, real servers in `s1`, and what stands before them in `s2`, all in one subnet.
    pub fn checks() -> Self {
        let mut shape = Self { nodes: vec!["client", "switch", "s1", "s2"], ..Self::default() };
        shape.cable(("client", "eth0"), ("switch", "client"));
        shape.ports.push(("back", "client".into()));
        shape.address("client", "eth0", "10.2.0.1/16");
        shape.address("client", "eth0", "2001:db8:2::1/64");
        for server in ["s1", "s2"] {
            shape.server(server, "back");
        }
        shape
    }

    fn cable(&mut self, near: (&'static str, &str), far: (&'static str, &str)) {
        self.cables.push(Cable { near: (near.0, near.1.into()), far: (far.0, far.1.into()), mac: None });
    }

    fn address(&mut self, node: &'static str, nic: &'static str, address: &str) {
        self.addresses.push((node, nic, address.into()));
    }

    fn server(&mut self, server: &'static str, bridge: &'static str) {
        self.cable((server, "eth0"), ("switch", server));
        self.cables.last_mut().expect("added above").mac = Some(plan::server_mac(server));
        self.ports.push((bridge, server.into()));
        self.address(server, "eth0", &format!("{}/16", plan::server(server, Family::V4)));
        self.address(server, "eth0", &format!("{}/64", plan::server(server, Family::V6)));
        if server.starts_with('t') {
            self.routes.push((server, "default via 10.5.0.254".into()));
            self.routes.push((server, "default via 2001:db8:5::fe".into()));
        }
    }

    fn address_routers(&mut self) {
        for (node, nic, v4, v6) in [
            ("router", "clients", "10.8.0.254/16", "2001:db8:8::fe/48"),
            ("router", "front", "10.1.0.254/16", "2001:db8:1::fe/64"),
            ("router", "back", "10.2.0.254/16", "2001:db8:2::fe/64"),
            ("router2", "back", "10.2.0.253/16", "2001:db8:2::fd/64"),
            ("router2", "far", "10.5.0.254/16", "2001:db8:5::fe/64"),
        ] {
            self.address(node, nic, v4);
            self.address(node, nic, v6);
        }
        self.routes.push(("router", "10.5.0.0/16 via 10.2.0.253".into()));
        self.routes.push(("router", "2001:db8:5::/64 via 2001:db8:2::fd".into()));
        self.routes.push(("router2", "default via 10.2.0.254".into()));
        self.routes.push(("router2", "default via 2001:db8:2::fe".into()));
    }

    fn address_clients(&mut self, gateway_v4: &str, gateway_v6: &str, prefix: (u8, u8)) {
        for address in plan::clients(Family::V4) {
            self.address("client", "eth0", &format!("{address}/{}", prefix.0));
        }
        for address in plan::clients(Family::V6) {
            self.address("client", "eth0", &format!("{address}/{}", prefix.1));
        }
        self.routes.push(("client", format!("default via {gateway_v4}")));
        self.routes.push(("client", format!("default via {gateway_v6}")));
    }

    /// Lines for `ip -batch` that make the namespaces and cables; names of namespaces begin with `prefix`.
    pub fn lines_to_make(&self, prefix: &str) -> String {
        let mut lines = String::new();
        for node in &self.nodes {
            line(&mut lines, format_args!("netns add {prefix}{node}"));
        }
        for cable in &self.cables {
            line(&mut lines, format_args!("{}", cable_line(prefix, cable)));
        }
        lines
    }

    /// Lines for `ip -n NODE -batch` once all cables are there.
    pub fn lines_inside(&self, node: &str) -> String {
        let mut lines = String::from("link set lo up\n");
        if node == "switch" {
            for bridge in ["front", "back", "far"] {
                line(
                    &mut lines,
                    format_args!("link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"),
                );
                line(&mut lines, format_args!("link set {bridge} up"));
            }
            for (bridge, port) in &self.ports {
                line(&mut lines, format_args!("link set {port} master {bridge}"));
            }
        }
        for (end, _) in self.ends().filter(|((owner, _), _)| *owner == node) {
            line(&mut lines, format_args!("link set {} up", end.1));
        }
        for (_, nic, address) in self.addresses.iter().filter(|(owner, ..)| *owner == node) {
            let nodad = if address.contains(':') { " nodad" } else { "" };
            line(&mut lines, format_args!("address add {address} dev {nic}{nodad}"));
        }
        for (_, route) in self.routes.iter().filter(|(owner, _)| *owner == node) {
            line(&mut lines, format_args!("route add {route}"));
        }
        lines
    }

    fn ends(&self) -> impl Iterator<Item = (&(&'static str, String), &Cable)> {
        self.cables.iter().flat_map(|cable| [(&cable.near, cable), (&cable.far, cable)])
    }
}

/// The switch's port for a node's NIC: `a-f0`, `router-front`.
pub fn port_name(node: &str, nic: &str) -> String {
    format!("{node}-{nic}")
}

/// The `link add` for a cable.
pub fn cable_line(prefix: &str, cable: &Cable) -> String {
    let mac = cable.mac.as_ref().map(|mac| format!(" address {mac}")).unwrap_or_default();
    format!(
        "link add {}{mac} netns {prefix}{} type veth peer name {} netns {prefix}{}",
        cable.near.1, cable.near.0, cable.far.1, cable.far.0
    )
}

fn line(lines: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(lines, "{text}").expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_and_port_is_on_a_nic_that_has_a_cable() {
        for shape in [Shape::full(), Shape::bench(), Shape::checks()] {
            let ends: Vec<_> = shape.ends().map(|(end, _)| (end.0, end.1.as_str())).collect();
            for (node, nic, address) in &shape.addresses {
                assert!(ends.contains(&(node, nic)), "{address} is on {node} {nic}, which has no cable");
            }
            for (_, port) in &shape.ports {
                assert!(ends.contains(&("switch", port)), "bridge port {port} has no cable");
            }
            let longest = ends.iter().map(|(_, nic)| nic.len()).max();
            assert!(longest < Some(16), "interface names end at 15 bytes");
        }
    }

    #[test]
    fn a_cable_is_one_line() {
        let cable = Cable { near: ("s1", "eth0".into()), far: ("switch", "s1".into()), mac: Some("02::1".into()) };
        assert_eq!(
            cable_line("p-", &cable),
            "link add eth0 address 02::1 netns p-s1 type veth peer name s1 netns p-switch"
        );
    }
}
