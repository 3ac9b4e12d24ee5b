//! What stands on the command line: backends, endpoints, durations.

use config::{Named, Protocol};
use std::net::SocketAddr;
use std::str::FromStr;

/// `SERVICE/BACKEND`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackendName {
    /// The service's name.
    pub(super) service: String,
    /// The backend's name.
    pub(super) backend: String,
}

impl FromStr for BackendName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((service, backend)) if !service.is_empty() && !backend.is_empty() && !backend.contains('/') => {
                Ok(Self { service: service.to_owned(), backend: backend.to_owned() })
            }
            _ => Err("expected SERVICE/BACKEND, as in web/s1".to_owned()),
        }
    }
}

/// `ADDRESS:PORT/PROTOCOL`; TCP without a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Address and port.
    pub(super) address: SocketAddr,
    /// The protocol.
    pub(super) protocol: Protocol,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let address = address.parse().ok();
        address
            .zip(Protocol::from_name(protocol))
            .map(|(address, protocol)| Self { address, protocol })
            .ok_or_else(|| "expected VIP:PORT/tcp or /udp, as in 10.1.0.100:80/tcp or [2001:db8::1]:53/udp".to_owned())
    }
}

/// A time in seconds, as in `60s`, `5m`, `1h`, `2d`.
pub(super) fn duration_s(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    number
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit))
        .ok_or_else(|| "expected a time, as in 60s, 5m, 1h or 2d".to_owned())
}

/// A time to confirm in, in seconds, as in `60s`.
pub(super) fn confirm_s(text: &str) -> Result<u32, String> {
    let seconds = u32::try_from(duration_s(text)?).unwrap_or(u32::MAX);
    match seconds {
        1..=api::CONFIRM_WITHIN_MAX_S => Ok(seconds),
        _ => Err("expected 1s to 24h".to_owned()),
    }
}
