//! Bytes and their meaning. Everything here is a pure function of the bytes it is given: no I/O, no clock.
//!
//! Offsets are from the start of the Ethernet frame, numbers are in host order, addresses of both families
//! share one type ([`Address`], IPv4 as `::ffff:a.b.c.d`), so that one table serves both.

pub mod address;
pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod fields;
pub mod icmp;
pub mod ip;
pub mod nd;
pub mod offload;
pub mod parse;
pub mod siphash;
pub mod tcp;
pub mod time;
pub mod udp;

pub use address::{Address, Family, Prefix};
pub use ethernet::Mac;
pub use parse::{Fragment, Malformed, Parsed, parse};
pub use time::Now;
