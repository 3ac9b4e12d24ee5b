//! Roads to a VIP on one server: what carries a road's mark is routed by a table of its own, whose only route leads to
//! the VIP by way of that server. Everywhere else on this box a VIP is a black hole.

use config::Probe;
use drivers::netlink::{KernelRoute, MarkRule, Netlink, NetlinkError, sysctl};
use net::{Address, Now, Prefix};
use std::collections::BTreeMap;
use std::time::Duration;

/// Upper half of the roads' marks and of their tables ("Sv"); the engine's own marks begin with "Su".
const MAGIC: u32 = 0x5376_0000;
/// Roads at once: pairs of a VIP and a server.
pub const ROADS_MAX: u32 = 4_096;
/// Before the rules for replies of backends on the box itself.
const PRIORITY: u32 = 20_900;
/// How often it is looked whether all roads are still there: the kernel takes them away with a link that goes down.
const LOOK_GAP: Duration = Duration::from_secs(2);

/// A VIP, and the server whose it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Road {
    vip: Address,
    server: Address,
}

impl Road {
    /// The one that a probe needs; `None`: it asks the server's own address.
    pub fn of(probe: &Probe) -> Option<Self> {
        Some(Self { vip: probe.vip?.into(), server: probe.address.into() })
    }

    fn rule(self, number: u32) -> MarkRule {
        MarkRule { family: self.vip.family(), mark: MAGIC | number, table: MAGIC | number, priority: PRIORITY }
    }

    fn route(self, number: u32) -> KernelRoute {
        let to = Prefix::new(self.vip, self.vip.family().bits());
        KernelRoute { table: MAGIC | number, ..KernelRoute::through(to, self.server) }
    }
}

/// All roads in use.
#[derive(Debug, Default)]
pub struct Roads {
    open: BTreeMap<Road, Open>,
    netlink: Option<Netlink>,
    due: Option<Now>,
    told: Option<String>,
}

#[derive(Debug)]
struct Open {
    number: u32,
    users: usize,
}

impl Roads {
    /// Takes away what an earlier run left.
    pub fn forget_earlier(netlink: &mut Netlink) -> Result<(), NetlinkError> {
        for rule in netlink.mark_rules()? {
            gone(netlink.remove_mark_rule(&rule))?;
        }
        for route in netlink.routes()?.into_iter().filter(is_road) {
            gone(netlink.remove_route(&route))?;
        }
        Ok(())
    }

    /// The mark that leads along a road, which is made if it is not there. `None`: it cannot be made just now.
    pub fn join(&mut self, now: Now, road: Road) -> Option<u32> {
        if let Some(open) = self.open.get_mut(&road) {
            open.users += 1;
            return Some(MAGIC | open.number);
        }
        let number = (0..ROADS_MAX).find(|number| self.open.values().all(|open| open.number != *number))?;
        self.open.insert(road, Open { number, users: 1 });
        self.look(now);
        Some(MAGIC | number)
    }

    /// The mark of a road in use.
    pub fn mark(&self, road: Road) -> Option<u32> {
        self.open.get(&road).map(|open| MAGIC | open.number)
    }

    /// One user less; the last one takes the road away.
    pub fn leave(&mut self, road: Road) {
        let Some(open) = self.open.get_mut(&road) else { return };
        open.users -= 1;
        if open.users > 0 {
            return;
        }
        let number = open.number;
        self.open.remove(&road);
        let Some(netlink) = &mut self.netlink else { return };
        let rule_gone = gone(netlink.remove_mark_rule(&road.rule(number)));
        let removed = rule_gone.and_then(|()| gone(netlink.remove_route(&road.route(number))));
        if let Err(error) = removed {
            tracing::warn!(%error, "the way to a VIP on one server is not taken back");
        }
    }

    /// When it is to be looked again whether all roads are there.
    pub const fn next_deadline(&self) -> Option<Now> {
        self.due
    }

    /// Makes again what is missing.
    pub fn tick(&mut self, now: Now) {
        if self.due.is_some_and(|due| due <= now) {
            self.look(now);
        }
    }

    fn look(&mut self, now: Now) {
        self.due = (!self.open.is_empty()).then(|| now + LOOK_GAP);
        if self.open.is_empty() {
            return;
        }
        let said = self.make_missing().err();
        if said != self.told {
            // Checks on this road say that they were not asked; why is told once.
            if let Some(error) = &said {
                tracing::warn!(error, "no way to a VIP on one server");
            }
            self.told = said;
        }
    }

    fn make_missing(&mut self) -> Result<(), String> {
        let netlink = match &mut self.netlink {
            Some(netlink) => netlink,
            empty => empty.insert(Netlink::open().map_err(text)?),
        };
        let (rules, routes) = (netlink.mark_rules().map_err(text)?, netlink.routes().map_err(text)?);
        let mut failed = None;
        for (road, open) in &self.open {
            let (rule, route) = (road.rule(open.number), road.route(open.number));
            let ruled = if rules.contains(&rule) { Ok(()) } else { netlink.add_mark_rule(&rule).map_err(text) };
            let is_there = |found: &&KernelRoute| found.table == route.table && found.via == route.via;
            let made = match routes.iter().find(is_there) {
                Some(found) => answers_get_in(netlink, road, found.index),
                None => netlink.replace_route(&route).map_err(text),
            };
            failed = failed.or(ruled.and(made).err());
        }
        failed.map_or(Ok(()), Err)
    }
}

/// RFC 3704's checks of sources, loose or strict, drop what comes from a VIP: to the kernel it is a black hole.
fn answers_get_in(netlink: &mut Netlink, road: &Road, link: Option<u32>) -> Result<(), String> {
    if !road.vip.is_v4() {
        return Ok(());
    }
    let name = netlink.links().map_err(text)?.into_iter().find(|found| Some(found.index) == link).map(|link| link.name);
    for place in ["all".to_owned()].into_iter().chain(name) {
        let switch = format!("net/ipv4/conf/{place}/rp_filter");
        let value = sysctl::read(&switch).map_err(text)?;
        if value != "0" {
            return Err(format!("sysctl {switch} is {value} and drops answers from the VIP: set it to 0"));
        }
    }
    Ok(())
}

fn text(error: NetlinkError) -> String {
    error.to_string()
}

fn is_road(route: &KernelRoute) -> bool {
    route.table & 0xffff_0000 == MAGIC && route.protocol == drivers::netlink::PROTOCOL
}

fn gone(result: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    match result {
        Err(error) if error.is_missing() => Ok(()),
        other => other,
    }
}

impl Drop for Roads {
    fn drop(&mut self) {
        for road in self.open.keys().copied().collect::<Vec<_>>() {
            if let Some(open) = self.open.get_mut(&road) {
                open.users = 1;
            }
            self.leave(road);
        }
    }
}
