//! Sizes and rates.

/// Sizes and rates of one worker. Tables are divided among workers before they get here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flows of this worker.
    pub flows_max: u32,
    /// Persistence entries of this worker.
    pub persistence_max: u32,
    /// Fragmented datagrams tracked at once.
    pub fragments_max: u32,
    /// FTP control connections followed at once.
    pub ftp_max: u32,
    /// Answers (ICMP errors, resets, echo replies) per second.
    pub replies_per_second_max: u32,
    /// Whether clients are told that nobody serves them, or left without an answer.
    pub tells_refused: bool,
    /// Whether packets and bytes are counted per flow.
    pub flow_statistics: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows_max: 65_536,
            persistence_max: 16_384,
            fragments_max: 1_024,
            ftp_max: 1_024,
            replies_per_second_max: 10_000,
            tells_refused: true,
            flow_statistics: true,
        }
    }
}
