//! The node as the API shows it.

pub mod health;
mod network;
mod services;
mod status;

use super::meters::Sum;
use api::{Rates, Traffic};
use control::drain;

impl From<Sum> for Traffic {
    fn from(sum: Sum) -> Self {
        Self {
            flows: sum.flows,
            packets_in: sum.packets_in,
            bytes_in: sum.bytes_in,
            packets_out: sum.packets_out,
            bytes_out: sum.bytes_out,
        }
    }
}

/// What a sum per second is called.
fn rates(per_second: Sum) -> Rates {
    Rates {
        flows_per_s: per_second.flows,
        packets_in_per_s: per_second.packets_in,
        bits_in_per_s: per_second.bytes_in * 8,
        packets_out_per_s: per_second.packets_out,
        bits_out_per_s: per_second.bytes_out * 8,
    }
}

fn then(then: drain::Then) -> api::Then {
    match then {
        drain::Then::Keep => api::Then::Keep,
        drain::Then::Reset => api::Then::Reset,
    }
}

/// The method's word.
pub const fn method(method: engine::tables::Method) -> config::Method {
    match method {
        engine::tables::Method::Nat => config::Method::Nat,
        engine::tables::Method::Direct => config::Method::Direct,
        engine::tables::Method::TunnelIpip => config::Method::TunnelIpip,
        engine::tables::Method::TunnelGre => config::Method::TunnelGre,
        engine::tables::Method::TunnelGue => config::Method::TunnelGue,
        engine::tables::Method::FullNat => config::Method::FullNat,
    }
}
