//! What the claim on the kernel needs beside the tables: what is the kernel's in any case.
//!
//! VIPs, endpoints, full NAT sources and tunnels follow from the tables alone.

use crate::kernel::Kernel;
use crate::nics::Nics;
use engine::tables::Vips;
use net::Address;
use std::collections::BTreeSet;

/// Addresses of this box, on whatever link, that it has or is about to get. A VIP is never one of them.
pub(crate) fn own_addresses(vips: &Vips, nics: &Nics, kernel: &Kernel) -> BTreeSet<Address> {
    let configured = nics.iter().flat_map(|(_, nic)| nic.addresses.iter().map(|(own, _)| *own));
    let found = kernel.addresses.iter().map(|found| found.address);
    found.chain(configured).filter(|own| !vips.exact.contains_key(own)).collect()
}
