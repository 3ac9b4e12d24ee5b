//! The far ends of tunnels and what the paths to them carry (RFC 1191, RFC 8201).

use crate::tables::Method;
use crate::{BACKENDS_MAX, BackendIndex, Tables};
use net::{Address, Now};

/// Seconds after which a path is tried again with larger packets (RFC 1191 6.3, RFC 8201 4: ten minutes).
const LEARNT_S: u32 = 600;

/// What the tables say about tunnels, sorted for a quick answer, and what errors said about their paths.
#[derive(Debug)]
pub(super) struct TunnelPaths {
    /// Where our tunnels begin: the box's own addresses, and those that the configuration names for it.
    starts: Vec<Address>,
    /// Where they end, and for which backend.
    ends: Vec<(Address, BackendIndex)>,
    /// By backend slot.
    learnt: Vec<Learnt>,
}

/// The MTU that a path was found to have; 0: not known to be smaller than the link's.
#[derive(Clone, Copy, Debug, Default)]
struct Learnt {
    mtu: u16,
    at_s: u32,
}

impl Default for TunnelPaths {
    fn default() -> Self {
        Self { starts: Vec::new(), ends: Vec::new(), learnt: vec![Learnt::default(); BACKENDS_MAX] }
    }
}

impl TunnelPaths {
    /// Takes over where tunnels begin and end; what was learnt stays.
    pub(super) fn adopt(&mut self, tables: &Tables) {
        let own = tables.nics.iter().flat_map(|nic| nic.addresses.iter().map(|(address, _)| *address));
        let named = tables.backends.iter().flatten().filter_map(|backend| backend.tunnel_source);
        self.starts = own.chain(named).collect();
        self.starts.sort_unstable();
        self.starts.dedup();
        let tunnels = tables.backends.iter().enumerate().filter_map(|(at, backend)| {
            let backend = backend.as_ref().filter(|backend| backend.method.is_tunnel())?;
            Some((backend.address, BackendIndex(at as u16)))
        });
        self.ends = tunnels.collect();
        self.ends.sort_unstable();
    }

    /// Whether tunnels begin at `address`.
    pub(super) fn begin_at(&self, address: Address) -> bool {
        self.starts.binary_search(&address).is_ok()
    }

    /// What the path to `backend` carries, if that is known to be less than `link`.
    pub(super) fn mtu(&self, backend: BackendIndex, link: u16, now: Now) -> u16 {
        let learnt = self.learnt[backend.at()];
        if learnt.mtu == 0 || now.secs().saturating_sub(learnt.at_s) >= LEARNT_S { link } else { link.min(learnt.mtu) }
    }

    /// Notes what the paths to all backends behind one end of our tunnels carry. `false` when there is no such end.
    pub(super) fn learn(&mut self, tables: &Tables, (end, method): (Address, Method), mtu: u16, now: Now) -> bool {
        let first = self.ends.partition_point(|(address, _)| *address < end);
        let mut learnt = false;
        for (_, index) in self.ends[first..].iter().take_while(|(address, _)| *address == end) {
            if tables.backend(*index).is_some_and(|backend| backend.method == method) {
                self.learnt[index.at()] = Learnt { mtu, at_s: now.secs() };
                learnt = true;
            }
        }
        learnt
    }

    /// What was learnt of a slot's former backend says nothing of the one that is in it now.
    pub(super) fn forget(&mut self, slot: usize) {
        self.learnt[slot] = Learnt::default();
    }
}
