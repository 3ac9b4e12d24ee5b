//! `suimon`: the balancer's one program. Each role is a process of its own.

mod ctl;
mod logging;
mod probe;
mod run;
mod server;
mod web;
mod worker;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Layer-4 load balancer.
#[derive(Parser)]
#[command(name = "suimon", version)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Balance: forwarding engine, addresses, neighbours, and the socket for `suimon ctl`.
    Run(run::Options),
    /// Ask servers how they are. Core starts it; it talks to nobody else.
    #[command(hide = true)]
    Probe(probe::Options),
    /// Serve the web console over HTTPS, confined.
    Web(web::Options),
    Ctl(ctl::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().role {
        Role::Run(options) => {
            logging::start();
            run::run(&options)
        }
        Role::Web(options) => {
            logging::start();
            web::run(&options)
        }
        Role::Probe(options) => {
            logging::start();
            probe::run(&options)
        }
        Role::Ctl(arguments) => ctl::run(arguments),
    }
}
