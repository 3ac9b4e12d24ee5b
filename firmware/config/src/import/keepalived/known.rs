//! What statements of `keepalived.conf` need to know of others.

use super::tree::Statement;
use crate::address::{Prefix, parse_prefix};
use crate::limits::ROUTES_MAX;
use std::collections::HashMap;
use std::net::IpAddr;

/// Where keepalived puts static addresses by default.
const INTERFACE: &str = "eth0";

/// The file at a glance.
pub(super) struct Known<'s> {
    pub(super) file: &'s str,
    /// The version of VRRP where an instance says nothing.
    pub(super) version: &'s str,
    pub(super) interface: &'s str,
    /// Idle times of IPVS: TCP, TCP after FIN, UDP.
    pub(super) timeouts: [u32; 3],
    pub(super) groups: HashMap<&'s str, &'s Statement>,
    pub(super) scripts: HashMap<&'s str, &'s Statement>,
    /// The sync group of an instance.
    pub(super) sync: HashMap<&'s str, &'s Statement>,
    /// The NIC of an address that moves, and of networks.
    nics: HashMap<IpAddr, &'s str>,
    networks: Vec<(Prefix, &'s str)>,
}

impl<'s> Known<'s> {
    pub(super) fn collect(file: &'s str, statements: &'s [Statement]) -> Self {
        let mut known = Self {
            file,
            version: "2",
            interface: INTERFACE,
            timeouts: [0; 3],
            groups: HashMap::new(),
            scripts: HashMap::new(),
            sync: HashMap::new(),
            nics: HashMap::new(),
            networks: Vec::new(),
        };
        for statement in statements.iter().filter(|statement| statement.condition.is_none()) {
            match statement.key() {
                "global_defs" => known.globals(statement),
                "virtual_server_group" => drop(known.groups.insert(statement.value(), statement)),
                "vrrp_script" => drop(known.scripts.insert(statement.value(), statement)),
                "vrrp_sync_group" => {
                    for member in members(statement) {
                        known.sync.insert(member, statement);
                    }
                }
                "vrrp_instance" => {
                    let nic = statement.text(&["interface"]);
                    for block in ["virtual_ipaddress", "virtual_ipaddress_excluded"] {
                        known.addresses(statement.last(&[block]), nic);
                    }
                }
                "static_ipaddress" => known.addresses(Some(statement), known.interface),
                _ => {}
            }
        }
        known
    }

    /// The NIC that has this address, where the file tells.
    pub(super) fn nic_of(&self, address: IpAddr) -> Option<&'s str> {
        let within = || self.networks.iter().find(|(network, _)| network.contains(address)).map(|(_, nic)| *nic);
        self.nics.get(&address).copied().or_else(within)
    }

    fn globals(&mut self, globals: &'s Statement) {
        if let Some(version) = globals.last(&["vrrp_version"]) {
            self.version = version.value();
        }
        if let Some(interface) = globals.last(&["default_interface"]) {
            self.interface = interface.value();
        }
        if let Some(timeouts) = globals.last(&["lvs_timeouts"]) {
            for (at, key) in ["tcp", "tcpfin", "udp"].into_iter().enumerate() {
                let value = timeouts.words.iter().position(|word| word == key).map(|at| timeouts.word(at + 1));
                self.timeouts[at] = value.and_then(|value| value.parse().ok()).unwrap_or(0);
            }
        }
    }

    fn addresses(&mut self, block: Option<&'s Statement>, nic: &'s str) {
        for entry in block.map_or(&[][..], Statement::inside) {
            let nic = after(entry, "dev").unwrap_or(nic);
            if nic.is_empty() {
                continue;
            }
            if let Ok(prefix) = parse_prefix(entry.key()) {
                self.nics.insert(prefix.address, nic);
                if !prefix.is_host() && self.networks.len() < ROUTES_MAX {
                    self.networks.push((prefix, nic));
                }
            } else if let Ok(address) = entry.key().parse() {
                self.nics.insert(address, nic);
            }
        }
    }
}

/// The word behind another one.
pub(super) fn after<'s>(statement: &'s Statement, word: &str) -> Option<&'s str> {
    let at = statement.words.iter().position(|found| found == word)?;
    statement.words.get(at + 1).map(String::as_str)
}

/// The instances of a sync group: in a block `group`, or, as it was written once, in the group's own.
fn members(group: &Statement) -> impl Iterator<Item = &str> {
    let inner = group.last(&["group"]);
    let direct = group.inside().iter().filter(move |inside| inner.is_none() && is_member(inside));
    let words = inner.map_or(&[][..], Statement::inside).iter().flat_map(|inside| inside.words.iter());
    words.map(String::as_str).chain(direct.map(Statement::key))
}

/// Whether a statement of a sync group can be the name of an instance.
pub(super) fn is_member(statement: &Statement) -> bool {
    statement.words.len() == 1 && statement.block.is_none()
}
