//! The page of the box itself: its certificate, and its backups.

use super::{LIMIT, Stage};
use data_encoding::BASE64;
use lab::Result;
use lab::certificates::Authority;
use lab::command::{self, Finished, words};
use lab::console::expect;
use lab::error::{Act, LabError};
use lab::plan::{self, Family};
use std::fs;

const NAME: &str = "console.lab.test";
const PHRASE: &str = "five boats wait at the gate";

/// Whether a browser that trusts `authority` opens the console under [`NAME`].
fn trusts(stage: &Stage, authority: &str) -> Result<bool> {
    let file = stage.lab.folder().join("authority.pem");
    fs::write(&file, authority).act(|| "write the authority's certificate".into())?;
    let (resolve, file) = (format!("{NAME}:8443:127.0.0.1"), file.display().to_string());
    let url = format!("https://{NAME}:8443/login");
    let mut curl = words("curl", ["-sS", "-o", "/dev/null", "--cacert", &file, "--resolve", &resolve, &url]);
    Ok(stage.lab.node("a").run(&mut curl, LIMIT)?.status.success())
}

fn fingerprint(stage: &Stage) -> Result<String> {
    let view = stage.suimon.get("/api/v1/certificate")?;
    let view: serde_json::Value =
        serde_json::from_str(&view).map_err(|error| LabError::Answer(format!("{error}: {view}")))?;
    Ok(view["fingerprint"].as_str().unwrap_or_default().to_owned())
}

pub fn authority(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("administrator")?;
    let first = fingerprint(stage)?;
    browser.open("/system")?.is(200)?.says(&first)?.says("The box signed its certificate itself")?;
    expect(stage.console.daemon().said().contains(&first), || "the console told another fingerprint".into())?;
    let authority = Authority::new()?;
    expect(!trusts(stage, authority.certificate())?, || "a stranger's certificate is trusted".into())?;

    browser
        .send("/system/certificate/request", &[("names", "a b,<c>")])?
        .is(400)?
        .says("cannot stand in a certificate")?;
    let names = format!("{NAME}, 127.0.0.1");
    browser
        .send("/system/certificate/request", &[("names", &names)])?
        .leads_to("/system?done=certificate_requested")?;
    let file = browser.open("/system/certificate/request.csr")?.is(200)?;
    expect(file.head.contains("filename=\"suimon.csr\""), || format!("{file:?}"))?;
    let signed = authority.answer(&file.body)? + authority.certificate();
    let other = authority.valid(NAME)?;
    for (certificate, key, says) in [
        ("", "", "there is no -----BEGIN CERTIFICATE-----"),
        (&*other.certificate, "", "does not answer the request"),
        (&signed, &other.key, "The key is not the key of this certificate"),
        (&authority.expired(NAME)?.certificate, &other.key, "The key is not the key"),
    ] {
        let says = says.replace('\'', "&#39;");
        browser.send("/system/certificate", &[("certificate", certificate), ("key", key)])?.is(400)?.says(&says)?;
    }
    let expired = authority.expired(NAME)?;
    let fields = [("certificate", expired.certificate.as_str()), ("key", &expired.key)];
    browser.send("/system/certificate", &fields)?.is(400)?.says("ended on 2021-01-01")?;
    expect(fingerprint(stage)? == first, || "a refused certificate is in use".into())?;

    browser.send("/system/certificate", &[("certificate", &signed)])?.leads_to("/system?done=certificate_set")?;
    command::wait_until("the console shows it", LIMIT, || trusts(stage, authority.certificate()).unwrap_or(false))?;
    browser.open("/system")?.is(200)?.says("lab authority")?.says_not("/system/certificate/request/forget")?;
    let audit = stage.suimon.ctl(&["audit"])?.success()?;
    expect(audit.contains("certificate") && !audit.contains("PRIVATE KEY"), || audit.clone())?;

    browser.send("/system/certificate/renew", &[])?.is(400)?.says("Tick first")?;
    expect(trusts(stage, authority.certificate())?, || "it is gone although nobody agreed".into())?;
    browser.send("/system/certificate/renew", &[("agreed", "true")])?.leads_to("/system?done=certificate_set")?;
    command::wait_until("the console shows its own", LIMIT, || {
        trusts(stage, authority.certificate()).is_ok_and(|trusted| !trusted)
    })?;
    expect(fingerprint(stage)? != first, || "the new certificate is the old one".into())
}

pub fn allowed(stage: &mut Stage) -> Result<()> {
    let toml = stage.suimon.ctl(&["export"])?.success()?;
    let file = stage.lab.folder().join("allow.toml");
    let apply = |text: &str| -> Result<()> {
        fs::write(&file, text).act(|| "write a document".into())?;
        stage.suimon.ctl(&["apply", &file.display().to_string()])?.success().map(drop)
    };
    apply(&format!("{toml}\n[web]\nallow = [\"192.0.2.0/24\"]\n"))?;
    let stranger = stage.stranger("somebody");
    command::wait_until("strangers are turned away", LIMIT, || stranger.open("/login").is_err())?;
    apply(&toml)?;
    command::wait_until("strangers are let in again", LIMIT, || stranger.open("/login").is_ok())
}

pub fn backup(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("administrator")?;
    browser.send("/system/backup", &[("passphrase", PHRASE), ("again", "another one")])?.is(400)?.says("differ")?;
    let short = [("passphrase", "short"), ("again", "short")];
    browser.send("/system/backup", &short)?.is(400)?.says("12 to 256 characters")?;
    let made = browser.send("/system/backup", &[("passphrase", PHRASE), ("again", PHRASE)])?.is(200)?;
    expect(made.head.contains("attachment; filename=\"suimon-"), || made.head.clone())?;

    let (phrase, file) = (stage.lab.folder().join("phrase"), stage.lab.folder().join("page.backup"));
    fs::write(&phrase, PHRASE).act(|| "write the pass phrase".into())?;
    let (phrase, shown) = (phrase.display().to_string(), file.display().to_string());
    stage.suimon.ctl(&["backup", &shown, "--passphrase-file", &phrase])?.success()?;
    let (upload, right) = (format!("file=@{shown}"), format!("passphrase={PHRASE}"));
    let look = |phrase: &str| {
        let origin = ["-H", "Origin: https://127.0.0.1:8443", "-H", "Sec-Fetch-Site: same-origin"];
        let fields = ["-F", &upload, "-F", phrase];
        browser.curl("/system/restore/look", &[&origin[..], &fields].concat())
    };
    look("passphrase=another pass phrase")?.is(400)?;
    look(&right)?.is(200)?.says("What is in it")?.says("name=\"nic.f0\"")?;

    let content = BASE64.encode(&fs::read(&file).act(|| "read the backup".into())?);
    let restore = |phrase: &str, within: &str| {
        let fields = [("file", &*content), ("passphrase", phrase), ("nic.f0", "f0"), ("confirm_within_s", within)];
        browser.send("/system/restore", &fields)
    };
    restore("another pass phrase", "60")?.is(400)?.says("Look into it")?;
    restore(PHRASE, "soon")?.is(400)?.says("must be a number of seconds")?.says("name=\"nic.f0\"")?;
    restore(PHRASE, "60")?.leads_to("/login")?;
    browser.open("/system")?.leads_to("/login?next=%2fsystem")?;
    stage.suimon.ctl(&["confirm"]).and_then(Finished::success).map(drop)
}

pub fn tools(stage: &mut Stage) -> Result<()> {
    let operator = stage.signed_in("operator")?;
    let server = plan::server("s1", Family::V4).to_string();
    operator
        .send("/tools/ping", &[("address", &server)])?
        .is(200)?
        .says(&format!("{server} · "))?
        .says("It answered")?;
    operator.send("/tools/ping", &[("address", "router")])?.is(400)?.says("ping-error")?;
    operator.send("/tools/trace", &[("address", &server), ("by", "icmp")])?.is(200)?.says("The address was reached")?;
    // The console itself is a port that speaks TLS.
    let port = |port, tls| [("address", "127.0.0.1"), ("port", port), ("tls", tls)];
    operator.send("/tools/port", &port("8443", "true")[..2])?.is(200)?.says("It answers, in ")?;
    operator.send("/tools/port", &port("8443", "true"))?.is(200)?.says("It answers, in ")?.says("TLSv1_3")?;
    operator.send("/tools/port", &port("1", "true")[..2])?.is(200)?.says("It does not answer")?;
    operator.send("/tools/port", &port("0", "true")[..2])?.is(400)?.says("port-number-error")?;
    operator.open("/tools")?.is(200)?.says_not("/tools/capture")?;
    let capture = |filter, seconds| [("nic", "b0"), ("filter", filter), ("seconds", seconds), ("count", "1")];
    operator.send("/tools/capture", &capture("", "1"))?.is(403)?;
    operator.send("/tools/support-bundle", &[])?.is(403)?;

    let browser = stage.signed_in("administrator")?;
    browser.send("/tools/capture", &capture("", "soon"))?.is(400)?.says("seconds-error")?;
    browser.send("/tools/capture", &capture("nonsense", "1"))?.is(400)?.says("nonsense")?;
    let file = browser.send("/tools/capture", &capture("ip", "1"))?.is(200)?;
    expect(file.head.contains("filename=\"suimon-b0-") && file.head.contains("pcap"), || file.head.clone())?;
    let bundle = browser.send("/tools/support-bundle", &[])?.is(200)?;
    expect(bundle.head.contains("filename=\"suimon-support-"), || bundle.head.clone())
}
