//! What is asked of whom, in the words of a configuration. `CA` stands for the certificate of the authority.

mod data;
mod directories;
mod mail;
mod others;
mod web;

use lab::fault_proxy::Layer;

/// A check and the server it is for.
pub struct Case {
    /// The test's name.
    pub name: &'static str,
    /// The server's port.
    pub port: u16,
    /// Where faults lie; `None`: in datagrams.
    pub layer: Option<Layer>,
    /// What passes.
    pub healthy: &'static str,
    /// What fails, and what the reason has to contain.
    pub wrong: &'static [(&'static str, &'static str)],
}

/// All of them, by family.
pub const ALL: &[&[Case]] = &[web::CASES, mail::CASES, directories::CASES, data::CASES, others::CASES];

/// An echo; it has no port, and no proxy stands before it.
pub const PING: Case = Case { name: "ping", port: 0, layer: None, healthy: "kind = \"ping\"\ncount = 2", wrong: &[] };
