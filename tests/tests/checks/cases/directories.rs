//! Names, directories and log-ins.

use super::Case;
use lab::fault_proxy::Layer;
use lab::servers::*;

/// All of them.
pub const CASES: &[Case] = &[
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
            "NXDOMAIN",
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
            "REFUSED",
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
            "Access-Reject",
        )],
    },
];
