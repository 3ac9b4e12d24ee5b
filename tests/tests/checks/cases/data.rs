//! Data bases and caches.

use super::Case;
use lab::fault_proxy::Layer;
use lab::servers::*;

/// All of them.
pub const CASES: &[Case] = &[
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
                "denied",
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
                "authentication failed",
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
                "authentication failed",
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
                "authentication failed",
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
        wrong: &[(
            r#"kind = "postgresql"
tls = "starttls"
tls_verify = true
sni = "other.lab.test"
tls_ca = CA
login = "scram"
password = "secret"
database = "shop"
query = "select name from item"
expect = "^gate$""#,
            "certificate",
        )],
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
            "matches x, got",
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
            "matches x, got",
        )],
    },
];
