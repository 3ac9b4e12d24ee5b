//! The API over HTTPS on the running program, as programs on other machines use it.

mod calls;
mod described;
mod events;
mod remote;

use lab::command::{Finished, words};
use lab::configuration::{Configuration, Method};
use lab::console::{Console, SITE, expect};
use lab::error::LabError;
use lab::plan::Family;
use lab::shape::Shape;
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let tests = calls::tests().into_iter().chain(remote::tests()).chain(events::tests()).chain(described::tests());
    trials::run(Needs::Suimon, Stage::build, tests.map(|(name, body)| test(name, body)).collect())
}

/// A test of a part of this file.
type Named = (&'static str, fn(&mut Stage) -> Result<()>);

/// The balancer, its console, and tokens of each role.
struct Stage {
    console: Console,
    suimon: Suimon,
    lab: Lab,
    viewer: String,
    operator: String,
    administrator: String,
}

impl Stage {
    fn build() -> Result<Self> {
        let lab = Lab::build(Shape::full())?;
        let suimon = Suimon::start(&lab, "a", &Configuration::new(1, Method::Nat, Family::V4).toml())?;
        let mut console = Console::start(&lab, "a", &suimon)?;
        let mut token = |role: &str| token(&mut console, &suimon, role);
        let (viewer, operator, administrator) = (token("viewer")?, token("operator")?, token("administrator")?);
        Ok(Self { console, suimon, lab, viewer, operator, administrator })
    }

    /// A call over HTTPS, with these further arguments of curl.
    fn call(&self, path: &str, arguments: &[&str]) -> Result<Answer> {
        let url = format!("{SITE}{path}");
        let fixed = ["-sS", "-k", "-i", "--max-time", "20", &url];
        let mut curl = words("curl", fixed.iter().chain(arguments));
        let text = self.lab.node("a").run(&mut curl, LIMIT).and_then(Finished::success)?;
        // "100 Continue" is not the answer yet.
        let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text).to_owned();
        let unexpected = || LabError::Answer(format!("no HTTP: {text}"));
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(unexpected)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(unexpected)?;
        Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
    }
}

/// A token of a new user.
fn token(console: &mut Console, suimon: &Suimon, role: &str) -> Result<String> {
    let (user, _) = console.newcomer(suimon, role)?;
    let made = suimon.ctl(&["--json", "token", "make", "api", "--role", role, "--days", "1", "--user", &user])?;
    let made = json(&made.success()?)?;
    Ok(made["secret"].as_str().unwrap_or_default().to_owned())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| LabError::Answer(format!("{error}: {text}")))
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Status line and headers, in small letters.
    head: String,
    body: String,
}

impl Answer {
    fn is(self, status: u16) -> Result<Self> {
        expect(self.status == status, || format!("expected {status}: {self:?}"))?;
        Ok(self)
    }

    /// A refusal with a reason that programs can read.
    fn refused(self, status: u16) -> Result<Value> {
        let answer = self.is(status)?;
        let marked = answer.head.lines().any(|line| line == "content-type: application/json");
        let problem = json(&answer.body)?;
        expect(marked && problem["message"].is_string(), || format!("no problem: {answer:?}"))?;
        Ok(problem)
    }
}
