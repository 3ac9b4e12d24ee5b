//! What is kept for graphs: rates and states, once in every slot of the finest resolution.

use super::control::Control;
use api::Rates;
use drivers::clock;
use net::Now;
use std::collections::BTreeMap;
use store::history::{History, RESOLUTIONS, Record};

/// What is measured of a service, backend or of all together.
pub const TRAFFIC: [&str; 5] =
    ["flows_per_s", "packets_in_per_s", "bits_in_per_s", "packets_out_per_s", "bits_out_per_s"];
/// What else is measured of a service or backend.
pub const FLOWS: &str = "flows";
/// What else is measured of a service.
pub const BACKENDS_UP: &str = "backends_up";
/// What else is measured of a backend: how long its slowest check took, milliseconds.
pub const CHECK: &str = "check_ms";
/// What is measured of a NIC.
pub const NIC: [&str; 3] = ["frames_received_per_s", "frames_sent_per_s", "frames_missed_per_s"];

/// When what was kept last.
#[derive(Clone, Debug, Default)]
pub(super) struct Graphs {
    slot: Option<u64>,
    nics: BTreeMap<String, [u64; 3]>,
    nics_at: Now,
}

impl Graphs {
    /// Whether `unix_s` is in another slot than the one before. A clock that was set back begins anew.
    fn is_due(&mut self, unix_s: u64) -> bool {
        let slot = unix_s / RESOLUTIONS[0].step_s;
        self.slot.replace(slot) != Some(slot)
    }

    /// Frames per second since the last call, of NICs that were there then.
    fn nic_rates(&mut self, now: Now, counts: BTreeMap<String, [u64; 3]>) -> Vec<(String, [f64; 3])> {
        let seconds = now.since(self.nics_at).as_secs_f64();
        self.nics_at = now;
        let before = std::mem::replace(&mut self.nics, counts);
        let rate = |(name, counts): (&String, &[u64; 3])| {
            let before = before.get(name)?;
            // A NIC that was opened anew counts from zero.
            let since = |at: usize| counts[at].checked_sub(before[at]).unwrap_or(counts[at]) as f64 / seconds;
            Some((name.clone(), [since(0), since(1), since(2)]))
        };
        if seconds > 0.0 { self.nics.iter().filter_map(rate).collect() } else { Vec::new() }
    }
}

impl Control {
    /// Keeps what is measured now, once in every slot.
    pub(super) fn record_graphs(&mut self, now: Now) {
        let unix_s = clock::unix_s();
        if !self.graphs.is_due(unix_s) {
            return;
        }
        let status = self.status();
        let sheet = Sheet { history: &self.history, unix_s };
        sheet.traffic("node", &status.rates);
        sheet.add("node", FLOWS, status.flows as f64);
        for service in self.services() {
            let of = format!("service/{}", service.name);
            sheet.traffic(&of, &service.rates);
            sheet.add(&of, FLOWS, (service.active + service.inactive) as f64);
            sheet.add(&of, BACKENDS_UP, service.backends_up.into());
        }
        for backend in self.backends(None).into_iter().filter(|backend| !backend.fallback) {
            let of = format!("backend/{}/{}", backend.service, backend.name);
            sheet.traffic(&of, &backend.rates);
            sheet.add(&of, FLOWS, (backend.active + backend.inactive) as f64);
            if let Some(latency_us) = self.check_latency_us(&backend.service, &backend.name) {
                sheet.add(&of, CHECK, latency_us as f64 / 1_000.0);
            }
        }
        let counts = |nic: api::Nic| (nic.name, [nic.frames_received, nic.frames_sent, nic.frames_missed]);
        let counts = status.nics.into_iter().map(counts).collect();
        for (nic, rates) in self.graphs.nic_rates(now, counts) {
            let of = format!("nic/{nic}");
            NIC.iter().zip(rates).for_each(|(name, rate)| sheet.add(&of, name, rate));
        }
    }
}

/// The samples of one moment.
struct Sheet<'a> {
    history: &'a History,
    unix_s: u64,
}

impl Sheet<'_> {
    fn add(&self, of: &str, name: &str, value: f64) {
        self.history.record(Record::Sample { series: series(of, name), unix_s: self.unix_s, value });
    }

    fn traffic(&self, of: &str, rates: &Rates) {
        let values = [
            rates.flows_per_s,
            rates.packets_in_per_s,
            rates.bits_in_per_s,
            rates.packets_out_per_s,
            rates.bits_out_per_s,
        ];
        TRAFFIC.iter().zip(values).for_each(|(name, value)| self.add(of, name, value as f64));
    }
}

/// What a line of a graph is kept as.
pub fn series(of: &str, name: &str) -> String {
    format!("{of}.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_every_slot() {
        let mut graphs = Graphs::default();
        for (unix_s, expected) in [(100, true), (102, false), (109, false), (110, true), (135, true), (50, true)] {
            assert_eq!(graphs.is_due(unix_s), expected, "{unix_s}");
        }
    }

    #[test]
    fn frames_per_second() {
        let mut graphs = Graphs::default();
        let counts = |received| BTreeMap::from([("f0".to_owned(), [received, 1, 0])]);
        assert!(graphs.nic_rates(Now::from_secs(1), counts(100)).is_empty(), "nothing to compare with");
        assert_eq!(graphs.nic_rates(Now::from_secs(11), counts(150)), [("f0".to_owned(), [5.0, 0.0, 0.0])]);
        assert!(graphs.nic_rates(Now::from_secs(11), counts(150)).is_empty(), "no time passed");
        assert_eq!(graphs.nic_rates(Now::from_secs(21), counts(20)), [("f0".to_owned(), [2.0, 0.0, 0.0])]);
    }
}
