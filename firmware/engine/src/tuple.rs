//! The five values that name one direction of a flow.

use net::siphash::Key;
use net::{Address, Parsed};

/// One direction of a flow, as seen in its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Protocol: TCP or UDP.
    pub protocol: u8,
}

impl Tuple {
    /// Of a packet with ports.
    #[inline]
    pub const fn of(parsed: &Parsed) -> Self {
        Self {
            source: parsed.source,
            destination: parsed.destination,
            source_port: parsed.source_port,
            destination_port: parsed.destination_port,
            protocol: parsed.protocol,
        }
    }

    /// The other direction of the same conversation.
    #[inline]
    pub const fn reversed(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            protocol: self.protocol,
        }
    }

    /// The keyed hash: remotes choose these values, so they must not be able to choose the bucket.
    #[inline]
    pub fn hash(&self, key: Key) -> u64 {
        let mut bytes = [0; 37];
        bytes[0..16].copy_from_slice(&self.source.octets());
        bytes[16..32].copy_from_slice(&self.destination.octets());
        bytes[32..34].copy_from_slice(&self.source_port.to_be_bytes());
        bytes[34..36].copy_from_slice(&self.destination_port.to_be_bytes());
        bytes[36] = self.protocol;
        key.hash(&bytes)
    }
}
