//! The log: one line per event on stderr. What is there to be said about packets is counted, not logged.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Which events are logged; the words of `tracing_subscriber::EnvFilter`.
const VARIABLE: &str = "SUIMON_LOG";

/// Logs from now on.
pub fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(colours);
    // Whoever reads a file or a journal has the time from there; a person at a terminal sees it pass.
    logger.without_time().init();
}
