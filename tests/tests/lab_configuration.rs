//! The configuration as a transaction, on the real program: it returns when nobody confirms it, over crashes too, nobody
//! overwrites what somebody else did, and changes cost no request.

use lab::client::requests;
use lab::command::{self, Finished};
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError};
use lab::lab::Answers;
use lab::plan::{self, Family, size};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Time that a return has after its moment.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        trials::full_lab,
        vec![
            test("whoever cuts himself off gets the former configuration back", cut_off),
            test("what is confirmed stays", confirmed_stays),
            test("the time to confirm goes on while the node is dead", confirmation_over_a_crash),
            test("nobody overwrites what another changed", conflict_is_refused),
            test("an earlier revision comes back", rollback),
            test("a drain survives a crash", drain_survives),
            test("the log tells who changed what, over a restart", log_is_kept),
            test("changes under load lose no request", changes_under_load),
        ],
    )
}

fn plain() -> Configuration {
    Configuration::new(2, Method::Nat, Family::V4)
}

fn weighted(weight: u32) -> Configuration {
    let mut configuration = plain();
    configuration.backends[0].1 = weight;
    configuration
}

/// The services are gone: nobody answers at the VIP.
fn without_services() -> String {
    let toml = plain().toml();
    toml.split("\n[[service]]").next().unwrap_or_default().to_owned()
}

fn start(lab: &Lab) -> Result<Suimon> {
    lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    Suimon::start(lab, "a", &plain().toml())
}

fn apply(lab: &Lab, balancer: &Suimon, toml: &str, more: &[&str]) -> Result<Finished> {
    let file = lab.folder().join("given.toml");
    fs::write(&file, toml).act(|| "write given.toml".into())?;
    let file = file.display().to_string();
    balancer.ctl(&[&["apply", &file][..], more].concat())
}

fn answers(lab: &Lab) -> bool {
    let vip = SocketAddr::new(plan::vip(Family::V4), 80);
    requests(lab, plan::client(Family::V4, 1, 1), vip, 3).is_ok()
}

/// Revisions as `number state origin`, newest first.
fn history(balancer: &Suimon) -> Result<Vec<String>> {
    let text = balancer.ctl(&["--json", "history"])?.success()?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
    let revisions = answer["revisions"].as_array().cloned().unwrap_or_default();
    let word = |revision: &Value, name: &str| revision[name].as_str().unwrap_or_default().to_owned();
    let line =
        |revision: &Value| format!("{} {} {}", revision["number"], word(revision, "state"), word(revision, "origin"));
    Ok(revisions.iter().map(line).collect())
}

fn expect_history(balancer: &Suimon, expected: &[&str]) -> Result<()> {
    let found = history(balancer)?;
    expect(found.iter().zip(expected).all(|(found, expected)| found == expected), || {
        format!("history: {found:?}, expected: {expected:?}")
    })
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}

/// A refusal: status 1, and one line that contains `words`.
fn expect_refusal(finished: &Finished, words: &str) -> Result<()> {
    let refused = finished.status.code() == Some(1) && finished.stderr.contains(words);
    expect(refused && finished.stderr.lines().count() == 1, || format!("{finished:?}"))
}

fn cut_off(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab)?;
    expect(answers(lab), || "nobody answers at first".into())?;
    let said = apply(lab, &balancer, &without_services(), &["--confirm", "3s"])?.success()?;
    expect(said.contains("Within 3 s: suimon ctl confirm."), || said)?;
    let status = balancer.ctl(&["status"])?.success()?;
    expect(status.contains(" left to confirm it"), || status)?;
    // A request would wait for its answer until the return.
    let services = balancer.ctl(&["services"])?.success()?;
    expect(services.starts_with("No services."), || services)?;
    command::wait_until("the former configuration is back", NOTICE_LIMIT, || answers(lab))?;
    expect_history(&balancer, &["3 running return", "2 returned apply", "1 replaced file"])?;
    let same = balancer.ctl(&["diff", "--from", "1"])?.success()?;
    expect(same == "No difference.\n", || same)
}

fn confirmed_stays(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab)?;
    expect_refusal(&balancer.ctl(&["confirm"])?, "no revision waits for confirmation")?;
    let before = history(&balancer)?.len();
    apply(lab, &balancer, &weighted(7).toml(), &["--confirm", "2s", "--comment", "more for s1"])?.success()?;
    expect_refusal(&apply(lab, &balancer, &weighted(8).toml(), &[])?, "waits for confirmation")?;
    balancer.ctl(&["confirm"])?.success()?;
    thread::sleep(Duration::from_secs(3));
    let now = history(&balancer)?;
    expect(now.len() == before + 1 && now[0].ends_with("running apply"), || format!("{now:?}"))?;
    let listed = balancer.ctl(&["history", "--limit", "1"])?.success()?;
    expect(["root", "more for s1", "~ backend web/s1"].iter().all(|word| listed.contains(word)), || listed)
}

fn confirmation_over_a_crash(lab: &mut Lab) -> Result<()> {
    // The time ends while the node is dead, or soon after its start.
    for (confirm, dead) in [("2s", 3), ("6s", 0)] {
        let mut balancer = start(lab)?;
        let confirmed = balancer.ctl(&["export"])?.success()?;
        apply(lab, &balancer, &without_services(), &["--confirm", confirm])?.success()?;
        balancer.kill()?;
        thread::sleep(Duration::from_secs(dead));
        balancer.start_again(lab, "a")?;
        if dead == 0 {
            let waiting = history(&balancer)?;
            expect(waiting[0].ends_with("awaiting apply"), || format!("{waiting:?}"))?;
        }
        command::wait_until("the former configuration is back", NOTICE_LIMIT, || answers(lab))?;
        let now = history(&balancer)?;
        let returned = now[0].ends_with("running return") && now[1].ends_with("returned apply");
        expect(returned, || format!("{now:?}"))?;
        let exported = balancer.ctl(&["export"])?.success()?;
        expect(exported == confirmed, || exported)?;
    }
    Ok(())
}

fn conflict_is_refused(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab)?;
    let seen = number(&history(&balancer)?[0]);
    apply(lab, &balancer, &weighted(11).toml(), &["--expect", &seen])?.success()?;
    let late = apply(lab, &balancer, &weighted(12).toml(), &["--expect", &seen])?;
    expect_refusal(&late, &format!("is in use, not {seen}"))?;
    let exported = balancer.ctl(&["export"])?.success()?;
    expect(exported == weighted(11).toml(), || exported)
}

fn number(line: &str) -> String {
    line.split(' ').next().unwrap_or_default().to_owned()
}

fn rollback(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab)?;
    apply(lab, &balancer, &weighted(21).toml(), &[])?.success()?;
    let earlier = number(&history(&balancer)?[0]);
    apply(lab, &balancer, &without_services(), &[])?.success()?;
    expect(!answers(lab), || "the services are still there".into())?;
    balancer.ctl(&["rollback", &earlier])?.success()?;
    expect(answers(lab), || "nobody answers after the rollback".into())?;
    let now = history(&balancer)?;
    expect(now[0].ends_with("running rollback"), || format!("{now:?}"))?;
    let exported = balancer.ctl(&["export"])?.success()?;
    expect(exported == weighted(21).toml(), || exported)?;
    expect_refusal(&balancer.ctl(&["rollback", "4000000"])?, "there is no revision 4000000")
}

fn drain_survives(lab: &mut Lab) -> Result<()> {
    let mut balancer = start(lab)?;
    balancer.ctl(&["drain", "web/s1", "--deadline", "1h", "--then", "reset"])?.success()?;
    balancer.kill()?;
    balancer.start_again(lab, "a")?;
    let backends = balancer.ctl(&["backends", "--service", "web"])?.success()?;
    let drained = backends.lines().find(|line| line.starts_with("web/s1")).unwrap_or_default().to_owned();
    expect(drained.contains("draining, 59 min left") || drained.contains("draining, 1 h 0 min left"), || backends)?;
    balancer.ctl(&["online", "web/s1"])?.success().map(drop)
}

fn log_is_kept(lab: &mut Lab) -> Result<()> {
    let mut balancer = start(lab)?;
    apply(lab, &balancer, &weighted(25).toml(), &[])?.success()?;
    balancer.stop()?;
    balancer.start_again(lab, "a")?;
    let mut said = String::new();
    // Lines are written in batches, soon after they were logged.
    command::wait_until("both runs are in the log", NOTICE_LIMIT, || {
        said = balancer.ctl(&["log"]).and_then(Finished::success).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let changed =
            lines.iter().position(|line| line.contains("configuration in use") && line.contains("author=root"));
        let ready = lines.iter().rposition(|line| line.contains("ready"));
        changed.zip(ready).is_some_and(|(changed, ready)| changed < ready)
    })
    .map_err(|error| LabError::Answer(format!("{error}: {said}")))
}

fn changes_under_load(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab)?;
    let changes = size(50, 500);
    let client = lab.node("client");
    let seconds = size("25s", "240s");
    let load = thread::spawn(move || {
        let arguments = ["-t1", "-c16", "-d", seconds, "--timeout", "2s", "http://10.1.0.100/"];
        client.output("wrk", &arguments, Duration::from_secs(300))
    });
    let mut made = 0;
    while made < changes && !load.is_finished() {
        made += 1;
        apply(lab, &balancer, &weighted(30 + made % 2).toml(), &[])?.success()?;
    }
    expect(made == changes, || format!("only {made} changes while the load ran"))?;
    let report = load.join().expect("output does not panic")?;
    expect(!report.contains("Socket errors") && !report.contains("Non-2xx"), || report.clone())?;
    let requests = report.lines().find(|line| line.contains(" requests in ")).unwrap_or_default();
    println!("{made} changes under load: {}", requests.trim());
    expect(!requests.is_empty(), || report.clone())
}
