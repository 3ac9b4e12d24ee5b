//! What is wrong with servers that are reached directly, and have the VIP themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a doctor's visit to all servers of the method direct found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Servers that were asked, each once for every VIP.
    pub asked: u32,
    /// What is wrong with them; none: all have their VIPs, and keep quiet about them.
    pub findings: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The service.
    pub service: String,
    /// The backend; `None`: whoever it is, it is none of the service's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backend: Option<String>,
    /// The VIP.
    pub vip: IpAddr,
    /// What it is.
    pub trouble: Trouble,
    /// The same in a sentence.
    pub said: String,
    /// What cures it: commands for that server, if it runs Linux.
    pub recipe: Vec<String>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// It answers ARP for the VIP, and so takes clients away from this box.
    AnswersArp,
    /// It does not take packets for the VIP.
    LacksVip,
    /// It was not asked; why is said.
    NotAsked,
}
