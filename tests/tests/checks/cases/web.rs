//! Pages and files.

use super::Case;
use lab::fault_proxy::Layer;
use lab::servers::*;

/// All of them.
pub const CASES: &[Case] = &[
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
];
