//! Calls, time, and talks without a name.

use super::Case;
use lab::fault_proxy::Layer;
use lab::servers::*;

/// All of them.
pub const CASES: &[Case] = &[
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
        wrong: &[(
            r#"kind = "sip"
expect_status = "486"
transport = "tcp""#,
            "expected status 486",
        )],
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
        wrong: &[(
            r#"kind = "send-expect"
steps = [{ send = 'version\r\n', expect = '^EDITION\r\n' }]"#,
            "the deadline of 1500 ms passed",
        )],
    },
    Case {
        name: "udp",
        port: bind::PORT,
        layer: None,
        // A question about alias.lab.test, byte by byte.
        healthy: r#"kind = "udp"
send = '\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05alias\x03lab\x04test\x00\x00\x01\x00\x01'
expect = "www""#,
        wrong: &[(
            r#"kind = "udp"
send = '\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05alias\x03lab\x04test\x00\x00\x01\x00\x01'
expect = "mail""#,
            "mail",
        )],
    },
    Case {
        name: "feedback",
        port: 9000,
        layer: Some(Layer::Tcp),
        healthy: r#"kind = "feedback""#,
        wrong: &[(
            r#"kind = "feedback"
port = 9001"#,
            "down",
        )],
    },
];
