//! Flows: who talks to which backend, in which state, and when that is forgotten.
//!
//! A worker owns one [`FlowTable`]. A flow has one slot of [`FLOW_BYTES`] and, in the index, a key per direction that can
//! be seen: packets of the client name client and VIP, replies name the backend and whom it answers. With a load of 0.8
//! at full capacity that makes 124 bytes a flow, and a little over for the wheel.

mod fragments;
mod generation;
mod index;
mod persist;
mod record;
mod slots;
mod table;
mod tcp;

pub use fragments::{
    FRAGMENT_LIFETIME_S, FragmentKey, FragmentTable, Later, PARK_BYTES_MAX, PARKED_LIFETIME_S, PARKED_PER_DATAGRAM_MAX,
    Scheduled,
};
pub use persist::{PersistKey, PersistTable, Persisted};
pub use record::{FlowChange, FlowChanges, FlowRecord};
pub use table::{EVICT_SCAN_MAX, FLOWS_MAX, FlowTable, Full};
pub use tcp::{State, View, next_state};

use crate::tables::{Backend, Tables};
use crate::{BackendIndex, NicId, ServiceIndex, Tuple};
use net::{Address, Mac};
use slots::{Linked, Links};

/// Bytes of a [`Flow`]: two keys of 8 bytes at a load of 0.8 beside it stay below 128.
pub const FLOW_BYTES: usize = 104;
const _: () = assert!(size_of::<Flow>() <= FLOW_BYTES);

/// [`Flow::snat`] of a flow whose source is not translated.
pub const SNAT_NONE: u8 = u8::MAX;
/// [`Flow::snat`] of a flow that keeps the client's address and has another source port towards the backend.
pub const SNAT_CLIENT: u8 = u8::MAX - 1;

/// Bits of [`Flow::flags`].
pub mod flag {
    /// Replies are seen and have a key of their own; set by the table.
    pub const HAS_OUTBOUND: u16 = 0x01;
    /// Replies go another way (direct, tunnels); set by the table.
    pub const ONE_WAY: u16 = 0x02;
    /// The backend's port is the VIP's, whatever the backend says (FTP data); set by the table.
    pub const VIP_PORT: u16 = 0x04;
    /// Packets and bytes are counted.
    pub const STATISTICS: u16 = 0x08;
    /// Made in mid-stream.
    pub const ADOPTED: u16 = 0x10;
    /// Learnt from another node.
    pub const LEARNT: u16 = 0x20;
    /// Ended by an administrator: its packets are dropped until it is forgotten.
    pub const KILLED: u16 = 0x40;
    /// An FTP control connection.
    pub const FTP: u16 = 0x80;
    /// Counted in a persistence entry, which must be told of the end.
    pub const PERSISTENT: u16 = 0x100;
    /// The kernel was shown its replies and must be told of the end.
    pub const CLAIMED: u16 = 0x200;
    /// The backend has sent something.
    pub const ANSWERED: u16 = 0x400;
    /// Counted among its backend's faults.
    pub const FAULTY: u16 = 0x800;
}

/// Where a flow is. Valid while the flow lives, until the next [`FlowTable::resize`] or [`FlowTable::migrate`]; other flows may
/// come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowId(pub u32);

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to backend.
    Inbound,
    /// Backend to client.
    Outbound,
}

/// A flow. What is compared first comes first, so that a miss of the cache is likely to be the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Flow {
    // Halves, high first: a u128 would ask for an alignment of 16.
    client: [u64; 2],
    vip: [u64; 2],
    /// The client's port.
    pub client_port: u16,
    /// The port the client asked for.
    pub vip_port: u16,
    /// Full NAT: source port towards the backend; 0: none.
    pub snat_port: u16,
    /// The backend.
    pub backend: BackendIndex,
    /// The service.
    pub service: ServiceIndex,
    /// Bits of [`flag`].
    pub flags: u16,
    bucket: u16,
    /// TCP or UDP.
    pub protocol: u8,
    /// State; changed by [`FlowTable::set_state`], which knows about time.
    pub state: State,
    /// Full NAT: slot of the source address in `Tables::snat`; [`SNAT_NONE`]: none.
    pub snat: u8,
    /// Where the client's packets come in.
    pub client_nic: NicId,
    /// Hardware address that the client's packets come from: the client, or the router in front of it.
    pub client_mac: Mac,
    /// Second of the last packet.
    pub last_seen_s: u32,
    /// TCP: last acknowledgement number of the client: what the backend's next sequence number is.
    pub client_next: u32,
    /// TCP: last acknowledgement number of the backend: what the client's next sequence number is.
    pub server_next: u32,
    /// Packets from the client.
    pub packets_in: u32,
    /// Packets to the client.
    pub packets_out: u32,
    outbound_tag: u32,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    next: u32,
    previous: u32,
}

/// What a flow is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewFlow {
    /// The client.
    pub client: Address,
    /// Its port.
    pub client_port: u16,
    /// The VIP.
    pub vip: Address,
    /// The port the client asked for.
    pub vip_port: u16,
    /// TCP or UDP.
    pub protocol: u8,
    /// The service.
    pub service: ServiceIndex,
    /// The backend.
    pub backend: BackendIndex,
    /// The tuple of reply packets as they arrive here (see [`reply_tuple`]); `None` for direct and tunnels.
    pub outbound: Option<Tuple>,
    /// Translated source: slot of the address in `Tables::snat` or [`SNAT_CLIENT`], and port.
    pub snat: Option<(u8, u16)>,
    /// First state.
    pub state: State,
    /// Hardware address that the client's packets come from.
    pub client_mac: Mac,
    /// Where they come in.
    pub client_nic: NicId,
    /// Idle time of the first state, seconds.
    pub timeout_s: u32,
}

impl NewFlow {
    /// The tuple of the client's packets.
    pub const fn inbound(&self) -> Tuple {
        Tuple {
            source: self.client,
            destination: self.vip,
            source_port: self.client_port,
            destination_port: self.vip_port,
            protocol: self.protocol,
        }
    }
}

/// The tuple of a backend's replies as they arrive here: to the client, or with full NAT to `snat`. `port` is where the
/// backend listens. `None` when replies go another way.
pub fn reply_tuple(
    backend: &Backend,
    port: u16,
    protocol: u8,
    client: (Address, u16),
    snat: Option<(Address, u16)>,
) -> Option<Tuple> {
    let (destination, destination_port) = snat.unwrap_or(client);
    backend.method.sees_replies().then_some(Tuple {
        source: backend.address,
        destination,
        source_port: port,
        destination_port,
        protocol,
    })
}

impl Flow {
    fn new(new: &NewFlow, now_s: u32) -> Self {
        let (snat, snat_port) = new.snat.unwrap_or((SNAT_NONE, 0));
        let mut flow = Self {
            client: halves(new.client),
            vip: halves(new.vip),
            client_port: new.client_port,
            vip_port: new.vip_port,
            snat_port,
            backend: new.backend,
            service: new.service,
            flags: 0,
            bucket: 0,
            protocol: new.protocol,
            state: new.state,
            snat,
            client_nic: new.client_nic,
            client_mac: new.client_mac,
            last_seen_s: now_s,
            client_next: 0,
            server_next: 0,
            packets_in: 0,
            packets_out: 0,
            outbound_tag: 0,
            bytes_in: 0,
            bytes_out: 0,
            next: 0,
            previous: 0,
        };
        flow.set_links(Links::LOOSE);
        flow
    }

    /// The client.
    #[inline(always)]
    pub const fn client(&self) -> Address {
        joined(self.client)
    }

    /// The VIP.
    #[inline(always)]
    pub const fn vip(&self) -> Address {
        joined(self.vip)
    }

    /// Whether all bits of `flags` (see [`flag`]) are set.
    #[inline(always)]
    pub const fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// Whether replies pass here.
    #[inline(always)]
    pub const fn sees_replies(&self) -> bool {
        self.has(flag::HAS_OUTBOUND)
    }

    /// The view that a packet in `direction` gives of this flow.
    #[inline(always)]
    pub const fn view(&self, direction: Direction) -> View {
        match direction {
            Direction::Outbound => View::Outbound,
            Direction::Inbound if self.sees_replies() => View::Inbound,
            Direction::Inbound => View::InboundOnly,
        }
    }

    /// Whether the other side has not spoken although it would have been heard. Established flows are never half-open.
    pub const fn is_half_open(&self) -> bool {
        self.state.is_half_open() && (self.sees_replies() || !self.state.is_udp())
    }

    /// Where the backend listens for this flow.
    #[inline]
    pub fn backend_port(&self, backend: &Backend) -> u16 {
        match backend.port {
            Some(port) if !self.has(flag::VIP_PORT) => port,
            _ => self.vip_port,
        }
    }

    /// The tuple of the client's packets.
    pub const fn inbound(&self) -> Tuple {
        Tuple {
            source: self.client(),
            destination: self.vip(),
            source_port: self.client_port,
            destination_port: self.vip_port,
            protocol: self.protocol,
        }
    }

    /// The tuple of the replies as they arrive here; `None` when they go another way.
    pub fn outbound(&self, tables: &Tables) -> Option<Tuple> {
        if !self.sees_replies() {
            return None;
        }
        let backend = tables.backend(self.backend)?;
        let (destination, destination_port) = self.answered(tables)?;
        Some(Tuple {
            source: backend.address,
            destination,
            source_port: self.backend_port(backend),
            destination_port,
            protocol: self.protocol,
        })
    }

    #[inline]
    fn is_inbound(&self, tuple: &Tuple) -> bool {
        self.client == halves(tuple.source)
            && self.vip == halves(tuple.destination)
            && self.client_port == tuple.source_port
            && self.vip_port == tuple.destination_port
            && self.protocol == tuple.protocol
    }

    #[inline]
    fn is_outbound(&self, tuple: &Tuple, tables: &Tables) -> bool {
        self.protocol == tuple.protocol
            && self.answered(tables) == Some((tuple.destination, tuple.destination_port))
            && tables.backend(self.backend).is_some_and(|backend| {
                backend.address == tuple.source && self.backend_port(backend) == tuple.source_port
            })
    }

    /// The translated source towards the backend, if there is one.
    #[inline]
    pub fn source(&self, tables: &Tables) -> Option<(Address, u16)> {
        match self.snat {
            SNAT_NONE => None,
            SNAT_CLIENT => Some((self.client(), self.snat_port)),
            slot => tables.snat.get(usize::from(slot)).map(|snat| (snat.address, self.snat_port)),
        }
    }

    // Whom the backend answers.
    #[inline]
    fn answered(&self, tables: &Tables) -> Option<(Address, u16)> {
        if self.snat == SNAT_NONE {
            return Some((self.client(), self.client_port));
        }
        self.source(tables)
    }
}

impl Linked for Flow {
    #[inline(always)]
    fn links(&self) -> Links {
        Links::of(self.next, self.previous, self.bucket)
    }

    #[inline(always)]
    fn set_links(&mut self, links: Links) {
        (self.next, self.previous, self.bucket) = links.numbers();
    }
}

#[inline(always)]
const fn halves(address: Address) -> [u64; 2] {
    [(address.0 >> 64) as u64, address.0 as u64]
}

#[inline(always)]
const fn joined(halves: [u64; 2]) -> Address {
    Address((halves[0] as u128) << 64 | halves[1] as u128)
}
