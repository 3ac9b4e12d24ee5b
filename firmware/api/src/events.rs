//! What happens, as it happens: server-sent events (WHATWG HTML 9.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Events that are kept for listeners that come back.
pub const EVENTS_KEPT_MAX: usize = 1_024;
/// Listeners at once.
pub const EVENT_LISTENERS_MAX: usize = 32;
/// After this long a listener has to say anew who it is; a browser does that by itself, and misses nothing.
pub const EVENT_LISTENING_S: u64 = 60;
/// The event that says that events were missed.
pub const EVENT_GAP: &str = "gap";

/// From where on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventQuery {
    /// Those after the event with this id, as `Last-Event-ID` has it; `None`: what happens from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Something that happened: the data of an event, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Happening {
    /// When: seconds since 1970.
    pub unix_s: u64,
    /// What: `backend-down`, `config-changed`, … the same word that the event has.
    pub kind: String,
    /// To what: `web/s1`, `web`, `eth0`, the number of a revision, a user.
    pub subject: String,
    /// Why, as far as it is known.
    pub cause: String,
}

/// The data of [`EVENT_GAP`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// How many; `None`: nobody knows, the node was started anew.
    pub missed: Option<u64>,
}
