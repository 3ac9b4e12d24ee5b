//! Packets as a pcap file that grows while the capture runs. The engine's wires copy them: what bypasses the queueing
//! discipline is seen by nobody else on the box.

mod filter;

use super::access::Call;
use super::pieces::Pieces;
use super::routes::Body as JsonBody;
use super::{Core, Refused};
use crate::worker::Order;
use crate::worker::wire::{Capture, Captured};
use api::{CAPTURE_PACKETS_MAX, CAPTURE_SECONDS_MAX, CaptureRequest};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use drivers::clock;
use engine::NicId;
use filter::Filter;
use net::Now;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Release},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until};

/// Frames that wait to be written at most; more are lost, and said.
const FRAMES_MAX: usize = 4_096;
/// Pieces of the file that wait for the caller at most.
const PIECES_MAX: usize = 64;
/// Bytes kept of each frame: all of any frame, super-frames included.
const FRAME_BYTES_MAX: usize = 262_144;

// pcap (draft-ietf-opsawg-pcap 4): nanoseconds, version 2.4, Ethernet.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const LINK_ETHERNET: u32 = 1;

pub(super) async fn start(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    JsonBody(request): JsonBody<CaptureRequest>,
) -> Result<Response, Refused> {
    call.note(&format!("{} {}", request.nic, request.filter.as_deref().unwrap_or_default()));
    let bad = |message: String| Refused::new(StatusCode::BAD_REQUEST, message);
    let filter = Filter::parse(request.filter.as_deref().unwrap_or_default()).map_err(bad)?;
    let count = request.count.unwrap_or(CAPTURE_PACKETS_MAX).min(CAPTURE_PACKETS_MAX);
    let seconds = request.seconds.unwrap_or(CAPTURE_SECONDS_MAX).min(CAPTURE_SECONDS_MAX);
    let name = request.nic.clone();
    let nic: Option<NicId> = core.ask(move |control| control.nic_id(&name)).await?;
    let nic = nic.ok_or_else(|| {
        Refused::new(StatusCode::NOT_FOUND, format!("{} is no data NIC of the configuration", request.nic))
    })?;
    let Some(running) = Running::begin(core) else {
        return Err(Refused::new(StatusCode::CONFLICT, "another capture is running"));
    };
    let (queue, frames) = channel(FRAMES_MAX);
    let (pieces, body) = channel(PIECES_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    running.tap(&Capture { nic, bytes_max: FRAME_BYTES_MAX, queue, lost });
    let until = Instant::now() + Duration::from_secs(seconds);
    tokio::spawn(async move {
        write(frames, pieces, &filter, count, until).await;
        drop(running);
    });
    let kind = [(header::CONTENT_TYPE, "application/vnd.tcpdump.pcap")];
    Ok((kind, Body::new(Pieces(body))).into_response())
}

/// The one capture; its end takes the taps away.
struct Running(Core);

impl Running {
    fn begin(core: Core) -> Option<Self> {
        (!core.capturing.swap(true, AcqRel)).then_some(Self(core))
    }

    fn tap(&self, capture: &Capture) {
        for worker in self.0.workers.iter() {
            worker.order(Order::Capture(Some(capture.clone())));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for worker in self.0.workers.iter() {
            // A worker that does not take it copies into a queue that nobody reads, at the cost of a failed send each.
            worker.order(Order::Capture(None));
        }
        self.0.capturing.store(false, Release);
    }
}

async fn write(mut frames: Receiver<Captured>, pieces: Sender<Bytes>, filter: &Filter, count: u64, until: Instant) {
    let epoch = epoch();
    if pieces.send(file_header()).await.is_err() {
        return;
    }
    let mut written = 0;
    while written < count {
        let frame = tokio::select! {
            frame = frames.recv() => frame,
            () = pieces.closed() => None,
            () = sleep_until(until) => None,
        };
        let Some(frame) = frame else { return };
        if filter.takes(&frame.bytes) {
            written += 1;
            if pieces.send(record(&frame, epoch)).await.is_err() {
                return;
            }
        }
    }
}

// What the wall clock showed when the monotonic clock began.
fn epoch() -> Duration {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    wall.saturating_sub(clock::now().since(Now(0)))
}

fn file_header() -> Bytes {
    let mut header = Vec::with_capacity(24);
    header.extend(MAGIC_NANOSECONDS.to_le_bytes());
    header.extend(2u16.to_le_bytes());
    header.extend(4u16.to_le_bytes());
    header.extend([0; 8]);
    header.extend((FRAME_BYTES_MAX as u32).to_le_bytes());
    header.extend(LINK_ETHERNET.to_le_bytes());
    header.into()
}

fn record(frame: &Captured, epoch: Duration) -> Bytes {
    let at = epoch + frame.at.since(Now(0));
    let mut record = Vec::with_capacity(16 + frame.bytes.len());
    record.extend((at.as_secs() as u32).to_le_bytes());
    record.extend(at.subsec_nanos().to_le_bytes());
    record.extend((frame.bytes.len() as u32).to_le_bytes());
    record.extend(frame.length.to_le_bytes());
    record.extend(&frame.bytes);
    record.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_as_tcpdump_expects() {
        assert_eq!(
            file_header()[..],
            [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]
        );
        let frame = Captured { at: Now::from_secs(2), bytes: vec![0xaa; 3], length: 60 };
        let written = record(&frame, Duration::new(1_000, 500));
        assert_eq!(written[..], [0xea, 3, 0, 0, 0xf4, 1, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, 0xaa, 0xaa, 0xaa]);
    }
}
