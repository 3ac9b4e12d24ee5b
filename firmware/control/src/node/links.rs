//! The NICs of a node: which links are in use, opened, closed and opened again.

use super::{Due, Node};
use crate::compile;
use crate::event::Action;
use crate::local::ENGINE_END;
use crate::nics::{Nics, WantedNic};
use crate::slots::Full;
use config::{Config, NicRole};
use engine::NicId;
use net::{Address, Now};
use std::collections::BTreeMap;
use std::time::Duration;

/// Wait before a NIC that was lost, or could not be opened, is opened again.
const REOPEN_GAP: Duration = Duration::from_millis(500);

/// A link in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub link: u32,
    pub up: bool,
}

impl Node {
    // A NIC that was open on a link that is gone, or that was set down, is no NIC any more.
    pub(super) fn close_nics(&mut self, now: Now, actions: &mut Vec<Action>) {
        let there = self.usable_links();
        let gone: Vec<NicId> = self
            .open
            .iter()
            .filter(|(nic, open)| there.get(nic).is_none_or(|now| now.link != open.link))
            .map(|(nic, _)| *nic)
            .collect();
        for nic in gone {
            self.open.remove(&nic);
            self.retries.remove(&nic);
            self.neighbors.forget_nic(now, nic);
            actions.push(Action::CloseNic { nic });
        }
    }

    pub(super) fn open_nics(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.retries.retain(|_, retry| *retry > now);
        for (nic, Open { link, up }) in self.usable_links() {
            if self.retries.contains_key(&nic) {
                continue;
            }
            let before = self.open.insert(nic, Open { link, up });
            if before.is_none() {
                let name = self.nics.nic(nic).expect("listed from there").name.clone();
                actions.push(Action::OpenNic { nic, name, link });
            }
            if up && !before.is_some_and(|open| open.up) {
                self.neighbors.forget_nic(now, nic);
                self.announcer.link_returned(now, nic);
                let name = &self.nics.nic(nic).expect("listed from there").name;
                let own = self.config.nics.iter().filter(|own| own.name == *name);
                let addresses = own.flat_map(|own| own.addresses_on(&self.name)).map(|own| Address::from(own.address));
                self.announcer.moved(now, nic, addresses);
            }
        }
    }

    // Links that are administratively up: packet sockets cannot be opened on others.
    pub(super) fn usable_links(&self) -> BTreeMap<NicId, Open> {
        self.nics
            .iter()
            .filter_map(|(id, nic)| Some((id, nic.link.as_ref().filter(|link| link.enabled)?)))
            .map(|(id, link)| (id, Open { link: link.index, up: link.up }))
            .collect()
    }

    pub(super) fn lose_nic(&mut self, now: Now, nic: NicId, actions: &mut Vec<Action>) -> Due {
        if self.open.remove(&nic).is_some() {
            actions.push(Action::CloseNic { nic });
            self.retries.insert(nic, now + REOPEN_GAP);
        }
        Due::Nothing
    }

    pub(super) fn update_nics(&self, config: &Config, nics: &mut Nics) -> Result<(), Full> {
        let mut wanted: Vec<WantedNic> = config
            .nics
            .iter()
            .filter(|nic| nic.role == NicRole::Data)
            .map(|nic| WantedNic {
                name: nic.name.clone(),
                addresses: nic
                    .addresses_on(&self.name)
                    .iter()
                    .map(|own| (Address::from(own.address), own.bits))
                    .collect(),
            })
            .collect();
        if self.has_local_backends(config) {
            wanted.push(WantedNic { name: ENGINE_END.to_owned(), addresses: Vec::new() });
        }
        let vips = compile::hosts(config);
        nics.update(&wanted, &self.kernel, |address| vips.contains_key(&address))
    }

    pub(super) fn has_local_backends(&self, config: &Config) -> bool {
        config.services.iter().flat_map(|service| &service.backends).any(|backend| {
            let address = Address::from(backend.address);
            let configured = || config.nics.iter().flat_map(|nic| nic.addresses_on(&self.name));
            self.kernel.has_address(address) || configured().any(|own| own.address == backend.address)
        })
    }
}
