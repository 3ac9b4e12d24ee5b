//! The engine's NICs: numbers for names, and what the kernel says of each.

use crate::kernel::{Kernel, Link};
use crate::slots::{Full, Slots};
use engine::{NicId, tables};
use net::{Address, Mac, Prefix};

/// NICs of the engine at most, those included that left the configuration and whose numbers rest.
pub const NICS_MAX: usize = 64;

/// A NIC that the configuration names, or the engine's end of the pair for local backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedNic {
    /// Name in the configuration and in the kernel.
    pub name: String,
    /// Addresses that the configuration gives it.
    pub addresses: Vec<(Address, u8)>,
}

/// Numbers for NICs, stable as long as the configuration names them.
#[derive(Clone, Debug)]
pub struct Nics {
    numbers: Slots<String>,
    nics: Vec<Option<Nic>>,
}

/// A NIC with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Name.
    pub name: String,
    /// The link, when there is one of that name.
    pub link: Option<Link>,
    /// Its addresses, configured or found, with their networks.
    pub addresses: Vec<(Address, Prefix)>,
}

impl Default for Nics {
    fn default() -> Self {
        Self { numbers: Slots::new("NICs", NICS_MAX), nics: Vec::new() }
    }
}

impl Nics {
    /// The same numbers for the same names; `is_vip` tells addresses that are not the kernel's to have.
    pub fn update(
        &mut self,
        wanted: &[WantedNic],
        kernel: &Kernel,
        is_vip: impl Fn(Address) -> bool,
    ) -> Result<(), Full> {
        self.numbers.begin();
        let mut places = Vec::with_capacity(wanted.len());
        for nic in wanted {
            places.push(self.place(&nic.name)?);
        }
        self.nics = vec![None; self.numbers.length()];
        for (at, nic) in places.into_iter().zip(wanted) {
            let link = kernel.link(&nic.name).cloned();
            let mut addresses: Vec<(Address, u8)> = nic.addresses.clone();
            if let Some(link) = &link {
                addresses.extend(kernel.addresses_of(link.index).map(|found| (found.address, found.bits)));
            }
            addresses.retain(|(address, _)| !is_vip(*address));
            let mut own: Vec<(Address, Prefix)> = Vec::with_capacity(addresses.len());
            for (address, bits) in addresses {
                if !own.iter().any(|(known, _)| *known == address) {
                    own.push((address, Prefix::new(address, bits)));
                }
            }
            self.nics[at] = Some(Nic { name: nic.name.clone(), link, addresses: own });
        }
        Ok(())
    }

    /// The number of a NIC.
    pub fn id(&self, name: &str) -> Option<NicId> {
        self.iter().find(|(_, nic)| nic.name == name).map(|(id, _)| id)
    }

    /// The NIC with a number.
    pub fn nic(&self, id: NicId) -> Option<&Nic> {
        self.nics.get(id.at())?.as_ref()
    }

    /// The NIC on a link.
    pub fn on_link(&self, index: u32) -> Option<NicId> {
        self.iter().find(|(_, nic)| nic.link.as_ref().is_some_and(|link| link.index == index)).map(|(id, _)| id)
    }

    /// NICs with a network that holds `address`.
    pub fn holding(&self, address: Address) -> impl Iterator<Item = NicId> {
        self.iter()
            .filter(move |(_, nic)| nic.addresses.iter().any(|(_, network)| network.contains(address)))
            .map(|(id, _)| id)
    }

    /// The hardware address of a NIC whose link is up.
    pub fn mac(&self, id: NicId) -> Option<Mac> {
        self.nic(id)?.link.as_ref().filter(|link| link.up).map(|link| link.mac)
    }

    /// All NICs with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (NicId, &Nic)> {
        self.nics.iter().enumerate().filter_map(|(at, nic)| Some((NicId(at as u8), nic.as_ref()?)))
    }

    /// As the engine sees them; a number without a NIC is one that is down.
    pub fn compiled(&self) -> Vec<tables::Nic> {
        self.nics.iter().map(|nic| nic.as_ref().map_or_else(absent, Nic::compiled)).collect()
    }

    fn place(&mut self, name: &String) -> Result<usize, Full> {
        if let Ok(place) = self.numbers.place(name) {
            return Ok(place.index);
        }
        // Numbers of NICs that are gone are given away only when no other is left: hops of old flows name them.
        let gone: Vec<usize> = self.numbers.leaving().map(|(at, _)| at).collect();
        for at in gone {
            self.numbers.release(at);
        }
        self.numbers.place(name).map(|place| place.index)
    }
}

impl Nic {
    fn compiled(&self) -> tables::Nic {
        tables::Nic {
            name: self.name.clone(),
            mac: self.link.as_ref().map_or(Mac::default(), |link| link.mac),
            mtu: self.link.as_ref().map_or(MTU_UNKNOWN, |link| link.mtu),
            up: self.link.as_ref().is_some_and(|link| link.up),
            addresses: self.addresses.clone(),
        }
    }
}

/// Stands for the MTU of a NIC that is not there; nothing is sent on it.
const MTU_UNKNOWN: u16 = 1_500;

fn absent() -> tables::Nic {
    tables::Nic { name: String::new(), mac: Mac::default(), mtu: MTU_UNKNOWN, up: false, addresses: Vec::new() }
}
