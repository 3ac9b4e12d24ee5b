//! FreeRADIUS: logins by PAP and CHAP.

use super::{PASSWORD, Port, Server, USER};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 1812;
/// What it shares with clients in 10.2/16.
pub const SECRET: &str = "shared";

/// One user.
pub fn server(address: IpAddr) -> Server {
    let conf = format!(
        "{HEAD}client prober {{\n  ipaddr = 10.2.0.0/16\n  secret = {SECRET}\n}}\n\
         server default {{\n  listen {{\n    type = auth\n    ipaddr = {address}\n    port = {PORT}\n  }}\n\
         {SECTIONS}}}\n"
    );
    Server {
        name: "freeradius",
        files: vec![
            ("/lab/raddb/radiusd.conf", conf),
            ("/lab/raddb/users", format!("{USER} Cleartext-Password := \"{PASSWORD}\"\n")),
        ],
        script: "exec freeradius -f -l stdout -d /lab/raddb".into(),
        ports: vec![Port::Udp(PORT)],
        says: Some("Ready to process requests"),
    }
}

const HEAD: &str = "\
libdir = /usr/lib/freeradius
raddbdir = /lab/raddb
logdir = /var/log/freeradius
run_dir = /run
pidfile = /run/freeradius.pid
log {
  destination = stdout
}
security {
  reject_delay = 0
}
thread pool {
  start_servers = 1
  max_servers = 4
}
modules {
  files {
    usersfile = /lab/raddb/users
  }
  pap {
  }
  chap {
  }
}
";
const SECTIONS: &str = "\
  authorize {
    files
    chap
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
  }
";
