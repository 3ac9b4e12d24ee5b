//! Medians over the rounds, the targets, and the report as JSON, Markdown and SVG.

use super::{Contender, Figures, Plan, chart};
use crate::error::{Act, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A row of the report's main table: figure, title, decimals.
const ROWS: &[(&str, &str, usize)] = &[
    ("udp.rate_mpps", "64 B UDP, 1 sender, Mpps", 3),
    ("udp.loss_percent", "  loss, %", 1),
    ("udp2.rate_mpps", "64 B UDP, 2 senders, Mpps", 3),
    ("udp2.loss_percent", "  loss, %", 1),
    ("keepalive1.rate", "HTTP keep-alive, 1 connection, req/s", 0),
    ("keepalive1.p50_us", "  p50, us", 0),
    ("keepalive1.p99_us", "  p99, us", 0),
    ("keepalive64.rate", "HTTP keep-alive, 64 connections, req/s", 0),
    ("keepalive64.p50_us", "  p50, us", 0),
    ("keepalive64.p99_us", "  p99, us", 0),
    ("connections.rate", "new connections/s", 0),
    ("connections.failed", "  failed", 0),
    ("stream_up.rate_gbit", "1 TCP stream to the server, Gbit/s", 2),
    ("stream_down.rate_gbit", "1 TCP stream to the client, Gbit/s", 2),
    ("memory.rss_mb", "memory (RSS), MB", 1),
];

/// Rows of the table of costs: measure, title.
const COSTS: &[(&str, &str)] = &[
    ("udp", "million 64 B UDP packets"),
    ("keepalive1", "million requests, 1 connection"),
    ("keepalive64", "million requests, 64 connections"),
    ("connections", "million connections"),
    ("stream_up", "GB to the server"),
    ("stream_down", "GB to the client"),
];

/// What the balancer is to reach beside a peer.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The figure compared.
    pub figure: &'static str,
    /// With whose.
    pub peer: Contender,
    /// By which factor.
    pub factor: f64,
    /// Whether more is better.
    pub more_is_better: bool,
}

/// The targets.
pub const TARGETS: [Target; 6] = [
    Target { figure: "udp.rate_mpps", peer: Contender::Nftables, factor: 1.25, more_is_better: true },
    Target { figure: "keepalive1.p50_us", peer: Contender::Haproxy, factor: 0.6, more_is_better: false },
    Target { figure: "connections.rate", peer: Contender::Nftables, factor: 1.2, more_is_better: true },
    Target { figure: "connections.rate", peer: Contender::Haproxy, factor: 1.4, more_is_better: true },
    Target { figure: "stream_up.rate_gbit", peer: Contender::Nftables, factor: 0.7, more_is_better: true },
    Target { figure: "stream_down.rate_gbit", peer: Contender::Nftables, factor: 0.7, more_is_better: true },
];

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    rounds: usize,
    seconds: f64,
    contenders: Vec<Contender>,
    samples: BTreeMap<Contender, Vec<Figures>>,
    failures: Vec<(Contender, String)>,
}

impl Report {
    /// Empty.
    pub fn new(plan: &Plan) -> Self {
        Self {
            rounds: plan.rounds,
            seconds: plan.seconds,
            contenders: plan.contenders.clone(),
            samples: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    /// The figures of one contender in one round.
    pub fn add(&mut self, contender: Contender, figures: Figures) {
        self.samples.entry(contender).or_default().push(figures);
    }

    /// A contender that could not be measured in one round.
    pub fn fail(&mut self, contender: Contender, why: String) {
        self.failures.push((contender, why));
    }

    /// Whether anybody could not be measured.
    pub fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// The median of a figure over the rounds.
    pub fn median(&self, contender: Contender, figure: &str) -> Option<f64> {
        let rounds = self.samples.get(&contender)?;
        let mut values: Vec<f64> = rounds.iter().filter_map(|figures| figures.get(figure).copied()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            even if even % 2 == 0 => Some((values[middle - 1] + values[middle]) / 2.0),
            _ => Some(values[middle]),
        }
    }

    /// The balancer's figure as a multiple of the peer's, and whether that meets the target.
    pub fn judge(&self, target: &Target) -> Option<(f64, bool)> {
        let own = self.median(Contender::Suimon, target.figure)?;
        let ratio = own / self.median(target.peer, target.figure)?;
        Some((ratio, if target.more_is_better { ratio >= target.factor } else { ratio <= target.factor }))
    }

    /// Lines about the targets: met, not met, not measured.
    pub fn verdicts(&self) -> Vec<String> {
        TARGETS
            .iter()
            .map(|target| {
                let sign = if target.more_is_better { ">=" } else { "<=" };
                let aim = format!("{} {sign} {} x {}", target.figure, target.factor, target.peer.name());
                match self.judge(target) {
                    Some((ratio, met)) => format!("{aim}: {ratio:.2} x, {}", if met { "met" } else { "NOT met" }),
                    None => format!("{aim}: not measured"),
                }
            })
            .collect()
    }

    /// Writes `report.json`, `report.md` and `report.svg` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).act(|| format!("make {}", folder.display()))?;
        let json = serde_json::to_string_pretty(&self.json()).unwrap_or_default();
        for (name, text) in [("report.json", json), ("report.md", self.markdown()), ("report.svg", self.svg())] {
            let path = folder.join(name);
            fs::write(&path, text).act(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let contenders: BTreeMap<_, _> = self
            .contenders
            .iter()
            .map(|contender| {
                let rounds = self.samples.get(contender).cloned().unwrap_or_default();
                let names: Vec<&String> = rounds.iter().flat_map(|figures| figures.keys()).collect();
                let medians: BTreeMap<_, _> =
                    names.into_iter().map(|name| (name, self.median(*contender, name))).collect();
                (contender.name(), json!({ "median": medians, "rounds": rounds }))
            })
            .collect();
        let targets: Vec<_> = TARGETS
            .iter()
            .map(|target| {
                let judged = self.judge(target);
                json!({
                    "figure": target.figure, "peer": target.peer.name(), "factor": target.factor,
                    "more_is_better": target.more_is_better,
                    "ratio": judged.map(|(ratio, _)| ratio), "met": judged.map(|(_, met)| met),
                })
            })
            .collect();
        let failures: Vec<_> = self.failures.iter().map(|(who, why)| json!([who.name(), why])).collect();
        json!({
            "rounds": self.rounds, "seconds": self.seconds, "contenders": contenders, "targets": targets,
            "failures": failures,
        })
    }

    /// The report to read.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Side by side\n\nMedians of {} rounds, {} s for each measure; client, contender and servers in network\n\
             namespaces on one machine ({}), so that they share its CPUs. All targets go through the contender's\n\
             namespace; `plain` is the kernel routing without balancing.\n\n",
            self.rounds,
            self.seconds,
            machine()
        );
        let heads: String = self.contenders.iter().map(|contender| format!(" {} |", contender.name())).collect();
        let rules = "---:|".repeat(self.contenders.len());
        let _ = write!(text, "| |{heads}\n|---|{rules}\n");
        for (figure, title, decimals) in ROWS {
            let cells = |contender: &Contender| cell(self.median(*contender, figure), *decimals);
            let _ = writeln!(text, "| {title} |{}", self.contenders.iter().map(cells).collect::<String>());
        }
        let _ = write!(text, "\n## CPU seconds, whole machine (of these the contender's own processes)\n\n");
        let _ = write!(text, "| per |{heads}\n|---|{rules}\n");
        for (measure, title) in COSTS {
            let cells = |contender: &Contender| self.cost_cell(*contender, measure);
            let _ = writeln!(text, "| {title} |{}", self.contenders.iter().map(cells).collect::<String>());
        }
        let _ = write!(text, "\n## Targets\n\n");
        for verdict in self.verdicts() {
            let _ = writeln!(text, "- {verdict}");
        }
        self.write_proof(&mut text);
        for (contender, why) in &self.failures {
            let _ = write!(text, "\n{} could not be measured in one round: {why}\n", contender.name());
        }
        text
    }

    fn cost_cell(&self, contender: Contender, measure: &str) -> String {
        let machine = self.median(contender, &format!("{measure}.machine_cpu_s_per_million"));
        let own = self.median(contender, &format!("{measure}.own_cpu_s_per_million"));
        match (machine, own) {
            (Some(machine), Some(own)) => format!(" {machine:.2} ({own:.2}) |"),
            (machine, _) => cell(machine, 2),
        }
    }

    /// That the engine saw every packet: at least one frame for each packet, and two for each request.
    fn write_proof(&self, text: &mut String) {
        if !self.samples.contains_key(&Contender::Suimon) {
            return;
        }
        let _ =
            write!(text, "\n## Frames that the engine received\n\n| measure | frames | units of work | per unit |\n");
        let _ = writeln!(text, "|---|---:|---:|---:|");
        for (measure, title) in COSTS {
            let figure = |name: &str| self.median(Contender::Suimon, &format!("{measure}.{name}"));
            if let (Some(frames), Some(units)) = (figure("engine_frames"), figure("units")) {
                let title = title.trim_start_matches("million ").replace("GB", "kB");
                let _ = writeln!(text, "| {title} | {frames:.0} | {units:.0} | {:.3} |", frames / units);
            }
        }
    }

    fn svg(&self) -> String {
        let panels: Vec<chart::Panel> = [
            ("udp.rate_mpps", "64 B UDP, Mpps (more is better)"),
            ("keepalive1.p50_us", "p50 at 1 connection, us (less is better)"),
            ("keepalive64.rate", "requests/s, 64 connections (more is better)"),
            ("connections.rate", "new connections/s (more is better)"),
            ("stream_up.rate_gbit", "1 stream to the server, Gbit/s (more is better)"),
            ("stream_down.rate_gbit", "1 stream to the client, Gbit/s (more is better)"),
        ]
        .into_iter()
        .map(|(figure, title)| chart::Panel {
            title: title.into(),
            bars: self.contenders.iter().map(|who| (who.name().into(), self.median(*who, figure))).collect(),
        })
        .collect();
        chart::draw(&panels, Contender::Suimon.name())
    }
}

fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| " - |".into(), |value| format!(" {value:.decimals$} |"))
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} CPUs, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(nftables: &[f64], suimon: &[f64]) -> Report {
        let contenders = vec![Contender::Nftables, Contender::Suimon];
        let mut report = Report::new(&Plan { contenders, measures: vec![], rounds: 3, seconds: 1.0 });
        for (who, values) in [(Contender::Nftables, nftables), (Contender::Suimon, suimon)] {
            for value in values {
                report.add(who, Figures::from([("udp.rate_mpps".into(), *value)]));
            }
        }
        report
    }

    #[test]
    fn targets_are_judged_by_medians() {
        let good = report(&[1.0, 9.0, 0.9], &[1.3, 0.1, 1.25]);
        assert_eq!(good.judge(&TARGETS[0]), Some((1.25, true)));
        let bad = report(&[1.0, 1.0, 1.0], &[1.2, 9.0, 0.1]);
        assert_eq!(bad.judge(&TARGETS[0]), Some((1.2, false)));
        assert!(bad.verdicts()[0].ends_with("1.20 x, NOT met"));
        assert!(bad.verdicts()[1].ends_with("not measured"));
    }

    #[test]
    fn less_can_be_better() {
        let target = Target { more_is_better: false, ..TARGETS[0] };
        assert_eq!(report(&[1.0], &[1.25]).judge(&target), Some((1.25, true)));
        assert_eq!(report(&[1.0], &[1.5]).judge(&target), Some((1.5, false)));
    }

    #[test]
    fn two_rounds_have_a_median_between_them() {
        assert_eq!(report(&[1.0, 2.0], &[]).median(Contender::Nftables, "udp.rate_mpps"), Some(1.5));
    }
}
