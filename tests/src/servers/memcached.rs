//! memcached.

use super::{Port, Server};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 11_211;

/// Empty, over TCP only.
pub fn server(address: IpAddr) -> Server {
    Server {
        name: "memcached",
        files: Vec::new(),
        script: format!("exec memcached -u memcache -l {address} -p {PORT} -U 0"),
        ports: vec![Port::Tcp(PORT)],
        says: None,
    }
}
