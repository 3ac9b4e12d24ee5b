//! What crosses crates. The lab is a set of network namespaces on this machine with real programs in them: clients, a
//! router, balancers, servers. Nothing it does leaves these namespaces, and it deletes them when it ends.

pub mod agent;
pub mod backends;
pub mod bench;
pub mod capture;
pub mod certificates;
pub mod client;
pub mod command;
pub mod commits;
pub mod configuration;
pub mod console;
pub mod debian;
pub mod error;
pub mod fault_proxy;
pub mod lab;
pub mod leftovers;
pub mod load;
pub mod machine;
pub mod namespace;
pub mod plan;
pub mod process;
pub mod programs;
pub mod random;
pub mod servers;
pub mod shape;
pub mod stand;
pub mod suimon;
pub mod trials;

pub use error::{LabError, Result};
pub use lab::Lab;
