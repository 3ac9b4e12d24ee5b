//! `ctl log`.

use super::{Failure, as_json, history, write};
use api::{Client, LOG_LINES_DEFAULT, LOG_LINES_MAX, Log, LogQuery};
use clap::Args;
use std::time::Duration;
use tokio::time::sleep;

/// How often `--follow` asks for more.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// What is to be shown.
#[derive(Args, Debug)]
pub(super) struct Request {
    /// At most this many lines, the newest.
    #[arg(long, value_name = "N", default_value_t = LOG_LINES_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LOG_LINES_MAX)))]
    limit: u32,
    /// Go on with whatever is logged from now on, until interrupted.
    #[arg(long)]
    follow: bool,
}

pub(super) async fn run(client: &Client, json: bool, request: Request) -> Result<(), Failure> {
    let mut query = LogQuery { after: None, limit: Some(request.limit) };
    loop {
        let log = client.log(&query).await?;
        if let Some(last) = log.lines.last() {
            query = LogQuery { after: Some(last.id), limit: Some(LOG_LINES_MAX) };
        }
        let told = if json { as_json(&log) } else { text(&log) };
        if !log.lines.is_empty() || !request.follow {
            write(&told).map_err(Failure::Output)?;
        }
        if !request.follow {
            return Ok(());
        }
        sleep(FOLLOW_INTERVAL).await;
    }
}

pub(super) fn text(log: &Log) -> String {
    log.lines
        .iter()
        .map(|line| format!("{} {:<5} {}\n", history::time(line.unix_s), line.level, line.text.replace('\n', " ")))
        .collect()
}
