//! Alerts to a real mail server: in the clear, under TLS, logged in; refused; and over an hour in which it is away.

use crate::{SINK, fresh_data};
use lab::certificates::Authority;
use lab::command;
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError};
use lab::plan::{self, Family};
use lab::process::Daemon;
use lab::servers::{self, PASSWORD, Server, USER, dovecot, postfix};
use lab::suimon::Suimon;
use lab::{Lab, Result, debian};
use serde_json::Value;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// Time for a mail to be in the mailbox: tries are 1, 4 and 16 s apart while the server is away.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(40);
const FETCH_LIMIT: Duration = Duration::from_secs(10);
/// Destinations that get their mail.
const WELCOME: [&str; 3] = ["clear", "starttls", "login"];
/// Destinations that do not, what the node says of them, and whether that is the end of it: a server that says "never" is
/// not asked again.
const REFUSED: [(&str, &str, bool); 3] = [
    ("stranger", "invalid peer certificate", false),
    ("password", "535", true),
    ("nobody", "Relay access denied", true),
];

pub fn arrives(lab: &mut Lab) -> Result<()> {
    let office = Office::open(lab)?;
    let toml = Configuration::new(1, Method::Nat, Family::V4).toml() + &office.destinations();
    let balancer = Suimon::start(lab, "a", &toml)?;
    for server in plan::SERVERS {
        balancer.ctl(&["disable", &format!("web/{server}")])?.success()?;
    }
    for name in WELCOME {
        office.wait_for(name, "service web has no backend left")?;
    }
    for (name, reason, for_good) in REFUSED {
        refused(&balancer, name, reason, for_good)?;
    }
    let mails = office.mails()?;
    let strange = mails.iter().find(|mail| REFUSED.iter().any(|(name, ..)| is_for(mail, name)));
    if let Some(mail) = strange {
        return Err(LabError::Answer(format!("mail that had to be refused: {mail}")));
    }
    away(lab, office, &balancer)
}

/// What happens while the server is away comes when it is back, once.
fn away(lab: &Lab, mut office: Office, balancer: &Suimon) -> Result<()> {
    office.postfix.stop()?;
    balancer.ctl(&["online", "web/s2"])?.success()?;
    let failed = |destination: &Value| destination["failed_tries"].as_u64() > Some(1);
    command::wait_until("tries have failed", ARRIVAL_LIMIT, || {
        WELCOME.iter().all(|name| destination(balancer, name).is_ok_and(|found| failed(&found)))
    })?;
    office.postfix = servers::start(lab, &office.tree, SINK, &office.server)?;
    servers::wait(lab, SINK, office.address, &office.server, &mut office.postfix)?;
    for name in WELCOME {
        office.wait_for(name, "service web has backends again")?;
        let found = destination(balancer, name)?;
        let counted = (found["given_up"].as_u64(), found["not_taken"].as_u64());
        if counted != (Some(0), Some(0)) {
            return Err(LabError::Answer(format!("{name}: given up and not taken: {counted:?}")));
        }
    }
    let mails = office.mails()?;
    for name in WELCOME {
        let times =
            mails.iter().filter(|mail| is_for(mail, name) && mail.contains("service web has backends again")).count();
        if times != 1 {
            return Err(LabError::Answer(format!("{name} was told {times} times: {mails:#?}")));
        }
    }
    Ok(())
}

/// postfix, and dovecot with the mailbox.
struct Office {
    address: IpAddr,
    tree: std::path::PathBuf,
    server: Server,
    postfix: Daemon,
    _dovecot: Daemon,
    namespace: lab::namespace::Namespace,
}

impl Office {
    fn open(lab: &Lab) -> Result<Self> {
        let (address, tree, authority) = (plan::server(SINK, Family::V4), debian::tree()?, Authority::new()?);
        let identity = authority.valid(&address.to_string())?;
        let data = fresh_data(lab)?;
        put(&data.join("lab.pem"), authority.certificate())?;
        put(&data.join("other.pem"), Authority::new()?.certificate())?;
        let rooms = dovecot::server(address, &identity);
        let server = postfix::server([address, plan::server(SINK, Family::V6)], &identity);
        let mut dovecot = servers::start(lab, &tree, SINK, &rooms)?;
        servers::wait(lab, SINK, address, &rooms, &mut dovecot)?;
        let mut postfix = servers::start(lab, &tree, SINK, &server)?;
        servers::wait(lab, SINK, address, &server, &mut postfix)?;
        Ok(Self { address, tree, server, postfix, _dovecot: dovecot, namespace: lab.node(SINK) })
    }

    fn destinations(&self) -> String {
        let login = |password: &str| format!("user = \"{USER}\"\npassword = \"{password}\"");
        let (smtp, submission) = (postfix::PORT, postfix::PORT_SUBMISSION);
        let each = [
            ("clear", "lab.test", smtp, "none", None, String::new()),
            ("starttls", "lab.test", smtp, "starttls", Some("lab.pem"), String::new()),
            ("login", "lab.test", submission, "starttls", Some("lab.pem"), login(PASSWORD)),
            ("stranger", "lab.test", smtp, "starttls", Some("other.pem"), String::new()),
            ("password", "lab.test", submission, "starttls", Some("lab.pem"), login("wrong")),
            ("nobody", "elsewhere.test", smtp, "none", None, String::new()),
        ];
        let mut text = String::from("\n[alerts]\nwindow_s = 1\n");
        for (name, domain, port, tls, authority, login) in each {
            let authority = authority.map_or(String::new(), |file| format!("ca_file = \"{file}\""));
            text.push_str(&format!(
                "[[alerts.mail]]\nname = \"{name}\"\nfrom = \"suimon@lab.test\"\nto = [\"{USER}+{name}@{domain}\"]\n\
                 server = \"{}\"\nport = {port}\ntls = \"{tls}\"\n{authority}\n{login}\n\
                 events = [\"service-down\", \"service-up\"]\n",
                self.address
            ));
        }
        text
    }

    /// All that is in the mailbox, fetched as its owner does.
    fn mails(&self) -> Result<Vec<String>> {
        let url = format!("pop3://{USER}:{PASSWORD}@{}/", self.address);
        let fetch = |url: &str| self.namespace.output("curl", &["-sS", "--max-time", "5", url], FETCH_LIMIT);
        let listed = fetch(&url)?;
        let numbers = listed.lines().filter_map(|line| line.split_whitespace().next());
        numbers.map(|number| fetch(&format!("{url}{number}"))).collect()
    }

    fn wait_for(&self, name: &str, words: &str) -> Result<()> {
        let there =
            || self.mails().is_ok_and(|mails| mails.iter().any(|mail| is_for(mail, name) && mail.contains(words)));
        command::wait_until(&format!("a mail for {name}: {words}"), ARRIVAL_LIMIT, there)
            .map_err(|error| LabError::Answer(format!("{error}; {:#?}; {}", self.mails(), self.postfix.said())))
    }
}

fn is_for(mail: &str, name: &str) -> bool {
    mail.contains(&format!("To: {USER}+{name}@"))
}

/// A destination that cannot be reached says why, and counts.
fn refused(balancer: &Suimon, name: &str, reason: &str, for_good: bool) -> Result<()> {
    let told = |found: &Value| found["last_failure"]["reason"].as_str().is_some_and(|told| told.contains(reason));
    command::wait_until(&format!("{name} is refused"), ARRIVAL_LIMIT, || {
        destination(balancer, name).is_ok_and(|found| {
            told(&found) && found["sent"].as_u64() == Some(0) && found["given_up"].as_u64() == Some(for_good.into())
        })
    })
    .map_err(|error| LabError::Answer(format!("{error}: {:#?}", destination(balancer, name))))
}

fn destination(balancer: &Suimon, name: &str) -> Result<Value> {
    let text = balancer.get("/api/v1/alerts")?;
    let all: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
    let found = all["destinations"].as_array().into_iter().flatten().find(|each| each["name"] == name).cloned();
    found.ok_or_else(|| LabError::Answer(format!("no destination {name} in {text}")))
}

fn put(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).act(|| format!("write {}", path.display()))
}
