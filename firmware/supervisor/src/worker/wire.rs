//! The wire as a worker's engine has it: claims flows at the kernel where that is possible, and copies frames for a
//! capture while there is one.

use drivers::claim::FlowClaims;
use drivers::{PacketWire, Slot};
use engine::{Frame, NicId, Tuple, Wire, WorkerId};
use net::Now;
use net::offload::Offload;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::mpsc::Sender;

/// A frame that passed.
#[derive(Clone, Debug)]
pub struct Captured {
    /// When its turn began.
    pub at: Now,
    /// From the Ethernet header on, as many bytes as are kept.
    pub bytes: Vec<u8>,
    /// How long it was.
    pub length: u32,
}

/// Where copies of frames go.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Of this NIC only.
    pub nic: NicId,
    /// Bytes kept of each frame.
    pub bytes_max: usize,
    /// Who takes them. What it has no room for is lost, and counted.
    pub queue: Sender<Captured>,
    /// Frames lost.
    pub lost: Arc<AtomicU64>,
}

/// A [`PacketWire`] with taps.
pub struct TappedWire {
    inner: PacketWire,
    flow_claims: Option<FlowClaims>,
    claims_refused: u64,
    capture: Option<Capture>,
    now: Now,
}

impl TappedWire {
    /// Around `inner`.
    pub const fn new(inner: PacketWire, flow_claims: Option<FlowClaims>) -> Self {
        Self { inner, flow_claims, claims_refused: 0, capture: None, now: Now(0) }
    }

    /// A turn begins.
    pub const fn begin(&mut self, now: Now) {
        self.now = now;
    }

    /// What is around.
    pub const fn inner(&mut self) -> &mut PacketWire {
        &mut self.inner
    }

    /// Copies frames from now on, or no more.
    pub fn capture(&mut self, capture: Option<Capture>) {
        self.capture = capture;
    }

    fn copy(&self, nic: NicId, frame: &[u8]) {
        let Some(capture) = self.capture.as_ref().filter(|capture| capture.nic == nic) else { return };
        let bytes = frame[..frame.len().min(capture.bytes_max)].to_vec();
        let captured = Captured { at: self.now, bytes, length: frame.len() as u32 };
        if capture.queue.try_send(captured).is_err() {
            capture.lost.fetch_add(1, Relaxed);
        }
    }

    fn count_refusal(&mut self, result: Result<(), drivers::claim::ClaimError>) {
        if let Err(error) = result {
            // Once, and then every time that the number doubles: a full map refuses every new flow.
            self.claims_refused += 1;
            if self.claims_refused.is_power_of_two() {
                tracing::warn!(%error, refused = self.claims_refused, "replies of single flows not claimed");
            }
        }
    }
}

impl Wire for TappedWire {
    type Slot = Slot;

    #[inline]
    fn receive(&mut self, frames: &mut Vec<Frame<Slot>>) {
        let before = frames.len();
        self.inner.receive(frames);
        if self.capture.is_some() {
            for frame in &mut frames[before..] {
                let nic = frame.head.nic;
                self.copy(nic, frame.packet().bytes());
            }
        }
    }

    #[inline]
    fn transmit(&mut self, mut frame: Frame<Slot>, nic: NicId) {
        if self.capture.is_some() {
            self.copy(nic, frame.packet().bytes());
        }
        self.inner.transmit(frame, nic);
    }

    #[inline]
    fn release(&mut self, frame: Frame<Slot>) {
        self.inner.release(frame);
    }

    fn hand_over(&mut self, frame: Frame<Slot>, worker: WorkerId) {
        self.inner.hand_over(frame, worker);
    }

    fn emit(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) {
        if self.capture.is_some() {
            self.copy(nic, bytes);
        }
        self.inner.emit(nic, offload, bytes);
    }

    #[inline]
    fn flush(&mut self) {
        self.inner.flush();
    }

    fn claim(&mut self, replies: &Tuple) {
        if let Some(claims) = &mut self.flow_claims {
            let result = claims.claim_flow(replies);
            self.count_refusal(result);
        }
    }

    fn unclaim(&mut self, replies: &Tuple) {
        if let Some(claims) = &mut self.flow_claims {
            let result = claims.unclaim_flow(replies);
            self.count_refusal(result);
        }
    }
}
