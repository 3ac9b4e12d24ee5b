//! The options of checks: a table of which kind has which, and reading that keeps to it.

use super::texts::{parse_line, parse_name_of_server, parse_password, parse_pem};
use crate::Named;
use crate::check::CheckKind::{
    self, Connect, Dns, External, Feedback, Ftp, Http, HttpProxy, Https, Imap, Imaps, Ldap, Ldaps, Memcached, Mysql,
    Nntp, Ntp, Ping, Pop3, Pop3s, Postgresql, Radius, Redis, SendExpect, Sip, Smtp, Submission, Udp,
};
use crate::limits::{CERTIFICATE_WARNING_DAYS_DEFAULT, CERTIFICATE_WARNING_DAYS_MAX};
use crate::pattern::Pattern;
use crate::payload::Payload;
use crate::question::TlsMode::{self, Off, On, Starttls};
use crate::question::{Login, Tls};
use crate::reader::{Reader, Value};
use crate::secret::Secret;

const PAGES: &[CheckKind] = &[Http, Https, HttpProxy];
const TLS: &[CheckKind] = &[
    Connect, Https, Smtp, Submission, Pop3, Pop3s, Imap, Imaps, Nntp, Ldap, Ldaps, Mysql, Postgresql, Redis, Memcached,
    SendExpect,
];
const LOGIN: &[CheckKind] = &[
    Http, Https, HttpProxy, Ftp, Smtp, Submission, Pop3, Pop3s, Imap, Imaps, Nntp, Ldap, Ldaps, Mysql, Postgresql,
    Redis, Radius,
];
const EXPECT: &[CheckKind] = &[Ftp, Ldap, Ldaps, Dns, Mysql, Postgresql, Redis, Memcached, Udp, SendExpect];

/// Every option that only some kinds have, and which kinds have it.
pub(super) const OPTIONS: &[(&str, &[CheckKind])] = &[
    ("path", PAGES),
    ("host", PAGES),
    ("http_method", PAGES),
    ("headers", PAGES),
    ("expect_status", &[Http, Https, HttpProxy, Sip]),
    ("expect_body", PAGES),
    ("login", LOGIN),
    ("password", LOGIN),
    ("folder", &[Ftp]),
    ("file", &[Ftp]),
    ("ehlo", &[Smtp, Submission]),
    ("newsgroup", &[Nntp]),
    ("base", &[Ldap, Ldaps]),
    ("scope", &[Ldap, Ldaps]),
    ("filter", &[Ldap, Ldaps]),
    ("query", &[Dns, Mysql, Postgresql]),
    ("record", &[Dns]),
    ("transport", &[Dns, Sip]),
    ("database", &[Mysql, Postgresql]),
    ("command", &[Redis, Memcached, External]),
    ("arguments", &[External]),
    ("secret", &[Radius]),
    ("uri", &[Sip]),
    ("stratum_max", &[Ntp]),
    ("count", &[Ping]),
    ("steps", &[SendExpect]),
    ("send", &[SendExpect, Udp, Feedback]),
    ("expect", EXPECT),
    ("tls", TLS),
    ("sni", TLS),
    ("tls_verify", TLS),
    ("tls_ca", TLS),
    ("certificate_warning_days", TLS),
];

impl CheckKind {
    /// The options that checks of this kind have beyond those that all have.
    pub fn options(self) -> impl Iterator<Item = &'static str> {
        OPTIONS.iter().filter(move |(_, kinds)| kinds.contains(&self)).map(|(key, _)| *key)
    }

    /// When such a check may be encrypted, the usual choice first; empty: never.
    pub fn tls_modes(self) -> &'static [TlsMode] {
        match self {
            Connect | Redis | Memcached | SendExpect => &[Off, On],
            Smtp | Submission | Nntp => &[Off, Starttls, On],
            Pop3 | Imap | Ldap | Mysql | Postgresql => &[Off, Starttls],
            Https | Pop3s | Imaps | Ldaps => &[On],
            _ => &[],
        }
    }
}

/// Reads the options of one check.
pub(super) struct Options<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) kind: CheckKind,
}

impl<'r, 'a> Options<'r, 'a> {
    pub(super) fn new(reader: &'r mut Reader<'a>, kind: CheckKind) -> Self {
        Self { reader, kind }
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        debug_assert!(OPTIONS.iter().any(|(known, kinds)| *known == key && kinds.contains(&self.kind)), "{key}");
        self.reader.value(key)
    }

    pub(super) fn parsed<T>(&mut self, key: &'static str, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        self.value(key)?.parsed(parse)
    }

    pub(super) fn named<T: Named + Default>(&mut self, key: &'static str) -> T {
        self.value(key).and_then(|value| value.named()).unwrap_or_default()
    }

    /// One line of text.
    pub(super) fn line(&mut self, key: &'static str) -> Option<String> {
        self.parsed(key, parse_line)
    }

    pub(super) fn pattern(&mut self, key: &'static str) -> Option<Pattern> {
        self.parsed(key, Pattern::parse)
    }

    pub(super) fn payload(&mut self, key: &'static str) -> Option<Payload> {
        self.parsed(key, Payload::parse)
    }

    /// A secret, which no error message repeats.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let value = self.value(key)?;
        if !value.is_text() {
            value.error("expected text in quotes");
            return None;
        }
        value.parsed(parse_password).map(Secret::new)
    }

    /// That `key` is missing is an error which says what to write.
    pub(super) fn needed<T>(&mut self, key: &str, what: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.reader.has(key) {
            self.reader.error(format!("{key} is missing: {what}"));
        }
        value
    }

    pub(super) fn login(&mut self) -> Option<Login> {
        let login = self.line("login");
        let password = self.secret("password");
        if login.is_none()
            && !self.reader.has("login")
            && let Some(value) = self.value("password")
        {
            value.error("a password without login: give the name that logs in as login");
        }
        Some(Login { login: login?, password })
    }

    /// TLS in one of the modes of the kind; `None`: none.
    pub(super) fn tls(&mut self) -> Option<Tls> {
        let modes = self.kind.tls_modes();
        let usual = *modes.first()?;
        let written = self.value("tls").and_then(|value| {
            let mode: TlsMode = value.named()?;
            if !modes.contains(&mode) {
                let possible: Vec<_> = modes.iter().map(|mode| mode.name()).collect();
                let kind = self.kind.name();
                value.error(format!("\"{}\" is not possible with {kind}: {}", mode.name(), possible.join(", ")));
                return None;
            }
            Some(mode)
        });
        let mode = written.unwrap_or(usual);
        let tls = Tls {
            mode,
            sni: self.parsed("sni", parse_name_of_server),
            tls_verify: self.value("tls_verify").and_then(|value| value.boolean()).unwrap_or(false),
            tls_ca: self.parsed("tls_ca", parse_pem),
            certificate_warning_days: self
                .value("certificate_warning_days")
                .and_then(|value| value.number(0..=CERTIFICATE_WARNING_DAYS_MAX))
                .unwrap_or(CERTIFICATE_WARNING_DAYS_DEFAULT),
        };
        if mode == Off {
            for key in ["sni", "tls_verify", "tls_ca", "certificate_warning_days"] {
                if let Some(value) = self.value(key) {
                    let on: Vec<_> = modes[1..].iter().map(|mode| format!("tls = \"{}\"", mode.name())).collect();
                    value.error(format!("{key} without TLS: add {}", on.join(" or ")));
                }
            }
            return None;
        }
        if !tls.tls_verify
            && let Some(value) = self.value("tls_ca")
        {
            value.error("authorities without tls_verify = true: nothing is verified");
        }
        Some(tls)
    }

    /// Ends with the options that other kinds have.
    pub(super) fn finish(self) {
        for (key, kinds) in OPTIONS.iter().filter(|(_, kinds)| !kinds.contains(&self.kind)) {
            if self.reader.has(key)
                && let Some(value) = self.reader.value(key)
            {
                let kind = self.kind.name();
                let have = if kinds.len() == 1 { "has" } else { "have" };
                value.error(format!("checks of kind {kind} have no {key}: {} {have}", listed(kinds)));
            }
        }
    }
}

fn listed(kinds: &[CheckKind]) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    match &names[..] {
        [first @ .., second, last] => [first, &[&format!("{second} and {last}")]].concat().join(", "),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::{OPTIONS, TLS};
    use crate::Named;
    use crate::check::CheckKind;

    #[test]
    fn kinds_with_tls_have_a_mode_of_it() {
        for (name, kind) in CheckKind::NAMES {
            assert_eq!(!kind.tls_modes().is_empty(), TLS.contains(kind), "{name}");
        }
    }

    /// The reference names every kind and every option.
    #[test]
    fn everything_is_documented() {
        let text = include_str!("../../../../CHECKS.md");
        let kinds = CheckKind::NAMES.iter().map(|(name, _)| *name);
        let missing: Vec<_> = kinds
            .chain(OPTIONS.iter().map(|(key, _)| *key))
            .filter(|word| !text.contains(&format!("`{word}")))
            .collect();
        assert!(missing.is_empty(), "CHECKS.md says nothing of {missing:?}");
    }
}
