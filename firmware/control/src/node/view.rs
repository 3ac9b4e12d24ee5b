//! What a node is asked for by whoever shows its state.

use super::Node;
use crate::announce::Announcer;
use crate::compile::ServiceKey;
use crate::drain::Wishes;
use crate::kernel::Kernel;
use crate::made::Made;
use crate::neighbors::Neighbors;
use crate::nics::Nics;
use crate::ownership::Ownership;
use config::Config;
use engine::tables::Tables;
use engine::{BackendIndex, ServiceIndex};
use net::Address;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Node {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The slot of a service, unless it is leaving.
    pub fn service_index(&self, name: &str, tcp: bool) -> Option<ServiceIndex> {
        let place = self.slots.services.find(&ServiceKey { name: name.to_owned(), tcp })?;
        let (_, leaving) = self.slots.services.holder(place.index)?;
        (!leaving).then_some(ServiceIndex(place.index as u16))
    }

    /// The configuration in use.
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The tables in use.
    pub const fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// The kernel's network as last read.
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The engine's NICs.
    pub const fn nics(&self) -> &Nics {
        &self.nics
    }

    /// Next hops and what they said.
    pub const fn neighbors(&self) -> &Neighbors {
        &self.neighbors
    }

    /// What is announced, and conflicts.
    pub const fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// Which VIPs are ours.
    pub const fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// What administrators want of backends, to be kept over a restart.
    pub const fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// What was made in the kernel, to be taken back should this run end without doing so.
    pub const fn made(&self) -> &Made {
        &self.made
    }

    /// What is not as it should be.
    pub const fn warnings(&self) -> &BTreeSet<String> {
        &self.warnings
    }

    /// NICs of the configuration that are not there.
    pub fn missing_nics(&self) -> impl Iterator<Item = &str> {
        self.config.nics.iter().map(|nic| nic.name.as_str()).filter(|name| self.kernel.link(name).is_none())
    }

    /// Whether the configuration has a backend of that name.
    pub fn has_backend(&self, service: &str, backend: &str) -> bool {
        self.config.service(service).is_some_and(|service| service.backend(backend).is_some())
    }

    /// The slots of a backend in use; a slot that it left by a change of address is not one of them.
    pub fn slots_of(&self, service: &str, backend: &str) -> impl Iterator<Item = BackendIndex> {
        self.slots
            .backends
            .held()
            .filter(move |(_, key)| key.service.name == service && key.name.as_deref() == Some(backend))
            .filter(|(at, _)| self.slots.backends.holder(*at).is_some_and(|(_, leaving)| !leaving))
            .map(|(at, _)| BackendIndex(at as u16))
    }

    /// Flows of a backend, all workers together, as last counted.
    pub fn flows_of(&self, backend: BackendIndex) -> u32 {
        self.flows.get(backend.at()).copied().unwrap_or(0)
    }

    /// Whether slots wait for their last flow, so that counts are wanted.
    pub fn awaits_loads(&self) -> bool {
        self.retirement.is_pending() || self.wishes.next_deadline().is_some()
    }

    pub(super) fn is_own(&self, address: Address) -> bool {
        self.kernel.has_address(address)
            || self.nics.iter().any(|(_, nic)| nic.addresses.iter().any(|(own, _)| *own == address))
    }
}
