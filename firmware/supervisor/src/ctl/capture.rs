//! `ctl capture`: packets of a NIC into a pcap file.

use super::words::bytes;
use super::{Failure, say};
use api::{Capture, CaptureRequest, Client};
use clap::Args;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What to capture, and where to.
#[derive(Args, Debug)]
pub(super) struct Request {
    /// The NIC.
    nic: String,
    /// The file; - is standard output.
    #[arg(value_name = "FILE.pcap")]
    file: PathBuf,
    /// Which packets, as in "host 10.1.0.7 and tcp port 80".
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// End after this many packets.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=api::CAPTURE_PACKETS_MAX))]
    count: Option<u64>,
    /// End after this many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=api::CAPTURE_SECONDS_MAX))]
    seconds: Option<u64>,
}

/// What was captured.
#[derive(Serialize)]
struct Captured {
    file: PathBuf,
    bytes: u64,
}

/// Captures until the node ends it, or the caller presses Ctrl-C.
pub(super) async fn run(client: &Client, json: bool, request: Request) -> Result<(), Failure> {
    let Request { nic, file, filter, count, seconds } = request;
    let capture = client.capture(&CaptureRequest { nic, filter, count, seconds }).await?;
    // The file is touched only now: a refused capture leaves an older one as it was.
    if file == Path::new("-") {
        return copy(capture, io::stdout().lock(), Failure::Output).await.map(drop);
    }
    let failed = |source| Failure::File { act: "write", path: file.clone(), source };
    let written = copy(capture, File::create(&file).map_err(failed)?, failed).await?;
    let captured = Captured { file, bytes: written };
    say(json, &captured, |captured| format!("{} written to {}\n", bytes(captured.bytes), captured.file.display()))
}

async fn copy(mut capture: Capture, mut to: impl Write, failed: impl Fn(io::Error) -> Failure) -> Result<u64, Failure> {
    let mut written = 0;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let chunk = tokio::select! {
            chunk = capture.next() => chunk?,
            // Also when signals cannot be watched: better a short capture than one that cannot be ended.
            _ = &mut interrupted => None,
        };
        let Some(chunk) = chunk else { break };
        to.write_all(&chunk).map_err(&failed)?;
        written += chunk.len() as u64;
    }
    to.flush().map_err(&failed)?;
    Ok(written)
}
