//! What fuzzing and review found and `tests/golden` cannot say: there one frame comes in at a time and shows what it becomes,
//! here it takes a full batch in one turn. Every other fault is a golden case.

mod support;

use engine::engine::Batch;
use engine::tables::Method;
use engine::{BATCH_MAX, DropReason, Frame, Head, NicId, Wire, WorkerId};
use net::Now;
use net::offload::{Offload, Segmentation};
use std::sync::Arc;
use support::*;

const CLIENT: (&str, u16) = ("10.9.0.7", 40_000);
const VIP: (&str, u16) = ("10.1.0.100", 80);
/// A TCP segment of a client in these tables, Ethernet header to payload.
const L4: usize = 34;

/// Gives what it was given, counts what comes back, and keeps what the engine made.
#[derive(Default)]
struct Pipe {
    waiting: Vec<Frame<Vec<u8>>>,
    emitted: Vec<Vec<u8>>,
}

impl Wire for Pipe {
    type Slot = Vec<u8>;

    fn receive(&mut self, frames: &mut Vec<Frame<Vec<u8>>>) {
        let count = self.waiting.len().min(BATCH_MAX);
        frames.extend(self.waiting.drain(..count));
    }

    fn transmit(&mut self, _: Frame<Vec<u8>>, _: NicId) {}

    fn release(&mut self, _: Frame<Vec<u8>>) {}

    fn hand_over(&mut self, _: Frame<Vec<u8>>, _: WorkerId) {}

    fn emit(&mut self, _: NicId, _: Offload, bytes: &[u8]) {
        self.emitted.push(bytes.to_vec());
    }

    fn flush(&mut self) {}
}

#[test]
fn a_batch_of_super_frames_finds_room_in_the_tunnel() {
    let world = Arc::new(tables(&[Method::TunnelIpip]));
    let mut engine = engine((*world).clone());
    let mut pipe = Pipe::default();
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b""));
    let segment = tcp(FRONT, CLIENT, VIP, "A", (2, 2), &vec![7; 60_000]);
    let offload = Offload {
        partial_checksum: true,
        checksum_start: L4 as u16,
        checksum_offset: 16,
        segmentation: Segmentation::TcpV4,
        segment_size: 1_400,
        ..Offload::NONE
    };
    for _ in 0..BATCH_MAX {
        let (slot, head): (Vec<u8>, Head) = send_buffer(FRONT, &segment, offload, 0);
        pipe.waiting.push(Frame { slot, head });
    }
    engine.turn(Now::from_secs(100), &mut pipe, &mut Batch::default(), &world);
    assert_eq!(engine.counters().drops[DropReason::EmissionsFull as usize].value(), 0);
    assert_eq!(pipe.emitted.len(), BATCH_MAX * 60_000usize.div_ceil(1_400));
}
