//! chrony: NTP. It serves its own clock and never touches the machine's.

use super::{Port, Server};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 123;
/// How far from a reference clock it says to be.
pub const STRATUM: u8 = 10;

/// Answers the lab.
pub fn server(address: IpAddr) -> Server {
    let conf = format!(
        "bindaddress {address}\nport {PORT}\nallow 10.2.0.0/16\nlocal stratum {STRATUM}\ncmdport 0\nuser root\n\
         driftfile /run/drift\npidfile /run/chronyd.pid\n"
    );
    Server {
        name: "chrony",
        files: vec![("/lab/chrony.conf", conf)],
        script: "exec chronyd -d -x -f /lab/chrony.conf".into(),
        ports: vec![Port::Udp(PORT)],
        says: None,
    }
}
