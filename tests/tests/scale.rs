//! A large configuration on the running program: 200 services with 2,000 backends (a tenth of that without `LONG`). All of
//! it is listed, changed and shown; how long that takes is reported, not asserted.

use lab::command::{Finished, words};
use lab::configuration::{Configuration, Method};
use lab::console::{Browser, Console, SITE, expect};
use lab::error::{Act, LabError};
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::shape::Shape;
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Backends of each service.
const BACKENDS: usize = 10;
/// How often each page is asked for.
const VISITS: usize = 50;
/// How often the configuration is changed.
const CHANGES: usize = 5;
const LIMIT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        Stage::build,
        vec![test("all of it is changed at once", reload), test("pages show all of it", pages)],
    )
}

struct Stage {
    browser: Browser,
    _console: Console,
    suimon: Suimon,
    lab: Lab,
    services: usize,
}

impl Stage {
    fn build() -> Result<Self> {
        let long = std::env::var("LONG").is_ok_and(|long| !long.is_empty() && long != "0");
        let services = if long { 200 } else { 20 };
        let lab = Lab::build(Shape::full())?;
        lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
        let suimon = Suimon::start(&lab, "a", &document(services, "wlc"))?;
        let mut console = Console::start(&lab, "a", &suimon)?;
        let browser = console.signed_in(&suimon, "administrator")?;
        Ok(Self { browser, _console: console, suimon, lab, services })
    }

    /// How many things the API lists.
    fn listed(&self, path: &str) -> Result<usize> {
        let text = self.suimon.get(path)?;
        let list: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
        list.as_array().map(Vec::len).ok_or_else(|| LabError::Answer(format!("no list: {text}")))
    }
}

/// The lab's own services and `services` more, whose backends are ports of the three servers.
fn document(services: usize, scheduler: &str) -> String {
    let mut text = Configuration::new(1, Method::Nat, Family::V4).toml();
    for service in 0..services {
        let vip = format!("10.1.{}.{}", 1 + service / 200, 1 + service % 200);
        let _ = write!(
            text,
            "\n[[service]]\nname = \"many-{service:03}\"\nvip = \"{vip}\"\nports = \"80\"\nmethod = \"nat\"\n\
             scheduler = \"{scheduler}\"\n"
        );
        for backend in 0..BACKENDS {
            let address = plan::server(plan::SERVERS[backend % plan::SERVERS.len()], Family::V4);
            let port = 8_000 + backend;
            let _ =
                write!(text, "[[service.backend]]\nname = \"b{backend}\"\naddress = \"{address}\"\nport = {port}\n");
        }
    }
    text
}

fn reload(stage: &mut Stage) -> Result<()> {
    let file = stage.suimon.file().with_file_name("many.toml");
    let name = file.display().to_string();
    let mut times = Vec::new();
    for change in 0..CHANGES {
        let scheduler = if change % 2 == 0 { "rr" } else { "wlc" };
        fs::write(&file, document(stage.services, scheduler)).act(|| format!("write {name}"))?;
        let begun = Instant::now();
        stage.suimon.ctl(&["apply", &name])?.success()?;
        times.push(begun.elapsed());
        let one = stage.suimon.ctl(&["--json", "services"])?.success()?;
        let changed = one.matches(&format!("\"scheduler\": \"{scheduler}\"")).count()
            + one.matches(&format!("\"scheduler\":\"{scheduler}\"")).count();
        expect(changed >= stage.services, || format!("{changed} of {} services changed", stage.services))?;
    }
    let backends = stage.listed("/api/v1/backends")?;
    expect(backends >= stage.services * BACKENDS, || format!("{backends} backends are listed"))?;
    let median = median(&mut times);
    println!("{} services, {backends} backends: a change of all, by ctl apply, p50 {median:.0?}", stage.services);
    Ok(())
}

fn pages(stage: &mut Stage) -> Result<()> {
    for path in [
        "/",
        "/services",
        "/services/many-007",
        "/backends",
        "/backends/many-007/b3",
        "/flows",
        "/history",
        "/configuration",
        "/people",
        "/audit",
        "/log",
    ] {
        let mut times = visit(stage, path)?;
        let slowest = times.iter().max().copied().unwrap_or_default();
        println!("{path:24} p50 {:.1?}, slowest {slowest:.1?}", median(&mut times));
    }
    Ok(())
}

/// Asks for a page again and again over one connection.
fn visit(stage: &Stage, path: &str) -> Result<Vec<Duration>> {
    stage.browser.open(path)?.is(200)?;
    let jar = stage.browser.jar().display().to_string();
    let mut curl = words("curl", ["-sS", "-k", "--max-time", "60", "-b", &jar, "-w", "%{http_code} %{time_total}\n"]);
    for _ in 0..VISITS {
        curl.args(["-o", "/dev/null", &format!("{SITE}{path}")]);
    }
    let text = stage.lab.node("a").run(&mut curl, LIMIT).and_then(Finished::success)?;
    let times: Vec<Duration> =
        text.lines().filter_map(|line| line.strip_prefix("200 ")?.parse().ok()).map(Duration::from_secs_f64).collect();
    expect(times.len() == VISITS, || format!("{path}: {text}"))?;
    Ok(times)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
