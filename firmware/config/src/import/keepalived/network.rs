//! `static_ipaddress` and `static_routes`: addresses and routes of the box itself.

use super::known::{Known, after};
use super::tree::Statement;
use crate::address::{Prefix, parse_prefix};
use crate::import::draft::{Block, Draft};
use std::net::IpAddr;

/// Words of `ip route` that are followed by a value and do not change where packets go.
const TUNING: &[&str] = &["scope", "proto", "protocol", "metric", "priority", "mtu", "advmss", "initcwnd", "initrwnd"];

pub(super) fn addresses(draft: &mut Draft, known: &Known<'_>, block: &Statement) {
    for entry in block.inside() {
        let nic = after(entry, "dev").unwrap_or(known.interface);
        match parse_prefix(entry.key()) {
            Ok(prefix) => draft.nic(nic, entry.line).addresses.push(prefix.to_string()),
            Err(why) => draft.notes.fill_in(entry.line, entry.shown(), why, "add it to the addresses of its NIC"),
        }
    }
}

pub(super) fn routes(draft: &mut Draft, block: &Statement) {
    for entry in block.inside().iter().filter(|entry| entry.condition.is_none()) {
        match route(draft, entry) {
            Ok(route) => draft.add_route(route),
            Err(why) => draft.notes.left(entry.line, entry.shown(), why, "a [[route]] has to, via and nic"),
        }
    }
}

fn route(draft: &mut Draft, entry: &Statement) -> Result<Block, String> {
    let (mut to, mut via, mut nic, mut source) = (None, None, None, None);
    let mut words = entry.words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "to" | "inet" | "inet6" | "append" | "onlink" => {}
            "via" | "gw" => via = words.next(),
            "dev" => nic = words.next(),
            "src" => source = words.next(),
            word if TUNING.contains(&word) => drop(words.next()),
            word if to.is_none() => to = Some(word),
            word => return Err(format!("\"{word}\" is not possible in a route here")),
        }
    }
    let via: Option<IpAddr> = match via {
        Some(via) => Some(via.parse().map_err(|_| format!("{via} is no address"))?),
        None => None,
    };
    let mut block = Block::new(entry.line);
    block.set("to", destination(to.unwrap_or_default(), via)?.to_string());
    if let Some(via) = via {
        block.set("via", via.to_string());
    }
    let nic = match nic {
        Some(nic) => draft.nic(nic, entry.line).name.clone(),
        None => draft.unknown_nic(),
    };
    block.set("nic", nic);
    if let Some(source) = source {
        let why = "the source address of a route is left to the kernel";
        draft.notes.left(entry.line, format!("src {source}"), why, "");
    }
    Ok(block)
}

fn destination(text: &str, via: Option<IpAddr>) -> Result<Prefix, String> {
    if text == "default" {
        let any = if via.is_some_and(|via| via.is_ipv6()) { "::/0" } else { "0.0.0.0/0" };
        return parse_prefix(any);
    }
    match text.parse() {
        Ok(address) => Ok(Prefix::host(address)),
        Err(_) => parse_prefix(text).map(|prefix| prefix.network()),
    }
}
