//! Which VIPs this node owns, and on which NIC it announces them.
//!
//! Ownership is an input: whoever decides it (a single node owns everything; later the routers of a group) says so by
//! [`Ownership::set`]. A VIP that nobody spoke of is owned.

use crate::nics::Nics;
use engine::NicId;
use net::Address;
use std::collections::BTreeSet;

/// Which VIPs are another node's now.
#[derive(Clone, Debug, Default)]
pub struct Ownership {
    elsewhere: BTreeSet<Address>,
}

impl Ownership {
    /// Whether this node answers for `vip`.
    pub fn owns(&self, vip: Address) -> bool {
        !self.elsewhere.contains(&vip)
    }

    /// This node owns `vip` from now on, or does not. `true` when that is news.
    pub fn set(&mut self, vip: Address, owned: bool) -> bool {
        if owned { self.elsewhere.remove(&vip) } else { self.elsewhere.insert(vip) }
    }

    /// Where to announce which of `vips`: a VIP with a NIC there, any other on the NICs with a network that holds it.
    /// A VIP in no network of this box is routed to it and is not announced.
    pub fn announced<'a>(
        &self,
        vips: impl Iterator<Item = (Address, Option<&'a str>)>,
        nics: &Nics,
    ) -> BTreeSet<(NicId, Address)> {
        let mut places = BTreeSet::new();
        for (vip, nic) in vips.filter(|(vip, _)| self.owns(*vip)) {
            match nic {
                Some(name) => places.extend(nics.id(name).map(|id| (id, vip))),
                None => places.extend(nics.holding(vip).map(|id| (id, vip))),
            }
        }
        places
    }
}
