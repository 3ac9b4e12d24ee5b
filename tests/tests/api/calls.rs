//! Calls by curl: who is answered, and how it is said when something is wrong.

use super::{Named, Stage, bearer, json};
use lab::console::expect;
use lab::error::Act;
use lab::{Result, command::words};
use std::fs;

/// The user of the web role, as `sandbox` has it.
const WEB_UID: &str = "64802";
/// Just more than a request may have.
const TOO_LARGE: usize = 2 * 16 * 1024 * 1024 + 4_097;
const JSON: [&str; 2] = ["-H", "Content-Type: application/json"];

pub fn tests() -> Vec<Named> {
    vec![
        ("a token is all that a program needs", tokens),
        ("what is wrong with a request is told as a problem", problems),
        ("the console's cookie counts for its own pages only", cookies),
        ("the web role's own user gets nothing", own_user),
        ("an answer that takes long arrives as it is made", streams),
        ("what is done is known by user and address", recorded),
    ]
}

fn tokens(stage: &mut Stage) -> Result<()> {
    let viewer = bearer(&stage.viewer);
    let status = json(&stage.call("/api/v1/status", &["-H", &viewer])?.is(200)?.body)?;
    expect(status["node"].is_string(), || format!("{status}"))?;
    let described = json(&stage.call("/api/v1/openapi.json", &["-H", &viewer])?.is(200)?.body)?;
    expect(described["openapi"] == "3.1.0", || format!("{described}"))?;
    let metrics = stage.call("/metrics", &["-H", &viewer])?.is(200)?;
    expect(metrics.body.ends_with("# EOF\n"), || format!("{metrics:?}"))?;
    for path in ["/api/v1/status", "/api/v1/openapi.json", "/metrics", "/api/v1/nothing", "/api", "/api/v2/status"] {
        let refused = stage.call(path, &[])?;
        expect(refused.head.lines().any(|line| line == "www-authenticate: bearer"), || format!("{refused:?}"))?;
        refused.refused(401)?;
        stage.call(path, &["-H", "Authorization: Bearer suimon_t_nothing"])?.refused(401)?;
    }
    stage.call("/api/v1/users", &["-H", &viewer])?.refused(403).map(drop)
}

fn problems(stage: &mut Stage) -> Result<()> {
    let (operator, folder) = (bearer(&stage.operator), stage.lab.folder().to_owned());
    let call = |path: &str, arguments: &[&str]| stage.call(path, &[&["-H", &operator], arguments].concat());
    call("/api/v1/nothing", &[])?.refused(404)?;
    call("/api/v1/../v1/status", &["--path-as-is"])?.refused(404)?;
    let refused = call("/api/v1/status", &["-X", "DELETE"])?;
    expect(refused.head.lines().any(|line| line == "allow: get,head"), || format!("{refused:?}"))?;
    refused.refused(405)?;
    call("/api/v1/explain", &["-d", "{}", "-H", "Content-Type: text/plain"])?.refused(415)?;
    call("/api/v1/explain", &[&JSON[..], &["-d", "{\"client\":"]].concat())?.refused(400)?;
    call("/api/v1/flows?limit=many", &[])?.refused(400)?;
    let file = folder.join("large.json");
    fs::write(&file, vec![b' '; TOO_LARGE]).act(|| format!("write {}", file.display()))?;
    let body = format!("@{}", file.display());
    for how in [&[][..], &["-H", "Transfer-Encoding: chunked"], &["-H", "Expect:"]] {
        call("/api/v1/config/diff", &[&JSON[..], &["--data-binary", &body], how].concat())?.refused(413)?;
    }
    fs::remove_file(&file).act(|| format!("remove {}", file.display()))
}

fn cookies(stage: &mut Stage) -> Result<()> {
    let browser = stage.console.signed_in(&stage.suimon, "operator")?;
    let jar = browser.jar().display().to_string();
    let call = |path: &str, arguments: &[&str]| stage.call(path, &[&["-b", &jar], arguments].concat());
    call("/api/v1/status", &[])?.is(200)?;
    call("/api/v1/status", &["-H", "Sec-Fetch-Site: same-origin"])?.is(200)?;
    call("/api/v1/status", &["-H", "Sec-Fetch-Site: cross-site"])?.refused(403)?;
    let drain = r#"{"service":"web","backend":"s1","state":"drain"}"#;
    let act = |from: &[&str]| call("/api/v1/backends/state", &[&JSON[..], &["-d", drain], from].concat());
    for from in [
        &[][..],
        &["-H", "Origin: https://evil.example"],
        &["-H", "Origin: https://127.0.0.1:8443", "-H", "Sec-Fetch-Site: cross-site"],
        &["-H", "Sec-Fetch-Site: none"],
    ] {
        act(from)?.refused(403)?;
    }
    let state = json(&call("/api/v1/backends?service=web", &[])?.is(200)?.body)?;
    expect(state[0]["state"] == "online", || format!("{state}"))?;
    act(&["-H", "Origin: https://127.0.0.1:8443", "-H", "Sec-Fetch-Site: same-origin"])?.is(200)?;
    let online = drain.replace("drain", "online");
    let own = ["-d", &online, "-H", "Origin: https://127.0.0.1:8443"];
    call("/api/v1/backends/state", &[&JSON[..], &own].concat())?.is(200)?;
    let kept = fs::read(browser.jar()).act(|| "read the cookies".into())?;
    browser.send("/logout", &[])?.leads_to("/login")?;
    fs::write(browser.jar(), kept).act(|| "put the old cookies back".into())?;
    call("/api/v1/status", &[])?.refused(401).map(drop)
}

fn own_user(stage: &mut Stage) -> Result<()> {
    let socket = stage.suimon.file().with_file_name("socket").display().to_string();
    let as_web = |more: &[&str]| -> Result<String> {
        let fixed = ["--reuid", WEB_UID, "--regid", WEB_UID, "--clear-groups", "curl", "-sS", "-w", " %{http_code}"];
        let url = ["--max-time", "10", "--unix-socket", &socket, "http://localhost/api/v1/status"];
        let mut curl = words("setpriv", fixed.iter().chain(&url).chain(more));
        stage.lab.node("a").run(&mut curl, super::LIMIT)?.success()
    };
    for headers in [&[][..], &["-H", "suimon-client: 127.0.0.1"], &["-H", "Authorization: Bearer x"]] {
        let answer = as_web(headers)?;
        expect(answer.ends_with(" 401"), || format!("{headers:?}: {answer}"))?;
    }
    let viewer = bearer(&stage.viewer);
    let answer = as_web(&["-H", &viewer])?;
    expect(answer.ends_with(" 200"), || answer.clone())
}

fn streams(stage: &mut Stage) -> Result<()> {
    let administrator = bearer(&stage.administrator);
    let file = stage.lab.folder().join("captured.pcap").display().to_string();
    let request = ["-d", r#"{"nic":"f0","seconds":3}"#, "-o", &file, "-w", "%{time_starttransfer} %{time_total}"];
    let url = format!("{}/api/v1/capture", lab::console::SITE);
    let fixed = ["-sS", "-k", "--max-time", "20", "-H", &administrator, &url];
    let mut curl = words("curl", fixed.iter().chain(&JSON).chain(&request));
    let times = stage.lab.node("a").run(&mut curl, super::LIMIT)?.success()?;
    let times: Vec<f64> = times.split_whitespace().filter_map(|time| time.parse().ok()).collect();
    let pcap = fs::read(&file).act(|| format!("read {file}"))?;
    // The capture goes on for three seconds after its first bytes are there.
    let streamed = matches!(times[..], [first, last] if first + 2.0 < last);
    expect(streamed && pcap.starts_with(&[0x4d, 0x3c, 0xb2, 0xa1]), || format!("{times:?}, {} bytes", pcap.len()))?;
    let export = stage.call("/api/v1/audit/export", &["-H", &administrator])?.is(200)?;
    expect(export.body.lines().count() > 5, || format!("{export:?}"))?;
    export.body.lines().try_for_each(|line| json(line).map(drop))
}

fn recorded(stage: &mut Stage) -> Result<()> {
    let operator = bearer(&stage.operator);
    let forged = ["-H", &operator, "-H", "suimon-client: 192.0.2.99", "-d", r#"{"client":"10.9.0.99"}"#];
    stage.call("/api/v1/flows/kill", &[&JSON[..], &forged].concat())?.is(200)?;
    let audit = json(&stage.suimon.ctl(&["--json", "audit", "--limit", "1"])?.success()?)?;
    let record = &audit["records"][0];
    let known = record["act"] == "kill" && record["source"] == "127.0.0.1" && record["role"] == "operator";
    expect(known, || format!("{record}"))
}
