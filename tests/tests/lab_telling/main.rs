//! What the real program tells: a service without backends is an alert to a webhook and a line to a syslog server, both on
//! another machine, and a number for Prometheus; alerts reach postfix, and lines rsyslog.

mod mail;
mod syslog;

use lab::command;
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError};
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Time for what was told to arrive: alerts of one window, which is a second here, come together.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(15);
/// Time to wait for the rest of a request.
const READ_LIMIT: Duration = Duration::from_secs(5);
/// The node on which the sinks are.
const SINK: &str = "s1";
const WEBHOOK_PORT: u16 = 9_080;
const SYSLOG_PORT: u16 = 5_514;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        trials::full_lab,
        vec![
            test("a service without backends is told by webhook, syslog and metrics", service_down_is_told),
            test("alerts reach postfix, and wait for it while it is away", mail::arrives),
            test("lines reach rsyslog as they were sent, and wait for it while it is away", syslog::arrives),
        ],
    )
}

/// The data directory of a node that has not been started yet, empty.
fn fresh_data(lab: &Lab) -> Result<PathBuf> {
    let data = lab.folder().join("a-suimon/data");
    if data.exists() {
        fs::remove_dir_all(&data).act(|| format!("remove {}", data.display()))?;
    }
    fs::create_dir_all(&data).act(|| format!("make {}", data.display()))?;
    Ok(data)
}

/// What arrived. The threads that fill it end with the test's process.
#[derive(Clone, Default)]
struct Arrived(Arc<Mutex<Vec<String>>>);

impl Arrived {
    fn add(&self, text: String) {
        self.0.lock().expect("nobody panics with it").push(text);
    }

    fn wait_for(&self, what: &str, words: &[&str]) -> Result<()> {
        let arrived = || self.0.lock().expect("nobody panics with it").clone();
        let found = || arrived().iter().any(|text| words.iter().all(|word| text.contains(word)));
        command::wait_until(what, ARRIVAL_LIMIT, found)
            .map_err(|error| LabError::Answer(format!("{error}; what came: {:#?}", arrived())))
    }
}

fn service_down_is_told(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    let address = plan::server(SINK, Family::V4);
    let (posts, lines) = (webhook(lab, address)?, datagrams(lab, address)?);
    let toml = Configuration::new(2, Method::Nat, Family::V4).toml();
    let told = format!(
        "\n[alerts]\nwindow_s = 1\n[[alerts.webhook]]\nname = \"hook\"\nurl = \"http://{address}:{WEBHOOK_PORT}/\"\n\
         [[syslog.server]]\nname = \"sink\"\nserver = \"{address}\"\nport = {SYSLOG_PORT}\n"
    );
    let balancer = Suimon::start(lab, "a", &(toml + &told))?;
    posts.wait_for("the start is told", &["\"kind\":\"started\""])?;
    for server in plan::SERVERS {
        balancer.ctl(&["disable", &format!("web/{server}")])?.success()?;
    }
    let cause = "0 of 3 backends are available";
    posts.wait_for("an alert came", &["\"kind\":\"service-down\"", "\"subject\":\"web\"", cause])?;
    lines.wait_for("a line came", &["<132>1 ", "web is down: ", cause])?;
    let metrics = balancer.get("/metrics")?;
    for expected in ["suimon_service_backends_up{service=\"web\"} 0", "# EOF"] {
        if !metrics.contains(expected) {
            return Err(LabError::Answer(format!("no {expected} in {metrics}")));
        }
    }
    balancer.ctl(&["online", "web/s2"])?.success()?;
    posts.wait_for("the recovery came", &["\"kind\":\"service-up\"", "\"subject\":\"web\""])?;
    tests_arrive(&balancer, &posts, &lines)
}

/// What happened is listed, and test messages arrive and are written down.
fn tests_arrive(balancer: &Suimon, posts: &Arrived, lines: &Arrived) -> Result<()> {
    let says = |text: &str, expected: &str| {
        if text.contains(expected) { Ok(()) } else { Err(LabError::Answer(format!("no {expected} in {text}"))) }
    };
    says(&balancer.post("/api/v1/alerts/test", r#"{"alert":"hook"}"#)?, r#""outcome":"sent""#)?;
    posts.wait_for("the test alert came", &["\"kind\":\"test\"", "\"subject\":\"hook\""])?;
    says(&balancer.post("/api/v1/alerts/test", r#"{"syslog":"sink"}"#)?, r#""outcome":"pending""#)?;
    lines.wait_for("the test line came", &["this is a test for sink"])?;
    let nobody = balancer.post("/api/v1/alerts/test", r#"{"alert":"nobody"}"#);
    if nobody.is_ok() {
        return Err(LabError::Answer(format!("nobody got a test: {nobody:?}")));
    }
    let alerts = balancer.get("/api/v1/alerts")?;
    for expected in [r#""kind":"service-down""#, r#""course":"over""#, r#""kind":"started""#, r#""last_sent_unix_s":"#]
    {
        says(&alerts, expected)?;
    }
    says(&balancer.get("/api/v1/audit")?, "destination of alerts hook: sent")
}

/// A server that says "well" to every request.
fn webhook(lab: &Lab, address: IpAddr) -> Result<Arrived> {
    let bound = lab.node(SINK).enter(|| TcpListener::bind((address, WEBHOOK_PORT)))?;
    let (listener, arrived) = (bound.act(|| format!("listen on {address}"))?, Arrived::default());
    let told = arrived.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that hangs up is missed by whoever waits for it.
            if let Ok(body) = take(stream) {
                told.add(body);
            }
        }
    });
    Ok(arrived)
}

fn take(stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(READ_LIMIT))?;
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A syslog server of one line of code.
fn datagrams(lab: &Lab, address: IpAddr) -> Result<Arrived> {
    let bound = lab.node(SINK).enter(|| UdpSocket::bind((address, SYSLOG_PORT)))?;
    let (socket, arrived) = (bound.act(|| format!("listen on {address}"))?, Arrived::default());
    let told = arrived.clone();
    thread::spawn(move || {
        let mut datagram = [0; 4_096];
        while let Ok(length) = socket.recv(&mut datagram) {
            told.add(String::from_utf8_lossy(&datagram[..length]).into_owned());
        }
    });
    Ok(arrived)
}
