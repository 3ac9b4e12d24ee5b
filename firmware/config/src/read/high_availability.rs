//! The table `[ha]`.

use super::{parse_file_name, parse_name, parse_nic_name, per_node};
use crate::address::parse_unicast;
use crate::ha::{FlowSync, Ha, Track, VirtualRouter};
use crate::limits::{NICS_MAX, ROUTERS_MAX, VIPS_MAX};
use crate::reader::{Reader, Value};
use std::net::SocketAddr;

pub(super) fn ha(mut reader: Reader<'_>) -> Option<Ha> {
    let routers = reader.things("router", ROUTERS_MAX, router);
    let sync = reader.value("sync").map(|value| sync(&value));
    let ha = Ha { routers: routers.into_iter().flatten().collect(), sync: sync.flatten() };
    reader.finish().then_some(ha)
}

fn router(reader: &mut Reader<'_>) -> Option<VirtualRouter> {
    let id = reader.required("id", "the VRID, 1 to 255").map(|value| value.number(1..=255_u8));
    let nic = reader.required("nic", "the NIC it speaks on").map(|value| value.parsed(parse_nic_name));
    let priority = reader
        .required("priority", "as in { a = 200, b = 100 }")
        .map(|value| per_node(&value, |value| value.number(1..=254_u8)));
    // RFC 9568 5.2.7: the interval is 12 bits of centiseconds.
    let advert_ms = reader.number("advert_ms", 10..=40_950_u32, 1_000);
    let preempt = reader.named("preempt");
    let vips = reader.list("vips", VIPS_MAX, |value| value.parsed(parse_unicast));
    let virtual_mac = reader.boolean("virtual_mac", true);
    let checksum = reader.named("checksum");
    let track = reader.list("track", NICS_MAX, track);
    let group = reader.value("group").and_then(|value| value.parsed(parse_name));
    let (id, nic, priority) = (id??, nic??, priority??);
    Some(VirtualRouter { id, nic, priority, advert_ms, preempt, vips, virtual_mac, checksum, track, group })
}

fn track(value: &Value<'_>) -> Option<Track> {
    let what = "a table, as in { nic = \"eth0\" }, { ping = \"10.1.0.254\", weight = -50 } or \
                { healthy_share = \"web\", below = 0.5 }";
    let mut reader = value.reader(what)?;
    let nic = reader.value("nic").map(|value| value.parsed(parse_nic_name));
    let ping = reader.value("ping").map(|value| value.parsed(parse_unicast));
    let share = reader.value("healthy_share").map(|value| value.parsed(parse_name));
    let below = reader.value("below").map(|value| value.share());
    let weight = reader.value("weight").and_then(|value| value.signed(-253..=253));
    let track = match (nic, ping, share, below) {
        (Some(nic), None, None, None) => nic.map(|nic| Track::Nic { nic, weight }),
        (None, Some(ping), None, None) => ping.map(|ping| Track::Ping { ping, weight }),
        (None, None, Some(service), Some(below)) => {
            service.zip(below).map(|(healthy_share, below)| Track::HealthyShare { healthy_share, below, weight })
        }
        _ => {
            reader.error(format!("expected {what}"));
            None
        }
    };
    if reader.finish() { track } else { None }
}

fn sync(value: &Value<'_>) -> Option<FlowSync> {
    let mut reader = value.reader("a table [ha.sync]")?;
    let listen = reader
        .required("listen", "an address with port, as in \"10.9.0.1:7946\"")
        .map(|value| per_node(&value, |value| value.parsed(parse_endpoint)));
    let key_file = reader.value("key_file").and_then(|value| value.parsed(parse_file_name));
    reader.finish();
    Some(FlowSync { listen: listen??, key_file: key_file.unwrap_or_else(|| "ha.key".to_owned()) })
}

fn parse_endpoint(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not an address with port, as in \"10.9.0.1:7946\""))
}
