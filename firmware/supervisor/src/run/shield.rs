//! Keeps the claim on the kernel in step with the tables: filters at the NICs, and a blackhole route behind each VIP.

use control::kernel::Kernel;
use drivers::cbpf::{Instruction, Program, statement};
use drivers::claim::{ClaimError, ClaimLimits, ClaimSet, ClaimStatistics, FlowClaims, Shield, ShieldChoice, classic};
use drivers::netlink::{KernelRoute, Netlink, NetlinkError, PROTOCOL, RouteKind};
use drivers::{Taps, netlink::Link};
use engine::Tables;
use net::{Address, Prefix};
use std::collections::BTreeSet;

/// BPF_RET with a constant (linux/bpf_common.h).
const RETURN: u32 = 0x06;

/// The claim as it stands.
pub struct Claiming {
    shield: Shield,
    applied: Option<ClaimSet>,
    own: BTreeSet<Address>,
    blackholes: BTreeSet<Address>,
}

impl Claiming {
    /// Loads the program, or what stands in for it, as `wanted`. Knows the blackholes that an earlier run left.
    pub fn load(netlink: &mut Netlink, wanted: config::Shield) -> Result<Self, ClaimError> {
        let choice = match wanted {
            config::Shield::Auto => ShieldChoice::Auto,
            config::Shield::Program => ShieldChoice::Program,
            config::Shield::Classic => ShieldChoice::Classic,
        };
        let shield = Shield::load(choice, ClaimLimits::default())?;
        let blackholes = netlink
            .routes()?
            .into_iter()
            .filter(|route| route.protocol == PROTOCOL && route.kind == RouteKind::Blackhole)
            .map(|route| route.to.network)
            .collect();
        Ok(Self { shield, applied: None, own: BTreeSet::new(), blackholes })
    }

    /// Whether the classic filter stands in for eBPF.
    pub const fn is_classic(&self) -> bool {
        matches!(self.shield, Shield::Classic(_))
    }

    /// From now on these addresses are the kernel's in any case.
    pub fn spare(&mut self, own: BTreeSet<Address>) {
        self.own = own;
    }

    /// Claims what `tables` say. `true` when that changed something.
    pub fn apply(&mut self, netlink: &mut Netlink, tables: &Tables) -> Result<bool, ClaimError> {
        let mut set = ClaimSet::of(tables);
        set.own.extend(&self.own);
        if self.applied.as_ref() == Some(&set) {
            return Ok(false);
        }
        // The backstop is there before the claim, and goes after it.
        let wanted: BTreeSet<Address> =
            set.vips.union(&set.snat).filter(|vip| !set.own.contains(vip)).copied().collect();
        for vip in wanted.difference(&self.blackholes) {
            note(netlink.add_route(&blackhole(*vip)));
        }
        self.shield.apply(netlink, &set)?;
        for vip in self.blackholes.difference(&wanted) {
            note(netlink.remove_route(&blackhole(*vip)));
        }
        self.blackholes = wanted;
        self.applied = Some(set);
        Ok(true)
    }

    /// Begins at a NIC.
    pub fn attach(&mut self, netlink: &mut Netlink, link: &Link) -> Result<(), ClaimError> {
        self.shield.attach(netlink, link)
    }

    /// Ends at a NIC; that it is gone already is no failure.
    pub fn detach(&mut self, netlink: &mut Netlink, index: u32) {
        match self.shield.detach(netlink, index) {
            Err(ClaimError::Netlink(error)) if error.is_missing() => {}
            Err(error) => tracing::warn!(%error, "claim not taken from link {index}"),
            Ok(()) => {}
        }
    }

    /// Takes filters of an earlier run from links that are not in use now.
    pub fn detach_strangers(&mut self, netlink: &mut Netlink, kernel: &Kernel, used: &BTreeSet<u32>) {
        for link in kernel.links.iter().filter(|link| !used.contains(&link.index)) {
            if netlink.has_filter(link.index).unwrap_or(false) {
                self.detach(netlink, link.index);
            }
        }
    }

    /// What the sockets of a NIC listen to.
    pub fn taps(&self) -> Result<Taps, ClaimError> {
        if !self.is_classic() {
            return Ok(Taps::Marked);
        }
        let set = self.applied.clone().unwrap_or_default();
        let filter = classic::program(&set, classic::Verdicts::SOCKET)?
            .into_iter()
            .map(|word| Instruction { code: word.code, jump_true: word.jt, jump_false: word.jf, operand: word.k })
            .collect();
        // Without marks the first worker gets everything and hands over what is not its own.
        let fan_out = Program::new(vec![statement(RETURN, 0)]);
        Ok(Taps::Everything { filter: Program::new(filter), fan_out })
    }

    /// A handle for one worker that claims single flows; `None` where the kernel can claim none.
    pub fn flow_claims(&self) -> Result<Option<FlowClaims>, ClaimError> {
        self.shield.flow_claims()
    }

    /// What was claimed and what was left to the kernel, by reason.
    pub fn statistics(&self) -> ClaimStatistics {
        self.shield.statistics().unwrap_or_default()
    }

    /// Takes the blackholes back. Filters are taken from each NIC when it is closed.
    pub fn stop(&mut self, netlink: &mut Netlink) {
        for vip in std::mem::take(&mut self.blackholes) {
            note(netlink.remove_route(&blackhole(vip)));
        }
    }
}

fn blackhole(vip: Address) -> KernelRoute {
    KernelRoute::blackhole(Prefix::new(vip, vip.family().bits()))
}

// That a route is there already, or gone already, is what was wanted.
fn note(result: Result<(), NetlinkError>) {
    if let Err(error) = result
        && !error.is_existing()
        && !error.is_missing()
    {
        tracing::warn!(%error, "blackhole route");
    }
}
