use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn labels(name: &str) -> Labels {
    vec![("service", "web".to_owned()), ("backend", name.to_owned()), ("fallback", "false".to_owned())]
}

fn check(name: &str, result: Option<(bool, Duration)>) -> Answered {
    let names = [("service", "web"), ("backend", "s1"), ("check", name)];
    let labels = names.map(|(label, value)| (label, value.to_owned())).to_vec();
    Answered { labels, age: Duration::from_millis(24_500), result }
}

fn scrape() -> Scrape {
    let traffic = Traffic { flows: 1, packets_in: 2, bytes_in: 3, packets_out: 4, bytes_out: 5 };
    let backend = |name: &str, healthy, state| Known {
        labels: labels(name),
        healthy,
        state,
        weight: 7,
        active: 8,
        inactive: 9,
        traffic,
    };
    let worker = api::Worker { id: 0, flows: 17, flows_max: 1_000, load_factor: 0.25, ..Default::default() };
    let nic = Nic { name: "f0".to_owned(), link: Link::Up, frames_received: 10, frames_sent: 11, ..Nic::default() };
    let drops = vec![Drop { reason: "no_service".to_owned(), packets: 12, per_s: 0 }];
    Scrape {
        status: Status {
            node: "a \"quoted\" \\ name\n".to_owned(),
            version: "0.1.0".to_owned(),
            uptime_s: 13,
            revision: 14,
            workers: vec![worker],
            nics: vec![nic],
            drops,
            ..Status::default()
        },
        services: vec![Service {
            name: "web".to_owned(),
            vips: Vec::new(),
            protocol: config::Protocol::Tcp,
            ports: "80".to_owned(),
            scheduler: config::Scheduler::Wlc,
            method: config::Method::Nat,
            backends: 2,
            backends_up: 1,
            on_fallback: false,
            active: 19,
            inactive: 20,
            traffic,
            rates: api::Rates::default(),
        }],
        backends: vec![backend("s1", true, BackendState::Online), backend("s2", false, BackendState::Drain)],
        checks: vec![
            check("http", Some((true, Duration::from_micros(2_500)))),
            check("dns", Some((false, Duration::from_secs(3)))),
            check("ping", None),
        ],
        told: Some(Counts { alerts_sent: 15, lines_lost: 16, ..Counts::default() }),
        history_lost: 18,
        access: access::Counters { logins_failed: 21, ..access::Counters::default() },
        happenings: happenings::Counts { events: 23, ..happenings::Counts::default() },
        lockout: lockout::Counters { delayed: 22, ..lockout::Counters::default() },
    }
}

/// Parses a page: types of metrics by name, and values by name with labels. Whatever is not as OpenMetrics 1.0 has it
/// ends the test.
fn parsed(text: &str) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
    let (mut kinds, mut helps, mut values) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    let body = text.strip_suffix("# EOF\n").expect("an end");
    for line in body.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "TYPE", name, kind] => {
                assert!(["counter", "gauge"].contains(&kind), "{line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            }
            ["#", "HELP", name, help] => assert!(helps.insert(name.to_owned()) && help.ends_with('.'), "{line}"),
            ["#", "UNIT", name, unit] => assert!(name.ends_with(&format!("_{unit}")), "{line}"),
            _ => {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().expect("a name");
                let family = kinds.get(name).map_or_else(|| name.strip_suffix("_total"), |_| Some(name));
                let family = family.unwrap_or_else(|| panic!("no type: {line}"));
                let counter = kinds.get(family).unwrap_or_else(|| panic!("no type: {line}")) == "counter";
                assert!(helps.contains(family), "no help: {line}");
                assert_eq!(counter, name.ends_with("_total"), "{line}");
                assert!(name.starts_with("suimon_"), "{line}");
                let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert!(values.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
    }
    (kinds, values)
}

const HTTP: &str = "service=\"web\",backend=\"s1\",check=\"http\"";
const DNS: &str = "service=\"web\",backend=\"s1\",check=\"dns\"";
const PING: &str = "service=\"web\",backend=\"s1\",check=\"ping\"";

#[test]
fn a_check_that_could_not_be_asked_has_neither_result_nor_time() {
    let (_, values) = parsed(&text(&scrape()).unwrap());
    for name in ["passed", "latency_seconds"] {
        let of = |check: &str| values.contains_key(&format!("suimon_check_{name}{{{check}}}"));
        assert!(of(HTTP) && !of(PING), "{name} in {values:#?}");
    }
}

#[test]
fn the_whole_page_is_openmetrics() {
    let (kinds, values) = parsed(&text(&scrape()).unwrap());
    assert_eq!(kinds["suimon_service_received_packets"], "counter");
    let s1 = "service=\"web\",backend=\"s1\",fallback=\"false\"";
    let s2 = "service=\"web\",backend=\"s2\",fallback=\"false\"";
    for (series, expected) in [
        ("suimon_node{node=\"a \\\"quoted\\\" \\\\ name\\n\",version=\"0.1.0\"}".to_owned(), 1.0),
        ("suimon_uptime_seconds".to_owned(), 13.0),
        ("suimon_config_revision".to_owned(), 14.0),
        ("suimon_flow_table_flows{worker=\"0\"}".to_owned(), 17.0),
        ("suimon_flow_table_load_ratios{worker=\"0\"}".to_owned(), 0.25),
        ("suimon_nic_up{nic=\"f0\"}".to_owned(), 1.0),
        ("suimon_nic_sent_frames_total{nic=\"f0\"}".to_owned(), 11.0),
        ("suimon_dropped_packets_total{reason=\"no_service\"}".to_owned(), 12.0),
        (format!("suimon_backend_healthy{{{s1}}}"), 1.0),
        (format!("suimon_backend_healthy{{{s2}}}"), 0.0),
        (format!("suimon_backend_state{{{s1},state=\"online\"}}"), 1.0),
        (format!("suimon_backend_state{{{s2},state=\"online\"}}"), 0.0),
        (format!("suimon_backend_state{{{s2},state=\"drain\"}}"), 1.0),
        (format!("suimon_backend_flows_total{{{s1}}}"), 1.0),
        (format!("suimon_backend_received_bytes_total{{{s1}}}"), 3.0),
        (format!("suimon_backend_sent_packets_total{{{s1}}}"), 4.0),
        (format!("suimon_check_passed{{{HTTP}}}"), 1.0),
        (format!("suimon_check_passed{{{DNS}}}"), 0.0),
        (format!("suimon_check_latency_seconds{{{HTTP}}}"), 0.0025),
        (format!("suimon_check_latency_seconds{{{DNS}}}"), 3.0),
        (format!("suimon_check_age_seconds{{{HTTP}}}"), 24.5),
        (format!("suimon_check_asked{{{HTTP}}}"), 1.0),
        (format!("suimon_check_asked{{{PING}}}"), 0.0),
        ("suimon_service_backends_up{service=\"web\"}".to_owned(), 1.0),
        ("suimon_service_sent_bytes_total{service=\"web\"}".to_owned(), 5.0),
        ("suimon_alerts_sent_messages_total".to_owned(), 15.0),
        ("suimon_syslog_lost_lines_total".to_owned(), 16.0),
        ("suimon_history_lost_records_total".to_owned(), 18.0),
        ("suimon_events_events_total".to_owned(), 23.0),
        ("suimon_logins_failed_attempts_total".to_owned(), 21.0),
        ("suimon_logins_delayed_attempts_total".to_owned(), 22.0),
    ] {
        assert_eq!(values.get(&series), Some(&expected), "{series} in {values:#?}");
    }
}
