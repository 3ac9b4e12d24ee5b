//! Names for what had none, and names of well-known ports.

use crate::limits::NAME_LENGTH_MAX;
use std::collections::HashMap;

/// Names of one kind that are taken, and the number to try next when one is wanted again.
#[derive(Default)]
pub(super) struct Names(HashMap<String, u32>);

impl Names {
    /// A name that is possible in the document, like `wanted`, and not yet taken; it is taken then.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let name = possible(wanted);
        let Some(mut number) = self.0.get(&name).copied() else {
            self.0.insert(name.clone(), 2);
            return name;
        };
        loop {
            let end = format!("-{number}");
            let start: String = name.chars().take(NAME_LENGTH_MAX - end.len()).collect();
            let numbered = format!("{start}{end}");
            number += 1;
            if !self.0.contains_key(&numbered) {
                self.0.insert(name, number);
                self.0.insert(numbered.clone(), 2);
                return numbered;
            }
        }
    }
}

/// The nearest name that the document allows.
pub(super) fn possible(wanted: &str) -> String {
    let mut name = String::new();
    for c in wanted.chars().take(NAME_LENGTH_MAX) {
        let c = if c.is_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
        if c != '-' || !(name.is_empty() || name.ends_with('-')) {
            name.push(c);
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

/// Ports that configurations write by name (as in `/etc/services`), and that name a service here.
const PORTS: &[(&str, u16)] = &[
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("tftp", 69),
    ("http", 80),
    ("www", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("nntp", 119),
    ("ntp", 123),
    ("imap", 143),
    ("imap2", 143),
    ("snmp", 161),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("submissions", 465),
    ("syslog", 514),
    ("submission", 587),
    ("ldaps", 636),
    ("domain-s", 853),
    ("rsync", 873),
    ("imaps", 993),
    ("pop3s", 995),
    ("ms-sql-s", 1433),
    ("radius", 1812),
    ("radius-acct", 1813),
    ("nfs", 2049),
    ("squid", 3128),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("postgresql", 5432),
    ("redis", 6379),
    ("http-alt", 8080),
    ("webcache", 8080),
    ("memcached", 11211),
];

/// The port of a well-known service.
pub(super) fn port_of(name: &str) -> Option<u16> {
    PORTS.iter().find(|(known, _)| *known == name).map(|(_, port)| *port)
}

/// What a service on this port is called.
pub(super) fn name_of(port: u16) -> Option<&'static str> {
    match port {
        53 => Some("dns"),
        8080 => None,
        _ => PORTS.iter().find(|(_, known)| *known == port).map(|(name, _)| *name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_possible_and_differ() {
        let mut names = Names::default();
        for (wanted, expected) in [
            ("Web Site", "Web-Site"),
            ("Web Site", "Web-Site-2"),
            ("Web-Site", "Web-Site-3"),
            ("http-2001:db8::1", "http-2001-db8-1"),
            (" / ", "unnamed"),
            ("", "unnamed-2"),
            ("水門", "水門"),
        ] {
            assert_eq!(names.take(wanted), expected);
        }
        let long = "x".repeat(100);
        assert_eq!(names.take(&long).len(), NAME_LENGTH_MAX);
        let second = names.take(&long);
        assert!(second.ends_with("x-2") && second.len() == NAME_LENGTH_MAX);
    }
}
