//! What strangers try on the web console and its API: guessing, other people's browsers, crowds, slowness; and what a role
//! that was broken into would have in its hands.

mod crowd;
mod guessing;
mod roles;
mod strangers;

use lab::command::{Finished, words};
use lab::configuration::{Configuration, Method};
use lab::console::{Console, SITE, expect};
use lab::error::LabError;
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// Failures until a lock, and how long it lasts.
const FAILURES_MAX: usize = 5;
const LOCK_S: u64 = 10;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        Stage::build,
        vec![
            test("no thread of web or probe has a right it does not need", roles::confined),
            test("guessing a password is slow, then ends", guessing::one_name),
            test("guessing with many names ends as well", guessing::many_names),
            test("without a session, with a stale one, from another site: nothing", strangers::walk),
            test("a thousand idle and fifty slow clients keep nobody out", crowd::walk),
            test("who is slow comes to an end", crowd::ends),
        ],
    )
}

/// The balancer with its servers, and its console.
struct Stage {
    console: Console,
    suimon: Suimon,
    lab: Lab,
}

impl Stage {
    fn build() -> Result<Self> {
        let lab = trials::full_lab()?;
        lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
        let suimon = Suimon::start(&lab, "a", &configuration())?;
        let console = Console::start(&lab, "a", &suimon)?;
        Ok(Self { console, suimon, lab })
    }

    /// Calls the API over HTTPS from this address.
    fn call(&self, source: &str, path: &str, arguments: &[&str]) -> Result<Answer> {
        let url = format!("{SITE}{path}");
        let fixed = ["-sS", "-k", "-i", "--max-time", "20", "--interface", source, &url];
        let mut curl = words("curl", fixed.iter().chain(arguments));
        let text = self.lab.node("a").run(&mut curl, LIMIT).and_then(Finished::success)?;
        let unexpected = || LabError::Answer(format!("no HTTP: {text}"));
        let (head, _) = text.split_once("\r\n\r\n").ok_or_else(unexpected)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(unexpected)?;
        Ok(Answer { status, head: head.to_lowercase() })
    }

    /// One of the numbers of `/metrics`.
    fn metric(&self, name: &str) -> Result<u64> {
        let text = self.suimon.get("/metrics")?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.ok_or_else(|| LabError::Answer(format!("no {name}: {text}")))
    }
}

/// With a check, so that a probe runs.
fn configuration() -> String {
    let mut text = Configuration::new(1, Method::Nat, Family::V4).toml();
    let check = "\n[[service.check]]\nname = \"page\"\nkind = \"http\"\npath = \"/\"\n\n[[service.backend]]";
    text = text.replacen("\n[[service.backend]]", check, 1);
    let _ = write!(text, "\n[api]\nlogin_failures_max = {FAILURES_MAX}\nlogin_lock_s = {LOCK_S}\n");
    text
}

#[derive(Debug)]
struct Answer {
    status: u16,
    /// Status line and headers, in small letters.
    head: String,
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| LabError::Answer(format!("{error}: {text}")))
}
