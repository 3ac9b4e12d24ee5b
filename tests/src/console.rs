//! The web console of a balancer under test, and a person's browser as far as requests go: by curl.

pub mod form;

use crate::command::{self, Finished, words};
use crate::error::{LabError, Result};
use crate::lab::Lab;
use crate::namespace::Namespace;
use crate::process::Daemon;
use crate::suimon::{self, Suimon};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use totp_rs::Secret;

/// Where it listens, in the balancer's namespace.
pub const ADDRESS: &str = "127.0.0.1:8443";
/// The same as a browser has it.
pub const SITE: &str = "https://127.0.0.1:8443";
/// What everybody's password is in the end.
pub const PASSWORD: &str = "a sluice gate in the rain";
const LIMIT: Duration = Duration::from_secs(30);

/// The console of a balancer.
pub struct Console {
    daemon: Daemon,
    namespace: Namespace,
    /// Where browsers keep their cookies.
    folder: PathBuf,
    users: usize,
}

impl Console {
    /// Starts it beside the balancer `suimon` in `node`, and waits until it answers.
    pub fn start(lab: &Lab, node: &str, suimon: &Suimon) -> Result<Self> {
        Self::start_on(lab, node, suimon, ADDRESS)
    }

    /// The same, where others reach it too: at `address`, which holds [`ADDRESS`].
    pub fn start_on(lab: &Lab, node: &str, suimon: &Suimon, address: &str) -> Result<Self> {
        let folder = suimon.file().with_file_name("");
        let binary = suimon::binary().ok_or_else(|| LabError::Answer("suimon is not built".into()))?;
        let mut command = words(&binary.display().to_string(), ["web", "--listen", address]);
        command.arg("--socket").arg(folder.join("socket"));
        let daemon = lab.daemon(node, "web", &mut command)?;
        let console = Self { daemon, namespace: lab.node(node), folder: lab.folder().to_owned(), users: 0 };
        let stranger = console.stranger("ready");
        command::wait_until("the console answers", LIMIT, || stranger.open("/login").is_ok())
            .map_err(|error| LabError::Answer(format!("{error}; it said: {}", console.daemon.said().trim_end())))?;
        Ok(console)
    }

    /// The process.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// A browser without cookies.
    pub fn stranger(&self, name: &str) -> Browser {
        let jar = self.folder.join(format!("{name}.cookies"));
        let _ = fs::remove_file(&jar);
        Browser { namespace: self.namespace.clone(), jar }
    }

    /// A new user, and the first password.
    pub fn newcomer(&mut self, suimon: &Suimon, role: &str) -> Result<(String, String)> {
        self.users += 1;
        let name = format!("user{}", self.users);
        let text = suimon.ctl(&["--json", "users", "add", &name, role])?.success()?;
        let made: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
        Ok((name, made["password"].as_str().unwrap_or_default().to_owned()))
    }

    /// A browser whose user is signed in.
    pub fn signed_in(&mut self, suimon: &Suimon, role: &str) -> Result<Browser> {
        let (name, first) = self.newcomer(suimon, role)?;
        let browser = self.stranger(&name);
        let user = [("user", name.as_str()), ("password", first.as_str())];
        browser.send("/login", &user)?.leads_to("/password")?;
        let change = [("old", first.as_str()), ("new", PASSWORD), ("again", PASSWORD)];
        browser.send("/password", &change)?.leads_to("/?done=password")?;
        Ok(browser)
    }
}

/// A person's browser, as far as it matters here: it keeps cookies and says where a form comes from.
pub struct Browser {
    namespace: Namespace,
    jar: PathBuf,
}

/// An answer.
#[derive(Debug)]
pub struct Page {
    /// Status.
    pub status: u16,
    /// Status line and headers, in small letters.
    pub head: String,
    /// What is shown.
    pub body: String,
}

impl Browser {
    /// Where its cookies are, in curl's format.
    pub fn jar(&self) -> &Path {
        &self.jar
    }

    /// Asks for a page.
    pub fn open(&self, path: &str) -> Result<Page> {
        self.curl(path, &[])
    }

    /// Sends a form, as the console's own pages do.
    pub fn send(&self, path: &str, fields: &[(&str, &str)]) -> Result<Page> {
        self.send_from(&["-H", "Origin: https://127.0.0.1:8443", "-H", "Sec-Fetch-Site: same-origin"], path, fields)
    }

    /// Sends a form with these headers of curl as its origin.
    pub fn send_from(&self, origin: &[&str], path: &str, fields: &[(&str, &str)]) -> Result<Page> {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut arguments = vec!["-X", "POST"];
        arguments.extend(origin);
        arguments.extend(fields.iter().flat_map(|field| ["--data-urlencode", field]));
        if fields.is_empty() {
            arguments.extend(["-d", ""]);
        }
        self.curl(path, &arguments)
    }

    /// Asks for a path with more arguments of curl.
    pub fn curl(&self, path: &str, more: &[&str]) -> Result<Page> {
        let jar = self.jar.display().to_string();
        let url = format!("{SITE}{path}");
        let fixed = ["-sS", "-k", "-i", "--max-time", "20", "-b", &jar, "-c", &jar, &url];
        let mut curl = words("curl", fixed.iter().chain(more));
        let text = self.namespace.run(&mut curl, LIMIT).and_then(Finished::success)?;
        let unexpected = || LabError::Answer(format!("no HTTP: {text}"));
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(unexpected)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(unexpected)?;
        Ok(Page { status, head: head.to_lowercase(), body: body.to_owned() })
    }
}

impl Page {
    /// Checks the status.
    pub fn is(self, status: u16) -> Result<Self> {
        expect(self.status == status, || format!("expected {status}: {self:?}"))?;
        Ok(self)
    }

    /// Checks where it leads.
    pub fn leads_to(self, path: &str) -> Result<Self> {
        let line = format!("location: {path}").to_lowercase();
        let leads = self.status == 303 && self.head.lines().any(|found| found == line);
        expect(leads, || format!("expected to be led to {path}: {self:?}"))?;
        Ok(self)
    }

    /// Checks that a text is there.
    pub fn says(self, text: &str) -> Result<Self> {
        expect(self.body.contains(text), || format!("expected \"{text}\": {self:?}"))?;
        Ok(self)
    }

    /// Checks that a text is not there.
    pub fn says_not(self, text: &str) -> Result<Self> {
        expect(!self.body.contains(text), || format!("did not expect \"{text}\": {self:?}"))?;
        Ok(self)
    }
}

/// `otherwise` is the failure unless it `holds`.
pub fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}

/// The code that a device with this secret shows in `later_s` seconds.
pub fn code(secret: &str, later_s: u64) -> Result<String> {
    let wrong = |error: &dyn std::fmt::Display| LabError::Answer(format!("the secret {secret}: {error}"));
    let bytes = Secret::try_from_base32(secret).map_err(|error| wrong(&error))?;
    let totp = totp_rs::Builder::new().with_secret(bytes.as_bytes()).build().map_err(|error| wrong(&error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| wrong(&error))?;
    Ok(totp.generate(now.as_secs() + later_s).to_string())
}
