//! The checkers of a `real_server`.

use super::known::Known;
use super::remarks;
use super::tree::Statement;
use crate::CheckKind;
use crate::import::address::Host;
use crate::import::check::Check;
use crate::import::draft::Draft;
use crate::import::names::possible;
use crate::limits::CHECKS_MAX;
use crate::report::Error;
use std::collections::HashMap;

/// The checkers of keepalived.
pub(super) const CHECKERS: &[&str] = &[
    "HTTP_GET",
    "SSL_GET",
    "TCP_CHECK",
    "SMTP_CHECK",
    "DNS_CHECK",
    "MISC_CHECK",
    "BFD_CHECK",
    "UDP_CHECK",
    "PING_CHECK",
    "FILE_CHECK",
];
/// Statements of checkers that are carried over.
const CARRIED: &[&str] = &[
    "url",
    "path",
    "status_code",
    "virtualhost",
    "regex",
    "regex_options",
    "connect_port",
    "connect_timeout",
    "retry",
    "nb_get_retry",
    "delay_before_retry",
    "delay_loop",
    "helo_name",
    "type",
    "name",
    "misc_path",
    "misc_timeout",
    "enable_sni",
    "payload",
    "require_reply",
    "min_reply_length",
    "max_reply_length",
    "track_file",
    "dynamic",
    "weight",
];
/// keepalived's defaults, seconds.
const DELAY_LOOP_S: f64 = 60.0;
const CONNECT_TIMEOUT_S: f64 = 5.0;

/// A checker, and the blocks whose settings it takes over: the nearest counts.
struct Checker<'a> {
    known: &'a Known<'a>,
    own: &'a Statement,
    around: [&'a Defaults<'a>; 2],
}

/// What a server or a virtual server says for the checkers in it.
pub(super) type Defaults<'a> = HashMap<&'a str, &'a Statement>;

/// The statements of a block that checkers take over. Looked for once, as a block may have thousands of servers.
pub(super) fn defaults(block: &Statement) -> Defaults<'_> {
    const KEYS: &[&str] =
        &["delay_loop", "connect_timeout", "retry", "nb_get_retry", "delay_before_retry", "virtualhost"];
    let statements = block.inside().iter().filter(|inside| inside.condition.is_none());
    statements.map(|inside| (inside.key(), inside)).filter(|(key, _)| KEYS.contains(key)).collect()
}

/// The checks of a server.
pub(super) fn checks(
    draft: &mut Draft,
    known: &Known<'_>,
    server: &Defaults<'_>,
    backend: &Statement,
) -> Result<Vec<Check>, Error> {
    let mut checks = Vec::new();
    let here = defaults(backend);
    for own in backend.inside().iter().filter(|inside| CHECKERS.contains(&inside.key())) {
        if checks.len() >= CHECKS_MAX {
            draft.notes.left(own.line, own.shown(), format!("a service has at most {CHECKS_MAX} checks"), "");
            continue;
        }
        remarks::inside(draft, own, remarks::CHECKER, CARRIED);
        let checker = Checker { known, own, around: [&here, server] };
        checker.read(draft, &mut checks)?;
    }
    Ok(checks)
}

impl Checker<'_> {
    fn read(&self, draft: &mut Draft, checks: &mut Vec<Check>) -> Result<(), Error> {
        let check = match self.own.key() {
            "HTTP_GET" => return self.pages(draft, CheckKind::Http, checks),
            "SSL_GET" => return self.pages(draft, CheckKind::Https, checks),
            "TCP_CHECK" => self.check(draft, "connect", CheckKind::Connect)?,
            "PING_CHECK" => self.check(draft, "ping", CheckKind::Ping)?,
            "SMTP_CHECK" => {
                let mut check = self.check(draft, "smtp", CheckKind::Smtp)?;
                check.set_text("ehlo", self.own.text(&["helo_name"]));
                check
            }
            "DNS_CHECK" => self.dns(draft)?,
            "UDP_CHECK" => self.datagram(draft)?,
            "MISC_CHECK" => self.program(draft)?,
            "BFD_CHECK" => {
                let why = "BFD is not spoken";
                draft.notes.left(self.own.line, self.own.shown(), why, "a check of kind \"ping\" or \"connect\"");
                return Ok(());
            }
            _ => {
                let why = "a file that other programs write";
                draft.notes.left(self.own.line, self.own.shown(), why, "a check of kind \"feedback\" or \"external\"");
                return Ok(());
            }
        };
        checks.push(check);
        Ok(())
    }

    /// A setting of the checker, its server or its virtual server.
    fn setting(&self, keys: &[&str]) -> Option<&Statement> {
        let around = || self.around.iter().find_map(|block| keys.iter().find_map(|key| block.get(key).copied()));
        self.own.last(keys).or_else(around)
    }

    fn seconds(&self, key: &str, default: f64) -> Result<f64, Error> {
        let Some(statement) = self.setting(&[key]) else { return Ok(default) };
        let seconds = statement.value().parse().ok().filter(|seconds: &f64| (0.0..=1e9).contains(seconds));
        seconds.ok_or_else(|| statement.error(self.known.file, "not a number of seconds"))
    }

    /// A check with port and times.
    fn check(&self, draft: &mut Draft, name: &str, kind: CheckKind) -> Result<Check, Error> {
        let mut check = Check::new(self.own.line, self.own.key(), name, kind);
        let interval = self.seconds("delay_loop", DELAY_LOOP_S)?;
        if self.setting(&["delay_loop"]).is_none() {
            let why = "without it keepalived checks once in 60 s; that is kept";
            draft.notes.differs(self.own.line, "delay_loop", why, "interval_ms = 2000 is usual here");
        }
        let (retries, pause) = match self.own.key() {
            "DNS_CHECK" => (3, interval),
            "MISC_CHECK" => (0, 1.0),
            "HTTP_GET" | "SSL_GET" => (1, 3.0),
            _ => (1, 1.0),
        };
        let retries = match self.setting(&["retry", "nb_get_retry"]) {
            None => retries,
            Some(retry) => {
                retry.value().parse::<u32>().map_err(|_| retry.error(self.known.file, "not a whole number"))?
            }
        };
        let pause = self.seconds("delay_before_retry", pause)?;
        let timeout = match kind {
            CheckKind::External => self.seconds("misc_timeout", interval)?,
            _ => self.seconds("connect_timeout", CONNECT_TIMEOUT_S)?,
        };
        if retries > 0 && pause < interval {
            let before = f64::from(retries) * pause;
            let now = f64::from(retries) * interval;
            let why = format!(
                "keepalived asks again after {pause} s when a check failed, here after interval_ms as always: a server \
                 was out {before} s after its first failure, here {now} s"
            );
            draft.notes.differs(self.own.line, "retry, delay_before_retry", why, "a shorter interval_ms");
        }
        let ms = |seconds: f64| (seconds * 1_000.0).round() as u64;
        check.set_times(draft, ms(interval), ms(timeout), u64::from(retries) + 1);
        if let Some(port) = self.own.last(&["connect_port"]).filter(|_| kind != CheckKind::Ping) {
            let number: u16 = port.value().parse().map_err(|_| port.error(self.known.file, "not a port"))?;
            check.set("port", i64::from(number));
        }
        Ok(check)
    }

    /// A check for each `url`.
    fn pages(&self, draft: &mut Draft, kind: CheckKind, checks: &mut Vec<Check>) -> Result<(), Error> {
        let urls: Vec<&Statement> = self.own.all("url").collect();
        // A checker without urls asks for nothing; its connection is what is checked.
        if urls.is_empty() {
            checks.push(self.check(draft, "connect", CheckKind::Connect)?);
        }
        for url in urls {
            remarks::inside(draft, url, remarks::CHECKER, CARRIED);
            let path = url.text(&["path"]);
            let name = possible(path.trim_start_matches('/'));
            let mut check = self.check(draft, if name == "unnamed" { "page" } else { &name }, kind)?;
            check.set_text("path", path);
            let host =
                url.last(&["virtualhost"]).or_else(|| self.setting(&["virtualhost"])).map_or("", Statement::value);
            check.set_text("host", host);
            if let Some(statuses) = url.last(&["status_code"]) {
                check.set("expect_status", statuses.words[1..].join(","));
            }
            self.pattern(draft, url, &mut check);
            let named = !host.is_empty() && matches!(Host::parse(host), Host::Name(_));
            if kind == CheckKind::Https && named && self.own.has("enable_sni") {
                check.set("sni", host.split(':').next().unwrap_or_default());
            }
            checks.push(check);
        }
        Ok(())
    }

    fn pattern(&self, draft: &mut Draft, url: &Statement, check: &mut Check) {
        let regex = url.text(&["regex"]);
        if regex.is_empty() || url.has("regex_no_match") {
            return;
        }
        let mut flags = String::new();
        let options = url.last(&["regex_options"]);
        for option in options.map_or(&[][..], |options| &options.words[1..]) {
            match option.as_str() {
                "caseless" => flags.push('i'),
                "dotall" => flags.push('s'),
                "multiline" => flags.push('m'),
                "extended" => flags.push('x'),
                "ungreedy" => flags.push('U'),
                "utf" | "ucp" | "never_backslash_c" | "no_start_optimize" | "no_auto_possess" => {}
                other => {
                    let why = "the regular expressions of checks have no such option";
                    draft.notes.left(url.line, format!("regex_options {other}"), why, "");
                }
            }
        }
        check.set("expect_body", if flags.is_empty() { regex.to_owned() } else { format!("(?{flags}){regex}") });
    }

    fn dns(&self, draft: &mut Draft) -> Result<Check, Error> {
        let mut check = self.check(draft, "dns", CheckKind::Dns)?;
        check.set("query", self.own.last(&["name"]).map_or(".", Statement::value));
        let record = self.own.last(&["type"]).map_or_else(|| "soa".to_owned(), |kind| kind.value().to_lowercase());
        check.set("record", record);
        Ok(check)
    }

    /// Without a reply that is required, a server passes that does not refuse. Nothing here is as easily content.
    fn datagram(&self, draft: &mut Draft) -> Result<Check, Error> {
        let (line, payload) = (self.own.line, self.own.last(&["payload"]));
        let (Some(reply), Some(payload)) = (self.own.last(&["require_reply"]), payload) else {
            let why = "a server passes that does not refuse a datagram; a check of kind \"udp\" needs what to send and \
                       an answer";
            let instead = "it is a ping now; kind = \"udp\" with send and expect asks the service";
            draft.notes.differs(line, self.own.shown(), why, instead);
            return self.check(draft, "ping", CheckKind::Ping);
        };
        let mut check = self.check(draft, "udp", CheckKind::Udp)?;
        let bytes = |statement: &Statement| -> Option<Vec<String>> {
            statement.words[1..].iter().flat_map(|word| hex_bytes(word)).collect()
        };
        let not_hex = |statement: &Statement| statement.error(self.known.file, "not hexadecimal digits");
        let send = bytes(payload).ok_or_else(|| not_hex(payload))?;
        check.set("send", send.iter().map(|byte| format!("\\x{byte}")).collect::<String>());
        let expect = bytes(reply).ok_or_else(|| not_hex(reply))?;
        if !expect.is_empty() {
            let byte = |byte: &String| if byte.contains('x') { ".".to_owned() } else { format!("\\x{byte}") };
            check.set("expect", format!("(?s-u)^{}", expect.iter().map(byte).collect::<String>()));
        }
        for limit in ["min_reply_length", "max_reply_length"] {
            if let Some(limit) = self.own.last(&[limit]) {
                draft.notes.left(limit.line, limit.shown(), "the length of an answer is not judged", "expect");
            }
        }
        Ok(check)
    }

    fn program(&self, draft: &mut Draft) -> Result<Check, Error> {
        let mut check = self.check(draft, "program", CheckKind::External)?;
        let path = self.own.text(&["misc_path"]);
        let mut words = path.split_whitespace();
        check.set_text("command", words.next().unwrap_or_default());
        let arguments: Vec<&str> = words.collect();
        if !arguments.is_empty() {
            check.set("arguments", arguments);
        }
        check.leave_out("the program has to come onto this box");
        let why = "a program of the old machine; here it runs without privileges, and gets the server's address and \
                   port behind its arguments";
        let instead = "copy it into a folder, name that as programs_folder in [probe], correct its path in the check \
                       and remove the # there";
        draft.notes.fill_in(self.own.line, format!("misc_path {path}"), why, instead);
        Ok(check)
    }
}

/// The bytes of a word of hex digits, two each; `x` stands for any digit. `None`: other characters.
fn hex_bytes(word: &str) -> Vec<Option<String>> {
    let digits: Vec<char> = word.to_ascii_lowercase().chars().collect();
    let byte = |pair: &[char]| {
        let good = pair.iter().all(|c| c.is_ascii_hexdigit() || *c == 'x');
        good.then(|| if let [one] = pair { format!("0{one}") } else { pair.iter().collect() })
    };
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::hex_bytes;

    #[test]
    fn hex_digits_are_bytes() {
        for (word, expected) in [("Ab12f", Some("ab 12 0f")), ("3", Some("03")), ("1x", Some("1x")), ("1g", None)] {
            let bytes: Option<Vec<String>> = hex_bytes(word).into_iter().collect();
            assert_eq!(bytes.map(|bytes| bytes.join(" ")).as_deref(), expected, "{word}");
        }
    }
}
