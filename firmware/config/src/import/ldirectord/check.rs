//! What ldirectord asks of servers: `checktype`, `service` and the directives that go with them.

use super::lines::{Directive, Section};
use super::server::{Asked, asked};
use super::{CONNECT_TIMEOUT_S, Globals, INTERVAL_S, NEGOTIATE_TIMEOUT_S, is_address};
use crate::CheckKind;
use crate::import::address::Port;
use crate::import::check::Check;
use crate::import::draft::Draft;
use crate::import::ipvs::{Transport, Virtual};
use crate::import::names::possible;
use crate::report::Error;

/// A virtual service and what its checks need of it.
struct Asking<'a, 't> {
    draft: &'a mut Draft,
    globals: &'a Globals<'t>,
    section: &'a Section<'t>,
    transport: Transport,
    /// What is requested and expected, where servers have a pair of their own.
    own: Option<Asked<'t>>,
}

/// The checks of a virtual service.
pub(super) fn checks(
    draft: &mut Draft,
    globals: &Globals<'_>,
    section: &Section<'_>,
    service: &mut Virtual,
) -> Result<Vec<Check>, Error> {
    let own = pair_of_all(draft, section)?;
    let mut asking = Asking { draft, globals, section, transport: service.transport, own };
    let checktype = section.last("checktype");
    let checks = match checktype.map_or("negotiate", |directive| directive.value) {
        "negotiate" => asking.negotiation(service, 1)?.into_iter().collect(),
        "connect" => vec![asking.connection(1)?],
        "ping" => vec![asking.ping()?],
        "external" | "external-perl" => vec![asking.program()?],
        "on" => Vec::new(),
        "off" => {
            if let Some(directive) = checktype {
                let why = "no server was ever used: the backends are disabled";
                let instead = "suimon ctl online SERVICE/BACKEND, or state = \"online\"";
                asking.draft.notes.differs(directive.line.number, directive.shown(), why, instead);
            }
            service.backends.iter_mut().for_each(|target| target.disabled = true);
            Vec::new()
        }
        number => match (number.parse::<u64>(), checktype) {
            // Connections, and after each `connects` of them the whole dialogue.
            (Ok(connects), _) => {
                let slow = asking.negotiation(service, connects.saturating_add(1))?;
                let mut checks = vec![asking.connection(1)?];
                checks.extend(slow);
                checks
            }
            (Err(_), Some(directive)) => {
                return Err(directive.error(
                    "is no type of check: connect, negotiate, ping, external, external-perl, on, off or a number",
                ));
            }
            (Err(_), None) => Vec::new(),
        },
    };
    Ok(checks)
}

/// The request and the answer that servers name in their own lines. A check belongs to the service here, so it is used
/// when all of them name the same.
fn pair_of_all<'t>(draft: &mut Draft, section: &Section<'t>) -> Result<Option<Asked<'t>>, Error> {
    let mut pairs = Vec::new();
    for directive in section.all("real", "real6") {
        pairs.push((directive, asked(directive)?));
    }
    let first = pairs.first().and_then(|(_, pair)| pair.clone());
    if first.is_some() && pairs.iter().all(|(_, pair)| *pair == first) {
        return Ok(first);
    }
    for (directive, _) in pairs.iter().filter(|(_, pair)| pair.is_some()) {
        let why = "this server is asked in another way than the others; a check is of the whole service here";
        let instead = "write a check that all of them pass, or a service for this server";
        draft.notes.left(directive.line.number, directive.shown(), why, instead);
    }
    Ok(None)
}

impl<'t> Asking<'_, 't> {
    fn line(&self) -> u32 {
        self.section.head().line.number
    }

    fn text(&self, key: &str) -> &'t str {
        self.section.text(key)
    }

    /// The number of a directive, of the virtual service or else the global one.
    fn number(&self, key: &str) -> Result<Option<u64>, Error> {
        let directive: Option<&Directive<'_>> = self.section.last(key).or_else(|| self.globals.section.last(key));
        directive.map(|directive| directive.number("a whole number")).transpose()
    }

    /// A check with port and times. It runs once in `rounds` of ldirectord's rounds.
    fn check(&mut self, kind: CheckKind, name: &str, rounds: u64) -> Result<Check, Error> {
        let mut check = Check::new(self.line(), name, name, kind);
        let (connect, negotiate) = (self.number("checktimeout")?, self.number("negotiatetimeout")?);
        let only_connects = matches!(kind, CheckKind::Connect | CheckKind::Ping | CheckKind::External);
        let timeout_s = if only_connects {
            connect.or(negotiate).unwrap_or(CONNECT_TIMEOUT_S)
        } else {
            negotiate.or(connect).unwrap_or(NEGOTIATE_TIMEOUT_S)
        };
        let interval = if self.globals.forks { self.number("checkinterval")? } else { None };
        let interval = match (interval, self.globals.section.last("checkinterval")) {
            (Some(interval), _) => interval,
            (None, Some(directive)) => directive.number("a number of seconds")?,
            (None, None) => INTERVAL_S,
        };
        let interval_ms = interval.saturating_mul(1_000).saturating_mul(rounds);
        let fall = self.number("failurecount")?.unwrap_or(1);
        check.set_times(self.draft, interval_ms, timeout_s.saturating_mul(1_000), fall);
        if let Some(directive) = self.section.last("checkport")
            && kind != CheckKind::Ping
        {
            match Port::parse(directive.value).and_then(|port| port.number()) {
                Some(port) => check.set("port", i64::from(port)),
                None => return Err(directive.error("is no port")),
            }
        }
        Ok(check)
    }

    /// UDP has no connections: ldirectord pings.
    fn connection(&mut self, rounds: u64) -> Result<Check, Error> {
        match self.transport {
            Transport::Udp => self.ping(),
            _ => self.check(CheckKind::Connect, "connect", rounds),
        }
    }

    fn ping(&mut self) -> Result<Check, Error> {
        self.check(CheckKind::Ping, "ping", 1)
    }

    fn program(&mut self) -> Result<Check, Error> {
        let mut check = self.check(CheckKind::External, "program", 1)?;
        let command = self.section.last("checkcommand");
        let mut words = command.map_or("/bin/true", |command| command.value).split_whitespace();
        check.set_text("command", words.next().unwrap_or_default());
        let head = self.section.head();
        let (vip, port) = head.value.rsplit_once(':').unwrap_or((head.value, "0"));
        let arguments: Vec<&str> = words.chain([vip, port]).collect();
        check.set("arguments", arguments);
        check.leave_out("the program has to come onto this box");
        let line = command.map_or(head.line.number, |command| command.line.number);
        let why = "a program of the old machine; here it runs without privileges, and gets VIP, port, server and port";
        let instead = "copy it into a folder, name that as programs_folder in [probe], correct its path in the check \
                       and remove the # there";
        self.draft.notes.fill_in(
            line,
            command.map_or_else(|| "checkcommand".to_owned(), Directive::shown),
            why,
            instead,
        );
        Ok(check)
    }

    fn negotiation(&mut self, service: &Virtual, rounds: u64) -> Result<Option<Check>, Error> {
        let port = service.port.as_ref().and_then(Port::number);
        let spoken = match self.section.last("service") {
            Some(directive) => directive.value,
            None if service.mark.is_some() => "none",
            None => usual_service(port),
        };
        let kind = match spoken {
            "none" => return Ok(None),
            "http" => CheckKind::Http,
            "https" => CheckKind::Https,
            "http_proxy" => CheckKind::HttpProxy,
            "ftp" => CheckKind::Ftp,
            "smtp" => CheckKind::Smtp,
            "submission" => CheckKind::Submission,
            "pop" => CheckKind::Pop3,
            "pops" => CheckKind::Pop3s,
            "imap" => CheckKind::Imap,
            "imaps" => CheckKind::Imaps,
            "nntp" => CheckKind::Nntp,
            "ldap" => CheckKind::Ldap,
            "ldaps" => CheckKind::Ldaps,
            "dns" => CheckKind::Dns,
            "mysql" => CheckKind::Mysql,
            "pgsql" => CheckKind::Postgresql,
            "radius" => CheckKind::Radius,
            "sip" => CheckKind::Sip,
            "simpletcp" => CheckKind::SendExpect,
            "oracle" => {
                let why = "no login to Oracle is made: whether its listener accepts connections is all that is asked";
                let instead = "kind = \"external\" runs a program of yours";
                self.draft.notes.differs(self.line(), "service=oracle", why, instead);
                return self.connection(rounds).map(Some);
            }
            _ => {
                let directive = self.section.last("service").unwrap_or(self.section.head());
                return Err(directive.error("is no service that ldirectord can check"));
            }
        };
        let mut check = self.check(kind, &possible(spoken), rounds)?;
        self.dialogue(&mut check, kind);
        Ok(Some(check))
    }

    /// Requests, answers and logins.
    fn dialogue(&mut self, check: &mut Check, kind: CheckKind) {
        let (request, receive) = match &self.own {
            Some(own) => (own.request, own.receive),
            None => (self.text("request"), self.text("receive")),
        };
        // ldirectord writes a / before every request, and most checks take it off again.
        let plain = request.strip_prefix('/').unwrap_or(request);
        match kind {
            CheckKind::Http | CheckKind::Https | CheckKind::HttpProxy => {
                self.page(check, kind, request);
                check.set_text("expect_body", receive);
            }
            CheckKind::Ftp => {
                check.set_text("file", plain);
                check.set_text("expect", if plain.is_empty() { "" } else { receive });
                self.login(check, self.text("login"));
            }
            CheckKind::Pop3 | CheckKind::Pop3s | CheckKind::Imap | CheckKind::Imaps => {
                self.login(check, self.text("login"));
            }
            CheckKind::Ldap | CheckKind::Ldaps => {
                check.set_text("base", plain);
                check.set_text("expect", receive);
                // Without a password ldirectord binds anonymously, whatever the login.
                self.login(check, if self.text("passwd").is_empty() { "" } else { self.text("login") });
            }
            CheckKind::Dns => {
                check.set_text("query", plain);
                if is_address(plain) {
                    check.set("record", "ptr");
                }
                check.set_text("expect", receive);
                self.set_transport(check, Transport::Udp);
            }
            CheckKind::Mysql | CheckKind::Postgresql => {
                self.login(check, self.text("login"));
                check.set_text("database", self.text("database"));
                check.set_text("query", plain);
            }
            CheckKind::Radius => {
                self.login(check, self.text("login"));
                check.set_text("secret", self.text("secret"));
            }
            CheckKind::Sip => {
                if !self.text("login").is_empty() {
                    check.set("uri", format!("sip:{}", self.text("login")));
                }
                check.set("expect_status", "200");
                self.set_transport(check, Transport::Udp);
            }
            CheckKind::SendExpect => {
                // Sent as it is written, but that \n is the end of a line.
                check.set_text("send", &request.replace('\\', "\\\\").replace("\\\\n", "\\n"));
                check.set_text("expect", receive);
            }
            _ => {}
        }
    }

    fn login(&self, check: &mut Check, login: &str) {
        if !login.is_empty() {
            check.set("login", login);
            check.set_text("password", self.text("passwd"));
        }
    }

    /// The transport, where it is not what the kind of check uses anyway.
    fn set_transport(&self, check: &mut Check, usual: Transport) {
        if self.transport != usual {
            check.set("transport", if self.transport == Transport::Udp { "udp" } else { "tcp" });
        }
    }

    fn page(&mut self, check: &mut Check, kind: CheckKind, request: &str) {
        let mut path = request;
        let mut host = self.text("virtualhost");
        if kind != CheckKind::HttpProxy
            && let Some((_, rest)) = request.trim_start_matches('/').split_once("://")
        {
            let end = rest.find('/').unwrap_or(rest.len());
            let (named, rest) = rest.split_at(end);
            (host, path) = (if host.is_empty() { named } else { host }, rest);
            let why = "the check always asks the backend itself; host and path are taken from the URL";
            self.draft.notes.differs(
                check.line,
                format!("request=\"{request}\""),
                why,
                "port of the check, if another",
            );
        }
        let path = path.replace(' ', "%20");
        if path.starts_with('/') || kind == CheckKind::HttpProxy {
            check.set_text("path", &path);
        } else {
            check.set("path", format!("/{path}"));
        }
        check.set_text("host", host);
        if self.text("httpmethod").eq_ignore_ascii_case("HEAD") {
            check.set("http_method", "HEAD");
        }
    }
}

/// What ldirectord takes a service for by its port.
fn usual_service(port: Option<u16>) -> &'static str {
    match port {
        Some(21) => "ftp",
        Some(25) => "smtp",
        Some(53) => "dns",
        Some(80) => "http",
        Some(110) => "pop",
        Some(119) => "nntp",
        Some(143) => "imap",
        Some(389) => "ldap",
        Some(443) => "https",
        Some(587) => "submission",
        Some(636) => "ldaps",
        Some(993) => "imaps",
        Some(995) => "pops",
        Some(1521) => "oracle",
        Some(1812) => "radius",
        Some(3128) => "http_proxy",
        Some(3306) => "mysql",
        Some(5060) => "sip",
        Some(5432) => "pgsql",
        _ => "none",
    }
}
