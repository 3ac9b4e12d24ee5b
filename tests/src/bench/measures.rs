//! What is measured, and how.

use super::Figures;
use super::contenders::{SINK_PORT, STREAM_PORT, Stage, WEB_PORT};
use crate::client;
use crate::command::SHORT;
use crate::error::{Act, LabError, Result};
use crate::lab::tool;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

/// `USER_HZ` of `/proc/stat`.
const TICKS_PER_SECOND: f64 = 100.0;
/// New connections per second of measuring time, about what the fastest does.
const CONNECTIONS_PER_SECOND: f64 = 25_000.0;

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// 64 byte UDP packets from one sending thread.
    Udp,
    /// The same from two.
    Udp2,
    /// HTTP requests on one connection.
    Keepalive1,
    /// HTTP requests on 64 connections.
    Keepalive64,
    /// A connection for each request.
    Connections,
    /// One TCP stream, client to server.
    StreamUp,
    /// One TCP stream, server to client.
    StreamDown,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Udp,
        Self::Udp2,
        Self::Keepalive1,
        Self::Keepalive64,
        Self::Connections,
        Self::StreamUp,
        Self::StreamDown,
    ];

    /// How the names of its figures begin.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Udp2 => "udp2",
            Self::Keepalive1 => "keepalive1",
            Self::Keepalive64 => "keepalive64",
            Self::Connections => "connections",
            Self::StreamUp => "stream_up",
            Self::StreamDown => "stream_down",
        }
    }

    /// Whether it is UDP.
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::Udp | Self::Udp2)
    }
}

/// What a load reports: how many units of work were done, and its figures.
struct Outcome {
    units: f64,
    figures: Vec<(&'static str, f64)>,
}

/// Measures, and adds what it cost: CPU seconds per million units, of the whole machine and of the contender's own
/// processes, and what the engine saw.
pub fn take(stage: &Stage, measure: Measure, seconds: f64) -> Result<Figures> {
    let machine = machine_cpu_seconds()?;
    let own = stage.usage();
    let frames = stage.engine_frames().transpose()?;
    let outcome = load(stage, measure, seconds)?;
    let mut figures: Figures = Figures::new();
    let mut note = |name: &str, value: f64| {
        figures.insert(format!("{}.{name}", measure.name()), value);
    };
    let per_million = |seconds: f64| seconds / outcome.units * 1e6;
    note("machine_cpu_s_per_million", per_million(machine_cpu_seconds()? - machine));
    if let (Some(before), Some(after)) = (own, stage.usage()) {
        note("own_cpu_s_per_million", per_million(after.cpu_seconds - before.cpu_seconds));
    }
    if let (Some(before), Some(after)) = (frames, stage.engine_frames().transpose()?) {
        note("engine_frames", (after - before) as f64);
        note("units", outcome.units);
    }
    for (name, value) in outcome.figures {
        note(name, value);
    }
    Ok(figures)
}

fn load(stage: &Stage, measure: Measure, seconds: f64) -> Result<Outcome> {
    match measure {
        Measure::Udp => udp(stage, 1, seconds),
        Measure::Udp2 => udp(stage, 2, seconds),
        Measure::Keepalive1 => keepalive(stage, 1, seconds),
        Measure::Keepalive64 => keepalive(stage, 64, seconds),
        Measure::Connections => connections(stage, seconds),
        Measure::StreamUp => stream(stage, &[], seconds),
        Measure::StreamDown => stream(stage, &["-R"], seconds),
    }
}

fn sources() -> Vec<IpAddr> {
    (0..16).map(|number| IpAddr::from([10, 1, 0, 10 + number])).collect()
}

fn udp(stage: &Stage, threads: u8, seconds: f64) -> Result<Outcome> {
    let target = SocketAddr::new(stage.addresses()[0], SINK_PORT);
    let sources = sources().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let arguments =
        [&seconds.to_string(), &threads.to_string(), "eth0", &router_mac(stage)?, &sources, &target.to_string()];
    let mut blast = crate::command::words(&tool("blast")?.display().to_string(), arguments);
    let before = arrived(stage)?;
    let limit = Duration::from_secs_f64(seconds + 10.0);
    let output = stage.lab.node("client").run(&mut blast, limit)?.success()?;
    // The last ones may still be on their way.
    thread::sleep(Duration::from_millis(100));
    let arrived = (arrived(stage)? - before) as f64;
    let numbers: Vec<f64> = output.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let &[sent, took] = &numbers[..] else { return Err(LabError::Answer(format!("blast said: {output}"))) };
    Ok(Outcome {
        units: arrived,
        figures: vec![("rate_mpps", arrived / took / 1e6), ("loss_percent", (1.0 - arrived / sent).max(0.0) * 100.0)],
    })
}

/// Hardware address of the contender's NIC towards the client.
fn router_mac(stage: &Stage) -> Result<String> {
    let output = stage.lab.node("a").output("ip", &["-br", "link", "show", "dev", "f0"], SHORT)?;
    let mac = output.split_whitespace().nth(2).map(str::to_owned);
    mac.ok_or_else(|| LabError::Answer(format!("ip said: {output}")))
}

/// Datagrams that reached the sink's socket: nobody reads it, so all but the first few overflow, which is a count too.
fn arrived(stage: &Stage) -> Result<u64> {
    let servers = stage.lab.node("servers");
    Ok(servers.kernel_counter("Udp", "InDatagrams")? + servers.kernel_counter("Udp", "RcvbufErrors")?)
}

fn keepalive(stage: &Stage, connections: u16, seconds: f64) -> Result<Outcome> {
    let url = format!("http://{}:{WEB_PORT}/", stage.addresses()[0]);
    let (threads, connections) = (if connections == 1 { "-t1" } else { "-t2" }, format!("-c{connections}"));
    let duration = format!("-d{}s", seconds.ceil());
    let arguments = [threads, &connections, &duration, "--latency", &url];
    let limit = Duration::from_secs_f64(seconds + 15.0);
    let output = stage.lab.node("client").output("wrk", &arguments, limit)?;
    let report = parse_wrk(&output).ok_or_else(|| LabError::Answer(format!("wrk said: {output}")))?;
    Ok(Outcome {
        units: report.requests,
        figures: vec![
            ("rate", report.rate),
            ("p50_us", report.p50_us),
            ("p99_us", report.p99_us),
            ("errors", report.errors),
        ],
    })
}

fn connections(stage: &Stage, seconds: f64) -> Result<Outcome> {
    let targets: Vec<_> = stage.addresses().iter().map(|address| SocketAddr::new(*address, WEB_PORT)).collect();
    let count = (seconds * CONNECTIONS_PER_SECOND) as u64;
    let done = client::connections(&stage.lab, &sources(), &targets, count)?;
    Ok(Outcome {
        units: done.done as f64,
        figures: vec![("rate", done.done as f64 / done.seconds), ("failed", done.failed as f64)],
    })
}

fn stream(stage: &Stage, options: &[&str], seconds: f64) -> Result<Outcome> {
    let (address, port) = (stage.addresses()[0].to_string(), STREAM_PORT.to_string());
    let seconds = seconds.ceil();
    let fixed = ["-c", &address, "-p", &port, "-J", "-t", &seconds.to_string()].map(str::to_string);
    let arguments: Vec<&str> = fixed.iter().map(String::as_str).chain(options.iter().copied()).collect();
    let output = stage.lab.node("client").output("iperf3", &arguments, Duration::from_secs_f64(seconds + 15.0))?;
    let report: serde_json::Value =
        serde_json::from_str(&output).map_err(|error| LabError::Answer(format!("iperf3: {error}")))?;
    let end = &report["end"]["sum_received"];
    match (end["bits_per_second"].as_f64(), end["bytes"].as_f64()) {
        // A unit is a kilobyte: a million of them are a gigabyte.
        (Some(rate), Some(bytes)) => Ok(Outcome { units: bytes / 1e3, figures: vec![("rate_gbit", rate / 1e9)] }),
        _ => Err(LabError::Answer(format!("iperf3 said: {output}"))),
    }
}

/// proc(5), `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn machine_cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").act(|| "read /proc/stat".into())?;
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    let busy: f64 =
        ticks.iter().take(7).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Ok(busy / TICKS_PER_SECOND)
}

/// What wrk prints at its end.
#[derive(Debug, PartialEq)]
struct Wrk {
    requests: f64,
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    errors: f64,
}

fn parse_wrk(text: &str) -> Option<Wrk> {
    let behind = |mark: &str| text.lines().find_map(|line| line.trim().strip_prefix(mark)).map(str::trim);
    let requests = text.lines().find_map(|line| line.split_once(" requests in "))?.0.trim();
    let errors = behind("Socket errors:").map_or(0.0, |line| {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<f64>().ok()).sum()
    });
    Some(Wrk {
        requests: requests.parse().ok()?,
        rate: behind("Requests/sec:")?.parse().ok()?,
        p50_us: microseconds(behind("50%")?)?,
        p99_us: microseconds(behind("99%")?)?,
        errors,
    })
}

fn microseconds(text: &str) -> Option<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1e3)
    } else {
        (text.strip_suffix('s')?, 1e6)
    };
    Some(number.trim().parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_understood() {
        let text = "Running 2s test @ http://10.1.0.100:80/\n  2 threads and 64 connections\n  Thread Stats   Avg\n\
                    \x20   Latency   500us\n  Latency Distribution\n     50%  480.00us\n     75%    1.02ms\n\
                    \x20    99%    1.20s\n  221000 requests in 2.00s, 30.00MB read\n\
                    \x20 Socket errors: connect 0, read 3, write 0, timeout 2\n\
                    Requests/sec: 110500.25\nTransfer/sec:     15.00MB\n";
        let expected = Wrk { requests: 221_000.0, rate: 110_500.25, p50_us: 480.0, p99_us: 1_200_000.0, errors: 5.0 };
        assert_eq!(parse_wrk(text), Some(expected));
        assert_eq!(parse_wrk("unable to connect"), None);
    }

    #[test]
    fn times_have_units() {
        for (text, expected) in [("8.00us", Some(8.0)), ("1.50ms", Some(1_500.0)), ("2.00s", Some(2e6)), ("7", None)] {
            assert_eq!(microseconds(text), expected, "{text}");
        }
    }
}
