//! `ha.cf`: one directive a line.

use crate::import::draft::Draft;
use crate::import::names::possible;
use crate::import::notes::WEBHOOK;
use crate::import::text::{Line, Text};
use crate::limits::NODES_MAX;
use crate::report::Error;
use std::net::IpAddr;

/// What `ha.cf` tells the routers.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) nodes: Vec<String>,
    /// Groups of addresses; one that answers is enough for its group.
    pub(super) pinged: Vec<Vec<IpAddr>>,
    /// Resources stay where they are when their node returns.
    pub(super) stays: bool,
}

/// Directives with their reason and what takes their place.
const REMARKS: &[(&[&str], &str, &str)] = &[
    (
        &["keepalive", "deadtime", "warntime", "initdead"],
        "VRRP decides who is active: a node takes over after three adverts that did not come",
        "advert_ms of [[ha.router]]: 1000 by default, which is a takeover after 3 to 4 s",
    ),
    (
        &["ucast", "ucast6", "bcast", "mcast", "mcast6", "udpport"],
        "nodes hear each other by VRRP, and their flows are \
     synchronised",
        "[ha.sync] with listen = { NODE = \"ADDRESS:PORT\", … } on the NIC between the nodes",
    ),
    // GAP(contract.md [ha.serial]): the serial line between the nodes.
    (&["serial", "baud"], "no serial line is used", "a second NIC between the nodes"),
    (
        &["stonith", "stonith_host"],
        "no power switch is worked",
        "the watchdog of the appliance, which stops a node that hangs",
    ),
    (&["watchdog"], "the appliance has its watchdog on by itself", ""),
    (
        &["respawn", "apiauth", "crm", "pacemaker", "crm_daemon_dir", "crmd_spawns_pengine"],
        "a program started with \
     heartbeat; no foreign programs are run",
        WEBHOOK,
    ),
    (&["deadping"], "a pinged address counts as gone by the rules of track", "track of [[ha.router]]"),
    (&["hbaping"], "a Fibre Channel card", ""),
    (&["autojoin"], "nodes join by pairing", "suimon ctl pair"),
    (
        &["logfile", "debugfile", "logfacility", "use_logd", "debug", "conn_logd_time", "logd_time"],
        "log files",
        "suimon ctl log",
    ),
    (
        &[
            "hopfudge",
            "hbgenmethod",
            "realtime",
            "rtprio",
            "msgfmt",
            "compression",
            "compression_threshold",
            "coredumps",
            "uuidfrom",
            "traditional_compression",
            "cluster",
            "memreserve",
            "syslogmsgfmt",
            "hbversion",
        ],
        "",
        "",
    ),
];

pub(super) fn read(text: &Text<'_>, draft: &mut Draft) -> Result<Cluster, Error> {
    let mut cluster = Cluster::default();
    for line in text.lines() {
        let content = line.text.split('#').next().unwrap_or_default();
        let mut words = content.split_whitespace();
        if let Some(key) = words.next() {
            directive(draft, &mut cluster, &line, key, &words.collect::<Vec<_>>())?;
        }
    }
    Ok(cluster)
}

fn directive(
    draft: &mut Draft,
    cluster: &mut Cluster,
    line: &Line<'_>,
    key: &str,
    values: &[&str],
) -> Result<(), Error> {
    // What stonith is told holds passwords.
    let shown = if key.starts_with("stonith") { format!("{key} …") } else { format!("{key} {}", values.join(" ")) };
    match key {
        "node" => {
            for node in values.iter().map(|node| possible(node)) {
                if cluster.nodes.len() == NODES_MAX {
                    let why = format!("a document is for at most {NODES_MAX} nodes");
                    draft.notes.left(line.number, format!("node {node}"), why, "");
                } else if !cluster.nodes.contains(&node) {
                    cluster.nodes.push(node);
                }
            }
        }
        "auto_failback" | "nice_failback" => {
            let off = matches!(
                values.first().map(|value| value.to_lowercase()).as_deref(),
                Some("off" | "no" | "n" | "false" | "0")
            );
            // What was nice was not to fail back.
            cluster.stays = off == (key == "auto_failback");
        }
        "ping" => {
            for address in addresses(line, values)? {
                cluster.pinged.push(vec![address]);
            }
        }
        "ping_group" => cluster.pinged.push(addresses(line, values.get(1..).unwrap_or_default())?),
        _ => match REMARKS.iter().find(|(keys, _, _)| keys.contains(&key)) {
            Some((_, "", _)) => {}
            Some((_, why, instead)) => {
                if matches!(key, "ucast" | "ucast6" | "mcast" | "mcast6") {
                    values.iter().take(1).for_each(|nic| draft.ha_nic(nic, line.number));
                } else if key == "bcast" {
                    values.iter().for_each(|nic| draft.ha_nic(nic, line.number));
                }
                draft.notes.left(line.number, shown, *why, *instead);
            }
            None => return Err(line.error_at(line.text.trim_start(), format!("heartbeat has no directive {key}"))),
        },
    }
    Ok(())
}

fn addresses(line: &Line<'_>, values: &[&str]) -> Result<Vec<IpAddr>, Error> {
    let parse =
        |value: &&str| value.parse().map_err(|_| line.error_at(value, format!("\"{value}\" is no address to ping")));
    values.iter().map(parse).collect()
}
