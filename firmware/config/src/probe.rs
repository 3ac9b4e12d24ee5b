//! What is asked of one server.

use crate::check::{Check, CheckKind};
use crate::question::{AskedAddress, Question};
use crate::{Backend, Method, Service};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A question and the server it goes to. Services that use a server in the same way have equal probes, however their
/// ports are written, and so can share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// What is asked. Its own `port` and `address` are settled in the other fields, and empty.
    pub question: Question,
    /// The server's address.
    pub address: IpAddr,
    /// The port asked; 0 where the kind has none.
    pub port: u16,
    /// The VIP to be asked on that server; `None`: its own address is asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vip: Option<IpAddr>,
}

impl Probe {
    /// What `check` asks of `backend`; `None`: nothing, its kind is `none`.
    ///
    /// The port is the check's, else the backend's, else the first of the service, else the usual one of the kind.
    pub fn of(service: &Service, backend: &Backend, check: &Check) -> Option<Self> {
        let kind = check.question.kind();
        if kind == CheckKind::None {
            return None;
        }
        let of_service =
            || service.ports.iter().next().map(|range| range.first).filter(|_| !service.ports.is_all_ports());
        let port = match kind {
            CheckKind::Ping => 0,
            _ => check.question.port.or(backend.port).or_else(of_service).or(kind.usual_port()).unwrap_or(0),
        };
        let ask_vip = check.question.address == AskedAddress::Vip && service.method_of(backend) == Method::Direct;
        let vip = service.vip.iter().find(|vip| vip.is_host()).map(|vip| vip.address).filter(|_| ask_vip);
        let question = Question { port: None, address: AskedAddress::Backend, ..check.question.clone() };
        Some(Self { question, address: backend.address, port, vip })
    }

    /// The address that packets are sent to.
    pub fn asked_address(&self) -> IpAddr {
        self.vip.unwrap_or(self.address)
    }
}
