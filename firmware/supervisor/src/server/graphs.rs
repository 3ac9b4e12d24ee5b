//! Graphs, from the history.

use super::routes::{Answer, Words};
use super::{Core, Refused};
use crate::run::graphs::{BACKENDS_UP, CHECK, FLOWS, NIC, TRAFFIC, series};
use api::{GRAPH_POINTS_DEFAULT, GRAPH_POINTS_MAX, GRAPH_SPAN_DEFAULT_S, Graph, GraphLine, GraphPoint, GraphQuery};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use drivers::clock;
use store::StoreError;
use store::history::{History, Resolution, resolution};

/// One graph.
pub(super) async fn graph(State(core): State<Core>, Words(query): Words<GraphQuery>) -> Answer<Graph> {
    let plan = Plan::of(query, clock::unix_s()).map_err(|why| Refused::new(StatusCode::BAD_REQUEST, why))?;
    core.look_up(move |_, history| plan.look(history)).await.map(Json)
}

/// A question that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    of: String,
    names: Vec<&'static str>,
    from_s: u64,
    to_s: u64,
    resolution: Resolution,
}

impl Plan {
    fn of(query: GraphQuery, now_s: u64) -> Result<Self, &'static str> {
        let GraphQuery { of, from, to, step } = query;
        let names = measured(&of).ok_or("of is service/NAME, backend/SERVICE/NAME, nic/NAME or node")?;
        let to_s = to.unwrap_or(now_s).min(now_s);
        let from_s = from.unwrap_or(to_s.saturating_sub(GRAPH_SPAN_DEFAULT_S));
        if from_s > to_s {
            return Err("from is later than to, or than now");
        }
        let points_max = match step {
            None => GRAPH_POINTS_DEFAULT,
            Some(0) => return Err("step is at least 1 s"),
            Some(step) => ((to_s - from_s) / step).clamp(1, GRAPH_POINTS_MAX),
        };
        let resolution = resolution(from_s, to_s, now_s, points_max);
        // The coarsest has more than that only for a span that is longer than anything is kept.
        let from_s = from_s.max(to_s.saturating_sub(resolution.step_s * GRAPH_POINTS_MAX));
        Ok(Self { of, names, from_s, to_s, resolution })
    }

    fn look(self, history: &History) -> Result<Graph, StoreError> {
        let Self { of, names, from_s, to_s, resolution } = self;
        let line = |name: &str| {
            let points = history
                .samples(&series(&of, name), from_s, to_s, resolution)?
                .into_iter()
                .map(|point| GraphPoint { unix_s: point.unix_s, mean: point.mean, low: point.low, high: point.high });
            Ok(GraphLine { name: name.to_owned(), points: points.collect() })
        };
        let lines = names.into_iter().map(line).collect::<Result<_, StoreError>>()?;
        Ok(Graph { of, from: from_s, to: to_s, step: resolution.step_s, lines })
    }
}

/// What is measured of a thing, by its name in queries.
fn measured(of: &str) -> Option<Vec<&'static str>> {
    let parts: Vec<&str> = of.split('/').collect();
    match parts[..] {
        ["node"] => Some([&TRAFFIC[..], &[FLOWS]].concat()),
        ["backend", _, _] => Some([&TRAFFIC[..], &[FLOWS, CHECK]].concat()),
        ["service", _] => Some([&TRAFFIC[..], &[FLOWS, BACKENDS_UP]].concat()),
        ["nic", _] => Some(NIC.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::history::Record;

    const NOW_S: u64 = 1_800_000_000;

    fn query(of: &str, from: Option<u64>, to: Option<u64>, step: Option<u64>) -> GraphQuery {
        GraphQuery { of: of.to_owned(), from, to, step }
    }

    #[test]
    fn spans_and_steps() {
        let day = 86_400;
        for (from, to, step, expected) in [
            (None, None, None, Ok((NOW_S - 3_600, NOW_S, 120))),
            (Some(NOW_S - 600), None, None, Ok((NOW_S - 600, NOW_S, 10))),
            (Some(NOW_S - 3_600), None, Some(10), Ok((NOW_S - 3_600, NOW_S, 10))),
            (Some(NOW_S - 3_600), None, Some(100), Ok((NOW_S - 3_600, NOW_S, 120))),
            (Some(NOW_S - day), None, Some(1), Ok((NOW_S - day, NOW_S, 120))),
            (Some(NOW_S - 20 * day), Some(NOW_S - 19 * day), None, Ok((NOW_S - 20 * day, NOW_S - 19 * day, 1_800))),
            (Some(0), None, None, Ok((NOW_S - 21_600 * GRAPH_POINTS_MAX, NOW_S, 21_600))),
            (None, Some(NOW_S + day), None, Ok((NOW_S - 3_600, NOW_S, 120))),
            (Some(NOW_S + 1), None, None, Err("from is later than to, or than now")),
            (Some(5), Some(4), None, Err("from is later than to, or than now")),
            (None, None, Some(0), Err("step is at least 1 s")),
        ] {
            let plan = Plan::of(query("node", from, to, step), NOW_S);
            let found = plan.map(|plan| (plan.from_s, plan.to_s, plan.resolution.step_s));
            assert_eq!(found, expected, "{from:?} {to:?} {step:?}");
        }
    }

    #[test]
    fn things_that_are_measured() {
        for (of, lines) in
            [("node", 6), ("service/web", 7), ("backend/web/s1", 7), ("nic/f0", 3), ("", 0), ("service", 0), ("a/b", 0)]
        {
            assert_eq!(measured(of).map_or(0, |names| names.len()), lines, "{of}");
        }
    }

    #[test]
    fn what_was_recorded_comes_back() {
        let folder = std::env::temp_dir().join(format!("suimon-graphs-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let history = History::open(&folder).unwrap();
        for (ago_s, value) in [(40, 1.0), (32, 3.0), (20, 7.0)] {
            let series = series("service/web", "packets_in_per_s");
            history.record(Record::Sample { series, unix_s: NOW_S - ago_s, value });
        }
        history.flush();
        let plan = Plan::of(query("service/web", Some(NOW_S - 600), None, None), NOW_S).unwrap();
        let graph = plan.look(&history).unwrap();
        assert_eq!((graph.step, graph.lines.len()), (10, 7));
        let line = graph.lines.iter().find(|line| line.name == "packets_in_per_s").unwrap();
        let point = |ago_s, mean, low, high| GraphPoint { unix_s: NOW_S - ago_s, mean, low, high };
        assert_eq!(line.points, [point(40, 2.0, 1.0, 3.0), point(20, 7.0, 7.0, 7.0)]);
        assert!(graph.lines.iter().filter(|other| other.name != line.name).all(|line| line.points.is_empty()));
        drop(history);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
