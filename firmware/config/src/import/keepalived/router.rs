//! `vrrp_instance`: an `[[ha.router]]`, or two when its addresses are of both families.

use super::known::{Known, after};
use super::remarks;
use super::tree::Statement;
use crate::address::parse_prefix;
use crate::import::draft::{Block, Draft};
use crate::import::names::possible;
use crate::limits::{NICS_MAX, VIPS_MAX};
use crate::report::Error;
use std::net::IpAddr;
use toml::{Table, Value};

/// Statements of an instance that are carried over, and those that make no difference here.
const CARRIED: &[&str] = &[
    "interface",
    "virtual_router_id",
    "priority",
    "advert_int",
    "nopreempt",
    "preempt",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "use_vmac",
    "vmac_xmit_base",
    "track_interface",
    "track_script",
    "version",
    "state",
    "native_ipv6",
    "debug",
    "accept",
];
/// Priority of an instance that names none.
const PRIORITY: i64 = 100;
/// The largest that a router may have which does not own the address (RFC 9568 5.2.4).
const PRIORITY_MAX: i64 = 254;

pub(super) fn read(draft: &mut Draft, known: &Known<'_>, instance: &Statement) -> Result<(), Error> {
    remarks::inside(draft, instance, remarks::ROUTER, CARRIED);
    let line = instance.line;
    let mut block = Block::new(line);
    block.comments.push(format!("{}, line {line}: {}", draft.source, instance.shown()));
    let id = number(known, instance, "virtual_router_id")?;
    let nic = match instance.text(&["interface"]) {
        "" => draft.unknown_nic(),
        nic => draft.nic(nic, line).name.clone(),
    };
    block.set("id", id.unwrap_or_default());
    if id.is_none() {
        block.leave_out("id to be completed");
        draft.notes.fill_in(line, instance.shown(), "it has no virtual_router_id", "write its id and remove the #");
    }
    block.set("nic", nic.as_str());
    let mut track = Vec::new();
    let raised = tracked(draft, known, instance, &mut track);
    block.set("priority", priority(draft, known, instance, raised)?);
    block.set("advert_ms", advert_ms(known, instance)?);
    if instance.has("nopreempt") {
        block.set("preempt", "never");
    } else {
        let why = "keepalived takes over as soon as it has the higher priority; here a node first gets the flows of \
                   the other one (preempt = \"when-synced\")";
        draft.notes.differs(line, "preemption", why, "preempt = \"always\" is as before");
    }
    block.set("virtual_mac", instance.has("use_vmac"));
    if !track.is_empty() {
        block.set("track", track);
    }
    protocol(draft, known, instance);
    let [v4, v6] = vips(draft, instance, &nic);
    let group = known.sync.get(instance.value()).map(|group| possible(group.value()));
    // Routers of both families that came from one instance move together.
    let group = group.or_else(|| (!v4.is_empty() && !v6.is_empty()).then(|| possible(instance.value())));
    if let Some(group) = group {
        block.set("group", group);
    }
    if v4.is_empty() && v6.is_empty() {
        block.leave_out("vips to be completed");
        draft.notes.fill_in(line, instance.shown(), "it has no address to move", "write its vips and remove the #");
    }
    let both = [v4, v6];
    let lists: Vec<Vec<Value>> = both.into_iter().filter(|vips| !vips.is_empty()).collect();
    if lists.is_empty() {
        draft.add_router(block);
        return Ok(());
    }
    for vips in lists {
        let mut router = block.clone();
        router.set("vips", vips);
        draft.add_router(router);
    }
    Ok(())
}

fn number(known: &Known<'_>, instance: &Statement, key: &str) -> Result<Option<i64>, Error> {
    let Some(statement) = instance.last(&[key]) else { return Ok(None) };
    let number = statement.value().parse().ok().filter(|number| (1..=255).contains(number));
    number.map(Some).ok_or_else(|| statement.error(known.file, "not a number from 1 to 255"))
}

fn advert_ms(known: &Known<'_>, instance: &Statement) -> Result<i64, Error> {
    let Some(statement) = instance.last(&["advert_int"]) else { return Ok(1_000) };
    match statement.value().parse::<f64>() {
        // RFC 9568 5.2.7: at most 12 bits of centiseconds.
        Ok(seconds) if (0.01..=40.95).contains(&seconds) => Ok((seconds * 1_000.0).round() as i64),
        _ => Err(statement.error(known.file, "not a number of seconds from 0.01 to 40.95")),
    }
}

/// The priority: one number, or one per node where lines are conditional.
fn priority(draft: &mut Draft, known: &Known<'_>, instance: &Statement, raised: i64) -> Result<Value, Error> {
    let mut by_node = Table::new();
    for statement in instance.inside().iter().filter(|inside| inside.key() == "priority") {
        let number = statement.value().parse().ok().filter(|number| (1..=255).contains(number));
        let number = number.ok_or_else(|| statement.error(known.file, "not a number from 1 to 255"))?;
        if let Some(node) = statement.condition.as_ref().filter(|node| !node.starts_with('^')) {
            by_node.insert(possible(node), bounded(draft, statement.line, number, raised).into());
        }
    }
    if !by_node.is_empty() {
        return Ok(by_node.into());
    }
    let statement = instance.last(&["priority"]);
    let own = number(known, instance, "priority")?.unwrap_or(PRIORITY);
    let why = "keepalived.conf has the priority of its own node; here one document serves all of them";
    let instead = "write priority = { a = …, b = … } with the numbers of both files";
    let line = statement.map_or(instance.line, |statement| statement.line);
    draft.notes.fill_in(line, "priority", why, instead);
    Ok(bounded(draft, line, own, raised).into())
}

fn bounded(draft: &mut Draft, line: u32, number: i64, raised: i64) -> i64 {
    let kept = (number + raised).min(PRIORITY_MAX);
    if kept != number + raised {
        let why = format!("with the weights of what is tracked, a priority is at most {PRIORITY_MAX}");
        draft.notes.differs(line, format!("priority {number}"), why, format!("it is {kept} now"));
    }
    kept
}

/// What lowers the priority. The result is by how much it has to be raised for weights that counted upwards.
fn tracked(draft: &mut Draft, known: &Known<'_>, instance: &Statement, track: &mut Vec<Value>) -> i64 {
    let mut raised = 0;
    let group = known.sync.get(instance.value()).copied();
    for owner in [Some(instance), group].into_iter().flatten() {
        for entry in owner.last(&["track_interface"]).map_or(&[][..], Statement::inside) {
            let nic = draft.nic(entry.key(), entry.line).name.clone();
            raised += add_track(draft, entry, entry, "nic", &nic, track);
        }
        for entry in owner.last(&["track_script"]).map_or(&[][..], Statement::inside) {
            let script = known.scripts.get(entry.key()).copied();
            let command = script.map_or("", |script| script.text(&["script"]));
            match pinged(command) {
                Some(address) => {
                    let weight = if after(entry, "weight").is_some() { entry } else { script.unwrap_or(entry) };
                    raised += add_track(draft, entry, weight, "ping", &address.to_string(), track);
                }
                None => {
                    let why = format!(
                        "it runs {}; no programs are run here",
                        if command.is_empty() { "a program" } else { command }
                    );
                    let instead = "track = [{ ping = \"ADDRESS\" }] or { healthy_share = \"SERVICE\", below = 0.5 }";
                    draft.notes.left(entry.line, format!("track_script {}", entry.key()), why, instead);
                }
            }
        }
    }
    raised
}

fn add_track(
    draft: &mut Draft,
    entry: &Statement,
    weighted: &Statement,
    key: &str,
    what: &str,
    track: &mut Vec<Value>,
) -> i64 {
    let inside = weighted.last(&["weight"]);
    let weight = after(weighted, "weight").or_else(|| inside.map(Statement::value)).unwrap_or("0");
    let weight: i64 = weight.parse().ok().filter(|weight| (-253..=253).contains(weight)).unwrap_or(0);
    if weighted.words.iter().chain(inside.iter().flat_map(|inside| &inside.words)).any(|word| word == "reverse") {
        let why = "a priority that rises with a failure is not possible";
        draft.notes.left(entry.line, entry.shown(), why, "");
        return 0;
    }
    let mut table = Table::new();
    table.insert(key.to_owned(), what.into());
    if weight != 0 {
        table.insert("weight".to_owned(), (-weight.abs()).into());
    }
    let table = Value::from(table);
    // The same by the instance and by its group.
    if track.len() < NICS_MAX && !track.contains(&table) {
        track.push(table);
    }
    if weight > 0 {
        let why = "a weight that is added while all is well is taken away on failure here, and the priority is higher \
                   by it: the sums are the same";
        draft.notes.differs(entry.line, format!("weight {weight} of {what}"), why, "");
    }
    weight.max(0)
}

/// The address that a script pings, if that is all it does.
fn pinged(command: &str) -> Option<IpAddr> {
    let mut words = command.split_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    if !matches!(program, "ping" | "ping4" | "ping6" | "fping") || command.contains([';', '|', '&', '>']) {
        return None;
    }
    words.find_map(|word| word.parse().ok())
}

/// What is spoken on the wire.
fn protocol(draft: &mut Draft, known: &Known<'_>, instance: &Statement) {
    let version = instance.last(&["version"]).map_or(known.version, Statement::value);
    let has_v6 = instance
        .last(&["virtual_ipaddress"])
        .is_some_and(|block| block.inside().iter().any(|entry| entry.key().contains(':')));
    if version != "3" && !has_v6 {
        let why = "keepalived speaks VRRPv2 here, this box VRRPv3 (RFC 9568): the two do not hear each other";
        let instead = "change both nodes at once, or set version 3 in the keepalived that stays for a while";
        draft.notes.differs(instance.line, "VRRP version", why, instead);
    }
}

/// The addresses that move, by family.
fn vips(draft: &mut Draft, instance: &Statement, nic: &str) -> [Vec<Value>; 2] {
    let mut lists: [Vec<Value>; 2] = Default::default();
    for block in ["virtual_ipaddress", "virtual_ipaddress_excluded"] {
        for entry in instance.last(&[block]).map_or(&[][..], Statement::inside) {
            if entry.condition.is_some() {
                continue;
            }
            let text = entry.key();
            let address = text.parse().ok().or_else(|| parse_prefix(text).ok().map(|prefix| prefix.address));
            let other = after(entry, "dev").filter(|dev| *dev != nic);
            match (address, other) {
                (Some(address), None) => {
                    let list = &mut lists[usize::from(address.is_ipv6())];
                    let shown = Value::from(address.to_string());
                    if list.len() == VIPS_MAX {
                        let why = format!("a router has at most {VIPS_MAX} addresses");
                        draft.notes.left(entry.line, entry.shown(), why, "a second [[ha.router]] of the same group");
                    } else if !list.contains(&shown) {
                        list.push(shown);
                    }
                }
                (Some(_), Some(dev)) => {
                    let why = format!("the addresses of a router are on its own NIC, this one is on {dev}");
                    let instead =
                        format!("a second [[ha.router]] with nic = \"{dev}\", an id of its own and the same group");
                    draft.notes.fill_in(entry.line, entry.shown(), why, instead);
                }
                (None, _) => {
                    draft.notes.fill_in(entry.line, entry.shown(), "no address", "write it into vips of the router");
                }
            }
        }
    }
    lists
}
