//! What was done by whom.

use crate::language::Text;
use crate::pager::{Pager, ROWS_MAX};
use crate::show;
use crate::visitor::{Answer, Frame, SignedIn, page};
use api::{AuditQuery, AuditRecord};
use askama::Template;
use axum::extract::Query;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    before: Option<u64>,
    #[serde(default)]
    user: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    t: Text,
    user: String,
    records: Vec<AuditRecord>,
    pager: Pager,
}

impl Audit {
    fn time(&self, record: &AuditRecord) -> String {
        show::time(&u64::try_from(record.at_ms / 1000).unwrap_or(0))
    }
}

pub(crate) async fn get(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    let user = wanted.user.trim().to_owned();
    let query = AuditQuery {
        before: wanted.before,
        limit: Some(ROWS_MAX),
        user: Some(user.clone()).filter(|user| !user.is_empty()),
    };
    let found = signed.client.audit(&query).await.map_err(|error| signed.stop(error))?;
    let oldest = found.records.last().filter(|_| found.more).map(|record| record.number);
    let pager = Pager::back("/audit", &[("user", &user)], wanted.before, oldest);
    let frame = signed.frame("audit", None);
    Ok(page(&Audit { frame, t: signed.t, user, records: found.records, pager }, None))
}
