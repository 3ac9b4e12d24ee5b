//! The maximum segment size that a SYN offers, lowered to what the path carries (RFC 9293 3.7.1).

use super::{overwrite, patch_l4};
use crate::Packet;
use net::checksum::Delta;
use net::fields::read_u16;
use net::ip::protocol;
use net::tcp::{self, flag, option};
use net::{Fragment, Parsed};

/// Lowers the option to `max`. `true` when something changed; not when it is no SYN, has no such option, or asks for less.
pub fn clamp(packet: &mut Packet<'_>, parsed: &Parsed, max: u16) -> bool {
    let is_syn = parsed.protocol == protocol::TCP && parsed.tcp_flags & flag::SYN != 0;
    if !is_syn || parsed.fragment != Fragment::Whole {
        return false;
    }
    let l4 = usize::from(parsed.l4);
    let bytes = packet.bytes_mut();
    let value = match tcp::option_value(bytes, l4, option::MSS) {
        Some(value) if value.len() == 2 && read_u16(bytes, value.start) > max => value,
        _ => return false,
    };
    // After an odd number of NOPs the value is at an odd place.
    let content = overwrite(bytes, l4, value.start, &max.to_be_bytes(), Delta::NONE);
    patch_l4(packet, parsed, Delta::NONE, content);
    true
}

#[cfg(test)]
mod tests;
