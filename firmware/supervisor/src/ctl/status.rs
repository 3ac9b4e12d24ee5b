//! The text of `ctl status`.

use super::table::{Align, Table};
use super::words::{bit_rate, count, counted, duration, percent, short};
use api::{Link, Nic, Status};
use std::fmt::Write;

/// The node at a glance.
pub(super) fn text(status: &Status, width: usize) -> String {
    let mut text = head(status);
    for note in &status.notes {
        writeln!(text, "note: {note}").expect("writing to a string");
    }
    for (title, table) in [("", nics(status)), ("", workers(status)), ("Dropped packets\n", drops(status))] {
        if let Some(table) = table {
            write!(text, "\n{title}{}", table.text(width)).expect("writing to a string");
        }
    }
    if status.drops.is_empty() {
        text.push_str("\nNo packet was dropped.\n");
    }
    text
}

fn head(status: &Status) -> String {
    let adopted = format!("in use by {} of {}", status.workers_adopted, counted(status.workers.len() as u64, "worker"));
    let waiting = status.confirm_left_s.map(|left| format!("; {} left to confirm it", duration(left)));
    let waiting = waiting.unwrap_or_default();
    let share = status.flows as f64 / status.flows_max.max(1) as f64;
    let rates = &status.rates;
    let lines = [
        ("Node", format!("{}, version {}, up {}", status.node, status.version, duration(status.uptime_s))),
        ("Configuration", format!("revision {}, {adopted}{waiting}", status.revision)),
        (
            "Services",
            format!(
                "{} ({} without a backend); {} of {} backends take flows",
                status.services, status.services_down, status.backends_up, status.backends
            ),
        ),
        ("Flows", format!("{} of {} ({})", count(status.flows), count(status.flows_max), percent(share))),
        (
            "Flow table",
            format!(
                "{} full at its fullest, longest search {}",
                percent(status.load_factor),
                counted(status.longest_probe, "slot")
            ),
        ),
        ("New flows", format!("{}/s", count(rates.flows_per_s))),
        ("From clients", format!("{}, {}", packet_rate(rates.packets_in_per_s), bit_rate(rates.bits_in_per_s))),
        ("To clients", format!("{}, {}", packet_rate(rates.packets_out_per_s), bit_rate(rates.bits_out_per_s))),
    ];
    lines.iter().map(|(title, value)| format!("{title:<15}{value}\n")).collect()
}

fn packet_rate(rate: u64) -> String {
    format!("{} packets/s", short(rate))
}

fn nics(status: &Status) -> Option<Table> {
    let (left, right) = (Align::Left, Align::Right);
    let columns =
        [("NIC", left), ("Role", left), ("Link", left), ("Received", right), ("Sent", right), ("Missed", right)];
    let mut table = Table::new(&[&columns[..], &[("Addresses", left)]].concat());
    for nic in &status.nics {
        table.row(vec![
            nic.name.clone(),
            nic.role.to_string(),
            link(nic),
            short(nic.frames_received),
            short(nic.frames_sent),
            short(nic.frames_missed),
            nic.addresses.join(" "),
        ]);
    }
    (!status.nics.is_empty()).then_some(table)
}

fn link(nic: &Nic) -> String {
    match (nic.link, nic.speed_mbps) {
        (Link::Up, Some(speed)) => bit_rate(u64::from(speed) * 1_000_000),
        (Link::Up, None) => "up".to_owned(),
        (Link::Down, _) => "no link".to_owned(),
        (Link::Missing, _) => "missing".to_owned(),
    }
}

fn workers(status: &Status) -> Option<Table> {
    let (left, right) = (Align::Left, Align::Right);
    let mut table = Table::new(&[
        ("Worker", left),
        ("CPU", right),
        ("Flows", right),
        ("Room for", right),
        ("Full", right),
        ("Longest search", right),
        ("Packets/s", right),
    ]);
    for worker in &status.workers {
        table.row(vec![
            worker.id.to_string(),
            worker.cpu.map_or_else(|| "any".to_owned(), |cpu| cpu.to_string()),
            count(worker.flows),
            count(worker.flows_max),
            percent(worker.load_factor),
            worker.longest_probe.to_string(),
            short(worker.frames_per_s),
        ]);
    }
    (!status.workers.is_empty()).then_some(table)
}

fn drops(status: &Status) -> Option<Table> {
    let (left, right) = (Align::Left, Align::Right);
    let mut table = Table::new(&[("Reason", left), ("Packets", right), ("Now/s", right), ("Meaning", left)]);
    for drop in &status.drops {
        table.row(vec![
            drop.reason.clone(),
            count(drop.packets),
            short(drop.per_s),
            api::meaning_of_drop(&drop.reason).unwrap_or_default().to_owned(),
        ]);
    }
    (!status.drops.is_empty()).then_some(table)
}
