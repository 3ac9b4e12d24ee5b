//! What is asked of whom, in the words of a configuration. `CA` stands for the certificate of the authority.

use lab::fault_proxy::Layer;
use lab::servers::*;

/// A check and the server it is for.
pub struct Case {
    /// The test's name.
    pub name: &'static str,
    /// The server's port.
    pub port: u16,
    /// Where faults lie; `None`: in datagrams.
    pub layer: Option<Layer>,
    /// What passes.
    pub healthy: &'static str,
    /// What fails, and what the reason has to contain.
    pub wrong: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const ALL: &[Case] = &[
    Case {
        name: "http",
        port: nginx::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "http"
expect_body = "the gate is open""#,
        wrong: &[
            (
                r#"kind = "http"
path = "/503""#,
                "503",
            ),
            (
                r#"kind = "http"
expect_body = "closed""#,
                "closed",
            ),
        ],
    },
    Case {
        name: "https",
        port: nginx::PORT_TLS,
        layer: Some(Layer::Tls),
        healthy: r#"kind = "https"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
expect_body = "the gate is open""#,
        wrong: &[
            (
                r#"kind = "https"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
path = "/missing""#,
                "404",
            ),
            (
                r#"kind = "https"
tls_verify = true
sni = "other.lab.test"
tls_ca = CA"#,
                "certificate",
            ),
        ],
    },
    Case {
        name: "http-proxy",
        port: tinyproxy::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "http-proxy"
path = "http://10.2.0.11/""#,
        wrong: &[(
            r#"kind = "http-proxy"
path = "http://10.2.0.11:1/""#,
            "500",
        )],
    },
    Case {
        name: "ftp",
        port: vsftpd::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "ftp"
login = "probe"
password = "secret"
folder = "/home/probe"
file = "present"
expect = "hello""#,
        wrong: &[
            (
                r#"kind = "ftp"
login = "probe"
password = "wrong""#,
                "530",
            ),
            (
                r#"kind = "ftp"
login = "probe"
password = "secret"
folder = "/home/probe"
file = "absent""#,
                "550",
            ),
        ],
    },
    Case { name: "smtp", port: postfix::PORT, layer: Some(Layer::Tcp), healthy: r#"kind = "smtp""#, wrong: &[] },
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
    Case {
        name: "ldap",
        port: slapd::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "ldap"
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=probe)""#,
        wrong: &[
            (
                r#"kind = "ldap"
login = "cn=admin,dc=lab,dc=test"
password = "wrong"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=probe)""#,
                "49",
            ),
            (
                r#"kind = "ldap"
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=nowhere""#,
                "32",
            ),
            (
                r#"kind = "ldap"
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=nobody)""#,
                "found nothing",
            ),
        ],
    },
    Case {
        name: "ldap starttls",
        port: slapd::PORT,
        layer: Some(Layer::AfterWords(b"1.3.6.1.4.1.1466.20037")),
        healthy: r#"kind = "ldap"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=probe)""#,
        wrong: &[
            (
                r#"kind = "ldap"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "wrong"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=probe)""#,
                "49",
            ),
            (
                r#"kind = "ldap"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=nowhere""#,
                "32",
            ),
            (
                r#"kind = "ldap"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=nobody)""#,
                "found nothing",
            ),
        ],
    },
    Case {
        name: "ldaps",
        port: slapd::PORT_TLS,
        layer: Some(Layer::Tls),
        healthy: r#"kind = "ldaps"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=probe)""#,
        wrong: &[
            (
                r#"kind = "ldaps"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "wrong"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=probe)""#,
                "49",
            ),
            (
                r#"kind = "ldaps"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=nowhere""#,
                "32",
            ),
            (
                r#"kind = "ldaps"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "cn=admin,dc=lab,dc=test"
password = "secret"
base = "dc=lab,dc=test"
scope = "subtree"
filter = "(uid=nobody)""#,
                "found nothing",
            ),
        ],
    },
    Case {
        name: "dns udp",
        port: bind::PORT,
        layer: None,
        healthy: r#"kind = "dns"
query = "www.lab.test"
expect = "^10.2.0.80$""#,
        wrong: &[(
            r#"kind = "dns"
query = "nothing.lab.test""#,
            "",
        )],
    },
    Case {
        name: "dns tcp",
        port: bind::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "dns"
query = "lab.test"
record = "soa"
transport = "tcp""#,
        wrong: &[(
            r#"kind = "dns"
query = "www.example.org"
transport = "tcp""#,
            "",
        )],
    },
    Case {
        name: "mysql",
        port: mariadb::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "mysql"
login = "probe"
password = "secret"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
        wrong: &[
            (
                r#"kind = "mysql"
login = "probe"
password = "wrong"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
                "",
            ),
            (
                r#"kind = "mysql"
login = "probe"
password = "secret"
database = "shop"
query = "select * from nothing""#,
                "no row",
            ),
            (
                r#"kind = "mysql"
login = "probe"
password = "secret"
database = "shop"
query = "select * from missing""#,
                "missing",
            ),
        ],
    },
    Case {
        name: "postgresql scram",
        port: postgresql::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "postgresql"
login = "scram"
password = "secret"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
        wrong: &[
            (
                r#"kind = "postgresql"
login = "scram"
password = "wrong"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
                "",
            ),
            (
                r#"kind = "postgresql"
login = "scram"
password = "secret"
database = "shop"
query = "select * from nothing""#,
                "no row",
            ),
            (
                r#"kind = "postgresql"
login = "scram"
password = "secret"
database = "shop"
query = "select * from missing""#,
                "missing",
            ),
        ],
    },
    Case {
        name: "postgresql digest",
        port: postgresql::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "postgresql"
login = "digest"
password = "secret"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
        wrong: &[
            (
                r#"kind = "postgresql"
login = "digest"
password = "wrong"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
                "",
            ),
            (
                r#"kind = "postgresql"
login = "digest"
password = "secret"
database = "shop"
query = "select * from nothing""#,
                "no row",
            ),
            (
                r#"kind = "postgresql"
login = "digest"
password = "secret"
database = "shop"
query = "select * from missing""#,
                "missing",
            ),
        ],
    },
    Case {
        name: "postgresql plain",
        port: postgresql::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "postgresql"
login = "plain"
password = "secret"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
        wrong: &[
            (
                r#"kind = "postgresql"
login = "plain"
password = "wrong"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
                "",
            ),
            (
                r#"kind = "postgresql"
login = "plain"
password = "secret"
database = "shop"
query = "select * from nothing""#,
                "no row",
            ),
            (
                r#"kind = "postgresql"
login = "plain"
password = "secret"
database = "shop"
query = "select * from missing""#,
                "missing",
            ),
        ],
    },
    Case {
        name: "postgresql tls",
        port: postgresql::PORT,
        layer: Some(Layer::AfterWords(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")),
        healthy: r#"kind = "postgresql"
tls = "starttls"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA
login = "scram"
password = "secret"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
        wrong: &[],
    },
    Case {
        name: "redis",
        port: redis::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "redis""#,
        wrong: &[(
            r#"kind = "redis"
command = "GET nothing"
expect = "x""#,
            "",
        )],
    },
    Case {
        name: "redis password",
        port: redis::PORT_PASSWORD,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "redis"
password = "secret""#,
        wrong: &[
            (
                r#"kind = "redis"
password = "wrong""#,
                "WRONGPASS",
            ),
            (r#"kind = "redis""#, "NOAUTH"),
        ],
    },
    Case {
        name: "memcached",
        port: memcached::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "memcached"
command = "version"
expect = "^1.""#,
        wrong: &[(
            r#"kind = "memcached"
command = "get nothing"
expect = "x""#,
            "",
        )],
    },
    Case {
        name: "radius",
        port: freeradius::PORT,
        layer: None,
        healthy: r#"kind = "radius"
login = "probe"
password = "secret"
secret = "shared""#,
        wrong: &[(
            r#"kind = "radius"
login = "probe"
password = "wrong"
secret = "shared""#,
            "",
        )],
    },
    Case {
        name: "sip udp",
        port: kamailio::PORT,
        layer: None,
        healthy: r#"kind = "sip"
expect_status = "200""#,
        wrong: &[(
            r#"kind = "sip"
expect_status = "404""#,
            "200",
        )],
    },
    Case {
        name: "sip tcp",
        port: kamailio::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "sip"
expect_status = "200"
transport = "tcp""#,
        wrong: &[],
    },
    Case {
        name: "ntp",
        port: chrony::PORT,
        layer: None,
        healthy: r#"kind = "ntp"
stratum_max = 10"#,
        wrong: &[(
            r#"kind = "ntp"
stratum_max = 9"#,
            "10",
        )],
    },
    Case {
        name: "connect",
        port: nginx::PORT_TLS,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "connect"
tls = "on"
tls_verify = true
sni = "server.lab.test"
tls_ca = CA"#,
        wrong: &[(
            r#"kind = "connect"
tls = "on"
tls_verify = true
sni = "other.lab.test"
tls_ca = CA"#,
            "certificate",
        )],
    },
    Case {
        name: "send-expect",
        port: memcached::PORT,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "send-expect"
steps = [{ send = 'version\r\n', expect = '^VERSION' }]"#,
        wrong: &[],
    },
];
