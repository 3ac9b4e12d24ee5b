//! How long the engine itself takes per packet, in memory: `cargo run --release -p engine --example handle_rate [FLOWS]`.
//! Prints ns per packet for known flows, met in random order, and for new ones.

#[path = "../tests/support/mod.rs"]
mod support;

use engine::engine::Batch;
use engine::tables::Method;
use engine::{BATCH_MAX, Frame, HEADROOM, Head, NicId, Wire, WorkerId};
use net::Now;
use net::offload::Offload;
use std::sync::Arc;
use std::time::Instant;
use support::{FRONT, engine, tables, udp};

/// Gives the same frame with ever other client addresses and ports, and forgets what is sent.
struct Generator {
    template: Vec<u8>,
    pool: Vec<Vec<u8>>,
    order: Vec<u32>,
    at: usize,
    left: usize,
}

impl Wire for Generator {
    type Slot = Vec<u8>;

    fn receive(&mut self, frames: &mut Vec<Frame<Vec<u8>>>) {
        for _ in 0..BATCH_MAX.min(self.left) {
            let mut slot = self.pool.pop().expect("as many buffers as a batch has frames");
            let end = HEADROOM + self.template.len();
            slot[HEADROOM..end].copy_from_slice(&self.template);
            let client = self.order[self.at % self.order.len()];
            slot[HEADROOM + 28..HEADROOM + 30].copy_from_slice(&((client >> 16) as u16).to_be_bytes());
            net::ip::write_v4_checksum(&mut slot, HEADROOM + 14, 20);
            slot[HEADROOM + 34..HEADROOM + 36].copy_from_slice(&(client as u16).to_be_bytes());
            self.at += 1;
            self.left -= 1;
            let head = Head { nic: FRONT, start: HEADROOM as u32, end: end as u32, offload: Offload::NONE };
            frames.push(Frame { slot, head });
        }
    }

    fn transmit(&mut self, frame: Frame<Vec<u8>>, _: NicId) {
        self.pool.push(frame.slot);
    }

    fn release(&mut self, frame: Frame<Vec<u8>>) {
        self.pool.push(frame.slot);
    }

    fn hand_over(&mut self, frame: Frame<Vec<u8>>, _: WorkerId) {
        self.pool.push(frame.slot);
    }

    fn emit(&mut self, _: NicId, _: Offload, _: &[u8]) {}

    fn flush(&mut self) {}
}

fn main() {
    let flows: u32 = std::env::args().nth(1).map_or(1_000_000, |flows| flows.parse().expect("a number of flows"));
    let mut world = tables(&[Method::Nat]);
    world.limits.flows_max = flows;
    let world = Arc::new(world);
    let mut engine = engine((*world).clone());
    let mut order: Vec<u32> = (0..flows).map(|n| 0x000a_0000 + n).collect();
    let mut generator = Generator {
        template: udp(FRONT, ("10.9.0.1", 1), ("10.1.0.100", 80), &[0; 22]),
        pool: (0..BATCH_MAX).map(|_| vec![0; 2_048]).collect(),
        order: order.clone(),
        at: 0,
        left: flows as usize,
    };
    let mut batch = Batch::default();
    let mut run = |generator: &mut Generator, what: &str| {
        let (begin, packets) = (Instant::now(), generator.left);
        while generator.left > 0 {
            engine.turn(Now::from_secs(5), generator, &mut batch, &world);
        }
        println!("{what}: {:.0} ns a packet", begin.elapsed().as_nanos() as f64 / packets as f64);
    };
    run(&mut generator, "new flows");
    let mut random = 88_172_645_463_325_252u64;
    for at in (1..order.len()).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        order.swap(at, (random % (at as u64 + 1)) as usize);
    }
    generator.order = order;
    generator.at = 0;
    generator.left = 5_000_000;
    run(&mut generator, "known flows");
    println!("{} flows", engine.counters().totals.flows.value());
}
