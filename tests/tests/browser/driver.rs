//! Chromium over WebDriver (W3C WebDriver 2, and chromedriver's way to the DevTools protocol): the few commands the walks
//! need, on one connection to Debian's chromium-driver in a namespace of the lab.

use lab::command::{self, words};
use lab::error::{Act, LabError};
use lab::process::Daemon;
use lab::{Lab, Result};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Where chromedriver listens, in its namespace.
const DRIVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9515);
/// Time chromedriver has to start.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// Time one command may take: the first one starts Chromium.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// How WebDriver marks an element in JSON (WebDriver 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Nothing but the pages' own requests, and no sandbox: Chromium's own one refuses root.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--window-size=1280,900",
];

/// The program that starts browsers.
pub struct Driver {
    daemon: Daemon,
    node: String,
}

impl Driver {
    pub fn start(lab: &Lab, node: &str) -> Result<Self> {
        let port = format!("--port={}", DRIVER.port());
        // Chromium is many processes that know each other only; in a namespace of process ids all of them end with the first.
        let mut command = words("unshare", ["--fork", "--kill-child", "--pid", "--mount-proc", "chromedriver", &port]);
        let folder = lab.folder().join("browsers");
        fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
        command.env("TMPDIR", folder);
        let mut daemon = lab.daemon(node, "chromedriver", &mut command)?;
        let namespace = lab.node(node);
        let mut fallen = None;
        command::wait_until("chromedriver is ready", READY_LIMIT, || {
            fallen = daemon.ended();
            fallen.is_some() || namespace.enter(|| TcpStream::connect(DRIVER).is_ok()).unwrap_or(false)
        })?;
        match fallen {
            None => Ok(Self { daemon, node: node.into() }),
            Some(status) => Err(LabError::Answer(format!("chromedriver ended ({status}): {}", said(&daemon)))),
        }
    }

    /// A browser that knows nobody: no cookies, nothing kept. `script`: whether pages may run theirs.
    pub fn browser(&self, lab: &Lab, script: bool) -> Result<Browser> {
        let wire =
            lab.node(&self.node).enter(|| TcpStream::connect(DRIVER))?.act(|| "connect to chromedriver".into())?;
        wire.set_read_timeout(Some(COMMAND_LIMIT)).act(|| "set a read limit".into())?;
        let mut browser = Browser { wire: RefCell::new(BufReader::new(wire)), session: String::new() };
        // 1: allow, 2: block, as Chromium's policies have it.
        let javascript = if script { 1 } else { 2 };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "args": ARGUMENTS,
                "prefs": {
                    "profile.managed_default_content_settings.javascript": javascript,
                    "intl.accept_languages": "en",
                },
            },
        } } });
        let begun = browser.call("POST", "/session", &wanted);
        let begun = begun.map_err(|error| LabError::Answer(format!("{error}; {}", said(&self.daemon))))?;
        browser.session = format!("/session/{}", begun["sessionId"].as_str().unwrap_or_default());
        Ok(browser)
    }
}

fn said(daemon: &Daemon) -> String {
    let said = daemon.said();
    let lines: Vec<&str> = said.lines().rev().take(10).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}

/// A browser; it is closed when this is dropped.
pub struct Browser {
    wire: RefCell<BufReader<TcpStream>>,
    /// Path of its commands.
    session: String,
}

/// An element of the page that is shown.
#[derive(Clone, Debug)]
pub struct Element(String);

impl Browser {
    pub fn open(&self, url: &str) -> Result<()> {
        self.post("/url", &json!({ "url": url })).map(drop)
    }

    pub fn url(&self) -> Result<String> {
        Ok(self.call("GET", &format!("{}/url", self.session), &Value::Null)?.as_str().unwrap_or_default().to_owned())
    }

    /// All elements that an XPath finds.
    pub fn find(&self, xpath: &str) -> Result<Vec<Element>> {
        let found = self.post("/elements", &json!({ "using": "xpath", "value": xpath }))?;
        let elements = found.as_array().cloned().unwrap_or_default();
        Ok(elements.iter().filter_map(|element| Some(Element(element[ELEMENT].as_str()?.to_owned()))).collect())
    }

    pub fn click(&self, element: &Element) -> Result<()> {
        self.post(&format!("/element/{}/click", element.0), &json!({})).map(drop)
    }

    /// Empties a field.
    pub fn clear(&self, element: &Element) -> Result<()> {
        self.post(&format!("/element/{}/clear", element.0), &json!({})).map(drop)
    }

    /// Types into an element.
    pub fn write(&self, element: &Element, text: &str) -> Result<()> {
        self.post(&format!("/element/{}/value", element.0), &json!({ "text": text })).map(drop)
    }

    /// What is to be read in an element, as it is shown.
    pub fn text(&self, element: &Element) -> Result<String> {
        let text = self.call("GET", &format!("{}/element/{}/text", self.session, element.0), &Value::Null)?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Presses a key, wherever the focus is. Keys without a letter have code points of their own (WebDriver 17.4.2).
    pub fn press(&self, key: char) -> Result<()> {
        let acts = [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": acts });
        self.post("/actions", &json!({ "actions": [keyboard] })).map(drop)
    }

    /// What `script`, the body of a function, returns; it may be a promise. The page's policies do not hold for it and
    /// stay in force for the page.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A command of the DevTools protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Lines of a log since they were last asked for.
    pub fn log(&self, kind: &str) -> Result<Vec<Value>> {
        Ok(self.post("/se/log", &json!({ "type": kind }))?.as_array().cloned().unwrap_or_default())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut wire = self.wire.borrow_mut();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {DRIVER}\r\nContent-Length: {}\r\n\r\n", body.len());
        let act = || format!("{method} {path} to chromedriver");
        wire.get_mut().write_all((head + &body).as_bytes()).act(act)?;
        let answer = answer(&mut *wire).act(act)?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| LabError::Answer(error.to_string()))?;
        match answer["value"]["error"].as_str() {
            None => Ok(answer["value"].clone()),
            Some(error) => {
                let message = answer["value"]["message"].as_str().unwrap_or_default();
                let message = message.lines().next().unwrap_or_default();
                let asked: String = body.chars().take(200).collect();
                Err(LabError::Answer(format!("{method} {path} {asked}: {error}: {message}")))
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty()
            && let Err(error) = self.call("DELETE", &self.session.clone(), &Value::Null)
        {
            eprintln!("{error}");
        }
    }
}

/// The body of an HTTP answer; chromedriver always says how long it is.
fn answer(wire: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if wire.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(|_| std::io::Error::other("no length"))?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    wire.read_exact(&mut body)?;
    Ok(body)
}
