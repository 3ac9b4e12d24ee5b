//! Graphs: what was measured of a thing, over time. The page has the values as a table; a script draws them from it.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, SignedIn, page};
use api::{BackendQuery, Graph, GraphQuery};
use askama::Template;
use axum::extract::Query;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Spans that can be chosen, and their seconds: each is kept at a resolution of its own.
const SPANS: [(&str, u64); 5] =
    [("hour", 3_600), ("day", 86_400), ("week", 7 * 86_400), ("month", 30 * 86_400), ("year", 365 * 86_400)];
/// All services together.
const NODE: &str = "node";

#[derive(Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    of: String,
    #[serde(default)]
    span: String,
}

#[derive(Template)]
#[template(path = "graphs.html")]
struct GraphsPage {
    frame: Frame,
    t: Text,
    /// What there is a graph of, by its name in queries.
    things: Vec<String>,
    of: String,
    span: &'static str,
    /// Seconds between two values.
    step: u64,
    /// The span: seconds since 1970.
    from: u64,
    to: u64,
    columns: Vec<Column>,
    charts: Vec<&'static str>,
    /// Newest first: the time, and a value for each column.
    rows: Vec<(u64, Vec<Option<f64>>)>,
}

/// One measure.
struct Column {
    name: String,
    chart: &'static str,
}

impl GraphsPage {
    /// The name of a thing as people read it.
    fn thing(&self, of: &str) -> String {
        match of.split_once('/') {
            Some((kind, name)) => format!("{} {}", self.t.word("measured", kind), name.replace('/', " / ")),
            None => self.t.word("measured", of).to_owned(),
        }
    }

    fn spans(&self) -> [&'static str; 5] {
        SPANS.map(|(name, _)| name)
    }

    /// A value with its unit, as the name of its measure says it.
    fn value(&self, at: &usize, value: &f64) -> String {
        match self.columns[*at].chart {
            "bits" => show::bits(&(value.round() as u64)),
            "check" => show::latency(&((value * 1_000.0).round() as u64)),
            _ if *value < 10.0 => format!("{value:.1}"),
            _ => show::count(&(value.round() as u64)),
        }
    }
}

pub(crate) async fn get(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    let things = things(&signed).await.map_err(|error| signed.stop(error))?;
    // A thing that is gone, or never was: all of it instead.
    let of = if things.contains(&wanted.of) { wanted.of } else { NODE.to_owned() };
    let (span, span_s) = SPANS.into_iter().find(|(name, _)| *name == wanted.span).unwrap_or(SPANS[0]);
    let now_s = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let from = now_s.saturating_sub(span_s);
    let query = GraphQuery { of: of.clone(), from: Some(from), ..GraphQuery::default() };
    let graph = signed.client.graph(&query).await.map_err(|error| signed.stop(error))?;
    let rows = rows(&graph);
    let columns: Vec<_> =
        graph.lines.into_iter().map(|line| Column { chart: chart(&line.name), name: line.name }).collect();
    let mut charts: Vec<_> = columns.iter().map(|column| column.chart).collect();
    charts.sort_unstable();
    charts.dedup();
    let (frame, step) = (signed.frame("graphs", None), graph.step);
    Ok(page(&GraphsPage { frame, t: signed.t, things, of, span, step, from, to: now_s, columns, charts, rows }, None))
}

/// What there are graphs of now.
async fn things(signed: &SignedIn) -> Result<Vec<String>, api::Error> {
    let all = BackendQuery::default();
    let (status, services, backends) =
        tokio::try_join!(signed.client.status(), signed.client.services(), signed.client.backends(&all))?;
    let services = services.into_iter().map(|service| format!("service/{}", service.name));
    let backends = backends.into_iter().filter(|backend| !backend.fallback);
    let backends = backends.map(|backend| format!("backend/{}/{}", backend.service, backend.name));
    let nics = status.nics.into_iter().map(|nic| format!("nic/{}", nic.name));
    Ok([NODE.to_owned()].into_iter().chain(services).chain(backends).chain(nics).collect())
}

/// The lines side by side.
fn rows(graph: &Graph) -> Vec<(u64, Vec<Option<f64>>)> {
    let mut rows = BTreeMap::new();
    for (at, line) in graph.lines.iter().enumerate() {
        for point in &line.points {
            let row = rows.entry(point.unix_s).or_insert_with(|| vec![None; graph.lines.len()]);
            row[at] = Some(point.mean);
        }
    }
    rows.into_iter().rev().collect()
}

/// The picture that a measure is drawn in: those with one unit share one.
fn chart(name: &str) -> &'static str {
    match name {
        "flows_per_s" => "rate",
        "flows" => "flows",
        "backends_up" => "up",
        "check_ms" => "check",
        name if name.starts_with("bits") => "bits",
        name if name.starts_with("frames") => "frames",
        _ => "packets",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use api::{GraphLine, GraphPoint, Me, Role};

    #[test]
    fn lines_stand_side_by_side() {
        let point = |unix_s, mean| GraphPoint { unix_s, mean, low: 0.0, high: 9.0 };
        let line = |points: &[GraphPoint]| GraphLine { name: "flows".into(), points: points.to_vec() };
        let lines = vec![line(&[point(10, 1.0), point(20, 2.0)]), line(&[point(20, 3.0)])];
        let found = rows(&Graph { lines, ..Graph::default() });
        assert_eq!(found, [(20, vec![Some(2.0), Some(3.0)]), (10, vec![Some(1.0), None])]);
    }

    #[test]
    fn the_table_has_what_the_script_draws() {
        let (me, t) = (
            Me {
                user: "a".into(),
                role: Role::Viewer,
                must_change_password: false,
                second_factor: false,
                session: None,
            },
            Text(Language::English),
        );
        let frame =
            Frame { me, page: "graphs", done: None, problem: None, here: "/graphs".into(), revision: 1, waiting: None };
        let columns = ["bits_in_per_s", "check_ms"].map(|name| Column { chart: chart(name), name: name.to_owned() });
        let rows = vec![(20, vec![Some(1_250.0), None]), (10, vec![Some(7.5), Some(1.25)])];
        let (things, of) = (vec![NODE.to_owned(), "backend/web/s1".to_owned()], "backend/web/s1".to_owned());
        let shown = GraphsPage {
            frame,
            t,
            things,
            of,
            span: "hour",
            step: 10,
            from: 0,
            to: 3_600,
            columns: columns.into(),
            charts: vec!["bits", "check"],
            rows,
        };
        let html = shown.render().unwrap();
        if let Ok(to) = std::env::var("SHEETS_DUMP") {
            std::fs::write(to, &html).unwrap();
        }
        for part in [
            "<option value=\"backend/web/s1\" selected>Backend web / s1</option>",
            "<tr data-at=\"20\">",
            "data-value=\"1250\">1.2 kbit/s</td><td class=\"number\">–</td>",
            "data-value=\"1.25\">1.2 ms</td>",
        ] {
            assert!(html.contains(part), "without {part}: {html}");
        }
    }
}
