//! The last judgement as it is kept over a restart, so that a node that starts again does not take all servers down
//! until their first pass. That a backend was held down is not kept: the checks of the new run decide.

use net::Now;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// All services, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The services.
    pub services: BTreeMap<String, KeptService>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptService {
    /// Whether it had its quorum.
    pub up: bool,
    /// Its backends, by name.
    pub backends: BTreeMap<String, KeptBackend>,
}

/// A backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBackend {
    /// Its address: with another one it is another server.
    pub address: IpAddr,
    /// Its port.
    pub port: Option<u16>,
    /// Whether it was up.
    pub up: bool,
    /// Since when; the start of the clock where it was before that.
    pub since: Now,
    /// Whether its checks passed, by name; those without an answer are not among them.
    pub checks: BTreeMap<String, bool>,
}
