//! What takes several fields to tell: names that clash, references that lead nowhere, addresses and methods that
//! cannot work together. Things that could not be read are left out, and so is what depends on them.

mod backend;
mod health;
mod network;
mod service;

use crate::model::{Nic, Route};
use crate::read::Draft;
use crate::report::{Place, Report};
use crate::service::{Fallback, Service};
use std::collections::HashMap;
use std::net::IpAddr;

/// Checks the draft as a whole.
pub(crate) fn draft(draft: &Draft, report: &Report<'_>) {
    let known = Known::new(draft);
    let mut check = Check { draft, report, known };
    network::check(&mut check);
    service::check(&mut check);
}

/// What is checked, and what is known of it.
struct Check<'d> {
    draft: &'d Draft,
    report: &'d Report<'d>,
    known: Known<'d>,
}

/// Whose an address is.
#[derive(Clone, Copy)]
enum Owner<'d> {
    Nic(&'d str),
    Vip(&'d str),
    Snat,
}

/// Look-ups over the whole draft.
struct Known<'d> {
    owners: HashMap<IpAddr, Owner<'d>>,
    /// Every NIC could be read: what is on no subnet really is on none.
    nics_complete: bool,
    services_complete: bool,
}

impl<'d> Known<'d> {
    fn new(draft: &'d Draft) -> Self {
        let mut owners = HashMap::new();
        for address in &draft.engine.snat_addresses {
            owners.insert(*address, Owner::Snat);
        }
        for service in draft.services.iter().flatten() {
            for vip in service.vip.iter().filter(|vip| vip.is_host()) {
                owners.insert(vip.address, Owner::Vip(&service.name));
            }
        }
        // The first NIC's claim wins: the second is the error.
        for nic in draft.nics.iter().flatten().rev() {
            for own in nic.all_addresses() {
                owners.insert(own.address, Owner::Nic(&nic.name));
            }
        }
        Self {
            owners,
            nics_complete: draft.nics.iter().all(Option::is_some),
            services_complete: draft.services.iter().all(Option::is_some),
        }
    }
}

impl<'d> Check<'d> {
    fn nics(&self) -> impl Iterator<Item = (Place, &'d Nic)> + use<'d> {
        things("nic", &self.draft.nics, |nic| Some(&nic.name))
    }

    fn routes(&self) -> impl Iterator<Item = (Place, &'d Route)> + use<'d> {
        things("route", &self.draft.routes, |_| None)
    }

    fn services(&self) -> impl Iterator<Item = (Place, &'d Service)> + use<'d> {
        things("service", &self.draft.services, |service| Some(&service.name))
    }

    fn owner(&self, address: IpAddr) -> Option<Owner<'d>> {
        self.known.owners.get(&address).copied()
    }

    fn nic_holding(&self, address: IpAddr) -> Option<&'d Nic> {
        self.draft.nics.iter().flatten().find(|nic| nic.subnet_holds(address))
    }

    fn nic_named(&self, name: &str) -> Option<&'d Nic> {
        self.draft.nics.iter().flatten().find(|nic| nic.name == name)
    }

    /// A NIC must be in the document; the error lists those that are.
    fn nic_exists(&self, place: &Place, name: &str) {
        if self.known.nics_complete && self.nic_named(name).is_none() {
            let names: Vec<_> = self.nics().map(|(_, nic)| nic.name.as_str()).collect();
            let known = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
            self.report.error(place, format!("no [[nic]] is called \"{name}\": {known}"));
        }
    }

    /// Names of things of one kind must differ.
    fn names_differ<'n>(&self, named: impl Iterator<Item = (Place, &'n str)>) {
        let mut seen: HashMap<&str, Place> = HashMap::new();
        for (place, name) in named {
            let place = place.field("name");
            match seen.get(name) {
                Some(first) => {
                    let line = self.report.line(first);
                    self.report.error(&place, format!("the name is taken: see line {line}"));
                }
                None => {
                    seen.insert(name, place);
                }
            }
        }
    }
}

/// The things that could be read, each with its place.
fn things<'d, T>(
    kind: &'static str,
    things: &'d [Option<T>],
    name: impl Fn(&T) -> Option<&String>,
) -> impl Iterator<Item = (Place, &'d T)> {
    things.iter().enumerate().filter_map(move |(index, thing)| {
        let thing = thing.as_ref()?;
        Some((Place::default().thing(kind, index, name(thing).map(String::as_str)), thing))
    })
}

/// The place of a service's fallback.
fn fallback_of<'s>(place: &Place, service: &'s Service) -> Option<(Place, &'s Fallback)> {
    service.fallback.as_ref().map(|fallback| (place.field("fallback"), fallback))
}

/// The family of an address, in words.
fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
