//! The in-memory wire, with a record of what else the engine asked of it.

use drivers::MemoryWire;
use engine::{Frame, NicId, Tuple, Wire, WorkerId};
use net::offload::Offload;

/// A buffer of the wire.
pub type Buffer = <MemoryWire as Wire>::Slot;

/// Records that fit without an allocation, which would be taken for the engine's.
const RECORDS: usize = 8_192;

/// The wire.
pub struct Tape {
    pub wire: MemoryWire,
    /// What the kernel was told: claimed or given back.
    pub claims: Vec<(bool, Tuple)>,
    /// Frames for other workers.
    pub handed_over: Vec<WorkerId>,
}

impl Tape {
    /// With `buffers` made in advance: more than one turn fills.
    pub fn new(buffer_bytes: usize, buffers: usize) -> Self {
        let mut wire = MemoryWire::new(buffer_bytes);
        wire.warm_up(buffers);
        Self { wire, claims: Vec::with_capacity(RECORDS), handed_over: Vec::with_capacity(RECORDS) }
    }
}

impl Wire for Tape {
    type Slot = Buffer;

    fn receive(&mut self, frames: &mut Vec<Frame<Buffer>>) {
        self.wire.receive(frames);
    }

    fn transmit(&mut self, frame: Frame<Buffer>, nic: NicId) {
        self.wire.transmit(frame, nic);
    }

    fn release(&mut self, frame: Frame<Buffer>) {
        self.wire.release(frame);
    }

    fn hand_over(&mut self, frame: Frame<Buffer>, worker: WorkerId) {
        self.handed_over.push(worker);
        self.wire.release(frame);
    }

    fn emit(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) {
        self.wire.emit(nic, offload, bytes);
    }

    fn flush(&mut self) {
        self.wire.flush();
    }

    fn claim(&mut self, replies: &Tuple) {
        self.claims.push((true, *replies));
    }

    fn unclaim(&mut self, replies: &Tuple) {
        self.claims.push((false, *replies));
    }
}
