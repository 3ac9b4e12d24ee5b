//! The tables `[alerts]`, `[syslog]` and `[api]`.

use super::{parse_file_name, parse_hostname, parse_name};
use crate::address::parse_unicast;
use crate::alerts::{
    ALERT_DESTINATIONS_MAX, ALERT_WINDOW_S, AlertFilter, AlertMail, AlertWebhook, Alerts, Api, MAIL_RECIPIENTS_MAX,
    MailTls, SECRET_LENGTH_MAX, SYSLOG_SERVERS_MAX, Syslog, SyslogServer, SyslogTransport,
};
use crate::limits::SERVICES_MAX;
use crate::names::Named;
use crate::reader::Reader;
use crate::secret::Secret;

/// Alerts as far as they could be read.
#[derive(Default)]
pub(crate) struct AlertsDraft {
    window_s: Option<u32>,
    pub(crate) mails: Vec<Option<AlertMail>>,
    pub(crate) webhooks: Vec<Option<AlertWebhook>>,
}

/// Syslog as far as it could be read.
#[derive(Default)]
pub(crate) struct SyslogDraft {
    pub(crate) servers: Vec<Option<SyslogServer>>,
}

impl From<AlertsDraft> for Alerts {
    fn from(draft: AlertsDraft) -> Self {
        Self {
            window_s: draft.window_s.unwrap_or(Self::default().window_s),
            mails: draft.mails.into_iter().flatten().collect(),
            webhooks: draft.webhooks.into_iter().flatten().collect(),
        }
    }
}

impl From<SyslogDraft> for Syslog {
    fn from(draft: SyslogDraft) -> Self {
        Self { servers: draft.servers.into_iter().flatten().collect() }
    }
}

pub(super) fn alerts(reader: &mut Reader<'_>) -> AlertsDraft {
    AlertsDraft {
        window_s: reader.value("window_s").and_then(|value| value.number(ALERT_WINDOW_S)),
        mails: reader.things("mail", ALERT_DESTINATIONS_MAX, mail),
        webhooks: reader.things("webhook", ALERT_DESTINATIONS_MAX, webhook),
    }
}

pub(super) fn syslog(reader: &mut Reader<'_>) -> SyslogDraft {
    SyslogDraft { servers: reader.things("server", SYSLOG_SERVERS_MAX, syslog_server) }
}

pub(super) fn api(reader: &mut Reader<'_>) -> Api {
    let default = Api::default();
    Api {
        session_idle_s: reader.number("session_idle_s", 60..=86_400, default.session_idle_s),
        session_lifetime_s: reader.number("session_lifetime_s", 60..=31 * 86_400, default.session_lifetime_s),
        login_failures_max: reader.number("login_failures_max", 3..=100, default.login_failures_max),
        login_lock_s: reader.number("login_lock_s", 10..=86_400, default.login_lock_s),
    }
}

fn mail(reader: &mut Reader<'_>) -> Option<AlertMail> {
    let name = name(reader);
    let from = reader.required("from", "whom the mail is from").map(|value| value.parsed(parse_mailbox));
    let to = reader.required("to", "whom the mail is for, as in [\"ops@example.com\"]");
    let to = to.map(|value| value.one_or_list(MAIL_RECIPIENTS_MAX, |value| value.parsed(parse_mailbox)));
    let server = reader.required("server", "the server that takes the mail").map(|value| value.parsed(parse_host));
    let tls: MailTls = reader.named("tls");
    let port = reader.number("port", 1..=u16::MAX, tls.port());
    let ca_file = reader.value("ca_file").and_then(|value| value.parsed(parse_file_name));
    let user = reader.value("user").and_then(|value| value.parsed(parse_secret));
    let password = reader.value("password").and_then(|value| value.parsed(parse_secret)).map(Secret::new);
    let filter = filter(reader);
    if user.is_some() != password.is_some() {
        reader.error("user and password belong together: write both or none");
    }
    if password.is_some() && tls == MailTls::None {
        reader.error("a password without TLS could be read on the way: write tls = \"starttls\" or \"tls\"");
    }
    if to.as_ref().is_some_and(Vec::is_empty) {
        reader.error("to is empty: somebody has to get the mail");
    }
    let (name, from, to, server) = (name?, from??, to?, server??);
    Some(AlertMail { name, from, to, server, port, tls, ca_file, user, password, filter })
}

fn webhook(reader: &mut Reader<'_>) -> Option<AlertWebhook> {
    let name = name(reader);
    let url = reader.required("url", "as in \"https://example.com/hook\"").map(|value| value.parsed(parse_url));
    let secret = reader.value("secret").and_then(|value| value.parsed(parse_secret)).map(Secret::new);
    let ca_file = reader.value("ca_file").and_then(|value| value.parsed(parse_file_name));
    let filter = filter(reader);
    Some(AlertWebhook { name: name?, url: Secret::new(url??), secret, ca_file, filter })
}

fn syslog_server(reader: &mut Reader<'_>) -> Option<SyslogServer> {
    let name = name(reader);
    let server = reader.required("server", "the server that takes the log").map(|value| value.parsed(parse_host));
    let transport: SyslogTransport = reader.named("transport");
    let port = reader.number("port", 1..=u16::MAX, transport.port());
    let ca_file = reader.value("ca_file");
    if ca_file.is_some() && transport != SyslogTransport::Tls {
        reader.error(format!("ca_file is for transport = \"tls\", this is {}", transport.name()));
    }
    let ca_file = ca_file.and_then(|value| value.parsed(parse_file_name));
    let (facility, severity) = (reader.named("facility"), reader.named("severity"));
    Some(SyslogServer { name: name?, server: server??, port, transport, ca_file, facility, severity })
}

fn name(reader: &mut Reader<'_>) -> Option<String> {
    reader.required("name", "what this destination is called").and_then(|value| value.parsed(parse_name))
}

fn filter(reader: &mut Reader<'_>) -> AlertFilter {
    let all = usize::MAX;
    AlertFilter {
        events: reader.list("events", all, |value| value.named()),
        services: reader.list("services", SERVICES_MAX, |value| value.parsed(parse_name)),
    }
}

/// Reads where to connect to: an address or a host name.
fn parse_host(text: &str) -> Result<String, String> {
    // What looks like an address and is none must not become a question to DNS.
    let address = text.contains(':') || text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if address { parse_unicast(text).map(|address| address.to_string()) } else { parse_hostname(text) }
}

/// Reads a mail address as every server takes it (a subset of RFC 5321 4.1.2).
fn parse_mailbox(text: &str) -> Result<String, String> {
    let local_good = |local: &str| {
        (1..=64).contains(&local.len())
            && local.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
    };
    match text.rsplit_once('@') {
        Some((local, domain)) if local_good(local) && parse_hostname(domain).is_ok() => Ok(text.to_owned()),
        _ => Err(format!("\"{text}\" is not a mail address, as in \"ops@example.com\"")),
    }
}

fn parse_url(text: &str) -> Result<String, String> {
    let wrong = || "expected an address of the web, as in \"https://example.com/hook\"".to_owned();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wrong)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err("user and password do not belong in the address: sign requests with secret".to_owned());
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').or(port.is_empty().then_some("443"))),
        None => authority.split_once(':').map_or((authority, Some("443")), |(host, port)| (host, Some(port))),
    };
    let port_good = port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0);
    let path_good = path.chars().all(|c| c.is_ascii_graphic() && c != '#') && text.len() <= SECRET_LENGTH_MAX;
    if parse_host(host).is_ok() && port_good && path_good { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn parse_secret(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > SECRET_LENGTH_MAX {
        Err(format!("1 to {SECRET_LENGTH_MAX} bytes are possible here"))
    } else if text.chars().any(char::is_control) {
        Err("line breaks and other control characters are not possible here".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
