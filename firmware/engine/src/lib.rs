//! Frames in, verdicts out. No I/O, no clock, no randomness of its own, no allocation per packet.

mod counters;
mod emissions;
pub mod engine;
pub mod flow;
pub mod forward;
pub mod ftp;
mod ids;
pub mod schedule;
pub mod tables;
mod tuple;
mod verdict;
mod wire;

pub use counters::{BACKENDS_MAX, Count, Faults, Load, SERVICES_MAX, Totals, Traffic, WorkerCounters};
pub use emissions::Emissions;
pub use engine::Engine;
pub use ids::{BackendIndex, HopIndex, NicId, ServiceIndex, WorkerId};
pub use tables::Tables;
pub use tuple::Tuple;
pub use verdict::{DropReason, Verdict};
pub use wire::{BATCH_MAX, Frame, HEADROOM, Head, Packet, Wire};
