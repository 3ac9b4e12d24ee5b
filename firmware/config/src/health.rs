//! The model of how the health of backends is judged, beyond the checks themselves.

use crate::export::is_default;
use crate::names::named;
use serde::Serialize;

/// How health is judged and what follows from it. Keys of the service, each left out where it is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthRules {
    /// Seconds in which the weight of a backend that came up grows to what is configured; 0: at once.
    #[serde(skip_serializing_if = "is_default")]
    pub slow_start_s: u32,
    /// What a backend with checks counts as until the first of its answers.
    #[serde(skip_serializing_if = "is_default")]
    pub start_state: StartState,
    /// A backend that goes up and down too often is held down; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flap: Option<Flap>,
    /// Clients' own traffic counts as a check; `None`: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive: Option<Passive>,
    /// Available backends in the priority groups that take flows, below which the next group takes flows too.
    #[serde(skip_serializing_if = "is_one")]
    pub backends_min: u32,
    /// When the service as a whole counts as down.
    #[serde(skip_serializing_if = "is_default")]
    pub quorum: Quorum,
    /// What is done with the weight that a check brings along.
    #[serde(skip_serializing_if = "is_default")]
    pub feedback: FeedbackUse,
}

impl Default for HealthRules {
    fn default() -> Self {
        Self {
            slow_start_s: 0,
            start_state: StartState::default(),
            flap: None,
            passive: None,
            backends_min: 1,
            quorum: Quorum::default(),
            feedback: FeedbackUse::default(),
        }
    }
}

named! {
    /// What a backend with checks counts as until the first of its answers.
    StartState {
        /// Down: no client is sent to a server that nobody has asked.
        #[default]
        Down => "down",
        /// Up.
        Up => "up",
    }
}

named! {
    /// What is done with the weight that a check brings along.
    FeedbackUse {
        /// The backend gets that part of its weight; 0: no new flows.
        #[default]
        Apply => "apply",
        /// Nothing.
        Ignore => "ignore",
    }
}

/// Flap damping: after more changes than `changes_max` within `window_s` a backend is down for `hold_s`, and then comes
/// up as one that was down does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Flap {
    /// Changes between up and down that are suffered.
    pub changes_max: u32,
    /// Seconds in which they are counted.
    pub window_s: u32,
    /// Seconds that it is held down.
    pub hold_s: u32,
}

/// The passive check: a backend that leaves clients without an answer is down before the next check asks it.
///
/// A bound is passed by that many faults within `window_s`, if they also are `faulty_percent_min` of the flows that
/// began in that time: a busy server may refuse a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Passive {
    /// Clients whose SYN is not answered; 0: these do not count.
    pub unanswered_max: u32,
    /// TCP: connections reset instead of an answer; UDP: flows with "port unreachable"; 0: these do not count.
    pub refused_max: u32,
    /// UDP flows without an answer; 0: these do not count.
    pub one_way_max: u32,
    /// Faults among the flows that began, percent.
    pub faulty_percent_min: u8,
    /// Seconds in which faults are counted.
    pub window_s: u32,
    /// Seconds that a backend is held down.
    pub hold_s: u32,
    /// Backends of the service that may be down, that one included, for one to be taken out in this way, percent:
    /// whoever forges packets, or a fault on the way to all of them, does not take the service down.
    pub down_percent_max: u8,
}

/// When the service as a whole counts as down: then its fallback takes the flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Available backends with which it comes up.
    pub up: u32,
    /// With fewer available backends it goes down.
    pub down: u32,
}

impl Default for Quorum {
    fn default() -> Self {
        Self { up: 1, down: 1 }
    }
}

fn is_one(number: &u32) -> bool {
    *number == 1
}
