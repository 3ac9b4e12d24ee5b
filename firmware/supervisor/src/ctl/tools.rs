//! `ctl ping`, `trace`, `port`, `neighbors`: the network from where the box stands.

use super::table::{Align, Table};
use super::{Failure, say};
use api::{CheckAnswer, Client, KernelNeighbor, Pinged, Resolution, StepAnswer, StepEnd, TraceBy, Traced};
use clap::{Args, ValueEnum};
use std::net::IpAddr;

/// What to ping.
#[derive(Args, Debug)]
pub(super) struct Ping {
    /// The address.
    address: IpAddr,
    /// How many echoes.
    #[arg(long, value_name = "N", default_value_t = api::PING_COUNT_DEFAULT,
          value_parser = clap::value_parser!(u8).range(1..=i64::from(api::PING_COUNT_MAX)))]
    count: u8,
    /// Bytes of payload.
    #[arg(long, value_name = "BYTES", default_value_t = api::PING_SIZE_DEFAULT,
          value_parser = clap::value_parser!(u16).range(i64::from(api::PING_SIZE_MIN)..=i64::from(api::PING_SIZE_MAX)))]
    size: u16,
    /// Nobody may cut them into fragments.
    #[arg(long)]
    dont_fragment: bool,
}

/// The way to find.
#[derive(Args, Debug)]
pub(super) struct Trace {
    /// The address at its end.
    address: IpAddr,
    /// What to send.
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// The port of TCP or UDP.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Steps at most.
    #[arg(long, value_name = "N", default_value_t = api::TRACE_HOPS_MAX,
          value_parser = clap::value_parser!(u8).range(1..=i64::from(api::TRACE_HOPS_MAX)))]
    hops: u8,
}

/// What finds the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// Echoes.
    Icmp,
    /// Datagrams.
    #[default]
    Udp,
    /// Beginnings of connections.
    Tcp,
}

/// The port to look at.
#[derive(Args, Debug)]
pub(super) struct Port {
    /// Whose port.
    address: IpAddr,
    /// The TCP port.
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Go on with TLS.
    #[arg(long)]
    tls: bool,
    /// The name to ask TLS for.
    #[arg(long, value_name = "NAME", requires = "tls")]
    name: Option<String>,
}

pub(super) async fn ping(client: &Client, json: bool, ping: Ping) -> Result<(), Failure> {
    let Ping { address, count, size, dont_fragment } = ping;
    let ping = api::Ping { address, count: Some(count), size: Some(size), dont_fragment };
    say(json, &client.ping(&ping).await?, pinged)
}

pub(super) async fn trace(client: &Client, json: bool, trace: Trace) -> Result<(), Failure> {
    let by = match trace.by {
        By::Icmp => TraceBy::Icmp,
        By::Udp => TraceBy::Udp,
        By::Tcp => TraceBy::Tcp,
    };
    let trace = api::Trace { address: trace.address, by, port: trace.port, hops_max: Some(trace.hops) };
    say(json, &client.trace(&trace).await?, traced)
}

pub(super) async fn port(client: &Client, json: bool, port: Port) -> Result<(), Failure> {
    let Port { address, port, tls, name } = port;
    say(json, &client.port(&api::PortProbe { address, port, tls, name }).await?, looked_at)
}

fn pinged(pinged: &Pinged) -> String {
    let mut text = String::new();
    for (number, echo) in (1..).zip(&pinged.echoes) {
        text.push_str(&format!("{number:>2}  {}\n", step(echo)));
    }
    let times: Vec<u64> =
        pinged.echoes.iter().filter(|one| one.end == StepEnd::Arrived).map(|one| one.latency_us).collect();
    text.push_str(&format!("{} of {} answered", times.len(), pinged.echoes.len()));
    if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
        let mean = times.iter().sum::<u64>() / times.len() as u64;
        text.push_str(&format!("; least {}, mean {}, most {}", time(*least), time(mean), time(*most)));
    }
    text.push_str(".\n");
    text
}

fn traced(traced: &Traced) -> String {
    let mut text = String::new();
    for (number, tries) in (1..).zip(&traced.hops) {
        let tries: Vec<String> = tries.iter().map(step).collect();
        text.push_str(&format!("{number:>2}  {}\n", tries.join("   ")));
    }
    text.push_str(if traced.reached { "The address is reached.\n" } else { "The address is not reached.\n" });
    text
}

fn step(step: &StepAnswer) -> String {
    let from = step.from.map_or_else(String::new, |from| format!("{from} "));
    let reason = if step.reason.is_empty() { String::new() } else { format!(" ({})", step.reason) };
    match step.end {
        StepEnd::Router | StepEnd::Arrived => format!("{from}{}{reason}", time(step.latency_us)),
        StepEnd::Unreachable => format!("{from}unreachable{reason}"),
        StepEnd::Silent => "no answer".to_owned(),
        StepEnd::NotAsked => format!("not asked{reason}"),
    }
}

fn looked_at(answer: &CheckAnswer) -> String {
    let mut text = match answer.passed {
        true => format!("It answers, in {}.\n", time(answer.latency_us)),
        false => format!("It does not answer: {}.\n", answer.reason),
    };
    text.extend(answer.warnings.iter().map(|warning| format!("{warning}\n")));
    text.push_str(&answer.transcript);
    text
}

/// The table.
pub(super) fn neighbors(known: &[KernelNeighbor], width: usize) -> String {
    let columns = ["address", "nic", "hardware address", "state", "kept"];
    let mut table = Table::new(&columns.map(|title| (title, Align::Left)));
    for neighbor in known {
        let state = match neighbor.resolution {
            Resolution::Reachable => "reachable",
            Resolution::Stale => "stale",
            Resolution::Asked => "asked",
            Resolution::Failed => "failed",
            Resolution::Permanent => "permanent",
        };
        table.row(vec![
            neighbor.address.to_string(),
            neighbor.nic.clone(),
            neighbor.mac.clone().unwrap_or_else(|| "-".to_owned()),
            state.to_owned(),
            if neighbor.kept { "as a next hop" } else { "" }.to_owned(),
        ]);
    }
    table.text(width)
}

fn time(us: u64) -> String {
    format!("{}.{:03} ms", us / 1_000, us % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(end: StepEnd, from: Option<[u8; 4]>, reason: &str, latency_us: u64) -> StepAnswer {
        StepAnswer { end, from: from.map(IpAddr::from), reason: reason.to_owned(), latency_us }
    }

    #[test]
    fn a_way_as_people_read_it() {
        let hops = vec![
            vec![answer(StepEnd::Router, Some([10, 0, 0, 1]), "", 1_234), answer(StepEnd::Silent, None, "", 1_000_000)],
            vec![answer(StepEnd::Unreachable, Some([10, 0, 0, 9]), "forbidden by a filter", 20)],
        ];
        assert_eq!(
            traced(&Traced { hops, reached: false }),
            " 1  10.0.0.1 1.234 ms   no answer\n 2  10.0.0.9 unreachable (forbidden by a filter)\nThe address is not reached.\n"
        );
        let echoes = vec![
            answer(StepEnd::Arrived, Some([10, 0, 0, 2]), "", 500),
            answer(StepEnd::Arrived, Some([10, 0, 0, 2]), "", 1_500),
            answer(StepEnd::NotAsked, None, "no way", 0),
        ];
        assert_eq!(
            pinged(&Pinged { echoes }),
            " 1  10.0.0.2 0.500 ms\n 2  10.0.0.2 1.500 ms\n 3  not asked (no way)\n\
             2 of 3 answered; least 0.500 ms, mean 1.000 ms, most 1.500 ms.\n"
        );
    }
}
