//! A backend, and how it is reached.

use crate::{HopIndex, ServiceIndex};
use net::Address;

/// A backend of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Name in the configuration.
    pub name: String,
    /// Whose.
    pub service: ServiceIndex,
    /// Its address.
    pub address: Address,
    /// Its port; `None`: the port the client asked for.
    pub port: Option<u16>,
    /// How it is reached.
    pub method: Method,
    /// Share of new flows; 0: none, but persistent clients still come (IPVS's quiesce).
    pub weight: u32,
    /// What the administrator wants.
    pub state: BackendState,
    /// What the health checks say.
    pub healthy: bool,
    /// It is well, but takes no new flows for now: those it has go on.
    pub standby: Option<Standby>,
    /// Flows at which it takes no more; 0: no limit.
    pub flows_max: u32,
    /// Flows at which it takes them again.
    pub flows_low: u32,
    /// Next hop towards it; `None`: no route.
    pub hop: Option<HopIndex>,
    /// Tunnels: source address of the outer header.
    pub tunnel_source: Option<Address>,
    /// GUE: destination port of the outer header.
    pub tunnel_port: u16,
    /// GUE and GRE: whether the outer header carries a checksum.
    pub tunnel_checksum: bool,
    /// Changes when the slot is given to another backend.
    pub generation: u32,
}

impl Backend {
    /// Whether new flows may go there, its weight and limit aside.
    pub const fn takes_flows(&self) -> bool {
        matches!(self.state, BackendState::Online) && self.healthy && self.standby.is_none()
    }

    /// Whether flows it already has must be treated by the service's `on_backend_down`.
    pub const fn is_down(&self) -> bool {
        match self.state {
            BackendState::Online | BackendState::Drain => !self.healthy,
            BackendState::Disabled | BackendState::Removed => true,
        }
    }
}

/// How a packet reaches its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Destination address and port are replaced; replies come back through the engine.
    Nat,
    /// Only the hardware address is replaced; replies go straight to the client.
    Direct,
    /// IP in IP (RFC 2003, RFC 2473, RFC 4213).
    TunnelIpip,
    /// GRE (RFC 2784).
    TunnelGre,
    /// Generic UDP encapsulation (draft-ietf-intarea-gue).
    TunnelGue,
    /// Source address and port are replaced too.
    FullNat,
}

impl Method {
    /// Whether replies come back through the engine.
    pub const fn sees_replies(self) -> bool {
        matches!(self, Self::Nat | Self::FullNat)
    }

    /// Whether packets are encapsulated.
    pub const fn is_tunnel(self) -> bool {
        matches!(self, Self::TunnelIpip | Self::TunnelGre | Self::TunnelGue)
    }
}

/// Why a backend that is well takes no new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standby {
    /// Backends of a higher priority are enough.
    Priority,
    /// The service has too few backends, its fallback takes the flows.
    Quorum,
    /// The backend itself asks for none.
    Feedback,
}

/// What the administrator wants of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BackendState {
    /// Takes flows.
    #[default]
    Online,
    /// No new flows, persistent clients included; those it has go on.
    Drain,
    /// No flows: as if down.
    Disabled,
    /// No longer in the configuration; kept while flows refer to it, and treated as down.
    Removed,
}
