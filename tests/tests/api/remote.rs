//! `suimon ctl --url` from another machine: here, from the client's namespace.

use super::{Named, Stage, json};
use lab::Result;
use lab::command::{Finished, words};
use lab::console::expect;
use lab::error::{Act, LabError};
use lab::suimon;
use std::fs;
use std::path::PathBuf;

const URL: &str = "https://127.0.0.1:8443";

pub fn tests() -> Vec<Named> {
    vec![
        ("ctl from elsewhere does what it does on the box", works),
        ("ctl knows the node by its certificate", certificates),
        ("ctl says why it is refused", refusals),
    ]
}

/// `ctl` with these options and arguments, without the socket.
fn ctl(stage: &Stage, arguments: &[&str]) -> Result<Finished> {
    let binary = suimon::binary().ok_or_else(|| LabError::Answer("suimon is not built".into()))?;
    let mut ctl = words(&binary.display().to_string(), ["ctl"].iter().chain(arguments));
    stage.lab.node("a").run(&mut ctl, super::LIMIT)
}

/// What the web role says of its certificate.
fn fingerprint(stage: &Stage) -> Result<String> {
    let said = stage.console.daemon().said();
    let shown = said.split("fingerprint=").nth(1).and_then(|rest| rest.split_whitespace().next());
    // Colours of a terminal may stand around it.
    let shown = shown.map(|shown| shown.trim_matches(|c: char| !c.is_ascii_hexdigit()).to_owned());
    shown.filter(|shown| shown.len() == 95).ok_or_else(|| LabError::Answer(format!("no fingerprint: {said}")))
}

fn token_file(stage: &Stage, name: &str, secret: &str) -> Result<String> {
    let path: PathBuf = stage.lab.folder().join(name);
    fs::write(&path, format!("{secret}\n")).act(|| format!("write {}", path.display()))?;
    Ok(path.display().to_string())
}

fn works(stage: &mut Stage) -> Result<()> {
    let (fingerprint, file) = (fingerprint(stage)?, token_file(stage, "administrator", &stage.administrator)?);
    let remote = ["--url", URL, "--token-file", &file, "--fingerprint", &fingerprint];
    let run = |arguments: &[&str]| ctl(stage, &[&remote, arguments].concat())?.success();
    for same in [&["services"][..], &["backends"], &["export"], &["history"], &["--json", "users", "list"]] {
        let (there, here) = (run(same)?, stage.suimon.ctl(same)?.success()?);
        let stable = |text: &str| text.lines().filter(|line| !line.contains("last_")).count();
        expect(stable(&there) == stable(&here), || format!("{same:?}: {there}\nand on the box: {here}"))?;
    }
    expect(run(&["status"])?.contains("revision 1"), || "status".into())?;
    run(&["drain", "web/s1"])?;
    run(&["online", "web/s1"])?;
    let toml = stage.suimon.file().display().to_string();
    run(&["apply", &toml])?;
    let pcap = stage.lab.folder().join("remote.pcap").display().to_string();
    run(&["capture", "f0", "--seconds", "1", &pcap])?;
    expect(fs::metadata(&pcap).is_ok_and(|file| file.len() >= 24), || "no capture".into())?;
    let audit = json(&run(&["--json", "audit", "--limit", "5"])?)?;
    let records = audit["records"].as_array().cloned().unwrap_or_default();
    let known = records.iter().any(|record| record["act"] == "capture" && record["source"] == "127.0.0.1");
    expect(known, || format!("{audit}"))?;
    // Options may stand behind the command too.
    ctl(stage, &[&["status"][..], &remote].concat())?.success().map(drop)
}

fn certificates(stage: &mut Stage) -> Result<()> {
    let (shown, file) = (fingerprint(stage)?, token_file(stage, "viewer", &stage.viewer)?);
    let run = |more: &[&str]| ctl(stage, &[&["--url", URL, "--token-file", &file][..], more, &["status"]].concat());
    let other = shown.replace(char::is_numeric, "0").replace(['A', 'B'], "C");
    let wrong = run(&["--fingerprint", &other])?;
    let told = wrong.stderr.contains(&shown) && wrong.stderr.contains(&other) && wrong.status.code() == Some(1);
    expect(told, || format!("{wrong:?}"))?;
    let unknown = run(&[])?;
    expect(unknown.stderr.contains("certificate") && unknown.status.code() == Some(1), || format!("{unknown:?}"))?;
    // Its own certificate vouches for the names in it; 127.0.0.1 is one, localhost is not.
    let authority = stage.suimon.file().with_file_name("data").join("web.crt").display().to_string();
    run(&["--ca-file", &authority])?.success()?;
    let named = ["--url", "https://localhost:8443", "--token-file", &file, "--ca-file", &authority, "status"];
    let named = ctl(stage, &named)?;
    expect(named.stderr.contains("localhost") && named.status.code() == Some(1), || format!("{named:?}"))?;
    run(&["--fingerprint", &shown.to_lowercase().replace(':', "")])?.success().map(drop)
}

fn refusals(stage: &mut Stage) -> Result<()> {
    let fingerprint = fingerprint(stage)?;
    let viewer = token_file(stage, "viewer", &stage.viewer)?;
    let stale = token_file(stage, "stale", "suimon_t_0000000000000000000000000000000000000000000")?;
    let pinned = ["--fingerprint", &fingerprint];
    let run = |url: &str, file: &str, more: &[&str]| {
        ctl(stage, &[&["--url", url, "--token-file", file][..], &pinned, more].concat())
    };
    for (finished, code, expected) in [
        (run(URL, &stale, &["status"])?, 1, "session or token"),
        (run(URL, &viewer, &["users", "list"])?, 1, "takes the role administrator"),
        (
            run("https://127.0.0.1:9", &viewer, &["status"])?,
            1,
            "connect to 127.0.0.1 at 127.0.0.1:9: Connection refused",
        ),
        (run("http://127.0.0.1:8443", &viewer, &["status"])?, 2, "expected https://HOST"),
        (run(URL, "/nowhere/token", &["status"])?, 1, "read /nowhere/token"),
        (ctl(stage, &["--url", URL, "--fingerprint", &fingerprint, "status"])?, 2, "--token-file"),
        (
            ctl(stage, &["--url", URL, "--token-file", &viewer, "--fingerprint", "AB:CD", "status"])?,
            2,
            "64 hexadecimal",
        ),
        (ctl(stage, &["--fingerprint", &fingerprint, "status"])?, 2, "--url"),
    ] {
        let told = finished.status.code() == Some(code) && finished.stderr.contains(expected);
        expect(told, || format!("expected {code} and \"{expected}\": {finished:?}"))?;
    }
    Ok(())
}
