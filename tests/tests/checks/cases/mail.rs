//! Mail and news.

use super::Case;
use lab::fault_proxy::Layer;
use lab::servers::*;

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        name: "smtp",
        port: postfix::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "smtp""#,
        // postfix lets nobody log in before STARTTLS.
        wrong: &[(
            r#"kind = "smtp"
login = "probe"
password = "secret""#,
            "expected PLAIN or LOGIN among the logins offered",
        )],
    },
    Case {
        name: "smtp starttls",
        port: postfix::PORT,
        layer: Some(Layer::AfterWords(b"STARTTLS\r\n")),
        healthy: r#"kind = "smtp"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA"#,
        wrong: &[(
            r#"kind = "smtp"
tls = "starttls"
tls_verify = true
sni = "other.lab.test"
tls_ca = CA"#,
            "certificate",
        )],
    },
    Case {
        name: "submission",
        port: postfix::PORT_SUBMISSION,
        layer: Some(Layer::AfterWords(b"STARTTLS\r\n")),
        healthy: r#"kind = "submission"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "submission"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "wrong""#,
            "535",
        )],
    },
    Case {
        name: "pop3",
        port: dovecot::PORT_POP3,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "pop3"
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "pop3"
login = "probe"
password = "wrong""#,
            "-ERR",
        )],
    },
    Case {
        name: "pop3 starttls",
        port: dovecot::PORT_POP3,
        layer: Some(Layer::AfterWords(b"STLS\r\n")),
        healthy: r#"kind = "pop3"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "pop3"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "wrong""#,
            "-ERR",
        )],
    },
    Case {
        name: "pop3s",
        port: dovecot::PORT_POP3S,
        layer: Some(Layer::Tls),
        healthy: r#"kind = "pop3s"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "pop3s"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "wrong""#,
            "-ERR",
        )],
    },
    Case {
        name: "imap",
        port: dovecot::PORT_IMAP,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "imap"
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "imap"
login = "probe"
password = "wrong""#,
            "NO",
        )],
    },
    Case {
        name: "imap starttls",
        port: dovecot::PORT_IMAP,
        layer: Some(Layer::AfterWords(b"STARTTLS\r\n")),
        healthy: r#"kind = "imap"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "imap"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "wrong""#,
            "NO",
        )],
    },
    Case {
        name: "imaps",
        port: dovecot::PORT_IMAPS,
        layer: Some(Layer::Tls),
        healthy: r#"kind = "imaps"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "secret""#,
        wrong: &[(
            r#"kind = "imaps"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "probe"
password = "wrong""#,
            "NO",
        )],
    },
    Case {
        name: "nntp",
        port: inn::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "nntp"
newsgroup = "local.general"
login = "probe"
password = "secret""#,
        wrong: &[
            (
                r#"kind = "nntp"
newsgroup = "no.such""#,
                "411",
            ),
            (
                r#"kind = "nntp"
login = "probe"
password = "wrong""#,
                "481",
            ),
        ],
    },
];
