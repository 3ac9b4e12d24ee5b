//! Why this server: what would become of a packet.

use crate::language::Text;
use crate::visitor::{Answer, Frame, Problem, SignedIn, page};
use api::{Explanation, Outcome, Question};
use askama::Template;
use axum::extract::Query;
use config::{Named, Protocol};
use serde::Deserialize;

#[derive(Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    client: String,
    #[serde(default)]
    vip: String,
    #[serde(default)]
    protocol: String,
}

#[derive(Template)]
#[template(path = "explain.html")]
struct Explain {
    frame: Frame,
    t: Text,
    wanted: Wanted,
    client_wrong: bool,
    vip_wrong: bool,
    answer: Option<Explanation>,
}

impl Explain {
    /// What would become of it, in words.
    fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Backend { service, backend, target, method } => {
                let to = format!("{service}/{backend} ({target}, {method})");
                self.t.fill("explain.goes_to", &to)
            }
            Outcome::Drop { reason } => self.t.fill("explain.dropped", api::meaning_of_drop(reason).unwrap_or(reason)),
            Outcome::Kernel => self.t.say("explain.kernel").to_owned(),
        }
    }
}

pub(crate) async fn get(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    let asked = !(wanted.client.is_empty() && wanted.vip.is_empty());
    let (client, vip) = (wanted.client.trim().parse(), wanted.vip.trim().parse());
    let (client_wrong, vip_wrong) = (asked && client.is_err(), asked && vip.is_err());
    let (mut answer, mut problem) = (None, None);
    if let (Ok(client), Ok(vip)) = (client, vip) {
        let protocol = Protocol::from_name(&wanted.protocol).unwrap_or_default();
        match signed.client.explain(&Question { client, vip, protocol }).await {
            Ok(explanation) => answer = Some(explanation),
            Err(error) => problem = Some(signed.told(error)?),
        }
    }
    let code = problem.as_ref().map(|problem: &Problem| problem.status);
    let frame = signed.frame("flows", problem);
    Ok(page(&Explain { frame, t: signed.t, wanted, client_wrong, vip_wrong, answer }, code))
}
