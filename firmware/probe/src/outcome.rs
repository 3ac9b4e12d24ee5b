//! What came of a check.

use crate::transcript::Transcript;
use serde::{Deserialize, Serialize};

/// What came of one run of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether it passed.
    pub passed: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// Whether it failed because its deadline passed.
    #[serde(default)]
    pub deadline_passed: bool,
    /// Whether the server was not asked because this box could not: it says nothing about the server.
    #[serde(default)]
    pub not_asked: bool,
    /// What was said.
    pub transcript: Transcript,
    /// Time from the beginning to the end, microseconds.
    pub latency_us: u64,
    /// What the administrator should know although the check passed, such as a certificate that is about to end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Days that are left of the server's certificate, told once there are few; negative: it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_days: Option<i64>,
    /// Share of the backend's weight that the server asks for, percent; `None`: it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_percent: Option<u32>,
}

impl Outcome {
    /// The outcome of a check that this box could not carry out.
    pub(crate) fn impossible(reason: String) -> Self {
        Self {
            passed: false,
            reason,
            deadline_passed: false,
            not_asked: true,
            transcript: Transcript::default(),
            latency_us: 0,
            warnings: Vec::new(),
            certificate_days: None,
            weight_percent: None,
        }
    }

    /// Whether it says the same as `other`: time and transcript aside.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let told =
            |outcome: &Self| (outcome.passed, outcome.reason.clone(), outcome.warnings.clone(), outcome.weight_percent);
        told(self) == told(other)
    }
}
