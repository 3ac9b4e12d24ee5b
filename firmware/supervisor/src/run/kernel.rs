//! Reads the kernel's network into the control's words.

use control::kernel::{Kernel, KernelRoute, Link, LinkAddress};
use control::made::{Made, OnLink, OverLink};
use drivers::netlink::{Netlink, NetlinkError, PROTOCOL, RouteKind, TABLE_MAIN};
use net::Mac;

/// Links, addresses and routes as they are now.
pub fn read(netlink: &mut Netlink) -> Result<Kernel, NetlinkError> {
    let links = netlink.links()?;
    let addresses = netlink.addresses()?;
    let routes = netlink.routes()?;
    Ok(Kernel {
        links: links
            .into_iter()
            .map(|link| Link {
                index: link.index,
                name: link.name,
                mac: link.mac.unwrap_or_default(),
                mtu: u16::try_from(link.mtu).unwrap_or(u16::MAX),
                enabled: link.up,
                up: link.up && link.carrier,
            })
            .collect(),
        addresses: addresses
            .into_iter()
            .map(|found| LinkAddress { link: found.index, address: found.address, bits: found.bits })
            .collect(),
        routes: routes
            .into_iter()
            .filter(|route| route.kind == RouteKind::Unicast && route.table == TABLE_MAIN)
            .filter_map(|route| {
                Some(KernelRoute { to: route.to, via: route.via, link: route.index?, metric: route.priority })
            })
            .collect(),
    })
}

/// What an earlier run made and did not take back.
pub fn made_before(netlink: &mut Netlink) -> Result<Made, NetlinkError> {
    let links = netlink.links()?;
    let name = |index| links.iter().find(|link| link.index == index).map(|link| link.name.clone());
    let addresses = netlink
        .addresses()?
        .into_iter()
        .filter(|found| found.ours)
        .filter_map(|found| Some(OnLink { link: name(found.index)?, address: found.address, bits: found.bits }))
        .collect();
    let routes = netlink
        .routes()?
        .into_iter()
        .filter(|route| route.protocol == PROTOCOL && route.kind == RouteKind::Unicast && route.table == TABLE_MAIN)
        .filter_map(|route| Some(OverLink { link: name(route.index?)?, to: route.to.into(), via: route.via }))
        .collect();
    Ok(Made::restored(addresses, routes))
}

/// The hardware address of a link, if there is such a link.
pub fn mac_of(netlink: &mut Netlink, name: &str) -> Option<Mac> {
    netlink.link(name).ok()?.mac
}
