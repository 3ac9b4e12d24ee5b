//! The document while it is put together: tables with comments. Some are left out for the administrator to complete.

use super::names::Names;
use super::notes::Notes;
use crate::limits::{BACKENDS_MAX, NICS_MAX, ROUTERS_MAX, ROUTES_MAX, SERVICES_MAX};
use toml::{Table, Value};

/// Stands for a NIC whose name the source does not know. No kernel has it, so that the document cannot be used by
/// mistake.
pub(super) const NIC_PLACEHOLDER: &str = "replace-me";

/// A table of the document.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// Line of the source; 0: none.
    pub(super) line: u32,
    /// Comments above it.
    pub(super) comments: Vec<String>,
    pub(super) fields: Table,
    /// It is written as a comment, for this reason.
    pub(super) left_out: Option<String>,
}

impl Block {
    pub(super) fn new(line: u32) -> Self {
        Self { line, ..Self::default() }
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.fields.insert(key.to_owned(), value.into());
    }

    /// Leaves the table out; the first reason stays.
    pub(super) fn leave_out(&mut self, reason: impl Into<String>) {
        self.left_out.get_or_insert(reason.into());
    }
}

/// A service with what belongs to it.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceBlock {
    pub(super) own: Block,
    pub(super) checks: Vec<Block>,
    pub(super) backends: Vec<Block>,
}

/// A NIC.
#[derive(Clone, Debug)]
pub(super) struct NicBlock {
    pub(super) name: String,
    /// Only the other nodes are reached by it.
    pub(super) ha_only: bool,
    /// The box's own addresses with their prefix length.
    pub(super) addresses: Vec<String>,
    /// The line that named it first; 0: the placeholder.
    pub(super) line: u32,
    pub(super) left_out: Option<String>,
}

/// The document so far, and the remarks.
pub(super) struct Draft {
    /// The file it comes from.
    pub(super) source: String,
    pub(super) notes: Notes,
    pub(super) nics: Vec<NicBlock>,
    pub(super) routes: Vec<Block>,
    pub(super) services: Vec<ServiceBlock>,
    pub(super) routers: Vec<Block>,
    pub(super) service_names: Names,
    backends: usize,
}

impl Draft {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            notes: Notes::new(source),
            nics: Vec::new(),
            routes: Vec::new(),
            services: Vec::new(),
            routers: Vec::new(),
            service_names: Names::default(),
            backends: 0,
        }
    }

    /// A data NIC called `name`, which is in the document from now on.
    pub(super) fn nic(&mut self, name: &str, line: u32) -> &mut NicBlock {
        let find = |nics: &[NicBlock], name: &str| nics.iter().position(|nic| nic.name == name);
        let mut name = name;
        // The last place is the placeholder's.
        if self.nics.len() + 1 >= NICS_MAX && find(&self.nics, name).is_none() && name != NIC_PLACEHOLDER {
            self.full(line, &format!("NIC {name}"), NICS_MAX, "NICs");
            name = NIC_PLACEHOLDER;
        }
        let at = find(&self.nics, name).unwrap_or_else(|| {
            let line = if name == NIC_PLACEHOLDER { 0 } else { line };
            let name = name.to_owned();
            self.nics.push(NicBlock { name, ha_only: false, addresses: Vec::new(), line, left_out: None });
            self.nics.len() - 1
        });
        self.nics[at].ha_only = false;
        &mut self.nics[at]
    }

    /// A NIC of which nothing is known but that it leads to the other node. A NIC that is known already stays as it is.
    pub(super) fn ha_nic(&mut self, name: &str, line: u32) {
        if !self.nics.iter().any(|nic| nic.name == name) {
            self.nic(name, line).ha_only = true;
        }
    }

    /// The NIC to be replaced by hand.
    pub(super) fn unknown_nic(&mut self) -> String {
        self.nic(NIC_PLACEHOLDER, 0);
        NIC_PLACEHOLDER.to_owned()
    }

    /// Whether no service can be added any more.
    pub(super) fn is_full(&self) -> bool {
        self.services.len() == SERVICES_MAX
    }

    /// How many backends a further service may have.
    pub(super) fn backends_left(&self) -> usize {
        if self.is_full() { 0 } else { BACKENDS_MAX - self.backends }
    }

    pub(super) fn add_service(&mut self, service: ServiceBlock) {
        let backends = service.backends.len() + usize::from(service.own.fields.contains_key("fallback"));
        if self.is_full() {
            self.refuse_service(service.own.line);
        } else if self.backends + backends > BACKENDS_MAX {
            // Then it is full: whoever writes ranges of servers does not make us count them again and again.
            self.backends = BACKENDS_MAX;
            self.full(service.own.line, "a further service", BACKENDS_MAX, "backends");
        } else {
            self.backends += backends;
            self.services.push(service);
        }
    }

    /// Says that a service has no place.
    pub(super) fn refuse_service(&mut self, line: u32) {
        self.full(line, "a further service", SERVICES_MAX, "services");
    }

    pub(super) fn add_route(&mut self, route: Block) {
        if self.routes.len() == ROUTES_MAX {
            self.full(route.line, "a further route", ROUTES_MAX, "routes");
        } else {
            self.routes.push(route);
        }
    }

    pub(super) fn add_router(&mut self, router: Block) {
        if self.routers.len() == ROUTERS_MAX {
            self.full(router.line, "a further virtual router", ROUTERS_MAX, "virtual routers");
        } else {
            self.routers.push(router);
        }
    }

    fn full(&mut self, line: u32, what: &str, most: usize, things: &str) {
        self.notes.left(line, what, format!("a document has at most {most} {things}"), "");
    }
}
