//! BIND: DNS over UDP and TCP, authoritative for `lab.test` and for 10.2/16 backwards.

use super::{Port, Server};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 53;
/// A zone with a record of every type that a check can ask for.
const FORWARD: &str = "\
$TTL 60
@     SOA  ns.lab.test. admin.lab.test. 1 3600 600 86400 60
@     NS   ns.lab.test.
@     MX   10 mail.lab.test.
@     TXT  \"the gate is open\"
ns    A    10.2.0.53
www   A    10.2.0.80
www   AAAA 2001:db8:2::80
mail  A    10.2.0.25
alias CNAME www
_sip._udp SRV 0 0 5060 www
";
const BACKWARD: &str = "\
$TTL 60
@    SOA ns.lab.test. admin.lab.test. 1 3600 600 86400 60
@    NS  ns.lab.test.
80.0 PTR www.lab.test.
";

/// Knows its two zones, asks nobody else, and refuses all other names.
pub fn server(address: IpAddr, v6: IpAddr) -> Server {
    let conf = format!(
        "options {{ directory \"/var/cache/bind\"; listen-on port {PORT} {{ {address}; }}; listen-on-v6 port {PORT} {{ {v6}; }};\n\
         recursion no; dnssec-validation no; pid-file none; notify no; }};\ncontrols {{ }};\n\
         zone \"lab.test\" {{ type primary; file \"/lab/forward.zone\"; }};\n\
         zone \"2.10.in-addr.arpa\" {{ type primary; file \"/lab/backward.zone\"; }};\n"
    );
    Server {
        name: "bind",
        files: vec![
            ("/lab/named.conf", conf),
            ("/lab/forward.zone", FORWARD.into()),
            ("/lab/backward.zone", BACKWARD.into()),
        ],
        script: "exec named -g -c /lab/named.conf -u bind".into(),
        ports: vec![Port::Tcp(PORT), Port::Udp(PORT)],
        says: Some("all zones loaded"),
    }
}
