//! Addresses and routes that this node gives the kernel: what the configuration asks for and the kernel lacks. What is
//! there already is adopted, and stays when the node goes; only what was made here is taken back.

use crate::Action;
use crate::event::{OwnRoute, PrefixKey};
use crate::kernel::Kernel;
use net::Address;
use std::collections::{BTreeMap, BTreeSet};

/// An address on a link, by the link's name: numbers of links change when they return.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnLink {
    /// The link's name.
    pub link: String,
    /// The address.
    pub address: Address,
    /// Leading bits that name the network.
    pub bits: u8,
}

/// A route over a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OverLink {
    /// The link's name.
    pub link: String,
    /// Destinations.
    pub to: PrefixKey,
    /// The router; `None`: on the link.
    pub via: Option<Address>,
}

/// What the configuration asks of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Links that are to be up.
    pub links: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<OnLink>,
    /// Routes.
    pub routes: BTreeSet<OverLink>,
}

/// What was made here and has to be taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Addresses.
    pub addresses: BTreeSet<OnLink>,
    /// Routes.
    pub routes: BTreeSet<OverLink>,
    // Links that were set up already, with their numbers: who takes one down afterwards has a reason.
    set_up: BTreeMap<String, u32>,
}

impl Made {
    /// Kept from an earlier run that ended without taking it back.
    pub fn restored(addresses: BTreeSet<OnLink>, routes: BTreeSet<OverLink>) -> Self {
        Self { addresses, routes, set_up: BTreeMap::new() }
    }

    /// Makes what is asked for and missing, takes back what was made and is not asked for any more.
    pub fn settle(&mut self, asked: &Asked, kernel: &Kernel, actions: &mut Vec<Action>) {
        self.forget_gone_links(kernel);
        self.take_back(asked, kernel, actions);
        for name in &asked.links {
            let Some(link) = kernel.link(name) else { continue };
            if self.set_up.insert(name.clone(), link.index) != Some(link.index) && !link.enabled {
                actions.push(Action::SetUp { link: link.index });
            }
        }
        for address in &asked.addresses {
            let Some(link) = kernel.link(&address.link) else { continue };
            if !kernel.addresses_of(link.index).any(|found| found.address == address.address) {
                self.addresses.insert(address.clone());
                let OnLink { address, bits, .. } = *address;
                actions.push(Action::AddAddress { link: link.index, address, bits });
            }
        }
        for route in &asked.routes {
            let Some(own) = own_route(route, kernel) else { continue };
            // A route over a link that is down is refused; the link's return brings us here again.
            if !has_route(kernel, &own) && kernel.link(&route.link).is_some_and(|link| link.enabled) {
                self.routes.insert(route.clone());
                actions.push(Action::AddRoute(own));
            }
        }
    }

    /// Takes everything back.
    pub fn clear(&mut self, kernel: &Kernel, actions: &mut Vec<Action>) {
        self.take_back(&Asked::default(), kernel, actions);
    }

    fn take_back(&mut self, asked: &Asked, kernel: &Kernel, actions: &mut Vec<Action>) {
        self.routes.retain(|route| {
            let keep = asked.routes.contains(route);
            if !keep && let Some(own) = own_route(route, kernel) {
                actions.push(Action::RemoveRoute(own));
            }
            keep
        });
        self.addresses.retain(|address| {
            let keep = asked.addresses.contains(address);
            if !keep && let Some(link) = kernel.link(&address.link) {
                let OnLink { address, bits, .. } = *address;
                actions.push(Action::RemoveAddress { link: link.index, address, bits });
            }
            keep
        });
    }

    // The kernel took them away with the link.
    fn forget_gone_links(&mut self, kernel: &Kernel) {
        self.addresses.retain(|address| kernel.link(&address.link).is_some());
        self.routes.retain(|route| kernel.link(&route.link).is_some());
        self.set_up.retain(|name, _| kernel.link(name).is_some());
    }
}

fn own_route(route: &OverLink, kernel: &Kernel) -> Option<OwnRoute> {
    Some(OwnRoute { to: route.to, via: route.via, link: kernel.link(&route.link)?.index })
}

fn has_route(kernel: &Kernel, own: &OwnRoute) -> bool {
    kernel
        .routes
        .iter()
        .any(|route| PrefixKey::from(route.to) == own.to && route.via == own.via && route.link == own.link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{KernelRoute, Link, LinkAddress};
    use net::{Mac, Prefix};

    const OWN: Address = Address::v4([10, 1, 0, 1]);
    const ROUTER: Address = Address::v4([10, 1, 0, 254]);
    const ANYWHERE: PrefixKey = PrefixKey { network: Address::v4([0, 0, 0, 0]), bits: 0 };

    fn kernel(enabled: bool) -> Kernel {
        let link = Link { index: 7, name: "f0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500, enabled, up: enabled };
        Kernel { links: vec![link], ..Kernel::default() }
    }

    fn asked() -> Asked {
        Asked {
            links: BTreeSet::from(["f0".into()]),
            addresses: BTreeSet::from([OnLink { link: "f0".into(), address: OWN, bits: 16 }]),
            routes: BTreeSet::from([OverLink { link: "f0".into(), to: ANYWHERE, via: Some(ROUTER) }]),
        }
    }

    fn settled(made: &mut Made, asked: &Asked, kernel: &Kernel) -> Vec<Action> {
        let mut actions = Vec::new();
        made.settle(asked, kernel, &mut actions);
        actions
    }

    #[test]
    fn makes_what_is_missing_and_takes_it_back() {
        let mut made = Made::default();
        let route = OwnRoute { to: ANYWHERE, via: Some(ROUTER), link: 7 };
        let address = Action::AddAddress { link: 7, address: OWN, bits: 16 };
        assert_eq!(settled(&mut made, &asked(), &kernel(false)), [Action::SetUp { link: 7 }, address.clone()]);
        assert_eq!(settled(&mut made, &asked(), &kernel(true)), [address, Action::AddRoute(route)]);
        let actions = settled(&mut made, &Asked::default(), &kernel(true));
        let removed = Action::RemoveAddress { link: 7, address: OWN, bits: 16 };
        assert_eq!(actions, [Action::RemoveRoute(route), removed]);
        assert_eq!(settled(&mut made, &Asked::default(), &kernel(true)), []);
    }

    #[test]
    fn what_was_there_is_adopted_and_stays() {
        let mut kernel = kernel(true);
        kernel.addresses.push(LinkAddress { link: 7, address: OWN, bits: 16 });
        let anywhere = Prefix::new(ANYWHERE.network, 0);
        kernel.routes.push(KernelRoute { to: anywhere, via: Some(ROUTER), link: 7, metric: 0 });
        let mut made = Made::default();
        assert_eq!(settled(&mut made, &asked(), &kernel), []);
        assert_eq!(settled(&mut made, &Asked::default(), &kernel), []);
    }

    #[test]
    fn a_link_taken_down_by_hand_stays_down_until_it_returns() {
        let mut made = Made::default();
        let asked = Asked { links: BTreeSet::from(["f0".into()]), ..Asked::default() };
        assert_eq!(settled(&mut made, &asked, &kernel(true)), []);
        assert_eq!(settled(&mut made, &asked, &kernel(false)), []);
        assert_eq!(settled(&mut made, &asked, &Kernel::default()), []);
        assert_eq!(settled(&mut made, &asked, &kernel(false)), [Action::SetUp { link: 7 }]);
    }
}
