//! Address and port translation, checksums kept incrementally (RFC 1624).

use super::patch_l4;
use crate::Packet;
use net::checksum::Delta;
use net::fields::write_u16;
use net::ip::{self, protocol};
use net::{Address, Parsed};

/// What to replace; the new addresses are of the packet's family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// New source address and port.
    pub source: Option<(Address, u16)>,
    /// New destination address and port.
    pub destination: Option<(Address, u16)>,
}

impl Rewrite {
    /// The description of the packet behind [`rewrite`].
    pub fn describe(&self, parsed: &Parsed) -> Parsed {
        let mut rewritten = *parsed;
        let has_ports = has_ports(parsed);
        if let Some((address, port)) = self.source {
            rewritten.source = address;
            rewritten.source_port = if has_ports { port } else { parsed.source_port };
        }
        if let Some((address, port)) = self.destination {
            rewritten.destination = address;
            rewritten.destination_port = if has_ports { port } else { parsed.destination_port };
        }
        rewritten
    }
}

const fn has_ports(parsed: &Parsed) -> bool {
    matches!(parsed.protocol, protocol::TCP | protocol::UDP) && !parsed.is_later_fragment()
}

/// Rewrites addresses and, where the packet has them, ports. `parsed` describes the packet as it was before.
///
/// A first fragment carries the checksum of the whole datagram, which changes by the same amount.
pub fn rewrite(packet: &mut Packet<'_>, parsed: &Parsed, to: &Rewrite) {
    let (l3, l4) = (usize::from(parsed.l3), usize::from(parsed.l4));
    let has_ports = has_ports(parsed);
    let (mut pseudo, mut content) = (Delta::NONE, Delta::NONE);
    let bytes = packet.bytes_mut();
    if let Some((address, port)) = to.source {
        debug_assert_eq!(address.family(), parsed.family);
        ip::set_source(bytes, l3, parsed.source, address);
        pseudo = pseudo.address(parsed.source, address);
        if has_ports {
            write_u16(bytes, l4, port);
            content = content.word(parsed.source_port, port);
        }
    }
    if let Some((address, port)) = to.destination {
        debug_assert_eq!(address.family(), parsed.family);
        ip::set_destination(bytes, l3, parsed.destination, address);
        pseudo = pseudo.address(parsed.destination, address);
        if has_ports {
            write_u16(bytes, l4 + 2, port);
            content = content.word(parsed.destination_port, port);
        }
    }
    if !parsed.is_later_fragment() {
        patch_l4(packet, parsed, pseudo, content);
    }
}

#[cfg(test)]
mod tests;
