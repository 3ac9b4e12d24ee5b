//! Backends on the box itself: method nat to one of the box's own addresses.
//!
//! The engine cannot hand a packet to the kernel's sockets, so it sends it over a pair of virtual links: it has one end
//! as a NIC of its own, the kernel the other. Replies must come back the same way, so rules send what the backend's
//! address and port say over the pair.

use engine::ServiceIndex;
use engine::tables::{BackendState, Method, Tables};
use net::Address;
use std::collections::BTreeSet;

/// The engine's end of the pair.
pub const ENGINE_END: &str = "suimon0";
/// The kernel's end of the pair.
pub const KERNEL_END: &str = "suimon1";
/// Ports of one service whose replies are led back, each by a rule of its own, when a backend keeps the client's port.
const REPLY_PORTS_MAX: usize = 64;

/// What backends on the box itself need; empty when there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalPlan {
    /// Whose replies go back over the pair.
    pub replies: BTreeSet<LocalReply>,
}

/// Replies of one backend on the box itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalReply {
    /// Source address.
    pub address: Address,
    /// TCP, or else UDP.
    pub tcp: bool,
    /// Source port.
    pub port: u16,
}

impl LocalPlan {
    /// The plan for `tables` on a box for whose own addresses `is_own` holds.
    pub fn of(tables: &Tables, is_own: impl Fn(Address) -> bool) -> Self {
        let mut replies = BTreeSet::new();
        let local = tables.backends.iter().flatten().filter(|backend| {
            backend.state != BackendState::Removed && backend.method == Method::Nat && is_own(backend.address)
        });
        for backend in local {
            let Some(service) = tables.service(backend.service) else { continue };
            let ports = backend.port.map_or_else(|| ports_of(tables, backend.service), |port| vec![port]);
            replies.extend(ports.into_iter().map(|port| LocalReply {
                address: backend.address,
                tcp: service.tcp,
                port,
            }));
        }
        Self { replies }
    }

    /// Whether the pair is needed.
    pub fn is_needed(&self) -> bool {
        !self.replies.is_empty()
    }
}

// GAP(contract.md, ports): behind the first ports of a long range, replies of a backend on the box itself that keeps
// the client's port leave untranslated; such a backend needs a port of its own.
fn ports_of(tables: &Tables, service: ServiceIndex) -> Vec<u16> {
    let vips = tables.vips.exact.values().chain(tables.vips.prefixes.iter().map(|(_, vip)| vip));
    let ranges = vips.flat_map(|vip| vip.tcp.iter().chain(&vip.udp)).filter(|range| range.service == service);
    let ports: BTreeSet<u16> = ranges.flat_map(|range| range.first..=range.last).take(REPLY_PORTS_MAX).collect();
    ports.into_iter().collect()
}
