//! The balancer and its peers side by side: the same lab, the same servers, the same load, in alternating order.

mod chart;
mod contenders;
mod measures;
mod report;

pub use contenders::Contender;
pub use measures::Measure;
pub use report::{Report, Target};

use crate::error::Result;
use contenders::Stage;
use std::collections::BTreeMap;

/// What came out, by name: `udp.rate`, `keepalive1.p50_us`.
pub type Figures = BTreeMap<String, f64>;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// How often all of it is repeated.
    pub rounds: usize,
    /// Seconds of each measure.
    pub seconds: f64,
}

/// Runs the plan; `progress` is told about each contender's figures as they come.
pub fn run(plan: &Plan, mut progress: impl FnMut(usize, Contender, &Result<Figures>)) -> Result<Report> {
    let mut report = Report::new(plan);
    for round in 0..plan.rounds {
        for contender in order(&plan.contenders, round) {
            let figures = stage(plan, contender);
            progress(round, contender, &figures);
            match figures {
                Ok(figures) => report.add(contender, figures),
                Err(error) => report.fail(contender, error.to_string()),
            }
        }
    }
    Ok(report)
}

/// One contender on a fresh stage: no flow, port or cache of another one's is left.
fn stage(plan: &Plan, contender: Contender) -> Result<Figures> {
    let stage = Stage::build(contender)?;
    let mut figures = Figures::new();
    for measure in &plan.measures {
        if contender.takes(*measure) {
            figures.extend(measures::take(&stage, *measure, plan.seconds)?);
        }
    }
    if let Some(usage) = stage.usage() {
        figures.insert("memory.rss_mb".into(), usage.rss_bytes as f64 / 1e6);
    }
    Ok(figures)
}

/// Backwards in every second round, and rotated by one more in each: nobody always runs first, or behind the same one.
fn order(contenders: &[Contender], round: usize) -> Vec<Contender> {
    let mut order = contenders.to_vec();
    if round % 2 == 1 {
        order.reverse();
    }
    if !order.is_empty() {
        order.rotate_left(round % contenders.len());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_changes_every_round() {
        let all = Contender::ALL;
        let firsts: Vec<_> = (0..3).map(|round| order(&all, round)[0]).collect();
        assert_ne!(firsts[0], firsts[1]);
        assert_ne!(firsts[1], firsts[2]);
        for round in 0..5 {
            let mut order = order(&all, round);
            order.sort();
            assert_eq!(order, all);
        }
    }
}
