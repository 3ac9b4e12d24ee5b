//! `ctl support-bundle`: what whoever helps needs to see, in one file.

use super::words::bytes;
use super::{Failure, say, write_new};
use api::Client;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// `ctl support-bundle`.
#[derive(Args, Debug)]
pub(super) struct Request {
    /// The file to write; it must not be there yet.
    #[arg(default_value = "suimon-support.tar.gz")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Written {
    file: PathBuf,
    bytes: u64,
}

pub(super) async fn run(client: &Client, json: bool, Request { file }: Request) -> Result<(), Failure> {
    let content = client.support_bundle().await?;
    write_new(&file, &content)?;
    let written = Written { bytes: content.len() as u64, file };
    say(json, &written, |written| {
        let (file, size) = (written.file.display(), bytes(written.bytes));
        format!("{size} written to {file}; MANIFEST in it lists what it tells, and what was left out\n")
    })
}
