//! schemathesis against the description that the node gives of itself: what is answered is what is described.

use super::{Named, Stage, bearer};
use lab::Result;
use lab::command::{self, Finished, words};
use lab::console::{SITE, expect};
use lab::error::{Act, LabError};
use lab::lab::target_folder;
use lab::plan;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The versions that these tests were written for.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/requirements.txt");
const INSTALL_LIMIT: Duration = Duration::from_secs(180);
const RUN_LIMIT: Duration = Duration::from_secs(1_800);
/// The same questions each time.
const SEED: &str = "53";
/// What must hold of every answer.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth";
/// What ends the node, or gives it another disk, program or owner: not asked at random.
const LEFT_OUT: &str = "reboot|power|factory|restore|update|/ha(/|$)";

pub fn tests() -> Vec<Named> {
    vec![
        ("an administrator is answered as described", |stage| run(stage, &stage.administrator, "administrator")),
        ("a viewer is answered as described", |stage| run(stage, &stage.viewer, "viewer")),
    ]
}

fn run(stage: &Stage, token: &str, role: &str) -> Result<()> {
    let program = installed()?;
    let header = bearer(token);
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
    let shown = ["--no-color", "--continue-on-failure", "--warnings", "off", "--exclude-path-regex", LEFT_OUT];
    let began = Instant::now();
    let arguments = fixed.iter().chain(&amount).chain(&shown);
    let mut schemathesis = words(&program.display().to_string(), arguments);
    // Its own data base of failures is kept nowhere: each run begins alike.
    schemathesis.current_dir(stage.lab.folder()).env("HYPOTHESIS_STORAGE_DIRECTORY", stage.lab.folder());
    let finished = stage.lab.node("a").run(&mut schemathesis, RUN_LIMIT)?;
    println!("{role}, seed {SEED}, {examples} examples: {} s", began.elapsed().as_secs());
    finished.stdout.lines().rev().take(12).collect::<Vec<_>>().iter().rev().for_each(|line| println!("  {line}"));
    expect(finished.status.success(), || format!("{}{}", finished.stdout, finished.stderr))?;
    expect(stage.call("/api/v1/me", &["-H", &header])?.status == 200, || "the token is gone".into())
}

/// The program in these versions, installed once under the target folder.
fn installed() -> Result<PathBuf> {
    let folder = target_folder().join("schemathesis");
    let (program, mark) = (folder.join("bin/schemathesis"), folder.join("requirements.txt"));
    let wanted = fs::read_to_string(REQUIREMENTS).act(|| format!("read {REQUIREMENTS}"))?;
    if program.is_file() && fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(program);
    }
    let run = |program: &Path, arguments: &[&str]| -> Result<String> {
        let mut command = words(&program.display().to_string(), arguments);
        command::run(&mut command, INSTALL_LIMIT).and_then(Finished::success)
    };
    run(Path::new("python3"), &["-m", "venv", "--clear", &folder.display().to_string()])?;
    let pip = ["install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "-r", REQUIREMENTS];
    run(&folder.join("bin/pip"), &pip)?;
    fs::write(&mark, wanted).act(|| format!("write {}", mark.display()))?;
    program.is_file().then_some(program).ok_or_else(|| LabError::Answer("schemathesis is not there".into()))
}
