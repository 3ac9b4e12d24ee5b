//! Redis, open and with a password.

use super::{PASSWORD, Port, Server};
use std::net::IpAddr;

/// The port of the open one.
pub const PORT: u16 = 6379;
/// The port of the one with a password.
pub const PORT_PASSWORD: u16 = 6380;

/// Answers everybody.
pub fn open(address: IpAddr) -> Server {
    server("redis", address, PORT, "--protected-mode no")
}

/// Answers who knows the password.
pub fn closed(address: IpAddr) -> Server {
    server("redis-password", address, PORT_PASSWORD, &format!("--requirepass {PASSWORD}"))
}

fn server(name: &'static str, address: IpAddr, port: u16, options: &str) -> Server {
    Server {
        name,
        files: Vec::new(),
        script: format!("exec redis-server --bind {address} --port {port} --save '' --appendonly no {options}"),
        ports: vec![Port::Tcp(port)],
        says: None,
    }
}
