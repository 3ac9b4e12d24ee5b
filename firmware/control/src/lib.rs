//! State machines of a node with the time passed in: what the configuration, the kernel, neighbours, workers and
//! administrators say goes in as events, what is to be done comes out as actions. No I/O, no clock.
//!
//! [`Node`] is the one face; the other modules are its parts.

pub mod announce;
mod claims;
pub mod compile;
pub mod drain;
mod event;
pub mod health;
pub mod kernel;
pub mod local;
pub mod made;
pub mod neighbors;
pub mod nics;
mod node;
mod notice;
pub mod ownership;
mod retire;
pub mod slots;

pub use event::{Action, Event, OwnRoute, PrefixKey, Published};
pub use node::{Node, Settings};
pub use notice::Notice;
