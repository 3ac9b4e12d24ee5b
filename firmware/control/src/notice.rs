//! What a node tells people of: what goes down and comes up, and what is over.

use crate::drain::Then;
use std::fmt;

/// Something that went down or came up, or is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A backend.
    Backend {
        /// The service's name.
        service: String,
        /// The backend's name.
        backend: String,
        /// Whether it is up now.
        up: bool,
        /// Why: what its checks or its clients met.
        reason: String,
    },
    /// A service: whether it has its quorum.
    Service {
        /// Its name.
        service: String,
        /// Whether it is up now.
        up: bool,
        /// Backends that take new flows, priority groups aside.
        available: usize,
        /// All backends.
        backends: usize,
    },
    /// The link of a NIC that the configuration names.
    Nic {
        /// Its name.
        nic: String,
        /// Whether it has a link now.
        up: bool,
        /// Whether there is such a NIC at all.
        there: bool,
    },
    /// The deadline of a drain.
    DrainEnded {
        /// The service's name.
        service: String,
        /// The backend's name.
        backend: String,
        /// Flows that were left.
        flows: u32,
        /// What becomes of them.
        then: Then,
    },
}

impl Notice {
    /// Whether something is there again that was missed.
    pub const fn is_up(&self) -> bool {
        match self {
            Self::Backend { up, .. } | Self::Service { up, .. } | Self::Nic { up, .. } => *up,
            Self::DrainEnded { .. } => true,
        }
    }

    /// Whether the log has it as a warning: one backend fewer is what a balancer is for.
    pub const fn warns(&self) -> bool {
        !self.is_up() && !matches!(self, Self::Backend { .. })
    }

    /// What is known of the cause.
    pub fn cause(&self) -> String {
        match self {
            Self::Backend { reason, .. } => reason.clone(),
            Self::Service { available, backends, .. } => format!("{available} of {backends} backends are available"),
            Self::Nic { there: false, .. } => "the NIC is gone".to_owned(),
            Self::Nic { up: false, .. } => "it is disabled or has no carrier".to_owned(),
            Self::Nic { .. } => "it has a carrier".to_owned(),
            Self::DrainEnded { flows, then: Then::Keep, .. } => format!("{flows} flows: they go on"),
            Self::DrainEnded { flows, then: Then::Reset, .. } => format!("{flows} flows: they are reset"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_up() { "up" } else { "down" };
        match self {
            Self::Backend { service, backend, .. } => write!(f, "{service}/{backend}")?,
            Self::Service { service, .. } => write!(f, "{service}")?,
            Self::Nic { nic, .. } => write!(f, "{nic}")?,
            Self::DrainEnded { service, backend, .. } => {
                return write!(f, "drain of {service}/{backend} ended with {}", self.cause());
            }
        }
        write!(f, " is {state}: {}", self.cause())
    }
}
