//! tinyproxy: an HTTP proxy.

use super::{Port, Server};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 8888;

/// Fetches whatever anybody in the lab asks for.
pub fn server(address: IpAddr) -> Server {
    let conf = format!(
        "User nobody\nGroup nogroup\nListen {address}\nPort {PORT}\nTimeout 30\nMaxClients 50\nLogLevel Warning\n"
    );
    Server {
        name: "tinyproxy",
        files: vec![("/lab/tinyproxy.conf", conf)],
        script: "exec tinyproxy -d -c /lab/tinyproxy.conf".into(),
        ports: vec![Port::Tcp(PORT)],
        says: None,
    }
}
