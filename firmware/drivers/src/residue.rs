//! What a crash leaves in the kernel, and its removal.
//!
//! Only what carries our marks goes (see [`crate::netlink`]): filters at our place, addresses, routes, rules and
//! neighbours of our origin, veth pairs with our names. Sockets, rings and memberships went with the process.

use crate::netlink::{Netlink, NetlinkError, PROTOCOL, RouteKind, VETH_PREFIX};

/// Removes everything that is ours from the namespace of the calling thread, and returns what it was, line by line.
///
/// What cannot be removed does not keep the rest: the errors are returned beside. While the filters go first, nothing
/// is forwarded in between that the routes would not drop.
///
/// # Errors
/// When the kernel cannot be asked at all.
pub fn clean() -> Result<Residue, NetlinkError> {
    let mut netlink = Netlink::open()?;
    let mut residue = Residue::default();
    clean_links(&mut netlink, &mut residue)?;
    clean_rules(&mut netlink, &mut residue)?;
    clean_routes(&mut netlink, &mut residue)?;
    clean_neighbors(&mut netlink, &mut residue)?;
    clean_addresses(&mut netlink, &mut residue)?;
    Ok(residue)
}

/// What was found.
#[derive(Debug, Default)]
pub struct Residue {
    /// What was removed.
    pub removed: Vec<String>,
    /// What could not be removed.
    pub failed: Vec<NetlinkError>,
}

impl Residue {
    fn note(&mut self, what: String, result: Result<(), NetlinkError>) {
        match result {
            Ok(()) => self.removed.push(what),
            // Gone with something else, a veth's routes for example.
            Err(error) if error.is_missing() => {}
            Err(error) => self.failed.push(error),
        }
    }
}

fn clean_links(netlink: &mut Netlink, residue: &mut Residue) -> Result<(), NetlinkError> {
    for link in netlink.links()? {
        match netlink.has_filter(link.index) {
            Ok(true) => {
                let result = netlink.remove_filter(link.index).map(drop);
                residue.note(format!("filter on {}", link.name), result);
            }
            Ok(false) => {}
            Err(error) => residue.failed.push(error),
        }
        if link.name.starts_with(VETH_PREFIX) && link.kind.as_deref() == Some("veth") {
            let result = netlink.remove_link(link.index);
            residue.note(format!("link {}", link.name), result);
        }
    }
    Ok(())
}

fn clean_rules(netlink: &mut Netlink, residue: &mut Residue) -> Result<(), NetlinkError> {
    for rule in netlink.reply_rules()? {
        let result = netlink.remove_reply_rule(&rule);
        residue.note(format!("rule from {} port {} table {}", rule.from, rule.port, rule.table), result);
    }
    for rule in netlink.mark_rules()? {
        let result = netlink.remove_mark_rule(&rule);
        residue.note(format!("rule for mark {:#x}", rule.mark), result);
    }
    Ok(())
}

// Blackholes last: they hold the shield while the others go.
fn clean_routes(netlink: &mut Netlink, residue: &mut Residue) -> Result<(), NetlinkError> {
    let mut routes = netlink.routes()?;
    routes.retain(|route| route.protocol == PROTOCOL);
    routes.sort_by_key(|route| route.kind == RouteKind::Blackhole);
    for route in routes {
        let result = netlink.remove_route(&route);
        residue.note(format!("route {route}"), result);
    }
    Ok(())
}

fn clean_neighbors(netlink: &mut Netlink, residue: &mut Residue) -> Result<(), NetlinkError> {
    for neighbor in netlink.neighbors()?.into_iter().filter(|neighbor| neighbor.ours) {
        let result = netlink.remove_neighbor(neighbor.index, neighbor.address);
        residue.note(format!("neighbor {} on link {}", neighbor.address, neighbor.index), result);
    }
    Ok(())
}

fn clean_addresses(netlink: &mut Netlink, residue: &mut Residue) -> Result<(), NetlinkError> {
    for address in netlink.addresses()?.into_iter().filter(|address| address.ours) {
        let result = netlink.remove_address(address.index, address.address, address.bits);
        residue.note(format!("address {}/{} on link {}", address.address, address.bits, address.index), result);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
