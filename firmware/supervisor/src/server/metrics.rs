//! Counters for Prometheus: OpenMetrics text, made anew for whoever asks.

mod checks;

use super::{Core, Refused};
use crate::run::control::Control;
use crate::run::happenings;
use crate::run::telling::Counts;
use api::{Backend, Drop, Link, Nic, Service, Status, Traffic};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use checks::Answered;
use config::BackendState;
use manage::{access, lockout};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::sync::atomic::AtomicU64;

/// What the text is (OpenMetrics 1.0, "Exposition").
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What all names begin with.
const PREFIX: &str = "suimon";

type Labels = Vec<(&'static str, String)>;
/// A metric of every thing of a kind: name, help, and how it is read.
type Column<T> = (&'static str, &'static str, fn(&T) -> u64);

/// All that there is to count, at one moment.
#[derive(Clone, Debug, Default)]
struct Scrape {
    status: Status,
    services: Vec<Service>,
    backends: Vec<Known>,
    checks: Vec<Answered>,
    told: Option<Counts>,
    history_lost: u64,
    access: access::Counters,
    lockout: lockout::Counters,
    happenings: happenings::Counts,
}

/// A backend.
#[derive(Clone, Debug)]
struct Known {
    labels: Labels,
    healthy: bool,
    state: BackendState,
    weight: u32,
    active: u64,
    inactive: u64,
    traffic: Traffic,
}

impl From<Backend> for Known {
    fn from(backend: Backend) -> Self {
        Self {
            // A fallback may be called like a backend.
            labels: vec![
                ("service", backend.service),
                ("backend", backend.name),
                ("fallback", backend.fallback.to_string()),
            ],
            healthy: backend.healthy,
            state: backend.state,
            weight: backend.weight,
            active: backend.active,
            inactive: backend.inactive,
            traffic: backend.traffic,
        }
    }
}

impl Scrape {
    fn of(control: &Control) -> Self {
        Self {
            status: control.status(),
            services: control.services(),
            backends: control.backends(None).into_iter().map(Known::from).collect(),
            checks: Answered::all(control),
            ..Self::default()
        }
    }
}

/// The text.
pub(super) async fn metrics(State(core): State<Core>) -> Result<Response, Refused> {
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page(&core).await?).into_response())
}

/// The same for whoever puts it elsewhere.
pub(super) async fn page(core: &Core) -> Result<String, Refused> {
    let scrape = core.ask(|control| Scrape::of(control)).await?;
    let (access, lockout) = core.gate.look(|access, _| access.counters()).await;
    let told = core.teller.counts().await;
    let happenings = core.teller.happenings().counts();
    let scrape = Scrape { told, history_lost: core.history.lost(), access, lockout, happenings, ..scrape };
    let failed = |error| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("write metrics: {error}"));
    text(&scrape).map_err(failed)
}

fn text(scrape: &Scrape) -> Result<String, std::fmt::Error> {
    let mut page = Page(Registry::with_prefix(PREFIX));
    page.node(&scrape.status);
    page.nics(&scrape.status.nics);
    page.drops(&scrape.status.drops);
    page.services(&scrape.services);
    page.backends(&scrape.backends);
    page.checks(&scrape.checks);
    page.told(scrape);
    page.access(scrape);
    page.happenings(&scrape.happenings);
    let mut text = String::new();
    encode(&mut text, &page.0)?;
    Ok(text)
}

struct Page(Registry);

impl Page {
    fn node(&mut self, status: &Status) {
        let info = vec![("node", status.node.clone()), ("version", status.version.clone())];
        self.gauge("node", "1, with the node's name and version", None, [(info, 1.0)]);
        self.gauge("uptime", "Since the start", Some(Unit::Seconds), one(status.uptime_s));
        self.gauge("config_revision", "Revision in use", None, one(status.revision));
        self.gauge("tables_epoch", "Tables published last", None, one(status.epoch));
        self.gauge("workers", "Workers", None, one(status.workers.len() as u64));
        self.gauge("workers_adopted", "Workers that use the newest tables", None, one(status.workers_adopted.into()));
        let worker = |worker: &api::Worker| vec![("worker", worker.id.to_string())];
        let workers = || status.workers.iter();
        let values = workers().map(|of| (worker(of), of.flows as f64));
        self.gauge("flow_table_flows", "Flows now", None, values);
        let values = workers().map(|of| (worker(of), of.flows_max as f64));
        self.gauge("flow_table_flows_max", "Flows there is room for", None, values);
        let values = workers().map(|of| (worker(of), of.load_factor));
        self.gauge("flow_table_load", "Share of the index in use, 0 to 1", Some(Unit::Ratios), values);
        let values = workers().map(|of| (worker(of), of.longest_probe as f64));
        self.gauge("flow_table_longest_probe", "Longest search so far", Some(other("slots")), values);
        let values = workers().map(|of| (worker(of), of.frames_received));
        self.counter("worker_received", "Frames that the worker received", Some(other("frames")), values);
    }

    fn nics(&mut self, nics: &[Nic]) {
        let nic = |nic: &Nic| vec![("nic", nic.name.clone())];
        let up = nics.iter().map(|of| (nic(of), f64::from(of.link == Link::Up)));
        self.gauge("nic_up", "Whether the NIC has a link", None, up);
        let counts: [Column<Nic>; 3] = [
            ("nic_received", "Frames that the engine received", |nic| nic.frames_received),
            ("nic_sent", "Frames that the engine sent", |nic| nic.frames_sent),
            ("nic_missed", "Frames that found no room in the ring", |nic| nic.frames_missed),
        ];
        for (name, help, count) in counts {
            self.counter(name, help, Some(other("frames")), nics.iter().map(|of| (nic(of), count(of))));
        }
    }

    fn drops(&mut self, drops: &[Drop]) {
        let counts = drops.iter().map(|drop| (vec![("reason", drop.reason.clone())], drop.packets));
        self.counter("dropped", "Packets dropped, by reason", Some(other("packets")), counts);
    }

    fn services(&mut self, services: &[Service]) {
        let name = |service: &Service| vec![("service", service.name.clone())];
        let gauges: [Column<Service>; 5] = [
            ("service_backends", "Backends of the service", |of| of.backends.into()),
            ("service_backends_up", "Backends that take flows", |of| of.backends_up.into()),
            ("service_on_fallback", "Whether the fallback serves", |of| of.on_fallback.into()),
            ("service_flows_active", "Flows that count as active", |of| of.active),
            ("service_flows_inactive", "All other flows", |of| of.inactive),
        ];
        for (metric, help, value) in gauges {
            self.gauge(metric, help, None, services.iter().map(|of| (name(of), value(of) as f64)));
        }
        let traffic: Vec<_> = services.iter().map(|of| (name(of), of.traffic)).collect();
        self.traffic("service", &traffic);
    }

    fn backends(&mut self, backends: &[Known]) {
        let gauges: [Column<Known>; 4] = [
            ("backend_healthy", "Whether health checks let it take flows", |of| of.healthy.into()),
            ("backend_weight", "Its configured weight", |of| of.weight.into()),
            ("backend_flows_active", "Flows that count as active", |of| of.active),
            ("backend_flows_inactive", "All other flows", |of| of.inactive),
        ];
        for (metric, help, value) in gauges {
            self.gauge(metric, help, None, backends.iter().map(|of| (of.labels.clone(), value(of) as f64)));
        }
        // One series for each state, as is usual for sets of states: a query needs no numbers that stand for words.
        let states = [BackendState::Online, BackendState::Drain, BackendState::Disabled];
        let values = backends.iter().flat_map(|of| {
            states.iter().map(|state| {
                let mut labels = of.labels.clone();
                labels.push(("state", state.to_string()));
                (labels, f64::from(of.state == *state))
            })
        });
        self.gauge("backend_state", "1 for the state that the administrator wants", None, values);
        let traffic: Vec<_> = backends.iter().map(|of| (of.labels.clone(), of.traffic)).collect();
        self.traffic("backend", &traffic);
    }

    fn traffic(&mut self, of: &str, traffic: &[(Labels, Traffic)]) {
        let counts: [(Column<Traffic>, Option<Unit>); 5] = [
            (("flows", "Flows made", |sum| sum.flows), None),
            (("received", "Packets from clients", |sum| sum.packets_in), Some(other("packets"))),
            (("sent", "Packets to clients", |sum| sum.packets_out), Some(other("packets"))),
            (("received", "Bytes from clients", |sum| sum.bytes_in), Some(Unit::Bytes)),
            (("sent", "Bytes to clients", |sum| sum.bytes_out), Some(Unit::Bytes)),
        ];
        for ((name, help, count), unit) in counts {
            let values = traffic.iter().map(|(labels, sum)| (labels.clone(), count(sum)));
            self.counter(&format!("{of}_{name}"), help, unit, values);
        }
    }

    fn told(&mut self, scrape: &Scrape) {
        self.counter("history_lost", "Lines and samples not kept", Some(other("records")), one(scrape.history_lost));
        let Some(told) = scrape.told else { return };
        for (name, help, unit, count) in [
            ("alerts_sent", "Alerts that destinations took", "messages", told.alerts_sent),
            ("alerts_failed", "Tries to send an alert that failed", "tries", told.alert_tries_failed),
            ("alerts_lost", "Alerts that were given up or found a queue full", "messages", told.alerts_lost),
            ("syslog_sent", "Log lines handed to the network", "lines", told.lines_sent),
            ("syslog_lost", "Log lines that found a queue full", "lines", told.lines_lost),
        ] {
            self.counter(name, help, Some(other(unit)), one(count));
        }
    }

    fn access(&mut self, scrape: &Scrape) {
        let (access, lockout) = (&scrape.access, &scrape.lockout);
        for (name, help, unit, count) in [
            ("calls_anonymous", "Calls without session or token", "calls", access.anonymous),
            ("calls_unknown", "Calls with a session or token that is none", "calls", access.unknown),
            ("logins", "Log-ins that succeeded", "attempts", access.logins),
            ("logins_failed", "Log-ins with a wrong name, password or code", "attempts", access.logins_failed),
            ("logins_delayed", "Log-ins not looked at: too soon after failures", "attempts", lockout.delayed),
            ("logins_locked", "Log-ins not looked at: locked", "attempts", lockout.refused_locked),
            ("login_locks", "Locks of users and of sources", "locks", lockout.locks),
            ("login_keys_forgotten", "Names and sources that failed and found no room", "keys", lockout.forgotten),
            ("sessions_pushed_out", "Sessions that ended for want of room", "sessions", access.sessions_pushed_out),
        ] {
            self.counter(name, help, Some(other(unit)), one(count));
        }
    }

    fn happenings(&mut self, counts: &happenings::Counts) {
        self.gauge("event_listeners", "Who listens to events now", None, one(counts.listeners));
        for (name, help, unit, count) in [
            ("events", "What happened", "events", counts.events),
            ("events_forgotten", "Of those, what is kept no more", "events", counts.forgotten),
            ("events_missed", "Events that a listener asked for too late", "events", counts.missed),
            ("event_listeners_refused", "Listeners there was no place for", "calls", counts.listeners_refused),
        ] {
            self.counter(name, help, Some(other(unit)), one(count));
        }
    }

    fn gauge<V: Into<Value>>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl IntoIterator<Item = (Labels, V)>,
    ) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in values {
            let gauge = family.get_or_create_owned(&labels);
            gauge.set(value.into().0);
            if labels.is_empty() {
                return self.put(name, help, unit, gauge);
            }
        }
        self.put(name, help, unit, family);
    }

    fn counter(&mut self, name: &str, help: &str, unit: Option<Unit>, values: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            let counter = family.get_or_create_owned(&labels);
            counter.inc_by(value);
            if labels.is_empty() {
                return self.put(name, help, unit, counter);
            }
        }
        self.put(name, help, unit, family);
    }

    fn put(&mut self, name: &str, help: &str, unit: Option<Unit>, metric: impl Metric) {
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, metric),
            None => self.0.register(name, help, metric),
        }
    }
}

/// A gauge's value: all counts of this program fit a float's 53 bits.
struct Value(f64);

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self(value as f64)
    }
}

fn one(value: u64) -> [(Labels, u64); 1] {
    [(Labels::new(), value)]
}

fn other(unit: &str) -> Unit {
    Unit::Other(unit.to_owned())
}

#[cfg(test)]
mod tests;
