//! What happens to a node, and what it wants done.

use crate::drain::{Wish, Wishes};
use crate::health::{Checked, ProbeId, Seen};
use crate::kernel::Kernel;
use crate::local::LocalPlan;
use crate::notice::Notice;
use config::{Config, Probe};
use engine::{BackendIndex, NicId, Tables};
use net::{Address, Mac, Prefix};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A checked configuration is to be used from now on.
    ConfigCommitted(Arc<Config>),
    /// The same together with all that is wished of backends: at the start, and when both come from elsewhere.
    Restored {
        /// The configuration.
        config: Arc<Config>,
        /// They take the place of those there were.
        wishes: Wishes,
    },
    /// The kernel's links, addresses or routes, all of them, as they are now.
    Kernel(Kernel),
    /// A neighbour answered, or does not.
    Neighbor {
        /// Index of the link.
        link: u32,
        /// Its address.
        address: Address,
        /// Its hardware address; `None`: it does not answer.
        mac: Option<Mac>,
    },
    /// The engine has a frame for a neighbour that it does not know.
    NeighborWanted {
        /// On which NIC.
        nic: NicId,
        /// Its address.
        address: Address,
    },
    /// An ARP frame came in.
    Arp {
        /// Where.
        nic: NicId,
        /// From the Ethernet header on.
        frame: Vec<u8>,
    },
    /// A NIC in use cannot be used any more, or could not be opened.
    NicLost {
        /// Its number.
        nic: NicId,
    },
    /// The engine saw somebody else claim one of our addresses.
    Conflict {
        /// Where.
        nic: NicId,
        /// Ours.
        address: Address,
        /// Theirs.
        mac: Mac,
    },
    /// An administrator wants a backend in this state.
    Wish {
        /// The service's name.
        service: String,
        /// The backend's name.
        backend: String,
        /// The state.
        wish: Wish,
    },
    /// A probe has an answer.
    Checked {
        /// Which one.
        probe: ProbeId,
        /// The answer.
        checked: Checked,
    },
    /// The process that runs the probes is gone; another one takes those that are started from now on.
    ProbesLost,
    /// What the workers count about backends, all workers together.
    Traffic {
        /// By slot; all counts grow as long as the slot has the same backend.
        backends: Vec<(BackendIndex, Seen)>,
    },
    /// This node owns a VIP from now on, or does not.
    Ownership {
        /// The VIP.
        vip: Address,
        /// Whether it is ours.
        owned: bool,
    },
    /// What the workers count.
    Loads {
        /// Flows now, by backend slot, of all workers together.
        flows: Vec<u32>,
        /// The oldest epoch that a worker still uses.
        epoch: u64,
    },
    /// A deadline passed.
    Tick,
}

/// Something to be done, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Receive and send on a link under this number from now on.
    OpenNic {
        /// The number.
        nic: NicId,
        /// The link's name.
        name: String,
        /// The kernel's number of the link.
        link: u32,
    },
    /// Stop using a NIC; its link may be gone already.
    CloseNic {
        /// The number.
        nic: NicId,
    },
    /// Give the workers these tables.
    Publish(Published),
    /// Claim what the tables published last say, but nothing sent to these addresses of this box.
    Claim {
        /// The box's own addresses, on whatever link.
        own: BTreeSet<Address>,
    },
    /// Send a frame.
    SendFrame {
        /// Where.
        nic: NicId,
        /// From the Ethernet header on.
        bytes: Vec<u8>,
    },
    /// Find a neighbour's hardware address, and keep it fresh.
    Resolve {
        /// On which NIC.
        nic: NicId,
        /// Its address.
        address: Address,
    },
    /// A neighbour is of no interest any more.
    ForgetNeighbor {
        /// On which NIC.
        nic: NicId,
        /// Its address.
        address: Address,
    },
    /// Give a link an address.
    AddAddress {
        /// The kernel's number of the link.
        link: u32,
        /// The address.
        address: Address,
        /// Leading bits that name the network.
        bits: u8,
    },
    /// Take back an address that [`Action::AddAddress`] gave.
    RemoveAddress {
        /// The kernel's number of the link.
        link: u32,
        /// The address.
        address: Address,
        /// Leading bits that name the network.
        bits: u8,
    },
    /// Give the kernel a route.
    AddRoute(OwnRoute),
    /// Take back a route that [`Action::AddRoute`] gave.
    RemoveRoute(OwnRoute),
    /// Set the links up that the configuration names.
    SetUp {
        /// The kernel's number of the link.
        link: u32,
    },
    /// What backends on the box itself need.
    Local(LocalPlan),
    /// Reset and forget the flows of a backend.
    KillFlows {
        /// Its slot.
        backend: BackendIndex,
    },
    /// What administrators wished of backends changed: keep it over a restart.
    KeepWishes,
    /// Ask a server again and again, and tell what it answers by [`Event::Checked`].
    StartProbe {
        /// The number to tell it by.
        id: ProbeId,
        /// What is asked of whom.
        probe: Arc<Probe>,
    },
    /// Nobody wants to know any more.
    StopProbe {
        /// The number.
        id: ProbeId,
    },
    /// The judgement of health changed: keep it over a restart.
    KeepHealth,
    /// Something changed that people may want to be called for.
    Tell(Notice),
    /// Say this to whoever reads the log.
    Info(String),
    /// Something is wrong, but the node goes on.
    Warn(String),
}

/// A route of the configuration, as the kernel gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnRoute {
    /// Destinations.
    pub to: PrefixKey,
    /// The router; `None`: on the link.
    pub via: Option<Address>,
    /// The kernel's number of the link.
    pub link: u32,
}

/// A prefix that can be sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrefixKey {
    /// The network.
    pub network: Address,
    /// Leading bits that count.
    pub bits: u8,
}

impl From<Prefix> for PrefixKey {
    fn from(prefix: Prefix) -> Self {
        Self { network: prefix.network, bits: prefix.bits }
    }
}

/// Tables on their way to the workers; two are the same when their epochs are.
#[derive(Clone, Debug)]
pub struct Published(pub Arc<Tables>);

impl PartialEq for Published {
    fn eq(&self, other: &Self) -> bool {
        self.0.epoch == other.0.epoch
    }
}
