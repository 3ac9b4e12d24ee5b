//! schemathesis against the description that the node gives of itself: what is answered is what is described.

use super::{Named, Stage, bearer, token};
use lab::Result;
use lab::command::words;
use lab::console::{SITE, expect};
use lab::error::Act;
use lab::lab::target_folder;
use lab::plan;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const RUN_LIMIT: Duration = Duration::from_secs(1_800);
/// The same questions each time.
const SEED: &str = "53";
/// What must hold of every answer.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth";
/// What ends the node, or gives it another disk, program or owner: not asked at random. Nor are events, whose answer lasts,
/// or pings and ways to addresses that nobody has, each of which waits for seconds.
const LEFT_OUT: &str = "reboot|power|factory|restore|update|/ha(/|$)|/events|/tools/(ping|trace|port)";
/// What can end the rights that the questions are asked with: asked last, with rights of its own.
const ENDING: &str = "/logout|/tokens/|/sessions/|/users/";

pub fn tests() -> Vec<Named> {
    vec![
        ("an administrator is answered as described", |stage| stays(stage, "administrator")),
        ("a viewer is answered as described", |stage| stays(stage, "viewer")),
        ("whoever ends his own rights is answered as described", ends),
    ]
}

fn stays(stage: &mut Stage, role: &str) -> Result<()> {
    let secret = token(&mut stage.console, &stage.suimon, role)?;
    asks(stage, &secret, role, &["--exclude-path-regex", &format!("{LEFT_OUT}|{ENDING}")])?;
    // Else most of the answers were the same refusal.
    let me = stage.call("/api/v1/me", &["-H", &bearer(&secret)])?;
    expect(me.status == 200, || format!("the token is gone: {me:?}"))
}

fn ends(stage: &mut Stage) -> Result<()> {
    for role in ["viewer", "administrator"] {
        let secret = token(&mut stage.console, &stage.suimon, role)?;
        asks(stage, &secret, role, &["--include-path-regex", ENDING])?;
    }
    Ok(())
}

fn asks(stage: &Stage, secret: &str, role: &str, which: &[&str]) -> Result<()> {
    let program = program()?;
    let header = bearer(secret);
    let file = stage.lab.folder().join("openapi.json");
    let document = stage.call("/api/v1/openapi.json", &["-H", &header])?.is(200)?.body;
    fs::write(&file, document).act(|| format!("write {}", file.display()))?;
    let examples = match (plan::long(), role) {
        (true, _) => "200",
        (false, "administrator") => "12",
        (false, _) => "4",
    };
    let file = file.display().to_string();
    let fixed = ["run", &file, "--url", SITE, "--tls-verify", "false", "-H", &header, "--checks", CHECKS];
    let amount = ["--seed", SEED, "--max-examples", examples, "--phases", "examples,coverage,fuzzing"];
    let shown = ["--no-color", "--continue-on-failure", "--warnings", "off"];
    let began = Instant::now();
    let arguments = fixed.iter().chain(&amount).chain(&shown).chain(which);
    let mut schemathesis = words(&program.display().to_string(), arguments);
    // Its own data base of failures is kept nowhere: each run begins alike.
    schemathesis.current_dir(stage.lab.folder()).env("HYPOTHESIS_STORAGE_DIRECTORY", stage.lab.folder());
    let finished = stage.lab.node("a").run(&mut schemathesis, RUN_LIMIT)?;
    let sum = |word: &str| {
        finished.stdout.lines().rev().find(|line| line.contains(word)).unwrap_or_default().trim().to_owned()
    };
    let (operations, cases) = (sum("Tested: "), sum(" generated"));
    println!("{role}, seed {SEED}, {examples} examples: {operations}, {cases}, {} s", began.elapsed().as_secs());
    expect(finished.status.success(), || format!("{}{}", finished.stdout, finished.stderr))
}

/// Where `tests/schemathesis.sh` put it.
fn program() -> Result<PathBuf> {
    let program = target_folder().join("schemathesis/bin/schemathesis");
    expect(program.is_file(), || format!("{} is missing: tests/schemathesis.sh fetches it", program.display()))?;
    Ok(program)
}
