//! The network from where the box stands: echoes, ways, ports, neighbours, packets.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, page};
use api::{
    CaptureRequest, CheckAnswer, FoundNic, KernelNeighbor, Ping, Pinged, PortProbe, Resolution, Role, StepAnswer,
    StepEnd, Trace, TraceBy, Traced,
};
use askama::Template;
use axum::Form;
use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;
use jiff::Timestamp;
use std::net::IpAddr;

/// Seconds and packets of a capture, unless somebody asks for others.
const CAPTURE_SECONDS: &str = "30";
/// See [`CAPTURE_SECONDS`].
const CAPTURE_PACKETS: &str = "10000";
/// Neighbours that the page shows.
const NEIGHBORS_MAX: usize = crate::pager::ROWS_MAX as usize;

#[derive(Template)]
#[template(path = "tools.html")]
struct Tools {
    frame: Frame,
    t: Text,
    given: Given,
    found: Found,
    neighbors: Vec<KernelNeighbor>,
    /// How many more there are.
    more: usize,
    nics: Vec<FoundNic>,
}

/// What came of it.
#[derive(Default)]
enum Found {
    #[default]
    Nothing,
    Ping(Pinged),
    Trace(Traced),
    Port(CheckAnswer),
}

/// What was typed.
#[derive(Default)]
struct Given {
    form: &'static str,
    fields: Vec<(String, String)>,
    /// The field that is wrong, and what is wrong with it.
    wrong: Option<(&'static str, String)>,
}

impl Given {
    fn value(&self, name: &str) -> &str {
        let typed = self.fields.iter().rev().find(|(key, _)| key == name);
        typed.map_or_else(|| default(name), |(_, value)| value.trim())
    }

    /// What was typed into a field of a form; another form's field of the same name is another one.
    fn of(&self, form: &str, name: &str) -> &str {
        if self.form == form { self.value(name) } else { default(name) }
    }

    fn error(&self, form: &str, name: &str) -> Option<&str> {
        let (field, error) = self.wrong.as_ref()?;
        (self.form == form && *field == name).then_some(error.as_str())
    }

    fn is_set(&self, form: &str, name: &str) -> bool {
        self.form == form && self.fields.iter().any(|(key, _)| key == name)
    }

    fn address(&mut self, t: Text) -> Option<IpAddr> {
        self.parsed("address", t.say("tools.address_wrong"))
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &'static str, otherwise: &str) -> Option<T> {
        let parsed = self.value(name).parse().ok();
        if parsed.is_none() {
            self.wrong = Some((name, otherwise.to_owned()));
        }
        parsed
    }
}

fn default(name: &str) -> &'static str {
    match name {
        "seconds" => CAPTURE_SECONDS,
        "count" => CAPTURE_PACKETS,
        "port" => "443",
        _ => "",
    }
}

impl Tools {
    fn latency(&self, answer: &StepAnswer) -> String {
        format!("{}.{:03} ms", answer.latency_us / 1_000, answer.latency_us % 1_000)
    }

    /// How a step or an echo ended, in words.
    fn end(&self, answer: &StepAnswer) -> &'static str {
        match answer.end {
            StepEnd::Router => self.t.say("tools.router"),
            StepEnd::Arrived => self.t.say("tools.arrived"),
            StepEnd::Unreachable => self.t.say("tools.unreachable"),
            StepEnd::Silent => self.t.say("tools.silent"),
            StepEnd::NotAsked => self.t.say("tools.not_asked"),
        }
    }

    /// As a class of the style.
    fn tone(&self, answer: &StepAnswer) -> &'static str {
        match answer.end {
            StepEnd::Arrived => "good",
            StepEnd::Router => "",
            _ => "warn",
        }
    }

    fn resolution(&self, neighbor: &KernelNeighbor) -> &'static str {
        match neighbor.resolution {
            Resolution::Reachable => self.t.say("tools.reachable"),
            Resolution::Stale => self.t.say("tools.stale"),
            Resolution::Asked => self.t.say("tools.asked"),
            Resolution::Failed => self.t.say("tools.failed"),
            Resolution::Permanent => self.t.say("tools.permanent"),
        }
    }
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, Given::default(), Found::Nothing, None).await
}

pub(crate) async fn ping(signed: SignedIn, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    signed.needs(Role::Operator)?;
    let mut given = Given { form: "ping", fields, wrong: None };
    let Some(address) = given.address(signed.t) else { return show(&signed, given, Found::Nothing, None).await };
    let ping = Ping { address, count: None, size: None, dont_fragment: false };
    let asked = signed.client.ping(&ping).await.map(Found::Ping);
    told(&signed, given, asked).await
}

pub(crate) async fn trace(signed: SignedIn, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    signed.needs(Role::Operator)?;
    let mut given = Given { form: "trace", fields, wrong: None };
    let Some(address) = given.address(signed.t) else { return show(&signed, given, Found::Nothing, None).await };
    let by = match given.value("by") {
        "icmp" => TraceBy::Icmp,
        "tcp" => TraceBy::Tcp,
        _ => TraceBy::Udp,
    };
    let asked = signed.client.trace(&Trace { address, by, port: None, hops_max: None }).await.map(Found::Trace);
    told(&signed, given, asked).await
}

pub(crate) async fn port(signed: SignedIn, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    signed.needs(Role::Operator)?;
    let mut given = Given { form: "port", fields, wrong: None };
    let Some(address) = given.address(signed.t) else { return show(&signed, given, Found::Nothing, None).await };
    let port = given.parsed::<u16>("port", signed.t.say("tools.port_wrong")).filter(|port| *port > 0);
    let Some(port) = port else {
        given.wrong = Some(("port", signed.t.say("tools.port_wrong").to_owned()));
        return show(&signed, given, Found::Nothing, None).await;
    };
    let tls = given.is_set("port", "tls");
    let asked = signed.client.port(&PortProbe { address, port, tls, name: None }).await.map(Found::Port);
    told(&signed, given, asked).await
}

/// Packets as a file, which grows while they are recorded.
pub(crate) async fn capture(signed: SignedIn, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    signed.needs(Role::Administrator)?;
    let mut given = Given { form: "capture", fields, wrong: None };
    let wrong = signed.t.say("tools.number_wrong");
    let (seconds, count) = (given.parsed("seconds", wrong), given.parsed("count", wrong));
    let (Some(seconds), Some(count)) = (seconds, count) else {
        return show(&signed, given, Found::Nothing, None).await;
    };
    let nic = given.value("nic").to_owned();
    let filter = Some(given.value("filter").to_owned()).filter(|filter| !filter.is_empty());
    let request = CaptureRequest { nic: nic.clone(), filter, count: Some(count), seconds: Some(seconds) };
    match signed.client.capture(&request).await {
        Ok(capture) => {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            let nic: String = nic.chars().map(plain).collect();
            let name = format!("suimon-{nic}-{}.pcap", Timestamp::now().strftime("%Y%m%d-%H%M%S"));
            let headers = [
                (header::CONTENT_TYPE, "application/vnd.tcpdump.pcap".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            ];
            Ok((headers, Body::new(capture.into_body())).into_response())
        }
        Err(error) => {
            let problem = signed.told(error)?;
            show(&signed, given, Found::Nothing, Some(problem)).await
        }
    }
}

/// What whoever helps needs to see, as a file.
pub(crate) async fn support_bundle(signed: SignedIn) -> Answer {
    match signed.client.support_bundle().await {
        Ok(file) => {
            let name = format!("suimon-support-{}.tar.gz", Timestamp::now().strftime("%Y%m%d-%H%M%S"));
            let headers = [
                (header::CONTENT_TYPE, "application/gzip".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            ];
            Ok((headers, file).into_response())
        }
        Err(error) => {
            let problem = signed.told(error)?;
            show(&signed, Given::default(), Found::Nothing, Some(problem)).await
        }
    }
}

async fn told(signed: &SignedIn, given: Given, asked: Result<Found, api::Error>) -> Answer {
    match asked {
        Ok(found) => show(signed, given, found, None).await,
        Err(error) => {
            let problem = signed.told(error)?;
            show(signed, given, Found::Nothing, Some(problem)).await
        }
    }
}

async fn show(signed: &SignedIn, given: Given, found: Found, problem: Option<Problem>) -> Answer {
    let problem = problem.or_else(|| given.wrong.as_ref().map(|_| Problem::refuse(signed.t.say("form.wrong"))));
    let (neighbors, nics) = tokio::join!(signed.client.kernel_neighbors(), signed.client.links());
    let mut neighbors = neighbors.map_err(|error| signed.stop(error))?;
    let nics = nics.map_err(|error| signed.stop(error))?;
    let more = neighbors.len().saturating_sub(NEIGHBORS_MAX);
    neighbors.truncate(NEIGHBORS_MAX);
    let code = problem.as_ref().map(|problem| problem.status);
    let frame = signed.frame("tools", problem);
    Ok(page(&Tools { frame, t: signed.t, given, found, neighbors, more, nics }, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn a_field_is_its_form_s() {
        let t = Text(Language::English);
        let fields = vec![("address".to_owned(), " 10.0.0.1 ".to_owned())];
        let mut given = Given { form: "ping", fields, wrong: None };
        assert_eq!(given.address(t), Some([10, 0, 0, 1].into()));
        assert_eq!((given.of("ping", "address"), given.of("trace", "address")), ("10.0.0.1", ""));
        assert_eq!(given.of("capture", "seconds"), CAPTURE_SECONDS);
        given.fields[0].1 = "router".to_owned();
        assert_eq!(given.address(t), None);
        assert!(given.error("ping", "address").is_some() && given.error("trace", "address").is_none());
    }
}
