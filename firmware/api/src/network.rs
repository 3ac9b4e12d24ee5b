//! The network of the box as it is, and what of it the configuration asks for.

use crate::Link;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The network of the box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// What the box calls itself.
    pub hostname: String,
    /// Its NICs: those of the configuration in its order, then the others by name.
    pub nics: Vec<NetworkNic>,
    /// Its routes: those of the configuration in its order, then the others. Networks of the NICs' own addresses aside.
    pub routes: Vec<NetworkRoute>,
}

/// A NIC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkNic {
    /// Its name.
    pub name: String,
    /// What it is for; `null`: the configuration does not name it.
    pub role: Option<config::NicRole>,
    /// Whether it can be used.
    pub link: Link,
    /// Speed, Mbit/s, where the driver tells.
    pub speed_mbps: Option<u32>,
    /// Largest IP packet, bytes; 0: it is not there.
    pub mtu: u32,
    /// Hardware address.
    pub mac: Option<String>,
    /// Its addresses; those of the link alone aside.
    pub addresses: Vec<NetworkAddress>,
}

/// An address of a NIC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkAddress {
    /// As in `10.1.0.1/16`.
    pub address: String,
    /// The configuration asks for it.
    pub configured: bool,
    /// The NIC has it.
    pub there: bool,
}

/// A route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkRoute {
    /// Destinations, as in `0.0.0.0/0`.
    pub to: String,
    /// The router; `null`: destinations are on the link.
    pub via: Option<IpAddr>,
    /// The NIC it leaves by; empty: none leads to the router.
    pub nic: String,
    /// The configuration asks for it.
    pub configured: bool,
    /// The kernel has it.
    pub there: bool,
}
