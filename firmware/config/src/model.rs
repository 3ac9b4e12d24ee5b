//! The checked document, services aside: the box, its NICs, routes, engine and web console.

use crate::export::is_default;
use crate::names::named;
use crate::{Alerts, Api, Ha, Prefix, Service, Syslog};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A checked document. Every reference in it resolves and every number is in range.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Config {
    /// The box itself.
    #[serde(skip_serializing_if = "is_default")]
    pub system: System,
    /// NICs.
    #[serde(rename = "nic", skip_serializing_if = "Vec::is_empty")]
    pub nics: Vec<Nic>,
    /// Static routes.
    #[serde(rename = "route", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Services.
    #[serde(rename = "service", skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// High availability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ha: Option<Ha>,
    /// Sizes and rates of the forwarding engine.
    pub engine: Engine,
    /// The process that carries out checks.
    #[serde(skip_serializing_if = "is_default")]
    pub probe: Probing,
    /// The web console.
    pub web: Web,
    /// Who is told what happens.
    #[serde(skip_serializing_if = "is_default")]
    pub alerts: Alerts,
    /// Where the log goes besides the box.
    #[serde(skip_serializing_if = "is_default")]
    pub syslog: Syslog,
    /// Who may call, and how long.
    #[serde(skip_serializing_if = "is_default")]
    pub api: Api,
}

impl Config {
    /// The service called `name`.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The NIC called `name`.
    pub fn nic(&self, name: &str) -> Option<&Nic> {
        self.nics.iter().find(|nic| nic.name == name)
    }

    /// The data NIC on whose subnet `address` is, on any node.
    pub fn nic_towards(&self, address: IpAddr) -> Option<&Nic> {
        self.nics.iter().filter(|nic| nic.role == NicRole::Data).find(|nic| nic.subnet_holds(address))
    }

    /// Parts of the document that are checked and kept, but that nothing in this version carries out. To be told to
    /// whoever applies it.
    pub fn not_carried_out(&self) -> Vec<&'static str> {
        let parts = [(self.ha.is_some(), "ha")];
        parts.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect()
    }
}

/// A value that may differ between the nodes which share the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PerNode<T> {
    /// The same on all nodes.
    Same(T),
    /// By the node's name, written `{ a = …, b = … }`. A node that is not named has none.
    ByNode(BTreeMap<String, T>),
}

impl<T> PerNode<T> {
    /// The value on the node called `node`.
    pub fn on(&self, node: &str) -> Option<&T> {
        match self {
            Self::Same(value) => Some(value),
            Self::ByNode(values) => values.get(node),
        }
    }

    /// The values of all nodes.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        let (same, by_node) = match self {
            Self::Same(value) => (Some(value), None),
            Self::ByNode(values) => (None, Some(values.values())),
        };
        same.into_iter().chain(by_node.into_iter().flatten())
    }
}

impl<T: Serialize> Serialize for PerNode<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same(value) => value.serialize(serializer),
            Self::ByNode(values) => values.serialize(serializer),
        }
    }
}

/// The box itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct System {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<PerNode<String>>,
}

named! {
    /// What a NIC is for.
    NicRole {
        /// Clients and backends.
        #[default]
        Data => "data",
        /// The administrator.
        Management => "management",
        /// The other nodes.
        Ha => "ha",
    }
}

/// A NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nic {
    /// Its name in the kernel.
    pub name: String,
    /// What it is for.
    pub role: NicRole,
    /// The box's own addresses on it.
    pub addresses: PerNode<Vec<Prefix>>,
}

impl Nic {
    /// The addresses on the node called `node`.
    pub fn addresses_on(&self, node: &str) -> &[Prefix] {
        self.addresses.on(node).map_or(&[], Vec::as_slice)
    }

    /// The addresses on all nodes.
    pub fn all_addresses(&self) -> impl Iterator<Item = &Prefix> {
        self.addresses.values().flatten()
    }

    /// Whether `address` is on the subnet of one of its addresses, on any node.
    pub fn subnet_holds(&self, address: IpAddr) -> bool {
        self.all_addresses().any(|own| own.contains(address))
    }
}

/// A static route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Destinations.
    pub to: Prefix,
    /// The router; without one, destinations are on the link of `nic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The NIC it leaves by; by default the one whose subnet holds the router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<String>,
}

named! {
    /// Whether the kernel repeats the engine's decisions for settled flows.
    FastPath {
        /// Where kernel and NIC can.
        #[default]
        Auto => "auto",
        /// Never.
        Off => "off",
        /// In a tc program.
        Tc => "tc",
        /// In an XDP program.
        Xdp => "xdp",
    }
}

named! {
    /// What keeps the kernel from the services' packets. Read at the start.
    Shield {
        /// The eBPF program; the classic filter where the kernel refuses it.
        #[default]
        Auto => "auto",
        /// The eBPF program or no start.
        Program => "program",
        /// The classic filter, which follows no FTP data connections.
        Classic => "classic",
    }
}

named! {
    /// What a client hears that asks for a port nobody serves, or when no backend is left.
    Reject {
        /// A TCP reset or an ICMP error.
        #[default]
        Answer => "answer",
        /// Nothing.
        Drop => "drop",
    }
}

/// Sizes and rates of the forwarding engine. Sizes are of the box: they are divided among the workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Engine {
    /// Workers; 0: one per core but the control core, at least 1.
    pub workers: u8,
    /// Flows.
    pub flows_max: u32,
    /// Persistence entries.
    pub persistence_max: u32,
    /// Fragmented datagrams tracked at once.
    pub fragments_max: u32,
    /// FTP control connections followed at once.
    pub ftp_max: u32,
    /// Answers of the box's own (ICMP errors, resets, echo replies) per second.
    pub replies_per_second_max: u32,
    /// What a client hears whose packet has nowhere to go.
    pub reject: Reject,
    /// Source addresses of full NAT.
    pub snat_addresses: Vec<IpAddr>,
    /// Whether the kernel repeats the engine's decisions.
    pub fast_path: FastPath,
    /// What keeps the kernel from the services' packets.
    pub shield: Shield,
    /// Busy-poll before a worker sleeps, microseconds; 0: sleep at once.
    pub spin_us: u32,
    /// Whether packets and bytes are counted per flow.
    pub flow_statistics: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            workers: 0,
            flows_max: 1_000_000,
            persistence_max: 131_072,
            fragments_max: 4_096,
            ftp_max: 4_096,
            replies_per_second_max: 10_000,
            reject: Reject::default(),
            snat_addresses: Vec::new(),
            fast_path: FastPath::default(),
            shield: Shield::default(),
            spin_us: 0,
            flow_statistics: true,
        }
    }
}

/// The process that carries out checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probing {
    /// Checks under way at once; those due beyond that wait, and are counted once they have waited an interval.
    pub in_flight_max: u32,
    /// The folder from which checks may run programs; `None`: they may run none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programs_folder: Option<String>,
}

impl Default for Probing {
    fn default() -> Self {
        Self { in_flight_max: 1_024, programs_folder: None }
    }
}

/// The web console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Web {
    /// TCP port.
    pub port: u16,
    /// NICs, by name or by role, that it listens on.
    pub nics: Vec<String>,
    /// Who may connect; empty: everybody.
    pub allow: Vec<Prefix>,
}

impl Default for Web {
    fn default() -> Self {
        Self { port: 443, nics: vec!["management".to_owned()], allow: Vec::new() }
    }
}
