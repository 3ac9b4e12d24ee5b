//! Backends as the balancer tells them.

use crate::command;
use crate::error::{LabError, Result};
use crate::suimon::Suimon;
use serde_json::Value;
use std::time::Duration;

/// Time the judgement has to follow.
const NOTICE_LIMIT: Duration = Duration::from_secs(30);

/// A backend.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// What the health checks say.
    pub healthy: bool,
    /// Why.
    pub reason: String,
    /// Why it takes no new flows although it is up.
    pub standby: Option<String>,
    /// Thousandths of its weight that it gets.
    pub weight_per_mille: u64,
    /// Flows made since the start.
    pub made: u64,
    /// Flows there now.
    pub flows: u64,
    /// What the administrator wants of it.
    pub state: String,
    /// Seconds left of a drain with a deadline.
    pub drain_left_s: Option<u64>,
}

impl Suimon {
    /// All backends; that there are none is an error.
    pub fn backends(&self) -> Result<Vec<Backend>> {
        let text = self.get("/api/v1/backends")?;
        let all: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
        let all: Vec<Backend> = all.as_array().into_iter().flatten().map(backend).collect();
        if all.is_empty() { Err(LabError::Answer(format!("no backends: {text}"))) } else { Ok(all) }
    }

    /// Waits until the backends are as `question` asks.
    pub fn wait_for(&self, act: &str, question: impl Fn(&[Backend]) -> bool) -> Result<()> {
        let mut seen = Vec::new();
        command::wait_until(act, NOTICE_LIMIT, || {
            seen = self.backends().unwrap_or_default();
            !seen.is_empty() && question(&seen)
        })
        .map_err(|error| LabError::Answer(format!("{error}: {seen:?}")))
    }
}

fn backend(value: &Value) -> Backend {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    Backend {
        service: word(&value["service"]),
        name: word(&value["name"]),
        healthy: value["healthy"] == true,
        reason: word(&value["health"]["reason"]),
        standby: value["health"]["standby"].as_str().map(str::to_owned),
        weight_per_mille: number(&value["health"]["weight_per_mille"]),
        made: number(&value["traffic"]["flows"]),
        flows: number(&value["active"]) + number(&value["inactive"]),
        state: word(&value["state"]),
        drain_left_s: value["drain_left_s"].as_u64(),
    }
}
