//! The pair of links for backends on the box itself: the engine has one end, the kernel the other; rules lead the
//! backends' replies back over the pair.

use control::local::{ENGINE_END, KERNEL_END, LocalPlan, LocalReply};
use drivers::netlink::{KernelRoute, Netlink, NetlinkError, ReplyRule, RouteKind, sysctl};
use net::ip::protocol;
use net::{Address, Mac, Prefix};
use std::collections::BTreeSet;

/// The routing table of replies; no name for it is expected in rt_tables.
const TABLE: u32 = 0x5375;
/// Before the main table's rule (32766), behind the local table's (0).
const PRIORITY: u32 = 21_000;
/// Routers that nobody is: replies go through them to the engine's end. Link-local, so that they never leave the box.
const ROUTER_V4: Address = Address::v4([169, 254, 83, 117]);
const ROUTER_V6: Address = Address(0xfe80_0000_0000_0000_0000_0000_0053_0075);

/// The pair as it stands.
#[derive(Debug, Default)]
pub struct LocalPair {
    replies: BTreeSet<LocalReply>,
    /// Hardware address of the kernel's end, while the pair is there.
    kernel_end: Option<Mac>,
}

impl LocalPair {
    /// What an earlier run left, to be taken over or taken back by the first [`apply`](Self::apply).
    pub fn adopt(netlink: &mut Netlink) -> Result<Self, NetlinkError> {
        let kernel_end = super::kernel::mac_of(netlink, KERNEL_END);
        let replies = netlink
            .reply_rules()?
            .into_iter()
            .map(|rule| LocalReply { address: rule.from, tcp: rule.protocol == protocol::TCP, port: rule.port })
            .collect();
        Ok(Self { replies, kernel_end })
    }

    /// Makes what `plan` needs, and takes back what it does not.
    pub fn apply(&mut self, netlink: &mut Netlink, plan: &LocalPlan) -> Result<(), NetlinkError> {
        if plan.is_needed() && self.kernel_end.is_none() {
            self.kernel_end = Some(make_pair(netlink)?);
        }
        for reply in plan.replies.difference(&self.replies) {
            unless(netlink.add_reply_rule(&rule(*reply)), NetlinkError::is_existing)?;
        }
        for reply in self.replies.difference(&plan.replies) {
            unless(netlink.remove_reply_rule(&rule(*reply)), NetlinkError::is_missing)?;
        }
        self.replies.clone_from(&plan.replies);
        if !plan.is_needed() && self.kernel_end.take().is_some() {
            let link = netlink.link(ENGINE_END)?;
            netlink.remove_link(link.index)?;
        }
        Ok(())
    }

    /// The hardware address that backends on the box itself are reached at.
    pub const fn kernel_end(&self) -> Option<Mac> {
        self.kernel_end
    }
}

// Routes and neighbours of the pair go with it.
fn make_pair(netlink: &mut Netlink) -> Result<Mac, NetlinkError> {
    netlink.add_veth(ENGINE_END, KERNEL_END)?;
    let (engine_end, kernel_end) = (netlink.link(ENGINE_END)?, netlink.link(KERNEL_END)?);
    netlink.set_link_up(engine_end.index, true)?;
    netlink.set_link_up(kernel_end.index, true)?;
    // Clients are not behind this link, so the strict check of RFC 3704 would drop what comes over it; the loose one
    // asks only that they are somewhere. The larger of this and `all` counts.
    sysctl::write(&format!("net/ipv4/conf/{KERNEL_END}/rp_filter"), "2")?;
    // The engine's end has no addresses of the kernel's, and needs none.
    if let Err(error) = sysctl::write(&format!("net/ipv6/conf/{ENGINE_END}/disable_ipv6"), "1") {
        tracing::debug!(%error, "no ipv6");
    }
    let engine_mac = engine_end.mac.unwrap_or_default();
    for (router, anywhere) in [(ROUTER_V4, Address::v4([0; 4])), (ROUTER_V6, Address::UNSPECIFIED)] {
        let made = lead_back(netlink, kernel_end.index, router, anywhere, engine_mac);
        if router.is_v4() {
            made?;
        } else if let Err(error) = made {
            // A kernel without IPv6 has no IPv6 backends either.
            tracing::debug!(%error, "no ipv6 replies of local backends");
        }
    }
    Ok(kernel_end.mac.unwrap_or_default())
}

fn lead_back(
    netlink: &mut Netlink,
    index: u32,
    router: Address,
    anywhere: Address,
    mac: Mac,
) -> Result<(), NetlinkError> {
    let base = KernelRoute::blackhole(Prefix::new(anywhere, 0)).with_kind(RouteKind::Unicast);
    let in_table = KernelRoute { table: TABLE, index: Some(index), ..base };
    netlink.replace_route(&KernelRoute { to: Prefix::new(router, router.family().bits()), ..in_table })?;
    netlink.set_neighbor(index, router, mac)?;
    netlink.replace_route(&KernelRoute { via: Some(router), ..in_table })
}

fn rule(reply: LocalReply) -> ReplyRule {
    ReplyRule {
        from: reply.address,
        protocol: if reply.tcp { protocol::TCP } else { protocol::UDP },
        port: reply.port,
        table: TABLE,
        priority: PRIORITY,
    }
}

fn unless(result: Result<(), NetlinkError>, fine: impl Fn(&NetlinkError) -> bool) -> Result<(), NetlinkError> {
    match result {
        Err(error) if fine(&error) => Ok(()),
        other => other,
    }
}
