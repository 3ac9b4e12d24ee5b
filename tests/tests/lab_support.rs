//! A support bundle tells what happened and gives no secret away: one is planted wherever the box takes one, and the bundle
//! is searched for each of them, in every way of writing it. The same search finds what is no secret.

use data_encoding::{BASE64, HEXLOWER};
use lab::client::requests;
use lab::command::{self, Finished, words};
use lab::configuration::{Configuration, Method};
use lab::console::{self, expect};
use lab::error::{Act, LabError};
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
const PATH: &str = "/api/v1/support-bundle";
/// No secret: it has to be found.
const PLAIN: &str = "spring-tide-at-the-gate";
/// Checks with the secrets they may have: kind, and lines in which each `$NAME` is one. All of them ask the servers' web
/// port, which understands none but HTTP: what was said is kept.
const CHECKS: &[&str] = &[
    "http|path = '/healthz?key=$path'|headers = { X-Key = '$header', Authorization = 'Bearer $bearer' }|expect_status = '599'",
    "http|path = '/login'|login = 'probe'|password = '$http'|expect_status = '599'",
    "https|login = 'probe'|password = '$https'|headers = { Cookie = '$cookie' }",
    "http-proxy|path = 'http://www.example.com/?$proxy'|login = 'probe'|password = '$httpproxy'|expect_status = '599'",
    "smtp|login = 'probe'|password = '$smtp'",
    "submission|login = 'probe'|password = '$submission'",
    "pop3|login = 'probe'|password = '$pop3'",
    "imap|login = 'probe'|password = '$imap'",
    "nntp|login = 'probe'|password = '$nntp'",
    "ftp|login = 'probe'|password = '$ftp'",
    "ldap|login = 'cn=probe'|password = '$ldap'",
    "mysql|login = 'probe'|password = '$mysql'|query = \"SELECT '$query'\"",
    "postgresql|login = 'probe'|password = '$postgresql'",
    "redis|login = 'probe'|password = '$redis'|command = 'GET $command'",
    "memcached|command = 'get $memcached'",
    "radius|login = 'probe'|password = '$radius'|secret = '$shared'",
    "udp|send = 'hello $udp'|expect = 'never'",
    "send-expect|steps = [{ send = 'LOGIN $steps\\r\\n\\r\\n', expect = 'never said' }]",
    "feedback|send = '$feedback\\n\\n'",
    "external|command = '/nowhere/checks/program'|arguments = ['--password', '$argument']",
];

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        trials::full_lab,
        vec![test("a support bundle tells what happened, and no secret", no_secret)],
    )
}

/// Secrets by the place they are put.
#[derive(Default)]
struct Planted(Vec<(String, Vec<u8>)>);

impl Planted {
    fn add(&mut self, place: &str, secret: &str) -> String {
        self.0.push((place.to_owned(), secret.as_bytes().to_vec()));
        secret.to_owned()
    }

    /// A secret for a place: with characters that JSON, addresses and base64 write in ways of their own.
    fn make(&mut self, place: &str) -> String {
        let number = self.0.len();
        self.add(place, &format!("zq{number}{place}+=7&%xw{number}"))
    }

    /// A text with a secret in place of each `$NAME`.
    fn fill(&mut self, text: &str) -> String {
        let mut filled = String::new();
        let mut parts = text.split('$');
        filled.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
            filled.push_str(&self.make(&name));
            filled.push_str(&part[name.len()..]);
        }
        filled
    }
}

fn document(planted: &mut Planted) -> String {
    let mut text = Configuration::new(2, Method::Nat, Family::V4).toml();
    text.push_str(&planted.fill(
        "\n[probe]\nprograms_folder = '/nowhere/checks'\n[alerts]\nwindow_s = 1\n[[alerts.mail]]\nname = 'mail'\n\
         from = 'a@example.com'\nto = ['b@example.com']\nserver = '10.2.0.11'\nport = 9\ntls = 'tls'\n\
         user = 'probe'\npassword = '$mail'\n[[alerts.webhook]]\nname = 'hook'\nsecret = '$signs'\n\
         url = 'http://10.2.0.11:9/services/zqhook7xwzqhook7xw?token=zqtoken7xw'\n",
    ));
    planted.add("path of a webhook", "zqhook7xwzqhook7xw");
    planted.add("query of a webhook", "zqtoken7xw");
    let server = plan::server("s1", Family::V4);
    for (number, check) in CHECKS.iter().enumerate() {
        let (kind, options) = check.split_once('|').unwrap_or((check, ""));
        let options = planted.fill(&options.replace('|', "\n"));
        let _ = write!(
            text,
            "\n[[service]]\nname = '{kind}-{number}'\nvip = '{}'\nports = '{}'\nmethod = 'nat'\n[[service.check]]\nname = 'c'\n\
             kind = '{kind}'\nport = 8080\ninterval_ms = 1000\ntimeout_ms = 700\n{options}\n\
             [[service.backend]]\nname = 's1'\naddress = '{server}'\nport = 8080\n",
            plan::vip(Family::V4),
            9_000 + number,
        );
    }
    text
}

fn no_secret(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    let mut planted = Planted::default();
    // What an earlier revision had is as secret as what the one in use has.
    let earlier = document(&mut planted);
    let suimon = Suimon::start(lab, "a", &earlier)?;
    let vip = SocketAddr::new(plan::vip(Family::V4), 80);
    requests(lab, plan::client(Family::V4, 1, 1), vip, 3).map(drop)?;
    checks_have_met(&suimon)?;
    let file = put(lab, "second.toml", &document(&mut planted))?;
    suimon.ctl(&["apply", &file, "--comment", PLAIN])?.success()?;
    bad_document(lab, &suimon, &mut planted)?;
    people(&suimon, &mut planted)?;
    files(lab, &suimon, &mut planted)?;
    checks_have_met(&suimon)?;

    let over_api = unpacked(lab, "api", &by_api(lab, &suimon)?)?;
    let target = lab.folder().join("ctl.tar.gz").display().to_string();
    suimon.ctl(&["support-bundle", &target])?.success()?;
    let again = suimon.ctl(&["support-bundle", &target])?;
    expect(again.status.code() == Some(1) && again.stderr.contains("File exists"), || format!("{again:?}"))?;
    let by_ctl = unpacked(lab, "ctl", Path::new(&target))?;
    for bundle in [&over_api, &by_ctl] {
        tells(bundle)?;
        gives_away(bundle, &planted)?;
    }
    search_works(&over_api, &planted)?;
    println!("{} secrets in {} files, {} bytes", planted.0.len(), over_api.len(), bytes(&over_api));
    let record = suimon.ctl(&["audit"])?.success()?;
    expect(record.matches("support-bundle").count() >= 2, || format!("no record of it: {record}"))
}

/// Waits until every check has an answer, most of them failures with what was said.
fn checks_have_met(suimon: &Suimon) -> Result<()> {
    command::wait_until("checks have met something", LIMIT, || {
        CHECKS.iter().enumerate().all(|(number, check)| {
            let kind = check.split('|').next().unwrap_or_default();
            let path = format!("/api/v1/backends/detail?service={kind}-{number}&backend=s1");
            let detail = suimon.get(&path).unwrap_or_default();
            detail.contains("\"answer\":{")
        })
    })
}

/// A document with an error right behind a secret: errors quote lines.
fn bad_document(lab: &Lab, suimon: &Suimon, planted: &mut Planted) -> Result<()> {
    let text = planted.fill("version = 1\n[[alerts.webhook]]\nname = 'x'\nsecret = '$mistyped");
    let refused = suimon.ctl(&["apply", &put(lab, "bad.toml", &text)?])?;
    expect(refused.status.code() == Some(1), || format!("a bad document was taken: {refused:?}"))
}

/// Password, second factor, session and token of a user.
fn people(suimon: &Suimon, planted: &mut Planted) -> Result<()> {
    let password = planted.make("password");
    let user = json!({ "name": "hanako", "role": "administrator", "password": password });
    suimon.post("/api/v1/users", &user.to_string())?;
    let login = |password: &str| {
        let answer = suimon.post("/api/v1/login", &json!({ "user": "hanako", "password": password }).to_string())?;
        text_at(&answer, "token")
    };
    let first = planted.add("session", &login(&password)?);
    let own = planted.make("ownpassword");
    let change = json!({ "old": password, "new": own });
    as_caller(suimon, &first, "/api/v1/me/password", &change)?;
    let session = planted.add("second session", &login(&own)?);
    let offer = as_caller(suimon, &session, "/api/v1/me/second-factor", &Value::Null)?;
    let key = planted.add("second factor", &text_at(&offer, "secret")?);
    let recovery: Value = serde_json::from_str(&offer).map_err(|error| LabError::Answer(error.to_string()))?;
    for code in recovery["recovery_codes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        planted.add("recovery code", code);
    }
    let code = json!({ "code": console::code(&key, 0)? });
    as_caller(suimon, &session, "/api/v1/me/second-factor/code", &code)?;
    let token = json!({ "name": "graphs", "role": "viewer", "days": 9, "user": "hanako" });
    planted.add("token", &text_at(&suimon.post("/api/v1/tokens", &token.to_string())?, "secret")?);
    // Somebody types a password where the name belongs.
    let wrong = planted.make("nameless");
    let refused = suimon.post("/api/v1/login", &json!({ "user": wrong, "password": wrong }).to_string());
    expect(refused.is_err(), || "a stranger was let in".into())
}

/// Keys in the data directory, and what a backup was made with.
fn files(lab: &Lab, suimon: &Suimon, planted: &mut Planted) -> Result<()> {
    let data = suimon.file().with_file_name("data");
    fs::write(data.join("web.key"), planted.make("webkey")).act(|| "write a key".into())?;
    let hash_key = fs::read(data.join("hash.key")).act(|| "read the key of hashes".into())?;
    planted.0.push(("key of hashes".to_owned(), hash_key.trim_ascii().to_vec()));
    let phrase = put(lab, "phrase", &planted.make("passphrase"))?;
    let backup = lab.folder().join("a.backup").display().to_string();
    suimon.ctl(&["backup", &backup, "--passphrase-file", &phrase])?.success().map(drop)
}

/// A call of somebody who is not root.
fn as_caller(suimon: &Suimon, secret: &str, path: &str, body: &Value) -> Result<String> {
    let socket = suimon.file().with_file_name("socket").display().to_string();
    let (bearer, body) = (format!("Authorization: Bearer {secret}"), body.to_string());
    let url = format!("http://suimon{path}");
    let fixed = ["-sS", "--fail-with-body", "--max-time", "10", "-H", "content-type: application/json", "-H", &bearer];
    let more = ["-d", &body, "--unix-socket", &socket, &url];
    command::run(&mut words("curl", fixed.iter().chain(&more)), LIMIT)?.success()
}

fn text_at(answer: &str, key: &str) -> Result<String> {
    let value: Value = serde_json::from_str(answer).map_err(|error| LabError::Answer(format!("{error}: {answer}")))?;
    value[key].as_str().map(str::to_owned).ok_or_else(|| LabError::Answer(format!("no {key} in {answer}")))
}

fn put(lab: &Lab, name: &str, text: &str) -> Result<String> {
    let path = lab.folder().join(name);
    fs::write(&path, text).act(|| format!("write {name}"))?;
    Ok(path.display().to_string())
}

fn by_api(lab: &Lab, suimon: &Suimon) -> Result<PathBuf> {
    let file = lab.folder().join("api.tar.gz");
    let (socket, shown) = (suimon.file().with_file_name("socket").display().to_string(), file.display().to_string());
    let url = format!("http://suimon{PATH}");
    let arguments = ["-sS", "--fail", "--max-time", "20", "-X", "POST", "--unix-socket", &socket, "-o", &shown, &url];
    lab.node("a").output("curl", &arguments, LIMIT)?;
    Ok(file)
}

/// The files of a bundle: name, and what is in it.
fn unpacked(lab: &Lab, name: &str, file: &Path) -> Result<Vec<(String, String)>> {
    let folder = lab.folder().join(format!("bundle-{name}"));
    fs::create_dir(&folder).act(|| format!("make {}", folder.display()))?;
    let (shown, target) = (file.display().to_string(), folder.display().to_string());
    command::run(&mut words("tar", ["xzf", &shown, "-C", &target]), LIMIT).and_then(Finished::success)?;
    let (mut files, mut folders) = (Vec::new(), vec![folder.clone()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).act(|| format!("list {}", next.display()))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).act(|| format!("read {}", path.display()))?;
                let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
                files.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    Ok(files)
}

/// What a maintainer looks for is there.
fn tells(bundle: &[(String, String)]) -> Result<()> {
    for (file, text) in [
        ("MANIFEST", "FILE_BYTES_MAX = 8388608, BUNDLE_BYTES_MAX = 33554432"),
        ("MANIFEST", "node/status.json"),
        ("configuration/revisions.txt", "by root"),
        ("configuration/1.toml", "password = \"***\""),
        ("configuration/2.toml", "name = \"web\""),
        ("node/status.json", "\"version\""),
        ("node/services.json", "\"web\""),
        ("node/backends.json", "\"s3\""),
        ("node/checks.txt", "/s1\n-- c (smtp) at "),
        ("node/checks.txt", "HTTP/1.1"),
        ("node/checks.txt", " characters)"),
        ("node/counters.json", "{"),
        ("node/metrics.txt", "suimon_node"),
        ("node/alerts.json", "\"hook\""),
        ("log/log.txt", "info"),
        ("log/audit.txt", "\"backup\""),
        ("kernel/netlink.txt", "name: \"f0\""),
        ("kernel/proc/meminfo", "MemTotal"),
        ("kernel/proc/cpuinfo", "processor"),
        ("kernel/proc/mounts", "/proc"),
        ("kernel/devices.txt", "statistics/rx_packets: "),
    ] {
        let found = bundle.iter().any(|(name, content)| name.ends_with(file) && content.contains(text));
        let names: Vec<&str> = bundle.iter().map(|(name, _)| name.as_str()).collect();
        let content =
            || bundle.iter().find(|(name, _)| name.ends_with(file)).map(|(_, text)| text.chars().take(6_000).collect());
        let content: String = if found { String::new() } else { content().unwrap_or_default() };
        expect(found, || format!("no {text:?} in {file} of {names:?}: {content}"))?;
    }
    Ok(())
}

/// Where something stands, in any way of writing it: file and way.
fn found(bundle: &[(String, String)], secret: &[u8]) -> Vec<String> {
    let mut ways: Vec<(&str, String)> = vec![
        ("plain", String::from_utf8_lossy(secret).into_owned()),
        ("hex", HEXLOWER.encode(secret)),
        ("address", in_address(secret)),
    ];
    for before in 0..3 {
        let encoded = BASE64.encode(&[&vec![0; before], secret].concat());
        let (from, to) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
        ways.push(("base64", encoded[from..to].to_owned()));
    }
    let mut places = Vec::new();
    for (name, text) in bundle {
        let lower = text.to_lowercase();
        let stands = |(way, form): &(&str, String)| match *way {
            "hex" | "address" => lower.contains(&form.to_lowercase()),
            _ => text.contains(form.as_str()),
        };
        places.extend(ways.iter().filter(|way| stands(way)).map(|(way, _)| format!("{name} ({way})")));
    }
    places
}

fn in_address(text: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") }).collect()
}

fn gives_away(bundle: &[(String, String)], planted: &Planted) -> Result<()> {
    let mut leaks = Vec::new();
    for (place, secret) in &planted.0 {
        let at = found(bundle, secret);
        if !at.is_empty() {
            leaks.push(format!("{place}: {}", at.join(", ")));
        }
    }
    expect(leaks.is_empty(), || leaks.join("\n"))
}

/// The search finds what is there: a word that is no secret, and secrets in every way of writing them.
fn search_works(bundle: &[(String, String)], planted: &Planted) -> Result<()> {
    let plain = found(bundle, PLAIN.as_bytes());
    expect(plain.iter().any(|place| place.contains("revisions.txt (plain)")), || format!("not found: {plain:?}"))?;
    for (place, secret) in &planted.0 {
        let around = [b"user:", &secret[..], b"?"].concat();
        let texts = [
            String::from_utf8_lossy(&around).into_owned(),
            BASE64.encode(&around),
            HEXLOWER.encode(&around),
            in_address(&around),
        ];
        for text in texts {
            let there = found(&[("control".to_owned(), text.clone())], secret);
            expect(!there.is_empty(), || format!("{place} is not found in {text}"))?;
        }
    }
    Ok(())
}

fn bytes(bundle: &[(String, String)]) -> usize {
    bundle.iter().map(|(_, text)| text.len()).sum()
}
