//! rsyslog: syslog over UDP, TCP and TLS. What it takes it prints as it came.

use super::{Port, Server, tls_files};
use crate::certificates::Identity;
use std::net::IpAddr;

/// Syslog over UDP.
pub const PORT_UDP: u16 = 514;
/// Over TCP.
pub const PORT_TCP: u16 = 1514;
/// Over TLS.
pub const PORT_TLS: u16 = 6514;

/// Prints every message, one a line, priority and all.
pub fn server(address: IpAddr, identity: &Identity) -> Server {
    let tls = "StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\"";
    let conf = format!(
        "global(net.enableDNS=\"off\" workDirectory=\"/tmp\" maxMessageSize=\"64k\" \
         DefaultNetstreamDriverCAFile=\"/lab/tls/cert.pem\" DefaultNetstreamDriverCertFile=\"/lab/tls/cert.pem\" DefaultNetstreamDriverKeyFile=\"/lab/tls/key.pem\")\n\
         module(load=\"imudp\")\nmodule(load=\"imtcp\")\n\
         template(name=\"asitcame\" type=\"string\" string=\"%rawmsg%\\n\")\n\
         ruleset(name=\"print\") {{ action(type=\"omfile\" file=\"/dev/stdout\" template=\"asitcame\") }}\n\
         input(type=\"imudp\" address=\"{address}\" port=\"{PORT_UDP}\" ruleset=\"print\")\n\
         input(type=\"imtcp\" address=\"{address}\" port=\"{PORT_TCP}\" ruleset=\"print\")\n\
         input(type=\"imtcp\" address=\"{address}\" port=\"{PORT_TLS}\" {tls} ruleset=\"print\")\n"
    );
    let mut files = vec![("/lab/rsyslog.conf", conf)];
    files.extend(tls_files(identity));
    Server {
        name: "rsyslog",
        files,
        script: "exec rsyslogd -n -i /tmp/pid -f /lab/rsyslog.conf".into(),
        ports: vec![Port::Udp(PORT_UDP), Port::Tcp(PORT_TCP), Port::Tcp(PORT_TLS)],
        says: None,
    }
}
