//! The log of the program: its newest lines.

use crate::language::Text;
use crate::pager::ROWS_MAX;
use crate::show;
use crate::visitor::{Answer, Frame, SignedIn, page};
use api::LogQuery;
use askama::Template;

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    frame: Frame,
    t: Text,
    log: api::Log,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    let query = LogQuery { after: None, limit: Some(ROWS_MAX) };
    let mut log = signed.client.log(&query).await.map_err(|error| signed.stop(error))?;
    log.lines.reverse();
    Ok(page(&LogPage { frame: signed.frame("log", None), t: signed.t, log }, None))
}
