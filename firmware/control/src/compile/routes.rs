//! The way to every destination: networks of the NICs' own addresses, routes of the configuration, and the kernel's
//! own routes for destinations that the configuration does not speak of.

use super::words;
use crate::event::PrefixKey;
use crate::kernel::Kernel;
use crate::made::OverLink;
use crate::nics::Nics;
use config::Config;
use engine::NicId;
use net::{Address, Prefix};

/// A route before its next hop has a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Destinations.
    pub to: Prefix,
    /// Where it leaves.
    pub nic: NicId,
    /// The router; `None`: on the link.
    pub via: Option<Address>,
}

/// All ways, longest prefix first; among equal prefixes own networks, then the configuration, then the kernel.
pub(crate) fn ways(config: &Config, nics: &Nics, kernel: &Kernel) -> Vec<Way> {
    let mut ways: Vec<Way> = nics
        .iter()
        .flat_map(|(nic, found)| found.addresses.iter().map(move |(_, to)| Way { to: *to, nic, via: None }))
        // Every link has this network, so it names none.
        .filter(|way| !way.to.network.is_link_local_v6())
        .collect();
    ways.extend(config.routes.iter().filter_map(|route| {
        let nic = nics.id(leaving_by(route, config, nics)?.as_str())?;
        Some(Way { to: words::prefix(&route.to), nic, via: route.via.map(Address::from) })
    }));
    let spoken_of = ways.len();
    let mut found: Vec<_> = kernel.routes.iter().collect();
    found.sort_by_key(|route| route.metric);
    for route in found {
        let known = ways[..spoken_of].iter().any(|way| way.to == route.to);
        if !known
            && !route.to.network.is_link_local_v6()
            && let Some(nic) = nics.on_link(route.link)
        {
            ways.push(Way { to: route.to, nic, via: route.via });
        }
    }
    // A stable sort: what was said first among equals stays first.
    ways.sort_by_key(|way| std::cmp::Reverse(way.to.bits));
    ways
}

/// The way to `destination`, and the neighbour that it leads to.
pub(crate) fn neighbor(ways: &[Way], destination: Address) -> Option<(NicId, Address)> {
    let way = ways.iter().find(|way| way.to.contains(destination))?;
    Some((way.nic, way.via.unwrap_or(destination)))
}

/// The routes that the kernel is to have, over whatever NIC the configuration names.
pub(crate) fn asked(config: &Config, node: &str, nics: &Nics) -> impl Iterator<Item = OverLink> {
    config.routes.iter().filter_map(move |route| {
        let link = leaving_by(route, config, nics).or_else(|| {
            let via = route.via?;
            let on = |nic: &&config::Nic| nic.addresses_on(node).iter().any(|own| own.contains(via));
            config.nics.iter().find(on).map(|nic| nic.name.clone())
        })?;
        let to = PrefixKey::from(words::prefix(&route.to));
        Some(OverLink { link, to, via: route.via.map(Address::from) })
    })
}

// The NIC that the route names, or the one that has the router in a network of its own.
fn leaving_by(route: &config::Route, config: &Config, nics: &Nics) -> Option<String> {
    if let Some(name) = &route.nic {
        return config.nic(name).map(|nic| nic.name.clone());
    }
    let id = nics.holding(Address::from(route.via?)).next()?;
    nics.nic(id).map(|nic| nic.name.clone())
}
