//! What whoever runs this node should know: sentences.

use super::control::Control;
use config::{Config, Engine, Web};
use drivers::clock;
use drivers::netlink::NeighborLimits;
use net::{Address, Family};
use std::sync::Arc;

impl Control {
    /// What whoever applies `config` should know.
    pub(super) fn notes_on(&self, config: &Config) -> Vec<String> {
        let mut notes: Vec<String> =
            config.not_carried_out().iter().map(|part| format!("{part} is kept but not carried out yet")).collect();
        match super::workers::plan(config.engine.workers) {
            Ok(plan) if plan.len() != self.workers.handles.len() => {
                notes.push(format!("{} workers run until the next start", self.workers.handles.len()));
            }
            _ => {}
        }
        notes.extend(sizes_that_wait(&self.started_with, &config.engine));
        let classic = self.claiming.is_classic();
        let other = if classic { config::Shield::Program } else { config::Shield::Classic };
        if config.engine.shield == other {
            let runs = if classic { "classic filter" } else { "eBPF program" };
            notes.push(format!("the {runs} stays the shield until the next start"));
        }
        for nic in config.nics.iter().filter(|nic| self.node.kernel().link(&nic.name).is_none()) {
            notes.push(format!("there is no NIC {}: waiting for it", nic.name));
        }
        notes
    }

    /// What whoever runs this node should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.notes_on(&Arc::clone(self.node.config()));
        if self.claiming.is_classic() {
            notes.push("packets are claimed by classic BPF, which follows no FTP data connections".to_owned());
        }
        let neighbors = self.node.neighbors().places().map(|(_, address)| address);
        notes.extend(neighbors_without_room(neighbors, self.neighbor_limits));
        notes.extend(self.node.warnings().iter().cloned());
        let now = clock::now();
        notes.extend(self.node.announcer().conflicts().map(|(address, mac, conflict)| {
            let ago = now.since(conflict.seen).as_secs();
            format!("{mac} claims {address}, which is ours: {} times, last {ago} s ago", conflict.times)
        }));
        notes
    }
}

/// The web role opens its sockets at its start, while it has the right to.
pub(super) fn of_listening(before: &Web, after: &Web) -> Option<String> {
    let differs = (before.port, &before.nics) != (after.port, &after.nics);
    differs.then(|| "port and nics of [web] take effect when suimon web starts again".to_owned())
}

// Tables of the workers that are made when they start, and keep their size.
fn sizes_that_wait(started_with: &Engine, wanted: &Engine) -> Vec<String> {
    let sizes = [
        ("persistence_max", started_with.persistence_max, wanted.persistence_max),
        ("fragments_max", started_with.fragments_max, wanted.fragments_max),
        ("ftp_max", started_with.ftp_max, wanted.ftp_max),
    ];
    let waiting = sizes.iter().filter(|(_, is, will_be)| is != will_be);
    waiting
        .map(|(name, is, will_be)| format!("{name} stays {is} until the next start, and is {will_be} then"))
        .collect()
}

// The kernel resolves nobody once its table is full, for nobody on the machine; and others need room in it too.
fn neighbors_without_room(neighbors: impl Iterator<Item = Address>, limits: NeighborLimits) -> Vec<String> {
    let mut counts = [(Family::V4, "ipv4", 0u32), (Family::V6, "ipv6", 0u32)];
    for address in neighbors {
        counts.iter_mut().filter(|(family, ..)| *family == address.family()).for_each(|(.., count)| *count += 1);
    }
    let crowded = counts.iter().filter(|(family, _, count)| *count >= limits.of(*family));
    crowded
        .map(|(family, name, count)| {
            let (bound, enough) = (limits.of(*family), (count * 2).next_power_of_two());
            format!(
                "{count} neighbors are needed, the kernel keeps {bound} at most: \
                 set the sysctl net.{name}.neigh.default.gc_thresh3 to {enough}"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_sizes_wait_for_the_next_start() {
        let started = Engine::default();
        assert!(sizes_that_wait(&started, &Engine { flows_max: 7, ..Engine::default() }).is_empty(), "rebuilt at once");
        let cases = [
            (Engine { persistence_max: 5, ..Engine::default() }, "persistence_max stays 131072 until the next start"),
            (Engine { fragments_max: 5, ..Engine::default() }, "fragments_max stays 4096 until the next start"),
            (Engine { ftp_max: 5, ..Engine::default() }, "ftp_max stays 4096 until the next start"),
        ];
        for (wanted, expected) in cases {
            assert_eq!(sizes_that_wait(&started, &wanted), [format!("{expected}, and is 5 then")]);
        }
    }

    #[test]
    fn neighbors_are_counted_by_family() {
        let limits = NeighborLimits { v4_max: 3, v6_max: 2 };
        let address = |text: &&str| text.parse::<std::net::IpAddr>().unwrap().into();
        let cases: [(&[&str], &[&str]); 3] = [
            (&["10.0.0.1", "10.0.0.2", "fd00::1"], &[]),
            (
                &["10.0.0.1", "10.0.0.2", "10.0.0.3"],
                &["3 neighbors are needed, the kernel keeps 3 at most: \
                   set the sysctl net.ipv4.neigh.default.gc_thresh3 to 8"],
            ),
            (
                &["10.0.0.1", "fd00::1", "fd00::2", "fd00::3"],
                &["3 neighbors are needed, the kernel keeps 2 at most: \
                   set the sysctl net.ipv6.neigh.default.gc_thresh3 to 8"],
            ),
        ];
        for (neighbors, expected) in cases {
            assert_eq!(neighbors_without_room(neighbors.iter().map(address), limits), expected);
        }
        assert!(neighbors_without_room(std::iter::once(Address::UNSPECIFIED), NeighborLimits::default()).is_empty());
    }
}
