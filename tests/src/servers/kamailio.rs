//! Kamailio: SIP over UDP and TCP.

use super::{Port, Server};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 5060;

/// Answers OPTIONS with 200 and everything else with 405.
pub fn server(address: IpAddr) -> Server {
    let conf = format!(
        "debug=1\nlog_stderror=yes\nchildren=1\ntcp_children=1\nauto_aliases=no\n\
         listen=udp:{address}:{PORT}\nlisten=tcp:{address}:{PORT}\nloadmodule \"sl.so\"\n\
         request_route {{\n  if (method == \"OPTIONS\") {{\n    sl_send_reply(\"200\", \"OK\");\n    exit;\n  }}\n\
         \x20 sl_send_reply(\"405\", \"Method Not Allowed\");\n}}\n"
    );
    Server {
        name: "kamailio",
        files: vec![("/lab/kamailio.cfg", conf)],
        script: "exec kamailio -DD -E -m 16 -M 4 -f /lab/kamailio.cfg".into(),
        ports: vec![Port::Tcp(PORT), Port::Udp(PORT)],
        says: None,
    }
}
