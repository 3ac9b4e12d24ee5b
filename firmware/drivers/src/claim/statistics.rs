//! What the claim program counted, by reason.

use super::{ClaimError, maps};
use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a packet was claimed or left to the kernel. The order is that of `enum reason` in `claim.bpf.c`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in counters and metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// Nothing of ours.
    Passed => "passed",
    /// For another station's hardware address.
    PassedForeign => "passed_foreign",
    /// Tagged: its VLAN device has its own filter.
    PassedVlan => "passed_vlan",
    /// Not an IP packet in spite of its EtherType.
    PassedMalformed => "passed_malformed",
    /// A later fragment whose first one was left to the kernel.
    PassedFragment => "passed_fragment",
    /// For a VIP.
    ClaimedVip => "claimed_vip",
    /// For a source address of full NAT.
    ClaimedSnat => "claimed_snat",
    /// From a backend's endpoint.
    ClaimedEndpoint => "claimed_endpoint",
    /// Of a flow or an expectation.
    ClaimedFlow => "claimed_flow",
    /// An ICMP error about a packet of ours.
    ClaimedIcmpError => "claimed_icmp_error",
    /// An ICMP error about the outer header of a tunnel of ours.
    ClaimedTunnelError => "claimed_tunnel_error",
    /// A neighbour solicitation or advertisement about an address of ours.
    ClaimedNeighbor => "claimed_neighbor",
    /// A later fragment.
    ClaimedFragment => "claimed_fragment",
}

impl Reason {
    /// Whether the packet went to the engine.
    pub const fn is_claimed(self) -> bool {
        self as u8 >= Self::ClaimedVip as u8
    }
}

/// The counters of one program, sums over all processors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimStatistics {
    counts: Vec<u64>,
}

impl ClaimStatistics {
    /// Packets decided for `reason`.
    pub fn count(&self, reason: Reason) -> u64 {
        self.counts.get(reason as usize).copied().unwrap_or(0)
    }

    /// All reasons with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().map(|reason| (*reason, self.count(*reason)))
    }

    /// Packets that went to the engine.
    pub fn claimed(&self) -> u64 {
        self.iter().filter(|(reason, _)| reason.is_claimed()).map(|(_, count)| count).sum()
    }

    /// Packets that were left to the kernel.
    pub fn passed(&self) -> u64 {
        self.iter().filter(|(reason, _)| !reason.is_claimed()).map(|(_, count)| count).sum()
    }
}

/// The map they are in.
pub(super) struct Counters(PerCpuArray<MapData, u64>);

impl Counters {
    pub(super) fn take(object: &mut Ebpf) -> Result<Self, ClaimError> {
        maps::take(object, "statistics").map(Self)
    }

    pub(super) fn read(&self) -> Result<ClaimStatistics, ClaimError> {
        let mut counts = Vec::with_capacity(Reason::ALL.len());
        for reason in 0..Reason::ALL.len() as u32 {
            let values = self.0.get(&reason, 0).map_err(|source| ClaimError::Map { map: "statistics", source })?;
            counts.push(values.iter().sum());
        }
        Ok(ClaimStatistics { counts })
    }
}
