//! NICs and routes.

use super::{parse_nic_name, per_node};
use crate::PerNode;
use crate::address::{parse_network, parse_nic_address, parse_unicast};
use crate::limits::NIC_ADDRESSES_MAX;
use crate::model::{Nic, Route};
use crate::reader::Reader;

pub(super) fn nic(reader: &mut Reader<'_>) -> Option<Nic> {
    let name = reader.required("name", "the name of the NIC in the kernel, as in \"eth0\"");
    let role = reader.named("role");
    let addresses = reader.value("addresses").map(|value| {
        per_node(&value, |value| {
            value
                .is_list()
                .then(|| value.list(NIC_ADDRESSES_MAX, |value| value.parsed(parse_nic_address)))
                .or_else(|| value.unexpected("a list of addresses, as in [\"10.1.0.1/16\"]"))
        })
    });
    Some(Nic {
        name: name?.parsed(parse_nic_name)?,
        role,
        addresses: match addresses {
            Some(addresses) => addresses?,
            None => PerNode::Same(Vec::new()),
        },
    })
}

pub(super) fn route(reader: &mut Reader<'_>) -> Option<Route> {
    let to =
        reader.required("to", "the network it leads to, as in \"0.0.0.0/0\"").map(|value| value.parsed(parse_network));
    let via = reader.value("via").map(|value| value.parsed(parse_unicast));
    let nic = reader.value("nic").map(|value| value.parsed(parse_nic_name));
    if via.is_none() && nic.is_none() {
        reader.error("neither via nor nic: write the router's address as via, or the NIC whose link it is as nic");
    }
    Some(Route { to: to??, via: via.flatten(), nic: nic.flatten() })
}
