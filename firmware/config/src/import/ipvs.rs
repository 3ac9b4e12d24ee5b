//! What the table of IPVS holds, as ldirectord, keepalived and ipvsadm describe it in their own ways.

use super::address::{Host, Port};
use super::check::Check;
use crate::{Method, Quorum};

/// Protocol of a virtual service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transport {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

/// How clients are told apart that come back.
#[derive(Clone, Debug)]
pub(super) struct Persistent {
    pub(super) timeout_s: u32,
    /// As it is written, and its length; the default is the whole address.
    pub(super) prefix: Option<u8>,
}

/// A virtual service.
#[derive(Clone, Debug, Default)]
pub(super) struct Virtual {
    pub(super) line: u32,
    /// How the source writes it, for remarks.
    pub(super) shown: String,
    /// The name it is given; `None`: after what it serves.
    pub(super) name: Option<String>,
    pub(super) comments: Vec<String>,
    /// Its addresses; none when it is served by firewall mark.
    pub(super) vips: Vec<Host>,
    pub(super) mark: Option<u32>,
    pub(super) port: Option<Port>,
    pub(super) transport: Transport,
    /// As in the kernel; empty: `wlc`.
    pub(super) scheduler: String,
    pub(super) flags: Vec<String>,
    pub(super) persistence: Option<Persistent>,
    pub(super) one_packet: bool,
    pub(super) fallback: Option<Target>,
    pub(super) backends: Vec<Target>,
    pub(super) checks: Vec<Check>,
    /// The NIC that has its addresses, where the source tells.
    pub(super) nic: Option<String>,
    /// Backends with which it comes up and below which it goes down, where it is not one.
    pub(super) quorum: Option<Quorum>,
    /// A server counts as up until a check failed.
    pub(super) start_up: bool,
    /// Idle times in seconds: established TCP, TCP after FIN, UDP; 0: the default.
    pub(super) timeouts: [u32; 3],
}

/// A server of a virtual service.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) line: u32,
    pub(super) host: Host,
    pub(super) port: Port,
    pub(super) method: Method,
    pub(super) tunnel_port: Option<u16>,
    pub(super) tunnel_checksum: bool,
    pub(super) weight: u32,
    /// Thresholds of flows; 0: none.
    pub(super) upper: u32,
    pub(super) lower: u32,
    /// It takes no flows until somebody says so.
    pub(super) disabled: bool,
}

impl Target {
    pub(super) fn new(line: u32, host: Host, port: Port, method: Method) -> Self {
        Self {
            line,
            host,
            port,
            method,
            tunnel_port: None,
            tunnel_checksum: false,
            weight: 1,
            upper: 0,
            lower: 0,
            disabled: false,
        }
    }
}
