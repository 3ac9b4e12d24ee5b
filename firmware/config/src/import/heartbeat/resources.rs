//! `haresources`: lines `NODE RESOURCE …`, of which the addresses become routers.

use super::cluster::Cluster;
use crate::import::address::mask_bits;
use crate::import::draft::{Block, Draft};
use crate::import::names::{Names, possible};
use crate::import::notes::{ALERTS, WEBHOOK};
use crate::import::text::{Line, Text};
use crate::limits::{NICS_MAX, ROUTERS_MAX, VIPS_MAX};
use crate::report::Error;
use std::net::IpAddr;
use toml::{Table, Value};

/// Priority of the node that a line names, and of the others.
const PREFERRED: i64 = 200;
const OTHERS: i64 = 100;
/// By how much all that is pinged lowers the priority: a little more than lies between the nodes.
const PINGED: i64 = 110;
/// The first VRID that is given out.
const ID_FIRST: i64 = 51;

/// Programs that move with an address: their names, what they are, and what takes their place.
const FOREIGN: &[(&[&str], &str, &str)] = &[
    (
        &["LVSSyncDaemonSwap"],
        "connection synchronisation of IPVS; flows are synchronised by the box itself",
        "[ha.sync] with the addresses of both nodes",
    ),
    (&["ldirectord"], "what it watches is in a file of its own", "suimon ctl import --from ldirectord FILE"),
    (&["IPsrcaddr"], "the box's own connections leave from its own addresses", "engine.snat_addresses for full NAT"),
    (&["SendArp", "Delay", "portblock"], "the takeover announces addresses and waits for flows by itself", ""),
    (&["MailTo", "WinPopup", "AudibleAlarm"], "a message about a takeover", ALERTS),
    (
        &[
            "Filesystem",
            "drbddisk",
            "drbdupper",
            "drbd",
            "Raid1",
            "LVM",
            "LinuxSCSI",
            "ServeRAID",
            "ICP",
            "ids",
            "nfsserver",
        ],
        "a disk that moves between nodes: this box stores no data of services",
        "keep it with the servers, behind a service of this box",
    ),
];

/// An address of a line.
struct Moving {
    address: IpAddr,
    nic: Option<String>,
}

pub(super) fn read(text: &Text<'_>, cluster: &Cluster, draft: &mut Draft) -> Result<(), Error> {
    let (mut id, mut groups) = (ID_FIRST, Names::default());
    let mut resources: Vec<(Line<'_>, &str)> = Vec::new();
    for line in text.lines() {
        let content = line.text.split('#').next().unwrap_or_default().trim_end();
        let (content, continues) = match content.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (content, false),
        };
        resources.extend(content.split_whitespace().map(|word| (line, word)));
        if !continues {
            group(draft, cluster, &resources, &mut groups, &mut id)?;
            resources.clear();
        }
    }
    group(draft, cluster, &resources, &mut groups, &mut id)
}

/// One line: a node and what it prefers to run.
fn group(
    draft: &mut Draft,
    cluster: &Cluster,
    words: &[(Line<'_>, &str)],
    groups: &mut Names,
    id: &mut i64,
) -> Result<(), Error> {
    let Some(((line, node), resources)) = words.split_first() else { return Ok(()) };
    let mut moving = Vec::new();
    for (line, resource) in resources {
        moving.extend(read_resource(draft, line, resource)?);
    }
    // The addresses by NIC and family, in the order of the line.
    let mut routers: Vec<(Option<String>, bool, Vec<Value>)> = Vec::new();
    for Moving { address, nic } in moving {
        let shown = Value::from(address.to_string());
        let same = |(of, v6, vips): &&mut (Option<String>, bool, Vec<Value>)| {
            *of == nic && *v6 == address.is_ipv6() && vips.len() < VIPS_MAX
        };
        let full = routers.len() == ROUTERS_MAX;
        match routers.iter_mut().find(same) {
            Some((_, _, vips)) => vips.push(shown),
            None if full => {
                let why = format!("a document has at most {ROUTERS_MAX} virtual routers");
                draft.notes.left(line.number, address.to_string(), why, "");
            }
            None => routers.push((nic, address.is_ipv6(), vec![shown])),
        }
    }
    let name = groups.take(node);
    let several = routers.len() > 1;
    for (nic, _, vips) in routers {
        if *id > 255 {
            draft.notes.left(line.number, *node, "there are no more than 255 virtual routers", "");
            break;
        }
        let mut block = Block::new(line.number);
        block.comments.push(format!("{}, line {}: preferred node {node}", draft.source, line.number));
        block.set("id", *id);
        *id += 1;
        let nic = match nic {
            Some(nic) => draft.nic(&nic, line.number).name.clone(),
            None => draft.unknown_nic(),
        };
        block.set("nic", nic);
        block.set("priority", priority(draft, cluster, line.number, node));
        if cluster.stays {
            block.set("preempt", "never");
        }
        block.set("vips", vips);
        let track = track(draft, cluster);
        if !track.is_empty() {
            block.set("track", track);
        }
        if several {
            block.set("group", name.as_str());
        }
        draft.add_router(block);
    }
    Ok(())
}

fn priority(draft: &mut Draft, cluster: &Cluster, line: u32, preferred: &str) -> Value {
    let preferred = possible(preferred);
    let mut table = Table::new();
    for node in &cluster.nodes {
        let number = if *node == preferred { PREFERRED } else { OTHERS };
        table.insert(node.clone(), number.into());
    }
    table.entry(preferred).or_insert_with(|| PREFERRED.into());
    if table.len() == 1 {
        let why = "the other nodes are not known";
        draft.notes.fill_in(line, "priority", why, "write them beside it, as in { a = 200, b = 100 }");
    }
    let why = "heartbeat finds its node by the name of the machine; here a node is told its name";
    draft.notes.differs(line, "names of nodes", why, "pairing, or suimon run --node NAME");
    table.into()
}

fn track(draft: &mut Draft, cluster: &Cluster) -> Vec<Value> {
    let mut track = Vec::new();
    for group in &cluster.pinged {
        // All of a group together move the addresses, all but one do not.
        let weight = -((PINGED + group.len() as i64 - 1) / (group.len() as i64).max(1));
        for address in group {
            if track.len() == NICS_MAX {
                break;
            }
            let mut table = Table::new();
            table.insert("ping".to_owned(), address.to_string().into());
            table.insert("weight".to_owned(), weight.into());
            track.push(table.into());
        }
    }
    if !track.is_empty() {
        let why = "ipfail gave way to a node that reached more of what is pinged; here each unreached address lowers \
                   the priority, so that the node which lost its way gives way";
        draft.notes.differs(0, "ping, ping_group", why, "weight of each track");
    }
    track
}

/// A resource: an address, or something that is not run here.
fn read_resource(draft: &mut Draft, line: &Line<'_>, resource: &str) -> Result<Option<Moving>, Error> {
    let (program, arguments) = resource.split_once("::").unwrap_or((resource, ""));
    let address = match program {
        "IPaddr" | "IPaddr2" | "IPv6addr" if arguments.is_empty() => {
            return Err(line.error_at(resource, format!("an address is missing: {program}::ADDRESS")));
        }
        // An IPv6 address has colons of its own, and an IPv4 address may have further arguments behind it.
        "IPaddr" | "IPaddr2" | "IPv6addr" if is_address(arguments) => arguments,
        "IPaddr" | "IPaddr2" | "IPv6addr" => arguments.split("::").next().unwrap_or_default(),
        _ if is_address(resource) => resource,
        _ => {
            let (why, instead) = foreign(program);
            draft.notes.left(line.number, resource, why, instead);
            return Ok(None);
        }
    };
    moving(draft, line, address).map(Some)
}

fn is_address(text: &str) -> bool {
    text.split('/').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

fn foreign(program: &str) -> (&'static str, &'static str) {
    match FOREIGN.iter().find(|(names, _, _)| names.contains(&program)) {
        Some((_, why, instead)) => (why, instead),
        None => ("a program that is started and stopped with the addresses; no foreign programs are run here", WEBHOOK),
    }
}

/// `ADDRESS[/MASK][/NIC][/BROADCAST]`, each of which may be missing.
fn moving(draft: &mut Draft, line: &Line<'_>, text: &str) -> Result<Moving, Error> {
    let mut parts = text.split('/');
    let address = parts.next().unwrap_or_default();
    let address = address.parse().map_err(|_| line.error_at(address, format!("\"{address}\" is no address")))?;
    let mut nic = None;
    for part in parts.filter(|part| !part.is_empty()) {
        if part.bytes().any(|byte| byte.is_ascii_alphabetic()) && part.parse::<IpAddr>().is_err() {
            // eth0:1 is how an alias of eth0 was written.
            nic = Some(part.split(':').next().unwrap_or(part).to_owned());
        } else if part.parse::<IpAddr>().is_err() && mask_bits(part).is_none() {
            return Err(line.error_at(part, format!("\"{part}\" is neither a netmask nor a NIC nor an address")));
        }
    }
    if nic.is_none() {
        let why = "heartbeat took the NIC that has a route to the address";
        draft.notes.fill_in(line.number, text, why, "write its nic into the router");
    }
    Ok(Moving { address, nic })
}
